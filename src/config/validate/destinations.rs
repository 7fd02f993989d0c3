//! `destinations:`

use crate::config::Destination;
use crate::config::code::Code;
use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Place, Report};
use crate::config::model::{DestinationModel, DigestModel, SlackModel};
use crate::config::units::Span;
use crate::destination::{SlackBot, Target};
use crate::outbox::Rate;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Slack's Web API.
const SLACK_API: &str = "https://slack.com/api";

/// A backlog that would take longer than this is folded into digests.
const DEFAULT_DIGEST_AFTER: Duration = Duration::from_secs(30);

/// Hosts of the retired Office 365 connectors, which accept nothing any more.
const RETIRED_TEAMS_HOSTS: &[&str] =
    &["webhook.office.com", "outlook.office.com/webhook", "outlook.office365.com/webhook"];

/// Slack takes about 50 updates a minute of an app (chat.update: tier 3, "50+ per minute").
const UPDATES: (u32, Duration) = (50, Duration::from_secs(60));

/// Default pace by type: Slack's one a second and channel, or its updates; the Workflows connection's 25 in five minutes.
fn default_rate(target: &Target) -> (u32, Duration) {
    match target {
        Target::SlackBot(SlackBot { update: true, .. }) => UPDATES,
        Target::SlackWebhook { .. } | Target::SlackBot(_) => (1, Duration::from_secs(1)),
        Target::Teams { .. } => (25, Duration::from_secs(300)),
        Target::Webhook { .. } => (50, Duration::from_secs(1)),
    }
}

pub(super) fn destinations(models: Vec<(At<String>, At<DestinationModel>)>, report: &mut Report) -> Vec<Destination> {
    let mut destinations: Vec<Destination> = Vec::new();
    for (name, model) in models {
        let place = model.place;
        let Some(target) = target(&name, &model.value, place, report) else {
            continue;
        };
        let is_webhook = matches!(target, Target::Webhook { .. });
        let (posts, per) = default_rate(&target);
        if let (Target::SlackBot(SlackBot { update: true, .. }), Some(rate)) = (&target, &model.value.rate) {
            check_updates(rate, report);
        }
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
            digest: digest(model.value.digest.as_ref().map(|digest| digest.value), is_webhook),
            fold: model.value.fold.as_ref().map_or(!is_webhook, |fold| fold.value),
            paused: model.value.paused,
            name: name.value.into(),
            target,
        });
    }
    destinations
}

/// People read digests; programs want each change, unless the config says otherwise.
fn digest(model: Option<DigestModel>, is_webhook: bool) -> Option<Duration> {
    match model {
        Some(DigestModel::Off) => None,
        Some(DigestModel::After(Span(after))) => Some(after),
        Some(DigestModel::On) => Some(DEFAULT_DIGEST_AFTER),
        None => (!is_webhook).then_some(DEFAULT_DIGEST_AFTER),
    }
}

/// Destinations with an equal URL, an equal token and channel, or an equal `bucket` share a bucket.
fn bucket(target: &Target, named: Option<&str>) -> String {
    match (named, target) {
        (Some(name), _) => format!("bucket {name}"),
        (None, Target::SlackWebhook { url } | Target::Teams { url } | Target::Webhook { url, .. }) => {
            format!("url {}", hashed(url))
        }
        (None, Target::SlackBot(SlackBot { token, channel, .. })) => {
            format!("token {} {channel}", hashed(token))
        }
    }
}

/// Says whether two are equal, and nothing else.
fn hashed(secret: &SecretString) -> String {
    BASE64_STANDARD.encode(Sha256::digest(secret.expose_secret()))
}

/// More than Slack takes is slowed down by its 429.
fn check_updates(rate: &At<Rate>, report: &mut Report) {
    let (posts, per) = UPDATES;
    if rate.value.per_second() > f64::from(posts) / per.as_secs_f64() {
        report.push(
            Diagnostic::warning(rate.place, "with update: true this rate is above what Slack allows".to_owned())
                .code(Code::RateBeyondService)
                .hint("chat.update takes about 50 a minute, all channels of the app together: rate: 50/m"),
        );
    }
}

/// What only a bot token can do: an incoming webhook does not say which message it made.
fn check_threads(slack: &SlackModel, report: &mut Report) -> (bool, bool) {
    const HINT: &str = "give a token and a channel instead of the webhook_url, or leave it out";
    let update = slack.update.as_ref().filter(|update| update.value);
    let thread_by_row = slack.thread_by.as_ref().is_some_and(|by| {
        if by.value != "row" {
            let found = Diagnostic::error(by.place, format!("thread_by cannot be {:?}", by.value));
            report.push(found.hint("thread_by: row is all there is").nearest(&by.value, ["row"]));
        }
        by.value == "row"
    });
    // Names work for chat.postMessage alone.
    if let Some(channel) = slack
        .channel
        .as_ref()
        .filter(|channel| channel.contains(|c: char| !c.is_ascii_alphanumeric() || c.is_lowercase()))
        && (thread_by_row || update.is_some())
    {
        let found = format!("{:?} is not a channel's id, which thread_by and update need", channel.value);
        report.push(
            Diagnostic::warning(channel.place, found)
                .code(Code::WrongDestination)
                .hint("it stands at the end of the channel's details in Slack: C0123456789"),
        );
    }
    if slack.token.is_none() {
        let places = slack.thread_by.iter().map(|by| ("thread_by", by.place));
        for (key, place) in places.chain(update.map(|update| ("update", update.place))) {
            report.push(Diagnostic::error(place, format!("{key} needs a bot token")).hint(HINT));
        }
    }
    (thread_by_row, update.is_some())
}

fn target(name: &At<String>, model: &DestinationModel, place: Place, report: &mut Report) -> Option<Target> {
    let (thread_by_row, update) = match &model.slack {
        Some(slack) => check_threads(&slack.value, report),
        None => (false, false),
    };
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
            (None, Some(token), Some(channel)) => Some(Target::SlackBot(SlackBot {
                token: token.clone(),
                channel: channel.value.clone(),
                api_url: slack.api_url.as_ref().map_or_else(|| SLACK_API.to_owned(), |url| url.value.clone()),
                thread_by_row,
                update,
            })),
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
                let found = Diagnostic::error(
                    teams.place,
                    "this is the URL of an Office 365 connector, which Microsoft has switched off",
                );
                report.push(found.code(Code::RetiredUrl).hint(
                    "make a Workflow with the trigger \"When a Teams webhook request is received\" and use its URL",
                ));
                return None;
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
