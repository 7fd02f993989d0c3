//! A deserializer over the tree: every error gets its place, keys that nothing reads are put aside.

use super::ONE_OR_MANY;
use super::at::{AT, Placed};
use super::error::ReadError;
use super::unknown_key;
use crate::config::code::Code;
use crate::config::diagnostic::Diagnostic;
use crate::config::tree::{Key, Kind, Node};
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;

#[derive(Clone, Copy)]
pub(super) struct Reader<'a, 'u> {
    node: &'a Node,
    unknown: &'u RefCell<Vec<Diagnostic>>,
}

impl<'a, 'u> Reader<'a, 'u> {
    pub(super) fn new(node: &'a Node, unknown: &'u RefCell<Vec<Diagnostic>>) -> Self {
        Self { node, unknown }
    }

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
            (AT, _) => visitor.visit_seq(Placed::new(self.node.place, self)),
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
        visitor.visit_seq(Placed::new(self.0.place, self))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple map struct enum identifier ignored_any
    }
}
