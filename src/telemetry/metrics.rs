//! Prometheus metrics. Names and labels are fixed by the design (section 8); labels are bounded by the config, the
//! subscribed topics and the tables in them.

use prometheus::core::Collector;
use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Kinds of records, the label `kind`.
pub const KINDS: [&str; 9] =
    ["change", "tombstone", "heartbeat", "transaction", "schema_change", "message", "notification", "unknown", "error"];

/// From a fraction of a millisecond to the minutes that a storm takes.
const LATENCY_BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1800.0];

/// Every metric.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    records: IntCounterVec,
    /// `changes_total{table,op}`
    pub changes: IntCounterVec,
    /// `notices_total{rule}`
    pub notices: IntCounterVec,
    /// `rule_errors_total{rule}`
    pub rule_errors: IntCounterVec,
    /// `posts_total{destination,outcome}`
    pub posts: IntCounterVec,
    /// `history_looks_total{destination,result}`
    pub history_looks: IntCounterVec,
    /// `post_duration_seconds{destination}`
    pub post_duration: HistogramVec,
    /// `change_to_post_seconds{destination,priority}`
    pub change_to_post: HistogramVec,
    /// `lane_pending{destination,priority}`
    pub lane_pending: IntGaugeVec,
    /// `lane_oldest_seconds{destination}`
    pub lane_oldest: GaugeVec,
    /// `lane_wait_seconds_total{destination,reason}`
    pub lane_wait: CounterVec,
    /// `destination_up{destination}`
    pub destination_up: IntGaugeVec,
    /// `digested_changes_total{destination}`
    pub digested: IntCounterVec,
    /// `folded_changes_total{destination}`
    pub folded: IntCounterVec,
    /// `metadata_overflow_total`
    pub metadata_overflow: IntCounter,
    /// `dead_letters_total{reason}`
    pub dead_letters: IntCounterVec,
    /// `records_lost_total{topic}`
    pub records_lost: IntCounterVec,
    /// `records_reread_total{topic}`
    pub records_reread: IntCounterVec,
    /// `lane_spilled{destination}`
    pub lane_spilled: IntGaugeVec,
    /// `consumer_lag{topic,partition}`
    pub consumer_lag: IntGaugeVec,
    /// `uncommitted_records{topic,partition}`
    pub uncommitted: IntGaugeVec,
    /// `repeats_suppressed_total`
    pub repeats_suppressed: IntCounter,
    /// `registry_up`
    pub registry_up: prometheus::IntGauge,
    /// `partitions_held`
    pub partitions_held: prometheus::IntGauge,
    /// `rebalances_total`
    pub rebalances: IntCounter,
    /// `intake_paused`
    pub intake_paused: prometheus::IntGauge,
    /// `pending_bytes`
    pub pending_bytes: prometheus::IntGauge,
    /// `config_reload_success_timestamp_seconds`
    pub config_reloaded: prometheus::Gauge,
    /// `config_last_reload_successful`
    pub config_good: prometheus::IntGauge,
    /// `config_restart_needed`
    pub config_restart_needed: prometheus::IntGauge,
    /// `lane_paused{destination}`
    pub lane_paused: IntGaugeVec,
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("rowbell".to_owned()), None)?;
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(LATENCY_BUCKETS.to_vec());
            register(&registry, HistogramVec::new(options, labels)?)
        };
        let build = gauge("build_info", "Always 1; the label says which version runs.", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Ok(Self {
            records: counter("records_total", "Kafka records read.", &["topic", "kind"])?,
            changes: counter("changes_total", "Row changes read.", &["table", "op"])?,
            notices: counter("notices_total", "Changes that a rule wants posted.", &["rule"])?,
            rule_errors: counter("rule_errors_total", "Conditions and templates that failed on a change.", &["rule"])?,
            posts: counter("posts_total", "Posts made, by how they ended.", &["destination", "outcome"])?,
            history_looks: counter(
                "history_looks_total",
                "Times a Slack channel's history was asked for earlier posts: found (a post whose answer was lost), read, denied, failed.",
                &["destination", "result"],
            )?,
            post_duration: histogram("post_duration_seconds", "Time from request to answer.", &["destination"])?,
            change_to_post: histogram(
                "change_to_post_seconds",
                "Time from the commit at the source to the acceptance of the post.",
                &["destination", "priority"],
            )?,
            lane_pending: gauge("lane_pending", "Notices that wait for their post.", &["destination", "priority"])?,
            lane_oldest: register(
                &registry,
                GaugeVec::new(Opts::new("lane_oldest_seconds", "Age of the oldest pending notice."), &["destination"])?,
            )?,
            lane_wait: register(
                &registry,
                CounterVec::new(
                    Opts::new(
                        "lane_wait_seconds_total",
                        "Time in which notices were pending and nothing was posted, by reason.",
                    ),
                    &["destination", "reason"],
                )?,
            )?,
            destination_up: gauge("destination_up", "1 while the destination accepts posts.", &["destination"])?,
            digested: counter("digested_changes_total", "Changes posted as part of a digest.", &["destination"])?,
            folded: counter(
                "folded_changes_total",
                "Changes that became part of an earlier pending one of their row.",
                &["destination"],
            )?,
            metadata_overflow: register(
                &registry,
                IntCounter::with_opts(Opts::new(
                    "metadata_overflow_total",
                    "Posts that the limit of a commit's metadata left out: a crash would repeat them.",
                ))?,
            )?,
            dead_letters: counter("dead_letters_total", "Records written to the dead-letter topic.", &["reason"])?,
            records_reread: counter(
                "records_reread_total",
                "Records read again for destinations that let them go for want of memory.",
                &["topic"],
            )?,
            lane_spilled: gauge(
                "lane_spilled",
                "Pending notices that take no memory: their records are read again when it is their turn.",
                &["destination"],
            )?,
            records_lost: counter(
                "records_lost_total",
                "Records that the log no longer held when they were to be read.",
                &["topic"],
            )?,
            consumer_lag: gauge("consumer_lag", "Log end minus read position.", &["topic", "partition"])?,
            uncommitted: gauge(
                "uncommitted_records",
                "Read position minus committed offset.",
                &["topic", "partition"],
            )?,
            repeats_suppressed: register(
                &registry,
                IntCounter::with_opts(Opts::new(
                    "repeats_suppressed_total",
                    "Changes that the source had sent before, as after a crash of Kafka Connect: not posted again.",
                ))?,
            )?,
            registry_up: register(
                &registry,
                prometheus::IntGauge::with_opts(Opts::new(
                    "registry_up",
                    "1 while the schema registry answers; 0 also where none is configured.",
                ))?,
            )?,
            partitions_held: register(
                &registry,
                prometheus::IntGauge::with_opts(Opts::new(
                    "partitions_held",
                    "Partitions that wait for a schema of the registry.",
                ))?,
            )?,
            rebalances: register(
                &registry,
                IntCounter::with_opts(Opts::new("rebalances_total", "Assignments and revocations of partitions."))?,
            )?,
            intake_paused: register(
                &registry,
                prometheus::IntGauge::with_opts(Opts::new(
                    "intake_paused",
                    "1 while reading is paused at limits.pending_bytes.",
                ))?,
            )?,
            config_reloaded: register(
                &registry,
                prometheus::Gauge::with_opts(Opts::new(
                    "config_reload_success_timestamp_seconds",
                    "When the config that is in force was read.",
                ))?,
            )?,
            config_good: register(
                &registry,
                prometheus::IntGauge::with_opts(Opts::new(
                    "config_last_reload_successful",
                    "0 while the config file has mistakes: the one from before is in force.",
                ))?,
            )?,
            config_restart_needed: register(
                &registry,
                prometheus::IntGauge::with_opts(Opts::new(
                    "config_restart_needed",
                    "1 while the config file says something that only a restart puts in force.",
                ))?,
            )?,
            lane_paused: gauge("lane_paused", "1 while somebody holds the destination's posts.", &["destination"])?,
            pending_bytes: register(
                &registry,
                prometheus::IntGauge::with_opts(Opts::new("pending_bytes", "Memory held by pending records."))?,
            )?,
            registry,
        })
    }

    /// Counters of one topic, to be kept by whoever reads it.
    pub fn topic(&self, topic: &str) -> TopicCounters {
        // Shown from the start: that nothing was lost is worth a number.
        self.records_lost.with_label_values(&[topic]);
        TopicCounters { by_kind: KINDS.map(|kind| self.records.with_label_values(&[topic, kind])) }
    }

    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be written");
        }
        text
    }

    /// A destination that is no longer in the config is neither down nor late; what it was sent stays counted.
    pub fn forget_destination(&self, destination: &str) {
        // Missing is fine: it was never measured.
        let _ = self.destination_up.remove_label_values(&[destination]);
        let _ = self.lane_oldest.remove_label_values(&[destination]);
        let _ = self.lane_paused.remove_label_values(&[destination]);
        let _ = self.lane_spilled.remove_label_values(&[destination]);
        for priority in ["critical", "normal", "low"] {
            let _ = self.lane_pending.remove_label_values(&[destination, priority]);
        }
    }

    /// A partition that is no longer ours says nothing about its lag any more.
    pub fn forget_partition(&self, topic: &str, partition: i32) {
        let partition = partition.to_string();
        // Missing is fine: it was never measured.
        let _ = self.consumer_lag.remove_label_values(&[topic, &partition]);
        let _ = self.uncommitted.remove_label_values(&[topic, &partition]);
    }
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

/// `records_total` of one topic.
pub struct TopicCounters {
    by_kind: [IntCounter; KINDS.len()],
}

impl TopicCounters {
    /// Counts a record.
    pub fn count(&self, kind: &str) {
        if let Some(index) = KINDS.iter().position(|known| *known == kind) {
            self.by_kind[index].inc();
        }
    }
}
