//! Rows come out of Protobuf as they do out of JSON, and broken messages fail cheaply.

mod converter;
mod messages;

use crate::change::tests::{capture, schemas};
use crate::change::{FileSchemas, NoHints, NoSchemas, Op, Record, RowChange, Skim, skim_with};
use crate::cli::records::CapturedRecord;
use converter::{Style, data, encode, message, schema};
use serde_json::{Value as Json, json};

const STYLES: [Style; 2] = [Style { wrappers: true, names: true }, Style { wrappers: false, names: true }];

/// A list that is null is one without elements in Protobuf, and no element is null.
fn without_null_lists(schema: &Json, payload: &mut Json) {
    for field in schema["fields"].as_array().into_iter().flatten() {
        let slot = &mut payload[field["field"].as_str().expect("a name")];
        match (field["type"].as_str(), &slot) {
            (Some("array"), Json::Null) => *slot = json!([]),
            (Some("array"), Json::Array(_)) => slot.as_array_mut().expect("a list").retain(|value| !value.is_null()),
            (Some("struct"), Json::Object(_)) => without_null_lists(field, slot),
            _ => {}
        }
    }
}

/// One side of a captured record, as JSON again and as a frame.
struct Side {
    json: Option<Vec<u8>>,
    framed: Option<Vec<u8>>,
    schema: Option<(String, Json)>,
}

fn side(bytes: Option<&[u8]>, id: u32, style: Style) -> Side {
    let plain = |bytes: Option<&[u8]>| Side { json: bytes.map(<[u8]>::to_vec), framed: None, schema: None };
    let Some(mut captured) = bytes.and_then(|bytes| serde_json::from_slice::<Json>(bytes).ok()) else {
        return plain(bytes);
    };
    if captured["payload"].is_null() {
        return plain(None);
    }
    let connect = captured["schema"].clone();
    if connect["type"] != "struct" {
        return plain(bytes);
    }
    without_null_lists(&connect, &mut captured["payload"]);
    let (text, name) = schema(&connect, style);
    let message = data(&message(&text, &name), &connect, &captured["payload"]);
    let framed = [&[0][..], &id.to_be_bytes(), &[0], &encode(&message)].concat();
    Side {
        json: Some(captured.to_string().into_bytes()),
        framed: Some(framed),
        schema: Some((id.to_string(), json!({"schema": text, "schemaType": "PROTOBUF"}))),
    }
}

fn record<'a>(like: &Record<'a>, key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> Record<'a> {
    Record { key, value, ..*like }
}

fn told(skim: &Skim<'_>) -> Json {
    let row = |row: &crate::change::Row| -> Json {
        row.columns.iter().map(|c| json!([*c.name, c.ty.as_str(), c.value.canonical()])).collect()
    };
    match skim {
        Skim::Change(envelope) => {
            let RowChange { op, connector, server, database, table, key, snapshot, time_us, before, after, .. } =
                envelope.change(&NoHints).expect("decodes");
            let change = envelope.change(&NoHints).expect("decodes");
            let changes: Vec<Json> = change
                .changes
                .iter()
                .map(|c| {
                    json!([
                        *c.name,
                        c.ty.as_str(),
                        c.old.as_ref().map(crate::change::Value::canonical),
                        c.new.as_ref().map(crate::change::Value::canonical)
                    ])
                })
                .collect();
            json!({
                "op": op.as_str(), "connector": *connector, "server": *server, "database": database.as_deref(),
                "table": *table, "key": key.as_ref().map(row), "snapshot": snapshot, "time": time_us,
                "before": before.as_ref().map(row), "after": after.as_ref().map(row), "changes": changes,
                "unavailable": change.unavailable.iter().map(|name| json!(**name)).collect::<Vec<_>>(),
                "before_unknown": change.before_unknown, "typed": envelope.has_schema(),
            })
        }
        Skim::Message(message) => json!([message.prefix, message.text(), message.time_us]),
        other => json!(other.kind()),
    }
}

#[test]
fn what_confluents_serializer_wrote_of_a_capture_reads_as_its_json_does() {
    let schemas = schemas("postgres-protobuf.jsonl");
    let captured = capture("postgres-json-schema.jsonl");
    let (mut changes, mut untouched) = (0, 0);
    for framed in capture("postgres-protobuf.jsonl") {
        let place = |record: &CapturedRecord| (record.topic.clone(), record.partition, record.offset);
        let same = captured.iter().find(|record| place(record) == place(&framed)).expect("the record");
        // Only what the capture has, and Protobuf has not, is left out: lists that are null, and nulls in lists.
        let value = same.record().value.map(|value| {
            let mut value: Json = serde_json::from_slice(value).expect("JSON");
            let connect = value["schema"].clone();
            without_null_lists(&connect, &mut value["payload"]);
            value.to_string()
        });
        let json = record(&same.record(), same.record().key, value.as_deref().map(str::as_bytes));
        let expected = told(&skim_with(&json, &NoSchemas).expect("skims"));
        let skimmed = skim_with(&framed.record(), &schemas);
        let skimmed = skimmed.expect("skims");
        assert_eq!(told(&skimmed), expected, "{}:{}", framed.topic, framed.offset);
        changes += usize::from(expected.is_object());
        untouched += untouched_columns(&skimmed);
    }
    assert_eq!(changes, 19);
    assert!(untouched > 50, "{untouched}");
}

/// Columns of an update that are told to be the same without reading them; those that differ never are.
fn untouched_columns(skim: &Skim<'_>) -> usize {
    let Skim::Change(envelope) = skim else { return 0 };
    let change = envelope.change(&NoHints).expect("decodes");
    let (Op::Update, Some(before), Some(_)) = (change.op, &change.before, &change.after) else { return 0 };
    let changed = |name: &str| change.changes.iter().any(|changed| *changed.name == *name);
    let same = before.columns.iter().filter(|column| !changed(&column.name));
    assert!(change.changes.iter().all(|changed| envelope.may_touch(&[&*changed.name])));
    same.filter(|column| !envelope.may_touch(&[&*column.name])).count()
}

#[test]
fn what_the_converter_writes_of_a_capture_reads_as_its_json_does() {
    let (mut changes, mut untouched) = (0, 0);
    for file in ["postgres-json-schema.jsonl", "mariadb-json-schema.jsonl"] {
        for style in STYLES {
            for captured in capture(file) {
                let like = captured.record();
                let (key, value) = (side(like.key, 1, style), side(like.value, 2, style));
                let Some((_, schema)) = &value.schema else { continue };
                // A message field is named `schema` inside the source block, and arrays of arrays have no
                // Protobuf form, which the schema-change records would need.
                if schema["schema"].as_str().expect("text").contains("SchemaChange") {
                    continue;
                }
                let file: serde_json::Map<String, Json> =
                    [&key.schema, &value.schema].into_iter().flatten().cloned().collect();
                let schemas = FileSchemas::parse(&Json::Object(file).to_string()).expect("schemas");
                let json = record(&like, key.json.as_deref(), value.json.as_deref());
                let framed = record(&like, key.framed.as_deref().or(key.json.as_deref()), value.framed.as_deref());
                let expected = told(&skim_with(&json, &NoSchemas).expect("skims"));
                let found = told(&skim_with(&framed, &schemas).expect("skims"));
                assert_eq!(found, expected, "{style:?} {}:{}", captured.topic, captured.offset);
                untouched += untouched_columns(&skim_with(&framed, &schemas).expect("skims"));
                changes += usize::from(expected.is_object());
            }
        }
    }
    assert_eq!(changes, 80);
    assert!(untouched > 100, "{untouched}");
}
