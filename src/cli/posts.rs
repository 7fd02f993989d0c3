//! What `run` would post, without posting: the same judging, the same rendering.

use super::input::Source;
use crate::app::{self, Judge, Payload, Plan, Renderer, Ruling, Subject, Verdict};
use crate::change::{self, DecodeError, Folded, Hints, Reading, Record, RecordId, RowChange, Skim};
use crate::config::{Config, Destination, Table};
use crate::destination::{Errand, Poster};
use crate::message::Priority;
use crate::telemetry::Metrics;
use serde_json::{Value as Json, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// A post about one change.
#[derive(Debug, Clone)]
pub struct Post {
    /// Index of the destination.
    pub destination: usize,
    /// Indices of the rules that want it; the first one's words count.
    pub rules: Vec<usize>,
    /// The record it is about.
    pub record: RecordId,
    /// The request's body.
    pub payload: Json,
    /// What a destination is told to make it.
    pub errand: Errand,
    /// The change and its table.
    about: (Arc<RowChange>, Option<Arc<Table>>),
    /// The records behind the first one that a digest stands for.
    others: Vec<RecordId>,
}

/// What became of a record.
#[derive(Debug)]
pub enum Seen {
    /// No change.
    Other,
    /// A change, and what the rules made of it.
    Change(Plan, Ruling),
    /// It cannot be decoded.
    Undecodable(DecodeError),
}

/// Records gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub records: u64,
    /// Posts owed.
    pub posts: u64,
    /// Those that owe nothing.
    pub nothing: u64,
    /// Those among them that the source had sent before.
    pub repeats: u64,
    /// Those that cannot be decoded.
    pub undecodable: u64,
}

/// Judges records one after the other, as one partition after the other would be by `run`.
pub struct Posts<'s> {
    config: Arc<Config>,
    source: &'s dyn Source,
    judge: Judge,
    renderer: Renderer,
    posters: Vec<Poster>,
    began: Instant,
    /// What was gone through so far.
    pub counts: Counts,
    /// Rules whose condition failed, each said once.
    warned: HashSet<usize>,
}

impl<'s> Posts<'s> {
    /// Starts with nothing learnt.
    pub fn new(config: Arc<Config>, source: &'s dyn Source) -> Result<Self, String> {
        // Rendering counts what goes wrong; nobody reads it here.
        let metrics = Metrics::new().map_err(|error| error.to_string())?;
        let renderer = Renderer::new(metrics);
        let judge = Judge::new(Arc::clone(&config));
        let poster = |destination: &Destination| Poster::new(&destination.name, &destination.target);
        let posters = config.destinations.iter().map(poster).collect();
        let (began, counts, warned) = (Instant::now(), Counts::default(), HashSet::new());
        Ok(Self { config, source, judge, renderer, posters, began, counts, warned })
    }

    /// For posts that may have been made before: each says so.
    pub fn again(mut self) -> Result<Self, String> {
        self.renderer = Renderer::again(Metrics::new().map_err(|error| error.to_string())?);
        Ok(self)
    }

    /// Judges a record. An error is the registry's.
    pub fn see(&mut self, record: &Record<'_>) -> Result<Seen, String> {
        self.counts.records += 1;
        Ok(match skimmed(record, self.source, &self.config.reading(record.topic))? {
            Err(error) => Seen::Undecodable(error),
            Ok(Skim::Change(envelope)) => {
                let plan = self.judge.plan(envelope.server(), envelope.table());
                match self.judge.change(&plan, &envelope) {
                    Ok(judged) => Seen::Change(plan, judged),
                    Err(error) => Seen::Undecodable(error),
                }
            }
            Ok(Skim::Message(message)) => {
                let plan = self.judge.message_plan(&message);
                let judged = self.judge.message(&plan, &message);
                Seen::Change(plan, judged)
            }
            Ok(_) => Seen::Other,
        })
    }

    /// The change of a record as rules judge it, where it is one that can be decoded. An error is the registry's.
    pub fn decoded(&self, record: &Record<'_>) -> Result<Option<Arc<RowChange>>, String> {
        Ok(match skimmed(record, self.source, &self.config.reading(record.topic))? {
            Ok(Skim::Change(envelope)) => self.judge.decoded(&envelope).ok(),
            Ok(Skim::Message(message)) => Some(Arc::new(message.change())),
            _ => None,
        })
    }

    /// The posts of a record, in the order of the rules.
    pub fn of(&mut self, record: &Record<'_>) -> Result<Result<Vec<Post>, DecodeError>, String> {
        let seen = self.see(record)?;
        let posts = match seen {
            Seen::Undecodable(error) => {
                self.counts.undecodable += 1;
                return Ok(Err(error));
            }
            Seen::Change(plan, Ruling::Asked(change, verdict)) => {
                self.warn(&change, &verdict);
                self.rendered(&plan, &change, verdict)
            }
            Seen::Change(_, Ruling::Repeat) => {
                self.counts.repeats += 1;
                Vec::new()
            }
            Seen::Change(_, Ruling::Irrelevant) | Seen::Other => Vec::new(),
        };
        self.counts.nothing += u64::from(posts.is_empty());
        self.counts.posts += posts.len() as u64;
        Ok(Ok(posts))
    }

    /// The posts that a verdict owes.
    pub fn rendered(&self, plan: &Plan, change: &Arc<RowChange>, verdict: Verdict) -> Vec<Post> {
        verdict.wanted.into_iter().map(|(destination, rules)| self.post(plan, destination, rules, change)).collect()
    }

    /// One post of a change to a destination, in the words of these rules.
    pub fn one(&self, destination: usize, rules: Vec<usize>, change: &Arc<RowChange>) -> Post {
        let table = self.config.table(&change.server, &change.table).cloned();
        self.post(&Plan { table, rules: Vec::new() }, destination, rules, change)
    }

    fn post(&self, plan: &Plan, destination: usize, rules: Vec<usize>, change: &Arc<RowChange>) -> Post {
        let folded = Folded::one(Arc::clone(change));
        let subject = Subject { config: &self.config, folded: &folded, table: plan.table.as_deref(), rules: &rules };
        let payload = self.renderer.payload(&self.config.destinations[destination], &subject);
        let errand = Errand {
            payload,
            id: format!("{}:{}", change.record, self.config.destinations[destination].name),
            row: app::row(change),
            loud: app::is_loud(&self.config, &rules),
            locale: Arc::clone(&self.config.locale),
            since: self.began,
        };
        let payload = self.posters[destination].body(&errand);
        let about = (Arc::clone(change), plan.table.clone());
        Post { destination, rules, record: change.record.clone(), payload, errand, about, others: Vec::new() }
    }

    /// Would this post become part of a digest when too many wait?
    pub fn digests(&self, post: &Post) -> bool {
        let leading = post.rules.first().and_then(|index| self.config.rules.get(*index));
        post.destination(&self.config).digest.is_some()
            && leading.is_none_or(|rule| rule.priority != Priority::Critical)
    }

    /// The digests of posts that waited together, one for each destination.
    pub fn digested(&self, posts: &[Post]) -> Vec<Post> {
        let lanes = 0..self.config.destinations.len();
        lanes.filter_map(|lane| self.digest(lane, posts.iter().filter(|post| post.destination == lane))).collect()
    }

    fn digest<'p>(&self, destination: usize, posts: impl Iterator<Item = &'p Post>) -> Option<Post> {
        let posts: Vec<_> = posts.collect();
        let leading = posts.iter().min_by_key(|post| post.rules.first())?;
        let notices: Vec<_> = posts.iter().map(|post| post.notice(&self.config)).collect();
        let id = format!("{}:{}:digest", leading.record, self.config.destinations[destination].name);
        let payload = self.renderer.digest_of(&self.config, &self.config.destinations[destination], &notices, &id);
        // A digest is about no one row.
        let errand = Errand { payload, id, row: None, loud: false, ..leading.errand.clone() };
        let payload = self.posters[destination].body(&errand);
        let mut rules: Vec<_> = posts.iter().flat_map(|post| post.rules.iter().copied()).collect();
        rules.sort_by_key(|index| (self.config.rules[*index].priority, *index));
        rules.dedup();
        let mut records = posts.iter().map(|post| post.record.clone());
        let record = records.next()?;
        let (about, others) = (leading.about.clone(), records.collect());
        Some(Post { destination, rules, record, payload, errand, about, others })
    }

    fn warn(&mut self, change: &RowChange, verdict: &Verdict) {
        for (index, error) in &verdict.failed {
            if self.warned.insert(*index) {
                eprintln!(
                    "warning: {}: the condition of the rule {:?} failed and counts as false: {error}",
                    change.record, self.config.rules[*index].name
                );
            }
        }
    }
}

/// Skims a record, with the schemas that it needs. The outer error is the registry's.
pub fn skimmed<'r>(
    record: &Record<'r>,
    source: &dyn Source,
    reading: &Reading,
) -> Result<Result<Skim<'r>, DecodeError>, String> {
    let mut skim = change::skim_as(record, source.schemas(), reading);
    while let Ok(Skim::Needs(id)) = skim {
        source.fetch(id)?;
        skim = change::skim_as(record, source.schemas(), reading);
    }
    Ok(skim)
}

impl Post {
    /// Where it would go.
    pub fn destination<'c>(&self, config: &'c Config) -> &'c Destination {
        &config.destinations[self.destination]
    }

    /// Names of the rules that want it.
    pub fn rules<'c>(&self, config: &'c Config) -> Vec<&'c str> {
        self.rules.iter().map(|index| &*config.rules[*index].name).collect()
    }

    /// `critical`, `normal` or `low`: that of the most urgent rule.
    pub fn priority(&self, config: &Config) -> &'static str {
        self.rules.first().map_or("normal", |index| config.rules[*index].priority.as_str())
    }

    /// How many records it stands for.
    pub fn records(&self) -> usize {
        1 + self.others.len()
    }

    fn notice(&self, config: &Arc<Config>) -> Payload {
        let (change, table) = &self.about;
        Payload::new(config, change, None, table.clone(), self.rules.clone())
    }

    /// The documented line of JSON.
    pub fn line(&self, config: &Config) -> Json {
        let destination = self.destination(config);
        let place = |RecordId { topic, partition, offset }: &RecordId| json!({"topic": **topic, "partition": partition, "offset": offset});
        let records: Vec<_> = [&self.record].into_iter().chain(&self.others).map(place).collect();
        json!({
            "destination": *destination.name,
            "type": destination.target.kind(),
            "priority": self.priority(config),
            "rules": self.rules(config),
            "records": records,
            "payload": self.payload,
        })
    }
}
