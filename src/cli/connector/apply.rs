//! `rowbell connector apply`: the same again changes nothing.

use super::connect::{Connect, ConnectError, LOOK};
use super::file::ConnectorFile;
use super::secrets::Hidden;
use super::state::{Broken, State};
use super::{FilesArguments, difference, failure};
use crate::cli::Failure;
use crate::config::units;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A restart is asked for, not done, when Connect answers: for so long, a failure from before may still be seen.
const OLD_FAILURES: Duration = Duration::from_secs(8);

/// Right after new settings the states can still be those of the old ones: so many looks in a row must agree.
const LOOKS_AFTER_CHANGE: u32 = 4;

#[derive(Debug, clap::Args)]
pub struct ApplyArguments {
    #[command(flatten)]
    files: FilesArguments,

    /// How long a connector may take until it runs
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = time)]
    timeout: Duration,
}

fn time(text: &str) -> Result<Duration, String> {
    units::duration(text).ok_or_else(|| "write 30s or 2m".to_owned())
}

/// Why one file's connector does not run.
enum Trouble {
    /// Nor would the next.
    All(Failure),
    This(Failure),
}

impl From<ConnectError> for Trouble {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Away(_) => Trouble::All(failure(error)),
            ConnectError::Refused(_) => Trouble::This(failure(error)),
        }
    }
}

/// True where all of them run, or are held by somebody.
pub async fn apply(arguments: &ApplyArguments) -> Result<bool, Failure> {
    let (files, connect) = arguments.files.open()?;
    let mut good = true;
    for file in &files {
        match one(file, &connect, arguments.timeout).await {
            Ok(said) => println!("{}: {said}", file.name),
            Err(Trouble::All(failure)) => return Err(failure),
            Err(Trouble::This(Failure::Failed(why))) => {
                good = false;
                Failure::Failed(format!("{} ({}): {why}", file.name, file.path.display())).exit();
            }
            Err(Trouble::This(failure)) => return Err(failure),
        }
    }
    Ok(good)
}

async fn one(file: &ConnectorFile, connect: &Connect, timeout: Duration) -> Result<String, Trouble> {
    let have = connect.config(&file.name).await?;
    let passwords = connect.passwords(&file.settings).await;
    let hidden = Hidden::of([Some(&file.settings), have.as_ref()], passwords);
    let wanted = file.wanted();
    let before = match &have {
        Some(_) => connect.status(&file.name).await?.map(|state| state.broken()).unwrap_or_default(),
        None => Vec::new(),
    };
    let (done, looks) = match &have {
        Some(have) if *have == wanted && before.is_empty() => ("unchanged".to_owned(), 1),
        Some(have) if *have == wanted => {
            // The same settings once more are no news to Connect; what failed would stay so.
            connect.restart_failed(&file.name).await?;
            ("unchanged, what had failed was restarted".to_owned(), 1)
        }
        Some(have) => {
            let count = difference::between(have, &wanted).len();
            connect.put(&file.name, &file.settings, &hidden).await?;
            (format!("changed ({count} setting{})", if count == 1 { "" } else { "s" }), LOOKS_AFTER_CHANGE)
        }
        None => {
            connect.put(&file.name, &file.settings, &hidden).await?;
            ("created".to_owned(), 1)
        }
    };
    let watch = Watch { name: &file.name, before, looks, timeout };
    let state = watch.until_it_runs(connect, &hidden).await.map_err(|trouble| match trouble {
        Trouble::This(Failure::Failed(why)) => Trouble::This(Failure::Failed(format!("{done}, but {why}"))),
        other => other,
    })?;
    Ok(format!("{done}, {state}"))
}

/// How a connector is watched.
struct Watch<'w> {
    name: &'w str,
    /// What had failed before.
    before: Vec<Broken>,
    /// So many in a row must see it run.
    looks: u32,
    timeout: Duration,
}

impl Watch<'_> {
    async fn until_it_runs(&self, connect: &Connect, hidden: &Hidden) -> Result<State, Trouble> {
        let began = Instant::now();
        let (mut seen, mut shown) = (0, String::new());
        loop {
            let state = connect.status(self.name).await?;
            let text = hidden.without(&state.as_ref().map_or_else(|| "no status yet".to_owned(), State::to_string));
            if let Some(state) = state {
                let mut broken = state.broken();
                if began.elapsed() < OLD_FAILURES {
                    broken.retain(|it| !self.before.contains(it));
                }
                if !broken.is_empty() {
                    let why = format!(
                        "{text}\nhint: mend that and apply the file again; the whole trace is at {}/connectors/{}/status",
                        connect.address(),
                        self.name
                    );
                    return Err(Trouble::This(Failure::Failed(why)));
                }
                seen = if state.runs() { seen + 1 } else { 0 };
                if seen >= self.looks || state.is_held() {
                    return Ok(state);
                }
            }
            if began.elapsed() > self.timeout {
                let why = format!(
                    "{:.0} s later: {text}\nhint: `rowbell connector status` tells how it goes on",
                    self.timeout.as_secs_f64()
                );
                return Err(Trouble::This(Failure::Failed(why)));
            }
            if shown != text {
                progress(self.name, &text);
                shown = text;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What is waited for, where somebody looks.
fn progress(name: &str, text: &str) {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        // A terminal that is gone shows nothing; the work goes on.
        let _ = writeln!(stderr, "{name}: {text} ...");
    }
}
