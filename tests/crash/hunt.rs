//! Everything that can happen to a group, drawn by seed, for as long as `ROWBELL_HUNT` says (in seconds).

use crate::feed::{Feed, PACE, Topic};
use crate::group::stack;
use crate::receiver::{Faults, Receiver};
use crate::service::{Kind, Replica, SINGLY, Setup};
use crate::verdict::{Verdict, wait_all};
use crate::{PATIENCE, REPEATS_OF_A_KILL, random};
use fastrand::Rng;
use std::time::{Duration, Instant};

/// Unless `ROWBELL_HUNT` says otherwise.
const SHORT: Duration = Duration::from_secs(30);

/// Changes at least.
const CHANGES: usize = 1_000;

const REPLICAS_MAX: usize = 3;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    Kill,
    /// And again before it is there.
    KillTwice,
    KillAll,
    /// SIGTERM, and a new start.
    Restart,
    Join,
    Leave,
    /// SIGSTOP for less than a session.
    Nap,
    /// SIGSTOP beyond the session.
    Sleep,
    Broker,
    /// A destination accepts nothing for a while.
    Outage,
}

#[test]
fn whatever_happens_nothing_is_lost() {
    let long = std::env::var("ROWBELL_HUNT").ok().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let mut random = random("hunt");
    let topics: Vec<_> =
        (0..random.usize(1..4)).map(|index| Topic::create(&format!("hunt-{index}"), random.i32(1..6))).collect();
    let receivers: Vec<_> = (0..random.usize(1..4)).map(|_| Receiver::start(Faults::ALL)).collect();
    let mut setup = Setup {
        is_static: random.bool(),
        is_next_protocol: random.u8(..3) == 0,
        destinations: receivers
            .iter()
            .enumerate()
            .map(|(index, receiver)| destination(index, receiver, &mut random))
            .collect(),
        ..Setup::new("hunt", &topics, &receivers[0])
    };
    if random.bool() {
        setup.limits = format!("{{ pending_bytes: {}KiB }}", random.u32(256..4096));
    }
    let events = events(&setup);
    println!(
        "hunt: {} topics, {:?}, static {}, next protocol {}, limits {}",
        topics.len(),
        setup.destinations.iter().map(|(_, kind, settings, _)| (kind, settings)).collect::<Vec<_>>(),
        setup.is_static,
        setup.is_next_protocol,
        setup.limits
    );
    let pace = PACE * random.u32(1..4);
    let feed = match random.bool() {
        true => Feed::start(&topics, CHANGES, pace),
        false => Feed::start_transactions(&topics, CHANGES, pace),
    };
    let mut hunt = Hunt { setup, receivers, random, running: Vec::new(), leaving: Vec::new(), started: 0, exposed: 0 };
    hunt.join();
    hunt.receivers[0].wait(PATIENCE, |posts| !posts.is_empty());
    let began = Instant::now();
    while began.elapsed() < long.unwrap_or(SHORT) {
        let event = events[hunt.random.usize(..events.len())];
        println!("hunt: {:.1?} {event:?}", began.elapsed());
        hunt.happen(event);
        // Now and then one thing comes upon the other.
        let pause = if hunt.random.bool() { 500..4_000 } else { 0..300 };
        std::thread::sleep(Duration::from_millis(hunt.random.u64(pause)));
    }
    let changes = feed.finish();
    hunt.end(changes);
}

fn destination(index: usize, receiver: &Receiver, random: &mut Rng) -> (&'static str, Kind, String, Receiver) {
    let kind = [Kind::Slack, Kind::Teams, Kind::Webhook][random.usize(..3)];
    (["ops", "floor", "erp"][index], kind, format!("{SINGLY}, in_flight: {}", random.u8(1..4)), receiver.clone())
}

/// What may happen; the usual is more likely.
fn events(setup: &Setup) -> Vec<Event> {
    use Event::{Broker, Join, Kill, KillAll, KillTwice, Leave, Nap, Outage, Restart, Sleep};
    let all =
        [Kill, Kill, Kill, KillTwice, KillAll, Restart, Restart, Join, Join, Leave, Nap, Nap, Sleep, Outage, Broker];
    // The next protocol does not let a static member back before its session is over: see docs/delivery.md.
    let may =
        |event: &Event| !(setup.is_static && setup.is_next_protocol && matches!(event, Kill | KillTwice | KillAll));
    all.into_iter().filter(may).collect()
}

struct Hunt {
    setup: Setup,
    receivers: Vec<Receiver>,
    random: Rng,
    running: Vec<Replica>,
    leaving: Vec<Replica>,
    started: usize,
    /// Kills and the like, each of which may repeat some posts.
    exposed: usize,
}

impl Hunt {
    fn join(&mut self) {
        self.running.push(self.setup.start(&format!("r{}", self.started)));
        self.started += 1;
    }

    fn any(&mut self) -> usize {
        self.random.usize(..self.running.len())
    }

    fn kill(&mut self, index: usize) {
        self.running[index].kill();
        self.exposed += 1;
        self.running[index] = self.setup.start(&self.running[index].name);
    }

    fn happen(&mut self, event: Event) {
        let index = self.any();
        match event {
            Event::Kill => self.kill(index),
            Event::KillTwice => {
                self.kill(index);
                std::thread::sleep(Duration::from_millis(self.random.u64(0..1_500)));
                self.kill(index);
            }
            Event::KillAll => (0..self.running.len()).for_each(|index| self.kill(index)),
            Event::Restart => {
                self.running[index].ask_to_end();
                assert!(self.running[index].wait(PATIENCE).success());
                self.running[index] = self.setup.start(&self.running[index].name);
            }
            Event::Join if self.running.len() < REPLICAS_MAX => self.join(),
            Event::Leave if self.running.len() > 1 => {
                let replica = self.running.swap_remove(index);
                replica.ask_to_end();
                self.leaving.push(replica);
            }
            Event::Join | Event::Leave => {}
            Event::Nap => self.sleep(index, 200..4_000),
            Event::Sleep => self.sleep(index, 7_000..12_000),
            Event::Broker => {
                stack("kafka-stop");
                std::thread::sleep(Duration::from_millis(self.random.u64(0..9_000)));
                stack("kafka-start");
                self.exposed += self.running.len();
            }
            Event::Outage => {
                let receiver = self.receivers[self.random.usize(..self.receivers.len())].clone();
                receiver.set_down(true);
                std::thread::sleep(Duration::from_millis(self.random.u64(500..5_000)));
                receiver.set_down(false);
            }
        }
    }

    fn sleep(&mut self, index: usize, ms: std::ops::Range<u64>) {
        self.running[index].stop();
        std::thread::sleep(Duration::from_millis(self.random.u64(ms)));
        self.running[index].wake();
        self.exposed += 1;
    }

    fn end(mut self, changes: usize) {
        let verdicts: Vec<_> = self
            .receivers
            .iter()
            .map(|receiver| {
                wait_all(receiver, changes, 2 * PATIENCE);
                Verdict::of(receiver, changes)
            })
            .collect();
        for mut replica in std::mem::take(&mut self.leaving) {
            let status = replica.wait(PATIENCE);
            assert!(status.success(), "{} ended with {status}", replica.name);
        }
        self.running.iter_mut().for_each(|replica| assert_eq!(replica.has_ended(), None, "{} ended", replica.name));
        for (verdict, (name, ..)) in verdicts.iter().zip(&self.setup.destinations) {
            println!("hunt, {name}: {} kills, sleeps and restarts of Kafka: {verdict}", self.exposed);
        }
        verdicts.iter().for_each(|verdict| verdict.hold(REPEATS_OF_A_KILL * self.exposed));
    }
}
