//! What decoding costs, as ratios to skimming the same bytes with serde_json (Avro: reading them with apache-avro,
//! Protobuf: with prost-reflect) in the same run.
//!
//! `cargo bench --bench decode`; a word behind `--` picks the cases whose names contain it. Each round
//! measures every case once, so that a noisy moment hits all of them; the ratio is that of the medians.

use apache_avro::reader::datum::GenericDatumReader;
use base64::Engine;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use rowbell::change::{Envelope, FileSchemas, NoHints, Record, Skim, skim, skim_with};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 61;
/// Calls per round: long enough for the clock, short enough for an interruption to hit one round only.
const CALLS: u32 = 4_000;
/// Set to anything: one short round, for a profiler that counts instructions (valgrind --tool=callgrind).
const PROFILE: &str = "ROWBELL_BENCH_PROFILE";

/// What the baseline reads: the parts that tell whether a change matters.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Baseline<'a> {
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
    #[serde(borrow)]
    source: &'a RawValue,
    #[serde(borrow)]
    op: Cow<'a, str>,
}

struct Captured {
    topic: Arc<str>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Captured {
    /// The capture's update of listing 1 that changed its price.
    fn price_update(file: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debezium").join(file);
        let text = std::fs::read_to_string(path).expect("fixture");
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line"));
        lines
            .filter_map(|line| {
                let text = |name: &str| line[name].as_str().map(|text| text.as_bytes().to_vec());
                Some(Captured { topic: line["topic"].as_str()?.into(), key: text("key")?, value: text("value")? })
            })
            .find(|record| {
                let value = String::from_utf8_lossy(&record.value);
                let price = value.contains("250000.00") || value.contains(r#""price":"AX14QA==""#);
                price && value.contains(r#""op":"u""#)
            })
            .expect("the update")
    }

    fn record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: 0,
            offset: 1,
            timestamp_ms: None,
            key: Some(&self.key),
            value: Some(&self.value),
            headers: &(),
        }
    }

    /// The same update in the Avro capture, its schemas, and the text of its value's schema.
    fn avro_update() -> (Self, FileSchemas, String) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debezium");
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).expect("fixture");
        let texts = read("postgres-avro.schemas.json");
        let captured = Self::framed(&read("postgres-avro.jsonl"), "shopavro.public.listings", 2);
        let id = u32::from_be_bytes(captured.value[1..5].try_into().expect("an id")).to_string();
        let parsed: serde_json::Value = serde_json::from_str(&texts).expect("JSON");
        let schema = parsed[&id]["schema"].as_str().expect("a schema").to_owned();
        (captured, FileSchemas::parse(&texts).expect("schemas"), schema)
    }

    /// The same update as Confluent's Protobuf serializer writes it, its schemas, and the text of its value's.
    fn protobuf_update() -> (Self, FileSchemas, String) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debezium");
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).expect("fixture");
        let texts = read("postgres-protobuf.schemas.json");
        let captured = Self::framed(&read("postgres-protobuf.jsonl"), "shopschema.public.listings", 2);
        let id = u32::from_be_bytes(captured.value[1..5].try_into().expect("an id")).to_string();
        let parsed: serde_json::Value = serde_json::from_str(&texts).expect("JSON");
        let schema = parsed[&id]["schema"].as_str().expect("a schema").to_owned();
        (captured, FileSchemas::parse(&texts).expect("schemas"), schema)
    }

    fn framed(capture: &str, topic: &str, offset: u64) -> Self {
        let lines = capture.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line"));
        let bytes = |field: &serde_json::Value| {
            base64::engine::general_purpose::STANDARD.decode(field["base64"].as_str()?).ok()
        };
        lines
            .filter(|line| line["topic"] == topic && line["offset"] == offset)
            .find_map(|line| {
                Some(Captured { topic: topic.into(), key: bytes(&line["key"])?, value: bytes(&line["value"])? })
            })
            .expect("the update")
    }

    /// The same change, spelt by hand.
    fn with(&self, from: &str, to: &str) -> Self {
        let value = String::from_utf8(self.value.clone()).expect("text").replace(from, to);
        Captured { topic: self.topic.clone(), key: self.key.clone(), value: value.into_bytes() }
    }
}

struct Case<'a> {
    name: &'static str,
    /// Index of the case that this one's time is divided by, and the most that may come out.
    against: Option<(usize, f64)>,
    bytes: usize,
    run: Box<dyn FnMut() + 'a>,
}

fn envelope<'a>(record: &Record<'a>) -> Box<Envelope<'a>> {
    match skim(record) {
        Ok(Skim::Change(envelope)) => envelope,
        other => panic!("{other:?}"),
    }
}

fn baseline(bytes: &[u8]) {
    black_box(serde_json::from_slice::<Baseline<'_>>(black_box(bytes)).expect("an envelope"));
}

fn irrelevant(captured: &Captured) {
    let envelope = envelope(&captured.record());
    assert!(!black_box(envelope).may_touch(&["prod_stk_qty"]));
}

fn full(captured: &Captured) {
    black_box(envelope(&captured.record()).change(&NoHints).expect("a change"));
}

fn main() {
    let plain = Captured::price_update("postgres-json.jsonl");
    let schema = Captured::price_update("postgres-json-schema.jsonl");
    let escaped_key = plain.with("\"title\"", "\"ti\\u0074le\"");
    let op_in_text = plain.with("Oak chair", r#"Oak \"op\":\"u\" chair"#);
    let payload = {
        let document: serde_json::Value = serde_json::from_slice(&schema.value).expect("JSON");
        serde_json::to_vec(&document["payload"]).expect("JSON")
    };
    let (avro, schemas, text) = Captured::avro_update();
    let general = apache_avro::Schema::parse_str(&text).expect("a schema");
    let reader = GenericDatumReader::builder(&general).build().expect("a reader");
    let framed = || match skim_with(&avro.record(), &schemas) {
        Ok(Skim::Change(envelope)) => envelope,
        other => panic!("{other:?}"),
    };
    let (protobuf, protobuf_schemas, text) = Captured::protobuf_update();
    let message = protobuf_message(&text);
    let framed_protobuf = || match skim_with(&protobuf.record(), &protobuf_schemas) {
        Ok(Skim::Change(envelope)) => envelope,
        other => panic!("{other:?}"),
    };
    let mut cases: Vec<Case<'_>> = Vec::new();
    let mut add = |name, against, bytes: usize, run| {
        cases.push(Case { name, against, bytes, run });
    };
    add("baseline: serde_json into RawValues", None, plain.value.len(), Box::new(|| baseline(&plain.value)));
    add("json, judged irrelevant", Some((0, 1.2)), plain.value.len(), Box::new(|| irrelevant(&plain)));
    add("json, full decode and diff", Some((0, 3.0)), plain.value.len(), Box::new(|| full(&plain)));
    add("baseline, an escaped key", None, escaped_key.value.len(), Box::new(|| baseline(&escaped_key.value)));
    add(
        "json, an escaped key, irrelevant",
        Some((3, 1.2)),
        escaped_key.value.len(),
        Box::new(|| irrelevant(&escaped_key)),
    );
    add("json, an escaped key, full", Some((3, 3.0)), escaped_key.value.len(), Box::new(|| full(&escaped_key)));
    add("baseline, an envelope inside a text", None, op_in_text.value.len(), Box::new(|| baseline(&op_in_text.value)));
    add(
        "json, an envelope inside a text, irrelevant",
        Some((6, 1.2)),
        op_in_text.value.len(),
        Box::new(|| irrelevant(&op_in_text)),
    );
    add(
        "json, an envelope inside a text, full",
        Some((6, 3.0)),
        op_in_text.value.len(),
        Box::new(|| full(&op_in_text)),
    );
    add("baseline: the payload beside a schema", None, payload.len(), Box::new(|| baseline(&payload)));
    add("json with schema, judged irrelevant", Some((9, 1.5)), schema.value.len(), Box::new(|| irrelevant(&schema)));
    add(
        "json with schema, full decode and diff",
        Some((9, f64::INFINITY)),
        schema.value.len(),
        Box::new(|| full(&schema)),
    );
    let length = avro.value.len();
    add(
        "baseline: apache-avro's reader",
        None,
        length,
        Box::new(|| {
            black_box(reader.read_value(&mut black_box(&avro.value[5..])).expect("a value"));
        }),
    );
    add(
        "avro, judged irrelevant",
        Some((12, 1.0)),
        length,
        Box::new(|| {
            assert!(!black_box(framed()).may_touch(&["prod_stk_qty"]));
        }),
    );
    add(
        "avro, full decode and diff",
        Some((12, 1.0)),
        length,
        Box::new(|| {
            black_box(framed().change(&NoHints).expect("a change"));
        }),
    );
    let length = protobuf.value.len();
    add(
        "baseline: prost-reflect's dynamic message",
        None,
        length,
        Box::new(|| {
            let payload = black_box(&protobuf.value[PROTOBUF_FRAME..]);
            black_box(DynamicMessage::decode(message.clone(), payload).expect("a message"));
        }),
    );
    add(
        "protobuf, judged irrelevant",
        Some((15, 0.5)),
        length,
        Box::new(|| {
            assert!(!black_box(framed_protobuf()).may_touch(&["prod_stk_qty"]));
        }),
    );
    add(
        "protobuf, full decode and diff",
        Some((15, f64::INFINITY)),
        length,
        Box::new(|| {
            black_box(framed_protobuf().change(&NoHints).expect("a change"));
        }),
    );
    measure(cases);
}

/// The magic byte, the schema's id, and the path `[0]`.
const PROTOBUF_FRAME: usize = 6;

/// The first message of a schema; of Confluent's own messages, only what this one needs.
fn protobuf_message(text: &str) -> MessageDescriptor {
    let own = |name: &str, text: &str| (name.to_owned(), File::from_source(name, text).expect("a schema"));
    let files = Files(HashMap::from([
        own("schema.proto", text),
        own(
            "confluent/meta.proto",
            r#"syntax = "proto3"; package confluent; import "google/protobuf/descriptor.proto";
            message Meta { string doc = 1; map<string, string> params = 2; }
            extend google.protobuf.FieldOptions { Meta field_meta = 1088; }"#,
        ),
        own(
            "confluent/type/decimal.proto",
            r#"syntax = "proto3"; package confluent.type;
            message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }"#,
        ),
    ]));
    let mut resolver = ChainFileResolver::new();
    resolver.add(files);
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_file("schema.proto").expect("a schema");
    let file = compiler.descriptor_pool().get_file_by_name("schema.proto").expect("the file");
    file.messages().next().expect("a message")
}

struct Files(HashMap<String, File>);

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        self.0.get(name).cloned().ok_or_else(|| protox::Error::file_not_found(name))
    }
}

fn measure(mut cases: Vec<Case<'_>>) {
    // cargo passes `--bench`; any other argument picks cases.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let picked = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    let mut times = vec![Vec::with_capacity(ROUNDS); cases.len()];
    let needed: Vec<bool> = (0..cases.len())
        .map(|at| {
            picked(cases[at].name) || cases.iter().any(|c| picked(c.name) && c.against.is_some_and(|a| a.0 == at))
        })
        .collect();
    let (rounds, calls) = if std::env::var_os(PROFILE).is_some() { (1, 500) } else { (ROUNDS, CALLS) };
    for round in 0..=rounds {
        for (at, case) in cases.iter_mut().enumerate().filter(|(at, _)| needed[*at]) {
            let start = Instant::now();
            for _ in 0..calls {
                (case.run)();
            }
            // The first round warms caches and memos.
            if round > 0 {
                times[at].push(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
            }
        }
    }
    let medians: Vec<f64> = times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
        })
        .collect();
    println!("{:<48} {:>7} {:>9} {:>7} {:>8}", "case", "bytes", "ns", "ratio", "at most");
    for (at, case) in cases.iter().enumerate().filter(|(at, _)| needed[*at]) {
        let (ratio, most) = match case.against {
            Some((base, most)) => {
                let most = if most.is_finite() { format!("{most:.1}x") } else { String::new() };
                (format!("{:.2}x", medians[at] / medians[base]), most)
            }
            None => ("1".to_owned(), String::new()),
        };
        println!("{:<48} {:>7} {:>9.0} {ratio:>7} {most:>8}", case.name, case.bytes, medians[at]);
    }
}
