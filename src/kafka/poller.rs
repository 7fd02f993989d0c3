//! The poller: one OS thread that owns the consumer, judges records as they come, and commits.
//!
//! librdkafka's callbacks run on this thread, inside `poll`. What the rest of the service must know
//! goes out as [`Event`]s; what it wants comes in as [`Command`]s.

use super::client::{KafkaSettings, Start, connect};
use super::offsets::{self, Beginning};
use crate::change::{Headers, Record};
use crate::ledger::{Commit, Owner, Partition};
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _, Message};
use rdkafka::topic_partition_list::Offset;
use rdkafka::types::RDKafkaRespErr;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest sleep in `poll`; a commit that was asked for waits no longer than this.
const POLL: Duration = Duration::from_millis(5);

/// Records read in one go before commands are looked at again.
const BATCH: usize = 512;

/// How long a revoked partition may wait for its posts in flight: longer than a post's timeout, shorter than
/// `max.poll.interval.ms` by far.
pub(crate) const REVOKE_DEADLINE: Duration = Duration::from_secs(8);

/// How long to wait for brokers before saying so, and trying again.
const CONNECT: Duration = Duration::from_secs(10);

/// Times an assignment is tried to be resolved before the service gives up.
const RESOLVE_ATTEMPTS: u32 = 12;

/// Bytes of records that were read and not settled yet; the poller pauses at the limit.
#[derive(Debug)]
pub struct Budget {
    pending_bytes: AtomicU64,
    limit_bytes: u64,
}

impl Budget {
    /// An empty budget with this limit.
    pub fn new(limit_bytes: u64) -> Self {
        Self { pending_bytes: AtomicU64::new(0), limit_bytes }
    }

    /// Something of this size is pending from now on.
    pub fn add(&self, bytes: u64) {
        self.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Something of this size is settled.
    pub fn sub(&self, bytes: u64) {
        self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes pending now.
    pub fn pending_bytes(&self) -> u64 {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    fn is_full(&self) -> bool {
        self.pending_bytes() >= self.limit_bytes
    }

    /// Reading resumes at three quarters, so that pauses do not flutter (each throws away what was fetched ahead).
    fn has_room(&self) -> bool {
        self.pending_bytes() < self.limit_bytes / 4 * 3
    }
}

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
    /// The group gave us our share, be it none.
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
    /// A commit came back: what it committed; nothing where it failed.
    Committed(Vec<(Partition, i64)>),
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
    /// Commit these, and say so with [`Event::Committed`].
    Commit(Vec<Commit>),
    /// Commit these, leave the group, end.
    Stop(Vec<Commit>),
}

/// Where records and events go; called on the poller's thread, so it must not wait.
pub trait Sink: Send {
    /// A record of a partition that is ours.
    fn record(&mut self, owner: &Owner, record: &Record<'_>);
    /// Everything of these partitions below these offsets was handed to [`Sink::record`].
    fn read(&mut self, positions: &mut dyn Iterator<Item = (&Owner, i64)>);
    /// Something happened to the group.
    fn event(&mut self, event: Event);
}

/// The running poller.
pub struct Poller {
    commands: Sender<Command>,
    thread: std::thread::JoinHandle<()>,
}

impl Poller {
    /// Creates the consumer and starts the thread. Errors are those of the properties.
    pub fn start(settings: KafkaSettings, budget: Arc<Budget>, sink: Box<dyn Sink>) -> Result<Self, KafkaError> {
        let context = Context {
            shared: Mutex::new(Shared { sink, owned: BTreeMap::new(), epochs: 0, known_topics: HashSet::new() }),
            start: settings.start,
        };
        let consumer: BaseConsumer<Context> = settings.consumer().create_with_context(context)?;
        let (commands, inbox) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("kafka-poller".to_owned())
            .spawn(move || {
                Thread { consumer, settings, budget, inbox, paused: false, paused_epochs: 0, missing: HashSet::new() }
                    .run()
            })
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
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

struct Thread {
    consumer: BaseConsumer<Context>,
    settings: KafkaSettings,
    budget: Arc<Budget>,
    inbox: Receiver<Command>,
    paused: bool,
    /// Assignments counted when reading was paused last.
    paused_epochs: u64,
    /// Subscribed topics that were reported missing, so that each is reported once.
    missing: HashSet<String>,
}

impl Thread {
    fn run(mut self) {
        if !self.wait_for_kafka() {
            return;
        }
        let topics: Vec<&str> = self.settings.topics.iter().map(String::as_str).collect();
        if let Err(error) = self.consumer.subscribe(&topics) {
            self.shared().sink.event(Event::Failed(format!("cannot subscribe to {}: {error}", topics.join(", "))));
            return;
        }
        loop {
            match self.commands() {
                Flow::Go => {}
                Flow::Stop => break,
            }
            self.press();
            if let Err(error) = self.read() {
                self.shared().sink.event(Event::Failed(error));
                break;
            }
        }
        // Dropping the consumer leaves the group, from this thread as librdkafka wants it.
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.consumer.context().shared()
    }

    /// Until brokers answer, or the service stops: a rolling restart of Kafka must not end the service.
    fn wait_for_kafka(&mut self) -> bool {
        loop {
            match connect(&self.consumer, CONNECT) {
                Ok(_) => {
                    self.remember_topics();
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
    fn remember_topics(&self) {
        if let Ok(metadata) = self.consumer.fetch_metadata(None, CONNECT) {
            let names: HashSet<Arc<str>> = metadata.topics().iter().map(|topic| topic.name().into()).collect();
            for topic in self.settings.topics.iter().filter(|topic| !topic.starts_with('^')) {
                if !names.contains(topic.as_str()) {
                    tracing::warn!(
                        topic,
                        "the topic does not exist yet; it will be read from its first record when it appears; hint: does kafka.topics spell it like Debezium does (prefix.schema.table)?"
                    );
                }
            }
            self.shared().known_topics = names;
        }
    }

    fn commands(&mut self) -> Flow {
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Commit(commits)) => self.commit(&commits),
                Ok(Command::Stop(commits)) => {
                    commit_last(&self.consumer, &commits);
                    return Flow::Stop;
                }
                Err(std::sync::mpsc::TryRecvError::Empty) => return Flow::Go,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return Flow::Stop,
            }
        }
    }

    /// Commits and waits for the answer, a millisecond or two. Not `CommitMode::Async`: its callback never comes,
    /// because the crate asks librdkafka for commit events, which librdkafka makes only of its own commits.
    fn commit(&self, commits: &[Commit]) {
        // A partition that went meanwhile is no longer ours to commit: its new owner's commits must stand.
        let owned: Vec<_> = {
            let shared = self.shared();
            commits.iter().filter(|commit| shared.owns(&commit.owner)).cloned().collect()
        };
        let done = match commit_sync(&self.consumer, &owned) {
            Ok(()) => owned.into_iter().map(|commit| (commit.owner.partition, commit.offset)).collect(),
            Err(error) => {
                tracing::warn!(%error, "a commit failed, it will be tried again");
                Vec::new()
            }
        };
        self.shared().sink.event(Event::Committed(done));
    }

    /// Back-pressure: partitions pause at the limit, polling never does.
    fn press(&mut self) {
        let pause = if self.paused { !self.budget.has_room() } else { self.budget.is_full() };
        let epochs = self.shared().epochs;
        // Partitions that were assigned during a pause are not paused yet.
        let newcomers = pause && epochs != self.paused_epochs;
        if pause == self.paused && !newcomers {
            return;
        }
        let Ok(assignment) = self.consumer.assignment() else {
            return;
        };
        let result = if pause { self.consumer.pause(&assignment) } else { self.consumer.resume(&assignment) };
        match result {
            Ok(()) => {
                self.paused = pause;
                self.paused_epochs = epochs;
                self.shared().sink.event(Event::Paused(pause));
            }
            Err(error) => tracing::warn!(%error, "reading could not be paused or resumed"),
        }
    }

    fn read(&mut self) -> Result<(), String> {
        let mut wait = POLL;
        let mut errors = Vec::new();
        {
            let mut batch = Batch::default();
            for _ in 0..BATCH {
                match self.consumer.poll(wait) {
                    Some(Ok(message)) => batch.hand_over(self.consumer.context(), &message),
                    Some(Err(error)) => errors.push(error),
                    None => break,
                }
                wait = Duration::ZERO;
                if self.budget.is_full() {
                    break;
                }
            }
            batch.finish(self.consumer.context());
        }
        errors.into_iter().try_for_each(|error| self.failed(error))
    }

    fn failed(&mut self, error: KafkaError) -> Result<(), String> {
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

enum Flow {
    Go,
    Stop,
}

/// The positions that one run of `poll` reached.
#[derive(Default)]
struct Batch {
    /// The partition of the record before: most records follow one of their own partition.
    last: Option<(Partition, Owner)>,
    /// Assignments counted when `last` was looked up: a rebalance in between gives the partition a new epoch.
    epochs: u64,
    read: HashMap<Owner, i64>,
}

impl Batch {
    fn hand_over(&mut self, context: &Context, message: &BorrowedMessage<'_>) {
        let mut shared = context.shared();
        let same =
            self.last.as_ref().is_some_and(|(p, _)| p.number == message.partition() && &*p.topic == message.topic());
        if !same || self.epochs != shared.epochs {
            self.flush(&mut shared);
            self.epochs = shared.epochs;
            let partition = Partition { topic: message.topic().into(), number: message.partition() };
            self.last = shared.owned.get(&partition).map(|owned| {
                let owner = Owner { partition: partition.clone(), epoch: owned.epoch };
                (owner.partition.clone(), owner)
            });
        }
        let Some((partition, owner)) = &self.last else {
            return;
        };
        let headers = MessageHeaders(message.headers());
        let record = Record {
            topic: &partition.topic,
            partition: partition.number,
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
            headers: &headers,
        };
        shared.sink.record(owner, &record);
        self.read.insert(owner.clone(), message.offset() + 1);
    }

    fn flush(&mut self, shared: &mut Shared) {
        for (owner, position) in &self.read {
            if let Some(owned) = shared.owned.get_mut(&owner.partition) {
                owned.position = *position;
            }
        }
        if !self.read.is_empty() {
            shared.sink.read(&mut self.read.iter().map(|(owner, position)| (owner, *position)));
            self.read.clear();
        }
    }

    fn finish(mut self, context: &Context) {
        if !self.read.is_empty() {
            self.flush(&mut context.shared());
        }
    }
}

/// A record's headers, looked at only when somebody asks.
struct MessageHeaders<'a>(Option<&'a BorrowedHeaders>);

impl Headers for MessageHeaders<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.0?.iter().find(|header| header.key == name).and_then(|header| header.value)
    }

    fn all(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let headers = self.0.into_iter().flat_map(|headers| headers.iter());
        headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    }
}

struct Owned {
    epoch: u64,
    position: i64,
}

struct Shared {
    sink: Box<dyn Sink>,
    owned: BTreeMap<Partition, Owned>,
    epochs: u64,
    known_topics: HashSet<Arc<str>>,
}

impl Shared {
    fn owns(&self, owner: &Owner) -> bool {
        self.owned.get(&owner.partition).is_some_and(|owned| owned.epoch == owner.epoch)
    }

    /// A partition begins (anew): what an earlier epoch of it owed is void.
    fn begin(&mut self, beginning: Beginning) {
        self.epochs += 1;
        let Beginning { partition, offset, lost, metadata } = beginning;
        let owner = Owner { partition: partition.clone(), epoch: self.epochs };
        self.owned.insert(partition, Owned { epoch: owner.epoch, position: offset });
        self.sink.event(Event::Assigned { owner, offset, lost, metadata });
    }

    fn release(&mut self, list: &TopicPartitionList) -> Vec<Owner> {
        let mut owners = Vec::new();
        for partition in partitions_of(list) {
            if let Some(owned) = self.owned.remove(&partition) {
                owners.push(Owner { partition, epoch: owned.epoch });
            }
        }
        owners
    }
}

struct Context {
    shared: Mutex<Shared>,
    start: Start,
}

impl Context {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let partitions: Vec<_> = partitions_of(list).collect();
        self.shared().sink.event(Event::Joined);
        let known_topics = self.shared().known_topics.clone();
        for attempt in 1..=RESOLVE_ATTEMPTS {
            match offsets::resolve(consumer, &partitions, self.start, &known_topics) {
                Ok(beginnings) => {
                    self.begin(consumer, beginnings);
                    return;
                }
                Err(error) if attempt < RESOLVE_ATTEMPTS => {
                    tracing::warn!(%error, attempt, "cannot resolve where the assigned partitions begin, trying again");
                    std::thread::sleep(Duration::from_secs(1));
                }
                Err(error) => self.shared().sink.event(Event::Failed(format!(
                    "cannot resolve where the assigned partitions begin: {error}\nhint: the principal needs Read on the group, and Read and Describe on the topics"
                ))),
            }
        }
    }

    fn begin(&self, consumer: &BaseConsumer<Self>, beginnings: Vec<Beginning>) {
        let mut list = TopicPartitionList::with_capacity(beginnings.len());
        for beginning in &beginnings {
            let (topic, number) = (&beginning.partition.topic, beginning.partition.number);
            if let Err(error) = list.add_partition_offset(topic, number, Offset::Offset(beginning.offset)) {
                tracing::error!(partition = %beginning.partition, %error, "cannot assign the partition");
            }
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

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        let owners = self.shared().release(list);
        if consumer.assignment_lost() {
            self.shared().sink.event(Event::Lost { owners });
        } else if !owners.is_empty() {
            let (reply, commits) = sync_channel(1);
            self.shared().sink.event(Event::Revoked { owners, reply });
            let began = Instant::now();
            // The lock is free while we wait: the service answers when nothing is on the wire any more.
            match commits.recv_timeout(REVOKE_DEADLINE + Duration::from_secs(1)) {
                Ok(commits) => commit_last(consumer, &commits),
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
        let ends = super::statistics::log_ends(statistics);
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

fn partitions_of(list: &TopicPartitionList) -> impl Iterator<Item = Partition> {
    list.elements()
        .into_iter()
        .map(|element| Partition { topic: element.topic().into(), number: element.partition() })
        .collect::<Vec<_>>()
        .into_iter()
}

fn offsets_of(commits: &[Commit]) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(commits.len());
    for Commit { owner, offset } in commits {
        list.add_partition_offset(&owner.partition.topic, owner.partition.number, Offset::Offset(*offset))?;
    }
    Ok(list)
}

fn commit_sync<C: ConsumerContext>(consumer: &BaseConsumer<C>, commits: &[Commit]) -> KafkaResult<()> {
    let list = offsets_of(commits)?;
    if list.count() == 0 { Ok(()) } else { consumer.commit(&list, CommitMode::Sync) }
}

/// The last commit of partitions that are given up.
fn commit_last<C: ConsumerContext>(consumer: &BaseConsumer<C>, commits: &[Commit]) {
    if let Err(error) = commit_sync(consumer, commits) {
        tracing::warn!(%error, "the last commit failed: posts made since the one before will be made again");
    }
}
