//! Little memory, many changes.

use crate::support::broker::Broker;
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{Service, Setup};
use crate::support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tiny_memory_limit_slows_reading_and_loses_nothing() {
    const CHANGES: u64 = 16;
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    // Less than one record takes: even so, one at a time must pass.
    let setup = Setup { more: "limits: { pending_bytes: 1KiB }\n".to_owned(), ..Setup::default() };
    let service = Service::start(setup.config(&broker, &receiver));
    receiver.hold("/slack/ops");
    for id in 0..CHANGES {
        broker.write((id % 2) as i32, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    service.until_metric("rowbell_intake_paused", |paused| paused == 1.0).await;
    let pending = service.status.borrow().lanes[0].pending.iter().sum::<usize>();
    assert!(pending < 10, "{pending} pending at a limit of less than one");
    receiver.let_go("/slack/ops");
    receiver.until_accepted("/slack/ops", CHANGES as usize).await;
    for partition in 0..2 {
        broker.until_committed(partition, CHANGES as i64 / 2).await;
    }
    assert_eq!(receiver.accepted("/slack/ops").len(), CHANGES as usize);
    service.until_metric("rowbell_intake_paused", |paused| paused == 0.0).await;
    service.stop().await.expect("a clean stop");
}

/// librdkafka keeps a pause over a revocation: without a word it would never read the partition again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_left_while_reading_was_paused_is_read_when_it_comes_back() {
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    let setup = Setup { more: "limits: { pending_bytes: 1KiB }\n".to_owned(), ..Setup::default() };
    let first = Service::start(setup.config(&broker, &receiver));
    first.until_ready().await;
    receiver.always("/slack/ops", Some(Step::wait(1)));
    for partition in 0..2 {
        broker.write(partition, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    }
    first.until_metric("rowbell_intake_paused", |paused| paused == 1.0).await;

    let second = Service::start(setup.config(&broker, &receiver));
    until("a partition each", async || {
        let one = |service: &Service| service.status.borrow().partitions.len() == 1;
        (one(&first) && one(&second)).then_some(())
    })
    .await;
    receiver.always("/slack/ops", None);
    // The pause ends while the other partition is away.
    first.until_metric("rowbell_intake_paused", |paused| paused == 0.0).await;
    second.stop().await.expect("a clean stop");
    until("both partitions", async || (first.status.borrow().partitions.len() == 2).then_some(())).await;
    for partition in 0..2 {
        broker.write(partition, Some(&key(2)), Some(&price(2, "2.00", "1.00"))).await;
        broker.until_committed(partition, 2).await;
    }
    first.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_is_down_does_not_stop_reading_for_the_others() {
    const CHANGES: u64 = 300;
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup {
        destinations:
            "  down: { slack: { webhook_url: \"http://RECEIVER/slack/down\" }, rate: 5/s, digest: { after: 1s } }\n"
                .to_owned(),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops, down] }\n".to_owned(),
        // A tenth of what is written.
        more: "limits: { pending_bytes: 128KiB }\n".to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    receiver.always("/slack/down", Some(Step::status(404, "no_service")));
    for id in 0..CHANGES {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    receiver.until_accepted("/slack/ops", CHANGES as usize).await;
    let pending = |name: &str| {
        let status = service.status.borrow();
        let lane = status.lanes.iter().find(|lane| lane.destination == name).expect("it is there");
        lane.pending.iter().sum::<usize>()
    };
    until("all of it owed", async || (pending("down") == CHANGES as usize).then_some(())).await;
    assert!(broker.committed(crate::support::broker::LISTINGS, 0).await.is_some_and(|offset| offset <= 1));
    service.stop().await.expect("a clean stop");

    // Mended, a few posts tell all of it, and whoever got theirs gets nothing again.
    receiver.always("/slack/down", None);
    let service = Service::start(setup.config(&broker, &receiver));
    broker.until_committed(0, CHANGES as i64).await;
    assert_eq!(receiver.arrivals("/slack/ops").len(), CHANGES as usize);
    assert!(receiver.accepted("/slack/down").len() < 40);
    service.stop().await.expect("a clean stop");
}
