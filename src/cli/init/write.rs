//! The starter config's text.

use super::guess;
use crate::change::{ColumnHint, Type};
use crate::cli::connector::debezium::{Connector, is_housekeeping};
use crate::cli::survey::Surveyed;
use crate::config::KnownColumn;
use std::fmt::Write;

/// Of a decimal whose bytes alone are sent; most amounts have two places.
const SCALE_GUESSED: &str = "decimal(2)";

/// What a starter config is made from.
pub struct Starter<'s> {
    /// `--brokers`
    pub brokers: Option<&'s str>,
    /// `--registry`
    pub registry: &'s [String],
    /// `--topic`
    pub topics: &'s [String],
    /// `--connector`
    pub connector: Option<&'s Connector>,
    /// Tables that were seen.
    pub tables: &'s [Surveyed],
}

/// A table to write about.
struct Table<'s> {
    server: &'s str,
    name: &'s str,
    seen: Option<&'s Surveyed>,
    /// As the config names it: with its server where another one has a table of this name.
    pattern: String,
    /// Its name without the schema where that tells it from all others.
    short: String,
}

impl<'s> Table<'s> {
    fn new(server: &'s str, name: &'s str, seen: Option<&'s Surveyed>) -> Self {
        let short = last(name).to_owned();
        Table { server, name, seen, pattern: name.to_owned(), short }
    }

    /// Updates came, and none of them with its old values.
    fn lacks_old_values(&self) -> bool {
        self.seen.is_some_and(|seen| seen.updates > 0 && seen.old_images.0 == 0)
    }
}

impl<'s> Starter<'s> {
    /// True where there is nothing to write about.
    pub fn is_empty(&self) -> bool {
        self.list().is_empty() && self.connector.is_none()
    }

    fn list(&self) -> Vec<Table<'s>> {
        let seen = self.tables.iter().map(|table| Table::new(&table.known.server, &table.known.name, Some(table)));
        let mut list: Vec<_> = seen.filter(|table| !is_housekeeping(table.name)).collect();
        if let Some(connector) = self.connector {
            for name in connector.literal.iter().filter(|name| !is_housekeeping(name)) {
                if !list.iter().any(|table| table.name == name && table.server == connector.prefix) {
                    list.push(Table::new(&connector.prefix, name, None));
                }
            }
        }
        list.sort_by_key(|table| (table.server, table.name));
        let twice = |same: &dyn Fn(&Table<'s>) -> bool| list.iter().filter(|table| same(table)).count() > 1;
        let names: Vec<_> = list
            .iter()
            .map(|table| {
                let pattern = match twice(&|other| other.name == table.name) {
                    true => format!("{}:{}", table.server, table.name),
                    false => table.name.to_owned(),
                };
                let short = if twice(&|other| other.short == table.short) { &pattern } else { &table.short };
                (short.clone(), pattern)
            })
            .collect();
        list.iter_mut()
            .zip(names)
            .for_each(|(table, (short, pattern))| (table.short, table.pattern) = (short, pattern));
        list
    }

    /// The topics, each once.
    pub fn topics(&self) -> Vec<String> {
        let mut topics: Vec<String> = self.topics.to_vec();
        topics.extend(self.connector.into_iter().flat_map(Connector::topics));
        if self.topics.is_empty() {
            // A file may hold more than the connector's.
            let brings = |topic: &String, wanted: &String| match wanted.starts_with('^') {
                true => regex::Regex::new(wanted).is_ok_and(|pattern| pattern.is_match(topic)),
                false => topic == wanted,
            };
            let seen = self.list().into_iter().map(|table| format!("{}.{}", table.server, table.name));
            let new: Vec<_> = seen.filter(|topic| !topics.iter().any(|wanted| brings(topic, wanted))).collect();
            topics.extend(new);
        }
        let mut unique = Vec::new();
        topics.into_iter().for_each(|topic| {
            if !unique.contains(&topic) {
                unique.push(topic)
            }
        });
        unique
    }

    /// The whole file.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let topics: Vec<_> = self.topics().iter().map(|topic| quoted(topic)).collect();
        let _ = write!(
            out,
            "# yaml-language-server: $schema=./rowbell.schema.json\n\
             # With that line an editor completes and explains every key: rowbell schema > rowbell.schema.json\n\
             #\n\
             # A config to start from: labels, types and what is hidden are guesses. `rowbell check` says what is wrong with it,\n\
             # `rowbell preview` what it would post; docs/configuration.md explains every key.\n\n\
             kafka:\n  brokers: {}\n  group: rowbell\n  topics: [{}]\n  # A group without a committed offset begins at the end of the log.\n  start: latest\n\n",
            self.brokers.map_or_else(|| "\"${env:KAFKA_BROKERS:-localhost:9092}\"".to_owned(), quoted),
            topics.join(", ")
        );
        if let Some((first, rest)) = self.registry.split_first() {
            let urls: Vec<_> = std::iter::once(first).chain(rest).map(|url| quoted(url)).collect();
            let _ = write!(out, "schema_registry: {{ url: [{}] }}\n\n", urls.join(", "));
        }
        let tables = self.list();
        if !tables.is_empty() {
            out.push_str("tables:\n");
            tables.iter().for_each(|table| entry(&mut out, table));
            out.push('\n');
        }
        out.push_str(
            "destinations:\n  alerts:\n    # An incoming webhook of the channel, one post a second at most.\n    slack: { webhook_url: \"${env:SLACK_WEBHOOK_URL}\" }\n  \
             # floor:\n  #   teams: { workflow_url: \"${env:TEAMS_WORKFLOW_URL}\" }\n\n",
        );
        self.rules(&mut out, &tables);
        out.push_str(
            "\n# What can never be posted goes here, with its reason in headers.\ndead_letter: { topic: rowbell.dead-letter }\n# time_zone: Europe/Berlin\n",
        );
        out
    }

    fn rules(&self, out: &mut String, tables: &[Table<'_>]) {
        out.push_str("rules:\n");
        if tables.is_empty() {
            out.push_str("  # Everything that the topics bring: name tables, columns and conditions once you have seen it.\n  - name: everything\n    table: \"*\"\n    to: [alerts]\n");
        }
        for table in tables {
            let _ = write!(
                out,
                "  # Created, changed, deleted.\n  - name: {}\n    table: {}\n    to: [alerts]\n",
                quoted(&table.short),
                quoted(&table.pattern)
            );
        }
        let mut samples = String::new();
        for table in tables {
            self::samples(&mut samples, table);
        }
        if !samples.is_empty() {
            out.push_str("\n  # More special ones: put those you want above the ones that want everything.\n");
            out.push_str(&samples);
        }
    }
}

fn samples(out: &mut String, table: &Table<'_>) {
    // What compares with old values would never match.
    let Some(seen) = table.seen.filter(|_| !table.lacks_old_values()) else { return };
    let (short, pattern) = (&table.short, &table.pattern);
    let title = guess::title(last(table.name), visible(seen))
        .map_or_else(|| "{{ table }}".to_owned(), |column| format!("{{{{ row.{column} }}}}"));
    let columns = || seen.known.columns.iter();
    let stock = columns().find(|column| {
        let lower = column.name.to_ascii_lowercase();
        column.ty == Some(Type::Int)
            && lower.split('_').any(|word| matches!(word, "qty" | "stock" | "quantity" | "stk" | "count" | "available"))
    });
    if let Some(KnownColumn { name, .. }) = stock {
        let _ = write!(
            out,
            "  # - name: {short}-out\n  #   table: {pattern}\n  #   on: [update]\n  #   columns: [{name}]\n  #   when: before.{name} > 0 and after.{name} == 0\n  \
             #   priority: critical\n  #   to: [alerts]\n  #   headline: \"{title} is out of stock\"\n  #   tone: bad\n"
        );
    }
    let money = columns()
        .find(|column| guess::is_money(&column.name, column.ty) || guess::are_decimals(seen.samples(&column.name)));
    if let Some(KnownColumn { name, .. }) = money {
        let _ = write!(
            out,
            "  # - name: {short}-{name}-halved\n  #   table: {pattern}\n  #   on: [update]\n  #   columns: [{name}]\n  #   when: new('{name}') < old('{name}') / 2\n  \
             #   to: [alerts]\n  #   headline: \"{title}: {name} cut by more than half\"\n"
        );
    }
}

/// A table's name without its schema.
fn last(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}

fn visible(seen: &Surveyed) -> impl Iterator<Item = &str> + Clone {
    seen.known
        .columns
        .iter()
        .filter(|column| matches!(column.ty, Some(Type::Text | Type::Int | Type::Uuid | Type::Enum) | None))
        .filter(|column| !guess::is_private(&column.name, seen.samples(&column.name)))
        .map(|column| column.name.as_str())
}

fn entry(out: &mut String, table: &Table<'_>) {
    let noun = crate::message::noun_of(table.name);
    let _ = writeln!(out, "  {}:\n    name: {}", quoted(&table.pattern), quoted(&noun));
    let short = last(table.name);
    let key = table.seen.and_then(|seen| seen.key.first()).map_or("id", String::as_str);
    let link = format!(
        "    # link: \"https://admin.example/{short}/{{{{ row.{key} }}}}\"   # where a person looks at the row\n"
    );
    let Some(seen) = table.seen else {
        out.push_str("    # title: \"{{ row.name }}\"\n");
        out.push_str(&link);
        return;
    };
    if let Some(title) = guess::title(last(table.name), visible(seen)) {
        let _ = writeln!(out, "    title: \"{{{{ row.{title} }}}}\"");
    }
    out.push_str(&link);
    let ignore: Vec<_> = seen
        .known
        .columns
        .iter()
        .filter(|column| guess::is_noise(&column.name))
        .map(|column| quoted(&column.name))
        .collect();
    if !ignore.is_empty() {
        let _ =
            writeln!(out, "    # Never shown, and never the reason for a post.\n    ignore: [{}]", ignore.join(", "));
    }
    if table.lacks_old_values() {
        let remedy = match seen.connector.as_str() {
            "postgresql" => format!("ALTER TABLE {} REPLICA IDENTITY FULL", table.name),
            _ => "let the source send whole old rows".to_owned(),
        };
        let _ =
            writeln!(out, "    # No update came with its old values, so that posts say the new ones only: {remedy}");
    }
    let columns: Vec<_> = seen.known.columns.iter().filter_map(|column| settings(seen, column)).collect();
    if !columns.is_empty() {
        out.push_str("    columns:\n");
        columns.iter().for_each(|line| {
            let _ = writeln!(out, "      {line}");
        });
    }
}

/// `prod_stk_qty: { label: Stock quantity }`
fn settings(seen: &Surveyed, column: &KnownColumn) -> Option<String> {
    let name = &column.name;
    if guess::is_noise(name) {
        return None;
    }
    let (samples, hint) = (seen.samples(name), hinted(seen, name));
    let mut settings = Vec::new();
    if let Some(label) = guess::label(name) {
        settings.push(format!("label: {}", quoted(&label)));
    }
    if guess::is_private(name, samples) {
        settings.push("redact: true".to_owned());
        return Some(format!("{}: {{ {} }}", quoted(name), settings.join(", ")));
    }
    let decimal = !seen.has_schema && guess::are_decimals(samples);
    let base64 = hint.is_some_and(|word| word.contains(" or bytes")) && guess::are_base64(samples);
    let ty = match (base64, guess::is_measure(name)) {
        (true, true) => Some(SCALE_GUESSED),
        (true, false) => Some("bytes"),
        (false, _) => hint.filter(|word| word.parse::<ColumnHint>().is_ok()).or(decimal.then_some("decimal")),
    };
    if guess::is_money(name, column.ty)
        && (decimal
            || ty.is_some_and(|ty| ty.starts_with("decimal"))
            || matches!(column.ty, Some(Type::Decimal | Type::Float)))
    {
        let currency = guess::currency(seen.known.columns.iter().map(|column| column.name.as_str()));
        if let Some(currency) = currency {
            settings.push(format!("format: currency, currency: \"{{{{ row.{currency} }}}}\""));
        }
    } else if guess::is_percent(name) {
        settings.push("format: percent".to_owned());
    }
    settings.extend(ty.map(|ty| format!("type: {ty}")));
    let remark = match base64 {
        true if ty == Some(SCALE_GUESSED) => {
            "   # base64 without its scale: is it 2? decimal.handling.mode=string needs no type"
        }
        true => "   # base64: bytes, or decimal(SCALE)?",
        false => "",
    };
    (!settings.is_empty()).then(|| format!("{}: {{ {} }}{remark}", quoted(name), settings.join(", ")))
}

/// The type that `inspect` would advise: "...; set columns.NAME.type: WORD".
fn hinted<'s>(seen: &'s Surveyed, column: &str) -> Option<&'s str> {
    let wanted = format!("set columns.{column}.type: ");
    seen.hints.iter().find_map(|hint| hint.split_once(&wanted).map(|(_, word)| word))
}

/// A scalar as YAML reads it back: plain where that is safe.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ' ' | ':'))
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "on" | "off" | "yes" | "no" | "true" | "false" | "null" | "y" | "n"
        );
    match plain {
        true => text.to_owned(),
        // JSON's quoting is YAML's double quotes.
        false => serde_json::Value::from(text).to_string(),
    }
}
