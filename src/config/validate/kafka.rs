//! `kafka:`

use crate::config::diagnostic::{Diagnostic, Report};
use crate::config::model::{KafkaModel, StartModel};
use crate::kafka::{KafkaSettings, OWNED_PROPERTIES, Start};

const DEFAULT_GROUP: &str = "rowbell";

pub(super) fn kafka(model: KafkaModel, own_topics: Vec<String>, report: &mut Report) -> KafkaSettings {
    if model.brokers.trim().is_empty() {
        report.push(
            Diagnostic::error(model.brokers.place, "kafka.brokers is empty").hint("host:port, separated by commas"),
        );
    }
    if model.topics.0.is_empty() {
        report.push(
            Diagnostic::error(model.brokers.place, "kafka.topics is empty")
                .hint("name the topics Debezium writes: prefix.schema.table"),
        );
    }
    for topic in &model.topics.0 {
        if let Some(pattern) = topic.strip_prefix('^')
            && let Err(error) = regex::Regex::new(pattern)
        {
            let line = error.to_string();
            let why = line.lines().last().unwrap_or_default().trim().to_owned();
            report.push(Diagnostic::error(topic.place, format!("{:?} is not a regex: {why}", topic.value)));
        }
        if own_topics.contains(&topic.value) {
            report.push(Diagnostic::error(
                topic.place,
                format!("{:?} is a topic that Rowbell itself writes", topic.value),
            ));
        }
    }
    let mut properties = Vec::new();
    for (name, value) in model.properties.0 {
        if let Some((_, instead)) = OWNED_PROPERTIES.iter().find(|(owned, _)| *owned == name.value) {
            report.push(
                Diagnostic::error(name.place, format!("the property {:?} is Rowbell's own", name.value))
                    .hint(format!("use {instead}")),
            );
        }
        properties.push((name.value, value.value.0));
    }
    KafkaSettings {
        brokers: model.brokers.value,
        group: model.group.map_or_else(|| DEFAULT_GROUP.to_owned(), |group| group.value),
        topics: model.topics.0.into_iter().map(|topic| topic.value).collect(),
        start: match model.start {
            StartModel::Latest => Start::Latest,
            StartModel::Earliest => Start::Earliest,
        },
        instance_id: model.instance_id.map(|id| id.value).filter(|id| !id.is_empty()),
        properties,
        own_topics,
    }
}
