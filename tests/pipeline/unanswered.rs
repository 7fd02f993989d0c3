//! Posts by bot token whose answer was lost: the channel's history says what became of them.

use crate::support::broker::Broker;
use crate::support::change::{key, price};
use crate::support::logs;
use crate::support::receiver::{Receiver, Step, between};
use crate::support::service::Service;
use crate::threads::desk;
use std::time::Duration;

const FOUND: &str = "rowbell_history_looks_total{destination=\"desk\",result=\"found\"}";
const READ: &str = "rowbell_history_looks_total{destination=\"desk\",result=\"read\"}";
const UNKNOWN: &str = "rowbell_posts_total{destination=\"desk\",outcome=\"unknown\"}";
const DELIVERED: &str = "rowbell_posts_total{destination=\"desk\",outcome=\"delivered\"}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_whose_answer_was_lost_is_found_and_not_posted_again() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(desk("").config(&broker, &receiver));
    receiver.slack.chat("Good morning");
    // Accepted, and nobody was told.
    receiver.script("chat.postMessage", [Step::HangUp]);
    broker.write(0, Some(&key(1)), Some(&price(1, "9.00", "8.00"))).await;
    broker.until_committed(0, 1).await;
    assert_eq!(receiver.slack.channel().len(), 2, "somebody's, and ours once");
    assert_eq!(receiver.arrivals("chat.postMessage").len(), 1);
    let asked = receiver.arrivals("conversations.history");
    assert_eq!(asked.len(), 1);
    assert!(asked[0].target.contains("include_all_metadata=true") && asked[0].target.contains("oldest="));
    assert!(!asked[0].target.contains("xoxb"), "the token goes in a header");
    for (name, count) in [(FOUND, 1.0), (UNKNOWN, 1.0), (DELIVERED, 1.0)] {
        assert_eq!(service.metric(name).await, Some(count), "{name}");
    }
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_that_never_arrived_is_posted_again() {
    for lost in [
        Step::Drop,
        // "Some aspect of the operation may have succeeded": this time none did.
        Step::status(200, r#"{"ok":false,"error":"fatal_error"}"#),
        Step::status(500, r#"{"ok":false,"error":"internal_error"}"#),
    ] {
        let (broker, receiver) = (Broker::start(1), Receiver::start().await);
        let service = Service::start(desk("").config(&broker, &receiver));
        receiver.script("chat.postMessage", [lost.clone()]);
        broker.write(0, Some(&key(1)), Some(&price(1, "9.00", "8.00"))).await;
        broker.until_committed(0, 1).await;
        assert_eq!(receiver.slack.channel().len(), 1, "{lost:?}");
        assert_eq!(receiver.arrivals("chat.postMessage").len(), 2, "{lost:?}");
        assert_eq!(service.metric(READ).await, Some(1.0), "{lost:?}");
        assert_eq!(service.metric(UNKNOWN).await, Some(1.0), "{lost:?}");
        service.stop().await.expect("a clean stop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_is_looked_for_in_its_thread_and_a_lost_first_message_becomes_the_rows() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(desk(", thread_by: row").config(&broker, &receiver));
    receiver.script("chat.postMessage", [Step::HangUp, Step::HangUp, Step::Drop]);
    for (from, to) in [("9.00", "8.00"), ("8.00", "7.00"), ("7.00", "6.00"), ("6.00", "5.00")] {
        broker.write(0, Some(&key(1)), Some(&price(1, from, to))).await;
    }
    broker.until_committed(0, 4).await;
    let channel = receiver.slack.channel();
    assert_eq!(channel.len(), 1, "{channel:#?}");
    let replies = receiver.slack.replies(&channel[0].ts);
    let new = |index: usize, price: &str| replies[index].text().contains(price);
    assert_eq!(replies.len(), 3, "{replies:#?}");
    assert!(new(0, "7.00") && new(1, "6.00") && new(2, "5.00"), "in their order: {replies:#?}");
    assert_eq!(receiver.arrivals("conversations.replies").len(), 2);
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_update_is_made_again_without_asking_for_it_shows_the_same() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(desk(", update: true").config(&broker, &receiver));
    receiver.script("chat.update", [Step::HangUp]);
    for (from, to) in [("9.00", "8.00"), ("8.00", "7.00")] {
        broker.write(0, Some(&key(1)), Some(&price(1, from, to))).await;
    }
    broker.until_committed(0, 2).await;
    assert_eq!(receiver.slack.messages().len(), 1);
    assert_eq!(receiver.slack.messages()[0].updates, 2);
    assert_eq!(receiver.arrivals("conversations.").len(), 1, "for the row's message, once");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_scope_it_is_posted_again_counted_and_said_once() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = desk("");
    let service = Service::start(setup.config(&broker, &receiver));
    receiver.slack.history(Some((200, r#"{"ok":false,"error":"missing_scope","needed":"channels:history"}"#)));
    receiver
        .script("chat.postMessage", [Step::HangUp, Step::status(200, r#"{"ok":true,"ts":"1.000001"}"#), Step::HangUp]);
    for id in 1..=2 {
        broker.write(0, Some(&key(id)), Some(&price(id, "9.00", "8.00"))).await;
    }
    broker.until_committed(0, 2).await;
    assert_eq!(receiver.arrivals("chat.postMessage").len(), 4, "each once more than needed");
    assert_eq!(receiver.arrivals("conversations.").len(), 1, "what may not be asked is not asked again and again");
    let denied = "rowbell_history_looks_total{destination=\"desk\",result=\"denied\"}";
    assert_eq!(service.metric(denied).await, Some(1.0));
    assert_eq!(service.metric("rowbell_destination_up{destination=\"desk\"}").await, Some(1.0));
    service.stop().await.expect("a clean stop");
    let log = logs::above_debug();
    let said: Vec<_> = log.lines().filter(|line| line.contains("missing_scope")).collect();
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].contains("channels:history") && said[0].contains("groups:history"), "{said:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_asks_for_a_moment_gets_it_and_one_that_asks_for_long_holds_nobody_up() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(desk("").config(&broker, &receiver));
    let limited = |seconds: u64| {
        let wait = vec![("retry-after", seconds.to_string())];
        Step::Answer(429, wait, r#"{"ok":false,"error":"ratelimited"}"#)
    };
    receiver.script("chat.postMessage", [Step::HangUp]);
    receiver.script("conversations.history", [limited(1)]);
    broker.write(0, Some(&key(1)), Some(&price(1, "9.00", "8.00"))).await;
    broker.until_committed(0, 1).await;
    let asked = receiver.arrivals("conversations.history");
    assert_eq!((asked.len(), receiver.arrivals("chat.postMessage").len()), (2, 1));
    assert!(between(&asked[0], &asked[1]) >= Duration::from_secs(1));

    receiver.script("chat.postMessage", [Step::HangUp]);
    receiver.script("conversations.history", [limited(60)]);
    broker.write(0, Some(&key(2)), Some(&price(2, "9.00", "8.00"))).await;
    broker.until_committed(0, 2).await;
    assert_eq!(receiver.arrivals("chat.postMessage").len(), 3, "posted again rather than in a minute");
    let failed = "rowbell_history_looks_total{destination=\"desk\",result=\"failed\"}";
    assert_eq!(service.metric(failed).await, Some(1.0));
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_may_not_send_metadata_posts_without_it() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(desk(", thread_by: row").config(&broker, &receiver));
    let refused = || Step::status(200, r#"{"ok":false,"error":"metadata_must_be_sent_from_app"}"#);
    receiver.script("chat.postMessage", [refused()]);
    broker.write(0, Some(&key(1)), Some(&price(1, "9.00", "8.00"))).await;
    broker.until_committed(0, 1).await;
    let channel = receiver.slack.channel();
    assert_eq!(channel.len(), 1);
    assert!(channel[0].metadata.is_null() && channel[0].text().contains("8.00"), "{channel:#?}");
    // This run knows its message all the same.
    broker.write(0, Some(&key(1)), Some(&price(1, "8.00", "7.00"))).await;
    broker.until_committed(0, 2).await;
    assert_eq!(receiver.slack.replies(&channel[0].ts).len(), 1);
    service.stop().await.expect("a clean stop");
}
