//! However large a row is, what programs get of it is not.

use super::build::*;
use crate::change::{Op, RowChange, Value};
use crate::message::limits::{WEBHOOK_SHORT, WEBHOOK_VALUE, WEBHOOK_VALUES};
use crate::message::{TableView, Words, compose, webhook};
use serde_json::{Value as Json, json};

/// What nginx takes of a body unless it is told otherwise.
const BODY: usize = 1 << 20;

fn payload(change: &RowChange) -> Json {
    let payload = webhook::payload(&compose(change, &TableView::default(), &Words::default()), change);
    super::schema::valid(&payload);
    payload
}

/// The one column of an update, as it is posted.
fn posted(new: (crate::change::Type, Value)) -> Json {
    let mut payload = payload(&update(vec![], vec![("a", text("before"))], vec![("a", new)]));
    payload["changes"][0].take()
}

#[test]
fn ten_megabytes_are_posted_as_their_beginning_and_say_how_many_they_were() {
    const LONG: usize = 10_000_000;
    const ELEMENTS: usize = 100_000;
    let document = format!("{{\"a\":\"{}\"}}", "é".repeat(ELEMENTS));
    let change = update(
        vec![("id", int(7))],
        vec![("a", text(&"x".repeat(LONG))), ("b", bytes(&vec![0xab; LONG])), ("c", json(&document)), ("d", int(1))],
        vec![("a", text(&"y".repeat(LONG))), ("b", bytes(&[1])), ("c", list(&["z"; ELEMENTS])), ("d", int(2))],
    );
    let payload = payload(&change);
    assert!(payload.to_string().len() < BODY, "{}", payload.to_string().len());
    let [a, b, c, d] = [0, 1, 2, 3].map(|column| &payload["changes"][column]);
    assert_eq!(a["cut"], json!({"old": LONG, "new": LONG}));
    assert_eq!(a["new"], json!("y".repeat(WEBHOOK_VALUE)));
    assert_eq!((&b["cut"], &b["new"]), (&json!({"old": 2 + 2 * LONG}), &json!("\\x01")));
    let hex = b["old"].as_str().expect("text").strip_prefix("\\x").expect("its mark");
    assert!(hex.len() % 2 == 0 && hex.chars().all(|digit| "ab".contains(digit)), "whole bytes");
    assert_eq!(c["cut"], json!({"old": document.len(), "new": 4 * ELEMENTS + 1}));
    assert!(document.starts_with(c["old"].as_str().expect("text")), "the beginning of its JSON");
    assert!(c["new"].as_str().expect("text").starts_with(r#"["z","z","#));
    assert_eq!(d, &json!({"column": "d", "type": "int", "old": 1, "new": 2}));
    assert_eq!((&payload["key"], payload.get("key_cut")), (&json!({"id": 7}), None));
}

#[test]
fn a_value_is_cut_one_byte_beyond_the_limit_and_never_within_a_character() {
    let whole = "x".repeat(WEBHOOK_VALUE);
    assert_eq!(posted(text(&whole)), json!({"column": "a", "type": "text", "old": "before", "new": whole}));
    let beyond = posted(text(&(whole.clone() + "x")));
    assert_eq!((&beyond["new"], &beyond["cut"]), (&json!(whole), &json!({"new": WEBHOOK_VALUE + 1})));
    // Three bytes each, which the limit is no multiple of; and what JSON writes in more bytes than it has.
    for (character, bytes) in [("漢", 3), ("\u{1}", 6), ("\"", 2), ("\n", 2)] {
        let long = character.repeat(WEBHOOK_VALUE);
        let new = posted(text(&long))["new"].as_str().expect("text").to_owned();
        assert_eq!(new, character.repeat(WEBHOOK_VALUE / bytes));
        assert!(json!(new).to_string().len() <= WEBHOOK_VALUE + 2, "with its quotes");
    }
    let most = (WEBHOOK_VALUE - 3) / 2;
    assert_eq!(posted(bytes(&vec![7; most])).get("cut"), None);
    assert_eq!(posted(bytes(&vec![7; most + 1]))["cut"], json!({"new": 2 + 2 * (most + 1)}));
}

#[test]
fn many_columns_share_the_room_and_the_short_ones_stay_whole() {
    let names: Vec<String> = (0..1_000).map(|number| format!("column_{number:03}")).collect();
    let cells = |fill: &str| {
        let cell =
            |(at, name)| (String::as_str(name), text(&fill.repeat(if at % 2 == 0 { 10_000 } else { WEBHOOK_SHORT })));
        names.iter().enumerate().map(cell).collect::<Vec<_>>()
    };
    let payload = payload(&update(vec![], cells("x"), cells("y")));
    let changes = payload["changes"].as_array().expect("a list");
    assert_eq!(changes.len(), 1_000, "none is left out");
    let length = |value: &Json| value.as_str().expect("text").len();
    for (at, change) in changes.iter().enumerate() {
        if at % 2 == 1 {
            assert_eq!((length(&change["new"]), change.get("cut")), (WEBHOOK_SHORT, None), "{at}");
        } else if change.get("cut").is_some() {
            assert_eq!(change["cut"]["new"], 10_000, "{at}");
        }
    }
    assert_eq!(changes[0].get("cut"), None, "there was room for the first");
    let values: usize = changes.iter().map(|change| length(&change["old"]) + length(&change["new"])).sum();
    assert!(values <= WEBHOOK_VALUES + 2 * names.len() * WEBHOOK_SHORT, "{values}");
}

#[test]
fn a_key_that_is_cut_says_so() {
    let key = |fill: &str| vec![("id", int(1)), ("path", text(&fill.repeat(WEBHOOK_VALUE)))];
    let mut change = change(Op::Update, key("ab"), None, Some(row(key("ab"))));
    change.rekeyed_from = Some(row(key("cde")));
    let payload = payload(&change);
    assert_eq!(payload["key_cut"], json!({"path": 2 * WEBHOOK_VALUE}));
    assert_eq!(payload["old_key_cut"], json!({"path": 3 * WEBHOOK_VALUE}));
    assert_eq!((&payload["key"]["id"], &payload["old_key"]["id"]), (&json!(1), &json!(1)));
    assert_eq!(payload["key"]["path"], json!("ab".repeat(WEBHOOK_VALUE / 2)));
}
