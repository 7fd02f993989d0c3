//! The stack, by its own script, and what Kafka says of it.

use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::Offset;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The topic that most tests watch.
pub const LISTINGS: &str = "shop.public.listings";

const ASK: Duration = Duration::from_secs(20);

static TURN: Mutex<()> = Mutex::new(());

/// The stack while it is this test's turn.
pub struct Stack {
    pub env: BTreeMap<String, String>,
    _turn: MutexGuard<'static, ()>,
}

impl Stack {
    /// Waits for the tests before; a failed one does not stop the others.
    pub fn take_turn() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let env = script(&["env"])
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Self { env, _turn: turn }
    }

    pub fn brokers(&self) -> &str {
        self.env.get("ROWBELL_KAFKA").expect("the stack is not up; hint: make e2e, or stack/stack up")
    }

    pub fn sql(&self, statement: &str) {
        script(&["sql", "-c", statement]);
    }

    pub fn mysql(&self, statement: &str) {
        script(&["mysql", "-e", statement]);
    }

    pub fn stop_kafka(&self) {
        script(&["kafka-stop"]);
    }

    pub fn start_kafka(&self) {
        script(&["kafka-start"]);
    }

    /// A crash of Kafka Connect, and its return.
    pub fn crash_connect(&self) {
        script(&["connect-kill"]);
        script(&["connect-start"]);
    }

    fn observer(&self, group: &str) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", self.brokers())
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .create()
            .unwrap()
    }

    /// Committed offset of a partition of the listings. A broker that has just begun cannot say at once.
    pub fn committed(&self, group: &str, partition: i32) -> Option<i64> {
        let deadline = Instant::now() + ASK;
        let committed = loop {
            let mut list = TopicPartitionList::new();
            list.add_partition(LISTINGS, partition);
            match self.observer(group).committed_offsets(list, ASK) {
                Ok(committed) => break committed,
                Err(error) => assert!(Instant::now() < deadline, "Kafka does not say what is committed: {error}"),
            }
        };
        match committed.elements().first()?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    pub fn wait_committed(&self, group: &str, partition: i32, offset: i64, patience: Duration) {
        let deadline = Instant::now() + patience;
        loop {
            let committed = self.committed(group, partition);
            if committed == Some(offset) {
                return;
            }
            assert!(Instant::now() < deadline, "{LISTINGS}:{partition} is committed at {committed:?}, not {offset}");
        }
    }

    /// Where the one change of the listings that `act` makes is written.
    pub fn offset_of(&self, act: impl FnOnce()) -> (i32, i64) {
        let observer = self.observer("rowbell-e2e-observer");
        let ends = |observer: &BaseConsumer| -> Vec<i64> {
            (0..4).map(|partition| observer.fetch_watermarks(LISTINGS, partition, ASK).unwrap().1).collect()
        };
        let before = ends(&observer);
        act();
        let deadline = Instant::now() + ASK;
        loop {
            let after = ends(&observer);
            if let Some(partition) = (0..4).find(|index| after[*index] > before[*index]) {
                return (partition as i32, before[partition]);
            }
            assert!(Instant::now() < deadline, "Debezium wrote no change");
        }
    }
}

fn script(arguments: &[&str]) -> String {
    let output = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/stack/stack")).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "stack/stack {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
