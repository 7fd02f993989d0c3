//! librdkafka's properties: what Rowbell sets, what the user may, and what nobody but Rowbell must.

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Properties that Rowbell's guarantees rest on; setting them in `kafka.properties` is an error.
/// The second word says what to use instead.
pub const OWNED_PROPERTIES: &[(&str, &str)] = &[
    ("bootstrap.servers", "kafka.brokers"),
    ("metadata.broker.list", "kafka.brokers"),
    ("group.id", "kafka.group"),
    ("group.instance.id", "kafka.instance_id"),
    ("enable.auto.commit", "nothing: an offset is committed when its posts were accepted"),
    ("enable.auto.offset.store", "nothing: an offset is committed when its posts were accepted"),
    ("auto.offset.reset", "kafka.start"),
    ("partition.assignment.strategy", "nothing: Rowbell needs cooperative-sticky"),
    ("enable.partition.eof", "nothing: Rowbell does not use it"),
    ("topic.blacklist", "nothing: Rowbell keeps out its own topics"),
    ("auto.commit.enable", "nothing: an offset is committed when its posts were accepted"),
    ("acks", "nothing: dead letters need acks=all"),
    ("request.required.acks", "nothing: dead letters need acks=all"),
    ("enable.idempotence", "nothing: dead letters are written once"),
    ("statistics.interval.ms", "nothing: the lag metrics need it"),
];

/// Memory for records that librdkafka fetched ahead. Its default, 64 MiB, is most of what the whole service needs.
const FETCHED_AHEAD_KBYTES: &str = "16384";

/// Compressed bytes asked for per partition and in all. Rows compress well: what unpacks from librdkafka's default of
/// 1 MiB a partition fills its memory for nothing. A larger record is still delivered, alone.
const FETCH_PARTITION_BYTES: &str = "262144";
const FETCH_BYTES: &str = "4194304";

/// Where a group without a committed offset begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the log's end.
    Latest,
    /// At the log's start.
    Earliest,
}

/// How to reach Kafka, and what to read.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port,...`
    pub brokers: String,
    /// Consumer group.
    pub group: String,
    /// Literal names, or regexes that start with `^`.
    pub topics: Vec<String>,
    /// Where a group without a committed offset begins.
    pub start: Start,
    /// Static membership.
    pub instance_id: Option<String>,
    /// The user's librdkafka properties.
    pub properties: Vec<(String, String)>,
    /// Rowbell's own topics, which no regex may match.
    pub own_topics: Vec<String>,
}

/// The names of properties alone: a value may be a password.
impl fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { brokers, group, topics, start, instance_id, properties, own_topics } = self;
        let names: Vec<_> = properties.iter().map(|(name, _)| name).collect();
        f.debug_struct("KafkaSettings")
            .field("brokers", brokers)
            .field("group", group)
            .field("topics", topics)
            .field("start", start)
            .field("instance_id", instance_id)
            .field("properties", &names)
            .field("own_topics", own_topics)
            .finish()
    }
}

impl KafkaSettings {
    /// Is this one of the topics to read? Rowbell's own never are.
    pub fn subscribes_to(&self, topic: &str) -> bool {
        let fits = |wanted: &String| match wanted.strip_prefix('^') {
            // The config's check has compiled each pattern; librdkafka's own engine decides what is read.
            Some(_) => regex::Regex::new(wanted).is_ok_and(|pattern| pattern.is_match(topic)),
            None => wanted == topic,
        };
        !self.own_topics.iter().any(|own| own == topic) && self.topics.iter().any(fits)
    }

    /// For looking at topics without a config, at these brokers.
    pub fn observing(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            group: "rowbell".to_owned(),
            topics: Vec::new(),
            start: Start::Earliest,
            instance_id: None,
            properties: Vec::new(),
            own_topics: Vec::new(),
        }
    }

    /// Why librdkafka does not take these properties, if it does not; without their values. Asks no broker.
    pub fn refusal(&self) -> Option<String> {
        self.observer().create_native_config().err().map(|error| match without_value(error) {
            KafkaError::ClientConfig(_, description, ..) => {
                description.split(" for configuration property").next().map_or_else(String::new, str::to_owned)
            }
            error => error.to_string(),
        })
    }

    /// The property's value as the user set it.
    fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config.set("client.id", "rowbell");
        config
    }

    /// For the group's consumer.
    pub fn consumer(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A group without a commit is resolved by hand, before a record is judged: see `offsets`.
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "false")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            // A topic that appears is read within seconds, not after the default five minutes.
            .set("topic.metadata.refresh.interval.ms", "5000")
            .set("queued.max.messages.kbytes", FETCHED_AHEAD_KBYTES)
            .set("fetch.message.max.bytes", FETCH_PARTITION_BYTES)
            .set("fetch.max.bytes", FETCH_BYTES)
            // When that memory is full, look again soon: the default of a second would idle through every backlog.
            .set("fetch.queue.backoff.ms", "20")
            // A commit waits for its answer on the poller's thread: a coordinator that says nothing must not hold it for
            // the default minute.
            .set("socket.timeout.ms", "10000")
            // A commit that was on the wire when its coordinator went away is made again after this, by librdkafka itself. It
            // asks twice a second who the coordinator is, and takes a commit that waits for the new connection for that
            // one's failure, and closes it: sooner than that, the two go round until the session is over.
            .set("retry.backoff.ms", "1000")
            .set("statistics.interval.ms", "1000");
        if self.property("group.protocol") != Some("consumer") {
            // Under KIP-848 the broker sets these, and librdkafka refuses them.
            config
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set("session.timeout.ms", "6000")
                .set("heartbeat.interval.ms", "1000");
        }
        if let Some(id) = &self.instance_id {
            config.set("group.instance.id", id);
        }
        if !self.own_topics.is_empty() {
            let own: Vec<_> = self.own_topics.iter().map(|topic| format!("^{}$", regex::escape(topic))).collect();
            config.set("topic.blacklist", own.join(","));
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }

    /// For a producer that must not lose what it was given.
    pub fn producer(&self) -> ClientConfig {
        let mut config = self.base();
        // By default a write that hangs is reported after five minutes; nobody would know why the commit waits.
        if self.property("delivery.timeout.ms").is_none() {
            config.set("message.timeout.ms", "30000");
        }
        for (name, value) in self.properties.iter().filter(|(name, _)| !is_consumer_only(name)) {
            config.set(name, value);
        }
        config.set("acks", "all").set("enable.idempotence", "true").set("linger.ms", "0");
        config
    }

    /// For reading and asking without a group.
    pub fn observer(&self) -> ClientConfig {
        let mut config = self.base();
        for (name, value) in self.properties.iter().filter(|(name, _)| !is_membership(name)) {
            config.set(name, value);
        }
        // A consumer must name a group even if it never joins one.
        config.set("group.id", format!("{}.observer", self.group)).set("enable.auto.commit", "false");
        config
    }

    /// For reading topics from a chosen place to their end.
    pub fn reader(&self) -> ClientConfig {
        let mut config = self.observer();
        config
            .set("enable.auto.offset.store", "false")
            // A log that was cut is told, never jumped over.
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("allow.auto.create.topics", "false")
            .set("queued.max.messages.kbytes", FETCHED_AHEAD_KBYTES);
        if self.property("isolation.level").is_none() {
            config.set("isolation.level", "read_committed");
        }
        config
    }
}

/// The error without the property's value: librdkafka repeats it, and a password may stand there, be it because its
/// property's name is misspelt.
pub(super) fn without_value(error: KafkaError) -> KafkaError {
    match error {
        KafkaError::ClientConfig(result, description, key, _) => {
            KafkaError::ClientConfig(result, description, key, "(its value is not shown)".to_owned())
        }
        error => error,
    }
}

/// What only a member of a group needs. Set alone, some contradict the defaults of the others: without the session timeout
/// of ours, a `max.poll.interval.ms` below the usual one is refused.
fn is_membership(name: &str) -> bool {
    ["group.", "session.", "heartbeat.", "max.poll."].iter().any(|prefix| name.starts_with(prefix))
}

/// librdkafka warns about each consumer property that a producer is given.
fn is_consumer_only(name: &str) -> bool {
    ["fetch.", "queued.", "session.", "heartbeat.", "max.poll.", "group.", "isolation.", "check.crcs", "consume."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Asks the brokers for the topics they have, to say clearly at the start when there is no Kafka.
pub fn connect<C>(consumer: &BaseConsumer<C>, timeout: Duration) -> Result<HashSet<Arc<str>>, KafkaError>
where
    C: ClientContext + rdkafka::consumer::ConsumerContext,
{
    let metadata = consumer.fetch_metadata(None, timeout)?;
    Ok(metadata.topics().iter().map(|topic| topic.name().into()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::DeadLetters;

    #[test]
    fn a_misspelt_property_does_not_show_its_value() {
        let settings = KafkaSettings {
            brokers: "127.0.0.1:1".to_owned(),
            group: "g".to_owned(),
            topics: vec!["t".to_owned()],
            start: Start::Latest,
            instance_id: None,
            properties: vec![("sasl.pasword".to_owned(), "hunter2".to_owned())],
            own_topics: Vec::new(),
        };
        let error = match DeadLetters::new(&settings, "d") {
            Ok(_) => panic!("librdkafka knows no such property"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains("sasl.pasword") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_concerns_a_member_of_the_group_is_no_concern_of_who_only_looks() {
        let properties = [("max.poll.interval.ms", "9000"), ("group.protocol", "consumer"), ("client.rack", "a")];
        let settings = KafkaSettings {
            properties: properties.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..KafkaSettings::observing("127.0.0.1:1")
        };
        assert!(settings.observer().create::<BaseConsumer>().is_ok());
        assert_eq!(settings.observer().get("client.rack"), Some("a"));
    }

    #[test]
    fn knows_its_topics_by_name_and_by_pattern_but_never_its_own() {
        let settings = KafkaSettings {
            brokers: String::new(),
            group: String::new(),
            topics: vec!["shop.public.listings".to_owned(), "^store\\..*".to_owned(), "^rowbell.*".to_owned()],
            start: Start::Latest,
            instance_id: None,
            properties: Vec::new(),
            own_topics: vec!["rowbell.dead-letter".to_owned()],
        };
        for (topic, expected) in [
            ("shop.public.listings", true),
            ("shop.public.listings2", false),
            ("store.shop.listings", true),
            ("a.store.x", false),
            ("rowbell.dead-letter", false),
        ] {
            assert_eq!(settings.subscribes_to(topic), expected, "{topic}");
        }
    }
}
