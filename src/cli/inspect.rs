//! `rowbell inspect`: one line of JSON per record, what Rowbell understood of it.

use super::records::{CapturedRecord, ReadError, read_records};
use super::{FAILED, USAGE, fail};
use crate::change::{
    self, DecodeError, Envelope, FileSchemas, Hints, Identities, Known, LogicalMessage, NoHints, NoSchemas, Record,
    Row, RowChange, SchemaId, Schemas, Skim, Value,
};
use crate::config;
use crate::registry::{Registry, RegistrySettings};
use serde_json::{Map, Value as Json, json};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Say what Rowbell understands of captured events: one line of JSON per record
#[derive(Debug, clap::Args)]
pub struct InspectArguments {
    /// Captured events, one JSON object a line; - or nothing is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,

    /// Config whose `columns.*.type` and `replica_identity` say what the events do not
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Schemas of framed events: {id: {"schema": "..."}}
    #[arg(long, value_name = "FILE", conflicts_with = "registry")]
    schemas: Option<PathBuf>,

    /// Schema registry to ask for the schemas of framed events; several are tried in order
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    registry: Vec<String>,

    #[command(flatten)]
    filter: Filter,
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
    let config = match &arguments.config {
        None => None,
        Some(path) => match config::load(path) {
            Ok((config, _)) => Some(config),
            Err(report) => {
                eprintln!("{report}");
                return ExitCode::from(USAGE);
            }
        },
    };
    let hints: &dyn Hints = match &config {
        Some(config) => config,
        None => &NoHints,
    };
    let at_hand = match AtHand::new(arguments) {
        Ok(at_hand) => at_hand,
        Err(error) => return fail(&error, USAGE),
    };
    let name = arguments.file.display().to_string();
    let input: Box<dyn BufRead> = if name == "-" {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        match std::fs::File::open(&arguments.file) {
            Ok(file) => Box::new(BufReader::new(file)),
            Err(error) => {
                return fail(
                    &format!("cannot read {name}: {error}\nhint: a file of captured events, or - for stdin"),
                    USAGE,
                );
            }
        }
    };
    let mut inspector = Inspector::new(hints, &at_hand);
    inspector.filter = arguments.filter.clone();
    match inspector.write(read_records(name, input), BufWriter::new(std::io::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough.
        Err(InspectError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(&error, FAILED),
    }
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
    Read(#[from] ReadError),
    /// A schema could not be fetched.
    #[error("{0}")]
    Registry(String),
    /// The output could not be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// Where the command's schemas come from.
enum AtHand {
    Nowhere(NoSchemas),
    File(FileSchemas),
    Registry(Box<Registry>, tokio::runtime::Runtime),
}

impl AtHand {
    fn new(arguments: &InspectArguments) -> Result<Self, String> {
        if let Some(path) = &arguments.schemas {
            return schemas_file(path).map(AtHand::File);
        }
        if arguments.registry.is_empty() {
            return Ok(AtHand::Nowhere(NoSchemas));
        }
        let settings = RegistrySettings { urls: arguments.registry.clone(), ..RegistrySettings::default() };
        let registry = Registry::new(&settings).map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(AtHand::Registry(Box::new(registry), runtime.map_err(|error| error.to_string())?))
    }
}

impl Source for AtHand {
    fn schemas(&self) -> &dyn Schemas {
        match self {
            AtHand::Nowhere(none) => none,
            AtHand::File(file) => file,
            AtHand::Registry(registry, _) => &**registry,
        }
    }

    fn fetch(&self, id: SchemaId) -> Result<(), String> {
        match self {
            AtHand::Registry(registry, runtime) => {
                runtime.block_on(registry.fetch(id)).map_err(|error| error.to_string())
            }
            AtHand::Nowhere(_) | AtHand::File(_) => Err(format!("no registry to ask for schema {id}")),
        }
    }
}

fn schemas_file(path: &Path) -> Result<FileSchemas, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    FileSchemas::parse(&text).map_err(|error| {
        format!("{shown}: {error}\nhint: {{\"7\": {{\"schema\": \"...\"}}}}, as the registry's API returns them")
    })
}

/// Where schemas come from.
pub trait Source {
    /// Those that are here.
    fn schemas(&self) -> &dyn Schemas;

    /// Brings one that is not.
    fn fetch(&self, id: SchemaId) -> Result<(), String>;
}

/// Turns records into lines, and learns the tables' replica identities on the way.
pub struct Inspector<'h> {
    hints: &'h dyn Hints,
    source: &'h dyn Source,
    identities: Identities,
    /// Which lines are written.
    pub filter: Filter,
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
            inspected: Inspected::default(),
        }
    }

    /// Writes a line per record. A record that cannot be decoded is a line of kind `error`; input that
    /// cannot be read ends the inspection, with everything before it written.
    pub fn write(
        &mut self,
        records: impl IntoIterator<Item = Result<CapturedRecord, ReadError>>,
        mut out: impl Write,
    ) -> Result<(), InspectError> {
        let mut written = 0;
        for record in records {
            if self.filter.limit.is_some_and(|limit| written >= limit) {
                break;
            }
            let line = self.line(&record?.record())?;
            if !self.filter.wants(&line) {
                continue;
            }
            written += 1;
            serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?;
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
        let mut skim = change::skim_with(record, self.source.schemas());
        while let Ok(Skim::Needs(id)) = skim {
            self.source.fetch(id).map_err(InspectError::Registry)?;
            skim = change::skim_with(record, self.source.schemas());
        }
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
