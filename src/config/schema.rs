//! The config's JSON Schema, made from the model: what editors complete and explain.
//!
//! Draft 7, which editors know best. A text may hold `${env:...}` wherever it stands, so that words and numbers may be
//! such a reference, too.

use super::de::At;
use super::model::{DigestModel, Model};
use super::shapes::{Entries, OneOrMany, Scalar};
use super::units::{Bytes, Span};
use crate::change::{ColumnHint, Format as Decoding};
use crate::message::{Format, Priority};
use crate::outbox::Rate;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;
use std::borrow::Cow;

/// A text with a reference in it.
const REFERENCE: &str = r"\$\{(env|file):[^}]+\}";

/// The schema as text, with a line break at its end.
pub fn text() -> String {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Model>();
    schema.insert("title".to_owned(), "Rowbell's config".into());
    schema
        .insert("description".to_owned(), "What rowbell.yaml may say: docs/configuration.md explains each key.".into());
    format!("{:#}\n", schema.to_value())
}

/// One of these words, or a reference.
fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Schema {
    let words: Vec<Json> = words.into_iter().map(Json::from).collect();
    json_schema!({ "anyOf": [{ "type": "string", "enum": words }, { "type": "string", "pattern": REFERENCE }, { "type": "null" }] })
}

fn one_or_many(item: Schema) -> Schema {
    json_schema!({ "anyOf": [item, { "type": "array", "items": item }] })
}

/// `on`, `off`, true, false
pub(super) fn switch(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "boolean" }, { "type": "string", "enum": ["on", "off"] }, { "type": "string", "pattern": REFERENCE }, { "type": "null" }] })
}

/// A whole number above zero.
pub(super) fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1, "maximum": u32::MAX }, { "type": "string", "pattern": REFERENCE }, { "type": "null" }] })
}

/// A whole number, zero included.
pub(super) fn decimals(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": REFERENCE }, { "type": "null" }] })
}

/// `tables.*.columns.*.format`
pub(super) fn formats(_: &mut SchemaGenerator) -> Schema {
    // Whatever else a format may be written as, it is a word.
    json_schema!({ "anyOf": [words(Format::ALL.map(Format::as_str)), { "type": "string", "enum": ["bool"] }] })
}

/// `tables.*.columns.*.type`
pub(super) fn types(_: &mut SchemaGenerator) -> Schema {
    let plain = ColumnHint::WORDS.iter().copied().filter(|word| !word.contains('('));
    json_schema!({ "anyOf": [words(plain), { "type": "string", "pattern": r"^\s*(decimal|bits)\s*\(\s*[0-9]+\s*\)\s*$" }] })
}

/// `rules[*].on`
pub(super) fn operations(_: &mut SchemaGenerator) -> Schema {
    one_or_many(words(["create", "update", "delete", "truncate", "read", "message"]))
}

/// `rules[*].priority`
pub(super) fn priorities(_: &mut SchemaGenerator) -> Schema {
    words(Priority::ALL.map(Priority::as_str))
}

/// `rules[*].tone`
pub(super) fn tones(_: &mut SchemaGenerator) -> Schema {
    words(["good", "bad", "neutral"])
}

/// `rules[*].mention`
pub(super) fn mentions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [words(["here", "channel", "everyone"]), { "type": "string", "pattern": "^[USW][A-Z0-9]+$" }] })
}

/// `destinations.*.slack.thread_by`
pub(super) fn thread_by(_: &mut SchemaGenerator) -> Schema {
    words(["row"])
}

/// `decode`
pub(super) fn decode(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "null"], "additionalProperties": words(Decoding::ALL.map(Decoding::as_str)) })
}

/// Makes a type's schema from an expression, in its place instead of by reference.
macro_rules! schema_of {
    ($ty:ty, $name:literal, $schema:expr) => {
        impl JsonSchema for $ty {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

schema_of!(Scalar, "Scalar", json_schema!({ "type": ["string", "number", "boolean"] }));
schema_of!(
    Span,
    "Span",
    json_schema!({ "type": "string", "pattern": format!(r"^\s*[0-9]+\s*(ms|s|m|min|h|d)\s*$|{REFERENCE}"), "examples": ["500ms", "30s", "5m", "2h"] })
);
schema_of!(
    Bytes,
    "Bytes",
    json_schema!({ "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": format!(r"^\s*[0-9]+\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)?\s*$|{REFERENCE}") },
    ], "examples": ["64MiB"] })
);
schema_of!(
    Rate,
    "Rate",
    json_schema!({ "type": "string", "pattern": format!(r"^\s*[0-9]+\s*/\s*([0-9]+\s*)?(ms|s|m|min|h|d)\s*$|{REFERENCE}"), "examples": ["1/s", "25/5m"] })
);

impl JsonSchema for DigestModel {
    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let after = generator.subschema_for::<Span>();
        json_schema!({ "anyOf": [
            { "type": "boolean" },
            { "type": "string", "enum": ["on", "off"] },
            { "type": "object", "properties": { "after": after }, "required": ["after"], "additionalProperties": false },
        ] })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        one_or_many(generator.subschema_for::<T>())
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("Entries_{}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "type": ["object", "null"], "additionalProperties": item })
    }
}

#[cfg(test)]
mod tests;
