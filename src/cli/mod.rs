//! The command line: one file per command.

mod check;
mod demo;
mod inspect;
pub(crate) mod records;
mod run;

use crate::telemetry::{LogFormat, init_logs};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// It did not work.
pub const FAILED: u8 = 1;

/// Wrong usage, or a config that cannot run; clap's own code for wrong usage is the same.
pub const USAGE: u8 = 2;

/// Turns database row changes (Debezium, Kafka) into Slack and Microsoft Teams messages.
#[derive(Debug, Parser)]
#[command(name = "rowbell", version, about, max_term_width = 100)]
struct Cli {
    /// How log lines look (they go to stderr)
    #[arg(long, global = true, value_enum, default_value_t, env = "ROWBELL_LOG_FORMAT")]
    log_format: LogFormat,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArguments),
    Inspect(inspect::InspectArguments),
    /// Run the service; SIGTERM drains and exits 0
    Run(ConfigArgument),
    /// Check the config and say everything that is wrong with it
    Check(ConfigArgument),
}

/// `-c FILE`
#[derive(Debug, clap::Args)]
struct ConfigArgument {
    /// Config file [default: $ROWBELL_CONFIG, else ./rowbell.yaml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Reads the command line and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Demo(arguments) => {
            init_logs(cli.log_format, Some("warn,librdkafka=off,rdkafka=off"));
            demo::demo(&arguments)
        }
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Run(argument) => {
            init_logs(cli.log_format, None);
            run::run(argument.config.as_deref())
        }
        Command::Check(argument) => check::check(argument.config.as_deref()),
    }
}

/// Says on stderr what went wrong; a hint stands on a line of its own.
fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let text = error.to_string();
    match text.split_once("\nhint: ") {
        Some((message, hint)) => eprintln!("error: {message}\n  hint: {hint}"),
        None => eprintln!("error: {text}"),
    }
    ExitCode::from(code)
}

/// The async runtime of commands that wait for something.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    // Two threads: posts are few, and one core belongs to the poller.
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("rowbell").enable_all().build()
}

/// SIGTERM (Kubernetes) or SIGINT (a person).
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be watched: only SIGKILL ends this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
