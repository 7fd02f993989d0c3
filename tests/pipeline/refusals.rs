//! Messages and destinations that are refused, and records that cannot be read.

use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{Service, Setup};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_message_is_a_dead_letter_before_the_commit_passes_it() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup {
        destinations: "  floor: { teams: { workflow_url: \"http://RECEIVER/teams/floor\" }, fold: off }\n".to_owned(),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops, floor] }\n".to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    let mismatch = || Step::status(400, r#"{"error":{"code":"TriggerInputSchemaMismatch"}}"#);
    receiver.script("/slack/ops", [Step::status(400, "invalid_blocks"), Step::status(400, "no_text")]);
    receiver.script("/teams/floor", [mismatch(), mismatch()]);
    let value = price(1, "2.00", "1.00");
    broker.write(0, Some(&key(1)), Some(&value)).await;
    broker.write(0, Some(&key(1)), Some(&price(1, "1.00", "3.00"))).await;

    broker.until_committed(0, 2).await;
    // The commit has passed: the letters must be there by now, both of them.
    let mut letters = broker.letters(2).await;
    letters.sort_by(|a, b| a.headers["rowbell.destination"].cmp(&b.headers["rowbell.destination"]));
    for (letter, destination) in letters.iter().zip(["floor", "ops"]) {
        assert_eq!(letter.key.as_deref(), Some(key(1).as_bytes()));
        assert_eq!(letter.value.as_deref(), Some(value.as_bytes()), "as it was, byte by byte");
        for (name, expected) in [
            ("__debezium.context.taskId", "0"),
            ("no-value", "(null)"),
            ("rowbell.reason", "rejected"),
            ("rowbell.destination", destination),
            ("rowbell.rule", "price"),
            ("rowbell.topic", LISTINGS),
            ("rowbell.partition", "0"),
            ("rowbell.offset", "0"),
            ("rowbell.attempts", "2"),
        ] {
            assert_eq!(letter.headers.get(name).map(String::as_str), Some(expected), "{name} of {destination}");
        }
        assert!(letter.headers["rowbell.error"].contains("HTTP 400"), "{:?}", letter.headers);
        assert!(letter.headers["rowbell.time"].parse::<jiff::Timestamp>().is_ok());
    }
    // Once as it was, once plain and short.
    let refused = receiver.arrivals("/slack/ops");
    assert!(refused[0].body["blocks"].is_array());
    assert!(
        refused[1].body["blocks"].is_null() && refused[1].text().contains("Walnut desk 1"),
        "{}",
        refused[1].text()
    );
    // What came after it was posted.
    assert!(receiver.accepted("/slack/ops")[0].text().contains("3.00"));
    assert_eq!(service.metric("rowbell_dead_letters_total{reason=\"rejected\"}").await, Some(2.0));
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_read_is_a_dead_letter_and_its_partition_goes_on() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    let whole = price(1, "2.00", "1.00");
    let truncated = &whole[..whole.len() / 2];
    broker.write(0, Some(&key(1)), Some(truncated)).await;
    broker.write(0, Some(&key(2)), Some("\0\0\0\0\u{5}avro")).await;
    broker.write(0, Some(&key(3)), Some(&price(3, "2.00", "1.00"))).await;

    receiver.until_accepted("/slack/ops", 1).await;
    broker.until_committed(0, 3).await;
    let mut letters = broker.letters(2).await;
    letters.sort_by(|a, b| a.headers["rowbell.offset"].cmp(&b.headers["rowbell.offset"]));
    for (letter, value) in letters.iter().zip([truncated, "\0\0\0\0\u{5}avro"]) {
        assert_eq!(letter.headers["rowbell.reason"], "decode");
        assert_eq!(letter.headers.get("rowbell.destination"), None);
        assert_eq!(letter.value.as_deref(), Some(value.as_bytes()));
        assert!(!letter.headers["rowbell.error"].contains("Walnut"), "no row data: {:?}", letter.headers);
    }
    let errors = format!("rowbell_records_total{{kind=\"error\",topic=\"{LISTINGS}\"}}");
    assert_eq!(service.metric(&errors).await, Some(2.0));
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_destination_holds_its_lane_and_nobody_elses() {
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    let setup = Setup {
        destinations: "  gone: { slack: { webhook_url: \"http://RECEIVER/slack/gone\" } }\n".to_owned(),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops, gone] }\n".to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    receiver.always("/slack/gone", Some(Step::status(404, "no_service")));
    for id in 0..5 {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    receiver.until_accepted("/slack/ops", 5).await;
    service.until_metric("rowbell_destination_up{destination=\"gone\"}", |up| up == 0.0).await;
    assert_eq!(service.metric("rowbell_destination_up{destination=\"ops\"}").await, Some(1.0));
    service.until_metric("rowbell_lane_pending{destination=\"gone\",priority=\"normal\"}", |n| n == 5.0).await;
    assert_eq!(receiver.arrivals("/slack/gone").len(), 1, "probed now and then, not hammered");
    broker.until_committed(0, 0).await;
    // A blocked destination does not make the service unready: a restart would not help.
    assert_eq!(service.get("/readyz").await.map(|(status, _)| status), Some(200));
    service.stop().await.expect("a clean stop");

    // Mended, everything that it missed arrives; whoever got theirs gets nothing again, for the commit says so.
    receiver.always("/slack/gone", None);
    let service = Service::start(setup.config(&broker, &receiver));
    receiver.until_accepted("/slack/gone", 5).await;
    broker.until_committed(0, 5).await;
    assert_eq!(receiver.arrivals("/slack/ops").len(), 5);
    service.stop().await.expect("a clean stop");
}
