//! Kafka: brokers, topics, rights, the group, and what the topics' records look like.

use super::{Asked, count};
use crate::cli::input::{AtHand, captured};
use crate::cli::survey::Survey;
use crate::config::{Catalog, Code, Config, Diagnostic, Examined};
use crate::kafka::{Beginning, DeadLetterError, DeadLetters, Reader, ReaderError, Reading};
use crate::rule::nearest;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;
use rdkafka::topic_partition_list::Offset;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long one question may take.
const ASK: Duration = Duration::from_secs(10);

/// How long is looked for what a broker has answered already.
const HEAR: Duration = Duration::from_millis(500);

/// Topics that are looked into; of more, the first ones tell enough.
const TOPICS_MAX: usize = 50;

/// Offsets before the end of each partition that are read.
const SAMPLE: u64 = 50;

/// Less than an outage of a weekend.
const RETENTION_MIN: Duration = Duration::from_secs(3 * 24 * 3600);

/// A topic that is there.
pub struct Topic {
    /// Its name.
    pub name: String,
    partitions: Vec<i32>,
}

/// Asks the brokers; the answer is the topics that would be read.
pub fn ask(config: &Config, examined: &mut Examined, runtime: &Runtime, asked: &mut Vec<Asked>) -> Vec<Topic> {
    let settings = &config.kafka;
    let place = examined.place(&["kafka", "brokers"]);
    let consumer: Result<BaseConsumer, KafkaError> = settings.consumer().create();
    let answered = consumer.and_then(|consumer| Ok((consumer.fetch_metadata(None, ASK)?, consumer)));
    let (metadata, consumer) = match answered {
        Ok(answered) => answered,
        Err(error) => {
            let found = Diagnostic::error(place, format!("Kafka does not answer at {}: {error}", settings.brokers));
            examined.report.push(
                found
                    .code(Code::Unreachable)
                    .hint("are the brokers right, and do their listeners, TLS and SASL match kafka.properties?"),
            );
            asked.push(Asked::wrong("Kafka", "no answer"));
            return Vec::new();
        }
    };
    asked.push(Asked::fine(
        "Kafka",
        format!("{}, {}", count(metadata.brokers().len(), "broker"), count(metadata.topics().len(), "topic")),
    ));
    let topics = topics(config, &metadata, examined, asked);
    group(config, &consumer, &topics, examined, asked);
    runtime.block_on(async {
        dead_letters(config, examined, asked).await;
        settings_of(config, &metadata, &topics, examined, asked).await;
    });
    topics
}

fn topics(config: &Config, metadata: &Metadata, examined: &mut Examined, asked: &mut Vec<Asked>) -> Vec<Topic> {
    let settings = &config.kafka;
    for (at, wanted) in settings.topics.iter().enumerate() {
        let place = examined.place(&["kafka", "topics", &at.to_string()]);
        let found = metadata.topics().iter().find(|topic| topic.name() == wanted);
        let count = match (wanted.starts_with('^'), found) {
            (true, _) => {
                let pattern = regex::Regex::new(wanted);
                metadata
                    .topics()
                    .iter()
                    .filter(|topic| pattern.as_ref().is_ok_and(|p| p.is_match(topic.name())))
                    .count()
            }
            (false, Some(topic)) if topic.error().is_none() => 1,
            _ => 0,
        };
        if count > 0 {
            let said = if wanted.starts_with('^') {
                format!("matches {}", super::count(count, "topic"))
            } else {
                "is there".to_owned()
            };
            asked.push(Asked::fine(format!("topic {wanted}"), said));
            continue;
        }
        let what = if wanted.starts_with('^') { "no topic matches" } else { "there is no topic" };
        let finding = Diagnostic::warning(place, format!("{what} {wanted:?} that we may see")).code(Code::NoSuchTopic);
        let names = metadata.topics().iter().map(|topic| topic.name());
        let near = nearest(wanted, names).filter(|_| !wanted.starts_with('^'));
        let meant = near.map_or_else(String::new, |near| format!("did you mean {near:?}? Else: "));
        examined.report.push(finding.hint(format!(
            "{meant}Debezium makes a topic with its first change; it is read from its first record once it is there"
        )));
        asked.push(Asked::wrong(format!("topic {wanted}"), "is not there"));
    }
    let there =
        metadata.topics().iter().filter(|topic| topic.error().is_none() && settings.subscribes_to(topic.name()));
    there
        .map(|topic| Topic {
            name: topic.name().to_owned(),
            partitions: topic.partitions().iter().map(|partition| partition.id()).collect(),
        })
        .collect()
}

/// The group's commits, and whether they may be read; commits that the log has left behind.
fn group(config: &Config, consumer: &BaseConsumer, topics: &[Topic], examined: &mut Examined, asked: &mut Vec<Asked>) {
    let group = &config.kafka.group;
    let what = format!("group {group}");
    let mut list = TopicPartitionList::new();
    for topic in topics {
        for partition in &topic.partitions {
            list.add_partition(&topic.name, *partition);
        }
    }
    let committed = match consumer.committed_offsets(list, ASK) {
        Ok(committed) => committed,
        Err(error) => {
            let (code, message, hint) = match is_denied(&error) || hears_denial(consumer) {
                true => (
                    Code::AccessDenied,
                    format!("Kafka denies the group {group:?}"),
                    "give the principal the right Read on the group",
                ),
                false => (
                    Code::Unreachable,
                    format!("the commits of the group {group:?} cannot be read: {error}"),
                    "is the group's coordinator up?",
                ),
            };
            let found = Diagnostic::error(examined.place(&["kafka", "group"]), message);
            examined.report.push(found.code(code).hint(hint));
            asked.push(Asked::wrong(what, "its commits cannot be read"));
            return;
        }
    };
    let mut commits = 0;
    for entry in committed.elements() {
        let Offset::Offset(offset) = entry.offset() else { continue };
        commits += 1;
        let (topic, partition) = (entry.topic(), entry.partition());
        if let Ok((low, high)) = consumer.fetch_watermarks(topic, partition, ASK)
            && !(low..=high).contains(&offset)
        {
            let found = Diagnostic::error(
                examined.place(&["kafka", "group"]),
                format!("the log of {topic}:{partition} holds {low} to {high}, and the group's commit is {offset}"),
            );
            examined.report.push(
                found.code(Code::RecordsLost).hint(
                    "reading will begin at the log's start; raise the topic's retention above the longest outage",
                ),
            );
        }
    }
    let members = consumer.fetch_group_list(Some(group), ASK).ok().and_then(|groups| {
        let found = groups.groups().iter().find(|found| found.name() == group)?;
        Some((found.members().len(), found.state().to_owned()))
    });
    let said = match members {
        Some((0, _)) | None => format!("{} committed, nobody reads", count(commits, "partition")),
        Some((members, state)) => {
            format!("{} committed, {}, {state}", count(commits, "partition"), count(members, "member"))
        }
    };
    asked.push(Asked::fine(what, said));
}

fn is_denied(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed)
}

/// Whether a broker has denied us the group. librdkafka asks on for the group's coordinator then until the time is up; the
/// answer waits in the consumer's queue, behind others.
fn hears_denial(consumer: &BaseConsumer) -> bool {
    let until = Instant::now() + HEAR;
    while Instant::now() < until {
        if let Some(Err(error)) = consumer.poll(HEAR / 20)
            && is_denied(&error)
        {
            return true;
        }
    }
    false
}

async fn dead_letters(config: &Config, examined: &mut Examined, asked: &mut Vec<Asked>) {
    let topic = &config.dead_letter_topic;
    let what = format!("topic {topic}");
    let place = examined.place(&["dead_letter", "topic"]);
    let looked = match DeadLetters::new(&config.kafka, topic) {
        Ok(letters) => letters.look(&config.kafka).await,
        Err(error) => Err(error),
    };
    match looked {
        Ok(true) => asked.push(Asked::fine(what, "dead letters may be written")),
        Ok(false) => asked.push(Asked::fine(what, "is not there: made at the start, which needs the right Create")),
        Err(error) => {
            let denied = matches!(error, DeadLetterError::Denied { .. });
            let code = if denied { Code::AccessDenied } else { Code::Unreachable };
            let text = error.to_string();
            let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, "look at kafka.properties"));
            examined.report.push(Diagnostic::error(place, message).code(code).hint(hint));
            asked.push(Asked::wrong(what, "dead letters cannot be written"));
        }
    }
}

/// Retention of the topics, and how much metadata brokers take with a commit. Who may not ask is told nothing wrong.
async fn settings_of(
    config: &Config,
    metadata: &Metadata,
    topics: &[Topic],
    examined: &mut Examined,
    asked: &mut Vec<Asked>,
) {
    let what = "settings of topics";
    let unknown = |why: String| {
        Asked::fine(
            what,
            format!("not known, so that retention was not looked at: {why}; it needs the right DescribeConfigs"),
        )
    };
    let admin: AdminClient<DefaultClientContext> = match config.kafka.observer().create() {
        Ok(admin) => admin,
        Err(error) => return asked.push(unknown(error.to_string())),
    };
    let options = AdminOptions::new().request_timeout(Some(ASK));
    let brokers = metadata.brokers().iter().take(1).map(|broker| ResourceSpecifier::Broker(broker.id()));
    let names = topics.iter().take(TOPICS_MAX).map(|topic| ResourceSpecifier::Topic(&topic.name));
    let wanted: Vec<_> = brokers.chain(names).collect();
    let described = match admin.describe_configs(wanted.iter(), &options).await {
        Ok(described) => described,
        Err(error) => return asked.push(unknown(error.to_string())),
    };
    let (mut told, mut refused) = (0, None);
    for (specifier, resource) in wanted.iter().zip(described) {
        let resource = match resource {
            Ok(resource) => resource,
            Err(error) => {
                refused = Some(error.to_string());
                continue;
            }
        };
        told += 1;
        let value = |name: &str| resource.get(name).and_then(|entry| entry.value.clone());
        let number = |name: &str| value(name).and_then(|value| value.parse::<i64>().ok());
        match specifier {
            ResourceSpecifier::Topic(topic) => {
                retention(topic, number("retention.ms"), value("cleanup.policy"), examined)
            }
            _ => {
                let most = number("offset.metadata.max.bytes").and_then(|bytes| usize::try_from(bytes).ok());
                if let Some(most) = most.filter(|most| *most < config.limits.metadata_bytes) {
                    let place = examined.place(&["limits", "metadata_bytes"]);
                    let message = format!(
                        "the brokers take {most} bytes of a commit's metadata, and limits.metadata_bytes is {}",
                        config.limits.metadata_bytes
                    );
                    let found = Diagnostic::error(place, message).code(Code::UnlikelyLimit);
                    examined.report.push(found.hint("no more than offset.metadata.max.bytes, else every commit fails"));
                }
            }
        }
    }
    asked.push(match refused {
        None => Asked::fine(what, format!("{told} looked at")),
        Some(why) if told == 0 => unknown(why),
        Some(why) => Asked::fine(what, format!("{told} of {} looked at; of the others: {why}", wanted.len())),
    });
}

fn retention(topic: &str, retention_ms: Option<i64>, cleanup: Option<String>, examined: &mut Examined) {
    let place = examined.topic_place(topic);
    let kept = retention_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
    if let Some(kept) = kept.filter(|kept| *kept < RETENTION_MIN) {
        let hours = kept.as_secs() / 3600;
        let found = Diagnostic::warning(place, format!("{topic} keeps its records for {hours} h"));
        examined.report.push(
            found
                .code(Code::Retention)
                .hint("after a longer outage, of a destination too, changes are lost: retention.ms of a week or more"),
        );
    }
    if cleanup.is_some_and(|policy| policy.contains("compact")) {
        let found =
            Diagnostic::warning(place, format!("{topic} is compacted: of a row's changes only the last is kept"));
        examined
            .report
            .push(found.code(Code::Retention).hint("cleanup.policy=delete for topics whose every change counts"));
    }
}

/// Reads the last records of the topics: may we, and what do they hold? `None` where there are none.
pub fn sample(
    config: &Config,
    topics: &[Topic],
    at_hand: &AtHand,
    examined: &mut Examined,
    asked: &mut Vec<Asked>,
) -> Option<Catalog> {
    let mut survey = Survey::new(Some(config), at_hand);
    let (mut read, stop) = (0_u64, Arc::new(AtomicBool::new(false)));
    for topic in topics.iter().take(TOPICS_MAX) {
        let reading =
            Reading { topic: topic.name.clone(), partition: None, from: Beginning::Last(SAMPLE), follow: false };
        let records = Reader::open(&config.kafka, &reading, Arc::clone(&stop));
        let outcome = records.and_then(|records| {
            for record in records {
                read += 1;
                // The registry's trouble was told where it was asked.
                if survey.see(&captured(record?).record()).is_err() {
                    break;
                }
            }
            Ok(())
        });
        if let Err(error) = outcome {
            let (code, hint) = match error {
                ReaderError::Denied { .. } => {
                    (Code::AccessDenied, "give the principal the rights Read and Describe on it")
                }
                _ => (Code::Unreachable, "rowbell inspect --topic reads it, too, and may say more"),
            };
            let text = error.to_string();
            let message = text.lines().next().unwrap_or_default().to_owned();
            let place = examined.topic_place(&topic.name);
            examined.report.push(Diagnostic::error(place, message).code(code).hint(hint));
            asked.push(Asked::wrong(format!("records of {}", topic.name), "cannot be read"));
        }
    }
    (read > 0).then(|| {
        asked.push(Asked::fine("records", format!("the last {read} were looked at")));
        survey.catalog("the topics' last records".to_owned())
    })
}
