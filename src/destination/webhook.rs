//! Any receiver of JSON, signed as Standard Webhooks asks.

use super::answer::{Answer, Verdict};
use super::http::Http;
use crate::outbox::Outcome;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

pub(super) async fn post(
    http: &Http,
    url: &SecretString,
    secret: Option<&SecretString>,
    payload: &Value,
    id: &str,
) -> Verdict {
    let body = payload.to_string();
    let timestamp = jiff::Timestamp::now().as_second();
    let mut headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp.to_string())];
    if let Some(secret) = secret {
        match sign(secret, id, timestamp, &body) {
            Some(signature) => headers.push(("webhook-signature", signature)),
            None => {
                return Verdict::new(Outcome::Blocked, "the webhook's secret is not whsec_ and base64");
            }
        }
    }
    match http.post(url, &headers, body).await {
        Ok(answer) => classify(&answer),
        Err(verdict) => verdict,
    }
}

/// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks specification).
pub(super) fn sign(secret: &SecretString, id: &str, timestamp: i64, body: &str) -> Option<String> {
    let secret = secret.expose_secret();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// Status alone: a receiver of our own JSON says 2xx or does not.
pub(super) fn classify(answer: &Answer) -> Verdict {
    let outcome = match answer.status {
        400 | 409 => Outcome::Rejected,
        _ => answer.by_status(),
    };
    Verdict::new(outcome, format!("HTTP {}", answer.status))
}
