//! What librdkafka reports instead of a record, and what is done about it.

use super::thread::{CONNECT, Thread};
use crate::kafka::offsets;
use crate::ledger::Partition;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

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
                self.leave_the_gap();
                Ok(())
            }
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
            ) => Ok(()),
            KafkaError::MessageConsumption(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                if self.missing.insert("topic authorization".to_owned()) {
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

    /// The log no longer holds what we were to read next: go on at its start, and say so.
    fn leave_the_gap(&mut self) {
        let positions: Vec<_> = self
            .consumer
            .position()
            .map(|list| {
                let position = |e: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match e.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                };
                let owned = self.shared();
                list.elements()
                    .iter()
                    .filter_map(|e| {
                        let partition = Partition { topic: e.topic().into(), number: e.partition() };
                        let read = owned.owned.get(&partition).map(|owned| owned.position)?;
                        Some((partition, position(e).unwrap_or(read).max(read)))
                    })
                    .collect()
            })
            .unwrap_or_default();
        let gaps = match offsets::out_of_range(&self.consumer, &positions) {
            Ok(gaps) => gaps,
            Err(error) => {
                tracing::warn!(%error, "cannot ask for the log's start, trying again");
                return;
            }
        };
        for gap in gaps {
            let seek =
                self.consumer.seek(&gap.partition.topic, gap.partition.number, Offset::Offset(gap.offset), CONNECT);
            match seek {
                Ok(()) => self.shared().begin(gap),
                Err(error) => {
                    tracing::warn!(partition = %gap.partition, %error, "cannot go to the log's start")
                }
            }
        }
    }
}
