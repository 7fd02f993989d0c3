//! `rowbell backtest`: what a config would have posted in the past, and what its rates would have made of it.

mod history;
mod run;
mod show;

use super::input::{ContextArguments, Progress, stop_flag};
use super::{Failure, output, style};
use crate::config::{self, Config};
use run::Run;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Say what a config would have posted for a topic's history, and when; nothing is sent
#[derive(Debug, clap::Args)]
pub struct BacktestArguments {
    /// Captured events instead of Kafka; - is stdin
    #[arg(value_name = "FILE", conflicts_with = "topic")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    context: ContextArguments,

    /// Another config to compare with
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,

    /// Topics to read; without, those of the config
    #[arg(long, value_name = "TOPIC", value_delimiter = ',')]
    topic: Vec<String>,

    /// Only the last so many offsets of each partition
    #[arg(long, value_name = "N")]
    last: Option<u64>,

    /// How long a destination is taken to need for its answer
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = span)]
    latency: Duration,

    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn span(text: &str) -> Result<Duration, String> {
    config::units::duration(text).ok_or_else(|| "write it like 200ms or 1s".to_owned())
}

/// Runs the command: the figures to stdout.
pub fn run(arguments: &BacktestArguments) -> ExitCode {
    match backtest(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

fn backtest(arguments: &BacktestArguments) -> Result<(), Failure> {
    let name = config::find(arguments.context.config_path());
    let config = arguments.context.usual_config()?;
    let mut configs = vec![(name.display().to_string(), config)];
    if let Some(path) = &arguments.against {
        let (other, _) = config::load_without_secrets(path).map_err(Failure::Config)?;
        configs.push((path.display().to_string(), other));
    }
    let configs: Vec<(String, Arc<Config>)> =
        configs.into_iter().map(|(name, config)| (name, Arc::new(config))).collect();
    let Some((_, first)) = configs.first() else { return Ok(()) };
    let at_hand = arguments.context.schemas(Some(first))?;
    let stop = stop_flag();
    let history = match arguments.files.as_slice() {
        [] => history::topics(&arguments.context.kafka(Some(first))?, &arguments.topic, arguments.last, &stop)?,
        files => history::files(files)?,
    };
    let mut runs = Vec::new();
    for (name, config) in &configs {
        runs.push(Run::new(name, config, &at_hand, arguments.latency).map_err(Failure::Failed)?);
    }
    let mut progress = Progress::on_terminal(history.total);
    for record in history {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let record = record.map_err(|error| Failure::Failed(error.to_string()))?;
        for run in &mut runs {
            run.see(&record).map_err(Failure::Failed)?;
        }
        progress.count();
    }
    drop(progress);
    let ended: Vec<_> = runs.into_iter().map(Run::end).collect();
    let text = match arguments.json {
        true => format!("{}\n", show::json(&ended)),
        false => show::text(&ended, style()),
    };
    super::check::show::write(&text, output(false))
}

#[cfg(test)]
mod tests;
