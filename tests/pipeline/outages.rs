//! Kafka in trouble.

use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{Service, Setup};
use crate::support::{logs, until};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_fail_are_made_again() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    service.until_ready().await;
    broker.order(|cluster| {
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
        cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[error; 6]);
    });
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    broker.until_committed(0, 1).await;
    broker.write(0, Some(&key(1)), Some(&price(1, "1.00", "3.00"))).await;
    broker.until_committed(0, 2).await;
    assert_eq!(receiver.arrivals("/slack/ops").len(), 2, "posted once each");
    service.stop().await.expect("a clean stop");
}

/// A second replica that joins at the wrong moment is enough; waiting for the group inside of its own rebalance would be
/// waiting for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_group_whose_members_come_and_go_while_its_start_is_committed_begins_all_the_same() {
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    for partition in 0..2 {
        broker.write(partition, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    }
    broker.order(|cluster| {
        let mut errors = vec![RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS; 14];
        // And then the group takes it for dead.
        errors.push(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
        cluster.request_errors(RDKafkaApiKey::OffsetCommit, &errors);
    });
    let service = Service::start(Setup::default().config(&broker, &receiver));
    for partition in 0..2 {
        broker.until_committed(partition, 1).await;
    }
    assert_eq!(receiver.accepted("/slack/ops").len(), 2, "posted once each, and not before the start was committed");
    service.until_ready().await;
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_away_and_comes_back_is_followed() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    // Longer than the broker is away: beyond its session a replica has no right to commit, and posts again.
    let setup = Setup { session: Duration::from_secs(60), ..Setup::default() };
    let service = Service::start(setup.config(&broker, &receiver));
    service.until_ready().await;
    receiver.always("/slack/ops", Some(Step::status(503, "")));
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_arrived("/slack/ops", 1).await;
    broker.down();
    receiver.always("/slack/ops", None);
    // Accepted, and nobody there to be told.
    receiver.until_accepted("/slack/ops", 1).await;
    broker.up();
    broker.until_committed(0, 1).await;
    broker.write(0, Some(&key(1)), Some(&price(1, "1.00", "3.00"))).await;
    broker.until_committed(0, 2).await;
    assert_eq!(receiver.accepted("/slack/ops").len(), 2, "posted once each");
    service.stop().await.expect("a clean stop");
}

/// Kubernetes kills after 30 s; nothing may wait for a Kafka that is not there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_without_kafka_ends_in_time() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    service.until_ready().await;
    receiver.script("/slack/ops", [Step::Hold]);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_arrived("/slack/ops", 1).await;
    broker.down();
    receiver.release();
    let began = Instant::now();
    service.stop().await.expect("an end");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(25), "took {took:?}");
}

/// A broker that takes requests and answers none is worse than one that is gone: whoever asks it waits for its timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_in_time_though_kafka_says_nothing() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    service.until_ready().await;
    receiver.script("/slack/ops", [Step::Hold]);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_arrived("/slack/ops", 1).await;
    broker.answers_take(Duration::from_secs(60));
    // Its commit waits for an answer when the stop comes.
    receiver.release();
    receiver.until_accepted("/slack/ops", 1).await;
    let began = Instant::now();
    service.stop().await.expect("an end");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(25), "took {took:?}");
}

/// The same while it is asked where a new group begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_ends_in_time_though_kafka_does_not_say_where_to_begin() {
    let (broker, receiver) = (Broker::start(8), Receiver::start().await);
    broker.order(|cluster| {
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
        cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[error; 1_000]);
    });
    // Of any test that runs beside this one, at worst: then this asks less.
    let tries = || logs::all().matches("the group is not ready to say where").count();
    let before = tries();
    let service = Service::start(Setup::default().config(&broker, &receiver));
    until("tries to begin", async || (tries() > before + 2).then_some(())).await;
    broker.answers_take(Duration::from_secs(60));
    let began = Instant::now();
    service.stop().await.expect("an end");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(25), "took {took:?}");
}

/// librdkafka stops a partition whose position fell out of its log, and says so once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_overtaken_by_its_logs_start_goes_on_there() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup { more: "limits: { pending_bytes: 1KiB }\n".to_owned(), ..Setup::default() };
    let service = Service::start(setup.config(&broker, &receiver));
    receiver.hold("/slack/ops");
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    service.until_metric("rowbell_intake_paused", |paused| paused == 1.0).await;
    // The mock cluster keeps 5 MiB of a partition.
    let filler = format!("{{\"filler\":\"{}\"}}", "x".repeat(500_000));
    for _ in 0..14 {
        broker.write(0, None, Some(&filler)).await;
    }
    let last = broker.write(0, Some(&key(1)), Some(&price(1, "1.00", "3.00"))).await;
    receiver.let_go("/slack/ops");
    let accepted = receiver.until_accepted("/slack/ops", 2).await;
    assert!(accepted[1].text().contains("3.00"), "read on behind the gap");
    broker.until_committed(0, last + 1).await;
    let lost = service.metric(&format!("rowbell_records_lost_total{{topic=\"{LISTINGS}\"}}")).await;
    assert!(lost.is_some_and(|lost| lost >= 1.0), "and counted: {lost:?}");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_kafka_denies_ends_the_service_and_says_what_is_missing() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    broker.order(|cluster| {
        let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::JoinGroup, &[denied; 50]);
    });
    let service = Service::start(Setup::default().config(&broker, &receiver));
    let error = service.ended().await.expect_err("it cannot work").to_string();
    assert!(error.contains("denies the group \"pipeline\"") && error.contains("hint: "), "{error}");
}
