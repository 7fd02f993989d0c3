//! What a destination that is down costs the others, and the memory, while a million changes come for it.
//!
//! Two destinations, each with a rule of its own. One refuses connections: all that comes for it waits, into digests, or with
//! `digest: off` as offsets. The other is up, and gets changes at a steady pace of its own in the same partitions: while nothing
//! else happens, while the million comes, and when all of it has been read and still waits. Every change of the million is
//! another row's, so that nothing folds. A bare consumer reads beside it: what the broker and the machine take is in both.

use super::{
    LATENCY_WARM_UP, PARTITIONS, PATIENCE, Service, bare_arrivals, change, create_topic, peak_memory_kib,
    percentile_ms, percentiles, producer, sum,
};
use crate::receiver::{Channel, Receiver};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const CHANGES: usize = 1_000_000;
/// A second: a storm, and not yet more than two cores can read and judge.
const CHANGES_PACE: usize = 15_000;
const TICK: Duration = Duration::from_millis(2);

/// Of the other destination's changes.
const PAUSE: Duration = Duration::from_millis(25);
const SAMPLES: usize = 600;
/// Their rows are none of the million's.
const FIRST_ROW: usize = CHANGES;

pub fn outage(brokers: &str) {
    for (name, digest) in [("digests", "{ after: 30s }"), ("digest: off", "off")] {
        run(brokers, name, digest);
    }
}

fn run(brokers: &str, name: &str, digest: &str) {
    let group = format!("outage-{}-{}", if digest == "off" { "off" } else { "on" }, std::process::id());
    let topic = format!("{group}.public.listings");
    create_topic(&topic, PARTITIONS);
    let receiver = Receiver::start();
    // Nobody listens there any more.
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let service = Service::run(&group, |http| {
        format!(
            "kafka: {{ brokers: \"{brokers}\", group: {group}, topics: [\"{topic}\"], start: earliest }}\n\
             destinations:\n  up: {{ slack: {{ webhook_url: \"http://{}/slack\" }}, rate: 1000/s, burst: 1000 }}\n  \
             down: {{ slack: {{ webhook_url: \"http://{down}/slack\" }}, digest: {digest} }}\n\
             rules:\n  - {{ name: sold-out, table: public.listings, columns: [prod_stk_qty], when: after.prod_stk_qty == 0, to: [up] }}\n  \
             - {{ name: stock, table: public.listings, columns: [prod_stk_qty], when: after.prod_stk_qty > 0, to: [down] }}\n\
             http: {{ listen: \"{http}\" }}\n",
            receiver.address,
        )
    });
    service.await_start(&topic);
    let bare = bare_arrivals(brokers, &topic, is_the_others);
    let mut other = Other { brokers, topic: &topic, receiver: &receiver, bare, row: FIRST_ROW };
    other.latencies(LATENCY_WARM_UP, Duration::ZERO, &AtomicBool::new(false));
    let idle = other.latencies(SAMPLES, PAUSE, &AtomicBool::new(false));

    let (began, is_read) = (Instant::now(), AtomicBool::new(false));
    let (coming, late) = std::thread::scope(|scope| {
        let million = scope.spawn(|| {
            write_million(brokers, &topic);
            let ended = Instant::now();
            await_that(&service, |metrics| sum(metrics, "rowbell_notices_total{rule=\"stock\"}") as usize == CHANGES);
            is_read.store(true, Ordering::Relaxed);
            ended.elapsed()
        });
        (other.latencies(usize::MAX, PAUSE, &is_read), million.join().unwrap())
    });
    let took = began.elapsed();
    let waiting = other.latencies(SAMPLES, PAUSE, &AtomicBool::new(false));

    await_that(&service, |metrics| sum(metrics, "rowbell_consumer_lag{") == 0.0);
    let metrics = service.metrics();
    assert_eq!(sum(&metrics, "rowbell_posts_total{destination=\"down\",outcome=\"delivered\"}"), 0.0);
    let up = sum(&metrics, "rowbell_posts_total{destination=\"up\",outcome=\"delivered\"}") as usize;
    assert_eq!(up, other.row - FIRST_ROW, "posts of the destination that is up");
    println!(
        "outage, {name}: {CHANGES} changes within {:.0} s for a destination that is down, all read {:.1} s after the last; peak memory {:.0} MB",
        took.as_secs_f64(),
        late.as_secs_f64(),
        peak_memory_kib(&service.child.id().to_string()) as f64 * 1024.0 / 1e6,
    );
    for (when, taken) in [("idle           ", &idle), ("while they come", &coming), ("when all wait  ", &waiting)] {
        let times = |of: &[u128], idle: &[u128]| percentile_ms(of, 0.99) / percentile_ms(idle, 0.99);
        println!("  the other destination, {when}, produce to a bare consumer: {}", percentiles(&taken.bare_us));
        println!("  the other destination, {when}, produce to POST:            {}", percentiles(&taken.posted_us));
        println!(
            "    p99 as a multiple of idle: {:.2}x, of the bare consumer's now: {:.2}x",
            times(&taken.posted_us, &idle.posted_us),
            times(&taken.posted_us, &taken.bare_us),
        );
    }
}

/// Is this key of one of the other destination's rows?
fn is_the_others(key: &[u8]) -> bool {
    let row = std::str::from_utf8(key).ok().and_then(|key| key.strip_prefix(r#"{"id":"#)?.strip_suffix('}'));
    row.and_then(|row| row.parse::<usize>().ok()).is_some_and(|row| row >= FIRST_ROW)
}

fn write_million(brokers: &str, topic: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("compression.type", "lz4").set("linger.ms", "5");
    let producer: BaseProducer = config.create().unwrap();
    let began = Instant::now();
    for row in 0..CHANGES {
        let due = Duration::from_secs_f64(row as f64 / CHANGES_PACE as f64);
        let early = due.saturating_sub(began.elapsed());
        if early > TICK {
            producer.poll(Duration::ZERO);
            sleep(early);
        }
        let (key, value) = (format!(r#"{{"id":{row}}}"#), change(row, 5, 6));
        let mut record = BaseRecord::to(topic).partition(row as i32 % PARTITIONS).key(&key).payload(&value);
        while let Err((_, refused)) = producer.send(record) {
            producer.poll(Duration::from_millis(10));
            record = refused;
        }
    }
    producer.flush(PATIENCE).unwrap();
}

/// What comes for the destination that is up.
struct Other<'a> {
    brokers: &'a str,
    topic: &'a str,
    receiver: &'a Receiver,
    /// When a bare consumer had each of its changes.
    bare: std::sync::mpsc::Receiver<Instant>,
    /// The next change's.
    row: usize,
}

/// Microseconds from produce to the arrival.
#[derive(Default)]
struct Taken {
    posted_us: Vec<u128>,
    bare_us: Vec<u128>,
}

impl Other<'_> {
    /// Of so many changes, or until told.
    fn latencies(&mut self, samples: usize, pause: Duration, until: &AtomicBool) -> Taken {
        let producer = producer(self.brokers);
        let mut taken = Taken::default();
        while taken.posted_us.len() < samples && !until.load(Ordering::Relaxed) {
            let (key, value) = (format!(r#"{{"id":{}}}"#, self.row), change(self.row, 1, 0));
            self.row += 1;
            let sent = Instant::now();
            producer.send(BaseRecord::to(self.topic).key(&key).payload(&value)).map_err(|(error, _)| error).unwrap();
            let arrival = self.receiver.wait(PATIENCE, |arrival| arrival.channel == Channel::Slack);
            self.receiver.forget();
            let read = self.bare.recv_timeout(PATIENCE).unwrap();
            taken.posted_us.push(arrival.at.duration_since(sent).as_micros());
            taken.bare_us.push(read.duration_since(sent).as_micros());
            sleep(pause.saturating_sub(sent.elapsed()));
        }
        taken
    }
}

fn await_that(service: &Service, holds: impl Fn(&str) -> bool) {
    let began = Instant::now();
    loop {
        let metrics = service.metrics();
        if holds(&metrics) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}:\n{metrics}");
        sleep(Duration::from_millis(100));
    }
}
