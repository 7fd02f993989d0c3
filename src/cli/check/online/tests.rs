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
                "info": { "config": { "connector.class": "io.debezium.connector.mysql.MySqlConnector", "skipped.operations": "u" } },
                "status": { "connector": { "state": "RUNNING" }, "tasks": [{ "id": 0, "state": "FAILED" }] },
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
    connect::ask(&base, &config, &mut examined, &mut asked).await;
    assert_eq!(asked, [Asked::wrong("connector shop", "2 parts, 1 not running")]);
    let found = examined.report.to_string();
    assert!(found.contains("error: the connector \"shop\": its task 0 is FAILED"), "{found}");
    assert!(found.contains("it skips the operation update, and the rule \"a\" asks for it"), "{found}");
    examined.report.found.clear();
    connect::ask("http://127.0.0.1:1", &config, &mut examined, &mut asked).await;
    assert!(examined.report.to_string().contains("Kafka Connect does not say"), "{}", examined.report);
}
