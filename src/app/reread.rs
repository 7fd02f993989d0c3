//! Reading again: what lanes let go for want of memory, and records that a dead letter needs. On a thread of its own, with
//! a consumer that joins no group.

use super::handover::{Held, Relevant, row_key};
use super::judge::{Judge, Lessons, Plan, Plans, Ruling};
use crate::change::{DecodeError, Hints, NoSchemas, Reading, Record, RowChange, Skim, skim_as};
use crate::config::{Config, Table};
use crate::kafka::{Budget, KafkaSettings, RawRecord, ReaderError, Stretch, StretchReader};
use crate::ledger::{Owner, Partition};
use crate::outbox::{Reread, RereadId};
use crate::registry::{Registry, RegistryError};
use crate::telemetry::Metrics;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Records that one order looks at before it is another's turn: a fraction of a second.
const LOOKED_AT_MAX: usize = 50_000;

/// Records between two that are wanted that are read and dropped rather than jumped over.
const JUMP: i64 = 500;

/// What is to be read.
pub enum Job {
    /// What a lane let go.
    Notices(Order),
    /// Some records as they are, for dead letters. A record that is gone is not among the answer.
    Records { partition: Partition, offsets: Vec<i64>, reply: oneshot::Sender<BTreeMap<i64, RawRecord>> },
}

/// What a lane let go, and how it is judged.
pub struct Order {
    pub reread: Reread,
    /// The destination's name.
    pub destination: Arc<str>,
    /// The configs that judged the partition's records, and the first offset that each did not judge any more.
    pub judged_by: Vec<(i64, Arc<Config>)>,
}

/// What comes back.
pub enum Back {
    /// A change that is wanted, as it was, and the config that says so.
    Notice { id: RereadId, config: Arc<Config>, relevant: Relevant },
    /// A record that could be read once and cannot now.
    Undecodable { id: RereadId, owner: Owner, offset: i64, held: Arc<Held>, error: String },
    /// Everything below was looked at; so many records were gone.
    Read { id: RereadId, owner: Owner, position: i64, lost: u64 },
    /// It did not work now.
    Failed(RereadId),
}

/// The thread, as the engine sees it.
pub struct Rereader {
    jobs: Sender<Job>,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Rereader {
    /// Starts the thread; it reaches for Kafka when there is something to read. To be called within the runtime that
    /// asks the registry.
    pub fn start(
        settings: KafkaSettings,
        budget: Arc<Budget>,
        lessons: Arc<Lessons>,
        metrics: Metrics,
    ) -> std::io::Result<(Self, UnboundedReceiver<Back>)> {
        let (jobs, inbox) = channel();
        let (back, answers) = unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work {
            settings,
            budget,
            lessons,
            metrics,
            back,
            runtime: Handle::current(),
            stop: Arc::clone(&stop),
            reader: None,
            judges: Vec::new(),
        };
        let thread =
            std::thread::Builder::new().name("kafka-rereader".to_owned()).spawn(move || work.follow(&inbox))?;
        Ok((Self { jobs, stop, thread }, answers))
    }

    /// Where jobs go.
    pub fn jobs(&self) -> Sender<Job> {
        self.jobs.clone()
    }

    /// Ends the thread, whatever it reads.
    pub fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::error!("the thread that reads again panicked");
        }
    }
}

/// Judges by one config.
struct Again {
    config: Arc<Config>,
    judge: Judge,
    plans: Plans<Plan>,
    reading: Option<(Arc<str>, Reading)>,
}

struct Work {
    settings: KafkaSettings,
    budget: Arc<Budget>,
    lessons: Arc<Lessons>,
    metrics: Metrics,
    back: UnboundedSender<Back>,
    runtime: Handle,
    stop: Arc<AtomicBool>,
    reader: Option<StretchReader>,
    judges: Vec<Again>,
}

/// Why a record cannot be judged.
enum Trouble {
    Undecodable(DecodeError),
    Registry(RegistryError),
}

/// A change that somebody wants.
type Wanted = (Arc<RowChange>, Option<Arc<Table>>, Vec<(usize, Vec<usize>)>);

impl Work {
    fn follow(mut self, inbox: &Receiver<Job>) {
        while let Ok(job) = inbox.recv() {
            match job {
                Job::Notices(order) => self.order(&order),
                Job::Records { partition, offsets, reply } => {
                    // Nobody waits any more at the end.
                    let _ = reply.send(self.records(&partition, offsets));
                }
            }
        }
    }

    fn order(&mut self, order: &Order) {
        let id = order.reread.id;
        let back = match self.notices(order) {
            Ok((position, lost)) => Back::Read { id, owner: order.reread.owner.clone(), position, lost },
            Err(error) => {
                let (partition, from) = (&order.reread.owner.partition, order.reread.from);
                tracing::warn!(%partition, from, %error, "records that a lane let go cannot be read again, trying again");
                // A consumer in trouble may stay so.
                self.reader = None;
                Back::Failed(id)
            }
        };
        self.tell(back);
    }

    fn tell(&self, back: Back) {
        // The engine ended: what it did not get is not committed.
        let _ = self.back.send(back);
    }

    /// How far it came, and how many records are gone.
    fn notices(&mut self, order: &Order) -> Result<(i64, u64), Failure> {
        let Reread { from, to, .. } = order.reread;
        self.judges.retain(|again| order.judged_by.iter().any(|(_, config)| Arc::ptr_eq(config, &again.config)));
        let registry = self.lessons.registry();
        self.judges.iter_mut().for_each(|again| again.judge.learn(&self.lessons));
        let mut progress = Progress::default();
        let (mut from, mut lost) = (from, 0);
        while from < to {
            let mut failure = None;
            let mut reader = self.reader()?;
            let stretch = reader.read(&order.reread.owner.partition, from..to, |record| {
                let looked = self.record(order, record, registry.as_ref(), &mut progress);
                looked.unwrap_or_else(|error| {
                    failure = Some(error);
                    ControlFlow::Break(())
                })
            });
            self.reader = Some(reader);
            match (failure, stretch?) {
                (Some(error), _) => return Err(error.into()),
                (None, Stretch::Read(position)) => {
                    from = position;
                    break;
                }
                (None, Stretch::Cut { position, begins }) => {
                    lost += begins.min(to).abs_diff(position);
                    from = begins.min(to);
                }
            }
        }
        let topic = &*order.reread.owner.partition.topic;
        self.metrics.records_reread.with_label_values(&[topic]).inc_by(progress.looked_at as u64);
        Ok((from, lost))
    }

    fn reader(&mut self) -> Result<StretchReader, ReaderError> {
        match self.reader.take() {
            Some(reader) => Ok(reader),
            None => StretchReader::new(&self.settings, Arc::clone(&self.stop)),
        }
    }

    /// Looks at one record.
    fn record(
        &mut self,
        order: &Order,
        record: &Record<'_>,
        registry: Option<&Registry>,
        progress: &mut Progress,
    ) -> Result<ControlFlow<()>, RegistryError> {
        let Reread { id, ref owner, ref rows, bytes, notices, .. } = order.reread;
        let full = progress.taken >= notices || progress.taken > 0 && progress.bytes >= bytes;
        if full || progress.looked_at == LOOKED_AT_MAX {
            return Ok(ControlFlow::Break(()));
        }
        let config = order.judged_by.iter().find(|(end, _)| record.offset < *end).map(|(_, config)| config);
        let Some(config) = config else { return Ok(ControlFlow::Continue(())) };
        let lane = config.destinations.iter().position(|destination| destination.name == order.destination);
        match self.wanted(config, record, registry) {
            Err(Trouble::Registry(error)) => return Err(error),
            // Of which row it is, nobody knows: it comes in its turn.
            Err(Trouble::Undecodable(_)) if rows.is_some() => {}
            Err(Trouble::Undecodable(error)) => {
                let held = Held::new(record, &self.budget);
                let (owner, offset, error) = (owner.clone(), record.offset, error.to_string());
                self.tell(Back::Undecodable { id, owner, offset, held, error });
            }
            Ok(Some((change, table, mut wanted))) => {
                wanted.retain(|(destination, _)| Some(*destination) == lane);
                let fits =
                    |row| rows.as_ref().is_none_or(|rows| rows.get(&row).is_some_and(|last| record.offset <= *last));
                if !wanted.is_empty() && fits(row_key(owner, record, &change)) {
                    let relevant = Relevant::new(owner, record, change, table, wanted, &self.budget);
                    progress.taken += 1;
                    progress.bytes += relevant.held.bytes();
                    self.tell(Back::Notice { id, config: Arc::clone(config), relevant });
                }
            }
            Ok(None) => {}
        }
        progress.looked_at += 1;
        Ok(ControlFlow::Continue(()))
    }

    /// What the rules of that config want of a record.
    fn wanted(
        &mut self,
        config: &Arc<Config>,
        record: &Record<'_>,
        registry: Option<&Registry>,
    ) -> Result<Option<Wanted>, Trouble> {
        let index = self.again(config);
        let Again { config, judge, plans, reading } = &mut self.judges[index];
        let known = reading.take().filter(|(topic, _)| topic == record.topic);
        let (_, reading) =
            reading.insert(known.unwrap_or_else(|| (record.topic.clone(), config.reading(record.topic))));
        let skim = || match registry {
            Some(registry) => skim_as(record, registry, reading),
            None => skim_as(record, &NoSchemas, reading),
        };
        let mut skimmed = skim().map_err(Trouble::Undecodable)?;
        // It was there when the record was judged first.
        while let (Skim::Needs(id), Some(registry)) = (&skimmed, registry) {
            self.runtime.block_on(registry.fetch(*id)).map_err(Trouble::Registry)?;
            skimmed = skim().map_err(Trouble::Undecodable)?;
        }
        let (ruling, table) = match skimmed {
            Skim::Change(envelope) => {
                let (server, table) = (envelope.server(), envelope.table());
                let plan = plans.get(server, table, || judge.plan(server, table));
                (judge.change_again(&plan, &envelope).map_err(Trouble::Undecodable)?, plan.table.clone())
            }
            Skim::Message(message) => {
                let plan = judge.message_plan(&message);
                (judge.message_again(&plan, &message), plan.table)
            }
            _ => return Ok(None),
        };
        Ok(match ruling {
            Ruling::Asked(change, verdict) => Some((change, table, verdict.wanted)),
            Ruling::Irrelevant | Ruling::Repeat => None,
        })
    }

    fn again(&mut self, config: &Arc<Config>) -> usize {
        let known = self.judges.iter().position(|again| Arc::ptr_eq(&again.config, config));
        known.unwrap_or_else(|| {
            let mut judge = Judge::new(Arc::clone(config));
            judge.learn(&self.lessons);
            self.judges.push(Again { config: Arc::clone(config), judge, plans: Plans::default(), reading: None });
            self.judges.len() - 1
        })
    }

    /// The records at these offsets, as far as they are still there and can be read now.
    fn records(&mut self, partition: &Partition, mut offsets: Vec<i64>) -> BTreeMap<i64, RawRecord> {
        offsets.sort_unstable();
        let mut found = BTreeMap::new();
        for stretch in offsets.chunk_by(|left, right| right - left <= JUMP) {
            let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else { continue };
            if let Err(error) = self.some(partition, *first..last + 1, stretch, &mut found) {
                tracing::warn!(%partition, %first, %error, "records for dead letters cannot be read again: they are written without them");
                self.reader = None;
            }
        }
        found
    }

    fn some(
        &mut self,
        partition: &Partition,
        mut offsets: std::ops::Range<i64>,
        wanted: &[i64],
        found: &mut BTreeMap<i64, RawRecord>,
    ) -> Result<(), ReaderError> {
        while !offsets.is_empty() {
            let mut reader = self.reader()?;
            let stretch = reader.read(partition, offsets.clone(), |record| {
                if wanted.binary_search(&record.offset).is_ok() {
                    found.insert(record.offset, RawRecord::copy(record));
                }
                ControlFlow::Continue(())
            });
            self.reader = Some(reader);
            match stretch? {
                Stretch::Read(_) => break,
                Stretch::Cut { begins, .. } => offsets.start = begins,
            }
        }
        Ok(())
    }
}

/// How far an order is.
#[derive(Default)]
struct Progress {
    taken: usize,
    bytes: u64,
    looked_at: usize,
}

/// Why an order cannot be carried out now.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Reader(#[from] ReaderError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
