//! `rowbell pause DESTINATION`, `rowbell resume DESTINATION`, `rowbell reload`.

use super::{AdminArguments, Answer, Running};
use crate::cli::{Failure, USAGE};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which destination of which service.
#[derive(Debug, clap::Args)]
pub struct DestinationArguments {
    /// Name of the destination in the config
    destination: String,

    /// Config file, to find the running service [default: $ROWBELL_CONFIG, else ./rowbell.yaml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    admin: AdminArguments,
}

/// Which service.
#[derive(Debug, clap::Args)]
pub struct ReloadArguments {
    /// Config file, to find the running service [default: $ROWBELL_CONFIG, else ./rowbell.yaml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    admin: AdminArguments,
}

/// Holds a destination's posts, or lets them go.
pub fn pause(arguments: &DestinationArguments, paused: bool) -> ExitCode {
    let name = &arguments.destination;
    let verb = if paused { "pause" } else { "resume" };
    let told = Running::find(&arguments.admin, arguments.config.as_deref())
        .and_then(|running| running.post(&["destinations", name, verb]));
    match told {
        Ok(Answer::Told(answer)) => {
            println!("{}", said(name, paused, &answer));
            ExitCode::SUCCESS
        }
        Ok(Answer::Refused(why)) => Failure::Failed(why).exit(),
        Err(failure) => failure.exit(),
    }
}

fn said(name: &str, paused: bool, answer: &Json) -> String {
    let pending = answer["pending"].as_u64().unwrap_or(0);
    let what = match (paused, answer["changed"] == Json::Bool(true)) {
        (true, true) => "paused on this replica, until it is resumed or restarted",
        (true, false) => "was paused already",
        (false, true) => "goes on",
        (false, false) => "was not paused",
    };
    let notices = match (pending, paused) {
        (1, true) => "1 notice waits".to_owned(),
        (_, true) => format!("{pending} notices wait"),
        (1, false) => "1 notice is on its way".to_owned(),
        (_, false) => format!("{pending} notices are on their way"),
    };
    format!("{name} {what}; {notices}")
}

/// Lets the service read its config again, and says what came of it.
pub fn reload(arguments: &ReloadArguments) -> ExitCode {
    let told =
        Running::find(&arguments.admin, arguments.config.as_deref()).and_then(|running| running.post(&["reload"]));
    match told {
        Ok(Answer::Told(answer)) => {
            println!("{}", changes(&answer));
            ExitCode::SUCCESS
        }
        // As `check` says it.
        Ok(Answer::Refused(mistakes)) => {
            eprintln!("{mistakes}");
            eprintln!("the config from before stays in force");
            ExitCode::from(USAGE)
        }
        Err(failure) => failure.exit(),
    }
}

fn changes(answer: &Json) -> String {
    if answer["in_force"] != Json::Bool(true) {
        return "the config is good, and in force as soon as Kafka lets reading come round".to_owned();
    }
    let names = |key: &str| {
        let names: Vec<_> = answer[key].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let mut text = "the config is in force".to_owned();
    for (key, words) in [("added", "new"), ("removed", "removed"), ("changed", "changed")] {
        if let Some(names) = names(key) {
            text.push_str(&format!("; {words}: {names}"));
        }
    }
    if let Some(settings) = names("restart_needed") {
        text.push_str(&format!("\nrestart needed for: {settings}"));
    }
    text
}
