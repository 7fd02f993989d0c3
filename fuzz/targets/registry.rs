//! Schemas as a registry hands them out: the first byte chooses the kind; then the schema's text, a referred
//! schema's and a payload that is read with it, separated by 0xff.

#![no_main]

#[path = "shared.rs"]
mod shared;

use libfuzzer_sys::fuzz_target;
use rowbell::change::{FileSchemas, Lookup, Schema, SchemaId, Schemas};
use std::sync::Arc;

/// Answers every id with one schema.
struct One(Arc<Schema>);

impl Schemas for One {
    fn schema(&self, _: &SchemaId) -> Lookup {
        Lookup::Found(self.0.clone())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let mut parts = rest.splitn(3, |byte| *byte == shared::SEPARATOR);
    let Ok(text) = std::str::from_utf8(parts.next().unwrap_or_default()) else { return };
    let reference = parts.next().and_then(|part| std::str::from_utf8(part).ok()).filter(|text| !text.is_empty());
    let payload = parts.next().unwrap_or_default();
    let kind = ["AVRO", "PROTOBUF", "JSON", "KCONNECT"][usize::from(*kind) % 4];
    let references: Vec<&str> = reference.into_iter().collect();
    if let Ok(schema) = Schema::parse(Some(kind), text, &references) {
        let framed = [&[0, 0, 0, 0, 7][..], payload].concat();
        shared::whole(Some(&framed), Some(&framed), &[], &One(Arc::new(schema)));
    }
    let _ = FileSchemas::parse(text);
});
