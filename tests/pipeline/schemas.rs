//! Framed records and the registry that knows their schemas.

use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{Service, Setup};
use base64::Engine;
use serde_json::Value;

const DOWN: Step = Step::Answer(503, Vec::new(), "");

fn setup() -> Setup {
    Setup {
        rules: "  - { name: price, table: public.listings, on: [create, update, read], to: [ops] }\n".to_owned(),
        more: "schema_registry: { url: \"http://RECEIVER/registry\" }\n".to_owned(),
        ..Setup::default()
    }
}

/// The first records of the captured listings: key and value, framed with ids 1 and 2, then 1 and 6.
fn captured() -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes =
        |value: &Value| base64::engine::general_purpose::STANDARD.decode(value["base64"].as_str().unwrap()).unwrap();
    include_str!("../fixtures/debezium/postgres-avro.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|record| record["topic"] == "shopavro.public.listings" && record["value"].is_object())
        .map(|record| (bytes(&record["key"]), bytes(&record["value"])))
        .collect()
}

/// A registry's answer, as Confluent's API gives it.
fn schema(id: &str) -> Step {
    let schemas: Value = serde_json::from_str(include_str!("../fixtures/debezium/postgres-avro.schemas.json")).unwrap();
    Step::Answer(200, Vec::new(), schemas[id].to_string().leak())
}

async fn feed(broker: &Broker, partition: i32, (key, value): &(Vec<u8>, Vec<u8>)) {
    let written = broker.feeder.write(LISTINGS, Some(partition), Some(key), Some(value), []).await;
    written.expect("the broker takes the record");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_down_holds_its_partition_and_no_other() {
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    receiver.always("/registry", Some(DOWN));
    let service = Service::start(setup().config(&broker, &receiver));
    service.until_ready().await;
    let captured = captured();
    for record in &captured[..2] {
        feed(&broker, 0, record).await;
    }
    feed(&broker, 0, &captured[2]).await;
    receiver.until_arrived("/registry", 2).await;
    service.until_metric("rowbell_partitions_held", |held| held == 1.0).await;
    service.until_metric("rowbell_registry_up", |up| up == 0.0).await;
    let (status, why) = service.get("/readyz").await.expect("an answer");
    assert!(status == 503 && why.contains("registry"), "{status} {why}");

    broker.write(1, Some(&key(7)), Some(&price(7, "2.00", "1.00"))).await;
    broker.until_committed(1, 1).await;
    assert_eq!(receiver.accepted("/slack/ops").len(), 1, "the other partition's post alone");
    assert_eq!(broker.committed(LISTINGS, 0).await, Some(0), "nothing was given up");

    for id in ["1", "2", "6"] {
        receiver.always(&format!("/registry/schemas/ids/{id}"), Some(schema(id)));
    }
    receiver.always("/registry", None);
    broker.until_committed(0, 3).await;
    service.until_ready().await;
    service.until_metric("rowbell_partitions_held", |held| held == 0.0).await;
    service.until_metric("rowbell_registry_up", |up| up == 1.0).await;
    let texts: Vec<_> = receiver.accepted("/slack/ops").iter().map(|post| post.text()).collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(
        texts[1].contains("Oak chair") && texts[2].contains("Lamp") && texts[3].contains("199,999.95"),
        "{texts:?}"
    );
    let read = format!("rowbell_records_total{{kind=\"change\",topic=\"{LISTINGS}\"}}");
    service.until_metric(&read, |count| count == 4.0).await;
    service.stop().await.expect("a clean stop");
    assert_eq!(broker.letters(0).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_its_schema_waits_through_back_pressure_and_a_restart() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    receiver.always("/registry", Some(DOWN));
    let mut config = setup().config(&broker, &receiver);
    // One pending record pauses all reading, and its settling resumes it.
    config.limits.pending_bytes = 1;
    let service = Service::start(config);
    service.until_ready().await;
    broker.write(0, Some(&key(7)), Some(&price(7, "2.00", "1.00"))).await;
    let captured = captured();
    feed(&broker, 0, &captured[0]).await;
    service.until_metric("rowbell_partitions_held", |held| held == 1.0).await;
    broker.until_committed(0, 1).await;
    service.stop().await.expect("a clean stop");
    assert_eq!(broker.committed(LISTINGS, 0).await, Some(1), "the framed record is still to be read");

    receiver.always("/registry/schemas/ids/1", Some(schema("1")));
    receiver.always("/registry/schemas/ids/2", Some(schema("2")));
    receiver.always("/registry", None);
    let service = Service::start(setup().config(&broker, &receiver));
    broker.until_committed(0, 2).await;
    assert_eq!(receiver.accepted("/slack/ops").len(), 2);
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_the_registry_does_not_know_is_a_dead_letter() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let unknown = Step::status(404, r#"{"error_code":40403,"message":"Schema not found"}"#);
    receiver.always("/registry/schemas/ids/6", Some(unknown));
    receiver.always("/registry/schemas/ids/1", Some(schema("1")));
    let service = Service::start(setup().config(&broker, &receiver));
    feed(&broker, 0, &captured()[2]).await;
    broker.write(0, Some(&key(7)), Some(&price(7, "2.00", "1.00"))).await;
    broker.until_committed(0, 2).await;
    let letters = broker.letters(1).await;
    assert_eq!(letters[0].headers["rowbell.reason"], "decode");
    assert!(letters[0].headers["rowbell.error"].contains("id 6"), "{:?}", letters[0].headers);
    assert_eq!(letters[0].value.as_ref(), Some(&captured()[2].1));
    assert_eq!(receiver.accepted("/slack/ops").len(), 1);
    service.stop().await.expect("a clean stop");
}
