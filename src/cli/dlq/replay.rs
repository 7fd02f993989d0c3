//! `rowbell dlq replay`: letters are posted to the same destination again, once each.
//!
//! Paced by a bucket of its own, beside that of a running service, so that a replay never holds up what is new. Each
//! delivered letter is marked in the dead-letter topic; a later replay asks before it posts it once more.

use super::again::{self, Again};
use super::letter::{Filter, Letter};
use super::{Failure, Letters, output};
use crate::cli::input::{ContextArguments, Progress};
use crate::cli::posts::{Post, Posts};
use crate::cli::text::write_clean;
use crate::cli::{preview, runtime, style};
use crate::config::{Config, Destination, units};
use crate::destination::{Http, Poster};
use crate::kafka::DeadLetters;
use crate::outbox::{Bucket, Outcome, Rate};
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A destination that asks for more patience than this is left alone.
const PATIENCE_MAX: Duration = Duration::from_secs(60);

/// Attempts at one post, where the destination asks to come back.
const ATTEMPTS_MAX: u32 = 3;

#[derive(Debug, clap::Args)]
pub struct ReplayArguments {
    #[command(flatten)]
    filter: Filter,

    /// All letters: needed where nothing else says which
    #[arg(long)]
    all: bool,

    /// Only show what would be posted
    #[arg(long)]
    dry_run: bool,

    /// Letters that were replayed before, too, without asking
    #[arg(long, conflicts_with = "only_new")]
    again: bool,

    /// Leave out letters that were replayed before, without asking
    #[arg(long)]
    only_new: bool,

    /// Posts per destination, e.g. 1/s [default: the destination's rate]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Rate>,

    /// Stop after so many letters
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    #[command(flatten)]
    context: ContextArguments,
}

fn rate(text: &str) -> Result<Rate, String> {
    units::rate(text).ok_or_else(|| "write 1/s, 25/5m or 100/h".to_owned())
}

/// How the letters ended.
#[derive(Debug, Default)]
struct Tally {
    delivered: u64,
    failed: u64,
    before: u64,
}

pub fn replay(arguments: &ReplayArguments) -> Result<(), Failure> {
    if arguments.filter.is_empty() && !arguments.all {
        return Err(Failure::Usage(
            "nothing says which letters\nhint: name them, filter them, or give --all; --dry-run shows what would be posted"
                .to_owned(),
        ));
    }
    let config = Arc::new(match arguments.dry_run {
        true => arguments.context.usual_config()?,
        // Posting needs the secrets.
        false => arguments.context.whole_config()?,
    });
    let source = arguments.context.schemas(Some(&config))?;
    let settings = arguments.context.kafka(Some(&config))?;
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let runtime = runtime().map_err(|error| failed(&error))?;
    let _inside = runtime.enter();
    let poster = |destination: &Destination| Poster::new(&destination.name, &destination.target);
    let mut replayer = Replayer {
        posters: config.destinations.iter().map(poster).collect(),
        http: Http::new(&config.http).map_err(|error| failed(&error))?,
        marks: DeadLetters::new(&settings, &config.dead_letter_topic).map_err(|error| failed(&error))?,
        pace: Pace::new(&config, arguments.rate),
    };
    let letters = Letters::new(settings, &config);
    let replayed = letters.replayed()?;
    let mut posts = Posts::new(Arc::clone(&config), &source).and_then(Posts::again).map_err(Failure::Failed)?;
    let (mut out, mut tally) = (output(true), Tally::default());
    let limit = arguments.limit.unwrap_or(u64::MAX);
    let mut found = again::Found::default();
    for letter in letters.select(&arguments.filter, &source, &config)? {
        if found.new == limit {
            break;
        }
        found.count(replayed.contains(&letter?.id));
    }
    let again = match (arguments.again, arguments.only_new || arguments.dry_run) {
        (true, _) => Again::Yes,
        (false, true) => Again::No,
        (false, false) => again::may_they(&found).map_err(Failure::Usage)?,
    };
    let mut progress = match arguments.dry_run {
        true => Progress::none(),
        false => Progress::of_replay(found.of(again).min(limit)),
    };
    let mut left = limit;
    for letter in letters.select(&arguments.filter, &source, &config)? {
        if left == 0 {
            break;
        }
        let mut letter = letter?;
        if replayed.contains(&letter.id) && again == Again::No {
            tally.before += 1;
            continue;
        }
        left -= 1;
        letters.complete(&mut letter)?;
        let said = match owed(&config, &mut posts, &letter) {
            Err(why) => {
                tally.failed += 1;
                format!("{}  cannot be replayed: {why}", letter.id)
            }
            Ok(owed) if arguments.dry_run => {
                tally.delivered += 1;
                let blocks: Vec<_> =
                    (1..).zip(&owed).map(|(number, post)| preview::block(&config, number, post, style())).collect();
                format!("{}  would be posted:\n{}\n", letter.id, blocks.join("\n\n"))
            }
            Ok(owed) => match runtime.block_on(replayer.post(&config, &letter, &owed)) {
                Ok(()) => {
                    tally.delivered += 1;
                    format!("{}  {}  delivered", letter.id, letter.place())
                }
                Err(why) => {
                    tally.failed += 1;
                    format!("{}  {}  failed: {why}", letter.id, letter.place())
                }
            },
        };
        progress.hide();
        let written = writeln!(out, "{said}");
        progress.count();
        written.map_err(|error| Failure::Failed(format!("cannot write: {error}")))?;
    }
    drop(progress);
    replayer.marks.flush();
    conclude(&tally, arguments.dry_run)
}

fn were(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn conclude(tally: &Tally, dry_run: bool) -> Result<(), Failure> {
    let Tally { delivered, failed, before } = tally;
    let done = if dry_run { "would be replayed, nothing was sent" } else { "replayed" };
    let again = match before {
        0 => String::new(),
        _ => format!("; {before} left out that {} replayed before (--again posts them once more)", were(*before)),
    };
    match failed {
        0 => {
            eprintln!("{delivered} {done}{again}");
            Ok(())
        }
        _ => Err(Failure::Failed(format!(
            "{failed} letters were not replayed\nhint: they stay in the topic; {delivered} {done}{again}"
        ))),
    }
}

/// The posts of a letter: to its destination, in the words of its rules. A letter that could not be decoded owes what
/// the rules say now.
fn owed(config: &Config, posts: &mut Posts<'_>, letter: &Letter) -> Result<Vec<Post>, String> {
    let record = letter.record.record();
    if record.value.is_none() {
        return Err("its record is neither in the letter nor in its topic any more".to_owned());
    }
    let Some(name) = &letter.destination else {
        let owed = posts.of(&record)?.map_err(|error| format!("it still cannot be decoded: {error}"))?;
        return match owed.is_empty() {
            true => Err("it can be decoded now, and no rule wants it".to_owned()),
            false => Ok(owed),
        };
    };
    let destination = config.destinations.iter().position(|destination| *destination.name == **name);
    let destination = destination.ok_or_else(|| format!("the config has no destination {name:?} any more"))?;
    let change = posts.decoded(&record)?.ok_or("its record cannot be decoded")?;
    let rule = |name: &String| config.rules.iter().position(|rule| *rule.name == **name);
    let rules: Vec<_> = letter.rules.iter().filter_map(rule).collect();
    if rules.is_empty() {
        return Err(format!("the config has none of its rules any more: {}", letter.rules.join(", ")));
    }
    Ok(vec![posts.one(destination, rules, &change)])
}

struct Replayer {
    /// One for each destination.
    posters: Vec<Poster>,
    http: Http,
    marks: DeadLetters,
    pace: Pace,
}

/// A replay's own pace, beside that of a running service.
struct Pace {
    began: Instant,
    /// By what destinations share.
    buckets: HashMap<String, Bucket>,
    /// Destinations that asked to be left alone until then.
    told: HashMap<usize, Duration>,
}

impl Pace {
    /// Of each bucket at its destinations' rate, or all at this one.
    fn new(config: &Config, rate: Option<Rate>) -> Self {
        let bucket = |destination: &Destination| match rate {
            Some(rate) => Bucket::new(rate, 1),
            None => Bucket::new(destination.rate, destination.burst),
        };
        let buckets = config.destinations.iter().map(|it| (it.bucket.clone(), bucket(it))).collect();
        Self { began: Instant::now(), buckets, told: HashMap::new() }
    }

    /// Waits for a destination's turn.
    async fn turn(&self, index: usize, destination: &Destination) {
        loop {
            let now = self.began.elapsed();
            let told = self.told.get(&index).copied().unwrap_or_default().saturating_sub(now);
            let wait = match self.buckets.get(&destination.bucket) {
                // A token is not taken before its time.
                Some(bucket) if told.is_zero() => bucket.take(now).err().unwrap_or_default(),
                _ => told,
            };
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// A destination asked to be left alone for so long, if it said how long; a post's interval in any case.
    fn told(&mut self, index: usize, destination: &Destination, after: Option<Duration>) {
        let interval = self.buckets.get(&destination.bucket).map(Bucket::interval).unwrap_or_default();
        self.told.insert(index, self.began.elapsed() + after.unwrap_or_default().max(interval));
    }
}

impl Replayer {
    /// Makes a letter's posts and marks it, once all of them were accepted.
    async fn post(&mut self, config: &Config, letter: &Letter, owed: &[Post]) -> Result<(), String> {
        for post in owed {
            self.one(post.destination, post.destination(config), post).await?;
        }
        let marked = self.marks.mark_replayed(&letter.id.to_string()).await;
        marked.map_err(|error| format!("it was posted, but that could not be noted in the dead-letter topic: {error}"))
    }

    async fn one(&mut self, index: usize, destination: &Destination, post: &Post) -> Result<(), String> {
        for attempt in 1.. {
            self.pace.turn(index, destination).await;
            let verdict = self.posters[index].post(&self.http, &post.errand).await;
            match verdict.outcome {
                Outcome::Delivered => return Ok(()),
                Outcome::Retry { after }
                    if attempt < ATTEMPTS_MAX && after.is_none_or(|after| after <= PATIENCE_MAX) =>
                {
                    self.pace.told(index, destination, after);
                }
                outcome => {
                    let mut why = String::new();
                    write_clean(&mut why, &verdict.detail, 0);
                    return Err(format!("{}, {why}", outcome.as_str()));
                }
            }
        }
        Ok(())
    }
}
