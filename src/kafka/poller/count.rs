//! How many partitions the subscribed topics have: this replica's part of them is its part of every rate.

use super::Event;
use super::thread::Thread;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use std::time::{Duration, Instant};

/// Partitions are added seldom, and the group is told by librdkafka's own look at the topics.
const AGAIN: Duration = Duration::from_secs(60);

/// Soon again where the brokers did not answer.
const RETRY: Duration = Duration::from_secs(5);

/// How long the brokers may take: reading waits meanwhile.
const ASK: Duration = Duration::from_millis(500);

/// With more topics than these, all of the cluster's are asked for at once.
const SINGLY_MAX: usize = 5;

impl Thread {
    /// Counts anew when partitions came or went, and now and then.
    pub(super) fn count_partitions(&mut self) {
        let epochs = self.shared().epochs();
        let now = Instant::now();
        if now < self.count_due && self.counted_epochs == epochs {
            return;
        }
        self.counted_epochs = epochs;
        match self.partitions() {
            Ok(count) => {
                self.count_due = now + AGAIN;
                self.shared().sink.event(Event::Partitions(count));
            }
            Err(error) => {
                self.count_due = now + RETRY;
                tracing::debug!(%error, "the partitions of the topics cannot be counted");
            }
        }
    }

    fn partitions(&self) -> Result<usize, KafkaError> {
        let topics = &self.settings.topics;
        let patterns = topics.iter().any(|topic| topic.starts_with('^'));
        let asked: Vec<_> = match patterns || topics.len() > SINGLY_MAX {
            true => vec![None],
            false => topics.iter().map(|topic| Some(topic.as_str())).collect(),
        };
        let mut count = 0;
        for topic in asked {
            let metadata = self.consumer.fetch_metadata(topic, ASK)?;
            let ours = metadata.topics().iter().filter(|found| self.settings.subscribes_to(found.name()));
            count += ours.map(|found| found.partitions().len()).sum::<usize>();
        }
        Ok(count)
    }
}
