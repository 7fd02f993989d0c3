//! The config, read again while the service runs.

use crate::command;
use crate::support::broker::Broker;
use crate::support::change::{key, price, sold_out};
use crate::support::receiver::{Receiver, Step};
use crate::support::service::{ConfigFile, Service, Setup};
use crate::support::{PATIENCE, logs, until};
use serde_json::json;

const RESTART_NEEDED: &str = "rowbell_config_restart_needed";
const GOOD: &str = "rowbell_config_last_reload_successful";
const WHEN: &str = "rowbell_config_reload_success_timestamp_seconds";

/// Waits until the config was read again after this one was.
async fn until_read_after(service: &Service, before: f64) {
    service.until_metric(WHEN, |when| when > before).await;
}

async fn when_read(service: &Service) -> f64 {
    until("a timestamp", async || service.metric(WHEN).await).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_destination_begins_now_and_the_others_keep_what_they_hold() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let service = Service::start_from(&file);
    receiver.script("/slack/ops", [Step::wait(3600)]);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_arrived("/slack/ops", 1).await;
    let before = when_read(&service).await;
    file.write(&Setup::with_floor(), &broker, &receiver);
    until_read_after(&service, before).await;
    service.until_shown("two lanes", |shown| shown["lanes"].as_array()?.get(1).map(drop)).await;
    broker.write(0, Some(&key(2)), Some(&price(2, "3.00", "4.00"))).await;
    let floor = receiver.until_accepted("/slack/floor", 1).await;
    assert!(floor[0].text().contains("4.00"), "what came before its time is not for it: {}", floor[0].text());
    let lane = service
        .until_shown("both pending", |shown| {
            let lane = &shown["lanes"][0];
            (lane["pending"]["normal"] == 2).then(|| lane.clone())
        })
        .await;
    assert_eq!((&lane["destination"], &lane["waiting"]["reason"]), (&json!("ops"), &json!("retry_after")));
    assert_eq!(receiver.arrivals("/slack/ops").len(), 1, "it said when to come back");
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_mistakes_changes_nothing_and_every_mistake_is_said() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let service = Service::start_from(&file);
    service.until_ready().await;
    let good = file.text(&Setup::default(), &broker, &receiver);
    let bad = good.replace("to: [ops]", "to: [opps]").replace("rate: 1000/s", "rate: fast");
    file.write_text(&bad);
    service.until_metric(GOOD, |good| good == 0.0).await;
    let mistakes =
        service.until_shown("mistakes", |shown| shown["config"]["mistakes"].as_str().map(str::to_owned)).await;
    let log = logs::above_debug();
    for word in ["opps", "did you mean \"ops\"?", "fast"] {
        assert!(mistakes.contains(word) && log.contains(&word.replace('"', "\\\"")), "{word}: {mistakes}");
    }
    assert!(mistakes.contains("rowbell.yaml:"), "with its line: {mistakes}");
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_accepted("/slack/ops", 1).await;

    // Somebody who asks is told the same.
    let (status, answer) = service.ask("POST", "/reload").await;
    assert_eq!(status, 409);
    assert_eq!(answer["error"].as_str(), Some(mistakes.as_str()));
    file.write_text(&good);
    service.until_metric(GOOD, |good| good == 1.0).await;
    assert_eq!(service.shown().await["config"]["mistakes"], json!(null));
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_removed_destination_had_pending_are_dead_letters_and_the_commit_goes_on() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::with_floor(), &broker, &receiver);
    let service = Service::start_from(&file);
    receiver.always("/slack/floor", Some(Step::wait(3600)));
    for id in 1..=3 {
        broker.write(0, Some(&key(id)), Some(&price(id, "2.00", "1.00"))).await;
    }
    receiver.until_accepted("/slack/ops", 3).await;
    receiver.until_arrived("/slack/floor", 1).await;
    service.until_metric("rowbell_lane_pending{destination=\"floor\",priority=\"normal\"}", |n| n == 3.0).await;
    let before = when_read(&service).await;
    file.write(&Setup::default(), &broker, &receiver);
    until_read_after(&service, before).await;
    broker.until_committed(0, 3).await;
    let mut letters = broker.letters(3).await;
    letters.sort_by(|a, b| a.headers["rowbell.offset"].cmp(&b.headers["rowbell.offset"]));
    for (offset, letter) in letters.iter().enumerate() {
        let said = ["reason", "destination", "rule", "offset"].map(|name| &*letter.headers[&format!("rowbell.{name}")]);
        assert_eq!(said, ["removed", "floor", "price", &offset.to_string()]);
        assert!(letter.value.is_some(), "the record as it was");
    }
    assert_eq!(service.metric("rowbell_dead_letters_total{reason=\"removed\"}").await, Some(3.0));
    assert_eq!(service.metric("rowbell_destination_up{destination=\"floor\"}").await, None, "nothing to alert about");
    broker.write(0, Some(&key(4)), Some(&price(4, "2.00", "1.00"))).await;
    broker.until_committed(0, 4).await;
    assert_eq!(receiver.arrivals("/slack/floor").len(), 1);
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pending_changes_keep_their_words_and_new_ones_get_the_new_ones() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let headline = |words: &str| Setup {
        rules: format!(
            "  - {{ name: price, table: public.listings, columns: [price], to: [ops], headline: \"{words}\" }}\n"
        ),
        ..Setup::default()
    };
    let file = ConfigFile::new(&headline("Before"), &broker, &receiver);
    let service = Service::start_from(&file);
    receiver.hold("/slack/ops");
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_arrived("/slack/ops", 1).await;
    broker.write(0, Some(&key(1)), Some(&price(1, "1.00", "5.00"))).await;
    service.until_metric("rowbell_lane_pending{destination=\"ops\",priority=\"normal\"}", |n| n == 2.0).await;
    let before = when_read(&service).await;
    file.write(&headline("After"), &broker, &receiver);
    until_read_after(&service, before).await;
    // The poller takes it over between two batches, so that this one is judged by the new file.
    service.until_shown("it is in force", |_| logs::above_debug().contains("is in force").then_some(())).await;
    let (status, _) = service.ask("POST", "/reload").await;
    assert_eq!(status, 200, "answered when it is in force");
    broker.write(0, Some(&key(1)), Some(&price(1, "5.00", "7.00"))).await;
    receiver.let_go("/slack/ops");
    let posts = receiver.until_accepted("/slack/ops", 3).await;
    let words: Vec<_> = posts.iter().map(|post| post.text().contains("After")).collect();
    assert_eq!(words, [false, false, true]);
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_come_and_go_judge_the_very_next_change_of_a_table_in_use() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let rule = |column: &str| {
        format!(
            "  - {{ name: {column}, table: public.listings, columns: [{column}], to: [ops], headline: {column} }}\n"
        )
    };
    let with = |rules: String| Setup { rules, ..Setup::default() };
    let file = ConfigFile::new(&with(rule("price")), &broker, &receiver);
    let service = Service::start_from(&file);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_accepted("/slack/ops", 1).await;
    for (rules, accepted) in [(rule("price") + &rule("prod_stk_qty"), 2), (rule("prod_stk_qty"), 3)] {
        file.write(&with(rules), &broker, &receiver);
        let (status, _) = service.ask("POST", "/reload").await;
        assert_eq!(status, 200, "answered when it is in force");
        broker.write(0, Some(&key(accepted)), Some(&sold_out(accepted))).await;
        let posts = receiver.until_accepted("/slack/ops", accepted as usize).await;
        assert!(posts[accepted as usize - 1].text().contains("prod_stk_qty"));
    }
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_destination_goes_on_with_its_new_url_at_once() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let service = Service::start_from(&file);
    receiver.always("/slack/ops", Some(Step::status(404, "no_service")));
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    service.until_metric("rowbell_destination_up{destination=\"ops\"}", |up| up == 0.0).await;
    let said = |shown: &serde_json::Value| Some(shown["lanes"][0]["trouble"]["message"].as_str()?.to_owned());
    let trouble = service.until_shown("why", said).await;
    assert!(trouble.contains("404"), "{trouble}");
    let good = file.text(&Setup::default(), &broker, &receiver);
    file.write_text(&good.replace("/slack/ops/", "/slack/new/"));
    receiver.until_accepted("/slack/new", 1).await;
    service.until_metric("rowbell_destination_up{destination=\"ops\"}", |up| up == 1.0).await;
    service.until_shown("no trouble", |shown| shown["lanes"][0]["trouble"].is_null().then_some(())).await;
    service.stop().await.expect("a clean stop");
}

/// By itself a blocked destination is tried every 30 s: what comes of three tries within the patience was asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_destination_is_tried_at_once_although_nothing_changed() {
    const BLOCKED: &str = "rowbell_posts_total{destination=\"ops\",outcome=\"blocked\"}";
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let service = Service::start_from(&file);
    receiver.script("/slack/ops", [(); 3].map(|()| Step::status(404, "no_service")));
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    let tries = async {
        for refused in [1.0, 2.0, 3.0] {
            service.until_metric(BLOCKED, |count| count == refused).await;
            service.until_metric("rowbell_destination_up{destination=\"ops\"}", |up| up == 0.0).await;
            let (status, answer) = service.ask("POST", "/reload").await;
            assert_eq!((status, &answer["changed"]), (200, &json!([])), "{answer}");
        }
        receiver.until_accepted("/slack/ops", 1).await
    };
    tokio::time::timeout(PATIENCE, tries).await.expect("tries when they are asked for");
    service.stop().await.expect("a clean stop");
}

/// Kubernetes mounts a config map or a secret as links through `..data`, which it replaces as a whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mount_that_kubernetes_replaces_is_read_again_and_so_is_a_secret() {
    use std::os::unix::fs::symlink;
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let (config, secrets) = (file.folder.path().join("config"), file.folder.path().join("secrets"));
    let mount = |folder: &std::path::Path, version: &str, name: &str, content: &str| {
        std::fs::create_dir_all(folder.join(version)).expect("a folder");
        std::fs::write(folder.join(version).join(name), content).expect("a file");
        symlink(version, folder.join("..data_tmp")).expect("a link");
        std::fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("a swap");
        if !folder.join(name).exists() {
            symlink(format!("..data/{name}"), folder.join(name)).expect("a link");
        }
    };
    let secret = |name: &str| format!("http://{}/slack/{name}/s\n", receiver.address);
    mount(&secrets, "..1", "url", &secret("first"));
    let text = file.text(&Setup::default(), &broker, &receiver);
    let url = format!("${{file:{}}}", secrets.join("url").display());
    let whole = text
        .lines()
        .map(|line| match line.contains("webhook_url") {
            true => format!("    slack: {{ webhook_url: \"{url}\" }}\n"),
            false => format!("{line}\n"),
        })
        .collect::<String>();
    mount(&config, "..1", "rowbell.yaml", &whole);
    let mounted = file.at(config.join("rowbell.yaml"));
    let service = Service::start_from(&mounted);
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_accepted("/slack/first", 1).await;

    let before = when_read(&service).await;
    mount(&secrets, "..2", "url", &secret("second"));
    until_read_after(&service, before).await;
    let (status, _) = service.ask("POST", "/reload").await;
    assert_eq!(status, 200);
    broker.write(0, Some(&key(2)), Some(&price(2, "2.00", "1.00"))).await;
    receiver.until_accepted("/slack/second", 1).await;

    let before = when_read(&service).await;
    mount(&config, "..2", "rowbell.yaml", &whole.replace("columns: [price]", "columns: [prod_stk_qty]"));
    until_read_after(&service, before).await;
    let (status, _) = service.ask("POST", "/reload").await;
    assert_eq!(status, 200);
    broker.write(0, Some(&key(3)), Some(&sold_out(3))).await;
    receiver.until_accepted("/slack/second", 2).await;
    service.stop().await.expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_restart_changes_is_said_and_the_rest_is_in_force() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let service = Service::start_from(&file);
    service.until_ready().await;
    let good = file.text(&Setup::default(), &broker, &receiver);
    let bold = good.replace("start: earliest", "start: latest").replace("columns: [price]", "columns: [prod_stk_qty]");
    file.write_text(&format!("{bold}\ndead_letter: {{ topic: elsewhere }}\n"));
    service.until_metric(RESTART_NEEDED, |needed| needed == 1.0).await;
    let (status, answer) = service.ask("POST", "/reload").await;
    assert_eq!((status, &answer["restart_needed"]), (200, &json!(["kafka.start", "dead_letter.topic"])), "{answer}");
    assert_eq!(service.shown().await["config"]["restart_needed"], json!(["kafka.start", "dead_letter.topic"]));
    broker.write(0, Some(&key(1)), Some(&sold_out(1))).await;
    receiver.until_accepted("/slack/ops", 1).await;
    file.write_text(&good);
    service.until_metric(RESTART_NEEDED, |needed| needed == 0.0).await;
    service.stop().await.expect("a clean stop");
}

/// The real binary, because a signal is for a whole process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_reads_the_config_again() {
    let (broker, receiver) = (Broker::start(1), Receiver::start().await);
    let file = ConfigFile::new(&Setup::default(), &broker, &receiver);
    let path = file.path.display().to_string();
    let mut child =
        command::rowbell(&["run", "-c", &path]).stderr(std::process::Stdio::null()).spawn().expect("it starts");
    let admin = file.admin.to_string();
    let read = async || {
        let output = command::run(&["status", "--json", "--admin", &admin]).await;
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        (status["ready"] == true).then(|| status["config"]["read"].clone())
    };
    let before = until("readiness", read).await;
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status();
        assert!(sent.expect("it starts").success());
    };
    signal("-HUP");
    until("it to be read again", async || read().await.filter(|now| *now != before)).await;
    broker.write(0, Some(&key(1)), Some(&price(1, "2.00", "1.00"))).await;
    receiver.until_accepted("/slack/ops", 1).await;
    signal("-TERM");
    let status = until("the end", async || child.try_wait().expect("a child")).await;
    assert_eq!(status.code(), Some(0));
}
