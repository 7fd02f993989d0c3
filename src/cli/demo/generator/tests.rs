use serde_json::Value;

use super::*;

const NOW_MS: i64 = 1_795_500_000_123;

fn values(records: &[OutRecord]) -> Vec<Value> {
    records
        .iter()
        .filter_map(|record| record.value.as_deref())
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
}

fn run(seed: u64, count: usize) -> Vec<OutRecord> {
    let mut shop = Shop::new(seed);
    (0..count as i64).flat_map(|step| shop.next(NOW_MS + step * 1_000)).collect()
}

#[test]
fn the_same_seed_gives_the_same_changes() {
    assert_eq!(run(7, 200), run(7, 200));
    assert_ne!(run(7, 200), run(8, 200));
}

#[test]
fn an_envelope_has_the_keys_of_the_captures_in_their_order() {
    let record = Shop::new(1).price(NOW_MS).remove(0);
    let value = &values(std::slice::from_ref(&record))[0];
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(value), "before after source transaction op ts_ms ts_us ts_ns");
    assert_eq!(
        keys(&value["source"]),
        "version connector name ts_ms snapshot db sequence ts_us ts_ns schema table txId lsn xmin origin origin_lsn"
    );
    assert_eq!(
        keys(&value["after"]),
        "id sku title description prod_stk_qty price currency status tags attributes seller_id external_uuid listed_on \
         reserved_until updated_at condition"
    );
    assert_eq!(value["after"]["updated_at"], "2026-11-24T06:00:00.123000Z");
    assert_eq!(record.topic, "shop.public.listings");
    assert_eq!(record.key.unwrap(), format!("{{\"id\":{}}}", value["after"]["id"]));
    assert_eq!(record.headers.len(), 4);
    assert!(record.headers.iter().all(|(name, _)| name.starts_with("__debezium.context.")));
}

#[test]
fn source_positions_only_grow_and_times_agree() {
    let mut last = (0, 0);
    for value in values(&run(3, 500)) {
        let source = &value["source"];
        let position = (source["lsn"].as_u64().unwrap(), source["txId"].as_u64().unwrap());
        assert!(position.0 > last.0 && position.1 > last.1);
        last = position;
        assert_eq!(source["ts_us"].as_i64().unwrap() / 1_000, source["ts_ms"].as_i64().unwrap());
        assert!(source["ts_ms"].as_i64() < value["ts_ms"].as_i64());
    }
}

#[test]
fn every_kind_of_change_happens_and_the_images_agree() {
    let records = run(42, 1_000);
    let mut rows = std::collections::HashMap::new();
    let (mut sold_out, mut no_ops, mut creates, mut deletes) = (0, 0, 0, 0);
    for value in values(&records) {
        let (before, after) = (&value["before"], &value["after"]);
        let id = before["id"].as_i64().or(after["id"].as_i64()).unwrap();
        if let Some(known) = rows.insert(id, after.clone()) {
            assert_eq!(&known, before, "the old image is the last new one");
        }
        assert!(after.is_null() || after["prod_stk_qty"].as_i64().unwrap() >= 0);
        match value["op"].as_str().unwrap() {
            "c" => creates += 1,
            "d" => deletes += 1,
            _ => {
                no_ops += usize::from(before == after);
                sold_out += usize::from(before["prod_stk_qty"] != 0 && after["prod_stk_qty"] == 0);
            }
        }
    }
    assert!(sold_out > 10 && no_ops > 10 && creates > 10 && deletes > 10);
    assert_eq!(records.iter().filter(|record| record.value.is_none()).count(), deletes);
}

#[test]
fn the_buttons_always_do_what_they_say() {
    let mut shop = Shop::new(5);
    for _ in 0..60 {
        let price = values(&shop.price(NOW_MS)).remove(0);
        assert_ne!(price["before"]["price"], price["after"]["price"]);
        let sold = values(&shop.sell_out(NOW_MS)).pop().unwrap();
        assert_ne!(sold["before"]["prod_stk_qty"], 0);
        assert_eq!(sold["after"]["prod_stk_qty"], 0);
        let one = values(&shop.sell_one(NOW_MS)).pop().unwrap();
        let stock = |image: &Value| image["prod_stk_qty"].as_i64().unwrap();
        assert_eq!(stock(&one["before"]) - 1, stock(&one["after"]));
    }
    assert_eq!(shop.burst(NOW_MS).len(), BURST_CHANGES);
}
