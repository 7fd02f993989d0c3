//! Against a small registry that counts what it is asked.

use super::*;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the server was asked, and whether it is ill.
#[derive(Default)]
struct Asked {
    paths: Mutex<Vec<String>>,
    authorizations: Mutex<Vec<String>>,
    ill: AtomicBool,
}

const PROTO_PART: &str = "syntax = \"proto3\"; package shared; message Part { int32 n = 1; }";
const PART: &str = r#"{"type":"record","name":"shared.Part","fields":[{"name":"n","type":"int"}]}"#;

fn json(value: serde_json::Value) -> Response {
    axum::Json(value).into_response()
}

async fn answer(State(asked): State<Arc<Asked>>, request: Request) -> Response {
    let path = request.uri().to_string();
    lock(&asked.paths).push(path.clone());
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    lock(&asked.authorizations).push(authorization.unwrap_or("-").to_owned());
    if asked.ill.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    match path.as_str() {
        "/schemas/ids/1" => json(serde_json::json!({"schema": "\"long\""})),
        "/schemas/ids/2" => json(serde_json::json!({
            "schema": r#"{"type":"record","name":"W","fields":[{"name":"p","type":"shared.Middle"}]}"#,
            "references": [{"name": "x", "subject": "middle/part", "version": 3}],
        })),
        "/subjects/middle%2Fpart/versions/3" => json(serde_json::json!({
            "schema": r#"{"type":"record","name":"Middle","namespace":"shared","fields":[{"name":"p","type":"Part"}]}"#,
            "references": [{"name": "y", "subject": "part", "version": 1}],
        })),
        "/subjects/part/versions/1" => json(serde_json::json!({"schema": PART})),
        "/schemas/ids/3" => json(serde_json::json!({"schema": "{", "schemaType": "AVRO"})),
        "/schemas/ids/4" => json(serde_json::json!({"schema": "{}", "schemaType": "JSON"})),
        "/schemas/ids/5" => json(serde_json::json!({
            "schema": "syntax = \"proto3\"; import \"part.proto\"; message Row { shared.Part part = 1; }",
            "schemaType": "PROTOBUF",
            "references": [{"name": "part.proto", "subject": "part.proto", "version": 1}],
        })),
        "/subjects/part.proto/versions/1" => json(serde_json::json!({"schema": PROTO_PART, "schemaType": "PROTOBUF"})),
        "/schemas/guids/07070707-0707-0707-0707-070707070707" => json(serde_json::json!({"schema": "\"int\""})),
        "/apis/registry/v3/ids/globalIds/9?references=DEREFERENCE" => PART.into_response(),
        "/apis/registry/v3/ids/contentIds/10?references=DEREFERENCE" => PART.into_response(),
        "/apis/registry/v3/ids/contentIds/11?references=DEREFERENCE" => PROTO_PART.into_response(),
        path if path.starts_with("/schemas/ids/") => {
            (StatusCode::NOT_FOUND, json(serde_json::json!({"error_code": 40403, "message": "Schema not found"})))
                .into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn serve() -> (Arc<Asked>, String) {
    let asked = Arc::new(Asked::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(answer).with_state(asked.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (asked, url)
}

fn registry(urls: &[&str], credentials: Credentials) -> Registry {
    let settings =
        RegistrySettings { urls: urls.iter().map(|url| (*url).into()).collect(), credentials, ca_file: None };
    Registry::new(&settings).expect("a client")
}

fn found(registry: &Registry, id: SchemaId) -> bool {
    matches!(registry.schema(&id), Lookup::Found(_))
}

#[tokio::test]
async fn a_schema_is_asked_for_once_whoever_needs_it() {
    let (asked, url) = serve().await;
    let registry = registry(&[&url], Credentials::None);
    let id = SchemaId::Id(1);
    assert!(matches!(registry.schema(&id), Lookup::Pending));
    let all = (0..20).map(|_| registry.fetch(id));
    assert!(futures_util::future::join_all(all).await.into_iter().all(|outcome| outcome.is_ok()));
    assert!(found(&registry, id));
    registry.fetch(id).await.expect("known");
    assert_eq!(*lock(&asked.paths), ["/schemas/ids/1"]);
}

#[tokio::test]
async fn references_are_fetched_those_first_that_others_need() {
    let (_, url) = serve().await;
    let registry = registry(&[&format!("{url}/")], Credentials::None);
    for id in [SchemaId::Id(2), SchemaId::Id(4), SchemaId::Id(5), SchemaId::Guid([7; 16])] {
        registry.fetch(id).await.expect("answers");
        assert!(found(&registry, id), "{id}: {:?}", registry.schema(&id));
    }
}

#[tokio::test]
async fn apicurios_ids_are_asked_of_its_own_api() {
    let (_, url) = serve().await;
    for base in [format!("{url}/apis/ccompat/v7"), format!("{url}/apis/registry/v3"), url.clone()] {
        let registry = registry(&[&base], Credentials::None);
        for id in [SchemaId::Global(9), SchemaId::Content(10), SchemaId::Content(11)] {
            registry.fetch(id).await.expect("answers");
            assert!(found(&registry, id), "{base} {id}: {:?}", registry.schema(&id));
        }
    }
}

#[tokio::test]
async fn an_unknown_id_is_told_and_asked_for_again_later() {
    let (asked, url) = serve().await;
    let registry = registry(&[&url], Credentials::None);
    registry.fetch(SchemaId::Id(99)).await.expect("answers");
    let Lookup::Unknown(reason) = registry.schema(&SchemaId::Id(99)) else { panic!() };
    assert_eq!(reason, "the registry does not know it");
    registry.fetch(SchemaId::Id(99)).await.expect("known to be unknown");
    assert_eq!(lock(&asked.paths).len(), 1);
    registry.fetch(SchemaId::Id(3)).await.expect("answers");
    assert!(
        matches!(registry.schema(&SchemaId::Id(3)), Lookup::Unknown(reason) if reason == "the schema is not valid JSON")
    );
    for entry in registry.inner.known.write().expect("no panic").values_mut() {
        if let Entry::Unknown { until, .. } = entry {
            *until -= UNKNOWN_FOR;
        }
    }
    assert!(matches!(registry.schema(&SchemaId::Id(99)), Lookup::Pending));
}

#[tokio::test]
async fn a_dead_registry_is_neither_known_nor_unknown_and_its_brother_is_asked() {
    let (asked, url) = serve().await;
    let dead = "http://user:secret@127.0.0.1:9";
    let alone = registry(&[dead], Credentials::None);
    let error = alone.fetch(SchemaId::Id(1)).await.expect_err("nobody listens").to_string();
    assert!(error.contains("127.0.0.1:9") && !error.contains("secret"), "{error}");
    assert!(alone.trouble().is_some() && matches!(alone.schema(&SchemaId::Id(1)), Lookup::Pending));

    let both = registry(&[dead, &url], Credentials::None);
    both.fetch(SchemaId::Id(1)).await.expect("the second answers");
    assert!(found(&both, SchemaId::Id(1)) && both.trouble().is_none());
    // What one does not know, the other might.
    assert!(both.fetch(SchemaId::Id(99)).await.is_err());

    asked.ill.store(true, Ordering::Relaxed);
    let ill = registry(&[&url], Credentials::None);
    assert_eq!(ill.fetch(SchemaId::Id(1)).await.map_err(|e| e.to_string().contains("HTTP 503")), Err(true));
    let healed = asked.clone();
    let mut failures = 0;
    ill.fetch_patiently(SchemaId::Id(1), |_| {
        failures += 1;
        healed.ill.store(failures < 2, Ordering::Relaxed);
    })
    .await;
    assert!(found(&ill, SchemaId::Id(1)) && failures >= 2 && ill.trouble().is_none());
}

#[tokio::test]
async fn another_web_server_is_no_registry() {
    let (_, url) = serve().await;
    let registry = registry(&[&format!("{url}/elsewhere")], Credentials::None);
    let error = registry.fetch(SchemaId::Id(1)).await.expect_err("no API").to_string();
    assert!(error.contains("no schema registry's API there"), "{error}");
}

#[tokio::test]
async fn credentials_are_sent_as_configured() {
    let (asked, url) = serve().await;
    let basic = Credentials::Basic { username: "ada".into(), password: SecretString::from("x") };
    for credentials in [basic, Credentials::Bearer(SecretString::from("t")), Credentials::None] {
        registry(&[&url], credentials).fetch(SchemaId::Id(1)).await.expect("answers");
    }
    registry(&[&url.replace("http://", "http://ada:x@")], Credentials::None)
        .fetch(SchemaId::Id(1))
        .await
        .expect("answers");
    assert_eq!(*lock(&asked.authorizations), ["Basic YWRhOng=", "Bearer t", "-", "Basic YWRhOng="]);
}

#[test]
fn settings_that_are_none_say_so_without_repeating_them() {
    for urls in [vec![], vec!["secret".into()], vec!["ftp://secret".into()]] {
        let error = Registry::new(&RegistrySettings { urls, ..RegistrySettings::default() }).expect_err("an error");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
