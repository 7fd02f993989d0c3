//! What the callbacks and the thread share: the partitions that are ours, how far they are read, and the sink.

use super::{Event, Sink};
use crate::change::{Headers, Record};
use crate::kafka::offsets::Beginning;
use crate::ledger::{Owner, Partition};
use rdkafka::TopicPartitionList;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

struct Owned {
    epoch: u64,
    /// The next record to judge.
    position: i64,
}

/// The partition that records come from at the moment: most follow one of their own partition.
struct Current {
    owner: Owner,
    position: i64,
    moved: bool,
}

/// See the module's text.
pub(super) struct Shared {
    pub(super) sink: Box<dyn Sink>,
    pub(super) known_topics: HashSet<Arc<str>>,
    owned: BTreeMap<Partition, Owned>,
    epochs: u64,
    current: Option<Current>,
    /// Positions that the sink does not know yet.
    unreported: BTreeMap<Owner, i64>,
}

impl Shared {
    pub(super) fn new(sink: Box<dyn Sink>) -> Self {
        Self {
            sink,
            known_topics: HashSet::new(),
            owned: BTreeMap::new(),
            epochs: 0,
            current: None,
            unreported: BTreeMap::new(),
        }
    }

    pub(super) fn owns(&self, owner: &Owner) -> bool {
        self.owned.get(&owner.partition).is_some_and(|owned| owned.epoch == owner.epoch)
    }

    /// Counts beginnings, to notice that there was one.
    pub(super) fn epochs(&self) -> u64 {
        self.epochs
    }

    /// Our partitions and the next record of each. Only after [`Shared::report`].
    pub(super) fn positions(&self) -> Vec<(Partition, i64)> {
        self.owned.iter().map(|(partition, owned)| (partition.clone(), owned.position)).collect()
    }

    /// A record goes to the sink, if its partition is ours.
    pub(super) fn hand_over(&mut self, message: &BorrowedMessage<'_>) {
        let (topic, number) = (message.topic(), message.partition());
        let same = self.current.as_ref().is_some_and(|current| {
            let partition = &current.owner.partition;
            partition.number == number && &*partition.topic == topic
        });
        if !same {
            self.turn_to(Partition { topic: topic.into(), number });
        }
        let Some(current) = &mut self.current else {
            return;
        };
        // Judged already in this assignment: judging again would post again.
        if message.offset() < current.position {
            return;
        }
        let headers = MessageHeaders(message);
        let record = Record {
            topic: &current.owner.partition.topic,
            partition: number,
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
            headers: &headers,
        };
        self.sink.record(&current.owner, &record);
        current.position = message.offset() + 1;
        current.moved = true;
    }

    fn turn_to(&mut self, partition: Partition) {
        self.put_back();
        self.current = self.owned.get(&partition).map(|owned| Current {
            owner: Owner { partition, epoch: owned.epoch },
            position: owned.position,
            moved: false,
        });
    }

    fn put_back(&mut self) {
        let Some(Current { owner, position, moved: true }) = self.current.take() else {
            return;
        };
        if let Some(owned) = self.owned.get_mut(&owner.partition).filter(|owned| owned.epoch == owner.epoch) {
            owned.position = position;
            self.unreported.insert(owner, position);
        }
    }

    /// Tells the sink how far records were handed over: after each run of `poll`, and before a partition goes, so
    /// that what was posted of it meanwhile can still be committed.
    pub(super) fn report(&mut self) {
        self.put_back();
        if !self.unreported.is_empty() {
            self.sink.read(&mut self.unreported.iter().map(|(owner, position)| (owner, *position)));
            self.unreported.clear();
        }
    }

    /// A partition begins (anew): what an earlier epoch of it owed is void.
    pub(super) fn begin(&mut self, beginning: Beginning) {
        self.report();
        self.epochs += 1;
        let Beginning { partition, offset, lost, metadata } = beginning;
        let owner = Owner { partition: partition.clone(), epoch: self.epochs };
        self.owned.insert(partition, Owned { epoch: owner.epoch, position: offset });
        self.sink.event(Event::Assigned { owner, offset, lost, metadata });
    }

    /// The log's start has overtaken a partition of ours: it goes on there, and what it owed before is still owed.
    pub(super) fn skip(&mut self, partition: &Partition, offset: i64, lost: u64) {
        self.report();
        if let Some(owned) = self.owned.get_mut(partition) {
            owned.position = offset;
            let owner = Owner { partition: partition.clone(), epoch: owned.epoch };
            self.sink.event(Event::Skipped { owner, offset, lost });
        }
    }

    /// Partitions are no longer ours.
    pub(super) fn release(&mut self, list: &TopicPartitionList) -> Vec<Owner> {
        self.report();
        let mut owners = Vec::new();
        for partition in partitions_of(list) {
            if let Some(owned) = self.owned.remove(&partition) {
                owners.push(Owner { partition, epoch: owned.epoch });
            }
        }
        owners
    }
}

/// A record's headers, which librdkafka parses only when somebody asks.
struct MessageHeaders<'a>(&'a BorrowedMessage<'a>);

impl Headers for MessageHeaders<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.0.headers()?.iter().find(|header| header.key == name).and_then(|header| header.value)
    }

    fn all(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let headers = self.0.headers().into_iter().flat_map(|headers| headers.iter());
        headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    }
}

/// The partitions that a list of librdkafka's names.
pub(super) fn partitions_of(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements()
        .into_iter()
        .map(|element| Partition { topic: element.topic().into(), number: element.partition() })
        .collect()
}
