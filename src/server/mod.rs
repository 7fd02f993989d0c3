//! HTTP server: metrics and health; and, on an address of its own, what asks and tells the running service.

mod admin;
mod connections;

pub use admin::{AdminSettings, Ask, Asked, Refused, StatusProvider, admin};
pub use connections::serve;

use crate::telemetry::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What `/readyz` looks at.
#[derive(Debug, Default)]
pub struct Health {
    connected: AtomicBool,
    joined: AtomicBool,
    stopping: AtomicBool,
    /// A schema is needed, and its registry does not answer.
    registry_down: AtomicBool,
}

impl Health {
    /// Brokers answer, or not.
    pub fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
    }

    /// The group gave us our share of the partitions, be it none.
    pub fn set_joined(&self) {
        self.joined.store(true, Ordering::Relaxed);
    }

    /// The schema registry answers what it is asked, or not.
    pub fn set_registry(&self, answers: bool) {
        self.registry_down.store(!answers, Ordering::Relaxed);
    }

    /// The service drains and ends.
    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// `Ok` when ready, else what is missing.
    pub fn ready(&self) -> Result<(), &'static str> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("stopping");
        }
        if !self.connected.load(Ordering::Relaxed) {
            return Err("no connection to Kafka yet");
        }
        if !self.joined.load(Ordering::Relaxed) {
            return Err("waiting for the consumer group's assignment");
        }
        if self.registry_down.load(Ordering::Relaxed) {
            return Err("the schema registry does not answer");
        }
        Ok(())
    }
}

#[derive(Clone)]
struct Shared {
    metrics: Metrics,
    health: Arc<Health>,
}

/// The routes `/metrics`, `/livez` and `/readyz`.
pub fn router(metrics: Metrics, health: Arc<Health>) -> Router {
    Router::new()
        .route("/metrics", get(metrics_text))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(Shared { metrics, health })
}

async fn metrics_text(State(shared): State<Shared>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shared.metrics.render())
}

async fn ready(State(shared): State<Shared>) -> impl IntoResponse {
    match shared.health.ready() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// The address is taken, or not ours.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {error}\nhint: is another Rowbell running? set {key} to a free address:port")]
pub struct ListenError {
    address: SocketAddr,
    key: &'static str,
    error: std::io::Error,
}

/// Takes the address, which `key` of the config says; serving begins with [`serve`].
pub async fn listen(address: SocketAddr, key: &'static str) -> Result<tokio::net::TcpListener, ListenError> {
    tokio::net::TcpListener::bind(address).await.map_err(|error| ListenError { address, key, error })
}
