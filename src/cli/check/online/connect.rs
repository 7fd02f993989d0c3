//! Kafka Connect: whether the Debezium connectors of the topics run and capture their tables, and settings of theirs that
//! hurt.

mod advice;

use super::kafka::Topic;
use super::{Asked, count};
use crate::cli::connector::connect::{Connect, ConnectError, Registered};
use crate::cli::connector::debezium::{Connector, is_debezium};
use crate::cli::connector::secrets::Hidden;
use crate::config::{Code, Config, Diagnostic, Examined, Place};
use crate::rule::nearest;

/// A Debezium connector.
struct Known {
    registered: Registered,
    source: Connector,
}

/// Asks a worker's REST API: about all its connectors, or about the one that the URL names.
pub async fn ask(url: &str, config: &Config, topics: &[Topic], examined: &mut Examined, asked: &mut Vec<Asked>) {
    let (only, mut known) = match look(url, config).await {
        Ok(found) => found,
        Err(error) => {
            let (message, hint) = error.split_once("\nhint: ").unwrap_or((&error, "name a worker's URL"));
            let found = Diagnostic::error(Place::default(), message.to_owned()).code(Code::Unreachable);
            examined.report.push(found.hint(hint));
            asked.push(Asked::wrong("Kafka Connect", "does not say"));
            return;
        }
    };
    if let Some(only) = &only {
        let names: Vec<_> = known.iter().map(|known| known.registered.name.clone()).collect();
        known.retain(|known| known.registered.name == *only);
        if known.is_empty() {
            let found = Diagnostic::error(Place::default(), format!("there is no Debezium connector {only:?}"));
            let found = found.code(Code::Connector);
            let found = found.hint(format!("there are {}", names.join(", ")));
            examined.report.push(found.nearest(only, names.iter().map(String::as_str)));
            asked.push(Asked::wrong(format!("connector {only}"), "is not there"));
            return;
        }
    }
    asked.push(Asked::fine("Kafka Connect", count(known.len(), "Debezium connector")));
    for known in &known {
        let name = &known.registered.name;
        let what = format!("connector {name}");
        if !concerns(&known.source, config, topics) {
            asked.push(Asked::fine(what, format!("writes {}.*, which the config does not read", known.source.prefix)));
            continue;
        }
        asked.push(match state(&known.registered) {
            Ok(said) => Asked::fine(what, said),
            Err(said) => {
                let found = Diagnostic::error(Place::default(), format!("the connector {name:?}: {said}"));
                examined.report.push(found.code(Code::Connector).hint("no changes come until it runs"));
                Asked::wrong(what, said)
            }
        });
        for (message, hint) in advice::advice(&known.registered.settings, &known.source, config) {
            let found = Diagnostic::warning(Place::default(), format!("the connector {name:?}: {message}"));
            examined.report.push(found.code(Code::Connector).hint(hint));
        }
    }
    captured(&known, only.is_some(), config, topics, examined);
}

/// The name that the URL holds, and all Debezium connectors.
async fn look(url: &str, config: &Config) -> Result<(Option<String>, Vec<Known>), String> {
    let (connect, only) = Connect::at(url, config.http.ca_file.as_deref())?;
    let all = connect.connectors().await.map_err(|error: ConnectError| error.to_string())?;
    let known = all.into_iter().filter(is_debezium).filter_map(|registered| {
        // Without a prefix it does not run, and no topic is its.
        let source = Connector::of(&registered.settings).ok()?;
        Some(Known { registered, source })
    });
    Ok((only, known.collect()))
}

/// What it does, or why it does nothing.
fn state(connector: &Registered) -> Result<String, String> {
    let hidden = Hidden::of([Some(&connector.settings)], Vec::new());
    match &connector.state {
        Some(state) if state.runs() => Ok(state.to_string()),
        Some(state) => Err(hidden.without(&state.to_string())),
        None => Err("has no status yet".to_owned()),
    }
}

/// Does it write a topic that the config reads?
fn concerns(source: &Connector, config: &Config, topics: &[Topic]) -> bool {
    let literal = config.kafka.topics.iter().filter(|topic| !topic.starts_with('^'));
    literal
        .map(String::as_str)
        .chain(topics.iter().map(|topic| topic.name.as_str()))
        .any(|topic| source.table_of(topic).is_some())
        || source.literal_topics().any(|topic| config.kafka.subscribes_to(&topic))
}

/// Topics by name that no connector writes. What is there in Kafka may come from elsewhere.
fn captured(known: &[Known], one: bool, config: &Config, topics: &[Topic], examined: &mut Examined) {
    // Topics whose names a transform makes are not known here.
    let renamed = |known: &Known| {
        let settings = &known.registered.settings;
        let routes = |(key, value): (&String, &String)| {
            key == "topic.naming.strategy" || key.ends_with(".type") && value.contains("Rout")
        };
        settings.iter().any(routes)
    };
    if known.iter().any(renamed) {
        return;
    }
    for (at, topic) in config.kafka.topics.iter().enumerate().filter(|(_, topic)| !topic.starts_with('^')) {
        let mut owners = known.iter().filter_map(|known| Some((known, known.source.table_of(topic)?))).peekable();
        let message = match owners.peek() {
            Some((owner, table)) => format!("the connector {:?} does not capture {table}", owner.registered.name),
            None if one || topics.iter().any(|there| there.name == *topic) => continue,
            None => format!("no connector there writes {topic}"),
        };
        if owners.any(|(owner, table)| owner.source.captures(table)) {
            continue;
        }
        let place = examined.place(&["kafka", "topics", &at.to_string()]);
        let found = Diagnostic::warning(place, message).code(Code::Connector);
        let written: Vec<_> = known.iter().flat_map(|known| known.source.literal_topics()).collect();
        examined.report.push(match nearest(topic, written.iter().map(String::as_str)) {
            Some(near) => found.hint(format!("did you mean {near:?}? Else add it to table.include.list")),
            None => found.hint("a topic is topic.prefix, schema and table; table.include.list names the tables"),
        });
    }
}
