//! A row of `public.listings`, with the columns that the captures end with.

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::goods::{Good, TITLE_ADDITIONS};

/// Prices never fall below this.
const CENTS_MIN: i64 = 199;
/// When the captures' rows were last touched: 2026-11-23T19:58:10.098508Z.
const FIRST_TOUCH_US: i64 = 1_795_463_890_098_508;
/// 2026-01-05 in days since 1970, before which nothing was listed.
const FIRST_DAY: i64 = 20_458;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listing {
    pub(super) id: i64,
    pub(super) stock: i64,
    pub(super) status: &'static str,
    pub(super) is_used: bool,
    sku: String,
    title: String,
    /// Set until the title was corrected for the first time.
    correct_title: Option<&'static str>,
    description: String,
    cents: i64,
    tags: &'static [&'static str],
    colour: &'static str,
    seller_id: i64,
    external_uuid: String,
    listed_on: i64,
    updated_at: Timestamp,
}

impl Listing {
    pub(super) fn new(id: i64, good: &Good, rng: &mut Rng) -> Self {
        let (prefix, _) = good.sku.split_once('-').unwrap_or((good.sku, ""));
        Listing {
            id,
            stock: good.stock,
            status: "active",
            is_used: false,
            sku: format!("{prefix}-{id}"),
            title: good.mistyped.unwrap_or(good.title).to_owned(),
            correct_title: good.mistyped.map(|_| good.title),
            description: good.description.to_owned(),
            cents: good.cents,
            tags: good.tags,
            colour: good.colour,
            seller_id: rng.i64(1..=2),
            external_uuid: format!(
                "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
                rng.u32(..),
                rng.u16(..),
                rng.u16(..4096),
                rng.u16(..4096),
                rng.u64(..1 << 48)
            ),
            listed_on: FIRST_DAY + rng.i64(0..300),
            updated_at: Timestamp::from_microsecond(FIRST_TOUCH_US).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// What Debezium sends as the row.
    pub(super) fn image(&self) -> Value {
        json!({
            "id": self.id,
            "sku": self.sku,
            "title": self.title,
            "description": self.description,
            "prod_stk_qty": self.stock,
            "price": format!("{}.{:02}", self.cents / 100, self.cents % 100),
            "currency": "USD",
            "status": self.status,
            "tags": self.tags,
            "attributes": json!({"colour": self.colour}).to_string(),
            "seller_id": self.seller_id,
            "external_uuid": self.external_uuid,
            "listed_on": self.listed_on,
            "reserved_until": null,
            "updated_at": self.updated_at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
            "condition": if self.is_used { "used" } else { "new" },
        })
    }

    /// Stamps `updated_at`, as an application would with every change it makes.
    pub(super) fn touch(&mut self, now_ms: i64) {
        self.updated_at = Timestamp::from_millisecond(now_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    }

    /// Takes a percentage off the price (a negative one raises it), down to a price as shops write them: whole from
    /// 100.00 up, else ending in 5 or 9. The price always changes.
    pub(super) fn cut_price(&mut self, percent: i64) {
        let exact = self.cents * (100 - percent) / 100;
        let nice = match exact {
            10_000.. => exact / 100 * 100,
            _ => exact / 10 * 10 + if exact % 10 < 5 { 5 } else { 9 },
        };
        let nice = nice.max(CENTS_MIN);
        let step = if percent > 0 { -100 } else { 100 };
        self.cents = if nice != self.cents {
            nice
        } else if self.cents + step >= CENTS_MIN {
            self.cents + step
        } else {
            // As low as it goes: back to something that can fall again.
            self.cents * 10
        };
    }

    /// Corrects a mistyped title; later adds something to it, or takes it out again.
    pub(super) fn fix_title(&mut self, addition: &str) {
        if let Some(correct) = self.correct_title.take() {
            self.title = correct.to_owned();
        } else if let Some(plain) = TITLE_ADDITIONS.iter().find_map(|known| self.title.strip_suffix(known)) {
            self.title = plain.to_owned();
        } else {
            self.title.push_str(addition);
        }
    }

    /// Says in the description that a piece is used, or no longer.
    pub(super) fn describe_condition(&mut self) {
        const NOTE: &str = " Some traces of use.";
        match self.description.strip_suffix(NOTE) {
            Some(plain) => self.description = plain.to_owned(),
            None => self.description.push_str(NOTE),
        }
    }
}
