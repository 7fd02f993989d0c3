//! What asks and tells the running service: its state, pauses, a reload, what became of a record.
//!
//! An address of its own, on the loopback interface unless the config gives it a token: whoever scrapes metrics must not
//! be able to pause a destination. Browsers are refused, so that no page that somebody looks at on the same machine can
//! reach it, be it by a name that it makes lead here.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// Where it is when the config does not say.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

/// How long an answer may take: a reload waits for its turn between two batches of records.
const PATIENCE: Duration = Duration::from_secs(15);

/// `http.admin` and its token.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// What whoever asks has to show.
    pub token: Option<SecretString>,
    /// The config names the address: then it must be free.
    pub chosen: bool,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self { listen: DEFAULT_LISTEN, token: None, chosen: false }
    }
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// There is no such thing.
    NotFound(String),
    /// Not as things are.
    Conflict(String),
}

/// What comes back.
pub type Asked = Result<Value, Refused>;

/// What somebody wants of the running service, and where the answer goes.
#[derive(Debug)]
pub enum Ask {
    /// Start no post to a destination, or go on.
    Pause {
        /// Its name.
        destination: String,
        /// Or go on.
        paused: bool,
        /// Answer.
        reply: oneshot::Sender<Asked>,
    },
    /// What became of a record.
    Record {
        /// Topic name.
        topic: String,
        /// Partition number.
        partition: i32,
        /// Offset.
        offset: i64,
        /// Answer.
        reply: oneshot::Sender<Asked>,
    },
    /// Read the config again.
    Reload {
        /// Answer.
        reply: oneshot::Sender<Asked>,
    },
}

/// Says what the service is doing.
pub type StatusProvider = Arc<dyn Fn() -> Value + Send + Sync>;

#[derive(Clone)]
struct Shared {
    status: StatusProvider,
    asks: UnboundedSender<Ask>,
    token: Option<SecretString>,
}

/// The routes. What is asked goes to `asks`.
pub fn admin(settings: &AdminSettings, status: StatusProvider, asks: UnboundedSender<Ask>) -> Router {
    let shared = Shared { status, asks, token: settings.token.clone() };
    Router::new()
        .route("/status", get(|State(shared): State<Shared>| async move { Json((shared.status)()) }))
        .route("/destinations/{name}/pause", post(pause))
        .route("/destinations/{name}/resume", post(resume))
        .route("/records/{topic}/{partition}/{offset}", get(record))
        .route("/reload", post(reload))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match may_ask(request.headers(), shared.token.as_ref()) {
        Ok(()) => next.run(request).await,
        Err((status, why)) => (status, Json(json!({"error": why}))).into_response(),
    }
}

fn may_ask(headers: &HeaderMap, token: Option<&SecretString>) -> Result<(), (StatusCode, &'static str)> {
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return Err((StatusCode::FORBIDDEN, "this is not for browsers"));
    }
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    match token {
        Some(token) => {
            let shown = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
            // Hashes, so that the time it takes says nothing of how much of it was right.
            let same = Sha256::digest(shown) == Sha256::digest(token.expose_secret());
            if same { Ok(()) } else { Err((StatusCode::UNAUTHORIZED, "the token of http.admin_token is needed")) }
        }
        // A name that leads here although it is somebody else's gives itself away.
        None if text(header::HOST).is_some_and(is_loopback) => Ok(()),
        None => Err((StatusCode::FORBIDDEN, "without a token, only an address of the loopback interface is served")),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.parse::<SocketAddr>() {
        Ok(address) => return address.ip().is_loopback(),
        Err(_) => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn pause(state: State<Shared>, Path(destination): Path<String>) -> Response {
    ask(&state, |reply| Ask::Pause { destination, paused: true, reply }).await
}

async fn resume(state: State<Shared>, Path(destination): Path<String>) -> Response {
    ask(&state, |reply| Ask::Pause { destination, paused: false, reply }).await
}

async fn record(state: State<Shared>, Path((topic, partition, offset)): Path<(String, i32, i64)>) -> Response {
    ask(&state, |reply| Ask::Record { topic, partition, offset, reply }).await
}

async fn reload(state: State<Shared>) -> Response {
    ask(&state, |reply| Ask::Reload { reply }).await
}

async fn ask(shared: &Shared, ask: impl FnOnce(oneshot::Sender<Asked>) -> Ask) -> Response {
    let (reply, answer) = oneshot::channel();
    let sent = shared.asks.send(ask(reply)).is_ok();
    let (status, body) = match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(Ok(value))) if sent => (StatusCode::OK, value),
        Ok(Ok(Err(Refused::NotFound(why)))) => (StatusCode::NOT_FOUND, json!({"error": why})),
        Ok(Ok(Err(Refused::Conflict(why)))) => (StatusCode::CONFLICT, json!({"error": why})),
        Ok(_) => (StatusCode::SERVICE_UNAVAILABLE, json!({"error": "the service is stopping"})),
        Err(_) => {
            let why = "the service does not answer yet; hint: it may still be waiting for Kafka, see its log and `rowbell status`";
            (StatusCode::SERVICE_UNAVAILABLE, json!({"error": why}))
        }
    };
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_who_is_on_this_machine_may_ask_without_a_token_and_no_page() {
        for host in ["127.0.0.1:8081", "localhost:8081", "[::1]:8081", "127.0.0.1", "localhost"] {
            assert_eq!(may_ask(&headers(&[("host", host)]), None), Ok(()), "{host}");
        }
        for all in [
            &[][..],
            &[("host", "rebound.example:8081")],
            &[("host", "10.1.2.3:8081")],
            &[("host", "127.0.0.1.example:8081")],
            &[("host", "127.0.0.1:8081"), ("origin", "https://page.example")],
            &[("host", "127.0.0.1:8081"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(may_ask(&headers(all), None).is_err(), "{all:?}");
        }
    }

    #[test]
    fn with_a_token_it_is_the_token_that_counts() {
        let token = SecretString::from("open sesame");
        let from = |authorization| headers(&[("host", "rowbell.example"), ("authorization", authorization)]);
        assert_eq!(may_ask(&from("Bearer open sesame"), Some(&token)), Ok(()));
        for wrong in ["Bearer open", "Bearer ", "open sesame", "Basic b3Blbg=="] {
            assert!(may_ask(&from(wrong), Some(&token)).is_err(), "{wrong}");
        }
        assert!(may_ask(&headers(&[("host", "127.0.0.1:8081")]), Some(&token)).is_err());
    }
}
