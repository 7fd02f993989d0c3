//! Dead letters on their way.

use super::{Done, Work};
use crate::app::intake::Held;
use crate::kafka::{DeadLetter, RawRecord};
use crate::outbox::{GivenUp, Leftover, Owed, backoff};
use std::sync::Arc;

/// Dead letters of removed destinations on their way at once: there may be as many as memory holds notices.
const LEFTOVERS_AT_ONCE: usize = 256;

impl Work {
    /// Dead letters for what removed destinations will not get.
    pub(super) fn write_leftovers(&mut self) {
        while self.letters.values().sum::<usize>() < LEFTOVERS_AT_ONCE
            && let Some((left, owed)) = self.outbox.leftover()
        {
            let error = "its destination is no longer in the config".to_owned();
            let letter = match left {
                Leftover::One(notice) => Letter {
                    rule: Some(notice.content.rule_names()),
                    held: notice.content.held,
                    reason: GivenUp::Removed.as_str(),
                    error,
                    attempts: notice.attempts,
                },
                Leftover::Counted(counted, changes) => Letter {
                    rule: Some(counted.rules().join(",")),
                    held: None,
                    reason: GivenUp::Removed.as_str(),
                    error: format!(
                        "{error}; it stood in a digest that counted {changes} changes, from offset {} to {}",
                        owed.offsets.start(),
                        owed.offsets.end()
                    ),
                    attempts: 0,
                },
            };
            self.write_letter(owed, letter);
        }
    }

    /// Writes a dead letter, again and again until it is acknowledged: the commit waits for it.
    pub(super) fn write_letter(&mut self, owed: Owed, letter: Letter) {
        *self.letters.entry(owed.owner.clone()).or_default() += 1;
        let destination = self.lanes.get(owed.lane).map(|known| Arc::clone(&known.destination.name));
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
