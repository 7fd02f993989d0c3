//! `rowbell dlq`, as the binary.

use crate::command::{fails, lines, rowbell, run};
use crate::support::broker::{Broker, DEAD_LETTERS, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::SECRET;
use serde_json::Value;
use std::process::Output;

struct Shop {
    broker: Broker,
    receiver: Receiver,
    /// The config's path.
    config: String,
    _directory: tempfile::TempDir,
}

impl Shop {
    async fn open() -> Self {
        let (broker, receiver) = (Broker::start(1), Receiver::start().await);
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("rowbell.yaml");
        let text = format!(
            "kafka: {{ brokers: \"{}\", topics: [{LISTINGS}] }}\n\
             tables: {{ public.listings: {{ title: \"{{{{ row.title }}}}\", replica_identity: full, columns: {{ price: {{ type: decimal }} }} }} }}\n\
             destinations:\n  ops: {{ slack: {{ webhook_url: \"${{env:OPS_URL}}\" }}, rate: 1000/s }}\n\
             rules: [{{ name: price, table: public.listings, columns: [price], to: ops, headline: \"Look: {{{{ row.title }}}}\" }}]\n",
            broker.brokers
        );
        std::fs::write(&file, text).expect("written");
        let config = file.to_str().expect("UTF-8").to_owned();
        Self { broker, receiver, config, _directory: directory }
    }

    /// Writes a letter as the service does.
    async fn letter(&self, id: u64, reason: &str, destination: Option<&str>, rule: &str, whole: bool) {
        let (key, value, offset) = (key(id), price(id, "2.00", "1.00"), id.to_string());
        let value = if reason == "decode" { value[..40].to_owned() } else { value };
        let mut headers = vec![
            ("rowbell.reason", reason),
            ("rowbell.error", "HTTP 400, invalid_blocks"),
            ("rowbell.rule", rule),
            ("rowbell.topic", LISTINGS),
            ("rowbell.partition", "0"),
            ("rowbell.offset", &offset),
            ("rowbell.attempts", "1"),
            ("rowbell.time", "2026-11-23T20:00:57.940441Z"),
        ];
        headers.extend(destination.map(|name| ("rowbell.destination", name)));
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name, Some(value.as_bytes()))).collect();
        let (key, value) = (whole.then_some(key.as_bytes()), whole.then_some(value.as_bytes()));
        self.broker.feeder.write(DEAD_LETTERS, Some(0), key, value, headers).await.expect("written");
    }

    async fn replay(&self, arguments: &[&str]) -> Output {
        let mut command = rowbell(&["dlq", "replay", "-c", &self.config]);
        command.args(arguments).env("OPS_URL", format!("http://{}/slack/ops/{SECRET}", self.receiver.address));
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts")
    }

    fn posts(&self) -> usize {
        self.receiver.arrivals("/slack/ops").len()
    }
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_listed_by_what_is_asked_for_and_shown_with_their_records() {
    let shop = Shop::open().await;
    shop.letter(1, "rejected", Some("ops"), "price", true).await;
    shop.letter(2, "exhausted", Some("floor"), "price", true).await;
    shop.letter(3, "decode", None, "price", true).await;
    let base = ["dlq", "list", "--json", "-c", &shop.config];
    let list = async |more: &[&str]| {
        let found = lines(&[&base[..], more].concat()).await;
        found.iter().map(|line| line["letter"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&[]).await, ["0:0", "0:1", "0:2"]);
    assert_eq!(list(&["--reason", "decode"]).await, ["0:2"]);
    assert_eq!(list(&["--destination", "floor"]).await, ["0:1"]);
    assert_eq!(list(&["--table", "public.listings", "--limit", "1"]).await, ["0:0"]);
    assert_eq!(list(&["--table", "public.sellers"]).await.len(), 0);
    assert_eq!(list(&["0:1", "0:2", "--since", "2026-11-23T20:00:57Z"]).await, ["0:1", "0:2"]);
    assert_eq!(list(&["--until", "2026-11-23T20:00:57Z"]).await.len(), 0);
    let (code, text) = said(&run(&["dlq", "show", "-c", &shop.config, "0:0"]).await);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.starts_with("0:0  2026-11-23T20:00:57Z  rejected  to ops  by price  shop.public.listings:0:1  HTTP 400"),
        "{text}"
    );
    assert!(text.contains("\n    price  2.00 -> 1.00\n"), "{text}");
    let shown = lines(&["dlq", "show", "--json", "-c", &shop.config, "0:2"]).await;
    assert_eq!(shown[0]["inspected"]["kind"], "error");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_that_was_replayed_before_is_posted_again_only_when_that_is_said() {
    let shop = Shop::open().await;
    shop.letter(1, "rejected", Some("ops"), "price", true).await;
    let said_nothing = fails(2, &["dlq", "replay", "-c", &shop.config]).await;
    assert!(said_nothing.contains("--all"), "{said_nothing}");

    // A dry run needs no secrets.
    let (code, text) = said(&run(&["dlq", "replay", "-c", &shop.config, "--all", "--dry-run"]).await);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("Look: Walnut desk 1") && text.contains("1 would be replayed, nothing was sent"), "{text}");
    assert_eq!(shop.posts(), 0);

    let (code, text) = said(&shop.replay(&["--all"]).await);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("0:0  shop.public.listings:0:1  delivered") && text.contains("1 replayed"), "{text}");
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(shop.posts(), 1);
    let post = shop.receiver.arrivals("/slack/ops").remove(0);
    assert!(post.text().contains("Look: Walnut desk 1"), "{post:?}");

    // Nobody can be asked here.
    shop.letter(2, "rejected", Some("ops"), "price", true).await;
    for (letters, words) in [("0:0", "the letter was replayed before"), ("--all", "1 of 2 letters was replayed before")]
    {
        let (code, text) = said(&shop.replay(&[letters]).await);
        assert_eq!((code, shop.posts()), (Some(2), 1), "{text}");
        assert!(
            text.contains(words) && text.contains("  hint: --again posts it once more, --only-new leaves"),
            "{text}"
        );
    }
    // A look posts nothing, so it asks nothing.
    let (code, text) = said(&run(&["dlq", "replay", "-c", &shop.config, "--all", "--dry-run"]).await);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("1 would be replayed") && text.contains("1 left out that was replayed before"), "{text}");
    let (code, text) = said(&shop.replay(&["--all", "--only-new"]).await);
    assert_eq!((code, shop.posts()), (Some(0), 2), "{text}");
    assert!(text.contains("1 replayed; 1 left out that was replayed before"), "{text}");
    let listed = lines(&["dlq", "list", "--json", "-c", &shop.config]).await;
    assert_eq!((listed.len(), &listed[0]["replayed"]), (2, &Value::Bool(true)), "the mark is no letter");
    let (code, text) = said(&shop.replay(&["0:0", "--again"]).await);
    assert_eq!((code, shop.posts()), (Some(0), 3), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_replayed_is_told_and_stays() {
    let shop = Shop::open().await;
    shop.letter(0, "rejected", Some("ops"), "price", true).await;
    shop.letter(1, "rejected", Some("gone"), "price", true).await;
    shop.letter(2, "rejected", Some("ops"), "old-rule", true).await;
    shop.letter(3, "decode", None, "price", true).await;
    shop.letter(9, "rejected", Some("ops"), "price", false).await;
    shop.receiver.script("/slack/ops", [Step::status(400, "invalid_blocks")]);
    let (code, text) = said(&shop.replay(&["--all"]).await);
    assert_eq!(code, Some(1), "{text}");
    for words in [
        "0:0  shop.public.listings:0:0  failed: rejected, HTTP 400, invalid_blocks",
        "0:1  cannot be replayed: the config has no destination \"gone\" any more",
        "0:2  cannot be replayed: the config has none of its rules any more: old-rule",
        "0:3  cannot be replayed: it still cannot be decoded",
        "0:4  cannot be replayed: its record is neither in the letter nor in its topic any more",
        "5 letters were not replayed",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    // Nothing was marked; and one whose record is still in its topic is found there.
    for id in 0..10 {
        shop.broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    let (code, text) = said(&shop.replay(&["0:0", "0:4"]).await);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2 replayed"), "{text}");
    assert!(shop.receiver.accepted("/slack/ops")[1].text().contains("Walnut desk 9"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_keeps_its_pace_and_comes_back_when_it_is_told_to() {
    let shop = Shop::open().await;
    for id in 0..3 {
        shop.letter(id, "exhausted", Some("ops"), "price", true).await;
    }
    shop.receiver.script("/slack/ops", [Step::status(200, "ok"), Step::wait(1)]);
    let (code, text) = said(&shop.replay(&["--reason", "exhausted", "--rate", "4/s"]).await);
    assert_eq!(code, Some(0), "{text}");
    let arrivals = shop.receiver.arrivals("/slack/ops");
    assert_eq!(arrivals.len(), 4);
    let gaps: Vec<_> = arrivals.windows(2).map(|two| two[1].at.duration_since(two[0].at).as_millis()).collect();
    assert!(gaps[0] >= 249 && gaps[1] >= 999 && gaps[2] >= 249, "{gaps:?}");
}
