//! Lanes that come, go, change and pause while the service runs.

use super::content::Content;
use super::lane::Lane;
use super::notice::{Notice, Owed, Page};
use super::{Accepted, CommitSettings, LaneSettings, Outbox, UNCOMMITTED_MAX};
use crate::ledger::{LaneId, LaneKey};
use std::time::Duration;

/// What a removed destination will not get any more.
#[derive(Debug)]
pub enum Leftover<C: Content> {
    /// A notice.
    One(Notice<C>),
    /// So many changes of one partition that a digest only counted, or that were let go for want of memory.
    Counted(C::Tally, u64),
}

impl<C: Content> Outbox<C> {
    /// A new destination. It begins where each partition is: what was judged before owes it nothing.
    pub fn add_lane(&mut self, settings: LaneSettings) -> LaneId {
        let lane = self.ledger.add_lane(LaneKey::of(&settings.name));
        if lane >= self.lanes.len() {
            self.lanes.resize_with(lane + 1, || None);
            self.uncommitted.resize_with(lane + 1, Vec::new);
        }
        self.lanes[lane] = Some(Lane::new(settings));
        self.share_anew();
        // No post before a commit says where it began: else the next owner of a partition might begin it earlier, and
        // tell of a row what came before that post.
        let owners = self.ledger.owners();
        let begun: Accepted =
            owners.into_iter().map(|owner| (owner.clone(), self.ledger.settlements(&owner))).collect();
        self.uncommitted[lane] = vec![begun; UNCOMMITTED_MAX];
        self.regate();
        lane
    }

    /// A destination is no longer in the config. What is on the wire is awaited; all else comes out of
    /// [`Outbox::leftover`]. Then the lane is gone, see [`Outbox::has_lane`].
    pub fn remove_lane(&mut self, lane: LaneId) {
        if let Some(Some(found)) = self.lanes.get_mut(lane) {
            found.remove_destination();
            self.ledger.drop_lane(lane);
            self.free_lanes();
        }
    }

    /// A destination is treated otherwise from now on. What is pending stays; so does what was learnt of the
    /// destination, unless its posts go `elsewhere` from now on.
    pub fn change_lane(&mut self, lane: LaneId, settings: LaneSettings, elsewhere: bool, now: Duration) {
        if let Some(Some(found)) = self.lanes.get_mut(lane) {
            found.change(settings, elsewhere, now, &mut Page { ledger: &mut self.ledger, lane });
        }
        self.share_anew();
    }

    /// A blocked destination is tried again at once.
    pub fn probe(&mut self, lane: LaneId, now: Duration) {
        if let Some(Some(found)) = self.lanes.get_mut(lane) {
            found.probe(now);
        }
    }

    /// A paused lane takes notices and starts no post.
    pub fn pause(&mut self, lane: LaneId, paused: bool) {
        if let Some(Some(found)) = self.lanes.get_mut(lane) {
            found.paused = paused;
        }
    }

    /// Commits are made so from now on.
    pub fn set_commits(&mut self, commits: CommitSettings) {
        self.ledger.set_commits(commits.interval, commits.metadata_bytes);
    }

    /// Is there still such a lane?
    pub fn has_lane(&self, lane: LaneId) -> bool {
        self.lanes.get(lane).is_some_and(Option::is_some)
    }

    /// One by one, what removed destinations will not get: to be written to the dead letters, and settled when that is
    /// acknowledged ([`Outbox::lettered`]).
    pub fn leftover(&mut self) -> Option<(Leftover<C>, Owed)> {
        self.lanes.iter_mut().enumerate().find_map(|(number, lane)| {
            let lane = lane.as_mut().filter(|lane| lane.removed)?;
            lane.leftover(&mut Page { ledger: &mut self.ledger, lane: number })
        })
    }

    /// Removed destinations that hold nothing and owe nothing are gone.
    pub(super) fn free_lanes(&mut self) {
        for number in 0..self.lanes.len() {
            let over = |lane: &Lane<C>| lane.removed && lane.is_empty();
            if self.lanes[number].as_ref().is_some_and(over) && !self.ledger.owes(number) {
                self.lanes[number] = None;
                self.ledger.free_lane(number);
            }
        }
    }
}
