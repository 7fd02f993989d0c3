//! A destination that takes nearly as long as a post may, while partitions come and go.

use crate::PATIENCE;
use crate::feed::{ROWS, Topic, producer, send};
use crate::receiver::{Faults, Receiver};
use crate::service::Setup;
use crate::verdict::{Verdict, wait_all};
use rdkafka::producer::Producer;
use std::time::Duration;

/// A post may take 5 s.
const ANSWER: Duration = Duration::from_millis(4_500);

const CHANGES: usize = 48;

/// Less than two posts in a row: a poller that waited for more than one would be taken for dead.
const MAX_POLL: &str = "max.poll.interval.ms: 9000";

#[test]
fn a_slow_destination_costs_no_replica_its_session() {
    let topics = [Topic::create("slow", 6)];
    let receiver = Receiver::start(Faults { answer: ANSWER, ..Faults::NONE });
    let mut setup = Setup::new("slow", &topics, &receiver);
    setup.properties = MAX_POLL.to_owned();
    setup.destinations[0].2 = "rate: 100/s, burst: 10, fold: off, digest: off, in_flight: 4".to_owned();
    let producer = producer(None);
    (0..CHANGES).for_each(|number| send(&producer, &topics, ROWS, number));
    producer.flush(PATIENCE).unwrap();
    let mut running = vec![setup.start("a")];
    receiver.wait(PATIENCE, |posts| !posts.is_empty());
    // Each comes while posts are on the wire, takes partitions over, and one of them leaves again.
    for name in ["b", "c"] {
        let replica = setup.start(name);
        receiver.wait(PATIENCE, |posts| posts.iter().any(|post| post.by == format!("/{name}")));
        running.push(replica);
    }
    running[1].ask_to_end();
    assert!(running[1].wait(PATIENCE).success());
    wait_all(&receiver, CHANGES, PATIENCE);
    let verdict = Verdict::of(&receiver, CHANGES);
    println!("slow: {:.1} s an answer, 3 replicas came, 1 left: {verdict}", ANSWER.as_secs_f64());
    verdict.hold(0);
    for replica in &running {
        let log = replica.log();
        // librdkafka says MAXPOLL and SESSTMOUT, Rowbell that partitions were lost.
        let lost = log.lines().find(|line| ["MAXPOLL", "SESSTMOUT", "lost"].iter().any(|word| line.contains(word)));
        assert_eq!(lost, None, "{}", replica.name);
    }
}
