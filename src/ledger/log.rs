//! One partition as one assignment of it: what it owes each lane, and what its commit says.

use super::lane::LaneLog;
use super::metadata::{LaneKey, Piece, Told, Writer};
use super::{Commit, Group, LaneId, Owner};

/// See the module's text.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) epoch: u64,
    /// The next offset to be judged.
    pub(super) position: i64,
    pub(super) lanes: Vec<LaneLog>,
    pub(super) committed: i64,
    /// Counts what was settled.
    pub(super) settlements: u64,
    /// How much of that a commit covers.
    pub(super) said: u64,
    /// Settled posts that the last metadata left out.
    left_out: u64,
}

impl Log {
    pub(super) fn new(epoch: u64, committed: i64, keys: &[Option<LaneKey>], told: Option<&Told>) -> Self {
        let lanes =
            keys.iter().map(|key| key.map_or_else(LaneLog::default, |key| lane(key, committed, told))).collect();
        Self { epoch, position: committed, lanes, committed, settlements: 0, said: 0, left_out: 0 }
    }

    /// Everything below is settled in every lane.
    pub(super) fn watermark(&self) -> i64 {
        self.lanes.iter().filter_map(LaneLog::first_owed).min().unwrap_or(self.position)
    }

    pub(super) fn needs_commit(&self) -> bool {
        self.watermark() > self.committed || self.settlements > self.said
    }

    pub(super) fn read(&mut self, position: i64) {
        self.position = self.position.max(position);
        for lane in &mut self.lanes {
            lane.read(self.position);
        }
    }

    pub(super) fn settle(&mut self, lane: LaneId, span: &std::ops::RangeInclusive<i64>, group: Group) {
        let Some(log) = self.lanes.get_mut(lane) else { return };
        if log.settle(span, group) {
            self.settlements += 1;
            log.read(self.position);
        }
    }

    /// The commit to make now, and how many settled posts its metadata leaves out besides those of the one before.
    pub(super) fn commit(&mut self, owner: &Owner, keys: &[Option<LaneKey>], bytes: usize) -> (Commit, u64) {
        let offset = self.watermark();
        let (metadata, left_out) = self.metadata(keys, offset, bytes);
        let more = left_out.saturating_sub(std::mem::replace(&mut self.left_out, left_out));
        (Commit { owner: owner.clone(), offset, metadata }, more)
    }

    /// The metadata of a commit at `base`, of at most `bytes` characters, and how many settled posts it leaves out.
    ///
    /// Watermarks first: a few bytes each, and most of what there is to say. Then the lanes with the fewest runs, so
    /// that as many as possible are told whole; the last one as far as it fits.
    fn metadata(&self, keys: &[Option<LaneKey>], base: i64, bytes: usize) -> (String, u64) {
        let ahead: Vec<_> = self.lanes.iter().map(|lane| (lane.watermark(self.position) - base).max(0)).collect();
        let named: Vec<_> = (0..ahead.len()).filter_map(|lane| Some((lane, (*keys.get(lane)?)?))).collect();
        let mut order = named.clone();
        order.sort_by_key(|(lane, _)| self.lanes[*lane].runs());
        // Two lanes whose names have one hash cannot be told apart: neither is told.
        order.retain(|(_, key)| named.iter().filter(|(_, other)| other == key).count() == 1);
        let mut writer = Writer::new(bytes);
        let room = |(lane, key): (LaneId, LaneKey)| Piece::lane(key, ahead[lane], self.lanes[lane].runs()).len();
        let head = Piece::head(base, true, named.len()).len();
        let mut total = head + order.iter().map(|told| room(*told)).sum::<usize>();
        let complete = total <= writer.room() && order.len() == named.len();
        while total > writer.room()
            && let Some(least) = order.iter().copied().min_by_key(|(lane, _)| ahead[*lane])
        {
            total -= room(least);
            order.retain(|told| *told != least);
        }
        let mut spare = writer.room().saturating_sub(total);
        if !writer.put(&Piece::head(base, complete, order.len())) {
            return (String::new(), named.iter().map(|(lane, _)| self.lost(*lane, ahead[*lane])).sum());
        }
        let untold = named.iter().filter(|lane| !order.contains(lane));
        let mut left_out: u64 = untold.map(|(lane, _)| self.lost(*lane, ahead[*lane])).sum();
        for (lane, key) in order {
            let (pieces, lost) = self.runs(lane, base + ahead[lane], &mut spare);
            left_out += lost + self.lanes[lane].unsaid();
            writer.put(&Piece::lane(key, ahead[lane], pieces.len()));
            for piece in &pieces {
                writer.put(piece);
            }
        }
        (writer.finish(), left_out)
    }

    /// What is left out with a whole lane: the posts beyond its watermark, and, as one, those below.
    fn lost(&self, lane: LaneId, ahead: i64) -> u64 {
        self.lanes[lane].beyond().map(|(.., count)| count).sum::<u64>() + u64::from(ahead > 0)
    }

    /// A lane's runs as far as they fit into `spare` bytes, and how many posts the rest holds.
    fn runs(&self, lane: LaneId, watermark: i64, spare: &mut usize) -> (Vec<Piece>, u64) {
        let (mut pieces, mut left_out, mut end) = (Vec::new(), 0, watermark);
        for (first, last, count) in self.lanes[lane].beyond() {
            if last < end {
                continue;
            }
            let first = first.max(end);
            let piece = Piece::run(first - end, last - first);
            if left_out > 0 || piece.len() > *spare {
                left_out += count;
                continue;
            }
            *spare -= piece.len();
            pieces.push(piece);
            end = last + 1;
        }
        (pieces, left_out)
    }
}

/// A lane where the metadata of the last commit says it stands; else at the commit.
fn lane(key: LaneKey, committed: i64, told: Option<&Told>) -> LaneLog {
    let Some(told) = told else { return LaneLog::default() };
    match told.lanes.iter().find(|lane| lane.key == key) {
        Some(lane) => LaneLog::resumed(lane.watermark, &lane.runs),
        // New to the config: what came before its time is not owed to it (design section 2, Reload).
        None if told.complete => {
            let newest = told.lanes.iter().map(|lane| lane.watermark).max();
            LaneLog::resumed(newest.unwrap_or(committed), &[])
        }
        None => LaneLog::default(),
    }
}
