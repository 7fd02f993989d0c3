//! Where the members of an old image end, so that the new one can be compared with it and not scanned.
//!
//! Most columns of an update are the same in both images. Bytes that were checked to be a whole member
//! in one image are one in the other too. And most records of a topic have the same columns, so that their
//! names are compared with those of before.

use super::patience::Patience;
use super::scan::{Cursor, ScanError};

/// Members that are marked; those behind are scanned.
const MEMBERS_MAX: usize = 64;

/// Longest names, together, that are learnt.
const NAMES_BYTES_MAX: usize = 4096;

/// The ends of an object's first members, which stand without white space between them.
#[derive(Debug, Clone)]
pub(crate) struct Marks {
    count: usize,
    /// A bit per member: the new image has the same in the same place.
    same: u64,
    ends: [u16; MEMBERS_MAX],
}

impl Default for Marks {
    fn default() -> Self {
        Marks { count: 0, same: 0, ends: [0; MEMBERS_MAX] }
    }
}

/// The names that a topic's old images had, in order, as they are written: `,"name":`. Only a guess.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    names: String,
    ends: Vec<usize>,
    patience: Patience,
}

impl Layout {
    /// What stands before this member's value.
    #[inline]
    fn name(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.names.get(start..end)
    }

    /// Learns the names of an object, of which the marks say where its members stand.
    fn learn(&mut self, object: &str, marks: &Marks) {
        self.names.clear();
        self.ends.clear();
        for at in 0..marks.count {
            let Some(member) = marks.member(object, at) else {
                break;
            };
            let mut cursor = Cursor::new(member);
            if cursor.skip_key().is_err() || self.names.len() + cursor.at() >= NAMES_BYTES_MAX {
                break;
            }
            if at > 0 {
                self.names.push(',');
            }
            self.names.push_str(cursor.since(0));
            self.ends.push(self.names.len());
        }
    }
}

impl Marks {
    /// Scans the value at the cursor, and marks its members if it is an object; `layout` is what the topic's
    /// objects of before looked like.
    pub fn scan<'a>(&mut self, cursor: &mut Cursor<'a>, layout: &mut Layout) -> Result<&'a str, ScanError> {
        (self.count, self.same) = (0, 0);
        cursor.peek();
        let start = cursor.at();
        if !cursor.open_object() {
            return cursor.value();
        }
        let mut first = true;
        let mut expected = cursor.at();
        let mut tight = true;
        let mut known = true;
        let mut at = 0;
        loop {
            if layout.name(at).is_some_and(|name| cursor.skip_text(name)) {
                first = false;
            } else {
                if !cursor.member(&mut first)? {
                    break;
                }
                tight &= cursor.at() == expected;
                known = false;
                cursor.skip_key()?;
            }
            at += 1;
            cursor.skip_value()?;
            expected = cursor.at() + 1;
            let end = u16::try_from(cursor.at() - start);
            if let (true, true, Ok(end)) = (tight, self.count < MEMBERS_MAX, end) {
                self.ends[self.count] = end;
                self.count += 1;
            } else {
                tight = false;
            }
        }
        let object = cursor.since(start);
        if known {
            layout.patience.fitted();
        } else if layout.patience.missed() {
            layout.learn(object, self);
        }
        Ok(object)
    }

    /// The text of a member, name and value.
    #[inline]
    pub fn member<'t>(&self, object: &'t str, at: usize) -> Option<&'t str> {
        let end = usize::from(*self.ends[..self.count].get(at)?);
        object.get(self.lead(at) + 1..end)
    }

    /// Where the brace or comma stands that the member follows; behind the last, where that one ends.
    #[inline]
    fn lead(&self, at: usize) -> usize {
        if at == 0 { 0 } else { usize::from(self.ends[at - 1]) }
    }

    /// How many members the object has, where all are marked.
    pub fn end(&self, object: &str) -> Option<usize> {
        let last = usize::from(*self.ends[..self.count].last()?);
        (object.as_bytes().get(last..) == Some(b"}")).then_some(self.count)
    }

    /// Members from this one on that the new image has in the same places, and their bytes with the commas.
    #[inline]
    pub fn same(&self, at: usize) -> (usize, usize) {
        let run = if at < MEMBERS_MAX { (self.same >> at).trailing_ones() as usize } else { 0 };
        (run, self.lead(at + run) - self.lead(at))
    }

    /// Scans the value at the cursor; members that stand in the marked object too are only compared.
    pub fn twin<'a>(&mut self, object: &str, cursor: &mut Cursor<'a>) -> Result<&'a str, ScanError> {
        let braced = cursor.peek() == Some(b'{');
        if self.count == 0 || !braced {
            return cursor.value();
        }
        let start = cursor.at();
        let mut first = true;
        let mut at = 0;
        loop {
            let run = if at < self.count { self.run(object, cursor.rest(), at) } else { 0 };
            if run > 0 {
                cursor.advance(self.lead(at + run) - self.lead(at));
                self.same |= (u64::MAX >> (MEMBERS_MAX - run)) << at;
                first = false;
                at += run;
            } else if first {
                cursor.open_object();
            }
            if !cursor.member(&mut first)? {
                return Ok(cursor.since(start));
            }
            cursor.skip_key()?;
            cursor.skip_value()?;
            at += 1;
        }
    }

    /// How many members from this one on are the same in the text, which stands at the comma before it: with the byte
    /// behind each, because 12 is not the beginning of 123.
    #[inline]
    fn run(&self, object: &str, text: &str, at: usize) -> usize {
        let lead = self.lead(at);
        let same = object.get(lead..).map_or(0, |object| common_start(object.as_bytes(), text.as_bytes()));
        self.ends[at..self.count].iter().take_while(|end| usize::from(**end) < lead + same).count()
    }
}

/// Length of the longest common beginning.
#[inline]
pub(crate) fn common_start(a: &[u8], b: &[u8]) -> usize {
    const WIDE: usize = 32;
    let mut at = a.chunks_exact(WIDE).zip(b.chunks_exact(WIDE)).take_while(|(a, b)| a == b).count() * WIDE;
    let word = |bytes: &[u8], at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?));
    while let (Some(one), Some(other)) = (word(a, at), word(b, at)) {
        if one != other {
            return at + ((one ^ other).trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + a[at..].iter().zip(&b[at..]).take_while(|(a, b)| a == b).count()
}

/// The value of a member that has this name, `"name":value`, without the white space before it; `None` where its key is
/// spelt otherwise.
#[inline]
pub(crate) fn value_of<'t>(member: &'t str, name: &str) -> Option<&'t str> {
    let rest = member.strip_prefix('"')?.strip_prefix(name)?.strip_prefix("\":")?;
    // A backslash in the text would be an escape, which is not what the name has there.
    (!name.as_bytes().contains(&b'\\')).then(|| match rest.as_bytes().first() {
        Some(b' ' | b'\t' | b'\n' | b'\r') => rest.trim_start_matches([' ', '\t', '\n', '\r']),
        // As Kafka Connect writes it.
        _ => rest,
    })
}

#[cfg(test)]
mod tests;
