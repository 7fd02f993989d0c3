//! What librdkafka calls back, all of it on the poller's thread inside `poll`: rebalances, commits, statistics, errors.

use super::Event;
use super::committer::Committer;
use super::shared::{Shared, partitions_of};
use crate::kafka::client::Start;
use crate::kafka::offsets::{self, Beginning};
use crate::ledger::Commit;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaRespErr;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a revoked partition may wait for its posts in flight: longer than a post's timeout, shorter than
/// `max.poll.interval.ms` by far.
const REVOKE_DEADLINE: Duration = Duration::from_secs(8);

pub(super) struct Context {
    pub(super) shared: Mutex<Shared>,
    pub(super) start: Start,
    /// Set before the first poll: it needs the consumer, which needs this context.
    pub(super) committer: OnceLock<Mutex<Committer>>,
}

impl Context {
    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last commit of partitions that are given up; waits, but not for ever.
    pub(super) fn commit_last(&self, commits: Vec<Commit>) {
        if let Some(committer) = self.committer.get() {
            committer.lock().unwrap_or_else(PoisonError::into_inner).commit_last(commits);
        }
    }

    /// Commits where partitions begin; waits, but not for ever.
    pub(super) fn commit_start(&self, list: &TopicPartitionList) -> Result<(), KafkaError> {
        let committer = self.committer.get().ok_or(KafkaError::Canceled)?;
        committer.lock().unwrap_or_else(PoisonError::into_inner).commit_start(list)
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        if let Err(error) = self.try_to_begin(consumer, list) {
            // Not tried again here: while this waits, the group cannot go on, and it may be the group's going on that is
            // waited for.
            tracing::warn!(%error, "cannot resolve where the assigned partitions begin, trying again");
            self.begin_later(consumer, list);
        }
    }

    /// Resolves where partitions begin, and begins.
    pub(super) fn try_to_begin(
        &self,
        consumer: &BaseConsumer<Self>,
        list: &TopicPartitionList,
    ) -> Result<(), KafkaError> {
        let known_topics = self.shared().known_topics.clone();
        let commit = |list: &TopicPartitionList| self.commit_start(list);
        let beginnings = offsets::resolve(consumer, &partitions_of(list), self.start, &known_topics, commit)?;
        self.take_back(consumer, list);
        self.begin(consumer, list, beginnings);
        self.shared().sink.event(Event::Joined);
        Ok(())
    }

    fn begin(&self, consumer: &BaseConsumer<Self>, given: &TopicPartitionList, beginnings: Vec<Beginning>) {
        let mut list = TopicPartitionList::with_capacity(beginnings.len());
        for beginning in &beginnings {
            let (topic, number) = (&beginning.partition.topic, beginning.partition.number);
            if let Err(error) = list.add_partition_offset(topic, number, Offset::Offset(beginning.past_from)) {
                tracing::error!(partition = %beginning.partition, %error, "cannot assign the partition");
            }
        }
        // librdkafka keeps a pause over a revocation: a partition that went while reading was paused and comes back
        // would never be read again. Where nothing is paused this does nothing; a pause that lasts is made anew.
        if let Err(error) = consumer.resume(given) {
            tracing::warn!(%error, "the assigned partitions could not be resumed");
        }
        let mut shared = self.shared();
        for beginning in beginnings {
            shared.begin(beginning);
        }
        drop(shared);
        if let Err(error) = consumer.incremental_assign(&list) {
            self.shared().sink.event(Event::Failed(format!("cannot take the assigned partitions: {error}")));
        }
    }

    /// The group needs its answer now, and nothing of them may be judged yet: they are taken at their logs' ends, and
    /// nothing is fetched, for a fetch would keep the questions to the broker waiting.
    fn begin_later(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let mut at_the_end = TopicPartitionList::with_capacity(list.count());
        let mut shared = self.shared();
        for partition in partitions_of(list) {
            if let Err(error) = at_the_end.add_partition_offset(&partition.topic, partition.number, Offset::End) {
                tracing::error!(%partition, %error, "cannot assign the partition");
            }
            shared.unbegun.insert(partition);
        }
        drop(shared);
        if let Err(error) = consumer.incremental_assign(&at_the_end).and_then(|()| consumer.pause(list)) {
            self.shared().sink.event(Event::Failed(format!("cannot take the assigned partitions: {error}")));
        }
    }

    /// What [`Self::begin_later`] took is assigned anew, at its beginning.
    fn take_back(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let partitions = partitions_of(list);
        let mut shared = self.shared();
        let taken = partitions.iter().filter(|partition| shared.unbegun.remove(*partition)).count();
        drop(shared);
        if taken > 0
            && let Err(error) = consumer.incremental_unassign(list)
        {
            tracing::warn!(%error, "cannot begin the partitions anew");
        }
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let owners = self.shared().release(list);
        if owners.is_empty() {
            // Nothing of them was judged yet.
        } else if consumer.assignment_lost() {
            self.shared().sink.event(Event::Lost { owners });
        } else {
            let (reply, commits) = sync_channel(1);
            self.shared().sink.event(Event::Revoked { owners, reply });
            let began = Instant::now();
            // The lock is free while we wait: the service answers when nothing is on the wire any more.
            match commits.recv_timeout(REVOKE_DEADLINE + Duration::from_secs(1)) {
                Ok(commits) => self.commit_last(commits),
                Err(RecvTimeoutError::Timeout) => {
                    tracing::warn!(waited_ms = began.elapsed().as_millis() as u64, "revoked without a last commit")
                }
                // The service ends and has made its last commits.
                Err(RecvTimeoutError::Disconnected) => {}
            }
        }
        if let Err(error) = consumer.incremental_unassign(list) {
            tracing::warn!(%error, "cannot give back the revoked partitions");
        }
    }
}

impl ClientContext for Context {
    fn stats_raw(&self, statistics: &[u8]) {
        let ends = crate::kafka::statistics::log_ends(statistics);
        if !ends.is_empty() {
            self.shared().sink.event(Event::LogEnds(ends));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Brokers come and go; librdkafka reconnects by itself.
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve) => {
                tracing::debug!(%error, reason, "lost a broker connection");
            }
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                tracing::warn!(reason, "no Kafka broker answers; reading goes on when one does");
            }
            // Said once, with a hint, when we begin.
            Some(RDKafkaErrorCode::UnknownTopicOrPartition) => tracing::debug!(%error, reason, "a topic is missing"),
            _ => tracing::warn!(%error, reason, "Kafka client error"),
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            _ => self.revoke(consumer, list),
        }
    }
}
