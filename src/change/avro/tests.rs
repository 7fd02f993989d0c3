//! Datums read as a general Avro reader reads them, and broken ones fail cheaply.

use super::*;
use crate::change::schemas::{FileSchemas, Lookup, Schema, Schemas};
use crate::change::tests::{AVRO_CAPTURES, capture, schemas_of};
use apache_avro::types::Value as Reference;
use base64::Engine;
use proptest::prelude::*;

fn plan(schema: &str) -> Arc<Plan> {
    Arc::new(Plan::parse(schema, &[]).expect("a schema"))
}

fn read(schema: &str, bytes: &[u8]) -> Result<(Type, Value), String> {
    Datum::root(&plan(schema), bytes).value().map_err(|reason| reason.into_owned())
}

/// The JSON that JsonConverter would write, from a general reader's value.
fn json(value: &Reference) -> serde_json::Value {
    let base64 = |bytes: &[u8]| serde_json::json!(base64::engine::general_purpose::STANDARD.encode(bytes));
    let float = |float: f64| match serde_json::Number::from_f64(float) {
        Some(number) => serde_json::Value::Number(number),
        None if float.is_nan() => serde_json::json!("NaN"),
        None => serde_json::json!(if float > 0.0 { "Infinity" } else { "-Infinity" }),
    };
    match value {
        Reference::Null => serde_json::Value::Null,
        Reference::Boolean(bool) => serde_json::json!(bool),
        Reference::Int(int) => serde_json::json!(int),
        Reference::Long(long) => serde_json::json!(long),
        Reference::Float(f) => float(f.to_string().parse().unwrap_or(f64::from(*f))),
        Reference::Double(f) => float(*f),
        Reference::Bytes(bytes) | Reference::Fixed(_, bytes) => base64(bytes),
        Reference::Decimal(decimal) => base64(&Vec::try_from(decimal).expect("bytes")),
        Reference::String(text) | Reference::Enum(_, text) => serde_json::json!(text),
        Reference::Union(_, inner) => json(inner),
        Reference::Array(values) => values.iter().map(json).collect(),
        Reference::Map(entries) => entries.iter().map(|(k, v)| (k.clone(), json(v))).collect(),
        Reference::Record(fields) => fields.iter().map(|(k, v)| (k.clone(), json(v))).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_captured_datum_reads_as_the_general_reader_has_it() {
    let mut compared = 0;
    for file in AVRO_CAPTURES {
        let text = std::fs::read_to_string(crate::change::tests::fixture(&schemas_of(file))).expect("schemas");
        let texts: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let schemas = FileSchemas::parse(&text).expect("schemas");
        for captured in capture(file) {
            let record = captured.record();
            for (side, bytes) in [(Side::Key, record.key), (Side::Value, record.value)] {
                let Some(bytes) = bytes else { continue };
                let framed = frame::by_header(&record, side, bytes)
                    .unwrap_or_else(|| frame::by_magic("value", bytes).expect("a frame"));
                let Lookup::Found(schema) = schemas.schema(&framed.id) else { panic!("{}", framed.id) };
                let Schema::Avro(schema) = &*schema else { panic!("not Avro") };
                let mut raw = String::new();
                let mut reader = Reader::new(framed.payload);
                schema.plan.json(schema.plan.root, &mut reader, &mut raw, 0).expect("reads");
                reader.end().expect("all of it");

                let text = texts[framed.id.word()]["schema"].as_str().expect("a text");
                let general = apache_avro::Schema::parse_str(text).expect("a schema");
                let reader =
                    apache_avro::reader::datum::GenericDatumReader::builder(&general).build().expect("a reader");
                let value = reader.read_value(&mut &framed.payload[..]).expect("reads");
                let ours: serde_json::Value = serde_json::from_str(&raw).expect("JSON");
                assert_eq!(ours, json(&value), "{file}:{}", captured.line);
                compared += 1;
            }
        }
    }
    assert!(compared > 70, "{compared}");
}

use crate::change::frame::{self, Side};

#[test]
fn values_mean_what_connect_says() {
    let canonical = |schema: &str, bytes: &[u8]| {
        let (ty, value) = read(schema, bytes).expect("reads");
        format!("{} {}", ty.as_str(), value.canonical())
    };
    let named = |base: &str, name: &str| format!(r#"["null",{{"type":"{base}","connect.name":"{name}"}}]"#);
    assert_eq!(canonical(r#"["null","long"]"#, &[0]), "int null");
    assert_eq!(canonical(&named("int", "io.debezium.time.Date"), &[2, 2]), "date \"1970-01-02\"");
    assert_eq!(
        canonical(&named("long", "io.debezium.time.MicroTimestamp"), &[2, 4]),
        "timestamp \"1970-01-01T00:00:00.000002\""
    );
    assert_eq!(canonical(&named("string", "io.debezium.data.EnumSet"), &[2, 6, b'a', b',', b'b']), "set [\"a\",\"b\"]");
    assert_eq!(canonical(r#"{"type":"int","logicalType":"date"}"#, &[2]), "date \"1970-01-02\"");
    assert_eq!(
        canonical(r#"{"type":"long","logicalType":"timestamp-millis"}"#, &[2]),
        "instant \"1970-01-01T00:00:00.001Z\""
    );
    assert_eq!(
        canonical(r#"{"type":"fixed","name":"f","size":2,"logicalType":"decimal","scale":1}"#, &[1, 0]),
        "decimal \"25.6\""
    );
    assert_eq!(canonical("\"float\"", &0.1f32.to_le_bytes()), "float 0.1");
    assert_eq!(canonical("\"double\"", &f64::NAN.to_le_bytes()), "float \"NaN\"");
    assert_eq!(canonical(r#"{"type":"enum","name":"e","symbols":["a","b"]}"#, &[2]), "enum \"b\"");
    assert_eq!(canonical(r#"{"type":"map","values":"int"}"#, &[1, 6, 2, b'k', 4, 0]), "map {\"k\":2}");
    assert_eq!(canonical(r#"["null","int","string"]"#, &[4, 2, b'x']), "text \"x\"");
    // A date as its parts: no fast way, so by way of JSON.
    let structured = r#"{"type":"record","name":"StructuredDate","connect.name":"io.debezium.time.StructuredDate","fields":[
        {"name":"year","type":"int"},{"name":"month","type":"int"},{"name":"day","type":"int"}]}"#;
    assert_eq!(canonical(structured, &[0xd4, 0x1f, 2, 4]), "date \"2026-01-02\"");
    assert_eq!(
        canonical(
            r#"{"type":"array","connect.type":"map","items":{"type":"record","name":"E","fields":[{"name":"key","type":"int"},{"name":"value","type":"string"}]}}"#,
            &[2, 14, 2, b'v', 0]
        ),
        "map {\"7\":\"v\"}"
    );
}

#[test]
fn what_the_source_did_not_send_is_told_in_every_type() {
    let text = [&[56][..], b"__debezium_unavailable_value"].concat();
    for schema in [
        "\"string\"",
        "\"bytes\"",
        r#"{"type":"bytes","connect.name":"org.apache.kafka.connect.data.Decimal"}"#,
        r#"{"type":"string","connect.name":"io.debezium.data.Json"}"#,
    ] {
        assert_eq!(read(schema, &text).map(|v| v.1), Ok(Value::Unavailable), "{schema}");
    }
    let array = [&[2][..], &text, &[0]].concat();
    assert_eq!(read(r#"{"type":"array","items":"string"}"#, &array).map(|v| v.1), Ok(Value::Unavailable));
    let ints: Vec<u8> = [56]
        .into_iter()
        .chain(b"__debezium_unavailable_value".iter().flat_map(|b| [(b << 1) | 0x80, b >> 6]))
        .chain([0])
        .collect();
    assert_eq!(read(r#"{"type":"array","items":"int"}"#, &ints).map(|v| v.1), Ok(Value::Unavailable));
}

#[test]
fn broken_datums_fail_cheaply_and_say_why() {
    let error = |schema: &str, bytes: &[u8]| read(schema, bytes).expect_err("an error");
    // 2 GB of text in six bytes.
    assert_eq!(error("\"string\"", &[0xfe, 0xff, 0xff, 0xff, 0x0f, b'x']), "claims 2147483647 bytes, where 1 are left");
    assert_eq!(error("\"bytes\"", &[1]), "a length below zero");
    assert_eq!(error("\"long\"", &[0xff; 11]), "a number of more than 64 bits");
    assert_eq!(error("\"long\"", &[0xff; 3]), "the datum ends inside a value");
    assert_eq!(error("\"string\"", &[2, 0xff]), "not UTF-8");
    assert_eq!(error("\"boolean\"", &[2]), "expected a boolean");
    assert_eq!(error("\"int\"", &[2, 2]), "1 bytes follow the datum: written with another schema");
    assert_eq!(error(r#"["null","int"]"#, &[4]), "a union branch that the schema does not have");
    let many = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    for items in ["null", "int", "string"] {
        let schema = format!(r#"{{"type":"array","items":"{items}"}}"#);
        assert_eq!(error(&schema, &many), "claims more elements than its bytes can hold", "{items}");
    }
    let endless = r#"{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}"#;
    assert!(error(endless, &[2; 100_000]).ends_with("nested too deeply"));
    assert!(read(endless, &[2, 0]).is_ok());
}

#[test]
fn schemas_that_are_none_say_why() {
    let error = |text: &str| Plan::parse(text, &[]).expect_err("an error").to_string();
    assert_eq!(error("{"), "the schema is not valid JSON");
    assert_eq!(error("\"Value\""), "a named type that is not defined");
    assert_eq!(error(r#"{"type":"record","name":"R"}"#), "a record without fields");
    assert_eq!(error(r#"{"type":"array"}"#), "an array without items");
    assert_eq!(error(r#"["null",["null"]]"#), "a union inside a union");
    assert_eq!(error("7"), "a type that is neither a word, an object nor a list");
    assert!(Plan::parse("string", &[]).is_ok());
    let part = r#"{"type":"record","name":"shared.Part","fields":[{"name":"n","type":"int"}]}"#;
    let whole = r#"{"type":"record","name":"W","namespace":"shared","fields":[{"name":"p","type":"Part"}]}"#;
    assert!(Plan::parse(whole, &[]).is_err());
    assert!(Plan::parse(whole, &[part]).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn skipping_and_reading_agree_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..40), which in 0..4usize) {
        let plan = plan([
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","string"]},{"name":"b","type":{"type":"array","items":"int"}},{"name":"c","type":{"type":"map","values":["null","bytes"]}}]}"#,
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":"double"},{"name":"r","type":["null","R"]}]}"#,
            r#"["null",{"type":"string","connect.name":"io.debezium.data.Json"}]"#,
            r#"{"type":"array","items":{"type":"array","items":"null"}}"#,
        ][which]);
        let (mut skipping, mut writing) = (Reader::new(&bytes), Reader::new(&bytes));
        let skipped = plan.skip(plan.root, &mut skipping, 0);
        let mut raw = String::new();
        let written = plan.json(plan.root, &mut writing, &mut raw, 0);
        if written.is_ok() {
            prop_assert!(skipped.is_ok());
            prop_assert_eq!(skipping.rest().len(), writing.rest().len());
            prop_assert!(serde_json::from_str::<serde_json::Value>(&raw).is_ok(), "{}", raw);
        }
        let mut reading = Reader::new(&bytes);
        if plan.value(plan.root, &mut reading, &Placeholders::default(), 0).is_ok() {
            prop_assert_eq!(reading.rest().len(), skipping.rest().len());
        }
    }
}

#[test]
fn a_decimals_scale_may_stand_beside_its_name_only() {
    let schema =
        r#"{"type":"bytes","scale":2,"logicalType":"decimal","connect.name":"org.apache.kafka.connect.data.Decimal"}"#;
    let (_, value) = read(schema, &[4, 0x01, 0xc2]).expect("reads");
    assert_eq!(value.canonical(), "4.50");
    let schema = schema.replace("}", r#","connect.parameters":{"scale":"1"}}"#);
    assert_eq!(read(&schema, &[4, 0x01, 0xc2]).expect("reads").1.canonical(), "45.0");
}

#[test]
fn the_placeholder_in_an_array_of_times_is_not_a_value() {
    let bytes: Vec<u8> =
        "__debezium_unavailable_value".bytes().flat_map(|byte| [byte << 1 | 0x80, byte >> 6]).collect();
    let datum = [&[56][..], &bytes, &[0]].concat();
    for name in ["MicroTimestamp", "NanoTime", "Timestamp"] {
        let schema =
            format!(r#"{{"type":"array","items":{{"type":"long","connect.name":"io.debezium.time.{name}"}}}}"#);
        let found = read(&schema, &datum).expect("reads").1;
        assert_eq!(found, Value::Unavailable, "{name}");
    }
}

#[test]
fn a_bare_key_may_begin_like_json() {
    let file = r#"{"7": {"schema": "{\"type\":\"record\",\"name\":\"Key\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}"}}"#;
    let schemas = FileSchemas::parse(file).expect("schemas");
    let mut sample = crate::change::tests::Sample::of("mysql", "u", r#"{"id":-62}"#, r#"{"id":-62}"#).key(Some("{"));
    sample.headers.push(("apicurio.key.globalId".into(), Some(7_i64.to_be_bytes().to_vec())));
    let record = sample.record();
    let Ok(crate::change::Skim::Change(envelope)) = crate::change::skim_with(&record, &schemas) else { panic!() };
    let key = envelope.change(&crate::change::NoHints).expect("decodes").key.expect("a key");
    assert_eq!(key.columns[0].value, Value::Int(-62));
}
