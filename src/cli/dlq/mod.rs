//! `rowbell dlq list|show|replay`: dead letters.

mod again;
mod letter;
mod replay;

use super::input::{AtHand, ContextArguments, Progress, captured, reader_failure, stop_flag};
use super::inspect::{Inspector, block};
use super::posts::skimmed;
use super::records::CapturedRecord;
use super::text::write_clean;
use super::{Failure, output, style};
use crate::change::{Hints, RecordId, Skim};
use crate::config::Config;
use crate::kafka::{Beginning, KafkaSettings, Reader, Reading};
use letter::{Entry, Filter, Letter, LetterId};
use std::collections::HashSet;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Marks of replayed letters that are kept in memory.
const REPLAYED_MAX: usize = 1_000_000;

/// Look at dead letters, and post them again
#[derive(Debug, clap::Args)]
pub struct DlqArguments {
    #[command(subcommand)]
    command: DlqCommand,
}

#[derive(Debug, clap::Subcommand)]
enum DlqCommand {
    /// One line per letter: where it stands, when and why it was given up, which record it is about
    List(LookArguments),
    /// The letters with their records as people read them
    Show(LookArguments),
    /// Post letters to the same destination again, once each, at their own pace
    Replay(replay::ReplayArguments),
}

#[derive(Debug, clap::Args)]
struct LookArguments {
    #[command(flatten)]
    filter: Filter,

    /// Write one line of JSON per letter
    #[arg(long)]
    json: bool,

    /// Stop after so many letters
    #[arg(long, value_name = "N")]
    limit: Option<u64>,

    #[command(flatten)]
    context: ContextArguments,
}

/// Runs the command: letters to stdout.
pub fn run(arguments: &DlqArguments) -> ExitCode {
    let done = match &arguments.command {
        DlqCommand::List(arguments) => look(arguments, false),
        DlqCommand::Show(arguments) => look(arguments, true),
        DlqCommand::Replay(arguments) => replay::replay(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

fn look(arguments: &LookArguments, whole: bool) -> Result<(), Failure> {
    let config = arguments.context.usual_config()?;
    let source = arguments.context.schemas(Some(&config))?;
    let letters = Letters::new(arguments.context.kafka(Some(&config))?, &config);
    let replayed = letters.replayed()?;
    let mut inspector = Inspector::new(&config, &source);
    let (mut out, mut left) = (output(false), arguments.limit.unwrap_or(u64::MAX));
    for letter in letters.select(&arguments.filter, &source, &config)? {
        if left == 0 {
            break;
        }
        left -= 1;
        let mut letter = letter?;
        let again = replayed.contains(&letter.id);
        let mut record = None;
        if whole {
            letters.complete(&mut letter)?;
            let line = inspector.line(&letter.record.record());
            record = Some(line.map_err(|error| Failure::Failed(error.to_string()))?);
        }
        let text = match (arguments.json, record) {
            (true, record) => {
                let mut line = letter.json(again);
                if let Some(record) = record {
                    line["inspected"] = record;
                }
                line.to_string()
            }
            (false, record) => {
                let mut text = String::new();
                write_clean(&mut text, &letter.line(again), 4);
                if let Some(record) = record {
                    text.push('\n');
                    text.push_str(&block(&record, style()));
                }
                text
            }
        };
        match writeln!(out, "{text}") {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::Failed(format!("cannot write: {error}"))),
        }
    }
    out.flush().map_err(|error| Failure::Failed(format!("cannot write: {error}")))
}

/// The letters about one record.
pub(in crate::cli) fn letters_about(
    context: &ContextArguments,
    config: &Config,
    record: &RecordId,
) -> Result<Vec<Letter>, Failure> {
    let letters = Letters::new(context.kafka(Some(config))?, config);
    let mut about = Vec::new();
    for stored in letters.read()? {
        if let Entry::Letter(letter) = Entry::read(stored.map_err(reader_failure)?)
            && letter.place() == *record
        {
            about.push(*letter);
        }
    }
    Ok(about)
}

/// The dead-letter topic.
struct Letters {
    settings: KafkaSettings,
    topic: String,
    stop: Arc<AtomicBool>,
}

impl Letters {
    fn new(settings: KafkaSettings, config: &Config) -> Self {
        Self { settings, topic: config.dead_letter_topic.clone(), stop: stop_flag() }
    }

    fn read(&self) -> Result<Reader, Failure> {
        let reading = Reading { topic: self.topic.clone(), partition: None, from: Beginning::Earliest, follow: false };
        Reader::open(&self.settings, &reading, Arc::clone(&self.stop)).map_err(reader_failure)
    }

    /// Letters that were replayed. Their marks stand behind them in the log, so it is read once for these alone.
    fn replayed(&self) -> Result<HashSet<LetterId>, Failure> {
        let mut replayed = HashSet::new();
        for stored in self.read()? {
            if let Entry::Replayed(id) = Entry::read(stored.map_err(reader_failure)?) {
                replayed.insert(id);
                if replayed.len() > REPLAYED_MAX {
                    return Err(Failure::Failed(format!(
                        "more than {REPLAYED_MAX} letters were replayed\nhint: give the topic {} a retention.ms",
                        self.topic
                    )));
                }
            }
        }
        Ok(replayed)
    }

    /// The letters that the filter wants, one by one.
    fn select<'l>(
        &'l self,
        filter: &'l Filter,
        source: &'l AtHand,
        config: &'l Config,
    ) -> Result<impl Iterator<Item = Result<Letter, Failure>> + use<'l>, Failure> {
        let reader = self.read()?;
        let mut progress = Progress::on_terminal(Some(reader.total()));
        Ok(reader.filter_map(move |stored| {
            progress.count();
            let entry = match stored {
                Ok(stored) => Entry::read(stored),
                Err(error) => return Some(Err(reader_failure(error))),
            };
            let Entry::Letter(letter) = entry else { return None };
            if !filter.wants(&letter) {
                return None;
            }
            if let Some(table) = &filter.table {
                match is_about(&letter.record, table, source, config) {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return Some(Err(Failure::Failed(error))),
                }
            }
            progress.hide();
            Some(Ok(*letter))
        }))
    }

    /// A letter without its record (too large for the topic, or no longer in memory) gets it from the record's own
    /// topic, where it still is there.
    fn complete(&self, letter: &mut Letter) -> Result<(), Failure> {
        if letter.record.value.is_some() {
            return Ok(());
        }
        let place = letter.place();
        let reading = Reading {
            topic: place.topic.to_string(),
            partition: Some(place.partition),
            from: Beginning::Before { offset: place.offset, count: 0 },
            follow: false,
        };
        // A topic that is gone is no reason to stop: the letter stays without its record.
        let Ok(reader) = Reader::open(&self.settings, &reading, Arc::clone(&self.stop)) else {
            return Ok(());
        };
        for stored in reader {
            let stored = stored.map_err(reader_failure)?;
            if stored.offset == place.offset {
                letter.record = captured(stored);
            }
        }
        Ok(())
    }
}

fn is_about(record: &CapturedRecord, table: &str, source: &AtHand, config: &Config) -> Result<bool, String> {
    Ok(match skimmed(&record.record(), source, &config.reading(&record.topic))? {
        Ok(Skim::Change(envelope)) => envelope.table() == table,
        _ => false,
    })
}
