//! Protobuf messages, read with a plan that is compiled once per schema.
//!
//! Kafka Connect's converter writes rows as messages whose fields are columns, and what Protobuf has no type
//! for as well-known messages. A message that matters becomes the text that JsonConverter would have written, with the
//! kinds of its fields: from there on it is a row like any other. One that matters to nobody is checked and compared as
//! it is. Text and numbers of the envelope are borrowed from the record.

mod body;
mod check;
mod json;
mod meta;
mod parse;
mod read;

pub(crate) use body::Body;
pub(crate) use read::{Wired, fields};

use super::semantic::{Kind, Reason};
use super::source::Atom;
use std::collections::HashMap;
use std::sync::Arc;

/// Deepest nesting of a message, and of the kinds that are made of it.
const DEPTH_MAX: usize = 64;

/// A compiled schema.
#[derive(Debug)]
pub(crate) struct Plan {
    messages: Vec<Message>,
    /// The schema's own top-level messages, in order: what message indexes count.
    roots: Vec<usize>,
    /// By full name.
    names: HashMap<String, usize>,
    /// Does any field say what it means beyond its wire type? Converters of old do not tell.
    pub named: bool,
}

impl Plan {
    /// What the first message means: Kafka Connect's converter writes the outermost one first.
    pub fn root_kind(&self) -> Option<&Kind> {
        self.messages.get(*self.roots.first()?).map(|message| &*message.kind)
    }
}

/// A message type.
#[derive(Debug)]
struct Message {
    fields: Vec<Field>,
    /// Places of the fields, by number.
    numbers: HashMap<u32, usize>,
    /// The messages that are defined inside, in order.
    nested: Vec<usize>,
    kind: Arc<Kind>,
    /// Its name is what Debezium calls a table's rows.
    is_row: bool,
    /// `google.protobuf.StringValue` and its like stand for what they hold.
    known: Option<Known>,
}

impl Message {
    /// Place of the field of this number. Connect's converter counts fields from 1 on.
    fn place(&self, number: u32) -> Option<usize> {
        let likely = (number as usize).wrapping_sub(1);
        match self.fields.get(likely) {
            Some(field) if field.number == number => Some(likely),
            _ => self.numbers.get(&number).copied(),
        }
    }
}

/// A field of a message.
#[derive(Debug)]
struct Field {
    name: Arc<str>,
    number: u32,
    ty: Ty,
    label: Label,
    kind: Kind,
}

/// How often a field comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    /// Once; left out where it is the type's zero.
    Implicit,
    /// Once; left out where there is none.
    Explicit,
    Repeated,
    /// Entries of key and value.
    Map,
}

/// How a field's value is written.
#[derive(Debug, Clone)]
enum Ty {
    Scalar(Scalar),
    Enum(Arc<[(i32, Arc<str>)]>),
    Message(usize),
    Known(Known),
    /// A message of Protobuf's own that no row holds.
    Opaque,
}

/// The scalar types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scalar {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Text,
    Bytes,
}

/// Messages that stand for one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Wrapper(Scalar),
    Timestamp,
    Duration,
    Date,
    TimeOfDay,
    Decimal,
}

/// A message type of a plan.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    plan: Arc<Plan>,
    message: usize,
}

impl Root {
    /// The message type that a frame names, and the payload behind the name.
    ///
    /// Confluent writes the path to the type as zigzag numbers, after their count, and the path `[0]` as the
    /// count 0; Apicurio a message that holds the type's name.
    pub fn find<'a>(plan: &Arc<Plan>, payload: &'a [u8]) -> Result<(Root, &'a [u8]), Reason> {
        if let Some(found) = Root::by_name(plan, payload) {
            return Ok(found);
        }
        let (path, payload) = read::indexes(payload)?;
        Ok((Root::at(plan, &path)?, payload))
    }

    /// The same where a header carries the schema's id, and perhaps the path. Without any it is the first type.
    pub fn find_bare<'a>(plan: &Arc<Plan>, path: &[u8], payload: &'a [u8]) -> Result<(Root, &'a [u8]), Reason> {
        if !path.is_empty() {
            return Ok((Root::at(plan, &read::indexes(path)?.0)?, payload));
        }
        if let Some(found) = Root::by_name(plan, payload) {
            return Ok(found);
        }
        // No field has the number 0: this is the path [0], left in.
        Ok((Root::at(plan, &[0])?, payload.strip_prefix(&[0]).unwrap_or(payload)))
    }

    fn by_name<'a>(plan: &Arc<Plan>, payload: &'a [u8]) -> Option<(Root, &'a [u8])> {
        let (name, payload) = read::named(payload)?;
        Some((Root { plan: plan.clone(), message: plan.by_name(name)? }, payload))
    }

    fn at(plan: &Arc<Plan>, path: &[usize]) -> Result<Root, Reason> {
        let message = plan.at(path).ok_or("message indexes that the schema does not have")?;
        Ok(Root { plan: plan.clone(), message })
    }

    fn message(&self) -> &Message {
        &self.plan.messages[self.message]
    }

    /// Does the message's name say that it is a table's row?
    pub fn is_row(&self) -> bool {
        self.message().is_row
    }

    /// What the message means.
    pub fn kind(&self) -> &Arc<Kind> {
        &self.message().kind
    }

    /// Does the schema say what its fields mean?
    pub fn named(&self) -> bool {
        self.plan.named
    }

    /// The names of the fields, in the order of the schema.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.message().fields.iter().map(|field| &field.name)
    }

    /// Place of the field of this number.
    pub fn place(&self, number: u32) -> Option<usize> {
        self.message().place(number)
    }

    /// The type of a field that is a message with fields of its own.
    pub fn inner(&self, place: usize) -> Option<Root> {
        match self.message().fields.get(place)? {
            Field { ty: Ty::Message(message), label: Label::Implicit | Label::Explicit, .. } => {
                Some(Root { plan: self.plan.clone(), message: *message })
            }
            _ => None,
        }
    }

    /// Is this the same type of the same schema?
    fn is(&self, other: &Root) -> bool {
        Arc::ptr_eq(&self.plan, &other.plan) && self.message == other.message
    }

    /// A field's value as a small value of an envelope.
    pub fn atom<'a>(&self, place: usize, value: Wired<'a>) -> Result<Atom<'a>, Reason> {
        let Some(field) = self.message().fields.get(place) else {
            return Ok(Atom::None);
        };
        match (&field.ty, field.label) {
            (_, Label::Repeated | Label::Map) => Ok(Atom::Other("an array")),
            (Ty::Scalar(scalar), _) => json::atom(*scalar, value),
            (Ty::Known(Known::Wrapper(scalar)), _) => match json::wrapped(value)? {
                Some(inner) => json::atom(*scalar, inner),
                None => Ok(json::zero(*scalar)),
            },
            _ => Ok(Atom::Other("an object")),
        }
    }
}

impl Plan {
    fn at(&self, path: &[usize]) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(*self.roots.get(*first)?, |at, next| self.messages[at].nested.get(*next).copied())
    }

    /// The message of this name, full or short.
    fn by_name(&self, name: &str) -> Option<usize> {
        let short = |known: &&String| known.rsplit('.').next() == Some(name);
        self.names.get(name).or_else(|| self.names.get(self.names.keys().find(short)?)).copied()
    }
}

#[cfg(test)]
mod tests;
