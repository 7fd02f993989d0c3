//! `kafka:`, `limits:`, and what else the service stands on.

use super::{Looked, error, warning};
use crate::config::code::Code;
use crate::config::de::At;
use crate::config::diagnostic::{Place, Report};
use crate::config::model::{KafkaModel, Model};
use crate::config::shapes::Scalar;
use crate::destination::POST_TIMEOUT;
use crate::kafka::KafkaSettings;
use crate::rule::nearest;
use std::path::Path;
use std::time::Duration;

/// What a broker takes of a commit's metadata unless its `offset.metadata.max.bytes` says otherwise.
const METADATA_BYTES: u64 = 4096;
/// The longest text of Kafka's protocol.
const METADATA_BYTES_MAX: u64 = i16::MAX as u64;
/// Less than a few records.
const PENDING_BYTES_MIN: u64 = 1 << 20;
/// Kafka's longest topic name.
const TOPIC_CHARACTERS_MAX: usize = 249;

/// Properties that people set, for "did you mean"; librdkafka itself says whether it has a property.
const COMMON: &[&str] = &[
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "group.protocol",
    "client.id",
    "client.rack",
    "fetch.message.max.bytes",
    "fetch.max.bytes",
    "message.max.bytes",
    "queued.max.messages.kbytes",
    "isolation.level",
    "socket.timeout.ms",
    "message.timeout.ms",
    "compression.type",
    "debug",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.kerberos.service.name",
];

pub(super) fn lint(looked: &Looked<'_>, report: &mut Report) {
    let model = looked.model;
    if let Some(kafka) = &model.kafka {
        brokers(&kafka.brokers, report);
        kafka.topics.0.iter().for_each(|topic| self::topic(topic, report));
        properties(kafka, report);
        // What a misspelt property was meant to do is not missed a second time.
        if !report.found.iter().any(|found| found.code == Code::KafkaProperty) {
            security(kafka, report);
        }
        timeouts(kafka, report);
    }
    if let Some(topic) = &model.dead_letter.topic {
        name(topic, report);
        if let Some((_, hook)) = model.hooks.iter().find(|(_, hook)| hook.topic == topic.value) {
            let message = format!("dead letters would go where a hook writes: {:?}", hook.topic);
            report.push(error(topic.place, Code::InvalidValue, message).hint("give each a topic of its own"));
        }
    }
    files(model, report);
    limits(model, report);
}

fn brokers(brokers: &At<String>, report: &mut Report) {
    for broker in brokers.split(',').map(str::trim) {
        let bare = broker.split_once("://").map_or(broker, |(_, rest)| rest);
        let port = bare.rsplit_once(':').filter(|_| !bare.ends_with(']')).map(|(_, port)| port);
        let found = if broker.starts_with("http") || bare.contains('/') {
            Some(format!("{broker:?} is a URL, not a broker"))
        } else if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            Some(format!("{broker:?} has no port that is a number"))
        } else if broker.is_empty() && !brokers.trim().is_empty() {
            Some("kafka.brokers has an empty entry".to_owned())
        } else {
            None
        };
        if let Some(message) = found {
            report.push(warning(brokers.place, Code::InvalidValue, message).hint("host:port, separated by commas"));
        }
    }
}

fn topic(topic: &At<String>, report: &mut Report) {
    let Some(pattern) = topic.strip_prefix('^') else {
        if topic.contains(['*', '\\', '(', '[', '|', '+', '$']) {
            let message = format!("{:?} is taken as it stands: no topic can be called so", topic.value);
            // What looks like a glob, as a regex.
            let parts: Vec<_> = topic.split(".*").map(|part| part.replace('\\', "").replace('.', "\\.")).collect();
            let hint = format!("a regex begins with ^: '^{}'", parts.join("\\..*"));
            report.push(warning(topic.place, Code::TopicName, message).hint(hint));
        } else {
            name(topic, report);
        }
        return;
    };
    // librdkafka uses the system's regular expressions (POSIX), ours are checked by another engine.
    for (sign, instead) in [
        ("\\d", "[0-9]"),
        ("\\D", "[^0-9]"),
        ("(?", "POSIX has neither flags nor look-around nor (?:...)"),
        ("*?", "POSIX has no lazy repetition: *"),
        ("+?", "POSIX has no lazy repetition: +"),
        ("\\p", "[[:alpha:]] and its like"),
    ] {
        if pattern.contains(sign) {
            let message = format!("Kafka's client reads {sign} otherwise: the pattern may match nothing");
            report.push(warning(topic.place, Code::TopicName, message).hint(instead));
        }
    }
}

fn name(topic: &At<String>, report: &mut Report) {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if topic.is_empty() || topic.chars().count() > TOPIC_CHARACTERS_MAX || !topic.chars().all(legal) {
        let message = format!("no topic can be called {:?}", topic.value);
        let hint = "letters, digits, dots, dashes and underscores, 249 at most";
        report.push(warning(topic.place, Code::TopicName, message).hint(hint));
    }
}

/// Asks librdkafka about each property alone, so that one it does not take hides no other.
fn properties(kafka: &KafkaModel, report: &mut Report) {
    for (property, value) in &kafka.properties.0 {
        if crate::kafka::OWNED_PROPERTIES.iter().any(|(owned, _)| *owned == property.value) {
            continue;
        }
        let settings = KafkaSettings {
            properties: vec![(property.value.clone(), value.value.0.clone())],
            ..KafkaSettings::observing("localhost:9092")
        };
        let Some(refusal) = settings.refusal() else { continue };
        let found = error(property.place, Code::KafkaProperty, format!("kafka.properties: {refusal}"));
        report.push(match nearest(property, COMMON.iter().copied()).filter(|near| *near != property.value) {
            Some(near) => found.hint(format!("did you mean {near:?}?")),
            None => found.hint("see librdkafka's CONFIGURATION.md"),
        });
    }
}

fn property<'m>(kafka: &'m KafkaModel, names: &[&str]) -> Option<(Place, &'m str)> {
    let mut found = kafka.properties.0.iter().filter(|(name, _)| names.contains(&name.value.as_str()));
    found.next().map(|(name, At { value: Scalar(text), .. })| (name.place, text.as_str()))
}

fn security(kafka: &KafkaModel, report: &mut Report) {
    let protocol =
        property(kafka, &["security.protocol"]).map_or("plaintext".to_owned(), |(_, text)| text.to_lowercase());
    let begins = |prefix: &str| kafka.properties.0.iter().find(|(name, _)| name.starts_with(prefix));
    let mut unused = |prefix: &str, wanted: &str, hint: &str| {
        if let Some((name, _)) = begins(prefix)
            && !protocol.contains(wanted)
        {
            let message = format!("{:?} has no effect: security.protocol is {protocol}", name.value);
            report.push(warning(name.place, Code::KafkaProperty, message).hint(hint));
        }
    };
    unused("sasl.", "sasl", "security.protocol: SASL_SSL");
    unused("ssl.", "ssl", "security.protocol: SSL, or SASL_SSL");
    if let Some((place, _)) = property(kafka, &["security.protocol"]).filter(|_| protocol == "sasl_plaintext")
        && property(kafka, &["sasl.mechanism", "sasl.mechanisms"])
            .is_some_and(|(_, text)| text.eq_ignore_ascii_case("plain"))
    {
        let message = "the password travels unencrypted: SASL_PLAINTEXT with PLAIN";
        report.push(warning(place, Code::UnencryptedUrl, message).hint("security.protocol: SASL_SSL"));
    }
}

fn timeouts(kafka: &KafkaModel, report: &mut Report) {
    let millis = |name: &str| {
        let (place, text) = property(kafka, &[name])?;
        Some((place, Duration::from_millis(text.parse().ok()?)))
    };
    let session = millis("session.timeout.ms");
    if let Some((place, timeout)) = session
        && timeout <= POST_TIMEOUT
    {
        let message = format!(
            "a post may take {} s: with a session timeout of no more, partitions leave while their posts are on the wire",
            POST_TIMEOUT.as_secs()
        );
        report.push(warning(place, Code::Timing, message).hint("6000 or more"));
    }
    if let Some((place, beat)) = millis("heartbeat.interval.ms")
        && beat * 3 > session.map_or(Duration::from_secs(6), |(_, timeout)| timeout)
    {
        let message = "less than three heartbeats fit into the session timeout: one that is late ends the session";
        report.push(warning(place, Code::Timing, message).hint("a third of session.timeout.ms, or less"));
    }
}

fn files(model: &Model, report: &mut Report) {
    let mut missing = |place: Place, path: &str| {
        if !Path::new(path).exists() {
            let message = format!("there is no file {path:?} here");
            report.push(
                warning(place, Code::MissingFile, message)
                    .hint("fine where the service runs elsewhere; it will look for it there"),
            );
        }
    };
    for (property, value) in model.kafka.iter().flat_map(|kafka| &kafka.properties.0) {
        if property.starts_with("ssl.") && property.ends_with(".location") && value.value.0 != "probe" {
            missing(value.place, &value.value.0);
        }
    }
    for file in
        [model.outgoing.ca_file.as_ref(), model.schema_registry.as_ref().and_then(|registry| registry.ca_file.as_ref())]
            .into_iter()
            .flatten()
    {
        missing(file.place, file);
    }
}

fn limits(model: &Model, report: &mut Report) {
    let limits = &model.limits;
    if let Some(bytes) = limits.pending_bytes.as_ref().filter(|bytes| bytes.value.0 < PENDING_BYTES_MIN) {
        let message = format!("{} bytes for pending records: reading pauses after a few of them", bytes.value.0);
        report.push(warning(bytes.place, Code::UnlikelyLimit, message).hint("a number without a unit is bytes: 64MiB"));
    }
    if let Some(bytes) = limits.metadata_bytes.as_ref() {
        if bytes.value.0 > METADATA_BYTES_MAX {
            let message = format!("no commit holds more than {METADATA_BYTES_MAX} bytes of metadata");
            report.push(warning(bytes.place, Code::UnlikelyLimit, message));
        } else if bytes.value.0 > METADATA_BYTES {
            let message =
                format!("brokers take {METADATA_BYTES} bytes of a commit's metadata unless they are told otherwise");
            let hint = "offset.metadata.max.bytes of the brokers must be at least as much, else every commit fails";
            report.push(warning(bytes.place, Code::UnlikelyLimit, message).hint(hint));
        } else if bytes.value.0 < 64 {
            let message = "hardly anything fits into a commit's metadata: more posts are made twice after a crash";
            report.push(warning(bytes.place, Code::UnlikelyLimit, message).hint("4096"));
        }
    }
}
