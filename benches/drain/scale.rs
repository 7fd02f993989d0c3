//! How long a backlog takes one, two and four replicas of a group.
//!
//! The replicas share 8 partitions first, and stand still (SIGSTOP) while the backlog is written, so that all begin at once.
//! Two backlogs: one of changes that hardly anybody wants, whose limit is the processor, and one of changes that are posted
//! one by one to a receiver that takes its time, whose limit is the lane of each replica. All run on this machine, the broker
//! and the receiver beside them: the first cannot get faster than its cores allow.

#[path = "../../tests/crash/receiver.rs"]
#[expect(dead_code, reason = "the crash tests use the rest")]
mod receiver;

use super::{PATIENCE, RECORDS, RELEVANT_EVERY, Service, change, cpu_seconds, create_topic, fill, producer, sum};
use rdkafka::producer::{BaseRecord, Producer};
use receiver::{Faults, Receiver};
use std::process::Command;
use std::time::{Duration, Instant};

const REPLICAS: [usize; 3] = [1, 2, 4];
const PARTITIONS: i32 = 8;

/// Changes that are posted one by one, and how long the receiver takes for each.
const POSTS: usize = 600;
const ANSWER: Duration = Duration::from_millis(25);

/// Longer than the backlog takes to be written: nobody is taken for dead meanwhile.
const SESSION: &str = "start: earliest, properties: { session.timeout.ms: 120000 }";

pub fn scale(brokers: &str) {
    println!("scale: {PARTITIONS} partitions, {} cores", std::thread::available_parallelism().map_or(1, usize::from));
    let drained = REPLICAS.map(|replicas| run(brokers, replicas, Backlog::Read));
    let posted = REPLICAS.map(|replicas| run(brokers, replicas, Backlog::Post));
    for (what, taken) in [("read and judged", drained), ("posted one by one", posted)] {
        for (replicas, (wall, cpu)) in REPLICAS.into_iter().zip(taken) {
            println!(
                "  {what}, {replicas} replica{}: {wall:.2} s, {cpu:.2} CPU-s: {:.2}x as fast as one, {:.2}x its CPU",
                if replicas == 1 { "" } else { "s" },
                taken[0].0 / wall,
                cpu / taken[0].1,
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Backlog {
    Read,
    Post,
}

/// Wall and CPU seconds.
fn run(brokers: &str, replicas: usize, backlog: Backlog) -> (f64, f64) {
    let name = format!("scale-{}-{replicas}-{}", backlog as u8, std::process::id());
    let topic = format!("bench.public.listings-{name}");
    create_topic(&topic, PARTITIONS);
    let answer = if backlog == Backlog::Post { ANSWER } else { Duration::ZERO };
    let receiver = Receiver::start(Faults { answer, ..Faults::NONE });
    let services: Vec<_> = (0..replicas)
        .map(|index| Service::launch(brokers, &topic, (&name, &format!("{name}-{index}")), SESSION, receiver.address))
        .collect();
    let share = PARTITIONS as usize / replicas;
    await_that(|| services.iter().all(|service| owned(service, &topic) == share), "no fair share");
    services.iter().for_each(|service| signal(service, "STOP"));
    let posts = match backlog {
        Backlog::Read => {
            fill(brokers, &topic, PARTITIONS);
            RECORDS / RELEVANT_EVERY
        }
        Backlog::Post => {
            let producer = producer(brokers);
            for id in 0..POSTS {
                let (key, value) = (format!(r#"{{"id":{id}}}"#), change(id, 1, 0));
                let record = BaseRecord::to(&topic).partition(id as i32 % PARTITIONS).key(&key).payload(&value);
                producer.send(record).map_err(|(error, _)| error).unwrap();
            }
            producer.flush(PATIENCE).unwrap();
            POSTS
        }
    };
    let before: f64 = services.iter().map(cpu).sum();
    let began = Instant::now();
    services.iter().for_each(|service| signal(service, "CONT"));
    let all = |name: &str| services.iter().map(|service| sum(&service.metrics(), name)).sum::<f64>();
    await_that(
        || {
            all("rowbell_posts_total") as usize == posts
                && all("rowbell_uncommitted_records") == 0.0
                && (backlog == Backlog::Post || all("rowbell_records_total{kind=\"change\"") as usize == RECORDS)
        },
        "not drained",
    );
    let wall = began.elapsed().as_secs_f64();
    (wall, services.iter().map(cpu).sum::<f64>() - before)
}

fn cpu(service: &Service) -> f64 {
    cpu_seconds(&service.child.id().to_string())
}

fn owned(service: &Service, topic: &str) -> usize {
    let of_it = |line: &&str| line.starts_with("rowbell_uncommitted_records{") && line.contains(topic);
    service.metrics().lines().filter(of_it).count()
}

fn signal(service: &Service, signal: &str) {
    let id = service.child.id().to_string();
    assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
}

fn await_that(holds: impl Fn() -> bool, otherwise: &str) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{otherwise}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
