//! Changes that the source sent before: after a crash of Kafka Connect its connectors send again from the
//! last offset that they had stored, the same source positions in new records.

use super::envelope::{Envelope, KeyForm};
use super::image::Image;
use super::source::Source;
use super::{LogicalMessage, Record};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// Changes remembered by default: some minutes of a busy topic, in about 10 MiB.
pub const REPEATS_MAX: usize = 100_000;

/// Set by Kafka Connect's Debezium on streamed events: a new word at each start of the connector's task.
const RUN_ID: &str = "__debezium.context.runId";

/// Remembers the source positions of changes, the last so many.
///
/// A change is a repeat when topic, key, op, source position and content were seen before, in a record of
/// another run of the connector. Within one run two changes may share a position: rows of one COPY or INSERT
/// share an LSN. Snapshot rows have no position, only content.
#[derive(Debug)]
pub struct Repeats {
    capacity: usize,
    /// Two independent hashes make a chance meeting of two changes too rare to count with.
    hashers: (RandomState, RandomState),
    seen: HashMap<u128, Sighting>,
    order: VecDeque<u128>,
}

/// Where a position was seen last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sighting {
    /// Hash of the run's id, where the record says it.
    run: Option<u64>,
    /// Hash of the whole value.
    bytes: u64,
    partition: i32,
    offset: i64,
}

impl Default for Repeats {
    fn default() -> Self {
        Repeats::new(REPEATS_MAX)
    }
}

impl Repeats {
    /// Remembers so many changes.
    pub fn new(capacity: usize) -> Self {
        Repeats { capacity: capacity.max(1), hashers: Default::default(), seen: HashMap::new(), order: VecDeque::new() }
    }

    /// Was this change sent before? Remembers it either way. Reading one record again, as after a
    /// rebalance, is no repeat. A change without a position (another tool's, a flattened row's) never is.
    pub fn seen(&mut self, envelope: &Envelope<'_>) -> bool {
        self.identity(envelope).is_some_and(|key| self.seen_as(key, envelope.record()))
    }

    /// Was this logical message sent before? Like [`Repeats::seen`].
    pub fn seen_message(&mut self, message: &LogicalMessage<'_>) -> bool {
        let (mut one, mut two) = (self.hashers.0.build_hasher(), self.hashers.1.build_hasher());
        let mut add = |bytes: &[u8]| {
            bytes.hash(&mut one);
            bytes.hash(&mut two);
        };
        add(message.record.topic.as_bytes());
        add(message.prefix.as_bytes());
        add(&message.content);
        let placed = place(&message.source, &message.connector, &mut add);
        let key = u128::from(one.finish()) << 64 | u128::from(two.finish());
        placed && self.seen_as(key, &message.record)
    }

    fn seen_as(&mut self, key: u128, record: &Record<'_>) -> bool {
        let run = record.headers.header(RUN_ID).map(|run| self.hashers.0.hash_one(run));
        let bytes = self.hashers.0.hash_one(record.value);
        let sighting = Sighting { run, bytes, partition: record.partition, offset: record.offset };
        match self.seen.get(&key) {
            // The same record, or one that was written before: not the repeat but what it repeats.
            Some(known) if known.partition == sighting.partition && known.offset >= sighting.offset => false,
            // Byte for byte the same, its time of processing included: a producer that tried twice.
            Some(known) if known.bytes == sighting.bytes => true,
            Some(known) => match (known.run, sighting.run) {
                (Some(one), Some(other)) if one == other => {
                    self.seen.insert(key, sighting);
                    false
                }
                (Some(_), Some(_)) => true,
                // Without the runs' names, equal rows of one statement cannot be told from a repeat where no key
                // tells them apart; and one post too many is better than one too few.
                _ => record.key.is_some(),
            },
            None => {
                if self.order.len() == self.capacity
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.seen.remove(&oldest);
                }
                self.seen.insert(key, sighting);
                self.order.push_back(key);
                false
            }
        }
    }

    /// Changes remembered.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// True before the first change.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    fn identity(&self, envelope: &Envelope<'_>) -> Option<u128> {
        let (mut one, mut two) = (self.hashers.0.build_hasher(), self.hashers.1.build_hasher());
        let mut add = |bytes: &[u8]| {
            bytes.hash(&mut one);
            bytes.hash(&mut two);
        };
        let record = envelope.record();
        add(record.topic.as_bytes());
        add(&[envelope.op() as u8, u8::from(envelope.snapshot())]);
        add(key_bytes(record, &envelope.key).unwrap_or_default());
        let placed = !envelope.snapshot() && place(envelope.source(), &envelope.connector(), &mut add);
        // Rows of one statement may share a position, so what they say counts too. A snapshot's position says
        // nothing, and neither does the time at which it came by: only what it read does.
        let content = [&envelope.images.before, &envelope.images.after].into_iter().flatten();
        for image in content {
            match image {
                Image::Json(raw) => add(raw.as_bytes()),
                Image::Avro(datum) => add(datum.bytes()),
                Image::Protobuf(body) => add(body.bytes()),
            }
        }
        if !placed && !envelope.snapshot() {
            return None;
        }
        Some(u128::from(one.finish()) << 64 | u128::from(two.finish()))
    }
}

/// Adds the position of a change in its source's log; false where the source says none.
fn place(source: &Source<'_>, connector: &str, add: &mut impl FnMut(&[u8])) -> bool {
    let mut placed = false;
    source.each(position(connector), |at, value| {
        // Every position has its first field; the others may be missing.
        placed |= at == 0;
        add(&[at as u8]);
        add(value.as_bytes());
    });
    placed
}

fn key_bytes<'f, 'a: 'f>(record: &Record<'a>, form: &'f KeyForm<'a>) -> Option<&'f [u8]> {
    match form {
        KeyForm::Bytes => record.key,
        KeyForm::Json(payload) => Some(payload),
        KeyForm::Avro(datum) => Some(datum.bytes()),
        KeyForm::Protobuf(body) => Some(body.bytes()),
    }
}

/// The fields of the source block that tell one change from another; the first is always there.
fn position(connector: &str) -> &'static [&'static str] {
    match connector {
        "postgresql" | "yugabytedb" => &["lsn", "txId"],
        "mysql" | "mariadb" => &["pos", "file", "row", "server_id", "gtid"],
        "sqlserver" => &["commit_lsn", "change_lsn", "event_serial_no"],
        "oracle" => &["scn", "txId", "commit_scn", "rs_id", "ssn", "redo_thread"],
        "mongodb" => &["ts_ms", "ord", "lsid", "txnNumber", "wallTime"],
        "db2" | "informix" => &["commit_lsn", "change_lsn"],
        "vitess" => &["vgtid", "shard", "keyspace"],
        "cockroachdb" => &["ts_hlc"],
        "cassandra" => &["pos", "file", "ts_micro"],
        "spanner" => &["commit_timestamp", "record_sequence", "transaction_id", "mod_number"],
        _ => &["lsn", "pos", "scn", "commit_lsn", "txId", "file", "row"],
    }
}

#[cfg(test)]
mod tests;
