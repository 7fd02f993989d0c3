//! kill -9, again and again, half a second to three after posting went on.

use crate::feed::{Feed, PACE, ROWS, Topic, place};
use crate::receiver::{Faults, Receiver};
use crate::service::{Kind, Replica, SINGLY, Setup};
use crate::verdict::{Verdict, wait_all};
use crate::{PATIENCE, REPEATS_OF_A_KILL, random};
use std::time::{Duration, Instant};

const CHANGES: usize = 2_000;

/// What posting again after a kill may take, by membership.
const AGAIN_DYNAMIC: Duration = Duration::from_secs(10);
const AGAIN_STATIC: Duration = Duration::from_secs(3);

/// What is killed, and how often.
struct Plan {
    setup: Setup,
    topics: Vec<Topic>,
    replicas: &'static [&'static str],
    kills: usize,
    pace: Duration,
    /// Posting must go on so soon.
    promise: Option<Duration>,
    transactions: bool,
    /// Some kills come before posting went on: while a replica starts, or joins.
    hasty: bool,
}

impl Plan {
    fn new(setup: Setup, topics: Vec<Topic>, kills: usize) -> Self {
        let promise = Some(if setup.is_static { AGAIN_STATIC } else { AGAIN_DYNAMIC });
        Self { setup, topics, replicas: &["a"], kills, pace: PACE, promise, transactions: false, hasty: false }
    }

    fn two(self) -> Self {
        // So many kills take their time: slower, or the changes would never end.
        Self { replicas: &["a", "b"], pace: 2 * PACE, ..self }
    }

    fn run(self) {
        let Self { setup, topics, replicas, kills, pace, promise, transactions, hasty } = self;
        let receivers: Vec<_> = setup.destinations.iter().map(|(.., receiver)| receiver.clone()).collect();
        let mut random = random(&setup.name);
        let mut running: Vec<Replica> = replicas.iter().map(|name| setup.start(name)).collect();
        let feed = match transactions {
            true => Feed::start_transactions(&topics, CHANGES, pace),
            false => Feed::start(&topics, CHANGES, pace),
        };
        let (mut pauses, mut hits) = (Vec::new(), 0);
        wait_everywhere(&receivers, &topics, Instant::now());
        for kill in 0..kills {
            let early = hasty && kill % 2 == 1;
            std::thread::sleep(Duration::from_millis(random.u64(if early { 50..1_000 } else { 500..3_000 })));
            let aimed = &receivers[random.usize(..receivers.len())];
            if kill % 2 == 0 {
                // While a post is on the wire; the others fall between posts and commits as they may.
                aimed.hold(PATIENCE);
            }
            let victim = random.usize(..running.len());
            running[victim].kill();
            let killed = Instant::now();
            hits += usize::from(receivers.iter().any(Receiver::is_answering));
            aimed.let_go();
            running[victim] = setup.start(replicas[victim]);
            // The next one comes before.
            if hasty && kill % 2 == 0 && kill + 1 < kills {
                continue;
            }
            if replicas.len() == 1 {
                // With a backlog, a partition's turn may come late; what counts is that there is life.
                receivers.iter().for_each(|receiver| {
                    receiver.wait(PATIENCE, |posts| posts.last().is_some_and(|post| post.at > killed))
                });
            } else {
                // The other one never fell silent: its own partitions say nothing.
                wait_everywhere(&receivers, &topics, killed);
            }
            pauses.push(killed.elapsed());
        }
        let changes = feed.finish();
        for (receiver, (name, ..)) in receivers.iter().zip(&setup.destinations) {
            wait_all(receiver, changes, PATIENCE);
            let verdict = Verdict::of(receiver, changes);
            println!("{}, {name}: {kills} kills, {hits} with posts on the wire: {verdict}", setup.name);
            verdict.hold(REPEATS_OF_A_KILL * kills);
        }
        println!("{}: posting again after {pauses:.1?}", setup.name);
        running.iter_mut().for_each(|replica| assert_eq!(replica.has_ended(), None, "{} ended", replica.name));
        assert!(hits >= kills / 2, "{hits} of {kills} kills hit posts on the wire");
        if let Some(promise) = promise {
            assert!(pauses.iter().all(|pause| *pause < promise), "{pauses:?}");
        }
    }
}

/// Waits until every receiver was told something of every partition since.
fn wait_everywhere(receivers: &[Receiver], topics: &[Topic], since: Instant) {
    let all: usize = topics.iter().map(|topic| topic.partitions as usize).sum();
    for receiver in receivers {
        receiver.wait(PATIENCE, |posts| {
            let fresh = posts.iter().rev().take_while(|post| post.at > since).filter_map(|post| post.told);
            let mut places: Vec<_> = fresh.map(|told| place(topics, told % ROWS)).map(|(t, p)| (&t.name, p)).collect();
            places.sort_unstable();
            places.dedup();
            places.len() == all
        });
    }
}

fn one_topic(name: &str) -> Vec<Topic> {
    vec![Topic::create(name, 4)]
}

#[test]
fn nothing_is_lost_and_little_repeated_whatever_is_killed() {
    let (receiver, topics) = (Receiver::start(Faults::SOME), one_topic("one"));
    Plan::new(Setup::new("one", &topics, &receiver), topics, 4).run();
}

#[test]
fn with_static_membership_posting_goes_on_within_seconds() {
    let (receiver, topics) = (Receiver::start(Faults::SOME), one_topic("static"));
    Plan::new(Setup { is_static: true, ..Setup::new("static", &topics, &receiver) }, topics, 4).run();
}

#[test]
fn two_replicas_of_which_one_is_killed_ten_times() {
    let (receiver, topics) = (Receiver::start(Faults::ALL), one_topic("two"));
    Plan::new(Setup::new("two", &topics, &receiver), topics, 10).two().run();
}

#[test]
fn two_replicas_with_static_membership_of_which_one_is_killed_ten_times() {
    let (receiver, topics) = (Receiver::start(Faults::ALL), one_topic("two-static"));
    Plan::new(Setup { is_static: true, ..Setup::new("two-static", &topics, &receiver) }, topics, 10).two().run();
}

#[test]
fn two_replicas_of_the_next_protocol_of_which_one_is_killed() {
    let (receiver, topics) = (Receiver::start(Faults::ALL), one_topic("two-next"));
    Plan::new(Setup { is_next_protocol: true, ..Setup::new("two-next", &topics, &receiver) }, topics, 6).two().run();
}

/// Several posts at once, several topics, transactions that leave gaps, little memory and little metadata, and kills
/// that come one upon the other.
#[test]
fn several_destinations_topics_and_transactions_with_little_room() {
    let topics = vec![Topic::create("many-a", 3), Topic::create("many-b", 2), Topic::create("many-c", 1)];
    let (ops, floor, erp) =
        (Receiver::start(Faults::ALL), Receiver::start(Faults::SOME), Receiver::start(Faults::SOME));
    let mut setup = Setup { is_static: true, ..Setup::new("many", &topics, &ops) };
    setup.destinations.push(("floor", Kind::Teams, SINGLY.to_owned(), floor));
    setup.destinations.push(("erp", Kind::Webhook, format!("{SINGLY}, in_flight: 3"), erp));
    setup.limits = "{ pending_bytes: 256KiB, metadata_bytes: 1024 }".to_owned();
    Plan { transactions: true, hasty: true, promise: None, ..Plan::new(setup, topics, 6) }.run();
}
