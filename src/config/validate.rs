//! From the model to what the service runs with: names are looked up, templates compiled, defaults filled in.

use super::de::At;
use super::diagnostic::{Diagnostic, Place, Report};
use super::model::*;
use super::{Config, Destination, Limits, Table};
use crate::change::{ColumnHint, Op};
use crate::destination::{HttpSettings, Target};
use crate::kafka::{KafkaSettings, OWNED_PROPERTIES, Start};
use crate::message::{ColumnView, Format, Priority, TableView, Tone};
use crate::outbox::Rate;
use crate::rule::{Condition, ExprError, Ops, Rule, TablePattern, Template};
use secrecy::ExposeSecret;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_GROUP: &str = "rowbell";
const DEFAULT_DEAD_LETTERS: &str = "rowbell.dead-letter";
const DEFAULT_LISTEN: &str = "0.0.0.0:8080";
const DEFAULT_PENDING_BYTES: u64 = 64 << 20;

/// A commit waits at least this long after the one before (design section 1).
const DEFAULT_COMMIT_INTERVAL: Duration = Duration::from_millis(20);

/// Slack's Web API.
const SLACK_API: &str = "https://slack.com/api";

/// Hosts of the retired Office 365 connectors, which accept nothing any more.
const RETIRED_TEAMS_HOSTS: &[&str] =
    &["webhook.office.com", "outlook.office.com/webhook", "outlook.office365.com/webhook"];

/// Compiles the model. `None` only where a part without which there is no config is missing.
pub fn compile(model: Model, report: &mut Report) -> Option<Config> {
    not_built_yet(&model, report);
    let tables = model.tables.into_iter().filter_map(|(name, table)| self::table(&name, table, report)).collect();
    let destinations = destinations(model.destinations, report);
    let rules = rules(model.rules, &destinations, &model.destination_names, report);
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
    let listen = listen(model.http, report);
    let http = HttpSettings {
        proxy: model.outgoing.proxy.map(|proxy| proxy.value),
        ca_file: model.outgoing.ca_file.map(|file| file.value.into()),
        direct: false,
    };
    let limits = Limits {
        pending_bytes: model.limits.pending_bytes.map_or(DEFAULT_PENDING_BYTES, |bytes| bytes.0.max(1)),
        commit_interval: model.limits.commit_interval.map_or(DEFAULT_COMMIT_INTERVAL, |span| span.0),
    };
    let Some(kafka) = model.kafka else {
        if !report.has_errors() {
            report.push(Diagnostic::error(Place::default(), "\"kafka\" is missing").hint(
                "add \"kafka:\" with brokers and topics, e.g. kafka: { brokers: localhost:9092, topics: [shop.public.listings] }",
            ));
        }
        return None;
    };
    let hook_topics = model.hooks.iter().map(|(_, hook)| hook.topic.clone());
    let own_topics = std::iter::once(dead_letter_topic.clone()).chain(hook_topics).collect();
    let kafka = self::kafka(kafka.value, own_topics, report);
    Some(Config { kafka, tables, destinations, rules, limits, time_zone, dead_letter_topic, listen: listen?, http })
}

/// What the file may say already although nothing acts on it yet: said, never silently ignored.
fn not_built_yet(model: &Model, report: &mut Report) {
    let mut warn = |place: Place, what: &str| {
        report.push(Diagnostic::warning(place, format!("{what} is not available yet: it has no effect")));
    };
    if let Some(registry) = &model.schema_registry {
        warn(registry.place, "schema_registry (Avro, Protobuf and JSON Schema payloads)");
    }
    if let Some(locale) = model.locale.as_ref().filter(|locale| locale.value != "en") {
        warn(locale.place, "a locale other than en");
    }
    if let Some((topic, _)) = model.decode.first() {
        warn(topic.place, "decode (payloads are recognised by themselves)");
    }
    if let Some((hook, _)) = model.hooks.first() {
        warn(hook.place, "hooks");
    }
    if model.limits.metadata_bytes.is_some() {
        warn(Place::default(), "limits.metadata_bytes");
    }
    for (name, destination) in &model.destinations {
        if let Some(digest) = destination.digest.as_ref().filter(|digest| digest.value != DigestModel::Off) {
            warn(digest.place, &format!("digest (of {:?})", name.value));
        }
        if let Some(fold) = destination.fold.as_ref().filter(|fold| fold.value) {
            warn(fold.place, &format!("fold: on (of {:?})", name.value));
        }
        if let Some(slack) = &destination.slack {
            if let Some(thread_by) = &slack.thread_by {
                warn(thread_by.place, "thread_by");
            }
            if let Some(update) = slack.update.as_ref().filter(|update| update.value) {
                warn(update.place, "update: true");
            }
        }
    }
    for rule in &model.rules {
        if let Some(expires) = &rule.expires {
            warn(expires.place, "expires");
        }
    }
}

fn kafka(model: KafkaModel, own_topics: Vec<String>, report: &mut Report) -> KafkaSettings {
    if model.brokers.trim().is_empty() {
        report.push(
            Diagnostic::error(model.brokers.place, "kafka.brokers is empty").hint("host:port, separated by commas"),
        );
    }
    if model.topics.0.is_empty() {
        report.push(
            Diagnostic::error(model.brokers.place, "kafka.topics is empty")
                .hint("name the topics Debezium writes: prefix.schema.table"),
        );
    }
    for topic in &model.topics.0 {
        if let Some(pattern) = topic.strip_prefix('^')
            && let Err(error) = regex::Regex::new(pattern)
        {
            let line = error.to_string();
            let why = line.lines().last().unwrap_or_default().trim().to_owned();
            report.push(Diagnostic::error(topic.place, format!("{:?} is not a regex: {why}", topic.value)));
        }
        if own_topics.contains(&topic.value) {
            report.push(Diagnostic::error(
                topic.place,
                format!("{:?} is a topic that Rowbell itself writes", topic.value),
            ));
        }
    }
    let mut properties = Vec::new();
    for (name, value) in model.properties.0 {
        if let Some((_, instead)) = OWNED_PROPERTIES.iter().find(|(owned, _)| *owned == name.value) {
            report.push(
                Diagnostic::error(name.place, format!("the property {:?} is Rowbell's own", name.value))
                    .hint(format!("use {instead}")),
            );
        }
        properties.push((name.value, value.value.0));
    }
    KafkaSettings {
        brokers: model.brokers.value,
        group: model.group.map_or_else(|| DEFAULT_GROUP.to_owned(), |group| group.value),
        topics: model.topics.0.into_iter().map(|topic| topic.value).collect(),
        start: match model.start {
            StartModel::Latest => Start::Latest,
            StartModel::Earliest => Start::Earliest,
        },
        instance_id: model.instance_id.map(|id| id.value).filter(|id| !id.is_empty()),
        properties,
        own_topics,
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

fn table(name: &At<String>, model: TableModel, report: &mut Report) -> Option<Arc<Table>> {
    let pattern = pattern(name, report)?;
    let mut view = TableView { noun: model.name, columns: HashMap::new(), ignore: model.ignore.0 };
    let (mut currencies, mut redacted, mut types) = (Vec::new(), Vec::new(), HashMap::new());
    for (column, settings) in model.columns.0 {
        let format = settings.format.as_ref().and_then(|format| self::format(format, report));
        if let Some(currency) = &settings.currency {
            currencies.extend(template(currency, report).map(|template| (column.value.clone(), template)));
        }
        if format == Some(Format::Currency) && settings.currency.is_none() {
            let place = settings.format.as_ref().map_or(column.place, |format| format.place);
            report.push(
                Diagnostic::warning(
                    place,
                    format!("the column {:?} has the format currency but no currency", column.value),
                )
                .hint("add currency: USD, or a template such as currency: \"{{ row.currency }}\""),
            );
        }
        if settings.redact {
            redacted.push(column.value.clone());
        }
        if let Some(ty) = &settings.ty {
            match ty.parse::<ColumnHint>() {
                Ok(hint) => {
                    types.insert(column.value.clone(), hint);
                }
                Err(error) => report.push(
                    Diagnostic::error(ty.place, error.to_string()).nearest(ty, ColumnHint::WORDS.iter().copied()),
                ),
            }
        }
        view.columns.insert(column.value, ColumnView { label: settings.label, format, redact: settings.redact });
    }
    Some(Arc::new(Table {
        pattern,
        view,
        title: model.title.as_ref().and_then(|text| template(text, report)),
        link: model.link.as_ref().and_then(|text| template(text, report)),
        currencies,
        redacted: redacted.into(),
        full_identity: model.replica_identity.map(|identity| identity == ReplicaIdentityModel::Full),
        types,
    }))
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
    TablePattern::compile(name)
        .map_err(|error| report.push(Diagnostic::error(name.place, format!("{:?} is {error}", name.value))))
        .ok()
}

fn format(word: &At<String>, report: &mut Report) -> Option<Format> {
    // Words of a format that is still to be built.
    const LATER: &[&str] = &["bytes", "duration", "bool", "boolean", "map", "unit", "truncate", "emoji"];
    match word.parse() {
        Ok(format) => Some(format),
        Err(()) if LATER.contains(&word.as_str()) => {
            report.push(Diagnostic::warning(
                word.place,
                format!("the format {:?} is not available yet: it has no effect", word.value),
            ));
            None
        }
        Err(()) => {
            let known = Format::ALL.map(Format::as_str);
            let found = Diagnostic::error(word.place, format!("{:?} is no format", word.value))
                .hint(format!("one of: {}", known.join(", ")));
            report.push(found.nearest(word, known));
            None
        }
    }
}

fn template(text: &At<String>, report: &mut Report) -> Option<Template> {
    compiled(text, "template", Template::compile(text), report)
}

fn compiled<T>(text: &At<String>, what: &str, result: Result<T, ExprError>, report: &mut Report) -> Option<T> {
    result
        .map_err(|error| {
            let (message, hint) = match error.message.split_once("\nhint: ") {
                Some((message, hint)) => (message, Some(hint)),
                None => (error.message.as_str(), None),
            };
            let found = Diagnostic::error(text.place, format!("the {what} {:?} does not work: {message}", text.value));
            report.push(match hint {
                Some(hint) => found.hint(hint),
                None => found,
            });
        })
        .ok()
}

/// Default pace by type: Slack's one a second and channel, the Workflows connection's 25 in five minutes.
fn default_rate(target: &Target) -> (u32, Duration) {
    match target {
        Target::SlackWebhook { .. } | Target::SlackBot { .. } => (1, Duration::from_secs(1)),
        Target::Teams { .. } => (25, Duration::from_secs(300)),
        Target::Webhook { .. } => (50, Duration::from_secs(1)),
    }
}

fn destinations(models: Vec<(At<String>, At<DestinationModel>)>, report: &mut Report) -> Vec<Destination> {
    let mut destinations: Vec<Destination> = Vec::new();
    for (name, model) in models {
        let place = model.place;
        let Some(target) = target(&name, &model.value, place, report) else {
            continue;
        };
        let is_webhook = matches!(target, Target::Webhook { .. });
        let (posts, per) = default_rate(&target);
        let at_least_one = |value: &Option<At<u32>>, what: &str, default: u32, report: &mut Report| match value {
            None => default,
            Some(found) if found.value == 0 => {
                report
                    .push(Diagnostic::error(found.place, format!("{what} of 0 would post nothing")).hint("1 or more"));
                1
            }
            Some(found) => found.value,
        };
        let Some(rate) = model.value.rate.as_ref().map(|rate| rate.value).or_else(|| Rate::new(posts, per)) else {
            continue;
        };
        destinations.push(Destination {
            burst: at_least_one(&model.value.burst, "a burst", 1, report),
            in_flight: at_least_one(&model.value.in_flight, "in_flight", if is_webhook { 4 } else { 1 }, report)
                as usize,
            bucket: bucket(&target, model.value.bucket.as_deref()),
            rate,
            name: name.value.into(),
            target,
        });
    }
    destinations
}

/// Destinations with an equal URL, an equal token and channel, or an equal `bucket` share a bucket.
fn bucket(target: &Target, named: Option<&str>) -> String {
    match (named, target) {
        (Some(name), _) => format!("bucket {name}"),
        (None, Target::SlackWebhook { url } | Target::Teams { url } | Target::Webhook { url, .. }) => {
            format!("url {}", url.expose_secret())
        }
        (None, Target::SlackBot { token, channel, .. }) => {
            format!("token {} {channel}", token.expose_secret())
        }
    }
}

fn target(name: &At<String>, model: &DestinationModel, place: Place, report: &mut Report) -> Option<Target> {
    let mut complain = |place: Place, message: String, hint: &str| {
        report.push(Diagnostic::error(place, message).hint(hint));
        None
    };
    match (&model.slack, &model.teams, &model.webhook) {
        (Some(slack), None, None) => match (&slack.webhook_url, &slack.token, &slack.channel) {
            (Some(url), None, _) => {
                check_url(url.expose_secret(), "webhook_url", slack.place, report)?;
                Some(Target::SlackWebhook { url: url.clone() })
            }
            (None, Some(token), Some(channel)) => Some(Target::SlackBot {
                token: token.clone(),
                channel: channel.value.clone(),
                api_url: slack.api_url.as_ref().map_or_else(|| SLACK_API.to_owned(), |url| url.value.clone()),
            }),
            (None, Some(_), None) => complain(
                slack.place,
                "a bot token needs a channel".to_owned(),
                "add channel: C0123456789 (the channel's id)",
            ),
            (Some(_), Some(_), _) => {
                complain(slack.place, "both webhook_url and token are given".to_owned(), "keep one of them")
            }
            (None, None, _) => complain(
                slack.place,
                "slack needs a webhook_url, or a token and a channel".to_owned(),
                "e.g. slack: { webhook_url: \"${env:SLACK_WEBHOOK_URL}\" }",
            ),
        },
        (None, Some(teams), None) => {
            let url = teams.workflow_url.expose_secret();
            if RETIRED_TEAMS_HOSTS.iter().any(|host| url.contains(host)) {
                return complain(
                    teams.place,
                    "this is the URL of an Office 365 connector, which Microsoft has switched off".to_owned(),
                    "make a Workflow with the trigger \"When a Teams webhook request is received\" and use its URL",
                );
            }
            check_url(url, "workflow_url", teams.place, report)?;
            Some(Target::Teams { url: teams.workflow_url.clone() })
        }
        (None, None, Some(webhook)) => {
            check_url(webhook.url.expose_secret(), "url", webhook.place, report)?;
            Some(Target::Webhook { url: webhook.url.clone(), secret: webhook.secret.clone() })
        }
        (None, None, None) => complain(
            place,
            format!("the destination {:?} says nowhere to post", name.value),
            "add slack: { webhook_url: ... }, teams: { workflow_url: ... } or webhook: { url: ... }",
        ),
        _ => complain(
            place,
            format!("the destination {:?} is of several types at once", name.value),
            "make one destination of each",
        ),
    }
}

/// Says what is wrong with a URL without showing it.
fn check_url(url: &str, key: &str, place: Place, report: &mut Report) -> Option<()> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !url.contains(char::is_whitespace) => Some(()),
        _ => {
            let what = if url.trim().is_empty() { "is empty" } else { "is not an http or https URL" };
            report.push(
                Diagnostic::error(place, format!("{key} {what}"))
                    .hint("is the environment variable or secret file behind it filled in?"),
            );
            None
        }
    }
}

fn rules(models: Vec<At<RuleModel>>, destinations: &[Destination], named: &[String], report: &mut Report) -> Vec<Rule> {
    let mut names: HashSet<String> = HashSet::new();
    if models.is_empty() && !report.has_errors() {
        report.push(Diagnostic::warning(Place::default(), "there are no rules: nothing will be posted"));
    }
    let mut rules = Vec::new();
    for At { value: model, .. } in models {
        if !names.insert(model.name.value.clone()) {
            report.push(Diagnostic::error(model.name.place, format!("there are two rules {:?}", model.name.value)));
        }
        rules.extend(rule(model, destinations, named, report));
    }
    rules
}

fn rule(model: RuleModel, destinations: &[Destination], named: &[String], report: &mut Report) -> Option<Rule> {
    let table = pattern(&model.table, report);
    let on = match &model.on {
        Some(words) => words.0.iter().fold(Ops::default(), |ops, word| op(word, ops, report)),
        None if model.columns.0.is_empty() => Ops::CHANGES,
        None => Ops::default().with(Op::Update),
    };
    if model.to.0.is_empty() {
        report.push(
            Diagnostic::error(model.name.place, format!("the rule {:?} leads nowhere", model.name.value))
                .hint("add to: [DESTINATION]"),
        );
    }
    let mut to = Vec::new();
    for name in &model.to.0 {
        match destinations.iter().position(|destination| *destination.name == *name.value) {
            Some(index) if !to.contains(&index) => to.push(index),
            Some(_) => {}
            // Its own mistake was reported where it stands.
            None if named.contains(&name.value) => {}
            None => {
                let known = named.iter().map(String::as_str);
                report.push(
                    Diagnostic::error(name.place, format!("there is no destination {:?}", name.value))
                        .hint("name it under destinations:")
                        .nearest(name, known),
                );
            }
        }
    }
    let mention = model.mention.as_ref().and_then(|word| {
        let mention = word.parse();
        if mention.is_err() {
            report.push(
                Diagnostic::error(word.place, format!("{:?} is nobody to mention", word.value))
                    .hint("here, channel, everyone, or a Slack id such as U0123456789 or S0123456789"),
            );
        }
        mention.ok()
    });
    Some(Rule {
        when: model.when.as_ref().and_then(|text| compiled(text, "condition", Condition::compile(text), report)),
        headline: model.headline.as_ref().and_then(|text| template(text, report)),
        priority: word(&model.priority, "priority", &Priority::ALL.map(|p| (p.as_str(), p)), report)
            .unwrap_or(Priority::Normal),
        tone: word(
            &model.tone,
            "tone",
            &[("good", Tone::Good), ("bad", Tone::Bad), ("neutral", Tone::Neutral)],
            report,
        )
        .unwrap_or_default(),
        name: model.name.value.into(),
        table: table?,
        on,
        columns: model.columns.0.into_iter().map(|column| column.value.into()).collect(),
        to,
        mention,
        expires: model.expires.map(|span| span.value.0),
    })
}

fn op(word: &At<String>, ops: Ops, report: &mut Report) -> Ops {
    let known = [Op::Create, Op::Update, Op::Delete, Op::Truncate, Op::Read];
    match known.into_iter().find(|op| op.as_str() == word.value) {
        Some(op) => ops.with(op),
        None if word.value == "message" => {
            report.push(Diagnostic::warning(word.place, "on: message is not available yet: it has no effect"));
            ops
        }
        None => {
            let found = Diagnostic::error(word.place, format!("{:?} is no operation", word.value))
                .hint("one of: create, update, delete, truncate, read, message");
            report.push(found.nearest(word, known.iter().map(|op| op.as_str())));
            ops
        }
    }
}

fn word<T: Copy>(word: &Option<At<String>>, what: &str, known: &[(&'static str, T)], report: &mut Report) -> Option<T> {
    let word = word.as_ref()?;
    let found = known.iter().find(|(name, _)| *name == word.value).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        report.push(
            Diagnostic::error(word.place, format!("{:?} is no {what}", word.value))
                .hint(format!("one of: {}", names.join(", ")))
                .nearest(word, names.iter().copied()),
        );
    }
    found
}
