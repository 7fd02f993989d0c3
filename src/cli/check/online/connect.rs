//! Kafka Connect: whether the Debezium connectors run, and settings of theirs that hurt.

use super::Asked;
use crate::change::Op;
use crate::config::{Code, Config, Diagnostic, Examined, Place};
use serde_json::Value as Json;
use std::time::Duration;

/// How long Kafka Connect may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks a worker's REST API.
pub async fn ask(url: &str, config: &Config, examined: &mut Examined, asked: &mut Vec<Asked>) {
    let connectors = match connectors(url).await {
        Ok(connectors) => connectors,
        Err(reason) => {
            let found = Diagnostic::error(Place::default(), format!("Kafka Connect does not say: {reason}"));
            examined
                .report
                .push(found.code(Code::Unreachable).hint("--connect takes the worker's URL: http://connect:8083"));
            asked.push(Asked::wrong("Kafka Connect", "no answer"));
            return;
        }
    };
    for (name, connector) in connectors.as_object().into_iter().flatten() {
        let settings = &connector["info"]["config"];
        if !settings["connector.class"].as_str().is_some_and(|class| class.starts_with("io.debezium.")) {
            continue;
        }
        let states = states(&connector["status"]);
        let bad: Vec<_> = states.iter().filter(|(_, state)| state != "RUNNING").collect();
        for (what, state) in &bad {
            let message = format!("the connector {name:?}: its {what} is {state}");
            let found = Diagnostic::error(Place::default(), message).code(Code::Connector);
            examined
                .report
                .push(found.hint("its status in Kafka Connect's REST API says why; no changes come meanwhile"));
        }
        for (message, hint) in advice(settings, config) {
            let found = Diagnostic::warning(Place::default(), format!("the connector {name:?}: {message}"));
            examined.report.push(found.code(Code::Connector).hint(hint));
        }
        let said = format!("{} parts, {} not running", states.len(), bad.len());
        let what = format!("connector {name}");
        asked.push(if bad.is_empty() { Asked::fine(what, said) } else { Asked::wrong(what, said) });
    }
}

async fn connectors(url: &str) -> Result<Json, String> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(|error| error.to_string())?;
    let url = format!("{}/connectors?expand=info&expand=status", url.trim_end_matches('/'));
    let answer = client.get(url).send().await.map_err(|error| error.without_url().to_string())?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("HTTP {}", status.as_u16()));
    }
    let text = answer.text().await.map_err(|error| error.without_url().to_string())?;
    serde_json::from_str(&text).map_err(|_| "an answer that is no list of connectors".to_owned())
}

fn states(status: &Json) -> Vec<(String, String)> {
    let state = |part: &Json| part["state"].as_str().unwrap_or("UNKNOWN").to_owned();
    let tasks = status["tasks"].as_array().into_iter().flatten();
    let tasks = tasks.map(|task| (format!("task {}", task["id"]), state(task)));
    std::iter::once(("connector".to_owned(), state(&status["connector"]))).chain(tasks).collect()
}

/// Settings that make for worse messages, or for none.
fn advice(settings: &Json, config: &Config) -> Vec<(String, &'static str)> {
    let word = |key: &str| settings[key].as_str().unwrap_or_default();
    let class = word("connector.class");
    let json = word("value.converter").ends_with("JsonConverter");
    let schemaless = json && word("value.converter.schemas.enable") == "false";
    let mut out = Vec::new();
    if schemaless && matches!(word("decimal.handling.mode"), "" | "precise") {
        let message =
            "decimals come as base64 without a scale: decimal.handling.mode is precise, and there is no schema"
                .to_owned();
        out.push((message, "decimal.handling.mode=string"));
    }
    if schemaless && matches!(word("time.precision.mode"), "" | "adaptive" | "adaptive_time_microseconds" | "connect") {
        let message =
            "times come as bare numbers: nobody can tell a timestamp from a count without columns.*.type".to_owned();
        out.push((message, "time.precision.mode=isostring, or set the types"));
    }
    if word("decimal.handling.mode") == "double" {
        out.push(("decimals come as floating point: amounts lose digits".to_owned(), "decimal.handling.mode=string"));
    }
    let truncates = config.rules.iter().find(|rule| rule.on.contains(Op::Truncate));
    let skipped = if settings["skipped.operations"].is_null() { "t" } else { word("skipped.operations") };
    for (letter, op) in [("t", Op::Truncate), ("d", Op::Delete), ("u", Op::Update), ("c", Op::Create)] {
        let wanted = config.rules.iter().find(|rule| rule.on.contains(op)).or(truncates.filter(|_| op == Op::Truncate));
        if let Some(rule) = wanted
            && skipped.split(',').any(|skip| skip.trim() == letter)
        {
            let message = format!("it skips the operation {op}, and the rule {:?} asks for it", rule.name);
            out.push((message, "skipped.operations=none"));
        }
    }
    let placeholder = word("unavailable.value.placeholder");
    if !placeholder.is_empty() && placeholder != "__debezium_unavailable_value" {
        let message = "it has a placeholder of its own for values that it does not send".to_owned();
        out.push((message, "name it under unavailable_placeholder:"));
    }
    if class.ends_with("PostgresConnector") && matches!(word("heartbeat.interval.ms"), "" | "0") {
        let message = "it sends no heartbeats: while its tables are quiet the database keeps its log".to_owned();
        out.push((message, "heartbeat.interval.ms=10000 and heartbeat.action.query"));
    }
    if word("event.processing.failure.handling.mode") == "skip"
        || word("event.processing.failure.handling.mode") == "warn"
    {
        out.push(("changes that it cannot read are skipped".to_owned(), "event.processing.failure.handling.mode=fail"));
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{Report, parse};
    use serde_json::json;

    fn advised(settings: Json) -> Vec<String> {
        let text = "kafka: { brokers: b:1, topics: [t] }\ndestinations: { o: { webhook: { url: \"https://a.example\" } } }\n\
                    rules: [{ name: emptied, table: a.b, on: [truncate], to: [o] }]\n";
        let (config, _) = parse(text, Report::new("f"), &|_| None).unwrap_or_else(|report| panic!("{report}"));
        advice(&settings, &config).into_iter().map(|(message, _)| message).collect()
    }

    #[test]
    fn settings_that_hurt_are_told_and_the_repositorys_own_do_not() {
        let own: Json = serde_json::from_str(include_str!("../../../../connectors/postgres.json")).expect("JSON");
        assert_eq!(advised(own["config"].clone()), [""; 0]);
        let bad = advised(json!({
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "false",
            "unavailable.value.placeholder": "n/a",
            "event.processing.failure.handling.mode": "warn",
        }));
        for word in [
            "decimals come as base64",
            "bare numbers",
            "\"emptied\"",
            "a placeholder of its own",
            "no heartbeats",
            "are skipped",
        ] {
            assert!(bad.iter().any(|message| message.contains(word)), "{word}: {bad:?}");
        }
    }

    #[test]
    fn a_task_that_failed_is_seen() {
        let status =
            json!({"connector": {"state": "RUNNING"}, "tasks": [{"id": 0, "state": "FAILED", "trace": "hunter2"}]});
        assert_eq!(
            states(&status),
            [("connector".to_owned(), "RUNNING".to_owned()), ("task 0".to_owned(), "FAILED".to_owned())]
        );
    }
}
