//! From the model to what the service runs with: names are looked up, templates compiled, defaults filled in.

mod admin;
mod decode;
mod destinations;
mod kafka;
mod registry;
mod rules;
mod tables;
mod wording;

use super::code::Code;
use super::de::At;
use super::diagnostic::{Diagnostic, Place, Report};
use super::model::*;
use super::{Config, Limits};
use crate::destination::HttpSettings;
use crate::message::{LANGUAGES, Locale};
use crate::rule::{ExprError, TablePattern, Template};
pub use admin::admin;
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_DEAD_LETTERS: &str = "rowbell.dead-letter";
const DEFAULT_LISTEN: &str = "0.0.0.0:8080";
const DEFAULT_PENDING_BYTES: u64 = 64 << 20;

/// A commit waits at least this long after the one before (design section 1).
const DEFAULT_COMMIT_INTERVAL: Duration = Duration::from_millis(20);

/// What a broker takes of a commit's metadata unless its `offset.metadata.max.bytes` says otherwise.
const DEFAULT_METADATA_BYTES: usize = 4096;

/// The longest text of Kafka's protocol.
const METADATA_BYTES_MAX: usize = i16::MAX as usize;

/// Compiles the model. `None` only where a part without which there is no config is missing.
pub fn compile(model: Model, report: &mut Report) -> Option<Config> {
    not_built_yet(&model, report);
    let locale = locale(model.locale.as_ref(), report);
    let tables = model.tables.iter();
    let tables: Vec<_> = tables.filter_map(|(name, table)| tables::table(name, table, &locale, report)).collect();
    let destinations = destinations::destinations(model.destinations, report);
    let known =
        rules::Known { destinations: &destinations, named: &model.destination_names, tables: &tables, locale: &locale };
    let rules = rules::rules(model.rules, &known, report);
    let time_zone = match &model.time_zone {
        None => jiff::tz::TimeZone::UTC,
        Some(name) => jiff::tz::TimeZone::get(name).unwrap_or_else(|_| {
            report.push(
                Diagnostic::error(name.place, format!("{:?} is no time zone", name.value))
                    .hint("use an IANA name such as Europe/Berlin, or UTC"),
            );
            jiff::tz::TimeZone::UTC
        }),
    };
    let dead_letter_topic =
        model.dead_letter.topic.map_or_else(|| DEFAULT_DEAD_LETTERS.to_owned(), |topic| topic.value);
    let admin = admin(&model.http, report);
    let listen = listen(model.http, report);
    let http = HttpSettings {
        proxy: model.outgoing.proxy.map(|proxy| proxy.value.into()),
        ca_file: model.outgoing.ca_file.map(|file| file.value.into()),
        direct: false,
    };
    let limits = Limits {
        pending_bytes: model.limits.pending_bytes.map_or(DEFAULT_PENDING_BYTES, |bytes| bytes.value.0.max(1)),
        commit_interval: model.limits.commit_interval.map_or(DEFAULT_COMMIT_INTERVAL, |span| span.value.0),
        metadata_bytes: model.limits.metadata_bytes.map_or(DEFAULT_METADATA_BYTES, |bytes| {
            usize::try_from(bytes.value.0).unwrap_or(usize::MAX).min(METADATA_BYTES_MAX)
        }),
    };
    let decode = decode::decode(model.decode, &model.unavailable_placeholder.0, report);
    let kafka = model.kafka?;
    let hook_topics = model.hooks.iter().map(|(_, hook)| hook.topic.clone());
    let own_topics = std::iter::once(dead_letter_topic.clone()).chain(hook_topics).collect();
    let kafka = kafka::kafka(kafka.value, own_topics, report);
    let schema_registry = model.schema_registry.map(|registry| registry::registry(registry, report));
    Some(Config {
        kafka,
        schema_registry,
        decode,
        tables,
        destinations,
        rules,
        limits,
        locale,
        readers_zone: model.time_zone.is_none(),
        time_zone,
        dead_letter_topic,
        listen: listen?,
        admin,
        http,
    })
}

/// What the file may say already although nothing acts on it yet: said, never silently ignored.
fn not_built_yet(model: &Model, report: &mut Report) {
    let mut warn = |place: Place, what: &str| {
        let found = Diagnostic::warning(place, format!("{what} is not available yet: it has no effect"));
        report.push(found.code(Code::NotAvailableYet));
    };
    if let Some((hook, _)) = model.hooks.first() {
        warn(hook.place, "hooks");
    }
}

fn locale(tag: Option<&At<String>>, report: &mut Report) -> Arc<Locale> {
    let Some(tag) = tag else { return Locale::english() };
    match tag.value.parse::<Locale>() {
        Ok(locale) => {
            if !locale.has_words() {
                report.push(
                    Diagnostic::warning(tag.place, format!("messages have no words in {:?} yet", tag.value))
                        .hint("numbers, amounts and dates are written as there, the words around them in English"),
                );
            }
            Arc::new(locale)
        }
        Err(error) => {
            report.push(
                Diagnostic::error(tag.place, format!("{:?} {error}", tag.value))
                    .hint(format!("one of: {}, also with a country: de-CH", LANGUAGES.join(", "))),
            );
            Locale::english()
        }
    }
}

fn listen(model: HttpModel, report: &mut Report) -> Option<std::net::SocketAddr> {
    let listen = model.listen.unwrap_or(At { value: DEFAULT_LISTEN.to_owned(), place: Place::default() });
    match listen.parse() {
        Ok(address) => Some(address),
        Err(_) => {
            report.push(
                Diagnostic::error(listen.place, format!("{:?} is no address to listen on", listen.value))
                    .hint("write address:port, e.g. 0.0.0.0:8080 or 127.0.0.1:8080"),
            );
            None
        }
    }
}

fn pattern(name: &At<String>, report: &mut Report) -> Option<TablePattern> {
    if !name.contains('.') && !name.contains('*') {
        report.push(
            Diagnostic::warning(
                name.place,
                format!("{:?} names no schema or database: it will never match", name.value),
            )
            .hint(format!("write schema.table, e.g. public.{}", name.value)),
        );
    }
    any_pattern(name, report)
}

/// A pattern that need not look like a table's.
fn any_pattern(name: &At<String>, report: &mut Report) -> Option<TablePattern> {
    TablePattern::compile(name)
        .map_err(|error| report.push(Diagnostic::error(name.place, format!("{:?} is {error}", name.value))))
        .ok()
}

fn template(text: &At<String>, report: &mut Report) -> Option<Template> {
    compiled(text, "template", Template::compile(text), report)
}

fn compiled<T>(text: &At<String>, what: &str, result: Result<T, ExprError>, report: &mut Report) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let code = if what == "condition" { Code::InvalidCondition } else { Code::InvalidTemplate };
    let (message, hint) = match error.message.split_once("\nhint: ") {
        Some((message, hint)) => (message, Some(hint)),
        None => (error.message.as_str(), None),
    };
    let found =
        Diagnostic::error(text.place, format!("the {what} {:?} does not work: {message}", text.value)).code(code);
    let found = match advice(text, what == "condition").or(hint) {
        Some(hint) => found.hint(hint),
        None => found,
    };
    // A name that is not known stands somewhere in it.
    let name = message.strip_prefix('"').and_then(|rest| rest.split_once("\" is not known")).map(|(name, _)| name);
    let part = name.and_then(|name| text.find(name).map(|at| at..at + name.len()));
    report.push(match part.and_then(|part| report.source.within(text.place, text, &part)) {
        Some((place, length)) => Diagnostic { place, ..found }.length(length),
        None => found,
    });
    None
}

/// What people write who come from other languages.
fn advice(text: &str, condition: bool) -> Option<&'static str> {
    let words = || text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let padded = format!(" {text} ");
    Some(match text {
        _ if condition && text.contains("{{") => "a condition stands without {{ }}: after.price > 5",
        _ if text.contains("&&") => "write `and` for &&",
        _ if text.contains("||") => "write `or` for ||",
        // The words around a template's expressions may be anything.
        _ if !condition => return None,
        _ if text.contains("<>") => "write != for <>",
        _ if padded.contains(" = ") => "write == to compare",
        _ if text.starts_with('!') || text.contains(" !") && !text.contains("!=") => "write `not` for !",
        _ if words().any(|word| matches!(word, "AND" | "OR" | "NOT" | "IN" | "IS")) => {
            "write and, or, not, in, is in lower case"
        }
        _ if words().any(|word| matches!(word.to_ascii_lowercase().as_str(), "null" | "nil")) => {
            "write `is none` for null"
        }
        _ => return None,
    })
}
