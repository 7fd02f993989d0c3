//! Partitions that were assigned before it could be said where they begin.
//!
//! A group without a commit has its start committed first, and the group refuses commits while another member joins or
//! leaves: often, where several replicas start at once.

use super::thread::Thread;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::time::{Duration, Instant};

/// Tries before the service gives up, unless it is the group that is not ready.
const TRIES: u32 = 12;

/// Time between two tries.
const AGAIN: Duration = Duration::from_secs(1);

/// The same where the group is between two generations, which takes as long as its slowest member.
const NEXT_GENERATION: Duration = Duration::from_millis(200);

impl Thread {
    /// Tries again, now and then. The error is for whoever runs the service: trying was no use.
    pub(super) fn begin_late(&mut self) -> Result<(), String> {
        if self.shared().unbegun.is_empty() {
            (self.begin_due, self.begin_tries) = (None, 0);
            return Ok(());
        }
        let now = Instant::now();
        // The first try was made when they were assigned.
        if now < *self.begin_due.get_or_insert(now + NEXT_GENERATION) {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        for partition in &self.shared().unbegun {
            list.add_partition(&partition.topic, partition.number);
        }
        let Err(error) = self.consumer.context().try_to_begin(&self.consumer, &list) else {
            return Ok(());
        };
        if is_between_generations(&error) {
            tracing::debug!(%error, "the group is not ready to say where the assigned partitions begin");
            self.begin_due = Some(Instant::now() + NEXT_GENERATION);
            return Ok(());
        }
        self.begin_tries += 1;
        if self.begin_tries == TRIES {
            return Err(format!(
                "cannot resolve where the assigned partitions begin: {error}\nhint: the principal needs Read on the group, and Read and Describe on the topics"
            ));
        }
        tracing::warn!(%error, tries = self.begin_tries, "cannot resolve where the assigned partitions begin, trying again");
        self.begin_due = Some(Instant::now() + AGAIN);
        Ok(())
    }
}

/// The group took no commit because its members change, this one among them: the next poll learns of it.
fn is_between_generations(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{
        FencedMemberEpoch, IllegalGeneration, RebalanceInProgress, StaleMemberEpoch, UnknownMemberId,
    };
    matches!(
        error.rdkafka_error_code(),
        Some(IllegalGeneration | RebalanceInProgress | UnknownMemberId | StaleMemberEpoch | FencedMemberEpoch)
    )
}
