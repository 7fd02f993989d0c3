//! The service itself, in this process.

use super::broker::{Broker, GROUP, LISTINGS};
use super::receiver::Receiver;
use super::{PATIENCE, logs, until};
use rowbell::app::{self, Extras, RunError, Status};
use rowbell::config::{self, Config, Report};
use std::net::{Ipv4Addr, SocketAddr};
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
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            destinations: String::new(),
            rules: "  - { name: price, table: public.listings, columns: [price], to: [ops] }\n".to_owned(),
            more: String::new(),
            topics: LISTINGS.to_owned(),
        }
    }
}

impl Setup {
    /// The config as `rowbell run` would load it. Posts are not held back, nor folded, unless a test says so.
    pub fn config(&self, broker: &Broker, receiver: &Receiver) -> Config {
        let (brokers, address, listen) = (&broker.brokers, receiver.address, free_address());
        let Self { destinations, rules, more, topics } = self;
        let text = format!(
            r#"
kafka: {{ brokers: "{brokers}", group: {GROUP}, topics: ["{topics}"], start: earliest }}
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
http: {{ listen: "{listen}" }}
{more}
"#
        )
        .replace("RECEIVER", &address.to_string());
        let parsed = config::parse(&text, Report::new("test.yaml"), &|_| None);
        let (mut config, _) = parsed.unwrap_or_else(|report| panic!("{report}\n{text}"));
        config.http.direct = config.http.proxy.is_none();
        config
    }
}

/// A port that is free now, and most likely when the service takes it.
fn free_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}

/// The running service.
pub struct Service {
    pub listen: SocketAddr,
    pub status: watch::Receiver<Status>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), RunError>>,
}

impl Service {
    /// Starts it.
    pub fn start(config: Config) -> Self {
        logs::keep();
        let listen = config.listen;
        let (stop, stopped) = oneshot::channel();
        let (shows, status) = watch::channel(Status::default());
        let extras = Extras { status: Some(shows), embedded_broker: true, ..Extras::default() };
        let stop_future = async {
            // A test that ends early stops its service, too.
            let _ = stopped.await;
        };
        let running = tokio::spawn(app::run(config, extras, stop_future));
        Self { listen, status, stop, running }
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
        let mut stream = tokio::net::TcpStream::connect(self.listen).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: rowbell\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
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
