use super::text;
use crate::config::tree::{self, Kind, Node};
use crate::config::{Report, parse};
use jsonschema::Validator;
use serde_json::{Map, Value as Json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FILE: &str = "schemas/config.schema.json";

/// `ROWBELL_WRITE=1 cargo test the_schema_in_the_repository` writes it anew.
#[test]
fn the_schema_in_the_repository_is_the_models() {
    let made = text();
    if std::env::var_os("ROWBELL_WRITE").is_some() {
        std::fs::write(FILE, &made).expect("it can be written");
    }
    let kept = std::fs::read_to_string(FILE).expect("the schema");
    assert!(kept == made, "{FILE} is not what the model says; ROWBELL_WRITE=1 cargo test the_schema_in_the_repository");
}

fn json(node: &Node) -> Json {
    match &node.kind {
        Kind::Null => Json::Null,
        Kind::Bool(v) => (*v).into(),
        Kind::Int(v) => (*v).into(),
        Kind::Float(v) => (*v).into(),
        Kind::Text(v) => v.as_str().into(),
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.text.clone(), json(value))).collect::<Map<_, _>>())
        }
    }
}

fn validator() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(&text()).expect("JSON")).expect("a schema")
}

fn valid(validator: &Validator, text: &str) -> Result<(), String> {
    let mut report = Report::new("f");
    let root = tree::parse(text, &mut report).ok_or_else(|| report.to_string())?;
    let root = json(&root);
    let errors: Vec<_> =
        validator.iter_errors(&root).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

/// Every config of the repository.
fn configs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["examples", "deploy/compose", "src/cli/demo", "tests/fixtures/config"] {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if path.extension().is_some_and(|end| end == "yaml") && text.contains("\nkafka:")
                || text.starts_with("kafka:")
            {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 4, "{found:?}");
    found
}

#[test]
fn every_config_of_the_repository_fits_the_schema() {
    let validator = validator();
    for path in configs() {
        let text = std::fs::read_to_string(&path).expect("text");
        valid(&validator, &text).unwrap_or_else(|errors| panic!("{}: {errors}", path.display()));
    }
}

#[test]
fn examples_name_the_schema_for_editors() {
    for path in ["examples/rowbell.yaml", "deploy/compose/rowbell.yaml"] {
        let text = std::fs::read_to_string(path).expect("text");
        let line = text.lines().next().unwrap_or_default();
        let name = line.strip_prefix("# yaml-language-server: $schema=").unwrap_or_else(|| panic!("{path}: {line}"));
        let target = Path::new(path).parent().expect("a folder").join(name);
        assert!(target.exists(), "{path}: {name}");
    }
}

/// What the schema and the service must judge alike.
#[test]
fn broken_configs_fit_neither_the_schema_nor_the_service() {
    let validator = validator();
    let fine = |extra: &str| {
        format!(
            "kafka: {{ brokers: b:9092, topics: [t] }}\ndestinations: {{ ops: {{ webhook: {{ url: \"https://a.example\" }} }} }}\n{extra}\n"
        )
    };
    let service = |text: &str| {
        parse(text, Report::new("f"), &|name| Some(if name == "P" { "low" } else { "3" }.to_owned())).map(drop)
    };
    for extra in [
        "",
        "tables: { a.b: }",
        "tables: { a.b: { columns: { c: , d: { type: decimal(2), format: percent } } } }",
        "rules: [{ name: a, table: a.b, to: ops, on: update, priority: \"${env:P:-low}\" }]",
        "limits: { pending_bytes: 4096, commit_interval: 20ms }",
        "limits: { pending_bytes: 64MiB }",
        "decode: { \"a.*\": avro }",
        "unavailable_placeholder: [x, y]",
        "kafka2: {}",
        "rules: [{ name: a, table: a.b, to: [ops], headlin: x }]",
        "rules: [{ name: a, table: a.b }]",
        "rules: [{ name: a, table: a.b, to: [ops], priority: urgent }]",
        "rules: [{ name: a, table: a.b, to: [ops], on: [insert] }]",
        "rules: [{ name: a, table: a.b, to: [ops], mention: Bob }]",
        "rules: [{ name: a, table: a.b, to: [ops], tone: sad }]",
        "rules: [{ name: a, table: a.b, to: [ops], expires: soon }]",
        "rules: {}",
        "tables: []",
        "tables: { a.b: { replica_identity: some } }",
        "tables: { a.b: { columns: { c: { format: mony } } } }",
        "tables: { a.b: { columns: { c: { type: datum } } } }",
        "tables: { a.b: { columns: { c: { redact: maybe } } } }",
        "limits: { pending_bytes: much }",
        "decode: { \"a.*\": xml }",
        "time_zone: 1",
    ] {
        let text = fine(extra);
        let (schema, service) = (valid(&validator, &text), service(&text));
        assert_eq!(
            schema.is_ok(),
            service.is_ok(),
            "{extra}\nschema: {schema:?}\nservice: {}",
            service.err().map_or_else(|| "fine".to_owned(), |report| report.to_string())
        );
    }
    for (text, fits) in [
        ("rate: 25/5m\n    burst: \"${env:N}\"\n    digest: { after: 30s }\n    fold: off", true),
        ("rate: fast", false),
        ("burst: 0", false),
        ("digest: { later: 30s }", false),
        ("digest: sometimes", false),
    ] {
        let text = format!(
            "kafka: {{ brokers: b:9092, topics: [t] }}\ndestinations:\n  ops:\n    webhook: {{ url: \"https://a.example\" }}\n    {text}\n"
        );
        assert_eq!((valid(&validator, &text).is_ok(), service(&text).is_ok()), (fits, fits), "{text}");
    }
    for text in ["rules: []", "kafka: { brokers: b:9092 }", "kafka: { brokers: 1, topics: [t] }", "- a"] {
        assert_eq!((valid(&validator, text).is_ok(), service(text).is_ok()), (false, false), "{text}");
    }
}

/// Every name of a property, wherever it stands.
fn properties(schema: &Json, names: &mut BTreeSet<String>) {
    match schema {
        Json::Object(map) => {
            for (word, value) in map {
                match (word.as_str(), value) {
                    ("properties", Json::Object(inner)) => {
                        names.extend(inner.keys().cloned());
                        inner.values().for_each(|value| properties(value, names));
                    }
                    _ => properties(value, names),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| properties(item, names)),
        _ => {}
    }
}

#[test]
fn the_documentation_has_every_key_and_no_other() {
    let document = include_str!("../../../docs/configuration.md");
    let schema: Json = serde_json::from_str(&text()).expect("JSON");
    let mut keys = BTreeSet::new();
    properties(&schema, &mut keys);
    let quoted = document.split('`').skip(1).step_by(2);
    let words: BTreeSet<&str> =
        quoted.flat_map(|span| span.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
    let missing: Vec<_> = keys.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "docs/configuration.md lacks {missing:?}");
    // The first column of each table of keys.
    let tables = document.split("\n| key |").skip(1).map(|table| table.split("\n\n").next().unwrap_or_default());
    for row in tables.flat_map(str::lines).filter(|line| line.starts_with("| `")) {
        let first = row.split('|').nth(1).unwrap_or_default();
        for key in first.split('`').skip(1).step_by(2).filter_map(|name| name.rsplit('.').next()) {
            assert!(keys.contains(key), "docs/configuration.md has {key:?}, which nothing reads");
        }
    }
}
