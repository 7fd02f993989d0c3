//! A Debezium connector's settings: which tables it captures, and under which topics.

use crate::cli::Failure;
use serde_json::{Map, Value as Json};
use std::time::Duration;

/// How long Kafka Connect may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a connector says of its topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// `topic.prefix`
    pub prefix: String,
    /// `table.include.list`: regexes that match whole names.
    pub tables: Vec<String>,
    /// Names that stand for themselves, taken out of the regexes.
    pub literal: Vec<String>,
}

impl Connector {
    /// Reads a file, or asks Kafka Connect.
    pub fn load(place: &str) -> Result<Self, Failure> {
        let text = match place.starts_with("http://") || place.starts_with("https://") {
            true => ask(place)?,
            false => std::fs::read_to_string(place).map_err(|error| {
                Failure::Usage(format!("cannot read {place}: {error}\nhint: a connector's JSON, or its URL"))
            })?,
        };
        Self::parse(&text).map_err(|reason| {
            let hint = "the settings of one Debezium connector: {\"name\": ..., \"config\": {\"topic.prefix\": ...}}";
            Failure::Usage(format!("{}: {reason}\nhint: {hint}", shown(place)))
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let config = document.get("config").unwrap_or(&document);
        let config: &Map<String, Json> = config.as_object().ok_or("no settings of a connector")?;
        let word = |key: &str| config.get(key).and_then(Json::as_str);
        let prefix = word("topic.prefix").ok_or("it has no topic.prefix")?.to_owned();
        let list = word("table.include.list").unwrap_or_default();
        let tables: Vec<_> =
            list.split(',').map(str::trim).filter(|table| !table.is_empty()).map(str::to_owned).collect();
        let literal = tables.iter().filter_map(|table| literal(table)).collect();
        Ok(Self { prefix, tables, literal })
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

fn ask(place: &str) -> Result<String, Failure> {
    let failed = |reason: String| {
        let hint = "write it like http://connect:8083/connectors/NAME";
        Failure::Failed(format!("Kafka Connect does not say: {reason}\nhint: {hint}"))
    };
    let runtime = crate::cli::runtime().map_err(|error| failed(error.to_string()))?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|error| failed(error.to_string()))?;
        let answer = client.get(place).send().await.map_err(|error| failed(error.without_url().to_string()))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(failed(format!("HTTP {}", status.as_u16())));
        }
        answer.text().await.map_err(|error| failed(error.without_url().to_string()))
    })
}

/// A URL may hold a password.
fn shown(place: &str) -> String {
    match url::Url::parse(place) {
        Ok(url) if url.has_host() => url.host_str().unwrap_or("the URL").to_owned(),
        _ => place.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repositorys_connectors_are_read() {
        let text = include_str!("../../../connectors/postgres.json");
        let connector = Connector::parse(text).expect("a connector");
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
            Connector::parse(&format!(r#"{{"topic.prefix":"a.b","table.include.list":"{list}"}}"#)).map(|c| c.topics())
        };
        assert_eq!(
            read("public.x, public\\\\.stock_.*"),
            Ok(vec!["a.b.public.x".into(), "^a\\.b\\.public\\.stock_.*$".into()])
        );
        assert_eq!(read(""), Ok(vec!["^a\\.b\\.[^.]+\\.[^.]+$".into()]));
        assert!(Connector::parse("{}").is_err_and(|error| error.contains("topic.prefix")));
        assert!(Connector::parse("[]").is_err());
    }
}
