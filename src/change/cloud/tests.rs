//! CloudEvents.

use crate::change::tests::{Sample, summary};
use crate::change::{Skim, skim};

const ATTRIBUTES: &str = r#""id":"name:shop;lsn:1","specversion":"1.0","type":"io.debezium.connector.postgresql.DataChangeEvent","time":"2026-11-23T20:00:57.940Z","datacontenttype":"application/json","iodebeziumconnector":"postgresql","iodebeziumname":"shop","iodebeziumtsms":"1795464057940","iodebeziumsnapshot":"false","iodebeziumdb":"shop","iodebeziumschema":"public","iodebeziumtable":"listings","iodebeziumlsn":"29274832","iodebeziumtxid":"7""#;

#[test]
fn the_parts_may_stand_in_data_or_in_extensions() {
    let images = r#""before":{"id":1,"a":1},"after":{"id":1,"a":2}"#;
    let source = r#""source":{"connector":"postgresql","name":"shop","ts_ms":1795464057940,"schema":"public","table":"listings"}"#;
    for value in [
        format!(r#"{{"source":"/debezium/postgresql/shop",{ATTRIBUTES},"iodebeziumop":"u","data":{{{images}}}}}"#),
        format!(r#"{{"source":"x",{ATTRIBUTES},"data":{{{images},{source},"op":"u"}}}}"#),
        format!(
            r#"{{"source":"x",{ATTRIBUTES},"iodebeziumop":"u","data":{{"schema":{{"type":"struct","fields":[]}},"payload":{{{images}}}}}}}"#
        ),
    ] {
        let change = Sample::new(&value).decode();
        assert_eq!(
            (summary(&change), &*change.table, &*change.server),
            (vec!["a 1 -> 2".to_owned()], "public.listings", "shop")
        );
        assert_eq!(change.time_us, Some(1_795_464_057_940_000));
    }
}

#[test]
fn other_cloud_events_are_not_changes() {
    for value in [
        r#"{"specversion":"1.0","id":"1","source":"x","type":"t","data":{"a":1}}"#,
        r#"{"specversion":"1.0","data":1}"#,
    ] {
        assert_eq!(skim(&Sample::new(value).record()).expect("skims").kind(), Skim::Unknown.kind());
    }
    let odd = format!(r#"{{{ATTRIBUTES},"iodebeziumop":"u","data":{{"after":1}}}}"#);
    assert_eq!(Sample::new(&odd).error(), "after: expected an object, found a number");
}
