//! Health, metrics, and what must not be seen in them.

use crate::support::broker::Broker;
use crate::support::change::{key, price, sold_out};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{SECRET, Service, Setup, TOKEN};
use crate::support::{logs, until};
use std::collections::{BTreeMap, BTreeSet};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ready_means_that_the_partitions_are_there() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    let (status, why) = until("an answer", async || service.get("/readyz").await).await;
    assert_eq!(status, 503, "{why}");
    assert!(!why.trim().is_empty(), "it says what is missing");
    assert_eq!(service.get("/livez").await.map(|(status, _)| status), Some(200));
    service.until_ready().await;
    until("the status", async || (service.status.borrow().partitions.len() == 1).then_some(())).await;
    service.stop().await.expect("a clean stop");
}

/// What a scrape says of a metric: what it is, and the labels of its series.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    kind: String,
    help: bool,
    labels: BTreeSet<Vec<String>>,
}

/// Metrics by name; a histogram's series are one metric, whose buckets' `le` is no label of it.
fn shown(text: &str) -> BTreeMap<String, Shown> {
    let mut metrics = BTreeMap::<String, Shown>::new();
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name, rest) = (words.next(), words.next().expect("a name"), words.next().unwrap_or_default());
            let metric = metrics.entry(name.to_owned()).or_default();
            match what {
                Some("TYPE") => rest.clone_into(&mut metric.kind),
                _ => metric.help = !rest.is_empty(),
            }
            continue;
        }
        let (series, _) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        // No value of this test holds an equals sign.
        let labels = labels.split([',', '{', '}']).filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        let labels = labels.filter(|label| label != "le").collect();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let base = base.filter(|base| metrics.get(*base).is_some_and(|metric| metric.kind == "histogram"));
        metrics.get_mut(base.unwrap_or(name)).expect("its kind is said first").labels.insert(labels);
    }
    metrics
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_have_the_names_and_labels_that_dashboards_ask_for() {
    const COUNTER: &str = "counter";
    const GAUGE: &str = "gauge";
    const HISTOGRAM: &str = "histogram";
    // The public surface (design section 8). A rename breaks dashboards: it belongs into the changelog.
    let promised: [(&str, &str, &[&str]); 24] = [
        ("records_total", COUNTER, &["kind", "topic"]),
        ("changes_total", COUNTER, &["op", "table"]),
        ("notices_total", COUNTER, &["rule"]),
        ("rule_errors_total", COUNTER, &["rule"]),
        ("posts_total", COUNTER, &["destination", "outcome"]),
        ("post_duration_seconds", HISTOGRAM, &["destination"]),
        ("change_to_post_seconds", HISTOGRAM, &["destination", "priority"]),
        ("lane_pending", GAUGE, &["destination", "priority"]),
        ("lane_oldest_seconds", GAUGE, &["destination"]),
        ("lane_wait_seconds_total", COUNTER, &["destination", "reason"]),
        ("destination_up", GAUGE, &["destination"]),
        ("digested_changes_total", COUNTER, &["destination"]),
        ("folded_changes_total", COUNTER, &["destination"]),
        ("repeats_suppressed_total", COUNTER, &[]),
        ("dead_letters_total", COUNTER, &["reason"]),
        ("records_lost_total", COUNTER, &["topic"]),
        ("consumer_lag", GAUGE, &["partition", "topic"]),
        ("uncommitted_records", GAUGE, &["partition", "topic"]),
        ("rebalances_total", COUNTER, &[]),
        ("metadata_overflow_total", COUNTER, &[]),
        ("config_reload_success_timestamp_seconds", GAUGE, &[]),
        ("config_last_reload_successful", GAUGE, &[]),
        ("pending_bytes", GAUGE, &[]),
        ("build_info", GAUGE, &["version"]),
    ];
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup {
        destinations: "  calm: { slack: { webhook_url: \"http://RECEIVER/slack/calm\" }, rate: 1/s, fold: off, \
                       digest: { after: 1s } }\n"
            .to_owned(),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops, calm] }\n  \
                - { name: broken, table: public.listings, when: row.price // 0 > 1, to: [ops] }\n"
            .to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    // Each metric moves once: a series that was never counted is not shown.
    receiver.script("/slack/ops", [Step::wait(1)]);
    broker.write(0, Some(&key(1)), Some("no JSON")).await;
    for id in 2..=8 {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    receiver.until_accepted("/slack/ops", 7).await;
    let digested = "rowbell_digested_changes_total{destination=\"calm\"}";
    service.until_metric(digested, |count| count > 0.0).await;
    let seen = until("all metrics", async || {
        let metrics = shown(&service.get("/metrics").await?.1);
        promised.iter().all(|(name, ..)| metrics.contains_key(&format!("rowbell_{name}"))).then_some(metrics)
    })
    .await;
    for (name, kind, labels) in promised {
        let metric = &seen[&format!("rowbell_{name}")];
        let labels: Vec<_> = labels.iter().map(|label| (*label).to_owned()).collect();
        assert_eq!(*metric, Shown { kind: kind.to_owned(), help: true, labels: [labels].into() }, "{name}");
    }
    for (name, metric) in &seen {
        assert!(name.starts_with("rowbell_"), "{name}: no prefix");
        assert_eq!(
            metric.kind == COUNTER,
            name.ends_with("_total"),
            "{name}: a counter, and it alone, ends with _total"
        );
        assert!(metric.help, "{name}: no help");
    }
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_secrets_nor_rows_are_in_the_logs_or_the_metrics() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup {
        destinations: format!(
            "  desk: {{ slack: {{ token: {TOKEN}, channel: C01, api_url: \"http://RECEIVER/api\" }} }}\n  \
             floor: {{ teams: {{ workflow_url: \"http://RECEIVER/teams/{SECRET}?sig={SECRET}\" }} }}\n  \
             away: {{ webhook: {{ url: \"http://127.0.0.1:1/{SECRET}\", secret: whsec_czNjcjN0 }} }}\n"
        ),
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops, desk, floor, away] }\n  \
                - { name: broken, table: public.listings, when: row.price // 0 > 1, to: [ops] }\n"
            .to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    // Every kind of failure, for each is told in the log.
    let refused = || Step::status(400, "invalid_blocks");
    receiver.script("/slack/ops", [Step::status(500, SECRET), Step::HangUp, refused(), refused()]);
    receiver.script("/api/chat", [Step::status(200, r#"{"ok":false,"error":"internal_error"}"#)]);
    receiver.script("/api/chat", [Step::status(200, r#"{"ok":true}"#), Step::status(200, r#"{"ok":true}"#)]);
    receiver.script("/teams", [Step::status(404, r#"{"error":{"code":"WorkflowNotFound"}}"#)]);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    broker.write(0, Some(&key(1)), Some(&sold_out(1))).await;
    broker.write(0, Some(&key(1)), Some(r#"{"before":null,"after":{"title":"Walnut desk"#)).await;
    broker.letters(2).await;
    service.until_metric("rowbell_destination_up{destination=\"floor\"}", |up| up == 0.0).await;
    receiver.until_accepted("/api/chat", 2).await;
    let token = format!("Bearer {TOKEN}");
    assert_eq!(receiver.arrivals("/api/chat")[0].headers["authorization"], token, "it was used");
    until("a failure of each kind", async || {
        let log = logs::above_debug();
        let told = ["\"away\"", "\"floor\"", "no answer", "refused", "cannot be read", "rule's condition failed"];
        told.iter().all(|word| log.contains(word)).then_some(())
    })
    .await;

    let (_, metrics) = service.get("/metrics").await.expect("metrics");
    service.stop().await.expect("a clean stop");
    for (what, text) in [("the log", &*logs::all()), ("the metrics", &metrics)] {
        for secret in [SECRET, TOKEN, "czNjcjN0", "s3cr3t"] {
            let found = text.lines().find(|line| line.contains(secret));
            assert_eq!(found, None, "{what} shows {secret}");
        }
    }
    let shown = logs::above_debug();
    assert_eq!(shown.lines().find(|line| line.contains("Walnut")), None, "row data above debug");
}
