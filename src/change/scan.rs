//! A JSON scanner that finds where values begin and end, and builds nothing.
//!
//! Most records matter to nobody, so the envelope is walked once, checked fully on the way (a record
//! that is broken anywhere is broken), and its parts stay borrowed text. Nesting is a counter and a
//! bit per level, not recursion: hostile depth costs an error, not the stack.

use super::raw::unescape;
use std::borrow::Cow;

/// Deepest nesting that is read; serde_json's own limit, so that what passes here can be built there.
pub(crate) const DEPTH_MAX: u32 = 127;

/// Where and why the text is no JSON. Never carries any of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ScanError {
    /// Byte position.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// An object's key as it stands between its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Key<'a> {
    /// The key with its escapes resolved.
    pub fn text(&self) -> Cow<'a, str> {
        if self.escaped { unescape(self.raw) } else { Cow::Borrowed(self.raw) }
    }
}

/// A position in a text.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Cursor { text, at: 0 }
    }

    /// Byte position.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What is left.
    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Steps over bytes that are known to be whole values.
    pub fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, ScanError> {
        Err(ScanError { at: self.at, what })
    }

    /// The next byte that is not white space, not consumed.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Only white space may be left.
    pub fn end(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("something after the end of the JSON value"),
        }
    }

    /// Consumes `{`; false when something else stands there.
    pub fn open_object(&mut self) -> bool {
        let open = self.peek() == Some(b'{');
        self.at += usize::from(open);
        open
    }

    /// Consumes `[`; false when something else stands there.
    pub fn open_array(&mut self) -> bool {
        let open = self.peek() == Some(b'[');
        self.at += usize::from(open);
        open
    }

    /// The next member's key and its colon, or `None` past the object's end.
    #[inline]
    pub fn key(&mut self, first: &mut bool) -> Result<Option<Key<'a>>, ScanError> {
        match self.member(first)? {
            true => self.member_key().map(Some),
            false => Ok(None),
        }
    }

    /// Goes to where the next member should begin; false past the object's end.
    #[inline]
    pub fn member(&mut self, first: &mut bool) -> Result<bool, ScanError> {
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if !*first => {
                self.at += 1;
                self.peek();
            }
            Some(_) if *first => {}
            Some(_) => return self.fail("expected a comma or the object's end"),
            None => return self.fail("the text ends inside an object"),
        }
        *first = false;
        Ok(true)
    }

    /// Steps over this text if it stands here.
    #[inline]
    pub fn skip_text(&mut self, text: &str) -> bool {
        let same = begins(&self.text.as_bytes()[self.at..], text.as_bytes());
        self.at += if same { text.len() } else { 0 };
        same
    }

    /// Steps over this member if it stands here and ends here: 12 is not the beginning of 123.
    #[inline]
    pub fn same_member(&mut self, member: impl AsRef<[u8]>) -> bool {
        let member = member.as_ref();
        let rest = &self.text.as_bytes()[self.at..];
        let same = rest.starts_with(member) && matches!(rest.get(member.len()), Some(b',' | b'}'));
        self.at += if same { member.len() } else { 0 };
        same
    }

    /// The text from a position up to here.
    pub fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    /// True when another element follows, false past the array's end.
    pub fn element(&mut self, first: &mut bool) -> Result<bool, ScanError> {
        match self.peek() {
            Some(b']') if *first => {
                self.at += 1;
                return Ok(false);
            }
            Some(_) if *first => {}
            Some(b']') => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') => self.at += 1,
            Some(_) => return self.fail("expected a comma or the array's end"),
            None => return self.fail("the text ends inside an array"),
        }
        *first = false;
        Ok(true)
    }

    /// A key and its colon.
    #[inline]
    pub fn member_key(&mut self) -> Result<Key<'a>, ScanError> {
        if self.peek() != Some(b'"') {
            return self.fail("expected a key");
        }
        let start = self.at + 1;
        let escaped = self.string()?;
        let raw = &self.text[start..self.at - 1];
        self.colon()?;
        Ok(Key { raw, escaped })
    }

    #[inline]
    fn colon(&mut self) -> Result<(), ScanError> {
        if self.peek() != Some(b':') {
            return self.fail("expected a colon after a key");
        }
        self.at += 1;
        Ok(())
    }

    /// Steps over a key and its colon.
    #[inline]
    pub fn skip_key(&mut self) -> Result<(), ScanError> {
        if self.peek() != Some(b'"') {
            return self.fail("expected a key");
        }
        self.string()?;
        self.colon()
    }

    /// Steps over one whole value, checked.
    #[inline]
    pub fn skip_value(&mut self) -> Result<(), ScanError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{' | b'[') => self.nested(),
            Some(_) => self.scalar(),
            None => self.fail("the text ends where a value should stand"),
        }
    }

    /// One whole value, checked, as it is written.
    #[inline]
    pub fn value(&mut self) -> Result<&'a str, ScanError> {
        self.peek();
        let start = self.at;
        self.skip_value()?;
        Ok(&self.text[start..self.at])
    }

    /// An object or array, without recursion: one bit per open level says which of the two it is.
    fn nested(&mut self) -> Result<(), ScanError> {
        let mut objects: u128 = 0;
        let mut depth: u32 = 0;
        'value: loop {
            match self.peek() {
                Some(open @ (b'{' | b'[')) => {
                    if depth == DEPTH_MAX {
                        return self.fail("nested too deeply");
                    }
                    depth += 1;
                    self.at += 1;
                    let object = open == b'{';
                    objects = (objects << 1) | u128::from(object);
                    match self.peek() {
                        Some(b'}') if object => {}
                        Some(b']') if !object => {}
                        _ => {
                            if object {
                                self.skip_key()?;
                            }
                            continue 'value;
                        }
                    }
                }
                Some(b'"') => {
                    self.string()?;
                }
                Some(_) => self.scalar()?,
                None => return self.fail("the text ends inside a value"),
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if object {
                            self.skip_key()?;
                        }
                        continue 'value;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    Some(_) => {
                        return self.fail("expected a comma or the end of an object or array");
                    }
                    None => return self.fail("the text ends inside an object or array"),
                }
                self.at += 1;
                objects >>= 1;
                depth -= 1;
            }
        }
    }

    /// Steps over a text from its opening quote on, and tells whether it has escapes.
    #[inline]
    fn string(&mut self) -> Result<bool, ScanError> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        let mut escaped = false;
        loop {
            at = find_special(bytes, at);
            match bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    match bytes.get(at + 1) {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                        Some(b'u')
                            if bytes.get(at + 2..at + 6).is_some_and(|h| h.iter().all(u8::is_ascii_hexdigit)) =>
                        {
                            at += 6;
                        }
                        _ => {
                            return Err(ScanError { at, what: "an escape that JSON does not know" });
                        }
                    }
                }
                Some(_) => {
                    return Err(ScanError { at, what: "a control character inside a text" });
                }
                None => {
                    return Err(ScanError { at, what: "the text ends inside a text value" });
                }
            }
        }
    }

    #[inline]
    fn scalar(&mut self) -> Result<(), ScanError> {
        let rest = &self.text.as_bytes()[self.at..];
        let word: &[u8] = match rest.first() {
            Some(b'n') => b"null",
            Some(b't') => b"true",
            Some(b'f') => b"false",
            _ => {
                return match number_length(rest) {
                    Some(length) => {
                        self.at += length;
                        Ok(())
                    }
                    None => self.fail("expected a value"),
                };
            }
        };
        if !rest.starts_with(word) {
            return self.fail("expected a value");
        }
        self.at += word.len();
        Ok(())
    }
}

/// `starts_with` for short texts: the comparison of the C library costs more than most names take.
#[inline]
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let word = |bytes: &[u8], at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk::<8>()?));
    let Some(bytes) = bytes.get(..with.len()) else {
        return false;
    };
    let Some(last) = with.len().checked_sub(8) else {
        return bytes.iter().zip(with).all(|(one, other)| one == other);
    };
    // The last eight bytes may overlap those before.
    (0..last).step_by(8).chain([last]).all(|at| word(bytes, at) == word(with, at))
}

/// The first byte at or after `at` that ends or interrupts a text: a quote, a backslash, a control character.
#[inline]
fn find_special(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    /// Bytes that are looked through by one vector instruction or two, once a text turns out to be long.
    const WIDE: usize = 32;
    let start = at;
    // Eight bytes at once. A borrow can mark wrong bytes only above a right one, and the lowest mark is taken.
    while let Some(chunk) = bytes.get(at..).and_then(|b| b.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (ONES * b'"' as u64);
        let slash = word ^ (ONES * b'\\' as u64);
        let found = ((quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
        if at == start + WIDE {
            while let Some(chunk) = bytes.get(at..).and_then(|b| b.first_chunk::<WIDE>())
                && !chunk.iter().fold(false, |special, b| special | (*b == b'"') | (*b == b'\\') | (*b < 0x20))
            {
                at += WIDE;
            }
        }
    }
    while let Some(&byte) = bytes.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        at += 1;
    }
    at
}

/// Where the digits end that stand at `at`.
#[inline]
fn digits_end(bytes: &[u8], mut at: usize) -> usize {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    // Eight at once, times being long: 3 in each upper half, and still after 6 is added to each.
    while let Some(chunk) = bytes.get(at..).and_then(|b| b.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        if word & HIGH != ZEROS || word.wrapping_add(0x0606_0606_0606_0606) & HIGH != ZEROS {
            break;
        }
        at += 8;
    }
    while matches!(bytes.get(at), Some(b'0'..=b'9')) {
        at += 1;
    }
    at
}

/// Length of the JSON number that the bytes start with.
#[inline]
fn number_length(bytes: &[u8]) -> Option<usize> {
    let start = usize::from(bytes.first() == Some(&b'-'));
    let mut at = digits_end(bytes, start);
    if at == start || (at > start + 1 && bytes[start] == b'0') {
        return None;
    }
    if bytes.get(at) == Some(&b'.') {
        let end = digits_end(bytes, at + 1);
        if end == at + 1 {
            return None;
        }
        at = end;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        let end = digits_end(bytes, at);
        if end == at {
            return None;
        }
        at = end;
    }
    Some(at)
}

#[cfg(test)]
mod tests;
