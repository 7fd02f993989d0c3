//! Stops, restarts, and partitions that change hands.

use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{Service, Setup};
use crate::support::until;
use std::collections::HashSet;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_the_post_on_the_wire_and_a_restart_repeats_nothing() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup::default();
    let service = Service::start(setup.config(&broker, &receiver));
    service.until_ready().await;
    receiver.script("/slack/ops", [Step::Hold]);
    for id in 0..4 {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    receiver.until_arrived("/slack/ops", 1).await;
    let listen = service.listen;
    let stopping = service.begin_to_stop();
    until("the drain", async || {
        let answer = reqwest::get(format!("http://{listen}/readyz")).await.ok()?;
        (answer.status() == 503).then_some(())
    })
    .await;
    assert!(!stopping.is_finished(), "a post is on the wire");
    receiver.release();
    stopping.await.expect("no panic").expect("a clean stop");
    assert_eq!(broker.committed(LISTINGS, 0).await, Some(1), "what was accepted is committed, what was not is not");
    assert_eq!(receiver.arrivals("/slack/ops").len(), 1, "no post was started after the stop");

    let service = Service::start(setup.config(&broker, &receiver));
    broker.until_committed(0, 4).await;
    let texts: Vec<_> = receiver.accepted("/slack/ops").iter().map(|arrival| arrival.text()).collect();
    assert_eq!(texts.len(), 4, "nothing twice, nothing missing");
    assert!((0..4).all(|id| texts.iter().any(|text| text.contains(&format!("Walnut desk {id}")))));
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_replica_takes_over_partitions_and_posts_nothing_twice() {
    const PARTITIONS: i32 = 4;
    const BACKLOG: u64 = 40;
    let (broker, receiver) = (Broker::start(PARTITIONS), Receiver::start().await);
    let setup = Setup::default();
    let first = Service::start(setup.config(&broker, &receiver));
    first.until_ready().await;
    let mut written = 0;
    let mut write = async |count: u64| {
        // No more than is posted meanwhile: a backlog would make this a test of the machine.
        let posted = receiver.accepted_count("/slack/ops") as u64;
        for _ in 0..if written < posted + BACKLOG { count } else { 0 } {
            let partition = (written % PARTITIONS as u64) as i32;
            broker.write(partition, Some(&key(written)), Some(&price(written, "2.00", "1.00"))).await;
            written += 1;
        }
        written
    };
    let before = write(40).await as usize;
    receiver.until_accepted("/slack/ops", before).await;

    // The mock cluster sends a member away whose SyncGroup comes after the leader's, and refuses all commits until that
    // one has joined again, where a broker would take both. With answers under way for a while it comes before: the
    // leader asks for the topic's metadata between joining and dealing out.
    broker.answers_take(Duration::from_millis(300));
    // Changes keep coming while the partitions move.
    let second = Service::start(setup.config(&broker, &receiver));
    let half = |service: &Service| service.status.borrow().partitions.len() == PARTITIONS as usize / 2;
    let mut all = 0;
    until("an even share", async || {
        all = write(4).await as usize;
        (half(&first) && half(&second)).then_some(())
    })
    .await;
    broker.answers_take(Duration::ZERO);
    receiver.until_accepted("/slack/ops", all).await;

    // And back, while the one that leaves has posts on the wire.
    second.stop().await.expect("a clean stop");
    until("all partitions", async || {
        all = write(4).await as usize;
        (first.status.borrow().partitions.len() == PARTITIONS as usize).then_some(())
    })
    .await;
    receiver.until_accepted("/slack/ops", all).await;
    for partition in 0..PARTITIONS {
        broker.until_committed(partition, all as i64 / i64::from(PARTITIONS)).await;
    }
    let accepted = receiver.accepted("/slack/ops");
    let different: HashSet<_> = accepted.iter().map(|arrival| arrival.text()).collect();
    assert_eq!((accepted.len(), different.len()), (all, all), "each change once");
    first.stop().await.expect("a clean stop");
}
