//! How many partitions the subscribed topics have: this replica's part of them is its part of every rate. On a thread of
//! its own: brokers that do not answer must not hold up reading.

use super::Event;
use super::context::Context;
use crate::kafka::client::KafkaSettings;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Partitions are added seldom, and the group is told by librdkafka's own look at the topics.
const AGAIN: Duration = Duration::from_secs(60);

/// Soon again where the brokers did not answer.
const RETRY: Duration = Duration::from_secs(5);

/// How long the brokers may take; a stop waits for it.
const ASK: Duration = Duration::from_millis(500);

/// With more topics than these, all of the cluster's are asked for at once.
const SINGLY_MAX: usize = 5;

/// The thread, as the poller sees it.
#[derive(Debug)]
pub(super) struct Counter {
    asks: Sender<()>,
    thread: JoinHandle<()>,
}

impl Counter {
    /// Starts the thread; it counts at once, when it is told to, and now and then.
    pub(super) fn start(consumer: Arc<BaseConsumer<Context>>, settings: KafkaSettings) -> std::io::Result<Self> {
        let (asks, inbox) = channel();
        let work = move || count_until_told(&consumer, &settings, &inbox);
        let thread = std::thread::Builder::new().name("kafka-counts".to_owned()).spawn(work)?;
        Ok(Self { asks, thread })
    }

    /// Partitions came or went: topics may have more than they had.
    pub(super) fn count_anew(&self) {
        if self.asks.send(()).is_err() {
            tracing::error!("the thread that counts partitions ended, which is a bug");
        }
    }

    /// Ends the thread, so that the poller's handle of the consumer is the last: its drop leaves the group.
    pub(super) fn end(self) {
        drop(self.asks);
        if self.thread.join().is_err() {
            tracing::error!("the thread that counts partitions panicked");
        }
    }
}

fn count_until_told(consumer: &BaseConsumer<Context>, settings: &KafkaSettings, inbox: &Receiver<()>) {
    loop {
        let again = match count(consumer, settings) {
            Ok(count) => {
                consumer.context().shared().sink.event(Event::Partitions(count));
                AGAIN
            }
            Err(error) => {
                tracing::debug!(%error, "the partitions of the topics cannot be counted");
                RETRY
            }
        };
        match inbox.recv_timeout(again) {
            Ok(()) => while inbox.try_recv().is_ok() {},
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn count(consumer: &BaseConsumer<Context>, settings: &KafkaSettings) -> Result<usize, KafkaError> {
    let topics = &settings.topics;
    let patterns = topics.iter().any(|topic| topic.starts_with('^'));
    let asked: Vec<_> = match patterns || topics.len() > SINGLY_MAX {
        true => vec![None],
        false => topics.iter().map(|topic| Some(topic.as_str())).collect(),
    };
    let mut count = 0;
    for topic in asked {
        let metadata = consumer.fetch_metadata(topic, ASK)?;
        let ours = metadata.topics().iter().filter(|found| settings.subscribes_to(found.name()));
        count += ours.map(|found| found.partitions().len()).sum::<usize>();
    }
    Ok(count)
}
