//! Reading again what lanes let go for want of memory: orders go out as [`Next::Reread`](super::Next::Reread), and this is
//! what comes back.

use super::content::Content;
use super::lane::{Reread, RereadId};
use super::notice::{Notice, Owed, Page};
use super::{LaneId, Outbox};
use crate::ledger::Owner;
use std::time::Duration;

impl<C: Content> Outbox<C> {
    /// What a lane with room wants to have read again, lanes in turns.
    pub(super) fn reread_next(&mut self, now: Duration) -> Option<Reread> {
        let count = self.lanes.len();
        (0..count).map(|step| (self.turn + step) % count).find_map(|lane| {
            let page = Page { ledger: &mut self.ledger, lane };
            self.lanes[lane].as_mut()?.wants(now, &page)
        })
    }

    /// A notice that its lane let go is back, as the order wanted it: in the order of the offsets, and no others of the
    /// partition between the order and its end.
    ///
    /// False where it is not owed any more: it was taken in out of its turn, or its partition has gone.
    pub fn take_back(&mut self, id: RereadId, notice: Notice<C>, now: Duration) -> bool {
        let owns = self.ledger.owns(&notice.owner);
        self.with(id.lane, |lane, page| owns && lane.take_back(id, notice, now, page)).unwrap_or(false)
    }

    /// A record that its lane let go cannot be judged any more: it owes a dead letter. `None` where nothing is owed.
    pub fn letter_back(&mut self, id: RereadId, owner: &Owner, offset: i64) -> Option<Owed> {
        let owns = self.ledger.owns(owner);
        self.with(id.lane, |lane, page| lane.letter_back(id, owner, offset, page).filter(|_| owns)).flatten()
    }

    /// An order is done: everything below `position` was looked at, and came back where the rules want it. What the log
    /// does not hold any more counts as looked at.
    pub fn reread(&mut self, id: RereadId, position: i64, now: Duration) {
        self.with(id.lane, |lane, page| lane.reread(id, position, now, page));
    }

    /// An order cannot be carried out now. It will be given again.
    pub fn reread_failed(&mut self, id: RereadId, now: Duration) {
        self.with(id.lane, |lane, _| lane.reread_failed(id, now));
    }

    /// A record owes no lane anything, although it looks so: the source sent it before, or it cannot be read and owes a
    /// dead letter. Whoever reads it again shall know.
    pub fn owes_nothing(&mut self, owner: &Owner, offset: i64) {
        self.ledger.owes_nothing(owner, offset);
    }

    fn with<T>(&mut self, lane: LaneId, act: impl FnOnce(&mut super::lane::Lane<C>, &mut Page<'_>) -> T) -> Option<T> {
        let found = self.lanes.get_mut(lane)?.as_mut()?;
        Some(act(found, &mut Page { ledger: &mut self.ledger, lane }))
    }
}
