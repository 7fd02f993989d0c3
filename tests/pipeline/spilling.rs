//! Destinations with little memory: what they let go is read again.

use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{envelope, key, price, row, sold_out};
use crate::support::receiver::{Arrival, Receiver, Step};
use crate::support::service::{ConfigFile, Service, Setup};
use crate::support::until;
use std::collections::HashMap;

const SPILLED: &str = "rowbell_lane_spilled{destination=\"down\"}";

/// A channel, and a program that has room for some eight changes.
fn setup() -> Setup {
    Setup {
        destinations: "  down: { webhook: { url: \"http://RECEIVER/hook/down\" }, rate: 5000/s, in_flight: 1 }\n"
            .to_owned(),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops, down] }\n  \
                - { name: gone, table: public.listings, columns: [prod_stk_qty], to: [down], priority: critical }\n"
            .to_owned(),
        more: "limits: { pending_bytes: 128KiB }\n".to_owned(),
        ..Setup::default()
    }
}

/// The offset of the record that a post tells.
fn offset(post: &Arrival) -> i64 {
    let id = post.headers.get("webhook-id").expect("a name");
    let place = id.strip_prefix(&format!("{LISTINGS}:0:")).unwrap_or_else(|| panic!("{id}"));
    place.split(':').next().and_then(|offset| offset.parse().ok()).unwrap_or_else(|| panic!("{id}"))
}

async fn until_pending(service: &Service, count: usize) {
    until("all of it owed", async || {
        let status = service.status.borrow();
        let lane = status.lanes.iter().find(|lane| lane.destination == "down")?;
        (lane.pending.iter().sum::<usize>() == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_is_down_costs_no_memory_and_gets_everything_in_order_when_it_is_back() {
    const CHANGES: u64 = 300;
    const ROWS: u64 = 20;
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(setup().config(&broker, &receiver));
    receiver.always("/hook/down", Some(Step::wait(1)));
    let mut rows = HashMap::new();
    for change in 0..CHANGES {
        let (from, to) = (change.to_string(), (change + 1).to_string());
        let id = change % ROWS;
        rows.insert(broker.write(0, Some(&key(id)), Some(&price(id, &from, &to))).await, id);
    }
    let other = broker.write(0, Some(&key(99)), Some(&sold_out(99))).await;
    let own = broker.write(0, Some(&key(5)), Some(&sold_out(5))).await;
    rows.extend([(own, 5), (other, 99)]);
    receiver.until_accepted("/slack/ops", CHANGES as usize).await;
    until_pending(&service, CHANGES as usize + 2).await;
    service.until_metric(SPILLED, |spilled| spilled > 280.0).await;
    // What is on its way to the lanes is not held: the other half of the limit is free.
    service.until_metric("rowbell_pending_bytes", |bytes| bytes < 70_000.0).await;

    receiver.always("/hook/down", None);
    let posts = receiver.until_accepted("/hook/down", CHANGES as usize + 2).await;
    broker.until_committed(0, CHANGES as i64 + 2).await;
    let posts: Vec<_> = posts.iter().map(offset).collect();
    assert_eq!(receiver.accepted("/hook/down").len(), posts.len(), "each once");
    for id in (0..ROWS).chain([99]) {
        let told: Vec<_> = posts.iter().filter(|offset| rows[offset] == id).collect();
        assert!(told.is_sorted(), "row {id}: {told:?}");
    }
    let place = |offset| posts.iter().position(|posted| *posted == offset).expect("it was posted");
    let before = posts[..place(own)].iter().filter(|offset| rows[offset] != 5).count();
    assert!(place(other) < 10, "the urgent one of another row came {}th: {posts:?}", place(other));
    assert!(before < 100, "{before} posts of other rows came before the urgent one");
    assert_eq!(receiver.accepted("/slack/ops").len(), CHANGES as usize);
    service.until_metric(SPILLED, |spilled| spilled == 0.0).await;
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_let_go_keeps_its_verdict_when_the_rules_change() {
    const CHANGES: u64 = 60;
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&setup(), &broker, &receiver);
    let service = Service::start_from(&file);
    receiver.always("/hook/down", Some(Step::wait(1)));
    for id in 0..CHANGES {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    until_pending(&service, CHANGES as usize).await;
    let fewer = Setup { rules: setup().rules.replace("to: [ops, down]", "to: [ops]"), ..setup() };
    file.write(&fewer, &broker, &receiver);
    let (status, answer) = service.ask("POST", "/reload").await;
    assert_eq!(status, 200, "{answer}");
    for id in 0..CHANGES {
        broker.write(0, Some(&key(id)), Some(&price(id, "1.00", "2.00"))).await;
    }
    receiver.until_accepted("/slack/ops", 2 * CHANGES as usize).await;
    receiver.always("/hook/down", None);
    broker.until_committed(0, 2 * CHANGES as i64).await;
    let posts: Vec<_> = receiver.accepted("/hook/down").iter().map(offset).collect();
    assert_eq!(posts, (0..CHANGES as i64).collect::<Vec<_>>(), "what the rules wanted then, and no more");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_log_no_longer_holds_is_counted_as_lost_and_stops_nothing() {
    const CHANGES: u64 = 60;
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(setup().config(&broker, &receiver));
    receiver.always("/hook/down", Some(Step::wait(1)));
    for id in 0..CHANGES {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    until_pending(&service, CHANGES as usize).await;
    // The broker keeps 5 MiB of a log.
    let mut large = row(1, "1.00", 3);
    large["title"] = "x".repeat(300_000).into();
    let mut last = 0;
    for _ in 0..20 {
        last = broker.write(0, Some(&key(1)), Some(&envelope("u", large.clone(), large.clone()))).await;
    }
    receiver.always("/hook/down", None);
    broker.until_committed(0, last + 1).await;
    let posts: Vec<_> = receiver.accepted("/hook/down").iter().map(offset).collect();
    assert!(posts.is_sorted() && (1..CHANGES as usize).contains(&posts.len()), "what memory held: {posts:?}");
    let lost = service.metric(&format!("rowbell_records_lost_total{{topic=\"{LISTINGS}\"}}")).await;
    assert!(lost.is_some_and(|lost| lost as usize >= CHANGES as usize - posts.len()), "{lost:?} of {posts:?}");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_of_a_net_change_that_is_refused_is_a_dead_letter() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let floor = "  floor: { slack: { webhook_url: \"http://RECEIVER/slack/floor\" }, rate: 1000/s, fold: on }\n";
    let rules = "  - { name: price, table: public.listings, columns: [price], to: [floor] }\n";
    let setup = Setup { destinations: floor.to_owned(), rules: rules.to_owned(), ..Setup::default() };
    let service = Service::start(setup.config(&broker, &receiver));
    receiver.script("/slack/floor", [Step::Hold]);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_arrived("/slack/floor", 1).await;
    let mut written = Vec::new();
    for change in 0..4_u64 {
        let value = price(2, &change.to_string(), &(change + 1).to_string());
        broker.write(0, Some(&key(2)), Some(&value)).await;
        // In between, another row's.
        broker.write(0, Some(&key(3)), Some(&price(3, &change.to_string(), &(change + 1).to_string()))).await;
        written.push(value);
    }
    service.until_metric("rowbell_folded_changes_total{destination=\"floor\"}", |folded| folded == 6.0).await;
    // As it is, and plain and short.
    receiver.script("/slack/floor", [Step::status(400, "invalid_blocks"), Step::status(400, "invalid_blocks")]);
    receiver.release();
    let letters = broker.letters(4).await;
    let told: Vec<_> = letters.iter().map(|letter| letter.headers["rowbell.offset"].as_str()).collect();
    assert_eq!(told, ["1", "3", "5", "7"]);
    for (letter, value) in letters.iter().zip(&written) {
        assert_eq!(letter.value.as_deref(), Some(value.as_bytes()), "as it was");
        assert_eq!(letter.headers["rowbell.reason"], "rejected");
    }
    broker.until_committed(0, 9).await;
    assert_eq!(service.metric("rowbell_dead_letters_total{reason=\"rejected\"}").await, Some(4.0));
    service.stop().await.expect("a clean stop");
}
