//! Avro's binary encoding. Nothing is allocated before the bytes that fill it have been seen.

use super::{DEPTH_MAX, Plan, Reason, Wire};
use crate::change::error::line;

/// A position in a datum.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Elements that may still come: each takes a byte, but for those of types that have none.
    elements: usize,
}

/// Elements without bytes (nulls) that a datum may have.
const EMPTY_ELEMENTS_MAX: usize = 1024;

const SHORT: Reason = Reason::Borrowed("the datum ends inside a value");

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, elements: bytes.len().saturating_add(EMPTY_ELEMENTS_MAX) }
    }

    /// What is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    pub fn end(&self) -> Result<(), Reason> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(format!("{} bytes follow the datum: written with another schema", self.rest.len()).into()),
        }
    }

    pub fn take(&mut self, bytes: usize) -> Result<&'a [u8], Reason> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A zigzag varint.
    #[inline]
    pub fn long(&mut self) -> Result<i64, Reason> {
        let zigzag = match self.rest {
            // Nearly all: union branches, short lengths, small numbers.
            [byte @ 0..0x80, rest @ ..] => {
                self.rest = rest;
                u64::from(*byte)
            }
            _ => self.varint()?,
        };
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    fn varint(&mut self) -> Result<u64, Reason> {
        let mut number = 0;
        for (at, byte) in self.rest.iter().enumerate() {
            let bits = u64::from(byte & 0x7f);
            if at == 10 || (at == 9 && bits > 1) {
                return Err("a number of more than 64 bits".into());
            }
            number |= bits << (at * 7);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[at + 1..];
                return Ok(number);
            }
        }
        Err(SHORT)
    }

    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Reason> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.rest.len() => self.take(length),
            Ok(length) => Err(format!("claims {length} bytes, where {} are left", self.rest.len()).into()),
            Err(_) => Err("a length below zero".into()),
        }
    }

    #[inline]
    pub fn text(&mut self) -> Result<&'a str, Reason> {
        std::str::from_utf8(self.bytes()?).map_err(|_| "not UTF-8".into())
    }

    pub fn bool(&mut self) -> Result<bool, Reason> {
        match self.array::<1>()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err("expected a boolean".into()),
        }
    }

    /// The length of an array's or map's next block; 0 at its end.
    pub fn block(&mut self) -> Result<usize, Reason> {
        let mut count = self.long()?;
        if count < 0 {
            // The block's size in bytes follows, for readers that can skip by it; its elements say the same.
            count = count.checked_neg().ok_or("a length below zero")?;
            self.long()?;
        }
        let count = usize::try_from(count).map_err(|_| "a length below zero")?;
        self.elements = self.elements.checked_sub(count).ok_or("claims more elements than its bytes can hold")?;
        Ok(count)
    }
}

impl Plan {
    /// Follows a union to the branch that the datum takes.
    #[inline]
    pub(super) fn branch(&self, node: usize, reader: &mut Reader<'_>) -> Result<usize, Reason> {
        let Wire::Union(branches) = &self.nodes[node].wire else {
            return Ok(node);
        };
        let at = reader.long()?;
        let branch = usize::try_from(at).ok().and_then(|at| branches.get(at));
        branch.copied().ok_or(Reason::Borrowed("a union branch that the schema does not have"))
    }

    /// Steps over a value.
    pub(super) fn skip(&self, node: usize, reader: &mut Reader<'_>, depth: u32) -> Result<(), Reason> {
        if depth > DEPTH_MAX {
            return Err("nested too deeply".into());
        }
        let node = self.branch(node, reader)?;
        match &self.nodes[node].wire {
            Wire::Null => {}
            Wire::Bool => drop(reader.take(1)?),
            Wire::Int | Wire::Enum(_) => drop(reader.long()?),
            Wire::Float => drop(reader.take(4)?),
            Wire::Double => drop(reader.take(8)?),
            Wire::Bytes | Wire::Text => drop(reader.bytes()?),
            Wire::Fixed(size) => drop(reader.take(*size)?),
            Wire::Array(element) => self.blocks(reader, |reader| self.skip(*element, reader, depth + 1))?,
            Wire::Map(value) => self.blocks(reader, |reader| {
                reader.bytes()?;
                self.skip(*value, reader, depth + 1)
            })?,
            // A union inside a union is not Avro, and parsing refuses it.
            Wire::Union(_) => return Err("a union inside a union".into()),
            Wire::Record(fields) => {
                for (name, field) in fields {
                    self.skip(*field, reader, depth + 1).map_err(|reason| within(name, &reason))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn blocks<'a>(
        &self,
        reader: &mut Reader<'a>,
        mut each: impl FnMut(&mut Reader<'a>) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        loop {
            let count = reader.block()?;
            if count == 0 {
                return Ok(());
            }
            for _ in 0..count {
                each(reader)?;
            }
        }
    }
}

/// A reason with the field that it is about.
pub(crate) fn within(name: &str, reason: &Reason) -> Reason {
    /// Fields that a reason names, one inside the other.
    const REASON_BYTES_MAX: usize = 300;
    if reason.len() > REASON_BYTES_MAX {
        return reason.clone();
    }
    format!("{}: {reason}", line(name)).into()
}
