use super::connector::Connector;
use super::write::Starter;
use super::{InitArguments, init};
use crate::cli::Failure;
use crate::cli::input::{AtHand, open_file};
use crate::cli::survey::Survey;
use crate::config::{self, Report};
use std::path::Path;

/// The starter of a capture; it must pass the check.
fn starter(events: &str, connector: Option<&Connector>) -> String {
    let at_hand = AtHand::new(None, &[], None).expect("no schemas");
    let mut survey = Survey::new(None, &at_hand);
    for record in open_file(Some(Path::new(events))).unwrap_or_else(|_| panic!("{events}")) {
        survey.see(&record.expect("a record").record()).expect("no registry is asked");
    }
    let text = Starter { brokers: None, registry: &[], topics: &[], connector, tables: survey.tables() }.text();
    passes(&text);
    text
}

fn passes(text: &str) {
    let env = |name: &str| (name == "SLACK_WEBHOOK_URL").then(|| "https://slack.example/x".to_owned());
    let outcome = config::parse(text, Report::new("rowbell.yaml"), &env);
    let (_, report) = outcome.unwrap_or_else(|report| panic!("{report}\n{text}"));
    assert_eq!(report.to_string(), "", "{text}");
}

#[test]
fn a_starter_from_captured_events_passes_the_check() {
    insta::assert_snapshot!(starter("tests/fixtures/debezium/postgres-json.jsonl", None));
}

#[test]
fn each_capture_makes_a_config_that_passes() {
    for name in ["postgres-json-schema", "mariadb-json-schema", "postgres-flattened", "postgres-json-precise-decimal"] {
        let text = starter(&format!("tests/fixtures/debezium/{name}.jsonl"), None);
        assert!(text.contains("\ntables:\n") && text.contains("\nrules:\n"), "{name}: {text}");
    }
}

#[test]
fn a_connector_alone_is_enough_to_start() {
    let connector = Connector::load("connectors/postgres.json").unwrap_or_else(|_| panic!("a connector"));
    let text =
        Starter { brokers: Some("kafka:9092"), registry: &[], topics: &[], connector: Some(&connector), tables: &[] }
            .text();
    passes(&text);
    assert!(text.contains("topics: [shop.public.listings, shop.public.sellers, shop.public.inventory]"), "{text}");
    assert!(text.contains("  public.listings:\n    name: Listing\n"), "{text}");
}

#[test]
fn nothing_is_overwritten_unless_it_is_asked_for() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "mine").expect("written");
    let arguments = |force| InitArguments {
        file: Some("tests/fixtures/debezium/postgres-json.jsonl".into()),
        brokers: None,
        topic: Vec::new(),
        connector: None,
        schemas: None,
        registry: Vec::new(),
        output: file.path().to_owned(),
        stdout: false,
        force,
    };
    let Err(Failure::Usage(message)) = init(&arguments(false)) else { panic!("it must refuse") };
    assert!(message.contains("is there already") && message.contains("--force"), "{message}");
    assert_eq!(std::fs::read_to_string(file.path()).expect("text"), "mine");
    assert!(init(&arguments(true)).is_ok());
    assert!(std::fs::read_to_string(file.path()).expect("text").contains("# A config to start from"));
}
