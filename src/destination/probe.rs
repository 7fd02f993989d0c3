//! Asks a destination whether it would take posts, without posting anything.

use super::http::{Call, Http};
use super::{SlackBot, Target, Verdict};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What a destination says when asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It would take posts.
    Accepts(String),
    /// Somebody answers there; whether posts are taken cannot be asked.
    Answers(String),
    /// It takes nothing.
    Refuses(String),
    /// No answer came.
    Silent(String),
}

/// Probes a destination. No message is made: Slack's webhooks answer an empty text with `no_text`, its Web API is asked
/// who we are; a Workflow and a webhook are asked for nothing but an answer, at their hosts' roots.
pub async fn probe(http: &Http, target: &Target) -> Probe {
    match target {
        Target::SlackWebhook { url } => slack_webhook(http, url).await,
        Target::SlackBot(bot) => slack_bot(http, bot).await,
        Target::Teams { url } => root(http, url, "a Workflow cannot be asked without posting").await,
        Target::Webhook { url, .. } => root(http, url, "a webhook cannot be asked without posting").await,
    }
}

async fn slack_webhook(http: &Http, url: &SecretString) -> Probe {
    match http.send(Call::post(url, r#"{"text":""}"#.to_owned())).await {
        Ok(answer) => match answer.body.trim() {
            "no_text" => Probe::Accepts("its webhook is alive".to_owned()),
            // Whatever it is, it is no refusal: a stand-in, or a proxy of Slack's.
            _ if (200..300).contains(&answer.status) => Probe::Answers(format!("HTTP {}", answer.status)),
            body => Probe::Refuses(word(body, answer.status)),
        },
        Err(verdict) => silent(&verdict),
    }
}

async fn slack_bot(http: &Http, bot: &SlackBot) -> Probe {
    let ask = async |method: &str, query: &str| {
        let url = SecretString::from(format!("{}/{method}{query}", bot.api_url));
        let authorization = format!("Bearer {}", bot.token.expose_secret());
        let call = Call { headers: vec![("authorization", authorization)], ..Call::post(&url, "{}".to_owned()) };
        http.send(call).await
    };
    match ask("auth.test", "").await {
        Ok(answer) => match refusal(&answer.body) {
            None => {}
            Some(error) => return Probe::Refuses(error),
        },
        Err(verdict) => return silent(&verdict),
    }
    let channel: String = url::form_urlencoded::byte_serialize(bot.channel.as_bytes()).collect();
    match ask("conversations.info", &format!("?channel={channel}")).await {
        Ok(answer) => match refusal(&answer.body).as_deref() {
            None if archived(&answer.body) => Probe::Refuses("is_archived".to_owned()),
            None => Probe::Accepts("its token is good, and sees the channel".to_owned()),
            // Posting needs no right to look.
            Some("missing_scope") => Probe::Answers("its token is good; it may not look at channels".to_owned()),
            // A name is no id here, and posts find it all the same.
            Some("channel_not_found") if bot.channel.starts_with('#') => {
                Probe::Answers("its token is good; a channel's name cannot be looked up".to_owned())
            }
            Some(error) => Probe::Refuses(error.to_owned()),
        },
        Err(verdict) => silent(&verdict),
    }
}

async fn root(http: &Http, url: &SecretString, note: &str) -> Probe {
    let Ok(mut root) = url::Url::parse(url.expose_secret()) else {
        return Probe::Silent("its URL is none".to_owned());
    };
    // Nothing that is a secret leaves: neither path nor query.
    root.set_path("/");
    root.set_query(None);
    let root = SecretString::from(root.to_string());
    let call = Call { body: None, ..Call::post(&root, String::new()) };
    match http.send(call).await {
        Ok(_) => Probe::Answers(format!("its host answers; {note}")),
        Err(verdict) => silent(&verdict),
    }
}

fn silent(verdict: &Verdict) -> Probe {
    Probe::Silent(verdict.detail.clone())
}

/// `ok: false`'s word.
fn refusal(body: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(body).unwrap_or_default();
    match answer["ok"].as_bool() {
        Some(true) => None,
        _ => Some(word(answer["error"].as_str().unwrap_or("no answer of Slack's Web API"), 200)),
    }
}

fn archived(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|answer| answer["channel"]["is_archived"] == true)
}

/// A word of Slack's, or the status where the answer is something else.
fn word(text: &str, status: u16) -> String {
    let plain =
        text.len() <= 60 && !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" _.'".contains(&b));
    if plain { text.to_owned() } else { format!("HTTP {status}") }
}
