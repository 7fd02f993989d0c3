//! serde over the tree: every error gets its place, every unknown key is found in one pass.

use super::code::Code;
use super::diagnostic::{Diagnostic, Place, Report};
use super::tree::{Key, Kind, Node};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

/// Names the tuple that [`At`] reads; the deserializer below recognises it.
const AT: &str = "$rowbell::config::At";

/// Names the list that may be written as one item without brackets.
pub(super) const ONE_OR_MANY: &str = "$rowbell::config::OneOrMany";

/// A value of the model and where it stands in the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it begins.
    pub place: Place,
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AtVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AtVisitor<T> {
            type Value = At<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value with its place")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<At<T>, A::Error> {
                let missing = || de::Error::custom("places are only known in a config file");
                let line = seq.next_element()?.ok_or_else(missing)?;
                let column = seq.next_element()?.ok_or_else(missing)?;
                let value = seq.next_element()?.ok_or_else(missing)?;
                Ok(At { value, place: Place { line, column } })
            }
        }
        deserializer.deserialize_tuple_struct(AT, 3, AtVisitor(PhantomData))
    }
}

/// Values of one section that are left out, each with its mistake, before the section is given up.
const MISTAKES_MAX: usize = 50;

/// Reads one section; everything that is wrong goes to the report. `None` where anything is.
pub fn section<T: DeserializeOwned>(node: &Node, report: &mut Report) -> Option<T> {
    let mistakes = report.found.len();
    let value = partial(node, report);
    let wrong = report.found[mistakes..].iter().any(|found| found.code != Code::UnknownKey);
    value.filter(|_| !wrong)
}

/// The same, with what is left where something is wrong. A value that cannot be read is left out and the rest read
/// again, so that one mistake hides no other.
pub fn partial<T: DeserializeOwned>(node: &Node, report: &mut Report) -> Option<T> {
    let mut left: Option<Node> = None;
    let mut removed: Vec<String> = Vec::new();
    for _ in 0..MISTAKES_MAX {
        let unknown = RefCell::new(Vec::new());
        let reader = Reader { node: left.as_ref().unwrap_or(node), unknown: &unknown };
        let result = T::deserialize(reader);
        for finding in unknown.into_inner() {
            if !report.found.contains(&finding) {
                report.push(finding);
            }
        }
        let error = match result {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        // What is missing because it was left out is no mistake of its own.
        if error.missing.is_some_and(|field| removed.iter().any(|key| key == field)) {
            return None;
        }
        let place = if error.place == Place::default() { node.place } else { error.place };
        report.push(Diagnostic { place, ..error.into_diagnostic() });
        let mut rest = left.take().unwrap_or_else(|| node.clone());
        removed.push(remove(&mut rest, place)?);
        left = Some(rest);
    }
    None
}

/// Takes the innermost value that begins at a place out of its map or list; its key, where it has one.
fn remove(node: &mut Node, place: Place) -> Option<String> {
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().find_map(|item| remove(item, place)).or_else(|| {
            let at = items.iter().position(|item| item.place == place)?;
            items.remove(at);
            Some(String::new())
        }),
        Kind::Map(entries) => entries.iter_mut().find_map(|(_, value)| remove(value, place)).or_else(|| {
            let at = entries.iter().position(|(_, value)| value.place == place)?;
            Some(entries.remove(at).0.text)
        }),
        _ => None,
    }
}

/// An error of the model: what, and as soon as it is known, where.
#[derive(Debug)]
pub struct ReadError {
    place: Place,
    code: Code,
    message: String,
    hint: Option<String>,
    /// The key that is missing, where that is what is wrong.
    missing: Option<&'static str>,
}

impl ReadError {
    fn at(mut self, place: Place) -> Self {
        if self.place == Place::default() {
            self.place = place;
        }
        self
    }

    fn into_diagnostic(self) -> Diagnostic {
        let diagnostic = Diagnostic::error(self.place, self.message).code(self.code);
        match self.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        // A custom error may bring its hint behind a newline.
        let text = message.to_string();
        let (message, hint) = match text.split_once("\nhint: ") {
            Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
            None => (text, None),
        };
        Self { place: Place::default(), code: Code::InvalidValue, message, hint, missing: None }
    }

    fn missing_field(field: &'static str) -> Self {
        Self {
            place: Place::default(),
            code: Code::MissingKey,
            message: format!("{field:?} is missing here"),
            hint: Some(format!("add \"{field}: ...\"")),
            missing: Some(field),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let hint = match crate::rule::nearest(variant, expected.iter().copied()) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("one of: {}", expected.join(", ")),
        };
        let message = format!("{variant:?} is not known here");
        Self { place: Place::default(), code: Code::InvalidValue, message, hint: Some(hint), missing: None }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a, 'u> {
    node: &'a Node,
    unknown: &'u RefCell<Vec<Diagnostic>>,
}

impl<'a, 'u> Reader<'a, 'u> {
    fn child(self, node: &'a Node) -> Self {
        Self { node, unknown: self.unknown }
    }

    fn unexpected(&self, wanted: &str) -> ReadError {
        let (found, hint) = match &self.node.kind {
            Kind::Null => ("nothing".to_owned(), None),
            Kind::Bool(v) => (v.to_string(), Some("put it in quotes if it is meant as text")),
            Kind::Int(v) => (v.to_string(), Some("put it in quotes if it is meant as text")),
            Kind::Float(v) => (v.to_string(), Some("put it in quotes if it is meant as text")),
            Kind::Text(v) => (format!("{:?}", shorten(v)), None),
            Kind::List(_) => ("a list".to_owned(), None),
            Kind::Map(_) => ("a map".to_owned(), None),
        };
        ReadError {
            place: self.node.place,
            code: Code::WrongType,
            message: format!("expected {wanted}, found {found}"),
            hint: hint.filter(|_| wanted == "text").map(str::to_owned),
            missing: None,
        }
    }
}

/// A resolved value may be a secret or a page of text: show the beginning of short ones only.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 20;
    if text.chars().count() <= SHOWN {
        text.to_owned()
    } else {
        text.chars().take(SHOWN).chain("...".chars()).collect()
    }
}

macro_rules! integers {
    ($($method:ident => $visit:ident: $ty:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            let number = match &self.node.kind {
                Kind::Int(v) => Some(*v),
                // A number that came through ${env:...} is text.
                Kind::Text(v) => v.trim().parse().ok(),
                _ => None,
            };
            match number.map(<$ty>::try_from) {
                Some(Ok(v)) => visitor.$visit(v).map_err(|e: ReadError| e.at(self.node.place)),
                Some(Err(_)) => Err(self.unexpected(concat!("a number that fits ", stringify!($ty)))),
                None => Err(self.unexpected("a whole number")),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(v) => visitor.visit_bool(*v),
            Kind::Int(v) => visitor.visit_i64(*v),
            Kind::Float(v) => visitor.visit_f64(*v),
            Kind::Text(v) => visitor.visit_str(v),
            Kind::List(items) => visitor.visit_seq(Items { reader: self, items: items.iter() }),
            Kind::Map(entries) => visitor.visit_map(Entries::new(self, entries, None)),
        }
        .map_err(|e: ReadError| e.at(self.node.place))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Bool(v) => visitor.visit_bool(*v),
            Kind::Text(v) => match v.as_str() {
                "on" | "true" => visitor.visit_bool(true),
                "off" | "false" => visitor.visit_bool(false),
                _ => Err(self.unexpected("on or off")),
            },
            _ => Err(self.unexpected("on or off")),
        }
    }

    integers! {
        deserialize_i64 => visit_i64: i64,
        deserialize_u16 => visit_u16: u16,
        deserialize_u32 => visit_u32: u32,
        deserialize_u64 => visit_u64: u64
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Text(v) => visitor.visit_borrowed_str(v).map_err(|e: ReadError| e.at(self.node.place)),
            _ => Err(self.unexpected("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::List(items) => visitor.visit_seq(Items { reader: self, items: items.iter() }),
            _ => Err(self.unexpected("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Map(entries) => visitor.visit_map(Entries::new(self, entries, None)),
            Kind::Null => visitor.visit_map(Entries::new(self, &[], None)),
            _ => Err(self.unexpected("a map")),
        }
        .map_err(|e: ReadError| e.at(self.node.place))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Map(entries) => visitor.visit_map(Entries::new(self, entries, Some(fields))),
            Kind::Null => visitor.visit_map(Entries::new(self, &[], Some(fields))),
            _ => Err(self.unexpected(&format!("a map with {}", fields.join(", ")))),
        }
        .map_err(|e: ReadError| e.at(self.node.place))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match (name, &self.node.kind) {
            (AT, _) => visitor.visit_seq(Placed { reader: self, step: 0 }),
            (ONE_OR_MANY, Kind::List(_)) => self.deserialize_seq(visitor),
            (ONE_OR_MANY, _) => {
                visitor.visit_seq(Items { reader: self, items: std::slice::from_ref(self.node).iter() })
            }
            _ => self.deserialize_seq(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Text(v) => {
                let word: StrDeserializer<'_, ReadError> = v.as_str().into_deserializer();
                visitor.visit_enum(word).map_err(|e| e.at(self.node.place))
            }
            _ => Err(self.unexpected("a word")),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self).map_err(|e: ReadError| e.at(self.node.place))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct tuple identifier ignored_any
    }
}

struct Items<'a, 'u> {
    reader: Reader<'a, 'u>,
    items: std::slice::Iter<'a, Node>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = ReadError;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let item = self.items.next();
        item.map(|node| seed.deserialize(self.reader.child(node)).map_err(|e| e.at(node.place))).transpose()
    }
}

struct Entries<'a, 'u> {
    reader: Reader<'a, 'u>,
    entries: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a Node>,
    fields: Option<&'static [&'static str]>,
}

impl<'a, 'u> Entries<'a, 'u> {
    fn new(reader: Reader<'a, 'u>, entries: &'a [(Key, Node)], fields: Option<&'static [&'static str]>) -> Self {
        Self { reader, entries: entries.iter(), value: None, fields }
    }
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        for (key, value) in self.entries.by_ref() {
            if let Some(fields) = self.fields
                && !fields.contains(&key.text.as_str())
            {
                self.reader.unknown.borrow_mut().push(unknown_key(key, fields));
                continue;
            }
            self.value = Some(value);
            return seed.deserialize(KeyReader(key)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        match self.value.take() {
            Some(node) => seed.deserialize(self.reader.child(node)).map_err(|e| e.at(node.place)),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}

/// The finding about a key that nothing reads.
pub(super) fn unknown_key(key: &Key, known: &[&'static str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(key.place, format!("unknown key {:?}", key.text)).code(Code::UnknownKey);
    match crate::rule::nearest(&key.text, known.iter().copied()) {
        Some(near) => diagnostic.hint(format!("did you mean {near:?}?")),
        None => diagnostic.hint(format!("known here: {}", known.join(", "))),
    }
}

/// A key, which may be asked for with its place.
struct KeyReader<'a>(&'a Key);

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_borrowed_str(&self.0.text).map_err(|e: ReadError| e.at(self.0.place))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_seq(PlacedKey { key: self.0, step: 0 })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple map struct enum identifier ignored_any
    }
}

/// Line, column, value: what [`At`] reads.
struct Placed<'a, 'u> {
    reader: Reader<'a, 'u>,
    step: u8,
}

impl<'de> SeqAccess<'de> for Placed<'de, '_> {
    type Error = ReadError;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.step += 1;
        let place = self.reader.node.place;
        match self.step {
            1 => seed.deserialize(place.line.into_deserializer()).map(Some),
            2 => seed.deserialize(place.column.into_deserializer()).map(Some),
            3 => seed.deserialize(self.reader).map(Some),
            _ => Ok(None),
        }
    }
}

struct PlacedKey<'a> {
    key: &'a Key,
    step: u8,
}

impl<'de> SeqAccess<'de> for PlacedKey<'de> {
    type Error = ReadError;
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.step += 1;
        let place = self.key.place;
        match self.step {
            1 => seed.deserialize(place.line.into_deserializer()).map(Some),
            2 => seed.deserialize(place.column.into_deserializer()).map(Some),
            3 => seed.deserialize(KeyReader(self.key)).map(Some),
            _ => Ok(None),
        }
    }
}
