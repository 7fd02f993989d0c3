//! The REST API of a Kafka Connect worker. Any worker passes a request on to the one that decides.

use super::file::Settings;
use super::secrets::Hidden;
use super::state::State;
use crate::http::{self, root_cause};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use url::Url;

/// Where a worker listens by default.
const USUAL: &str = "http://localhost:8083";

/// Longest time for one answer: a worker gives a connector 90 s to check its settings (Kafka 4.3, `RestRequestTimeout`).
const PATIENCE: Duration = Duration::from_secs(100);

/// Longest time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes of an answer that are read: settings, or a trace for each task.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Between two tries while the worker cannot say yes or no, and between two looks at a status.
pub const LOOK: Duration = Duration::from_millis(300);

/// How long a worker may be unable to say yes or no.
const BUSY_MAX: Duration = Duration::from_secs(60);

/// Why Connect did not do it. Holds no secret of the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The worker cannot be asked: no other file fares better.
    #[error("{0}")]
    Away(String),
    /// It says no.
    #[error("{0}")]
    Refused(String),
}

/// A worker.
#[derive(Debug)]
pub struct Connect {
    http: reqwest::Client,
    base: Url,
}

/// An error as Connect writes it.
#[derive(Deserialize)]
struct Refusal {
    error_code: i64,
    message: String,
}

/// A connector as Connect knows it.
#[derive(Debug)]
pub struct Registered {
    pub name: String,
    pub settings: Settings,
    /// `None` while Connect has none to tell.
    pub state: Option<State>,
}

/// `GET /connectors?expand=info&expand=status`, of each.
#[derive(Deserialize)]
struct Expanded {
    info: Option<Info>,
    status: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    config: Settings,
}

/// `GET /connector-plugins/CLASS/config`, of each setting.
#[derive(Deserialize)]
struct Definition {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// An answer that is none of success.
struct No {
    status: StatusCode,
    refusal: Refusal,
}

impl Connect {
    /// The worker at this address, else at the usual one; `ca_file` holds authorities to trust beside the system's.
    pub fn new(address: Option<&SecretString>, ca_file: Option<&Path>) -> Result<Self, String> {
        let text = address.map_or(USUAL, |address| address.expose_secret());
        let mut base =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()).ok_or(
                // The text may hold a password, so it is not repeated.
                "--connect (or $ROWBELL_CONNECT) is no URL\nhint: write it like http://connect.example:8083",
            )?;
        let path = format!("{}/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        let builder = http::builder(ca_file).map_err(|error| {
            format!("{error}\nhint: it holds certificates of authorities in PEM, and this user can read it")
        })?;
        let mut builder = builder.timeout(PATIENCE).connect_timeout(CONNECT_TIMEOUT);
        if matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| format!("cannot make an HTTP client: {error}"))?;
        Ok(Self { http, base })
    }

    /// The worker, and the one connector that the URL may name: `http://connect:8083/connectors/NAME`.
    pub fn at(url: &str, ca_file: Option<&Path>) -> Result<(Self, Option<String>), String> {
        let Ok(mut worker) = Url::parse(url) else { return Self::new(Some(&url.into()), ca_file).map(|at| (at, None)) };
        let path = worker.path().to_owned();
        let (root, rest) = path.rsplit_once("/connectors").unwrap_or((&path, ""));
        let name = rest.strip_prefix('/').and_then(|rest| rest.split('/').next()).filter(|name| !name.is_empty());
        let name = name.map(str::to_owned);
        worker.set_path(root);
        Ok((Self::new(Some(&worker.as_str().into()), ca_file)?, name))
    }

    /// Host and port: what a person needs to find it, and no password.
    pub fn address(&self) -> String {
        let (host, port) = (self.base.host_str().unwrap_or_default(), self.base.port_or_known_default().unwrap_or(0));
        format!("{host}:{port}")
    }

    /// Every connector, with its settings and its state, by name.
    pub async fn connectors(&self) -> Result<Vec<Registered>, ConnectError> {
        let query = Some("expand=info&expand=status");
        let body = match self.ask(Method::GET, &["connectors"], query, None).await? {
            Ok(body) => body,
            Err(no) => return Err(self.refused(&no, &Hidden::default())),
        };
        let found: BTreeMap<String, Expanded> =
            serde_json::from_slice(&body).map_err(|_| self.foreign(StatusCode::OK))?;
        let registered = |(name, found): (String, Expanded)| {
            let settings = found.info.map(|info| info.config).unwrap_or_default();
            let state = found.status.and_then(|status| serde_json::from_value(status).ok());
            Registered { name, settings, state }
        };
        Ok(found.into_iter().map(registered).collect())
    }

    /// The settings that a connector's plugin defines as passwords (KIP-769, since Kafka 3.2); none where the worker
    /// does not say. No setting is sent.
    pub async fn passwords(&self, settings: &Settings) -> Vec<String> {
        let Some(class) = settings.get("connector.class") else { return Vec::new() };
        let found = self.found::<Vec<Definition>>(&["connector-plugins", class, "config"]).await;
        let defined = found.ok().flatten().unwrap_or_default().into_iter();
        defined.filter(|definition| definition.kind == "PASSWORD").map(|definition| definition.name).collect()
    }

    /// A connector's settings as they are; `None` where there is no such connector.
    pub async fn config(&self, name: &str) -> Result<Option<Settings>, ConnectError> {
        self.found(&["connectors", name, "config"]).await
    }

    /// The state of a connector and its tasks; `None` while Connect has none to tell.
    pub async fn status(&self, name: &str) -> Result<Option<State>, ConnectError> {
        self.found(&["connectors", name, "status"]).await
    }

    /// Creates a connector, or changes its settings.
    pub async fn put(&self, name: &str, settings: &Settings, hidden: &Hidden) -> Result<(), ConnectError> {
        match self.ask(Method::PUT, &["connectors", name, "config"], None, Some(settings)).await? {
            Ok(_) => Ok(()),
            Err(no) => Err(self.refused(&no, hidden)),
        }
    }

    /// Asks for a restart of what failed; it happens later.
    pub async fn restart_failed(&self, name: &str) -> Result<(), ConnectError> {
        let query = Some("includeTasks=true&onlyFailed=true");
        match self.ask(Method::POST, &["connectors", name, "restart"], query, None).await? {
            Ok(_) => Ok(()),
            Err(no) => Err(self.refused(&no, &Hidden::default())),
        }
    }

    async fn found<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, ConnectError> {
        match self.ask(Method::GET, path, None, None).await? {
            Ok(body) => serde_json::from_slice(&body).map(Some).map_err(|_| self.foreign(StatusCode::OK)),
            Err(no) if no.status == StatusCode::NOT_FOUND && !is_no_path(&no.refusal) => Ok(None),
            Err(no) => Err(self.refused(&no, &Hidden::default())),
        }
    }

    /// One answer of the worker; again while it cannot give one.
    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: Option<&str>,
        body: Option<&Settings>,
    ) -> Result<Result<Vec<u8>, No>, ConnectError> {
        let mut url = self.base.clone();
        // Segment by segment, so that a name with a slash stays one.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url.set_query(query);
        let began = Instant::now();
        loop {
            let mut request = self.http.request(method.clone(), url.clone()).header("accept", "application/json");
            if let Some(settings) = body {
                let text = serde_json::to_string(settings).map_err(|error| self.away(&error.to_string()))?;
                request = request.header("content-type", "application/json").body(text);
            }
            let response = request.send().await.map_err(|error| self.away(&root_cause(&error)))?;
            let status = response.status();
            let body = http::body(response, ANSWER_BYTES_MAX).await.map_err(|error| self.away(&root_cause(&error)))?;
            if status.is_success() && !body.cut {
                return Ok(Ok(body.bytes));
            }
            let Ok(refusal) = serde_json::from_slice::<Refusal>(&body.bytes) else {
                return Err(self.foreign(status));
            };
            if !is_busy(status, &refusal.message) || began.elapsed() > BUSY_MAX {
                return Ok(Err(No { status, refusal }));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn away(&self, why: &str) -> ConnectError {
        ConnectError::Away(format!(
            "no Kafka Connect answers at {}: {why}\nhint: name a worker's address with --connect URL",
            self.address()
        ))
    }

    fn foreign(&self, status: StatusCode) -> ConnectError {
        let hint = match status.as_u16() {
            401 | 403 => "user and password may stand in the URL: --connect https://user:password@...",
            _ => "something else listens there; name a worker's address with --connect URL",
        };
        ConnectError::Away(format!(
            "HTTP {} from {}, and not in Kafka Connect's words\nhint: {hint}",
            status.as_u16(),
            self.address()
        ))
    }

    fn refused(&self, no: &No, hidden: &Hidden) -> ConnectError {
        let hint = match no.status.as_u16() {
            400 if no.refusal.message.contains(NO_SUCH_CLASS) => {
                "is the connector's plugin in the worker's plugin.path?".to_owned()
            }
            400 => "change the file and apply it again".to_owned(),
            401 | 403 => "user and password may stand in the URL: --connect https://user:password@...".to_owned(),
            404 => format!("is it Kafka Connect that listens at {}?", self.address()),
            409 => "the workers are rebalancing: try again when they are done".to_owned(),
            _ => format!("look into the log of the worker at {}", self.address()),
        };
        let said = hidden.without(&in_short(&no.refusal.message));
        ConnectError::Refused(format!("Kafka Connect says {}: {said}\nhint: {hint}", no.refusal.error_code))
    }
}

/// Connect's words while it cannot say yes or no: during a rebalance, while it starts, or when another worker that it
/// asks is silent.
fn is_busy(status: StatusCode, message: &str) -> bool {
    match status.as_u16() {
        409 | 503 => true,
        500 => message.contains("timed out"),
        _ => false,
    }
}

/// A path that the API does not have; an unknown connector is told otherwise.
fn is_no_path(refusal: &Refusal) -> bool {
    refusal.message.contains("HTTP 404 Not Found")
}

const NO_SUCH_CLASS: &str = "Failed to find any class that implements Connector";

/// Without its descriptions of every plugin, and without a path of its API that helps nobody who has a file to mend.
fn in_short(message: &str) -> String {
    let (head, plugins) = message.split_once(", available connectors are: ").unwrap_or((message, ""));
    let names: Vec<_> = plugins.split("klass=class ").skip(1).filter_map(|it| it.split(',').next()).collect();
    let lines = head.lines().filter(|line| !line.starts_with("You can also find the above list of errors"));
    let mut text = lines.collect::<Vec<_>>().join("\n");
    if !names.is_empty() {
        text.push_str(&format!("; it has {}", names.join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_in_short() {
        let invalid = "Connector configuration is invalid and contains the following 1 error(s):\nThe 'topic.prefix' value is invalid: A value is required\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`";
        assert_eq!(
            in_short(invalid),
            "Connector configuration is invalid and contains the following 1 error(s):\nThe 'topic.prefix' value is invalid: A value is required"
        );
        let class = "Failed to find any class that implements Connector and which name matches io.no.Such, available connectors are: PluginDesc{klass=class io.a.A, name='io.a.A', location='file:/x/'}, PluginDesc{klass=class io.b.B, name='io.b.B'}";
        assert_eq!(
            in_short(class),
            "Failed to find any class that implements Connector and which name matches io.no.Such; it has io.a.A, io.b.B"
        );
    }

    #[test]
    fn an_address_is_shown_without_its_password_and_refused_without_its_text() {
        let connect = Connect::new(Some(&"https://me:hunter2@connect.example/kafka".into()), None).expect("an address");
        assert_eq!((connect.address().as_str(), connect.base.path()), ("connect.example:443", "/kafka/"));
        for text in ["hunter2", "ftp://me:hunter2@x", "http://"] {
            let said = Connect::new(Some(&text.into()), None).expect_err(text);
            assert!(said.contains("hint: ") && !said.contains("hunter2"), "{said}");
        }
    }
}
