//! From records to notices, on the poller's thread: skim, ask the rules, decode what matters.

use super::handover::{Held, Input, Relevant, Replaced};
use super::judge::{self, Judge, Lessons, Named, Plans, Ruling, Verdict};
use super::schemas::Wanted;
use crate::change::{
    DecodeError, Envelope, Hints, LogicalMessage, NoSchemas, Op, Reading, Record, RowChange, SchemaId, Skim, skim_as,
};
use crate::config::{Config, Table};
use crate::kafka::{Budget, Event, Sink, Taken};
use crate::ledger::Owner;
use crate::telemetry::{Metrics, TopicCounters};
use prometheus::IntCounter;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use tokio::sync::mpsc::UnboundedSender;

/// Judged records told together, so that a storm does not wake the engine for each. They are read in less than half a
/// millisecond.
const TOLD_AT_ONCE: usize = 16;

/// What to do with the changes of one table.
struct Plan {
    judged: judge::Plan,
    /// In the order of [`Op`].
    counters: [IntCounter; 5],
}

/// See the module's text.
pub struct Intake {
    config: Arc<Config>,
    metrics: Metrics,
    budget: Arc<Budget>,
    engine: UnboundedSender<Input>,
    /// What the engine is told next; nothing of it stays when there is nothing more to read.
    untold: Vec<Input>,
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
            untold: Vec::with_capacity(TOLD_AT_ONCE),
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
        // Every operation but that of a logical message, which is no envelope.
        if let Some(counter) = plan.counters.get(envelope.op() as usize) {
            counter.inc();
        }
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

    fn tell(&mut self, input: Input) {
        self.untold.push(input);
        if self.untold.len() >= TOLD_AT_ONCE {
            self.tell_all();
        }
    }

    fn tell_all(&mut self) {
        for input in self.untold.drain(..) {
            // The engine ends only after the poller was told to stop.
            if self.engine.send(input).is_err() {
                tracing::debug!("a record came after the engine ended; it is not committed");
            }
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
        self.tell_all();
    }

    fn event(&mut self, event: Event) {
        if let Event::Revoked { owners, .. } | Event::Lost { owners } = &event {
            self.waiting.retain(|waiting, _| !owners.contains(waiting));
            self.metrics.partitions_held.set(self.waiting.len() as i64);
        }
        self.tell(Input::Event(event));
        self.tell_all();
    }

    fn turn(&mut self) {
        while let Ok(replaced) = self.reloads.try_recv() {
            self.take_over(replaced);
        }
        self.tell_all();
    }

    fn ended(&self) -> bool {
        self.engine.is_closed()
    }
}
