//! The world: virtual time, what happens in it, and the replicas that live in it.

use crate::change::Id;
use crate::destination::Destination;
use crate::faults::{Bug, Counts};
use crate::kafka::{Partition, Record};
use crate::pace::Allowance;
use crate::reload::Edit;
use crate::replica::Replica;
use crate::reread::Progress;
use crate::truth::{Accepted, LaneTruth};
use fastrand::Rng;
use rowbell::ledger::Commit;
use rowbell::message::Priority;
use rowbell::outbox::{LaneId, Outcome, Owed, PostId, Rate, Reread};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::Duration;

/// Replicas of the service.
pub const REPLICAS: usize = 2;

/// When the world ends at the latest: what is not settled by then never is. A replica may have a third of 25 posts in 5
/// minutes for a thousand of them.
const END: Duration = Duration::from_secs(24 * 3600);

/// What happens.
#[derive(Debug)]
pub enum Event {
    Produce(usize, usize),
    Poll(usize),
    Wake(usize, u64),
    Arrive(LaneId, Box<Accepted>, PostId),
    Answer(usize, u64, LaneId, PostId, Outcome),
    Reload(Edit),
    Pause(usize, usize, bool),
    Committed(usize, u64, Vec<Commit>),
    Lettered(usize, u64, Owed, Option<usize>, Vec<Id>),
    Handover(usize, u64, usize),
    Reread(usize, u64, Reread, Progress),
    Cut(usize),
    Mood(usize),
    Crash(usize),
    Restart(usize),
    Move(usize),
    Lose(usize),
    Outage(Duration),
    Heal,
}

/// How a lane is set up.
#[derive(Debug, Clone, Copy)]
pub struct LanePlan {
    pub rate: Rate,
    pub burst: u32,
    pub in_flight: usize,
    pub fold: bool,
    pub digest: Option<Duration>,
    pub simplify: bool,
    /// How many notices fit into its share of memory.
    pub share: u64,
}

/// See the module's text.
pub struct World {
    pub random: Rng,
    pub now: Duration,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    events: std::collections::HashMap<u64, Event>,
    sequence: u64,
    pub partitions: Vec<Partition>,
    /// By name, as all that follows: the destinations that the config may have.
    pub plans: Vec<LanePlan>,
    /// Those that it has now.
    pub active: Vec<bool>,
    /// When one that was removed may come back.
    pub back_from: Vec<Duration>,
    pub destinations: Vec<Destination>,
    pub allowances: Vec<Allowance>,
    pub lanes: Vec<LaneTruth>,
    /// Dead letters of records that cannot be read.
    pub letters: HashSet<Id>,
    pub replicas: Vec<Option<Replica>>,
    pub lives: u64,
    pub epochs: u64,
    /// Until then, no commit works.
    pub outage: Duration,
    /// Faults are over.
    pub healed: bool,
    pub metadata_bytes: usize,
    pub pending_max: usize,
    pub bug: Option<Bug>,
    pub counts: Counts,
    trace: bool,
}

impl World {
    pub fn new(seed: u64, bug: Option<Bug>, trace: bool) -> Self {
        let mut random = Rng::with_seed(seed);
        let there = random.usize(1..4);
        let lanes = there + random.usize(1..3);
        let plans: Vec<_> = (0..lanes).map(|_| plan(&mut random)).collect();
        let mut world = Self {
            destinations: (0..lanes).map(|_| Destination::new(&mut random)).collect(),
            partitions: (0..random.usize(1..4)).map(|_| Partition::default()).collect(),
            allowances: plans.iter().map(|plan| Allowance::new(plan, Duration::ZERO)).collect(),
            lanes: (0..lanes).map(|_| LaneTruth::new()).collect(),
            replicas: (0..REPLICAS).map(|_| None).collect(),
            // Now and then too little for anything.
            metadata_bytes: if random.u8(..8) == 0 { random.usize(0..60) } else { 4096 },
            pending_max: if random.u8(..4) == 0 { random.usize(5..40) } else { 10_000 },
            random,
            now: Duration::from_secs(1_000),
            queue: BinaryHeap::new(),
            events: std::collections::HashMap::new(),
            sequence: 0,
            plans,
            active: (0..lanes).map(|name| name < there).collect(),
            back_from: vec![Duration::ZERO; lanes],
            letters: HashSet::new(),
            lives: 0,
            epochs: 0,
            outage: Duration::ZERO,
            healed: false,
            bug,
            counts: Counts::default(),
            trace,
        };
        world.write_the_script();
        world
    }

    /// Changes and faults of one to two minutes.
    fn write_the_script(&mut self) {
        let span = self.random.u64(20_000..90_000);
        let partitions = self.partitions.len();
        for replica in 0..REPLICAS {
            self.within(500, Event::Restart(replica));
        }
        for _ in 0..self.random.usize(3..25) {
            let (partition, count) = (self.random.usize(..partitions), self.random.usize(1..4));
            self.within(span, Event::Produce(partition, count));
        }
        if self.random.u8(..4) == 0 {
            let (partition, count) = (self.random.usize(..partitions), self.random.usize(20..150));
            self.within(span, Event::Produce(partition, count));
        }
        if self.random.u8(..30) == 0 {
            let partition = self.random.usize(..partitions);
            self.within(span, Event::Produce(partition, 500));
        }
        for lane in 0..self.plans.len() {
            for _ in 0..self.random.usize(0..8) {
                self.within(span, Event::Mood(lane));
            }
        }
        for _ in 0..self.random.usize(0..4) {
            let event = match self.random.u8(..6) {
                0 | 1 => Event::Crash(self.random.usize(..REPLICAS)),
                2 | 3 => Event::Move(self.random.usize(..partitions)),
                4 => Event::Lose(self.random.usize(..partitions)),
                _ => Event::Outage(Duration::from_millis(self.random.u64(10..20_000))),
            };
            self.within(span, event);
        }
        if self.random.u8(..3) == 0 {
            for _ in 0..self.random.usize(1..5) {
                let edit = Edit::ALL[self.random.usize(..Edit::ALL.len())];
                self.within(span, Event::Reload(edit));
            }
        }
        if self.random.u8(..15) == 0 {
            let partition = self.random.usize(..partitions);
            self.within(span, Event::Cut(partition));
        }
        if self.random.u8(..6) == 0 {
            let (replica, name) = (self.random.usize(..REPLICAS), self.random.usize(..self.plans.len()));
            self.within(span, Event::Pause(replica, name, true));
            self.within(span, Event::Pause(replica, name, false));
        }
        self.at(Duration::from_millis(span), Event::Heal);
    }

    /// Something happens at some time within so many milliseconds.
    fn within(&mut self, ms: u64, event: Event) {
        let wait = Duration::from_millis(self.random.u64(..ms));
        self.at(wait, event);
    }

    /// Something happens in so long. Time alone decides; at one moment, what was said first comes first.
    pub fn at(&mut self, wait: Duration, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((self.now + wait, self.sequence)));
        self.events.insert(self.sequence, event);
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>12.3} {}", self.now.as_secs_f64() - 1_000.0, what());
        }
    }

    /// Runs to the end.
    pub fn run(&mut self) -> Result<(), String> {
        while let Some(Reverse((now, sequence))) = self.queue.pop() {
            self.now = now;
            self.counts.steps += 1;
            if let Some(event) = self.events.remove(&sequence) {
                self.say(|| format!("{event:?}"));
                self.happen(event)?;
            }
            for replica in 0..self.replicas.len() {
                self.drive(replica)?;
                self.check_memory(replica)?;
            }
            if self.healed && self.is_done() {
                break;
            }
            if now > END {
                return Err(format!("not done: {}", self.left()));
            }
        }
        if !self.is_done() {
            return Err(format!("nothing happens any more, and it is not done: {}", self.left()));
        }
        for lane in &self.lanes {
            self.counts.repeats += lane.repeats;
            self.counts.folds += lane.notes.borrow().folds;
            self.counts.undone += lane.notes.borrow().undone.len() as u64;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.partitions.iter().all(|partition| partition.committed == partition.end)
    }

    fn left(&self) -> String {
        let ends = self.partitions.iter().map(|partition| (partition.committed, partition.end, partition.owner));
        let status = self.replicas.iter().flatten().map(|replica| replica.outbox.status(self.now));
        format!("{:?} {:?}", ends.collect::<Vec<_>>(), status.collect::<Vec<_>>())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Produce(partition, count) => self.produce(partition, count),
            Event::Poll(partition) => self.poll(partition)?,
            Event::Wake(replica, life) => {
                if let Some(replica) = self.alive(replica, life) {
                    replica.wakes = None;
                }
            }
            Event::Arrive(lane, post, id) => self.arrive(lane, *post, id)?,
            Event::Answer(replica, life, lane, id, outcome) => self.answer(replica, life, lane, id, outcome)?,
            Event::Committed(replica, life, done) => self.committed(replica, life, &done),
            Event::Lettered(replica, life, owed, lane, ids) => self.lettered(replica, life, &owed, lane, &ids),
            Event::Handover(replica, life, partition) => self.hand_over(replica, life, partition, true)?,
            Event::Reread(replica, life, order, progress) => self.reread(replica, life, order, progress)?,
            Event::Cut(partition) => {
                if !self.healed {
                    self.cut(partition);
                }
            }
            Event::Reload(edit) => self.reload(edit),
            Event::Pause(replica, name, paused) => self.pause(replica, name, paused),
            Event::Mood(lane) => {
                if !self.healed {
                    self.destinations[lane].change_mood(&mut self.random);
                }
            }
            Event::Crash(replica) => self.crash(replica)?,
            Event::Restart(replica) => self.restart(replica)?,
            Event::Move(partition) => self.revoke(partition)?,
            Event::Lose(partition) => self.lose(partition)?,
            Event::Outage(span) => self.outage = self.now + span,
            Event::Heal => {
                self.healed = true;
                self.outage = Duration::ZERO;
                self.destinations.iter_mut().for_each(Destination::heal);
                self.resume_all();
            }
        }
        Ok(())
    }

    pub fn alive(&mut self, replica: usize, life: u64) -> Option<&mut Replica> {
        self.replicas[replica].as_mut().filter(|replica| replica.life == life)
    }

    fn produce(&mut self, number: usize, count: usize) {
        let urgent = if count >= 500 { 2 } else { 6 };
        for _ in 0..count {
            let random = &mut self.random;
            let partition = &mut self.partitions[number];
            // Transaction markers and compaction leave gaps.
            let offset = partition.end + i64::from(random.u8(..4) == 0) * random.i64(1..5);
            let row = (random.u8(..12) > 0).then(|| random.u8(..8));
            partition.values.resize(256, 0);
            let slot = usize::from(row.unwrap_or(255));
            let from = partition.values[slot];
            let to = (from + random.u32(1..3)) % 4;
            partition.values[slot] = to;
            let wanted = self.plans.iter().map(|_| match random.u8(..urgent) {
                0 => Some(Priority::Critical),
                1 if urgent > 2 => None,
                2 => Some(Priority::Low),
                _ => Some(Priority::Normal),
            });
            let wanted = wanted.collect();
            let expires = (random.u8(..20) == 0).then(|| self.now + Duration::from_millis(random.u64(100..20_000)));
            let (broken, repeat) = (random.u8(..60) == 0, random.u8(..40) == 0);
            partition.log.push(Record { offset, row, from, to, wanted, expires, broken, repeat });
            if broken || repeat {
                partition.values[slot] = from;
            }
            partition.end = offset + 1;
        }
        self.at(Duration::from_millis(5), Event::Poll(number));
    }
}

pub fn plan(random: &mut Rng) -> LanePlan {
    let seconds = Duration::from_secs;
    let rate = match random.u8(..4) {
        0 => Rate::new(1, seconds(1)),
        1 => Rate::new(5, seconds(1)),
        2 => Rate::new(25, seconds(300)),
        _ => Rate::new(50, seconds(1)),
    };
    LanePlan {
        rate: rate.expect("a rate"),
        burst: random.u32(1..4),
        in_flight: if random.bool() { 1 } else { random.usize(2..5) },
        fold: random.bool(),
        digest: (random.u8(..3) > 0).then(|| seconds(random.u64(1..31))),
        simplify: random.bool(),
        share: if random.bool() { random.u64(1..40) } else { u64::MAX },
    }
}
