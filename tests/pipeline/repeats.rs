//! Sources that send again what they sent, as Debezium does after a crash of Kafka Connect.

use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::Receiver;
use crate::support::service::{Service, Setup};

/// A change as one run of the connector sends it, at its own time.
async fn send(broker: &Broker, id: u64, change: &str, run: &str, later_ms: i64) {
    let ms = jiff::Timestamp::now().as_millisecond() + later_ms;
    let mut envelope: serde_json::Value = serde_json::from_str(change).expect("an envelope");
    envelope["ts_ms"] = ms.into();
    envelope["ts_us"] = (ms * 1000).into();
    envelope["ts_ns"] = (ms * 1_000_000).into();
    let (key, value) = (key(id), envelope.to_string());
    let headers = [("__debezium.context.runId", Some(run.as_bytes()))];
    let written = broker.feeder.write(LISTINGS, Some(0), Some(key.as_bytes()), Some(value.as_bytes()), headers).await;
    written.expect("the broker takes the record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_source_sends_again_is_posted_once_even_after_a_restart() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    let there = price(1, "1.00", "2.00");
    let back = price(1, "2.00", "1.00");
    let there_again = price(1, "1.00", "2.00");
    for change in [&there, &back, &there_again] {
        send(&broker, 1, change, "first", 0).await;
    }
    for change in [&back, &there_again] {
        send(&broker, 1, change, "second", 900).await;
    }
    broker.until_committed(0, 5).await;
    assert_eq!(receiver.accepted("/slack/ops").len(), 3, "A to B, B to A, A to B: each is news once");
    service.until_metric("rowbell_repeats_suppressed_total", |count| count == 2.0).await;
    service.stop().await.expect("a clean stop");

    // Sent while nobody reads; the mock broker does not tell offsets by time, and so only what lies behind looks back.
    send(&broker, 1, &there_again, "third", 1900).await;
    send(&broker, 2, &price(2, "5.00", "4.00"), "third", 1900).await;
    let service = Service::start(Setup::default().config(&broker, &receiver));
    broker.until_committed(0, 7).await;
    let posts = receiver.accepted("/slack/ops");
    assert_eq!(posts.len(), 4, "the restart read again what it had to know");
    assert!(posts[3].text().contains("Walnut desk 2"), "{}", posts[3].text());
    service.until_metric("rowbell_repeats_suppressed_total", |count| count == 1.0).await;
    service.stop().await.expect("a clean stop");
}
