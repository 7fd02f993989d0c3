//! The release binary: its config, and its replicas as processes to be killed, stopped and woken.

use crate::feed::Topic;
use crate::receiver::Receiver;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// Who takes posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Slack,
    Teams,
    Webhook,
}

/// What every replica of a group is told.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Names the group, and the folder of configs and logs.
    pub name: String,
    pub topics: Vec<String>,
    /// Static membership.
    pub is_static: bool,
    /// KIP-848.
    pub is_next_protocol: bool,
    /// `kafka.properties`, beside the protocol's.
    pub properties: String,
    /// One each: name, kind, further settings.
    pub destinations: Vec<(&'static str, Kind, String, Receiver)>,
    /// Beside the rules that tell every change everywhere.
    pub rules: String,
    /// `limits:`
    pub limits: String,
}

/// Every change is one post, as fast as it goes.
pub const SINGLY: &str = "rate: 500/s, burst: 10, fold: off, digest: off";

impl Setup {
    /// One Slack channel that takes every change singly.
    pub fn new(name: &str, topics: &[Topic], receiver: &Receiver) -> Self {
        Self {
            name: format!("{name}-{}", std::process::id()),
            topics: topics.iter().map(|topic| topic.name.clone()).collect(),
            is_static: false,
            is_next_protocol: false,
            properties: String::new(),
            destinations: vec![("ops", Kind::Slack, SINGLY.to_owned(), receiver.clone())],
            rules: String::new(),
            limits: "{}".to_owned(),
        }
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("crash").join(&self.name)
    }

    fn config(&self, replica: &str) -> String {
        let mut text = format!(
            "kafka:\n  brokers: \"{}\"\n  group: rowbell-{}\n  topics: {:?}\n  start: earliest\n",
            brokers(),
            self.name,
            self.topics,
        );
        if self.is_static {
            text += &format!("  instance_id: {replica}\n");
        }
        let protocol = if self.is_next_protocol { "group.protocol: consumer, " } else { "" };
        text += &format!("  properties: {{ {protocol}{} }}\n", self.properties);
        text += "destinations:\n";
        for (name, kind, settings, Receiver { address, .. }) in &self.destinations {
            let target = match kind {
                Kind::Slack => "slack: { webhook_url: ",
                Kind::Teams => "teams: { workflow_url: ",
                Kind::Webhook => "webhook: { url: ",
            };
            // By its path the receiver knows who posts.
            text += &format!("  {name}: {{ {target}\"http://{address}/{replica}\" }}, {settings} }}\n");
        }
        let names: Vec<_> = self.destinations.iter().map(|(name, ..)| *name).collect();
        text += &format!(
            "rules:\n  - {{ name: all, table: public.listings, to: {names:?}, headline: \"told {{{{ row.note }}}}\" }}\n{}\
             limits: {}\nhttp: {{ listen: \"127.0.0.1:0\" }}\n",
            self.rules, self.limits,
        );
        text
    }

    /// Starts a replica; the same name is the same replica again.
    pub fn start(&self, replica: &str) -> Replica {
        let folder = self.folder();
        std::fs::create_dir_all(&folder).unwrap();
        let (config, log) = (folder.join(format!("{replica}.yaml")), folder.join(format!("{replica}.log")));
        std::fs::write(&config, self.config(replica)).unwrap();
        let output = File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_rowbell"))
            .args(["run", "-c"])
            .arg(&config)
            .env("RUST_LOG", std::env::var("ROWBELL_CRASH_LOG").unwrap_or_else(|_| "info".to_owned()))
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Replica { name: replica.to_owned(), log, child }
    }
}

/// One process; killed when it is dropped.
#[derive(Debug)]
pub struct Replica {
    pub name: String,
    log: PathBuf,
    child: Child,
}

impl Replica {
    /// kill -9, and gone when this returns.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM: it drains and ends.
    pub fn ask_to_end(&self) {
        self.signal("TERM");
    }

    /// How it ended.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} does not end; its log: {}", self.name, self.log.display());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// SIGSTOP: it stands still, and knows nothing of it.
    pub fn stop(&self) {
        self.signal("STOP");
    }

    /// SIGCONT.
    pub fn wake(&self) {
        self.signal("CONT");
    }

    /// Ended, though nobody asked it to?
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // Ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the log of {}: {}", self.name, self.log.display());
        }
    }
}

/// Where Kafka is.
pub fn brokers() -> String {
    std::env::var("ROWBELL_KAFKA").expect("no Kafka named by ROWBELL_KAFKA; hint: make e2e-crash")
}
