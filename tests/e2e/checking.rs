//! `rowbell check --online` and `rowbell init`, on the real Kafka, Kafka Connect and schema registry.

use crate::receiver::Receiver;
use crate::stack::Stack;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

const GROUP: &str = "rowbell-e2e-checking";

/// A config of JSON and Avro topics, the Avro table's columns known to the registry.
fn config(stack: &Stack, receiver: &Receiver) -> String {
    format!(
        "kafka: {{ brokers: \"{}\", group: {GROUP}, topics: [shop.public.listings, shopavro.public.listings] }}\n\
         schema_registry: {{ url: \"{}\" }}\n\
         tables:\n  public.listings:\n    ignore: [updated_at]\n    columns:\n      price: {{ type: decimal }}\n      \
         listed_on: {{ type: date }}\n      reserved_until: {{ type: instant }}\n\
         destinations: {{ erp: {{ webhook: {{ url: \"http://{}/\" }} }} }}\n\
         rules: [{{ name: price, table: public.listings, columns: [price, title], to: erp }}]\n",
        stack.brokers(),
        stack.env["ROWBELL_REGISTRY"],
        receiver.address
    )
}

fn check(stack: &Stack, text: &str, connector: &str) -> (Option<i32>, Value) {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("checking.yaml");
    std::fs::write(&file, text).unwrap();
    let connect = format!("{}{connector}", stack.env["ROWBELL_CONNECT"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
    command.args(["check", "--online", "--json", "--connect", &connect, "-c"]).arg(&file);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}")))
}

fn found(said: &Value) -> Vec<(&str, &str)> {
    let diagnostics = said["diagnostics"].as_array().unwrap().iter();
    diagnostics.map(|found| (found["code"].as_str().unwrap(), found["message"].as_str().unwrap())).collect()
}

#[test]
fn a_config_that_fits_the_stack_is_fine_and_each_wrong_name_is_told_once() {
    let stack = Stack::take_turn();
    let receiver = Receiver::start();
    let good = config(&stack, &receiver);
    let (code, said) = check(&stack, &good, "");
    assert_eq!((code, found(&said)), (Some(0), vec![]), "{said}");
    for what in
        ["Kafka", "schema registry", "records", "columns", "connector shop-postgres", "connector shopavro-postgres"]
    {
        let asked = said["online"].as_array().unwrap().iter().find(|asked| asked["what"] == what);
        assert!(asked.is_some_and(|asked| asked["fine"] == true), "{what}: {said}");
    }
    assert_eq!(stack.committed(GROUP, 0), None, "asking commits nothing");

    let bad = good.replace("[shop.public.listings", "[shop.public.listing").replace("[price, title]", "[price, titel]");
    let (code, said) = check(&stack, &bad, "");
    let found_here = found(&said);
    assert_eq!(code, Some(1), "{said}");
    for (wanted, words) in [
        ("no-such-topic", "there is no topic \"shop.public.listing\""),
        ("connector", "the connector \"shop-postgres\" does not capture public.listing"),
        ("unknown-column", "public.listings has no column \"titel\" in the schema registry"),
    ] {
        let told = found_here.iter().filter(|(code, text)| *code == wanted && text.contains(words)).count();
        assert_eq!(told, 1, "{wanted}: {said}");
    }
    assert_eq!(found_here.len(), 3, "{said}");

    let (code, said) = check(&stack, &good, "/connectors/shop-postgre");
    assert_eq!((code, found(&said)[0].0), (Some(1), "connector"), "{said}");
    assert_eq!(said["diagnostics"][0]["hint"], "did you mean \"shop-postgres\"?");
}

#[test]
fn a_starter_of_a_registered_connector_passes_the_check_as_it_is() {
    let stack = Stack::take_turn();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("starter.yaml").display().to_string();
    let connector = format!("{}/connectors/shopavro-postgres", stack.env["ROWBELL_CONNECT"]);
    let rowbell = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rowbell"));
        let output = command.args(arguments).env("SLACK_WEBHOOK_URL", "https://hooks.example/x").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&said).into_owned())
    };
    let registry = &stack.env["ROWBELL_REGISTRY"];
    let init = [
        "init",
        "--force",
        "-o",
        &file,
        "--brokers",
        stack.brokers(),
        "--connector",
        &connector,
        "--registry",
        registry,
    ];
    let (done, said) = rowbell(&init);
    assert!(done, "{said}");
    let (done, said) = rowbell(&["check", "--strict", "-c", &file]);
    assert!(done, "{said}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("price: { format: currency, currency: \"{{ row.currency }}\" }"), "{text}");
}
