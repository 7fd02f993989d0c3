//! What changed, told honestly.

use super::*;
use crate::change::tests::{Sample, summary};
use crate::change::{ColumnHint, Identities, Known, NoHints};

#[test]
fn an_update_tells_old_and_new_of_what_differs() {
    let change = Sample::change("u", r#"{"id":1,"n":1,"t":"a"}"#, r#"{"id":1,"n":2,"t":null}"#).decode();
    assert_eq!(summary(&change), ["n 1 -> 2", r#"t "a" -> null"#]);
    assert!(!change.before_unknown);
    assert_eq!(change.changes[1].ty, Type::Text);
}

#[test]
fn an_update_that_changes_only_spelling_changes_nothing() {
    let change = Sample::change("u", r#"{"id":1,"n":5,"t":"\u0061"}"#, r#"{"t":"a","id":1,"n":5.0}"#).decode();
    assert_eq!(summary(&change), [""; 0]);
}

#[test]
fn an_update_without_an_old_image_shows_every_column_as_new() {
    let change = Sample::change("u", "null", r#"{"id":1,"n":null}"#).decode();
    assert_eq!(summary(&change), ["id - -> 1", "n - -> null"]);
    assert!(change.before_unknown && change.before.is_none());
    assert_eq!(change.remedy().as_deref(), Some("ALTER TABLE public.listings REPLICA IDENTITY FULL"));
}

#[test]
fn the_comma_of_an_enums_option_is_escaped_by_mysql_alone() {
    let row =
        r#"{"type":"struct","optional":true,"fields":[{"type":"string","name":"io.debezium.data.Enum","field":"e"}]"#;
    for (connector, expected) in [("mysql", r#"e - -> "a,b""#), ("postgresql", r#"e - -> "a\\,b""#)] {
        let payload = Sample::of(connector, "c", "null", r#"{"e":"a\\,b"}"#).value.expect("a value");
        let payload = String::from_utf8(payload).expect("a text");
        let schema = format!(r#"{{"type":"struct","fields":[{row},"field":"before"}},{row},"field":"after"}}]}}"#);
        let change = Sample::new(&format!(r#"{{"schema":{schema},"payload":{payload}}}"#)).decode();
        assert_eq!((summary(&change), change.changes[0].ty), (vec![expected.to_owned()], Type::Enum));
    }
}

#[test]
fn the_remedy_quotes_names_that_are_no_plain_words() {
    for (table, sql) in [
        ("public.listings", "public.listings"),
        ("listings", "listings"),
        ("public.Odd Name.x", "public.\"Odd Name.x\""),
        ("Shop.a\"b", "\"Shop\".\"a\"\"b\""),
        ("public.2fa", "public.\"2fa\""),
    ] {
        assert_eq!(quoted(table), sql);
    }
}

#[test]
fn a_value_that_was_not_sent_is_no_change() {
    let change = Sample::change(
        "u",
        r#"{"id":1,"t":"long","o":"__debezium_unavailable_value"}"#,
        r#"{"id":1,"t":"__debezium_unavailable_value","o":"x"}"#,
    )
    .decode();
    assert_eq!(summary(&change), [r#"o - -> "x""#]);
    assert_eq!(change.unavailable, ["t".into()]);
    let unknown = Sample::change("u", "null", r#"{"id":1,"t":["__debezium_unavailable_value"]}"#).decode();
    assert_eq!(summary(&unknown), ["id - -> 1"]);
    assert_eq!(unknown.unavailable, ["t".into()]);
}

#[test]
fn columns_that_come_and_go_are_changes_when_they_hold_something() {
    let change = Sample::change("u", r#"{"id":1,"gone":1,"void":null}"#, r#"{"id":1,"added":2,"empty":null}"#).decode();
    assert_eq!(summary(&change), ["added - -> 2", "gone 1 -> -"]);
}

#[test]
fn the_invented_columns_of_a_postgres_delete_are_not_shown() {
    let sample = Sample::change("d", r#"{"id":1,"name":"","n":0}"#, "null");
    let change = sample.decode();
    assert_eq!(summary(&change), ["id 1 -> -"]);
    assert!(change.before_unknown);
    assert_eq!(change.before.map(|row| row.columns.len()), Some(1));

    let mut identities = Identities::default();
    identities.learn("shop", "public.listings", true);
    let change = sample.envelope().change(&Known { config: &NoHints, learnt: &identities }).expect("decodes");
    assert_eq!(summary(&change), ["id 1 -> -", r#"name "" -> -"#, "n 0 -> -"]);
    assert!(!change.before_unknown);
}

#[test]
fn other_deletes_show_their_whole_old_image() {
    let images = (r#"{"id":1,"n":0}"#, "null");
    let mysql = Sample::of("mysql", "d", images.0, images.1).decode();
    assert_eq!(summary(&mysql), ["id 1 -> -", "n 0 -> -"]);
    let keyless = Sample::change("d", images.0, images.1).key(None).decode();
    assert_eq!(summary(&keyless), ["id 1 -> -", "n 0 -> -"]);
}

#[test]
fn a_primary_key_change_names_both_keys_and_is_judged_as_one_update() {
    let create = Sample::change("c", "null", r#"{"w":"EU2","sku":"A","qty":3}"#)
        .key(Some(r#"{"w":"EU2","sku":"A"}"#))
        .header(OLD_KEY, r#"{"w":"EU1","sku":"A"}"#)
        .decode();
    assert_eq!(summary(&create), [r#"w - -> "EU2""#, r#"sku - -> "A""#, "qty - -> 3"]);
    assert!(create.is_rekey() && create.before_unknown);
    let judged = create.judged();
    assert_eq!(judged.op, Op::Update);
    assert_eq!(summary(&judged), [r#"w "EU1" -> "EU2""#, "qty - -> 3"]);

    let delete = Sample::change("d", r#"{"w":"EU1","sku":"A","qty":0}"#, "null")
        .key(Some(r#"{"w":"EU1","sku":"A"}"#))
        .header(NEW_KEY, r#"{"w":"EU2","sku":"A"}"#)
        .decode();
    assert_eq!(
        delete.rekeyed_to.as_ref().and_then(|key| key.get("w")).map(|c| c.value.plain().into_owned()),
        Some("EU2".into())
    );
    assert_eq!(delete.clone().judged(), delete);
}

#[test]
fn the_key_may_come_in_any_dress() {
    let key = |key: Option<&str>| {
        Sample::of("mysql", "u", r#"{"id":1}"#, r#"{"id":1}"#).key(key).decode().key.map(|row| {
            row.columns.iter().map(|c| format!("{} {}", c.name, c.value.canonical())).collect::<Vec<_>>().join(",")
        })
    };
    assert_eq!(key(None), None);
    assert_eq!(key(Some("null")), None);
    assert_eq!(key(Some(r#"{"schema":null,"payload":null}"#)), None);
    assert_eq!(key(Some(r#"{"id":1}"#)).as_deref(), Some("id 1"));
    assert_eq!(key(Some(r#"{"schema":{"type":"struct","fields":[{"type":"int32","name":"io.debezium.time.Date","field":"id"}]},"payload":{"id":1}}"#)).as_deref(), Some(r#"id "1970-01-02""#));
    assert_eq!(key(Some("17")).as_deref(), Some("key 17"));
    assert_eq!(key(Some("Struct{id=1}")).as_deref(), Some(r#"key "Struct{id=1}""#));
    assert_eq!(key(Some("name")).as_deref(), Some(r#"key "name""#));
}

#[test]
fn a_configured_type_counts_where_the_record_has_none_and_gives_way_where_it_does_not_fit() {
    struct Typed;
    impl Hints for Typed {
        fn full_identity(&self, _: &str, _: &str) -> Option<bool> {
            None
        }
        fn column_type(&self, server: &str, table: &str, column: &str) -> Option<ColumnHint> {
            assert_eq!((server, table), ("shop", "public.listings"));
            (column == "on").then(|| "date".parse().expect("a type"))
        }
    }
    let sample = Sample::change("u", r#"{"id":1,"on":20468}"#, r#"{"id":1,"on":"someday"}"#);
    let change = sample.envelope().change(&Typed).expect("decodes");
    assert_eq!(summary(&change), [r#"on "2026-01-15" -> "someday""#]);
    assert_eq!(change.changes[0].ty, Type::Text);
}

#[test]
fn a_column_sent_twice_is_an_error_that_names_it() {
    let twice = r#"{"id":1,"price":1,"price":2}"#;
    assert_eq!(Sample::change("c", "null", twice).error(), "after.price: sent twice");
    let many: Vec<String> = (0..100).map(|n| format!("\"c{n}\":1")).collect();
    let many = format!("{{{},\"c40\":1}}", many.join(","));
    assert_eq!(Sample::change("u", &many, r#"{"id":1}"#).error(), "before.c40: sent twice");
}

#[test]
fn kafkas_own_numbers_are_keys() {
    for (bytes, expected) in [
        (&7_i64.to_be_bytes()[..], "7"),
        (&(-7_i64).to_be_bytes(), "-7"),
        (&7_i32.to_be_bytes(), "7"),
        (&(-2_i32 << 20).to_be_bytes(), "-2097152"),
        (b"abcd", "\"abcd\""),
        (b"12345678", "12345678"),
    ] {
        let sample = Sample::of("mysql", "u", r#"{"id":1}"#, r#"{"id":1}"#);
        let mut record = sample.record();
        record.key = Some(bytes);
        let Ok(crate::change::Skim::Change(envelope)) = crate::change::skim(&record) else { panic!("{bytes:?}") };
        let key = envelope.change(&crate::change::NoHints).expect("decodes").key.expect("a key");
        assert_eq!(key.columns[0].value.canonical().to_string(), expected, "{bytes:?}");
    }
}
