//! From a `.proto` text to a plan.

use super::meta::{self, Params};
use super::{DEPTH_MAX, Field, Known, Label, Message, Plan, Scalar, Ty};
use crate::change::schema::named;
use crate::change::schemas::SchemaError;
use crate::change::semantic::{Kind, Shape, Unit};
use prost_types::field_descriptor_proto::{Label as Written, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use std::collections::HashMap;
use std::sync::Arc;

/// Longest schema, its references' texts included: a parsed field takes many times its text. A table of 1,000
/// columns has about 150 KB.
const PROTO_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Deepest nesting of braces and brackets.
const BRACES_MAX: usize = 64;

type Words = Arc<[(i32, Arc<str>)]>;

fn error(what: &'static str) -> SchemaError {
    SchemaError(what.into())
}

fn file(text: &str) -> Result<FileDescriptorProto, SchemaError> {
    let mut open = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' => open += 1,
            b'}' | b']' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > BRACES_MAX {
            return Err(error("a schema that is nested too deeply"));
        }
    }
    // The parser's own words repeat parts of the text.
    protox_parse::parse("schema.proto", text).map_err(|_| error("the schema is not valid Protobuf"))
}

impl Plan {
    /// Compiles a schema; `references` are the texts that it imports, at whatever depth. Protobuf's and
    /// Confluent's own files are known without.
    pub fn parse(text: &str, references: &[&str]) -> Result<Plan, SchemaError> {
        if references.iter().map(|text| text.len()).sum::<usize>() + text.len() > PROTO_BYTES_MAX {
            return Err(SchemaError(format!("a Protobuf schema of more than {PROTO_BYTES_MAX} bytes").into()));
        }
        // Its own messages last: where two are of one name, they count.
        let files = references.iter().chain([&text]).map(|text| file(text)).collect::<Result<Vec<_>, _>>()?;
        let mut defined = Defined::default();
        let mut roots = Vec::new();
        for file in &files {
            roots = file.message_type.iter().map(|message| defined.message(file, file.package(), message)).collect();
            for words in &file.enum_type {
                defined.enumeration(file.package(), words);
            }
        }
        let mut messages = Vec::with_capacity(defined.messages.len());
        let mut has_names = false;
        for at in 0..defined.messages.len() {
            messages.push(defined.compile(at, &mut has_names)?);
        }
        let mut kinds = Kinds { messages: &mut messages, done: HashMap::new() };
        for at in 0..kinds.messages.len() {
            kinds.message(at, 0);
        }
        Ok(Plan { messages, roots, names: defined.names, named: has_names })
    }
}

/// The types of all files, by full name.
#[derive(Default)]
struct Defined<'f> {
    messages: Vec<Definition<'f>>,
    names: HashMap<String, usize>,
    enums: HashMap<String, Words>,
}

struct Definition<'f> {
    full: String,
    message: &'f DescriptorProto,
    proto3: bool,
    nested: Vec<usize>,
}

impl<'f> Defined<'f> {
    fn message(&mut self, file: &FileDescriptorProto, scope: &str, message: &'f DescriptorProto) -> usize {
        let full = joined(scope, message.name());
        let at = self.messages.len();
        self.names.insert(full.clone(), at);
        let proto3 = file.syntax() == "proto3";
        self.messages.push(Definition { full: full.clone(), message, proto3, nested: Vec::new() });
        let nested = message.nested_type.iter().map(|inner| self.message(file, &full, inner)).collect();
        self.messages[at].nested = nested;
        for words in &message.enum_type {
            self.enumeration(&full, words);
        }
        at
    }

    fn enumeration(&mut self, scope: &str, words: &EnumDescriptorProto) {
        let full = joined(scope, words.name());
        let words = words.value.iter().map(|word| (word.number(), Arc::from(word.name()))).collect();
        self.enums.insert(full, words);
    }

    fn compile(&self, at: usize, has_names: &mut bool) -> Result<Message, SchemaError> {
        let Definition { full, message, proto3, nested } = &self.messages[at];
        let mut fields = Vec::with_capacity(message.field.len());
        let mut numbers = HashMap::with_capacity(message.field.len());
        for written in &message.field {
            let number = u32::try_from(written.number()).map_err(|_| error("a field number below zero"))?;
            if numbers.insert(number, fields.len()).is_some() {
                return Err(error("two fields of one number"));
            }
            let ty = self.ty(full, written)?;
            let label = self.label(written, &ty, *proto3);
            let params = written.options.as_ref().map(|options| meta::params(&options.uninterpreted_option));
            let kind = kind(&ty, &params.unwrap_or_default(), has_names);
            fields.push(Field { name: written.name().into(), number, ty, label, kind });
        }
        let params = message.options.as_ref().map(|options| meta::params(&options.uninterpreted_option));
        let kind = semantic(message, &params.unwrap_or_default(), has_names).unwrap_or(Kind::Any);
        let is_row = message.name() == "Value" && full.contains('.');
        Ok(Message { fields, numbers, nested: nested.clone(), kind: Arc::new(kind), is_row, known: known(full) })
    }

    fn ty(&self, scope: &str, field: &FieldDescriptorProto) -> Result<Ty, SchemaError> {
        let name = field.type_name();
        if field.r#type == Some(Type::Group.into()) {
            return Ok(Ty::Opaque);
        }
        if name.is_empty() {
            let scalar = scalar(field.r#type()).ok_or(error("a field without a type"))?;
            return Ok(Ty::Scalar(scalar));
        }
        if let Some(absolute) = name.strip_prefix('.') {
            return self.named(absolute).ok_or(error("a field of a type that is not defined"));
        }
        // From the innermost scope outwards.
        let mut scope = scope;
        loop {
            if let Some(ty) = self.named(&joined(scope, name)) {
                return Ok(ty);
            }
            scope = match scope {
                "" => return Err(error("a field of a type that is not defined")),
                scope => scope.rsplit_once('.').map_or("", |(outer, _)| outer),
            };
        }
    }

    fn named(&self, full: &str) -> Option<Ty> {
        if let Some(known) = known(full) {
            return Some(Ty::Known(known));
        }
        let message = self.names.get(full).map(|at| Ty::Message(*at));
        message.or_else(|| Some(Ty::Enum(self.enums.get(full)?.clone()))).or_else(|| {
            // google.protobuf.Any, Struct, ...: read as nothing but bytes.
            full.starts_with("google.").then_some(Ty::Opaque)
        })
    }

    fn label(&self, field: &FieldDescriptorProto, ty: &Ty, proto3: bool) -> Label {
        if field.label() == Written::Repeated {
            return match ty {
                Ty::Message(at) if is_entry(self.messages[*at].message) => Label::Map,
                _ => Label::Repeated,
            };
        }
        let explicit = !proto3 || field.proto3_optional() || field.oneof_index.is_some();
        match ty {
            Ty::Scalar(_) | Ty::Enum(_) if !explicit => Label::Implicit,
            _ => Label::Explicit,
        }
    }
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// Converters of old write a map's entries without saying that they are such.
fn is_entry(message: &DescriptorProto) -> bool {
    let marked = message.options.as_ref().is_some_and(|options| options.map_entry());
    let named =
        |at: usize, name| message.field.get(at).is_some_and(|f| f.name() == name && f.number() == at as i32 + 1);
    marked || message.name().ends_with("Entry") && message.field.len() == 2 && named(0, "key") && named(1, "value")
}

fn scalar(written: Type) -> Option<Scalar> {
    Some(match written {
        Type::Double => Scalar::Double,
        Type::Float => Scalar::Float,
        Type::Int32 => Scalar::Int32,
        Type::Int64 => Scalar::Int64,
        Type::Uint32 => Scalar::Uint32,
        Type::Uint64 => Scalar::Uint64,
        Type::Sint32 | Type::Sint64 => Scalar::Sint,
        Type::Fixed32 => Scalar::Fixed32,
        Type::Fixed64 => Scalar::Fixed64,
        Type::Sfixed32 => Scalar::Sfixed32,
        Type::Sfixed64 => Scalar::Sfixed64,
        Type::Bool => Scalar::Bool,
        Type::String => Scalar::Text,
        Type::Bytes => Scalar::Bytes,
        Type::Message | Type::Group | Type::Enum => return None,
    })
}

/// The messages that stand for one value.
fn known(full: &str) -> Option<Known> {
    if let Some(name) = full.strip_prefix("google.protobuf.") {
        return Some(match name {
            "Timestamp" => Known::Timestamp,
            "Duration" => Known::Duration,
            "DoubleValue" => Known::Wrapper(Scalar::Double),
            "FloatValue" => Known::Wrapper(Scalar::Float),
            "Int64Value" => Known::Wrapper(Scalar::Int64),
            "UInt64Value" => Known::Wrapper(Scalar::Uint64),
            "Int32Value" => Known::Wrapper(Scalar::Int32),
            "UInt32Value" => Known::Wrapper(Scalar::Uint32),
            "BoolValue" => Known::Wrapper(Scalar::Bool),
            "StringValue" => Known::Wrapper(Scalar::Text),
            "BytesValue" => Known::Wrapper(Scalar::Bytes),
            _ => return None,
        });
    }
    Some(match full {
        "google.type.Date" => Known::Date,
        "google.type.TimeOfDay" => Known::TimeOfDay,
        "confluent.type.Decimal" => Known::Decimal,
        _ => return None,
    })
}

fn scalar_kind(scalar: Scalar) -> Kind {
    match scalar {
        Scalar::Double | Scalar::Float => Kind::Float,
        Scalar::Bool => Kind::Bool,
        Scalar::Text => Kind::Text,
        Scalar::Bytes => Kind::Bytes,
        _ => Kind::Int,
    }
}

fn known_kind(known: Known) -> Kind {
    match known {
        Known::Wrapper(scalar) => scalar_kind(scalar),
        // Connect's Timestamp is what Debezium writes wall clocks with.
        Known::Timestamp => Kind::Timestamp(Unit::Nano),
        Known::Duration => Kind::Duration(Unit::Nano),
        Known::Date => Kind::Date,
        Known::TimeOfDay => Kind::Time(Unit::Nano),
        Known::Decimal => Kind::VariableDecimal,
    }
}

/// A field's own kind; those of messages, arrays and maps are put in later.
fn kind(ty: &Ty, params: &Params, has_names: &mut bool) -> Kind {
    let plain = match ty {
        Ty::Scalar(scalar) | Ty::Known(Known::Wrapper(scalar)) => scalar_kind(*scalar),
        Ty::Known(known) => return known_kind(*known),
        Ty::Enum(_) => Kind::Enum,
        Ty::Message(_) => Kind::Any,
        Ty::Opaque => Kind::Bytes,
    };
    let base = if plain == Kind::Bool { "boolean" } else { "" };
    match meta::get(params, "connect.name").and_then(|name| named(name, base, |name| meta::get(params, name))) {
        Some(kind) => {
            *has_names = true;
            kind
        }
        None => plain,
    }
}

/// What a message means, by Connect's name for it, else by its own and its fields: structs of Debezium's.
fn semantic(message: &DescriptorProto, params: &Params, has_names: &mut bool) -> Option<Kind> {
    if let Some(kind) = meta::get(params, "connect.name").and_then(|name| named(name, "struct", |_| None)) {
        *has_names = true;
        return Some(kind);
    }
    let has = |names: &[&str]| names.iter().all(|name| message.field.iter().any(|field| field.name() == *name));
    match message.name() {
        "VariableScaleDecimal" if has(&["scale", "value"]) => Some(Kind::VariableDecimal),
        "Point" if has(&["x", "y"]) => Some(Kind::Point),
        "Geometry" | "Geography" if has(&["wkb"]) => Some(Kind::Geometry),
        "SparseDoubleVector" if has(&["vector"]) => Some(Kind::SparseVector),
        _ => None,
    }
}

/// Puts the kinds of messages into the fields that hold them.
struct Kinds<'m> {
    messages: &'m mut [Message],
    /// How deep the finished ones are.
    done: HashMap<usize, usize>,
}

impl Kinds<'_> {
    /// Finishes a message; its depth. A message inside itself, or too deep, is of any kind.
    fn message(&mut self, at: usize, depth: usize) -> usize {
        if let Some(height) = self.done.get(&at) {
            return *height;
        }
        if let Some(known) = self.messages[at].known {
            self.messages[at].kind = Arc::new(known_kind(known));
            self.done.insert(at, 1);
            return 1;
        }
        // Whoever meets it again before it is finished is inside of it.
        self.done.insert(at, DEPTH_MAX);
        let mut height = 1;
        for place in 0..self.messages[at].fields.len() {
            let Field { ty, label, kind, .. } = &self.messages[at].fields[place];
            let (mut kind, label) = (kind.clone(), *label);
            if let (Ty::Message(inner), Kind::Any) = (ty.clone(), &kind) {
                let inner_height = if depth < DEPTH_MAX { self.message(inner, depth + 1) } else { DEPTH_MAX };
                if inner_height < DEPTH_MAX {
                    kind = match label {
                        Label::Map => self.messages[inner].fields.get(1).map_or(Kind::Any, |value| value.kind.clone()),
                        _ => (*self.messages[inner].kind).clone(),
                    };
                    height = height.max(inner_height + 1);
                }
            }
            let kind = match label {
                Label::Map => Kind::Map(Box::new(kind)),
                // A vector is named as a whole.
                Label::Repeated if !matches!(kind, Kind::Array(_)) => Kind::Array(Box::new(kind)),
                _ => kind,
            };
            self.messages[at].fields[place].kind = kind;
        }
        if *self.messages[at].kind == Kind::Any {
            let fields = self.messages[at].fields.iter().map(|field| (field.name.clone(), field.kind.clone()));
            self.messages[at].kind = Arc::new(Kind::Struct(Arc::new(Shape { fields: fields.collect() })));
        }
        self.done.insert(at, height);
        height
    }
}
