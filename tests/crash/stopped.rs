//! A replica that stands still for longer than its session (SIGSTOP, a frozen container, a host that is out of memory), and
//! wakes up in a group that has given its partitions to another.

use crate::feed::{PACE, ROWS, Topic, producer, send};
use crate::receiver::{Faults, Receiver};
use crate::service::Setup;
use crate::verdict::{Verdict, wait_all};
use crate::{PATIENCE, REPEATS_OF_A_KILL};
use rdkafka::producer::Producer;
use std::time::Duration;

const ROUNDS: usize = 4;

/// More than a replica posts before it is stopped.
const BACKLOG: usize = 600;

#[test]
fn a_replica_that_slept_beyond_its_session_posts_nothing_that_another_has_posted() {
    run("slept", false);
}

#[test]
fn a_replica_of_the_next_protocol_that_slept_beyond_its_session_posts_nothing_that_another_has_posted() {
    run("slept-next", true);
}

fn run(name: &str, is_next_protocol: bool) {
    let topics = [Topic::create(name, 4)];
    let receiver = Receiver::start(Faults { answer: Duration::from_millis(15), ..Faults::NONE });
    let setup = Setup { is_next_protocol, ..Setup::new(name, &topics, &receiver) };
    let replicas = [setup.start("a"), setup.start("b")];
    let producer = producer(None);
    let mut sent = 0;
    let mut write = |more: usize, pace: Duration| {
        for _ in 0..more {
            send(&producer, &topics, ROWS, sent);
            sent += 1;
            std::thread::sleep(pace);
        }
        producer.flush(PATIENCE).unwrap();
        sent
    };
    let (mut late, mut changes) = (0, 0);
    for round in 0..ROUNDS {
        let (sleeper, other) = (&replicas[round % 2], &replicas[1 - round % 2]);
        // Until both have partitions.
        let posts_of =
            |by: &str, since: usize| receiver.posts()[since..].iter().filter(|post| post.by == path(by)).count();
        let since = receiver.accepted();
        while posts_of(&sleeper.name, since) == 0 || posts_of(&other.name, since) == 0 {
            changes = write(20, PACE);
            wait_all(&receiver, changes, PATIENCE);
        }
        // A backlog for each, in the midst of which one falls asleep.
        let before = receiver.accepted();
        changes = write(BACKLOG, Duration::ZERO);
        receiver
            .wait(PATIENCE, |posts| posts[before..].iter().filter(|post| post.by == path(&sleeper.name)).count() > 20);
        if round < 2 {
            receiver.hold(PATIENCE);
        }
        sleeper.stop();
        receiver.let_go();
        wait_all(&receiver, changes, PATIENCE);
        let before = receiver.accepted();
        sleeper.wake();
        // Awake and at work: it tells what came since.
        let old = changes;
        let is_back = |by: &str| {
            let posts = receiver.posts();
            posts[before..].iter().any(|post| post.by == path(by) && post.told.is_some_and(|told| told >= old))
        };
        while !is_back(&sleeper.name) {
            changes = write(20, PACE);
            wait_all(&receiver, changes, PATIENCE);
        }
        let posts = receiver.posts();
        let told_again = posts[before..].iter().filter(|post| post.by == path(&sleeper.name) && post.told < Some(old));
        late += told_again.count();
    }
    let verdict = Verdict::of(&receiver, changes);
    println!("{name}: {ROUNDS} replicas stopped and woken: {late} posts of what another had posted; {verdict}");
    assert_eq!(late, 0, "a woken replica posted what another had posted");
    verdict.hold(REPEATS_OF_A_KILL * ROUNDS);
}

fn path(replica: &str) -> String {
    format!("/{replica}")
}
