//! Avro datums, read with a plan that is compiled once per schema.
//!
//! The plan keeps what Kafka Connect writes beside Avro's own types (`connect.name`, `connect.parameters`),
//! which carry the semantic types and which general Avro readers drop. With it a column is stepped over
//! without being built, and two images are compared by their bytes.

mod json;
mod parse;
mod read;
mod value;

pub(crate) use read::{Reader, within};

use super::semantic::{Kind, Reason};
use super::unavailable::Placeholders;
use super::value::{Type, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// Deepest nesting of a datum; only schemas that refer to themselves get there.
const DEPTH_MAX: u32 = 64;

/// A compiled schema: types that refer to each other by their place.
#[derive(Debug)]
pub(crate) struct Plan {
    nodes: Vec<Node>,
    root: usize,
    /// Its name is what Debezium calls a table's rows.
    is_row: bool,
}

impl Plan {
    /// What the whole means.
    pub fn root_kind(&self) -> Option<&Kind> {
        self.nodes.get(self.root).map(|node| &node.kind)
    }
}

/// A type.
#[derive(Debug)]
struct Node {
    wire: Wire,
    /// What values of it mean.
    kind: Kind,
}

/// How a type is written.
#[derive(Debug)]
enum Wire {
    Null,
    Bool,
    /// Avro's int and long are written alike.
    Int,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Vec<Arc<str>>),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record(Vec<(Arc<str>, usize)>),
}

/// A value of a datum, not yet read: its type and its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Datum<'a> {
    plan: Arc<Plan>,
    node: usize,
    bytes: &'a [u8],
    placeholders: Placeholders,
}

/// What a datum is on the wire, as far as an envelope is concerned.
#[derive(Debug, Clone)]
pub(crate) enum Part<'a> {
    Null,
    Record(Datum<'a>),
    Text(&'a str),
    Int(i64),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> Datum<'a> {
    /// The whole of a payload.
    pub fn root(plan: &Arc<Plan>, bytes: &'a [u8]) -> Self {
        Datum { plan: plan.clone(), node: plan.root, bytes, placeholders: Placeholders::default() }
    }

    /// The same, with these placeholders for what was not sent.
    pub fn with(self, placeholders: &Placeholders) -> Self {
        Datum { placeholders: placeholders.clone(), ..self }
    }

    /// The members of a record, in order; `None` when the datum is none.
    pub fn members(&self) -> Option<Members<'_, 'a>> {
        match &self.plan.nodes[self.node].wire {
            Wire::Record(fields) => Some(Members {
                plan: &self.plan,
                fields,
                at: 0,
                reader: Reader::new(self.bytes),
                placeholders: &self.placeholders,
            }),
            _ => None,
        }
    }

    /// The names of a record's members.
    pub fn names(&self) -> Vec<Cow<'_, str>> {
        match &self.plan.nodes[self.node].wire {
            Wire::Record(fields) => fields.iter().map(|(name, _)| Cow::Borrowed(&**name)).collect(),
            _ => Vec::new(),
        }
    }

    /// What values of this type mean.
    pub fn kind(&self) -> &Kind {
        &self.plan.nodes[self.node].kind
    }

    /// Are both of one and the same type?
    pub fn alike(&self, other: &Datum<'_>) -> bool {
        self.node == other.node && Arc::ptr_eq(&self.plan, &other.plan)
    }

    /// The value, which must be all that the bytes hold.
    pub fn value(&self) -> Result<(Type, Value), Reason> {
        let mut reader = Reader::new(self.bytes);
        let value = self.plan.value(self.node, &mut reader, &self.placeholders, 0)?;
        reader.end()?;
        Ok(value)
    }

    /// Does the schema's name say that it is a table's row?
    pub fn is_row(&self) -> bool {
        self.plan.is_row
    }

    /// The datum's bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The datum as JsonConverter would have written it.
    pub fn json(&self) -> Result<String, Reason> {
        let mut out = String::new();
        self.plan.json(self.node, &mut Reader::new(self.bytes), &mut out, 0)?;
        Ok(out)
    }

    /// Takes the datum for what it is on the wire.
    pub fn part(&self) -> Result<Part<'a>, Reason> {
        let mut reader = Reader::new(self.bytes);
        let node = self.plan.branch(self.node, &mut reader)?;
        Ok(match &self.plan.nodes[node].wire {
            Wire::Null => Part::Null,
            Wire::Record(_) => Part::Record(Datum { node, bytes: reader.rest(), ..self.clone() }),
            Wire::Int => Part::Int(reader.long()?),
            Wire::Text => Part::Text(reader.text()?),
            Wire::Bytes => Part::Bytes(reader.bytes()?),
            _ => Part::Other,
        })
    }
}

/// Goes through the members of a record.
pub(crate) struct Members<'p, 'a> {
    plan: &'p Arc<Plan>,
    fields: &'p [(Arc<str>, usize)],
    at: usize,
    reader: Reader<'a>,
    placeholders: &'p Placeholders,
}

impl<'p, 'a> Members<'p, 'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// The next member's name; `None` past the last.
    pub fn name(&self) -> Option<&'p Arc<str>> {
        self.fields.get(self.at).map(|(name, _)| name)
    }

    /// Steps over the next member, whose bytes are returned.
    pub fn skip(&mut self) -> Result<&'a [u8], Reason> {
        let before = self.reader.rest();
        if let Some((_, node)) = self.fields.get(self.at) {
            self.plan.skip(*node, &mut self.reader, 0)?;
            self.at += 1;
        }
        Ok(&before[..before.len() - self.reader.rest().len()])
    }

    /// Steps over the next member if its bytes are these. Where one encoded value ends, is told by its own
    /// bytes, so what begins with a whole value is that value.
    pub fn skip_same(&mut self, bytes: &[u8]) -> bool {
        let same = self.reader.rest().starts_with(bytes);
        if same {
            self.reader.advance(bytes.len());
            self.at += 1;
        }
        same
    }

    /// Reads the next member, and returns its bytes too.
    pub fn value(&mut self) -> Result<(Type, Value, &'a [u8]), Reason> {
        let before = self.reader.rest();
        let Some((_, node)) = self.fields.get(self.at) else {
            return Err("past the last field".into());
        };
        self.at += 1;
        let (ty, value) = self.plan.value(*node, &mut self.reader, self.placeholders, 0)?;
        Ok((ty, value, &before[..before.len() - self.reader.rest().len()]))
    }

    /// The next member, stepped over.
    pub fn datum(&mut self) -> Result<Datum<'a>, Reason> {
        let node = self.fields.get(self.at).map(|(_, node)| *node).ok_or("past the last field")?;
        let bytes = self.skip()?;
        Ok(Datum { plan: self.plan.clone(), node, bytes, placeholders: self.placeholders.clone() })
    }

    /// What the next member is, for whoever asks before reading it.
    pub fn kind(&self) -> &'p Kind {
        self.fields.get(self.at).map_or(&Kind::Any, |(_, node)| &self.plan.nodes[*node].kind)
    }

    /// A member's bytes as JsonConverter would have written it.
    pub fn json(&self, at: usize, bytes: &[u8]) -> Result<String, Reason> {
        let node = self.fields.get(at).map(|(_, node)| *node).ok_or("past the last field")?;
        let mut out = String::new();
        self.plan.json(node, &mut Reader::new(bytes), &mut out, 0)?;
        Ok(out)
    }

    /// Position of the next member.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Nothing may follow the last member.
    pub fn end(&self) -> Result<(), Reason> {
        self.reader.end()
    }
}

#[cfg(test)]
mod tests;
