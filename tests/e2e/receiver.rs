//! A stand-in for Slack and Teams that remembers what it got and can refuse to answer.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    Slack,
    Teams,
}

#[derive(Debug, Clone)]
pub struct Arrival {
    pub channel: Channel,
    pub json: Value,
    pub text: String,
    pub at: Instant,
}

#[derive(Default)]
struct Seen {
    arrivals: Vec<Arrival>,
    held: usize,
}

struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
    slack: watch::Sender<bool>,
    teams: watch::Sender<bool>,
}

pub struct Receiver {
    shared: Arc<Shared>,
    pub address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let answers = || watch::channel(true).0;
        let shared =
            Arc::new(Shared { seen: Mutex::default(), changed: Condvar::new(), slack: answers(), teams: answers() });
        let router =
            Router::new().route("/slack", post(slack)).route("/teams", post(teams)).with_state(Arc::clone(&shared));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, address, _runtime: runtime }
    }

    /// From now on this channel's requests wait for an answer.
    pub fn hold(&self, channel: Channel) {
        self.shared.answers(channel).send_replace(false);
    }

    /// Answers those that wait and all that come.
    pub fn answer(&self, channel: Channel) {
        self.shared.answers(channel).send_replace(true);
    }

    pub fn forget(&self) {
        self.shared.seen().arrivals.clear();
    }

    pub fn arrivals(&self) -> Vec<Arrival> {
        self.shared.seen().arrivals.clone()
    }

    /// The first arrival that fits, waiting for it if need be.
    pub fn wait(&self, patience: Duration, fits: impl Fn(&Arrival) -> bool) -> Arrival {
        let deadline = Instant::now() + patience;
        let mut seen = self.shared.seen();
        loop {
            if let Some(found) = seen.arrivals.iter().find(|arrival| fits(arrival)) {
                return found.clone();
            }
            seen = self.shared.wait(seen, deadline, "no such post arrived");
        }
    }

    /// Until a request waits for its answer.
    pub fn wait_held(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut seen = self.shared.seen();
        while seen.held == 0 {
            seen = self.shared.wait(seen, deadline, "no post is waiting for its answer");
        }
    }
}

impl Shared {
    fn answers(&self, channel: Channel) -> &watch::Sender<bool> {
        match channel {
            Channel::Slack => &self.slack,
            Channel::Teams => &self.teams,
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn wait<'a>(&self, seen: MutexGuard<'a, Seen>, deadline: Instant, what: &str) -> MutexGuard<'a, Seen> {
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "{what}; there were {:#?}", seen.arrivals.iter().map(|a| &a.text).collect::<Vec<_>>());
        self.changed.wait_timeout(seen, left).unwrap().0
    }

    fn arrive(&self, channel: Channel, body: &Bytes, at: Instant) {
        let text = String::from_utf8(body.to_vec()).expect("posts are UTF-8");
        let json = serde_json::from_str(&text).expect("posts are JSON");
        let mut seen = self.seen();
        seen.arrivals.push(Arrival { channel, json, text, at });
        self.changed.notify_all();
    }
}

/// Counts down even where the client goes away while it waits.
struct Held(Arc<Shared>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.seen().held -= 1;
    }
}

async fn slack(State(shared): State<Arc<Shared>>, body: Bytes) -> &'static str {
    take(&shared, Channel::Slack, &body).await;
    "ok"
}

async fn teams(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    take(&shared, Channel::Teams, &body).await;
    StatusCode::ACCEPTED
}

/// A request arrives when it is about to be answered: at once, or when its channel is held no more.
async fn take(shared: &Arc<Shared>, channel: Channel, body: &Bytes) {
    let at = Instant::now();
    let mut answers = shared.answers(channel).subscribe();
    if !*answers.borrow() {
        shared.seen().held += 1;
        shared.changed.notify_all();
        let _held = Held(Arc::clone(shared));
        answers.wait_for(|answers| *answers).await.expect("the receiver outlives its requests");
    }
    shared.arrive(channel, body, at);
}
