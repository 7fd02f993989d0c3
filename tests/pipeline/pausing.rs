//! Destinations that somebody holds.

use crate::command;
use crate::support::broker::Broker;
use crate::support::change::{key, price};
use crate::support::receiver::Receiver;
use crate::support::service::{ConfigFile, Service, Setup};
use crate::support::until;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_destination_holds_its_notices_says_so_and_goes_on_when_told() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let setup = Setup {
        rules: "  - { name: price, table: public.listings, columns: [price], to: [ops], priority: critical }\n"
            .to_owned(),
        ..Setup::default()
    };
    let service = Service::start(setup.config(&broker, &receiver));
    service.until_ready().await;
    let (status, answer) = service.ask("POST", "/destinations/ops/pause").await;
    assert_eq!((status, &answer["paused"], &answer["changed"]), (200, &json!(true), &json!(true)), "{answer}");
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    let wait = "rowbell_lane_wait_seconds_total{destination=\"ops\",reason=\"paused\"}";
    service.until_metric(wait, |seconds| seconds > 0.0).await;
    assert_eq!(service.metric("rowbell_lane_paused{destination=\"ops\"}").await, Some(1.0));
    let lane = service.shown().await["lanes"][0].clone();
    assert_eq!((&lane["paused"], &lane["waiting"]["reason"]), (&json!("command"), &json!("paused")), "{lane}");
    assert_eq!(lane["up"], json!(true), "nothing is wrong with it");
    assert!(receiver.arrivals("/slack/ops").is_empty());

    let (status, answer) = service.ask("POST", "/destinations/ops/resume").await;
    assert_eq!((status, &answer["pending"]), (200, &json!(1)), "{answer}");
    receiver.until_accepted("/slack/ops", 1).await;
    broker.until_committed(0, 1).await;
    service.until_metric("rowbell_lane_paused{destination=\"ops\"}", |paused| paused == 0.0).await;

    let (status, answer) = service.ask("POST", "/destinations/opps/pause").await;
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().is_some_and(|why| why.contains("did you mean \"ops\"?")), "{answer}");
    let (status, _) = service.ask("POST", "/reload").await;
    assert_eq!(status, 409, "this one was not started from a file");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_config_may_pause_a_destination_and_a_reload_lifts_only_that() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let paused = Setup { destinations: "    paused: true\n".to_owned(), ..Setup::default() };
    let file = ConfigFile::new(&paused, &broker, &receiver);
    let service = Service::start_from(&file);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    service.until_metric("rowbell_lane_pending{destination=\"ops\",priority=\"normal\"}", |n| n == 1.0).await;
    let (status, answer) = service.ask("POST", "/destinations/ops/resume").await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer["error"].as_str().is_some_and(|why| why.contains("paused: true")), "{answer}");
    assert_eq!(service.shown().await["lanes"][0]["paused"], json!("config"));

    service.ask("POST", "/destinations/ops/pause").await;
    file.write(&Setup::default(), &broker, &receiver);
    until("the command's pause is left", async || {
        (service.shown().await["lanes"][0]["paused"] == "command").then_some(())
    })
    .await;
    assert!(receiver.arrivals("/slack/ops").is_empty());
    service.ask("POST", "/destinations/ops/resume").await;
    receiver.until_accepted("/slack/ops", 1).await;
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_the_metrics_port_can_pause_nothing() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let service = Service::start(Setup::default().config(&broker, &receiver));
    let (status, _) = until("an answer", async || service.get("/status").await).await;
    assert_eq!(status, 404, "not where metrics are scraped");
    let (status, _) = service.ask("GET", "/destinations/ops/pause").await;
    assert_eq!(status, 405, "looking changes nothing");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_pause_resume_and_show_a_running_service() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let service = Service::start_from(&file);
    service.until_ready().await;
    let (path, admin) = (file.path.display().to_string(), service.admin.to_string());
    let says = async |arguments: &[&str]| {
        let output = command::run(arguments).await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {err}");
        out.into_owned()
    };
    let paused = says(&["pause", "ops", "-c", &path]).await;
    assert!(paused.starts_with("ops paused on this replica"), "{paused}");
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    let shown = until("it to be shown", async || {
        let shown = says(&["status", "--admin", &admin]).await;
        shown.contains("paused by a command").then_some(shown)
    })
    .await;
    assert!(shown.contains("ready") && shown.contains(&path) && shown.contains("shop.public.listings"), "{shown}");
    let lines = command::lines(&["status", "--json", "-c", &path]).await;
    assert_eq!(lines[0]["lanes"][0]["paused"], json!("command"));
    let resumed = says(&["resume", "ops", "-c", &path]).await;
    assert!(resumed.starts_with("ops goes on"), "{resumed}");
    receiver.until_accepted("/slack/ops", 1).await;
    let read = says(&["reload", "-c", &path]).await;
    assert_eq!(read, "the config is in force\n");

    let wrong = command::fails(1, &["pause", "opps", "-c", &path]).await;
    assert!(wrong.contains("did you mean \"ops\"?"), "{wrong}");
    // The file can be broken by now: the service still runs, and is asked what it does.
    file.write_text(&file.text(&Setup::default(), &broker, &receiver).replace("to: [ops]", "to: [opps]"));
    let output = command::run(&["reload", "-c", &path]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no destination \"opps\"") && said.contains("stays in force"), "{said}");
    let shown = says(&["status", "-c", &path]).await;
    assert!(shown.contains("the file has mistakes now"), "{shown}");
    service.stop().await.expect("a clean stop");
    let nobody = command::fails(1, &["status", "--admin", &admin]).await;
    assert!(nobody.contains("no running Rowbell answers") && nobody.contains("refused"), "{nobody}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_others_reach_needs_the_token() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let text = file.text(&Setup::default(), &broker, &receiver).replace("admin:", "admin_token: open-sesame, admin:");
    file.write_text(&text);
    let service = Service::start_from(&file);
    service.until_ready().await;
    let (status, answer) = service.ask("POST", "/destinations/ops/pause").await;
    assert_eq!(status, 401, "{answer}");
    let admin = service.admin.to_string();
    let without = command::run(&["pause", "ops", "--admin", &admin]).await;
    assert_eq!(without.status.code(), Some(1));
    let with = command::run(&["pause", "ops", "-c", &file.path.display().to_string()]).await;
    assert!(with.status.success(), "{}", String::from_utf8_lossy(&with.stderr));
    service.stop().await.expect("a clean stop");
}
