//! Whatever a row holds, every payload stays within its service's limits and calls nobody.

use super::build::*;
use super::vendors;
use crate::change::{Bounded, Decimal, Op, Row, RowChange, Type, Value};
use crate::message::limits::*;
use crate::message::{ColumnView, Format, Locale, Message, TableView, Words, compose, slack, teams, webhook};
use bigdecimal::BigDecimal;
use proptest::prelude::*;
use serde_json::Value as Json;
use std::sync::{Arc, LazyLock};

/// The texts of tests/fixtures/hostile.json, each with its reason there.
pub(crate) static CORPUS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let corpus: Vec<Json> = serde_json::from_str(include_str!("../../../tests/fixtures/hostile.json")).unwrap();
    corpus.iter().map(|entry| entry["text"].as_str().unwrap().to_owned()).collect()
});

/// A text of nasty pieces; some of them huge.
pub(crate) fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(CORPUS.as_slice()),
        2 => any::<String>(),
        2 => "[a-z]{1,12} ",
    ];
    (proptest::collection::vec(piece, 0..12), prop_oneof![6 => Just(1usize), 2 => Just(40), 1 => Just(300)])
        .prop_map(|(pieces, times)| pieces.concat().repeat(times))
}

fn hostile_value() -> impl Strategy<Value = (Type, Value)> {
    prop_oneof![
        6 => hostile_text().prop_map(|value| text(&value)),
        2 => any::<i128>().prop_map(int),
        1 => any::<f64>().prop_map(|value| (Type::Float, Value::Float(value))),
        1 => (any::<i128>(), any::<i64>()).prop_map(|(digits, scale)| {
            (Type::Decimal, Value::Decimal(Decimal::Finite(BigDecimal::new(digits.into(), scale))))
        }),
        1 => Just((Type::Text, Value::Null)),
        1 => Just((Type::Text, Value::Unavailable)),
        1 => any::<i128>().prop_map(|ns| (Type::Instant, Value::Instant(Bounded::Finite(ns)))),
        1 => any::<i128>().prop_map(|ns| (Type::Timestamp, Value::Timestamp(Bounded::Finite(ns)))),
        1 => any::<i128>().prop_map(|days| (Type::Date, Value::Date(Bounded::Finite(days)))),
        1 => any::<i128>().prop_map(|ns| (Type::Time, Value::Time(ns))),
        1 => proptest::collection::vec(any::<u8>(), 0..50).prop_map(|value| bytes(&value)),
        2 => proptest::collection::vec(hostile_text(), 0..20).prop_map(|values| {
            (Type::Array, Value::Array(values.into_iter().map(|value| Value::Text(value.into())).collect()))
        }),
        2 => proptest::collection::vec((hostile_text(), hostile_text()), 0..12).prop_map(|entries| {
            let object = entries.into_iter().map(|(key, value)| (key, Json::String(value))).collect();
            (Type::Json, Value::Json(Arc::new(Json::Object(object))))
        }),
    ]
}

/// A language that messages are written in.
pub(super) fn language() -> impl Strategy<Value = Arc<Locale>> {
    proptest::sample::select(vec!["en", "de", "fr", "es", "ja", "it"]).prop_map(|tag| Arc::new(tag.parse().unwrap()))
}

pub(super) fn hostile_change() -> impl Strategy<Value = (RowChange, TableView, Words)> {
    let columns = proptest::collection::vec((hostile_text(), hostile_value(), hostile_value()), 0..30);
    let op = proptest::sample::select(vec![Op::Create, Op::Update, Op::Delete, Op::Read, Op::Truncate]);
    let format = proptest::option::of(proptest::sample::select(Format::ALL.to_vec()));
    let words = proptest::collection::vec(proptest::option::of(hostile_text()), 6);
    (columns, op, format, words, any::<bool>(), any::<bool>(), any::<i64>()).prop_map(
        |(columns, op, format, words, before_unknown, rekey, time_us)| {
            let name = |index: usize, name: &str| {
                if index == 0 { "title".to_owned() } else { format!("{name}{index}") }
            };
            let names: Vec<String> = columns.iter().enumerate().map(|(index, (text, ..))| name(index, text)).collect();
            let image = |new: bool| -> Row {
                let cells = names.iter().zip(&columns);
                row(cells
                    .map(|(name, (_, old, now))| (name.as_str(), if new { now.clone() } else { old.clone() }))
                    .collect())
            };
            let key: Vec<_> =
                names.iter().take(2).zip(&columns).map(|(name, (_, old, _))| (name.as_str(), old.clone())).collect();
            let before = (op != Op::Create && op != Op::Read && !before_unknown).then(|| image(false));
            let after = (op != Op::Delete && op != Op::Truncate).then(|| image(true));
            let mut change = change(op, key.clone(), before, after);
            change.rekeyed_from = (rekey && op == Op::Update).then(|| row(key));
            change.table = words[5].clone().unwrap_or_else(|| "public.listings".into()).into();
            change.time_us = Some(time_us);
            let column = ColumnView {
                label: words[0].clone(),
                format,
                unit: words[1].clone(),
                map: [("7".to_owned(), words[2].clone().unwrap_or_default())].into(),
                truncate: words[3].as_ref().map(|text| 10 + text.len() % 50),
                emoji: words[3].clone(),
                ..ColumnView::default()
            };
            let view = TableView {
                noun: words[1].clone(),
                columns: names.iter().step_by(2).map(|name| (name.clone(), column.clone())).collect(),
                ignore: vec![],
            };
            let code = words[3].clone().unwrap_or_else(|| "EUR".into());
            let words = Words {
                headline: words[2].clone(),
                title: words[3].clone(),
                link: words[4].clone().map(|path| format!("https://shop.example/{path}")),
                notes: words[4].iter().cloned().collect(),
                note: words[0].clone(),
                fields: if rekey {
                    names.iter().skip(3).map(|name| Arc::from(name.as_str())).collect()
                } else {
                    vec![]
                },
                buttons: words
                    .iter()
                    .flatten()
                    .map(|text| (text.clone(), format!("https://shop.example/{text}")))
                    .collect(),
                currencies: names.iter().map(|name| (name.clone(), code.clone())).collect(),
                watched: names.iter().take(25).map(|name| Arc::from(name.as_str())).collect(),
                rules: vec!["rule".into()],
                readers_zone: rekey,
                folded: rekey.then_some((u64::MAX, Some(time_us))),
                headline_of_one: rekey,
                ..Words::default()
            };
            (change, view, words)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_row_breaks_a_limit_or_calls_anybody((change, view, words) in hostile_change(), locale in language()) {
        let message = compose(&change, &view, &Words { locale, ..words });
        check(&message, &change);
    }
}

#[test]
fn a_thousand_huge_columns_fit() {
    let huge = [r#"\""#, "漢", "👩‍👩‍👧‍👦", "{{", "a b ", "<!channel>"].map(|piece| piece.repeat(1_000));
    let names: Vec<String> = (0..1_000).map(|n| format!("{}_{n}", "col".repeat(n % 40))).collect();
    let cells = |shift: usize| -> Vec<(&str, (Type, Value))> {
        names
            .iter()
            .enumerate()
            .map(|(n, name)| (name.as_str(), text(&format!("{n}{}", huge[(n + shift) % 6]))))
            .collect()
    };
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    for change in [
        update(vec![], cells(0), cells(1)),
        change(Op::Create, vec![], None, Some(row(cells(0)))),
        change(Op::Delete, cells(0), Some(row(cells(0))), None),
        change(Op::Update, cells(0), None, Some(row(cells(0)))),
    ] {
        let message = compose(&change, &TableView::default(), &rule("all", &all));
        assert!(message.lines.len() <= LINES_WATCHED);
        check(&message, &change);
    }
}

#[test]
fn what_was_cut_says_so() {
    let long = "漢字 ".repeat(5_000);
    let change = update(vec![], vec![("a", text("x"))], vec![("a", text(&long))]);
    let message = compose(&change, &TableView::default(), &rule("r", &[]));
    assert!(slack::payload(&message).to_string().contains("… (shortened)"));
    assert!(teams::payload(&message).to_string().contains("… (shortened)"));
    assert!(message.fallback().contains("… (shortened)"));
}

/// What would be sent, against what the vendors accept.
pub(super) fn check(message: &Message, change: &RowChange) {
    let slack = slack::payload(message);
    let teams = teams::payload(message);
    super::schema::valid(&webhook::payload(message, change));
    vendors::slack::check(&slack, message.mention.as_ref());
    vendors::teams::check(&teams);
    for (payload, joiner) in [(&slack, true), (&teams, true)] {
        strings(payload, &mut |text| visible(text, joiner));
    }
    visible(&message.fallback(), false);
    check_simplified(message);
}

fn check_simplified(message: &Message) {
    let (slack, teams) = (slack::simplified(message), teams::simplified(message));
    vendors::slack::check(&slack, message.mention.as_ref());
    vendors::teams::check(&teams);
    assert!(slack["blocks"].is_null());
    // Its lines are ours; none is a row's.
    slack["text"].as_str().unwrap().lines().for_each(|line| visible(line, true));
    strings(&teams, &mut |text| visible(text, true));
}

/// Nothing that hides or reorders; `joiner` allows the word joiner that we put in ourselves. Isolates are ours: they hold
/// letters that are written from right to left, and every one of them ends.
pub(super) fn visible(text: &str, joiner: bool) {
    let mut open = 0;
    for c in text.chars() {
        open += i32::from(c == '\u{2068}') - i32::from(c == '\u{2069}' && open > 0);
        let hides = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}' | '\u{2067}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
            | '\u{FEFF}' | '\u{AD}' | '\u{E0000}'..='\u{E0FFF}');
        // A line break by itself is the layout's.
        assert!(!hides && (!c.is_control() || text == "\n"), "{c:?} in {text:?}");
        assert!(joiner || c != '\u{2060}', "{text:?}");
    }
    assert_eq!(open, 0, "{text:?}");
}

/// A payload of a template's own: nothing in it calls, links or hides, but for `own`, the template's.
pub(crate) fn check_slack_text(payload: &Json, own: &str) {
    strings(payload, &mut |text| {
        visible(text, true);
        if text.starts_with("https://shop.example/") {
            return;
        }
        let text = text.replacen(own, "", 1);
        for live in ["<!", "<@", "<#", "<http", "@here", "@channel", "@everyone", "://"] {
            assert!(!text.contains(live) || is_literal(payload, &text), "{live} in {text:?}");
        }
    });
}

/// Whether a text stands where Slack parses nothing.
fn is_literal(json: &Json, text: &str) -> bool {
    match json {
        Json::Array(elements) => elements.iter().any(|element| is_literal(element, text)),
        Json::Object(entries) => {
            let kind = entries.get("type").and_then(Json::as_str).unwrap_or_default();
            let here = ["plain_text", "text"].contains(&kind) && entries.get("text").is_some_and(|value| value == text);
            here || entries.values().any(|value| is_literal(value, text))
        }
        _ => false,
    }
}

/// The same for a card.
pub(crate) fn check_teams_text(payload: &Json) {
    strings(payload, &mut |text| {
        visible(text, true);
        assert!(!text.contains("{{") && !text.contains("}}"), "{text:?}");
    });
    let body = &payload["attachments"][0]["content"]["body"];
    for markdown in [&body[0]["text"], &body[1]["facts"][0]["title"], &body[1]["facts"][0]["value"]] {
        let text = markdown.as_str().unwrap().replacen("](https://shop.example/)", "", 1);
        assert!(!text.contains("](") && !text.contains("://") && !text.contains(['*', '~', '`']), "{text:?}");
    }
}

pub(super) fn strings(json: &Json, see: &mut impl FnMut(&str)) {
    match json {
        Json::String(text) => see(text),
        Json::Array(elements) => elements.iter().for_each(|element| strings(element, see)),
        Json::Object(entries) => entries.values().for_each(|value| strings(value, see)),
        _ => {}
    }
}
