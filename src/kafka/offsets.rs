//! Where a partition begins when it is assigned.
//!
//! `auto.offset.reset` is never left to librdkafka: a group without a commit that dies before its
//! first commit would begin at a *later* "latest" than it began at, and lose what came between.

use super::client::Start;
use crate::ledger::Partition;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long one question to the brokers may take.
const ASK: Duration = Duration::from_secs(10);

/// Records before their commits that are read of all partitions of an assignment, at most: a fraction of a second.
const PAST_RECORDS_MAX: i64 = 50_000;

/// How far back a source is taken to repeat itself: ten of Kafka Connect's default intervals between two commits of its
/// own.
const PAST: Duration = Duration::from_secs(600);

/// Where one assigned partition begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) partition: Partition,
    /// The next record to judge.
    pub(super) offset: i64,
    /// Where reading begins: what was read before is read again, to be known should the source send it again.
    pub(super) past_from: i64,
    /// Records that were committed to be read, and that the log no longer holds.
    pub(super) lost: Option<u64>,
    /// The commit's metadata, if this group left any.
    pub(super) metadata: Option<String>,
}

/// Resolves where the partitions begin, and has `commit` commit what was not committed before.
pub(super) fn resolve<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[Partition],
    start: Start,
    known_topics: &HashSet<Arc<str>>,
    commit: impl FnOnce(&TopicPartitionList) -> Result<(), KafkaError>,
) -> Result<Vec<Beginning>, KafkaError> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let committed = committed(consumer, partitions)?;
    let mut topics_with_commits: BTreeMap<Arc<str>, bool> = BTreeMap::new();
    let mut beginnings = Vec::new();
    let mut fresh = TopicPartitionList::new();
    let mut ends = Vec::new();
    let past_max = (PAST_RECORDS_MAX / partitions.len() as i64).max(1);
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(&partition.topic, partition.number, ASK)?;
        let found = committed.get(partition);
        let (offset, lost) = match found.map(|found| found.offset) {
            Some(offset) if (low..=high).contains(&offset) => (offset, None),
            Some(offset) => {
                // Before the log, or beyond it because it was replaced or cut: then everything in it is new to us.
                // Committed at once, as a new group's start is: a log that grows past the old commit before the next
                // one would be taken up there by whoever comes after us.
                fresh.add_partition_offset(&partition.topic, partition.number, Offset::Offset(low))?;
                (low, Some(u64::try_from(low - offset).unwrap_or(0)))
            }
            None => {
                let topic_has_commits = match topics_with_commits.get(&partition.topic) {
                    Some(known) => *known,
                    None => {
                        let has = topic_has_commits(consumer, &partition.topic)?;
                        topics_with_commits.insert(Arc::clone(&partition.topic), has);
                        has
                    }
                };
                // A new partition of a topic we follow, or a topic that appeared while we ran: all of it is news.
                let all_is_news = topic_has_commits || !known_topics.contains(&partition.topic);
                let offset = if all_is_news || start == Start::Earliest { low } else { high };
                fresh.add_partition_offset(&partition.topic, partition.number, Offset::Offset(offset))?;
                (offset, None)
            }
        };
        let metadata = found.map(|found| found.metadata.clone()).filter(|text| !text.is_empty());
        // Nothing of what was lost comes again.
        let past_from = if lost.is_some() { offset } else { (offset - past_max).max(low) };
        ends.push(high);
        beginnings.push(Beginning { partition: partition.clone(), offset, past_from, lost, metadata });
    }
    shorten_pasts(consumer, &mut beginnings, &ends);
    if fresh.count() > 0 {
        commit(&fresh)?;
    }
    Ok(beginnings)
}

/// Leaves out what is older than [`PAST`], where the brokers can say it. A partition that lies further behind than that
/// keeps its past: what it has still to judge may repeat it.
fn shorten_pasts<C: ConsumerContext>(consumer: &BaseConsumer<C>, beginnings: &mut [Beginning], ends: &[i64]) {
    let Ok(since) = SystemTime::now().checked_sub(PAST).unwrap_or(UNIX_EPOCH).duration_since(UNIX_EPOCH) else {
        return;
    };
    let mut asked = TopicPartitionList::new();
    for Beginning { partition, .. } in beginnings.iter().filter(|beginning| beginning.past_from < beginning.offset) {
        let since = Offset::Offset(since.as_millis() as i64);
        if let Err(error) = asked.add_partition_offset(&partition.topic, partition.number, since) {
            tracing::debug!(%partition, %error, "cannot ask for the offset of a time");
        }
    }
    if asked.count() == 0 {
        return;
    }
    let answer = match consumer.offsets_for_times(asked, ASK) {
        Ok(answer) => answer,
        Err(error) => return tracing::debug!(%error, "the brokers do not tell offsets by time"),
    };
    for (beginning, end) in beginnings.iter_mut().zip(ends) {
        let partition = &beginning.partition;
        let Some(found) = answer.find_partition(&partition.topic, partition.number) else {
            continue;
        };
        match found.offset() {
            Offset::Offset(first) if (0..=beginning.offset).contains(&first) => {
                beginning.past_from = beginning.past_from.max(first);
            }
            // Nothing is so new, neither behind the commit nor before it.
            Offset::End if beginning.offset == *end => beginning.past_from = beginning.offset,
            _ => {}
        }
    }
}

/// A commit.
pub(super) struct Found {
    pub(super) offset: i64,
    pub(super) metadata: String,
}

/// What the consumer's group committed of these partitions.
pub(super) fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[Partition],
) -> Result<BTreeMap<Partition, Found>, KafkaError> {
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        asked.add_partition(&partition.topic, partition.number);
    }
    let answer = consumer.committed_offsets(asked, ASK)?;
    let mut found = BTreeMap::new();
    for element in answer.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            let partition = Partition { topic: element.topic().into(), number: element.partition() };
            // The crate panics on metadata that is not UTF-8, which any client may have committed.
            let metadata = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| element.metadata().to_owned()));
            found.insert(partition, Found { offset, metadata: metadata.unwrap_or_default() });
        }
    }
    Ok(found)
}

fn topic_has_commits<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &Arc<str>) -> Result<bool, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), ASK)?;
    let partitions: Vec<_> = metadata
        .topics()
        .iter()
        .flat_map(|found| found.partitions())
        .map(|partition| Partition { topic: Arc::clone(topic), number: partition.id() })
        .collect();
    Ok(!committed(consumer, &partitions)?.is_empty())
}

/// A position that fell out of its log while we read.
#[derive(Debug)]
pub(super) struct Gap {
    /// Where to go on, and how much is gone.
    pub(super) beginning: Beginning,
    /// The log was replaced or cut: offsets begin anew, and those of before mean nothing in it.
    pub(super) replaced: bool,
}

/// Finds the positions that fell out of their logs. Where a log was replaced, its start is committed: see [`resolve`].
pub(super) fn out_of_range<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    positions: &[(Partition, i64)],
    commit: impl FnOnce(&TopicPartitionList) -> Result<(), KafkaError>,
) -> Result<Vec<Gap>, KafkaError> {
    let mut gaps = Vec::new();
    let mut fresh = TopicPartitionList::new();
    for (partition, position) in positions {
        let (low, high) = consumer.fetch_watermarks(&partition.topic, partition.number, ASK)?;
        if (low..=high).contains(position) {
            continue;
        }
        let replaced = *position > high;
        if replaced {
            fresh.add_partition_offset(&partition.topic, partition.number, Offset::Offset(low))?;
        }
        let lost = Some(u64::try_from(low - position).unwrap_or(0));
        let beginning = Beginning { partition: partition.clone(), offset: low, past_from: low, lost, metadata: None };
        gaps.push(Gap { beginning, replaced });
    }
    if fresh.count() > 0 {
        commit(&fresh)?;
    }
    Ok(gaps)
}
