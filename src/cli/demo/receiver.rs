//! Stands in for Slack and Teams: takes posts as they do, refuses what they refuse, and keeps what arrived.
//!
//! - Slack incoming webhooks: `POST /slack/services/DEMO/{channel}`
//! - Teams Workflows: `POST /teams/workflows/{name}`
//!
//! The point is to be no kinder than the services: a channel's token bucket really runs empty and answers 429, and a
//! payload beyond the documented limits is refused with the service's own words. What a service would accept and then
//! fail to show (Teams does that) is accepted here too, with [`Arrival::problem`] saying so.

mod answer;
mod blocks;
mod card;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use crate::cli::text;
pub use crate::cli::text::Service;
use answer::Answer;

/// Arrivals kept for a page that connects later.
const HISTORY_MAX: usize = 200;
/// Larger bodies get 413. Slack documents no limit; Rowbell's own messages stay far below this.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Token buckets kept before full ones are forgotten.
const CHANNELS_MAX: usize = 64;
/// While a service is set to [`Mode::RateLimited`], it takes one post in this time.
const RATE_LIMITED_PERIOD: Duration = Duration::from_secs(5);

/// How a service behaves at the moment; the page's buttons change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Works, within its usual limits.
    #[default]
    Ok,
    /// Answers 503 to everything.
    Down,
    /// Takes one post in five seconds and answers 429 to the others.
    RateLimited,
}

/// The mode of each service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Modes {
    /// Slack's.
    pub slack: Mode,
    /// Teams'.
    pub teams: Mode,
}

impl Modes {
    fn of(self, service: Service) -> Mode {
        match service {
            Service::Slack => self.slack,
            Service::Teams => self.teams,
        }
    }
}

/// A token bucket: `burst` tokens, one more every `period`.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time for one token. Zero means no limit.
    pub period: Duration,
    /// Tokens of a full bucket.
    pub burst: NonZeroU32,
}

impl Pace {
    fn limiter(self, time: &Time) -> Option<Limiter> {
        let quota = Quota::with_period(self.period)?.allow_burst(self.burst);
        Some(RateLimiter::new(quota, DefaultKeyedStateStore::default(), time.clone()))
    }
}

/// What the buckets go by: a monotonic clock, which a test holds.
#[derive(Clone)]
struct Time(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Time {
    /// The machine's.
    fn real() -> Self {
        let began = Instant::now();
        Time(Arc::new(move || began.elapsed()))
    }
}

impl Clock for Time {
    type Instant = Duration;

    fn now(&self) -> Duration {
        (self.0)()
    }
}

/// Token buckets by channel.
type Limiter = RateLimiter<String, DefaultKeyedStateStore<String>, Time, NoOpMiddleware<Duration>>;

/// What the services allow, and how long they take to answer.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Slack's limit for each channel. Documented: 1 a second, "short bursts" allowed.
    pub slack: Pace,
    /// Teams' limit for each workflow. Documented: 25 in 300 s for the Flow bot.
    pub teams: Pace,
    /// Time before each answer; without any, a post is never seen in flight.
    pub latency: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            // A bucket of 1 would refuse a sender that paces at exactly 1/s for a millisecond of jitter.
            slack: Pace { period: Duration::from_secs(1), burst: NonZeroU32::MIN.saturating_add(2) },
            teams: Pace { period: Duration::from_secs(12), burst: NonZeroU32::MIN.saturating_add(24) },
            latency: Duration::from_millis(60),
        }
    }
}

/// One request as it came in, accepted or refused.
#[derive(Debug, Clone, Serialize)]
pub struct Arrival {
    /// Counts from 1 in the order of arrival, over both services.
    pub seq: u64,
    /// Wall clock, milliseconds since 1970.
    pub at_ms: i64,
    /// The service that was addressed.
    pub service: Service,
    /// Slack's channel or the workflow's name, from the URL.
    pub channel: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The answer's body, or for an empty one nothing.
    pub answer: String,
    /// Seconds that the sender was told to wait, with a 429.
    pub retry_after_s: Option<u64>,
    /// Why it was refused in detail, or what the service would fail to show although it accepted it.
    pub problem: Option<String>,
    /// The JSON as received; null where it was none.
    pub payload: Value,
    /// The payload as plain text, see [`text`].
    pub text: String,
}

impl Arrival {
    /// Whether the service took the post.
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

struct History {
    last_seq: u64,
    arrivals: VecDeque<Arc<Arrival>>,
    /// None once closed, which ends every [`Follower`].
    live: Option<broadcast::Sender<Arc<Arrival>>>,
}

/// The stand-in for both services.
pub struct Receiver {
    latency: Duration,
    slack: Option<Limiter>,
    teams: Option<Limiter>,
    slowed: Option<Limiter>,
    time: Time,
    modes: watch::Sender<Modes>,
    history: Mutex<History>,
}

impl Receiver {
    /// A receiver with an empty history and both services well.
    pub fn new(options: Options) -> Arc<Self> {
        Self::with_time(options, Time::real())
    }

    fn with_time(options: Options, time: Time) -> Arc<Self> {
        Arc::new(Receiver {
            latency: options.latency,
            slack: options.slack.limiter(&time),
            teams: options.teams.limiter(&time),
            slowed: Pace { period: RATE_LIMITED_PERIOD, burst: NonZeroU32::MIN }.limiter(&time),
            time,
            modes: watch::Sender::new(Modes::default()),
            history: Mutex::new(History {
                last_seq: 0,
                arrivals: VecDeque::new(),
                live: Some(broadcast::Sender::new(HISTORY_MAX)),
            }),
        })
    }

    /// The two endpoints. Merge it with the page's router, or serve it alone.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/slack/services/DEMO/{channel}", post(slack))
            .route("/teams/workflows/{name}", post(teams))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::clone(self))
    }

    /// Everything in the history, then everything as it arrives, without a gap.
    pub fn follow(self: &Arc<Self>) -> Follower {
        let history = self.lock();
        Follower {
            receiver: Arc::clone(self),
            backlog: history.arrivals.clone(),
            live: history.live.as_ref().map(broadcast::Sender::subscribe),
            last_seq: 0,
        }
    }

    /// Makes a service fail, slow down or work again.
    pub fn set_mode(&self, service: Service, mode: Mode) {
        self.modes.send_modify(|modes| match service {
            Service::Slack => modes.slack = mode,
            Service::Teams => modes.teams = mode,
        });
    }

    /// How the services behave now, and each change of it.
    pub fn modes(&self) -> watch::Receiver<Modes> {
        self.modes.subscribe()
    }

    /// Ends every [`Follower`], and with them the page's streams, so that a server can stop.
    pub fn close(&self) {
        self.lock().live = None;
    }

    async fn receive(&self, service: Service, channel: String, body: &[u8]) -> Response {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let payload: Option<Value> = serde_json::from_slice(body).ok();
        let answer = self.judge(service, &channel, body.len(), payload.as_ref());
        let response = answer.response(service);
        self.record(service, channel, answer, payload.unwrap_or(Value::Null));
        response
    }

    fn judge(&self, service: Service, channel: &str, body_bytes: usize, payload: Option<&Value>) -> Answer {
        let mode = self.modes.borrow().of(service);
        if mode == Mode::Down {
            return Answer::new(StatusCode::SERVICE_UNAVAILABLE, "");
        }
        if let Some(wait_s) = self.wait_s(service, mode, channel) {
            return Answer::too_many(service, wait_s);
        }
        match service {
            Service::Slack => Answer::of_slack(payload),
            Service::Teams => Answer::of_teams(body_bytes, payload),
        }
    }

    /// Takes a token of the channel's bucket, or says how many seconds until there is one.
    fn wait_s(&self, service: Service, mode: Mode, channel: &str) -> Option<u64> {
        let (limiter, key) = match (mode, service) {
            (Mode::RateLimited, Service::Slack) => (&self.slowed, format!("slack/{channel}")),
            (Mode::RateLimited, Service::Teams) => (&self.slowed, format!("teams/{channel}")),
            (_, Service::Slack) => (&self.slack, channel.to_owned()),
            (_, Service::Teams) => (&self.teams, channel.to_owned()),
        };
        let limiter = limiter.as_ref()?;
        if limiter.len() > CHANNELS_MAX {
            limiter.retain_recent();
        }
        let not_until = limiter.check_key(&key).err()?;
        let wait = not_until.wait_time_from(self.time.now());
        Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    fn record(&self, service: Service, channel: String, answer: Answer, payload: Value) {
        let text = text::render(service, &payload, text::Style::Plain);
        let mut history = self.lock();
        history.last_seq += 1;
        let arrival = Arc::new(Arrival {
            seq: history.last_seq,
            at_ms: now_ms(),
            service,
            channel,
            status: answer.status.as_u16(),
            answer: answer.body,
            retry_after_s: answer.retry_after_s,
            problem: answer.problem,
            payload,
            text,
        });
        if history.arrivals.len() == HISTORY_MAX {
            history.arrivals.pop_front();
        }
        history.arrivals.push_back(Arc::clone(&arrival));
        if let Some(live) = &history.live {
            // An error only says that nobody listens.
            let _ = live.send(arrival);
        }
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        // Nothing panics while holding the lock; should it ever, the history is still whole.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the arrivals in order. One that falls behind catches up from the history.
pub struct Follower {
    receiver: Arc<Receiver>,
    backlog: VecDeque<Arc<Arrival>>,
    live: Option<broadcast::Receiver<Arc<Arrival>>>,
    last_seq: u64,
}

impl Follower {
    /// The next arrival; `None` once the receiver is closed. Safe to cancel.
    pub async fn next(&mut self) -> Option<Arc<Arrival>> {
        loop {
            while let Some(arrival) = self.backlog.pop_front() {
                if arrival.seq > self.last_seq {
                    self.last_seq = arrival.seq;
                    return Some(arrival);
                }
            }
            match self.live.as_mut()?.recv().await {
                Ok(arrival) => self.backlog.push_back(arrival),
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.backlog = self.receiver.lock().arrivals.clone();
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

async fn slack(State(receiver): State<Arc<Receiver>>, Path(channel): Path<String>, body: Bytes) -> Response {
    receiver.receive(Service::Slack, channel, &body).await
}

async fn teams(State(receiver): State<Arc<Receiver>>, Path(name): Path<String>, body: Bytes) -> Response {
    receiver.receive(Service::Teams, name, &body).await
}

/// The wall clock in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
