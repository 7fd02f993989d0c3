//! `rowbell init`: a starter config, made from what is there: events, or a connector.

mod guess;
mod write;

use super::connector::debezium::Connector;
use super::input::{AtHand, captured, open_file, reader_failure, stop_flag};
use super::survey::Survey;
use super::{Failure, output};
use crate::kafka::{Beginning, KafkaSettings, Reader, Reading};
use std::path::PathBuf;
use std::process::ExitCode;
use write::Starter;

/// Offsets before a partition's end that are read: enough to see every column, soon over.
const LAST: u64 = 500;

/// Write a commented config to start from, made from a topic's events or a connector
#[derive(Debug, clap::Args)]
pub struct InitArguments {
    /// Captured events to learn tables and columns from; - is stdin
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Kafka to read from, host:port
    #[arg(long, value_name = "BROKERS")]
    brokers: Option<String>,

    /// Topics to learn tables and columns from, their last events
    #[arg(long, alias = "topics", value_name = "TOPIC", value_delimiter = ',', requires = "brokers")]
    topic: Vec<String>,

    /// A connector's JSON, or its URL in Kafka Connect: http://connect:8083/connectors/NAME
    #[arg(long, value_name = "FILE|URL")]
    connector: Option<String>,

    /// Certificates of authorities to trust beside the system's when Kafka Connect is asked, PEM
    #[arg(long, value_name = "FILE", requires = "connector")]
    ca_file: Option<PathBuf>,

    /// Schemas of framed events: {id: {"schema": "..."}}
    #[arg(long, value_name = "FILE", conflicts_with = "registry")]
    schemas: Option<PathBuf>,

    /// Schema registry to ask for the schemas of framed events
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    registry: Vec<String>,

    /// File to write
    #[arg(short, long, value_name = "FILE", default_value = crate::config::DEFAULT_FILE)]
    output: PathBuf,

    /// Write to stdout instead
    #[arg(long, conflicts_with_all = ["output", "force"])]
    stdout: bool,

    /// Overwrite the file
    #[arg(long)]
    force: bool,
}

/// Runs the command.
pub fn run(arguments: &InitArguments) -> ExitCode {
    match init(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

fn init(arguments: &InitArguments) -> Result<(), Failure> {
    if !arguments.stdout && !arguments.force && arguments.output.exists() {
        return Err(Failure::Usage(format!(
            "{} is there already\nhint: --force overwrites it, --stdout shows what would be written",
            arguments.output.display()
        )));
    }
    if arguments.file.is_none() && arguments.topic.is_empty() && arguments.connector.is_none() {
        return Err(Failure::Usage(
            "there is nothing to make a config from\nhint: name a file of captured events, --brokers and --topic, or --connector"
                .to_owned(),
        ));
    }
    let connector = arguments.connector.as_deref();
    let connector = connector.map(|place| Connector::load(place, arguments.ca_file.as_deref())).transpose()?;
    let at_hand = AtHand::new(arguments.schemas.as_deref(), &arguments.registry, None).map_err(Failure::Usage)?;
    let mut survey = Survey::new(None, &at_hand);
    if let Some(file) = &arguments.file {
        for record in open_file(Some(file))? {
            let record = record.map_err(|error| Failure::Failed(error.to_string()))?;
            survey.see(&record.record()).map_err(Failure::Failed)?;
        }
    }
    if let Some(brokers) = &arguments.brokers {
        // A connector's topics need not exist yet: what was not written yet tells nothing.
        let named = connector.iter().flat_map(Connector::literal_topics);
        let topics: Vec<_> = arguments.topic.iter().cloned().chain(named).collect();
        let (settings, stop) = (KafkaSettings::observing(brokers), stop_flag());
        for topic in &topics {
            let from = Beginning::Last(LAST);
            let reading = Reading { topic: topic.clone(), partition: None, from, follow: false };
            let reader = match Reader::open(&settings, &reading, stop.clone()) {
                Ok(reader) => reader,
                Err(crate::kafka::ReaderError::UnknownTopic { .. }) if !arguments.topic.contains(topic) => continue,
                Err(error) => return Err(reader_failure(error)),
            };
            for record in reader {
                let record = captured(record.map_err(reader_failure)?);
                survey.see(&record.record()).map_err(Failure::Failed)?;
            }
        }
    }
    if let Some(undecodable) = survey.undecodable() {
        eprintln!("note: {undecodable}\n  hint: framed records need --registry URL or --schemas FILE");
    }
    let from_connector = connector.as_ref().map(|connector| connector.registry.as_slice()).unwrap_or_default();
    let registry = if arguments.registry.is_empty() { from_connector } else { &arguments.registry };
    let starter = Starter {
        brokers: arguments.brokers.as_deref(),
        registry,
        topics: &arguments.topic,
        connector: connector.as_ref(),
        tables: survey.tables(),
    };
    if starter.is_empty() {
        return Err(Failure::Failed(
            "no row change was seen\nhint: rowbell inspect says what the records are; framed ones need --registry or --schemas"
                .to_owned(),
        ));
    }
    let text = starter.text();
    match arguments.stdout {
        true => super::check::show::write(&text, output(false)),
        false => save(arguments, &starter, &text),
    }
}

fn save(arguments: &InitArguments, starter: &Starter<'_>, text: &str) -> Result<(), Failure> {
    let shown = arguments.output.display();
    std::fs::write(&arguments.output, text)
        .map_err(|error| Failure::Failed(format!("cannot write {shown}: {error}")))?;
    let events = match (&arguments.file, starter.topics().first()) {
        (Some(file), _) => file.display().to_string(),
        (None, Some(topic)) if !topic.starts_with('^') => format!("--topic {topic} --offset -10"),
        _ => "--topic TOPIC --offset -10".to_owned(),
    };
    println!(
        "wrote {shown}; next:\n  export SLACK_WEBHOOK_URL=...\n  rowbell check -c {shown}\n  rowbell preview -c {shown} {events}"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
