//! A small shop whose listings keep changing, as Debezium would report it.
//!
//! The records look like those of the captures in `debezium-events/` (JSON without a schema, Postgres, full row
//! identity) and go on where these end: higher log positions and transaction ids, row ids of their own. Everything
//! follows from the seed and the calls made.

mod goods;
mod listing;

use fastrand::Rng;
use serde_json::{Value, json};

use goods::{GOODS, Good, TITLE_ADDITIONS};
use listing::Listing;

/// Where the generated changes go: the topic of the captured listings.
pub const TOPIC: &str = "shop.public.listings";

/// Listings at the start.
const LISTINGS_START: usize = 12;
/// Creates stop here, deletes at the lower bound, so that the shop stays the size it is.
const LISTINGS_MAX: usize = 15;
const LISTINGS_MIN: usize = 10;
/// Ids of generated rows start here; the captured rows have 1 to 3.
const FIRST_ID: i64 = 101;
/// Beyond the captures' last log position (28,057,064) and transaction (817).
const FIRST_LSN: u64 = 30_000_000;
const FIRST_TX_ID: u64 = 1_000;
/// Prices changed by one [`Shop::burst`].
const BURST_CHANGES: usize = 10;
/// What a real connector needs from the commit to reading it, as in the captures.
const CAPTURE_DELAY_MS: i64 = 40;

/// A record ready to be produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutRecord {
    /// Topic name; the partition follows from the key.
    pub topic: String,
    /// JSON of the row's key.
    pub key: Option<String>,
    /// JSON of the envelope; `None` for a tombstone.
    pub value: Option<String>,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
}

/// The shop: its rows as they are now, and the source's counters.
#[derive(Debug)]
pub struct Shop {
    rng: Rng,
    listings: Vec<Listing>,
    next_good: usize,
    next_id: i64,
    lsn: u64,
    tx_id: u64,
    run_id: String,
}

/// What may happen next, with how often out of a hundred.
const ACTIONS: [(u8, Action); 10] = [
    (30, Action::SellOne),
    (17, Action::PriceDrop),
    (9, Action::PriceRise),
    (10, Action::Restock),
    (8, Action::Title),
    (8, Action::Status),
    (5, Action::Several),
    (5, Action::NoOp),
    (4, Action::Create),
    (4, Action::Delete),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Action {
    SellOne,
    PriceDrop,
    PriceRise,
    Restock,
    Title,
    Status,
    Several,
    NoOp,
    Create,
    Delete,
}

impl Shop {
    /// The shop that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let run_id = format!(
            "01a20a04-{:04x}-7{:03x}-8{:03x}-{:012x}",
            rng.u16(..),
            rng.u16(..4096),
            rng.u16(..4096),
            rng.u64(..1 << 48)
        );
        let mut shop = Shop {
            rng,
            listings: Vec::new(),
            next_good: 0,
            next_id: FIRST_ID,
            lsn: FIRST_LSN,
            tx_id: FIRST_TX_ID,
            run_id,
        };
        for _ in 0..LISTINGS_START {
            let listing = shop.stocked();
            shop.listings.push(listing);
        }
        shop
    }

    /// The next thing to happen. Usually one record; a delete brings its tombstone along.
    pub fn next(&mut self, now_ms: i64) -> Vec<OutRecord> {
        let action = self.pick_action();
        let index = match action {
            Action::SellOne => self.pick(|listing| listing.stock > 0 && listing.status == "active"),
            Action::Restock => self.pick(|listing| listing.stock == 0),
            Action::Delete if self.listings.len() <= LISTINGS_MIN => None,
            Action::Create if self.listings.len() >= LISTINGS_MAX => None,
            _ => self.pick(|_| true),
        };
        match (action, index) {
            (Action::Create, Some(_)) => self.create(now_ms),
            (Action::Delete, Some(index)) => self.delete(index, now_ms),
            (action, Some(index)) => self.update(index, now_ms, |listing, rng| apply(action, listing, rng)),
            // Nothing to do it to: a price always can change.
            (_, None) => self.price(now_ms),
        }
    }

    /// One price goes down or up.
    pub fn price(&mut self, now_ms: i64) -> Vec<OutRecord> {
        let action = if self.rng.u8(..3) == 0 { Action::PriceRise } else { Action::PriceDrop };
        let Some(index) = self.pick(|listing| listing.status == "active").or_else(|| self.pick(|_| true)) else {
            return Vec::new();
        };
        self.update(index, now_ms, |listing, rng| apply(action, listing, rng))
    }

    /// One piece of something is sold; where everything is gone, something is restocked first.
    pub fn sell_one(&mut self, now_ms: i64) -> Vec<OutRecord> {
        self.sell(now_ms, |listing| listing.stock -= 1)
    }

    /// The last pieces of something are sold.
    pub fn sell_out(&mut self, now_ms: i64) -> Vec<OutRecord> {
        self.sell(now_ms, |listing| listing.stock = 0)
    }

    /// Many prices change, one after the other.
    pub fn burst(&mut self, now_ms: i64) -> Vec<OutRecord> {
        (0..BURST_CHANGES).flat_map(|_| self.price(now_ms)).collect()
    }

    fn sell(&mut self, now_ms: i64, change: impl Fn(&mut Listing)) -> Vec<OutRecord> {
        let mut records = Vec::new();
        let in_stock = self.pick(|listing| listing.stock > 0);
        let index = match in_stock {
            Some(index) => index,
            None => {
                let Some(index) = self.pick(|_| true) else {
                    return records;
                };
                records = self.update(index, now_ms, |listing, rng| apply(Action::Restock, listing, rng));
                index
            }
        };
        records.extend(self.update(index, now_ms, |listing, _| change(listing)));
        records
    }

    fn pick_action(&mut self) -> Action {
        let mut left = self.rng.u8(..100);
        for (weight, action) in ACTIONS {
            if left < weight {
                return action;
            }
            left -= weight;
        }
        Action::NoOp
    }

    fn pick(&mut self, fits: impl Fn(&Listing) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..self.listings.len()).filter(|&index| fits(&self.listings[index])).collect();
        self.rng.choice(fitting)
    }

    /// A new listing from the next of the goods; the numbers of its SKU never come twice.
    fn stocked(&mut self) -> Listing {
        let good: &Good = &GOODS[self.next_good % GOODS.len()];
        self.next_good += 1;
        let id = self.next_id;
        self.next_id += 1;
        Listing::new(id, good, &mut self.rng)
    }

    fn create(&mut self, now_ms: i64) -> Vec<OutRecord> {
        let mut listing = self.stocked();
        listing.touch(now_ms);
        let record = self.record(&listing, "c", Value::Null, listing.image(), now_ms);
        self.listings.push(listing);
        vec![record]
    }

    fn delete(&mut self, index: usize, now_ms: i64) -> Vec<OutRecord> {
        let listing = self.listings.remove(index);
        let record = self.record(&listing, "d", listing.image(), Value::Null, now_ms);
        let tombstone = OutRecord { value: None, ..record.clone() };
        vec![record, tombstone]
    }

    fn update(&mut self, index: usize, now_ms: i64, change: impl FnOnce(&mut Listing, &mut Rng)) -> Vec<OutRecord> {
        let before = self.listings[index].clone();
        let mut after = before.clone();
        change(&mut after, &mut self.rng);
        if after != before {
            after.touch(now_ms);
        }
        let record = self.record(&after, "u", before.image(), after.image(), now_ms);
        self.listings[index] = after;
        vec![record]
    }

    /// An envelope in a transaction of its own, with the source's counters moved on.
    fn record(&mut self, listing: &Listing, op: &str, before: Value, after: Value, now_ms: i64) -> OutRecord {
        let commit_lsn = self.lsn;
        self.lsn += 8 * self.rng.u64(20..200);
        self.tx_id += 1;
        let (lsn, tx_id) = (self.lsn, self.tx_id);
        // Microseconds make up for a clock that gives only milliseconds; Debezium's own differ in every event, too.
        let commit_us = (now_ms - CAPTURE_DELAY_MS) * 1_000 + self.rng.i64(0..1_000);
        let seen_ns = now_ms * 1_000_000 + self.rng.i64(0..1_000_000);
        let envelope = json!({
            "before": before,
            "after": after,
            "source": {
                "version": "3.6.3.Final", "connector": "postgresql", "name": "shop",
                "ts_ms": commit_us / 1_000, "snapshot": "false", "db": "shop",
                "sequence": format!("[\"{commit_lsn}\",\"{lsn}\"]"),
                "ts_us": commit_us, "ts_ns": commit_us * 1_000,
                "schema": "public", "table": "listings", "txId": tx_id, "lsn": lsn,
                "xmin": null, "origin": null, "origin_lsn": null,
            },
            "transaction": {"id": format!("{tx_id}:{lsn}"), "total_order": 1, "data_collection_order": 1},
            "op": op,
            "ts_ms": seen_ns / 1_000_000, "ts_us": seen_ns / 1_000, "ts_ns": seen_ns,
        });
        let context = [("connectorLogicalName", "shop"), ("taskId", "0"), ("connectorName", "postgresql")];
        let mut headers: Vec<(String, String)> =
            context.into_iter().map(|(name, value)| (format!("__debezium.context.{name}"), value.to_owned())).collect();
        headers.push(("__debezium.context.runId".to_owned(), self.run_id.clone()));
        OutRecord {
            topic: TOPIC.to_owned(),
            key: Some(json!({"id": listing.id}).to_string()),
            value: Some(envelope.to_string()),
            headers,
        }
    }
}

/// Does to a row what an action says. Create and delete concern the table and change no row.
fn apply(action: Action, listing: &mut Listing, rng: &mut Rng) {
    match action {
        Action::SellOne => listing.stock -= 1,
        Action::PriceDrop => listing.cut_price(rng.i64(5..=30)),
        Action::PriceRise => listing.cut_price(-rng.i64(3..=12)),
        Action::Restock => listing.stock += rng.i64(3..=12),
        Action::Title => listing.fix_title(rng.choice(TITLE_ADDITIONS).unwrap_or_default()),
        Action::Status => listing.status = if listing.status == "active" { "paused" } else { "active" },
        Action::Several => {
            listing.cut_price(rng.i64(10..=40));
            listing.is_used = !listing.is_used;
            listing.describe_condition();
        }
        Action::NoOp | Action::Create | Action::Delete => {}
    }
}

#[cfg(test)]
mod tests;
