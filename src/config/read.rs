//! From the tree to the model.

use super::code::Code;
use super::de::{At, partial, section, unknown_key};
use super::diagnostic::{Diagnostic, Place, Report};
use super::model::{Model, TOP_KEYS};
use super::tree::{Kind, Node};
use crate::rule::nearest;
use serde::de::DeserializeOwned;

/// Reads the model section by section, so that a mistake in one hides none in another.
pub fn read(root: &Node, report: &mut Report) -> Model {
    let mut model = Model::default();
    let entries = match &root.kind {
        Kind::Map(entries) => entries.as_slice(),
        Kind::Null => &[],
        _ => {
            report.push(
                Diagnostic::error(root.place, "the config is not a map")
                    .hint(format!("it begins with one of: {}", TOP_KEYS.join(", "))),
            );
            &[]
        }
    };
    for (key, node) in entries {
        match key.text.as_str() {
            "kafka" => model.kafka = partial(node, report),
            "schema_registry" => model.schema_registry = section(node, report),
            "tables" => model.tables = named(node, partial, report),
            "destinations" => {
                model.destination_names = keys(node);
                // Without its target a destination would be said to lead nowhere, too.
                model.destinations = named(node, section, report);
            }
            "rules" => model.rules = listed(node, report),
            "limits" => model.limits = section(node, report).unwrap_or_default(),
            "decode" => model.decode = named(node, section, report),
            "unavailable_placeholder" => model.unavailable_placeholder = section(node, report).unwrap_or_default(),
            "locale" => model.locale = section(node, report),
            "time_zone" => model.time_zone = section(node, report),
            "dead_letter" => model.dead_letter = section(node, report).unwrap_or_default(),
            "hooks" => model.hooks = named(node, section, report),
            "http" => model.http = section(node, report).unwrap_or_default(),
            "outgoing" => model.outgoing = section(node, report).unwrap_or_default(),
            _ => report.push(unknown_key(key, TOP_KEYS)),
        }
    }
    model
}

/// Says that there is no `kafka:`, unless it is there or something stands there that was meant to be it.
pub fn kafka_is_there(root: &Node, report: &mut Report) {
    let entries = match &root.kind {
        Kind::Map(entries) => entries.as_slice(),
        Kind::Null => &[],
        _ => return,
    };
    let is_kafka = |key: &str| key == "kafka" || nearest(key, TOP_KEYS.iter().copied()) == Some("kafka");
    if !entries.iter().any(|(key, _)| is_kafka(&key.text)) {
        let found = Diagnostic::error(Place::default(), "\"kafka\" is missing").code(Code::MissingKey);
        report.push(found.hint(
            "add \"kafka:\" with brokers and topics, e.g. kafka: { brokers: localhost:9092, topics: [shop.public.listings] }",
        ));
    }
}

type Read<T> = fn(&Node, &mut Report) -> Option<T>;

fn named<T>(node: &Node, read: Read<T>, report: &mut Report) -> Vec<(At<String>, T)> {
    match &node.kind {
        Kind::Map(entries) => entries
            .iter()
            .filter_map(|(key, value)| {
                let name = At { value: key.text.clone(), place: key.place };
                Some((name, read(value, report)?))
            })
            .collect(),
        Kind::Null => Vec::new(),
        _ => {
            report.push(Diagnostic::error(node.place, "expected a map from names to settings"));
            Vec::new()
        }
    }
}

fn keys(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Map(entries) => entries.iter().map(|(key, _)| key.text.clone()).collect(),
        _ => Vec::new(),
    }
}

fn listed<T: DeserializeOwned>(node: &Node, report: &mut Report) -> Vec<T> {
    match &node.kind {
        Kind::List(items) => items.iter().filter_map(|item| partial(item, report)).collect(),
        Kind::Null => Vec::new(),
        _ => {
            report.push(Diagnostic::error(node.place, "expected a list").hint("begin each item with \"- name: ...\""));
            Vec::new()
        }
    }
}
