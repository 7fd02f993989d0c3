//! What the services answer, word for word.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Service, blocks, card};

/// "About 28 KB a message" (Teams' documentation of webhooks and connectors).
const TEAMS_BODY_BYTES_MAX: usize = 28 * 1024;

/// Why a service refuses a payload.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    /// The service's own word for it, as it goes over the wire.
    pub(super) code: &'static str,
    /// What is wrong in particular, for the page; the services say less.
    pub(super) why: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, why: impl Into<String>) -> Self {
        Refusal { code, why: why.into() }
    }
}

/// What a service answers.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
    pub(super) retry_after_s: Option<u64>,
    pub(super) problem: Option<String>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: impl Into<String>) -> Self {
        Answer { status, body: body.into(), retry_after_s: None, problem: None }
    }

    /// Slack's answer to a body while it works and the channel's bucket is not empty.
    pub(super) fn of_slack(payload: Option<&Value>) -> Self {
        let checked = match payload {
            None => Err(Refusal::new("invalid_payload", "the body is no JSON")),
            Some(payload) => blocks::check(payload),
        };
        match checked {
            Ok(()) => Answer::new(StatusCode::OK, "ok"),
            Err(Refusal { code, why }) => Answer { problem: Some(why), ..Answer::new(StatusCode::BAD_REQUEST, code) },
        }
    }

    /// Teams' answer to a body while it works and the workflow's bucket is not empty.
    pub(super) fn of_teams(body_bytes: usize, payload: Option<&Value>) -> Self {
        if body_bytes > TEAMS_BODY_BYTES_MAX {
            let why = format!("{body_bytes} bytes; a message may have {TEAMS_BODY_BYTES_MAX}");
            let refusal = Refusal::new("RequestEntityTooLarge", why);
            return Answer::teams_error(StatusCode::PAYLOAD_TOO_LARGE, refusal);
        }
        let checked = match payload {
            None => Err(Refusal::new("InvalidRequestContent", "the body is no JSON")),
            Some(payload) => card::check(payload),
        };
        match checked {
            Ok(problem) => Answer { problem, ..Answer::new(StatusCode::ACCEPTED, "") },
            Err(refusal) => Answer::teams_error(StatusCode::BAD_REQUEST, refusal),
        }
    }

    /// A 429 with the seconds to wait.
    pub(super) fn too_many(service: Service, wait_s: u64) -> Self {
        let answer = match service {
            Service::Slack => {
                let body = json!({"retry_after": wait_s, "ok": false, "error": "rate_limited"});
                Answer::new(StatusCode::TOO_MANY_REQUESTS, body.to_string())
            }
            Service::Teams => {
                let refusal = Refusal::new("TooManyRequests", "Rate limit is exceeded.");
                Answer::teams_error(StatusCode::TOO_MANY_REQUESTS, refusal)
            }
        };
        Answer { retry_after_s: Some(wait_s), problem: None, ..answer }
    }

    fn teams_error(status: StatusCode, Refusal { code, why }: Refusal) -> Self {
        let body = json!({"error": {"code": code, "message": why}}).to_string();
        Answer { problem: Some(why), ..Answer::new(status, body) }
    }

    /// The answer as it goes over the wire.
    pub(super) fn response(&self, service: Service) -> Response {
        let content_type = match (service, self.body.starts_with('{')) {
            (_, true) => "application/json; charset=utf-8",
            (Service::Slack, false) => "text/html",
            (Service::Teams, false) => "text/plain",
        };
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        let mut response = (self.status, headers, self.body.clone()).into_response();
        if let Some(seconds) = self.retry_after_s {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
