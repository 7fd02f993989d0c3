//! `rowbell check --online`, as the binary.

use crate::command::run;
use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::Receiver;
use crate::support::service::SECRET;
use serde_json::Value;

fn config(broker: &Broker, receiver: &Receiver, topics: &str, columns: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let text = format!(
        "kafka: {{ brokers: \"{}\", group: checking, topics: [{topics}] }}\n\
         tables: {{ public.listings: {{ replica_identity: full, columns: {{ price: {{ type: decimal }} }} }} }}\n\
         destinations: {{ ops: {{ slack: {{ webhook_url: \"http://{}/slack/ops/{SECRET}\" }} }} }}\n\
         rules: [{{ name: price, table: public.listings, columns: [{columns}], to: ops }}]\n",
        broker.brokers, receiver.address
    );
    std::fs::write(file.path(), text).expect("written");
    file
}

async fn check(file: &tempfile::NamedTempFile) -> (Option<i32>, Value) {
    let path = file.path().display().to_string();
    let output = run(&["check", "--online", "--json", "-c", &path]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains(SECRET) && !stderr.contains(SECRET), "{text}{stderr}");
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{stderr}")))
}

fn codes(found: &Value) -> Vec<&str> {
    found["diagnostics"].as_array().into_iter().flatten().filter_map(|found| found["code"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_world_is_asked_and_nothing_is_committed_or_posted() {
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    let (code, said) = check(&config(&broker, &receiver, LISTINGS, "price")).await;
    assert_eq!((code, codes(&said)), (Some(0), vec![]), "{said}");
    let asked = said["online"].as_array().expect("a list");
    for what in ["Kafka", "topic shop.public.listings", "group checking", "records", "destination ops"] {
        let found = asked.iter().find(|asked| asked["what"] == what).unwrap_or_else(|| panic!("{what}: {said}"));
        assert_eq!(found["fine"], true, "{found}");
    }
    assert_eq!(broker.committed_by("checking", LISTINGS, 0).await, None);

    let (code, said) =
        check(&config(&broker, &receiver, "shop.public.listing, \"^nothing.*\", shop.public.listings", "prise")).await;
    assert_eq!(code, Some(1), "{said}");
    let mut found = codes(&said);
    found.sort_unstable();
    assert_eq!(found, ["no-such-topic", "no-such-topic", "unknown-column"], "{said}");
    let text = said.to_string();
    assert!(
        text.contains("did you mean \\\"shop.public.listings\\\"?") && text.contains("did you mean \\\"price\\\"?"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_that_does_not_answer_is_one_finding() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = config(&broker, &receiver, LISTINGS, "price");
    let text = std::fs::read_to_string(file.path()).expect("text").replace(&broker.brokers, "127.0.0.1:1");
    std::fs::write(file.path(), text).expect("written");
    let (code, said) = check(&file).await;
    assert_eq!((code, codes(&said)), (Some(1), vec!["unreachable"]), "{said}");
    assert_eq!(said["diagnostics"][0]["line"], 1);
}
