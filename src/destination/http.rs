//! The HTTP client that all destinations share.

use super::answer::{Answer, Verdict, retry_after};
use crate::outbox::Outcome;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time one post may take. Below Kafka's session timeout (6 s): a replica that lost its partitions has no
/// post on the wire that another replica may be making (design section 2).
pub const POST_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for a connection; the rest is left for the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes of an answer that are read: error words stand at its beginning.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Idle connections kept per host: destinations post one at a time by default.
const IDLE_PER_HOST_MAX: usize = 4;

/// How requests leave.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// Proxy for every request; without it HTTPS_PROXY, HTTP_PROXY and NO_PROXY decide.
    pub proxy: Option<String>,
    /// PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// Never use a proxy: for receivers on this machine.
    pub direct: bool,
}

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The proxy's URL.
    #[error("outgoing.proxy is not a URL: {0}\nhint: write it like http://proxy.example:3128")]
    Proxy(String),
    /// The certificate file.
    #[error("cannot read outgoing.ca_file {path:?}: {error}\nhint: it must be a PEM file this user can read")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: String,
    },
    /// Anything else.
    #[error("cannot make the HTTP client: {0}")]
    Client(reqwest::Error),
}

/// The HTTP client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
}

impl Http {
    /// Makes the client.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("rowbell/", env!("CARGO_PKG_VERSION")))
            .timeout(POST_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            // A webhook that moved is a wrong URL; following would post row data to somebody the config does not name.
            .redirect(reqwest::redirect::Policy::none());
        if settings.direct {
            builder = builder.no_proxy();
        }
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(|error| HttpError::Proxy(root_cause(&error)))?);
        }
        if let Some(path) = &settings.ca_file {
            builder = with_authorities(builder, path)?;
        }
        Ok(Self { client: builder.build().map_err(HttpError::Client)? })
    }

    /// Posts a JSON body. `Err` is a verdict already: no answer came.
    pub(super) async fn post(
        &self,
        url: &SecretString,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<Answer, Verdict> {
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        for (name, value) in headers {
            // Bytes: a destination's name, which is part of `webhook-id`, may be written in any script.
            let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
                Verdict::new(Outcome::Blocked, format!("the header {name} holds characters HTTP refuses"))
            })?;
            value.set_sensitive(true);
            map.insert(HeaderName::from_static(name), value);
        }
        let request = self.client.post(url.expose_secret()).headers(map).body(body);
        let response = request.send().await.map_err(|error| no_answer(&error))?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| retry_after(text, jiff::Timestamp::now().as_second()));
        let body = read_body(response).await;
        match body {
            Some(body) => Ok(Answer { status, retry_after, body }),
            // A refusal is a refusal without its words; an acceptance may hide one in them.
            None if !(200..300).contains(&status) => Ok(Answer { status, retry_after, body: String::new() }),
            None => Err(Verdict::new(Outcome::Unknown, format!("HTTP {status}, but its body never came"))),
        }
    }
}

async fn read_body(mut response: reqwest::Response) -> Option<String> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = ANSWER_BYTES_MAX - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if body.len() == ANSWER_BYTES_MAX {
                    break;
                }
            }
            Ok(None) => break,
            Err(_) => return None,
        }
    }
    Some(String::from_utf8_lossy(&body).into_owned())
}

/// A request that got no answer: was it written, and so perhaps accepted?
fn no_answer(error: &reqwest::Error) -> Verdict {
    if error.is_builder() {
        return Verdict::new(Outcome::Blocked, "the URL of this destination is not one that HTTP can use");
    }
    // The error's own text holds the URL, which is a secret.
    let cause = root_cause(error);
    if error.is_connect() {
        return Verdict::new(Outcome::Retry { after: None }, format!("no connection: {cause}"));
    }
    if error.is_timeout() {
        return Verdict::new(Outcome::Unknown, format!("no answer within {} s", POST_TIMEOUT.as_secs()));
    }
    Verdict::new(Outcome::Unknown, format!("the connection broke before the answer: {cause}"))
}

/// The innermost error: "connection refused", "certificate has expired".
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = match std::error::Error::source(error) {
        Some(source) => source,
        None => return "request failed".to_owned(),
    };
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(feature = "tls")]
fn with_authorities(builder: reqwest::ClientBuilder, path: &Path) -> Result<reqwest::ClientBuilder, HttpError> {
    let failed = |error: String| HttpError::CaFile { path: path.to_owned(), error };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("it holds no certificate".to_owned()));
    }
    Ok(builder.tls_certs_merge(certificates))
}

#[cfg(not(feature = "tls"))]
fn with_authorities(_: reqwest::ClientBuilder, path: &Path) -> Result<reqwest::ClientBuilder, HttpError> {
    Err(HttpError::CaFile { path: path.to_owned(), error: "this binary was built without TLS".to_owned() })
}
