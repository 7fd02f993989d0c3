//! What the tests of the running service share: a broker, a receiver that answers as told, the service, row changes.

pub mod broker;
pub mod change;
pub mod connect;
pub mod logs;
pub mod receiver;
pub mod service;
pub mod slack;

use std::time::{Duration, Instant};

/// Longest wait for anything: the mock cluster's three seconds for a new group, and a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Lines of the log, which all tests share, that are shown when one waited in vain.
const LINES_SHOWN: usize = 60;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until `look` finds something.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        if began.elapsed() > PATIENCE {
            let log = logs::above_debug();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
            panic!("waited {PATIENCE:?} for {what}; the log ends with\n{tail}");
        }
        tokio::time::sleep(LOOK).await;
    }
}
