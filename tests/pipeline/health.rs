//! Health, metrics, and what must not be seen in them.

use crate::support::broker::{Broker, LISTINGS};
use crate::support::change::{key, price, sold_out};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{SECRET, Service, Setup, TOKEN};
use crate::support::{logs, until};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_have_the_names_that_dashboards_ask_for() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    receiver.script("/slack/ops", [Step::wait(1)]);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    broker.until_committed(0, 1).await;
    let names = [
        format!("rowbell_records_total{{kind=\"change\",topic=\"{LISTINGS}\"}}"),
        "rowbell_changes_total{op=\"update\",table=\"public.listings\"}".to_owned(),
        "rowbell_notices_total{rule=\"price\"}".to_owned(),
        "rowbell_posts_total{destination=\"ops\",outcome=\"delivered\"}".to_owned(),
        "rowbell_post_duration_seconds_count{destination=\"ops\"}".to_owned(),
        "rowbell_change_to_post_seconds_count{destination=\"ops\",priority=\"normal\"}".to_owned(),
        "rowbell_lane_pending{destination=\"ops\",priority=\"critical\"}".to_owned(),
        "rowbell_lane_oldest_seconds{destination=\"ops\"}".to_owned(),
        "rowbell_lane_wait_seconds_total{destination=\"ops\",reason=\"retry_after\"}".to_owned(),
        "rowbell_destination_up{destination=\"ops\"}".to_owned(),
        "rowbell_folded_changes_total{destination=\"ops\"}".to_owned(),
        "rowbell_metadata_overflow_total".to_owned(),
        format!("rowbell_consumer_lag{{partition=\"0\",topic=\"{LISTINGS}\"}}"),
        format!("rowbell_uncommitted_records{{partition=\"0\",topic=\"{LISTINGS}\"}}"),
        "rowbell_rebalances_total".to_owned(),
        format!("rowbell_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")),
    ];
    for name in names {
        service.until_metric(&name, |_| true).await;
    }
    let lag = format!("rowbell_consumer_lag{{partition=\"0\",topic=\"{LISTINGS}\"}}");
    service.until_metric(&lag, |lag| lag == 0.0).await;
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
