//! What Kafka Connect's Protobuf converter makes of a Connect schema and its data, in the other direction of
//! what is tested: by a compiler and dynamic messages that are not ours.

use base64::Engine;
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use serde_json::Value as Json;
use std::fmt::Write;

/// How the converter is configured.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// `wrapper.for.nullables`, else `optional.for.nullables`.
    pub wrappers: bool,
    /// Does it keep the names of schemas? Older versions do not.
    pub names: bool,
}

/// The files that schemas import, as far as the tests need them.
struct Imports;

impl FileResolver for Imports {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let text = match name {
            "confluent/meta.proto" => {
                r#"syntax = "proto3"; package confluent; import "google/protobuf/descriptor.proto";
                message Meta { string doc = 1; map<string, string> params = 2; }
                extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
                extend google.protobuf.FieldOptions { Meta field_meta = 1088; }"#
            }
            "confluent/type/decimal.proto" => {
                r#"syntax = "proto3"; package confluent.type;
                message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }"#
            }
            "google/type/date.proto" => {
                r#"syntax = "proto3"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }"#
            }
            "google/type/timeofday.proto" => {
                r#"syntax = "proto3"; package google.type;
                message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }"#
            }
            _ => return Err(protox::Error::file_not_found(name)),
        };
        File::from_source(name, text)
    }
}

/// Compiles a schema, and finds a message of it by its full name.
pub fn message(text: &str, name: &str) -> MessageDescriptor {
    struct Text(String);
    impl FileResolver for Text {
        fn open_file(&self, name: &str) -> Result<File, protox::Error> {
            match name {
                "schema.proto" => File::from_source(name, &self.0),
                _ => Err(protox::Error::file_not_found(name)),
            }
        }
    }
    let mut resolver = ChainFileResolver::new();
    resolver.add(Text(text.to_owned()));
    resolver.add(Imports);
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).open_file("schema.proto").unwrap_or_else(|error| panic!("{error}\n{text}"));
    let pool = compiler.descriptor_pool();
    pool.get_message_by_name(name).unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

fn short(schema: &Json) -> &str {
    schema["name"].as_str().and_then(|name| name.rsplit('.').next()).unwrap_or("ConnectDefault")
}

/// The schema's text and the full name of its message.
pub fn schema(connect: &Json, style: Style) -> (String, String) {
    let full = connect["name"].as_str().expect("a name");
    let (package, name) = full.rsplit_once('.').expect("a package");
    let mut out = format!("syntax = \"proto3\";\npackage {package};\n\n");
    for import in [
        "confluent/meta.proto",
        "confluent/type/decimal.proto",
        "google/type/date.proto",
        "google/type/timeofday.proto",
        "google/protobuf/timestamp.proto",
        "google/protobuf/wrappers.proto",
    ] {
        let _ = writeln!(out, "import \"{import}\";");
    }
    write_message(&mut out, name, connect, style);
    (out, full.to_owned())
}

fn write_message(out: &mut String, name: &str, connect: &Json, style: Style) {
    let _ = writeln!(out, "message {name} {{");
    let mut inner: Vec<&str> = Vec::new();
    for (at, field) in connect["fields"].as_array().expect("fields").iter().enumerate() {
        let (label, element) = match field["type"].as_str() {
            Some("array") => ("repeated ", &field["items"]),
            Some("map") => ("", &field["values"]),
            _ => ("", field),
        };
        let known = known(element);
        let ty = match element["type"].as_str().expect("a type") {
            "struct" => {
                let name = short(element);
                if !inner.contains(&name) {
                    inner.push(name);
                    write_message(out, name, element, style);
                }
                name.to_owned()
            }
            _ if known.is_some() => known.expect("known").to_owned(),
            scalar => scalar_type(scalar, style.wrappers && element["optional"] == true).to_owned(),
        };
        let scalar = element["type"] != "struct" && known.is_none();
        let optional = scalar && label.is_empty() && !style.wrappers && element["optional"] == true;
        let label = if optional { "optional " } else { label };
        let ty = if field["type"] == "map" { format!("map<string, {ty}>") } else { ty };
        let mut params: Vec<(String, String)> = Vec::new();
        let written = element["parameters"].as_object().into_iter().flatten();
        match element["name"].as_str().filter(|_| scalar && style.names) {
            Some(name) => {
                params.push(("connect.name".into(), name.into()));
                params.extend(written.map(|(key, value)| (key.clone(), value.as_str().expect("text").to_owned())));
            }
            None if known == Some("confluent.type.Decimal") => {
                params.extend(written.map(|(key, value)| (key.clone(), value.as_str().expect("text").to_owned())));
            }
            None => {}
        }
        if let Some(small @ ("int8" | "int16")) = element["type"].as_str() {
            params.push(("connect.type".into(), small.into()));
        }
        let params: Vec<String> =
            params.iter().map(|(key, value)| format!("{{ value: \"{value}\", key: \"{key}\" }}")).collect();
        let options = match params.is_empty() {
            true => String::new(),
            false => format!(" [(confluent.field_meta) = {{ params: [{}] }}]", params.join(", ")),
        };
        let field = field["field"].as_str().expect("a field's name");
        let _ = writeln!(out, "  {label}{ty} {field} = {}{options};", at + 1);
    }
    let _ = writeln!(out, "}}");
}

fn known(connect: &Json) -> Option<&'static str> {
    Some(match connect["name"].as_str()?.strip_prefix("org.apache.kafka.connect.data.")? {
        "Decimal" => "confluent.type.Decimal",
        "Date" => "google.type.Date",
        "Time" => "google.type.TimeOfDay",
        "Timestamp" => "google.protobuf.Timestamp",
        _ => return None,
    })
}

fn scalar_type(connect: &str, wrapper: bool) -> &'static str {
    match (connect, wrapper) {
        ("int8" | "int16" | "int32", false) => "int32",
        ("int8" | "int16" | "int32", true) => "google.protobuf.Int32Value",
        ("int64", false) => "int64",
        ("int64", true) => "google.protobuf.Int64Value",
        ("float", false) => "float",
        ("float", true) => "google.protobuf.FloatValue",
        ("double", false) => "double",
        ("double", true) => "google.protobuf.DoubleValue",
        ("boolean", false) => "bool",
        ("boolean", true) => "google.protobuf.BoolValue",
        ("string", false) => "string",
        ("string", true) => "google.protobuf.StringValue",
        ("bytes", false) => "bytes",
        ("bytes", true) => "google.protobuf.BytesValue",
        other => panic!("{other:?}"),
    }
}

/// The message of a JSON payload.
pub fn data(descriptor: &MessageDescriptor, connect: &Json, payload: &Json) -> DynamicMessage {
    let mut out = DynamicMessage::new(descriptor.clone());
    for field in connect["fields"].as_array().expect("fields") {
        let name = field["field"].as_str().expect("a name");
        let target = descriptor.get_field_by_name(name).expect("a field");
        let inner = target.kind().as_message().cloned();
        let value = match (&payload[name], field["type"].as_str()) {
            (Json::Null, _) => continue,
            (Json::Array(values), Some("array")) => {
                Value::List(values.iter().map(|value| one(inner.as_ref(), &field["items"], value)).collect())
            }
            (Json::Object(entries), Some("map")) => {
                let value = target.kind().as_message().expect("an entry").map_entry_value_field().kind();
                let entry = |(key, raw): (&String, &Json)| {
                    let value = one(value.as_message(), &field["values"], raw);
                    (prost_reflect::MapKey::String(key.clone()), value)
                };
                Value::Map(entries.iter().map(entry).collect())
            }
            (value, _) => one(inner.as_ref(), field, value),
        };
        out.set_field(&target, value);
    }
    out
}

fn one(message: Option<&MessageDescriptor>, connect: &Json, value: &Json) -> Value {
    let Some(message) = message else {
        return scalar(connect, value);
    };
    if connect["type"] == "struct" {
        return Value::Message(data(message, connect, value));
    }
    let mut out = DynamicMessage::new(message.clone());
    let mut set = |name: &str, value: Value| out.set_field_by_name(name, value);
    match message.full_name() {
        "confluent.type.Decimal" => {
            let scale = connect["parameters"]["scale"].as_str().expect("a scale").parse().expect("a number");
            set("value", Value::Bytes(bytes(value).into()));
            set("scale", Value::I32(scale));
        }
        "google.protobuf.Timestamp" => {
            let millis = value.as_i64().expect("a number");
            set("seconds", Value::I64(millis.div_euclid(1000)));
            set("nanos", Value::I32(millis.rem_euclid(1000) as i32 * 1_000_000));
        }
        "google.type.TimeOfDay" => {
            let millis = value.as_i64().expect("a number") as i32;
            set("hours", Value::I32(millis / 3_600_000));
            set("minutes", Value::I32(millis / 60_000 % 60));
            set("seconds", Value::I32(millis / 1000 % 60));
            set("nanos", Value::I32(millis % 1000 * 1_000_000));
        }
        "google.type.Date" => {
            let days = jiff::Span::new().days(value.as_i64().expect("a number"));
            let date = jiff::civil::date(1970, 1, 1).checked_add(days).expect("a date");
            set("year", Value::I32(date.year().into()));
            set("month", Value::I32(date.month().into()));
            set("day", Value::I32(date.day().into()));
        }
        _ => set("value", scalar(connect, value)),
    }
    Value::Message(out)
}

fn bytes(value: &Json) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(value.as_str().expect("base64")).expect("base64")
}

fn scalar(connect: &Json, value: &Json) -> Value {
    let float = || match value.as_str() {
        Some(word) => word.parse::<f64>().expect("a word for a number"),
        None => value.as_f64().expect("a number"),
    };
    match connect["type"].as_str().expect("a type") {
        "int8" | "int16" | "int32" => Value::I32(value.as_i64().expect("a number") as i32),
        "int64" => Value::I64(value.as_i64().expect("a number")),
        "float" => Value::F32(float() as f32),
        "double" => Value::F64(float()),
        "boolean" => Value::Bool(value.as_bool().expect("a boolean")),
        "string" => Value::String(value.as_str().expect("a text").to_owned()),
        "bytes" => Value::Bytes(bytes(value).into()),
        other => panic!("{other}"),
    }
}

/// The bytes of a message.
pub fn encode(message: &DynamicMessage) -> Vec<u8> {
    use prost_reflect::prost::Message;
    message.encode_to_vec()
}
