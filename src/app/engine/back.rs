//! What lanes let go for want of memory, ordered to be read again, and taken in when it comes back.

use super::letter::Letter;
use super::{Payload, Work};
use crate::app::handover::Relevant;
use crate::app::reread::{Back, Job, Order};
use crate::change::RowChange;
use crate::config::Config;
use crate::ledger::Owner;
use crate::message::Priority;
use crate::outbox::{Notice, Reread};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Configs from before that are kept for the sake of what they judged and lanes let go. Beyond, the oldest of it is judged
/// by the next one.
const EARLIER_MAX: usize = 8;

const REREADER_ENDED: &str = "the thread that reads records again ended, which is a bug; its last words are in the log";

/// A config that is not in force any more.
pub(super) struct Earlier {
    config: Arc<Config>,
    /// The first record of each partition that it did not judge.
    ends: HashMap<Owner, i64>,
}

impl Work {
    /// The config in force is another from here on.
    pub(super) fn keep_earlier(&mut self, config: Arc<Config>) {
        let ledger = self.outbox.ledger();
        let ends = ledger.owners().into_iter().filter_map(|owner| Some((owner.clone(), ledger.position(&owner)?)));
        self.earlier.push(Earlier { config, ends: ends.collect() });
        if self.earlier.len() > EARLIER_MAX {
            self.earlier.remove(0);
        }
    }

    pub(super) fn order(&mut self, reread: Reread) {
        let Some(known) = self.lanes.get(reread.id.lane) else { return };
        let destination = Arc::clone(&known.destination.name);
        let before = self.earlier.iter().filter_map(|earlier| {
            let end = *earlier.ends.get(&reread.owner)?;
            Some((end, Arc::clone(&earlier.config)))
        });
        let judged_by = before.chain([(i64::MAX, Arc::clone(&self.engine.config))]).collect();
        if self.engine.rereader.send(Job::Notices(Order { reread, destination, judged_by })).is_err() {
            self.failed.get_or_insert_with(|| REREADER_ENDED.to_owned());
        }
    }

    pub(super) fn came_back(&mut self, back: Option<Back>) {
        let now = self.now();
        match back {
            Some(Back::Notice { id, config, relevant }) => {
                for (_, notice) in self.notices(&config, relevant) {
                    self.outbox.take_back(id, notice, now);
                }
            }
            Some(Back::Undecodable { id, owner, offset, held, error }) => {
                if let Some(owed) = self.outbox.letter_back(id, &owner, offset) {
                    tracing::warn!(partition = %owner.partition, offset, %error, "a record cannot be read any more; it goes to the dead letters");
                    let letter = Letter::undecodable(held, error);
                    self.write_letter(owed, letter);
                }
            }
            Some(Back::Read { id, owner, position, lost }) => {
                if lost > 0 {
                    self.lost(&owner, position, lost);
                }
                self.outbox.reread(id, position, now);
            }
            Some(Back::Failed(id)) => self.outbox.reread_failed(id, now),
            None => {
                self.failed.get_or_insert_with(|| REREADER_ENDED.to_owned());
            }
        }
    }

    /// What a change owes, by the destination's place in the config that judged it.
    pub(super) fn notices(&self, config: &Arc<Config>, relevant: Relevant) -> Vec<(usize, Notice<Payload>)> {
        let Relevant { owner, offset, row, change, held, table, wanted } = relevant;
        let now = self.now();
        let notice = |(destination, rules): (usize, Vec<usize>)| {
            let priority = rules.first().map_or(Priority::Normal, |index| config.rules[*index].priority);
            let expires = expires(config, &rules, &change, now);
            let bytes = held.bytes();
            let payload = Payload::new(config, &change, Some(Arc::clone(&held)), table.clone(), rules);
            let notice = Notice::new(owner.clone(), offset, row.clone(), priority, payload, now);
            (destination, Notice { expires, bytes, ..notice })
        };
        wanted.into_iter().map(notice).collect()
    }
}

/// When the change is too old for every rule that wants it, counted from its commit at the source.
fn expires(config: &Config, rules: &[usize], change: &RowChange, now: Duration) -> Option<Duration> {
    let spans: Option<Vec<_>> = rules.iter().map(|index| config.rules[*index].expires).collect();
    let longest = spans?.into_iter().max()?;
    let age_us = change.time_us.map_or(0, |time_us| jiff::Timestamp::now().as_microsecond().saturating_sub(time_us));
    let age = Duration::from_micros(u64::try_from(age_us).unwrap_or(0));
    Some((now + longest).saturating_sub(age))
}
