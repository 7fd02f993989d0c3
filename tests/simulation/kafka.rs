//! Kafka, as far as it matters: logs with gaps, commits with metadata, and who owns what.

use rowbell::message::Priority;
use std::time::Duration;

/// A record.
#[derive(Debug, Clone)]
pub struct Record {
    pub offset: i64,
    /// `None` has no key.
    pub row: Option<u8>,
    pub from: u32,
    pub to: u32,
    /// By destination: does a rule want it there, and how urgently.
    pub wanted: Vec<Option<Priority>>,
    /// By a rule's `expires`.
    pub expires: Option<Duration>,
    /// Cannot be read.
    pub broken: bool,
    /// The source sent it before.
    pub repeat: bool,
}

/// A partition: its log, what the group committed, and who owns it.
#[derive(Debug, Default)]
pub struct Partition {
    pub log: Vec<Record>,
    /// What lies before is gone.
    pub start: i64,
    pub end: i64,
    pub committed: i64,
    pub metadata: String,
    /// Destinations of the config that wrote the metadata.
    pub named: Vec<usize>,
    /// How far anybody has read.
    pub read: i64,
    /// Replica and epoch.
    pub owner: Option<(usize, u64)>,
    /// What each row came to.
    pub values: Vec<u32>,
}

impl Partition {
    pub fn from(&self, position: i64) -> impl Iterator<Item = &Record> {
        let first = self.log.partition_point(|record| record.offset < position);
        self.log[first..].iter()
    }

    pub fn record(&self, offset: i64) -> &Record {
        self.from(offset).next().expect("it was written")
    }
}
