use super::{Asked, connect, destinations};
use crate::config::{Examined, Report, checked};
use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex};

/// A stand-in that answers by the path, and remembers what it was asked.
async fn stand_in(answers: fn(&str) -> Response) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let router = Router::new().fallback(async move |request: Request| {
        let line = format!("{} {}", request.method(), request.uri());
        let body = axum::body::to_bytes(request.into_body(), 1 << 16).await.unwrap_or_default();
        let path = line.clone();
        seen.lock().expect("no panic").push(format!("{line} {}", String::from_utf8_lossy(&body)));
        answers(&path)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), asked)
}

/// A config whose destinations are at this stand-in.
fn examined(base: &str) -> Examined {
    let text = format!(
        "kafka: {{ brokers: b:1, topics: [shop.public.listings] }}\n\
         destinations:\n  alive: {{ slack: {{ webhook_url: \"{base}/alive/hunter2\" }} }}\n  \
         revoked: {{ slack: {{ webhook_url: \"{base}/revoked/hunter2\" }} }}\n  \
         bot: {{ slack: {{ token: xoxb-hunter2, channel: C1, api_url: \"{base}/good\" }} }}\n  \
         expired: {{ slack: {{ token: xoxb-hunter2, channel: C1, api_url: \"{base}/expired\" }} }}\n  \
         floor: {{ teams: {{ workflow_url: \"{base}/workflow?sig=hunter2\" }} }}\n  \
         gone: {{ webhook: {{ url: \"http://127.0.0.1:1/hunter2\" }} }}\n\
         rules: [{{ name: a, table: public.listings, to: [alive, revoked, bot, expired, floor, gone] }}]\n"
    );
    let mut examined = checked(&text, Report::new("f"), &|_| None, None);
    examined.config.as_mut().expect("a config").http.direct = true;
    examined.report.found.clear();
    examined
}

fn slack(path: &str) -> Response {
    match path {
        path if path.contains("/alive") => (axum::http::StatusCode::BAD_REQUEST, "no_text").into_response(),
        path if path.contains("/revoked") => (axum::http::StatusCode::NOT_FOUND, "no_service").into_response(),
        path if path.contains("/expired") => r#"{"ok":false,"error":"token_expired"}"#.into_response(),
        path if path.contains("/good") => r#"{"ok":true,"channel":{"is_archived":false}}"#.into_response(),
        _ => axum::http::StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test]
async fn destinations_are_asked_and_nothing_is_posted() {
    let (base, requests) = stand_in(slack).await;
    let mut examined = examined(&base);
    let config = examined.config.take().expect("a config");
    let mut asked = Vec::new();
    destinations::ask(&config, &mut examined, &mut asked).await;
    let said: Vec<_> = asked.iter().map(|Asked { what, fine, said }| format!("{what} {fine} {said}")).collect();
    assert_eq!(
        said[..5],
        [
            "destination alive true its webhook is alive",
            "destination revoked false no_service",
            "destination bot true its token is good, and sees the channel",
            "destination expired false token_expired",
            "destination floor true its host answers; a Workflow cannot be asked without posting",
        ]
    );
    assert!(said[5].starts_with("destination gone false no connection"), "{said:?}");
    let found = examined.report.to_string();
    assert!(found.contains("f:4:3: error: \"revoked\" accepts nothing: no_service"), "{found}");
    assert!(!found.contains("hunter2") && !said.concat().contains("hunter2"), "{found}");
    let requests = requests.lock().expect("no panic").clone();
    let bodies: Vec<_> = requests.iter().filter_map(|request| request.splitn(3, ' ').nth(2)).collect();
    assert!(bodies.iter().all(|body| ["", "{}", r#"{"text":""}"#].contains(body)), "{bodies:?}");
    assert!(
        requests.iter().any(|request| request.starts_with("GET / ")),
        "the Workflow's URL does not leave: {requests:?}"
    );
}

fn worker(path: &str) -> Response {
    match path {
        "GET /connectors?expand=info&expand=status" => axum::Json(serde_json::json!({
            "shop": {
                "info": { "config": {
                    "connector.class": "io.debezium.connector.mysql.MySqlConnector", "skipped.operations": "u",
                    "topic.prefix": "shop", "table.include.list": "public.listing,public.x_.*", "database.password": "hunter2",
                } },
                "status": { "connector": { "state": "RUNNING" }, "tasks": [{ "id": 0, "state": "FAILED", "trace": "a.B: no hunter2\n\tat c" }] },
            },
            "other": {
                "info": { "config": { "connector.class": "io.debezium.connector.mysql.MySqlConnector", "topic.prefix": "other" } },
                "status": { "connector": { "state": "PAUSED" }, "tasks": [] },
            },
            "sink": { "info": { "config": { "connector.class": "com.example.Sink" } }, "status": {} },
        }))
        .into_response(),
        _ => axum::http::StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test]
async fn connectors_that_do_not_run_or_skip_what_is_wanted_are_told() {
    let (base, _) = stand_in(worker).await;
    let mut examined = examined(&base);
    let config = examined.config.take().expect("a config");
    let mut asked = Vec::new();
    connect::ask(&base, &config, &[], &mut examined, &mut asked).await;
    let cause = "task 0 failed: a.B: no (hidden)";
    assert_eq!(
        asked,
        [
            Asked::fine("Kafka Connect", "2 Debezium connectors"),
            Asked::fine("connector other", "writes other.*, which the config does not read"),
            Asked::wrong("connector shop", cause),
        ]
    );
    let found = examined.report.to_string();
    assert!(found.contains(&format!("error: the connector \"shop\": {cause}")), "{found}");
    assert!(found.contains("it skips the operation update, and the rule \"a\" asks for it"), "{found}");
    let listed = "f:1:33: warning: the connector \"shop\" does not capture public.listings\n  hint: did you mean \
                  \"shop.public.listing\"?";
    assert!(found.contains(listed) && !found.contains("\"other\"") && !found.contains("hunter2"), "{found}");
}

#[tokio::test]
async fn the_connector_that_the_url_names_is_asked_about_alone() {
    let (base, _) = stand_in(worker).await;
    let mut examined = examined(&base);
    let config = examined.config.take().expect("a config");
    let mut asked = Vec::new();
    connect::ask(&format!("{base}/connectors/other/status"), &config, &[], &mut examined, &mut asked).await;
    assert!(asked.iter().all(|asked| asked.fine && asked.what != "connector shop"), "{asked:?}");
    assert_eq!(examined.report.to_string(), "");
    asked.clear();
    connect::ask(&format!("{base}/connectors/shopp"), &config, &[], &mut examined, &mut asked).await;
    assert_eq!(asked, [Asked::wrong("connector shopp", "is not there")]);
    let found = examined.report.to_string();
    assert_eq!(found, "f: error: there is no Debezium connector \"shopp\"\n  hint: did you mean \"shop\"?");
}

#[tokio::test]
async fn a_worker_that_cannot_say_is_told_with_its_reason() {
    let (base, _) = stand_in(worker).await;
    for (url, words) in [
        ("http://me:hunter2@127.0.0.1:1".to_owned(), "no Kafka Connect answers at 127.0.0.1:1: "),
        (format!("{base}/elsewhere"), "HTTP 404 from 127.0.0.1"),
        ("hunter2".to_owned(), "is no URL"),
    ] {
        let mut examined = examined(&base);
        let config = examined.config.take().expect("a config");
        let mut asked = Vec::new();
        connect::ask(&url, &config, &[], &mut examined, &mut asked).await;
        let found = examined.report.to_string();
        assert!(found.contains(words) && !found.contains("hunter2"), "{found}");
        assert_eq!(asked, [Asked::wrong("Kafka Connect", "does not say")]);
    }
}
