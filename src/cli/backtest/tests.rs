use super::run::{Ended, Run};
use super::{history, show};
use crate::cli::input::AtHand;
use crate::cli::text::Style;
use crate::config::{self, Config, Report};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const SHOP: &str = include_str!("../../../tests/fixtures/config/shop.yaml");
const EVENTS: &str = "tests/fixtures/debezium/postgres-json.jsonl";

fn parsed(text: &str) -> Arc<Config> {
    let parsed = config::parse_without_secrets(text, Report::new("shop.yaml"), &|_| None);
    Arc::new(parsed.unwrap_or_else(|report| panic!("{report}")).0)
}

fn backtest(config: &Arc<Config>, files: &[PathBuf]) -> Ended {
    let at_hand = AtHand::new(None, &[], None).expect("no schemas");
    let mut run = Run::new("shop.yaml", config, &at_hand, Duration::from_millis(200)).expect("it starts");
    let history = history::files(files).unwrap_or_else(|_| panic!("files"));
    for record in history {
        run.see(&record.expect("a record")).expect("no registry is asked");
    }
    run.end()
}

#[test]
fn the_captured_day_is_counted() {
    let ended = backtest(&parsed(SHOP), &[PathBuf::from(EVENTS)]);
    insta::assert_snapshot!(show::text(&[ended], Style::Plain));
}

/// Updates of so many rows within a second, each with a priority by its number.
fn flood(rows: u64) -> tempfile::NamedTempFile {
    use std::io::Write;
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    for row in 0..rows {
        let value = format!(
            r#"{{"before":{{"id":{row},"qty":1}},"after":{{"id":{row},"qty":{}}},"op":"u","ts_ms":1700000000000,"source":{{"connector":"postgresql","name":"shop","schema":"public","table":"stock","ts_ms":1700000000000,"lsn":{row}}}}}"#,
            if row % 100 == 99 { 0 } else { 5 }
        );
        let line = serde_json::json!({
            "topic": "shop.public.stock", "partition": row % 2, "offset": row / 2, "timestamp_ms": 1_700_000_000_000_u64 + row,
            "key": format!("{{\"id\":{row}}}"), "value": value,
        });
        writeln!(file, "{line}").expect("written");
    }
    file
}

const STOCK: &str = "kafka: { brokers: b:1, topics: [shop.public.stock] }\n\
    tables: { public.stock: { replica_identity: full } }\n\
    destinations: { ops: { slack: { webhook_url: \"${env:U}\" } }, log: { webhook: { url: \"${env:W}\" }, rate: 10/s } }\n\
    rules:\n  - { name: out, table: public.stock, columns: [qty], when: after.qty == 0, priority: critical, to: [ops] }\n  \
    - { name: any, table: public.stock, to: [ops, log] }\n";

#[test]
fn a_flood_is_digested_where_digests_are_on_and_waits_where_they_are_off() {
    let file = flood(400);
    let ended = backtest(&parsed(STOCK), &[file.path().to_owned()]);
    let [ops, log] = &ended.destinations[..] else { panic!("two destinations") };
    assert_eq!((ops.changes, log.changes), (400, 400));
    assert_eq!(ops.posts + ops.folded + ops.digested + ops.nothing, 400, "{ops:?}");
    assert!(ops.digests >= 1 && ops.digested > 300, "{ops:?}");
    // Four are critical: one a second, and what was on the wire before.
    assert!(ops.waits[0] < Duration::from_secs(8), "{ops:?}");
    // 400 at ten a second, singly.
    assert_eq!((log.posts, log.digests), (400, 0));
    assert!(log.waits[1] > Duration::from_secs(35) && log.waits[1] < Duration::from_secs(45), "{log:?}");
    assert!(log.pending > 300, "{log:?}");
    assert_eq!(log.hours.values().sum::<u64>(), 400);
    assert_eq!(ended.rules[0].changes, 4);
    assert_eq!(ended.rules[1].changes, 400);
}

#[test]
fn two_configs_are_compared() {
    let file = flood(50);
    let files = [file.path().to_owned()];
    let one = backtest(&parsed(STOCK), &files);
    let mut other = backtest(
        &parsed(&STOCK.replace("qty == 0", "qty == 99").replace("log:", "audit:").replace("ops, log", "ops, audit")),
        &files,
    );
    other.file = "other.yaml".to_owned();
    let text = show::text(&[one, other], Style::Plain);
    let compared = text.split("shop.yaml against other.yaml").nth(1).expect("a comparison");
    assert!(compared.contains("log") && compared.contains("audit"), "{compared}");
    assert!(compared.contains("every rule wants the same changes"), "{compared}");
}

#[test]
fn files_are_read_in_the_order_of_their_times() {
    let (even, odd) = (flood(3), flood(3));
    let both = history::files(&[even.path().to_owned(), odd.path().to_owned()]).unwrap_or_else(|_| panic!("files"));
    let times: Vec<_> = both.map(|record| record.expect("a record").timestamp_ms).collect();
    assert!(times.is_sorted() && times.len() == 6, "{times:?}");
}
