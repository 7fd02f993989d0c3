//! Digests and folded posts, as a person reads them and as they go over the wire.

use super::build::*;
use super::hostile::{hostile_change, hostile_text, language, strings, visible};
use super::text as read;
use super::vendors;
use crate::change::{Folded, Net, Op, RowChange};
use crate::message::digest::{self, Digest, DigestWords, Entry, Form, Kept};
use crate::message::{ColumnView, Message, Priority, TableView, Tone, Words, compose, slack, teams, webhook};
use insta::{assert_json_snapshot, assert_snapshot};
use proptest::prelude::*;
use std::sync::Arc;

/// What the caller of a digest keeps with a row.
#[derive(Debug, Clone)]
struct Tag {
    view: TableView,
    words: Words,
}

#[derive(Default)]
pub(super) struct Storm {
    digest: Digest<Tag>,
    offset: i64,
}

impl Storm {
    fn add(&mut self, change: RowChange, view: &TableView, words: &Words) {
        self.offset += 1;
        let mut change = change;
        change.record.offset = self.offset;
        let row: Arc<[u8]> = format!("{} {:?}", change.table, change.key).into_bytes().into();
        let folded = Folded::one(Arc::new(change));
        let rule = words.rules.first().cloned().unwrap_or_else(|| "".into());
        let entry = Entry {
            folded: &folded,
            row: Some(&row),
            rule: &rule,
            watched: &words.watched,
            priority: words.priority,
            view,
        };
        self.digest.add(&entry, |_| Tag { view: view.clone(), words: words.clone() });
    }

    pub(super) fn message(&self, form: Form) -> Message {
        digest::digest(&self.digest, &plain_words(), form, &mut row_message)
    }

    fn json(&self, form: Form) -> serde_json::Value {
        let payload = digest::payload(&self.digest, "ops:0:1-10000", &self.message(form), form, &mut row_message);
        super::schema::valid(&payload);
        payload
    }
}

fn plain_words() -> DigestWords {
    DigestWords {
        tone: Tone::Neutral,
        mention: None,
        locale: crate::message::Locale::english(),
        time_zone: jiff::tz::TimeZone::UTC,
        overview: None,
    }
}

fn row_message(kept: &Kept<Tag>) -> Message {
    compose(&kept.folded.change, &kept.tag.view, &kept.tag.words)
}

fn listing(id: i128, title: &str, changed: Cells<'_>) -> RowChange {
    let named = || chair(vec![("id", int(id)), ("title", text(title)), ("prod_stk_qty", int(100))]);
    let mut new = named();
    for (name, cell) in changed {
        match new.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = cell,
            None => new.push((name, cell)),
        }
    }
    update(vec![("id", int(id))], named(), new)
}

fn at(change: RowChange, seconds: i64) -> RowChange {
    RowChange { time_us: Some(NOON_US + seconds * 1_000_000), ..change }
}

/// A digest of these changes.
pub(super) fn digest_of(changes: impl IntoIterator<Item = (RowChange, TableView, Words)>) -> Storm {
    let mut storm = Storm::default();
    changes.into_iter().for_each(|(change, view, words)| storm.add(change, &view, &words));
    storm
}

/// The storm of messages.md: 10,000 changes in 14 seconds.
fn storm() -> Storm {
    let mut storm = Storm::default();
    let words = Words { link: Some("https://shop.example/listings/1".into()), ..rule("everything", &[]) };
    for number in 0..10_000i128 {
        let stock = if number % 800 == 3 { 110 } else { 99 };
        let mut changed = vec![("prod_stk_qty", int(stock))];
        if number % 17 == 0 {
            changed = vec![("price", decimal("249000.00"))];
        }
        if number == 17 {
            changed = vec![("price", decimal("199999.95")), ("status", word("on_hold"))];
        }
        let title = if number == 17 { "Oak chair".to_owned() } else { format!("Lamp {number}") };
        storm.add(at(listing(number, &title, changed), (number * 14 / 9_999) as i64), &listings(), &words);
    }
    // The same row again: its line is the net of both.
    let again = listing(17, "Oak chair", vec![("price", decimal("150000.00")), ("status", word("on_hold"))]);
    let mut again = at(again, 14);
    again.before = Some(row(chair(vec![
        ("id", int(17)),
        ("title", text("Oak chair")),
        ("prod_stk_qty", int(100)),
        ("price", decimal("199999.95")),
        ("status", word("on_hold")),
    ])));
    again.changes = vec![crate::change::ColumnChange {
        name: "price".into(),
        ty: crate::change::Type::Decimal,
        old: Some(decimal("199999.95").1),
        new: Some(decimal("150000.00").1),
    }];
    storm.add(again, &listings(), &words);
    storm
}

#[test]
fn a_storm_is_one_message() {
    let storm = storm();
    let message = storm.message(Form::Whole);
    assert_snapshot!("digest", read(&message));
    assert_json_snapshot!("digest_slack", slack::payload(&message));
    assert_json_snapshot!("digest_teams", teams::payload(&message));
    assert_json_snapshot!("digest_webhook", storm.json(Form::Whole));
    assert_snapshot!("digest_counts", read(&storm.message(Form::Counts)));
    assert!(storm.json(Form::Counts)["rows"].as_array().unwrap().is_empty());
}

pub(super) fn several_tables() -> Storm {
    let mut storm = Storm::default();
    let seller = TableView::default();
    for number in 0..40i128 {
        storm.add(listing(number, "Lamp", vec![("price", decimal("1.00"))]), &listings(), &rule("price", &["price"]));
        let mut added = change(
            Op::Create,
            vec![("id", int(number))],
            None,
            Some(row(vec![("id", int(number)), ("name", text("Ada's Antiques"))])),
        );
        added.table = "public.sellers".into();
        storm.add(added, &seller, &rule("sellers", &[]));
        if number < 3 {
            let gone = change(Op::Delete, vec![("id", int(number + 100))], Some(row(chair(vec![]))), None);
            storm.add(gone, &listings(), &Words { priority: Priority::Low, ..rule("gone", &[]) });
        }
    }
    storm.digest.expire(2);
    storm
}

#[test]
fn several_tables_and_rules_have_a_line_each() {
    let message = several_tables().message(Form::Whole);
    assert_snapshot!("digest_tables", read(&message));
    assert_eq!(message.headline, "83 changes in 2 tables in less than a second");
}

pub(super) fn critical_storm() -> Message {
    let mut storm = Storm::default();
    for number in 0..150i128 {
        let words = Words {
            priority: Priority::Critical,
            tone: Tone::Bad,
            mention: "here".parse().ok(),
            headline: Some("Lamp is out of stock".into()),
            ..rule("out-of-stock", &["prod_stk_qty"])
        };
        let change = listing(number, &format!("Lamp {number}"), vec![("prod_stk_qty", int(0))]);
        storm.add(at(change, (number / 30) as i64), &listings(), &words);
    }
    let words = DigestWords { tone: Tone::Bad, mention: "here".parse().ok(), ..plain_words() };
    digest::digest(&storm.digest, &words, Form::Whole, &mut row_message)
}

#[test]
fn a_critical_digest_leads_with_its_rule_and_calls_people_once() {
    let message = critical_storm();
    assert_snapshot!("digest_critical", read(&message));
    assert_eq!(slack::payload(&message).to_string().matches("<!here>").count(), 2);
    assert_eq!(slack::payload(&message)["attachments"][0]["color"], "#D92D20");
}

pub(super) fn few() -> Storm {
    let mut storm = Storm::default();
    let added = change(Op::Create, vec![("id", int(1))], None, Some(row(chair(vec![]))));
    storm.add(added, &listings(), &rule("new", &[]));
    let mut moved = update(vec![("id", int(3))], vec![("id", int(2))], chair(vec![("id", int(3))]));
    moved.rekeyed_from = Some(row(vec![("id", int(2))]));
    moved.before_unknown = true;
    storm.add(moved, &listings(), &rule("new", &[]));
    let unknown = change(Op::Update, vec![("id", int(9))], None, Some(row(chair(vec![("id", int(9))]))));
    storm.add(unknown, &listings(), &rule("new", &[]));
    storm.add(change(Op::Truncate, vec![], None, None), &listings(), &rule("new", &[]));
    storm
}

#[test]
fn few_changes_are_told_row_by_row_and_nothing_is_left_out() {
    assert_snapshot!("digest_few", read(&few().message(Form::Whole)));
}

#[test]
fn hidden_columns_stay_hidden_in_a_digest() {
    let mut view = listings();
    view.columns.insert("title".into(), ColumnView { redact: true, ..ColumnView::default() });
    view.columns.insert("id".into(), ColumnView { redact: true, ..ColumnView::default() });
    let mut storm = Storm::default();
    for number in 0..5i128 {
        let mail = |text_of: &str| ("seller_email", text(&format!("{text_of}{number}@secret.example")));
        let cells = |mail| chair(vec![("id", int(77_000_000 + number)), ("title", text("secret.example")), mail]);
        let key = || vec![("id", int(77_000_000 + number))];
        storm.add(update(key(), cells(mail("a")), cells(mail("b"))), &view, &Words::default());
        let gone = || vec![("id", int(77_000_900 + number))];
        storm.add(change(Op::Delete, gone(), Some(row(cells(mail("a")))), None), &view, &Words::default());
    }
    let message = storm.message(Form::Whole);
    let all = format!("{message:?}{}{}{}", slack::payload(&message), teams::payload(&message), storm.json(Form::Whole));
    assert!(!all.contains("secret.example") && !all.contains("7700000"), "{all}");
    assert!(all.contains("value hidden"));
}

#[test]
fn the_net_of_several_changes_says_how_many_it_stands_for() {
    let first = Folded::one(Arc::new(at(listing(1, "Oak chair", vec![("prod_stk_qty", int(7))]), -7)));
    let last = at(listing(1, "Oak chair", vec![("prod_stk_qty", int(3))]), 0);
    let Net::Change(folded) = first.then(&Folded { changes: 2, ..Folded::one(Arc::new(last)) }) else { panic!() };
    let words = Words { folded: Some((folded.changes, folded.since_us)), ..rule("stock", &[]) };
    let message = compose(&folded.change, &listings(), &words);
    assert_snapshot!("folded", read(&message));
    assert_json_snapshot!("folded_webhook", webhook::payload(&message, &folded.change));
    let yesterday = Words { folded: Some((3, Some(NOON_US - 86_400_000_000))), ..words.clone() };
    let message = compose(&folded.change, &listings(), &yesterday);
    assert_eq!(message.context[1], "3 changes since Sun 22 Nov, 14:02:37");
    let alone = Words { folded: Some((1, Some(NOON_US))), ..words };
    assert!(!compose(&folded.change, &listings(), &alone).context_text().unwrap().contains("changes"));
}

#[test]
fn a_refused_message_becomes_one_plain_text() {
    let words = Words { mention: "here".parse().ok(), ..rule("price", &["price"]) };
    let change = listing(1, "Oak <!channel> *chair*", vec![("price", decimal("199999.95"))]);
    let message = compose(&change, &listings(), &words);
    assert_json_snapshot!("simplified_slack", slack::simplified(&message));
    assert_json_snapshot!("simplified_teams", teams::simplified(&message));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, max_shrink_iters: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_rows_break_a_digests_limits_or_call_anybody(
        changes in proptest::collection::vec((hostile_change(), hostile_text()), 1..12),
        counts in any::<bool>(),
        locale in language(),
    ) {
        let mut storm = Storm::default();
        for ((change, view, mut words), rule) in changes {
            (words.rules, words.locale) = (vec![rule.into()], Arc::clone(&locale));
            storm.add(change, &view, &words);
        }
        let form = if counts { Form::Counts } else { Form::Whole };
        let told = DigestWords { locale, ..plain_words() };
        let message = digest::digest(&storm.digest, &told, form, &mut row_message);
        let (slack, teams) = (slack::payload(&message), teams::payload(&message));
        vendors::slack::check(&slack, None);
        vendors::teams::check(&teams);
        strings(&slack, &mut |text| visible(text, true));
        strings(&teams, &mut |text| visible(text, true));
        visible(&message.fallback(), false);
        storm.json(form);
    }
}
