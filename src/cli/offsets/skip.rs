//! `rowbell offsets skip`: what lies before an offset is never posted, by all destinations or by one.

use super::{Place, failed, name_or_hash, open, places};
use crate::app::Ruling;
use crate::cli::Failure;
use crate::cli::input::{ContextArguments, Progress, captured, reader_failure, stop_flag};
use crate::cli::posts::{Posts, Seen};
use crate::config::Config;
use crate::kafka::{Beginning, Reader, Reading};
use crate::ledger::{LaneKey, Standing};
use crate::message::Priority;
use crate::outbox::letters_key;
use crate::rule::nearest;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub struct SkipArguments {
    /// The topic
    #[arg(long, value_name = "TOPIC")]
    topic: String,

    /// Only this partition
    #[arg(long, value_name = "N")]
    partition: Option<i32>,

    /// The first offset that is posted again, or `latest`: the log's end
    #[arg(long, value_name = "OFFSET|latest")]
    to: To,

    /// Only this destination; the others still get what lies before
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,

    /// Change nothing; read what would be skipped, and count the posts
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    context: ContextArguments,
}

/// `--to`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    Offset(i64),
    Latest,
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(offset) if offset >= 0 => Ok(To::Offset(offset)),
            _ if text == "latest" => Ok(To::Latest),
            _ => Err("an offset, or latest".to_owned()),
        }
    }
}

/// One partition, before and after.
struct Move {
    before: Standing,
    after: Standing,
    to: i64,
}

pub(super) fn skip(arguments: &SkipArguments) -> Result<(), Failure> {
    let (config, group) = open(&arguments.context)?;
    let only = arguments.destination.as_deref().map(|name| known(&config, name)).transpose()?;
    if matches!(arguments.to, To::Offset(_)) && arguments.partition.is_none() {
        return Err(Failure::Usage("an offset belongs to one partition\nhint: add --partition N".to_owned()));
    }
    match group.must_be_idle() {
        // A look changes nothing.
        Err(error) if arguments.dry_run => {
            eprintln!("warning: {}", error.to_string().replace("\nhint: ", "\n  hint: "))
        }
        other => other.map_err(failed)?,
    }
    let places = places(&group, &config, Some(&arguments.topic), arguments.partition)?;
    let moves = places.into_iter().filter_map(|place| moved(place, arguments.to, only).transpose());
    let moves = moves.collect::<Result<Vec<_>, _>>()?;
    if moves.is_empty() {
        println!("nothing to skip: the commit is there already");
        return Ok(());
    }
    for it in &moves {
        print!("{}", it.text(&config));
    }
    if arguments.dry_run {
        return count(arguments, config, &moves, only);
    }
    let bytes = config.limits.metadata_bytes;
    let commits: Vec<_> =
        moves.iter().map(|it| (it.after.partition.clone(), it.after.committed, it.after.metadata(bytes).0)).collect();
    group.commit(&commits).map_err(failed)?;
    for it in &moves {
        // For whoever looks afterwards for what was never posted, and why.
        tracing::warn!(
            group = config.kafka.group,
            partition = %it.after.partition,
            committed_before = it.before.committed,
            committed = it.after.committed,
            to = it.to,
            destination = arguments.destination.as_deref().unwrap_or("all"),
            "offsets were skipped by hand: what lies before is not posted"
        );
    }
    println!("done");
    Ok(())
}

fn known(config: &Config, name: &str) -> Result<LaneKey, Failure> {
    let mut names = config.destinations.iter().map(|destination| &*destination.name);
    if names.any(|known| known == name) {
        return Ok(LaneKey::of(name));
    }
    let hint = match nearest(name, config.destinations.iter().map(|destination| &*destination.name)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "`rowbell offsets show` names them".to_owned(),
    };
    Err(Failure::Failed(format!("the config has no destination {name:?}\nhint: {hint}")))
}

/// What becomes of a partition; `None` where nothing does.
fn moved(place: Place, to: To, only: Option<LaneKey>) -> Result<Option<Move>, Failure> {
    let Place { end, has_commit, standing: before, error, .. } = place;
    let to = match to {
        To::Latest => end,
        To::Offset(offset) if offset <= end => offset,
        To::Offset(offset) => {
            return Err(Failure::Failed(format!(
                "{} ends at {end}, before {offset}\nhint: `--to latest` skips all that is there",
                before.partition
            )));
        }
    };
    if let Some(error) = error {
        eprintln!(
            "warning: {}: the commit's metadata says nothing ({error}): what was posted beyond the commit is not known",
            before.partition
        );
    }
    if !has_commit && only.is_some() {
        return Err(Failure::Failed(format!(
            "{} has no commit yet: where the other destinations begin is not decided\nhint: skip for all of them, or let the service run once",
            before.partition
        )));
    }
    let mut after = before.clone();
    after.skip(only, to);
    Ok((after != before || !has_commit).then_some(Move { before, after, to }))
}

impl Move {
    fn text(&self, config: &Config) -> String {
        let mut text = format!("{}: ", self.after.partition);
        match self.before.committed == self.after.committed {
            true => text.push_str(&format!("the commit stays at {}\n", self.after.committed)),
            false => {
                text.push_str(&format!("the commit moves from {} to {}\n", self.before.committed, self.after.committed))
            }
        }
        for (before, after) in self.before.lanes.iter().zip(&self.after.lanes) {
            let name = name_or_hash(config, after.key);
            match before == after {
                true => text.push_str(&format!("  {name} stays at {}\n", after.watermark)),
                false => text.push_str(&format!("  {name} moves from {} to {}\n", before.watermark, after.watermark)),
            }
        }
        text
    }

    /// The first offset that anybody skips.
    fn first(&self) -> i64 {
        let moved = self.before.lanes.iter().zip(&self.after.lanes).filter(|(before, after)| before != after);
        moved.map(|(before, _)| before.watermark).min().unwrap_or(self.to)
    }
}

/// Reads what would be skipped, and says which posts would not be made.
fn count(arguments: &SkipArguments, config: Config, moves: &[Move], only: Option<LaneKey>) -> Result<(), Failure> {
    let (config, stop) = (Arc::new(config), stop_flag());
    let source = arguments.context.schemas(Some(&config))?;
    let settings = arguments.context.kafka(Some(&config))?;
    let mut posts = Posts::new(Arc::clone(&config), &source).map_err(Failure::Failed)?;
    // By destination: all, and the critical ones among them.
    let mut skipped: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for it in moves.iter().filter(|it| it.first() < it.to) {
        let partition = &it.before.partition;
        let count = u64::try_from(it.to - 1 - it.first()).unwrap_or(0);
        let reading = Reading {
            topic: partition.topic.to_string(),
            partition: Some(partition.number),
            from: Beginning::Before { offset: it.to - 1, count },
            follow: false,
        };
        let reader = Reader::open(&settings, &reading, Arc::clone(&stop)).map_err(reader_failure)?;
        let mut progress = Progress::on_terminal(Some(reader.total()));
        for record in reader {
            let record = captured(record.map_err(reader_failure)?);
            progress.count();
            let is_skipped = |key: LaneKey| {
                only.is_none_or(|only| only == key)
                    && it.before.lane(key).is_some_and(|lane| !lane.is_settled(record.offset))
            };
            match posts.see(&record.record()).map_err(Failure::Failed)? {
                Seen::Change(_, Ruling::Asked(_, verdict)) => {
                    for (index, rules) in verdict.wanted {
                        let name = &config.destinations[index].name;
                        if is_skipped(LaneKey::of(name)) {
                            let critical =
                                rules.first().is_some_and(|rule| config.rules[*rule].priority == Priority::Critical);
                            let (all, urgent) = skipped.entry(name.to_string()).or_default();
                            *all += 1;
                            *urgent += u64::from(critical);
                        }
                    }
                }
                Seen::Undecodable(_) if is_skipped(letters_key()) => {
                    skipped.entry("(dead letters)".to_owned()).or_default().0 += 1;
                }
                _ => {}
            }
        }
        progress.hide();
    }
    for (name, (all, critical)) in &skipped {
        println!("would not be posted to {name}: {all} changes, {critical} of them critical");
    }
    if skipped.is_empty() {
        println!("no rule of this config wants any of it posted");
    }
    println!("dry run: nothing was changed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{LaneStanding, Partition};

    fn place(error: bool) -> Place {
        let lane = |name, watermark| LaneStanding { key: LaneKey::of(name), watermark, runs: Vec::new(), told: true };
        let standing = Standing {
            partition: Partition { topic: "t".into(), number: 0 },
            committed: 100,
            lanes: vec![lane("ops", 100), lane("floor", 150)],
        };
        let error = error.then_some(crate::ledger::MetadataError::Damaged);
        Place { start: 0, end: 200, has_commit: true, standing, error }
    }

    #[test]
    fn only_what_moves_is_a_move_and_never_beyond_the_log() {
        let of = |to, only: Option<&str>| moved(place(false), to, only.map(LaneKey::of));
        let all = of(To::Latest, None).unwrap().unwrap();
        assert_eq!((all.to, all.after.committed, all.first()), (200, 200, 100));
        let one = of(To::Offset(120), Some("ops")).unwrap().unwrap();
        assert_eq!((one.after.committed, one.first()), (120, 100));
        let beyond = of(To::Offset(170), Some("floor")).unwrap().unwrap();
        assert_eq!((beyond.after.committed, beyond.first()), (100, 150), "the other still owes");
        assert!(of(To::Offset(90), None).unwrap().is_none());
        assert!(of(To::Offset(120), Some("floor")).unwrap().is_none());
        let why = of(To::Offset(201), None).err().map(|failure| format!("{failure:?}"));
        assert!(why.is_some_and(|why| why.contains("ends at 200")));
        assert!(moved(place(true), To::Latest, None).unwrap().is_some(), "with a warning");
    }

    #[test]
    fn without_a_commit_one_destination_alone_cannot_be_moved() {
        let fresh = || Place { has_commit: false, ..place(false) };
        assert!(moved(fresh(), To::Latest, Some(LaneKey::of("ops"))).is_err());
        assert_eq!(moved(fresh(), To::Offset(100), None).unwrap().map(|it| it.after.committed), Some(100));
    }

    #[test]
    fn an_offset_is_a_number_or_latest() {
        assert_eq!("7".parse(), Ok(To::Offset(7)));
        assert_eq!("latest".parse(), Ok(To::Latest));
        assert!("-1".parse::<To>().is_err() && "end".parse::<To>().is_err());
    }
}
