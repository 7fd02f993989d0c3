//! The command line: one file per command.

mod backtest;
mod check;
mod connector;
mod demo;
mod dlq;
mod explain;
mod init;
mod input;
mod inspect;
mod offsets;
mod posts;
mod preview;
mod run;
mod running;
mod survey;
mod test;
mod text;

pub(crate) use input::records;

use crate::config::{self, Report};
use crate::telemetry::{LogFormat, init_logs};
use clap::{Parser, Subcommand};
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// It did not work.
pub const FAILED: u8 = 1;

/// Wrong usage, or a config that cannot run; clap's own code for wrong usage is the same.
pub const USAGE: u8 = 2;

/// Log levels of commands that say themselves what is wrong with Kafka.
const QUIET_LOGS: &str = "warn,librdkafka=off,rdkafka=off";

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
    Inspect(Box<inspect::InspectArguments>),
    Preview(Box<preview::PreviewArguments>),
    Explain(explain::ExplainArguments),
    Test(test::TestArguments),
    Dlq(Box<dlq::DlqArguments>),
    Connector(connector::ConnectorArguments),
    /// Run the service; SIGTERM drains and exits 0
    Run(ConfigArgument),
    Offsets(offsets::OffsetsArguments),
    Status(running::StatusArguments),
    /// Hold a destination's posts on this replica: its notices wait, critical ones, too
    Pause(running::DestinationArguments),
    /// Let a paused destination go on
    Resume(running::DestinationArguments),
    /// Let a running service read its config again, and say what came of it
    Reload(running::ReloadArguments),
    Check(check::CheckArguments),
    Backtest(Box<backtest::BacktestArguments>),
    Init(init::InitArguments),
    /// Write the config's JSON Schema, for editors
    Schema,
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
            init_logs(cli.log_format, Some(QUIET_LOGS));
            demo::demo(&arguments)
        }
        Command::Inspect(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            inspect::run(&arguments)
        }
        Command::Preview(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            preview::run(&arguments)
        }
        Command::Explain(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            explain::run(&arguments)
        }
        Command::Test(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            test::run(&arguments)
        }
        Command::Dlq(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            dlq::run(&arguments)
        }
        Command::Backtest(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            backtest::run(&arguments)
        }
        Command::Init(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            init::run(&arguments)
        }
        Command::Schema => match check::show::write(&config::schema::text(), output(false)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.exit(),
        },
        Command::Connector(arguments) => connector::run(&arguments),
        Command::Run(argument) => {
            init_logs(cli.log_format, None);
            run::run(argument.config.as_deref())
        }
        Command::Offsets(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            offsets::run(&arguments)
        }
        Command::Status(arguments) => running::status(&arguments),
        Command::Pause(arguments) => running::pause(&arguments, true),
        Command::Resume(arguments) => running::pause(&arguments, false),
        Command::Reload(arguments) => running::reload(&arguments),
        Command::Check(arguments) => {
            init_logs(cli.log_format, Some(QUIET_LOGS));
            check::run(&arguments)
        }
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

/// Why a command ends without having done its work.
#[derive(Debug)]
enum Failure {
    /// The config cannot be used.
    Config(Report),
    /// It was asked for wrongly.
    Usage(String),
    /// It did not work.
    Failed(String),
}

impl Failure {
    /// What it says, its hint left out.
    fn message(&self) -> String {
        match self {
            Failure::Config(report) => report.to_string(),
            Failure::Usage(text) | Failure::Failed(text) => {
                text.split_once("\nhint: ").map_or(&**text, |(message, _)| message).to_owned()
            }
        }
    }

    /// Says it on stderr; the answer is the exit code.
    fn exit(&self) -> ExitCode {
        match self {
            Failure::Config(report) => {
                eprintln!("{report}");
                ExitCode::from(USAGE)
            }
            Failure::Usage(text) => fail(text, USAGE),
            Failure::Failed(text) => fail(text, FAILED),
        }
    }
}

/// Where data goes: a line at a time where somebody waits for it, else in larger pieces.
fn output(live: bool) -> Box<dyn Write> {
    let stdout = std::io::stdout();
    match live || stdout.is_terminal() {
        true => Box::new(stdout.lock()),
        false => Box::new(BufWriter::new(stdout.lock())),
    }
}

/// How text looks on stdout: NO_COLOR and its like are honoured.
fn style() -> text::Style {
    match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => text::Style::Plain,
        _ => text::Style::Ansi,
    }
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
