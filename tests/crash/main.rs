//! The release binary on the real Kafka, killed again and again while a receiver answers 500, or accepts and hangs up.
//!
//! `make e2e-crash` brings Kafka up and runs this: 2,000 changes of 100 rows, 100 a second. Every change must be posted, the
//! first posts of a row's changes in their order; posted twice may be what was accepted without an answer, and three
//! posts for each kill.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod burst;
mod receiver;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use receiver::Receiver;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const CHANGES: usize = 2_000;
const ROWS: usize = 100;
const PARTITIONS: i32 = 4;
/// Between two changes.
const PACE: Duration = Duration::from_millis(10);
const KILLS: usize = 4;
/// Posts that a kill may have made twice: two accepted and not committed, one on the wire.
const REPEATS_OF_A_KILL: usize = 3;
const PATIENCE: Duration = Duration::from_secs(90);

/// What posting again after a kill may take, by membership.
const AGAIN_DYNAMIC: Duration = Duration::from_secs(10);
const AGAIN_STATIC: Duration = Duration::from_secs(3);

const DESTINATION: &str = "rate: 500/s, burst: 10, fold: off, digest: off";
const RULES: &str = "  - { name: all, table: public.listings, to: [ops], headline: \"{{ row.note }}\" }\n";

#[test]
fn nothing_is_lost_and_little_repeated_whatever_is_killed() {
    run("dynamic", None, AGAIN_DYNAMIC);
}

#[test]
fn with_static_membership_posting_goes_on_within_seconds() {
    run("static", Some("rowbell-0"), AGAIN_STATIC);
}

fn run(name: &str, instance_id: Option<&str>, promise: Duration) {
    let topic = create_topic(name);
    let receiver = Receiver::start();
    let (mut service, folder) = service_on(&topic, name, instance_id, DESTINATION, RULES, &receiver);
    let producing = std::thread::spawn(move || produce(&brokers(), &topic));
    let mut pauses = Vec::new();
    for kill in 0..KILLS {
        // So long after posting went on: at another point of the commits' rhythm each time.
        let seen = receiver.accepted();
        receiver.wait(PATIENCE, |accepted| accepted > seen);
        std::thread::sleep(Duration::from_millis(500 + 620 * kill as u64));
        if kill % 2 == 0 {
            // While a post is on the wire; the others fall between posts and commits as they may.
            receiver.wait_answering(PATIENCE);
        }
        service.kill().unwrap();
        service.wait().unwrap();
        let (killed, before) = (Instant::now(), receiver.accepted());
        service = start(&folder);
        receiver.wait(PATIENCE, |accepted| accepted > before);
        pauses.push(killed.elapsed());
    }
    producing.join().unwrap();
    receiver.wait(PATIENCE, |_| receiver.distinct() == CHANGES);
    service.kill().unwrap();
    service.wait().unwrap();

    let told = receiver.told();
    let mut last: HashMap<usize, usize> = HashMap::new();
    let (mut seen, mut disorder) = (vec![false; CHANGES], 0);
    for change in &told {
        if !std::mem::replace(&mut seen[*change], true) {
            let before = last.insert(change % ROWS, *change);
            disorder += usize::from(before.is_some_and(|before| before > *change));
        }
    }
    let repeats = told.len() - CHANGES;
    let dropped = receiver.dropped();
    println!(
        "{name}: {CHANGES} changes, {KILLS} kills: 0 lost, {repeats} repeats \
         ({dropped} answers dropped), {disorder} breaks of order, posting again after {pauses:.1?}"
    );
    assert_eq!(disorder, 0, "posts of a row in another order than its changes");
    assert!(repeats <= dropped + REPEATS_OF_A_KILL * KILLS, "{repeats} repeats, {dropped} answers dropped");
    assert!(pauses.iter().all(|pause| *pause < promise), "{pauses:?}");
}

fn brokers() -> String {
    std::env::var("ROWBELL_KAFKA").expect("no Kafka named by ROWBELL_KAFKA; hint: make e2e-crash")
}

/// A topic of its own for each run.
fn create_topic(name: &str) -> String {
    let topic = format!("crash.public.listings-{name}-{}", std::process::id());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/stack/stack");
    let made = Command::new(script).args(["topic", "create", &topic, &PARTITIONS.to_string()]).status().unwrap();
    assert!(made.success(), "the topic could not be created");
    topic
}

/// The release binary with its config in a folder of its own, to be started there again.
fn service_on(
    topic: &str,
    name: &str,
    instance_id: Option<&str>,
    destination: &str,
    rules: &str,
    receiver: &Receiver,
) -> (Child, PathBuf) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(topic);
    std::fs::create_dir_all(&folder).unwrap();
    let instance = instance_id.map_or(String::new(), |id| format!("  instance_id: {id}\n"));
    let text = format!(
        "kafka:\n  brokers: \"{}\"\n  group: rowbell-crash-{name}-{}\n  topics: [\"{topic}\"]\n  start: earliest\n\
         {instance}destinations:\n  ops: {{ slack: {{ webhook_url: \"http://{}/slack\" }}, {destination} }}\n\
         rules:\n{rules}http: {{ listen: \"127.0.0.1:0\" }}\n",
        brokers(),
        std::process::id(),
        receiver.address,
    );
    std::fs::write(folder.join("rowbell.yaml"), text).unwrap();
    (start(&folder), folder)
}

fn start(folder: &Path) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("rowbell.log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
    command
        .args(["run", "-c"])
        .arg(folder.join("rowbell.yaml"))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn produce(brokers: &str, topic: &str) {
    let producer: ThreadedProducer<DefaultProducerContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).set("linger.ms", "0").create().unwrap();
    let began = Instant::now();
    for number in 0..CHANGES {
        let row = number % ROWS;
        let key = format!(r#"{{"id":{row}}}"#);
        producer.send(BaseRecord::to(topic).key(&key).payload(&change(row, number))).map_err(|(e, _)| e).unwrap();
        std::thread::sleep((PACE * number as u32).saturating_sub(began.elapsed()));
    }
    producer.flush(PATIENCE).unwrap();
}

/// An update whose new value tells which change it is.
fn change(row: usize, number: usize) -> String {
    let image = |note: i64| format!(r#"{{"id":{row},"note":"change {note} of them"}}"#);
    let before = number.checked_sub(ROWS).map_or(-1, |before| before as i64);
    format!(
        r#"{{"before":{},"after":{},"source":{{"connector":"postgresql","name":"crash","ts_ms":1795463892259,"snapshot":"false","db":"shop","schema":"public","table":"listings","txId":{number},"lsn":{}}},"op":"u","ts_ms":1795463892718}}"#,
        image(before),
        image(number as i64),
        28_000_000 + number * 160,
    )
}
