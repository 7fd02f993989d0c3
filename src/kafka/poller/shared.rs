//! What the callbacks and the thread share: the partitions that are ours, how far they are read, and the sink.

use super::{Event, Sink, Taken};
use crate::change::Record;
use crate::kafka::offsets::Beginning;
use crate::kafka::record::MessageHeaders;
use crate::ledger::{Owner, Partition};
use rdkafka::TopicPartitionList;
use rdkafka::message::{BorrowedMessage, Message};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Bytes of records before its commit that are read of a partition, at most, to know again what comes again.
const PAST_BYTES_MAX: usize = 64 << 20;

struct Owned {
    epoch: u64,
    /// The next record to judge.
    position: i64,
    /// Bytes of earlier records that may still be learnt from; zero afterwards.
    past_bytes: usize,
    /// The record that the partition waits at.
    held_at: Option<i64>,
}

/// The partition that records come from at the moment: most follow one of their own partition.
struct Current {
    owner: Owner,
    position: i64,
    past_bytes: usize,
    held_at: Option<i64>,
    moved: bool,
}

/// What the thread has to do after a record was handed over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Handed {
    /// Nothing.
    Done,
    /// The record at this offset cannot be judged yet: its partition waits there.
    Hold(Owner, i64),
    /// Enough was learnt of this partition's past: go on at this offset.
    Forward(Owner, i64),
}

/// See the module's text.
pub(super) struct Shared {
    pub(super) sink: Box<dyn Sink>,
    pub(super) known_topics: HashSet<Arc<str>>,
    owned: BTreeMap<Partition, Owned>,
    /// Assigned, and it is not known yet where they begin.
    pub(super) unbegun: BTreeSet<Partition>,
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
            unbegun: BTreeSet::new(),
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

    /// Our partitions and the next record of each.
    pub(super) fn positions(&mut self) -> Vec<(Partition, i64)> {
        self.put_back();
        self.owned.iter().map(|(partition, owned)| (partition.clone(), owned.position)).collect()
    }

    /// A record goes to the sink, if its partition is ours.
    pub(super) fn hand_over(&mut self, message: &BorrowedMessage<'_>) -> Handed {
        let (topic, number) = (message.topic(), message.partition());
        let same = self.current.as_ref().is_some_and(|current| {
            let partition = &current.owner.partition;
            partition.number == number && &*partition.topic == topic
        });
        if !same {
            self.turn_to(&Partition { topic: topic.into(), number });
        }
        let Some(current) = &mut self.current else {
            return Handed::Done;
        };
        // Fetched before the partition was held: to be fetched again.
        if let Some(held_at) = current.held_at.filter(|held_at| message.offset() > *held_at) {
            return Handed::Hold(current.owner.clone(), held_at);
        }
        let past = message.offset() < current.position;
        // Judged already in this assignment: judging again would post again.
        if past && current.past_bytes == 0 {
            return Handed::Done;
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
        let taken = match past {
            true => self.sink.past(&current.owner, &record),
            false => self.sink.record(&current.owner, &record),
        };
        current.moved = true;
        if taken == Taken::NotYet {
            current.held_at = Some(message.offset());
            return Handed::Hold(current.owner.clone(), message.offset());
        }
        current.held_at = None;
        if past {
            current.past_bytes = current.past_bytes.saturating_sub(message.payload_len());
            return match current.past_bytes {
                0 => Handed::Forward(current.owner.clone(), current.position),
                _ => Handed::Done,
            };
        }
        current.past_bytes = 0;
        current.position = message.offset() + 1;
        Handed::Done
    }

    fn turn_to(&mut self, partition: &Partition) {
        self.put_back();
        // The name as it was when the partition began: decoding remembers what a topic's records look like by its place.
        self.current = self.owned.get_key_value(partition).map(|(partition, owned)| Current {
            owner: Owner { partition: partition.clone(), epoch: owned.epoch },
            position: owned.position,
            past_bytes: owned.past_bytes,
            held_at: owned.held_at,
            moved: false,
        });
    }

    fn put_back(&mut self) {
        let Some(Current { owner, position, past_bytes, held_at, moved: true }) = self.current.take() else {
            return;
        };
        if let Some(owned) = self.owned.get_mut(&owner.partition).filter(|owned| owned.epoch == owner.epoch) {
            owned.position = position;
            (owned.past_bytes, owned.held_at) = (past_bytes, held_at);
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
        self.sink.turn();
    }

    /// A partition begins (anew): what an earlier epoch of it owed is void.
    pub(super) fn begin(&mut self, beginning: Beginning) {
        self.report();
        self.epochs += 1;
        let Beginning { mut partition, offset, past_from, lost, metadata } = beginning;
        // One copy of the name for all partitions of a topic.
        if let Some(known) = self.owned.keys().find(|known| known.topic == partition.topic) {
            partition.topic = known.topic.clone();
        }
        let owner = Owner { partition: partition.clone(), epoch: self.epochs };
        let past_bytes = if past_from < offset { PAST_BYTES_MAX } else { 0 };
        self.owned.insert(partition, Owned { epoch: owner.epoch, position: offset, past_bytes, held_at: None });
        self.sink.event(Event::Assigned { owner, offset, lost, metadata });
    }

    /// The log's start has overtaken a partition of ours: it goes on there, and what it owed before is still owed.
    pub(super) fn skip(&mut self, partition: &Partition, offset: i64, lost: u64) {
        self.report();
        if let Some(owned) = self.owned.get_mut(partition) {
            (owned.position, owned.held_at) = (offset, None);
            let owner = Owner { partition: partition.clone(), epoch: owned.epoch };
            self.sink.event(Event::Skipped { owner, offset, lost });
        }
    }

    /// Partitions are no longer ours.
    pub(super) fn release(&mut self, list: &TopicPartitionList) -> Vec<Owner> {
        self.report();
        let mut owners = Vec::new();
        for partition in partitions_of(list) {
            self.unbegun.remove(&partition);
            if let Some(owned) = self.owned.remove(&partition) {
                owners.push(Owner { partition, epoch: owned.epoch });
            }
        }
        owners
    }
}

/// The partitions that a list of librdkafka's names.
pub(super) fn partitions_of(list: &TopicPartitionList) -> Vec<Partition> {
    list.elements()
        .into_iter()
        .map(|element| Partition { topic: element.topic().into(), number: element.partition() })
        .collect()
}
