//! What events and schemas tell of tables: their columns, types, and what a config should say about them.

use super::input::Source;
use super::posts::skimmed;
use crate::change::{self, Hints, Identities, Known, NoHints, Record, RowChange, Schema, Skim, Type};
use crate::config::{Catalog, Code, Config, KnownNote, KnownTable};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::Path;

/// Values of one column that are kept as examples.
const SAMPLES_MAX: usize = 20;
/// Tables that are looked at; a topic has one, a pattern some hundreds.
const TABLES_MAX: usize = 1_000;

/// Gathers what events tell.
pub struct Survey<'s> {
    hints: &'s dyn Hints,
    source: &'s dyn Source,
    identities: Identities,
    tables: Vec<Surveyed>,
    undecodable: Vec<String>,
    errors: u64,
    records: u64,
}

/// A table as its events show it.
#[derive(Debug, Default, Clone)]
pub struct Surveyed {
    /// Its columns.
    pub known: KnownTable,
    /// Debezium's word for the connector.
    pub connector: String,
    /// Columns of its key.
    pub key: Vec<String>,
    /// Do events carry a schema?
    pub has_schema: bool,
    /// Old images that were whole, and those that were not.
    pub old_images: (u64, u64),
    /// Columns that changed, with how often.
    pub changed: Vec<(String, u64)>,
    /// Updates.
    pub updates: u64,
    /// What stands out, as `inspect` says it.
    pub hints: BTreeSet<String>,
    /// Some values of text columns, for guesses; never shown.
    samples: Vec<(String, Vec<String>)>,
}

impl<'s> Survey<'s> {
    /// Nothing is known yet.
    pub fn new(config: Option<&'s Config>, source: &'s dyn Source) -> Self {
        let hints: &dyn Hints = config.map_or(&NoHints, |config| config);
        Self {
            hints,
            source,
            identities: Identities::default(),
            tables: Vec::new(),
            undecodable: Vec::new(),
            errors: 0,
            records: 0,
        }
    }

    /// Looks at a record. An error is the registry's.
    pub fn see(&mut self, record: &Record<'_>) -> Result<(), String> {
        self.records += 1;
        let skim = skimmed(record, self.source, &self.hints.reading(record.topic))?;
        let (change, suspicions, has_schema) = match &skim {
            Ok(Skim::Change(envelope)) => {
                self.identities.observe(envelope);
                let known = Known { config: self.hints, learnt: &self.identities };
                match envelope.change(&known) {
                    Ok(change) => {
                        let suspicions = change::suspicions(envelope, &change, &known);
                        (change, suspicions, envelope.has_schema())
                    }
                    Err(error) => {
                        self.failed(record, &error.to_string());
                        return Ok(());
                    }
                }
            }
            Ok(_) => return Ok(()),
            Err(error) => {
                let error = error.to_string();
                self.failed(record, &error);
                return Ok(());
            }
        };
        self.note(&change, suspicions, has_schema);
        Ok(())
    }

    fn failed(&mut self, record: &Record<'_>, error: &str) {
        self.errors += 1;
        if self.undecodable.is_empty() {
            self.undecodable.push(format!("{}: {error}", record.id()));
        }
    }

    fn note(&mut self, change: &RowChange, suspicions: Vec<String>, has_schema: bool) {
        let (server, name) = (&*change.server, &*change.table);
        let at = self.tables.iter().position(|table| table.known.server == server && table.known.name == name);
        let at = match at {
            Some(at) => at,
            None if self.tables.len() == TABLES_MAX => return,
            None => {
                let known = KnownTable { server: server.to_owned(), name: name.to_owned(), columns: Vec::new() };
                self.tables.push(Surveyed { known, connector: change.connector.to_string(), ..Surveyed::default() });
                self.tables.len() - 1
            }
        };
        let table = &mut self.tables[at];
        table.has_schema |= has_schema;
        table.hints.extend(suspicions);
        if let Some(key) = &change.key {
            table.key = key.columns.iter().map(|column| column.name.to_string()).collect();
        }
        for column in [&change.after, &change.before].into_iter().flatten().flat_map(|row| &row.columns) {
            // A null tells no type; whether the column is there it does.
            let ty = (column.ty != Type::Unknown).then_some(column.ty);
            table.known.column(&column.name, ty);
            if let change::Value::Text(text) = &column.value {
                sample(&mut table.samples, &column.name, text);
            }
        }
        if change.op == change::Op::Update {
            table.updates += 1;
            match change.before_unknown {
                true => table.old_images.1 += 1,
                false => table.old_images.0 += 1,
            }
            for column in change.changes.iter().filter(|column| column.old.is_some()) {
                match table.changed.iter_mut().find(|(name, _)| **name == *column.name) {
                    Some((_, count)) => *count += 1,
                    None => table.changed.push((column.name.to_string(), 1)),
                }
            }
        }
    }

    /// The tables, as they were met.
    pub fn tables(&self) -> &[Surveyed] {
        &self.tables
    }

    /// How many records cannot be decoded, and why the first cannot.
    pub fn undecodable(&self) -> Option<String> {
        let first = self.undecodable.first()?;
        Some(format!("{} of {} records cannot be decoded, first {first}", self.errors, self.records))
    }

    /// What a config is compared with; `source` says where it comes from.
    pub fn catalog(self, source: String) -> Catalog {
        let mut catalog = Catalog { source, ..Catalog::default() };
        let undecodable = self.undecodable();
        for table in self.tables {
            for hint in &table.hints {
                let (code, message, hint) = worded(&table.known.name, hint);
                let (server, table) = (table.known.server.clone(), table.known.name.clone());
                catalog.notes.push(KnownNote { server, table, code, message, hint });
            }
            catalog.tables.push(table.known);
        }
        if let Some(message) = undecodable {
            let hint = Some("they go to the dead letters; `decode` pins a topic to its format".to_owned());
            let note =
                KnownNote { server: String::new(), table: String::new(), code: Code::Undecodable, message, hint };
            catalog.notes.push(note);
        }
        catalog
    }
}

impl Surveyed {
    /// Texts that a column held.
    pub fn samples(&self, column: &str) -> &[String] {
        self.samples.iter().find(|(name, _)| name == column).map_or(&[], |(_, texts)| texts)
    }
}

fn sample(samples: &mut Vec<(String, Vec<String>)>, column: &str, text: &str) {
    let at = match samples.iter().position(|(name, _)| name == column) {
        Some(at) => at,
        None => {
            samples.push((column.to_owned(), Vec::new()));
            samples.len() - 1
        }
    };
    let texts = &mut samples[at].1;
    if texts.len() < SAMPLES_MAX && !texts.iter().any(|known| known == text) {
        texts.push(text.chars().take(200).collect());
    }
}

/// `inspect`'s hint about a record as a finding about its table: what, and what to do.
fn worded(table: &str, hint: &str) -> (Code, String, Option<String>) {
    let (message, remedy) = match hint.split_once("; set ") {
        Some((message, remedy)) => (message, Some(format!("tables.{table}.{remedy}"))),
        None => match hint.split_once("; to have them: ") {
            Some((message, remedy)) => (message, Some(remedy.to_owned())),
            None => (hint, None),
        },
    };
    let code = if message.starts_with("the source does not send") { Code::OldValues } else { Code::TypeToSet };
    (code, format!("{table}: {message}"), remedy)
}

/// The tables whose rows the schemas of a file describe.
pub fn schemas_catalog(path: &Path) -> Result<Catalog, String> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let document: Json = serde_json::from_str(&text).map_err(|error| format!("{shown}: {error}"))?;
    let mut catalog = Catalog { source: shown, ..Catalog::default() };
    for entry in document.as_object().into_iter().flatten().map(|(_, entry)| entry) {
        let Some(text) = entry.get("schema").and_then(Json::as_str) else { continue };
        if let Some((server, table)) = schema_name(text).as_deref().and_then(place)
            && let Ok(schema) = Schema::parse(entry.get("schemaType").and_then(Json::as_str), text, &[])
        {
            describe(&schema, &server, &table, &mut catalog);
        }
    }
    Ok(catalog)
}

/// Adds what a schema says of a table.
pub fn describe(schema: &Schema, server: &str, table: &str, catalog: &mut Catalog) {
    let columns = schema.columns();
    if !columns.is_empty() {
        let known = catalog.table(server, table);
        columns.iter().for_each(|(column, ty)| known.column(column, *ty));
    }
}

/// The name that Debezium gave a schema, unless it is that of a key.
fn schema_name(text: &str) -> Option<String> {
    let name = match serde_json::from_str::<Json>(text) {
        Ok(json) => {
            let word = |key: &str| json.get(key).and_then(Json::as_str);
            match (word("connect.name"), word("namespace"), word("name")) {
                (Some(name), ..) | (None, None, Some(name)) => name.to_owned(),
                (None, Some(namespace), Some(name)) => format!("{namespace}.{name}"),
                _ => return None,
            }
        }
        // Protobuf: the package is the topic, the first message what is in it.
        Err(_) => {
            let package = text.split_once("package ")?.1.split(';').next()?.trim().to_owned();
            let message = text.split_once("message ")?.1.split(['{', ' ']).next()?.trim().to_owned();
            format!("{package}.{message}")
        }
    };
    let rows = name.strip_suffix(".Envelope").or_else(|| name.strip_suffix(".Value"));
    rows.map(str::to_owned)
}

/// `prefix.schema.table`: the server and the table.
pub fn place(topic: &str) -> Option<(String, String)> {
    let (rest, table) = topic.rsplit_once('.')?;
    let (server, schema) = rest.rsplit_once('.')?;
    Some((server.to_owned(), format!("{schema}.{table}")))
}
