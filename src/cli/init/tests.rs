use super::write::Starter;
use super::{InitArguments, init};
use crate::cli::Failure;
use crate::cli::connector::debezium::Connector;
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
fn tables_that_two_schemas_or_servers_have_are_told_apart() {
    let at_hand = AtHand::new(None, &[], None).expect("no schemas");
    let mut survey = Survey::new(None, &at_hand);
    for name in ["postgres-json", "mariadb-json-schema"] {
        let events = format!("tests/fixtures/debezium/{name}.jsonl");
        for record in open_file(Some(Path::new(&events))).unwrap_or_else(|_| panic!("{events}")) {
            survey.see(&record.expect("a record").record()).expect("no registry is asked");
        }
    }
    let settings = [("topic.prefix", "other"), ("table.include.list", "public.listings,shop.products")];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let connector = Connector::of(&settings).expect("a connector");
    let text =
        Starter { brokers: None, registry: &[], topics: &[], connector: Some(&connector), tables: survey.tables() }
            .text();
    passes(&text);
    for line in [
        "  shop:public.listings:\n",
        "  - name: other:public.listings\n",
        "  - name: shop.products\n",
        "  - name: store.products\n",
        "  - name: sellers\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn base64_gets_the_type_that_its_name_suggests_and_what_lacks_old_values_no_comparison() {
    let text = starter("tests/fixtures/debezium/postgres-json-precise-decimal.jsonl", None);
    let price =
        "price: { format: currency, currency: \"{{ row.currency }}\", type: decimal(2) }   # base64 without its scale";
    assert!(text.contains(price), "{text}");
    assert!(text.contains("listings-price-halved") && !text.contains("sellers-balance-halved"), "{text}");
}

#[test]
fn a_connector_alone_is_enough_to_start() {
    let connector = Connector::load("connectors/postgres.json", None).unwrap_or_else(|_| panic!("a connector"));
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
        ca_file: None,
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
