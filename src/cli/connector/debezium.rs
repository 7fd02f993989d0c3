//! A Debezium connector's settings: which tables it captures, and under which topics.

use super::connect::{Connect, ConnectError, Registered};
use super::file::Settings;
use crate::cli::Failure;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value as Json};
use std::path::Path;

/// What a connector says of its topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// `topic.prefix`
    pub prefix: String,
    /// `table.include.list`: regexes that match whole names.
    pub tables: Vec<String>,
    /// Names that stand for themselves, taken out of the regexes.
    pub literal: Vec<String>,
    /// `table.exclude.list`
    pub excluded: Vec<String>,
    /// Its values' schema registry, as Kafka Connect reaches it; addresses with a password or a reference are not told.
    pub registry: Vec<String>,
}

impl Connector {
    /// Reads a file, or asks Kafka Connect.
    pub fn load(place: &str, ca_file: Option<&Path>) -> Result<Self, Failure> {
        let is_url = place.starts_with("http://") || place.starts_with("https://");
        let (settings, shown) = match is_url {
            true => ask(place, ca_file)?,
            false => (read(place)?, place.to_owned()),
        };
        Self::of(&settings).map_err(|reason| {
            let hint = "the settings of one Debezium connector: {\"name\": ..., \"config\": {\"topic.prefix\": ...}}";
            Failure::Usage(format!("{shown}: {reason}\nhint: {hint}"))
        })
    }

    /// Of a connector's settings.
    pub fn of(settings: &Settings) -> Result<Self, String> {
        let prefix = settings.get("topic.prefix").ok_or("it has no topic.prefix")?.to_owned();
        let tables = list(settings, "table.include.list");
        let literal = tables.iter().filter_map(|table| literal(table)).collect();
        let urls = ["value.converter.schema.registry.url", "value.converter.apicurio.registry.url"];
        let registry = urls.iter().flat_map(|key| list(settings, key)).filter(|url| !url.contains(['@', '$']));
        Ok(Self {
            prefix,
            tables,
            literal,
            excluded: list(settings, "table.exclude.list"),
            registry: registry.collect(),
        })
    }

    /// The topics of tables that are named.
    pub fn literal_topics(&self) -> impl Iterator<Item = String> {
        self.literal.iter().filter(|table| !is_housekeeping(table)).map(|table| format!("{}.{table}", self.prefix))
    }

    /// Every topic: names, and regexes for what is matched.
    pub fn topics(&self) -> Vec<String> {
        let escaped = regex::escape(&self.prefix);
        let patterns = self.tables.iter().filter(|table| literal(table).is_none());
        let patterns = patterns.map(|table| format!("^{escaped}\\.{table}$"));
        let all = self.tables.is_empty().then(|| format!("^{escaped}\\.[^.]+\\.[^.]+$"));
        self.literal_topics().chain(patterns).chain(all).collect()
    }

    /// The table of a topic, where it may be this connector's.
    pub fn table_of<'t>(&self, topic: &'t str) -> Option<&'t str> {
        topic.strip_prefix(&self.prefix)?.strip_prefix('.')
    }

    /// Does it capture a table, as far as its lists of tables say?
    pub fn captures(&self, table: &str) -> bool {
        (self.tables.is_empty() || matches_one(&self.tables, table)) && !matches_one(&self.excluded, table)
    }
}

/// A comma-separated list of a connector's settings.
pub fn list(settings: &Settings, key: &str) -> Vec<String> {
    let items = settings.get(key).map(String::as_str).unwrap_or_default().split(',');
    items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Does one of the regexes match the whole name? Debezium compares without regard to case; what this engine does not
/// read may match.
pub fn matches_one(patterns: &[String], name: &str) -> bool {
    let whole = |pattern: &String| RegexBuilder::new(&format!("^(?:{pattern})$")).case_insensitive(true).build();
    patterns.iter().any(|pattern| whole(pattern).as_ref().map_or(true, |pattern: &Regex| pattern.is_match(name)))
}

/// A table whose regex matches its own name alone: `public\.listings`, `public.listings`.
fn literal(pattern: &str) -> Option<String> {
    let name = pattern.replace("\\.", ".");
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    name.chars().all(plain).then_some(name)
}

/// Debezium's own tables are nobody's news.
pub fn is_housekeeping(table: &str) -> bool {
    table.rsplit('.').next().is_some_and(|name| name.starts_with("debezium_"))
}

/// Is it one of Debezium's?
pub fn is_debezium(connector: &Registered) -> bool {
    connector.settings.get("connector.class").is_some_and(|class| class.starts_with("io.debezium."))
}

fn read(file: &str) -> Result<Settings, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::Usage(format!("cannot read {file}: {error}\nhint: a connector's JSON, or its URL in Kafka Connect"))
    })?;
    settings(&text).map_err(|reason| Failure::Usage(format!("{file}: {reason}")))
}

/// With or without a name around them.
fn settings(text: &str) -> Result<Settings, String> {
    let document: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let config = document.get("config").unwrap_or(&document);
    let config: &Map<String, Json> = config.as_object().ok_or("no settings of a connector")?;
    Ok(config.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect())
}

/// The connector that a URL names; of a worker's URL, the only one that there is.
fn ask(url: &str, ca_file: Option<&Path>) -> Result<(Settings, String), Failure> {
    let failed = |error: ConnectError| Failure::Failed(error.to_string());
    let runtime = crate::cli::runtime().map_err(|error| Failure::Failed(format!("cannot start threads: {error}")))?;
    let (connect, name) = Connect::at(url, ca_file).map_err(Failure::Usage)?;
    runtime.block_on(async {
        if let Some(name) = &name
            && let Some(settings) = connect.config(name).await.map_err(failed)?
        {
            return Ok((settings, name.clone()));
        }
        let mut there: Vec<_> = connect.connectors().await.map_err(failed)?.into_iter().filter(is_debezium).collect();
        match (name, there.len()) {
            (None, 1) => Ok(there.remove(0)).map(|only| (only.settings, only.name)),
            (name, _) => Err(Failure::Usage(which(name.as_deref(), &there, &connect.address()))),
        }
    })
}

fn which(name: Option<&str>, there: &[Registered], address: &str) -> String {
    let names: Vec<_> = there.iter().map(|connector| connector.name.as_str()).collect();
    let said = match name {
        Some(name) => format!("there is no connector {name:?} at {address}"),
        None => format!("{address} has {} Debezium connectors", names.len()),
    };
    match names.as_slice() {
        [] => format!("{said}\nhint: rowbell connector apply FILE registers one"),
        [first, ..] => {
            format!("{said}\nhint: there are {}: name one by its URL, .../connectors/{first}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Connector, String> {
        Connector::of(&settings(text)?)
    }

    #[test]
    fn the_repositorys_connectors_are_read() {
        let connector = parse(include_str!("../../../connectors/postgres.json")).expect("a connector");
        assert_eq!(connector.prefix, "shop");
        assert_eq!(
            connector.topics(),
            ["shop.public.listings", "shop.public.sellers", "shop.public.inventory"],
            "without Debezium's own table"
        );
    }

    #[test]
    fn patterns_become_patterns_of_topics() {
        let read = |list: &str| {
            parse(&format!(r#"{{"topic.prefix":"a.b","table.include.list":"{list}"}}"#)).map(|c| c.topics())
        };
        assert_eq!(
            read("public.x, public\\\\.stock_.*"),
            Ok(vec!["a.b.public.x".into(), "^a\\.b\\.public\\.stock_.*$".into()])
        );
        assert_eq!(read(""), Ok(vec!["^a\\.b\\.[^.]+\\.[^.]+$".into()]));
        assert!(parse("{}").is_err_and(|error| error.contains("topic.prefix")));
        assert!(parse("[]").is_err());
    }

    #[test]
    fn a_table_is_captured_where_its_lists_say_so() {
        let captures = |lists: &str, table: &str| {
            parse(&format!(r#"{{"topic.prefix":"a",{lists}"x":""}}"#)).expect("a connector").captures(table)
        };
        let include = r#""table.include.list":"public\\.beds, public.ward_.*","#;
        assert!(captures(include, "public.beds") && captures(include, "public.Ward_2"));
        assert!(!captures(include, "public.bed") && !captures(include, "public.beds2"));
        assert!(captures("", "public.beds"));
        assert!(!captures(r#""table.exclude.list":"public.beds","#, "public.beds"));
    }
}
