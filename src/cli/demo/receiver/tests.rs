use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;

fn fast() -> Options {
    Options { latency: Duration::ZERO, ..Options::default() }
}

/// The stand-in on a port of its own, and its buckets' clock, which stands still.
struct Served {
    receiver: Arc<Receiver>,
    clock_ms: Arc<AtomicU64>,
    base: String,
    client: reqwest::Client,
}

async fn serve(options: Options) -> Served {
    let clock_ms = Arc::new(AtomicU64::new(0));
    let held = Arc::clone(&clock_ms);
    let time = Time(Arc::new(move || Duration::from_millis(held.load(Ordering::Relaxed))));
    let receiver = Receiver::with_time(options, time);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, receiver.router()).into_future());
    Served { receiver, clock_ms, base, client: reqwest::Client::builder().no_proxy().build().unwrap() }
}

impl Served {
    fn advance(&self, time: Duration) {
        self.clock_ms.fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }

    async fn post(&self, path: &str, body: impl ToString) -> (u16, Option<String>, String) {
        let request = self.client.post(format!("{}{path}", self.base)).body(body.to_string());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (status, retry_after, response.text().await.unwrap())
    }
}

fn card(body: Value) -> Value {
    let content = json!({"type": "AdaptiveCard", "version": "1.4", "body": body});
    let attachment =
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": content});
    json!({"type": "message", "attachments": [attachment]})
}

const SLACK: &str = "/slack/services/DEMO/ops";
const TEAMS: &str = "/teams/workflows/floor";

#[tokio::test]
async fn slack_says_ok_and_teams_says_nothing() {
    let served = serve(fast()).await;
    assert_eq!(served.post(SLACK, json!({"text": "hello"})).await, (200, None, "ok".into()));
    let hello = card(json!([{"type": "TextBlock", "text": "hello"}]));
    assert_eq!(served.post(TEAMS, hello).await, (202, None, String::new()));
}

#[tokio::test]
async fn an_empty_bucket_answers_429_with_the_wait_for_its_channel_only() {
    let served = serve(fast()).await;
    for _ in 0..3 {
        assert_eq!(served.post(SLACK, json!({"text": "x"})).await.0, 200);
    }
    let (status, retry_after, body) = served.post(SLACK, json!({"text": "x"})).await;
    assert_eq!((status, retry_after.as_deref()), (429, Some("1")));
    assert_eq!(body, r#"{"retry_after":1,"ok":false,"error":"rate_limited"}"#);
    assert_eq!(served.post("/slack/services/DEMO/desk", json!({"text": "x"})).await.0, 200);
}

#[tokio::test]
async fn teams_takes_25_and_then_asks_for_patience() {
    let served = serve(fast()).await;
    let hello = card(json!([{"type": "TextBlock", "text": "hello"}]));
    for _ in 0..25 {
        assert_eq!(served.post(TEAMS, &hello).await.0, 202);
    }
    let (status, retry_after, body) = served.post(TEAMS, &hello).await;
    assert_eq!((status, retry_after.as_deref()), (429, Some("12")));
    assert!(body.contains("TooManyRequests"));
    served.advance(Duration::from_millis(11_001));
    assert_eq!(served.post(TEAMS, &hello).await.1.as_deref(), Some("1"), "a wait is rounded up");
    served.advance(Duration::from_millis(999));
    assert_eq!(served.post(TEAMS, &hello).await.0, 202);
    assert_eq!(served.post(TEAMS, &hello).await.0, 429, "one token in 12 s");
}

#[tokio::test]
async fn a_service_that_is_down_answers_503_until_it_is_back() {
    let served = serve(fast()).await;
    served.receiver.set_mode(Service::Slack, Mode::Down);
    assert_eq!(served.post(SLACK, json!({"text": "x"})).await.0, 503);
    assert_eq!(served.post(TEAMS, card(json!([{"type": "TextBlock", "text": "x"}]))).await.0, 202);
    served.receiver.set_mode(Service::Slack, Mode::Ok);
    assert_eq!(served.post(SLACK, json!({"text": "x"})).await.0, 200);
    served.receiver.set_mode(Service::Slack, Mode::RateLimited);
    assert_eq!(served.post(SLACK, json!({"text": "x"})).await.0, 200);
    assert_eq!(served.post(SLACK, json!({"text": "x"})).await.1.as_deref(), Some("5"));
    served.advance(RATE_LIMITED_PERIOD);
    assert_eq!(served.post(SLACK, json!({"text": "x"})).await.0, 200);
}

#[tokio::test]
async fn a_follower_sees_the_history_then_what_comes_refused_or_not_until_the_end() {
    let served = serve(fast()).await;
    served.post(SLACK, json!({"text": "first"})).await;
    let mut follower = served.receiver.follow();
    served.post(SLACK, json!({"text": ""})).await;
    let first = follower.next().await.unwrap();
    assert_eq!((first.seq, first.status, first.text.as_str()), (1, 200, "first"));
    assert!(first.accepted());
    let second = follower.next().await.unwrap();
    assert_eq!((second.seq, second.status, second.answer.as_str()), (2, 400, "no_text"));
    served.receiver.close();
    assert!(follower.next().await.is_none());
}

#[tokio::test]
async fn a_follower_that_falls_behind_goes_on_with_what_the_history_kept() {
    let receiver = Receiver::new(fast());
    let mut follower = receiver.follow();
    for _ in 0..3 * HISTORY_MAX {
        receiver.record(Service::Slack, "ops".into(), Answer::new(StatusCode::OK, "ok"), json!({"text": "x"}));
    }
    let mut seen = Vec::new();
    for _ in 0..HISTORY_MAX {
        seen.push(follower.next().await.unwrap().seq);
    }
    let last = 3 * HISTORY_MAX as u64;
    assert_eq!(seen, (last - HISTORY_MAX as u64 + 1..=last).collect::<Vec<_>>());
}

#[tokio::test]
async fn bodies_that_are_no_message_are_refused_with_the_services_words() {
    let served = serve(Options { slack: Pace { period: Duration::ZERO, burst: NonZeroU32::MIN }, ..fast() }).await;
    assert_eq!(served.post(SLACK, "{").await, (400, None, "invalid_payload".into()));
    assert_eq!(served.post(SLACK, "{}").await, (400, None, "no_text".into()));
    let too_long = json!({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x".repeat(151)}}]});
    assert_eq!(served.post(SLACK, too_long).await, (400, None, "invalid_blocks".into()));
    let (status, _, body) = served.post(TEAMS, json!({"text": "hello"})).await;
    assert_eq!(status, 400);
    assert!(body.starts_with(r#"{"error":{"code":"TriggerInputSchemaMismatch","#), "{body}");
    let large = card(json!([{"type": "TextBlock", "text": "x".repeat(30_000)}]));
    assert_eq!(served.post(TEAMS, large).await.0, 413);
}

fn why(block: Value) -> String {
    blocks::check(&json!({"blocks": [block]})).unwrap_err().why
}

#[test]
fn blocks_are_held_to_the_documented_limits() {
    let text = |length: usize| json!({"type": "mrkdwn", "text": "x".repeat(length)});
    assert!(blocks::check(&json!({"blocks": [{"type": "section", "text": text(3000)}]})).is_ok());
    assert!(why(json!({"type": "section", "text": text(3001)})).contains("3001, at most 3000"));
    assert!(why(json!({"type": "section", "fields": vec![text(1); 11]})).contains("11, at most 10"));
    assert!(why(json!({"type": "section", "fields": [text(2001)]})).contains("at most 2000"));
    assert!(why(json!({"type": "header", "text": text(5)})).contains("mrkdwn"));
    assert!(why(json!({"type": "blink"})).contains("unknown block type"));
    assert!(why(json!({"type": "section", "text": text(0)})).contains("empty"));
    let button = |url: String| json!({"type": "button", "text": {"type": "plain_text", "text": "Go"}, "url": url});
    assert!(why(json!({"type": "actions", "elements": [button("u".repeat(3001))]})).contains("button url"));
    assert!(why(json!({"type": "context", "elements": vec![text(1); 11]})).contains("at most 10"));
    let many = json!({"blocks": vec![json!({"type": "divider"}); 51]});
    assert!(blocks::check(&many).unwrap_err().why.contains("51 blocks"));
    // A character outside the basic plane counts twice.
    let emoji = json!({"type": "header", "text": {"type": "plain_text", "text": "😀".repeat(76)}});
    assert!(why(emoji).contains("152"));
}

#[test]
fn rich_text_and_attachments_are_looked_into() {
    let section =
        |run: Value| json!({"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [run]}]});
    assert!(why(section(json!({"type": "text", "text": ""}))).contains("empty"));
    assert!(why(section(json!({"type": "broadcast", "range": "all"}))).contains("range"));
    assert!(why(section(json!({"type": "text", "text": "x", "style": {"bold": "yes"}}))).contains("booleans"));
    let good = section(json!({"type": "text", "text": "x", "style": {"strike": true}}));
    assert_eq!(blocks::check(&json!({"attachments": [{"color": "#f00", "blocks": [good]}]})), Ok(()));
    let bad = json!({"attachments": [{"blocks": [{"type": "header"}]}]});
    assert_eq!(blocks::check(&bad).unwrap_err().code, "invalid_blocks");
    assert_eq!(
        blocks::check(&json!({"attachments": [{}]})).unwrap_err().code,
        "missing_text_or_fallback_or_attachments"
    );
}

#[test]
fn teams_accepts_cards_that_it_then_does_not_show() {
    let problem = |body: Value| card::check(&card(body)).unwrap();
    assert_eq!(problem(json!([{"type": "TextBlock", "text": "x"}])), None);
    assert!(problem(json!([])).unwrap().contains("no body"));
    assert!(problem(json!([{"type": "Blink"}])).unwrap().contains("Blink"));
    let submit =
        json!([{"type": "Container", "items": [{"type": "ActionSet", "actions": [{"type": "Action.Submit"}]}]}]);
    assert!(problem(submit).unwrap().contains("Action.Submit"));
}
