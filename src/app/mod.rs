//! Assembles the service from its rooms. [`run`] reads like the diagram in ARCHITECTURE.md.

mod engine;
mod handover;
mod intake;
mod judge;
mod reload;
mod render;
mod reread;
mod schemas;
mod status;

pub use engine::{Payload, pacing};
pub use handover::row_key;
pub use judge::{Judge, Plan, Ruling, Verdict};
pub use reload::ConfigSource;
pub use render::{Renderer, Subject, is_loud, row};
pub use status::{Lane, PartitionState, Status};

use crate::config::Config;
use crate::destination::{Http, HttpError};
use crate::kafka::{Budget, DeadLetterError, DeadLetters, Poller};
use crate::registry::{Registry, RegistryError};
use crate::server::{self, Ask, Health, ListenError, StatusProvider};
use crate::telemetry::Metrics;
use axum::Router;
use engine::{Ended, Engine};
use intake::Intake;
use judge::Lessons;
use reload::{ConfigState, Reloader};
use reread::Rereader;
use schemas::Wanted;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long to wait before asking an unreachable Kafka about the dead-letter topic again.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// The service cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// `http.listen`
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// `outgoing`
    #[error(transparent)]
    Http(#[from] HttpError),
    /// `dead_letter`
    #[error(transparent)]
    DeadLetters(#[from] DeadLetterError),
    /// `kafka.properties`
    #[error(
        "the Kafka consumer cannot be made: {0}\nhint: look at kafka.properties; TLS and SASL need a build with the feature tls"
    )]
    Consumer(rdkafka::error::KafkaError),
    /// `schema_registry`
    #[error("{0}\nhint: look at schema_registry in the config")]
    Registry(#[from] RegistryError),
    /// A thread
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// Metrics clash: a bug.
    #[error("metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    /// What the poller said last.
    #[error("{0}")]
    Failed(String),
}

/// What a caller may add to the service.
#[derive(Default)]
pub struct Extras {
    /// Further routes on the same port.
    pub routes: Option<Router>,
    /// Where the service says what it is doing.
    pub status: Option<watch::Sender<Status>>,
    /// The broker is inside this process: nothing to verify.
    pub embedded_broker: bool,
    /// Where the config came from: it is read again from there when it changes.
    pub source: Option<ConfigSource>,
}

/// Runs the service until `stop` is done.
pub async fn run(
    config: Config,
    extras: Extras,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), RunError> {
    let config = Arc::new(config);
    let metrics = Metrics::new()?;
    let health = Arc::new(Health::default());
    let http = Http::new(&config.http)?;
    let dead_letters = DeadLetters::new(&config.kafka, &config.dead_letter_topic)?;

    let (stopping, stopped) = watch::channel(false);
    let _stop = AbortOnDrop(shared_stop(stop, stopping));
    let routes = server::router(metrics.clone(), Arc::clone(&health)).merge(extras.routes.unwrap_or_default());
    let listener = server::listen(config.listen, "http.listen").await?;
    let _server = AbortOnDrop(tokio::spawn(server::serve(listener, routes)));

    let status = extras.status.unwrap_or_else(|| watch::channel(Status::default()).0);
    let config_state = watch::channel(ConfigState::default()).0;
    let (asks, asked) = mpsc::unbounded_channel();
    let shown = shown(status.subscribe(), config_state.subscribe(), Arc::clone(&health));
    let _admin = AbortOnDrop(tokio::spawn(admin(&config, shown, asks).await?));
    let (reloads, reload_asked) = mpsc::unbounded_channel();
    let (reloaded, replacements) = std::sync::mpsc::channel();
    metrics.config_good.set(1);
    metrics.config_reloaded.set(jiff::Timestamp::now().as_millisecond() as f64 / 1e3);
    let _reloader = extras.source.map(|source| {
        config_state.send_replace(ConfigState {
            file: Some(source.path.display().to_string()),
            read: Some(jiff::Timestamp::now()),
            ..ConfigState::default()
        });
        let (health, metrics) = (Arc::clone(&health), metrics.clone());
        let reloader =
            Reloader { source, running: Arc::clone(&config), poller: reloaded, health, metrics, state: config_state };
        AbortOnDrop(tokio::spawn(reloader.run(reload_asked)))
    });

    // Without a place for dead letters no record may be judged: what cannot be posted would have nowhere to go.
    if !extras.embedded_broker {
        tokio::select! {
            verified = verify(&dead_letters, &config) => verified?,
            () = wait_for(stopped.clone()) => return Ok(()),
        }
    }

    let budget = Arc::new(Budget::new(config.limits.pending_bytes));
    let (engine_input, inputs) = mpsc::unbounded_channel();
    let schemas = match &config.schema_registry {
        Some(settings) => Some(Wanted::new(Registry::new(settings)?, Arc::clone(&health), metrics.clone())),
        None => None,
    };
    let lessons = Arc::new(Lessons::default());
    let (rereader, backs) =
        Rereader::start(config.kafka.clone(), Arc::clone(&budget), Arc::clone(&lessons), metrics.clone())
            .map_err(RunError::Thread)?;
    let intake = Intake::new(
        Arc::clone(&config),
        metrics.clone(),
        Arc::clone(&budget),
        schemas,
        engine_input,
        replacements,
        lessons,
    );
    let poller =
        Poller::start(config.kafka.clone(), Arc::clone(&budget), Box::new(intake)).map_err(RunError::Consumer)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        brokers = %config.kafka.brokers,
        group = %config.kafka.group,
        topics = config.kafka.topics.join(","),
        rules = config.rules.len(),
        destinations = config.destinations.len(),
        listen = %config.listen,
        "rowbell runs"
    );

    let engine = Engine {
        config: Arc::clone(&config),
        http,
        dead_letters: dead_letters.clone(),
        metrics,
        health,
        budget,
        poller: poller.commands(),
        rereader: rereader.jobs(),
        status,
        reloads,
    };
    let ended = engine.run(inputs, asked, backs, wait_for(stopped)).await;

    // Both wait for Kafka, which is no work for an async thread.
    let joined = tokio::task::spawn_blocking(move || {
        rereader.end();
        poller.join();
        dead_letters.flush();
    });
    if let Err(error) = joined.await {
        tracing::error!(%error, "the end was not clean");
    }
    match ended {
        Ended::Stopped => Ok(()),
        Ended::Failed(why) => Err(RunError::Failed(why)),
    }
}

/// What the admin address serves, or nothing where there is none. One that the config does not name is no reason not to
/// start: another replica on this machine may have it.
async fn admin(
    config: &Config,
    status: StatusProvider,
    asks: mpsc::UnboundedSender<Ask>,
) -> Result<impl Future<Output = ()> + Send + use<>, ListenError> {
    let listener = match &config.admin {
        None => None,
        Some(settings) => match server::listen(settings.listen, "http.admin").await {
            Ok(listener) => Some((listener, server::admin(settings, status, asks.clone()))),
            Err(error) if settings.chosen => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "no admin address: status, pause, resume and reload are not served here");
                None
            }
        },
    };
    Ok(async move {
        // Kept where nobody asks: the engine listens to it.
        let _asks = asks;
        match listener {
            Some((listener, routes)) => server::serve(listener, routes).await,
            None => std::future::pending().await,
        }
    })
}

/// What is told of the running service.
fn shown(status: watch::Receiver<Status>, config: watch::Receiver<ConfigState>, health: Arc<Health>) -> StatusProvider {
    Arc::new(move || {
        let mut shown = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ready": health.ready().is_ok(),
            "missing": health.ready().err(),
            "config": config.borrow().json(),
        });
        let doing = status.borrow().json();
        if let (Some(shown), Some(doing)) = (shown.as_object_mut(), doing.as_object()) {
            shown.extend(doing.clone());
        }
        shown
    })
}

/// A task that ends with whoever holds this.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One signal, many listeners.
fn shared_stop(
    stop: impl Future<Output = ()> + Send + 'static,
    stopping: watch::Sender<bool>,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        stop.await;
        stopping.send_replace(true);
        // Kept so that listeners see the value, not a closed channel.
        std::future::pending::<()>().await;
    })
}

async fn wait_for(mut stopped: watch::Receiver<bool>) {
    // The sender lives as long as the task above; its end is a stop too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn verify(dead_letters: &DeadLetters, config: &Config) -> Result<(), DeadLetterError> {
    loop {
        match dead_letters.verify(&config.kafka).await {
            Err(DeadLetterError::Unreachable(error)) => {
                tracing::error!(
                    brokers = %config.kafka.brokers,
                    %error,
                    "cannot reach Kafka, trying again; hint: is kafka.brokers right, and do its listeners, TLS and SASL match kafka.properties?"
                );
                tokio::time::sleep(ASK_AGAIN).await;
            }
            result => return result,
        }
    }
}
