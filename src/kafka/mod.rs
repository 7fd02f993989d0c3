//! Kafka: the poller thread, rebalances, dead letters, reading without a group, the embedded broker of the demo.

mod client;
mod dead_letter;
mod embedded;
mod group;
mod offsets;
mod poller;
mod reader;
mod record;
mod statistics;

pub use client::{KafkaSettings, OWNED_PROPERTIES, Start, connect};
pub use dead_letter::{DeadLetter, DeadLetterError, DeadLetters, REPLAYED_HEADER, RawRecord};
pub use embedded::{EmbeddedBroker, EmbeddedError, Feeder};
pub use group::{Committed, Group, GroupError};
pub use poller::{Budget, Command, Event, Poller, Sink, Taken};
pub use reader::{Beginning, Reader, ReaderError, Reading, StoredRecord, Stretch, StretchReader};
