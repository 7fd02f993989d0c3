//! `rowbell run`: the service.

use super::{FAILED, USAGE, fail, runtime, stop_signal};
use crate::{app, config};
use std::path::Path;
use std::process::ExitCode;

/// Runs the service until SIGTERM or SIGINT.
pub fn run(argument: Option<&Path>) -> ExitCode {
    let config = match config::load(&config::find(argument)) {
        Ok((config, report)) => {
            for warning in report.warnings() {
                tracing::warn!(
                    file = report.file,
                    line = warning.place.line,
                    hint = warning.hint.as_deref(),
                    "{}",
                    warning.message
                );
            }
            config
        }
        Err(report) => {
            eprintln!("{report}");
            return ExitCode::from(USAGE);
        }
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start threads: {error}"), FAILED),
    };
    match runtime.block_on(app::run(config, app::Extras::default(), stop_signal())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, FAILED),
    }
}
