//! Ten thousand updates at once into a channel that takes one post a second.

use super::{PARTITIONS, PATIENCE, change, create_topic, service_on};
use crate::receiver::Receiver;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use std::time::{Duration, Instant};

const UPDATES: usize = 10_000;
const POSTS_MAX: usize = 30;
/// For all of them to be settled, and for the urgent one to be posted.
const SETTLED: Duration = Duration::from_secs(60);
const URGENT: Duration = Duration::from_secs(2);

const DESTINATION: &str = "rate: 1/s";
const RULES: &str = "  - { name: all, table: public.listings, to: [ops], headline: \"{{ row.note }}\" }\n  \
    - { name: urgent, table: public.listings, when: row.id == 9999, priority: critical, to: [ops], headline: \"urgent {{ row.note }}\" }\n";

#[test]
fn a_burst_is_a_few_digests_and_the_urgent_change_comes_first() {
    let topic = create_topic("burst");
    let receiver = Receiver::start();
    let (mut service, _) = service_on(&topic, "burst", None, DESTINATION, RULES, &receiver);
    let brokers = std::env::var("ROWBELL_KAFKA").unwrap();
    let producer: ThreadedProducer<DefaultProducerContext> =
        ClientConfig::new().set("bootstrap.servers", &brokers).set("linger.ms", "5").create().unwrap();
    let send = |number: usize| {
        let (key, value) = (format!(r#"{{"id":{number}}}"#), change(number, number));
        let record = BaseRecord::to(&topic).partition(number as i32 % PARTITIONS).key(&key).payload(&value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    };
    // One to know that the group has begun.
    send(0);
    receiver.wait(PATIENCE, |accepted| accepted == 1);
    (1..UPDATES).for_each(send);
    producer.flush(PATIENCE).unwrap();
    let last = Instant::now();

    receiver.wait(PATIENCE, |_| receiver.texts().iter().any(|text| text.contains("urgent")));
    let urgent = last.elapsed();
    receiver.wait(PATIENCE, |_| stands_for(&receiver) >= UPDATES);
    let settled = last.elapsed();
    service.kill().unwrap();
    service.wait().unwrap();
    let texts = receiver.texts();
    println!(
        "burst: {UPDATES} updates in {} posts, all settled {settled:.1?} after the last, the urgent one after {urgent:.1?}",
        texts.len()
    );
    assert_eq!(stands_for(&receiver), UPDATES, "{texts:#?}");
    assert!(texts.len() <= POSTS_MAX, "{texts:#?}");
    assert!(settled < SETTLED && urgent < URGENT, "{settled:?} {urgent:?}");
}

/// How many changes the posts show and count: a digest's text begins with how many it stands for.
fn stands_for(receiver: &Receiver) -> usize {
    let of = |text: &String| {
        let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
        digits.replace(',', "").parse().unwrap_or(1)
    };
    receiver.texts().iter().map(of).sum()
}
