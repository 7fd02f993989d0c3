//! Commands that read topics or files and post nothing, as the binary.

use crate::command::{fails, lines, rowbell, run};
use crate::support::broker::{Broker, GROUP, LISTINGS};
use crate::support::change::{key, no_op, price};
use crate::support::service::SECRET;
use crate::support::until;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn places(lines: &[Value]) -> Vec<String> {
    let mut places: Vec<_> = lines.iter().map(|line| format!("{}:{}", line["partition"], line["offset"])).collect();
    places.sort();
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_read_to_its_end_from_where_one_says_and_nothing_is_committed() {
    let broker = Broker::start(2);
    for id in 0..3 {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
        broker.write(1, Some(&key(id + 10)), Some(&no_op(id + 10))).await;
    }
    let base = ["inspect", "--brokers", &broker.brokers, "--topic", LISTINGS];
    let with = |more: &[&'static str]| [&base[..], more].concat();

    let all = lines(&base).await;
    assert_eq!(places(&all), ["0:0", "0:1", "0:2", "1:0", "1:1", "1:2"]);
    let first = all.iter().find(|line| line["partition"] == 0).expect("a line");
    assert_eq!(first["topic"], LISTINGS);
    assert_eq!(first["key"]["id"], 0);
    assert_eq!(first["changes"][0]["new"], "1.00");

    assert_eq!(places(&lines(&with(&["--partition", "1", "--offset", "1"])).await), ["1:1", "1:2"]);
    assert_eq!(places(&lines(&with(&["--offset", "-1"])).await), ["0:2", "1:2"], "one before each end");
    assert_eq!(places(&lines(&with(&["--offset", "-99"])).await).len(), 6);
    assert_eq!(places(&lines(&with(&["--partition", "0", "--offset", "3"])).await).len(), 0, "the end itself");
    assert_eq!(places(&lines(&with(&["--from", "latest"])).await).len(), 0);
    assert_eq!(lines(&with(&["--limit", "2"])).await.len(), 2);
    assert_eq!(places(&lines(&with(&["--changed", "price"])).await), ["0:0", "0:1", "0:2"]);

    for group in ["rowbell", "rowbell.observer", GROUP] {
        assert_eq!(broker.committed_by(group, LISTINGS, 0).await, None, "{group}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_and_types_come_from_the_config_whose_secrets_need_not_be_set() {
    let broker = Broker::start(1);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rowbell.yaml");
    let text = format!(
        "kafka: {{ brokers: \"{}\", topics: [{LISTINGS}], properties: {{ client.rack: a }} }}\n\
         tables: {{ public.listings: {{ columns: {{ price: {{ type: decimal }} }} }} }}\n\
         destinations: {{ ops: {{ slack: {{ webhook_url: \"${{env:NOT_SET_FOR_THIS_TEST}}\" }} }} }}\n\
         rules: [{{ name: price, table: public.listings, to: ops }}]\n",
        broker.brokers
    );
    std::fs::write(&file, text).expect("written");
    let file = file.to_str().expect("UTF-8");
    let found = lines(&["inspect", "-c", file, "--topic", LISTINGS]).await;
    assert_eq!(found[0]["changes"][0]["type"], "decimal");
    // Where nobody names a config, the usual one says where Kafka is.
    let mut command = rowbell(&["inspect", "--topic", LISTINGS, "--pretty"]);
    command.env("ROWBELL_CONFIG", file);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with(&format!("{LISTINGS}:0:0")) && text.contains("\n    price  2.00 -> 1.00\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn framed_records_are_read_by_the_schemas_of_a_file() {
    let broker = Broker::start(1);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debezium");
    let capture = std::fs::read_to_string(fixtures.join("postgres-avro.jsonl")).expect("the capture");
    let decode = |value: &Value| match &value["base64"] {
        Value::String(text) => Some(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).expect("base64")),
        _ => value.as_str().map(|text| text.as_bytes().to_vec()),
    };
    let mut written = 0;
    for line in capture.lines().filter(|line| line.contains(".public.listings\"")) {
        let record: Value = serde_json::from_str(line).expect("JSON");
        let (key, value) = (decode(&record["key"]), decode(&record["value"]));
        broker.feeder.write(LISTINGS, Some(0), key.as_deref(), value.as_deref(), []).await.expect("written");
        written += 1;
    }
    let schemas = fixtures.join("postgres-avro.schemas.json");
    let schemas = schemas.to_str().expect("UTF-8");
    let found = lines(&["inspect", "--brokers", &broker.brokers, "--topic", LISTINGS, "--schemas", schemas]).await;
    assert_eq!(found.len(), written);
    assert!(written > 5 && found.iter().any(|line| line["op"] == "update"), "{found:?}");
    assert!(found.iter().all(|line| line["kind"] != "error"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_said_with_a_hint() {
    let broker = Broker::start(2);
    for _ in 0..2 {
        broker.write(0, Some(&key(1)), Some(&no_op(1))).await;
    }
    let at = |topic: &'static str| ["inspect", "--brokers", &broker.brokers, "--topic", topic];
    let with = |more: &[&'static str]| [&at(LISTINGS)[..], more].concat();

    let said = fails(1, &at("shop.public.listing")).await;
    assert!(said.contains("no topic \"shop.public.listing\"") && said.contains(&format!("{LISTINGS:?}?")), "{said}");
    let said = fails(1, &with(&["--partition", "7"])).await;
    assert!(said.contains("no partition 7") && said.contains("0 to 1"), "{said}");
    let said = fails(2, &with(&["--offset", "1"])).await;
    assert!(said.contains("--partition"), "{said}");
    let said = fails(1, &with(&["--partition", "0", "--offset", "3"])).await;
    assert!(said.contains(&format!("{LISTINGS}:0 has no offset 3")) && said.contains("holds 0 to 1"), "{said}");
    let said = fails(1, &with(&["--partition", "1", "--offset", "1"])).await;
    assert!(said.contains("log is empty"), "{said}");
    // A port that nobody listens on.
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let said = fails(1, &["inspect", "--brokers", &free, "--topic", LISTINGS]).await;
    assert!(said.contains(&free) && said.contains("refused"), "{said}");
    let output = run(&["inspect", "--topic", LISTINGS, "file.jsonl"]).await;
    assert_eq!(output.status.code(), Some(2), "a file and a topic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn following_shows_each_record_as_it_comes_until_it_is_interrupted() {
    let broker = Broker::start(1);
    broker.write(0, Some(&key(1)), Some(&no_op(1))).await;
    let mut command = rowbell(&["inspect", "--brokers", &broker.brokers, "--topic", LISTINGS, "--follow"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let stdout = child.stdout.take().expect("a pipe");
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| tell.send(line)).ok();
    });
    let first = told.recv().await.expect("the record that was there");
    assert!(first.contains("\"offset\":0,"), "{first}");
    broker.write(0, Some(&key(2)), Some(&no_op(2))).await;
    let second = told.recv().await.expect("the record that came");
    assert!(second.contains("\"offset\":1,"), "{second}");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("it starts");
    assert!(killed.success());
    let status = until("the end", async || child.try_wait().expect("a child")).await;
    assert_eq!(status.code(), Some(0));
}

/// A config whose secrets are set nowhere.
fn config(broker: &Broker, directory: &Path) -> String {
    let file = directory.join("rowbell.yaml");
    let text = format!(
        "kafka: {{ brokers: \"{}\", topics: [{LISTINGS}] }}\n\
         tables: {{ public.listings: {{ columns: {{ price: {{ type: decimal }} }}, replica_identity: full }} }}\n\
         destinations:\n  ops: {{ slack: {{ webhook_url: \"${{env:NOT_SET_FOR_THIS_TEST}}\" }} }}\n  \
         erp: {{ webhook: {{ url: \"http://erp.invalid/{SECRET}\" }} }}\n\
         rules:\n  - {{ name: price, table: public.listings, columns: [price], to: [ops, erp] }}\n  \
         - {{ name: dear, table: public.listings, when: after.price > 100, to: erp, priority: critical }}\n",
        broker.brokers
    );
    std::fs::write(&file, text).expect("written");
    file.to_str().expect("UTF-8").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preview_shows_what_a_topic_would_post_and_which_records_it_cannot_read() {
    let broker = Broker::start(1);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    broker.write(0, Some(&key(1)), Some(&no_op(1))).await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = config(&broker, directory.path());
    let found = lines(&["preview", "-c", &file, "--topic", LISTINGS, "--json"]).await;
    let heads: Vec<_> = found.iter().map(|post| (post["destination"].as_str(), post["type"].as_str())).collect();
    assert_eq!(heads, [(Some("ops"), Some("slack")), (Some("erp"), Some("webhook"))]);
    assert_eq!(found[0]["records"], serde_json::json!([{"topic": LISTINGS, "partition": 0, "offset": 0}]));
    assert_eq!(found[0]["rules"], serde_json::json!(["price"]));

    broker.write(0, Some(&key(1)), Some("{\"op\":")).await;
    let output = run(&["preview", "-c", &file, "--topic", LISTINGS]).await;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stdout.contains("--- 1. ops (slack), normal, rule price, record shop.public.listings:0:0 ---"), "{stdout}");
    assert!(stderr.contains("shop.public.listings:0:2: cannot be decoded: "), "{stderr}");
    assert!(stderr.contains("2 posts for 3 records; 1 owe nothing"), "{stderr}");
    assert!(!format!("{stdout}{stderr}").contains(SECRET), "{stdout}{stderr}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_written_where_it_is_asked_for_and_never_over_the_events() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = root.join("tests/fixtures/config/shop.yaml");
    let directory = tempfile::tempdir().expect("a directory");
    let (events, page) = (directory.path().join("events.jsonl"), directory.path().join("page.html"));
    std::fs::copy(root.join("tests/fixtures/debezium/postgres-json.jsonl"), &events).expect("copied");
    let before = std::fs::read(&events).expect("readable");
    let [config, events_path, page_path] = [&config, &events, &page].map(|path| path.to_str().expect("UTF-8"));

    let output = run(&["preview", "-c", config, "--html", events_path]).await;
    assert!(output.status.success() && output.stdout.starts_with(b"<!doctype html>"), "{output:?}");
    assert_eq!(std::fs::read(&events).expect("readable"), before);
    let output = run(&["preview", "-c", config, events_path, "--html", page_path]).await;
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(std::fs::read_to_string(&page).expect("readable").ends_with("</html>\n"));
    let said = fails(2, &["preview", "-c", config, events_path, "--html", events_path]).await;
    assert!(said.contains("does not end in .html"), "{said}");
    assert_eq!(std::fs::read(&events).expect("readable"), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explain_says_what_each_rule_thinks_of_a_record_of_a_topic() {
    let broker = Broker::start(2);
    for _ in 0..3 {
        broker.write(1, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = config(&broker, directory.path());
    let found = lines(&["explain", "-c", &file, "shop.public.listings:1:1", "--json"]).await;
    assert_eq!((found.len(), &found[0]["record"]["offset"]), (1, &Value::from(1)));
    assert_eq!(found[0]["rules"][0], serde_json::json!({"rule": "price", "matches": true}));
    assert_eq!(found[0]["rules"][1]["reason"], "is false (price \"2.00\" -> \"1.00\")");
    assert_eq!(found[0]["posts"].as_array().map(Vec::len), Some(2));
    let said = fails(1, &["explain", "-c", &file, "shop.public.listings:1:9"]).await;
    assert!(said.contains("has no offset 9") && said.contains("holds 0 to 2"), "{said}");
    let output = run(&["explain", "-c", &file, "shop.public.listings"]).await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configs_tests_end_with_a_code_that_says_how() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = root.join("examples/rowbell.test.yaml");
    let output = run(&["test", example.to_str().expect("UTF-8")]).await;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && stdout.ends_with("4 cases, 0 failed\n"), "{output:?}");

    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("t.yaml");
    let config = root.join("examples/rowbell.yaml");
    let text = std::fs::read_to_string(&example).expect("readable").replace("config: rowbell.yaml", "");
    let arguments = ["test", "-c", config.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")];
    std::fs::write(&file, text.replace("priority: critical, headline", "priority: low, headline")).expect("written");
    let report = directory.path().join("junit.xml");
    let output = run(&[&arguments[..], &["--junit", report.to_str().expect("UTF-8")]].concat()).await;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(std::fs::read_to_string(&report).expect("written").contains("tests=\"4\" failures=\"1\""));
    assert!(
        stdout.contains("priority: expected low, got critical") && stdout.ends_with("4 cases, 1 failed\n"),
        "{stdout}"
    );
    std::fs::write(&file, text.replace("destination: ops", "destination: opps")).expect("written");
    let output = run(&arguments).await;
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
}
