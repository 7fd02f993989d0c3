//! What the tests of this room share: the captures, and records from texts.

use super::{Envelope, FileSchemas, Record, RowChange, Skim, skim};
use crate::cli::records::{CapturedRecord, read_records};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The JSON captures.
pub(crate) const CAPTURES: [&str; 6] = [
    "postgres-json.jsonl",
    "postgres-json-schema.jsonl",
    "postgres-json-precise-decimal.jsonl",
    "postgres-json-restart-duplicates.jsonl",
    "postgres-json-changed-headers.jsonl",
    "mariadb-json-schema.jsonl",
];

/// The Avro captures.
pub(crate) const AVRO_CAPTURES: [&str; 3] =
    ["postgres-avro.jsonl", "postgres-avro-apicurio-headers.jsonl", "postgres-avro-apicurio-long-ids.jsonl"];

/// The file with the schemas of a capture of frames.
pub(crate) fn schemas_of(file: &str) -> String {
    if file.contains("protobuf") {
        return "postgres-protobuf.schemas.json".to_owned();
    }
    let apicurio = file.contains("apicurio");
    format!("postgres-avro{}.schemas.json", if apicurio { "-apicurio" } else { "" })
}

pub(crate) fn schemas(file: &str) -> FileSchemas {
    let text = std::fs::read_to_string(fixture(&schemas_of(file))).expect("schemas");
    FileSchemas::parse(&text).expect("schemas")
}

pub(crate) fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debezium").join(file)
}

pub(crate) fn capture(file: &str) -> Vec<CapturedRecord> {
    let path = fixture(file);
    let reader = BufReader::new(File::open(path).expect("fixture"));
    read_records(file, reader).collect::<Result<_, _>>().expect("readable")
}

/// A record of the shop's listings.
pub(crate) struct Sample {
    topic: Arc<str>,
    pub key: Option<String>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Sample {
    pub fn new(value: &str) -> Self {
        Sample {
            topic: "shop.public.listings".into(),
            key: Some(r#"{"id":1}"#.into()),
            value: Some(value.into()),
            headers: Vec::new(),
        }
    }

    /// An envelope of Postgres with these images.
    pub fn change(op: &str, before: &str, after: &str) -> Self {
        Sample::of("postgresql", op, before, after)
    }

    pub fn of(connector: &str, op: &str, before: &str, after: &str) -> Self {
        Sample::new(&format!(
            r#"{{"before":{before},"after":{after},"source":{{"connector":"{connector}","name":"shop","ts_ms":1795464057940,"snapshot":"false","db":"shop","schema":"public","table":"listings"}},"op":"{op}","ts_ms":1}}"#
        ))
    }

    pub fn key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), Some(value.into())));
        self
    }

    pub fn record(&self) -> Record<'_> {
        Record {
            topic: &self.topic,
            partition: 0,
            offset: 7,
            timestamp_ms: None,
            key: self.key.as_deref().map(str::as_bytes),
            value: self.value.as_deref(),
            headers: &self.headers,
        }
    }

    pub fn envelope(&self) -> Envelope<'_> {
        match skim(&self.record()).expect("skims") {
            Skim::Change(envelope) => *envelope,
            other => panic!("{}", other.kind()),
        }
    }

    pub fn decode(&self) -> RowChange {
        self.envelope().change(&super::NoHints).expect("decodes")
    }

    /// The first error that skimming or decoding meets.
    pub fn error(&self) -> String {
        match skim(&self.record()) {
            Err(error) => error.to_string(),
            Ok(Skim::Change(envelope)) => envelope.change(&super::NoHints).expect_err("an error").to_string(),
            Ok(other) => panic!("{}", other.kind()),
        }
    }
}

/// `name old -> new` per change.
pub(crate) fn summary(change: &RowChange) -> Vec<String> {
    let text = |value: &Option<super::Value>| value.as_ref().map_or("-".to_owned(), |v| v.canonical().to_string());
    change.changes.iter().map(|c| format!("{} {} -> {}", c.name, text(&c.old), text(&c.new))).collect()
}
