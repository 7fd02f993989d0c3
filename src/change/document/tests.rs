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

#[test]
fn an_old_document_beside_a_description_of_the_update_keeps_what_was_not_touched() {
    let update = r#""updateDescription":{"removedFields":["b"],"updatedFields":"{\"a\": 2}","truncatedArrays":null}"#;
    let sample =
        mongo(&format!(r#""op":"u","before":"{{\"_id\": 1, \"a\": 1, \"b\": 3, \"c\": 4}}","after":null,{update}"#));
    let change = sample.decode();
    assert_eq!(
        (summary(&change), change.before_unknown),
        (vec!["a 1 -> 2".to_owned(), "b 3 -> null".to_owned()], false)
    );
    assert_eq!(change.after.expect("an image").get("c").expect("a column").value, crate::change::Value::Int(4));
}

const CELL: &str = r#"{"type":"struct","fields":[{"field":"value","type":"int32","name":"io.debezium.time.Date"},{"field":"deletion_ts","type":"int64"},{"field":"set","type":"boolean"}],"optional":true,"field":"day"}"#;

#[test]
fn cells_keep_the_types_of_their_schema() {
    let source = r#"{"connector":"cassandra","name":"shop","keyspace_name":"store","table_name":"items"}"#;
    let cell = r#"{"day":{"value":20468,"deletion_ts":null,"set":true}}"#;
    let schema = format!(r#"{{"type":"struct","fields":[{{"field":"after","type":"struct","fields":[{CELL}]}}]}}"#);
    for (op, expected) in [("i", r#"day - -> "2026-01-15""#), ("d", r#"day "2026-01-15" -> -"#)] {
        let payload = format!(r#"{{"op":"{op}","source":{source},"after":{cell}}}"#);
        let change = Sample::new(&format!(r#"{{"schema":{schema},"payload":{payload}}}"#)).decode();
        assert_eq!(summary(&change), [expected]);
    }
}

#[test]
fn cells_come_in_avro_too() {
    let schema = r#"{"type":"record","name":"Envelope","fields":[
        {"name":"op","type":"string"},
        {"name":"source","type":{"type":"record","name":"Source","fields":[
            {"name":"connector","type":"string"},{"name":"keyspace_name","type":"string"},{"name":"table_name","type":"string"}]}},
        {"name":"after","type":["null",{"type":"record","name":"Value","fields":[
            {"name":"day","type":["null",{"type":"record","name":"cell","fields":[
                {"name":"value","type":["null",{"type":"int","connect.name":"io.debezium.time.Date"}]},
                {"name":"set","type":"boolean"}]}]}]}]}]}"#;
    let file = serde_json::json!({"7": {"schema": schema}}).to_string();
    let schemas = crate::change::FileSchemas::parse(&file).expect("schemas");
    let text = |text: &str| [&[text.len() as u8 * 2], text.as_bytes()].concat();
    let payload =
        [text("i"), text("cassandra"), text("store"), text("items"), vec![2, 2, 2, 0xe8, 0xbf, 2, 1]].concat();
    let mut sample = Sample::new("");
    sample.value = Some([&[0, 0, 0, 0, 7][..], &payload].concat());
    let record = sample.record();
    let Ok(crate::change::Skim::Change(envelope)) = crate::change::skim_with(&record, &schemas) else { panic!() };
    assert_eq!(summary(&envelope.change(&crate::change::NoHints).expect("decodes")), [r#"day - -> "2026-01-15""#]);
}
