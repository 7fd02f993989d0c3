//! A broker inside the process (librdkafka's mock cluster): for the demo, which must need no Kafka.

use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

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
