//! `rowbell check`: everything that is wrong with the config, in one run.

mod online;
pub mod show;

use super::input::{AtHand, open_file};
use super::survey::{Survey, schemas_catalog};
use super::{FAILED, Failure, USAGE, output, style};
use crate::config::{self, Examined, Severity};
use std::path::PathBuf;
use std::process::ExitCode;

/// Check the config and say everything that is wrong with it
#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// Config file [default: $ROWBELL_CONFIG, else ./rowbell.yaml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,

    /// Write annotations for GitHub Actions instead of text
    #[arg(long, conflicts_with = "json")]
    github: bool,

    /// Exit with 1 when there are warnings, too
    #[arg(long)]
    strict: bool,

    /// Do without the secrets of destinations and hooks, where they are not set
    #[arg(long)]
    no_secrets: bool,

    /// Captured events to compare rules, columns and types with; may be given more than once
    #[arg(long, value_name = "FILE")]
    events: Vec<PathBuf>,

    /// Ask Kafka, the schema registry and the destinations, too; nothing is posted or written
    #[arg(long, conflicts_with = "no_secrets")]
    online: bool,

    /// Kafka Connect to ask about its connectors
    #[arg(long, value_name = "URL", requires = "online")]
    connect: Option<String>,

    /// Schemas to compare columns with, and to read framed events with: {id: {"schema": "..."}}
    #[arg(long, value_name = "FILE")]
    schemas: Option<PathBuf>,
}

/// Runs the command: findings to stdout.
pub fn run(arguments: &CheckArguments) -> ExitCode {
    let path = config::find(arguments.config.as_deref());
    let mut examined = match arguments.no_secrets {
        true => config::examine_without_secrets(&path),
        false => config::examine(&path),
    };
    if let Err(failure) = compare(arguments, &mut examined) {
        return failure.exit();
    }
    let runs = !examined.report.has_errors();
    let asked = match arguments.online && runs {
        true => match online::ask(&mut examined, arguments.connect.as_deref()) {
            Ok(asked) => asked,
            Err(failure) => return failure.exit(),
        },
        false => Vec::new(),
    };
    let text = match (arguments.json, arguments.github) {
        (true, _) => format!("{}\n", show::json(&examined, &asked)),
        (_, true) => show::github(&examined),
        _ => show::text(&examined, &asked, style()),
    };
    if let Err(failure) = show::write(&text, output(false)) {
        return failure.exit();
    }
    code(&examined, runs, arguments.strict, asked.iter().any(|part| !part.fine))
}

/// Looks at what is known of tables from elsewhere.
fn compare(arguments: &CheckArguments, examined: &mut Examined) -> Result<(), Failure> {
    if let Some(path) = &arguments.schemas {
        let catalog = schemas_catalog(path).map_err(Failure::Usage)?;
        if !catalog.tables.is_empty() {
            examined.compare(&catalog);
        }
    }
    if arguments.events.is_empty() {
        return Ok(());
    }
    let at_hand = AtHand::new(arguments.schemas.as_deref(), &[], None).map_err(Failure::Usage)?;
    let mut survey = Survey::new(examined.config.as_ref(), &at_hand);
    for file in &arguments.events {
        for record in open_file(Some(file))? {
            let record = record.map_err(|error| Failure::Failed(error.to_string()))?;
            survey.see(&record.record()).map_err(Failure::Failed)?;
        }
    }
    let names: Vec<_> = arguments.events.iter().map(|path| path.display().to_string()).collect();
    let catalog = survey.catalog(names.join(", "));
    examined.compare(&catalog);
    Ok(())
}

/// What the world says of a config that is fine is no wrong usage.
fn code(examined: &Examined, runs: bool, strict: bool, wrong: bool) -> ExitCode {
    let report = &examined.report;
    let warned = report.found.iter().any(|found| found.severity == Severity::Warning);
    match (runs, wrong || report.has_errors() || strict && warned) {
        (false, _) => ExitCode::from(USAGE),
        (true, true) => ExitCode::from(FAILED),
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests;
