use super::answer::{Answer, Meaning, Says, Table, http_date, retry_after};
use super::slack::answers::{self, API, WEBHOOK};
use super::{Http, HttpSettings, teams, webhook};
use crate::outbox::Outcome;
use secrecy::SecretString;
use std::time::Duration;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.to_owned() }
}

const RETRY: Outcome = Outcome::Retry { after: None };

/// Every word of a table, written out as a service would send it, and what it means.
fn words(table: Table) -> impl Iterator<Item = (String, Outcome)> {
    table.iter().filter_map(|row| match row.says {
        Says::Word("*") | Says::Status(..) => None,
        Says::Word(word) => Some((word.replace('*', "_of_any_kind"), row.means.outcome(None))),
    })
}

/// What the facts about a service say, written down independently of its table: words, and what they mean.
fn expect(table: Table, outcome: Outcome, expected: &[&str]) {
    for word in expected {
        let found = words(table).find(|(known, _)| known == word || known.strip_suffix("_of_any_kind") == Some(word));
        assert_eq!(found.map(|(_, means)| means), Some(outcome), "{word}");
    }
}

/// An answer of every class of status means the same whatever a service's words are, except where a row says so.
fn statuses(classify: impl Fn(&Answer) -> Outcome, exceptions: &[(u16, Outcome)]) {
    for status in 200..=599 {
        let expected = match exceptions.iter().find(|(known, _)| *known == status) {
            Some((_, outcome)) => *outcome,
            None => match status {
                200..=299 => Outcome::Delivered,
                408 | 425 | 429 | 500..=599 => RETRY,
                413 => Outcome::Rejected,
                // "Any unknown 4xx": blocked; and a redirect is followed by nobody.
                _ => Outcome::Blocked,
            },
        };
        assert_eq!(classify(&answer(status, "")), expected, "{status}");
    }
}

#[test]
fn every_word_of_slacks_webhooks_means_what_its_row_says_whatever_the_status() {
    expect(WEBHOOK, RETRY, &["rollup_error", "rate_limited"]);
    let rejected = [
        "invalid_payload",
        "no_text",
        "too_many_attachments",
        "missing_text_or_fallback_or_attachments",
        "invalid_blocks",
        "invalid_attachments",
        "msg_too_long",
    ];
    expect(WEBHOOK, Outcome::Rejected, &rejected);
    let blocked = [
        "action_prohibited",
        "channel_not_found",
        "channel_is_archived",
        "user_not_found",
        "posting_to_general_channel_denied",
        "no_service",
        "no_service_id",
        "no_active_hooks",
        "no_team",
        "team_disabled",
        "invalid_token",
    ];
    expect(WEBHOOK, Outcome::Blocked, &blocked);
    for (word, means) in words(WEBHOOK) {
        for status in [200, 400, 403, 404, 410, 429, 500, 503] {
            for body in [word.clone(), format!(" {word}\n"), format!(r#"{{"ok":false,"error":"{word}"}}"#)] {
                assert_eq!(answers::webhook(&answer(status, &body)).outcome, means, "{status} {body}");
            }
        }
    }
}

#[test]
fn without_a_known_word_slacks_status_decides() {
    statuses(|answer| answers::webhook(answer).outcome, &[]);
    let cases = [
        (200, "ok", Outcome::Delivered),
        (200, r#"{"ok":true}"#, Outcome::Delivered),
        (200, "{}", Outcome::Delivered),
        (200, r#"{"ok":false,"error":"something_new"}"#, Outcome::Blocked),
        (418, "something new", Outcome::Blocked),
        (403, "something_new", Outcome::Blocked),
        (503, "<html>busy</html>", RETRY),
        // Somebody in between answered, and nobody posted.
        (200, "<!DOCTYPE html><title>Sign in</title>", Outcome::Unknown),
    ];
    for (status, body, expected) in cases {
        assert_eq!(answers::webhook(&answer(status, body)).outcome, expected, "{status} {body}");
    }
}

#[test]
fn slacks_429_says_when_in_its_header_or_its_body() {
    let body = r#"{"retry_after":7,"ok":false,"error":"rate_limited"}"#;
    let after = |seconds| Outcome::Retry { after: Some(Duration::from_secs(seconds)) };
    let by_header = Answer { retry_after: Some(Duration::from_secs(3)), ..answer(429, body) };
    assert_eq!(answers::webhook(&answer(429, body)).outcome, after(7));
    assert_eq!(answers::webhook(&by_header).outcome, after(3));
    assert_eq!(answers::api(&answer(429, body)).1.outcome, after(7));
    assert_eq!(answers::api(&by_header).1.outcome, after(3));
    // A 503 may say when, too.
    let busy = |body| Answer { retry_after: Some(Duration::from_secs(20)), ..answer(503, body) };
    assert_eq!(answers::webhook(&busy("")).outcome, after(20));
    assert_eq!(answers::api(&busy(r#"{"ok":false,"error":"service_unavailable"}"#)).1.outcome, after(20));
    assert_eq!(teams::classify(&busy("")).outcome, after(20));
    assert_eq!(webhook::classify(&busy("")).outcome, after(20));
}

#[test]
fn every_error_of_slacks_web_api_means_what_its_row_says_whatever_the_status() {
    expect(API, RETRY, &["ratelimited", "rate_limited", "service_unavailable", "request_timeout"]);
    expect(API, Outcome::Unknown, &["internal_error", "fatal_error"]);
    let rejected =
        ["invalid_blocks", "msg_blocks_too_long", "no_text", "msg_too_long", "metadata_too_large", "invalid_arg"];
    expect(API, Outcome::Rejected, &rejected);
    let blocked = [
        "invalid_auth",
        "not_authed",
        "token_",
        "account_inactive",
        "missing_scope",
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "restricted_action",
    ];
    expect(API, Outcome::Blocked, &blocked);
    for (word, means) in words(API) {
        for status in [200, 400, 429, 500] {
            let body = format!(r#"{{"ok":false,"error":"{word}"}}"#);
            assert_eq!(answers::api(&answer(status, &body)).1.outcome, means, "{status} {body}");
        }
    }
    for word in ["message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"] {
        let body = format!(r#"{{"ok":false,"error":"{word}"}}"#);
        assert_eq!(answers::api(&answer(200, &body)).0, Meaning::Lost, "{word}");
    }
}

#[test]
fn slacks_web_api_hides_errors_behind_200() {
    let cases = [
        (200, r#"{"ok":true,"ts":"1.2"}"#, Outcome::Delivered),
        (200, r#"{"ok":false,"error":"a_new_one"}"#, Outcome::Blocked),
        (503, r#"{"ok":false,"error":"a_new_one"}"#, RETRY),
        (200, "<html>a proxy's login page</html>", Outcome::Unknown),
        (200, "", Outcome::Unknown),
        (502, "bad gateway", RETRY),
        (404, "", Outcome::Blocked),
        (413, "", Outcome::Rejected),
    ];
    for (status, body, expected) in cases {
        assert_eq!(answers::api(&answer(status, body)).1.outcome, expected, "{status} {body}");
    }
}

#[test]
fn workflows_say_why_in_error_code() {
    let coded = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"..."}}}}"#);
    expect(teams::WORKFLOWS, Outcome::Rejected, &["TriggerInputSchemaMismatch"]);
    let blocked = ["WorkflowTriggerIsNotEnabled", "DirectApiAuthorizationRequired", "WorkflowNotFound"];
    expect(teams::WORKFLOWS, Outcome::Blocked, &blocked);
    for (code, means) in words(teams::WORKFLOWS) {
        for status in [400, 401, 404, 502] {
            assert_eq!(teams::classify(&answer(status, &coded(&code))).outcome, means, "{status} {code}");
        }
    }
    // A bad request without a code we know is about what we sent.
    statuses(|answer| teams::classify(answer).outcome, &[(400, Outcome::Rejected)]);
    assert_eq!(teams::classify(&answer(200, "1")).outcome, Outcome::Delivered);
    assert_eq!(teams::classify(&answer(200, "<html>Sign in</html>")).outcome, Outcome::Unknown);
}

#[test]
fn a_failure_behind_a_success_of_teams_is_what_it_says() {
    let hidden = |rest: &str| format!("Webhook message delivery failed with error: {rest}");
    let cases = [
        ("Microsoft Teams endpoint returned HTTP error 429 with ContextId tcid=0", RETRY),
        ("Microsoft Teams endpoint returned HTTP error 504", RETRY),
        ("Microsoft Teams endpoint returned HTTP error 413 with ContextId tcid=0", Outcome::Rejected),
        ("Microsoft Teams endpoint returned HTTP error 400", Outcome::Rejected),
        ("the channel's service", RETRY),
        ("HTTP error 200", RETRY),
        ("HTTP error 99999999", RETRY),
    ];
    for (rest, expected) in cases {
        assert_eq!(teams::classify(&answer(200, &hidden(rest))).outcome, expected, "{rest}");
    }
}

#[test]
fn a_webhooks_status_is_all_that_counts() {
    let rejected = [400, 409, 414, 415, 422].map(|status| (status, Outcome::Rejected));
    statuses(|answer| webhook::classify(answer).outcome, &rejected);
    assert_eq!(webhook::classify(&answer(200, "<html>thanks</html>")).outcome, Outcome::Delivered);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    assert_eq!(retry_after("30", 0), Some(Duration::from_secs(30)));
    assert_eq!(retry_after(" 1.5 ", 0), Some(Duration::from_millis(1500)));
    // 2026-11-23T20:00:00Z is 1795464000.
    assert_eq!(retry_after("Mon, 23 Nov 2026 20:00:10 GMT", 1_795_464_000), Some(Duration::from_secs(10)));
    assert_eq!(retry_after("Mon, 23 Nov 2026 19:00:00 GMT", 1_795_464_000), Some(Duration::ZERO));
    // The two obsolete forms, which a recipient has to take as well.
    assert_eq!(retry_after("Monday, 23-Nov-26 20:00:10 GMT", 1_795_464_000), Some(Duration::from_secs(10)));
    assert_eq!(retry_after("Mon Nov 23 20:00:10 2026", 1_795_464_000), Some(Duration::from_secs(10)));
    assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
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
    assert_eq!(answers::webhook(&answer(429, body)).outcome, Outcome::Retry { after: week });
}

#[test]
fn an_error_about_the_proxy_keeps_its_password() {
    let settings = HttpSettings { proxy: Some("http://user:hunter2@ space".into()), ..HttpSettings::default() };
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
            for verdict in [answers::webhook(&answer), answers::api(&answer).1, teams::classify(&answer)] {
                assert!(verdict.detail.starts_with(&format!("HTTP {status}")), "{}", verdict.detail);
                assert!(
                    !["xoxb", "Walnut", "Bo"].iter().any(|word| verdict.detail.contains(word)),
                    "{}",
                    verdict.detail
                );
            }
        }
    }
    assert_eq!(answers::webhook(&answer(400, "invalid_blocks")).detail, "HTTP 400, invalid_blocks");
}
