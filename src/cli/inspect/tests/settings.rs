//! The same rows under other settings of their connector, and reshaped by its transformations, as captured.

use super::*;

fn changes_of(file: &str) -> Vec<Json> {
    let lines = lines_of(file, &NoHints).into_iter().map(|line| serde_json::from_str::<Json>(&line).expect("JSON"));
    lines.filter(|line| line["kind"] == "change").collect()
}

/// By column its type and its value.
type Columns = BTreeMap<String, (Json, Json)>;

/// What a row's create says, for each server.
fn rows(file: &str, id: u64) -> Vec<(String, Columns)> {
    let of_row = |line: &Json| line["op"] == "create" && line["key"]["id"] == id;
    let read = |line: Json| {
        let columns = line["changes"].as_array().expect("changes").iter();
        let columns = columns.map(|column| {
            (column["column"].as_str().unwrap_or_default().to_owned(), (column["type"].clone(), column["new"].clone()))
        });
        let (server, _) = line["topic"].as_str().and_then(|topic| topic.split_once('.')).expect("a server");
        (server.to_owned(), columns.collect())
    };
    changes_of(file).into_iter().filter(of_row).map(read).collect()
}

/// Compares the rows of all servers with the first one's, but for the columns of a server that its settings cut, round,
/// or give another type.
fn agree(file: &str, id: u64, but: &[(&str, &[&str])]) {
    let rows = rows(file, id);
    assert_eq!(rows.len(), 4, "{file}: {id}");
    let (_, expected) = &rows[0];
    let mut compared = 0;
    for (server, row) in &rows[1..] {
        assert_eq!(row.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{server}");
        let excepted = |name: &str| but.iter().any(|(of, names)| (*of == "*" || of == server) && names.contains(&name));
        for (name, (ty, value)) in row.iter().filter(|(name, _)| !excepted(name)) {
            let (text_or, same) = &expected[name];
            assert_eq!(value, same, "{file}: {server}: {id}: {name}");
            // Under decimal.handling.mode=string a decimal is a text.
            assert!(ty == text_or || ty == "decimal" && text_or == "text", "{file}: {server}: {name}: {ty} {text_or}");
            compared += usize::from(!value.is_null());
        }
    }
    assert!(compared > 15, "{file}: {id}: only {compared} values compared");
}

#[test]
fn settings_of_the_postgres_connector_change_the_spelling_and_no_value() {
    // binary.handling.mode makes texts, intervals are ISO texts or microseconds, hstore is a map or a document.
    let spelt: &[&str] = &["by", "aby", "iv", "h"];
    let float: &[&str] = &["num", "numv", "money", "an"];
    agree("postgres-settings.jsonl", 2, &[("*", spelt), ("p4", float), ("p5", &["tm", "ts", "ats"])]);
    // An ISO text has no 24:00, precise decimals have no NaN, and microseconds of milliseconds are cut.
    agree("postgres-settings.jsonl", 3, &[("*", spelt), ("*", &["tm", "numv"]), ("p4", float)]);
    // Nanoseconds do not reach the year 12026.
    agree("postgres-settings.jsonl", 5, &[("*", spelt), ("p4", float), ("p4", &["ts"]), ("p5", &["tm"])]);
    let bytes = rows("postgres-settings.jsonl", 2).into_iter().map(|(_, row)| row["by"].1.clone());
    assert_eq!(bytes.collect::<Vec<_>>(), ["00ff10", "AP8Q", "AP8Q", "\\x00ff10"].map(Json::from));
}

#[test]
fn infinite_dates_and_times_read_the_same_alone_and_in_arrays_under_any_precision() {
    for (server, row) in rows("postgres-settings.jsonl", 3) {
        for (name, expected) in [
            ("dt", json!("infinity")),
            ("ts", json!("-infinity")),
            ("tsz", json!("infinity")),
            ("ad", json!(["infinity", "-infinity"])),
            ("ats", json!(["infinity", "-infinity"])),
            ("atz", json!(["infinity", "-infinity"])),
        ] {
            assert_eq!(row[name].1, expected, "{server}: {name}");
        }
    }
}

#[test]
fn settings_of_the_mariadb_connector_change_the_spelling_and_no_value() {
    let but: &[(&str, &[&str])] = &[("*", &["bin", "vb", "bl", "tm6"]), ("m3", &["n", "nu", "bu", "dt6"])];
    agree("mariadb-settings.jsonl", 2, but);
    let rows = rows("mariadb-settings.jsonl", 2);
    let of = |server: &str, name: &str| rows.iter().find(|(of, _)| of == server).expect("a row").1[name].clone();
    assert_eq!(of("m1", "e"), (json!("enum"), json!("b,c")), "an option with a comma");
    assert_eq!(of("m3", "bu"), (json!("decimal"), json!("18446744073709551615")));
    assert_eq!(of("m2", "tm6"), (json!("time"), json!("-838:59:59.000001")));
    assert_eq!(of("m4", "tm6"), of("m2", "tm6"));
}

#[test]
fn reshaped_rows_keep_their_table_their_time_and_what_became_of_their_key() {
    let all = changes_of("postgres-reshaped.jsonl");
    let ops = |server: &str, table: &str| {
        let of = |line: &&Json| {
            line["topic"].as_str().is_some_and(|topic| topic.starts_with(server)) && line["table"] == table
        };
        let op = |line: &Json| {
            let rekeyed = ["rekeyed_from", "rekeyed_to"].into_iter().find(|name| !line[name].is_null());
            assert_eq!(line["time"].is_string(), matches!(server, "eu.shop-7." | "p11." | "p12." | "p9."), "{line}");
            format!("{}{}", line["op"].as_str().unwrap_or_default(), rekeyed.map_or("", |name| &name[7..]))
        };
        all.iter().filter(of).map(op).collect::<Vec<_>>().join(" ")
    };
    let whole = "create update delete_to create_from delete";
    for server in ["eu.shop-6.", "eu.shop-7.", "p11.", "p12."] {
        assert_eq!(ops(server, "public.dk"), whole, "{server}");
    }
    // It drops deletes.
    assert_eq!(ops("p8.", "public.dk"), "create update create_from");
    assert_eq!(ops("p9.", "public.dk"), "create update delete_to create_from");
    for server in ["eu.shop-7.", "p11.", "p12."] {
        assert_eq!(ops(server, "public.Odd Name.x"), "create update delete", "a dot and a blank: {server}");
    }
    assert_eq!(ops("p8.", "public.Odd Name.x"), "create update");
    // Its table was added under a name that nobody can know.
    assert_eq!(ops("eu.shop-6.", "public.Odd_Name.x"), "create update delete");
}

#[test]
fn an_outbox_payload_is_no_row_whatever_its_fields_are_called() {
    let lines = lines_of("postgres-reshaped.jsonl", &NoHints);
    let outbox = lines.iter().filter(|line| line.contains("outbox.event.order")).collect::<Vec<_>>();
    assert_eq!(outbox, [r#"{"topic":"outbox.event.order","partition":0,"offset":0,"kind":"unknown"}"#]);
}
