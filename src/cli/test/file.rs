//! A file of cases, as docs/testing.md describes it: read, and checked with line and column like a config.

use crate::cli::records::{CapturedRecord, read_records};
use crate::config::de::{At, section};
use crate::config::shapes::OneOrMany;
use crate::config::tree::{self, Kind, Node};
use crate::config::{Diagnostic, Place, Report};
use crate::message::Priority;
use serde_json::{Map, Value as Json, json};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Largest file of cases.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Events of one case; a captured day is no case.
const EVENTS_MAX: usize = 10_000;

/// What an event in short form is said to come from, where it says nothing.
const SERVER: &str = "test";

/// When an event in short form happened: 2026-01-01T00:00:00Z, so that what is posted does not change from day to day.
const TIME_MS: i64 = 1_767_225_600_000;

/// A file, checked.
#[derive(Debug)]
pub struct CaseFile {
    /// The config it names, relative to itself.
    pub config: Option<PathBuf>,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Debug)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What happens.
    pub records: Vec<CapturedRecord>,
    /// What is to be posted for it, in any order.
    pub expected: Vec<Expected>,
}

/// What is expected of one post; what is not said may be anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expected {
    /// Where it stands.
    pub place: Place,
    /// Name of the destination.
    pub destination: String,
    /// Names of the rules, all of them, in any order.
    pub rules: Option<Vec<String>>,
    /// How urgent.
    pub priority: Option<Priority>,
    /// The headline.
    pub headline: Option<String>,
    /// Texts that readers see.
    pub contains: Vec<String>,
    /// Texts that readers do not see.
    pub omits: Vec<String>,
}

#[derive(Default, serde::Deserialize)]
struct FileModel {
    #[serde(default)]
    config: Option<At<String>>,
    cases: Vec<At<CaseModel>>,
}

#[derive(Default, serde::Deserialize)]
struct CaseModel {
    name: At<String>,
    /// A list of events, or the name of a file of them.
    events: At<Json>,
    #[serde(default)]
    expect: Option<Vec<At<ExpectedModel>>>,
}

#[derive(Default, serde::Deserialize)]
struct ExpectedModel {
    destination: At<String>,
    #[serde(default)]
    rules: Option<OneOrMany<At<String>>>,
    #[serde(default)]
    priority: Option<At<String>>,
    #[serde(default)]
    headline: Option<String>,
    #[serde(default)]
    contains: OneOrMany<String>,
    #[serde(default)]
    omits: OneOrMany<String>,
}

/// An event in short form.
#[derive(serde::Deserialize)]
struct EventModel {
    table: At<String>,
    op: At<String>,
    #[serde(default)]
    server: Option<String>,
    #[serde(default)]
    key: Option<Json>,
    #[serde(default)]
    before: Option<Json>,
    #[serde(default)]
    after: Option<Json>,
}

/// Reads a file of cases.
pub fn load(path: &Path) -> Result<CaseFile, Report> {
    let mut report = Report::new(path.display().to_string());
    let read = std::fs::metadata(path).and_then(|found| match found.len() <= FILE_BYTES_MAX {
        true => std::fs::read_to_string(path),
        false => Err(std::io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes"))),
    });
    match read {
        Ok(text) => parse(&text, path.parent().unwrap_or(Path::new("")), report),
        Err(error) => {
            let found = Diagnostic::error(Place::default(), format!("cannot read the cases: {error}"));
            report.push(found.hint("docs/testing.md shows how such a file looks"));
            Err(report)
        }
    }
}

/// Reads the text of a file that stands in this directory.
pub fn parse(text: &str, directory: &Path, mut report: Report) -> Result<CaseFile, Report> {
    let Some(root) = tree::parse(text, &mut report) else {
        return Err(report);
    };
    let model: Option<FileModel> = section(&root, &mut report);
    let Some(model) = model else {
        return Err(report);
    };
    if model.cases.is_empty() {
        report.push(
            Diagnostic::error(root.place, "there are no cases")
                .hint("cases: [{ name: ..., events: ..., expect: [...] }]"),
        );
    }
    let mut cases = Vec::new();
    for (index, model) in model.cases.into_iter().enumerate() {
        let Some(node) = events_node(&root, index) else { continue };
        let place = model.place;
        let model = model.value;
        let records = records(node, &model.events, directory, &mut report);
        let Some(expect) = model.expect else {
            let found = Diagnostic::error(place, "\"expect\" is missing here");
            report.push(found.hint("expect: [] where nothing is to be posted"));
            continue;
        };
        let expected = expect.into_iter().map(|expected| checked(expected, &mut report)).collect();
        cases.push(Case { name: model.name.value, place, records, expected });
    }
    match report.has_errors() {
        true => Err(report),
        false => Ok(CaseFile { config: model.config.map(|path| directory.join(path.value)), cases }),
    }
}

/// The tree's part with the events of a case: they are read one by one, each with its place.
fn events_node(root: &Node, case: usize) -> Option<&Node> {
    match &field(root, "cases")?.kind {
        Kind::List(cases) => field(cases.get(case)?, "events"),
        _ => None,
    }
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value),
        _ => None,
    }
}

fn checked(model: At<ExpectedModel>, report: &mut Report) -> Expected {
    let At { value: model, place } = model;
    let priority = model.priority.and_then(|word| {
        let found = Priority::ALL.into_iter().find(|priority| priority.as_str() == word.value);
        if found.is_none() {
            let words = Priority::ALL.map(Priority::as_str);
            let finding = Diagnostic::error(word.place, format!("{:?} is no priority", word.value));
            report.push(finding.hint(format!("one of: {}", words.join(", "))));
        }
        found
    });
    Expected {
        place,
        destination: model.destination.value,
        rules: model.rules.map(|rules| rules.0.into_iter().map(|rule| rule.value).collect()),
        priority,
        headline: model.headline,
        contains: model.contains.0,
        omits: model.omits.0,
    }
}

fn records(node: &Node, events: &At<Json>, directory: &Path, report: &mut Report) -> Vec<CapturedRecord> {
    match &node.kind {
        Kind::Text(file) => captured(&directory.join(file), events.place, report),
        Kind::List(items) => {
            if items.len() > EVENTS_MAX {
                report.push(Diagnostic::error(node.place, format!("more than {EVENTS_MAX} events in one case")));
                return Vec::new();
            }
            let event = |(index, item)| event(index, item, report);
            items.iter().enumerate().filter_map(event).collect()
        }
        _ => {
            let found = Diagnostic::error(node.place, "expected a list of events, or the name of a file of them");
            report.push(found.hint("events: [{ table: public.listings, op: update, before: {...}, after: {...} }]"));
            Vec::new()
        }
    }
}

/// The records of a file in the capture format.
fn captured(path: &Path, place: Place, report: &mut Report) -> Vec<CapturedRecord> {
    let mut complain =
        |error: String| report.push(Diagnostic::error(place, format!("cannot read the events: {error}")));
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) => {
            complain(format!("{}: {error}", path.display()));
            return Vec::new();
        }
    };
    let read = read_records(path.display().to_string(), BufReader::new(file)).take(EVENTS_MAX + 1);
    match read.collect::<Result<Vec<_>, _>>() {
        Ok(records) if records.len() <= EVENTS_MAX => records,
        Ok(_) => {
            complain(format!("{} holds more than {EVENTS_MAX} of them", path.display()));
            Vec::new()
        }
        Err(error) => {
            complain(error.to_string());
            Vec::new()
        }
    }
}

/// An event as it was captured (it names its topic), or in short form.
fn event(index: usize, node: &Node, report: &mut Report) -> Option<CapturedRecord> {
    if field(node, "topic").is_none() {
        let model: EventModel = section(node, report)?;
        return short(index, model, node.place, report);
    }
    let whole: Json = section(node, report)?;
    match read_records("", format!("{whole}\n").as_bytes()).next()? {
        Ok(record) => Some(CapturedRecord { offset: whole["offset"].as_i64().unwrap_or(index as i64), ..record }),
        Err(error) => {
            let found = Diagnostic::error(node.place, format!("this is no captured event: {}", error.reason));
            report.push(match error.hint {
                Some(hint) => found.hint(hint),
                None => found,
            });
            None
        }
    }
}

/// As a connector that always sends whole old rows would have written it: the short form means what it says.
fn short(index: usize, model: EventModel, place: Place, report: &mut Report) -> Option<CapturedRecord> {
    let letter = match model.op.as_str() {
        "create" => "c",
        "update" => "u",
        "delete" => "d",
        "read" => "r",
        "truncate" => "t",
        other => {
            let found = Diagnostic::error(model.op.place, format!("{other:?} is no operation"));
            report.push(found.nearest(other, ["create", "update", "delete", "read", "truncate"]));
            return None;
        }
    };
    let Some((schema, table)) = model.table.split_once('.') else {
        let found = Diagnostic::error(model.table.place, format!("{:?} names no schema or database", *model.table));
        report.push(found.hint(format!("write schema.table, e.g. public.{}", *model.table)));
        return None;
    };
    let needed = match letter {
        "d" => Some(("before", &model.before)),
        "t" => None,
        _ => Some(("after", &model.after)),
    };
    if let Some((name, None)) = needed {
        report.push(Diagnostic::error(place, format!("{name:?} is missing here")).hint(format!(
            "a {} tells the row {} it",
            *model.op,
            if name == "before" { "before" } else { "after" }
        )));
        return None;
    }
    let server = model.server.unwrap_or_else(|| SERVER.to_owned());
    let mut source = Map::new();
    source.insert("connector".to_owned(), json!("mysql"));
    source.insert("name".to_owned(), json!(server));
    source.insert("ts_ms".to_owned(), json!(TIME_MS));
    source.insert("snapshot".to_owned(), json!(if letter == "r" { "true" } else { "false" }));
    source.insert("db".to_owned(), json!(schema));
    source.insert("table".to_owned(), json!(table));
    let value = json!({"before": model.before, "after": model.after, "source": source, "op": letter, "ts_ms": TIME_MS});
    Some(CapturedRecord {
        topic: format!("{server}.{}", *model.table).into(),
        partition: 0,
        offset: index as i64,
        timestamp_ms: Some(TIME_MS),
        headers: Vec::new(),
        key: model.key.map(|key| key.to_string().into_bytes()),
        value: Some(value.to_string().into_bytes()),
        line: 0,
    })
}
