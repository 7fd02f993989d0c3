//! `rowbell connector`, as the binary, against a stand-in for Kafka Connect.

use crate::command::{fails, run};
use crate::support::connect::Connect;
use serde_json::{Value, json};

const PASSWORD: &str = "hunter2-of-the-shop";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    /// The project's own connector under another name and with other settings; null takes one away.
    fn file(&self, name: &str, changes: Value) -> String {
        let text = include_str!("../../connectors/postgres.json");
        let mut document: Value = serde_json::from_str(text).expect("JSON");
        document["name"] = name.into();
        for (key, value) in changes.as_object().expect("settings") {
            let settings = document["config"].as_object_mut().expect("settings");
            match value {
                Value::Null => drop(settings.remove(key)),
                value => drop(settings.insert(key.clone(), value.clone())),
            }
        }
        let path = self.0.path().join(format!("{name}.json"));
        std::fs::write(&path, document.to_string()).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }
}

/// Exit code, and what was said on stdout and stderr. No secret is ever said.
async fn connector(connect: &Connect, arguments: &[&str]) -> (i32, String, String) {
    let output = run(&[&["connector"], arguments, &["--connect", &connect.url]].concat()).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(!out.contains("hunter2") && !err.contains("hunter2"), "{out}{err}");
    (output.status.code().expect("an exit code"), out, err)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_is_created_left_alone_and_changed() {
    let (connect, folder) = (Connect::start().await, Folder::new());
    let file = folder.file("shop", json!({"a.number": 1}));
    let (code, out, _) = connector(&connect, &["diff", &file]).await;
    assert_eq!((code, out.as_str()), (1, "shop: not there (`rowbell connector apply` creates it)\n"));
    assert_eq!(connector(&connect, &["status", &file]).await.0, 1);
    // A worker that is rebalancing, or silent for a while, is asked again.
    connect.busy([
        (409, "Cannot complete request momentarily due to stale configuration (typically caused by a concurrent config change)"),
        (500, "Request timed out. The worker is currently processing a rebalance"),
    ]);
    let (code, out, err) = connector(&connect, &["apply", &file]).await;
    assert_eq!((code, out.as_str(), err.as_str()), (0, "shop: created, running, 1 task\n", ""));
    assert_eq!(connect.changes(), ["PUT shop"]);
    let config = connect.config("shop").expect("settings");
    assert_eq!((&config["a.number"], &config["database.password"]), (&json!("1"), &json!("${env:CDC_PG_PASSWORD}")));

    let (code, out, _) = connector(&connect, &["apply", &file]).await;
    assert_eq!((code, out.as_str()), (0, "shop: unchanged, running, 1 task\n"));
    assert_eq!(connect.changes(), [""; 0], "the same again changes nothing");
    assert_eq!(connector(&connect, &["diff", &file]).await.1, "shop: no difference\n");
    assert_eq!(connector(&connect, &["status", &file]).await, (0, "shop: running, 1 task\n".into(), String::new()));

    let file =
        folder.file("shop", json!({"poll.interval.ms": "60", "tombstones.on.delete": null, "a.token": PASSWORD}));
    let (code, out, _) = connector(&connect, &["diff", &file]).await;
    let expected = "shop: 4 settings differ\n  - a.number: 1\n  + a.token: (hidden)\n  ~ poll.interval.ms: 50 -> 60\n  \
                    - tombstones.on.delete: true\n";
    assert_eq!((code, out.as_str()), (1, expected));
    let (code, out, _) = connector(&connect, &["apply", &file]).await;
    assert_eq!((code, out.as_str()), (0, "shop: changed (4 settings), running, 1 task\n"));
    assert_eq!(connect.changes(), ["PUT shop"]);
    let config = connect.config("shop").expect("settings");
    assert_eq!((&config["a.token"], config.get("a.number")), (&json!(PASSWORD), None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_told_with_its_cause_and_restarted_by_the_next_apply() {
    let (connect, folder) = (Connect::start().await, Folder::new());
    let bad = folder.file("bad", json!({"publication.name": "nope"}));
    let good = folder.file("good", json!({}));
    let (code, out, err) = connector(&connect, &["apply", &bad, &good]).await;
    assert_eq!((code, out.as_str()), (1, "good: created, running, 1 task\n"), "one that fails stops no other");
    assert!(
        err.contains("bad.json): created, but task 0 failed: org.postgresql.util.PSQLException: ERROR: permission denied for database shop\n  hint: "),
        "{err}"
    );
    let (code, out, _) = connector(&connect, &["status", &bad, &good]).await;
    assert_eq!(code, 1);
    assert!(out.contains("bad: task 0 failed: org.postgresql") && out.contains("good: running, 1 task\n"), "{out}");
    connect.changes();
    connect.mend();
    let (code, out, _) = connector(&connect, &["apply", &bad, &good]).await;
    let expected = "bad: unchanged, what had failed was restarted, running, 1 task\ngood: unchanged, running, 1 task\n";
    assert_eq!((code, out.as_str()), (0, expected));
    assert_eq!(connect.changes(), ["RESTART bad?includeTasks=true&onlyFailed=true"]);
    // What somebody holds stays held.
    connect.pause("good");
    let (code, out, _) = connector(&connect, &["apply", &good]).await;
    assert_eq!((code, out.as_str()), (0, "good: unchanged, paused\n"));
    assert_eq!(connector(&connect, &["status", &good]).await, (1, "good: paused\n".into(), String::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_that_a_change_does_not_mend_is_told_once_it_cannot_be_the_old_one() {
    let (connect, folder) = (Connect::start().await, Folder::new());
    let file = folder.file("bad", json!({"publication.name": "nope"}));
    connector(&connect, &["apply", &file]).await;
    let (code, _, err) = connector(&connect, &["apply", &file]).await;
    assert_eq!(code, 1);
    assert!(err.contains("what had failed was restarted, but task 0 failed: org.postgresql"), "{err}");
    let (code, _, err) = connector(&connect, &["apply", &file, "--timeout", "1s"]).await;
    assert_eq!(code, 1);
    assert!(err.contains("1 s later: task 0 failed"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kafka_connect_refuses_is_told_without_secrets() {
    let (connect, folder) = (Connect::start().await, Folder::new());
    for (changes, words) in [
        (
            json!({"topic.prefix": null}),
            ["The 'topic.prefix' value is invalid: A value is required", "change the file"],
        ),
        (json!({"database.password": PASSWORD}), ["no such password: (hidden)", "change the file"]),
        (
            json!({"connector.class": "io.no.Such"}),
            ["it has io.debezium.connector.postgresql.PostgresConnector", "plugin.path"],
        ),
    ] {
        let file = folder.file("shop", changes);
        let (code, out, err) = connector(&connect, &["apply", &file]).await;
        assert_eq!((code, out.as_str()), (1, ""), "{err}");
        assert!(words.iter().all(|words| err.contains(words)) && !err.contains("You can also find"), "{err}");
        assert!(connect.config("shop").is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_addresses_that_cannot_be_used_are_refused_before_anything_is_done() {
    let (connect, folder) = (Connect::start().await, Folder::new());
    let good = folder.file("good", json!({}));
    let broken = folder.file("broken", json!({"database.password": [PASSWORD]}));
    let directory = folder.0.path().to_str().expect("UTF-8");
    for (paths, words) in [
        (vec![&*good, &*broken], "\"database.password\" is neither a text nor"),
        (vec![&*good, &*good], "have the same name: good"),
        (vec![directory], "name the files in it, e.g. connectors/*.json"),
        (vec!["not-there.json"], "cannot read not-there.json"),
    ] {
        let said = fails(2, &[&["connector", "apply", "--connect", &connect.url], &paths[..]].concat()).await;
        assert!(said.contains(words) && !said.contains("hunter2"), "{said}");
    }
    assert_eq!(connect.changes(), [""; 0]);
    let said = fails(2, &["connector", "status", &good, "--connect", "me:hunter2"]).await;
    assert!(said.contains("is no URL") && !said.contains("hunter2"), "{said}");
    let said = fails(1, &["connector", "status", &good, "--connect", "http://me:hunter2@127.0.0.1:1"]).await;
    assert!(said.contains("no Kafka Connect answers at 127.0.0.1:1: ") && !said.contains("hunter2"), "{said}");
    // A path of its own in front: another service, or Connect elsewhere on that host.
    let said = fails(1, &["connector", "status", &good, "--connect", &format!("{}/elsewhere", connect.url)]).await;
    assert!(said.contains("is it Kafka Connect that listens"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_plugin_defines_as_a_password_is_hidden_whatever_its_name() {
    let (connect, folder) = (Connect::start().await, Folder::new());
    connector(&connect, &["apply", &folder.file("shop", json!({"database.sesame": PASSWORD}))]).await;
    let file = folder.file("shop", json!({"database.sesame": format!("{PASSWORD}-new"), "a.sesame": "open"}));
    let (_, out, _) = connector(&connect, &["diff", &file]).await;
    assert_eq!(out, "shop: 2 settings differ\n  + a.sesame: open\n  ~ database.sesame: (hidden) -> (hidden)\n");
    let file = folder.file("shop", json!({"database.sesame": "${file:/run/shop:sesame}"}));
    let (_, out, _) = connector(&connect, &["diff", &file]).await;
    assert_eq!(out, "shop: 1 setting differs\n  ~ database.sesame: (hidden) -> ${file:/run/shop:sesame}\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_authorities_that_cannot_be_used_is_told() {
    let (connect, folder) = (Connect::start().await, Folder::new());
    let file = folder.file("shop", json!({}));
    for (authorities, words) in [("/nowhere/ca.pem", "cannot read ca_file"), (file.as_str(), "no certificate")] {
        let said = fails(2, &["connector", "diff", &file, "--connect", &connect.url, "--ca-file", authorities]).await;
        assert!(said.contains(words) && said.contains("hint: "), "{said}");
    }
}
