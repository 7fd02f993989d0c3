//! `rowbell run`: the service.

use super::{FAILED, USAGE, fail, runtime, stop_signal};
use crate::{app, config};
use std::path::Path;
use std::process::ExitCode;

/// Runs the service until SIGTERM or SIGINT.
pub fn run(argument: Option<&Path>) -> ExitCode {
    let path = config::find(argument);
    let (config, files) = match config::load(&path) {
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
            (config, report.files)
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
    let extras = app::Extras { source: Some(app::ConfigSource { path, files }), ..app::Extras::default() };
    match runtime.block_on(app::run(config, extras, stop_signal())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, FAILED),
    }
}
