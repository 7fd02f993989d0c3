//! What was sent again is told from what only looks alike.

use super::*;
use crate::change::tests::{AVRO_CAPTURES, CAPTURES, Sample, capture, schemas};
use crate::change::{NoSchemas, Schemas, Skim, skim_with};

/// Changes that are taken for repeats, where the whole capture is read twice: the second time from so many offsets on.
fn repeats(file: &str, further: i64) -> usize {
    let framed = file.contains("avro") || file.contains("protobuf");
    let schemas: Box<dyn Schemas> = if framed { Box::new(schemas(file)) } else { Box::new(NoSchemas) };
    let mut memory = Repeats::default();
    let captured = capture(file);
    let mut found = 0;
    for further in [0, further] {
        for captured in &captured {
            let mut record = captured.record();
            record.offset += further;
            if let Ok(Skim::Change(envelope)) = skim_with(&record, &*schemas) {
                found += usize::from(memory.seen(&envelope));
            }
        }
    }
    found
}

#[test]
fn a_restart_of_connect_is_recognised_and_nothing_else_is() {
    let captured = capture("postgres-json-restart-duplicates.jsonl");
    let mut memory = Repeats::default();
    let mut found = 0;
    for captured in &captured {
        if let Ok(Skim::Change(envelope)) = skim_with(&captured.record(), &NoSchemas) {
            found += usize::from(memory.seen(&envelope));
        }
    }
    assert_eq!(found, 55);
    let protobuf = ["postgres-protobuf.jsonl"];
    for file in CAPTURES.iter().chain(&AVRO_CAPTURES).chain(&protobuf).filter(|file| !file.contains("restart")) {
        // Reading all again, as after a rebalance, finds no more.
        assert_eq!(repeats(file, 0), 0, "{file}");
    }
    assert_eq!(repeats(protobuf[0], 1_000), 19);
}

fn sample(key: Option<&str>, op: &str, lsn: u32, title: &str, run: Option<&str>, ts: u32) -> Sample {
    let row = format!(r#"{{"id":1,"title":"{title}"}}"#);
    let sample = Sample::new(&format!(
        r#"{{"before":null,"after":{row},"source":{{"connector":"postgresql","name":"shop","schema":"public","table":"listings","snapshot":"{}","lsn":{lsn},"txId":7}},"op":"{op}","ts_ns":{ts}}}"#,
        op == "r"
    ));
    let sample = sample.key(key);
    match run {
        Some(run) => sample.header(RUN_ID, run),
        None => sample,
    }
}

fn seen(memory: &mut Repeats, offset: i64, sample: &Sample) -> bool {
    let mut record = sample.record();
    record.offset = offset;
    match skim_with(&record, &NoSchemas) {
        Ok(Skim::Change(envelope)) => memory.seen(&envelope),
        other => panic!("{other:?}"),
    }
}

const KEY: Option<&str> = Some(r#"{"id":1}"#);

#[test]
fn back_and_forth_is_no_repeat() {
    let mut memory = Repeats::default();
    for (offset, title) in ["a", "b", "a", "b"].iter().enumerate() {
        let sample = sample(KEY, "u", offset as u32, title, Some("run"), 1);
        assert!(!seen(&mut memory, offset as i64, &sample));
    }
}

#[test]
fn rows_of_one_statement_are_no_repeats_of_each_other() {
    let mut memory = Repeats::default();
    for offset in 0..3 {
        assert!(!seen(&mut memory, offset, &sample(None, "c", 5, "a", Some("one"), offset as u32)));
    }
    for offset in 3..6 {
        assert!(seen(&mut memory, offset, &sample(None, "c", 5, "a", Some("two"), offset as u32)));
    }
    assert!(!seen(&mut memory, 6, &sample(None, "c", 5, "another", Some("two"), 6)));
    let mut memory = Repeats::default();
    for offset in 0..3 {
        assert!(!seen(&mut memory, offset, &sample(None, "c", 5, "a", None, offset as u32)));
    }
}

#[test]
fn without_runs_the_position_decides_and_the_same_bytes_always_do() {
    let mut memory = Repeats::default();
    assert!(!seen(&mut memory, 0, &sample(KEY, "u", 5, "a", None, 1)));
    assert!(seen(&mut memory, 1, &sample(KEY, "u", 5, "a", None, 2)));
    assert!(!seen(&mut memory, 2, &sample(KEY, "u", 6, "a", Some("run"), 3)));
    assert!(seen(&mut memory, 3, &sample(KEY, "u", 6, "a", Some("run"), 3)));
    assert!(!seen(&mut memory, 3, &sample(KEY, "u", 6, "a", Some("run"), 3)) || memory.len() == 2);
}

#[test]
fn a_snapshot_taken_again_repeats_what_did_not_change() {
    let mut memory = Repeats::default();
    assert!(!seen(&mut memory, 0, &sample(KEY, "r", 5, "a", Some("one"), 1)));
    assert!(seen(&mut memory, 1, &sample(KEY, "r", 9, "a", Some("two"), 2)));
    assert!(!seen(&mut memory, 2, &sample(KEY, "r", 9, "b", Some("two"), 2)));
}

#[test]
fn memory_is_bounded() {
    let mut memory = Repeats::new(10);
    for offset in 0..100 {
        seen(&mut memory, offset, &sample(KEY, "u", offset as u32, "a", Some("one"), 1));
    }
    assert_eq!((memory.len(), memory.is_empty()), (10, false));
}
