//! `rowbell connector apply|status|diff`: connector files against the REST API of a Kafka Connect worker.

mod apply;
pub(in crate::cli) mod connect;
pub(in crate::cli) mod debezium;
mod difference;
pub(in crate::cli) mod file;
pub(in crate::cli) mod secrets;
pub(in crate::cli) mod state;

use super::{FAILED, Failure, runtime};
use connect::{Connect, ConnectError};
use file::ConnectorFile;
use secrecy::SecretString;
use secrets::Hidden;
use std::path::PathBuf;
use std::process::ExitCode;

/// Register connector files with Kafka Connect, and compare them with what runs there
#[derive(Debug, clap::Args)]
pub struct ConnectorArguments {
    #[command(subcommand)]
    command: ConnectorCommand,
}

#[derive(Debug, clap::Subcommand)]
enum ConnectorCommand {
    /// Create or change the connectors where they differ, restart what failed, and wait until they run
    Apply(apply::ApplyArguments),
    /// Do the connectors run? Exit code 1 where one does not
    Status(FilesArguments),
    /// What apply would change; exit code 1 where anything differs
    Diff(FilesArguments),
}

#[derive(Debug, clap::Args)]
struct FilesArguments {
    /// Connector files: {"name": ..., "config": {...}}
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Kafka Connect's address; user and password may stand in it [default: http://localhost:8083]
    #[arg(long, value_name = "URL", env = "ROWBELL_CONNECT", hide_env_values = true)]
    connect: Option<SecretString>,

    /// Certificates of authorities to trust beside the system's, PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl FilesArguments {
    /// The files, all of them readable, and the worker. Nothing was asked yet.
    fn open(&self) -> Result<(Vec<ConnectorFile>, Connect), Failure> {
        let files = file::read_all(&self.files).map_err(Failure::Usage)?;
        let connect = Connect::new(self.connect.as_ref(), self.ca_file.as_deref()).map_err(Failure::Usage)?;
        Ok((files, connect))
    }
}

/// Runs the command.
pub fn run(arguments: &ConnectorArguments) -> ExitCode {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Failed(format!("cannot start: {error}")).exit(),
    };
    let done = match &arguments.command {
        ConnectorCommand::Apply(arguments) => runtime.block_on(apply::apply(arguments)),
        ConnectorCommand::Status(arguments) => runtime.block_on(status(arguments)),
        ConnectorCommand::Diff(arguments) => runtime.block_on(diff(arguments)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        // It was said of each file.
        Ok(false) => ExitCode::from(FAILED),
        Err(failure) => failure.exit(),
    }
}

/// True where all of them run.
async fn status(arguments: &FilesArguments) -> Result<bool, Failure> {
    let (files, connect) = arguments.open()?;
    let mut all_run = true;
    for file in &files {
        let have = connect.config(&file.name).await.map_err(failure)?;
        let state = connect.status(&file.name).await.map_err(failure)?;
        let passwords = match &state {
            Some(state) if !state.runs() => connect.passwords(&file.settings).await,
            _ => Vec::new(),
        };
        let hidden = Hidden::of([Some(&file.settings), have.as_ref()], passwords);
        let text = match (&have, state) {
            (None, _) => {
                all_run = false;
                "not there (`rowbell connector apply` creates it)".to_owned()
            }
            (Some(_), None) => {
                all_run = false;
                "no status yet".to_owned()
            }
            (Some(_), Some(state)) => {
                all_run &= state.runs();
                state.to_string()
            }
        };
        println!("{}: {}", file.name, hidden.without(&text));
    }
    Ok(all_run)
}

/// True where nothing differs.
async fn diff(arguments: &FilesArguments) -> Result<bool, Failure> {
    let (files, connect) = arguments.open()?;
    let mut all_same = true;
    for file in &files {
        let text = match connect.config(&file.name).await.map_err(failure)? {
            None => {
                all_same = false;
                "not there (`rowbell connector apply` creates it)".to_owned()
            }
            Some(have) => {
                let wanted = file.wanted();
                let differences = difference::between(&have, &wanted);
                all_same &= differences.is_empty();
                let passwords = match differences.is_empty() {
                    true => Vec::new(),
                    false => connect.passwords(&wanted).await,
                };
                difference::text(&differences, &Hidden::of([Some(&wanted), Some(&have)], passwords))
            }
        };
        println!("{}: {text}", file.name);
    }
    Ok(all_same)
}

fn failure(error: ConnectError) -> Failure {
    Failure::Failed(error.to_string())
}
