//! Reading stretches of partitions again, one after the other, with one consumer that joins no group.

use super::{ReaderError, Trouble, is_passing};
use crate::change::Record;
use crate::kafka::client::{KafkaSettings, without_value};
use crate::kafka::record::MessageHeaders;
use crate::ledger::Partition;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Longest wait before looking whether to stop.
const SLICE: Duration = Duration::from_millis(100);

/// How long one question about a partition may take.
const ASK: Duration = Duration::from_secs(5);

/// Without a record for so long, the brokers are gone.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// How long a broker may hold back its answer at a log's end. What is read is there already; and a stretch that ended well before
/// its log's end left such a request behind, which the next stretch's waits for: with the default of half a second each did.
const FETCH_WAIT_MS: &str = "10";

/// Memory for records that are fetched ahead: much of it is thrown away where a stretch ends early.
const FETCHED_AHEAD_KBYTES: &str = "4096";

/// How a stretch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// Every record below was handed over.
    Read(i64),
    /// Every record below `position` was handed over; those from there on to where the log `begins` now are gone.
    Cut {
        /// The first record that is gone.
        position: i64,
        /// The first that is there.
        begins: i64,
    },
}

/// See the module's text.
pub struct StretchReader {
    consumer: BaseConsumer<Trouble>,
    brokers: String,
    stop: Arc<AtomicBool>,
}

impl StretchReader {
    /// Makes the consumer; asks nothing yet. `stop` ends a stretch early, from any thread.
    pub fn new(settings: &KafkaSettings, stop: Arc<AtomicBool>) -> Result<Self, ReaderError> {
        let mut config = settings.reader();
        config.set("queued.max.messages.kbytes", FETCHED_AHEAD_KBYTES).set("fetch.wait.max.ms", FETCH_WAIT_MS);
        let consumer = config
            .create_with_context(Trouble::default())
            .map_err(|error| ReaderError::Properties(without_value(error)))?;
        Ok(Self { consumer, brokers: settings.brokers.clone(), stop })
    }

    /// Hands over the partition's records in `offsets`, until `take` wants no more: then the record that it did not
    /// want is the first that was not read.
    pub fn read(
        &mut self,
        partition: &Partition,
        offsets: Range<i64>,
        take: impl FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<Stretch, ReaderError> {
        let result = self.follow(partition, offsets, take);
        // What was fetched ahead goes with it.
        self.consumer.unassign().map_err(|error| failure(partition, error))?;
        result
    }

    fn begin(&self, partition: &Partition, offset: i64) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(offset))?;
        self.consumer.assign(&list)
    }

    fn follow(
        &self,
        partition: &Partition,
        offsets: Range<i64>,
        mut take: impl FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<Stretch, ReaderError> {
        let (mut position, mut heard, mut reaches) = (offsets.start, Instant::now(), false);
        self.begin(partition, position).map_err(|error| failure(partition, error))?;
        while position < offsets.end {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Stretch::Read(position));
            }
            let message = match self.consumer.poll(SLICE) {
                None if heard.elapsed() > SILENCE_MAX => return Err(self.unreachable()),
                None => continue,
                Some(Ok(message)) => message,
                // Nothing but markers of transactions, or what was compacted, lies between here and the log's end.
                Some(Err(KafkaError::PartitionEOF(_))) if reaches => return Ok(Stretch::Read(offsets.end)),
                // A new leader may not know yet how far the log goes. Once it does, its end counts.
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    reaches = self.watermarks(partition)?.end >= offsets.end;
                    if !reaches {
                        return Err(self.unreachable());
                    }
                    self.begin(partition, position).map_err(|error| failure(partition, error))?;
                    continue;
                }
                Some(Err(error)) => match self.trouble(partition, position, error)? {
                    Some(begins) => return Ok(Stretch::Cut { position, begins }),
                    None => continue,
                },
            };
            heard = Instant::now();
            if message.offset() >= offsets.end {
                break;
            }
            // Of the partition read before: still on its way.
            if message.partition() != partition.number
                || message.topic() != &*partition.topic
                || message.offset() < position
            {
                continue;
            }
            let headers = MessageHeaders(&message);
            let record = Record {
                topic: &partition.topic,
                partition: partition.number,
                offset: message.offset(),
                timestamp_ms: message.timestamp().to_millis(),
                key: message.key(),
                value: message.payload(),
                headers: &headers,
            };
            if take(&record).is_break() {
                return Ok(Stretch::Read(message.offset()));
            }
            position = message.offset() + 1;
        }
        Ok(Stretch::Read(offsets.end))
    }

    /// What comes instead of a record; the answer is where the log begins, if that is the trouble.
    fn trouble(&self, partition: &Partition, position: i64, error: KafkaError) -> Result<Option<i64>, ReaderError> {
        let topic = || partition.topic.to_string();
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                let begins = self.watermarks(partition)?.start;
                // Else the log was replaced, which the group's own consumer finds out.
                if begins > position { Ok(Some(begins)) } else { Err(ReaderError::Cut { topic: topic() }) }
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Err(ReaderError::Denied { topic: topic() }),
            // We name a group because a consumer must, and need none.
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => Ok(None),
            Some(code) if is_passing(code) => Ok(None),
            _ => Err(failure(partition, error)),
        }
    }

    /// Where the log begins and ends.
    fn watermarks(&self, partition: &Partition) -> Result<Range<i64>, ReaderError> {
        let found = self.consumer.fetch_watermarks(&partition.topic, partition.number, ASK);
        found.map(|(low, high)| low..high).map_err(|_| self.unreachable())
    }

    fn unreachable(&self) -> ReaderError {
        let reason = self.consumer.context().last().unwrap_or_else(|| "no record comes".to_owned());
        ReaderError::Unreachable { brokers: self.brokers.clone(), reason }
    }
}

fn failure(partition: &Partition, error: KafkaError) -> ReaderError {
    ReaderError::Kafka { topic: partition.topic.to_string(), error }
}
