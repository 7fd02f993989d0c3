//! Records are known for what they are, and broken ones say which field and why.

use super::*;
use crate::change::image::Image;
use crate::change::tests::{CAPTURES, Sample, capture};
use crate::change::{NoHints, Op};
use proptest::prelude::*;
use std::sync::OnceLock;

fn kind(value: &str) -> String {
    match skim(&Sample::new(value).record()) {
        Ok(skim) => skim.kind().to_owned(),
        Err(error) => error.to_string(),
    }
}

const SOURCE_BLOCK: &str =
    r#"{"connector":"postgresql","name":"shop","ts_ms":1,"db":"shop","schema":"public","table":"listings"}"#;

#[test]
fn nulls_in_every_dress_are_tombstones() {
    let mut sample = Sample::new("");
    sample.value = None;
    assert_eq!(skim(&sample.record()).expect("skims").kind(), "tombstone");
    assert_eq!(kind("null"), "tombstone");
    assert_eq!(kind(r#"{"schema":{"type":"struct"},"payload":null}"#), "tombstone");
    assert_eq!(kind(r#"{"payload":null,"schema":null}"#), "tombstone");
}

#[test]
fn other_records_of_debezium_are_known_and_other_json_is_not() {
    for (value, expected) in [
        (r#"{"ts_ms":1}"#, "heartbeat"),
        (r#"{"schema":{},"payload":{"ts_ms":1,"ts_us":1,"ts_ns":1}}"#, "heartbeat"),
        (r#"{"status":"END","id":"1:2","event_count":1,"data_collections":[],"ts_ms":1}"#, "transaction"),
        (r#"{"source":{},"databaseName":"d","ddl":"DROP TABLE x","tableChanges":[]}"#, "schema_change"),
        (
            r#"{"id":"1","type":"COMPLETED","aggregate_type":"Initial Snapshot","additional_data":{},"timestamp":1}"#,
            "notification",
        ),
        (r#"{"op":"add","path":"/a","value":1}"#, "unknown"),
        (r#"{"id":1,"status":"open"}"#, "unknown"),
        (r#"{"payload":{"op":"c"},"x":1}"#, "unknown"),
        ("{}", "unknown"),
        ("[1]", "unknown"),
        ("7", "unknown"),
    ] {
        assert_eq!(kind(value), expected, "{value}");
    }
}

#[test]
fn fields_may_stand_in_any_order_with_escapes_and_white_space() {
    let value = format!(
        " {{ \"\\u006fp\" : \"\\u0075\" ,\n \"source\": {SOURCE_BLOCK} , \"after\" : {{\"id\":1,\"t\":\"\\\"op\\\":\\\"d\\\"\"}}, \"before\":null }} "
    );
    let sample = Sample::new(&value);
    assert_eq!(sample.envelope().op(), Op::Update);
    assert_eq!(sample.envelope().table(), "public.listings");
    assert_eq!(sample.envelope().server(), "shop");
}

#[test]
fn the_schema_may_stand_behind_the_payload_and_repeat() {
    let schema = r#"{"type":"struct","fields":[{"type":"struct","fields":[{"type":"int32","name":"io.debezium.time.Date","field":"d"}],"field":"before"},{"type":"struct","fields":[{"type":"int32","name":"io.debezium.time.Date","field":"d"}],"field":"after"}]}"#;
    let payload = format!(r#"{{"before":null,"after":{{"d":1}},"source":{SOURCE_BLOCK},"op":"c"}}"#);
    // The second round meets remembered schemas.
    for _ in 0..2 {
        for value in [
            format!(r#"{{"payload":{payload},"schema":{schema}}}"#),
            format!(r#"{{"schema":{schema},"payload":{payload}}}"#),
            format!(r#"{{"schema" : {schema} , "payload":{payload}}}"#),
        ] {
            let change = Sample::new(&value).decode();
            assert_eq!(change.changes[0].new.as_ref().map(|v| v.plain().into_owned()).as_deref(), Some("1970-01-02"));
        }
    }
}

#[test]
fn broken_records_name_the_field_and_the_reason() {
    let envelope = |before: &str, after: &str, op: &str| {
        format!(r#"{{"before":{before},"after":{after},"source":{SOURCE_BLOCK},"op":{op}}}"#)
    };
    let deep = format!("{{\"x\":{}}}", "[".repeat(10_000) + &"]".repeat(10_000));
    let deep = envelope("null", &deep, r#""c""#);
    for (value, expected) in [
        (envelope("null", "null", r#""c""#), "after: null, where op is create"),
        (envelope("null", "null", r#""u""#), "after: null, where op is update"),
        (envelope("null", "null", r#""d""#), "before: null, where op is delete"),
        (envelope("null", "{}", "1"), "op: expected a text, found a number"),
        (envelope("null", "{}", "null"), "op: missing"),
        (envelope("null", "{}", r#""zap""#), "op: a letter that Debezium does not use"),
        (envelope("null", "[1]", r#""c""#), "after: expected an object, found an array"),
        (envelope("3", "{}", r#""u""#), "before: expected an object, found a number"),
        (format!(r#"{{"before":null,"after":{{}},"source":{SOURCE_BLOCK}}}"#), "op: missing"),
        (r#"{"op":"c","after":{}}"#.to_owned(), "source: missing"),
        (r#"{"op":"c","after":{},"source":1}"#.to_owned(), "source: expected an object"),
        (r#"{"op":"c","after":{},"source":{}}"#.to_owned(), "source.table: missing"),
        (r#"{"op":"c","op":"d","after":{},"source":{}}"#.to_owned(), "op: sent twice"),
        (r#"{"op":"c","after":{},"source":{"db":"a","db":"b"}}"#.to_owned(), "source.db: sent twice"),
        (r#"{"op":"m","source":{},"message":1}"#.to_owned(), "message: missing"),
        ("".to_owned(), "value: empty"),
        (
            "\u{0}\u{0}\u{0}\u{0}\u{1}".to_owned(),
            "value: framed for a schema registry (schema id 1), which is not configured",
        ),
        ("{".to_owned(), "value: not valid JSON at byte 1: the text ends inside an object"),
        ("{}}".to_owned(), "value: not valid JSON at byte 2: something after the end of the JSON value"),
    ] {
        assert_eq!(Sample::new(&value).error(), expected, "{value}");
    }
    let error = Sample::new(&deep).error();
    assert!(error.starts_with("value: not valid JSON at byte ") && error.ends_with("nested too deeply"), "{error}");
    let mut sample = Sample::new("");
    sample.value = Some(b"{\"a\":\"\xff\"}".to_vec());
    assert_eq!(sample.error(), "value: not UTF-8 at byte 6");
}

#[test]
fn truncating_a_real_record_anywhere_is_an_error() {
    let records = capture("postgres-json.jsonl");
    let record = records.iter().find(|r| &*r.topic == "shop.public.listings" && r.offset == 2).expect("an update");
    let value = record.value.clone().expect("a value");
    for length in 0..value.len() {
        let mut cut = record.record();
        cut.value = Some(&value[..length]);
        assert!(skim(&cut).is_err(), "cut at {length}");
    }
}

#[test]
fn every_captured_record_decodes() {
    for file in CAPTURES {
        for captured in capture(file) {
            let record = captured.record();
            let skim = skim(&record).unwrap_or_else(|error| panic!("{file}:{}: {error}", captured.line));
            match skim {
                Skim::Change(envelope) => {
                    let change =
                        envelope.change(&NoHints).unwrap_or_else(|error| panic!("{file}:{}: {error}", captured.line));
                    assert_eq!(change.record, record.id());
                }
                Skim::Unknown => panic!("{file}:{}", captured.line),
                _ => {}
            }
        }
    }
}

/// The captures' records, the long ones left out.
fn pool() -> &'static Vec<crate::cli::records::CapturedRecord> {
    static POOL: OnceLock<Vec<crate::cli::records::CapturedRecord>> = OnceLock::new();
    POOL.get_or_init(|| {
        let all = ["postgres-json.jsonl", "postgres-json-precise-decimal.jsonl", "mariadb-json-schema.jsonl"];
        all.iter().flat_map(|file| capture(file)).filter(|r| r.value.as_ref().is_some_and(|v| v.len() < 9000)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn no_mutation_of_a_real_record_panics(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), prop::sample::select(vec![
            "", "\"", "{", "}", "[", "]", ",", ":", "null", "1e400", "-", "\\u12", "\\uD800", "99999999999999999999999999", "\"op\":\"u\",", "\u{0}", "ä",
        ]), 0..4u8), 1..6),
        in_key in any::<bool>(),
    ) {
        let captured = &pool()[which.index(pool().len())];
        let mut record = captured.record();
        let mut bytes = if in_key { captured.key.clone().unwrap_or_default() } else { captured.value.clone().unwrap_or_default() };
        for (index, byte, text, how) in edits {
            let at = index.index(bytes.len() + 1);
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => { bytes.splice(at..at, text.bytes()); }
                2 => { let end = (at + byte as usize % 40).min(bytes.len()); bytes.drain(at..end); }
                3 if at < bytes.len() => { let copy = bytes[at..(at + 30).min(bytes.len())].to_vec(); bytes.splice(at..at, copy); }
                _ => {}
            }
        }
        if in_key { record.key = Some(&bytes) } else { record.value = Some(&bytes) }
        let skimmed = skim(&record);
        if let (Ok(_), Some(value)) = (&skimmed, record.value) {
            prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(value).is_ok(), "no JSON, and read as some");
        }
        // What a thread remembers of records before changes nothing.
        let told = |skimmed: &Result<Skim<'_>, DecodeError>| match skimmed {
            Ok(Skim::Change(envelope)) => format!("{:?}", envelope.change(&NoHints)),
            Ok(other) => other.kind().to_owned(),
            Err(error) => error.to_string(),
        };
        let (key, value, headers) = (record.key, record.value, &captured.headers);
        let fresh = std::thread::scope(|scope| scope.spawn(|| told(&skim(&Record { topic: &captured.topic, partition: captured.partition, offset: captured.offset, timestamp_ms: captured.timestamp_ms, key, value, headers }))).join());
        prop_assert_eq!(told(&skimmed), fresh.expect("no panic"));
        match skimmed {
            Ok(Skim::Change(envelope)) => {
                envelope.may_touch(&["price", "id"]);
                let change = envelope.change(&NoHints);
                // A mutated schema may give both images other types, and equal texts other meanings.
                if let Ok(change) = change && !envelope.has_schema() {
                    // A delete whose image has none of the key's columns shows the key itself.
                    let text = |image: &Option<Image<'_>>| match image { Some(Image::Json(raw)) => raw.clone().into_owned(), _ => String::new() };
                    let images = [text(&envelope.images.before), text(&envelope.images.after)];
                    let sent = |name: &str| images.iter().any(|i| raw::members(i).any(|(key, _)| key == name));
                    for column in change.changes.iter().filter(|column| sent(&column.name)) {
                        // A change that the cheap look had ruled out would never be seen by a rule.
                        prop_assert!(envelope.may_touch(&[&*column.name]), "{}", column.name);
                    }
                }
            }
            Ok(_) => {}
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}

#[test]
fn a_name_that_a_record_chose_is_short_and_in_one_line() {
    let name = format!("a\\n{}", "b".repeat(500));
    let error = Sample::change("c", "null", &format!(r#"{{"{name}":1,"{name}":2}}"#)).error();
    assert!(error.chars().count() < 160 && !error.contains('\n'), "{error}");
}

#[test]
fn a_typed_column_that_does_not_fit_names_itself() {
    let schema = |ty: &str, name: &str| {
        let row = |field: &str| {
            format!(
                r#"{{"type":"struct","field":"{field}","fields":[{{"field":"c","type":"{ty}","name":"{name}","parameters":{{"scale":"2"}}}}]}}"#
            )
        };
        format!(r#"{{"type":"struct","fields":[{},{}]}}"#, row("before"), row("after"))
    };
    for (ty, name, value, expected) in [
        ("int64", "", "99999999999999999999", "after.c: a number of more than 64 bits"),
        ("int32", "io.debezium.time.Date", "\"soon\"", "after.c: expected a date"),
        ("int32", "", "\"1\"", "after.c: expected an integer, found a text"),
        ("bytes", "org.apache.kafka.connect.data.Decimal", "\"***\"", "after.c: expected base64"),
        ("bytes", "org.apache.kafka.connect.data.Decimal", "\"\"", "after.c: expected a number, found no bytes"),
        ("struct", "io.debezium.data.geometry.Point", "{\"x\":1}", "after.c: x or y: missing"),
        ("boolean", "", "1", "after.c: expected a boolean, found a number"),
        ("array", "", "{}", "after.c: expected an array, found an object"),
    ] {
        let payload = format!(r#"{{"before":null,"after":{{"c":{value}}},"source":{SOURCE_BLOCK},"op":"c"}}"#);
        let sample = Sample::new(&format!(r#"{{"schema":{},"payload":{payload}}}"#, schema(ty, name)));
        assert_eq!(sample.error(), expected);
    }
}
