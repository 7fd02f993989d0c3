//! The config file as a tree in which every value knows its place, with `${env:...}` and `${file:...}` resolved.

use super::code::Code;
use super::diagnostic::{Diagnostic, Place, Report};
use super::files::SourceFile;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;
use std::path::Path;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// YAML's kinds of values.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Nothing was written.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text, quoted or not.
    Text(String),
    /// `- a`, `[a]`
    List(Vec<Node>),
    /// `key: value`, in file order.
    Map(Vec<(Key, Node)>),
}

/// A key of a map and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Where it begins.
    pub place: Place,
    /// The key itself.
    pub text: String,
}

/// Reads YAML text; a syntax error becomes a finding with its place, and so does each key that stands twice in its map.
pub fn parse(text: &str, report: &mut Report) -> Option<Node> {
    // Duplicate keys are looked for here, so that one hides no other mistake.
    let duplicate_keys = serde_saphyr::options::DuplicateKeyPolicy::PassThrough;
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false, duplicate_keys: duplicate_keys };
    match serde_saphyr::from_str_with_options::<Spanned<Loose>>(text, options) {
        Ok(spanned) => Some(to_node(spanned, report)),
        Err(error) => {
            let place = error
                .location()
                .map_or(Place::default(), |l| Place { line: l.line() as u32, column: l.column() as u32 });
            // The library appends the location to its message; ours stands in front already.
            let message = error.to_string();
            let message = message.lines().next().unwrap_or_default();
            let message = message.split(" at line ").next().unwrap_or(message);
            report.push(syntax(place, message, text));
            None
        }
    }
}

/// What YAML's parser says, in words for those who write configs.
fn syntax(place: Place, message: &str, text: &str) -> Diagnostic {
    let line = text.lines().nth(place.line.saturating_sub(1) as usize).unwrap_or_default();
    let found = |message: &str| Diagnostic::error(place, format!("not valid YAML: {message}")).code(Code::Yaml);
    let quotes = "put the value in quotes: key: \"...\"";
    if message.starts_with("multiple YAML documents") {
        return found("a second document begins here").hint("one config is one document: take the \"---\" out");
    }
    if message.starts_with("expected string scalar") && line.contains("{{") {
        return found("{{ begins a map in YAML").hint("put a template in quotes: title: \"{{ row.title }}\"");
    }
    if message.starts_with("expected string scalar") {
        return found("a key that is not text");
    }
    if message.starts_with("tabs disallowed") {
        return found("a tab").hint("indent with spaces");
    }
    if message.starts_with("mapping values are not allowed") {
        return found("a key where none can stand")
            .hint("is a line above indented otherwise? A value with \": \" in it needs quotes");
    }
    if message.starts_with("invalid trailing content after") {
        return found("something stands behind a quoted text")
            .hint("put the whole value in quotes of the other kind: when: \"'a' in row.tags\"");
    }
    match message.starts_with("unexpected character") {
        true => found(message).hint(quotes),
        false => found(message),
    }
}

/// Stands for what is not here: passes for a URL and for a token, and leads nowhere.
pub const NO_VALUE: &str = "https://not-set.invalid";

/// Where references find their values.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// Looks an environment variable up.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Stands for what is not here; without it, that is an error.
    pub otherwise: Option<&'a str>,
}

/// Replaces `${env:NAME}`, `${env:NAME:-default}` and `${file:/path}` in every text of the tree.
pub fn resolve(node: &mut Node, values: Values<'_>, report: &mut Report) {
    match &mut node.kind {
        Kind::Text(text) => {
            if let Some(resolved) = resolve_text(text, node.place, values, report) {
                *text = resolved;
            }
        }
        Kind::List(items) => items.iter_mut().for_each(|item| resolve(item, values, report)),
        Kind::Map(entries) => entries.iter_mut().for_each(|(_, value)| resolve(value, values, report)),
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {}
    }
}

fn resolve_text(text: &str, place: Place, values: Values<'_>, report: &mut Report) -> Option<String> {
    if !text.contains("${") {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let inner = &rest[start + 2..];
        let Some(end) = inner.find('}') else {
            report.push(
                Diagnostic::error(place, "\"${\" without a closing \"}\"")
                    .code(Code::UnresolvedReference)
                    .hint("write ${env:NAME}, ${env:NAME:-default} or ${file:/path}"),
            );
            return None;
        };
        let reference = &inner[..end];
        match (lookup(reference, values.env, &mut report.files), values.otherwise) {
            (Ok(value), Some(otherwise)) if value.trim().is_empty() => stand_in(&mut out, otherwise, reference),
            (Ok(value), _) => out.push_str(&value),
            (Err(Missing { absent: true, .. }), Some(otherwise)) => stand_in(&mut out, otherwise, reference),
            (Err(missing), _) => {
                let found = Diagnostic::error(place, missing.message).code(Code::UnresolvedReference);
                report.push(found.hint(missing.hint));
                // Nothing in its place would be said to be empty, too, and hide what else is wrong there.
                stand_in(&mut out, NO_VALUE, reference);
            }
        }
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    Some(out)
}

/// One for each reference: destinations whose secrets are two are two.
fn stand_in(out: &mut String, otherwise: &str, reference: &str) {
    out.push_str(otherwise);
    out.push('/');
    out.extend(reference.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }));
}

/// A reference without a value.
struct Missing {
    message: String,
    hint: String,
    /// It could have one elsewhere: the reference itself is right.
    absent: bool,
}

fn lookup(
    reference: &str,
    env: &dyn Fn(&str) -> Option<String>,
    files: &mut Vec<SourceFile>,
) -> Result<String, Missing> {
    if let Some(path) = reference.strip_prefix("file:") {
        let read = std::fs::read_to_string(path);
        files.push(SourceFile::new(Path::new(path), read.as_ref().ok().map(String::as_bytes)));
        return match read {
            // Secret files usually end with a newline that is no part of the secret.
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => Err(Missing {
                message: format!("cannot read the file {path:?} named by ${{file:...}}: {error}"),
                hint: "is the secret mounted, and readable by this user?".to_owned(),
                absent: true,
            }),
        };
    }
    if let Some(name) = reference.strip_prefix("env:") {
        let (name, default) = match name.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (name, None),
        };
        // As in a shell, an empty variable takes the default where there is one.
        return match (env(name), default) {
            (Some(value), None) => Ok(value),
            (Some(value), Some(_)) if !value.is_empty() => Ok(value),
            (_, Some(default)) => Ok(default.to_owned()),
            (None, None) => Err(Missing {
                message: format!("the environment variable {name} is not set"),
                hint: format!("export {name}, or give a default: ${{env:{name}:-...}}"),
                absent: true,
            }),
        };
    }
    Err(Missing {
        message: format!("\"${{{reference}}}\" is neither an environment variable nor a file"),
        hint: "write ${env:NAME}, ${env:NAME:-default} or ${file:/path}".to_owned(),
        absent: false,
    })
}

fn place_of<T>(spanned: &Spanned<T>) -> Place {
    Place { line: spanned.referenced.line() as u32, column: spanned.referenced.column() as u32 }
}

fn to_node(spanned: Spanned<Loose>, report: &mut Report) -> Node {
    let place = place_of(&spanned);
    let kind = match spanned.value {
        Loose::Null => Kind::Null,
        Loose::Bool(v) => Kind::Bool(v),
        Loose::Int(v) => Kind::Int(v),
        Loose::Float(v) => Kind::Float(v),
        Loose::Text(v) => Kind::Text(v),
        Loose::List(items) => Kind::List(items.into_iter().map(|item| to_node(item, report)).collect()),
        Loose::Map(entries) => {
            let mut map: Vec<(Key, Node)> = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let key = Key { place: place_of(&key), text: key.value };
                let value = to_node(value, report);
                match map.iter().find(|(known, _)| known.text == key.text) {
                    None => map.push((key, value)),
                    Some((known, _)) => report.push(
                        Diagnostic::error(key.place, format!("the key {:?} stands here twice", key.text))
                            .code(Code::DuplicateKey)
                            .hint(format!("the first is in line {}: keep one of them", known.place.line)),
                    ),
                }
            }
            Kind::Map(map)
        }
    };
    Node { place, kind }
}

/// What serde-saphyr infers, before places are attached.
enum Loose {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Loose>>),
    Map(Vec<(Spanned<String>, Spanned<Loose>)>),
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Loose, E> {
        Ok(Loose::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Loose, E> {
        Ok(Loose::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Loose, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, v: bool) -> Result<Loose, E> {
        Ok(Loose::Bool(v))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Loose, E> {
        Ok(Loose::Int(v))
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Loose, E> {
        Ok(i64::try_from(v).map_or(Loose::Float(v as f64), Loose::Int))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Loose, E> {
        Ok(Loose::Float(v))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Loose, E> {
        Ok(Loose::Text(v.to_owned()))
    }

    fn visit_string<E: de::Error>(self, v: String) -> Result<Loose, E> {
        Ok(Loose::Text(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Loose::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Loose::Map(entries))
    }
}
