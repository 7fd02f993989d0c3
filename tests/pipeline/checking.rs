//! `rowbell check --online`, as the binary.

use crate::command::{lines, rowbell, run};
use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::SECRET;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
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
    for what in ["Kafka", "topic shop.public.listings", "group checking", "records", "columns", "destination ops"] {
        let found = asked.iter().find(|asked| asked["what"] == what).unwrap_or_else(|| panic!("{what}: {said}"));
        assert_eq!(found["fine"], true, "{found}");
    }
    assert_eq!(broker.committed_by("checking", LISTINGS, 0).await, None);

    let (code, said) =
        check(&config(&broker, &receiver, "shop.public.listing, \"^nothing.*\", shop.public.listings", "prise")).await;
    // What is not there may yet come, so that it is a warning; it is not there all the same.
    assert_eq!((code, &said["fine"]), (Some(1), &Value::Bool(false)), "{said}");
    let mut found = codes(&said);
    found.sort_unstable();
    assert_eq!(found, ["no-such-topic", "no-such-topic", "unknown-column"], "each mistake once: {said}");
    let text = said.to_string();
    assert!(
        text.contains("did you mean \\\"shop.public.listings\\\"?") && text.contains("did you mean \\\"price\\\"?"),
        "{text}"
    );
}

/// As Kafka's authorizer does: librdkafka asks on for the coordinator, and the question for the commits runs out of time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_kafka_denies_is_told_with_the_right_that_it_needs() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    broker.order(|cluster| {
        let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::FindCoordinator, &[denied; 10_000]);
    });
    let (code, said) = check(&config(&broker, &receiver, LISTINGS, "price")).await;
    assert_eq!((code, codes(&said)), (Some(1), vec!["access-denied"]), "{said}");
    assert!(said.to_string().contains("the right Read on the group"), "{said}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topics_history_is_counted_and_nothing_is_committed_or_posted() {
    let (broker, receiver) = (Broker::start(2), Receiver::start().await);
    for id in 0..20 {
        broker.write(id as i32 % 2, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    let file = config(&broker, &receiver, LISTINGS, "price");
    let text = std::fs::read_to_string(file.path()).expect("text");
    let other = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(other.path(), text.replace("to: ops", "when: after.price > 5, to: ops")).expect("written");
    let (one, two) = (file.path().display().to_string(), other.path().display().to_string());
    let found = lines(&["backtest", "--json", "-c", &one, "--against", &two]).await;
    let runs = found[0]["runs"].as_array().expect("runs");
    let figures = |run: usize| {
        let (rule, ops) = (&runs[run]["rules"][0], &runs[run]["destinations"][0]);
        let count = |name: &str| ops[name].as_u64().unwrap_or_else(|| panic!("{name}: {ops}"));
        let told = count("posts") + count("folded") + count("digested") + count("nothing") + count("expired");
        (runs[run]["records"].as_u64(), rule["changes"].as_u64(), count("changes"), told)
    };
    assert_eq!(figures(0), (Some(20), Some(20), 20, 20), "{found:?}");
    assert_eq!(figures(1), (Some(20), Some(0), 0, 0), "{found:?}");
    // Twenty rows at one post a second: the last would wait for 20 s.
    assert!(runs[0]["destinations"][0]["delayed"].as_u64() > Some(10), "{found:?}");

    let last = lines(&["backtest", "--json", "-c", &one, "--last", "3"]).await;
    assert_eq!(last[0]["runs"][0]["records"], 6, "{last:?}");
    assert!(receiver.arrivals("").is_empty());
    assert_eq!(broker.committed_by("checking", LISTINGS, 0).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_starter_from_a_live_topic_passes_the_check_and_would_post() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rowbell.yaml").display().to_string();
    let output = run(&["init", "--brokers", &broker.brokers, "--topic", LISTINGS, "-o", &file]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert!(text.contains("prod_stk_qty: { label: Stock quantity }"), "{text}");
    let base = format!("http://{}/slack/ops/{SECRET}", receiver.address);
    let mut command = rowbell(&["check", "--online", "--json", "-c", &file]);
    command.env("SLACK_WEBHOOK_URL", base).env("KAFKA_BROKERS", &broker.brokers);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert!(codes(&said).iter().all(|code| ["unencrypted-url", "wrong-destination"].contains(code)), "{said}");
    let posts = lines(&["preview", "--json", "-c", &file, "--brokers", &broker.brokers, "--topic", LISTINGS]).await;
    assert_eq!(posts.len(), 1, "{posts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_are_compared_with_the_registrys_schemas_before_any_record_came() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let schemas: Value = serde_json::from_str(include_str!("../fixtures/debezium/postgres-avro.schemas.json")).unwrap();
    let latest = "/registry/subjects/shop.public.listings-value/versions/latest";
    receiver.always(latest, Some(Step::Answer(200, Vec::new(), schemas["16"].to_string().leak())));
    let file = config(&broker, &receiver, LISTINGS, "prise, title");
    let text = std::fs::read_to_string(file.path()).expect("text");
    let registry = format!("schema_registry: {{ url: \"http://{}/registry\" }}\n", receiver.address);
    let when = text.replace("to: ops", "when: \"new('title') > 5\", to: ops");
    std::fs::write(file.path(), format!("{registry}{when}")).expect("written");
    let (code, said) = check(&file).await;
    let mut found = codes(&said);
    found.sort_unstable();
    assert_eq!((code, found), (Some(1), vec!["text-with-number", "unknown-column"]), "{said}");
    let text = said.to_string();
    assert!(text.contains("no column \\\"prise\\\" in the schema registry"), "{text}");
    let asked = said["online"].as_array().expect("a list");
    let of = |what: &str| asked.iter().find(|asked| asked["what"] == what).unwrap_or_else(|| panic!("{what}: {said}"));
    assert_eq!(of("schema registry")["said"], "schemas of 1 of 1 topics");
    assert_eq!(of("columns")["fine"], false, "{said}");

    // What it does not know it cannot contradict; where it is silent, that is the finding.
    receiver
        .always(latest, Some(Step::Answer(404, Vec::new(), r#"{"error_code":40401,"message":"Subject not found"}"#)));
    let (code, said) = check(&file).await;
    assert_eq!((code, codes(&said)), (Some(0), vec!["misspelt"]), "{said}");
    receiver.always(latest, Some(Step::Answer(503, Vec::new(), "")));
    let (code, said) = check(&file).await;
    let mut found = codes(&said);
    found.sort_unstable();
    assert_eq!((code, found), (Some(1), vec!["misspelt", "unreachable"]), "{said}");
}
