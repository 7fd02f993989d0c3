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
    receiver.script("/slack/ops", [Step::Hold]);
    for id in 0..CHANGES {
        broker.write((id % 2) as i32, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    service.until_metric("rowbell_intake_paused", |paused| paused == 1.0).await;
    let pending = service.status.borrow().lanes[0].pending.iter().sum::<usize>();
    assert!(pending < 10, "{pending} pending at a limit of less than one");
    receiver.release();
    receiver.until_accepted("/slack/ops", CHANGES as usize).await;
    for partition in 0..2 {
        broker.until_committed(partition, CHANGES as i64 / 2).await;
    }
    assert_eq!(receiver.arrivals("/slack/ops").len(), CHANGES as usize);
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
