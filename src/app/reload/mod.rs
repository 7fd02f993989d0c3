//! The config, read again while the service runs: on SIGHUP, when its files change, or when somebody asks.
//!
//! A file with mistakes changes nothing: the config from before stays in force, and every mistake is said as `rowbell
//! check` says it. A good one goes to the poller's thread, which takes it over between two batches of records and hands it
//! on to the engine in order with them, so that no record is judged by half of it.

mod restart;
mod watch;

use super::handover::{Changes, Fresh, Replaced};
use super::schemas::Wanted;
use crate::config::{self, Config, Diagnostic, Report, Severity, SourceFile};
use crate::destination::Http;
use crate::registry::Registry;
use crate::server::{Asked, Health, Refused};
use crate::telemetry::Metrics;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{oneshot, watch as latest};
use watch::Watch;

/// How long the poller may take to come round: a rebalance may hold it. Longer, and the answer is that it is still due.
const TURN: Duration = Duration::from_secs(12);

/// Where the config came from.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    /// The file.
    pub path: PathBuf,
    /// All files that were read for it.
    pub files: Vec<SourceFile>,
}

/// How the last reading went, for whoever shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigState {
    /// The file, where there is one.
    pub file: Option<String>,
    /// When the config in force was read.
    pub read: Option<jiff::Timestamp>,
    /// What is wrong with the file as it is now.
    pub mistakes: Option<String>,
    /// Settings in the file that only a restart puts in force.
    pub restart_needed: Vec<&'static str>,
}

impl ConfigState {
    pub fn json(&self) -> Json {
        json!({
            "file": self.file,
            "read": self.read.map(|time| time.to_string()),
            "mistakes": self.mistakes,
            "restart_needed": self.restart_needed,
        })
    }
}

/// See the module's text.
pub struct Reloader {
    pub source: ConfigSource,
    /// What is in force.
    pub running: Arc<Config>,
    pub poller: Sender<Replaced>,
    pub health: Arc<Health>,
    pub metrics: Metrics,
    pub state: latest::Sender<ConfigState>,
}

impl Reloader {
    /// Reads the config whenever there is reason to; for ever.
    pub async fn run(mut self, mut asked: UnboundedReceiver<oneshot::Sender<Asked>>) {
        let mut watch = Watch::new();
        watch.follow(&self.source.files);
        let mut hangups = signal(SignalKind::hangup()).inspect_err(|error| {
            tracing::warn!(%error, "SIGHUP cannot be watched: the config is read again when its file changes");
        });
        loop {
            let hung_up = async {
                match &mut hangups {
                    Ok(hangups) => hangups.recv().await,
                    Err(_) => std::future::pending().await,
                }
            };
            let reply = tokio::select! {
                Some(()) = hung_up => None,
                () = watch.changed() => match self.source.files.iter().any(SourceFile::has_changed) {
                    true => None,
                    false => continue,
                },
                Some(reply) = asked.recv() => Some(reply),
                else => return,
            };
            let answer = self.reload().await;
            watch.follow(&self.source.files);
            if let Some(reply) = reply {
                // Whoever asked may have gone.
                let _ = reply.send(answer.map_err(Refused::Conflict));
            }
        }
    }

    async fn reload(&mut self) -> Result<Json, String> {
        let (config, report) = match config::load(&self.source.path) {
            Ok(loaded) => loaded,
            Err(report) => return Err(self.refuse(report)),
        };
        let mut report = report;
        match self.prepare(config) {
            Ok((replaced, applied, restart_needed)) => {
                self.accept(&report, &restart_needed);
                self.source.files = report.files;
                self.hand_over(replaced, applied, restart_needed).await
            }
            // The same as a mistake in the file, found a little later.
            Err(why) => {
                let (message, hint) = why.split_once("\nhint: ").unwrap_or((&why, ""));
                let mistake = Diagnostic::error(config::Place::default(), message);
                report.push(if hint.is_empty() { mistake } else { mistake.hint(hint) });
                Err(self.refuse(report))
            }
        }
    }

    /// Makes what the config needs, and keeps what only a restart changes.
    fn prepare(&self, mut config: Config) -> Result<Prepared, String> {
        let restart_needed = restart::keep_what_needs_one(&mut config, &self.running);
        config.http.direct = self.running.http.direct;
        let http = Http::new(&config.http).map_err(|error| error.to_string())?;
        let schemas = match (&config.schema_registry, &self.running.schema_registry) {
            (None, None) => None,
            (Some(new), Some(old)) if new.is_same(old) && !self.has_other_authorities(new.ca_file.as_deref()) => None,
            (Some(new), _) => {
                let registry = Registry::new(new).map_err(|error| error.to_string())?;
                Some(Some(Wanted::new(registry, Arc::clone(&self.health), self.metrics.clone())))
            }
            (None, Some(_)) => {
                self.health.set_registry(true);
                self.metrics.registry_up.set(0);
                Some(None)
            }
        };
        let (applied, in_force) = oneshot::channel();
        let fresh = Fresh { config: Arc::new(config), http, applied };
        Ok((Replaced { schemas, fresh }, in_force, restart_needed))
    }

    fn has_other_authorities(&self, path: Option<&std::path::Path>) -> bool {
        let read = |path| self.source.files.iter().find(|file| file.path == path);
        path.is_some_and(|path| read(path).is_none_or(SourceFile::has_changed))
    }

    fn accept(&self, report: &Report, restart_needed: &[&'static str]) {
        for warning in report.warnings() {
            let (line, hint) = (warning.place.line, warning.hint.as_deref());
            tracing::warn!(file = report.file, line, hint, "{}", warning.message);
        }
        for setting in restart_needed {
            tracing::warn!(
                setting,
                "restart needed: the file changes a setting that is only read at the start; the rest of the file is taken over"
            );
        }
        let now = jiff::Timestamp::now();
        self.metrics.config_reloaded.set(now.as_millisecond() as f64 / 1e3);
        self.metrics.config_good.set(1);
        self.metrics.config_restart_needed.set(i64::from(!restart_needed.is_empty()));
        self.state.send_modify(|state| {
            (state.read, state.mistakes, state.restart_needed) = (Some(now), None, restart_needed.to_vec());
        });
    }

    fn refuse(&mut self, report: Report) -> String {
        let mistakes = report.found.iter().filter(|found| found.severity == Severity::Error);
        for mistake in mistakes {
            let (line, column, hint) = (mistake.place.line, mistake.place.column, mistake.hint.as_deref());
            tracing::error!(file = report.file, line, column, hint, "{}", mistake.message);
        }
        tracing::error!(
            file = report.file,
            "the config file has mistakes: the config from before stays in force; hint: `rowbell check` says the same"
        );
        self.metrics.config_good.set(0);
        let text = report.to_string();
        self.state.send_modify(|state| state.mistakes = Some(text.clone()));
        self.source.files = report.files;
        text
    }

    async fn hand_over(
        &mut self,
        replaced: Replaced,
        applied: oneshot::Receiver<Changes>,
        restart_needed: Vec<&'static str>,
    ) -> Result<Json, String> {
        self.running = Arc::clone(&replaced.fresh.config);
        let stopping = || "the service is stopping".to_owned();
        self.poller.send(replaced).map_err(|_| stopping())?;
        match tokio::time::timeout(TURN, applied).await {
            Ok(Ok(Changes { added, removed, changed })) => Ok(json!({
                "in_force": true, "added": added, "removed": removed, "changed": changed, "restart_needed": restart_needed,
            })),
            Ok(Err(_)) => Err(stopping()),
            Err(_) => {
                tracing::warn!(
                    "the new config is good and not in force yet: reading has to come round first, and Kafka holds it"
                );
                Ok(json!({"in_force": false, "restart_needed": restart_needed}))
            }
        }
    }
}

type Prepared = (Replaced, oneshot::Receiver<Changes>, Vec<&'static str>);
