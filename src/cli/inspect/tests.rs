//! What people see of the captures.

mod settings;

use super::*;
use crate::change::tests::{CAPTURES, capture, schemas};
use crate::change::{ColumnHint, NoHints, NoSchemas};
use crate::cli::input::AtHand;
use crate::cli::records::read_records;
use std::collections::BTreeMap;

const NOWHERE: AtHand = AtHand::Nowhere(NoSchemas);

fn of_file<'t>(name: &str, text: &'t str) -> impl Iterator<Item = Result<CapturedRecord, InputError>> + use<'t> {
    read_records(name, text.as_bytes()).map(|read| Ok(read?))
}

fn lines_of(file: &str, hints: &dyn Hints) -> Vec<String> {
    let mut out = Vec::new();
    let schemas = if file.contains("avro") { AtHand::File(schemas(file)) } else { NOWHERE };
    let mut inspector = Inspector::new(hints, &schemas);
    inspector.write(capture(file).into_iter().map(Ok), &mut out).expect("inspects");
    let inspected = inspector.inspected;
    let text = String::from_utf8(out).expect("UTF-8");
    assert_eq!(inspected.errors, 0, "{file}: {text}");
    assert_eq!(text.lines().count() as u64, inspected.records, "{file}");
    text.lines().map(str::to_owned).collect()
}

fn line(file: &str, topic: &str, partition: i32, offset: i64) -> String {
    let start = format!(r#"{{"topic":"{topic}","partition":{partition},"offset":{offset},"#);
    lines_of(file, &NoHints).into_iter().find(|line| line.starts_with(&start)).expect("the record")
}

#[test]
fn an_update_reads_as_documented() {
    assert_eq!(
        line("postgres-json-schema.jsonl", "shopschema.public.listings", 3, 2),
        r#"{"topic":"shopschema.public.listings","partition":3,"offset":2,"kind":"change","op":"update","connector":"postgresql","table":"public.listings","key":{"id":1},"snapshot":false,"time":"2026-11-23T20:00:57.940441Z","changes":[{"column":"price","type":"decimal","old":"250000.00","new":"199999.95"}],"before_unknown":false,"unavailable":[]}"#
    );
}

#[test]
fn every_mariadb_type_reads_as_documented() {
    assert_eq!(
        line("mariadb-json-schema.jsonl", "store.store.products", 1, 0),
        r#"{"topic":"store.store.products","partition":1,"offset":0,"kind":"change","op":"read","connector":"mariadb","table":"store.products","key":{"id":1},"snapshot":true,"time":"2026-11-23T20:01:04Z","changes":[{"column":"id","type":"int","new":1},{"column":"name","type":"text","new":"Käse & Brot"},{"column":"price","type":"decimal","new":"4.50"},{"column":"qty_on_hand","type":"int","new":100},{"column":"big_id","type":"int","new":-1},{"column":"flags","type":"set","new":["new","eco"]},{"column":"grade","type":"enum","new":"b"},{"column":"is_active","type":"int","new":1},{"column":"made_year","type":"int","new":2024},{"column":"blob_col","type":"bytes","new":"\\x00ff10"},{"column":"bits","type":"bits","new":"101010"},{"column":"created","type":"timestamp","new":"2026-11-23T20:00:02"},{"column":"changed","type":"instant","new":"2026-11-23T20:00:02.86631Z"},{"column":"duration","type":"time","new":"-12:30:15"},{"column":"notes","type":"text","new":"{\"a\":1}"}],"before_unknown":false,"unavailable":[],"hints":["big_id: is negative; if it is BIGINT UNSIGNED, set columns.big_id.type: unsigned, or bigint.unsigned.handling.mode=precise in the connector"]}"#
    );
}

#[test]
fn key_changes_messages_and_the_rest_read_as_documented() {
    let schema = "postgres-json-schema.jsonl";
    let create = line(schema, "shopschema.public.inventory", 2, 0);
    assert!(create.contains(r#""key":{"warehouse":"EU2","sku":"CHAIR-001"},"rekeyed_from":{"warehouse":"EU1","sku":"CHAIR-001"},"snapshot":false"#), "{create}");
    let delete = lines_of(schema, &NoHints).into_iter().find(|l| l.contains("rekeyed_to")).expect("a delete");
    assert!(
        delete.contains(r#""op":"delete""#) && delete.contains(r#""rekeyed_to":{"warehouse":"EU2","sku":"CHAIR-001"}"#),
        "{delete}"
    );
    assert_eq!(
        line("postgres-json.jsonl", "shop.message", 3, 0),
        r#"{"topic":"shop.message","partition":3,"offset":0,"kind":"message","connector":"postgresql","message":{"prefix":"rowbell","content":"{\"text\":\"hello from the application\"}"},"time":"2026-11-23T20:00:57.967957Z"}"#
    );
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines_of("postgres-json.jsonl", &NoHints).iter().chain(&lines_of("mariadb-json-schema.jsonl", &NoHints))
    {
        let line: Json = serde_json::from_str(line).expect("JSON");
        *kinds.entry(line["kind"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    assert_eq!(kinds, ["change 41", "heartbeat 2", "message 2", "schema_change 7", "tombstone 5", "transaction 4"]);
}

#[test]
fn a_delete_under_the_default_identity_shows_its_key_only() {
    let delete = lines_of("postgres-json.jsonl", &NoHints)
        .into_iter()
        .find(|l| l.contains(r#""table":"public.sellers""#) && l.contains(r#""op":"delete""#))
        .expect("a delete");
    assert!(delete.contains(r#""changes":[{"column":"id","type":"int","old":2}],"before_unknown":true"#), "{delete}");
}

#[test]
fn infinities_and_values_not_sent_are_told() {
    let schema = lines_of("postgres-json-schema.jsonl", &NoHints);
    let endless = schema.iter().find(|l| l.contains("\"NaN\"")).expect("the infinities");
    for part in [
        r#""c_real","type":"float","new":"NaN""#,
        r#""c_double","type":"float","new":"Infinity""#,
        r#""c_date","type":"date","new":"infinity""#,
        r#""c_ts","type":"timestamp","new":"infinity""#,
        r#""c_tstz","type":"instant","new":"-infinity""#,
    ] {
        assert!(endless.contains(part), "{part}: {endless}");
    }
    for file in CAPTURES {
        for line in lines_of(file, &NoHints) {
            assert!(!line.contains("__debezium_unavailable_value"), "{file}: {line}");
        }
    }
    assert!(schema.iter().any(|l| l.contains(r#""unavailable":["c_text"]"#)));
}

/// The types of the shop's columns, as a config would have them for messages without a schema.
struct Shop;

impl Hints for Shop {
    fn full_identity(&self, _: &str, table: &str) -> Option<bool> {
        Some(table == "public.listings")
    }

    fn column_type(&self, _: &str, table: &str, column: &str) -> Option<ColumnHint> {
        let word = match (table, column) {
            ("public.listings", "price") => "decimal(2)",
            ("public.listings", "listed_on") => "date",
            ("public.listings", "reserved_until" | "updated_at") => "instant",
            ("public.listings", "attributes") => "json",
            ("public.listings", "external_uuid") => "uuid",
            ("public.listings", "status") => "enum",
            ("public.sellers", "balance") => "decimal",
            ("public.sellers", "joined") => "timestamp_us",
            ("public.all_types", column) => match column {
                "c_num_ps" => "decimal(6)",
                "c_num" => "decimal",
                "c_money" => "decimal(2)",
                "c_bytea" => "bytes",
                "c_date" => "date",
                "c_time" => "time_us",
                "c_ts" => "timestamp_us",
                "c_ts3" => "timestamp_ms",
                "c_tstz" => "instant",
                "c_interval" => "duration_us",
                "c_uuid" => "uuid",
                "c_json" | "c_jsonb" | "c_hstore" => "json",
                "c_xml" => "xml",
                "c_bit8" => "bits(8)",
                "c_varbit" => "bits(16)",
                "c_point" => "point",
                "c_enum" => "enum",
                "c_real" | "c_double" => "float",
                _ => return None,
            },
            _ => return None,
        };
        Some(word.parse().expect("a type"))
    }
}

/// The changes of a capture by what identifies them, whatever the order in the file.
fn by_identity(file: &str) -> BTreeMap<String, Json> {
    let mut changes = BTreeMap::new();
    for text in lines_of(file, &Shop) {
        let line: Json = serde_json::from_str(&text).expect("JSON");
        // Truncates were captured once only, and signals carry ids of their own.
        if line["kind"] != "change" || line["op"] == "truncate" || line["table"] == "public.debezium_signal" {
            continue;
        }
        // Snapshots were taken at times of their own.
        let time = if line["snapshot"] == true { &Json::Null } else { &line["time"] };
        let identity = format!("{} {} {} {time}", line["table"], line["op"], line["key"]);
        changes.entry(identity).or_insert_with(|| Json::Array(vec![])).as_array_mut().expect("an array").push(line);
    }
    changes
}

/// What no config can say of a column without a schema: the types of an array's elements, and what a
/// connector has made a text before it was sent.
fn comparable(line: &Json) -> BTreeMap<String, (Json, Json, Json)> {
    let columns = line["changes"].as_array().expect("changes").iter();
    columns
        .filter(|column| !matches!(column["column"].as_str(), Some("c_num_arr" | "c_timetz")))
        .map(|column| {
            let plain_null = column["old"].is_null() && column["new"].is_null();
            let ty = if plain_null { Json::Null } else { column["type"].clone() };
            let name = column["column"].as_str().unwrap_or_default().to_owned();
            // decimal.handling.mode=string knows NaN, precise decimals have no bytes for it.
            let special = |side: &Json| {
                if side == "NaN" && name == "c_num" { Json::Null } else { side.clone() }
            };
            let ty =
                if special(&column["new"]).is_null() && special(&column["old"]).is_null() { Json::Null } else { ty };
            (name.clone(), (ty, special(&column["old"]), special(&column["new"])))
        })
        .collect()
}

#[test]
fn the_same_changes_read_the_same_with_and_without_a_schema() {
    let with_schema = by_identity("postgres-json-schema.jsonl");
    assert!(with_schema.len() > 20, "{}", with_schema.len());
    for (file, least) in
        [("postgres-json.jsonl", 20), ("postgres-json-precise-decimal.jsonl", 20), ("postgres-avro.jsonl", 20)]
    {
        let mut compared = 0;
        for (identity, lines) in by_identity(file) {
            let Some(expected) = with_schema.get(&identity) else {
                continue;
            };
            for (line, expected) in lines.as_array().expect("lines").iter().zip(expected.as_array().expect("lines")) {
                assert_eq!(comparable(line), comparable(expected), "{file}: {identity}");
                for field in ["before_unknown", "unavailable", "rekeyed_from", "rekeyed_to", "snapshot"] {
                    assert_eq!(line[field], expected[field], "{file}: {identity}: {field}");
                }
                compared += 1;
            }
        }
        assert!(compared > least, "{file}: only {compared} changes compared");
    }
}

#[test]
fn apicurio_frames_of_the_same_changes_read_the_same() {
    let [headers, long_ids] =
        ["headers", "long-ids"].map(|kind| by_identity(&format!("postgres-avro-apicurio-{kind}.jsonl")));
    assert_eq!(headers.len(), 5);
    assert_eq!(headers.keys().collect::<Vec<_>>(), long_ids.keys().collect::<Vec<_>>());
    for (lines, others) in headers.values().zip(long_ids.values()) {
        for (line, other) in lines.as_array().expect("lines").iter().zip(others.as_array().expect("lines")) {
            assert_eq!(line["changes"], other["changes"]);
        }
    }
}

#[test]
fn a_record_that_cannot_be_decoded_is_a_line_and_the_next_goes_on() {
    let input = "{\"topic\":\"t\",\"value\":\"{\\\"op\\\":\\\"c\\\",\"}\n{\"topic\":\"t\",\"value\":null}\n";
    let mut out = Vec::new();
    let mut inspector = Inspector::new(&NoHints, &NOWHERE);
    inspector.write(of_file("-", input), &mut out).expect("inspects");
    assert_eq!(inspector.inspected, Inspected { records: 2, errors: 1 });
    assert_eq!(
        String::from_utf8(out).expect("UTF-8"),
        concat!(
            r#"{"topic":"t","partition":0,"offset":0,"kind":"error","error":"value: not valid JSON at byte 10: expected a key"}"#,
            "\n",
            r#"{"topic":"t","partition":0,"offset":1,"kind":"tombstone"}"#,
            "\n"
        )
    );
}

#[test]
fn unreadable_input_ends_the_inspection_with_file_and_line() {
    let mut out = Vec::new();
    let records = of_file("f", "{\"topic\":\"t\"}\nx");
    let error = Inspector::new(&NoHints, &NOWHERE).write(records, &mut out).expect_err("an error");
    assert!(error.to_string().starts_with("f:2: "), "{error}");
    assert!(!out.is_empty());
}

#[test]
fn filters_leave_the_lines_that_were_asked_for() {
    let count = |filter: Filter| {
        let mut inspector = Inspector::new(&NoHints, &NOWHERE);
        inspector.filter = filter;
        let mut out = Vec::new();
        inspector.write(capture("postgres-json.jsonl").into_iter().map(Ok), &mut out).expect("inspects");
        String::from_utf8(out).expect("UTF-8").lines().count()
    };
    let text = |text: &str| Some(text.to_owned());
    let listings = Filter { table: text("public.listings"), ..Filter::default() };
    assert!(count(listings.clone()) > 10);
    assert_eq!(count(Filter { op: text("truncate"), ..Filter::default() }), 1);
    assert_eq!(count(Filter { op: text("update"), changed: text("price"), ..listings.clone() }), 1);
    assert_eq!(count(Filter { limit: Some(3), ..listings }), 3);
}
