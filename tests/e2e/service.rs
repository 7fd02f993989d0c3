//! The binary under test, as a process of its own.

use crate::receiver::Receiver;
use crate::stack::Stack;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long the service may take until it is ready.
const READY: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Settings {
    pub group: String,
    pub instance_id: Option<&'static str>,
    /// `kafka.topics`; the first is a name.
    pub topics: &'static [&'static str],
}

impl Settings {
    /// A group of its own for each run, which begins at the log's end.
    pub fn named(name: &str) -> Self {
        Self {
            group: format!("rowbell-e2e-{name}-{}", std::process::id()),
            instance_id: None,
            topics: &["shop.public.listings", r"^store\..*listings"],
        }
    }
}

pub struct Service {
    child: Child,
    http: SocketAddr,
    log: PathBuf,
    pub config: PathBuf,
}

impl Service {
    /// Starts the service and waits until it has its partitions.
    pub fn start(stack: &Stack, receiver: &Receiver, settings: Settings) -> Self {
        let topic = format!("topic=\"{}\"", settings.topics[0]);
        let service = Self::start_unready(stack, receiver, settings);
        let deadline = Instant::now() + READY;
        loop {
            if service.get("/readyz").is_some_and(|answer| answer.contains(" 200 "))
                && service.get("/metrics").is_some_and(|text| text.contains(&topic))
            {
                return service;
            }
            assert!(Instant::now() < deadline, "not ready; its log:\n{}", service.log());
        }
    }

    pub fn start_unready(stack: &Stack, receiver: &Receiver, settings: Settings) -> Self {
        let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&settings.group);
        std::fs::create_dir_all(&folder).unwrap();
        let (config, log) = (folder.join("rowbell.yaml"), folder.join("rowbell.log"));
        std::fs::write(&config, config_text(stack, receiver, &settings, http)).unwrap();
        let output = File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rowbell"))
            .args(["run", "-c"])
            .arg(&config)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, http, log, config }
    }

    /// Until the service has taken note of an accepted Slack post.
    pub fn wait_delivered(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let wanted = "rowbell_posts_total{destination=\"ops\",outcome=\"delivered\"} ";
        while !self.get("/metrics").is_some_and(|text| text.contains(wanted)) {
            assert!(Instant::now() < deadline, "no delivered post in the metrics; its log:\n{}", self.log());
        }
    }

    /// The sum of a metric over its labels; nothing while nobody answers.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics")?;
        let lines = text.lines().filter(|line| line.starts_with(name));
        Some(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
    }

    pub fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit code.
    pub fn terminate(&mut self, patience: Duration) -> Option<i32> {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end; its log:\n{}", self.log());
            std::thread::yield_now();
        }
    }

    fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect_timeout(&self.http, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: rowbell\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the service's log:\n{}", self.log());
        }
    }
}

fn config_text(stack: &Stack, receiver: &Receiver, settings: &Settings, http: SocketAddr) -> String {
    let instance = settings.instance_id.map_or(String::new(), |id| format!("  instance_id: {id}\n"));
    format!(
        r#"kafka:
  brokers: "{brokers}"
  group: {group}
  topics: {topics:?}
{instance}schema_registry: {{ url: ["http://127.0.0.1:9/nobody", "{registry}"] }}
tables:
  "*.listings":
    name: Listing
    title: "{{{{ row.title }}}}"
    link: "https://shop.example/listings/{{{{ row.id }}}}"
    ignore: [updated_at]
    columns:
      prod_stk_qty: {{ label: Stock quantity }}
      price: {{ label: Price, format: currency, currency: "{{{{ row.currency }}}}", type: decimal }}
destinations:
  ops:
    slack: {{ webhook_url: "http://{receiver}/slack" }}
    rate: 20/s
    fold: off
  floor:
    teams: {{ workflow_url: "http://{receiver}/teams" }}
    rate: 20/s
    fold: off
rules:
  - name: out-of-stock
    table: public.listings
    columns: [prod_stk_qty]
    when: before.prod_stk_qty > 0 and after.prod_stk_qty == 0
    priority: critical
    to: [ops, floor]
    headline: "{{{{ row.title }}}} is out of stock"
    mention: here
  - name: price
    table: "*.listings"
    columns: [price]
    to: [ops, floor]
http: {{ listen: "{http}" }}
"#,
        brokers = stack.brokers(),
        topics = settings.topics,
        registry = stack.env["ROWBELL_REGISTRY"],
        group = settings.group,
        receiver = receiver.address,
    )
}
