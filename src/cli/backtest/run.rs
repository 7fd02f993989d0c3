//! One config against the past: the real rules, the real outbox, in the records' own time.

use crate::app::{self, Payload, Ruling};
use crate::change::RowChange;
use crate::cli::input::Source;
use crate::cli::posts::{Posts, Seen};
use crate::cli::records::CapturedRecord;
use crate::config::Config;
use crate::ledger::{Owner, Partition};
use crate::message::Priority;
use crate::outbox::{LaneId, Next, Notice, Outbox, Outcome, Post, PostId, Settled};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// A post that waited for so long was delayed by the limiter, not by the answer before it.
const DELAYED: Duration = Duration::from_secs(1);

/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

/// What became of the past under one config.
#[derive(Debug)]
pub struct Ended {
    /// The config's file.
    pub file: String,
    /// Records read, those without a change included.
    pub records: u64,
    /// Changes that the source had sent before.
    pub repeats: u64,
    /// Records that cannot be decoded.
    pub undecodable: u64,
    /// Time of the first and the last record, in milliseconds since the epoch.
    pub span_ms: Option<(i64, i64)>,
    /// In the order of the file.
    pub rules: Vec<RuleFigures>,
    /// In the order of the file.
    pub destinations: Vec<DestinationFigures>,
}

/// What became of one rule.
#[derive(Debug, Default, Clone)]
pub struct RuleFigures {
    /// Its name.
    pub name: String,
    /// Changes that it wants.
    pub changes: u64,
    /// Changes for which its condition failed.
    pub failed: u64,
    /// Single posts in its words.
    pub posts: u64,
}

/// What became of one destination.
#[derive(Debug, Default, Clone)]
pub struct DestinationFigures {
    /// Its name.
    pub name: String,
    /// Changes that it is owed.
    pub changes: u64,
    /// Single posts.
    pub posts: u64,
    /// Digests.
    pub digests: u64,
    /// Changes that digests stand for.
    pub digested: u64,
    /// Changes that went into another's post.
    pub folded: u64,
    /// Changes too old when their turn came.
    pub expired: u64,
    /// Changes that came to nothing: undone before they were posted.
    pub nothing: u64,
    /// Posts that waited for a second or more.
    pub delayed: u64,
    /// The longest waits of single posts, by priority: critical, normal, low.
    pub waits: [Duration; 3],
    /// The longest wait of a change for its digest.
    pub digest_wait: Duration,
    /// The most that was pending at once.
    pub pending: usize,
    /// Posts by hour, digests included: hours since the epoch.
    pub hours: BTreeMap<i64, u64>,
}

impl DestinationFigures {
    /// Posts of all kinds.
    pub fn all_posts(&self) -> u64 {
        self.posts + self.digests
    }
}

/// See the module's text.
pub struct Run<'s> {
    config: Arc<Config>,
    posts: Posts<'s>,
    outbox: Outbox<Payload>,
    assigned: HashMap<Partition, Owner>,
    /// Posts on the wire, and when their answer comes.
    flying: BTreeSet<(Duration, LaneId, PostId)>,
    latency: Duration,
    /// Time since the first record.
    now: Duration,
    ended: Ended,
}

impl<'s> Run<'s> {
    /// Starts at the first record.
    pub fn new(file: &str, config: &Arc<Config>, source: &'s dyn Source, latency: Duration) -> Result<Self, String> {
        let (lanes, commits) = app::pacing(config);
        let rules = config.rules.iter().map(|rule| RuleFigures { name: rule.name.to_string(), ..Default::default() });
        let destinations = config
            .destinations
            .iter()
            .map(|destination| DestinationFigures { name: destination.name.to_string(), ..Default::default() });
        let ended = Ended {
            file: file.to_owned(),
            records: 0,
            repeats: 0,
            undecodable: 0,
            span_ms: None,
            rules: rules.collect(),
            destinations: destinations.collect(),
        };
        Ok(Self {
            posts: Posts::new(Arc::clone(config), source)?,
            config: Arc::clone(config),
            // The jitter of retries, of which there are none.
            outbox: Outbox::new(lanes, commits, 0),
            assigned: HashMap::new(),
            flying: BTreeSet::new(),
            latency,
            now: Duration::ZERO,
            ended,
        })
    }

    /// Takes the next record. An error is the registry's.
    pub fn see(&mut self, record: &CapturedRecord) -> Result<(), String> {
        self.ended.records += 1;
        if let Some(time) = record.timestamp_ms {
            let (first, last) = self.ended.span_ms.unwrap_or((time, time));
            self.ended.span_ms = Some((first, last.max(time)));
            let until = Duration::from_millis(u64::try_from(time - first).unwrap_or(0));
            self.go_on(until.max(self.now));
        }
        let partition = Partition { topic: Arc::clone(&record.topic), number: record.partition };
        let owner = match self.assigned.get(&partition) {
            Some(owner) => owner.clone(),
            None => {
                let owner = Owner { partition: partition.clone(), epoch: 0 };
                // Nothing was posted before: the metadata is empty.
                self.outbox.assign(&owner, record.offset, None).map_err(|error| error.to_string())?;
                self.assigned.insert(partition, owner.clone());
                owner
            }
        };
        let read = record.record();
        match self.posts.see(&read)? {
            Seen::Undecodable(_) => self.ended.undecodable += 1,
            Seen::Change(_, Ruling::Repeat) => self.ended.repeats += 1,
            Seen::Change(plan, Ruling::Asked(change, verdict)) => {
                for index in &verdict.matched {
                    self.ended.rules[*index].changes += 1;
                }
                for (index, _) in &verdict.failed {
                    self.ended.rules[*index].failed += 1;
                }
                let row = app::row_key(&owner, &read, &change);
                for (lane, rules) in verdict.wanted {
                    let priority = rules.first().map_or(Priority::Normal, |index| self.config.rules[*index].priority);
                    let expires = self.expires(&rules, &change);
                    let payload = Payload::new(&self.config, &change, None, plan.table.clone(), rules);
                    let notice = Notice::new(owner.clone(), record.offset, row.clone(), priority, payload, self.now);
                    self.ended.destinations[lane].changes += 1;
                    self.outbox.offer(lane, Notice { expires, ..notice }, self.now);
                }
            }
            Seen::Change(_, Ruling::Irrelevant) | Seen::Other => {}
        }
        self.outbox.read(&owner, record.offset + 1);
        self.go_on(self.now);
        Ok(())
    }

    /// When the change is too old for every rule that wants it, counted from its commit at the source.
    fn expires(&self, rules: &[usize], change: &RowChange) -> Option<Duration> {
        let spans: Option<Vec<_>> = rules.iter().map(|index| self.config.rules[*index].expires).collect();
        let longest = spans?.into_iter().max()?;
        let (first, _) = self.ended.span_ms?;
        let age = change.time_us.map_or(0, |time| {
            let now = first * 1000 + i64::try_from(self.now.as_micros()).unwrap_or(i64::MAX);
            u64::try_from(now - time).unwrap_or(0)
        });
        Some((self.now + longest).saturating_sub(Duration::from_micros(age)))
    }

    /// Lets the time pass: posts are started, answered and committed.
    fn go_on(&mut self, until: Duration) {
        loop {
            self.start();
            let answer = self.flying.first().map(|(at, ..)| *at);
            let wake = self.outbox.wake_at();
            let Some(next) = answer.into_iter().chain(wake).min().filter(|next| *next <= until) else { break };
            // What is due and does nothing must not hold the time up.
            self.now = if next > self.now || answer == Some(next) {
                next.max(self.now)
            } else {
                self.now + Duration::from_millis(1)
            };
            self.answer();
            let commits = self.outbox.commits(self.now);
            let done: Vec<_> = commits.iter().map(|commit| (commit.owner.partition.clone(), commit.offset)).collect();
            if !done.is_empty() {
                self.outbox.committed(&done);
            }
            if self.now > until {
                break;
            }
        }
        self.now = self.now.max(until);
    }

    fn start(&mut self) {
        while let Some(next) = self.outbox.next(self.now) {
            match next {
                Next::Post(lane, id) => {
                    self.count(lane, id);
                    self.flying.insert((self.now + self.latency, lane, id));
                }
                Next::Expired(notice, owed) => {
                    self.ended.destinations[owed.lane].expired += notice.changes;
                    self.outbox.lettered(&owed);
                }
                // Notices weigh nothing here, so that no lane is beyond its memory and lets any go.
                Next::Reread(_) => {}
            }
        }
        for (figures, status) in self.ended.destinations.iter_mut().zip(self.outbox.status(self.now)) {
            figures.pending = figures.pending.max(status.pending.iter().sum());
        }
    }

    fn count(&mut self, lane: LaneId, id: PostId) {
        let Some(post) = self.outbox.post(lane, id) else { return };
        let figures = &mut self.ended.destinations[lane];
        let waited = match post {
            Post::One(notice) => {
                figures.posts += 1;
                figures.folded += notice.changes.saturating_sub(1);
                let waited = self.now.saturating_sub(notice.offered);
                let longest = &mut figures.waits[priority(notice.priority)];
                *longest = waited.max(*longest);
                if let Some(rule) = notice.content.rules.first() {
                    self.ended.rules[*rule].posts += 1;
                }
                waited
            }
            Post::Many(digest) => {
                figures.digests += 1;
                figures.digested += digest.changes();
                let waited = self.now.saturating_sub(digest.span().0);
                figures.digest_wait = waited.max(figures.digest_wait);
                waited
            }
        };
        figures.delayed += u64::from(waited >= DELAYED);
        if let Some((first, _)) = self.ended.span_ms {
            let at = first + i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX - first);
            *figures.hours.entry(at.div_euclid(HOUR_MS)).or_default() += 1;
        }
    }

    fn answer(&mut self) {
        while let Some((at, lane, id)) = self.flying.first().copied().filter(|(at, ..)| *at <= self.now) {
            self.flying.remove(&(at, lane, id));
            let settled = self.outbox.settle(lane, id, Outcome::Delivered, self.now);
            debug_assert!(matches!(settled, Settled::Delivered(_) | Settled::Gone), "{settled:?}");
        }
    }

    /// Lets everything that is still pending be posted.
    pub fn end(mut self) -> Ended {
        while !self.outbox.is_empty() || !self.flying.is_empty() {
            let due = self.flying.first().map(|(at, ..)| *at).into_iter().chain(self.outbox.wake_at()).min();
            let Some(due) = due else { break };
            self.go_on(due.max(self.now + Duration::from_millis(1)));
        }
        for figures in &mut self.ended.destinations {
            let told = figures.posts + figures.folded + figures.digested + figures.expired;
            figures.nothing = figures.changes.saturating_sub(told);
        }
        self.ended
    }
}

fn priority(priority: Priority) -> usize {
    match priority {
        Priority::Critical => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}
