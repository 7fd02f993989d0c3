//! Change events as Debezium writes them for a Postgres table of listings.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// A row's key, as the record's key.
pub fn key(id: u64) -> String {
    json!({ "id": id }).to_string()
}

/// A row. Its title is unmistakable, to find it in texts and not in logs.
pub fn row(id: u64, price: &str, stock: u64) -> Value {
    json!({
        "id": id, "title": format!("Walnut desk {id}"), "price": price, "currency": "USD", "prod_stk_qty": stock,
    })
}

/// An envelope.
pub fn envelope(op: &str, before: Value, after: Value) -> String {
    static LSN: AtomicU64 = AtomicU64::new(30_000_000);
    let lsn = LSN.fetch_add(56, Ordering::Relaxed);
    let ms = jiff::Timestamp::now().as_millisecond();
    json!({
        "before": before,
        "after": after,
        "source": {
            "version": "3.6.3.Final", "connector": "postgresql", "name": "shop", "ts_ms": ms - 40,
            "snapshot": if op == "r" { "true" } else { "false" }, "db": "shop", "sequence": format!("[\"{lsn}\",\"{lsn}\"]"),
            "ts_us": (ms - 40) * 1000, "ts_ns": (ms - 40) * 1_000_000, "schema": "public", "table": "listings",
            "txId": lsn % 100_000, "lsn": lsn, "xmin": null,
        },
        "transaction": null, "op": op, "ts_ms": ms, "ts_us": ms * 1000, "ts_ns": ms * 1_000_000,
    })
    .to_string()
}

/// A row's price goes from one to another.
pub fn price(id: u64, from: &str, to: &str) -> String {
    envelope("u", row(id, from, 3), row(id, to, 3))
}

/// A row sells out.
pub fn sold_out(id: u64) -> String {
    envelope("u", row(id, "10.00", 1), row(id, "10.00", 0))
}

/// Nothing changed but the source wrote the row.
pub fn no_op(id: u64) -> String {
    envelope("u", row(id, "10.00", 3), row(id, "10.00", 3))
}
