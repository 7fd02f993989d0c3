//! The engine: one task that owns the outbox and the ledger, and so needs no locks.
//!
//! Everything that happens reaches it as a message; it alone decides what is posted next and what is committed.

mod asks;
mod back;
mod content;
mod gauges;
mod lanes;
mod letter;
mod post;
mod release;
mod reload;
mod standstill;

use super::handover::{Input, Relevant};
use super::render::Renderer;
use super::reread::{Back, Job};
use super::status::Status;
use crate::config::Config;
use crate::destination::{Http, Verdict};
use crate::kafka::{Budget, Command, DeadLetters, Event};
use crate::ledger::{Owner, Partition};
use crate::outbox::{CommitSettings, LaneId, LaneSettings, Outbox, Owed, PostId};
use crate::server::{Ask, Asked, Health};
use crate::telemetry::Metrics;
use back::Earlier;
pub use content::Payload;
use lanes::Lanes;
use letter::{Letter, OnTheWay};
use release::{DRAIN, Revoking};
use standstill::Watch;
use std::collections::HashMap;

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};

/// How often gauges and the status are brought up to date.
const TICK: Duration = Duration::from_millis(200);

/// Records taken from the channel before posts are looked at again, so that a flood does not keep them waiting.
const INPUTS_AT_ONCE: usize = 256;

const POLLER_ENDED: &str = "the poller's thread ended, which is a bug; its last words are in the log";

/// What comes back from the tasks that wait for an answer.
enum Done {
    Post { lane: LaneId, id: PostId, verdict: Verdict, took: Duration },
    Letter { owed: Owed, reason: &'static str, letters: u64 },
}

/// Why the engine ended.
#[derive(Debug)]
pub enum Ended {
    /// It was asked to.
    Stopped,
    /// The poller could not go on.
    Failed(String),
}

/// See the module's text.
pub struct Engine {
    pub(super) config: Arc<Config>,
    pub(super) http: Http,
    pub(super) dead_letters: DeadLetters,
    pub(super) metrics: Metrics,
    pub(super) health: Arc<Health>,
    pub(super) budget: Arc<Budget>,
    pub(super) poller: Sender<Command>,
    pub(super) rereader: Sender<Job>,
    pub(super) status: watch::Sender<Status>,
    /// Who is asked to read the config again.
    pub(super) reloads: UnboundedSender<oneshot::Sender<Asked>>,
}

/// The engine at work.
struct Work {
    engine: Engine,
    outbox: Outbox<Payload>,
    lanes: Lanes,
    renderer: Renderer,
    began: Instant,
    /// When a partition was assigned last: what was posted before, this run does not know.
    assigned: Instant,
    done: UnboundedSender<Done>,
    /// Dead letters on their way, by partition.
    letters: HashMap<Owner, OnTheWay>,
    revoking: Vec<Revoking>,
    ticked: Instant,
    watch: Watch,
    log_ends: HashMap<Partition, i64>,
    /// Configs that judged what may have to be read again.
    earlier: Vec<Earlier>,
    /// Reading pauses, for what is pending fills the memory.
    intake_paused: bool,
    /// The poller cannot go on: why.
    failed: Option<String>,
    /// The end has come: what is taken in is remembered as owed, and nothing is started.
    draining: bool,
}

impl Engine {
    /// Runs until `stop` is done, then drains: posts on the wire are awaited, their commits made, pending ones left
    /// for the next start.
    pub async fn run(
        self,
        mut input: UnboundedReceiver<Input>,
        mut asks: UnboundedReceiver<Ask>,
        mut backs: UnboundedReceiver<Back>,
        stop: impl Future<Output = ()>,
    ) -> Ended {
        let (done, mut answers) = unbounded_channel();
        let mut work = Work::new(self, done);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        tokio::pin!(stop);
        let mut batch = Vec::with_capacity(INPUTS_AT_ONCE);
        loop {
            work.write_leftovers();
            work.start_posts();
            work.commit();
            let wake = work.wake();
            tokio::select! {
                // Answers first: they free what the rest waits for.
                biased;
                () = &mut stop => break,
                Some(answer) = answers.recv() => work.settle(answer),
                _ = tick.tick() => work.tick(),
                Some(ask) = asks.recv() => work.answer(ask),
                () = sleep_until(wake) => work.finish_revokes(),
                back = backs.recv() => work.came_back(back),
                count = input.recv_many(&mut batch, INPUTS_AT_ONCE) => {
                    if count == 0 {
                        work.failed.get_or_insert_with(|| POLLER_ENDED.to_owned());
                    }
                    batch.drain(..).for_each(|input| work.take(input));
                }
            }
            if work.failed.is_some() {
                break;
            }
        }
        // Whatever the reason: posts on the wire are accepted or not, and what was accepted is to be committed.
        work.drain(&mut answers, &mut input).await;
        work.failed.map_or(Ended::Stopped, Ended::Failed)
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

impl Work {
    fn new(engine: Engine, done: UnboundedSender<Done>) -> Self {
        let (lanes, settings) = engine.first_lanes();
        let outbox = Outbox::new(settings, reload::commits(&engine.config), fastrand::u64(..));
        let mut work = Self {
            outbox,
            lanes,
            renderer: Renderer::new(engine.metrics.clone()),
            began: Instant::now(),
            assigned: Instant::now(),
            done,
            letters: HashMap::new(),
            revoking: Vec::new(),
            ticked: Instant::now(),
            watch: Watch::start(),
            log_ends: HashMap::new(),
            earlier: Vec::new(),
            intake_paused: false,
            failed: None,
            draining: false,
            engine,
        };
        work.hold();
        work
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Relevant(relevant) => self.offer(relevant),
            Input::Undecodable { owner, offset, held, error } => {
                self.outbox.owes_nothing(&owner, offset);
                let owed = self.outbox.owe_letter(&owner, offset);
                if let Some(owed) = owed.filter(|_| !self.draining) {
                    tracing::warn!(partition = %owner.partition, offset, %error, "a record cannot be read; it goes to the dead letters");
                    self.write_letter(owed, Letter::undecodable(held, error));
                }
            }
            Input::Repeat { owner, offset } => self.outbox.owes_nothing(&owner, offset),
            Input::Read(positions) => {
                for (owner, position) in positions {
                    self.outbox.read(&owner, position);
                }
            }
            Input::Config(fresh) => self.reload(fresh),
            Input::Event(event) => self.event(event),
        }
    }

    fn offer(&mut self, relevant: Relevant) {
        let (config, now) = (Arc::clone(&self.engine.config), self.now());
        for (destination, notice) in self.notices(&config, relevant) {
            if let Some(lane) = self.lanes.at(destination) {
                self.outbox.offer(lane, notice, now);
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected(connected) => self.engine.health.set_connected(connected),
            Event::Idle => self.engine.health.set_joined(),
            Event::Joined => {
                self.engine.health.set_joined();
                self.engine.metrics.rebalances.inc();
            }
            Event::Assigned { owner, offset, lost, metadata } => {
                if let Some(lost) = lost {
                    self.lost(&owner, offset, lost);
                }
                tracing::info!(partition = %owner.partition, offset, "partition assigned");
                self.assigned = Instant::now();
                // What an earlier assignment left was stopped when that went. Only where a log was replaced under us
                // there may be more: its notices are posted, although no commit can say so any more.
                if let Err(error) = self.outbox.assign(&owner, offset, metadata.as_deref()) {
                    tracing::warn!(
                        partition = %owner.partition,
                        %error,
                        "the metadata of the last commit is ignored: what was posted beyond the commit is posted again"
                    );
                }
            }
            Event::Skipped { owner, offset, lost } => {
                self.lost(&owner, offset, lost);
                self.outbox.read(&owner, offset);
            }
            Event::Revoked { owners, reply } => {
                self.engine.metrics.rebalances.inc();
                self.outbox.stop(&|owner| owners.contains(owner));
                self.revoking.push(Revoking { owners, reply, deadline: Instant::now() + DRAIN });
                self.finish_revokes();
            }
            Event::Lost { owners } => {
                self.engine.metrics.rebalances.inc();
                tracing::warn!(
                    partitions = owners.len(),
                    "partitions were lost: the group took this replica for dead; what it had pending is posted by the new owner"
                );
                self.outbox.stop(&|owner| owners.contains(owner));
                self.release(&owners);
            }
            Event::Committed(done) => self.outbox.committed(&done),
            Event::Partitions(count) => self.outbox.set_partitions(count),
            Event::LogEnds(ends) => self.log_ends.extend(ends),
            Event::Paused(paused) => {
                self.intake_paused = paused;
                self.engine.metrics.intake_paused.set(i64::from(paused));
                let pending_bytes = self.engine.budget.pending_bytes();
                if paused {
                    tracing::warn!(
                        pending_bytes,
                        "reading pauses: limits.pending_bytes is reached; lanes catch up first"
                    );
                } else {
                    tracing::info!(pending_bytes, "reading resumes");
                }
            }
            // The first says most: what follows are its consequences.
            Event::Failed(why) => {
                self.failed.get_or_insert(why);
            }
        }
    }
    fn lost(&self, owner: &Owner, continues_at: i64, lost: u64) {
        self.engine.metrics.records_lost.with_label_values(&[&*owner.partition.topic]).inc_by(lost.max(1));
        tracing::error!(
            partition = %owner.partition,
            lost,
            continues_at,
            "the log no longer holds the records that were to be read next; hint: raise the topic's retention above the longest outage"
        );
    }

    fn commit(&mut self) {
        let commits = self.outbox.commits(self.now());
        if !commits.is_empty() && self.engine.poller.send(Command::Commit(commits)).is_err() {
            self.failed.get_or_insert_with(|| POLLER_ENDED.to_owned());
        }
    }

    /// When something is due although nothing happens.
    fn wake(&self) -> Option<Instant> {
        let due = self.outbox.wake_at().map(|due| self.began + due);
        let revoke = self.revoking.iter().map(|revoking| revoking.deadline).min();
        [due, revoke].into_iter().flatten().min()
    }
}

/// How the lanes of a config behave, in its order, and how commits are made: what a run of the outbox alone needs.
pub fn pacing(config: &Config) -> (Vec<LaneSettings>, CommitSettings) {
    (Lanes::default().settings(config), reload::commits(config))
}
