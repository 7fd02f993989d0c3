//! The demo's page: what arrives at the stand-ins, how the lanes stand, and buttons to make trouble.
//!
//! - `GET /` the page, `GET /demo/...` its parts
//! - `GET /demo/stream` Server-Sent Events: `hello` once, then `post` (an [`Arrival`]; the history first), `status`
//!   (a [`Status`] with `now_ms`) and `modes` (how the stand-ins behave) as they change
//! - `POST /demo/fault` `{"destination":"slack","mode":"down"}`
//! - `POST /demo/change` `{"what":"price"}`
//!
//! Both POSTs take JSON with its content type only, which a foreign web page cannot send without being asked first.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::receiver::{Arrival, Follower, Mode, Modes, Receiver, Service, now_ms};

/// How often the status is looked at; it is sent when it differs from the last one.
const STATUS_PERIOD: Duration = Duration::from_millis(200);

/// Everything comes from this server, and nothing inline runs: should row data ever become markup, it stays inert.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's parts: path, content type, text.
const PARTS: [(&str, &str, &str); 7] = [
    ("/", "text/html; charset=utf-8", include_str!("page/page.html")),
    ("/demo/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/demo/messages.css", "text/css; charset=utf-8", include_str!("page/messages.css")),
    ("/demo/page.js", JAVASCRIPT, include_str!("page/page.js")),
    ("/demo/dom.js", JAVASCRIPT, include_str!("page/dom.js")),
    ("/demo/slack.js", JAVASCRIPT, include_str!("page/slack.js")),
    ("/demo/teams.js", JAVASCRIPT, include_str!("page/teams.js")),
];
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// How the pipeline stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// One for each destination, in the config's order.
    pub lanes: Vec<LaneStatus>,
    /// One for each assigned partition.
    pub partitions: Vec<PartitionStatus>,
}

/// How one lane stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// The destination's name in the config.
    pub destination: String,
    /// `slack`, `teams` or `webhook`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Notices not yet posted, without those in flight.
    pub pending: PendingStatus,
    /// Posts on the wire.
    pub in_flight: u64,
    /// Why nothing is posted at the moment although something is pending.
    pub waiting: Option<WaitingStatus>,
    /// Posts accepted since the start.
    pub delivered: u64,
    /// Attempts after the first since the start.
    pub retried: u64,
}

/// Pending notices by priority.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingStatus {
    /// First in line.
    pub critical: u64,
    /// The default.
    pub normal: u64,
    /// Last in line.
    pub low: u64,
}

/// What a lane waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingStatus {
    /// The metric's word: `rate`, `retry_after`, `backoff`, `breaker` or `commit`.
    pub reason: String,
    /// When it goes on, milliseconds since 1970; `None` where no time is set (waiting for a commit).
    pub until_ms: Option<i64>,
}

/// How far one partition is read and committed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// The topic.
    pub topic: String,
    /// The partition of the topic.
    pub partition: i32,
    /// The next offset to read.
    pub position: i64,
    /// The committed offset, `None` before the first commit.
    pub committed: Option<i64>,
    /// Destinations that owe a post below `position`, so that the commit waits for them. Left empty by a provider that
    /// does not know; the page then concludes from the lanes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
}

/// What a button asks the generator to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Change one price.
    Price,
    /// Sell one piece.
    Stock,
    /// Sell the last piece, which the demo's config calls critical.
    Critical,
    /// Change many prices at once, so that a lane gets a backlog.
    Burst,
}

/// Where the page gets the lanes' state from.
pub type StatusProvider = Arc<dyn Fn() -> Status + Send + Sync>;

#[derive(Clone)]
struct Page {
    receiver: Arc<Receiver>,
    status: StatusProvider,
    asks: mpsc::Sender<Ask>,
    started_ms: i64,
}

/// The page and its stream. The receiver's own routes are in [`Receiver::router`]; the two may share a server.
pub fn router(receiver: Arc<Receiver>, status: StatusProvider, asks: mpsc::Sender<Ask>) -> Router {
    let mut router = Router::new();
    for (path, content_type, text) in PARTS {
        router = router.route(path, get(move || async move { part(content_type, text) }));
    }
    router
        .route("/demo/stream", get(stream))
        .route("/demo/fault", post(fault))
        .route("/demo/change", post(change))
        .with_state(Page { receiver, status, asks, started_ms: now_ms() })
}

fn part(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The page of an older build must not meet a newer server.
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text)
}

#[derive(Deserialize)]
struct FaultRequest {
    destination: Service,
    mode: Mode,
}

async fn fault(State(page): State<Page>, Json(request): Json<FaultRequest>) -> StatusCode {
    page.receiver.set_mode(request.destination, request.mode);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct ChangeRequest {
    what: Ask,
}

async fn change(State(page): State<Page>, Json(request): Json<ChangeRequest>) -> Response {
    match page.asks.try_send(request.what) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(mpsc::error::TrySendError::Full(_)) => {
            (StatusCode::TOO_MANY_REQUESTS, "the generator has not yet done what was asked before").into_response()
        }
        Err(mpsc::error::TrySendError::Closed(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the generator has stopped").into_response()
        }
    }
}

async fn stream(State(page): State<Page>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = futures_util::stream::unfold(Feed::new(page), |mut feed| async move {
        let event = feed.next().await?;
        Some((Ok(event), feed))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

/// One page's stream. Ends when the receiver is closed.
struct Feed {
    page: Page,
    arrivals: Follower,
    modes: watch::Receiver<Modes>,
    ticks: Interval,
    last_status: Option<Status>,
    greeted: bool,
}

impl Feed {
    fn new(page: Page) -> Self {
        let mut modes = page.receiver.modes();
        modes.mark_changed();
        let mut ticks = tokio::time::interval(STATUS_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Feed { arrivals: page.receiver.follow(), page, modes, ticks, last_status: None, greeted: false }
    }

    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            // A page that was open before a restart empties itself when this differs.
            return event("hello", &serde_json::json!({"started_ms": self.page.started_ms}));
        }
        loop {
            tokio::select! {
                biased;
                changed = self.modes.changed() => {
                    changed.ok()?;
                    let modes = *self.modes.borrow_and_update();
                    return event("modes", &modes);
                }
                arrival = self.arrivals.next() => return event::<Arrival>("post", arrival?.as_ref()),
                _ = self.ticks.tick() => {
                    let status = (self.page.status)();
                    if self.last_status.as_ref() != Some(&status) {
                        let event = event("status", &Stamped { now_ms: now_ms(), status: &status });
                        self.last_status = Some(status);
                        return event;
                    }
                }
            }
        }
    }
}

/// A status with the server's clock, from which the page counts down.
#[derive(Serialize)]
struct Stamped<'a> {
    now_ms: i64,
    #[serde(flatten)]
    status: &'a Status,
}

/// An event with JSON data. `None` (the stream ends, the page connects again) cannot happen with these types.
fn event<T: Serialize>(name: &str, data: &T) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}

#[cfg(test)]
mod tests;
