//! Partitions that stand still at one record, and those that go forward past what they need not learn from.

use super::shared::Handed;
use super::thread::Thread;
use crate::ledger::{Owner, Partition};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use std::time::Duration;

/// Longest wait for librdkafka to move a partition's position, which asks no broker.
const SEEK: Duration = Duration::from_secs(1);

/// A partition that waits.
#[derive(Debug)]
pub(super) struct Held {
    owner: Owner,
    /// Its position could not be set back: tried again before it goes on.
    seek_to: Option<i64>,
}

impl Thread {
    /// Does to a record's partition what became of the record.
    pub(super) fn follow(&mut self, handed: Handed) {
        match handed {
            Handed::Done => {}
            Handed::Hold(owner, offset) => self.hold(owner, offset),
            Handed::Forward(owner, offset) => {
                if let Err(error) = self.seek(&owner.partition, offset) {
                    // What is read in vain is dropped.
                    tracing::debug!(partition = %owner.partition, %error, "cannot leave out records of the past");
                }
            }
        }
    }

    /// Nothing of the partition is polled before it is let go, and then this record is the first.
    fn hold(&mut self, owner: Owner, offset: i64) {
        let pause = one(&owner.partition).and_then(|list| self.consumer.pause(&list));
        let seek_to = match pause.and_then(|()| self.seek(&owner.partition, offset)) {
            Ok(()) => None,
            Err(error) => {
                tracing::debug!(partition = %owner.partition, offset, %error, "cannot hold the partition yet");
                Some(offset)
            }
        };
        // It may be held already: what was fetched ahead of that, or a new assignment of it, came through.
        match self.held.iter_mut().find(|held| held.owner == owner) {
            Some(held) => held.seek_to = seek_to,
            None => self.held.push(Held { owner, seek_to }),
        }
    }

    /// Partitions whose record can be judged now go on; those that went to another replica are forgotten.
    pub(super) fn let_go(&mut self) {
        for mut held in std::mem::take(&mut self.held) {
            let (ours, ready) = {
                let mut shared = self.shared();
                (shared.owns(&held.owner), shared.sink.may_go_on(&held.owner))
            };
            if !ours {
                continue;
            }
            if let Some(offset) = held.seek_to
                && self.seek(&held.owner.partition, offset).is_ok()
            {
                held.seek_to = None;
            }
            if !ready || held.seek_to.is_some() || !self.resume(&held.owner.partition) {
                self.held.push(held);
            }
        }
    }

    fn resume(&self, partition: &Partition) -> bool {
        // Under back-pressure nothing is read; what ends that resumes every partition.
        self.paused || one(partition).and_then(|list| self.consumer.resume(&list)).is_ok()
    }

    fn seek(&self, partition: &Partition, offset: i64) -> Result<(), KafkaError> {
        let list = one_at(partition, Offset::Offset(offset))?;
        for element in self.consumer.seek_partitions(list, SEEK)?.elements() {
            element.error()?;
        }
        Ok(())
    }
}

fn one(partition: &Partition) -> Result<TopicPartitionList, KafkaError> {
    one_at(partition, Offset::Invalid)
}

fn one_at(partition: &Partition, offset: Offset) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(&partition.topic, partition.number, offset)?;
    Ok(list)
}
