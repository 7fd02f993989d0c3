//! The engine: one task that owns the outbox and the ledger, and so needs no locks.
//!
//! Everything that happens reaches it as a message; it alone decides what is posted next and what is committed.

use super::intake::{Held, Input, Relevant};
use super::render;
use super::status::{Lane, PartitionState, Status};
use crate::change::RowChange;
use crate::config::{Config, Table};
use crate::destination::{Http, POST_TIMEOUT, Verdict};
use crate::kafka::{Budget, Command, DeadLetter, DeadLetters, Event};
use crate::ledger::{Commit, Ledger, Owner, Partition, Position};
use crate::message::Priority;
use crate::outbox::{
    Bucket, GivenUp, LaneId, LaneSettings, LaneStatus, Notice, NoticeId, Outbox, Outcome, RowKey, Settled, backoff,
};
use crate::server::Health;
use crate::telemetry::Metrics;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// How often gauges and the status are brought up to date.
const TICK: Duration = Duration::from_millis(200);

/// How long a revoked partition or a stop waits for posts on the wire: their timeout, and a little.
const DRAIN: Duration = POST_TIMEOUT.saturating_add(Duration::from_secs(1));

/// The lane of records that cannot be read: what they owe is a dead letter, whatever their rules would say.
const UNDECODABLE: LaneId = LaneId::MAX;

/// Records taken from the channel before posts are looked at again, so that a flood does not keep them waiting.
const INPUTS_AT_ONCE: usize = 256;

/// What a notice carries through its lane.
#[derive(Debug)]
struct Payload {
    change: Arc<RowChange>,
    held: Arc<Held>,
    table: Option<Arc<Table>>,
    rules: Vec<usize>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

/// What comes back from the tasks that wait for an answer.
enum Done {
    Post { lane: LaneId, id: NoticeId, verdict: Verdict, took: Duration },
    Letter { owner: Owner, offset: i64, lane: LaneId, reason: &'static str },
}

struct Revoking {
    owners: Vec<Owner>,
    reply: SyncSender<Vec<Commit>>,
    deadline: Instant,
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
    pub(super) status: watch::Sender<Status>,
}

/// The engine at work.
struct Work {
    engine: Engine,
    outbox: Outbox<Payload>,
    ledger: Ledger,
    began: Instant,
    done: UnboundedSender<Done>,
    /// Dead letters on their way, by partition.
    letters: HashMap<Owner, usize>,
    revoking: Vec<Revoking>,
    delivered: Vec<u64>,
    retried: Vec<u64>,
    up: Vec<bool>,
    ticked: Instant,
    log_ends: HashMap<Partition, i64>,
    failed: Option<String>,
}

impl Engine {
    /// Runs until `stop` is done, then drains: posts on the wire are awaited, their commits made, pending ones left
    /// for the next start.
    pub async fn run(self, mut input: UnboundedReceiver<Input>, stop: impl Future<Output = ()>) -> Ended {
        let (done, mut answers) = unbounded_channel();
        let mut work = Work::new(self, done);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        tokio::pin!(stop);
        let mut batch = Vec::with_capacity(INPUTS_AT_ONCE);
        loop {
            work.start_posts();
            work.commit();
            let wake = work.wake();
            tokio::select! {
                // Answers first: they free what the rest waits for.
                biased;
                () = &mut stop => break,
                Some(answer) = answers.recv() => work.settle(answer),
                _ = tick.tick() => work.tick(),
                () = sleep_until(wake) => {}
                count = input.recv_many(&mut batch, INPUTS_AT_ONCE) => {
                    if count == 0 {
                        break;
                    }
                    batch.drain(..).for_each(|input| work.take(input));
                }
            }
            if let Some(why) = work.failed.take() {
                return Ended::Failed(why);
            }
        }
        work.drain(&mut answers, &mut input).await;
        Ended::Stopped
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
        let mut buckets: HashMap<&str, Rc<Bucket>> = HashMap::new();
        let destinations = &engine.config.destinations;
        let lanes: Vec<_> = destinations
            .iter()
            .map(|destination| {
                let bucket = buckets
                    .entry(&destination.bucket)
                    .or_insert_with(|| Rc::new(Bucket::new(destination.rate, destination.burst)));
                LaneSettings { bucket: Rc::clone(bucket), in_flight: destination.in_flight }
            })
            .collect();
        for destination in destinations {
            engine.metrics.destination_up.with_label_values(&[&*destination.name]).set(1);
        }
        let count = destinations.len();
        Self {
            outbox: Outbox::new(lanes, fastrand::u64(..)),
            ledger: Ledger::new(engine.config.limits.commit_interval),
            began: Instant::now(),
            done,
            letters: HashMap::new(),
            revoking: Vec::new(),
            delivered: vec![0; count],
            retried: vec![0; count],
            up: vec![true; count],
            ticked: Instant::now(),
            log_ends: HashMap::new(),
            failed: None,
            engine,
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Relevant(relevant) => self.offer(relevant),
            Input::Undecodable { owner, offset, held, error } => {
                self.ledger.owe(&owner, offset, vec![UNDECODABLE]);
                tracing::warn!(partition = %owner.partition, offset, %error, "a record cannot be read; it goes to the dead letters");
                self.write_letter(
                    owner,
                    offset,
                    UNDECODABLE,
                    Letter { held, reason: "decode", error, rule: None, attempts: 0 },
                );
            }
            Input::Read(positions) => {
                for (owner, position) in positions {
                    self.ledger.read(&owner, position);
                }
            }
            Input::Event(event) => self.event(event),
        }
    }

    fn offer(&mut self, relevant: Relevant) {
        let Relevant { owner, offset, change, held, table, wanted } = relevant;
        if !self.ledger.owns(&owner) {
            return;
        }
        self.ledger.owe(&owner, offset, wanted.iter().map(|(lane, _)| *lane).collect());
        let row = row_key(&owner, &change, &held);
        let now = self.now();
        for (lane, rules) in wanted {
            let priority = rules.first().map_or(Priority::Normal, |index| self.engine.config.rules[*index].priority);
            let payload = Payload { change: Arc::clone(&change), held: Arc::clone(&held), table: table.clone(), rules };
            let notice = Notice { owner: owner.clone(), offset, row: row.clone(), priority, attempts: 0, payload };
            self.outbox.offer(lane, notice, now);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected(connected) => self.engine.health.set_connected(connected),
            Event::Joined => {
                self.engine.health.set_joined();
                self.engine.metrics.rebalances.inc();
            }
            Event::Assigned { owner, offset, lost, metadata: _ } => {
                if let Some(lost) = lost {
                    self.engine.metrics.records_lost.with_label_values(&[&*owner.partition.topic]).inc_by(lost.max(1));
                    tracing::error!(
                        partition = %owner.partition,
                        lost,
                        continues_at = offset,
                        "the log no longer holds the records that were to be read next; hint: raise the topic's retention above the longest outage"
                    );
                }
                tracing::info!(partition = %owner.partition, offset, "partition assigned");
                self.outbox.stop(&|other| other.partition == owner.partition);
                self.ledger.assign(&owner, offset);
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
            Event::Committed(done) => {
                let done: Vec<_> = done
                    .into_iter()
                    .filter_map(|(partition, offset)| Some((self.ledger.owner(&partition)?, offset)))
                    .collect();
                self.ledger.committed(&done);
            }
            Event::LogEnds(ends) => self.log_ends.extend(ends),
            Event::Paused(paused) => {
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
            Event::Failed(why) => self.failed = Some(why),
        }
    }

    fn release(&mut self, owners: &[Owner]) {
        for owner in owners {
            self.ledger.release(owner);
            self.log_ends.remove(&owner.partition);
            self.engine.metrics.forget_partition(&owner.partition.topic, owner.partition.number);
        }
    }

    /// Answers revocations that have nothing on the wire any more, or whose time is over.
    fn finish_revokes(&mut self) {
        let now = Instant::now();
        let mut waiting = Vec::new();
        for revoking in std::mem::take(&mut self.revoking) {
            let busy = self.outbox.in_flight(&|owner| revoking.owners.contains(owner)) > 0
                || revoking.owners.iter().any(|owner| self.letters.contains_key(owner));
            if busy && now < revoking.deadline {
                waiting.push(revoking);
                continue;
            }
            let commits = revoking.owners.iter().filter_map(|owner| self.ledger.commit_of(owner)).collect();
            self.release(&revoking.owners);
            // The poller may have given up waiting; then nothing was committed, and repeats follow.
            let _ = revoking.reply.send(commits);
        }
        self.revoking = waiting;
    }

    fn start_posts(&mut self) {
        loop {
            let now = self.now();
            let Some((lane, id)) = self.outbox.next(now) else {
                return;
            };
            let Some(notice) = self.outbox.notice(lane, id) else {
                return;
            };
            let destination = &self.engine.config.destinations[lane];
            let Payload { change, table, rules, .. } = &notice.payload;
            let payload = render::payload(
                &self.engine.config,
                &destination.target,
                change,
                table.as_deref(),
                rules,
                &self.engine.metrics,
            );
            let name = format!("{}:{}", change.record, destination.name);
            let (http, target, done) = (self.engine.http.clone(), destination.target.clone(), self.done.clone());
            tokio::spawn(async move {
                let began = Instant::now();
                let verdict = target.post(&http, &payload, &name).await;
                // The engine ends only after its last answer, or its patience.
                let _ = done.send(Done::Post { lane, id, verdict, took: began.elapsed() });
            });
        }
    }

    fn settle(&mut self, done: Done) {
        match done {
            Done::Post { lane, id, verdict, took } => self.posted(lane, id, verdict, took),
            Done::Letter { owner, offset, lane, reason } => {
                self.engine.metrics.dead_letters.with_label_values(&[reason]).inc();
                self.ledger.settle(&owner, offset, lane);
                if let Some(count) = self.letters.get_mut(&owner) {
                    *count -= 1;
                    if *count == 0 {
                        self.letters.remove(&owner);
                    }
                }
            }
        }
        if !self.revoking.is_empty() {
            self.finish_revokes();
        }
    }

    fn posted(&mut self, lane: LaneId, id: NoticeId, verdict: Verdict, took: Duration) {
        let Verdict { outcome, detail } = verdict;
        let name = Arc::clone(&self.engine.config.destinations[lane].name);
        self.engine.metrics.posts.with_label_values(&[&*name, outcome.as_str()]).inc();
        self.engine.metrics.post_duration.with_label_values(&[&*name]).observe(took.as_secs_f64());
        if let Some(notice) = self.outbox.notice(lane, id) {
            report(&name, notice, outcome, &detail, self.up[lane]);
        }
        let now = self.now();
        match self.outbox.settle(lane, id, outcome, now) {
            Settled::Delivered(notice) => {
                self.delivered[lane] += 1;
                if let Some(time_us) = notice.payload.change.time_us {
                    let late_us = (jiff::Timestamp::now().as_microsecond() - time_us).max(0);
                    let labels = [&*name, notice.priority.as_str()];
                    self.engine.metrics.change_to_post.with_label_values(&labels).observe(late_us as f64 / 1e6);
                }
                self.ledger.settle(&notice.owner, notice.offset, lane);
            }
            Settled::GivenUp(notice, why) => {
                let reason = match why {
                    GivenUp::Rejected => "rejected",
                    GivenUp::Exhausted => "exhausted",
                };
                let Notice { owner, offset, attempts, payload, .. } = notice;
                let rules: Vec<_> = payload.rules.iter().map(|index| &*self.engine.config.rules[*index].name).collect();
                let letter =
                    Letter { held: payload.held, reason, error: detail, rule: Some(rules.join(",")), attempts };
                self.write_letter(owner, offset, lane, letter);
            }
            Settled::Pending => self.retried[lane] += 1,
            Settled::Gone => {}
        }
        let up = self.outbox.status(now)[lane].up;
        if up != self.up[lane] {
            self.up[lane] = up;
            self.engine.metrics.destination_up.with_label_values(&[&*name]).set(i64::from(up));
            if up {
                tracing::info!(destination = %name, "the destination accepts posts again");
            }
        }
    }

    /// Writes a dead letter, again and again until it is acknowledged: the commit waits for it.
    fn write_letter(&mut self, owner: Owner, offset: i64, lane: LaneId, letter: Letter) {
        *self.letters.entry(owner.clone()).or_default() += 1;
        let destination = self.engine.config.destinations.get(lane).map(|destination| Arc::clone(&destination.name));
        let (writer, done) = (self.engine.dead_letters.clone(), self.done.clone());
        let time = jiff::Timestamp::now().to_string();
        tokio::spawn(async move {
            let mut attempt = 0;
            loop {
                let written = writer
                    .write(&DeadLetter {
                        record: &letter.held.record,
                        partition: &owner.partition,
                        offset,
                        reason: letter.reason,
                        error: &letter.error,
                        destination: destination.as_deref(),
                        rule: letter.rule.as_deref(),
                        attempts: letter.attempts,
                        time: time.clone(),
                    })
                    .await;
                let Err(error) = written else { break };
                attempt += 1;
                tracing::error!(partition = %owner.partition, offset, %error, attempt, "the dead letter cannot be written; its record is not committed until it is");
                let pause = backoff(attempt, &mut fastrand::Rng::new());
                tokio::time::sleep(pause).await;
            }
            let _ = done.send(Done::Letter { owner, offset, lane, reason: letter.reason });
        });
    }

    fn commit(&mut self) {
        let commits = self.ledger.commits(self.now());
        if !commits.is_empty() && self.engine.poller.send(Command::Commit(commits)).is_err() {
            self.failed.get_or_insert_with(|| "the poller's thread ended".to_owned());
        }
    }

    /// When something is due although nothing happens.
    fn wake(&self) -> Option<Instant> {
        let due = [self.outbox.wake_at(), self.ledger.commit_due()].into_iter().flatten().min();
        let due = due.map(|due| self.began + due);
        let revoke = self.revoking.iter().map(|revoking| revoking.deadline).min();
        [due, revoke].into_iter().flatten().min()
    }

    /// Brings gauges and the status up to date.
    fn tick(&mut self) {
        if !self.revoking.is_empty() {
            self.finish_revokes();
        }
        let elapsed = self.ticked.elapsed().as_secs_f64();
        self.ticked = Instant::now();
        let now = self.now();
        let lanes = self.outbox.status(now);
        let metrics = &self.engine.metrics;
        for (destination, lane) in self.engine.config.destinations.iter().zip(&lanes) {
            let name = &*destination.name;
            for priority in Priority::ALL {
                let pending = lane.pending[priority as usize] as i64;
                metrics.lane_pending.with_label_values(&[name, priority.as_str()]).set(pending);
            }
            let oldest = lane.oldest.map_or(0.0, |offered| now.saturating_sub(offered).as_secs_f64());
            metrics.lane_oldest.with_label_values(&[name]).set(oldest);
            if let Some((reason, _)) = lane.waiting {
                metrics.lane_wait.with_label_values(&[name, reason.as_str()]).inc_by(elapsed);
            }
        }
        metrics.pending_bytes.set(i64::try_from(self.engine.budget.pending_bytes()).unwrap_or(i64::MAX));
        let positions = self.ledger.positions();
        for Position { partition, read, committed, .. } in &positions {
            let number = partition.number.to_string();
            let labels = [&*partition.topic, number.as_str()];
            metrics.uncommitted.with_label_values(&labels).set(read - committed);
            if let Some(end) = self.log_ends.get(partition) {
                metrics.consumer_lag.with_label_values(&labels).set((end - read).max(0));
            }
        }
        self.show(now, lanes, positions);
    }

    fn show(&self, now: Duration, lanes: Vec<LaneStatus>, positions: Vec<Position>) {
        let wall_ms = jiff::Timestamp::now().as_millisecond();
        let lanes =
            self.engine.config.destinations.iter().zip(lanes).enumerate().map(|(index, (destination, lane))| Lane {
                destination: destination.name.to_string(),
                kind: destination.target.kind(),
                pending: lane.pending,
                in_flight: lane.in_flight,
                waiting: lane.waiting.map(|(reason, until)| {
                    let left_ms = i64::try_from(until.saturating_sub(now).as_millis()).unwrap_or(i64::MAX);
                    (reason.as_str(), wall_ms.saturating_add(left_ms))
                }),
                delivered: self.delivered[index],
                retried: self.retried[index],
            });
        let name = |lane: &LaneId| self.engine.config.destinations.get(*lane).map(|found| found.name.to_string());
        let partitions = positions.into_iter().map(|position| PartitionState {
            topic: position.partition.topic.to_string(),
            partition: position.partition.number,
            position: position.read,
            committed: position.committed,
            held_by: position.held_by.iter().filter_map(name).collect(),
        });
        self.engine.status.send_replace(Status { lanes: lanes.collect(), partitions: partitions.collect() });
    }

    /// The end: no new posts, those on the wire awaited, then the last commits.
    async fn drain(&mut self, answers: &mut UnboundedReceiver<Done>, input: &mut UnboundedReceiver<Input>) {
        self.engine.health.set_stopping();
        self.outbox.close();
        let deadline = tokio::time::Instant::now() + DRAIN;
        tracing::info!(pending = self.outbox.pending(), "stopping: waiting for posts on the wire");
        while self.outbox.in_flight(&|_| true) > 0 || !self.letters.is_empty() {
            tokio::select! {
                Some(answer) = answers.recv() => self.settle(answer),
                Some(message) = input.recv() => {
                    // A rebalance must still be answered; records are left for the next start.
                    if let Input::Event(event) = message {
                        self.event(event);
                    }
                }
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        // Refuse what comes from now on, so that a revoke during the last poll finds nobody to wait for.
        input.close();
        while let Ok(message) = input.try_recv() {
            if let Input::Event(event @ Event::Revoked { .. }) = message {
                self.event(event);
            }
        }
        let owners = self.ledger.owners();
        let commits: Vec<_> = owners.iter().filter_map(|owner| self.ledger.commit_of(owner)).collect();
        tracing::info!(left = self.outbox.pending(), "stopped: what is left is posted after the next start");
        if self.engine.poller.send(Command::Stop(commits)).is_err() {
            tracing::warn!("the poller ended first: posts made since the last commit will be made again");
        }
    }
}

/// What a dead letter says besides where its record stands.
struct Letter {
    held: Arc<Held>,
    reason: &'static str,
    error: String,
    rule: Option<String>,
    attempts: u32,
}

/// Row = topic, partition, table, key (design invariant 3); keyless changes share one and so keep the partition's order.
fn row_key(owner: &Owner, change: &RowChange, held: &Held) -> RowKey {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(owner.partition.topic.as_bytes());
    key.push(0);
    key.extend_from_slice(&owner.partition.number.to_be_bytes());
    if let Some(bytes) = held.record.key.as_deref().filter(|_| change.key.is_some()) {
        key.extend_from_slice(change.table.as_bytes());
        key.push(0);
        key.extend_from_slice(bytes);
    }
    RowKey(key.into())
}

/// One log line for each post that was not simply accepted, without row data.
fn report(destination: &str, notice: &Notice<Payload>, outcome: Outcome, detail: &str, was_up: bool) {
    let (record, attempts) = (&notice.payload.change.record, notice.attempts);
    match outcome {
        Outcome::Delivered => tracing::debug!(destination, %record, attempts, "posted"),
        Outcome::Retry { after: Some(after) } => {
            tracing::info!(destination, %record, attempts, detail, wait_ms = after.as_millis() as u64, "told to wait")
        }
        Outcome::Retry { after: None } => {
            tracing::warn!(destination, %record, attempts, detail, "post failed, trying again")
        }
        Outcome::Unknown => {
            tracing::warn!(destination, %record, attempts, detail, "no answer: the post may appear twice, trying again")
        }
        Outcome::Rejected => {
            tracing::error!(destination, %record, attempts, detail, "the message was refused; it goes to the dead letters")
        }
        // Once when it begins; the gauge and the alert say the rest.
        Outcome::Blocked if was_up => tracing::error!(
            destination,
            detail,
            "the destination accepts nothing; its lane waits and tries again; hint: was the webhook revoked, or the channel archived?"
        ),
        Outcome::Blocked => tracing::debug!(destination, detail, "still blocked"),
    }
}
