//! What flows into the demo's broker: captured changes, then a shop that goes on changing.

use super::generator::{OutRecord, Shop, TOPIC};
use super::page::Ask;
use super::receiver::now_ms;
use crate::cli::records::{CapturedRecord, read_records};
use crate::kafka::Feeder;
use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Changes captured from a real Debezium on Postgres.
const CAPTURED: &[u8] = include_bytes!("../../../tests/fixtures/debezium/postgres-json.jsonl");

/// A captured table with a column of every type: good for tests, no pleasure to look at.
const TYPES_TABLE: &str = ".all_types";

/// A person can follow this.
const BETWEEN_CAPTURED: Duration = Duration::from_millis(700);

/// The shop is not busy.
const BETWEEN_GENERATED: Duration = Duration::from_millis(2500);

/// The shop is the same in every demo.
const SEED: u64 = 2026;

/// Partitions of a topic that the captures do not name.
const PARTITIONS: i32 = 4;

/// The captured changes of one run.
pub struct Feed {
    captured: Vec<CapturedRecord>,
}

impl Feed {
    /// Reads the captured changes, the built-in ones without a file.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        let captured: Result<Vec<_>, _> = match file {
            None => read_records("built-in changes", CAPTURED)
                .filter(|record| !record.as_ref().is_ok_and(|record| record.topic.ends_with(TYPES_TABLE)))
                .collect(),
            Some(path) => {
                let opened = std::fs::File::open(path).map_err(|error| {
                    format!(
                        "cannot read {}: {error}\nhint: a file of captured changes, one JSON object a line",
                        path.display()
                    )
                })?;
                read_records(path.display().to_string(), BufReader::new(opened)).collect()
            }
        };
        let mut captured = captured.map_err(|error| error.to_string())?;
        if captured.is_empty() {
            return Err(
                "there are no changes in the file\nhint: one JSON object a line: topic, partition, offset, key, value"
                    .to_owned(),
            );
        }
        // As they happened; within a partition the offset decides.
        captured.sort_by_key(|record| (record.timestamp_ms, record.offset));
        Ok(Self { captured })
    }

    /// Topics to make, with their number of partitions.
    pub fn topics(&self) -> BTreeMap<String, i32> {
        let mut topics = BTreeMap::from([(TOPIC.to_owned(), PARTITIONS)]);
        for record in &self.captured {
            let partitions = topics.entry(record.topic.to_string()).or_insert(1);
            *partitions = (*partitions).max(record.partition + 1);
        }
        topics
    }

    /// How many records the captured changes are, per topic and partition.
    pub fn counts(&self) -> BTreeMap<(String, i32), i64> {
        let mut counts = BTreeMap::new();
        for record in &self.captured {
            *counts.entry((record.topic.to_string(), record.partition)).or_default() += 1;
        }
        counts
    }

    /// Writes the captured changes, with a pause after each.
    pub async fn write(&self, feeder: &Feeder, pause: Duration) -> Result<(), String> {
        for record in &self.captured {
            let headers = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref()));
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            let written = feeder.write(&record.topic, Some(record.partition), key, value, headers).await;
            written.map_err(|error| error.to_string())?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Writes the captured changes, then lets the shop go on for ever, and does what the page's buttons ask.
    pub async fn play(&self, feeder: &Feeder, mut asked: mpsc::Receiver<Ask>) -> Result<(), String> {
        let mut shop = Shop::new(SEED);
        let captured = async {
            self.write(feeder, BETWEEN_CAPTURED).await?;
            Ok::<(), String>(())
        };
        tokio::pin!(captured);
        let mut replayed = false;
        let mut next = tokio::time::interval(BETWEEN_GENERATED);
        // It is not asked while the captured changes play: what it missed is not made up for.
        next.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let records = tokio::select! {
                done = &mut captured, if !replayed => {
                    done?;
                    replayed = true;
                    continue;
                }
                _ = next.tick(), if replayed => shop.next(now_ms()),
                Some(ask) = asked.recv() => match ask {
                    Ask::Price => shop.price(now_ms()),
                    Ask::Stock => shop.sell_one(now_ms()),
                    Ask::Critical => shop.sell_out(now_ms()),
                    Ask::Burst => shop.burst(now_ms()),
                },
            };
            for record in &records {
                write(feeder, record).await?;
            }
        }
    }
}

async fn write(feeder: &Feeder, record: &OutRecord) -> Result<(), String> {
    let headers = record.headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_bytes())));
    let (key, value) = (record.key.as_deref().map(str::as_bytes), record.value.as_deref().map(str::as_bytes));
    feeder.write(&record.topic, None, key, value, headers).await.map(|_| ()).map_err(|error| error.to_string())
}
