//! Writes the inputs that the runs begin with, from the captures: `seeds DIRECTORY`.

use base64::Engine;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Larger captures teach the fuzzer nothing and slow it down.
const SEED_BYTES_MAX: usize = 16 * 1024;
/// Seeds of one capture.
const SEEDS_MAX: usize = 60;

struct Captured {
    key: Vec<u8>,
    value: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

/// A text's bytes, or what stands under "base64".
fn bytes(value: &Value) -> Vec<u8> {
    match (value.as_str(), value["base64"].as_str()) {
        (Some(text), _) => text.into(),
        (_, Some(base64)) => base64::engine::general_purpose::STANDARD.decode(base64).expect("base64"),
        _ => Vec::new(),
    }
}

fn records(file: &str) -> Vec<Captured> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/debezium").join(file);
    let text = fs::read_to_string(path).expect("a capture");
    let record = |line: &str| {
        let record: Value = serde_json::from_str(line).expect("a record");
        let headers = record["headers"].as_array().into_iter().flatten();
        let headers = headers.map(|pair| (pair[0].as_str().expect("a name").to_owned(), bytes(&pair[1]))).collect();
        Captured { key: bytes(&record["key"]), value: bytes(&record["value"]), headers }
    };
    text.lines().map(record).collect()
}

/// A field of a Protobuf message that is shorter than 128 bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

fn write(directory: &Path, target: &str, name: &str, bytes: &[u8]) {
    let directory = directory.join(target);
    fs::create_dir_all(&directory).expect("a directory");
    if bytes.len() <= SEED_BYTES_MAX {
        fs::write(directory.join(name), bytes).expect("a file");
    }
}

fn main() {
    let directory = std::env::args().nth(1).expect("seeds DIRECTORY");
    let directory = Path::new(&directory);
    let json = [
        "postgres-json.jsonl",
        "postgres-json-schema.jsonl",
        "postgres-json-precise-decimal.jsonl",
        "postgres-json-changed-headers.jsonl",
        "postgres-flattened.jsonl",
        "mariadb-json-schema.jsonl",
    ];
    for file in json {
        for (at, record) in records(file).iter().take(SEEDS_MAX).enumerate() {
            let mut bytes = record.value.clone();
            bytes.push(0xff);
            bytes.extend_from_slice(&record.key);
            for (name, value) in &record.headers {
                bytes.push(0xff);
                bytes.extend_from_slice(name.as_bytes());
                bytes.push(b'=');
                bytes.extend_from_slice(value);
            }
            write(directory, "envelope", &format!("{file}.{at}"), &bytes);
        }
    }
    for (at, record) in records("postgres-avro.jsonl").iter().enumerate() {
        for (side, bytes) in [("key", &record.key), ("value", &record.value)] {
            if let [0, 0, 0, 0, rest @ ..] = &bytes[..] {
                write(directory, "frames", &format!("{at}.{side}"), rest);
            }
        }
    }
    for (at, record) in records("postgres-protobuf.jsonl").iter().enumerate() {
        for (side, bytes) in [("key", &record.key), ("value", &record.value)] {
            if let [0, 0, 0, 0, id, rest @ ..] = &bytes[..] {
                write(directory, "frames", &format!("protobuf.{at}.{side}"), &[&[100 + id][..], rest].concat());
            }
        }
    }
    let row =
        [&[8, 7][..], &field(2, &field(1, b"Oak chair")), &field(3, &[10, 1, 99, 24, 2]), &field(5, b"wood")].concat();
    let source = [field(1, b"postgresql"), field(2, b"shop"), field(4, b"public"), field(5, b"listings")].concat();
    for (name, op, before) in [("create", b"c", false), ("update", b"u", true)] {
        let before = if before { field(1, &row[..10]) } else { Vec::new() };
        let envelope = [before, field(2, &row), field(3, &source), field(4, op)].concat();
        write(directory, "frames", &format!("protobuf.{name}"), &[&[201, 0], &envelope[..]].concat());
    }
    let schemas = include_str!("../../tests/fixtures/debezium/postgres-avro.schemas.json");
    let own = include_str!("../schemas.json");
    let protobuf = include_str!("../../tests/fixtures/debezium/postgres-protobuf.schemas.json");
    for (at, text) in [schemas, own, protobuf].iter().enumerate() {
        let schemas: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).expect("schemas");
        for (id, schema) in schemas {
            let kind = schema["schemaType"].as_str().unwrap_or("AVRO");
            let kind = ["AVRO", "PROTOBUF", "JSON"].iter().position(|known| *known == kind).expect("a kind");
            let text = schema["schema"].as_str().expect("a text");
            let bytes = [&[kind as u8], text.as_bytes(), &[0xff, 0xff, 0, 8, 2]].concat();
            write(directory, "registry", &format!("{at}.{id}"), &bytes);
        }
    }
}
