//! A row's message in Slack: its thread, its updates, and how both are found again.

use crate::support::broker::Broker;
use crate::support::change::{envelope, key, price, row};
use crate::support::receiver::Receiver;
use crate::support::service::{Service, Setup};
use crate::support::slack::Message;
use crate::support::until;
use serde_json::Value;
use std::collections::HashSet;

/// A Slack channel by bot token, with what else its settings say.
pub fn desk(settings: &str) -> Setup {
    Setup {
        destinations: format!(
            "  desk: {{ slack: {{ token: xoxb-of-a-test, channel: C0123, api_url: \"http://RECEIVER/api\"{settings} }}, \
             rate: 1000/s, burst: 10, fold: off }}\n"
        ),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [desk] }\n  \
                - { name: sold, table: public.listings, columns: [prod_stk_qty], priority: critical, mention: here, to: [desk] }\n"
            .to_owned(),
        ..Setup::default()
    }
}

/// The prices that a message shows, the new one last.
fn shows(message: &Message, prices: [&str; 2]) -> bool {
    prices.iter().all(|price| message.text().contains(price))
}

/// Row and stock after a sale.
fn sale(id: u64, price: &str, from: u64, to: u64) -> String {
    envelope("u", row(id, price, from), row(id, price, to))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_changes_of_a_row_reply_in_its_thread_and_a_critical_one_is_seen_in_the_channel() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(desk(", thread_by: row").config(&broker, &receiver));
    for (id, from, to) in [(1, "9.00", "8.00"), (2, "9.50", "8.50"), (1, "8.00", "7.00"), (2, "8.50", "7.50")] {
        broker.write(0, Some(&key(id)), Some(&price(id, from, to))).await;
    }
    broker.write(0, Some(&key(1)), Some(&sale(1, "7.00", 1, 0))).await;
    broker.write(0, Some(&key(1)), Some(&price(1, "7.00", "6.00"))).await;
    broker.until_committed(0, 6).await;

    let channel = receiver.slack.channel();
    assert_eq!(channel.len(), 2, "one message for each row: {channel:#?}");
    let [one, two] = [&channel[0], &channel[1]].map(|root| receiver.slack.replies(&root.ts));
    assert!(shows(&channel[0], ["9.00", "8.00"]) && shows(&channel[1], ["9.50", "8.50"]), "{channel:#?}");
    assert_eq!((one.len(), two.len()), (3, 1));
    assert!(shows(&one[0], ["8.00", "7.00"]) && shows(&one[2], ["7.00", "6.00"]) && shows(&two[0], ["8.50", "7.50"]));
    // In a thread nobody would see it, and `here` would call nobody.
    assert_eq!(one.iter().map(|reply| reply.broadcast).collect::<Vec<_>>(), [false, true, false]);
    assert!(one[1].text().contains("<!here>"));
    assert!(channel.iter().chain(&one).chain(&two).all(|message| message.updates == 0));

    // The metadata is for the whole workspace: ids only, and of the row a hash.
    for message in receiver.slack.messages() {
        let ids = message.metadata["event_payload"].as_object().expect("ids");
        assert_eq!(ids.keys().collect::<Vec<_>>(), ["id", "row"]);
        assert_eq!(message.metadata["event_type"], "rowbell_notice");
        assert!(ids["row"].as_str().is_some_and(|row| row.len() == 32), "{ids:?}");
        assert_eq!((&message.body["unfurl_links"], &message.body["unfurl_media"]), (&false.into(), &false.into()));
    }
    let rows: HashSet<_> =
        receiver.slack.messages().iter().map(|m| m.metadata["event_payload"]["row"].to_string()).collect();
    assert_eq!(rows.len(), 2, "the same for every change of a row, another for another: {rows:?}");
    let ids: HashSet<_> =
        receiver.slack.messages().iter().map(|m| m.metadata["event_payload"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 6, "each post has its own");
    // A row that nobody knows is new: its channel was read once, not for each.
    assert_eq!(receiver.arrivals("conversations.").len(), 1);
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_updated_message_shows_the_latest_change_and_what_is_critical_is_said_besides() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(desk(", update: true").config(&broker, &receiver));
    for (from, to) in [("9.00", "8.00"), ("8.00", "7.00"), ("7.00", "6.00")] {
        broker.write(0, Some(&key(1)), Some(&price(1, from, to))).await;
    }
    broker.until_committed(0, 3).await;
    let channel = receiver.slack.channel();
    assert_eq!(channel.len(), 1, "{channel:#?}");
    assert!(shows(&channel[0], ["7.00", "6.00"]) && !channel[0].text().contains("9.00"), "{channel:#?}");
    assert!(channel[0].text().contains("Latest change · this message is updated in place"), "{channel:#?}");
    assert_eq!((channel[0].updates, receiver.slack.messages().len()), (2, 1));
    let first = &receiver.accepted("chat.postMessage")[0].body;
    assert!(!first.to_string().contains("Latest change"), "the first is one like any other: {first}");

    for update in receiver.accepted("chat.update") {
        // Slack's default looks for names and links in the text; a part that is not sent would stay as it was.
        assert_eq!((&update.body["parse"], &update.body["ts"]), (&"none".into(), &channel[0].ts.as_str().into()));
        assert!(update.body["blocks"].is_array() && update.body["attachments"].is_array(), "{}", update.body);
    }

    // An update calls nobody.
    broker.write(0, Some(&key(1)), Some(&sale(1, "6.00", 1, 0))).await;
    broker.until_committed(0, 4).await;
    let (channel, replies) = (receiver.slack.channel(), receiver.slack.replies(&channel[0].ts));
    assert_eq!((channel.len(), channel[0].updates, replies.len()), (1, 3, 1));
    assert!(replies[0].broadcast && replies[0].text().contains("<!here>"), "{replies:#?}");
    assert!(channel[0].text().contains("Stock quantity"), "{channel:#?}");
    assert!(!channel[0].metadata.is_null(), "an update keeps the ids");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_both_the_thread_tells_every_change_and_its_first_message_the_latest() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(desk(", thread_by: row, update: true").config(&broker, &receiver));
    for (from, to) in [("9.00", "8.00"), ("8.00", "7.00"), ("7.00", "6.00")] {
        broker.write(0, Some(&key(1)), Some(&price(1, from, to))).await;
    }
    broker.until_committed(0, 3).await;
    let channel = receiver.slack.channel();
    let replies = receiver.slack.replies(&channel[0].ts);
    assert_eq!((channel.len(), channel[0].updates, replies.len()), (1, 2, 2));
    assert!(shows(&channel[0], ["7.00", "6.00"]), "{channel:#?}");
    assert!(channel[0].text().contains("earlier ones in the thread"), "{channel:#?}");
    assert!(shows(&replies[0], ["8.00", "7.00"]) && shows(&replies[1], ["7.00", "6.00"]), "{replies:#?}");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_a_rows_thread_among_what_others_wrote() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = desk(", thread_by: row, update: true");
    let service = Service::start(setup.config(&broker, &receiver));
    for id in 1..=3 {
        broker.write(0, Some(&key(id)), Some(&price(id, "9.00", "8.00"))).await;
    }
    broker.until_committed(0, 3).await;
    service.stop().await.expect("a clean stop");

    (0..5).for_each(|number| receiver.slack.chat(&format!("What about lunch, {number}?")));
    // Pages, as a channel with a past has them.
    receiver.slack.page_max(3);
    let before = receiver.arrivals("conversations.history").len();
    let service = Service::start(setup.config(&broker, &receiver));
    for id in 1..=3 {
        broker.write(0, Some(&key(id)), Some(&price(id, "8.00", "7.00"))).await;
    }
    broker.write(0, Some(&key(4)), Some(&price(4, "5.00", "4.00"))).await;
    broker.until_committed(0, 7).await;
    let ours: Vec<_> = receiver.slack.channel().into_iter().filter(|message| !message.metadata.is_null()).collect();
    assert_eq!(ours.len(), 4, "no row began anew, and the new one did: {ours:#?}");
    for root in &ours[..3] {
        assert_eq!((receiver.slack.replies(&root.ts).len(), root.updates), (1, 1), "{root:#?}");
        assert!(shows(root, ["8.00", "7.00"]), "{root:#?}");
    }
    assert_eq!(receiver.arrivals("conversations.history").len() - before, 3, "eight messages, three a page, read once");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_takes_a_partition_over_finds_the_threads_of_the_one_before() {
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    let setup = desk(", thread_by: row");
    let [first, second] = [(); 2].map(|()| Service::start(setup.config(&broker, &receiver)));
    first.until_ready().await;
    second.until_ready().await;
    // Both at work, each on a partition of its own, and having read what was in the channel.
    let both = async || {
        let mut posted = 0.0;
        for service in [&first, &second] {
            posted += service.metric("rowbell_posts_total{destination=\"desk\",outcome=\"delivered\"}").await?.min(1.0);
        }
        (posted == 2.0).then_some(())
    };
    let mut id = 0;
    until("posts of both replicas", async || {
        id += 1;
        for partition in 0..2 {
            broker.write(partition, Some(&key(id)), Some(&price(id, "9.00", "8.00"))).await;
        }
        both().await
    })
    .await;
    // New rows, one of each replica: the other one has read the channel before.
    let change = async |from: &str, to: &str| {
        for partition in 0..2 {
            let id = 900_000 + partition as u64;
            broker.write(partition, Some(&key(id)), Some(&price(id, from, to))).await;
        }
    };
    let roots = || -> Vec<Message> {
        let channel = receiver.slack.channel().into_iter();
        channel.filter(|message| message.text().contains("Walnut desk 90000")).collect()
    };
    change("7.00", "6.00").await;
    until("their messages", async || (roots().len() == 2).then_some(())).await;
    first.stop().await.expect("a clean stop");
    change("6.00", "5.00").await;
    for root in roots() {
        until("the change in the row's thread", async || {
            receiver.slack.replies(&root.ts).last().filter(|reply| shows(reply, ["6.00", "5.00"])).map(drop)
        })
        .await;
    }
    assert_eq!(roots().len(), 2, "no row began anew");
    second.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_rows_message_was_deleted_the_next_change_begins_anew() {
    for settings in [", thread_by: row", ", update: true", ", thread_by: row, update: true"] {
        let (broker, receiver) = (Broker::start(1), Receiver::start().await);
        let service = Service::start(desk(settings).config(&broker, &receiver));
        broker.write(0, Some(&key(1)), Some(&price(1, "9.00", "8.00"))).await;
        broker.until_committed(0, 1).await;
        receiver.slack.delete(&receiver.slack.channel()[0].ts);
        for (from, to) in [("8.00", "7.00"), ("7.00", "6.00"), ("6.00", "5.00")] {
            broker.write(0, Some(&key(1)), Some(&price(1, from, to))).await;
        }
        broker.until_committed(0, 4).await;
        let (channel, threaded, updated) =
            (receiver.slack.channel(), settings.contains("thread_by"), settings.contains("update"));
        assert_eq!(channel.len(), 1, "{settings}: {channel:#?}");
        assert_eq!(receiver.slack.replies(&channel[0].ts).len(), if threaded { 2 } else { 0 }, "{settings}");
        assert_eq!(channel[0].updates, if updated { 2 } else { 0 }, "{settings}");
        assert_eq!(
            receiver.accepted("chat.postMessage").len(),
            if threaded { 4 } else { 2 },
            "{settings}: nothing twice"
        );
        service.stop().await.expect("a clean stop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_edited_and_a_thread_that_is_closed_are_left_for_a_new_one() {
    for (method, error) in [
        ("chat.update", r#"{"ok":false,"error":"edit_window_closed"}"#),
        ("chat.update", r#"{"ok":false,"error":"cant_update_message"}"#),
        ("chat.postMessage", r#"{"ok":false,"error":"thread_not_found"}"#),
        ("chat.postMessage", r#"{"ok":false,"error":"restricted_action_thread_locked"}"#),
    ] {
        let settings = if method == "chat.update" { ", update: true" } else { ", thread_by: row" };
        let (broker, receiver) = (Broker::start(1), Receiver::start().await);
        let service = Service::start(desk(settings).config(&broker, &receiver));
        broker.write(0, Some(&key(1)), Some(&price(1, "9.00", "8.00"))).await;
        broker.until_committed(0, 1).await;
        receiver.script(method, [crate::support::receiver::Step::status(200, error)]);
        broker.write(0, Some(&key(1)), Some(&price(1, "8.00", "7.00"))).await;
        broker.until_committed(0, 2).await;
        let channel = receiver.slack.channel();
        assert_eq!(channel.len(), 2, "{error}");
        assert!(shows(&channel[1], ["8.00", "7.00"]), "{error}: {channel:#?}");
        assert_eq!(service.metric("rowbell_destination_up{destination=\"desk\"}").await, Some(1.0), "{error}");
        service.stop().await.expect("a clean stop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_without_a_key_and_digests_stand_in_the_channel_by_themselves() {
    const ROWS: u64 = 60;
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let mut setup = desk(", thread_by: row");
    setup.destinations = setup.destinations.replace("rate: 1000/s", "rate: 4/s, digest: { after: 2s }");
    let service = Service::start(setup.config(&broker, &receiver));
    service.until_ready().await;
    for (from, to) in [("9.00", "8.00"), ("8.00", "7.00")] {
        broker.write(0, None, Some(&price(1, from, to))).await;
    }
    for id in 0..ROWS {
        broker.write(0, Some(&key(id)), Some(&price(id, "9.00", "8.00"))).await;
    }
    broker.until_committed(0, ROWS as i64 + 2).await;
    let messages = receiver.slack.messages();
    let about_rows = |message: &&Message| message.metadata["event_payload"]["row"] != Value::Null;
    let alone = messages.iter().filter(|message| !about_rows(message)).count();
    assert!(messages.len() < 40 && alone >= 2, "digests, and what has no key: {messages:#?}");
    assert!(messages.iter().all(|message| message.thread.is_none()), "{messages:#?}");
    assert!(messages.iter().all(|message| message.metadata["event_payload"]["id"].is_string()));
    service.stop().await.expect("a clean stop");
}
