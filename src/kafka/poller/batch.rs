//! Records of one run of `poll`, on their way to the sink.

use super::context::{Context, Shared};
use crate::change::{Headers, Record};
use crate::ledger::{Owner, Partition};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _, Message};
use std::collections::HashMap;

/// The positions that one run of `poll` reached.
#[derive(Default)]
pub(super) struct Batch {
    /// The partition of the record before: most records follow one of their own partition.
    last: Option<(Partition, Owner)>,
    /// Assignments counted when `last` was looked up: a rebalance in between gives the partition a new epoch.
    epochs: u64,
    read: HashMap<Owner, i64>,
}

impl Batch {
    pub(super) fn hand_over(&mut self, context: &Context, message: &BorrowedMessage<'_>) {
        let mut shared = context.shared();
        let same =
            self.last.as_ref().is_some_and(|(p, _)| p.number == message.partition() && &*p.topic == message.topic());
        if !same || self.epochs != shared.epochs {
            self.flush(&mut shared);
            self.epochs = shared.epochs;
            let partition = Partition { topic: message.topic().into(), number: message.partition() };
            self.last = shared.owned.get(&partition).map(|owned| {
                let owner = Owner { partition: partition.clone(), epoch: owned.epoch };
                (owner.partition.clone(), owner)
            });
        }
        let Some((partition, owner)) = &self.last else {
            return;
        };
        let headers = MessageHeaders(message.headers());
        let record = Record {
            topic: &partition.topic,
            partition: partition.number,
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
            headers: &headers,
        };
        shared.sink.record(owner, &record);
        self.read.insert(owner.clone(), message.offset() + 1);
    }

    fn flush(&mut self, shared: &mut Shared) {
        for (owner, position) in &self.read {
            if let Some(owned) = shared.owned.get_mut(&owner.partition) {
                owned.position = *position;
            }
        }
        if !self.read.is_empty() {
            shared.sink.read(&mut self.read.iter().map(|(owner, position)| (owner, *position)));
            self.read.clear();
        }
    }

    pub(super) fn finish(mut self, context: &Context) {
        if !self.read.is_empty() {
            self.flush(&mut context.shared());
        }
    }
}

/// A record's headers, looked at only when somebody asks.
struct MessageHeaders<'a>(Option<&'a BorrowedHeaders>);

impl Headers for MessageHeaders<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.0?.iter().find(|header| header.key == name).and_then(|header| header.value)
    }

    fn all(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let headers = self.0.into_iter().flat_map(|headers| headers.iter());
        headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    }
}
