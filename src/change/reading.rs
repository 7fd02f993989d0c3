//! What the config says about how a topic's records are to be read.

use super::unavailable::Placeholders;
use std::fmt;
use std::str::FromStr;

/// How a topic's records are read. The default: whatever they look like, with Debezium's own placeholder.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// The only format that values may have; none: told by their bytes and headers.
    pub format: Option<Format>,
    /// What stands for values that were not sent.
    pub placeholders: Placeholders,
}

/// A format that values may be pinned to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JsonConverter's JSON, with or without schema, as envelopes.
    Json,
    /// Avro, with its schema in a registry.
    Avro,
    /// Protobuf, with its schema in a registry.
    Protobuf,
    /// JSON behind the frame of a registry.
    JsonSchema,
    /// CloudEvents in structured JSON.
    CloudEvents,
    /// Rows without their envelope, whatever they are written in.
    Flat,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 6] =
        [Format::Json, Format::Avro, Format::Protobuf, Format::JsonSchema, Format::CloudEvents, Format::Flat];

    /// The word in the config.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Avro => "avro",
            Format::Protobuf => "protobuf",
            Format::JsonSchema => "json_schema",
            Format::CloudEvents => "cloudevents",
            Format::Flat => "flat",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Format::ALL.into_iter().find(|format| format.as_str() == word).ok_or(())
    }
}
