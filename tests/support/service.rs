//! The service itself, in this process.

use super::broker::{Broker, GROUP, LISTINGS};
use super::receiver::Receiver;
use super::{PATIENCE, logs, until};
use rowbell::app::{self, ConfigSource, Extras, RunError, Status};
use rowbell::config::{self, Config, Report};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Part of a path that nobody may ever see.
pub const SECRET: &str = "s3cr3t-of-the-url";
/// A bot token that nobody may ever see.
pub const TOKEN: &str = "xoxb-s3cr3t-token";

/// A config: one Slack channel `ops`, and what a test adds.
pub struct Setup {
    pub destinations: String,
    pub rules: String,
    pub more: String,
    pub topics: String,
    /// How long the group waits for a replica that says nothing.
    pub session: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            destinations: String::new(),
            rules: "  - { name: price, table: public.listings, columns: [price], to: [ops] }\n".to_owned(),
            more: String::new(),
            topics: LISTINGS.to_owned(),
            // A machine that is busy is not dead. The mock cluster waits about as long for each rebalance.
            session: Duration::from_secs(10),
        }
    }
}

impl Setup {
    /// A channel `floor` beside `ops`, and a rule that leads to both.
    pub fn with_floor() -> Self {
        Self {
            destinations:
                "  floor: { slack: { webhook_url: \"http://RECEIVER/slack/floor\" }, rate: 1000/s, fold: off }\n"
                    .to_owned(),
            rules: "  - { name: price, table: public.listings, columns: [price], to: [ops, floor] }\n".to_owned(),
            ..Self::default()
        }
    }

    /// The config as `rowbell run` would load it. Posts are not held back, nor folded, unless a test says so.
    pub fn config(&self, broker: &Broker, receiver: &Receiver) -> Config {
        let text = self.text(broker, receiver, free_address(), free_address());
        let parsed = config::parse(&text, Report::new("test.yaml"), &|_| None);
        let (mut config, _) = parsed.unwrap_or_else(|report| panic!("{report}\n{text}"));
        config.http.direct = config.http.proxy.is_none();
        config
    }

    fn text(&self, broker: &Broker, receiver: &Receiver, listen: SocketAddr, admin: SocketAddr) -> String {
        let (brokers, address) = (&broker.brokers, receiver.address);
        let Self { destinations, rules, more, topics, session } = self;
        let session_ms = session.as_millis();
        format!(
            r#"
kafka:
  brokers: "{brokers}"
  group: {GROUP}
  topics: ["{topics}"]
  start: earliest
  properties: {{ session.timeout.ms: "{session_ms}" }}
tables:
  public.listings:
    name: Listing
    title: "{{{{ row.title }}}}"
    link: "https://shop.example/listings/{{{{ row.id }}}}"
    replica_identity: full
    columns: {{ price: {{ type: decimal }}, prod_stk_qty: {{ label: Stock quantity }} }}
destinations:
  ops:
    slack: {{ webhook_url: "http://{address}/slack/ops/{SECRET}" }}
    rate: 1000/s
    burst: 10
    fold: off
{destinations}
rules:
{rules}
http: {{ listen: "{listen}", admin: "{admin}" }}
{more}
"#
        )
        .replace("RECEIVER", &address.to_string())
    }
}

/// A config file that a service reads, and reads again.
pub struct ConfigFile {
    pub path: PathBuf,
    pub folder: tempfile::TempDir,
    listen: SocketAddr,
    pub admin: SocketAddr,
    brokers: String,
}

impl ConfigFile {
    /// A file in a folder of its own.
    pub fn new(setup: &Setup, broker: &Broker, receiver: &Receiver) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rowbell.yaml");
        let file =
            Self { path, folder, listen: free_address(), admin: free_address(), brokers: broker.brokers.clone() };
        file.write(setup, broker, receiver);
        file
    }

    /// The same elsewhere.
    pub fn at(self, path: PathBuf) -> Self {
        Self { path, ..self }
    }

    /// What the file says then; the addresses stay.
    pub fn text(&self, setup: &Setup, broker: &Broker, receiver: &Receiver) -> String {
        assert_eq!(self.brokers, broker.brokers, "one file, one broker");
        setup.text(broker, receiver, self.listen, self.admin)
    }

    /// Replaces the file, as editors do.
    pub fn write(&self, setup: &Setup, broker: &Broker, receiver: &Receiver) {
        self.write_text(&self.text(setup, broker, receiver));
    }

    pub fn write_text(&self, text: &str) {
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, text).expect("it can be written");
        std::fs::rename(&draft, &self.path).expect("it can be replaced");
    }
}

/// Ports below those that the system gives to whoever asks for any: nobody takes one between its test and its use.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// An address that is free now, and when the service takes it.
fn free_address() -> SocketAddr {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(PORTS.end - PORTS.start);
    // Other test processes begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let step = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % span;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, PORTS.start + step as u16));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// The running service.
pub struct Service {
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    pub status: watch::Receiver<Status>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), RunError>>,
}

impl Service {
    /// Starts it.
    pub fn start(config: Config) -> Self {
        Self::start_with(config, None)
    }

    /// Starts it as `rowbell run -c` does: it reads the file again.
    pub fn start_from(file: &ConfigFile) -> Self {
        let (mut config, report) = config::load(&file.path).unwrap_or_else(|report| panic!("{report}"));
        config.http.direct = true;
        Self::start_with(config, Some(ConfigSource { path: file.path.clone(), files: report.files }))
    }

    fn start_with(config: Config, source: Option<ConfigSource>) -> Self {
        logs::keep();
        let listen = config.listen;
        let admin = config.admin.as_ref().expect("an admin address").listen;
        let (stop, stopped) = oneshot::channel();
        let (shows, status) = watch::channel(Status::default());
        let extras = Extras { status: Some(shows), embedded_broker: true, source, ..Extras::default() };
        let stop_future = async {
            // A test that ends early stops its service, too.
            let _ = stopped.await;
        };
        let running = tokio::spawn(app::run(config, extras, stop_future));
        Self { listen, admin, status, stop, running }
    }

    /// Waits until it has its partitions.
    pub async fn until_ready(&self) {
        until("readiness", async || (self.get("/readyz").await?.0 == 200).then_some(())).await;
    }

    /// Asks it to stop and waits for the end.
    pub async fn stop(self) -> Result<(), RunError> {
        self.stop.send(()).expect("it runs");
        self.running.await.expect("no panic")
    }

    /// Waits until it ends by itself.
    pub async fn ended(self) -> Result<(), RunError> {
        let ended = tokio::time::timeout(PATIENCE, self.running).await;
        ended.expect("it ends in time").expect("no panic")
    }

    /// Asks it to stop; the end is awaited elsewhere.
    pub fn begin_to_stop(self) -> JoinHandle<Result<(), RunError>> {
        self.stop.send(()).expect("it runs");
        self.running
    }

    /// Status and body of a page; nothing while nobody listens.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        request(self.listen, "GET", path).await
    }

    /// Asks or tells the running service.
    pub async fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let (status, body) = request(self.admin, method, path).await.expect("an answer");
        let answer = if body.is_empty() { "null" } else { &body };
        (status, serde_json::from_str(answer).unwrap_or_else(|_| panic!("no JSON: {body}")))
    }

    /// What the running service says of itself.
    pub async fn shown(&self) -> Value {
        self.ask("GET", "/status").await.1
    }

    /// Waits until the running service says something that fits.
    pub async fn until_shown<T>(&self, what: &str, fits: impl Fn(&Value) -> Option<T>) -> T {
        until(what, async || fits(&self.shown().await)).await
    }

    /// The value of a metric, by its whole name with labels.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.get("/metrics").await?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line?.parse().ok()
    }

    /// Waits until a metric has a value that fits.
    pub async fn until_metric(&self, name: &str, fits: impl Fn(f64) -> bool) {
        until(name, async || self.metric(name).await.filter(|value| fits(*value))).await;
    }
}

/// Status and body of an answer; nothing while nobody listens.
async fn request(address: SocketAddr, method: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
