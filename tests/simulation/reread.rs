//! What lanes let go for want of memory, read again as the outbox orders it; and logs that lose their beginning.

use crate::faults::Bug;
use crate::replica::notice;
use crate::world::{Event, World};
use rowbell::outbox::{LINES_MAX, Reread};
use std::time::Duration;

/// Digests of a lane at once: one that collects and one that is posted, of two classes.
const DIGESTS_MAX: u64 = 4;

/// How far an order is.
#[derive(Debug)]
pub struct Progress {
    at: i64,
    taken: usize,
    bytes: u64,
}

impl World {
    pub fn order(&mut self, index: usize, order: Reread) {
        self.counts.rereads += 1;
        self.counts.reread_ahead += u64::from(order.rows.is_some());
        self.say(|| format!("replica {index} reads again: {order:?}"));
        let Some(replica) = &self.replicas[index] else { return };
        let (life, wait) = (replica.life, self.random.u64(1..80));
        let progress = Progress { at: order.from, taken: 0, bytes: 0 };
        self.at(Duration::from_millis(wait), Event::Reread(index, life, order, progress));
    }

    /// A few records more of what was ordered.
    pub fn reread(&mut self, index: usize, life: u64, order: Reread, mut progress: Progress) -> Result<(), String> {
        let (now, bug, wait) = (self.now, self.bug, self.random.u64(1..80));
        let fails = !self.healed && self.random.u8(..12) == 0;
        let pieces = self.random.usize(1..15);
        let Some(replica) = self.replicas[index].as_mut().filter(|replica| replica.life == life) else { return Ok(()) };
        if fails {
            self.counts.rereads_failed += 1;
            replica.outbox.reread_failed(order.id, now);
            return Ok(());
        }
        let number = order.owner.partition.number;
        let lane = replica.names[&order.id.lane];
        let partition = &self.partitions[number as usize];
        progress.at = progress.at.max(partition.start);
        let records = partition.from(progress.at).take_while(|record| record.offset < order.to);
        let records: Vec<_> = records.cloned().collect();
        for (piece, record) in records.iter().enumerate() {
            progress.at = record.offset;
            let full = progress.taken >= order.notices || progress.taken > 0 && progress.bytes >= order.bytes;
            if full {
                let position = if bug == Some(Bug::PretendToReadOn) { order.to } else { record.offset };
                replica.outbox.reread(order.id, position, now);
                return Ok(());
            }
            if piece >= pieces {
                let rest = Event::Reread(index, life, order, progress);
                self.at(Duration::from_millis(wait), rest);
                return Ok(());
            }
            let Some(priority) = record.wanted[lane].filter(|_| !record.broken) else { continue };
            let notes = (&self.lanes[lane].notes, &replica.memory[lane]);
            let notice = notice(record, priority, &order.owner, notes, bug, now);
            let bytes = notice.bytes;
            let skipped = bug == Some(Bug::LoseOnReread) && progress.taken == 2;
            let fits = |last: &i64| record.offset <= *last;
            if skipped || order.rows.as_ref().is_some_and(|rows| !rows.get(&notice.row).is_some_and(fits)) {
                progress.taken += usize::from(skipped);
                continue;
            }
            let id = (number, record.offset);
            if replica.outbox.take_back(order.id, notice, now) {
                if record.repeat {
                    return Err(format!("{id:?} is a repeat, and was taken in"));
                }
                self.counts.taken_back += 1;
                progress.taken += 1;
                progress.bytes += bytes;
                if let Some(pending) = replica.pending[lane].get_mut(&id) {
                    pending.held = true;
                }
            }
        }
        replica.outbox.reread(order.id, order.to, now);
        Ok(())
    }

    /// The log loses what lies before some offset: what is not posted yet may be lost.
    pub fn cut(&mut self, number: usize) {
        self.counts.cuts += 1;
        let partition = &mut self.partitions[number];
        let from = partition.committed.max(partition.start);
        partition.start = from + self.random.i64(0..=(partition.end - from));
        for record in partition.log.iter().take_while(|record| record.offset < partition.start) {
            let id = (number as i32, record.offset);
            self.letters.insert(id);
            self.lanes.iter_mut().for_each(|lane| _ = lane.gone.insert(id));
        }
    }

    /// Does every lane keep to its share of memory?
    pub fn check_memory(&self, index: usize) -> Result<(), String> {
        let Some(replica) = &self.replicas[index] else { return Ok(()) };
        for lane in (0..self.plans.len()).filter(|lane| replica.current[*lane].is_some()) {
            // An urgent notice takes its row's line out of a digest along.
            let lines = if replica.had_digests[lane] { LINES_MAX as u64 } else { 0 };
            let most = replica.most_share[lane].saturating_add(1 + lines + lines * DIGESTS_MAX);
            let alive = replica.memory[lane].count();
            if alive as u64 > most {
                let status = replica.outbox.status(self.now);
                return Err(format!("lane {lane} holds {alive} changes, {most} at most may be: {status:?}"));
            }
        }
        Ok(())
    }
}
