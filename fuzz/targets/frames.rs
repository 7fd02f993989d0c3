//! Framed payloads. The first byte chooses the schema; the rest is the payload, in every frame that names it.

#![no_main]

#[path = "shared.rs"]
mod shared;

use libfuzzer_sys::fuzz_target;
use rowbell::change::FileSchemas;
use std::sync::LazyLock;

/// The schemas of the captures, those of Protobuf by their numbers and a hundred, and some that no capture has.
static SCHEMAS: LazyLock<FileSchemas> = LazyLock::new(|| {
    let mut text = include_str!("../../tests/fixtures/debezium/postgres-avro.schemas.json").trim().to_owned();
    text.truncate(text.len() - 1);
    text.push_str(",");
    let protobuf = include_str!("../../tests/fixtures/debezium/postgres-protobuf.schemas.json").trim();
    text.push_str(protobuf.trim_matches(['{', '}']).replace("\n \"", "\n \"10").trim_end());
    text.push_str(",");
    text.push_str(include_str!("../schemas.json").trim().trim_start_matches('{'));
    FileSchemas::parse(&text).expect("schemas")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((id, payload)) = bytes.split_first() else { return };
    let framed = [&[0, 0, 0, 0, *id][..], payload].concat();
    shared::whole(Some(&framed), Some(&framed), &[], &*SCHEMAS);
    let header = |name: &str| (name.to_owned(), Some(i64::from(*id).to_be_bytes().to_vec()));
    let headers = [header("apicurio.value.globalId"), header("apicurio.key.globalId")];
    shared::whole(Some(payload), Some(payload), &headers, &*SCHEMAS);
});
