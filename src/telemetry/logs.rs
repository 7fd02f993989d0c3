//! Logs go to stderr, as text for people or as JSON for machines.
//!
//! A failure is logged once, where it is handled. Row data never appears above debug, secrets never at all.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Levels when `RUST_LOG` says nothing: HTTP and Kafka internals only when they warn.
const DEFAULT_FILTER: &str = "info,librdkafka=warn,rdkafka=warn,hyper=warn,reqwest=warn";

/// Starts logging; `default_filter` replaces the default levels, `RUST_LOG` both.
pub fn init(format: LogFormat, default_filter: Option<&str>) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter.unwrap_or(DEFAULT_FILTER)));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_timer(SystemTime);
    // A second call (tests in one process) keeps the first logger.
    let result = match format {
        LogFormat::Text => {
            builder.with_target(false).with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    if result.is_err() {
        tracing::debug!("logging was started already");
    }
}
