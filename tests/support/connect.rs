//! A stand-in for a Kafka Connect worker: its answers are those of Kafka Connect 4.3.1 with Debezium 3.6.3.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// What a task says that cannot make its publication.
pub const TRACE: &str = "org.apache.kafka.connect.errors.ConnectException: Unable to create filtered publication nope for \"public\".\"listings\"\n\
    \tat io.debezium.connector.postgresql.connection.PostgresReplicationConnection.initPublication(PostgresReplicationConnection.java:270)\n\
    Caused by: org.postgresql.util.PSQLException: ERROR: permission denied for database shop\n\
    \tat org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2736)\n\t... 16 more\n";

type Answer = (StatusCode, Json<Value>);

#[derive(Default)]
struct Connector {
    config: Map<String, Value>,
    /// What the next looks at its status see; the last one stays.
    looks: VecDeque<Look>,
}

/// What one look at a status sees.
#[derive(Debug, Clone, Copy)]
enum Look {
    Nothing,
    /// State of the connector, and of its task if it has one.
    Is(&'static str, Option<&'static str>),
}

const RUNS: Look = Look::Is("RUNNING", Some("RUNNING"));
const FAILED: Look = Look::Is("RUNNING", Some("FAILED"));

#[derive(Default)]
struct Worker {
    connectors: BTreeMap<String, Connector>,
    /// Every request that changes something.
    changes: Vec<String>,
    /// Answers before any other.
    busy: VecDeque<(u16, &'static str)>,
    /// The publication can be made now.
    mended: bool,
}

/// The worker; it lives as long as the test's runtime.
#[derive(Clone)]
pub struct Connect {
    pub url: String,
    worker: Arc<Mutex<Worker>>,
}

impl Connect {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let worker = Arc::<Mutex<Worker>>::default();
        let router = Router::new()
            .route("/connectors/{name}/config", get(config).put(configure))
            .route("/connectors/{name}/status", get(status))
            .route("/connectors/{name}/restart", post(restart))
            .route("/connector-plugins/{class}/config", get(definitions))
            .fallback(async || error(404, "HTTP 404 Not Found"))
            .with_state(Arc::clone(&worker));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, worker }
    }

    /// Every request that changed something, since the last call.
    pub fn changes(&self) -> Vec<String> {
        std::mem::take(&mut self.worker.lock().unwrap().changes)
    }

    /// The next requests are answered so.
    pub fn busy(&self, answers: impl IntoIterator<Item = (u16, &'static str)>) {
        self.worker.lock().unwrap().busy.extend(answers);
    }

    /// What failed can start now.
    pub fn mend(&self) {
        self.worker.lock().unwrap().mended = true;
    }

    /// Somebody pauses a connector.
    pub fn pause(&self, name: &str) {
        let mut worker = self.worker.lock().unwrap();
        worker.connectors.get_mut(name).unwrap().looks = [Look::Is("PAUSED", Some("PAUSED"))].into();
    }

    /// Its settings as they are.
    pub fn config(&self, name: &str) -> Option<Value> {
        self.worker.lock().unwrap().connectors.get(name).map(|connector| connector.config.clone().into())
    }
}

fn error(status: u16, message: &str) -> Answer {
    let code = StatusCode::from_u16(status).expect("a status");
    (code, Json(json!({"error_code": status, "message": message})))
}

/// The settings that a plugin defines, by Kafka Connect's words; of a plugin that names its password as nobody would guess.
async fn definitions() -> Answer {
    let defined = |name: &str, kind: &str| json!({"name": name, "type": kind, "required": false, "importance": "HIGH"});
    (StatusCode::OK, Json(json!([defined("topic.prefix", "STRING"), defined("database.sesame", "PASSWORD")])))
}

type Shared = State<Arc<Mutex<Worker>>>;

async fn config(State(worker): Shared, Path(name): Path<String>) -> Answer {
    let mut worker = worker.lock().unwrap();
    if let Some((status, message)) = worker.busy.pop_front() {
        return error(status, message);
    }
    match worker.connectors.get(&name) {
        Some(connector) => (StatusCode::OK, Json(connector.config.clone().into())),
        None => error(404, &format!("Connector {name} not found")),
    }
}

async fn configure(
    State(worker): Shared,
    Path(name): Path<String>,
    Json(mut config): Json<Map<String, Value>>,
) -> Answer {
    let mut worker = worker.lock().unwrap();
    if let Some((status, message)) = worker.busy.pop_front() {
        return error(status, message);
    }
    if config["connector.class"] != "io.debezium.connector.postgresql.PostgresConnector" {
        let class = &config["connector.class"];
        return error(
            400,
            &format!(
                "Failed to find any class that implements Connector and which name matches {}, available connectors are: \
                 PluginDesc{{klass=class io.debezium.connector.postgresql.PostgresConnector, name='io.debezium.connector.postgresql.PostgresConnector', version='3.6.3.Final'}}",
                class.as_str().unwrap_or_default()
            ),
        );
    }
    let mut wrong = Vec::new();
    if !config.contains_key("topic.prefix") {
        wrong.push("The 'topic.prefix' value is invalid: A value is required".to_owned());
    }
    if let Some(password) = config["database.password"].as_str().filter(|password| !password.starts_with("${")) {
        // Debezium does not say it; others do.
        wrong.push(format!("Error while validating connector config: no such password: {password}"));
    }
    if !wrong.is_empty() {
        let message = format!(
            "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can also find the above list of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`",
            wrong.len(),
            wrong.join("\n")
        );
        return error(400, &message);
    }
    config.insert("name".to_owned(), name.clone().into());
    let fails = config["publication.name"] == "nope" && !worker.mended;
    let is_new = !worker.connectors.contains_key(&name);
    worker.changes.push(format!("PUT {name}"));
    let connector = worker.connectors.entry(name.clone()).or_default();
    let end = if fails { FAILED } else { RUNS };
    connector.looks = match is_new {
        true => [Look::Nothing, Look::Is("RUNNING", None), end].into(),
        // For a while it seems as if nothing had happened.
        false => [RUNS, RUNS, Look::Is("RUNNING", Some("UNASSIGNED")), end].into(),
    };
    connector.config = config;
    let answer = json!({"name": name, "config": connector.config, "tasks": [], "type": "source"});
    (if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(answer))
}

async fn status(State(worker): Shared, Path(name): Path<String>) -> Answer {
    let mut worker = worker.lock().unwrap();
    let look = worker.connectors.get_mut(&name).and_then(|connector| match connector.looks.len() {
        0 | 1 => connector.looks.front().copied(),
        _ => connector.looks.pop_front(),
    });
    let Some(Look::Is(state, task)) = look else {
        return error(404, &format!("No status found for connector {name}"));
    };
    (StatusCode::OK, Json(told(&name, state, task)))
}

fn told(name: &str, state: &str, task: Option<&str>) -> Value {
    let part = |state: &str| json!({"state": state, "worker_id": "127.0.0.1:8083", "version": "3.6.3.Final"});
    let task = task.map(|state| {
        let mut task = part(state);
        task["id"] = 0.into();
        if matches!(state, "FAILED" | "RESTARTING") {
            task["trace"] = TRACE.into();
        }
        task
    });
    json!({"name": name, "connector": part(state), "tasks": Vec::from_iter(task), "type": "source"})
}

async fn restart(State(worker): Shared, Path(name): Path<String>, RawQuery(query): RawQuery) -> Answer {
    let mut worker = worker.lock().unwrap();
    worker.changes.push(format!("RESTART {name}?{}", query.unwrap_or_default()));
    let end = if worker.mended { RUNS } else { FAILED };
    let Some(connector) = worker.connectors.get_mut(&name) else {
        return error(404, &format!("Unknown connector: {name}"));
    };
    // Asked for, not done: the failure from before is still there to see.
    connector.looks = [FAILED, Look::Is("RUNNING", Some("RESTARTING")), end].into();
    (StatusCode::ACCEPTED, Json(told(&name, "RUNNING", Some("RESTARTING"))))
}
