//! What became of a record, by the running service or by what it left in Kafka.

use crate::command;
use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{ConfigFile, Service, Setup};
use crate::support::until;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_says_what_became_of_each_post() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup::with_floor();
    let file = ConfigFile::new(&setup, &broker, &receiver);
    let path = file.path.display().to_string();
    let service = Service::start_from(&file);
    receiver.always("/slack/floor", Some(Step::wait(3600)));
    let refused = || Step::status(400, "invalid_blocks");
    receiver.script("/slack/ops", [refused(), refused()]);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    broker.write(0, Some(&key(2)), Some(&price(2, "2.00", "1.00"))).await;
    broker.write(0, Some(&key(3)), Some("{\"before\": 7")).await;
    receiver.until_accepted("/slack/ops", 1).await;
    broker.letters(2).await;
    service
        .until_shown("the rest to wait", |shown| {
            let floor = &shown["lanes"][1];
            (floor["pending"]["normal"] == 2 && floor["waiting"]["reason"] == "retry_after").then_some(())
        })
        .await;

    let explain = async |offset: i64| -> Value {
        let record = format!("{LISTINGS}:0:{offset}");
        command::lines(&["explain", "-c", &path, &record, "--json"]).await[0]["delivery"].clone()
    };
    let post = |delivery: &Value, index: usize| {
        let post = &delivery["posts"][index];
        (post["state"].as_str().unwrap_or("?").to_owned(), post["text"].as_str().unwrap_or("?").to_owned())
    };
    let first = explain(0).await;
    assert!(first["source"].as_str().is_some_and(|by| by.contains("running service")), "{first}");
    let (state, text) = post(&first, 0);
    assert!(state == "dead_letter" && text.contains("rejected") && text.contains("HTTP 400"), "{first}");
    let (state, text) = post(&first, 1);
    assert!(state == "pending" && text.contains("tried once") && text.contains("was told to wait"), "{first}");
    let second = explain(1).await;
    assert_eq!(post(&second, 0).0, "settled");
    assert_eq!(post(&second, 1).0, "pending");
    let third = explain(2).await;
    assert_eq!(
        (post(&third, 0).0.as_str(), &third["posts"][0]["destination"]),
        ("dead_letter", &json!(null)),
        "{third}"
    );
    let text = command::run(&["explain", "-c", &path, &format!("{LISTINGS}:0:1")]).await;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("What became of it, by the running service") && text.contains("floor  waits"), "{text}");

    // Without one, what it left behind tells the same, as far as it can.
    service.stop().await.expect("a clean stop");
    let left = until("the last commit", async || {
        let left = explain(1).await;
        (post(&left, 0).0 == "settled").then_some(left)
    })
    .await;
    assert!(left["source"].as_str().is_some_and(|by| by.contains("the commit of the group")), "{left}");
    assert_eq!(post(&left, 1).0, "pending");
    assert_eq!(post(&explain(0).await, 0).0, "dead_letter");
}
