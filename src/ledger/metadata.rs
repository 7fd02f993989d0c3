//! The metadata string of a commit: how far each lane is ahead of the committed offset.
//!
//! `rb1.CCCC.BODY`: a version, a checksum, and a body of variable-length integers, in URL-safe base64. The body holds
//! the offset it was written for, whether every lane of the config is named, and for each lane the hash of its
//! destination's name, its watermark, and the runs of offsets settled beyond that. What does not fit is left out, which
//! can only cause repeats.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};
use std::fmt;

/// Version and separator.
const PREFIX: &str = "rb1.";

/// Characters of the checksum, and the separator behind it.
const CHECKSUM: usize = 4;

/// Names a lane: a hash of its destination's name, so that neither order nor length of the config matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneKey([u8; 6]);

impl LaneKey {
    /// The key of a destination.
    pub fn of(name: &str) -> Self {
        let hash = Sha256::digest(name.as_bytes());
        let mut key = [0; 6];
        key.copy_from_slice(&hash[..6]);
        Self(key)
    }
}

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How far one lane is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LanePart {
    pub(super) key: LaneKey,
    /// Everything below is settled.
    pub(super) watermark: i64,
    /// Settled beyond it, in order: first and last offset.
    pub(super) runs: Vec<(i64, i64)>,
}

/// What a metadata string says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The commit it was written for.
    pub(super) base: i64,
    /// Every lane of the config is named: one that is not was not there.
    pub(super) complete: bool,
    pub(super) lanes: Vec<LanePart>,
}

/// A metadata string that says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Somebody else's, or another version's.
    #[error("it was not written by this version of Rowbell")]
    Foreign,
    /// Cut or changed on its way.
    #[error("it is damaged")]
    Damaged,
}

/// Writes a body within a limit.
pub(super) struct Writer {
    body: Vec<u8>,
    limit: usize,
}

impl Writer {
    /// A body whose string has at most `bytes` characters.
    pub(super) fn new(bytes: usize) -> Self {
        let room = bytes.saturating_sub(PREFIX.len() + CHECKSUM + 1);
        // Four characters for three bytes; of a rest of one character nothing can be made.
        Self { body: Vec::new(), limit: room / 4 * 3 + [0, 0, 1, 2][room % 4] }
    }

    /// Bytes left.
    pub(super) fn room(&self) -> usize {
        self.limit - self.body.len()
    }

    pub(super) fn put(&mut self, piece: &Piece) -> bool {
        let fits = piece.0.len() <= self.room();
        if fits {
            self.body.extend_from_slice(&piece.0);
        }
        fits
    }

    pub(super) fn finish(self) -> String {
        sealed(&self.body)
    }
}

/// A body as text, with its checksum.
pub(super) fn sealed(body: &[u8]) -> String {
    let body = BASE64.encode(body);
    format!("{PREFIX}{}.{body}", checksum(&body))
}

/// Bytes that are written as a whole or not at all.
#[derive(Debug, Default)]
pub(super) struct Piece(Vec<u8>);

impl Piece {
    /// What a body begins with.
    pub(super) fn head(base: i64, complete: bool, lanes: usize) -> Self {
        let mut piece = Self::default();
        piece.number(u64::from(complete));
        piece.number(base.unsigned_abs());
        piece.number(lanes as u64);
        piece
    }

    /// A lane, before its runs.
    pub(super) fn lane(key: LaneKey, ahead: i64, runs: usize) -> Self {
        let mut piece = Self(key.0.to_vec());
        piece.number(ahead.unsigned_abs());
        piece.number(runs as u64);
        piece
    }

    /// A run: how far it begins behind what was said before, and how many offsets follow its first.
    pub(super) fn run(gap: i64, more: i64) -> Self {
        let mut piece = Self::default();
        piece.number(gap.unsigned_abs());
        piece.number(more.unsigned_abs());
        piece
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Seven bits a byte, the lowest first; the high bit says that more follow.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// Reads a metadata string.
pub(super) fn read(text: &str) -> Result<Told, MetadataError> {
    let rest = text.strip_prefix(PREFIX).ok_or(MetadataError::Foreign)?;
    let (sum, body) = rest.split_once('.').ok_or(MetadataError::Damaged)?;
    if sum != checksum(body) {
        return Err(MetadataError::Damaged);
    }
    let bytes = BASE64.decode(body).map_err(|_| MetadataError::Damaged)?;
    told(&mut Reader(&bytes)).ok_or(MetadataError::Damaged)
}

fn told(reader: &mut Reader<'_>) -> Option<Told> {
    let complete = reader.number()? & 1 == 1;
    let base = reader.number()?;
    let count = reader.number()?;
    let mut lanes = Vec::new();
    for _ in 0..count {
        let key = LaneKey(reader.take(6)?.try_into().ok()?);
        let watermark = base.checked_add(reader.number()?)?;
        let mut end = watermark;
        let mut runs = Vec::new();
        for _ in 0..reader.number()? {
            let first = end.checked_add(reader.number()?)?;
            let last = first.checked_add(reader.number()?)?;
            runs.push((first, last));
            end = last.checked_add(1)?;
        }
        lanes.push(LanePart { key, watermark, runs });
    }
    reader.0.is_empty().then_some(Told { base, complete, lanes })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<i64> {
        let mut number: u64 = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return i64::try_from(number).ok();
            }
        }
        None
    }
}

fn checksum(body: &str) -> String {
    BASE64.encode(&Sha256::digest(body.as_bytes())[..3])
}
