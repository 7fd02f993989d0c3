//! What is asked of a registry, and what its answers mean.

use crate::change::{SCHEMA_BYTES_MAX, Schema, SchemaId};
use crate::http::{self, root_cause};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use url::Url;

/// Longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of an answer that are read: the longest schema, its quotes escaped.
const ANSWER_BYTES_MAX: usize = SCHEMA_BYTES_MAX + SCHEMA_BYTES_MAX / 4;
/// Schemas that one may refer to, directly and through others.
const REFERENCES_MAX: usize = 256;

/// Where the registry is, and who asks.
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// Base URLs, the preferred one first; they may name a user and a password.
    pub urls: Vec<SecretString>,
    /// Who asks.
    pub credentials: Credentials,
    /// PEM file with further certificate authorities.
    pub ca_file: Option<PathBuf>,
}

impl RegistrySettings {
    /// Does the same go to the same URLs? Files are compared by their names.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |a: &SecretString, b: &SecretString| a.expose_secret() == b.expose_secret();
        let credentials = match (&self.credentials, &other.credentials) {
            (Credentials::None, Credentials::None) => true,
            (Credentials::Basic { username: a, password }, Credentials::Basic { username: b, password: other }) => {
                a == b && same(password, other)
            }
            (Credentials::Bearer(a), Credentials::Bearer(b)) => same(a, b),
            _ => false,
        };
        let urls = self.urls.len() == other.urls.len() && self.urls.iter().zip(&other.urls).all(|(a, b)| same(a, b));
        credentials && urls && self.ca_file == other.ca_file
    }
}

/// How requests say who they come from.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Not at all, or by user and password in the URL.
    #[default]
    None,
    /// Basic auth.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: SecretString,
    },
    /// Bearer token.
    Bearer(SecretString),
}

/// Why a registry could not say what an id stands for. Never holds credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The settings are wrong.
    #[error("schema registry: {0}")]
    Settings(String),
    /// No URL answered.
    #[error("schema registry does not answer: {0}")]
    Unreachable(String),
}

/// What a registry said of an id.
pub(super) enum Answered {
    Schema(Schema),
    Unknown(String),
}

#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    bases: Vec<Url>,
    credentials: Credentials,
    /// The base that answered last: asked first.
    preferred: AtomicUsize,
}

/// An answer as Confluent's API has it.
#[derive(Deserialize)]
struct Written {
    schema: String,
    #[serde(rename = "schemaType")]
    kind: Option<String>,
    #[serde(default)]
    references: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct Reference {
    subject: String,
    version: serde_json::Number,
}

/// An error as both APIs have it.
#[derive(Deserialize)]
struct Refusal {
    error_code: Option<i64>,
}

/// One base's word.
enum Word<T> {
    Is(T),
    /// The registry knows nothing of that name.
    Unknown,
    /// This path means nothing here: not a registry, or another API of it.
    NoSuchPath,
}

/// A body, and the artifact type of Apicurio's own API.
struct Body {
    bytes: Vec<u8>,
    kind: Option<String>,
}

impl Client {
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let wrong = |what: String| RegistryError::Settings(what);
        if settings.urls.is_empty() {
            return Err(wrong("no URL is configured".to_owned()));
        }
        let parse = |text: &SecretString| {
            let mut url =
                Url::parse(text.expose_secret()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
            let path = format!("{}/", url.path().trim_end_matches('/'));
            url.set_path(&path);
            Some(url)
        };
        // The text may hold a password, so it is not repeated.
        let bases = settings.urls.iter().map(parse).collect::<Option<Vec<_>>>();
        let bases = bases.ok_or_else(|| wrong("a URL that is none; write it like http://registry:8081".to_owned()))?;
        let builder = http::builder(settings.ca_file.as_deref()).map_err(|error| wrong(error.to_string()))?;
        let http = builder
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Client { http, bases, credentials: settings.credentials.clone(), preferred: AtomicUsize::new(0) })
    }

    /// Asks one base after the other.
    pub async fn schema(&self, id: &SchemaId) -> Result<Answered, RegistryError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        let mut unknown = false;
        for at in (0..self.bases.len()).map(|at| (first + at) % self.bases.len()) {
            let base = &self.bases[at];
            match self.ask(base, id).await {
                Ok(Word::Is(answered)) => {
                    self.preferred.store(at, Ordering::Relaxed);
                    return Ok(answered);
                }
                // Another may know it: replicas lag.
                Ok(Word::Unknown) => unknown = true,
                Ok(Word::NoSuchPath) => failures.push(format!("{}: no schema registry's API there", host(base))),
                Err(failure) => failures.push(format!("{}: {failure}", host(base))),
            }
        }
        // One that cannot be asked might know it.
        match unknown && failures.is_empty() {
            true => Ok(Answered::Unknown("the registry does not know it".to_owned())),
            false => Err(RegistryError::Unreachable(failures.join("; "))),
        }
    }

    /// The latest schema of a subject, by Confluent's API; `None` where the registry has no such subject.
    pub async fn latest(&self, subject: &str) -> Result<Option<Schema>, RegistryError> {
        let subject: String = url::form_urlencoded::byte_serialize(subject.as_bytes()).collect();
        let path = format!("subjects/{}/versions/latest", subject.replace('+', "%20"));
        let mut failures = Vec::new();
        for base in &self.bases {
            match self.get(base, &path).await {
                Ok(Word::Is(body)) => match self.confluent(base, &body).await {
                    Ok(Answered::Schema(schema)) => return Ok(Some(schema)),
                    Ok(Answered::Unknown(_)) => return Ok(None),
                    Err(failure) => failures.push(format!("{}: {failure}", host(base))),
                },
                Ok(Word::Unknown | Word::NoSuchPath) => return Ok(None),
                Err(failure) => failures.push(format!("{}: {failure}", host(base))),
            }
        }
        Err(RegistryError::Unreachable(failures.join("; ")))
    }

    async fn ask(&self, base: &Url, id: &SchemaId) -> Result<Word<Answered>, String> {
        let own = own_api(base);
        let (confluent, apicurio) = match id {
            SchemaId::Guid(_) => (Some(format!("schemas/guids/{}", id.word())), None),
            SchemaId::Id(number) => (Some(format!("schemas/ids/{number}")), Some(format!("ids/contentIds/{number}"))),
            SchemaId::Global(number) => (None, Some(format!("ids/globalIds/{number}"))),
            SchemaId::Content(number) => (None, Some(format!("ids/contentIds/{number}"))),
        };
        let mut word = Word::NoSuchPath;
        if let Some(path) = confluent.filter(|_| !own.is_base) {
            word = match self.get(base, &path).await? {
                Word::Is(body) => return self.confluent(base, &body).await.map(Word::Is),
                Word::Unknown => Word::Unknown,
                Word::NoSuchPath => Word::NoSuchPath,
            };
        }
        // Confluent's ids need no second opinion where Confluent's API answered.
        if let (Word::NoSuchPath, Some(path)) = (&word, apicurio) {
            for (base, dereferenced) in &own.bases {
                match self.get(base, &format!("{path}?{dereferenced}")).await? {
                    Word::Is(body) => return Ok(Word::Is(own_answer(&body))),
                    Word::Unknown => word = Word::Unknown,
                    Word::NoSuchPath => {}
                }
            }
        }
        Ok(word)
    }

    /// A schema as Confluent's API writes it, and all that it refers to.
    async fn confluent(&self, base: &Url, body: &Body) -> Result<Answered, String> {
        let read = |body: &Body| {
            serde_json::from_slice::<Written>(&body.bytes).map_err(|_| "an answer that is no schema".to_owned())
        };
        let root = read(body)?;
        // Depth first, what others need before them.
        let mut texts: Vec<String> = Vec::new();
        let mut seen: Vec<(String, String)> = Vec::new();
        let mut open: Vec<(Reference, bool)> = open_references(root.references);
        let mut closed: Vec<String> = Vec::new();
        while let Some((reference, expanded)) = open.pop() {
            if expanded {
                texts.extend(closed.pop());
                continue;
            }
            let name = (reference.subject.clone(), reference.version.to_string());
            if seen.contains(&name) {
                continue;
            }
            if seen.len() == REFERENCES_MAX {
                return Ok(Answered::Unknown(format!("it refers to more than {REFERENCES_MAX} others")));
            }
            let subject: String = url::form_urlencoded::byte_serialize(name.0.as_bytes()).collect();
            let path = format!("subjects/{}/versions/{}", subject.replace('+', "%20"), name.1);
            let written = match self.get(base, &path).await? {
                Word::Is(body) => read(&body)?,
                _ => return Ok(Answered::Unknown("it refers to a schema that the registry does not know".to_owned())),
            };
            seen.push(name);
            closed.push(written.schema);
            open.push((reference, true));
            open.extend(open_references(written.references));
        }
        let references: Vec<&str> = texts.iter().map(String::as_str).collect();
        Ok(match Schema::parse(root.kind.as_deref(), &root.schema, &references) {
            Ok(schema) => Answered::Schema(schema),
            Err(error) => Answered::Unknown(error.to_string()),
        })
    }

    async fn get(&self, base: &Url, path: &str) -> Result<Word<Body>, String> {
        let url = base.join(path).map_err(|error| error.to_string())?;
        let request =
            self.http.get(url).header("accept", "application/vnd.schemaregistry.v1+json, application/json, */*");
        let request = match &self.credentials {
            Credentials::None => request,
            Credentials::Basic { username, password } => request.basic_auth(username, Some(password.expose_secret())),
            Credentials::Bearer(token) => request.bearer_auth(token.expose_secret()),
        };
        let response = request.send().await.map_err(|error| root_cause(&error))?;
        let status = response.status();
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let kind = header("x-registry-artifacttype");
        let body = http::body(response, ANSWER_BYTES_MAX).await.map_err(|error| root_cause(&error))?;
        if body.cut {
            return Err(format!("an answer of more than {ANSWER_BYTES_MAX} bytes"));
        }
        let bytes = body.bytes;
        if status.is_success() {
            return Ok(Word::Is(Body { bytes, kind }));
        }
        // Any web server answers 404; a registry says in JSON what it did not find.
        if status.as_u16() == 404 {
            let refusal = serde_json::from_slice::<Refusal>(&bytes).ok().and_then(|refusal| refusal.error_code);
            return Ok(if matches!(refusal, Some(code) if code != 404 || !is_no_path(&bytes)) {
                Word::Unknown
            } else {
                Word::NoSuchPath
            });
        }
        Err(format!("HTTP {}", status.as_u16()))
    }
}

/// Confluent's word for a path that it does not have is `{"error_code":404,"message":"HTTP 404 Not Found"}`.
fn is_no_path(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains("HTTP 404 Not Found")
}

fn open_references(references: Option<Vec<Reference>>) -> Vec<(Reference, bool)> {
    // A stack: the first reference has to lie on top.
    references.into_iter().flatten().rev().map(|reference| (reference, false)).collect()
}

/// Where Apicurio's own API is.
struct OwnApi {
    /// The configured URL is that of the own API itself.
    is_base: bool,
    /// Its URLs, and how each is asked to put referred schemas in.
    bases: Vec<(Url, &'static str)>,
}

fn own_api(base: &Url) -> OwnApi {
    const V3: &str = "references=DEREFERENCE";
    const V2: &str = "dereference=true";
    let path = base.path();
    if path.contains("/apis/registry/v") {
        let word = if path.contains("/v2") { V2 } else { V3 };
        return OwnApi { is_base: true, bases: vec![(base.clone(), word)] };
    }
    let root = path.split("apis/ccompat").next().unwrap_or("/").to_owned();
    let at = |version: &str| {
        let mut url = base.clone();
        url.set_path(&format!("{root}apis/registry/{version}/"));
        url
    };
    OwnApi { is_base: false, bases: vec![(at("v3"), V3), (at("v2"), V2)] }
}

/// A schema as Apicurio's own API hands it out: its text and nothing else.
fn own_answer(body: &Body) -> Answered {
    let Ok(text) = std::str::from_utf8(&body.bytes) else {
        return Answered::Unknown("its schema is not UTF-8".to_owned());
    };
    // Version 3 does not say what kind of text it is: an Avro schema is what compiles as one.
    let kinds: &[&str] = match &body.kind {
        Some(kind) => &[kind.as_str()],
        None if text.trim_start().starts_with(['{', '[', '"']) => &["AVRO", "JSON"],
        None => &["PROTOBUF", "AVRO"],
    };
    let mut outcome = Answered::Unknown("its schema is of no known kind".to_owned());
    for kind in kinds {
        match Schema::parse(Some(kind), text, &[]) {
            Ok(schema) => return Answered::Schema(schema),
            Err(error) => outcome = Answered::Unknown(error.to_string()),
        }
    }
    outcome
}

/// Host and port: what a person needs to find the registry, and no password.
fn host(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        _ => "the URL".to_owned(),
    }
}
