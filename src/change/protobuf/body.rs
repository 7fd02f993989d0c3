//! A message that was checked and not read: most matter to nobody.

use super::read::{Wired, fields};
use super::{Label, Reason, Root, check, json};
use crate::change::semantic::Kind;
use crate::change::source::Atom;
use std::sync::Arc;

/// The bytes of a message, known to be one of its type.
#[derive(Debug, Clone)]
pub(crate) struct Body<'a> {
    root: Root,
    payload: &'a [u8],
}

impl<'a> Body<'a> {
    /// Checks the whole message, so that reading it later fails on no more than its length.
    pub fn checked(root: Root, payload: &'a [u8]) -> Result<Self, Reason> {
        check::whole(&root.plan, root.message, payload)?;
        Ok(Body { root, payload })
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.payload
    }

    pub fn kind(&self) -> &Arc<Kind> {
        self.root.kind()
    }

    /// The names of its fields, in the order of the schema.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.root.names()
    }

    /// Calls back with the fields that were sent and hold one value; of one that was sent twice the last counts.
    pub fn each(&self, mut found: impl FnMut(&str, Atom<'a>)) {
        for (number, value) in fields(self.payload).filter_map(Result::ok) {
            if let Some(place) = self.root.place(number)
                && let Ok(atom) = self.root.atom(place, value)
            {
                found(&self.root.message().fields[place].name, atom);
            }
        }
    }

    /// The message as JsonConverter would have written it.
    pub fn json(&self) -> Result<String, Reason> {
        let mut out = String::new();
        json::Writer::new(&self.root.plan, self.payload.len()).whole(self.root.message, self.payload, &mut out)?;
        Ok(out)
    }

    /// May any of these fields differ? Compares bytes: a value that is only written otherwise counts.
    pub fn differs(&self, other: &Self, names: &[impl AsRef<str>]) -> bool {
        if !self.root.is(&other.root) {
            return true;
        }
        let known = &self.root.message().fields;
        self.payload != other.payload
            && known.iter().filter(|field| names.iter().any(|name| name.as_ref() == &*field.name)).any(|field| {
                match field.label {
                    Label::Implicit | Label::Explicit => {
                        self.sent(field.number).last() != other.sent(field.number).last()
                    }
                    Label::Repeated | Label::Map => !self.sent(field.number).eq(other.sent(field.number)),
                }
            })
    }

    /// What was sent under this number.
    fn sent(&self, number: u32) -> impl Iterator<Item = Wired<'a>> {
        fields(self.payload).filter_map(Result::ok).filter(move |(found, _)| *found == number).map(|(_, value)| value)
    }
}
