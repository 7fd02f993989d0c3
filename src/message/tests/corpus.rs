//! Each hostile text, at each place that a row, the database or a template may put it.

use super::build::*;
use super::hostile::{CORPUS, check};
use crate::change::{Op, RowChange, Type, Value};
use crate::message::digest::{Digest, DigestWords, Entry, Form, digest};
use crate::message::{ColumnView, Locale, Priority, TableView, Words, compose};
use std::sync::Arc;

type Case = (RowChange, TableView, Words);

fn plain() -> Case {
    let new = chair(vec![("price", decimal("1.00")), ("status", word("paused"))]);
    let words = Words { link: Some("https://shop.example/1".into()), ..rule("r", &["price"]) };
    (update(vec![("id", int(1))], chair(vec![]), new), listings(), words)
}

fn value(old: (Type, Value), new: (Type, Value)) -> Case {
    let change = update(vec![("id", int(1))], chair(vec![("x", old)]), chair(vec![("x", new)]));
    (change, listings(), rule("r", &["x"]))
}

fn viewed(settings: ColumnView) -> Case {
    let (change, mut view, words) = plain();
    view.columns.insert("price".into(), settings);
    (change, view, words)
}

fn renamed(case: Case, name: &str) -> Case {
    let (mut change, view, words) = case;
    for row in [&mut change.before, &mut change.after].into_iter().flatten() {
        row.columns[5].name = name.into();
    }
    change.changes[0].name = name.into();
    (change, view, words)
}

/// The text at every place by itself.
fn cases(text: &str) -> Vec<(&'static str, Case)> {
    let shown = |text: &str| super::build::text(text);
    let with = |edit: &dyn Fn(&mut Case)| {
        let mut case = plain();
        edit(&mut case);
        case
    };
    let json_of = |key: &str, value: &str| {
        let document = serde_json::json!({key: value, "list": [value], "deep": {key: {key: value}}});
        (Type::Json, Value::Json(Arc::new(document)))
    };
    let object = |edit: &dyn Fn(&mut ColumnView)| {
        let mut settings = ColumnView::default();
        edit(&mut settings);
        viewed(settings)
    };
    let own: String = text.into();
    let long = format!("{} {own} {}", "word ".repeat(30), "more ".repeat(30));
    vec![
        ("old value", value(shown(text), shown("x"))),
        ("new value", value(shown("x"), shown(text))),
        ("within a long text", value(shown(&"word ".repeat(60)), shown(&long))),
        ("enum", value(word(text), word("x"))),
        ("element of a list", value(list(&["a"]), list(&[text, "b"]))),
        ("JSON value", value(json("{}"), json_of("a", text))),
        ("JSON key", value(json("{}"), json_of(text, "a"))),
        ("JSON of a new row", {
            let change = change(Op::Create, vec![("id", int(1))], None, Some(row(vec![("j", json_of(text, text))])));
            (change, TableView::default(), Words::default())
        }),
        ("key", {
            let key = || vec![("id", shown(text))];
            (
                update(key(), chair(key()), chair(vec![("id", shown(text)), ("price", decimal("1"))])),
                listings(),
                rule("r", &[]),
            )
        }),
        ("moved key", {
            let (mut change, view, words) = plain();
            change.rekeyed_from = Some(row(vec![("id", shown(text))]));
            (change, view, words)
        }),
        (
            "title column",
            with(&|case| case.0 = update(vec![("id", int(1))], chair(vec![]), chair(vec![("title", shown(text))]))),
        ),
        ("column name", renamed(plain(), text)),
        ("table name", with(&|case| (case.0.table, case.1.noun) = (text.into(), None))),
        (
            "emptied table",
            with(&|case| {
                (case.0, case.1.noun) =
                    (RowChange { table: text.into(), ..change(Op::Truncate, vec![], None, None) }, None)
            }),
        ),
        ("server", with(&|case| case.0.server = text.into())),
        ("connector", with(&|case| case.0.connector = text.into())),
        ("noun", with(&|case| case.1.noun = Some(own.clone()))),
        ("rule", with(&|case| case.2.rules = vec![text.into()])),
        ("headline", with(&|case| case.2.headline = Some(format!("Now {own}")))),
        ("title", with(&|case| case.2.title = Some(own.clone()))),
        ("note", with(&|case| case.2.note = Some(own.clone()))),
        ("button", with(&|case| case.2.buttons = vec![(own.clone(), "https://shop.example/".into())])),
        ("address", with(&|case| case.2.link = Some(format!("https://shop.example/{own}")))),
        (
            "whole address",
            with(&|case| {
                // A row may hold the address itself, where the config says so: then it is a plain one.
                let leads = crate::message::link::checked(&own).is_some();
                case.2.buttons = vec![("Go".into(), if leads { String::new() } else { own.clone() })];
            }),
        ),
        ("currency", with(&|case| drop(case.2.currencies.insert("price".into(), own.clone())))),
        ("label", object(&|settings| settings.label = Some(own.clone()))),
        ("unit", object(&|settings| settings.unit = Some(own.clone()))),
        ("emoji", object(&|settings| settings.emoji = Some(own.clone()))),
        ("words", object(&|settings| settings.map = [("1.00".to_owned(), own.clone())].into())),
    ]
}

#[test]
fn no_text_of_the_corpus_does_anything_at_any_place() {
    for text in CORPUS.iter() {
        for (place, (change, view, words)) in cases(text) {
            for op in [change.op, Op::Delete] {
                let change = RowChange { op, ..change.clone() };
                let message = compose(&change, &view, &words);
                let caught = std::panic::catch_unwind(|| check(&message, &change));
                assert!(caught.is_ok(), "{place}: {text:?}: {message:#?}");
            }
        }
    }
}

#[test]
fn no_text_of_the_corpus_does_anything_in_a_digest() {
    for text in CORPUS.iter() {
        for (place, (change, view, words)) in cases(text) {
            let mut whole: Digest<()> = Digest::default();
            let folded = crate::change::Folded::one(Arc::new(change));
            let rule = words.rules.first().cloned().unwrap_or_default();
            for row in 0..3u8 {
                let row: Arc<[u8]> = Arc::from([row]);
                let priority = Priority::Critical;
                let entry = Entry {
                    folded: &folded,
                    row: Some(&row),
                    rule: &rule,
                    watched: &words.watched,
                    priority,
                    view: &view,
                };
                whole.add(&entry, |_| ());
            }
            let told = DigestWords {
                tone: Default::default(),
                mention: None,
                locale: Locale::english(),
                time_zone: jiff::tz::TimeZone::UTC,
                overview: None,
            };
            let message = digest(&whole, &told, Form::Whole, &mut |kept| compose(&kept.folded.change, &view, &words));
            let caught = std::panic::catch_unwind(|| check(&message, &folded.change));
            assert!(caught.is_ok(), "{place}: {text:?}: {message:#?}");
        }
    }
}
