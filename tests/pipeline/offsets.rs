//! The group's commits, looked at and moved.

use crate::command;
use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{ConfigFile, Service, Setup};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commit_and_how_far_each_destination_is_are_shown() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup::with_floor();
    let file = ConfigFile::new(&setup, &broker, &receiver);
    let path = file.path.display().to_string();
    let service = Service::start_from(&file);
    receiver.always("/slack/floor", Some(Step::wait(3600)));
    for id in 1..=3 {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    receiver.until_accepted("/slack/ops", 3).await;
    service.stop().await.expect("a clean stop");

    let shown = command::lines(&["offsets", "show", "--json", "-c", &path]).await;
    let place = &shown[0]["partitions"][0];
    assert_eq!((&place["topic"], &place["committed"], &place["end"]), (&json!(LISTINGS), &json!(0), &json!(3)));
    let lanes: Vec<_> = place["lanes"]
        .as_array()
        .expect("lanes")
        .iter()
        .map(|lane| (lane["destination"].clone(), lane["watermark"].clone(), lane["told"].clone()))
        .collect();
    for (name, watermark) in [("ops", 3), ("floor", 0), ("(dead letters)", 3)] {
        assert!(lanes.contains(&(json!(name), json!(watermark), json!(true))), "{name}: {lanes:?}");
    }

    // The mock broker keeps the group for ever, as a real one keeps one that is active: its commits are its members'.
    let said = command::fails(1, &["offsets", "skip", "-c", &path, "--topic", LISTINGS, "--to", "latest"]).await;
    assert!(said.contains("is active") && said.contains("stop every replica"), "{said}");
    assert_eq!(broker.committed(LISTINGS, 0).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_skipped_is_said_before_and_never_posted() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup {
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops], priority: critical }\n"
            .to_owned(),
        ..Setup::default()
    };
    let file = ConfigFile::new(&setup, &broker, &receiver);
    let path = file.path.display().to_string();
    for id in 1..=3 {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    broker.write(0, Some(&key(4)), Some("{\"before\": 7")).await;
    let says = async |more: &[&str]| {
        let arguments = [&["offsets", "skip", "-c", &path, "--topic", LISTINGS, "--partition", "0"], more].concat();
        let output = command::run(&arguments).await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {err}");
        format!("{out}{err}")
    };
    let dry = says(&["--to", "latest", "--dry-run"]).await;
    assert!(dry.contains("would not be posted to ops: 3 changes, 3 of them critical"), "{dry}");
    assert!(dry.contains("(dead letters): 1 changes") && dry.contains("nothing was changed"), "{dry}");
    assert_eq!(broker.committed(LISTINGS, 0).await, None);
    let done = says(&["--to", "2"]).await;
    assert!(done.contains("the commit moves from 0 to 2") && done.contains("skipped by hand"), "{done}");
    assert_eq!(broker.committed(LISTINGS, 0).await, Some(2));
    assert!(says(&["--to", "1"]).await.contains("nothing to skip"));

    let service = Service::start_from(&file);
    let posts = receiver.until_accepted("/slack/ops", 1).await;
    assert!(posts[0].text().contains("Walnut desk 3"), "{}", posts[0].text());
    broker.until_committed(0, 4).await;
    assert_eq!(receiver.arrivals("/slack/ops").len(), 1);
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_skipped_is_said_with_a_hint() {
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let path = file.path.display().to_string();
    let with = |more: &[&'static str]| [&["offsets", "skip", "-c", &path][..], more].concat();
    for (code, arguments, word) in [
        (2, with(&["--topic", LISTINGS, "--to", "3"]), "--partition"),
        (1, with(&["--topic", "shop.public.listing", "--to", "latest"]), "did you mean \"shop.public.listings\""),
        (1, with(&["--topic", LISTINGS, "--to", "3", "--partition", "7"]), "no partition 7"),
        (1, with(&["--topic", LISTINGS, "--to", "3", "--partition", "0"]), "ends at 0"),
        (1, with(&["--topic", LISTINGS, "--to", "latest", "--destination", "opps"]), "did you mean \"ops\""),
    ] {
        let said = command::fails(code, &arguments).await;
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}
