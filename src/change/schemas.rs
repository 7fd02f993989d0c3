//! Schemas that stand in a registry, and how decoding asks for them.

use super::Format;
use super::avro::Plan;
use super::protobuf;
use super::schema as connect;
use super::semantic::Kind;
use super::value::Type;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Longest schema text that is read; Debezium's schema of a table of 1,000 columns has about 250 KB.
pub const SCHEMA_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How a record names its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaId {
    /// Confluent's 4-byte id; Apicurio's content id where it speaks Confluent's frame.
    Id(u32),
    /// Confluent's 16-byte id.
    Guid([u8; 16]),
    /// Apicurio's global id.
    Global(i64),
    /// Apicurio's content id, from a header.
    Content(i64),
}

impl SchemaId {
    /// The id as registries write it: digits, or a GUID with its dashes.
    pub fn word(&self) -> String {
        match self {
            SchemaId::Id(id) => id.to_string(),
            SchemaId::Global(id) | SchemaId::Content(id) => id.to_string(),
            SchemaId::Guid(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
                parts.join("-")
            }
        }
    }
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            SchemaId::Id(_) => "id",
            SchemaId::Guid(_) => "GUID",
            SchemaId::Global(_) => "global id",
            SchemaId::Content(_) => "content id",
        };
        write!(f, "{kind} {}", self.word())
    }
}

/// A schema, ready to decode with.
#[derive(Debug)]
pub enum Schema {
    /// Avro.
    Avro(Arc<AvroSchema>),
    /// Protobuf.
    Protobuf(Arc<ProtobufSchema>),
    /// JSON Schema: the payload is JSON, which says enough itself.
    Json,
    /// Kafka Connect's own schema (Apicurio's ExtJsonConverter).
    Connect(ConnectSchema),
}

/// A Connect schema, compiled.
#[derive(Debug)]
pub struct ConnectSchema {
    pub(crate) kind: Arc<Kind>,
}

/// An Avro schema, compiled.
#[derive(Debug)]
pub struct AvroSchema {
    pub(crate) plan: Arc<Plan>,
}

/// A Protobuf schema, compiled.
#[derive(Debug)]
pub struct ProtobufSchema {
    pub(crate) plan: Arc<protobuf::Plan>,
}

/// Why a schema's text is none. Holds none of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(pub(crate) Cow<'static, str>);

impl Schema {
    /// The format of what is written with it.
    pub fn format(&self) -> Format {
        match self {
            Schema::Avro(_) => Format::Avro,
            Schema::Protobuf(_) => Format::Protobuf,
            Schema::Json | Schema::Connect(_) => Format::JsonSchema,
        }
    }

    /// The columns of the rows that it describes, whether it is an envelope's or a row's own, with their types where the
    /// schema says more than the wire. Empty where it describes no rows.
    pub fn columns(&self) -> Vec<(Arc<str>, Option<Type>)> {
        let kind = match self {
            Schema::Avro(avro) => avro.plan.root_kind(),
            Schema::Protobuf(protobuf) => protobuf.plan.root_kind(),
            Schema::Connect(connect) => Some(&*connect.kind),
            Schema::Json => None,
        };
        let Some(Kind::Struct(shape)) = kind else { return Vec::new() };
        let row = match shape.field("after", 1) {
            Some((_, Kind::Struct(row))) if shape.field("op", 0).is_some() => row,
            _ => shape,
        };
        row.fields
            .iter()
            .map(|(name, kind)| (name.clone(), Some(kind.ty()).filter(|ty| *ty != Type::Unknown)))
            .collect()
    }

    /// Compiles a schema. `kind` is the registry's `schemaType` (`AVRO` where it says nothing); `references`
    /// are the texts of the schemas that this one refers to, those that the others need first.
    pub fn parse(kind: Option<&str>, text: &str, references: &[&str]) -> Result<Schema, SchemaError> {
        let length = references.iter().map(|text| text.len()).sum::<usize>() + text.len();
        if length > SCHEMA_BYTES_MAX {
            return Err(SchemaError(format!("a schema of {length} bytes, more than {SCHEMA_BYTES_MAX}").into()));
        }
        match kind.unwrap_or("AVRO").to_ascii_uppercase().as_str() {
            "AVRO" => Ok(Schema::Avro(Arc::new(AvroSchema { plan: Arc::new(Plan::parse(text, references)?) }))),
            "PROTOBUF" => Ok(Schema::Protobuf(Arc::new(ProtobufSchema {
                plan: Arc::new(protobuf::Plan::parse(text, references)?),
            }))),
            // Apicurio keeps Connect's schemas as plain JSON or under a type of their own.
            "JSON" | "KCONNECT" => Ok(match connect::compile(text) {
                Ok(kind @ Kind::Struct(_)) => Schema::Connect(ConnectSchema { kind: Arc::new(kind) }),
                _ => Schema::Json,
            }),
            _ => Err(SchemaError("a schema type that is not Avro, Protobuf or JSON".into())),
        }
    }
}

/// What is known of a schema.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// Here it is.
    Found(Arc<Schema>),
    /// It must be fetched first; records that need it wait.
    Pending,
    /// The registry knows no such schema, or what it knows is none.
    Unknown(Cow<'static, str>),
    /// No registry is configured.
    NoRegistry,
}

/// The schemas at hand. Must answer at once; what has to be fetched is [`Lookup::Pending`].
pub trait Schemas {
    /// The schema of this id.
    fn schema(&self, id: &SchemaId) -> Lookup;
}

/// No registry.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSchemas;

impl Schemas for NoSchemas {
    fn schema(&self, _: &SchemaId) -> Lookup {
        Lookup::NoRegistry
    }
}

/// Schemas from a file: `{id: {"schema": "...", "schemaType": "AVRO", "references": [...]}}`, whatever kind of
/// id the key is. A reference names another schema of the file by its `id`, or by `subject` and `version`.
#[derive(Debug, Default)]
pub struct FileSchemas {
    by_word: HashMap<String, Result<Arc<Schema>, SchemaError>>,
}

/// Depth to which references of references are followed.
const REFERENCES_DEPTH_MAX: usize = 32;

impl FileSchemas {
    /// Reads the file's text. A schema that is none is told when a record needs it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let entries = document.as_object().ok_or(r#"expected {id: {"schema": "..."}}"#)?;
        let mut by_word = HashMap::new();
        for (id, entry) in entries {
            let text = entry.get("schema").and_then(Json::as_str).ok_or(format!("{id}: no text under \"schema\""))?;
            let mut references = Vec::new();
            collect(entries, entry, &mut references, 0);
            let kind = entry.get("schemaType").and_then(Json::as_str);
            by_word.insert(id.to_ascii_lowercase(), Schema::parse(kind, text, &references).map(Arc::new));
        }
        Ok(FileSchemas { by_word })
    }
}

fn collect<'j>(entries: &'j serde_json::Map<String, Json>, entry: &'j Json, out: &mut Vec<&'j str>, depth: usize) {
    let references = entry.get("references").and_then(Json::as_array).into_iter().flatten();
    for reference in references.filter(|_| depth < REFERENCES_DEPTH_MAX) {
        let named = |other: &&Json| {
            reference.get("subject").is_some()
                && ["subject", "version"].iter().all(|name| other.get(name) == reference.get(name))
        };
        let id = reference.get("id").or(reference.get("globalId")).or(reference.get("contentId"));
        let by_id = id.and_then(|id| entries.get(id.to_string().trim_matches('"')));
        if let Some(other) = by_id.or_else(|| entries.values().find(named)) {
            collect(entries, other, out, depth + 1);
            let text = other.get("schema").and_then(Json::as_str).unwrap_or_default();
            if !out.contains(&text) {
                out.push(text);
            }
        }
    }
}

impl Schemas for FileSchemas {
    fn schema(&self, id: &SchemaId) -> Lookup {
        match self.by_word.get(&id.word()) {
            Some(Ok(schema)) => Lookup::Found(schema.clone()),
            Some(Err(error)) => Lookup::Unknown(error.0.clone()),
            None => Lookup::Unknown("not in the schemas' file".into()),
        }
    }
}
