//! The HTTP client that all destinations share.

use super::answer::{Answer, Verdict, http_date, retry_after};
use crate::http::{self, CaFileError, root_cause};
use crate::outbox::Outcome;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::time::Duration;

/// Longest time one post may take. Below Kafka's session timeout (6 s): a replica that lost its partitions has no
/// post on the wire that another replica may be making (design section 2).
pub const POST_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest time for a connection; the rest is left for the answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Bytes of an answer that are read. Error words stand at its beginning; Slack's Web API sends the whole message back,
/// and an answer that is cut is no JSON.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Idle connections kept per host: destinations post one at a time by default.
const IDLE_PER_HOST_MAX: usize = 4;

/// How requests leave.
#[derive(Debug, Clone, Default)]
pub struct HttpSettings {
    /// Proxy for every request, which may name a user and a password; without it HTTPS_PROXY, HTTP_PROXY and NO_PROXY
    /// decide.
    pub proxy: Option<SecretString>,
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
    #[error("outgoing: {0}\nhint: it must be a PEM file this user can read")]
    CaFile(String),
    /// Anything else.
    #[error("cannot make the HTTP client: {0}")]
    Client(reqwest::Error),
}

impl From<CaFileError> for HttpError {
    fn from(error: CaFileError) -> Self {
        Self::CaFile(error.to_string())
    }
}

/// The HTTP client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
}

impl Http {
    /// Makes the client.
    pub fn new(settings: &HttpSettings) -> Result<Self, HttpError> {
        let mut builder = http::builder(settings.ca_file.as_deref())?
            .timeout(POST_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            // A webhook that moved is a wrong URL; following would post row data to somebody the config does not name.
            .redirect(reqwest::redirect::Policy::none());
        if settings.direct {
            builder = builder.no_proxy();
        }
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(
                reqwest::Proxy::all(proxy.expose_secret()).map_err(|error| HttpError::Proxy(root_cause(&error)))?,
            );
        }
        Ok(Self { client: builder.build().map_err(HttpError::Client)? })
    }

    /// Makes a request. `Err` is a verdict already: no answer came.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Answer, Verdict> {
        let mut map = HeaderMap::new();
        for (name, value) in &call.headers {
            // Bytes: a destination's name, which is part of `webhook-id`, may be written in any script.
            let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
                Verdict::new(Outcome::Blocked, format!("the header {name} holds characters HTTP refuses"))
            })?;
            value.set_sensitive(true);
            map.insert(HeaderName::from_static(name), value);
        }
        let url = call.url.expose_secret();
        let request = match call.body {
            Some(body) => {
                map.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
                self.client.post(url).body(body)
            }
            None => self.client.get(url),
        };
        let request = request.headers(map).timeout(call.within);
        let response = request.send().await.map_err(|error| no_answer(&error, call.within))?;
        let status = response.status().as_u16();
        let retry_after = retry_after_of(response.headers());
        match http::body(response, call.answer_bytes_max).await {
            Ok(body) => Ok(Answer { status, retry_after, body: String::from_utf8_lossy(&body.bytes).into_owned() }),
            // A refusal is a refusal without its words; an acceptance may hide one in them.
            Err(_) if !(200..300).contains(&status) => Ok(Answer { status, retry_after, body: String::new() }),
            Err(_) => Err(Verdict::new(Outcome::Unknown, format!("HTTP {status}, but its body never came"))),
        }
    }
}

/// One request.
pub(super) struct Call<'a> {
    pub(super) url: &'a SecretString,
    pub(super) headers: Vec<(&'static str, String)>,
    /// JSON to post; without one it is a GET.
    pub(super) body: Option<String>,
    /// Longest time for it, [`POST_TIMEOUT`] at most.
    pub(super) within: Duration,
    /// Bytes of the answer that are read.
    pub(super) answer_bytes_max: usize,
}

impl<'a> Call<'a> {
    pub(super) fn post(url: &'a SecretString, body: String) -> Self {
        let (within, answer_bytes_max) = (POST_TIMEOUT, ANSWER_BYTES_MAX);
        Self { url, headers: Vec::new(), body: Some(body), within, answer_bytes_max }
    }
}

/// A date is compared with the service's own clock where it tells it: ours may be wrong.
fn retry_after_of(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let now_s = text(DATE).and_then(http_date).unwrap_or_else(|| jiff::Timestamp::now().as_second());
    retry_after(text(RETRY_AFTER)?, now_s)
}

/// A request that got no answer: was it written, and so perhaps accepted?
fn no_answer(error: &reqwest::Error, within: Duration) -> Verdict {
    if error.is_builder() {
        return Verdict::new(Outcome::Blocked, "the URL of this destination is not one that HTTP can use");
    }
    // The error's own text holds the URL, which is a secret.
    let cause = root_cause(error);
    if error.is_connect() {
        return Verdict::new(Outcome::Retry { after: None }, format!("no connection: {cause}"));
    }
    if error.is_timeout() {
        return Verdict::new(Outcome::Unknown, format!("no answer within {:.1} s", within.as_secs_f64()));
    }
    Verdict::new(Outcome::Unknown, format!("the connection broke before the answer: {cause}"))
}
