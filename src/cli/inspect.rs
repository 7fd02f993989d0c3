//! `rowbell inspect`: one line of JSON per record, what Rowbell understood of it.

mod pretty;

pub use pretty::block;

use super::input::{InputArguments, InputError, Progress, Source};
use super::posts::skimmed;
use super::records::CapturedRecord;
use super::text::Style;
use super::{Failure, output, style};
use crate::change::{
    self, DecodeError, Envelope, Hints, Identities, Known, LogicalMessage, NoHints, Record, Row, RowChange, Skim, Value,
};
use serde_json::{Map, Value as Json, json};
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Say what Rowbell understands of change events: one line of JSON per record
#[derive(Debug, clap::Args)]
pub struct InspectArguments {
    /// Write blocks of text for people instead of JSON
    #[arg(long)]
    pretty: bool,

    #[command(flatten)]
    filter: Filter,

    #[command(flatten)]
    input: InputArguments,
}

/// Which lines are written. A record that cannot be decoded is written unless a filter asks for changes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Filter {
    /// Only changes of this table: public.listings
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,

    /// Only changes of this kind: create, update, delete, read, truncate
    #[arg(long, value_name = "OP")]
    op: Option<String>,

    /// Only changes of this column
    #[arg(long, value_name = "COLUMN")]
    changed: Option<String>,

    /// Stop after so many lines
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

impl Filter {
    fn wants(&self, line: &Json) -> bool {
        let is = |field: &str, wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| line[field] == **wanted);
        let changes = || line["changes"].as_array().into_iter().flatten();
        is("table", &self.table)
            && is("op", &self.op)
            && self.changed.as_ref().is_none_or(|wanted| changes().any(|change| change["column"] == **wanted))
    }
}

/// Runs the command: data to stdout, errors to stderr.
pub fn run(arguments: &InspectArguments) -> ExitCode {
    match inspect(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

fn inspect(arguments: &InspectArguments) -> Result<(), Failure> {
    let config = arguments.input.config()?;
    let hints: &dyn Hints = match &config {
        Some(config) => config,
        None => &NoHints,
    };
    let at_hand = arguments.input.context.schemas(config.as_ref())?;
    let input = arguments.input.open(config.as_ref())?;
    let mut inspector = Inspector::new(hints, &at_hand);
    inspector.filter = arguments.filter.clone();
    inspector.form = if arguments.pretty { Form::Pretty(style()) } else { Form::Json };
    inspector.progress = Progress::on_terminal(input.total);
    match inspector.write(input.records, output(input.live)) {
        Ok(()) => Ok(()),
        // Whoever read our output has seen enough.
        Err(InspectError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::Failed(error.to_string())),
    }
}

/// How a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A line of JSON.
    #[default]
    Json,
    /// A block of text.
    Pretty(Style),
}

/// What an inspection went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inspected {
    /// Records read.
    pub records: u64,
    /// Those that could not be decoded.
    pub errors: u64,
}

/// Why an inspection ended early.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The input could not be read.
    #[error(transparent)]
    Read(#[from] InputError),
    /// A schema could not be fetched.
    #[error("{0}")]
    Registry(String),
    /// The output could not be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// Turns records into lines, and learns the tables' replica identities on the way.
pub struct Inspector<'h> {
    hints: &'h dyn Hints,
    source: &'h dyn Source,
    identities: Identities,
    /// Which lines are written.
    pub filter: Filter,
    /// How they look.
    pub form: Form,
    /// Who hears how far it is.
    pub progress: Progress,
    /// What was gone through so far.
    pub inspected: Inspected,
}

impl<'h> Inspector<'h> {
    /// Starts with nothing learnt.
    pub fn new(hints: &'h dyn Hints, source: &'h dyn Source) -> Self {
        Inspector {
            hints,
            source,
            identities: Identities::default(),
            filter: Filter::default(),
            form: Form::default(),
            progress: Progress::none(),
            inspected: Inspected::default(),
        }
    }

    /// Writes a line per record. A record that cannot be decoded is a line of kind `error`; input that
    /// cannot be read ends the inspection, with everything before it written.
    pub fn write(
        &mut self,
        records: impl IntoIterator<Item = Result<CapturedRecord, InputError>>,
        mut out: impl Write,
    ) -> Result<(), InspectError> {
        let mut left = self.filter.limit.unwrap_or(u64::MAX);
        let mut records = records.into_iter();
        // Looked at before the next record: a topic that is followed may keep us waiting for it.
        while left > 0
            && let Some(record) = records.next()
        {
            let line = self.line(&record?.record())?;
            self.progress.count();
            if !self.filter.wants(&line) {
                continue;
            }
            left -= 1;
            self.progress.hide();
            match self.form {
                Form::Json => serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?,
                Form::Pretty(style) => out.write_all(block(&line, style).as_bytes())?,
            }
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    /// The line of one record, its keys in the documented order.
    pub fn line(&mut self, record: &Record<'_>) -> Result<Json, InspectError> {
        self.inspected.records += 1;
        let mut line = Map::new();
        line.insert("topic".into(), json!(**record.topic));
        line.insert("partition".into(), json!(record.partition));
        line.insert("offset".into(), json!(record.offset));
        let reading = self.hints.reading(record.topic);
        let skim = skimmed(record, self.source, &reading).map_err(InspectError::Registry)?;
        match skim.and_then(|skim| self.describe(&skim)) {
            Ok(fields) => line.extend(fields),
            Err(error) => {
                self.inspected.errors += 1;
                line.insert("kind".into(), json!("error"));
                line.insert("error".into(), json!(error.to_string()));
            }
        }
        Ok(Json::Object(line))
    }

    fn describe(&mut self, skim: &Skim<'_>) -> Result<Map<String, Json>, DecodeError> {
        let mut fields = Map::new();
        fields.insert("kind".into(), json!(skim.kind()));
        match skim {
            Skim::Change(envelope) => {
                self.identities.observe(envelope);
                let hints = Known { config: self.hints, learnt: &self.identities };
                let change = envelope.change(&hints)?;
                change_fields(&mut fields, envelope, &change, &hints);
            }
            Skim::Message(message) => message_fields(&mut fields, message),
            _ => {}
        }
        Ok(fields)
    }
}

fn change_fields(fields: &mut Map<String, Json>, envelope: &Envelope<'_>, change: &RowChange, hints: &dyn Hints) {
    fields.insert("op".into(), json!(change.op.as_str()));
    fields.insert("connector".into(), json!(*change.connector));
    fields.insert("table".into(), json!(*change.table));
    fields.insert("key".into(), change.key.as_ref().map_or(Json::Null, row));
    if let Some(key) = &change.rekeyed_to {
        fields.insert("rekeyed_to".into(), row(key));
    }
    if let Some(key) = &change.rekeyed_from {
        fields.insert("rekeyed_from".into(), row(key));
    }
    fields.insert("snapshot".into(), json!(change.snapshot));
    fields.insert("time".into(), time(change.time_us));
    let changes = change.changes.iter().map(|column| {
        let mut object = Map::new();
        object.insert("column".into(), json!(*column.name));
        object.insert("type".into(), json!(column.ty.as_str()));
        for (side, value) in [("old", &column.old), ("new", &column.new)] {
            if let Some(value) = value {
                object.insert(side.into(), value.canonical());
            }
        }
        Json::Object(object)
    });
    fields.insert("changes".into(), changes.collect());
    fields.insert("before_unknown".into(), json!(change.before_unknown));
    fields.insert("unavailable".into(), change.unavailable.iter().map(|name| json!(**name)).collect());
    let hints = change::suspicions(envelope, change, hints);
    if !hints.is_empty() {
        fields.insert("hints".into(), json!(hints));
    }
}

fn message_fields(fields: &mut Map<String, Json>, message: &LogicalMessage<'_>) {
    fields.insert("connector".into(), json!(message.connector));
    fields.insert("message".into(), json!({"prefix": message.prefix, "content": message.text()}));
    fields.insert("time".into(), time(message.time_us));
}

fn row(row: &Row) -> Json {
    Json::Object(row.columns.iter().map(|column| (column.name.to_string(), column.value.canonical())).collect())
}

fn time(micros: Option<i64>) -> Json {
    micros.map_or(Json::Null, |micros| Value::Instant(change::Bounded::Finite(i128::from(micros) * 1000)).canonical())
}

#[cfg(test)]
mod tests;
