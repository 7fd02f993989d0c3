//! The group in turmoil: replicas that join and leave every second, and a broker that dies under them.

use crate::feed::{Feed, PACE, Topic};
use crate::receiver::{Faults, Receiver};
use crate::service::{Replica, Setup};
use crate::verdict::{Verdict, wait_all};
use crate::{PATIENCE, REPEATS_OF_A_KILL, random};
use std::process::Command;
use std::time::{Duration, Instant};

const CHANGES: usize = 2_000;

/// How long replicas come and go.
const STORM: Duration = Duration::from_secs(25);

/// Replicas at once, at most.
const REPLICAS_MAX: usize = 4;

#[test]
fn a_storm_of_rebalances_loses_nothing_and_repeats_nothing() {
    storm("storm", false);
}

#[test]
fn a_storm_of_rebalances_of_the_next_protocol_loses_nothing_and_repeats_nothing() {
    storm("storm-next", true);
}

fn storm(name: &str, is_next_protocol: bool) {
    let topics = [Topic::create(name, 6)];
    let receiver = Receiver::start(Faults::SOME);
    let setup = Setup { is_next_protocol, ..Setup::new(name, &topics, &receiver) };
    let mut random = random(name);
    let mut running: Vec<Replica> = vec![setup.start("r0"), setup.start("r1")];
    let mut leaving: Vec<Replica> = Vec::new();
    let feed = Feed::start(&topics, CHANGES, PACE);
    receiver.wait(PATIENCE, |posts| !posts.is_empty());
    let (began, mut joined, mut left) = (Instant::now(), 2, 0);
    while began.elapsed() < STORM {
        std::thread::sleep(Duration::from_millis(random.u64(200..1_500)));
        if running.len() == 1 || running.len() < REPLICAS_MAX && random.bool() {
            running.push(setup.start(&format!("r{joined}")));
            joined += 1;
        } else {
            let replica = running.swap_remove(random.usize(..running.len()));
            replica.ask_to_end();
            leaving.push(replica);
            left += 1;
        }
    }
    let changes = feed.finish();
    wait_all(&receiver, changes, PATIENCE);
    for mut replica in leaving {
        let status = replica.wait(PATIENCE);
        assert!(status.success(), "{} ended with {status}", replica.name);
    }
    running.iter_mut().for_each(|replica| assert_eq!(replica.has_ended(), None, "{} ended", replica.name));
    let verdict = Verdict::of(&receiver, changes);
    println!("{name}: {joined} replicas joined, {left} left: {verdict}");
    verdict.hold(0);
}

#[test]
fn a_broker_that_dies_and_comes_back_costs_nothing() {
    let name = "broker";
    let topics = [Topic::create(name, 4)];
    let receiver = Receiver::start(Faults::ALL);
    let setup = Setup::new(name, &topics, &receiver);
    let mut running = [setup.start("a"), setup.start("b")];
    let feed = Feed::start(&topics, CHANGES, PACE);
    receiver.wait(PATIENCE, |posts| posts.len() > 300);
    let mut pauses = Vec::new();
    for restart in 0..2 {
        stack("kafka-stop");
        // Not there for long, or beyond every session.
        std::thread::sleep(Duration::from_secs(1 + 9 * restart));
        stack("kafka-start");
        let (up, before) = (Instant::now(), receiver.accepted());
        receiver.wait(PATIENCE, |posts| posts.len() > before + 300);
        pauses.push(up.elapsed());
    }
    let changes = feed.finish();
    wait_all(&receiver, changes, PATIENCE);
    running.iter_mut().for_each(|replica| assert_eq!(replica.has_ended(), None, "{} ended", replica.name));
    let verdict = Verdict::of(&receiver, changes);
    println!("{name}: killed and started twice: {verdict}; 300 posts more {pauses:.1?} after it was ready");
    verdict.hold(REPEATS_OF_A_KILL * 2 * running.len());
}

pub fn stack(command: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/stack/stack");
    assert!(Command::new(script).arg(command).status().unwrap().success(), "{command} failed");
}
