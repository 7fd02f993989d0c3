//! Why a topic cannot be read, and what to do about it.

use rdkafka::error::KafkaError;
use std::sync::Arc;

/// Why a topic cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    /// `kafka.properties`
    #[error(
        "the Kafka consumer cannot be made: {0}\nhint: look at kafka.properties; TLS and SASL need a build with the feature tls"
    )]
    Properties(KafkaError),
    /// No broker answers, or none any more.
    #[error(
        "Kafka does not answer at {brokers}: {reason}\nhint: are the brokers right (--brokers, or kafka.brokers in the config), and do their listeners, TLS and SASL match kafka.properties?"
    )]
    Unreachable {
        /// `host:port,...`
        brokers: String,
        /// What librdkafka said last.
        reason: String,
    },
    /// There is no such topic, or we may not know of it.
    #[error("there is no topic {topic:?} that we may see\nhint: {hint}")]
    UnknownTopic {
        /// Its name.
        topic: String,
        /// The nearest name, or how names look.
        hint: String,
    },
    /// There is no such partition.
    #[error("the topic {topic:?} has no partition {partition}\nhint: its partitions are {known}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The number that was asked for.
        partition: i32,
        /// `0 to 3`
        known: String,
    },
    /// An offset means one partition.
    #[error("an offset belongs to one partition, and {topic:?} has {count}\nhint: add --partition N")]
    WhichPartition {
        /// The topic.
        topic: String,
        /// How many it has.
        count: usize,
    },
    /// The log does not reach so far.
    #[error("{topic}:{partition} has no offset {offset}\nhint: {hint}")]
    OutOfRange {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The offset that was asked for.
        offset: i64,
        /// What it has.
        hint: String,
    },
    /// Kafka denies it.
    #[error("Kafka denies reading {topic:?}\nhint: the principal needs Read and Describe on the topic")]
    Denied {
        /// The topic.
        topic: String,
    },
    /// The log's start has passed what was to be read next.
    #[error("the log of {topic:?} was cut or replaced while it was read\nhint: begin again, e.g. with --from earliest")]
    Cut {
        /// The topic.
        topic: String,
    },
    /// Anything else.
    #[error("reading {topic:?} failed: {error}")]
    Kafka {
        /// The topic.
        topic: String,
        /// What Kafka said.
        error: KafkaError,
    },
}
