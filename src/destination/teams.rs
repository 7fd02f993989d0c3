//! Microsoft Teams: a Workflow with the trigger "when a Teams webhook request is received".

use super::answer::{Answer, Meaning, Table, Verdict, look_up};
use super::http::Http;
use crate::outbox::Outcome;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

/// `error.code` of the Workflows trigger.
const WORKFLOWS: Table = &[
    ("TriggerInputSchemaMismatch", Meaning::Rejected),
    ("WorkflowTriggerIsNotEnabled", Meaning::Blocked),
    ("DirectApiAuthorizationRequired", Meaning::Blocked),
    ("WorkflowNotFound", Meaning::Blocked),
];

/// A success whose body says otherwise, as the retired connectors answered: the status in it is what counts.
const HIDDEN_FAILURE: &str = "Webhook message delivery failed with error";

#[derive(Deserialize)]
struct WorkflowsAnswer {
    error: WorkflowsError,
}

#[derive(Deserialize)]
struct WorkflowsError {
    code: String,
}

pub(super) async fn post(http: &Http, url: &SecretString, payload: &Value) -> Verdict {
    match http.post(url, &[], payload.to_string()).await {
        Ok(answer) => classify(&answer),
        Err(verdict) => verdict,
    }
}

/// What a Workflow's answer means. Accepted is not delivered: a run can fail unseen afterwards.
pub(super) fn classify(answer: &Answer) -> Verdict {
    let code = serde_json::from_str::<WorkflowsAnswer>(&answer.body).ok().map(|body| body.error.code);
    if let Some(code) = &code
        && let Some(meaning) = look_up(WORKFLOWS, code)
    {
        return Verdict::new(meaning.outcome(answer.retry_after), format!("HTTP {}, {code}", answer.status));
    }
    if answer.body.contains(HIDDEN_FAILURE) {
        let limited = answer.body.contains("429");
        let detail = if limited {
            "accepted, but limited behind the scenes (429)"
        } else {
            "accepted, but failed behind the scenes"
        };
        return Verdict::new(Outcome::Retry { after: answer.retry_after }, detail);
    }
    let outcome = match answer.status {
        // A 400 without a code we know is about what we sent.
        400 => Outcome::Rejected,
        _ => answer.by_status(),
    };
    Verdict::new(outcome, format!("HTTP {}", answer.status))
}
