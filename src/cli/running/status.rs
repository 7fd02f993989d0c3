//! `rowbell status`: what each destination of a running service waits for, and how far each partition is.

use super::{AdminArguments, Answer, Running, Table};
use crate::cli::Failure;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Say what a running service is doing: what each destination waits for and how long, how far each partition is
#[derive(Debug, clap::Args)]
pub struct StatusArguments {
    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,

    /// Config file, to find the running service [default: $ROWBELL_CONFIG, else ./rowbell.yaml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    admin: AdminArguments,
}

/// Runs the command.
pub fn status(arguments: &StatusArguments) -> ExitCode {
    let told =
        Running::find(&arguments.admin, arguments.config.as_deref()).and_then(|running| running.get(&["status"]));
    match told {
        Ok(Answer::Told(answer)) if arguments.json => println!("{answer}"),
        Ok(Answer::Told(answer)) => print!("{}", text(&answer, jiff::Timestamp::now())),
        Ok(Answer::Refused(why)) => return Failure::Failed(why).exit(),
        Err(failure) => return failure.exit(),
    }
    ExitCode::SUCCESS
}

fn text(status: &Json, now: jiff::Timestamp) -> String {
    let ready = match status["missing"].as_str() {
        None => "ready".to_owned(),
        Some(missing) => format!("not ready: {missing}"),
    };
    let mut text = format!("rowbell {}, {ready}\n", word(status, "version"));
    text.push_str(&config(&status["config"]));
    let held = status["pending_bytes"].as_u64().unwrap_or(0);
    if status["intake_paused"] == Json::Bool(true) {
        text.push_str(&format!("reading pauses: what is pending fills limits.pending_bytes ({held} bytes)\n"));
    }
    text.push('\n');
    let lanes = status["lanes"].as_array().map_or(&[][..], Vec::as_slice);
    let mut table =
        Table::new(&["DESTINATION", "TYPE", "PENDING", "CRITICAL", "OLDEST", "POSTED", "STATE"], &[2, 3, 4, 5]);
    for lane in lanes {
        let pending = |priority: &str| lane["pending"][priority].as_u64().unwrap_or(0);
        table.row([
            word(lane, "destination"),
            word(lane, "type"),
            ["critical", "normal", "low"].map(pending).iter().sum::<u64>().to_string(),
            pending("critical").to_string(),
            lane["oldest_ms"].as_u64().map_or_else(|| "-".to_owned(), span),
            lane["delivered"].to_string(),
            lane_state(lane, now),
        ]);
    }
    text.push_str(&table.text());
    let mut table = Table::new(&["TOPIC", "PARTITION", "COMMITTED", "READ", "END", "WAITS FOR"], &[1, 2, 3, 4]);
    for partition in status["partitions"].as_array().into_iter().flatten() {
        let number = |key: &str| if partition[key].is_null() { "?".to_owned() } else { partition[key].to_string() };
        let waits = partition["committed"] != partition["position"];
        let held_by: Vec<_> = partition["held_by"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        table.row([
            word(partition, "topic"),
            number("partition"),
            number("committed"),
            number("position"),
            number("end"),
            if waits { held_by.join(", ") } else { String::new() },
        ]);
    }
    text.push('\n');
    match table.is_empty() {
        true => text.push_str("no partitions: other replicas have them, or no subscribed topic exists yet\n"),
        false => text.push_str(&table.text()),
    }
    text
}

fn config(config: &Json) -> String {
    let Some(file) = config["file"].as_str() else { return String::new() };
    let mut text = format!("config {file}, read {}\n", word(config, "read"));
    if let Some(mistakes) = config["mistakes"].as_str() {
        text.push_str("the file has mistakes now, and the config from before is in force:\n");
        mistakes.lines().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    let settings: Vec<_> = config["restart_needed"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    if !settings.is_empty() {
        text.push_str(&format!("restart needed for: {}\n", settings.join(", ")));
    }
    text
}

/// What a lane is about, in words; the first that applies says most.
pub fn lane_state(lane: &Json, now: jiff::Timestamp) -> String {
    let pending = ["critical", "normal", "low"].iter().any(|priority| lane["pending"][priority].as_u64() > Some(0));
    let left = || {
        let until = lane["waiting"]["until"].as_str()?.parse::<jiff::Timestamp>().ok()?;
        let ms = until.as_millisecond().saturating_sub(now.as_millisecond());
        u64::try_from(ms).ok().filter(|ms| *ms > 0).map(span)
    };
    let later = |words: &str| left().map_or_else(|| words.to_owned(), |left| format!("{words}, {left} left"));
    let mut text =
        match (lane["removed"] == Json::Bool(true), lane["paused"].as_str(), lane["waiting"]["reason"].as_str()) {
            (true, ..) => "removed: the rest goes to the dead letters".to_owned(),
            (_, Some("config"), _) => "paused by the config".to_owned(),
            (_, Some(_), _) => "paused by a command".to_owned(),
            (.., Some("retry_after")) => later("was told to wait"),
            (.., Some("backoff")) => later("a post failed, it is tried again"),
            (.., Some("breaker")) => later("fails, and is probed"),
            (.., Some("commit")) => "accepted posts wait for their commit".to_owned(),
            (.., Some("rate")) => later("paced"),
            (.., Some(other)) => later(other),
            (.., None) if lane["up"] == Json::Bool(false) => "down".to_owned(),
            (.., None) if pending => "posting".to_owned(),
            (.., None) => "idle".to_owned(),
        };
    if let Some(trouble) = lane["trouble"]["message"].as_str() {
        text.push_str(&format!(" ({trouble})"));
    }
    text
}

/// `3 d 4 h`, `1 min 5 s`, `250 ms`: two units at most.
fn span(ms: u64) -> String {
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes, seconds % 60) {
        (0, 0, 0, 0) => format!("{rest} ms"),
        (0, 0, 0, seconds) => format!("{seconds} s"),
        (0, 0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (0, hours, minutes, _) => format!("{hours} h {minutes} min"),
        (days, hours, ..) => format!("{days} d {hours} h"),
    }
}

fn word(value: &Json, key: &str) -> String {
    value[key].as_str().unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Lane, PartitionState, Status};
    use serde_json::json;

    const NOW: i64 = 1_764_000_000_000;

    fn shown(status: &Status, config: Json) -> String {
        let mut whole = status.json();
        whole["version"] = json!("1.2.3");
        whole["missing"] = json!(null);
        whole["config"] = config;
        text(&whole, jiff::Timestamp::from_millisecond(NOW).unwrap())
    }

    #[test]
    fn people_read_which_destination_waits_for_what_and_how_long() {
        let lane = |destination: &str| Lane {
            destination: destination.to_owned(),
            kind: "slack",
            up: true,
            ..Lane::default()
        };
        let lanes = vec![
            Lane { delivered: 12, ..lane("fine") },
            Lane {
                pending: [1, 20, 3],
                oldest_ms: Some(754_000),
                waiting: Some(("retry_after", NOW + 95_000)),
                trouble: Some(("HTTP 429".to_owned(), NOW)),
                ..lane("told")
            },
            Lane {
                up: false,
                waiting: Some(("breaker", NOW + 12_000)),
                trouble: Some(("HTTP 404, no_service".to_owned(), NOW)),
                ..lane("down")
            },
            Lane {
                pending: [0, 2, 0],
                oldest_ms: Some(400),
                paused: Some("command"),
                waiting: Some(("paused", NOW)),
                ..lane("held")
            },
            Lane { pending: [0, 1, 0], removed: true, ..lane("gone") },
        ];
        let partition = |number, committed, position, held_by: &[&str]| PartitionState {
            topic: "shop.public.listings".to_owned(),
            partition: number,
            position,
            committed,
            end: (number == 0).then_some(1_500),
            held_by: held_by.iter().map(|&name| name.to_owned()).collect(),
        };
        let partitions = vec![partition(0, 1_000, 1_500, &["told", "held"]), partition(1, 7, 7, &["fine"])];
        let status = Status { lanes, partitions, pending_bytes: 67_108_864, intake_paused: true };
        let config = json!({
            "file": "/etc/rowbell/rowbell.yaml", "read": "2026-11-24T20:00:00Z",
            "mistakes": "rowbell.yaml:3:5: error: no such key", "restart_needed": ["kafka.topics"],
        });
        insta::assert_snapshot!(shown(&status, config));
    }

    #[test]
    fn without_partitions_it_says_why_that_may_be() {
        let text = shown(&Status::default(), json!({"file": null}));
        assert!(text.starts_with("rowbell 1.2.3, ready\n\n") && text.contains("no partitions"), "{text}");
    }

    #[test]
    fn spans_have_two_units_at_most() {
        let spans = [7, 1_000, 59_999, 60_000, 3_725_000, 90_000_000].map(span);
        assert_eq!(spans, ["7 ms", "1 s", "59 s", "1 min 0 s", "1 h 2 min", "1 d 1 h"]);
    }
}
