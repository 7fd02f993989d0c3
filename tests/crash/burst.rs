//! Ten thousand changes at once into a channel that takes one post a second.

use crate::feed::{Topic, change, note, producer, write};
use crate::receiver::{Faults, Post, Receiver};
use crate::service::{Kind, Replica, Setup};
use crate::{PATIENCE, REPEATS_OF_A_KILL, random};
use rdkafka::producer::Producer;
use std::time::{Duration, Instant};

const CHANGES: usize = 10_000;
const POSTS_MAX: usize = 30;
/// For all of them to be settled, and for the urgent one to be posted.
const SETTLED: Duration = Duration::from_secs(60);
const URGENT: Duration = Duration::from_secs(2);

/// At most one post in 12 s: the urgent one may have to wait for its turn.
const TEAMS: &str = "rate: 25/5m";
const TEAMS_TURN: Duration = Duration::from_secs(12);

/// The row that is urgent when it changes, and the rule that says so.
const URGENT_ROW: usize = 9_999;
const RULE: &str = "  - { name: urgent, table: public.listings, when: row.id == 9999, priority: critical, to: [ops], headline: \"urgent: told {{ row.note }}\" }\n";

/// How the changes are.
struct Burst {
    name: &'static str,
    topics: Vec<Topic>,
    setup: Setup,
    ops: Receiver,
    /// The change of this number, and its row; numbers begin at 0.
    change: fn(usize) -> (usize, String),
    kill: bool,
}

impl Burst {
    fn new(name: &'static str, partitions: i32) -> Self {
        let topics = vec![Topic::create(name, partitions)];
        let ops = Receiver::start(Faults { answer: Duration::from_millis(300), ..Faults::NONE });
        let mut setup = Setup::new(name, &topics, &ops);
        setup.destinations[0].2 = "rate: 1/s".to_owned();
        setup.rules = RULE.to_owned();
        Self { name, topics, setup, ops, change: |number| (number, update(number, number)), kill: false }
    }

    fn run(self) {
        let Self { name, topics, setup, ops, change, kill } = self;
        let mut service = setup.start("a");
        let producer = producer(None);
        let write = |number: usize| {
            let (row, value) = change(number);
            write(&producer, &topics, row, &value);
        };
        // One to know that the group has begun.
        write(0);
        for (.., receiver) in &setup.destinations {
            receiver.wait(PATIENCE, |posts| posts.len() == 1);
        }
        (1..CHANGES - 1).for_each(write);
        let mut exposed = 0;
        if kill {
            // A digest of most of them is on the wire, or was just accepted.
            ops.wait(PATIENCE, |posts| posts.len() == 2);
            std::thread::sleep(Duration::from_millis(random(name).u64(0..300)));
            service.kill();
            let posts = ops.posts();
            exposed = posts[posts.len().saturating_sub(REPEATS_OF_A_KILL)..].iter().map(|post| post.stands_for).sum();
            let assigned = |service: &Replica| service.log().matches("partition assigned").count();
            let before = assigned(&service);
            service = setup.start("a");
            while assigned(&service) == before {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        write(URGENT_ROW);
        producer.flush(PATIENCE).unwrap();
        let last = Instant::now();
        for (destination, kind, _, receiver) in &setup.destinations {
            receiver.wait(PATIENCE, |posts| posts.iter().any(is_urgent));
            let urgent = last.elapsed();
            receiver.wait(PATIENCE, |posts| stands_for(posts) >= CHANGES);
            let (settled, posts) = (last.elapsed(), receiver.posts());
            println!(
                "{name}, {destination}: {CHANGES} changes in {} posts that stand for {}, all settled {settled:.1?} after the \
                 last, the urgent one after {urgent:.1?}",
                posts.len(),
                stands_for(&posts)
            );
            let bodies: Vec<_> = posts.iter().map(|post| &post.body).collect();
            assert!((CHANGES..=CHANGES + exposed).contains(&stands_for(&posts)), "{bodies:#?}");
            assert!(posts.len() <= POSTS_MAX, "{bodies:#?}");
            let turn = if *kind == Kind::Teams { TEAMS_TURN } else { Duration::ZERO };
            assert!(settled < SETTLED && urgent < URGENT + turn, "{settled:?} {urgent:?}");
        }
        assert_eq!(service.has_ended(), None);
    }
}

fn update(row: usize, number: usize) -> String {
    change(row, Some(&note(number + CHANGES)), Some(&note(number)), "listings", number)
}

fn stands_for(posts: &[Post]) -> usize {
    posts.iter().map(|post| post.stands_for).sum()
}

fn is_urgent(post: &Post) -> bool {
    post.body.contains("urgent: told c")
}

#[test]
fn a_burst_is_a_few_digests_and_the_urgent_change_comes_first() {
    Burst::new("burst", 4).run();
}

#[test]
fn a_burst_into_a_hundred_rows_counts_every_change() {
    let change = |number: usize| {
        // The urgent row comes once.
        let row = if number == URGENT_ROW { URGENT_ROW } else { number % 100 };
        (row, update(row, number))
    };
    Burst { change, ..Burst::new("burst-rows", 4) }.run();
}

#[test]
fn a_burst_of_everything_into_two_channels() {
    let mut burst = Burst::new("burst-all", 8);
    let floor = Receiver::start(Faults::NONE);
    burst.setup.destinations.push(("floor", Kind::Teams, TEAMS.to_owned(), floor));
    burst.setup.rules = RULE.replace("to: [ops]", "to: [ops, floor]")
        + "  - { name: gone, table: public.listings, on: [delete], to: [ops, floor], priority: low, headline: \"told {{ row.note }}\" }\n  \
           - { name: new, table: \"public.*\", on: [create], to: [ops, floor], headline: \"told {{ row.note }}\" }\n  \
           - { name: orders, table: public.orders, to: [ops, floor], headline: \"told {{ row.note }}\" }\n";
    // Each row once: what comes and goes within a burst has nothing to say.
    burst.change = |number| {
        let note = note(number);
        let (before, after, table) = match number % 4 {
            _ if number == URGENT_ROW => (Some("before"), Some(&*note), "listings"),
            0 => (Some("before"), Some(&*note), "listings"),
            1 => (None, Some(&*note), "listings"),
            2 => (Some(&*note), None, "listings"),
            _ => (Some("before"), Some(&*note), "orders"),
        };
        (number, change(number, before, after, table, number))
    };
    burst.run();
}

#[test]
fn a_burst_with_a_kill_in_the_midst_of_it_loses_nothing() {
    let mut burst = Burst { kill: true, ..Burst::new("burst-kill", 4) };
    burst.setup.is_static = true;
    burst.run();
}
