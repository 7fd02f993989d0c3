//! How much work a topic is that matters to hardly anybody, and how fast a change becomes a post.
//!
//! `make bench` brings Kafka up and runs this against the release binary:
//!
//! - Drain: 300,000 changes of about 1.7 KB (full source block, lz4, 4 partitions), 1 in 3,000 of them relevant; CPU
//!   seconds and memory of `rowbell run`, beside a bare librdkafka consumer that only counts the same records.
//! - Latency: from produce to the request's arrival on loopback, at 20 changes a second.
//! - Outage: what a destination that is down costs the others, and the memory, while a million changes come for it.
//! - Scale: the same backlog, and one that is posted, with one, two and four replicas over 8 partitions.
//!
//! Figures are ratios of one run: absolute ones say more about the machine.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[path = "drain/outage.rs"]
mod outage;
#[path = "../tests/e2e/receiver.rs"]
#[expect(dead_code, reason = "the end-to-end tests use the rest")]
mod receiver;
#[path = "drain/scale.rs"]
mod scale;

use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::topic_partition_list::Offset;
use receiver::{Channel, Receiver};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const RECORDS: usize = 300_000;
const RELEVANT_EVERY: usize = 3_000;
const PARTITIONS: i32 = 4;
const RUNS: usize = 3;
const LATENCY_SAMPLES: usize = 400;
const LATENCY_PAUSE: Duration = Duration::from_millis(50);
/// Changes before the first sample, one right after the other: they open connections, and the broker compiles its code.
const LATENCY_WARM_UP: usize = 2_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// The argument that makes this binary the bare consumer.
const COUNT: &str = "--count-records-of";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let Some(brokers) = std::env::var("ROWBELL_KAFKA").ok() else {
        println!("drain: no Kafka named by ROWBELL_KAFKA; hint: make bench brings one up and runs this");
        return;
    };
    if let Some(index) = arguments.iter().position(|argument| argument == COUNT) {
        return count(&brokers, &arguments[index + 1]);
    }
    if arguments.iter().any(|argument| argument == "latency") {
        return latency(&brokers);
    }
    if arguments.iter().any(|argument| argument == "scale") {
        return scale::scale(&brokers);
    }
    if arguments.iter().any(|argument| argument == "outage") {
        return outage::outage(&brokers);
    }
    drain(&brokers);
    if arguments.iter().any(|argument| argument == "drain") {
        return;
    }
    latency(&brokers);
    outage::outage(&brokers);
    scale::scale(&brokers);
}

fn drain(brokers: &str) {
    let topic = format!("bench.public.listings-{}", std::process::id());
    create_topic(&topic, PARTITIONS);
    let bytes = fill(brokers, &topic, PARTITIONS);
    println!("topic: {RECORDS} changes, {} bytes each on average, {PARTITIONS} partitions, lz4", bytes / RECORDS);

    let mut ratios = Vec::new();
    for run in 1..=RUNS {
        let bare = bare(&topic);
        let (cpu, wall, memory_kib) = rowbell(brokers, &topic, run);
        println!(
            "run {run}: bare consumer {:.2} CPU-s, {:.2} s; rowbell {cpu:.2} CPU-s, {wall:.2} s, peak memory {} MiB: {:.2}x the CPU",
            bare.0,
            bare.1,
            memory_kib / 1024,
            cpu / bare.0
        );
        ratios.push(cpu / bare.0);
    }
    ratios.sort_by(f64::total_cmp);
    println!("drain: median {:.2}x the CPU seconds of a bare consumer", ratios[RUNS / 2]);
}

fn create_topic(topic: &str, partitions: i32) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/stack/stack");
    let status = Command::new(script).args(["topic", "create", topic, &partitions.to_string()]).status().unwrap();
    assert!(status.success(), "the topic could not be created");
}

/// A change as Debezium's JSON converter writes it without a schema.
fn change(id: usize, old_stock: i64, new_stock: i64) -> String {
    let image = |stock: i64, at: &str| {
        format!(
            r#"{{"id":{id},"sku":"SKU-{id:06}","title":"Oak chair no. {id}","description":"{}","prod_stk_qty":{stock},"price":"{}.99","currency":"USD","status":"active","tags":["wood","chair"],"attributes":"{{\"dims\": {{\"h\": 90, \"w\": 40}}, \"colour\": \"oak\"}}","seller_id":1,"external_uuid":"8a6e0804-2bd0-4672-b79d-d97027f9071a","listed_on":20468,"reserved_until":null,"updated_at":"{at}"}}"#,
            "A long description. ".repeat(11),
            id % 900,
        )
    };
    let lsn = 28_000_000 + id * 160;
    format!(
        r#"{{"before":{},"after":{},"source":{{"version":"3.6.3.Final","connector":"postgresql","name":"bench","ts_ms":1795463892259,"snapshot":"false","db":"shop","sequence":"[\"{lsn}\",\"{lsn}\"]","ts_us":1795463892259569,"ts_ns":1795463892259569000,"schema":"public","table":"listings","txId":{id},"lsn":{lsn},"xmin":null,"origin":null,"origin_lsn":null}},"transaction":{{"id":"{id}:{lsn}","total_order":1,"data_collection_order":1}},"op":"u","ts_ms":1795463892718,"ts_us":1795463892718382,"ts_ns":1795463892718382435}}"#,
        image(old_stock, "2026-11-23T19:58:10.098508Z"),
        image(new_stock, "2026-11-23T20:00:57.940441Z"),
    )
}

/// A producer with a thread of its own: `flush` and `poll` sleep in steps of 100 ms.
fn producer(brokers: &str) -> ThreadedProducer<DefaultProducerContext> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("compression.type", "lz4")
        // Latency is measured from here on: no waiting for company.
        .set("linger.ms", "0")
        .create()
        .unwrap()
}

fn fill(brokers: &str, topic: &str, partitions: i32) -> usize {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("compression.type", "lz4").set("linger.ms", "50");
    let producer: BaseProducer = config.create().unwrap();
    let mut bytes = 0;
    for id in 0..RECORDS {
        let relevant = id % RELEVANT_EVERY == 0;
        let value = change(id, if relevant { 1 } else { 5 }, if relevant { 0 } else { 5 });
        bytes += value.len();
        let key = format!(r#"{{"id":{id}}}"#);
        let mut record = BaseRecord::to(topic).partition((id % partitions as usize) as i32).key(&key).payload(&value);
        while let Err((_, refused)) = producer.send(record) {
            producer.poll(Duration::from_millis(10));
            record = refused;
        }
    }
    producer.flush(PATIENCE).unwrap();
    bytes
}

/// CPU seconds and wall seconds of the bare consumer.
fn bare(topic: &str) -> (f64, f64) {
    let output = Command::new(std::env::current_exe().unwrap()).args([COUNT, topic]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut words = text.split_whitespace().map(|word| word.parse::<f64>().expect(&text));
    (words.next().unwrap(), words.next().unwrap())
}

/// The bare consumer: reads every record and counts it.
fn count(brokers: &str, topic: &str) {
    let began = Instant::now();
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "bench-bare").create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (mut records, mut bytes) = (0, 0);
    while records < RECORDS {
        if let Some(message) = consumer.poll(Duration::from_secs(1)) {
            bytes += message.unwrap().payload().map_or(0, <[u8]>::len);
            records += 1;
        }
        assert!(began.elapsed() < PATIENCE, "{records} records of {RECORDS}, {bytes} bytes");
    }
    println!("{} {}", cpu_seconds("self"), began.elapsed().as_secs_f64());
}

/// CPU seconds, wall seconds and peak memory (KiB) of draining the topic.
fn rowbell(brokers: &str, topic: &str, run: usize) -> (f64, f64, u64) {
    let receiver = Receiver::start();
    let service = Service::start(brokers, topic, &format!("bench-{}-{run}", std::process::id()), "earliest", &receiver);
    let began = Instant::now();
    let posts = RECORDS / RELEVANT_EVERY;
    let done = |metrics: &str| {
        sum(metrics, "rowbell_records_total{kind=\"change\"") as usize == RECORDS
            && sum(metrics, "rowbell_posts_total") as usize == posts
            && sum(metrics, "rowbell_uncommitted_records") == 0.0
    };
    while !done(&service.metrics()) {
        assert!(began.elapsed() < PATIENCE, "not drained:\n{}", service.metrics());
        std::thread::sleep(Duration::from_millis(100));
    }
    let wall = began.elapsed().as_secs_f64();
    let id = service.child.id().to_string();
    (cpu_seconds(&id), wall, peak_memory_kib(&id))
}

/// From produce to the arrival of the post, beside the arrival at a bare consumer: what Kafka takes, and what Rowbell adds.
fn latency(brokers: &str) {
    let topic = format!("bench.public.latency-{}", std::process::id());
    create_topic(&topic, PARTITIONS);
    let receiver = Receiver::start();
    let group = format!("bench-latency-{}", std::process::id());
    let _service = Service::start(brokers, &topic, &group, "earliest", &receiver);
    let bare = bare_arrivals(brokers, &topic, |_| true);
    let producer = producer(brokers);
    let (mut posted_us, mut bare_us) = (Vec::new(), Vec::new());
    for id in 0..LATENCY_WARM_UP + LATENCY_SAMPLES {
        let (key, value) = (format!(r#"{{"id":{id}}}"#), change(id, 1, 0));
        let sent = Instant::now();
        producer.send(BaseRecord::to(&topic).key(&key).payload(&value)).map_err(|(error, _)| error).unwrap();
        let arrival = receiver.wait(PATIENCE, |a| a.channel == Channel::Slack);
        receiver.forget();
        let read = bare.recv_timeout(PATIENCE).unwrap();
        if id >= LATENCY_WARM_UP {
            posted_us.push(arrival.at.duration_since(sent).as_micros());
            bare_us.push(read.duration_since(sent).as_micros());
            std::thread::sleep(LATENCY_PAUSE.saturating_sub(sent.elapsed()));
        }
    }
    println!("latency at 20 changes a second, {LATENCY_SAMPLES} samples:");
    println!("  produce to a bare consumer: {}", percentiles(&bare_us));
    println!("  produce to POST:            {}", percentiles(&posted_us));
}

fn percentiles(taken_us: &[u128]) -> String {
    let at = |share| percentile_ms(taken_us, share);
    format!("p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(0.5), at(0.9), at(0.99), at(1.0))
}

fn percentile_ms(taken_us: &[u128], share: f64) -> f64 {
    let mut sorted = taken_us.to_vec();
    sorted.sort_unstable();
    sorted[((sorted.len() - 1) as f64 * share) as usize] as f64 / 1000.0
}

/// When a consumer that does nothing else gets each record whose key is wanted.
fn bare_arrivals(brokers: &str, topic: &str, wanted: fn(&[u8]) -> bool) -> std::sync::mpsc::Receiver<Instant> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "bench-bare").create().unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let (arrived, arrivals) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        loop {
            if let Some(message) = consumer.poll(Duration::from_secs(1)) {
                let message = message.unwrap();
                let at = Instant::now();
                if message.key().is_some_and(wanted) && arrived.send(at).is_err() {
                    return;
                }
            }
        }
    });
    arrivals
}

struct Service {
    child: Child,
    http: SocketAddr,
}

impl Service {
    fn start(brokers: &str, topic: &str, group: &str, start: &str, receiver: &Receiver) -> Self {
        let service = Self::launch(brokers, topic, (group, group), &format!("start: {start}"), receiver.address);
        service.await_start(topic);
        service
    }

    fn await_start(&self, topic: &str) {
        let began = Instant::now();
        while !self.metrics().contains(&format!("topic=\"{topic}\"")) {
            assert!(began.elapsed() < PATIENCE, "rowbell does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A replica of a group, by its own name; `kafka` holds further settings of that section.
    fn launch(brokers: &str, topic: &str, (group, name): (&str, &str), kafka: &str, receiver: SocketAddr) -> Self {
        Self::run(name, |http| {
            format!(
                "kafka: {{ brokers: \"{brokers}\", group: {group}, topics: [\"{topic}\"], {kafka} }}\n\
                 destinations:\n  ops: {{ slack: {{ webhook_url: \"http://{receiver}/slack\" }}, rate: 1000/s, burst: 1000 }}\n\
                 rules:\n  - name: out-of-stock\n    table: public.listings\n    columns: [prod_stk_qty]\n    \
                 when: before.prod_stk_qty > 0 and after.prod_stk_qty == 0\n    to: [ops]\n\
                 http: {{ listen: \"{http}\" }}\n",
            )
        })
    }

    /// With a config that is told where to listen.
    fn run(name: &str, config: impl FnOnce(SocketAddr) -> String) -> Self {
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yaml"));
        std::fs::write(&file, config(http)).unwrap();
        let child =
            Command::new(env!("CARGO_BIN_EXE_rowbell")).args(["run", "-c"]).arg(&file).env("RUST_LOG", "warn").spawn();
        Self { child: child.unwrap(), http }
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        if let Ok(mut stream) = TcpStream::connect(self.http)
            && write!(stream, "GET /metrics HTTP/1.1\r\nhost: rowbell\r\nconnection: close\r\n\r\n").is_ok()
            && stream.read_to_string(&mut text).is_err()
        {
            text.clear();
        }
        text
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sum(metrics: &str, name: &str) -> f64 {
    metrics
        .lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum()
}

/// User and system time of a process so far (proc(5), fields 14 and 15, in hundredths of a second).
fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

fn peak_memory_kib(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
