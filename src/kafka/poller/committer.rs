//! Commits, on a thread of their own.
//!
//! librdkafka's commit waits for its answer as long as the group's coordinator is away, and so would whoever asks: the
//! poller would leave the group, and a stop would never end.

use super::Event;
use super::context::Context;
use crate::ledger::Commit;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

/// How long the last commit of a partition may take: longer than a broker's restart of its connections, and with the
/// post's timeout before it still far below `max.poll.interval.ms`.
const LAST: Duration = Duration::from_secs(8);

/// Time between two tries of a last commit.
const AGAIN: Duration = Duration::from_millis(50);

/// How long the poller waits for a commit before it goes on without its answer.
const STEADY: Duration = Duration::from_secs(1);

/// How long the thread may take to end, once it has nothing to wait for.
const END: Duration = Duration::from_secs(1);

/// How long the poller waits for the commit of where partitions begin: as long as for a last one.
const START: Duration = LAST;

enum Job {
    /// [`Event::Committed`] answers; whoever waits is told too.
    Commit(Vec<Commit>, SyncSender<()>),
    /// Where partitions begin.
    Start(TopicPartitionList, SyncSender<KafkaResult<()>>),
    Last(Vec<Commit>, SyncSender<KafkaResult<()>>),
    End,
}

/// Where commits go.
#[derive(Debug)]
pub(super) struct Committer {
    jobs: Sender<Job>,
    ended: Receiver<()>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(consumer: Arc<BaseConsumer<Context>>) -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let (ends, ended) = sync_channel(1);
        std::thread::Builder::new().name("kafka-commits".to_owned()).spawn(move || {
            work(&consumer, &inbox);
            // Before the end is told: the poller's handle shall be the last, for its drop leaves the group.
            drop(consumer);
            drop(ends);
        })?;
        Ok(Self { jobs, ended })
    }

    /// Commits, and tells the service when that is done. Waits the millisecond or two that it takes, so that no
    /// rebalance begins meanwhile, for the group refuses commits then; an answer that takes longer comes later.
    pub(super) fn commit(&self, commits: Vec<Commit>) {
        let (done, answer) = sync_channel(1);
        if self.jobs.send(Job::Commit(commits, done)).is_err() {
            tracing::error!("the thread of commits ended, which is a bug");
        }
        // Too long, or told: the service hears it by the event.
        let _ = answer.recv_timeout(STEADY);
    }

    /// Commits where partitions begin. Waits, but not for ever: what is answered later is found when it is tried again.
    pub(super) fn commit_start(&self, list: &TopicPartitionList) -> KafkaResult<()> {
        let (reply, answer) = sync_channel(1);
        // Where nobody takes it, nobody answers.
        let _ = self.jobs.send(Job::Start(list.clone(), reply));
        let unanswered = |_| Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut));
        answer.recv_timeout(START).unwrap_or_else(unanswered)
    }

    /// The last commit of partitions that are given up. Waits, but not for ever.
    pub(super) fn commit_last(&self, commits: Vec<Commit>) {
        if commits.is_empty() {
            return;
        }
        let (reply, answer) = sync_channel(1);
        let sent = self.jobs.send(Job::Last(commits, reply)).is_ok();
        match answer.recv_timeout(LAST) {
            Ok(Ok(())) if sent => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the last commit failed: posts made since the one before will be made again");
            }
            _ => tracing::warn!(
                waited_ms = LAST.as_millis() as u64,
                "the last commit was not answered: posts made since the one before may be made again"
            ),
        }
    }

    /// Ends the thread. False while it waits for an answer.
    pub(super) fn end(&self) -> bool {
        // It ended already where nobody takes this.
        let _ = self.jobs.send(Job::End);
        !matches!(self.ended.recv_timeout(END), Err(RecvTimeoutError::Timeout))
    }
}

fn work(consumer: &BaseConsumer<Context>, inbox: &Receiver<Job>) {
    let context = consumer.context();
    while let Ok(job) = inbox.recv() {
        match job {
            Job::Commit(mut commits, told) => {
                // A partition that went meanwhile is no longer ours to commit: its new owner's commits must stand.
                let shared = context.shared();
                commits.retain(|commit| shared.owns(&commit.owner));
                drop(shared);
                let done = match commit(consumer, &commits) {
                    Ok(()) => commits.into_iter().map(|commit| (commit.owner.partition, commit.offset)).collect(),
                    Err(error) => {
                        tracing::warn!(%error, "a commit failed, it will be tried again");
                        Vec::new()
                    }
                };
                context.shared().sink.event(Event::Committed(done));
                // Nobody waits any more where it took too long.
                let _ = told.send(());
            }
            Job::Start(list, reply) => {
                // Nobody waits any more where it took too long.
                let _ = reply.send(consumer.commit(&list, CommitMode::Sync));
            }
            Job::Last(commits, reply) => {
                let deadline = Instant::now() + LAST;
                let mut result = commit(consumer, &commits);
                // Between two generations of the group no commit is taken, for as long as the slowest member takes to
                // learn of the new one. Of partitions that were lost there is nothing to be said any more.
                while is_between_generations(&result) && !consumer.assignment_lost() && Instant::now() < deadline {
                    std::thread::sleep(AGAIN);
                    result = commit(consumer, &commits);
                }
                // Nobody waits any more where it took too long.
                let _ = reply.send(result);
            }
            Job::End => return,
        }
    }
}

/// Commits and waits. Not `CommitMode::Async`: its callback never comes, because the crate asks librdkafka for commit
/// events, which librdkafka makes only of its own commits. librdkafka reports an error only where no partition was
/// committed; one refused among others would go unnoticed until the partition's next commit, which costs repeats after a
/// crash, never a change.
fn commit(consumer: &BaseConsumer<Context>, commits: &[Commit]) -> KafkaResult<()> {
    let list = offsets_of(commits)?;
    if list.count() == 0 { Ok(()) } else { consumer.commit(&list, CommitMode::Sync) }
}

fn is_between_generations(result: &KafkaResult<()>) -> bool {
    use RDKafkaErrorCode::{IllegalGeneration, RebalanceInProgress, StaleMemberEpoch};
    matches!(result, Err(KafkaError::ConsumerCommit(IllegalGeneration | RebalanceInProgress | StaleMemberEpoch)))
}

fn offsets_of(commits: &[Commit]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(commits.len());
    for Commit { owner, offset, metadata } in commits {
        let mut element = list.add_partition(&owner.partition.topic, owner.partition.number);
        element.set_offset(Offset::Offset(*offset))?;
        if !metadata.is_empty() {
            element.set_metadata(metadata);
        }
    }
    Ok(list)
}
