//! `rowbell check`: everything that is wrong with the config, in one run.

use super::USAGE;
use crate::config;
use std::path::Path;
use std::process::ExitCode;

/// Checks the config offline; findings go to stdout.
pub fn check(argument: Option<&Path>) -> ExitCode {
    match config::load(&config::find(argument)) {
        Ok((config, report)) => {
            if !report.found.is_empty() {
                println!("{report}");
            }
            println!(
                "{}: fine: {} topics, {} tables, {} rules, {} destinations{}",
                report.file,
                config.kafka.topics.len(),
                config.tables.len(),
                config.rules.len(),
                config.destinations.len(),
                match report.found.len() {
                    0 => String::new(),
                    1 => "; 1 warning above".to_owned(),
                    n => format!("; {n} warnings above"),
                }
            );
            ExitCode::SUCCESS
        }
        Err(report) => {
            println!("{report}");
            ExitCode::from(USAGE)
        }
    }
}
