//! `rowbell demo`: the real pipeline against an embedded broker, with a page that shows the posts arriving.
//!
//! No Kafka, no network, no config. The captured changes come first, then a small shop goes on changing. What stands
//! in for Slack and Teams refuses posts that come too fast, as they do.

mod feed;
mod generator;
mod once;
mod page;
mod receiver;

use super::{FAILED, USAGE, fail, runtime, stop_signal};
use crate::app::{self, Extras};
use crate::config::{self, Config, Report};
use crate::kafka::{EmbeddedBroker, Feeder};
use feed::Feed;
use receiver::{Options, Pace, Receiver};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The demo's config; its `${env:...}` are filled in by the demo itself.
const CONFIG: &str = include_str!("rowbell.yaml");

/// Buttons pressed and not yet acted on; more are refused by the page.
const ASKS_MAX: usize = 8;

/// Watch changes become messages: embedded broker, captured changes, a page that shows the posts
#[derive(Debug, clap::Args)]
pub struct DemoArguments {
    /// Print the captured changes' messages as text and end
    #[arg(long)]
    once: bool,

    /// Captured changes to use instead of the built-in ones (one JSON object a line)
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Port of the page on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

/// How fast the stand-ins let themselves be posted to.
struct Speed {
    slack: (&'static str, Pace),
    teams: (&'static str, Pace),
}

impl Speed {
    fn pace(period_ms: u64, burst: u32) -> Pace {
        Pace { period: Duration::from_millis(period_ms), burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN) }
    }

    /// Slack's real pace; Teams faster than its one in twelve seconds, which nobody likes to wait for.
    fn to_watch() -> Self {
        Self { slack: ("1/s", Self::pace(1000, 3)), teams: ("1/2s", Self::pace(2000, 3)) }
    }

    /// Twelve posts within a few seconds, one after the other.
    fn to_read() -> Self {
        Self { slack: ("2/s", Self::pace(500, 3)), teams: ("2/s", Self::pace(500, 3)) }
    }
}

/// Runs the demo.
pub fn demo(arguments: &DemoArguments) -> ExitCode {
    let feed = match Feed::load(arguments.events.as_deref()) {
        Ok(feed) => feed,
        Err(error) => return fail(&error, USAGE),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start threads: {error}"), FAILED),
    };
    // The broker lives on this thread: it may not move to another.
    let broker = match EmbeddedBroker::start() {
        Ok(broker) => broker,
        Err(error) => return fail(&error, FAILED),
    };
    match runtime.block_on(run(arguments, feed, &broker)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, FAILED),
    }
}

async fn run(arguments: &DemoArguments, feed: Feed, broker: &EmbeddedBroker) -> Result<(), String> {
    let speed = if arguments.once { Speed::to_read() } else { Speed::to_watch() };
    let receiver = Receiver::new(Options { slack: speed.slack.1, teams: speed.teams.1, ..Options::default() });
    // A free port for the stand-ins' routes, which live beside the page on the service's own server.
    let port = if arguments.once && arguments.port == 8080 { 0 } else { arguments.port };
    let listen = free_address(port).map_err(|error| {
        format!("cannot listen on 127.0.0.1:{port}: {error}\nhint: choose another port with --port, or --port 0 for a free one")
    })?;
    let config = config(&broker.brokers(), listen, &speed)?;
    for (topic, partitions) in feed.topics() {
        broker.create_topic(&topic, partitions).map_err(|error| error.to_string())?;
    }
    broker.create_topic(&config.dead_letter_topic, 1).map_err(|error| error.to_string())?;
    let feeder = Feeder::new(&broker.brokers()).map_err(|error| error.to_string())?;

    let (asks, asked) = mpsc::channel(ASKS_MAX);
    let (status, seen) = watch::channel(app::Status::default());
    let provider = {
        let seen = seen.clone();
        Arc::new(move || page_status(&seen.borrow()))
    };
    let routes = receiver.router().merge(page::router(Arc::clone(&receiver), provider, asks));
    let extras = Extras { routes: Some(routes), status: Some(status), embedded_broker: true, source: None };

    let (stopping, stopped) = watch::channel(false);
    let stop = async move {
        let mut stopped = stopped;
        tokio::select! {
            () = stop_signal() => {}
            // The sender is gone: the demo has ended.
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    };
    let show = async {
        let shown = if arguments.once {
            once::show(&feed, &feeder, &receiver, seen).await
        } else {
            welcome(listen);
            feed.play(&feeder, asked).await
        };
        receiver.close();
        stopping.send_replace(true);
        shown
    };
    let closing = Arc::clone(&receiver);
    let service = async {
        let ended = app::run(config, extras, stop).await;
        closing.close();
        ended.map_err(|error| error.to_string())
    };
    tokio::select! {
        biased;
        ended = service => ended,
        shown = async { let shown = show.await; std::future::pending::<()>().await; shown } => shown,
    }
}

fn config(brokers: &str, listen: SocketAddr, speed: &Speed) -> Result<Config, String> {
    let env = |name: &str| {
        Some(match name {
            "BROKERS" => brokers.to_owned(),
            "SLACK_URL" => format!("http://{listen}/slack/services/DEMO/ops"),
            "TEAMS_URL" => format!("http://{listen}/teams/workflows/floor"),
            "SLACK_RATE" => speed.slack.0.to_owned(),
            "TEAMS_RATE" => speed.teams.0.to_owned(),
            _ => return None,
        })
    };
    let (mut config, _) =
        config::parse(CONFIG, Report::new("demo/rowbell.yaml"), &env).map_err(|report| report.to_string())?;
    config.listen = listen;
    config.admin = None;
    // Everything is on this machine, whatever proxy the environment names.
    config.http.direct = true;
    Ok(config)
}

/// Finds out the port before the config names it. Somebody else may take it in between; then listening says so.
fn free_address(port: u16) -> std::io::Result<SocketAddr> {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    std::net::TcpListener::bind(address)?.local_addr()
}

fn welcome(listen: SocketAddr) {
    anstream::println!("Rowbell's demo runs: no Kafka, no network, nothing to configure.");
    anstream::println!();
    anstream::println!("  Open  http://{listen}/  and watch row changes become Slack and Teams messages.");
    anstream::println!();
    anstream::println!(
        "  There: change a price, sell out, take Slack down and bring it back. While it is down nothing is lost:"
    );
    anstream::println!("  the committed offset waits for the post, and other destinations go on.");
    anstream::println!("  Metrics: http://{listen}/metrics    End: Ctrl-C");
    anstream::println!();
}

fn page_status(status: &app::Status) -> page::Status {
    page::Status {
        lanes: status
            .lanes
            .iter()
            .map(|lane| page::LaneStatus {
                destination: lane.destination.clone(),
                kind: lane.kind.to_owned(),
                pending: page::PendingStatus {
                    critical: lane.pending[0] as u64,
                    normal: lane.pending[1] as u64,
                    low: lane.pending[2] as u64,
                },
                in_flight: lane.in_flight as u64,
                waiting: lane.waiting.map(|(reason, until_ms)| page::WaitingStatus {
                    reason: reason.to_owned(),
                    until_ms: Some(until_ms),
                }),
                delivered: lane.delivered,
                retried: lane.retried,
            })
            .collect(),
        partitions: status
            .partitions
            .iter()
            .map(|partition| page::PartitionStatus {
                topic: partition.topic.clone(),
                partition: partition.partition,
                position: partition.position,
                committed: Some(partition.committed),
                held_by: partition.held_by.clone(),
            })
            .collect(),
    }
}
