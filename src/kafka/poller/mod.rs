//! The poller: one OS thread that owns the consumer, judges records as they come, and commits.
//!
//! librdkafka's callbacks run on this thread, inside `poll`. What the rest of the service must know
//! goes out as [`Event`]s; what it wants comes in as [`Command`]s.

mod budget;
mod committer;
mod context;
mod count;
mod hold;
mod late;
mod shared;
mod thread;
mod trouble;

pub use budget::Budget;

use super::client::{KafkaSettings, without_value};
use crate::change::Record;
use crate::ledger::{Commit, Owner, Partition};
use committer::Committer;
use context::Context;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use shared::Shared;
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, Mutex, OnceLock};
use thread::Thread;

/// What happens to the group's partitions, told in order.
#[derive(Debug)]
pub enum Event {
    /// A partition is ours from this offset on.
    Assigned {
        /// The partition as this assignment of it.
        owner: Owner,
        /// Next record to read.
        offset: i64,
        /// Records that the log no longer holds although they were never read.
        lost: Option<u64>,
        /// Metadata of the group's last commit.
        metadata: Option<String>,
    },
    /// The log no longer holds what was to be read next: the partition goes on at this offset. What it owed before
    /// is still owed.
    Skipped {
        /// The partition.
        owner: Owner,
        /// Next record to read.
        offset: i64,
        /// Records that are gone.
        lost: u64,
    },
    /// None of the subscribed topics exists yet: there is nothing to wait for.
    Idle,
    /// The group gave us our share, be it none, and we know where it begins.
    Joined,
    /// Partitions go to another replica when this is answered with their last commits.
    Revoked {
        /// Which.
        owners: Vec<Owner>,
        /// Answer with what may be committed when nothing of them is in flight any more.
        reply: SyncSender<Vec<Commit>>,
    },
    /// Partitions have gone to another replica already.
    Lost {
        /// Which.
        owners: Vec<Owner>,
    },
    /// A commit was answered: what it committed; nothing where it failed.
    Committed(Vec<(Partition, i64)>),
    /// So many partitions the subscribed topics have, whoever owns them.
    Partitions(usize),
    /// Log ends, as librdkafka knows them.
    LogEnds(Vec<(Partition, i64)>),
    /// Reading was paused or resumed because of the budget.
    Paused(bool),
    /// Kafka answers (true) or not.
    Connected(bool),
    /// The poller cannot go on.
    Failed(String),
}

/// What the service wants of the poller.
#[derive(Debug)]
pub enum Command {
    /// Commit these; [`Event::Committed`] answers.
    Commit(Vec<Commit>),
    /// Commit these, leave the group, end.
    Stop(Vec<Commit>),
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// It was judged.
    Yes,
    /// It cannot be judged yet. Its partition is held: the record comes again, and nothing behind it comes before, once
    /// [`Sink::may_go_on`].
    NotYet,
}

/// Where records and events go; called on the poller's thread, so it must not wait.
pub trait Sink: Send {
    /// A record of a partition that is ours.
    fn record(&mut self, owner: &Owner, record: &Record<'_>) -> Taken;
    /// A record from before the offset at which the partition was assigned: something to learn from, owing nothing.
    fn past(&mut self, owner: &Owner, record: &Record<'_>) -> Taken;
    /// Can the record that holds this partition be judged now? Asked again and again.
    fn may_go_on(&mut self, owner: &Owner) -> bool;
    /// Everything of these partitions below these offsets was handed to [`Sink::record`].
    fn read(&mut self, positions: &mut dyn Iterator<Item = (&Owner, i64)>);
    /// Something happened to the group.
    fn event(&mut self, event: Event);
    /// All that was handed over was told, and nothing is on its way. Called again and again.
    fn turn(&mut self);
    /// Nobody takes what is told here any more.
    fn ended(&self) -> bool;
}

/// The running poller.
pub struct Poller {
    commands: Sender<Command>,
    thread: std::thread::JoinHandle<()>,
}

impl Poller {
    /// Creates the consumer and starts the thread. Errors are those of the properties.
    pub fn start(settings: KafkaSettings, budget: Arc<Budget>, sink: Box<dyn Sink>) -> Result<Self, KafkaError> {
        let context =
            Context { shared: Mutex::new(Shared::new(sink)), start: settings.start, committer: OnceLock::new() };
        let consumer: BaseConsumer<Context> =
            settings.consumer().create_with_context(context).map_err(without_value)?;
        let consumer = Arc::new(consumer);
        let no_thread = |error: std::io::Error| KafkaError::ClientCreation(error.to_string());
        let committer = Committer::start(Arc::clone(&consumer)).map_err(no_thread)?;
        consumer.context().committer.get_or_init(|| Mutex::new(committer));
        let (commands, inbox) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("kafka-poller".to_owned())
            .spawn(move || {
                Thread::new(consumer, settings, budget, inbox).run();
            })
            .map_err(no_thread)?;
        Ok(Self { commands, thread })
    }

    /// Where commands go.
    pub fn commands(&self) -> Sender<Command> {
        self.commands.clone()
    }

    /// Waits for the thread to end; after [`Command::Stop`] or [`Event::Failed`].
    pub fn join(self) {
        drop(self.commands);
        if self.thread.join().is_err() {
            tracing::error!("the poller's thread panicked");
        }
    }
}
