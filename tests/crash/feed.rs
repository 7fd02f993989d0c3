//! Changes at an even pace: each says in its new value which one it is.

use crate::service::brokers;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Rows that change in turns, unless a test wants others; a row's changes follow each other a second apart at the usual
/// pace.
pub const ROWS: usize = 100;

/// Between two changes: 100 a second.
pub const PACE: Duration = Duration::from_millis(10);

/// Changes of one transaction, where there are any.
const TRANSACTION: usize = 7;

/// How long the broker may take for anything.
const PATIENCE: Duration = Duration::from_secs(90);

/// A topic of its own for each run.
#[derive(Debug, Clone)]
pub struct Topic {
    pub name: String,
    pub partitions: i32,
}

impl Topic {
    pub fn create(name: &str, partitions: i32) -> Self {
        let name = format!("crash.public.listings-{name}-{}", std::process::id());
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", brokers()).create().unwrap();
        let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let made = runtime.block_on(admin.create_topics([&topic], &options)).unwrap();
        made.into_iter().for_each(|made| drop(made.unwrap()));
        Self { name, partitions }
    }
}

/// In which topic and partition a row lives.
pub fn place(topics: &[Topic], row: usize) -> (&Topic, i32) {
    let topic = &topics[row % topics.len()];
    (topic, (row / topics.len()) as i32 % topic.partitions)
}

/// A producer that writes each record once, whatever the broker does meanwhile.
pub fn producer(transactional_id: Option<&str>) -> ThreadedProducer<DefaultProducerContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers()).set("enable.idempotence", "true").set("linger.ms", "0");
    if let Some(id) = transactional_id {
        config.set("transactional.id", id);
    }
    config.create().unwrap()
}

/// Changes written by a thread of its own until it is told to stop, and at least so many.
#[derive(Debug)]
pub struct Feed {
    thread: JoinHandle<usize>,
    stop: Arc<AtomicBool>,
}

impl Feed {
    pub fn start(topics: &[Topic], least: usize, pace: Duration) -> Self {
        Self::with(topics, ROWS, least, pace, false)
    }

    /// Of other rows than usual.
    pub fn of_rows(topics: &[Topic], rows: usize, least: usize, pace: Duration) -> Self {
        Self::with(topics, rows, least, pace, false)
    }

    /// In transactions: some are aborted, and leave changes in the log that nobody may see.
    pub fn start_transactions(topics: &[Topic], least: usize, pace: Duration) -> Self {
        Self::with(topics, ROWS, least, pace, true)
    }

    fn with(topics: &[Topic], rows: usize, least: usize, pace: Duration, transactions: bool) -> Self {
        let (stop, topics) = (Arc::new(AtomicBool::new(false)), topics.to_vec());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let producer = producer(transactions.then_some(&*topics[0].name));
            if transactions {
                producer.init_transactions(PATIENCE).unwrap();
            }
            let began = Instant::now();
            let mut number = 0;
            while number < least || !stopped.load(Ordering::Relaxed) {
                let next = number + if transactions { TRANSACTION } else { 1 };
                let write = |numbers: Range<usize>| numbers.for_each(|number| send(&producer, &topics, rows, number));
                if !transactions {
                    write(number..next);
                } else if number.is_multiple_of(3 * TRANSACTION) {
                    in_transaction(&producer, || write(GHOST..GHOST + TRANSACTION), false);
                    in_transaction(&producer, || write(number..next), true);
                } else {
                    in_transaction(&producer, || write(number..next), true);
                }
                number = next;
                std::thread::sleep((pace * number as u32).saturating_sub(began.elapsed()));
            }
            producer.flush(PATIENCE).unwrap();
            number
        });
        Self { thread, stop }
    }

    /// Ends; how many changes there are.
    pub fn finish(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// Again, where the broker died meanwhile and nothing of it is there.
fn in_transaction(producer: &ThreadedProducer<DefaultProducerContext>, write: impl Fn(), commit: bool) {
    loop {
        producer.begin_transaction().unwrap();
        write();
        if commit && producer.commit_transaction(PATIENCE).is_ok() {
            return;
        }
        producer.abort_transaction(PATIENCE).unwrap();
        if !commit {
            return;
        }
    }
}

/// Changes of this number and beyond were never committed.
pub const GHOST: usize = 1_000_000;

/// Writes one change of so many rows.
pub fn send(producer: &ThreadedProducer<DefaultProducerContext>, topics: &[Topic], rows: usize, number: usize) {
    let row = number % rows;
    let before = match number.checked_sub(rows) {
        Some(before) => note(before),
        None => "new".to_owned(),
    };
    write(producer, topics, row, &change(row, Some(&before), Some(&note(number)), "listings", number));
}

/// Writes a record of a row where it belongs.
pub fn write(producer: &ThreadedProducer<DefaultProducerContext>, topics: &[Topic], row: usize, value: &str) {
    let (topic, partition) = place(topics, row);
    let key = format!(r#"{{"id":{row}}}"#);
    let mut record = BaseRecord::to(&topic.name).partition(partition).key(&key).payload(value);
    while let Err((error, refused)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
        std::thread::sleep(Duration::from_millis(10));
        record = refused;
    }
}

/// How a value says which change it is of.
pub fn note(number: usize) -> String {
    format!("c{number};")
}

/// A change of a row's `note`, as Debezium writes it: an update, or without an old image a create, without a new one a
/// delete.
pub fn change(row: usize, before: Option<&str>, after: Option<&str>, table: &str, number: usize) -> String {
    let image =
        |note: Option<&str>| note.map_or("null".to_owned(), |note| format!(r#"{{"id":{row},"note":"{note}"}}"#));
    let op = match (before, after) {
        (None, _) => "c",
        (_, None) => "d",
        _ => "u",
    };
    format!(
        r#"{{"before":{},"after":{},"source":{{"connector":"postgresql","name":"crash","ts_ms":1795463892259,"snapshot":"false","db":"shop","schema":"public","table":"{table}","txId":{number},"lsn":{}}},"op":"{op}","ts_ms":1795463892718}}"#,
        image(before),
        image(after),
        28_000_000 + number * 160,
    )
}
