//! Where the members of an old image end, so that the new one can be compared with it and not scanned.
//!
//! Most columns of an update are the same in both images. Bytes that were checked to be a whole member
//! in one image are one in the other too.

use super::scan::{Cursor, ScanError};

/// Members that are marked; those behind are scanned.
const MEMBERS_MAX: usize = 64;

/// The ends of an object's first members, which stand without white space between them.
#[derive(Debug, Clone)]
pub(crate) struct Marks {
    count: usize,
    ends: [u32; MEMBERS_MAX],
}

impl Default for Marks {
    fn default() -> Self {
        Marks { count: 0, ends: [0; MEMBERS_MAX] }
    }
}

impl Marks {
    /// Scans the value at the cursor, and marks its members if it is an object.
    pub fn scan<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<&'a str, ScanError> {
        self.count = 0;
        cursor.peek();
        let start = cursor.at();
        if !cursor.open_object() {
            return cursor.value();
        }
        let mut first = true;
        let mut expected = cursor.at();
        let mut tight = true;
        while cursor.member(&mut first)? {
            tight &= cursor.at() == expected;
            cursor.skip_key()?;
            cursor.skip_value()?;
            expected = cursor.at() + 1;
            if tight && self.count < MEMBERS_MAX {
                // Kafka's records are shorter than 2 GiB; an end that wraps marks bytes that compare unequal.
                self.ends[self.count] = (cursor.at() - start) as u32;
                self.count += 1;
            }
        }
        Ok(cursor.since(start))
    }

    /// The text of a member, name and value.
    #[inline]
    pub fn member<'t>(&self, object: &'t str, at: usize) -> Option<&'t str> {
        let end = *self.ends[..self.count].get(at)? as usize;
        let start = match at {
            0 => 1,
            _ => self.ends[at - 1] as usize + 1,
        };
        object.get(start..end)
    }

    /// How many members the object has, where all are marked.
    pub fn end(&self, object: &str) -> Option<usize> {
        let last = *self.ends[..self.count].last()? as usize;
        (object.as_bytes().get(last..) == Some(b"}")).then_some(self.count)
    }

    /// Scans the value at the cursor; members that stand in the marked object too are only compared.
    pub fn twin<'a>(&self, object: &str, cursor: &mut Cursor<'a>) -> Result<&'a str, ScanError> {
        cursor.peek();
        let start = cursor.at();
        if self.count == 0 || !cursor.open_object() {
            return cursor.value();
        }
        let mut first = true;
        let mut at = 0;
        while cursor.member(&mut first)? {
            let same = self.member(object, at).is_some_and(|member| cursor.same_member(member));
            if !same {
                cursor.skip_key()?;
                cursor.skip_value()?;
            }
            at += 1;
        }
        Ok(cursor.since(start))
    }
}

/// The value of a member that has this name, `"name":value`; `None` where its key is spelt otherwise.
#[inline]
pub(crate) fn value_of<'t>(member: &'t str, name: &str) -> Option<&'t str> {
    let rest = member.strip_prefix('"')?.strip_prefix(name)?.strip_prefix("\":")?;
    // A backslash in the text would be an escape, which is not what the name has there.
    (!name.as_bytes().contains(&b'\\')).then_some(rest)
}

#[cfg(test)]
mod tests;
