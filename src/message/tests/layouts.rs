//! What Slack and Teams are sent, for posts that the others' snapshots do not show. `tests/render` draws them as their
//! readers see them.

use super::build::*;
use super::digests::{critical_storm, few, several_tables};
use crate::change::{Op, RowChange, Type};
use crate::message::digest::Form;
use crate::message::{ColumnView, Format, Message, TableView, Words, compose, slack, teams};
use insta::assert_json_snapshot;

fn both(name: &str, message: &Message) {
    assert_json_snapshot!(format!("{name}_slack"), slack::payload(message));
    assert_json_snapshot!(format!("{name}_teams"), teams::payload(message));
}

fn with_link(words: Words) -> Words {
    Words { link: Some("https://shop.example/listings/1".into()), ..words }
}

/// Every shape of line at once: a long text, an empty one, words, a number, a list, a document, a moment, a hidden value.
fn several() -> Message {
    let old = "This chair was made by hand from a single tree of solid oak, light finish, hand-oiled twice a year. It stood in \
               the reading room of a library for eighty years and shows it.";
    let new = old.replace("light finish", "dark finish").replace("twice a year", "every spring");
    let before = chair(vec![
        ("description", text(old)),
        ("story", null(Type::Text)),
        ("tags", list(&["chair", "oak", "vintage"])),
        ("attributes", json(r#"{"colour": "light oak", "size": {"width": 44, "height": 92}}"#)),
        ("reserved_until", null(Type::Instant)),
        ("seller_email", text("a@shop.example")),
    ]);
    let after = chair(vec![
        ("description", text(&new)),
        ("story", text(&"It has a story that takes long to tell. ".repeat(40))),
        ("status", word("on_hold")),
        ("prod_stk_qty", int(0)),
        ("tags", list(&["chair", "oak", "sold"])),
        ("attributes", json(r#"{"colour": "dark oak", "size": {"width": 44, "height": 92}}"#)),
        ("reserved_until", instant(1_795_460_400_000_000)),
        ("seller_email", text("b@shop.example")),
    ]);
    compose(&update(vec![("id", int(1))], before, after), &listings(), &with_link(rule("everything", &[])))
}

fn removed() -> Message {
    let change = change(Op::Delete, vec![("id", int(1))], Some(row(chair(vec![]))), None);
    compose(&change, &listings(), &rule("gone", &[]))
}

fn unknown_before() -> Message {
    let after = vec![
        ("id", int(1)),
        ("name", text("Ada's Antiques")),
        ("rating", decimal("3.5")),
        ("balance", decimal("99999999999999999999.123456789")),
        ("tip", null(Type::Text)),
    ];
    let change = RowChange {
        table: "public.sellers".into(),
        ..change(Op::Update, vec![("id", int(1))], None, Some(row(after)))
    };
    let mut view = TableView::default();
    view.columns.insert("balance".into(), ColumnView { format: Some(Format::Number), ..ColumnView::default() });
    compose(&change, &view, &rule("sellers", &[]))
}

#[test]
fn a_row_of_many_columns() {
    both("several", &several());
}

#[test]
fn a_removed_row() {
    both("delete", &removed());
}

#[test]
fn a_row_whose_old_values_were_not_sent() {
    both("unknown", &unknown_before());
}

#[test]
fn digests() {
    both("digest_few", &few().message(Form::Whole));
    both("digest_tables", &several_tables().message(Form::Whole));
    both("digest_critical", &critical_storm());
}

#[test]
fn a_message_that_was_updated() {
    let message = several();
    assert_json_snapshot!("latest_slack", slack::latest(&slack::payload(&message), true, &message.locale));
    let simplified = slack::simplified(&message);
    assert_eq!(slack::latest(&simplified, false, &message.locale), simplified, "plain text stays plain");
}
