//! Messages that no capture has: other frames, other types, and broken ones.

use super::super::*;
use super::converter::{encode, message};
use crate::change::tests::{Sample, summary};
use crate::change::{FileSchemas, NoHints, Schema, Skim, skim_with, suspicions};
use proptest::prelude::*;
use prost_reflect::{DynamicMessage, MapKey, Value};
use serde_json::json;

const ENVELOPE: &str = r#"syntax = "proto3";
package shop.public.listings;
message Key { int32 id = 1; }
message Envelope {
  message Value { int32 id = 1; string title = 2; optional int32 stock = 3; }
  message Source { string connector = 1; string name = 2; string table = 3; string schema = 4; int64 ts_ms = 5; int64 ts_us = 6; }
  Value before = 1;
  Value after = 2;
  Source source = 3;
  string op = 4;
  int64 ts_ms = 5;
}
"#;

fn plan(text: &str) -> Arc<Plan> {
    Arc::new(Plan::parse(text, &[]).expect("a schema"))
}

/// A message as JSON. What is checked can be written, and what cannot be written fails its check.
fn json(root: &Root, payload: &[u8]) -> Result<String, Reason> {
    let mut out = String::new();
    let written = super::super::json::Writer::new(&root.plan, payload.len()).whole(root.message, payload, &mut out);
    let checked = Body::checked(root.clone(), payload).map(drop);
    let long = written.as_ref().is_err_and(|reason| reason.contains("becomes too long"));
    assert_eq!(written.is_ok() || long, checked.is_ok(), "{written:?} {checked:?}");
    written.and(Ok(out))
}

fn dynamic(text: &str, name: &str, fields: &[(&str, Value)]) -> DynamicMessage {
    let mut out = DynamicMessage::new(message(text, name));
    for (name, value) in fields {
        out.set_field_by_name(name, value.clone());
    }
    out
}

fn envelope(op: &str, before: Option<&str>, after: Option<&str>) -> Vec<u8> {
    let inner = |name: &str, fields: &[(&str, Value)]| {
        Value::Message(dynamic(ENVELOPE, &format!("shop.public.listings.Envelope.{name}"), fields))
    };
    let row = |title: &str| inner("Value", &[("id", Value::I32(7)), ("title", Value::String(title.into()))]);
    let text = |text: &str| Value::String(text.into());
    let source = [
        ("connector", text("mysql")),
        ("name", text("shop")),
        ("schema", text("public")),
        ("table", text("listings")),
        ("ts_ms", Value::I64(5)),
    ];
    let mut fields = vec![("source", inner("Source", &source)), ("op", text(op))];
    fields.extend(before.map(|title| ("before", row(title))));
    fields.extend(after.map(|title| ("after", row(title))));
    encode(&dynamic(ENVELOPE, "shop.public.listings.Envelope", &fields))
}

fn schemas(text: &str) -> FileSchemas {
    let file = json!({"7": {"schema": text, "schemaType": "PROTOBUF"}, "00000000-0000-0000-0000-000000000000": {"schema": text, "schemaType": "PROTOBUF"}});
    FileSchemas::parse(&file.to_string()).expect("schemas")
}

/// What a value says, or why it says nothing.
fn read(value: Vec<u8>, headers: &[(&str, &[u8])]) -> Result<Vec<String>, String> {
    let mut sample = Sample::new("").key(None);
    sample.value = Some(value);
    sample.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Some(value.to_vec()))).collect();
    let schemas = schemas(ENVELOPE);
    match skim_with(&sample.record(), &schemas).map_err(|error| error.to_string())? {
        Skim::Change(envelope) => {
            let change = envelope.change(&NoHints).map_err(|error| error.to_string())?;
            assert_eq!((&*change.table, change.time_us), ("public.listings", Some(5000)));
            Ok(summary(&change))
        }
        other => Ok(vec![other.kind().to_owned()]),
    }
}

#[test]
fn every_frame_names_its_message() {
    let payload = envelope("u", Some("old"), Some("new"));
    let expected = Ok(vec![r#"title "old" -> "new""#.to_owned()]);
    let confluent = |path: &[u8]| [&[0, 0, 0, 0, 7], path, &payload].concat();
    assert_eq!(read(confluent(&[2, 2]), &[]), expected);
    let apicurio = |name: &str| {
        let inner = [&[0x0a, name.len() as u8][..], name.as_bytes()].concat();
        [&[0, 0, 0, 0, 7, inner.len() as u8][..], &inner, &payload].concat()
    };
    assert_eq!(read(apicurio("Envelope"), &[]), expected);
    assert_eq!(read(apicurio("shop.public.listings.Envelope"), &[]), expected);
    let long = [&[0, 0, 0, 0, 0, 0, 0, 0, 7][..], &apicurio("Envelope")[5..]].concat();
    assert_eq!(read(long, &[]), expected);
    let guid = [&[1][..], &[0; 16], &[2, 2]].concat();
    assert_eq!(read(payload.clone(), &[("__value_schema_id", &guid)]), expected);
    assert_eq!(read([&[1][..], &[0; 16], &[2, 2], &payload].concat(), &[]), expected);
    // The path [0], which is the key's message here, in each of its forms.
    let global = 7_i64.to_be_bytes();
    for (value, headers) in [
        (confluent(&[0]), vec![]),
        (payload.clone(), vec![("apicurio.value.globalId", &global[..])]),
        ([&[0][..], &payload].concat(), vec![("apicurio.value.globalId", &global[..])]),
    ] {
        assert_eq!(read(value, &headers), Err("value: id: written with another schema".into()));
    }
    assert_eq!(read(confluent(&[2, 8]), &[]), Err("value: message indexes that the schema does not have".into()));
    assert_eq!(read(confluent(&[1, 2]), &[]), Err("value: message indexes that are none".into()));
    assert_eq!(read(vec![0, 0, 0, 0, 7, 2], &[]), Err("value: ends inside its message indexes".into()));
}

#[test]
fn what_is_missing_or_broken_is_told() {
    let confluent = |payload: &[u8]| [&[0, 0, 0, 0, 7, 2, 2], payload].concat();
    assert_eq!(read(confluent(&[]), &[]), Err("source: missing".into()));
    assert_eq!(read(confluent(&envelope("", None, Some("x"))), &[]), Err("op: missing".into()));
    assert_eq!(
        read(confluent(&envelope("x", None, Some("x"))), &[]).unwrap_err(),
        "op: a letter that Debezium does not use"
    );
    assert_eq!(read(confluent(&envelope("u", None, None)), &[]).unwrap_err(), "after: null, where op is update");
    let whole = envelope("u", Some("old"), Some("new"));
    let mut errors = 0;
    for end in 0..whole.len() {
        errors += usize::from(read(confluent(&whole[..end]), &[]).is_err());
    }
    assert_eq!(errors, whole.len());
    // `after` with a title that is no UTF-8, and with an id of another type.
    assert_eq!(read(confluent(&[0x12, 3, 0x12, 1, 0xff]), &[]).unwrap_err(), "after: title: not UTF-8");
    assert_eq!(read(confluent(&[0x12, 2, 0x0a, 0]), &[]).unwrap_err(), "after: id: written with another schema");
    assert_eq!(read(confluent(&[0x12, 200, 1]), &[]).unwrap_err(), "value: claims 200 bytes, where 0 are left");
    assert_eq!(read(confluent(&[0]), &[]).unwrap_err(), "value: a field number that Protobuf does not have");
    assert_eq!(read(confluent(&[0x0f]), &[]).unwrap_err(), "value: a wire type that Protobuf does not have");
    assert_eq!(read(confluent(&[8; 11]), &[]).unwrap_err(), "before: written with another schema");
}

#[test]
fn a_schema_without_connects_names_leaves_the_question_open() {
    let mut sample = Sample::new("").key(None);
    sample.value = Some([&[0, 0, 0, 0, 7, 2, 2][..], &envelope("c", None, Some("AcI="))].concat());
    let schemas = schemas(ENVELOPE);
    let record = sample.record();
    let Ok(Skim::Change(envelope)) = skim_with(&record, &schemas) else { panic!("no change") };
    let change = envelope.change(&NoHints).expect("decodes");
    // A field without presence is its type's zero, one with presence null.
    assert_eq!(summary(&change), ["id - -> 7", r#"title - -> "AcI=""#, "stock - -> null"]);
    assert!(!envelope.has_schema());
    assert_eq!(suspicions(&envelope, &change, &NoHints).len(), 1);
}

/// A row of every kind of type.
const ROW: &str = r#"syntax = "proto3";
    import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
    import "google/protobuf/duration.proto"; import "google/type/date.proto";
    import "google/type/timeofday.proto"; import "confluent/type/decimal.proto";
    message Row {
    google.protobuf.Timestamp at = 1;
    google.type.Date day = 2;
    .google.type.TimeOfDay time = 3;
    confluent.type.Decimal price = 4;
    google.protobuf.UInt64Value big = 5;
    google.protobuf.Duration took = 6;
    Color color = 7;
    map<string, google.protobuf.BoolValue> flags = 8;
    repeated sint64 packed = 9;
    repeated sint64 spread = 10 [packed = false];
    fixed64 fixed = 11;
    oneof choice { float one = 12; bytes two = 13; }
    google.protobuf.StringValue none = 14;
    enum Color { RED = 0; BLUE = 2; }
    }"#;

#[test]
fn messages_of_protobufs_own_are_values() {
    let text = ROW;
    let known = |name: &str, fields: &[(&str, Value)]| Value::Message(dynamic(text, name, fields));
    let flag = known("google.protobuf.BoolValue", &[("value", Value::Bool(true))]);
    let numbers = Value::List(vec![Value::I64(-1), Value::I64(i64::MIN)]);
    let row = dynamic(
        text,
        "Row",
        &[
            ("at", known("google.protobuf.Timestamp", &[("seconds", Value::I64(-1)), ("nanos", Value::I32(5))])),
            (
                "day",
                known(
                    "google.type.Date",
                    &[("year", Value::I32(2026)), ("month", Value::I32(2)), ("day", Value::I32(28))],
                ),
            ),
            ("time", known("google.type.TimeOfDay", &[("hours", Value::I32(23)), ("nanos", Value::I32(1_000))])),
            (
                "price",
                known(
                    "confluent.type.Decimal",
                    &[("value", Value::Bytes(vec![0xff, 0x38].into())), ("scale", Value::I32(2))],
                ),
            ),
            ("big", known("google.protobuf.UInt64Value", &[("value", Value::U64(u64::MAX))])),
            ("took", known("google.protobuf.Duration", &[("seconds", Value::I64(3_661))])),
            ("color", Value::EnumNumber(2)),
            ("flags", Value::Map([(MapKey::String("a".into()), flag)].into())),
            ("packed", numbers.clone()),
            ("spread", numbers),
            ("fixed", Value::U64(u64::MAX)),
            ("one", Value::F32(0.1)),
        ],
    );
    let plan = plan(text);
    let (root, payload) = Root::find_bare(&plan, &[], &[]).expect("a root");
    assert!(payload.is_empty());
    let written = json(&root, &encode(&row)).expect("writes");
    let (_, value) = crate::change::semantic::decode(root.kind(), &written).expect("decodes");
    assert_eq!(
        value.canonical(),
        json!({
            "at": "1969-12-31T23:59:59.000000005", "day": "2026-02-28", "time": "23:00:00.000001", "price": "-2.00",
            "big": u64::MAX, "took": "PT1H1M1S", "color": "BLUE", "flags": {"a": true}, "packed": [-1, i64::MIN],
            "spread": [-1, i64::MIN], "fixed": u64::MAX, "one": 0.1, "two": null, "none": null,
        })
    );
    // Nothing was sent: zeros and nulls. A number that no word of the enum has stays one.
    let (_, empty) = crate::change::semantic::decode(root.kind(), &json(&root, &[]).expect("writes")).expect("decodes");
    assert_eq!(empty.canonical()["color"], "RED");
    assert_eq!((&empty.canonical()["at"], &empty.canonical()["fixed"]), (&json!(null), &json!(0)));
    assert!(json(&root, &[0x38, 9]).expect("writes").contains(r#""color":"9""#));
    // Fields and groups that the schema does not have are stepped over.
    assert_eq!(json(&root, &[0xa3, 1, 8, 5, 0xa4, 1]), json(&root, &[]));
}

#[test]
fn types_are_found_in_references_and_outer_scopes() {
    let imported = r#"syntax = "proto2"; package a; message Money { required int64 units = 1; optional Sub sub = 2; message Sub { optional bool b = 1; } }"#;
    let text = r#"syntax = "proto3"; package a.b; import "money.proto"; message Row { Money price = 1; repeated a.Money.Sub subs = 2; Row self = 3; }"#;
    let plan = Arc::new(Plan::parse(text, &[imported]).expect("a schema"));
    let (root, _) = Root::find_bare(&plan, &[], &[]).expect("a root");
    let json = json(&root, &[0x0a, 4, 8, 3, 0x12, 0, 0x12, 2, 8, 1, 0x1a, 0]).expect("writes");
    assert_eq!(
        json,
        r#"{"price":{"units":3,"sub":{"b":null}},"subs":[{"b":true}],"self":{"price":null,"subs":[],"self":null}}"#
    );
    assert!(Plan::parse(text, &[]).is_err());
}

#[test]
fn schemas_that_are_none_say_why() {
    let error = |text: &str| Schema::parse(Some("PROTOBUF"), text, &[]).expect_err("an error").to_string();
    assert_eq!(error("{\"type\":\"record\"}"), "the schema is not valid Protobuf");
    assert_eq!(error("syntax = \"proto3\"; message A { B b = 1; }"), "a field of a type that is not defined");
    assert_eq!(error("syntax = \"proto3\"; message A { int32 a = 1; int32 b = 1; }"), "two fields of one number");
    assert_eq!(error(&"message A {".repeat(10_000)), "a schema that is nested too deeply");
    assert_eq!(error(&" ".repeat(3_000_000)), "a Protobuf schema of more than 2097152 bytes");
    // Chains and circles of types have an end.
    let chain: String = (0..3_000).map(|at| format!("message M{at} {{ M{} next = 1; }}\n", (at + 1) % 3_000)).collect();
    assert!(Schema::parse(Some("protobuf"), &format!("syntax = \"proto3\";\n{chain}"), &[]).is_ok());
}

#[test]
fn a_message_cannot_grow_or_sink_without_end() {
    let text = r#"syntax = "proto3"; message List { repeated Row rows = 1; List list = 2; }"#.to_owned()
        + "message Row {"
        + &(1..2_000).map(|at| format!("string column_of_a_long_name_{at} = {at};")).collect::<String>()
        + "}";
    let plan = plan(&text);
    let (root, _) = Root::find_bare(&plan, &[], &[]).expect("a root");
    assert!(json(&root, &[0x0a, 0].repeat(10)).is_ok());
    let error = json(&root, &[0x0a, 0].repeat(100_000)).expect_err("an error");
    assert!(error.contains("becomes too long"), "{error}");
    let deep = (0..100).fold(Vec::new(), |inner: Vec<u8>, _| {
        let mut outer = vec![0x12];
        let mut length = inner.len();
        while length > 127 {
            outer.push(length as u8 | 0x80);
            length >>= 7;
        }
        outer.push(length as u8);
        [outer, inner].concat()
    });
    assert!(json(&root, &deep).expect_err("an error").contains("nested too deeply"));
}

#[test]
fn fields_that_differ_are_told_by_their_bytes() {
    let plan = plan(ROW);
    let body = |fields: &[(&str, Value)]| {
        let bytes: &'static [u8] = encode(&dynamic(ROW, "Row", fields)).leak();
        let (root, payload) = Root::find_bare(&plan, &[], bytes).expect("a root");
        Body::checked(root, payload).expect("a message")
    };
    let numbers = |numbers: &[i64]| Value::List(numbers.iter().map(|number| Value::I64(*number)).collect());
    let old = body(&[("fixed", Value::U64(1)), ("packed", numbers(&[1, 2])), ("spread", numbers(&[1, 2]))]);
    for (new, differing) in [
        (body(&[("fixed", Value::U64(1)), ("packed", numbers(&[1, 2])), ("spread", numbers(&[1, 2]))]), None),
        (body(&[("fixed", Value::U64(2)), ("packed", numbers(&[1, 2])), ("spread", numbers(&[1, 2]))]), Some("fixed")),
        (body(&[("packed", numbers(&[1, 2])), ("spread", numbers(&[1, 2]))]), Some("fixed")),
        (body(&[("fixed", Value::U64(1)), ("packed", numbers(&[1])), ("spread", numbers(&[1, 2]))]), Some("packed")),
        (body(&[("fixed", Value::U64(1)), ("packed", numbers(&[1, 2])), ("spread", numbers(&[1]))]), Some("spread")),
        (body(&[("fixed", Value::U64(1)), ("packed", numbers(&[1, 2])), ("spread", numbers(&[3, 2]))]), Some("spread")),
    ] {
        for column in ["fixed", "packed", "spread", "one", "unknown"] {
            assert_eq!(old.differs(&new, &[column]), differing == Some(column), "{column}");
        }
    }
    // Of another schema: nothing is known without reading.
    let other = Root::find_bare(&super::messages::plan(ROW), &[], &[]).expect("a root").0;
    assert!(old.differs(&Body::checked(other, old.bytes()).expect("a message"), &["one"]));
}

proptest! {
    #[test]
    fn what_is_checked_can_be_written(
        fields in proptest::collection::vec((1..16_u8, 0..6_u8, proptest::collection::vec(any::<u8>(), 0..10)), 0..6)
    ) {
        let plan = plan(ROW);
        let (root, _) = Root::find_bare(&plan, &[], &[]).expect("a root");
        let mut payload = Vec::new();
        for (number, wire, bytes) in fields {
            payload.push(number << 3 | wire);
            payload.extend((wire == 2).then_some(bytes.len() as u8));
            payload.extend(bytes);
        }
        let _ = json(&root, &payload);
    }

    #[test]
    fn no_bytes_and_no_schema_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), cut in 0..400_usize) {
        for frame in [&[0, 0, 0, 0, 7][..], &[0, 0, 0, 0, 7, 2, 2]] {
            let _ = read([frame, &bytes].concat(), &[]);
        }
        let _ = read(bytes, &[("apicurio.value.globalId", &7_i64.to_be_bytes())]);
        let cut = ENVELOPE.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(0);
        let _ = Plan::parse(&ENVELOPE[..cut], &[]);
    }
}
