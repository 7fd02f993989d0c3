//! `rowbell offsets show`

use super::{Place, failed, name, name_or_hash, open, places};
use crate::cli::Failure;
use crate::cli::input::ContextArguments;
use crate::cli::running::Table;
use crate::config::Config;
use crate::ledger::LaneStanding;
use serde_json::{Value as Json, json};

/// Ranges of posted offsets that people are shown; the rest is counted.
const SHOWN: usize = 3;

#[derive(Debug, clap::Args)]
pub struct ShowArguments {
    /// Only this topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,

    /// Only this partition
    #[arg(long, value_name = "N")]
    partition: Option<i32>,

    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    context: ContextArguments,
}

pub(super) fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let (config, group) = open(&arguments.context)?;
    let places = places(&group, &config, arguments.topic.as_deref(), arguments.partition)?;
    let members = group.members().map_err(failed)?;
    match arguments.json {
        true => println!("{}", json(&config, &places, members.as_deref())),
        false => print!("{}", text(&config, &places, members.as_deref())),
    }
    Ok(())
}

fn json(config: &Config, places: &[Place], members: Option<&[String]>) -> Json {
    let lane = |lane: &LaneStanding| {
        json!({
            "destination": name(config, lane.key),
            "hash": lane.key.to_string(),
            "told": lane.told,
            "watermark": lane.watermark,
            "settled_beyond": lane.runs.iter().map(|(first, last)| [first, last]).collect::<Vec<_>>(),
        })
    };
    let place = |place: &Place| {
        json!({
            "topic": *place.standing.partition.topic,
            "partition": place.standing.partition.number,
            "start": place.start,
            "committed": place.has_commit.then_some(place.standing.committed),
            "end": place.end,
            "metadata_error": place.error.map(|error| error.to_string()),
            "lanes": place.standing.lanes.iter().map(lane).collect::<Vec<_>>(),
        })
    };
    json!({
        "group": config.kafka.group,
        "members": members,
        "partitions": places.iter().map(place).collect::<Vec<_>>(),
    })
}

fn text(config: &Config, places: &[Place], members: Option<&[String]>) -> String {
    let group = &config.kafka.group;
    let mut text = match members {
        None => format!("group {group}\n\n"),
        Some([]) => format!("group {group}: no replica runs\n\n"),
        Some(members) => format!("group {group}: {} running: {}\n\n", members.len(), members.join(", ")),
    };
    let head = ["TOPIC", "PARTITION", "LOG", "COMMITTED", "BEHIND", "DESTINATION", "UP TO", "POSTED BEYOND"];
    let mut table = Table::new(&head, &[1, 3, 4, 6]);
    let mut notes = String::new();
    for place in places {
        let standing = &place.standing;
        let mut first = Some([
            standing.partition.topic.to_string(),
            standing.partition.number.to_string(),
            format!("{}..{}", place.start, place.end),
            if place.has_commit { standing.committed.to_string() } else { "none".to_owned() },
            (place.end - standing.committed).max(0).to_string(),
        ]);
        for lane in &standing.lanes {
            let place = first.take().unwrap_or_default();
            let told = if lane.told { "" } else { " (not said)" };
            let beyond = [name_or_hash(config, lane.key), format!("{}{told}", lane.watermark), runs(&lane.runs)];
            table.row(place.into_iter().chain(beyond));
        }
        if let Some(error) = place.error {
            notes.push_str(&format!(
                "{}: the commit's metadata says nothing: {error}; what was posted beyond the commit would be posted again\n",
                standing.partition
            ));
        }
    }
    match table.is_empty() {
        true => text.push_str("no topic that the group subscribes to exists\n"),
        false => text.push_str(&table.text()),
    }
    text.push_str(&notes);
    text
}

/// `103-110, 115, and 4 more`
fn runs(runs: &[(i64, i64)]) -> String {
    let run = |(first, last): &(i64, i64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let mut shown: Vec<_> = runs.iter().take(SHOWN).map(run).collect();
    if runs.len() > SHOWN {
        shown.push(format!("and {} more", runs.len() - SHOWN));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Report, parse};
    use crate::ledger::{LaneKey, MetadataError, Partition, Standing};
    use crate::outbox::letters_key;

    #[test]
    fn people_read_the_commit_and_how_far_each_destination_is() {
        let text_of = "kafka: { brokers: b, topics: [t] }\ndestinations:\n  ops: { slack: { webhook_url: \"https://a.example\" } }\n  floor: { teams: { workflow_url: \"https://b.example\" } }\n";
        let (config, _) =
            parse(text_of, Report::new("rowbell.yaml"), &|_| None).unwrap_or_else(|report| panic!("{report}"));
        let lane =
            |key, watermark, runs: &[(i64, i64)], told| LaneStanding { key, watermark, runs: runs.to_vec(), told };
        let place = |number, committed, has_commit, lanes, error| Place {
            start: 40,
            end: 200,
            has_commit,
            standing: Standing {
                partition: Partition { topic: "shop.public.listings".into(), number },
                committed,
                lanes,
            },
            error,
        };
        let runs = [(131, 140), (150, 150), (152, 153), (160, 161), (170, 171)];
        let lanes = vec![
            lane(LaneKey::of("ops"), 120, &runs, true),
            lane(LaneKey::of("floor"), 180, &[], true),
            lane(letters_key(), 180, &[], true),
            lane(LaneKey::of("of another config"), 120, &[(130, 130)], true),
        ];
        let places = [
            place(0, 120, true, lanes, None),
            place(1, 40, false, vec![lane(LaneKey::of("ops"), 40, &[], false)], Some(MetadataError::Foreign)),
        ];
        insta::assert_snapshot!(text(&config, &places, Some(&["rowbell at /10.0.0.7".to_owned()])));
    }
}
