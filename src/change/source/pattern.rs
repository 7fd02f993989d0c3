//! What the source blocks of a topic have in common, so that the next one is compared and not walked.
//!
//! Nearly all of a source block stands in the one before it too, byte by byte: its names, and the values that say which
//! connector and which table. Only positions and times differ.

use super::{Atom, Block, Slot, Source};
use crate::change::patience::Patience;
use crate::change::raw;
use crate::change::scan::Cursor;
use std::ops::Range;
use std::sync::Arc;

/// Longest block that is learnt.
const BYTES_MAX: usize = 4096;

/// The text of a block, cut where values vary.
#[derive(Debug, Default)]
pub(crate) struct Pattern {
    text: Box<str>,
    members: Vec<Member>,
    pieces: Vec<Piece>,
    document: bool,
    /// The full name of the table, where none of its parts varies.
    table: Option<Arc<str>>,
    patience: Patience,
}

#[derive(Debug, Clone)]
struct Member {
    value: Range<usize>,
    slot: Option<Slot>,
    varies: bool,
}

/// Text that all blocks share, up to a value that varies or to the block's end.
#[derive(Debug)]
struct Piece {
    literal: Range<usize>,
    /// Values within, by their place in the literal.
    fixed: Vec<(Slot, Range<usize>)>,
    /// The value behind.
    varies: Option<Option<Slot>>,
}

impl Pattern {
    /// Reads the block at the cursor into an empty one if it fits; else the cursor stays.
    pub(crate) fn read<'a>(&mut self, cursor: &mut Cursor<'a>, source: &mut Source<'a>) -> bool {
        let begin = cursor.clone();
        let fits = self.fit(cursor, source).is_some();
        if fits {
            self.patience.fitted();
        } else {
            (*cursor, *source) = (begin, Source::default());
        }
        fits
    }

    fn fit<'a>(&self, cursor: &mut Cursor<'a>, source: &mut Source<'a>) -> Option<()> {
        let start = cursor.at();
        if self.pieces.is_empty() {
            return None;
        }
        for piece in &self.pieces {
            let rest = cursor.rest();
            let literal = &self.text[piece.literal.clone()];
            if !rest.as_bytes().starts_with(literal.as_bytes()) {
                return None;
            }
            for (slot, value) in &piece.fixed {
                *source.at(*slot) = Atom::Json(&rest[value.clone()]);
            }
            cursor.advance(literal.len());
            if let Some(slot) = piece.varies {
                let raw = cursor.value().ok()?;
                if let Some(slot) = slot {
                    *source.at(slot) = Atom::Json(raw);
                }
            }
        }
        source.document = self.document;
        source.full_table.clone_from(&self.table);
        source.block = Block::Json(cursor.since(start));
        Some(())
    }

    /// Learns from a block that did not fit, was walked, and is an object that holds nothing twice.
    pub(crate) fn learn(&mut self, block: &str) {
        if !self.patience.missed() || block.len() > BYTES_MAX {
            return;
        }
        let mut members: Vec<_> = raw::members(block)
            .map(|(name, raw)| {
                let start = raw.as_ptr().addr() - block.as_ptr().addr();
                Member { value: start..start + raw.len(), slot: Slot::of(&name), varies: false }
            })
            .collect();
        if self.same_names(block, &members) {
            for (new, old) in members.iter_mut().zip(&self.members) {
                new.varies = old.varies || block[new.value.clone()] != self.text[old.value.clone()];
            }
        }
        (self.text, self.members) = (block.into(), members);
        self.document = self.members.iter().any(|member| member.slot == Some(Slot::Collection));
        self.cut();
        let name = |slot| matches!(slot, Some(Slot::Db | Slot::Schema | Slot::Table | Slot::Collection));
        let varies = self.members.iter().any(|member| member.varies && name(member.slot));
        // Not the one that was known: it would be taken for the new one's.
        self.table = None;
        let mut source = Source::default();
        let read = self.fit(&mut Cursor::new(&self.text), &mut source);
        self.table = read.filter(|()| !varies).and_then(|()| source.full_table().ok());
    }

    /// Do they differ in values only?
    fn same_names(&self, block: &str, members: &[Member]) -> bool {
        let between = |text: &str, members: &[Member], at: usize| {
            let from = if at == 0 { 0 } else { members[at - 1].value.end };
            text[from..members.get(at).map_or(text.len(), |member| member.value.start)].to_owned()
        };
        members.len() == self.members.len()
            && (0..=members.len()).all(|at| between(block, members, at) == between(&self.text, &self.members, at))
    }

    fn cut(&mut self) {
        self.pieces.clear();
        let mut start = 0;
        let mut fixed = Vec::new();
        for Member { value, slot, varies } in &self.members {
            if *varies {
                let fixed = std::mem::take(&mut fixed);
                self.pieces.push(Piece { literal: start..value.start, fixed, varies: Some(*slot) });
                start = value.end;
            } else if let Some(slot) = slot {
                fixed.push((*slot, value.start - start..value.end - start));
            }
        }
        self.pieces.push(Piece { literal: start..self.text.len(), fixed, varies: None });
    }
}

#[cfg(test)]
mod tests;
