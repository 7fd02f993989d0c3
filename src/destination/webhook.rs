//! Any receiver of JSON, signed as Standard Webhooks asks.

use super::answer::Meaning::{Blocked, Delivered, Rejected, Retry};
use super::answer::{Answer, Table, Verdict, status};
use super::http::{Call, Http};
use crate::outbox::Outcome;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

/// What a receiver's answers mean: the status alone says it (RFC 9110; by Standard Webhooks, too, 2xx is success).
pub(super) const WEBHOOK: Table = &[
    status(200, 299, Delivered),
    // Nothing was done, or not now.
    status(408, 408, Retry),
    status(425, 425, Retry),
    status(429, 429, Retry),
    // About this content: malformed, in conflict, too large, not understood.
    status(400, 400, Rejected),
    status(409, 409, Rejected),
    status(413, 415, Rejected),
    status(422, 422, Rejected),
    // Not for us, not here, gone.
    status(400, 499, Blocked),
    status(500, 599, Retry),
];

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
    match http.send(Call { headers, ..Call::post(url, body) }).await {
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

/// What a receiver's answer means.
pub(super) fn classify(answer: &Answer) -> Verdict {
    Verdict::new(answer.meaning(WEBHOOK, None).outcome(answer.retry_after), answer.detail(None))
}
