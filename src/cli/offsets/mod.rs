//! `rowbell offsets show|skip`: what the group committed, and how to move it. Kafka's own tool would throw away the
//! metadata, in which each destination's posts beyond the commit are remembered.

mod show;
mod skip;

use super::Failure;
use super::input::ContextArguments;
use crate::config::Config;
use crate::kafka::{Committed, Group, GroupError};
use crate::ledger::{LaneKey, MetadataError, Partition, Standing};
use crate::outbox::letters_key;
use crate::rule::nearest;
use std::process::ExitCode;

/// Look at the group's commits, and move them past what shall not be posted
#[derive(Debug, clap::Args)]
pub struct OffsetsArguments {
    #[command(subcommand)]
    command: OffsetsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum OffsetsCommand {
    /// Per partition the commit, the log's ends, and how far each destination is
    Show(show::ShowArguments),
    /// Move the commit, or one destination, past an offset; no replica may run
    Skip(Box<skip::SkipArguments>),
}

/// Runs the command.
pub fn run(arguments: &OffsetsArguments) -> ExitCode {
    let done = match &arguments.command {
        OffsetsCommand::Show(arguments) => show::show(arguments),
        OffsetsCommand::Skip(arguments) => skip::skip(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

fn failed(error: GroupError) -> Failure {
    Failure::Failed(error.to_string())
}

/// One partition, as the group left it.
struct Place {
    start: i64,
    end: i64,
    /// False where the group committed nothing yet: then it stands at the log's start.
    has_commit: bool,
    standing: Standing,
    /// The metadata says nothing.
    error: Option<MetadataError>,
}

/// The group's places in what it subscribes to, as far as they are asked for.
fn places(group: &Group, config: &Config, topic: Option<&str>, number: Option<i32>) -> Result<Vec<Place>, Failure> {
    let all = group.committed().map_err(failed)?;
    let fits = |partition: &Partition| {
        topic.is_none_or(|topic| *partition.topic == *topic) && number.is_none_or(|number| partition.number == number)
    };
    if let Some(topic) = topic.filter(|topic| !all.iter().any(|it| *it.partition.topic == **topic)) {
        let hint = match nearest(topic, all.iter().map(|it| &*it.partition.topic)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "kafka.topics says which topics the group reads".to_owned(),
        };
        return Err(Failure::Failed(format!("the group reads no topic {topic:?} that exists\nhint: {hint}")));
    }
    let keys = keys(config);
    let place = |Committed { partition, start, end, commit }: Committed| {
        let has_commit = commit.is_some();
        let (committed, metadata) = commit.unwrap_or((start, String::new()));
        let (standing, error) = Standing::read(partition, committed, &metadata, &keys);
        Place { start, end, has_commit, standing, error }
    };
    let places: Vec<_> = all.into_iter().filter(|it| fits(&it.partition)).map(place).collect();
    if let Some(number) = number.filter(|_| places.is_empty()) {
        return Err(Failure::Failed(format!("there is no partition {number}\nhint: leave out --partition to see all")));
    }
    Ok(places)
}

/// Every lane of the config, that of the dead letters last.
fn keys(config: &Config) -> Vec<LaneKey> {
    let names = config.destinations.iter().map(|destination| LaneKey::of(&destination.name));
    names.chain([letters_key()]).collect()
}

/// What a lane is called: the destination's name, where the config knows it.
fn name(config: &Config, key: LaneKey) -> Option<String> {
    if key == letters_key() {
        return Some("(dead letters)".to_owned());
    }
    let named = config.destinations.iter().find(|destination| LaneKey::of(&destination.name) == key);
    named.map(|destination| destination.name.to_string())
}

/// The same, or its hash.
fn name_or_hash(config: &Config, key: LaneKey) -> String {
    name(config, key).unwrap_or_else(|| format!("(unknown {key})"))
}

/// The config, without secrets of destinations; and its group.
fn open(context: &ContextArguments) -> Result<(Config, Group), Failure> {
    let config = context.usual_config()?;
    let group = Group::new(&context.kafka(Some(&config))?).map_err(failed)?;
    Ok((config, group))
}
