//! A pinned topic takes its format and no other.

use crate::change::tests::{AVRO_CAPTURES, Sample, capture, schemas, summary};
use crate::change::{FileSchemas, Format, NoHints, NoSchemas, Placeholders, Reading, Skim, skim_as, skim_with};

fn told(sample: &Sample, format: Format) -> String {
    let file = r#"{"7": {"schema": "{}", "schemaType": "JSON"}, "8": {"schema": "\"int\""},
        "9": {"schema": "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"int\"}]}"},
        "10": {"schema": "syntax = \"proto3\"; message R { int32 id = 1; }", "schemaType": "PROTOBUF"}}"#;
    let schemas = FileSchemas::parse(file).expect("schemas");
    let reading = Reading { format: Some(format), ..Reading::default() };
    match skim_as(&sample.record(), &schemas, &reading) {
        Err(error) => error.to_string(),
        Ok(Skim::Change(envelope)) => {
            let change = envelope.change(&NoHints).expect("decodes");
            format!("{} {}: {}", change.op, change.table, summary(&change).join(", "))
        }
        Ok(other) => other.kind().to_owned(),
    }
}

fn framed(id: u8, payload: &[u8]) -> Sample {
    let mut sample = Sample::new("");
    sample.value = Some([&[0, 0, 0, 0, id], payload].concat());
    sample
}

#[test]
fn each_takes_what_it_names() {
    let envelope = Sample::change("u", r#"{"id":1}"#, r#"{"id":2}"#);
    let text = envelope.value.clone().expect("a value");
    let update = "update public.listings: id 1 -> 2";
    assert_eq!(told(&envelope, Format::Json), update);
    assert_eq!(told(&framed(7, &text), Format::JsonSchema), update);
    assert_eq!(told(&Sample::new(r#"{"id":2}"#), Format::Flat), "update public.listings: id - -> 2");
    assert_eq!(told(&framed(7, br#"{"id":2}"#), Format::Flat), "update public.listings: id - -> 2");
    assert_eq!(told(&framed(9, &[4]), Format::Flat), "update public.listings: id - -> 2");
    assert_eq!(told(&framed(10, &[0, 8, 2]), Format::Flat), "update public.listings: id - -> 2");
    assert_eq!(told(&framed(9, &[4]), Format::Avro), "unknown");
    assert_eq!(told(&framed(10, &[0, 8, 2]), Format::Protobuf), "unknown");
    for format in Format::ALL {
        let mut tombstone = Sample::new("");
        tombstone.value = None;
        assert_eq!(told(&tombstone, format), "tombstone");
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    for format in [Format::Json, Format::CloudEvents, Format::Flat] {
        assert_eq!(told(&Sample::new("null"), format), "tombstone");
    }
}

#[test]
fn anything_else_is_an_error_that_names_the_pin() {
    let envelope = Sample::change("u", "{}", "{}");
    for (sample, format, expected) in [
        (
            &framed(9, &[4]),
            Format::Json,
            "value: framed for a schema registry (schema id 9), where the config's decode says json",
        ),
        (&envelope, Format::Avro, "value: not framed for a schema registry, where the config's decode says avro"),
        (&framed(10, &[0]), Format::Avro, "value: protobuf of the schema id 10, where the config's decode says avro"),
        (&framed(9, &[4]), Format::Protobuf, "value: avro of the schema id 9, where the config's decode says protobuf"),
        (
            &framed(9, &[4]),
            Format::JsonSchema,
            "value: avro of the schema id 9, where the config's decode says json_schema",
        ),
        (&envelope, Format::CloudEvents, "specversion: missing, where the config's decode says cloudevents"),
        (&Sample::new("[1]"), Format::Flat, "value: an array, where the config's decode says flat"),
        (&framed(8, &[2]), Format::Flat, "value: no record, where the config's decode says flat"),
        (&Sample::new("{"), Format::Json, "value: not valid JSON at byte 1: the text ends inside an object"),
    ] {
        assert_eq!(told(sample, format), expected);
    }
    // A row that would be recognised by itself is not looked for under another pin.
    assert_eq!(told(&Sample::new(r#"{"id":1,"__op":"c","__deleted":"false"}"#), Format::Json), "unknown");
}

#[test]
fn the_captures_fit_their_pins() {
    for (file, format) in [("postgres-json.jsonl", Format::Json), ("postgres-json-schema.jsonl", Format::Json)] {
        for captured in capture(file) {
            let reading = Reading { format: Some(format), ..Reading::default() };
            let kind = |skim: Skim<'_>| skim.kind();
            let record = captured.record();
            assert_eq!(
                skim_as(&record, &NoSchemas, &reading).map(kind),
                skim_with(&record, &NoSchemas).map(kind),
                "{}",
                captured.line
            );
        }
    }
    let schemas = schemas(AVRO_CAPTURES[0]);
    for captured in capture(AVRO_CAPTURES[0]) {
        let reading = Reading { format: Some(Format::Avro), ..Reading::default() };
        assert!(skim_as(&captured.record(), &schemas, &reading).is_ok());
    }
}

#[test]
fn a_configured_placeholder_is_not_a_value() {
    let sample = Sample::change("u", r#"{"id":1,"a":"x","b":"y"}"#, r#"{"id":1,"a":"n/a","b":"bi9h"}"#);
    let reading = Reading { placeholders: Placeholders::new(["n/a"]), ..Reading::default() };
    let Ok(Skim::Change(envelope)) = skim_as(&sample.record(), &NoSchemas, &reading) else { panic!() };
    assert!(!envelope.may_touch(&["a", "b"]));
    let change = envelope.change(&NoHints).expect("decodes");
    assert_eq!((change.changes.len(), change.unavailable.len()), (0, 2));
    assert_eq!(sample.decode().changes.len(), 2);

    // The same in Avro.
    let schemas = schemas(AVRO_CAPTURES[0]);
    let mut hidden = 0;
    for captured in capture(AVRO_CAPTURES[0]) {
        let reading = Reading { placeholders: Placeholders::new(["Oak chair"]), ..Reading::default() };
        let record = captured.record();
        let Ok(Skim::Change(envelope)) = skim_as(&record, &schemas, &reading) else { continue };
        let plain = envelope.change(&NoHints).expect("decodes");
        hidden += usize::from(plain.unavailable.iter().any(|name| **name == *"title"));
    }
    assert!(hidden > 0);
}
