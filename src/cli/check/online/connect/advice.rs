//! Settings of a Debezium connector that make for worse messages, or for none.

use crate::change::Op;
use crate::cli::connector::debezium::{Connector, list, matches_one};
use crate::cli::connector::file::Settings;
use crate::config::Config;
use crate::rule::Rule;

/// What is wrong, and the setting that mends it.
pub type Advice = (String, &'static str);

/// Everything that can be said of it.
pub fn advice(settings: &Settings, source: &Connector, config: &Config) -> Vec<Advice> {
    let word = |key: &str| settings.get(key).map(String::as_str).unwrap_or_default();
    let rules: Vec<_> = config.rules.iter().filter(|rule| concerns(rule, source)).collect();
    let mut out = Vec::new();
    values(&word, &mut out);
    lost(&word, &mut out);
    skipped(settings, &rules, &mut out);
    left_out(settings, source, &rules, &mut out);
    let placeholder = word("unavailable.value.placeholder");
    let mut readings = config.decode.pins.iter().map(|(_, reading)| reading).chain([&config.decode.otherwise]);
    if !placeholder.is_empty() && !readings.any(|reading| reading.placeholders.has(placeholder)) {
        let message = "it has a placeholder of its own for values that it does not send".to_owned();
        out.push((message, "name it under unavailable_placeholder:"));
    }
    out
}

/// Values that arrive as something else than they are.
fn values<'s>(word: &impl Fn(&str) -> &'s str, out: &mut Vec<Advice>) {
    let class = word("connector.class");
    let mysql = class.ends_with("MySqlConnector") || class.ends_with("MariaDbConnector");
    let json = word("value.converter").ends_with("JsonConverter");
    let schemaless = json && word("value.converter.schemas.enable") == "false";
    let mut say = |message: &str, hint| out.push((message.to_owned(), hint));
    if schemaless && matches!(word("decimal.handling.mode"), "" | "precise") {
        say(
            "decimals come as base64 without a scale: decimal.handling.mode is precise, and there is no schema",
            "decimal.handling.mode=string",
        );
    }
    if schemaless && matches!(word("time.precision.mode"), "" | "adaptive" | "adaptive_time_microseconds" | "connect") {
        say(
            "times come as bare numbers: nobody can tell a timestamp from a count without columns.*.type",
            "time.precision.mode=isostring, or set the types",
        );
    }
    if schemaless && mysql && word("bigint.unsigned.handling.mode") == "precise" {
        say("unsigned numbers come as base64, those of keys, too", "bigint.unsigned.handling.mode=long");
    }
    if word("decimal.handling.mode") == "double" {
        say("decimals come as floating point: amounts lose digits", "decimal.handling.mode=string");
    }
    if json && word("value.converter.replace.null.with.default") != "false" {
        say(
            "a NULL comes as the default of its column, where that has one",
            "value.converter.replace.null.with.default=false",
        );
    }
    let relational = mysql || class.ends_with("PostgresConnector");
    if relational && word("event.converting.failure.handling.mode") != "fail" {
        say("a value that cannot be converted comes as NULL", "event.converting.failure.handling.mode=fail");
    }
}

/// Changes, or parts of them, that do not come at all.
fn lost<'s>(word: &impl Fn(&str) -> &'s str, out: &mut Vec<Advice>) {
    let mut say = |message: &str, hint| out.push((message.to_owned(), hint));
    let postgres = word("connector.class").ends_with("PostgresConnector");
    if postgres && matches!(word("heartbeat.interval.ms"), "" | "0") {
        say(
            "it sends no heartbeats: while its tables are quiet the database keeps its log",
            "heartbeat.interval.ms=10000 and heartbeat.action.query",
        );
    }
    if postgres && word("slot.drop.on.stop") == "true" {
        say("what changes while it is stopped is lost: it drops its slot", "slot.drop.on.stop=false");
    }
    if matches!(word("event.processing.failure.handling.mode"), "skip" | "warn" | "ignore") {
        say("changes that it cannot read are skipped", "event.processing.failure.handling.mode=fail");
    }
    if word("errors.tolerance") == "all" {
        say("changes that cannot be converted are dropped", "errors.tolerance=none");
    }
    let transforms = word("transforms").split(',').map(str::trim).filter(|name| !name.is_empty());
    let flattens = |name: &str| word(&format!("transforms.{name}.type")).ends_with("ExtractNewRecordState");
    if transforms.into_iter().any(flattens) {
        say(
            "it sends new rows alone: posts cannot say what a value was, nor rules compare with it",
            "take ExtractNewRecordState out of transforms",
        );
    }
}

/// Operations that a rule asks for.
fn skipped(settings: &Settings, rules: &[&Rule], out: &mut Vec<Advice>) {
    let skipped = match settings.contains_key("skipped.operations") {
        true => list(settings, "skipped.operations"),
        false => vec!["t".to_owned()],
    };
    for (letter, op) in [("t", Op::Truncate), ("d", Op::Delete), ("u", Op::Update), ("c", Op::Create)] {
        if let Some(rule) = rules.iter().find(|rule| rule.on.contains(op))
            && skipped.iter().any(|skip| skip == letter)
        {
            let message = format!("it skips the operation {op}, and the rule {:?} asks for it", rule.name);
            out.push((message, "skipped.operations=none"));
        }
    }
}

/// Columns that a rule watches.
fn left_out(settings: &Settings, source: &Connector, rules: &[&Rule], out: &mut Vec<Advice>) {
    let (included, excluded) = (list(settings, "column.include.list"), list(settings, "column.exclude.list"));
    for rule in rules {
        let tables = || source.literal.iter().filter(|table| rule.table.matches(&source.prefix, table));
        for column in &rule.columns {
            let comes = |table: &String| {
                let whole = format!("{table}.{column}");
                (included.is_empty() || matches_one(&included, &whole)) && !matches_one(&excluded, &whole)
            };
            if tables().next().is_some() && !tables().any(comes) {
                let message = format!("it leaves out the column {column:?}, which the rule {:?} watches", rule.name);
                out.push((message, "column.exclude.list or column.include.list"));
            }
        }
    }
}

/// Is the rule about a table that it may capture?
fn concerns(rule: &Rule, source: &Connector) -> bool {
    let named = source.literal.iter().any(|table| rule.table.matches(&source.prefix, table));
    let patterns = source.literal.len() < source.tables.len() || source.tables.is_empty();
    let server = rule.table.as_str().split_once(':').map(|(server, _)| server);
    named || patterns && server.is_none_or(|server| server == source.prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Report, parse};
    use serde_json::Value as Json;

    const POSTGRES: &str = include_str!("../../../../../connectors/postgres.json");
    const MARIADB: &str = include_str!("../../../../../connectors/mariadb.json");

    /// A connector of the repository with other settings; an empty one takes a setting away.
    fn advised(file: &str, changes: &[(&str, &str)]) -> Vec<String> {
        let text = "kafka: { brokers: b:1, topics: [t] }\nunavailable_placeholder: n/a\n\
                    destinations: { o: { webhook: { url: \"https://a.example\" } } }\n\
                    rules:\n  - { name: emptied, table: public.*, on: [truncate], to: [o] }\n  \
                    - { name: price, table: public.listings, columns: [price], to: [o] }\n";
        let (config, _) = parse(text, Report::new("f"), &|_| None).unwrap_or_else(|report| panic!("{report}"));
        let document: Json = serde_json::from_str(file).expect("JSON");
        let mut settings: Settings = serde_json::from_value(document["config"].clone()).expect("texts");
        for (key, value) in changes {
            match value.is_empty() {
                true => drop(settings.remove(*key)),
                false => drop(settings.insert((*key).to_owned(), (*value).to_owned())),
            }
        }
        let source = Connector::of(&settings).expect("a connector");
        advice(&settings, &source, &config).into_iter().map(|(message, _)| message).collect()
    }

    #[test]
    fn the_repositorys_own_connectors_need_no_advice() {
        assert_eq!(advised(POSTGRES, &[]), [""; 0]);
        assert_eq!(advised(MARIADB, &[]), [""; 0]);
    }

    #[test]
    fn each_setting_that_hurts_is_told_alone() {
        for (file, key, value, words) in [
            (POSTGRES, "decimal.handling.mode", "", "decimals come as base64"),
            (POSTGRES, "decimal.handling.mode", "double", "floating point"),
            (POSTGRES, "time.precision.mode", "connect", "bare numbers"),
            (MARIADB, "bigint.unsigned.handling.mode", "precise", "unsigned numbers come as base64"),
            (POSTGRES, "value.converter.replace.null.with.default", "", "a NULL comes as the default"),
            (MARIADB, "event.converting.failure.handling.mode", "", "cannot be converted comes as NULL"),
            (POSTGRES, "heartbeat.interval.ms", "0", "no heartbeats"),
            (POSTGRES, "slot.drop.on.stop", "true", "drops its slot"),
            (POSTGRES, "event.processing.failure.handling.mode", "warn", "cannot read are skipped"),
            (POSTGRES, "errors.tolerance", "all", "are dropped"),
            (POSTGRES, "skipped.operations", "", "skips the operation truncate, and the rule \"emptied\""),
            (POSTGRES, "column.exclude.list", "public\\.listings\\.pri.*", "leaves out the column \"price\""),
            (POSTGRES, "column.include.list", "public.listings.title", "leaves out the column \"price\""),
            (POSTGRES, "unavailable.value.placeholder", "gone", "a placeholder of its own"),
        ] {
            let said = advised(file, &[(key, value)]);
            assert!(said.len() == 1 && said[0].contains(words), "{key}={value}: {said:?}");
        }
        let flat =
            [("transforms", "a, flat"), ("transforms.flat.type", "io.debezium.transforms.ExtractNewRecordState")];
        assert!(advised(POSTGRES, &flat)[0].contains("new rows alone"));
        assert_eq!(advised(POSTGRES, &[("unavailable.value.placeholder", "n/a")]), [""; 0], "the config names it");
        assert_eq!(advised(MARIADB, &[("skipped.operations", "c,t")]), [""; 0], "no rule is about its tables");
    }
}
