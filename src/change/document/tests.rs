//! Documents and cells.

use crate::change::tests::{Sample, summary};

fn mongo(parts: &str) -> Sample {
    Sample::new(&format!(
        r#"{{{parts},"source":{{"connector":"mongodb","name":"shop","db":"store","collection":"items","ts_ms":5,"ord":1}},"ts_ms":6}}"#
    ))
    .key(Some(r#"{"id":"{\"$oid\": \"65f0\"}"}"#))
}

#[test]
fn documents_come_as_texts_in_extended_json() {
    let after = r#"{\"_id\": {\"$oid\": \"65f0\"},\"n\": {\"$numberLong\": \"9007199254740993\"},\"p\": {\"$numberDecimal\": \"1.50\"},\"at\": {\"$date\": 1577836800000},\"u\": {\"$binary\": \"AAECAwQFBgcICQoLDA0ODw==\",\"$type\": \"04\"},\"o\": {\"a\": 1}}"#;
    let change = mongo(&format!(r#""op":"c","before":null,"after":"{after}""#)).decode();
    assert_eq!(
        summary(&change),
        [
            r#"_id - -> "65f0""#,
            "n - -> 9007199254740993",
            r#"p - -> "1.50""#,
            r#"at - -> "2020-01-01T00:00:00Z""#,
            r#"u - -> "00010203-0405-0607-0809-0a0b0c0d0e0f""#,
            r#"o - -> {"a":1}"#
        ]
    );
    assert_eq!((&*change.table, &*change.connector), ("store.items", "mongodb"));
}

#[test]
fn updates_may_say_only_what_changed_and_the_op_may_be_missing() {
    let update = r#""updateDescription":{"removedFields":["b"],"updatedFields":"{\"a\": 2}","truncatedArrays":null}"#;
    let change = mongo(&format!(r#""op":"u","before":null,"after":null,{update}"#)).decode();
    assert_eq!(
        (summary(&change), change.before_unknown),
        (vec!["a - -> 2".to_owned(), "b - -> null".to_owned()], true)
    );
    let change = mongo(&format!(r#""after":null,{update}"#)).decode();
    assert_eq!(change.op, crate::change::Op::Update);
    let change = mongo(r#""before":"{\"a\": 1}","after":"{\"a\": 2}","op":"u""#).decode();
    assert_eq!(summary(&change), ["a 1 -> 2"]);
    let change = mongo(r#""before":null,"after":null,"op":"d""#).decode();
    assert_eq!((change.changes.len(), change.before_unknown), (1, true));
    assert_eq!(
        mongo(r#""op":"c","after":"{\"a\"""#).error(),
        "after: not valid JSON at byte 4: expected a colon after a key"
    );
    assert_eq!(mongo(r#""op":"c","after":"7""#).error(), "after: expected a document in the text");
}

#[test]
fn cells_are_unwrapped() {
    let sample = Sample::new(
        r#"{"op":"i","ts_ms":1,"source":{"connector":"cassandra","name":"shop","keyspace_name":"store","table_name":"items","ts_micro":5},
            "after":{"id":{"value":1,"deletion_ts":null,"set":true},"t":{"value":null,"deletion_ts":9,"set":true},"u":{"value":null,"deletion_ts":null,"set":false}}}"#,
    );
    let change = sample.decode();
    assert_eq!(
        (summary(&change), &*change.table),
        (vec!["id - -> 1".to_owned(), "t - -> null".to_owned()], "store.items")
    );
}
