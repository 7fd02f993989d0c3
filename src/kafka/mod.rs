//! Kafka: the poller thread, rebalances, dead letters, the embedded broker of the demo.

mod client;
mod dead_letter;
mod embedded;
mod offsets;
mod poller;
mod statistics;

pub use client::{KafkaSettings, OWNED_PROPERTIES, Start, connect};
pub use dead_letter::{DeadLetter, DeadLetterError, DeadLetters, RawRecord};
pub use embedded::{EmbeddedBroker, EmbeddedError, Feeder};
pub use poller::{Budget, Command, Event, Poller, Sink, Taken};
