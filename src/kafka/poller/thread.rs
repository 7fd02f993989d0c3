//! The thread: connect, subscribe, then poll, judge, commit and press back, for ever.

use super::budget::Budget;
use super::committer::Committer;
use super::context::Context;
use super::count::Counter;
use super::hold::Held;
use super::shared::Shared;
use super::{Command, Event};
use crate::kafka::client::{KafkaSettings, connect};
use crate::ledger::Commit;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::collections::HashSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest sleep in `poll`; a commit that was asked for waits no longer than this.
const POLL: Duration = Duration::from_millis(5);

/// Records read in one go before commands are looked at again.
const BATCH: usize = 512;

/// How long the sink may wait, through a backlog, to be told how far reading has come: less than anybody would notice.
const REPORT: Duration = Duration::from_millis(20);

/// How long a thread that cannot go on waits for the last commits: posts on the wire may need their timeout.
const GIVE_UP: Duration = Duration::from_secs(8);

/// How long to wait for brokers before saying so, and trying again.
const CONNECT: Duration = Duration::from_secs(10);

pub(super) struct Thread {
    pub(super) consumer: Arc<BaseConsumer<Context>>,
    pub(super) settings: KafkaSettings,
    budget: Arc<Budget>,
    inbox: Receiver<Command>,
    pub(super) paused: bool,
    /// Partitions that wait at a record which cannot be judged yet.
    pub(super) held: Vec<Held>,
    /// Beginnings counted when reading was paused last; `None` where partitions have to be paused (again).
    pub(super) paused_epochs: Option<u64>,
    /// Kafka denies a topic; reported once.
    pub(super) denied: bool,
    counter: Option<Counter>,
    /// Beginnings counted when the topics' partitions were counted last.
    counted_epochs: u64,
    /// When to look for partitions that fell out of their log.
    pub(super) gaps_due: Option<Instant>,
    /// When to try again to begin what could not begin when it was assigned.
    pub(super) begin_due: Option<Instant>,
    /// Tries of that which failed, one after the other.
    pub(super) begin_tries: u32,
    reported: Instant,
}

impl Thread {
    pub(super) fn new(
        consumer: Arc<BaseConsumer<Context>>,
        settings: KafkaSettings,
        budget: Arc<Budget>,
        inbox: Receiver<Command>,
    ) -> Self {
        Self {
            consumer,
            settings,
            budget,
            inbox,
            paused: false,
            held: Vec::new(),
            paused_epochs: None,
            denied: false,
            counter: None,
            counted_epochs: 0,
            gaps_due: None,
            begin_due: None,
            begin_tries: 0,
            reported: Instant::now(),
        }
    }

    pub(super) fn run(mut self) {
        self.follow_the_group();
        if let Some(counter) = self.counter.take() {
            counter.end();
        }
        // Dropping the consumer leaves the group, from this thread as librdkafka wants it.
        if self.committer(Committer::end) == Some(false) {
            tracing::warn!(
                "a commit is still not answered: the group takes this replica for dead when its session ends"
            );
        }
    }

    fn follow_the_group(&mut self) {
        if !self.wait_for_kafka() {
            return;
        }
        match Counter::start(Arc::clone(&self.consumer), self.settings.clone()) {
            Ok(counter) => self.counter = Some(counter),
            Err(error) => return self.give_up(format!("cannot start a thread: {error}")),
        }
        let topics: Vec<&str> = self.settings.topics.iter().map(String::as_str).collect();
        if let Err(error) = self.consumer.subscribe(&topics) {
            self.give_up(format!("cannot subscribe to {}: {error}", topics.join(", ")));
            return;
        }
        while let Flow::Go = self.commands() {
            self.press();
            self.let_go();
            self.leave_gaps();
            self.count_partitions();
            if let Err(error) = self.begin_late().and_then(|()| self.read()) {
                self.give_up(error);
                break;
            }
        }
    }

    fn committer<T>(&self, act: impl FnOnce(&Committer) -> T) -> Option<T> {
        let committer = self.consumer.context().committer.get()?;
        Some(act(&committer.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Tells the service, and waits for its last commits: what was posted until now shall not be posted again.
    fn give_up(&self, why: String) {
        self.shared().sink.event(Event::Failed(why));
        let deadline = Instant::now() + GIVE_UP;
        loop {
            match self.inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Command::Commit(_)) => {}
                Ok(Command::Stop(commits)) => return self.consumer.context().commit_last(self.still_ours(commits)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.consumer.context().shared()
    }

    /// Where partitions began, their topics may have more of them than was known.
    fn count_partitions(&mut self) {
        let epochs = self.shared().epochs();
        if let Some(counter) = self.counter.as_ref().filter(|_| self.counted_epochs != epochs) {
            self.counted_epochs = epochs;
            counter.count_anew();
        }
    }

    /// Until brokers answer, or the service stops: a rolling restart of Kafka must not end the service.
    fn wait_for_kafka(&mut self) -> bool {
        loop {
            match connect(&self.consumer, CONNECT) {
                Ok(topics) => {
                    self.remember_topics(topics);
                    self.shared().sink.event(Event::Connected(true));
                    return true;
                }
                Err(error) => {
                    tracing::error!(
                        brokers = %self.settings.brokers,
                        %error,
                        "cannot reach Kafka, trying again; hint: is kafka.brokers right, and do its listeners, TLS and SASL match kafka.properties?"
                    );
                    self.shared().sink.event(Event::Connected(false));
                }
            }
            match self.inbox.recv_timeout(Duration::from_secs(1)) {
                Ok(Command::Stop(_)) | Err(RecvTimeoutError::Disconnected) => {
                    return false;
                }
                Ok(Command::Commit(_)) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Topics that exist when we begin; those that appear later are read from their first record.
    fn remember_topics(&self, topics: HashSet<Arc<str>>) {
        for topic in self.settings.topics.iter().filter(|topic| !topic.starts_with('^')) {
            if !topics.contains(topic.as_str()) {
                tracing::warn!(
                    topic,
                    "the topic does not exist yet; it will be read from its first record when it appears; hint: does kafka.topics spell it like Debezium does (prefix.schema.table)?"
                );
            }
        }
        let mut shared = self.shared();
        // The group begins with the first topic; until then this replica is idle by right.
        if !topics.iter().any(|topic| self.settings.subscribes_to(topic)) {
            shared.sink.event(Event::Idle);
        }
        shared.known_topics = topics;
    }

    fn commands(&mut self) -> Flow {
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Commit(commits)) => {
                    self.committer(|committer| committer.commit(commits));
                }
                Ok(Command::Stop(commits)) => {
                    self.consumer.context().commit_last(self.still_ours(commits));
                    return Flow::Stop;
                }
                Err(std::sync::mpsc::TryRecvError::Empty) => return Flow::Go,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return Flow::Stop,
            }
        }
    }

    /// A partition that went meanwhile is no longer ours to commit: its new owner's commits must stand.
    fn still_ours(&self, mut commits: Vec<Commit>) -> Vec<Commit> {
        let shared = self.shared();
        commits.retain(|commit| shared.owns(&commit.owner));
        commits
    }

    /// Back-pressure: partitions pause at the limit, polling never does.
    fn press(&mut self) {
        let pause = if self.paused { !self.budget.has_room() } else { self.budget.is_full() };
        let epochs = self.shared().epochs();
        // Partitions that began during a pause are not paused yet.
        let newcomers = pause && self.paused_epochs != Some(epochs);
        if pause == self.paused && !newcomers {
            return;
        }
        let Ok(assignment) = self.consumer.assignment() else {
            return;
        };
        let result = if pause { self.consumer.pause(&assignment) } else { self.consumer.resume(&assignment) };
        match result {
            Ok(()) => {
                self.paused_epochs = Some(epochs);
                if pause != self.paused {
                    self.paused = pause;
                    self.shared().sink.event(Event::Paused(pause));
                }
            }
            Err(error) => tracing::warn!(%error, "reading could not be paused or resumed"),
        }
    }

    fn read(&mut self) -> Result<(), String> {
        let mut wait = POLL;
        let mut errors = Vec::new();
        let mut more = true;
        for _ in 0..BATCH {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let handed = self.shared().hand_over(&message);
                    drop(message);
                    self.follow(handed);
                }
                Some(Err(error)) => errors.push(error),
                None => {
                    more = false;
                    break;
                }
            }
            wait = Duration::ZERO;
            if self.budget.is_full() {
                more = false;
                break;
            }
        }
        let now = Instant::now();
        if !more || now >= self.reported + REPORT {
            self.reported = now;
            self.shared().report();
        }
        errors.into_iter().try_for_each(|error| self.failed(error))
    }
}

enum Flow {
    Go,
    Stop,
}
