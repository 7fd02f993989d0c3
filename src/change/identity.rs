//! Which tables send whole old images, learnt from their updates.

use super::envelope::Envelope;
use super::{Op, build};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Tables remembered; beyond, the one learnt first is forgotten (and learnt again from its next update).
const TABLES_MAX: usize = 10_000;

/// Learns per table whether its old images are real.
///
/// Postgres under the default replica identity sends no old image with an update that keeps the key, and
/// an invented one with a delete. So an update that keeps the key shows which of the two a table is.
#[derive(Debug, Default, Clone)]
pub struct Identities {
    full: HashMap<String, HashMap<String, bool>>,
    order: VecDeque<(String, String)>,
    /// What the record before showed again: most are of one table with it.
    latest: Option<(String, Arc<str>, bool)>,
}

impl Identities {
    /// What the record shows and is not known yet: does its table send whole old images? Cheap, and
    /// needs no exclusive access; pass the answer to [`Identities::learn`].
    pub fn lesson(&self, envelope: &Envelope<'_>) -> Option<bool> {
        // A row without its envelope never has an old image, whatever its table sends.
        if envelope.op() != Op::Update || envelope.flat.is_some() || !build::invents_old_values(&envelope.connector()) {
            return None;
        }
        let known = self.full(envelope.server(), envelope.table());
        let full = envelope.has_before();
        if known == Some(full) {
            return None;
        }
        // An old image beside a changed key is the old key and no more.
        (!full || envelope.keeps_key()).then_some(full)
    }

    /// Remembers what a table was seen to send.
    pub fn learn(&mut self, server: &str, table: &str, full: bool) {
        self.latest = None;
        if let Some(known) = self.full.get_mut(server).and_then(|tables| tables.get_mut(table)) {
            *known = full;
            return;
        }
        if self.order.len() == TABLES_MAX
            && let Some((server, table)) = self.order.pop_front()
            && let Some(tables) = self.full.get_mut(&server)
        {
            tables.remove(&table);
            if tables.is_empty() {
                self.full.remove(&server);
            }
        }
        self.full.entry(server.to_owned()).or_default().insert(table.to_owned(), full);
        self.order.push_back((server.to_owned(), table.to_owned()));
    }

    /// [`Identities::lesson`] and [`Identities::learn`] in one.
    pub fn observe(&mut self, envelope: &Envelope<'_>) {
        if envelope.op() != Op::Update || !build::invents_old_values(&envelope.connector()) {
            return;
        }
        let table = envelope.shared_table();
        if let Some((server, known, full)) = &self.latest
            && (*known == table && *full == envelope.has_before() && server == envelope.server())
        {
            return;
        }
        if let Some(full) = self.lesson(envelope) {
            self.learn(envelope.server(), &table, full);
        }
        let known = self.full(envelope.server(), &table);
        self.latest = known.map(|full| (envelope.server().to_owned(), table, full));
    }

    /// Does the table send whole old images? `None` until an update has shown it.
    pub fn full(&self, server: &str, table: &str) -> Option<bool> {
        self.full.get(server)?.get(table).copied()
    }
}

#[cfg(test)]
mod tests;
