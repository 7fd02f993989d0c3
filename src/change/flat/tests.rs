//! Rows without their envelope.

use super::*;
use crate::change::tests::{Sample, capture, summary};
use crate::change::{RowChange, Skim, skim};

fn decode(sample: &Sample) -> Option<RowChange> {
    match skim(&sample.record()).expect("skims") {
        Skim::Change(envelope) => Some(envelope.change(&crate::change::NoHints).expect("decodes")),
        _ => None,
    }
}

#[test]
fn every_flattened_capture_reads_like_the_envelope_it_was() {
    let (mut rows, mut tombstones) = (0, 0);
    for captured in capture("postgres-flattened.jsonl") {
        match skim(&captured.record()).expect("skims") {
            Skim::Change(envelope) => {
                let change = envelope.change(&crate::change::NoHints).expect("decodes");
                assert_eq!(&*change.server, "shopflat");
                assert!(change.table.starts_with("public."), "{}", change.table);
                assert!(change.time_us.is_some());
                assert!(change.row().expect("a row").columns.iter().all(|column| !column.name.starts_with("__")));
                if change.op == Op::Delete {
                    // Replica identities are not known here.
                    assert!(change.before_unknown && change.changes.len() == change.key.expect("a key").columns.len());
                }
                rows += 1;
            }
            Skim::Tombstone => tombstones += 1,
            Skim::Message(_) => {}
            other => panic!("{}:{}", other.kind(), captured.line),
        }
    }
    assert!(rows > 25, "{rows} {tombstones}");
}

#[test]
fn any_prefix_is_found() {
    let sample = Sample::new(r#"{"id":1,"stop":"c","meta.op":"c","meta.table":"items","meta.source_ts_ms":5}"#);
    let change = decode(&sample).expect("a change");
    assert_eq!((change.op, &*change.table, change.time_us), (Op::Create, "public.items", Some(5000)));
    assert_eq!(summary(&change), ["id - -> 1", r#"stop - -> "c""#]);
}

#[test]
fn headers_may_say_it() {
    let sample = Sample::new(r#"{"id":1}"#).header("__op", "\"c\"").header("__table", "things");
    let change = decode(&sample).expect("a change");
    assert_eq!((change.op, &*change.table), (Op::Create, "public.things"));
    let sample = Sample::new(r#"{"id":1}"#).header("dbz_op", "u").header("dbz_db", "store");
    assert_eq!(decode(&sample).expect("a change").table.as_ref(), "store.listings");
    let mut tombstone = Sample::new("").header("__op", "d");
    tombstone.value = None;
    let change = decode(&tombstone).expect("a change");
    assert_eq!((change.op, summary(&change)), (Op::Delete, vec!["id 1 -> -".to_owned()]));
    let mut keyless = Sample::new("").header("__op", "d").key(None);
    keyless.value = None;
    let change = decode(&keyless).expect("a change");
    assert_eq!((change.op, change.key, change.before_unknown), (Op::Delete, None, true));
    let mut tombstone = Sample::new("");
    tombstone.value = None;
    assert!(decode(&tombstone).is_none());
    tombstone.key = None;
    assert!(decode(&tombstone).is_none());
}

#[test]
fn without_added_fields_the_key_and_the_context_tell_a_row() {
    let server = |sample: Sample| sample.header(SERVER, "shop");
    let change = decode(&server(Sample::new(r#"{"id":1,"type":"x"}"#))).expect("a change");
    assert_eq!((change.op, &*change.table, &*change.server), (Op::Update, "public.listings", "shop"));
    assert!(decode(&Sample::new(r#"{"id":1,"type":"x"}"#)).is_none());
    assert!(decode(&server(Sample::new(r#"{"id":2,"type":"x"}"#))).is_none());
    assert!(decode(&server(Sample::new(r#"{"id":1}"#)).key(Some("1"))).is_none());
}

#[test]
fn a_row_may_have_columns_that_look_like_an_envelope() {
    let sample = Sample::new(r#"{"id":1,"op":"c","source":"web","after":"","__deleted":"false"}"#);
    assert_eq!(decode(&sample).expect("a change").changes.len(), 4);
    let sample = Sample::new(r#"{"id":1,"status":"x","event_count":2,"__op":"c"}"#);
    assert_eq!(decode(&sample).expect("a change").changes.len(), 3);
}

#[test]
fn lists_of_changed_columns_narrow_an_update() {
    let row = r#"{"id":1,"a":1,"b":2,"__op":"u"}"#;
    let changed = Sample::new(row).header("What-Changed", r#"["a"]"#).header("What-Unchanged", r#"["id","b"]"#);
    let change = decode(&changed).expect("a change");
    assert_eq!((summary(&change), change.before_unknown), (vec!["a - -> 1".to_owned()], true));
    assert!(changed.envelope().may_touch(&["a"]) && !changed.envelope().may_touch(&["b"]));
    let unchanged = Sample::new(row).header("Unchanged", r#"["id","b"]"#);
    assert_eq!(summary(&decode(&unchanged).expect("a change")), ["a - -> 1"]);
    let empty = Sample::new(row).header("Changed", "[]").header("Unchanged", "[]");
    assert_eq!(decode(&empty).expect("a change").changes.len(), 3);
}

#[test]
fn lists_of_other_names_are_told_by_the_key() {
    let row = r#"{"id":1,"a":1,"b":2,"__op":"u"}"#;
    let lists = |one: &str, other: &str| {
        let sample = Sample::new(row).header("delta", one).header("rest", other);
        summary(&decode(&sample).expect("a change"))
    };
    assert_eq!(lists(r#"["a"]"#, r#"["id","b"]"#), ["a - -> 1"]);
    assert_eq!(lists(r#"["b","id"]"#, r#"["a"]"#), ["a - -> 1"]);
    // Not all columns, one twice, or lists of something else: nothing is known.
    for (one, other) in [(r#"["a"]"#, r#"["id"]"#), (r#"["a","b"]"#, r#"["id","b"]"#), (r#"["a"]"#, r#"["x"]"#)] {
        assert_eq!(lists(one, other).len(), 3, "{one} {other}");
    }
}

#[test]
fn the_name_of_a_rows_schema_gives_it_away() {
    let value = r#"{"schema":{"type":"struct","fields":[{"field":"id","type":"int32"},{"field":"day","type":"int32","name":"io.debezium.time.Date"}],"name":"shop.public.listings.NAME"},"payload":{"id":1,"day":20468}}"#;
    let change = decode(&Sample::new(&value.replace("NAME", "Value"))).expect("a change");
    assert_eq!(
        (change.op, summary(&change)),
        (Op::Update, vec!["id - -> 1".to_owned(), r#"day - -> "2026-01-15""#.to_owned()])
    );
    assert!(decode(&Sample::new(&value.replace("NAME", "Order"))).is_none());

    let avro =
        r#"{"type":"record","name":"NAME","namespace":"shop.public.listings","fields":[{"name":"id","type":"int"}]}"#;
    let proto = "syntax = \"proto3\"; package shop.public.listings; message NAME { int32 id = 1; }";
    for (name, found) in [("Value", true), ("Order", false)] {
        for (kind, schema, payload) in [("AVRO", avro, &[2][..]), ("PROTOBUF", proto, &[0, 8, 1])] {
            let file = serde_json::json!({"7": {"schema": schema.replace("NAME", name), "schemaType": kind}});
            let schemas = crate::change::FileSchemas::parse(&file.to_string()).expect("schemas");
            let mut sample = Sample::new("");
            sample.value = Some([&[0, 0, 0, 0, 7][..], payload].concat());
            let kind = crate::change::skim_with(&sample.record(), &schemas).expect("skims").kind();
            assert_eq!(kind == "change", found, "{name} {schema}");
        }
    }
}

#[test]
fn a_tombstone_in_json_dress_and_a_boolean_say_it_too() {
    for value in ["null", r#"{"schema":null,"payload":null}"#] {
        let change = decode(&Sample::new(value).header("__op", "d")).expect("a change");
        assert_eq!((change.op, summary(&change)), (Op::Delete, vec!["id 1 -> -".to_owned()]));
        assert!(decode(&Sample::new(value)).is_none());
    }
    let change = decode(&Sample::new(r#"{"id":1,"__deleted":true}"#)).expect("a change");
    assert_eq!(change.op, Op::Delete);
}

#[test]
fn a_truncate_has_no_row() {
    let change =
        decode(&Sample::new(r#"{"__op":"t","__table":"listings","__deleted":"false"}"#).key(None)).expect("a change");
    assert_eq!((change.op, change.changes.len(), change.row()), (Op::Truncate, 0, None));
}
