//! The cheap look never misses a change.

use super::*;
use crate::change::tests::{CAPTURES, Sample, capture};
use crate::change::{NoHints, Record, Skim, skim};
use proptest::prelude::*;

#[test]
fn only_the_columns_that_differ_are_touched() {
    let sample = Sample::change("u", r#"{"id":1,"a":"x","b":12,"c":"z"}"#, r#"{"id":1,"a":"x","b":123,"c":"z"}"#);
    let envelope = sample.envelope();
    let touches = |column: &str| envelope.may_touch(&[column]);
    assert_eq!(["id", "a", "b", "c", "none"].map(touches), [false, false, true, false, false]);
    assert!(envelope.may_touch(&["id", "b"]));
    assert!(!envelope.may_touch(&[""; 0]));
}

#[test]
fn without_an_old_image_a_column_that_was_sent_may_be_touched() {
    let sample = Sample::change("u", "null", r#"{"id":1,"a":"__debezium_unavailable_value","\u0062":2}"#);
    let touches = |column: &str| sample.envelope().may_touch(&[column]);
    assert_eq!(["id", "a", "b", "none"].map(touches), [true, false, true, false]);
}

#[test]
fn columns_that_came_or_went_are_touched() {
    let sample = Sample::change("u", r#"{"id":1,"old":1,"z":1}"#, r#"{"id":1,"z":1,"new":1}"#);
    let touches = |column: &str| sample.envelope().may_touch(&[column]);
    assert_eq!(["id", "old", "z", "new"].map(touches), [false, true, false, true]);
}

#[test]
fn a_quote_in_a_name_does_not_hide_a_column() {
    let sample = Sample::change("u", r#"{"\"y":2}"#, r#"{"y":2}"#);
    assert!(sample.envelope().may_touch(&["y"]) && sample.envelope().may_touch(&["\"y"]));
}

#[test]
fn the_source_block_says_where_and_when() {
    let with = |source: &str| {
        let sample = Sample::new(&format!(r#"{{"after":{{}},"op":"c","source":{source}}}"#));
        let envelope = sample.envelope();
        (envelope.table().to_owned(), envelope.time_us(), envelope.snapshot())
    };
    assert_eq!(
        with(r#"{"db":"store","table":"products","ts_ms":5,"snapshot":"first"}"#),
        ("store.products".into(), Some(5000), true)
    );
    assert_eq!(
        with(r#"{"db":"d","schema":"s","table":"t\"x","ts_ms":5,"ts_us":5001,"ts_ns":5001999,"snapshot":null}"#),
        ("s.t\"x".into(), Some(5001), false)
    );
    assert_eq!(with(r#"{"table":"t","ts_ns":-1,"snapshot":true}"#), ("t".into(), Some(-1), true));
    assert_eq!(with(r#"{"table":"t","snapshot":"incremental"}"#), ("t".into(), None, true));
    assert_eq!(with(r#"{"table":"t","ts_ms":9223372036854775807,"snapshot":false}"#), ("t".into(), None, false));
}

#[test]
fn no_captured_change_escapes_the_cheap_look() {
    for file in CAPTURES {
        for captured in capture(file) {
            let record = captured.record();
            let Ok(Skim::Change(envelope)) = skim(&record) else {
                continue;
            };
            let change = envelope.change(&NoHints).expect("decodes");
            for column in change.after.iter().flat_map(|row| &row.columns) {
                let changed = change.changed(&column.name).is_some();
                let touched = envelope.may_touch(&[&*column.name]);
                assert!(touched || !changed, "{file}:{} {}", captured.line, column.name);
                if change.before.is_some() && change.op == Op::Update && !changed {
                    assert!(!touched, "{file}:{} {}: looked at for nothing", captured.line, column.name);
                }
            }
        }
    }
}

/// The JSON text with these for its colons and commas, as other writers than Kafka Connect's converter have it.
fn spaced(text: &str, colon: &str, comma: &str) -> String {
    let (mut out, mut in_text, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            ':' if !in_text => out.push_str(colon),
            ',' if !in_text => out.push_str(comma),
            c => out.push(c),
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
    }
    out
}

#[test]
fn white_space_between_tokens_changes_nothing() {
    const OTHERS: [&str; 4] =
        ["postgres-flattened.jsonl", "postgres-reshaped.jsonl", "postgres-settings.jsonl", "mariadb-settings.jsonl"];
    // As texts: a NaN is no NaN's equal.
    let told = |record: &Record<'_>| match skim(record) {
        Ok(Skim::Change(envelope)) => format!("{:?}", envelope.change(&NoHints)),
        Ok(other) => other.kind().to_owned(),
        Err(error) => error.to_string(),
    };
    for captured in CAPTURES.iter().chain(&OTHERS).flat_map(|file| capture(file)) {
        let record = captured.record();
        for (colon, comma) in [(": ", ","), (":", ", "), (": ", ", "), (" : ", " ,\n\t")] {
            let text = |bytes: Option<&[u8]>| Some(spaced(std::str::from_utf8(bytes?).ok()?, colon, comma));
            let (key, value) = (text(record.key), text(record.value));
            let (key, value) = (key.as_deref().map(str::as_bytes), value.as_deref().map(str::as_bytes));
            let other = Record { key, value, ..record };
            assert_eq!(told(&record), told(&other), "{} {} {colon:?} {comma:?}", record.topic, record.offset);
            let (Ok(Skim::Change(tight)), Ok(Skim::Change(wide))) = (skim(&record), skim(&other)) else { continue };
            let Ok(change) = tight.change(&NoHints) else { continue };
            for column in change.after.iter().flat_map(|row| &row.columns) {
                let touched = wide.may_touch(&[&*column.name]);
                assert!(touched || change.changed(&column.name).is_none(), "{} {}", record.topic, column.name);
            }
        }
    }
}

#[test]
fn logical_messages_keep_bytes_that_are_no_text() {
    let sample = Sample::new(
        r#"{"op":"m","source":{"connector":"postgresql","name":"shop","table":""},"message":{"prefix":"p","content":"/wA="}}"#,
    );
    let Ok(Skim::Message(message)) = skim(&sample.record()) else { panic!() };
    assert_eq!((message.prefix.as_str(), &*message.text()), ("p", "\\xff00"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn the_cheap_look_agrees_with_a_comparison_of_every_column(
        before in prop::collection::btree_map("[ab\",\\\\{]{1,2}", "[0-9ab\",\\\\}:]{0,3}", 0..5),
        edits in prop::collection::btree_map("[ab\",\\\\{]{1,2}", "[0-9ab\",\\\\}:]{0,3}", 0..3),
        drop in 0..6usize,
        reverse in any::<bool>(),
    ) {
        let mut after = before.clone();
        if let Some(key) = before.keys().nth(drop) { after.remove(key); }
        after.extend(edits);
        let text = |row: &std::collections::BTreeMap<String, String>, reverse: bool| {
            let mut members: Vec<String> = row.iter().map(|(k, v)| format!("{}:{}", serde_json::json!(k), serde_json::json!(v))).collect();
            if reverse { members.reverse() }
            format!("{{{}}}", members.join(","))
        };
        let sample = Sample::change("u", &text(&before, false), &text(&after, reverse));
        let envelope = sample.envelope();
        for column in before.keys().chain(after.keys()) {
            prop_assert_eq!(envelope.may_touch(&[column]), before.get(column) != after.get(column), "{}", column);
            let mut unmarked = envelope.clone();
            unmarked.images.marks = Marks::default();
            prop_assert_eq!(envelope.may_touch(&[column]), unmarked.may_touch(&[column]), "{}", column);
        }
    }
}

#[test]
fn a_create_and_a_delete_touch_every_column_whatever_else_they_carry() {
    let row = r#"{"id":1,"a":2}"#;
    for op in ["c", "r", "d"] {
        let sample = Sample::change(op, row, row);
        assert!(sample.envelope().may_touch(&["a"]), "{op}");
        assert_eq!(sample.decode().changes.iter().any(|change| &*change.name == "a"), op != "d", "{op}");
    }
}
