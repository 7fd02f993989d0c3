//! `destinations:`

use super::{Looked, warning};
use crate::config::code::Code;
use crate::config::de::At;
use crate::config::diagnostic::{Place, Report};
use crate::config::model::{DestinationModel, SlackModel};
use crate::config::units::Span;
use crate::config::{Config, Destination};
use crate::destination::Target;
use secrecy::ExposeSecret;
use std::collections::HashMap;
use url::Url;

/// What Slack takes of one channel, posts a second (its documented limit for webhooks and chat.postMessage).
const SLACK_PER_SECOND: f64 = 1.0;
/// What one connection of Teams' Workflows takes: 25 in 300 s.
const TEAMS_PER_SECOND: f64 = 25.0 / 300.0;
/// Accepted posts that may await their commit: with so many, a lane starts none.
const UNCOMMITTED: f64 = crate::outbox::UNCOMMITTED_MAX as f64;

pub(super) fn lint(looked: &Looked<'_>, report: &mut Report) {
    unused(looked, report);
    for (name, model) in &looked.model.destinations {
        if let Some(slack) = &model.slack {
            self::slack(slack, slack.place, report);
        }
        if let Some(teams) = &model.teams {
            let url = teams.workflow_url.expose_secret();
            encrypted(url, teams.place, report);
            if host_is(url, "slack.com") {
                let found = warning(teams.place, Code::WrongDestination, "this is a URL of Slack's, under teams");
                report.push(found.hint("slack: { webhook_url: ... }"));
            }
        }
        if let Some(webhook) = &model.webhook {
            let url = webhook.url.expose_secret();
            encrypted(url, webhook.place, report);
            for (host, instead) in [
                ("hooks.slack.com", "slack: { webhook_url: ... }"),
                ("logic.azure.com", "teams: { workflow_url: ... }"),
                ("api.powerplatform.com", "teams: { workflow_url: ... }"),
            ] {
                if host_is(url, host) {
                    let message = format!("{host} takes no JSON of a generic webhook");
                    report.push(warning(webhook.place, Code::WrongDestination, message).hint(instead));
                }
            }
        }
        bucket(name, model, &looked.model.destinations, report);
    }
    if let Some(config) = looked.config {
        rates(config, &looked.model.destinations, report);
        if let Some(interval) = &looked.model.limits.commit_interval {
            slowed(config, interval, report);
        }
    }
}

fn unused(looked: &Looked<'_>, report: &mut Report) {
    let rules = &looked.model.rules;
    // A misspelt name leaves another unused: one mistake, said where it stands.
    if rules.is_empty() || report.found.iter().any(|found| found.code == Code::UnknownDestination) {
        return;
    }
    for (name, _) in &looked.model.destinations {
        let used = rules.iter().any(|rule| rule.to.0.iter().any(|to| to.value == name.value));
        if !used {
            let message = format!("no rule leads to the destination {:?}", name.value);
            report.push(warning(name.place, Code::UnusedDestination, message));
        }
    }
}

fn host_is(url: &str, host: &str) -> bool {
    let found = Url::parse(url).ok().and_then(|url| Some(url.host_str()?.to_owned()));
    found.is_some_and(|found| found == host || found.ends_with(&format!(".{host}")))
}

/// A secret URL over plain http can be read on its way; within a cluster or a machine that is nobody's business.
fn encrypted(url: &str, place: Place, report: &mut Report) {
    let public = Url::parse(url).is_ok_and(|url| {
        let name = url.host_str().unwrap_or_default();
        url.scheme() == "http" && matches!(url.host(), Some(url::Host::Domain(_))) && name.contains('.') && {
            !["localhost", "local", "internal", "lan", "example", "invalid", "test"]
                .iter()
                .any(|end| name.rsplit('.').next() == Some(end))
        }
    });
    if public {
        let found = warning(place, Code::UnencryptedUrl, "posts leave unencrypted: the URL begins with http://");
        report.push(found.hint("https://"));
    }
}

fn slack(slack: &SlackModel, place: Place, report: &mut Report) {
    if let Some(url) = &slack.webhook_url {
        let url = url.expose_secret();
        encrypted(url, place, report);
        if host_is(url, "slack.com") && !url.contains("/services/") {
            let found =
                warning(place, Code::WrongDestination, "this is no incoming webhook: its path is not /services/...");
            report.push(
                found.hint(
                    "the URLs of Slack's Workflow Builder take other payloads; add the app \"Incoming Webhooks\"",
                ),
            );
        }
        if host_is(url, "logic.azure.com") || host_is(url, "api.powerplatform.com") {
            let found = warning(place, Code::WrongDestination, "this is the URL of a Teams Workflow, under slack");
            report.push(found.hint("teams: { workflow_url: ... }"));
        }
        if let Some(channel) = &slack.channel {
            let found = warning(channel.place, Code::NoEffect, "an incoming webhook posts to its own channel");
            report.push(found.hint("channel needs a bot token"));
        }
    }
    if let (Some(token), None) = (&slack.token, &slack.webhook_url) {
        let kind = ["xapp-", "xoxe-", "xoxp-"].into_iter().find(|kind| token.expose_secret().starts_with(kind));
        if let Some(kind) = kind {
            let message = format!("a token that begins with {kind} is not a bot's");
            report.push(warning(place, Code::WrongDestination, message).hint("bot tokens begin with xoxb-"));
        }
    }
}

/// A bucket that one destination has alone is none that it shares.
fn bucket(
    name: &At<String>,
    model: &DestinationModel,
    all: &[(At<String>, At<DestinationModel>)],
    report: &mut Report,
) {
    let Some(bucket) = &model.bucket else { return };
    let mut others =
        all.iter().filter(|(other, _)| other.value != name.value).filter_map(|(_, other)| other.bucket.as_ref());
    if others.clone().any(|other| other == bucket) {
        return;
    }
    let message = format!("the bucket {bucket:?} is shared with no other destination");
    let found = warning(name.place, Code::NoEffect, message);
    let near = others.find(|other| strsim::osa_distance(other, bucket) <= 2);
    report.push(match near {
        Some(near) => found.hint(format!("did you mean {near:?}?")),
        None => found,
    });
}

/// Do both post into one and the same channel, or to one receiver?
pub(super) fn same_place(one: &Target, other: &Target) -> bool {
    match (one, other) {
        (Target::SlackBot(one), Target::SlackBot(other)) => {
            one.channel == other.channel && one.api_url == other.api_url
        }
        _ => one.is_same(other),
    }
}

/// What a service takes of whoever shares a limit there.
struct Limit {
    words: &'static str,
    per_second: f64,
}

fn limit(target: &Target) -> Option<Limit> {
    match target {
        Target::SlackWebhook { .. } | Target::SlackBot(_) => {
            Some(Limit { words: "Slack takes 1/s of a channel", per_second: SLACK_PER_SECOND })
        }
        Target::Teams { .. } => Some(Limit { words: "a Workflow takes 25/5m", per_second: TEAMS_PER_SECOND }),
        Target::Webhook { .. } => None,
    }
}

fn rates(config: &Config, models: &[(At<String>, At<DestinationModel>)], report: &mut Report) {
    let place = |destination: &Destination| {
        let found = models.iter().find(|(name, _)| *name.value == *destination.name);
        found.map(|(name, model)| model.rate.as_ref().map_or(name.place, |rate| rate.place)).unwrap_or_default()
    };
    // A little more than the limit is no matter: 25/5m in another unit.
    let beyond = |rate: f64, limit: f64| rate > limit * 1.001;
    let mut buckets: HashMap<&str, &Destination> = HashMap::new();
    for destination in &config.destinations {
        let per_second = destination.rate.per_second();
        if let Some(limit) = limit(&destination.target)
            && beyond(per_second, limit.per_second)
            // Slack's limit of updates, which is the lower one, was said already.
            && !report.found.iter().any(|found| {
                found.place == place(destination) && found.code == Code::RateBeyondService
            })
        {
            let message = format!("the rate of {:?} is beyond what the service takes", destination.name);
            report.push(warning(place(destination), Code::RateBeyondService, message).hint(limit.words));
        }
        match buckets.get(destination.bucket.as_str()) {
            None => {
                buckets.insert(&destination.bucket, destination);
            }
            Some(first) if first.rate != destination.rate => {
                let message =
                    format!("{:?} shares its bucket with {:?}, whose rate counts", destination.name, first.name);
                report.push(warning(place(destination), Code::NoEffect, message).hint("give both the same rate"));
            }
            Some(_) => {}
        }
    }
    channels(config, &place, &beyond, report);
}

/// With so many accepted posts that no commit covers, a lane starts none: rare commits pace it besides its rate.
fn slowed(config: &Config, interval: &At<Span>, report: &mut Report) {
    let seconds = interval.value.0.as_secs_f64();
    let slow = |found: &&Destination| found.rate.per_second() * seconds > UNCOMMITTED;
    let names: Vec<_> = config.destinations.iter().filter(slow).map(|found| &*found.name).collect();
    if !names.is_empty() {
        let message = format!(
            "slows {}: no post is started while {UNCOMMITTED} accepted ones await their commit",
            super::list(&names)
        );
        report.push(warning(interval.place, Code::Timing, message).hint("20ms"));
    }
}

/// Destinations with buckets of their own that end in one channel.
fn channels(
    config: &Config,
    place: &dyn Fn(&Destination) -> Place,
    beyond: &dyn Fn(f64, f64) -> bool,
    report: &mut Report,
) {
    let channel = |destination: &Destination| match &destination.target {
        Target::SlackBot(bot) => Some(bot.channel.clone()),
        _ => None,
    };
    let mut seen: HashMap<String, Vec<&Destination>> = HashMap::new();
    for destination in &config.destinations {
        let Some(channel) = channel(destination) else { continue };
        let others = seen.entry(channel).or_default();
        let apart: Vec<_> = others.iter().filter(|other| other.bucket != destination.bucket).collect();
        let sum: f64 = apart.iter().map(|other| other.rate.per_second()).sum::<f64>() + destination.rate.per_second();
        if let Some(first) = apart.first()
            && beyond(sum, SLACK_PER_SECOND)
        {
            let message = format!(
                "{:?} and {:?} post into one channel with a rate each: together beyond what Slack takes",
                first.name, destination.name
            );
            let found = warning(place(destination), Code::RateBeyondService, message);
            report.push(found.hint("give both the same `bucket`: NAME"));
        }
        others.push(destination);
    }
}
