//! What arrives, and how far the commit goes meanwhile.

use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{envelope, key, no_op, price, row};
use crate::support::receiver::{Receiver, Step, between};
use crate::support::service::{Service, Setup};
use crate::support::until;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::time::Duration;

/// As the Standard Webhooks specification has it.
fn signature(key: &[u8], signed: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(signed.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_change_arrives_in_slack_teams_and_a_webhook() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup {
        destinations: "  floor: { teams: { workflow_url: \"http://RECEIVER/teams/floor\" } }\n  \
            erp: { webhook: { url: \"http://RECEIVER/erp\", secret: whsec_c2VjcmV0 } }\n"
            .to_owned(),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops, floor, erp] }\n".to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    broker.write(0, Some(&key(7)), Some(&price(7, "250.00", "199.95"))).await;

    for part in ["/slack/ops", "/teams/floor"] {
        let arrivals = receiver.until_accepted(part, 1).await;
        let text = arrivals[0].text();
        for word in ["Walnut desk 7", "Price", "250.00", "199.95", "https://shop.example/listings/7"] {
            assert!(text.contains(word), "{part} says {word:?}: {text}");
        }
    }
    let slack = &receiver.accepted("/slack/ops")[0].body;
    assert!(slack["blocks"].is_array() && slack["text"].is_string(), "{slack}");
    let teams = &receiver.accepted("/teams/floor")[0].body;
    assert_eq!(teams["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
    let erp = &receiver.until_accepted("/erp", 1).await[0];
    assert_eq!(erp.headers["webhook-id"], format!("{LISTINGS}:0:0:erp"), "stable, for the receiver to tell repeats");
    let signed = format!("{}.{}.{}", erp.headers["webhook-id"], erp.headers["webhook-timestamp"], erp.text());
    assert_eq!(erp.headers["webhook-signature"], signature(b"secret", &signed), "what a receiver would compute");

    broker.until_committed(0, 1).await;
    for part in ["/slack/ops", "/teams/floor", "/erp"] {
        let headers = &receiver.accepted(part)[0].headers;
        assert_eq!(headers["content-type"], "application/json; charset=utf-8", "{part}");
        assert!(headers.get("authorization").is_none(), "{part}: the address is the secret");
        assert_eq!(receiver.arrivals(part).len(), 1, "{part} was posted to once");
    }
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_asked_for_posts_nothing_and_is_committed() {
    const HEARTBEATS: &str = "__debezium-heartbeat.shop";
    const TRANSACTIONS: &str = "shop.transaction";
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    broker.order(|cluster| {
        cluster.create_topic(HEARTBEATS, 1, 1).expect("a topic");
        cluster.create_topic(TRANSACTIONS, 1, 1).expect("a topic");
    });
    let setup = Setup { topics: "^(shop|__debezium-heartbeat)\\\\..*".to_owned(), ..Setup::default() };
    let service = Service::start(setup.config(&broker, &receiver));

    broker.write(0, Some(&key(1)), Some(&no_op(1))).await;
    broker.write(0, Some(&key(1)), Some(&envelope("r", Value::Null, row(1, "5.00", 1)))).await;
    broker.write(0, Some(&key(1)), Some(&envelope("c", Value::Null, row(1, "6.00", 1)))).await;
    broker.write(0, Some(&key(1)), Some(&envelope("u", row(1, "6.00", 1), row(1, "6.00", 9)))).await;
    broker.write(0, Some(&key(1)), Some(&envelope("d", row(1, "6.00", 9), Value::Null))).await;
    broker.write(0, Some(&key(1)), None).await;
    broker.write_to(HEARTBEATS, 0, Some(r#"{"serverName":"shop"}"#), Some(r#"{"ts_ms":1795464000000}"#)).await;
    let begin = r#"{"status":"BEGIN","id":"700:1","event_count":null,"data_collections":null,"ts_ms":1795464000000}"#;
    broker.write_to(TRANSACTIONS, 0, Some(r#"{"id":"700:1"}"#), Some(begin)).await;

    broker.until_committed(0, 6).await;
    for topic in [HEARTBEATS, TRANSACTIONS] {
        crate::support::until(topic, async || (broker.committed(topic, 0).await == Some(1)).then_some(())).await;
    }
    assert_eq!(receiver.arrivals("").len(), 0);
    assert_eq!(service.metric("rowbell_dead_letters_total{reason=\"decode\"}").await, None, "nothing was unreadable");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commit_waits_at_the_change_until_its_post_is_accepted() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    receiver.hold("/slack/ops");
    broker.write(0, Some(&key(1)), Some(&no_op(1))).await;
    let change = broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    let later = broker.write(0, Some(&key(2)), Some(&no_op(2))).await;

    receiver.until_arrived("/slack/ops", 1).await;
    broker.until_committed(0, change).await;
    // Long enough for the record after it to be judged and the commit to pass, were it allowed to.
    let name = format!("rowbell_records_total{{kind=\"change\",topic=\"{LISTINGS}\"}}");
    service.until_metric(&name, |records| records >= 3.0).await;
    assert_eq!(broker.committed(LISTINGS, 0).await, Some(change));
    receiver.let_go("/slack/ops");
    broker.until_committed(0, later + 1).await;
    assert_eq!(receiver.accepted("/slack/ops").len(), 1);
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_says_when_is_obeyed_to_the_second() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    receiver.script("/slack/ops", [Step::wait(2)]);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    broker.write(0, Some(&key(2)), Some(&price(2, "2.00", "1.00"))).await;

    let arrivals = receiver.until_arrived("/slack/ops", 3).await;
    let wait = between(&arrivals[0], &arrivals[1]);
    assert!(wait >= Duration::from_secs(2), "came back after {wait:?}");
    // To the millisecond in the outbox's own tests; here a busy machine is part of it.
    assert!(wait < Duration::from_secs(12), "came back only after {wait:?}");
    broker.until_committed(0, 2).await;
    assert_eq!(receiver.arrivals("/slack/ops").len(), 3, "one refused, two accepted");
    let held = service.metric("rowbell_lane_wait_seconds_total{destination=\"ops\",reason=\"retry_after\"}").await;
    assert!(held.is_some_and(|seconds| seconds > 1.0), "the wait is shown: {held:?}");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_tried_again_and_a_rows_changes_keep_their_order() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    // The last of them was accepted, as far as its receiver knows: posted again rather than lost.
    receiver.script("/slack/ops", [Step::status(500, "oops"), Step::status(503, ""), Step::HangUp]);
    for (from, to) in [("5.00", "4.00"), ("4.00", "3.00"), ("3.00", "2.00")] {
        broker.write(0, Some(&key(1)), Some(&price(1, from, to))).await;
    }
    let accepted = receiver.until_accepted("/slack/ops", 3).await;
    for (arrival, new) in accepted.iter().zip(["4.00", "3.00", "2.00"]) {
        assert!(arrival.text().contains(new), "{new} in its turn: {}", arrival.text());
    }
    broker.until_committed(0, 3).await;
    assert_eq!(receiver.arrivals("/slack/ops").len(), 6);
    let count = |outcome: &str| format!("rowbell_posts_total{{destination=\"ops\",outcome=\"{outcome}\"}}");
    assert_eq!(service.metric(&count("delivered")).await, Some(3.0));
    assert_eq!(service.metric(&count("retry")).await, Some(2.0));
    assert_eq!(service.metric(&count("unknown")).await, Some(1.0));
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logical_message_reaches_the_rules_that_ask_for_messages() {
    const MESSAGES: &str = "shop.message";
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    broker.order(|cluster| cluster.create_topic(MESSAGES, 1, 1).expect("a topic"));
    let setup = Setup {
        rules: "  - { name: stocktaking, table: \"stock*\", on: [message], when: row.content.missing > 2, to: [ops] }\n  \
                - { name: all, table: message, on: message, when: row.prefix == 'note', to: [ops], headline: \"{{ row.content }}\" }\n  \
                - { name: tables, table: \"*\", to: [ops] }\n"
            .to_owned(),
        topics: MESSAGES.to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    // What pg_logical_emit_message('stocktaking', '{"missing": 3}') comes as.
    let message = |prefix: &str, content: &str, lsn: u64| {
        let content = base64::engine::general_purpose::STANDARD.encode(content);
        serde_json::json!({
            "op": "m", "ts_ms": 1795463957940_i64, "transaction": null, "message": {"prefix": prefix, "content": content},
            "source": {"connector": "postgresql", "name": "shop", "ts_ms": 1795463957940_i64, "snapshot": "false",
                       "db": "shop", "schema": "", "table": "", "txId": 800, "lsn": lsn},
        })
        .to_string()
    };
    let key = r#"{"prefix":"stocktaking"}"#;
    for (prefix, content, lsn) in [
        ("stocktaking", r#"{"missing": 3}"#, 1),
        ("stocktaking", r#"{"missing": 1}"#, 2),
        ("note", "Doors open at nine", 3),
        ("note", "Doors open at nine", 4),
        ("other", "nobody asked", 5),
    ] {
        broker.write_to(MESSAGES, 0, Some(key), Some(&message(prefix, content, lsn))).await;
    }
    // The source's second try of the last but one.
    broker.write_to(MESSAGES, 0, Some(key), Some(&message("note", "Doors open at nine", 4))).await;
    until("the commit", async || (broker.committed(MESSAGES, 0).await == Some(6)).then_some(())).await;
    let texts: Vec<_> = receiver.accepted("/slack/ops").iter().map(|post| post.text()).collect();
    assert_eq!(texts.len(), 3, "{texts:#?}");
    assert!(texts[0].contains("Message: stocktaking") && texts[0].contains("missing"), "{}", texts[0]);
    assert!(texts[1].contains("Doors open at nine") && texts[2].contains("Doors open at nine"), "{texts:#?}");
    service.until_metric("rowbell_repeats_suppressed_total", |count| count == 1.0).await;
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_a_digest_and_the_urgent_change_does_not_wait_for_it() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup {
        destinations:
            "  calm: { slack: { webhook_url: \"http://RECEIVER/slack/calm\" }, rate: 2/s, digest: { after: 2s } }\n"
                .to_owned(),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [calm] }\n  \
                - { name: sold, table: public.listings, columns: [prod_stk_qty], priority: critical, to: [calm] }\n"
            .to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    service.until_ready().await;
    for id in 0..200 {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    broker.write(0, Some(&key(999)), Some(&crate::support::change::sold_out(999))).await;
    broker.until_committed(0, 201).await;

    let posts = receiver.accepted("/slack/calm");
    assert!(posts.len() < 20, "{} posts", posts.len());
    let digested = "rowbell_digested_changes_total{destination=\"calm\"}";
    let digested = service.metric(digested).await.expect("digests were posted") as usize;
    // A digest's text begins with how many; a single post's with what.
    let begins_with_a_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let digests =
        posts.iter().filter(|post| begins_with_a_number(post.body["text"].as_str().unwrap_or_default())).count();
    assert_eq!(digested + posts.len() - digests, 201, "what was posted singly and what digests stand for");
    assert!(posts.iter().any(|post| post.text().contains("Walnut desk") && post.body["blocks"].is_array()));
    service.stop().await.expect("a clean stop");
}
