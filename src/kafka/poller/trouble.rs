//! What librdkafka reports instead of a record, and what is done about it.

use super::thread::Thread;
use crate::kafka::offsets::{self, Gap};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use std::time::{Duration, Instant};

/// Time between two tries to go on at a log's start.
const GAPS_AGAIN: Duration = Duration::from_secs(1);

impl Thread {
    pub(super) fn failed(&mut self, error: KafkaError) -> Result<(), String> {
        match error {
            KafkaError::MessageConsumptionFatal(code) => Err(match code {
                RDKafkaErrorCode::FencedInstanceId => format!(
                    "another member uses the instance_id {:?}\nhint: give every replica its own, e.g. \"${{env:POD_NAME}}\" of a StatefulSet",
                    self.settings.instance_id.as_deref().unwrap_or_default()
                ),
                code => format!("Kafka refuses to go on: {code}"),
            }),
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.gaps_due = Some(Instant::now());
                Ok(())
            }
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
            ) => Ok(()),
            KafkaError::MessageConsumption(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                if !std::mem::replace(&mut self.denied, true) {
                    tracing::error!(
                        "Kafka denies reading a topic; hint: the principal needs Read and Describe on kafka.topics"
                    );
                }
                Ok(())
            }
            KafkaError::MessageConsumption(RDKafkaErrorCode::GroupAuthorizationFailed) => Err(format!(
                "Kafka denies the group {:?}\nhint: the principal needs Read on that group",
                self.settings.group
            )),
            error => {
                tracing::warn!(%error, "Kafka reports an error; reading goes on by itself when it is over");
                Ok(())
            }
        }
    }

    /// The log no longer holds what we were to read next: go on at its start, and say so. librdkafka stops such a
    /// partition and reports it once, so this goes on until it is done.
    pub(super) fn leave_gaps(&mut self) {
        let now = Instant::now();
        if self.gaps_due.is_none_or(|due| now < due) {
            return;
        }
        self.gaps_due = match self.try_to_leave_gaps() {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%error, "cannot go on at the log's start, trying again");
                Some(now + GAPS_AGAIN)
            }
        };
    }

    fn try_to_leave_gaps(&mut self) -> Result<(), KafkaError> {
        let positions = self.shared().positions();
        let commit = |list: &TopicPartitionList| self.consumer.context().commit_start(list);
        let gaps = offsets::out_of_range(&self.consumer, &positions, commit)?;
        let mut list = TopicPartitionList::new();
        if gaps.is_empty() {
            // The report does not name its partition, and whatever stopped it is over: start all of them again.
            for (partition, position) in &positions {
                list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*position))?;
            }
        }
        for gap in &gaps {
            let partition = &gap.beginning.partition;
            list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(gap.beginning.offset))?;
        }
        // A stopped partition takes no seek, only another assignment. Nothing of it is polled in between.
        self.consumer.incremental_unassign(&list)?;
        self.consumer.incremental_assign(&list)?;
        self.paused_epochs = None;
        let mut shared = self.shared();
        for Gap { beginning, replaced } in gaps {
            if replaced {
                shared.begin(beginning);
            } else {
                shared.skip(&beginning.partition, beginning.offset, beginning.lost.unwrap_or_default());
            }
        }
        Ok(())
    }
}
