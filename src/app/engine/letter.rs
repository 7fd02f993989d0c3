//! Dead letters on their way.

use super::{Done, Work};
use crate::app::intake::Held;
use crate::kafka::{DeadLetter, RawRecord};
use crate::outbox::{Owed, backoff};
use std::sync::Arc;

impl Work {
    /// Writes a dead letter, again and again until it is acknowledged: the commit waits for it.
    pub(super) fn write_letter(&mut self, owed: Owed, letter: Letter) {
        *self.letters.entry(owed.owner.clone()).or_default() += 1;
        let destination =
            self.engine.config.destinations.get(owed.lane).map(|destination| Arc::clone(&destination.name));
        let (writer, done) = (self.engine.dead_letters.clone(), self.done.clone());
        let time = jiff::Timestamp::now().to_string();
        tokio::spawn(async move {
            let mut attempt = 0;
            let (partition, offset) = (&owed.owner.partition, *owed.offsets.end());
            let gone = RawRecord { key: None, value: None, headers: Vec::new() };
            loop {
                let written = writer
                    .write(&DeadLetter {
                        record: letter.held.as_ref().map_or(&gone, |held| &held.record),
                        partition,
                        offset,
                        reason: letter.reason,
                        error: &letter.error,
                        destination: destination.as_deref(),
                        rule: letter.rule.as_deref(),
                        attempts: letter.attempts,
                        time: time.clone(),
                    })
                    .await;
                let Err(error) = written else { break };
                attempt += 1;
                tracing::error!(%partition, offset, %error, attempt, "the dead letter cannot be written; its record is not committed until it is");
                let pause = backoff(attempt, &mut fastrand::Rng::new());
                tokio::time::sleep(pause).await;
            }
            let _ = done.send(Done::Letter { owed, reason: letter.reason });
        });
    }
}

/// What a dead letter says besides where its record stands.
pub(super) struct Letter {
    /// The record, where it is still there.
    pub(super) held: Option<Arc<Held>>,
    pub(super) reason: &'static str,
    pub(super) error: String,
    pub(super) rule: Option<String>,
    pub(super) attempts: u32,
}
