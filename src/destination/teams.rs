//! Microsoft Teams: a Workflow with the trigger "when a Teams webhook request is received".

use super::answer::Meaning::{self, Blocked, Delivered, Rejected, Retry, Unknown};
use super::answer::{Answer, Table, Verdict, status, word};
use super::http::{Call, Http};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

/// What a Workflow's answers mean; the word is `error.code`.
///
/// Codes: as the trigger answers them, seen in the field; Microsoft documents the statuses of Logic Apps' request trigger.
pub(super) const WORKFLOWS: Table = &[
    word("TriggerInputSchemaMismatch", Rejected),
    word("WorkflowTriggerIsNotEnabled", Blocked),
    word("DirectApiAuthorizationRequired", Blocked),
    word("WorkflowNotFound", Blocked),
    // 202 is what the trigger answers. Accepted is not delivered: a run can fail unseen afterwards.
    status(200, 299, Delivered),
    status(429, 429, Retry),
    // RFC 9110 and RFC 8470: nothing was done.
    status(408, 408, Retry),
    status(425, 425, Retry),
    // RFC 9110: this content is too large, the next may not be.
    status(413, 413, Rejected),
    // Without a code we know, a bad request is about what we sent.
    status(400, 400, Rejected),
    status(400, 499, Blocked),
    status(500, 599, Retry),
];

/// A success whose body says otherwise, as the retired connectors answered, and the status in it, which is what counts:
/// `Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId ...`.
const HIDDEN_FAILURE: &str = "Webhook message delivery failed with error";
const HIDDEN_STATUS: &str = "HTTP error ";

#[derive(Deserialize)]
struct WorkflowsAnswer {
    error: WorkflowsError,
}

#[derive(Deserialize)]
struct WorkflowsError {
    code: String,
}

pub(super) async fn post(http: &Http, url: &SecretString, payload: &Value) -> Verdict {
    match http.send(Call::post(url, payload.to_string())).await {
        Ok(answer) => classify(&answer),
        Err(verdict) => verdict,
    }
}

/// What a Workflow's answer means.
pub(super) fn classify(answer: &Answer) -> Verdict {
    let code = serde_json::from_str::<WorkflowsAnswer>(&answer.body).ok().map(|body| body.error.code);
    // A code that no row knows may be anything, row data included: it is not shown.
    let known = code.as_deref().filter(|code| WORKFLOWS.iter().any(|row| row.is_word(code)));
    if let Some(status) = hidden(&answer.body) {
        let inner = Answer { status, ..answer.clone() };
        let meaning = match inner.meaning(WORKFLOWS, None) {
            // No status in it, or one that contradicts it.
            Delivered | Blocked => Retry,
            meaning => meaning,
        };
        let detail = format!("HTTP {}, but {status} behind the scenes", answer.status);
        return Verdict::new(meaning.outcome(answer.retry_after), detail);
    }
    let meaning: Meaning = match answer.meaning(WORKFLOWS, known) {
        Delivered if answer.is_page() => Unknown,
        meaning => meaning,
    };
    Verdict::new(meaning.outcome(answer.retry_after), answer.detail(known))
}

/// The status that hides behind a success; 0 where none is named.
fn hidden(body: &str) -> Option<u16> {
    let (_, after) = body.split_once(HIDDEN_FAILURE)?;
    let digits = after.split_once(HIDDEN_STATUS).map_or("", |(_, rest)| rest);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    Some(digits[..end].parse().unwrap_or(0))
}
