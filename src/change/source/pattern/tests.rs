//! Comparing with the blocks of before reads what walking reads, and refuses what walking refuses.

use super::*;
use crate::change::DecodeError;
use crate::change::patience::{LEARN_EVERY, MISSES_MAX};
use crate::change::tests::{CAPTURES, capture};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The source blocks of the JSON captures, as they lie in their records, by topic.
fn blocks() -> &'static [Vec<String>] {
    static BLOCKS: OnceLock<Vec<Vec<String>>> = OnceLock::new();
    BLOCKS.get_or_init(|| {
        let mut topics: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in CAPTURES {
            for captured in capture(file) {
                let Some(value) = captured.record().value.and_then(|value| std::str::from_utf8(value).ok()) else {
                    continue;
                };
                let payload = raw::member(value, "payload").unwrap_or(value);
                if let Some(block) = raw::member(payload, "source") {
                    let topic = format!("{file} {}", captured.record().topic);
                    topics.entry(topic).or_default().push(block.to_owned());
                }
            }
        }
        topics.into_values().filter(|blocks| blocks.len() > 1).collect()
    })
}

/// What came of a text, and where the cursor stands then.
fn outcome(
    read: impl FnOnce(&mut Cursor<'_>) -> Result<String, DecodeError>,
    text: &str,
) -> Result<(String, usize), String> {
    let mut cursor = Cursor::new(text);
    let read = read(&mut cursor).map_err(|error| error.to_string())?;
    Ok((read, cursor.at()))
}

/// All of it, with the table's name as it comes out.
fn told(mut source: Source<'_>) -> String {
    let table = source.full_table().map_err(|error| error.to_string());
    source.full_table = None;
    format!("{table:?} {source:?}")
}

fn walked(text: &str) -> Result<(String, usize), String> {
    outcome(|cursor| Source::walk(cursor).map(told), text)
}

fn compared(text: &str, pattern: &mut Pattern) -> Result<(String, usize), String> {
    let read = |cursor: &mut Cursor<'_>| {
        let mut source = Source::default();
        source.read_json(cursor, pattern)?;
        Ok(told(source))
    };
    outcome(read, text)
}

fn fits(text: &str, pattern: &mut Pattern) -> bool {
    pattern.read(&mut Cursor::new(text), &mut Source::default())
}

fn learnt<'a>(texts: impl IntoIterator<Item = &'a str>) -> Pattern {
    let mut pattern = Pattern::default();
    for text in texts {
        let _ = compared(text, &mut pattern);
    }
    pattern
}

#[test]
fn captured_blocks_are_read_as_by_walking_and_most_of_them_need_none() {
    let (mut all, mut fitting) = (0, 0);
    let mut one = Pattern::default();
    for topic in blocks() {
        let mut own = Pattern::default();
        for block in topic {
            let text = format!("{block},\"op\":\"u\"}}");
            all += 1;
            fitting += usize::from(fits(&text, &mut own));
            assert_eq!(compared(&text, &mut own), walked(&text));
            // All topics through one pattern, as where two fall on one place.
            assert_eq!(compared(&text, &mut one), walked(&text));
        }
    }
    assert!(all > 200 && fitting * 3 > all * 2, "{fitting} of {all} blocks fit");
}

#[test]
fn what_varies_is_checked_and_what_does_not_is_compared() {
    let block = |lsn: &str, table: &str| {
        format!(r#"{{"connector":"postgresql","name":"shop","schema":"public","table":{table},"lsn":{lsn},"ts_ms":5}}"#)
    };
    let blocks = [block("1", "\"a\""), block("2", "\"b\""), block("3", "\"c\"")];
    let mut pattern = learnt(blocks.iter().map(String::as_str));
    for fitting in [block("12345678901234567890", "\"b\\u0061\""), block("[{\"lsn\":1}]", "null"), block(" 7", "1")] {
        assert!(fits(&fitting, &mut pattern), "{fitting}");
        assert_eq!(compared(&fitting, &mut pattern), walked(&fitting));
    }
    let right = block("4", "\"d\"");
    for other in [
        // Another order, another name, a name twice, an escaped name, white space, another connector, no end.
        right.replace(r#""lsn":4,"ts_ms":5"#, r#""ts_ms":5,"lsn":4"#),
        right.replace("schema", "keyspace"),
        right.replace(r#""ts_ms":5"#, r#""ts_ms":5,"table":"e""#),
        right.replace(r#""lsn":4"#, r#""table":4"#),
        right.replace(r#""table""#, r#""t\u0061ble""#),
        right.replace(r#""table""#, r#""collection""#),
        right.replace(':', " : "),
        right.replace("postgresql", "mongodb"),
        right.replace(r#""ts_ms":5}"#, r#""ts_ms":55}"#),
        right.replace(r#""lsn":4"#, r#""lsn":04"#),
        right.replace(r#""lsn":4"#, r#""lsn":-"#),
        right.replace(r#""d""#, "\"d\u{1}\""),
        right.replace(r#""d""#, r#""\x""#),
        right.replace('}', ""),
        "null".to_owned(),
        "{}".to_owned(),
        String::new(),
    ] {
        assert!(!fits(&other, &mut pattern), "{other}");
        assert_eq!(compared(&other, &mut learnt(blocks.iter().map(String::as_str))), walked(&other), "{other}");
    }
}

#[test]
fn documents_stay_documents() {
    let block = |ord: u8| format!(r#"{{"connector":"other","name":"m","db":"d","collection":"c","ord":{ord}}}"#);
    let mut pattern = learnt([&*block(1), &*block(2)]);
    let fourth = block(4);
    let mut source = Source::default();
    assert!(pattern.read(&mut Cursor::new(&fourth), &mut source));
    assert!(source.is_document());
    assert_eq!(source.full_table.as_deref(), Some("d.c"));
}

#[test]
fn a_topic_whose_blocks_take_turns_is_walked_in_peace() {
    let names = ["a", "b", "c"].map(|name| format!(r#"{{"connector":"x","table":"t","{name}":1}}"#));
    let mut pattern = Pattern::default();
    for text in names.iter().cycle().take(40) {
        assert_eq!(compared(text, &mut pattern), walked(text));
    }
    let kept = pattern.text.clone();
    for text in names.iter().cycle().take(40) {
        let _ = compared(text, &mut pattern);
        assert_eq!(pattern.text, kept, "learnt anew");
    }
    // Once the topic has settled on another shape, that one is learnt.
    let other = names.iter().find(|name| **name != *kept).expect("another");
    let walks = (0..2 * LEARN_EVERY).filter(|_| !fits(other, &mut pattern) && compared(other, &mut pattern).is_ok());
    let walks = walks.count();
    assert!(walks > MISSES_MAX as usize && walks < LEARN_EVERY as usize, "{walks}");
}

#[test]
fn another_shape_brings_its_own_table() {
    let one = r#"{"connector":"postgresql","schema":"public","table":"one","lsn":1}"#;
    let other = r#"{"connector":"mariadb","db":"shop","table":"other","pos":1}"#;
    let mut pattern = learnt([one, one, other]);
    assert!(fits(other, &mut pattern));
    assert_eq!(compared(other, &mut pattern), walked(other));
}

#[test]
fn a_huge_block_is_not_kept() {
    let block = |n: usize| format!(r#"{{"connector":"x","table":"t","query":"{}{n}"}}"#, "x".repeat(BYTES_MAX));
    let pattern = learnt([&*block(1), &*block(2), &*block(3)]);
    assert!(pattern.text.is_empty() && pattern.members.is_empty());
}

/// A block with something wrong or unusual at one place.
fn mutated(block: &str, at: usize, cut: usize, with: &str) -> String {
    let floor = |at: usize| (0..=at.min(block.len())).rev().find(|at| block.is_char_boundary(*at)).unwrap_or(0);
    let (start, end) = (floor(at), floor(at.saturating_add(cut)));
    format!("{}{with}{}", &block[..start], &block[end.max(start)..])
}

proptest! {
    #[test]
    fn a_changed_block_is_read_as_by_walking(
        topic in any::<prop::sample::Index>(),
        known in 1usize..6,
        next in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        cut in prop::sample::select(vec![0usize, 0, 1, 1, 2, 5, 12]),
        with in prop::sample::select(vec![
            "", " ", ",", ":", "\"", "\\", "{", "}", "[", "]", "0", "7", "-", ".", "e", "a", "null", "\u{1}", "é", "\\u0041",
            "\"table\":\"x\",", ",\"table\":\"x\"", ",\"collection\":null", "\"x\":{\"a\":[1,2]},", "\"", "\":1,\"",
        ]),
    ) {
        let topics = blocks();
        let topic = topic.get(topics);
        let mut pattern = learnt(topic.iter().take(known).map(String::as_str));
        let block = next.get(topic);
        let text = mutated(block, at.index(block.len() + 1), cut, with) + ",\"op\":\"u\"}";
        prop_assert_eq!(compared(&text, &mut pattern), walked(&text), "{}", text);
        // What was learnt from it does no harm to the next.
        let whole = format!("{block}}}");
        prop_assert_eq!(compared(&whole, &mut pattern), walked(&whole));
    }

    #[test]
    fn any_two_objects_are_told_apart(one in "\\{(\"(table|lsn|ts_ms|db)\":[01\"]{0,2},?){0,3}\\}", two in "\\{(\"(table|lsn|ts_ms|db)\":[01\"]{0,2},?){0,3}\\}", three in "\\{(\"(table|lsn|ts_ms|db)\":[01\"]{0,2},?){0,3}\\}") {
        let mut pattern = learnt([&*one, &*two]);
        prop_assert_eq!(compared(&three, &mut pattern), walked(&three));
    }
}
