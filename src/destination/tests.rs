use super::answer::{Answer, retry_after};
use super::{Http, HttpSettings, slack, teams, webhook};
use crate::outbox::Outcome;
use secrecy::SecretString;
use std::time::Duration;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.to_owned() }
}

const RETRY: Outcome = Outcome::Retry { after: None };

#[test]
fn slacks_body_decides_before_its_status() {
    let cases = [
        (200, "ok", Outcome::Delivered),
        (200, "", Outcome::Delivered),
        (400, "invalid_payload", Outcome::Rejected),
        (400, "invalid_blocks_format", Outcome::Rejected),
        (400, "no_text", Outcome::Rejected),
        (403, "action_prohibited", Outcome::Blocked),
        (404, "no_service", Outcome::Blocked),
        (410, "channel_is_archived", Outcome::Blocked),
        (418, "something new", Outcome::Blocked),
        (200, r#"{"ok":false,"error":"something_new"}"#, Outcome::Blocked),
        (200, r#"{"ok":true}"#, Outcome::Delivered),
        (500, "rollup_error", RETRY),
        (503, "<html>busy</html>", RETRY),
    ];
    for (status, body, expected) in cases {
        assert_eq!(slack::classify_webhook(&answer(status, body)).outcome, expected, "{status} {body}");
    }
}

#[test]
fn slacks_429_says_when_in_its_header_or_its_body() {
    let body = r#"{"retry_after":7,"ok":false,"error":"rate_limited"}"#;
    let by_body = slack::classify_webhook(&answer(429, body));
    assert_eq!(by_body.outcome, Outcome::Retry { after: Some(Duration::from_secs(7)) });
    let by_header = Answer { retry_after: Some(Duration::from_secs(3)), ..answer(429, body) };
    assert_eq!(slack::classify_webhook(&by_header).outcome, Outcome::Retry { after: Some(Duration::from_secs(3)) });
}

#[test]
fn slacks_web_api_hides_errors_behind_200() {
    let cases = [
        (200, r#"{"ok":true,"ts":"1.2"}"#, Outcome::Delivered),
        (200, r#"{"ok":false,"error":"invalid_blocks"}"#, Outcome::Rejected),
        (200, r#"{"ok":false,"error":"invalid_arguments"}"#, Outcome::Rejected),
        (200, r#"{"ok":false,"error":"token_revoked"}"#, Outcome::Blocked),
        (200, r#"{"ok":false,"error":"a_new_one"}"#, Outcome::Blocked),
        (200, r#"{"ok":false,"error":"fatal_error"}"#, Outcome::Unknown),
        (429, r#"{"ok":false,"error":"ratelimited"}"#, RETRY),
        (200, "<html>a proxy's login page</html>", Outcome::Unknown),
        (502, "bad gateway", RETRY),
    ];
    for (status, body, expected) in cases {
        assert_eq!(slack::classify_api(&answer(status, body)).outcome, expected, "{status} {body}");
    }
}

#[test]
fn workflows_say_why_in_error_code() {
    let coded = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"..."}}}}"#);
    let cases = [
        (202, String::new(), Outcome::Delivered),
        (200, "1".to_owned(), Outcome::Delivered),
        (400, coded("TriggerInputSchemaMismatch"), Outcome::Rejected),
        (400, coded("WorkflowTriggerIsNotEnabled"), Outcome::Blocked),
        (401, coded("DirectApiAuthorizationRequired"), Outcome::Blocked),
        (404, coded("WorkflowNotFound"), Outcome::Blocked),
        (413, String::new(), Outcome::Rejected),
        (429, String::new(), RETRY),
        (502, String::new(), RETRY),
        (
            200,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429".to_owned(),
            RETRY,
        ),
    ];
    for (status, body, expected) in cases {
        assert_eq!(teams::classify(&answer(status, &body)).outcome, expected, "{status} {body}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    assert_eq!(retry_after("30", 0), Some(Duration::from_secs(30)));
    assert_eq!(retry_after(" 1.5 ", 0), Some(Duration::from_millis(1500)));
    // 2026-11-23T20:00:00Z is 1795464000.
    assert_eq!(retry_after("Mon, 23 Nov 2026 20:00:10 GMT", 1_795_464_000), Some(Duration::from_secs(10)));
    assert_eq!(retry_after("Mon, 23 Nov 2026 19:00:00 GMT", 1_795_464_000), Some(Duration::ZERO));
    assert_eq!(retry_after("soon", 0), None);
    assert_eq!(retry_after("-3", 0), None);
    assert_eq!(retry_after("NaN", 0), None);
}

#[test]
fn an_absurd_retry_after_is_a_week() {
    let week = Some(Duration::from_secs(7 * 24 * 3600));
    for absurd in ["18446744073709551615", "1e300", "inf", "Thu, 01 Jan 2099 00:00:00 GMT"] {
        assert_eq!(retry_after(absurd, 0), week, "{absurd}");
    }
    let body = r#"{"retry_after":1e19,"ok":false,"error":"rate_limited"}"#;
    assert_eq!(slack::classify_webhook(&answer(429, body)).outcome, Outcome::Retry { after: week });
}

#[test]
fn an_error_about_the_proxy_keeps_its_password() {
    let settings = HttpSettings { proxy: Some("http://user:hunter2@ space".to_owned()), ..HttpSettings::default() };
    let error = Http::new(&settings).expect_err("not a URL").to_string();
    assert!(error.contains("outgoing.proxy") && !error.contains("hunter2"), "{error}");
}

/// The example of the Standard Webhooks specification.
#[test]
fn signs_as_standard_webhooks_does() {
    let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signature = webhook::sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
}

#[test]
fn an_answer_that_echoes_what_it_was_sent_is_not_shown() {
    for body in ["xoxb-1234", "Walnut desk", r#"{"ok":false,"error":"xoxb-1234"}"#, r#"{"ok":true,"error":"Bo Li"}"#] {
        for status in [200, 400, 500] {
            let answer = answer(status, body);
            for verdict in [slack::classify_webhook(&answer), slack::classify_api(&answer), teams::classify(&answer)] {
                assert!(verdict.detail.starts_with(&format!("HTTP {status}")), "{}", verdict.detail);
                assert!(
                    !["xoxb", "Walnut", "Bo"].iter().any(|word| verdict.detail.contains(word)),
                    "{}",
                    verdict.detail
                );
            }
        }
    }
    assert_eq!(slack::classify_webhook(&answer(400, "invalid_blocks")).detail, "HTTP 400, invalid_blocks");
}
