//! The main job on the real stack: Postgres and MariaDB, Debezium, Kafka Connect, Kafka, and the release binary.
//!
//! `make e2e` brings the stack up, registers `connectors/*.json`, runs this, and stops everything. The tests share
//! the stack (one of them stops its broker), so they take turns.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checking;
mod operating;
#[expect(dead_code, reason = "the benchmark uses the rest")]
mod receiver;
mod service;
mod stack;

use receiver::{Channel, Receiver};
use service::{Service, Settings};
use stack::Stack;
use std::time::{Duration, Instant};

/// Long enough for a slow machine; every wait ends as soon as its condition holds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How soon a change is posted again after a crash (the promise), by membership.
const AGAIN_DYNAMIC: Duration = Duration::from_secs(10);
const AGAIN_STATIC: Duration = Duration::from_secs(3);

#[test]
fn a_price_change_reaches_slack_and_teams_in_words() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let _service = Service::start(&stack, &receiver, Settings::named("words"));

    stack.sql("UPDATE listings SET price = 250000.00, prod_stk_qty = 10, title = 'Oak chair' WHERE id = 1");
    receiver.forget();
    stack.sql("UPDATE listings SET price = 199999.95 WHERE id = 1");

    let slack = receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("-&gt; $199,999.95"));
    assert_eq!(slack.json["blocks"][0]["text"]["text"], "Price dropped: Oak chair");
    for words in ["Price", "$250,000.00", "$199,999.95", "-20 %", "https://shop.example/listings/1", "View listing"] {
        assert!(slack.text.contains(words), "{words} in {}", slack.text);
    }
    let teams = receiver.wait(PATIENCE, |a| a.channel == Channel::Teams && a.text.contains("199,999.95"));
    let card = &teams.json["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card["content"]["version"], "1.4");
    for words in ["Price dropped: Oak chair", "$250,000.00", "-20 %", "https://shop.example/listings/1"] {
        assert!(teams.text.contains(words), "{words} in {}", teams.text);
    }
}

#[test]
fn the_last_one_sold_calls_people_and_a_no_op_update_calls_nobody() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let _service = Service::start(&stack, &receiver, Settings::named("critical"));

    stack.sql("UPDATE listings SET prod_stk_qty = 1, title = 'Lamp <!channel> & *warm*' WHERE id = 2");
    stack.sql("UPDATE listings SET title = title WHERE id = 2");
    stack.sql("UPDATE listings SET prod_stk_qty = 0 WHERE id = 2");

    let post = receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("out of stock"));
    assert_eq!(post.json["blocks"][0]["text"]["text"], "<!here>", "the mention comes from the config");
    // Row data is inert: as plain text only, escaped where Slack would parse it.
    assert!(!post.json["text"].as_str().unwrap().contains("<!channel>"), "{}", post.text);
    stack.sql("UPDATE listings SET price = price + 1 WHERE id = 2");
    receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("Price rose"));
    let headers: Vec<_> = receiver.arrivals().iter().map(|a| a.text.clone()).collect();
    assert!(headers.iter().all(|text| text.contains("out of stock") || text.contains("Price")), "{headers:?}");
}

#[test]
fn the_commit_stands_at_the_change_while_slack_does_not_answer() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let settings = Settings::named("hold");
    let _service = Service::start(&stack, &receiver, settings.clone());

    stack.sql("UPDATE listings SET price = price + 1 WHERE id = 1");
    receiver.wait(PATIENCE, |a| a.channel == Channel::Slack);
    receiver.hold(Channel::Slack);
    let (partition, offset) = stack.offset_of(|| stack.sql("UPDATE listings SET price = price + 1 WHERE id = 1"));
    receiver.wait_held(PATIENCE);
    // Later records, relevant or not, must not carry it over.
    stack.sql("UPDATE listings SET status = 'paused' WHERE id = 1");
    stack.sql("UPDATE listings SET price = price + 1 WHERE id = 1");
    stack.wait_committed(&settings.group, partition, offset, PATIENCE);
    // For longer than an idle commit takes, and than the post's own timeout.
    let until = Instant::now() + Duration::from_secs(7);
    while Instant::now() < until {
        assert_eq!(stack.committed(&settings.group, partition), Some(offset));
    }
    receiver.answer(Channel::Slack);
    stack.wait_committed(&settings.group, partition, offset + 3, PATIENCE);
}

#[test]
fn a_post_accepted_but_not_committed_is_made_again_after_kill_9() {
    for (name, instance_id, promise) in
        [("kill", None, AGAIN_DYNAMIC), ("kill-static", Some("rowbell-0"), AGAIN_STATIC)]
    {
        let stack = Stack::take_turn();
        let receiver = Receiver::start();
        let settings = Settings { instance_id, ..Settings::named(name) };
        let mut service = Service::start(&stack, &receiver, settings.clone());

        receiver.hold(Channel::Slack);
        let (partition, offset) = stack.offset_of(|| stack.sql("UPDATE listings SET price = price + 1 WHERE id = 1"));
        receiver.wait_held(PATIENCE);
        // Without its broker the service can hear Slack's answer, but not commit.
        stack.stop_kafka();
        receiver.answer(Channel::Slack);
        let accepted = receiver.wait(PATIENCE, |a| a.channel == Channel::Slack);
        service.wait_delivered(PATIENCE);
        service.kill_9();
        stack.start_kafka();
        assert_eq!(stack.committed(&settings.group, partition), Some(offset), "{name}: nothing was committed");

        receiver.forget();
        let restarted = Instant::now();
        let _service = Service::start_unready(&stack, &receiver, settings.clone());
        let again = receiver.wait(promise, |a| a.channel == Channel::Slack);
        assert_eq!(again.json, accepted.json, "{name}: the same post");
        println!("{name}: posted again {} ms after the restart", restarted.elapsed().as_millis());
        stack.wait_committed(&settings.group, partition, offset + 1, PATIENCE);
    }
}

#[test]
fn after_a_clean_stop_nothing_is_posted_twice_and_nothing_is_missing() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let settings = Settings::named("clean");
    let mut service = Service::start(&stack, &receiver, settings.clone());

    stack.sql("UPDATE listings SET price = 1001 WHERE id = 1");
    receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("1,001.00"));
    assert_eq!(service.terminate(PATIENCE), Some(0), "SIGTERM drains and exits 0");

    stack.sql("UPDATE listings SET price = 1002 WHERE id = 1");
    receiver.forget();
    let _service = Service::start(&stack, &receiver, settings);
    receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("1,002.00"));
    stack.sql("UPDATE listings SET price = 1003 WHERE id = 1");
    receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("1,003.00"));
    let posts = receiver.arrivals().iter().filter(|a| a.channel == Channel::Slack).count();
    assert_eq!(posts, 2, "1002 and 1003, and 1001 not again");
}

#[test]
fn a_change_in_mariadb_is_posted_too() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let _service = Service::start(&stack, &receiver, Settings::named("mariadb"));

    stack.mysql("UPDATE listings SET price = price + 5 WHERE id = 1");
    let post = receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("MariaDB"));
    assert!(post.text.contains("Price"), "{}", post.text);
}

#[test]
fn avro_through_the_registry_reads_the_same() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let settings = Settings { topics: &["shopavro.public.listings"], ..Settings::named("avro") };
    let service = Service::start(&stack, &receiver, settings);

    stack.sql("UPDATE listings SET price = 250000.00, prod_stk_qty = 1, title = 'Oak chair' WHERE id = 1");
    receiver.forget();
    stack.sql("UPDATE listings SET price = 199999.95, prod_stk_qty = 0 WHERE id = 1");
    let slack = receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("out of stock"));
    for words in ["Oak chair is out of stock", "$250,000.00", "$199,999.95", "-20 %", "https://shop.example/listings/1"]
    {
        assert!(slack.text.contains(words), "{words} in {}", slack.text);
    }
    assert_eq!(service.metric("rowbell_dead_letters_total"), Some(0.0));
    assert_eq!(service.metric("rowbell_registry_up"), Some(1.0), "the second URL answers where the first does not");
}

#[test]
fn what_debezium_sends_again_after_a_crash_of_connect_is_not_posted_again() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let service = Service::start(&stack, &receiver, Settings::named("repeats"));

    stack.sql("UPDATE listings SET price = 41 WHERE id = 1");
    stack.sql("UPDATE listings SET price = 42 WHERE id = 1");
    receiver.wait(PATIENCE, |a| a.channel == Channel::Slack && a.text.contains("42.00"));
    stack.crash_connect();
    stack.sql("UPDATE listings SET price = 43 WHERE id = 1");
    receiver.wait(PATIENCE * 2, |a| a.channel == Channel::Slack && a.text.contains("43.00"));
    let repeats = service.metric("rowbell_repeats_suppressed_total").unwrap_or_default();
    println!("repeats: {repeats} changes were sent again and not posted");
    assert!(repeats >= 1.0, "Debezium sent nothing again: the test shows nothing");
    for price in ["41.00", "42.00", "43.00"] {
        let last = |a: &&receiver::Arrival| a.channel == Channel::Slack && a.text.contains(&format!("-&gt; ${price}"));
        assert_eq!(receiver.arrivals().iter().filter(last).count(), 1, "{price}");
    }
}
