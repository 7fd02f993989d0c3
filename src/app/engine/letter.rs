//! Dead letters on their way.

use super::{Done, Payload, Work};
use crate::app::handover::Held;
use crate::app::reread::Job;
use crate::kafka::{DeadLetter, RawRecord};
use crate::outbox::{GivenUp, Leftover, Notice, Owed, backoff};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use tokio::sync::oneshot;

/// Dead letters of removed destinations on their way at once: there may be as many as memory holds notices.
const LEFTOVERS_AT_ONCE: usize = 256;

impl Work {
    /// Dead letters for what removed destinations will not get.
    pub(super) fn write_leftovers(&mut self) {
        while self.letters.values().map(|on_the_way| on_the_way.count).sum::<usize>() < LEFTOVERS_AT_ONCE
            && let Some((left, owed)) = self.outbox.leftover()
        {
            let error = "its destination is no longer in the config".to_owned();
            let letter = match left {
                Leftover::One(notice) => Letter::of(notice, GivenUp::Removed, error),
                Leftover::Counted(counted, changes) => Letter {
                    rule: Some(counted.rules().join(",")),
                    held: None,
                    earlier: Vec::new(),
                    reason: GivenUp::Removed.as_str(),
                    error: format!(
                        "{error}; this stands for {changes} changes that were only counted, from offset {} to {}",
                        owed.offsets.start(),
                        owed.offsets.end()
                    ),
                    attempts: 0,
                },
            };
            self.write_letter(owed, letter);
        }
    }

    /// Writes dead letters, again and again until they are acknowledged: the commit waits for them.
    pub(super) fn write_letter(&mut self, owed: Owed, letter: Letter) {
        let on_the_way = self.letters.entry(owed.owner.clone()).or_default();
        on_the_way.count += 1;
        let gone = Arc::clone(&on_the_way.gone);
        let destination = self.lanes.get(owed.lane).map(|known| Arc::clone(&known.destination.name));
        let (writer, rereader, done) =
            (self.engine.dead_letters.clone(), self.engine.rereader.clone(), self.done.clone());
        let time = jiff::Timestamp::now().to_string();
        tokio::spawn(async move {
            let partition = &owed.owner.partition;
            let found = letter.missing(&rereader, &owed).await;
            let nothing = RawRecord { key: None, value: None, headers: Vec::new() };
            let last = *owed.offsets.end();
            for offset in letter.earlier.iter().copied().chain([last]) {
                let held = letter.held.as_ref().filter(|_| offset == last).map(|held| &held.record);
                let dead = DeadLetter {
                    record: held.or_else(|| found.get(&offset)).unwrap_or(&nothing),
                    partition,
                    offset,
                    reason: letter.reason,
                    error: &letter.error,
                    destination: destination.as_deref(),
                    rule: letter.rule.as_deref(),
                    attempts: letter.attempts,
                    time: time.clone(),
                };
                let mut attempt = 0;
                // A partition that was lost is its new owner's, and so are its dead letters.
                while !gone.load(Ordering::Relaxed)
                    && let Err(error) = writer.write(&dead).await
                {
                    attempt += 1;
                    tracing::error!(%partition, offset, %error, attempt, "the dead letter cannot be written; its record is not committed until it is");
                    let pause = backoff(attempt, &mut fastrand::Rng::new());
                    tokio::time::sleep(pause).await;
                }
            }
            let letters = letter.earlier.len() as u64 + 1;
            let _ = done.send(Done::Letter { owed, reason: letter.reason, letters });
        });
    }

    /// Dead letters are written.
    pub(super) fn lettered(&mut self, owed: &Owed, reason: &str, letters: u64) {
        let Some(on_the_way) = self.letters.get_mut(&owed.owner) else { return };
        self.engine.metrics.dead_letters.with_label_values(&[reason]).inc_by(letters);
        self.outbox.lettered(owed);
        on_the_way.count -= 1;
        if on_the_way.count == 0 {
            self.letters.remove(&owed.owner);
        }
    }
}

/// Dead letters of a partition on their way.
#[derive(Default)]
pub(super) struct OnTheWay {
    pub(super) count: usize,
    /// The partition is not ours any more: nothing is begun.
    pub(super) gone: Arc<AtomicBool>,
}

/// What dead letters say besides where their records stand.
pub(super) struct Letter {
    /// The last record, where memory kept it.
    pub(super) held: Option<Arc<Held>>,
    /// Records before it that were told together with it: each becomes a dead letter.
    pub(super) earlier: Vec<i64>,
    pub(super) reason: &'static str,
    pub(super) error: String,
    pub(super) rule: Option<String>,
    pub(super) attempts: u32,
}

impl Letter {
    /// For a record that cannot be read, by whatever rule.
    pub(super) fn undecodable(held: Arc<Held>, error: String) -> Self {
        Self { held: Some(held), earlier: Vec::new(), reason: "decode", error, rule: None, attempts: 0 }
    }

    pub(super) fn of(notice: Notice<Payload>, why: GivenUp, error: String) -> Self {
        let Notice { changes, earlier, attempts, content, offsets, .. } = notice;
        let unknown = changes.saturating_sub(earlier.len() as u64 + 1);
        let error = match unknown {
            0 => error,
            _ => format!(
                "{error}; {unknown} more changes of its row, from offset {} to {}, have no dead letter of their own",
                offsets.start(),
                offsets.end()
            ),
        };
        Self { rule: Some(content.rule_names()), held: content.held, earlier, reason: why.as_str(), error, attempts }
    }

    /// What memory did not keep, read from Kafka again.
    async fn missing(&self, rereader: &Sender<Job>, owed: &Owed) -> BTreeMap<i64, RawRecord> {
        let last = self.held.is_none().then_some(*owed.offsets.end());
        let offsets: Vec<_> = self.earlier.iter().copied().chain(last).collect();
        if offsets.is_empty() {
            return BTreeMap::new();
        }
        let (reply, answer) = oneshot::channel();
        // Its end is the engine's, which is told elsewhere.
        let _ = rereader.send(Job::Records { partition: owed.owner.partition.clone(), offsets, reply });
        answer.await.unwrap_or_default()
    }
}
