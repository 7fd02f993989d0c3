//! The configuration file: loading, the model, validation.
//!
//! Text becomes a tree that knows its places (`tree`), the tree becomes the model (`model`), the
//! model becomes what the service runs with ([`Config`]). Each step collects every mistake it can see.

mod code;
pub(crate) mod de;
mod diagnostic;
mod files;
mod lint;
mod model;
mod read;
pub mod schema;
mod secrets;
pub(crate) mod shapes;
mod source;
pub(crate) mod tree;
pub mod units;
mod validate;

#[cfg(test)]
mod tests;

pub use code::Code;
pub use diagnostic::{Diagnostic, Place, Report, Severity};
pub use files::SourceFile;
pub use lint::{Catalog, KnownColumn, KnownNote, KnownTable};
pub use source::{Excerpt, Source};

use crate::change::{ColumnHint, Hints, Reading};
use crate::destination::{HttpSettings, Target};
use crate::kafka::KafkaSettings;
use crate::message::{Locale, TableView};
use crate::outbox::Rate;
use crate::registry::RegistrySettings;
use crate::rule::{Rule, TablePattern, Template, Wording};
use crate::server::AdminSettings;
use globset::GlobMatcher;
use jiff::tz::TimeZone;
use model::Model;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tree::{Kind, NO_VALUE, Values};

/// The file that is read when nobody names one.
pub const DEFAULT_FILE: &str = "rowbell.yaml";

/// Names the file when `-c` does not.
pub const FILE_VARIABLE: &str = "ROWBELL_CONFIG";

/// Sections whose references are secrets, which only those who post need.
const SECRET_SECTIONS: &[&str] = &["destinations", "hooks"];

/// Largest config file; a hundred rules are a few dozen kilobytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What the service runs with.
#[derive(Debug)]
pub struct Config {
    /// Where records come from.
    pub kafka: KafkaSettings,
    /// Where the schemas of framed records are.
    pub schema_registry: Option<RegistrySettings>,
    /// How records are read.
    pub decode: Decode,
    /// What is known about tables, in file order; the first that matches counts.
    pub tables: Vec<Arc<Table>>,
    /// Where posts go; rules name them by their index.
    pub destinations: Vec<Destination>,
    /// Rules in file order.
    pub rules: Vec<Rule>,
    /// Bounds.
    pub limits: Limits,
    /// Language of what people read.
    pub locale: Arc<Locale>,
    /// Zone of the times that people read.
    pub time_zone: TimeZone,
    /// The config names no zone, so that a reader's own may stand where a channel knows it.
    pub readers_zone: bool,
    /// Topic of the dead letters.
    pub dead_letter_topic: String,
    /// Where metrics and health are served.
    pub listen: SocketAddr,
    /// Where the running service is asked and told things.
    pub admin: Option<AdminSettings>,
    /// How requests leave.
    pub http: HttpSettings,
}

/// How the records of topics are read.
#[derive(Debug, Default)]
pub struct Decode {
    /// In file order; the first glob that matches a topic counts.
    pub pins: Vec<(GlobMatcher, Reading)>,
    /// Of all other topics.
    pub otherwise: Reading,
}

/// What the config says about tables of one pattern.
#[derive(Debug)]
pub struct Table {
    /// Which tables.
    pub pattern: TablePattern,
    /// How rows are shown.
    pub view: TableView,
    /// Where a person looks at all its rows; checked: http or https.
    pub overview: Option<String>,
    /// The table's words, for rules that have none of their own.
    pub wording: Wording,
    /// Currency codes of columns.
    pub currencies: Vec<(String, Template)>,
    /// Columns whose values must not leave.
    pub redacted: Arc<[String]>,
    /// What the source sends as the old image, where the config says it.
    pub full_identity: Option<bool>,
    /// Types of columns that come without one.
    pub types: HashMap<String, ColumnHint>,
}

/// A destination.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Unique name.
    pub name: Arc<str>,
    /// Where its posts go.
    pub target: Target,
    /// Token bucket.
    pub rate: Rate,
    /// Posts at once after a quiet time.
    pub burst: u32,
    /// Posts in flight at once.
    pub in_flight: usize,
    /// Destinations of an equal one share their bucket; a hash stands for what is secret.
    pub bucket: String,
    /// A backlog that would take longer than this at `rate` is folded into digests; `None` never.
    pub digest: Option<Duration>,
    /// Pending changes of one row become their net change.
    pub fold: bool,
    /// Nothing is posted.
    pub paused: bool,
}

/// `limits:`
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of records pending before intake pauses.
    pub pending_bytes: u64,
    /// Shortest time between commits.
    pub commit_interval: Duration,
    /// Longest metadata string of a commit.
    pub metadata_bytes: usize,
}

impl Config {
    /// What the config says about a table, if anything.
    pub fn table(&self, server: &str, table: &str) -> Option<&Arc<Table>> {
        self.tables.iter().find(|found| found.pattern.matches(server, table))
    }
}

impl Hints for Config {
    fn full_identity(&self, server: &str, table: &str) -> Option<bool> {
        self.table(server, table)?.full_identity
    }

    fn column_type(&self, server: &str, table: &str, column: &str) -> Option<ColumnHint> {
        self.table(server, table)?.types.get(column).cloned()
    }

    fn reading(&self, topic: &str) -> Reading {
        let pin = self.decode.pins.iter().find(|(topics, _)| topics.is_match(topic));
        pin.map_or(&self.decode.otherwise, |(_, reading)| reading).clone()
    }

    fn types_columns(&self, server: &str, table: &str) -> bool {
        self.table(server, table).is_some_and(|found| !found.types.is_empty())
    }
}

/// The file to read: `-c`, else `$ROWBELL_CONFIG`, else `./rowbell.yaml`.
pub fn find(argument: Option<&Path>) -> PathBuf {
    match argument {
        Some(path) => path.to_owned(),
        None => std::env::var_os(FILE_VARIABLE).map_or_else(|| PathBuf::from(DEFAULT_FILE), PathBuf::from),
    }
}

/// Reads and checks a config file. The report holds the warnings where it succeeds, everything where it fails.
pub fn load(path: &Path) -> Result<(Config, Report), Report> {
    let (config, mut report) = examine(path).outcome()?;
    let registry = config.schema_registry.as_ref().and_then(|registry| registry.ca_file.as_deref());
    let authorities = registry.into_iter().chain(config.http.ca_file.as_deref());
    report.files.extend(authorities.map(SourceFile::read));
    Ok((config, report))
}

/// Where a running service is asked and told things, by its config file; mistakes elsewhere in the file are no matter.
pub fn load_admin(path: &Path) -> Result<Option<AdminSettings>, Report> {
    let mut report = Report::new(path.display().to_string());
    let Some(text) = open(path, &mut report) else { return Err(report) };
    let mut root = tree::parse(&text, &mut report).ok_or_else(|| report.clone())?;
    if let Kind::Map(sections) = &mut root.kind {
        sections.retain(|(key, _)| key.text == "http");
        let env = |name: &str| std::env::var(name).ok();
        for (_, section) in sections {
            tree::resolve(section, Values { env: &env, otherwise: None }, &mut report);
        }
    }
    let admin = validate::admin(&read::read(&root, &mut report).http, &mut report);
    if report.has_errors() { Err(report) } else { Ok(admin) }
}

/// The same for a command that posts nothing: secrets of destinations and hooks need not be here.
pub fn load_without_secrets(path: &Path) -> Result<(Config, Report), Report> {
    examined(path, Some(NO_VALUE)).outcome()
}

/// Everything that can be said of a config file, for `check`.
pub fn examine(path: &Path) -> Examined {
    examined(path, None)
}

/// The same where secrets of destinations and hooks are not at hand.
pub fn examine_without_secrets(path: &Path) -> Examined {
    examined(path, Some(NO_VALUE))
}

/// A config file as far as it could be read, and everything that is wrong with it. It may hold secrets: no debug output.
pub struct Examined {
    /// What the service would run with, were there no errors.
    pub config: Option<Config>,
    model: Model,
    root: Option<tree::Node>,
    /// Errors and warnings.
    pub report: Report,
}

impl Examined {
    /// Compares the config with the tables and columns that are known from elsewhere.
    pub fn compare(&mut self, catalog: &Catalog) {
        let mut known = std::mem::take(&mut self.report.found);
        lint::against(catalog, &self.model, &mut self.report);
        let found = std::mem::take(&mut self.report.found);
        // Who knows the columns knows better than who compares spellings.
        known.retain(|old| old.code != Code::Misspelt || !found.iter().any(|new| new.is_about(old)));
        let news: Vec<_> = found.into_iter().filter(|new| !known.iter().any(|old| old.says(new))).collect();
        self.report.found = known;
        self.report.found.extend(news);
    }

    /// Where a key's value stands, by its path; numbers count items of lists.
    pub fn place(&self, path: &[&str]) -> Place {
        let mut node = self.root.as_ref();
        let mut place = Place::default();
        for part in path {
            let next = node.and_then(|node| match &node.kind {
                Kind::Map(entries) => {
                    entries.iter().find(|(key, _)| key.text == *part).map(|(key, value)| (key.place, value))
                }
                Kind::List(items) => {
                    let item = items.get(part.parse::<usize>().ok()?)?;
                    Some((item.place, item))
                }
                // One item may stand without brackets.
                _ => (*part == "0").then_some((node.place, node)),
            });
            let Some((found, value)) = next else { return place };
            (place, node) = (found, Some(value));
        }
        // A scalar is shown where it stands, what is composed by its key.
        node.filter(|node| matches!(node.kind, Kind::Text(_) | Kind::Int(_))).map_or(place, |node| node.place)
    }

    /// Where the config names a topic, by its name or by a regex.
    pub fn topic_place(&self, topic: &str) -> Place {
        let wanted = self.model.kafka.as_ref().and_then(|kafka| {
            kafka.topics.0.iter().find(|wanted| match wanted.strip_prefix('^') {
                Some(_) => regex::Regex::new(wanted).is_ok_and(|pattern| pattern.is_match(topic)),
                None => wanted.value == topic,
            })
        });
        wanted.map_or_else(Place::default, |wanted| wanted.place)
    }

    /// The config and its warnings, or everything that is wrong.
    pub fn outcome(self) -> Result<(Config, Report), Report> {
        match self.config {
            Some(config) if !self.report.has_errors() => Ok((config, self.report)),
            _ => Err(self.report),
        }
    }
}

fn examined(path: &Path, no_secret: Option<&str>) -> Examined {
    let mut report = Report::new(path.display().to_string());
    match open(path, &mut report) {
        Some(text) => checked(&text, report, &|name| std::env::var(name).ok(), no_secret),
        None => Examined { config: None, model: Model::default(), root: None, report },
    }
}

/// The file's text, which the report remembers it by.
fn open(path: &Path, report: &mut Report) -> Option<String> {
    match read_file(path) {
        Ok(text) => {
            report.files.push(SourceFile::new(path, Some(text.as_bytes())));
            Some(text)
        }
        Err(diagnostic) => {
            report.files.push(SourceFile::new(path, None));
            report.push(diagnostic);
            None
        }
    }
}

fn read_file(path: &Path) -> Result<String, Diagnostic> {
    let failed = |error: std::io::Error| {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => {
                format!("name the file with -c FILE or ${FILE_VARIABLE}, or write ./{DEFAULT_FILE}")
            }
            std::io::ErrorKind::InvalidData => "save it as UTF-8".to_owned(),
            _ => "is it a file this user can read?".to_owned(),
        };
        Diagnostic::error(Place::default(), format!("cannot read the config: {error}"))
            .code(Code::Unreadable)
            .hint(hint)
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > FILE_BYTES_MAX {
        return Err(Diagnostic::error(Place::default(), format!("the config is larger than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// Checks a config's text; `env` looks environment variables up.
pub fn parse(text: &str, report: Report, env: &dyn Fn(&str) -> Option<String>) -> Result<(Config, Report), Report> {
    checked(text, report, env, None).outcome()
}

/// See [`load_without_secrets`].
pub fn parse_without_secrets(
    text: &str,
    report: Report,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(Config, Report), Report> {
    checked(text, report, env, Some(NO_VALUE)).outcome()
}

pub(crate) fn checked(
    text: &str,
    mut report: Report,
    env: &dyn Fn(&str) -> Option<String>,
    no_secret: Option<&str>,
) -> Examined {
    report.source = Source::new(text);
    let Some(mut root) = tree::parse(text, &mut report) else {
        return Examined { config: None, model: Model::default(), root: None, report };
    };
    let secrets = secrets::find(&root);
    report.source.hide(secrets.iter().map(|secret| (secret.place, secret.last_line)).collect());
    let written = root.clone();
    if let Kind::Map(sections) = &mut root.kind {
        for (key, section) in sections {
            let otherwise = no_secret.filter(|_| SECRET_SECTIONS.contains(&key.text.as_str()));
            tree::resolve(section, Values { env, otherwise }, &mut report);
        }
    }
    read::kafka_is_there(&root, &mut report);
    let model = read::read(&root, &mut report);
    let config = validate::compile(model.clone(), &mut report);
    let looked = lint::Looked { model: &model, config: config.as_ref(), secrets: &secrets };
    lint::lint(&looked, &mut report);
    once_per_reference(&mut report);
    Examined { config, model, root: Some(written), report }
}

/// A reference without a value is said once: what stands in for it is no time zone and no number either.
fn once_per_reference(report: &mut Report) {
    let unresolved = report.found.iter().filter(|found| found.code == Code::UnresolvedReference);
    let places: Vec<_> = unresolved.map(|found| found.place).collect();
    report.found.retain(|found| found.code == Code::UnresolvedReference || !places.contains(&found.place));
}
