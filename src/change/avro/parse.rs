//! From an Avro schema's JSON to a plan.

use super::{Node, Plan, Wire};
use crate::change::schema::named;
use crate::change::schemas::SchemaError;
use crate::change::semantic::{Kind, Shape, Unit};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::sync::Arc;

/// Types that a schema may have, its references' included.
const NODES_MAX: usize = 200_000;
/// Largest `fixed`; a larger one could not arrive in a Kafka record.
const FIXED_MAX: u64 = 1 << 30;

fn error(what: &'static str) -> SchemaError {
    SchemaError(what.into())
}

impl Plan {
    /// Compiles a schema, after those that it refers to.
    pub fn parse(text: &str, references: &[&str]) -> Result<Plan, SchemaError> {
        let mut parser = Parser { nodes: Vec::new(), names: HashMap::new() };
        let read = |text: &str| {
            serde_json::from_str::<Json>(text).or_else(|_| {
                // A registry may hold a primitive schema as a bare word.
                let word = text.trim();
                let plain =
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
                plain.then(|| Json::String(word.to_owned())).ok_or(error("the schema is not valid JSON"))
            })
        };
        for reference in references {
            parser.node(&read(reference)?, "")?;
        }
        let root = parser.node(&read(text)?, "")?;
        let name = |schema: &Json| {
            let text = |name| schema.get(name).and_then(Json::as_str).unwrap_or_default();
            let own = if text("name").contains('.') || text("namespace").is_empty() { "" } else { "." };
            [text("connect.name"), text("namespace"), own, text("name")].concat()
        };
        let is_row = name(&read(text)?).ends_with(".Value");
        Ok(Plan { nodes: parser.nodes, root, is_row })
    }
}

struct Parser {
    nodes: Vec<Node>,
    /// Named types by their full name.
    names: HashMap<String, usize>,
}

impl Parser {
    fn push(&mut self, wire: Wire, kind: Kind) -> Result<usize, SchemaError> {
        if self.nodes.len() >= NODES_MAX {
            return Err(error("a schema of too many types"));
        }
        self.nodes.push(Node { wire, kind });
        Ok(self.nodes.len() - 1)
    }

    fn node(&mut self, schema: &Json, namespace: &str) -> Result<usize, SchemaError> {
        match schema {
            Json::String(word) => self.word(word, &Map::new(), namespace),
            Json::Array(branches) => self.union(branches, namespace),
            Json::Object(attributes) => match attributes.get("type") {
                Some(Json::String(word)) => self.word(word, attributes, namespace),
                // {"type": {"type": "string", ...}}: the inner one is the type.
                Some(inner @ (Json::Object(_) | Json::Array(_))) => self.node(inner, namespace),
                _ => Err(error("a type is missing")),
            },
            _ => Err(error("a type that is neither a word, an object nor a list")),
        }
    }

    fn union(&mut self, branches: &[Json], namespace: &str) -> Result<usize, SchemaError> {
        let branches = branches.iter().map(|branch| self.node(branch, namespace)).collect::<Result<Vec<_>, _>>()?;
        if branches.iter().any(|branch| matches!(self.nodes[*branch].wire, Wire::Union(_))) {
            return Err(error("a union inside a union"));
        }
        let mut others = branches.iter().filter(|branch| !matches!(self.nodes[**branch].wire, Wire::Null));
        // An optional value means what it means when it is there; of several types only the value tells.
        let kind = match (others.next(), others.next()) {
            (Some(only), None) => self.nodes[*only].kind.clone(),
            _ => Kind::Any,
        };
        self.push(Wire::Union(branches), kind)
    }

    fn word(&mut self, word: &str, attributes: &Map<String, Json>, namespace: &str) -> Result<usize, SchemaError> {
        let (wire, kind) = match word {
            "null" => (Wire::Null, Kind::Any),
            "boolean" => (Wire::Bool, Kind::Bool),
            "int" | "long" => (Wire::Int, Kind::Int),
            "float" => (Wire::Float, Kind::Float),
            "double" => (Wire::Double, Kind::Float),
            "bytes" => (Wire::Bytes, Kind::Bytes),
            "string" => (Wire::Text, Kind::Text),
            "array" => {
                let items = attributes.get("items").ok_or(error("an array without items"))?;
                let items = self.node(items, namespace)?;
                (Wire::Array(items), Kind::Array(Box::new(self.nodes[items].kind.clone())))
            }
            "map" => {
                let values = attributes.get("values").ok_or(error("a map without values"))?;
                let values = self.node(values, namespace)?;
                (Wire::Map(values), Kind::Map(Box::new(self.nodes[values].kind.clone())))
            }
            "record" | "error" | "enum" | "fixed" => return self.define(word, attributes, namespace),
            name => {
                let full = full_name(name, namespace);
                let known = self.names.get(&full).or_else(|| self.names.get(name));
                return known.copied().ok_or(error("a named type that is not defined"));
            }
        };
        // Connect's maps with keys that are no texts: arrays of records {key, value}.
        let kind = match (attributes.get("connect.type").and_then(Json::as_str), kind) {
            (Some("map"), Kind::Array(_)) => Kind::Map(Box::new(Kind::Any)),
            (_, kind) => semantic(word, attributes).unwrap_or(kind),
        };
        self.push(wire, kind)
    }

    fn define(&mut self, word: &str, attributes: &Map<String, Json>, namespace: &str) -> Result<usize, SchemaError> {
        let text = |name: &str| attributes.get(name).and_then(Json::as_str);
        let name = text("name").ok_or(error("a named type without a name"))?;
        let full = full_name(name, text("namespace").unwrap_or(namespace));
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        // Known by its name before its fields are, which may refer to it.
        let node = self.push(Wire::Null, Kind::Any)?;
        self.names.insert(full, node);
        let (wire, kind) = match word {
            "enum" => {
                let words =
                    attributes.get("symbols").and_then(Json::as_array).ok_or(error("an enum without symbols"))?;
                (Wire::Enum(words.iter().filter_map(Json::as_str).map(Arc::from).collect()), Kind::Enum)
            }
            "fixed" => {
                let size = attributes.get("size").and_then(Json::as_u64).filter(|size| *size <= FIXED_MAX);
                (Wire::Fixed(size.ok_or(error("a fixed without a size"))? as usize), Kind::Bytes)
            }
            _ => {
                let fields =
                    attributes.get("fields").and_then(Json::as_array).ok_or(error("a record without fields"))?;
                let (mut members, mut shape) = (Vec::new(), Vec::new());
                for field in fields {
                    let name = field.get("name").and_then(Json::as_str).ok_or(error("a field without a name"))?;
                    let name: Arc<str> = name.into();
                    let node = self.node(field.get("type").ok_or(error("a field without a type"))?, &namespace)?;
                    shape.push((name.clone(), self.nodes[node].kind.clone()));
                    members.push((name, node));
                }
                (Wire::Record(members), Kind::Struct(Arc::new(Shape { fields: shape })))
            }
        };
        let kind = semantic(word, attributes).unwrap_or(kind);
        self.nodes[node] = Node { wire, kind };
        Ok(node)
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

/// What a type means beyond how it is written: by Connect's name for it, else by Avro's logical type.
fn semantic(word: &str, attributes: &Map<String, Json>) -> Option<Kind> {
    let text = |name: &str| attributes.get(name).and_then(Json::as_str);
    let parameters = attributes.get("connect.parameters");
    // Avro's own attribute says a decimal's scale too, as a number.
    let scale_text = attributes.get("scale").and_then(Json::as_i64).map(|scale| scale.to_string());
    let parameter = |name: &str| {
        let written = parameters.and_then(|parameters| parameters.get(name)).and_then(Json::as_str);
        written.or(scale_text.as_deref().filter(|_| name == "scale"))
    };
    if let Some(kind) = text("connect.name").and_then(|name| named(name, word, parameter)) {
        return Some(kind);
    }
    let scale = || attributes.get("scale").and_then(Json::as_i64).unwrap_or(0);
    Some(match (text("logicalType")?, word) {
        ("decimal", "bytes" | "fixed") => Kind::Decimal(scale()),
        ("uuid", "string") => Kind::Uuid,
        ("date", "int") => Kind::Date,
        ("time-millis", "int") => Kind::Time(Unit::Milli),
        ("time-micros", "long") => Kind::Time(Unit::Micro),
        // Avro's timestamps are points in time; Connect's wall clocks were told by their name above.
        ("timestamp-millis", "long") => Kind::Instant(Unit::Milli),
        ("timestamp-micros", "long") => Kind::Instant(Unit::Micro),
        ("timestamp-nanos", "long") => Kind::Instant(Unit::Nano),
        ("local-timestamp-millis", "long") => Kind::Timestamp(Unit::Milli),
        ("local-timestamp-micros", "long") => Kind::Timestamp(Unit::Micro),
        ("local-timestamp-nanos", "long") => Kind::Timestamp(Unit::Nano),
        _ => return None,
    })
}
