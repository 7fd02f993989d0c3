//! A broker inside the process (librdkafka's mock cluster): for the demo, which must need no Kafka.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use std::time::Duration;

/// How long the embedded broker may take for one record.
const WRITE: Duration = Duration::from_secs(5);

/// The embedded broker could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the embedded broker failed: {0}\nhint: this is a bug in the demo, not in your setup; please report it")]
pub struct EmbeddedError(#[from] KafkaError);

/// A broker that lives as long as this value, on a port of its own on 127.0.0.1.
///
/// It keeps 5 MiB or 100,000 records a partition, which a demo never fills.
pub struct EmbeddedBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl EmbeddedBroker {
    /// Starts the broker.
    pub fn start() -> Result<Self, EmbeddedError> {
        Ok(Self { cluster: MockCluster::new(1)? })
    }

    /// Makes a topic.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), EmbeddedError> {
        Ok(self.cluster.create_topic(name, partitions, 1)?)
    }

    /// `host:port`
    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}

/// Writes records into the embedded broker, one at a time and in order.
#[derive(Clone)]
pub struct Feeder {
    producer: FutureProducer,
}

impl Feeder {
    /// A feeder of the broker at `host:port`.
    pub fn new(brokers: &str) -> Result<Self, EmbeddedError> {
        Ok(Self { producer: ClientConfig::new().set("bootstrap.servers", brokers).set("linger.ms", "0").create()? })
    }

    /// Writes a record; without a partition, the key chooses it. The answer is its offset.
    pub async fn write(
        &self,
        topic: &str,
        partition: Option<i32>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&str, Option<&[u8]>)>,
    ) -> Result<i64, EmbeddedError> {
        let headers = headers
            .into_iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value }));
        let record = FutureRecord { topic, partition, payload: value, key, timestamp: None, headers: Some(headers) };
        match self.producer.send(record, Timeout::After(WRITE)).await {
            Ok(delivery) => Ok(delivery.offset),
            Err((error, _)) => Err(error.into()),
        }
    }
}
