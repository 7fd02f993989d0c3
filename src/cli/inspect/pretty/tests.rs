//! What people see of the captures.

use super::*;
use crate::change::NoHints;
use crate::change::tests::{capture, schemas};
use crate::cli::input::AtHand;
use crate::cli::inspect::Inspector;
use serde_json::json;

/// The blocks of a capture, without colour, whose text holds one of these words.
fn blocks(file: &str, words: &[&str]) -> String {
    let source = AtHand::File(schemas("postgres-avro.jsonl"));
    let mut inspector = Inspector::new(&NoHints, &source);
    let records = capture(file);
    let blocks = records.iter().map(|record| block(&inspector.line(&record.record()).expect("a line"), Style::Plain));
    blocks.filter(|block| words.iter().any(|word| block.contains(word))).collect::<Vec<_>>().join("\n")
}

#[test]
fn changes_of_postgres() {
    insta::assert_snapshot!(blocks(
        "postgres-json-schema.jsonl",
        &[":3:2 ", "its key", "not sent by the source", "Infinity"]
    ));
}

#[test]
fn what_is_no_change() {
    insta::assert_snapshot!(blocks(
        "postgres-json.jsonl",
        &["tombstone", "heartbeat", "transaction", "message", "truncate"]
    ));
}

#[test]
fn a_delete_of_which_only_the_key_is_known_and_types_that_are_guessed() {
    insta::assert_snapshot!(blocks("postgres-json.jsonl", &["delete  public.sellers", ".listings:0:0 "]));
}

#[test]
fn changes_of_mariadb() {
    insta::assert_snapshot!(blocks("mariadb-json-schema.jsonl", &["store.products:1:0 ", "delete "]));
}

#[test]
fn colour_adds_nothing_to_the_words() {
    let line = json!({
        "topic": "t", "partition": 0, "offset": 1, "kind": "change", "op": "update", "table": "a.b", "key": {"id": 1},
        "snapshot": false, "time": "2026-11-23T20:00:57Z", "before_unknown": false, "unavailable": ["c"],
        "changes": [{"column": "price", "type": "decimal", "old": "2.00", "new": "1.00"}], "hints": ["look"],
    });
    let coloured = block(&line, Style::Ansi);
    assert!(coloured.contains("\x1b[32m1.00\x1b[0m"), "{coloured:?}");
    let mut plain = String::new();
    for (index, piece) in coloured.split("\x1b[").enumerate() {
        plain.push_str(if index == 0 { piece } else { piece.split_once('m').expect("a sequence").1 });
    }
    assert_eq!(plain, block(&line, Style::Plain));
}

#[test]
fn rows_cannot_steer_the_terminal_nor_flood_it() {
    let evil = "a\u{1b}]0;title\u{7}\u{9b}31m\u{202e}b\nforged:0:1";
    let line = json!({
        "topic": "t", "partition": 0, "offset": 1, "kind": "change", "op": "update", "table": evil, "key": {evil: evil},
        "snapshot": false, "time": null, "before_unknown": false, "unavailable": [evil],
        "changes": [
            {"column": evil, "type": "enum", "old": evil, "new": evil},
            {"column": "long", "type": "text", "old": null, "new": "\u{e4}".repeat(1_000_000)},
        ],
        "hints": [evil], "error": evil,
    });
    for style in [Style::Plain, Style::Ansi] {
        let text = block(&line, style);
        let words = text.replace("\x1b[", "");
        assert!(!words.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{text:?}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("  ")), "only the head stands at the margin: {text}");
        assert!(text.len() < 3_000 && text.contains("... (1000002 characters)"), "{}", text.len());
    }
}
