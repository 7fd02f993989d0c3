//! From records to notices, on the poller's thread: skim, ask the rules, decode what matters.

use super::judge::{self, Judge, Lessons, Named, Plans, Ruling, Verdict};
use super::reload::{Fresh, Replaced};
use super::schemas::Wanted;
use crate::change::{
    DecodeError, Envelope, Hints, LogicalMessage, NoSchemas, Op, Reading, Record, RowChange, SchemaId, Skim, skim_as,
};
use crate::config::{Config, Table};
use crate::kafka::{Budget, Event, RawRecord, Sink, Taken};
use crate::ledger::Owner;
use crate::outbox::RowKey;
use crate::telemetry::{Metrics, TopicCounters};
use prometheus::IntCounter;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use tokio::sync::mpsc::UnboundedSender;

/// What a decoded change takes in memory, as a multiple of the record's bytes (names, values and their vectors).
const DECODED_FACTOR: u64 = 3;

/// Bytes a pending record takes whatever its size.
const RECORD_OVERHEAD: u64 = 512;

/// What the poller's thread tells the engine, in order.
pub enum Input {
    /// A change that somebody wants posted.
    Relevant(Relevant),
    /// A record that cannot be read.
    Undecodable { owner: Owner, offset: i64, held: Arc<Held>, error: String },
    /// A change that the source sent before: it owes nothing, although it looks so.
    Repeat { owner: Owner, offset: i64 },
    /// Everything below was judged.
    Read(Vec<(Owner, i64)>),
    /// What follows is judged by another config.
    Config(Fresh),
    /// Something happened to the group.
    Event(Event),
}

/// A change and who wants it.
pub struct Relevant {
    pub owner: Owner,
    pub offset: i64,
    pub row: RowKey,
    pub change: Arc<RowChange>,
    pub held: Arc<Held>,
    pub table: Option<Arc<Table>>,
    /// Per destination the rules that matched, the most urgent and then the first in the file leading.
    pub wanted: Vec<(usize, Vec<usize>)>,
}

impl Relevant {
    pub fn new(
        owner: &Owner,
        record: &Record<'_>,
        change: Arc<RowChange>,
        table: Option<Arc<Table>>,
        wanted: Vec<(usize, Vec<usize>)>,
        budget: &Arc<Budget>,
    ) -> Self {
        let row = row_key(owner, record, &change);
        let held = Held::new(record, budget);
        Self { owner: owner.clone(), offset: record.offset, row, change, held, table, wanted }
    }
}

/// Row = topic, partition, table, key (design invariant 3); keyless changes share one and so keep the partition's order.
pub fn row_key(owner: &Owner, record: &Record<'_>, change: &RowChange) -> RowKey {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(owner.partition.topic.as_bytes());
    key.push(0);
    key.extend_from_slice(&owner.partition.number.to_be_bytes());
    if let Some(bytes) = record.key.filter(|_| change.key.is_some()) {
        key.extend_from_slice(change.table.as_bytes());
        key.push(0);
        key.extend_from_slice(bytes);
    }
    RowKey(key.into())
}

/// A record's bytes, and its share of the budget for as long as anything needs them.
pub struct Held {
    /// The record as it was.
    pub record: RawRecord,
    bytes: u64,
    budget: Arc<Budget>,
}

impl Held {
    pub fn new(record: &Record<'_>, budget: &Arc<Budget>) -> Arc<Self> {
        let record = RawRecord::copy(record);
        let bytes = record.bytes() * (1 + DECODED_FACTOR) + RECORD_OVERHEAD;
        budget.add(bytes);
        Arc::new(Self { record, bytes, budget: Arc::clone(budget) })
    }

    /// Its share of the budget.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.sub(self.bytes);
    }
}

/// What to do with the changes of one table.
struct Plan {
    judged: judge::Plan,
    counters: [IntCounter; 5],
}

/// See the module's text.
pub struct Intake {
    config: Arc<Config>,
    metrics: Metrics,
    budget: Arc<Budget>,
    engine: UnboundedSender<Input>,
    /// Configs that were read again.
    reloads: Receiver<Replaced>,
    judge: Judge,
    schemas: Option<Wanted>,
    /// Partitions that wait, and for which schema.
    waiting: HashMap<Owner, SchemaId>,
    plans: Plans<Plan>,
    lessons: Arc<Lessons>,
    /// The topic of the record before, and how it is read.
    reading: Option<(Arc<str>, Reading)>,
    /// The topic of the record before, and its counters.
    topic: Option<(Arc<str>, Arc<TopicCounters>)>,
    topics: HashMap<Arc<str>, Arc<TopicCounters>>,
    /// Rules whose condition failed, each warned about once.
    warned: HashSet<usize>,
}

impl Intake {
    pub fn new(
        config: Arc<Config>,
        metrics: Metrics,
        budget: Arc<Budget>,
        schemas: Option<Wanted>,
        engine: UnboundedSender<Input>,
        reloads: Receiver<Replaced>,
        lessons: Arc<Lessons>,
    ) -> Self {
        lessons.set_registry(schemas.as_ref().map(Wanted::registry));
        Self {
            judge: Judge::teaching(Arc::clone(&config), Arc::clone(&lessons)),
            config,
            metrics,
            budget,
            engine,
            reloads,
            schemas,
            waiting: HashMap::new(),
            plans: Plans::default(),
            lessons,
            reading: None,
            topic: None,
            topics: HashMap::new(),
            warned: HashSet::new(),
        }
    }

    /// From here on, records are judged by another config; what was learnt from those before stays.
    fn take_over(&mut self, replaced: Replaced) {
        let Replaced { schemas, fresh } = replaced;
        self.config = Arc::clone(&fresh.config);
        self.judge.reload(Arc::clone(&fresh.config));
        (self.plans, self.reading) = (Plans::default(), None);
        self.warned.clear();
        if let Some(schemas) = schemas {
            // Records that wait for a schema ask again, the new one.
            self.schemas = schemas;
            self.lessons.set_registry(self.schemas.as_ref().map(Wanted::registry));
        }
        self.tell(Input::Config(fresh));
    }

    fn count_record(&mut self, topic: &Arc<str>, kind: &str) {
        if let Some((_, counters)) = self.topic.as_ref().filter(|(known, _)| known == topic) {
            return counters.count(kind);
        }
        let metrics = &self.metrics;
        let counters = self.topics.entry(Arc::clone(topic)).or_insert_with(|| Arc::new(metrics.topic(topic)));
        counters.count(kind);
        self.topic = Some((Arc::clone(topic), Arc::clone(counters)));
    }

    fn plan(&mut self, envelope: &Envelope<'_>) -> Arc<Named<Plan>> {
        let (server, table) = (envelope.server(), envelope.table());
        self.plans.get(server, table, || Plan {
            judged: self.judge.plan(server, table),
            counters: [Op::Create, Op::Update, Op::Delete, Op::Read, Op::Truncate]
                .map(|op| self.metrics.changes.with_label_values(&[table, op.as_str()])),
        })
    }

    fn change(&mut self, owner: &Owner, record: &Record<'_>, envelope: &Envelope<'_>) {
        let plan = self.plan(envelope);
        plan.counters[envelope.op() as usize].inc();
        match self.judge.change(&plan.judged, envelope) {
            Ok(judged) => self.offer(owner, record, &plan.judged.table, judged),
            Err(error) => self.undecodable(owner, record, error.to_string()),
        }
    }

    fn message(&mut self, owner: &Owner, record: &Record<'_>, message: &LogicalMessage<'_>) {
        // Applications choose prefixes freely: no label of a metric.
        self.metrics.changes.with_label_values(&["message", Op::Message.as_str()]).inc();
        let plan = self.judge.message_plan(message);
        let judged = self.judge.message(&plan, message);
        self.offer(owner, record, &plan.table, judged);
    }

    fn offer(&mut self, owner: &Owner, record: &Record<'_>, table: &Option<Arc<Table>>, judged: Ruling) {
        let (change, verdict) = match judged {
            Ruling::Irrelevant => return,
            Ruling::Repeat => {
                self.metrics.repeats_suppressed.inc();
                tracing::debug!(partition = %owner.partition, offset = record.offset, "the source sent this change before");
                return self.tell(Input::Repeat { owner: owner.clone(), offset: record.offset });
            }
            Ruling::Asked(change, verdict) => (change, verdict),
        };
        self.count_notices(&change, &verdict);
        if verdict.wanted.is_empty() {
            return;
        }
        let relevant = Relevant::new(owner, record, change, table.clone(), verdict.wanted, &self.budget);
        self.tell(Input::Relevant(relevant));
    }

    fn count_notices(&mut self, change: &RowChange, verdict: &Verdict) {
        let name = |index: usize| &self.config.rules[index].name;
        for &index in &verdict.matched {
            self.metrics.notices.with_label_values(&[&**name(index)]).inc();
        }
        for (index, error) in &verdict.failed {
            self.metrics.rule_errors.with_label_values(&[&**name(*index)]).inc();
            if self.warned.insert(*index) {
                tracing::warn!(
                    rule = %name(*index),
                    record = %change.record,
                    %error,
                    "the rule's condition failed and counts as false; further failures are only counted"
                );
            }
        }
    }

    fn skim<'a>(&mut self, record: &Record<'a>) -> Result<Skim<'a>, DecodeError> {
        let known = self.reading.take().filter(|(topic, _)| topic == record.topic);
        let (_, reading) =
            self.reading.insert(known.unwrap_or_else(|| (record.topic.clone(), self.config.reading(record.topic))));
        match &self.schemas {
            Some(schemas) => skim_as(record, schemas, reading),
            None => skim_as(record, &NoSchemas, reading),
        }
    }

    fn wait(&mut self, owner: &Owner, id: SchemaId) -> Taken {
        if let Some(schemas) = &mut self.schemas {
            schemas.fetch(id);
            // An earlier assignment of the partition waits no more.
            self.waiting.retain(|waiting, _| waiting.partition != owner.partition);
            self.waiting.insert(owner.clone(), id);
            self.metrics.partitions_held.set(self.waiting.len() as i64);
        }
        Taken::NotYet
    }

    fn undecodable(&mut self, owner: &Owner, record: &Record<'_>, error: String) {
        let held = Held::new(record, &self.budget);
        self.tell(Input::Undecodable { owner: owner.clone(), offset: record.offset, held, error });
    }

    fn tell(&self, input: Input) {
        // The engine ends only after the poller was told to stop.
        if self.engine.send(input).is_err() {
            tracing::debug!("a record came after the engine ended; it is not committed");
        }
    }
}

impl Sink for Intake {
    fn record(&mut self, owner: &Owner, record: &Record<'_>) -> Taken {
        match self.skim(record) {
            Ok(Skim::Needs(id)) => return self.wait(owner, id),
            Ok(skimmed) => {
                self.count_record(record.topic, skimmed.kind());
                match skimmed {
                    Skim::Change(envelope) => self.change(owner, record, &envelope),
                    Skim::Message(message) => self.message(owner, record, &message),
                    _ => {}
                }
            }
            Err(error) => {
                self.count_record(record.topic, "error");
                self.undecodable(owner, record, error.to_string());
            }
        }
        Taken::Yes
    }

    fn past(&mut self, owner: &Owner, record: &Record<'_>) -> Taken {
        match self.skim(record) {
            Ok(Skim::Needs(id)) => return self.wait(owner, id),
            Ok(Skim::Change(envelope)) => {
                let plan = self.plan(&envelope);
                self.judge.past(&plan.judged, &envelope);
            }
            Ok(Skim::Message(message)) => self.judge.past_message(&message),
            // Whoever had the partition then dealt with it.
            Ok(_) | Err(_) => {}
        }
        Taken::Yes
    }

    fn may_go_on(&mut self, owner: &Owner) -> bool {
        let (Some(id), Some(schemas)) = (self.waiting.get(owner), &mut self.schemas) else {
            return true;
        };
        let ready = schemas.is_here(*id);
        if ready {
            self.waiting.remove(owner);
            self.metrics.partitions_held.set(self.waiting.len() as i64);
        }
        ready
    }

    fn read(&mut self, positions: &mut dyn Iterator<Item = (&Owner, i64)>) {
        self.tell(Input::Read(positions.map(|(owner, position)| (owner.clone(), position)).collect()));
    }

    fn event(&mut self, event: Event) {
        if let Event::Revoked { owners, .. } | Event::Lost { owners } = &event {
            self.waiting.retain(|waiting, _| !owners.contains(waiting));
            self.metrics.partitions_held.set(self.waiting.len() as i64);
        }
        self.tell(Input::Event(event));
    }

    fn turn(&mut self) {
        while let Ok(replaced) = self.reloads.try_recv() {
            self.take_over(replaced);
        }
    }

    fn ended(&self) -> bool {
        self.engine.is_closed()
    }
}
