//! What the threads hand each other: judged records and configs, on their way to the engine.

use super::schemas::Wanted;
use crate::change::{Record, RowChange};
use crate::config::{Config, Table};
use crate::destination::Http;
use crate::kafka::{Budget, Event, RawRecord};
use crate::ledger::Owner;
use crate::outbox::RowKey;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What a decoded change takes in memory, as a multiple of the record's bytes (names, values and their vectors).
const DECODED_FACTOR: u64 = 3;

/// Bytes a pending record takes whatever its size.
const RECORD_OVERHEAD: u64 = 512;

/// What the poller's thread tells the engine, in order.
pub enum Input {
    /// A change that somebody wants posted.
    Relevant(Relevant),
    /// A record that cannot be read.
    Undecodable { owner: Owner, offset: i64, held: Arc<Held>, error: String },
    /// A change that the source sent before: it owes nothing, although it looks so.
    Repeat { owner: Owner, offset: i64 },
    /// Everything below was judged.
    Read(Vec<(Owner, i64)>),
    /// What follows is judged by another config.
    Config(Fresh),
    /// Something happened to the group.
    Event(Event),
}

/// A change and who wants it.
pub struct Relevant {
    pub owner: Owner,
    pub offset: i64,
    pub row: RowKey,
    pub change: Arc<RowChange>,
    pub held: Arc<Held>,
    pub table: Option<Arc<Table>>,
    /// Per destination the rules that matched, the most urgent and then the first in the file leading.
    pub wanted: Vec<(usize, Vec<usize>)>,
}

impl Relevant {
    pub fn new(
        owner: &Owner,
        record: &Record<'_>,
        change: Arc<RowChange>,
        table: Option<Arc<Table>>,
        wanted: Vec<(usize, Vec<usize>)>,
        budget: &Arc<Budget>,
    ) -> Self {
        let row = row_key(owner, record, &change);
        let held = Held::new(record, budget);
        Self { owner: owner.clone(), offset: record.offset, row, change, held, table, wanted }
    }
}

/// Row = topic, partition, table, key (design invariant 3); keyless changes share one and so keep the partition's order.
pub fn row_key(owner: &Owner, record: &Record<'_>, change: &RowChange) -> RowKey {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(owner.partition.topic.as_bytes());
    key.push(0);
    key.extend_from_slice(&owner.partition.number.to_be_bytes());
    if let Some(bytes) = record.key.filter(|_| change.key.is_some()) {
        key.extend_from_slice(change.table.as_bytes());
        key.push(0);
        key.extend_from_slice(bytes);
    }
    RowKey(key.into())
}

/// A record's bytes, and its share of the budget for as long as anything needs them.
pub struct Held {
    /// The record as it was.
    pub record: RawRecord,
    bytes: u64,
    budget: Arc<Budget>,
}

impl Held {
    pub fn new(record: &Record<'_>, budget: &Arc<Budget>) -> Arc<Self> {
        let record = RawRecord::copy(record);
        let bytes = record.bytes() * (1 + DECODED_FACTOR) + RECORD_OVERHEAD;
        budget.add(bytes);
        Arc::new(Self { record, bytes, budget: Arc::clone(budget) })
    }

    /// Its share of the budget.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.sub(self.bytes);
    }
}

/// A config that was read again, on its way to the engine.
#[derive(Debug)]
pub struct Fresh {
    pub config: Arc<Config>,
    pub http: Http,
    /// Told when it is in force.
    pub applied: oneshot::Sender<Changes>,
}

/// The same on its way to the poller's thread.
pub struct Replaced {
    /// Another registry, or none; nothing where it stays.
    pub schemas: Option<Option<Wanted>>,
    pub fresh: Fresh,
}

/// What a new config did to the destinations.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Changes {
    /// New ones.
    pub added: Vec<String>,
    /// Those that are gone; what they had pending goes to the dead letters.
    pub removed: Vec<String>,
    /// Those that are treated otherwise.
    pub changed: Vec<String>,
}
