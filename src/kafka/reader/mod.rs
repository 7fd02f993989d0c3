//! Reading a topic as an observer: no group, no commit, from where one says to where the log ended at the start.

mod error;
mod stretch;

pub use error::ReaderError;
pub use stretch::{Stretch, StretchReader};

use crate::kafka::client::{KafkaSettings, without_value};
use crate::kafka::dead_letter::RawRecord;
use crate::rule::nearest;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::Offset;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long brokers may take for the first answer.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest wait before looking whether to stop.
const SLICE: Duration = Duration::from_millis(200);

/// Between two questions for the topic.
const PAUSE: Duration = Duration::from_millis(20);

/// How long one question about a partition may take.
const ASK: Duration = Duration::from_secs(10);

/// Without a record and without the end for so long, the brokers are gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Topic name.
    pub topic: String,
    /// One partition; all without.
    pub partition: Option<i32>,
    /// Where to begin.
    pub from: Beginning,
    /// Wait for what comes after the end.
    pub follow: bool,
}

/// Where to begin in each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// At the log's start.
    Earliest,
    /// At the log's end.
    Latest,
    /// At this offset, of one partition.
    Offset(i64),
    /// So many offsets before the log's end, or at its start.
    Last(u64),
    /// So many offsets before this one, or at the log's start; read up to it and no further.
    Before {
        /// The last offset to read.
        offset: i64,
        /// Offsets before it.
        count: u64,
    },
}

/// A record that was read, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number.
    pub partition: i32,
    /// Offset within the partition.
    pub offset: i64,
    /// Kafka's timestamp, milliseconds since the epoch.
    pub timestamp_ms: Option<i64>,
    /// Key, value and headers.
    pub raw: RawRecord,
}

/// Keeps why the brokers cannot be reached: the calls themselves only say "timed out".
#[derive(Default)]
struct Trouble(Mutex<Option<String>>);

impl Trouble {
    fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Trouble {
    fn error(&self, error: KafkaError, reason: &str) {
        // "1/1 brokers are down" follows each reason and says less.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            return;
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }
}

impl ConsumerContext for Trouble {}

/// What is left to read of a partition.
#[derive(Debug)]
struct Span {
    /// Next offset.
    position: i64,
    /// Log end at the start.
    end: i64,
    done: bool,
}

/// Reads records one by one; ends at the log's end, or when it is told to stop.
pub struct Reader {
    consumer: BaseConsumer<Trouble>,
    brokers: String,
    topic: Arc<str>,
    spans: BTreeMap<i32, Span>,
    follow: bool,
    stop: Arc<AtomicBool>,
    /// When Kafka last gave a sign of life.
    heard: Instant,
    failed: bool,
}

impl Reader {
    /// Finds the topic and where its logs end. `stop` ends everything early, from any thread.
    pub fn open(settings: &KafkaSettings, reading: &Reading, stop: Arc<AtomicBool>) -> Result<Self, ReaderError> {
        let config = settings.reader();
        let consumer: BaseConsumer<Trouble> = config
            .create_with_context(Trouble::default())
            .map_err(|error| ReaderError::Properties(without_value(error)))?;
        let mut reader = Self {
            consumer,
            brokers: settings.brokers.clone(),
            topic: reading.topic.as_str().into(),
            spans: BTreeMap::new(),
            follow: reading.follow,
            stop,
            heard: Instant::now(),
            failed: false,
        };
        let partitions = reader.partitions()?;
        let chosen = reader.chosen(reading, &partitions)?;
        let mut assignment = TopicPartitionList::with_capacity(chosen.len());
        for partition in chosen {
            if reader.stopped() {
                break;
            }
            let span = reader.span(partition, reading.from)?;
            if reader.follow || !span.done {
                let place = Offset::Offset(span.position);
                assignment
                    .add_partition_offset(&reading.topic, partition, place)
                    .map_err(|error| reader.failure(error))?;
            }
            reader.spans.insert(partition, span);
        }
        reader.consumer.assign(&assignment).map_err(|error| reader.failure(error))?;
        reader.heard = Instant::now();
        Ok(reader)
    }

    /// Offsets between where reading began and where the logs ended; compaction and transactions leave fewer records.
    pub fn total(&self) -> u64 {
        self.spans.values().map(|span| span.end.saturating_sub(span.position).max(0).unsigned_abs()).sum()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn failure(&self, error: KafkaError) -> ReaderError {
        let code = error.rdkafka_error_code();
        match code {
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => ReaderError::Denied { topic: self.topic.to_string() },
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::Resolve,
            ) => self.unreachable(&error.to_string()),
            _ => ReaderError::Kafka { topic: self.topic.to_string(), error },
        }
    }

    fn unreachable(&self, otherwise: &str) -> ReaderError {
        let reason = self.consumer.context().last().unwrap_or_else(|| otherwise.to_owned());
        ReaderError::Unreachable { brokers: self.brokers.clone(), reason }
    }

    /// Numbers of the topic's partitions. Asked in slices, so that whoever waits can stop it.
    fn partitions(&self) -> Result<Vec<i32>, ReaderError> {
        let deadline = Instant::now() + CONNECT;
        loop {
            let error = match self.consumer.fetch_metadata(Some(&self.topic), SLICE) {
                Ok(metadata) => {
                    let found = metadata.topics().iter().find(|found| found.name() == &*self.topic);
                    match found.map(|found| (found.error(), found.partitions())) {
                        Some((None, partitions)) if !partitions.is_empty() => {
                            let mut numbers: Vec<_> = partitions.iter().map(|partition| partition.id()).collect();
                            numbers.sort_unstable();
                            return Ok(numbers);
                        }
                        Some((Some(error), _)) => match RDKafkaErrorCode::from(error) {
                            RDKafkaErrorCode::TopicAuthorizationFailed => {
                                return Err(ReaderError::Denied { topic: self.topic.to_string() });
                            }
                            // Just made: it has no leader yet.
                            RDKafkaErrorCode::LeaderNotAvailable => {
                                KafkaError::MetadataFetch(RDKafkaErrorCode::LeaderNotAvailable)
                            }
                            _ => return Err(self.unknown_topic()),
                        },
                        _ => return Err(self.unknown_topic()),
                    }
                }
                Err(error) => error,
            };
            // Its callbacks, the one with the reason among them, run in `poll`, which is a pause besides.
            self.consumer.poll(PAUSE);
            if self.stopped() {
                return Ok(Vec::new());
            }
            if Instant::now() > deadline {
                return Err(self.unreachable(&error.to_string()));
            }
        }
    }

    fn unknown_topic(&self) -> ReaderError {
        let topic = self.topic.to_string();
        let known = self.consumer.fetch_metadata(None, ASK).ok();
        let names = known.iter().flat_map(|known| known.topics()).map(|found| found.name());
        let hint = match nearest(&topic, names) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "Debezium names its topics prefix.schema.table".to_owned(),
        };
        ReaderError::UnknownTopic { topic, hint }
    }

    fn chosen(&self, reading: &Reading, partitions: &[i32]) -> Result<Vec<i32>, ReaderError> {
        match reading.partition {
            Some(number) if partitions.contains(&number) => Ok(vec![number]),
            Some(_) if self.stopped() => Ok(Vec::new()),
            Some(partition) => Err(ReaderError::UnknownPartition {
                topic: self.topic.to_string(),
                partition,
                known: format!("0 to {}", partitions.len().saturating_sub(1)),
            }),
            None if matches!(reading.from, Beginning::Offset(_)) && partitions.len() > 1 => {
                Err(ReaderError::WhichPartition { topic: self.topic.to_string(), count: partitions.len() })
            }
            None => Ok(partitions.to_vec()),
        }
    }

    fn span(&self, partition: i32, from: Beginning) -> Result<Span, ReaderError> {
        let watermarks = self.consumer.fetch_watermarks(&self.topic, partition, ASK);
        let (low, high) = watermarks.map_err(|error| self.failure(error))?;
        let position = match from {
            Beginning::Earliest => low,
            Beginning::Latest => high,
            Beginning::Last(count) => high.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX)).max(low),
            Beginning::Before { offset, count } => {
                let position = offset.saturating_sub(i64::try_from(count).unwrap_or(i64::MAX)).max(low);
                let end = offset.saturating_add(1).min(high);
                return Ok(Span { position, end, done: position >= end });
            }
            Beginning::Offset(offset) if (low..=high).contains(&offset) => offset,
            Beginning::Offset(offset) => {
                let hint = if low == high {
                    format!("its log is empty; the next record will be {high}")
                } else {
                    format!("it holds {low} to {}", high - 1)
                };
                return Err(ReaderError::OutOfRange { topic: Arc::clone(&self.topic), partition, offset, hint });
            }
        };
        Ok(Span { position, end: high, done: position >= high })
    }

    /// Nothing but what is on its way is left of this partition.
    fn finish(&mut self, partition: i32) {
        if let Some(span) = self.spans.get_mut(&partition) {
            span.done = true;
        }
        let mut done = TopicPartitionList::new();
        done.add_partition(&self.topic, partition);
        if let Err(error) = self.consumer.pause(&done) {
            tracing::debug!(%error, "a partition that is read could not be paused; what still comes is dropped");
        }
    }

    fn step(&mut self) -> Result<Option<StoredRecord>, ReaderError> {
        // The message borrows the consumer: what it means for the partition is done after it is copied.
        let record = match self.consumer.poll(SLICE) {
            None if !self.follow && self.heard.elapsed() > SILENCE_MAX => {
                return Err(self.unreachable("no record and no end for 30 s"));
            }
            None => return Ok(None),
            Some(Ok(message)) => copy(&self.topic, &message),
            Some(Err(error)) => return self.trouble(error).map(|()| None),
        };
        self.heard = Instant::now();
        let (follow, partition) = (self.follow, record.partition);
        let Some(span) = self.spans.get_mut(&partition).filter(|span| follow || !span.done) else {
            return Ok(None);
        };
        span.position = record.offset + 1;
        let (wanted, last) = (follow || record.offset < span.end, !follow && span.position >= span.end);
        if last {
            self.finish(partition);
        }
        Ok(wanted.then_some(record))
    }

    /// What comes instead of a record.
    fn trouble(&mut self, error: KafkaError) -> Result<(), ReaderError> {
        if let KafkaError::PartitionEOF(partition) = error {
            self.heard = Instant::now();
            // The end of now: not before the end of then, which only a marker may have occupied.
            if !self.follow {
                self.finish(partition);
            }
            return Ok(());
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                Err(ReaderError::Cut { topic: self.topic.to_string() })
            }
            // We name a group because a consumer must, and need none.
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => Ok(()),
            Some(code) if is_passing(code) => Ok(()),
            _ => Err(self.failure(error)),
        }
    }
}

fn copy(topic: &Arc<str>, message: &BorrowedMessage<'_>) -> StoredRecord {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    StoredRecord {
        topic: Arc::clone(topic),
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis(),
        raw: RawRecord {
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
        },
    }
}

/// librdkafka goes on trying by itself; whether it succeeds shows in time.
fn is_passing(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::Resolve
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::NotLeaderForPartition
            | RDKafkaErrorCode::LeaderNotAvailable
            | RDKafkaErrorCode::CoordinatorNotAvailable
            | RDKafkaErrorCode::CoordinatorLoadInProgress
            | RDKafkaErrorCode::NotCoordinator
    )
}

impl Iterator for Reader {
    type Item = Result<StoredRecord, ReaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let read = !self.follow && self.spans.values().all(|span| span.done);
            if read || self.failed || self.stopped() {
                return None;
            }
            match self.step() {
                Ok(None) => {}
                Ok(Some(record)) => return Some(Ok(record)),
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}
