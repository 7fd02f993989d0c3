//! What is said once: advice to whoever runs a source, and that a template fails.

use crate::change::{RecordId, RowChange};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tables that are remembered, per destination. Beyond, no advice is given.
const TABLES_MAX: usize = 1_000;

/// See the module's text.
#[derive(Default)]
pub(super) struct Once(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    tips: HashMap<Place, Tip>,
    /// Rules, each with the part whose template failed: as many as the config has.
    warned: HashSet<(String, &'static str)>,
}

/// Destination, server, table.
type Place = (Arc<str>, Arc<str>, Arc<str>);

/// The day of the last advice, counted from 1970, and the record it came with.
struct Tip {
    day: i64,
    record: RecordId,
}

impl Once {
    /// Whether the tip of this change may be given: once per destination, table and day. The day is that of the change, so
    /// that a backlog and a repeated post say what they said before.
    pub fn may_tip(&self, destination: &Arc<str>, change: &RowChange, zone: &TimeZone) -> bool {
        let day = change.time_us.and_then(|time_us| day(time_us, zone)).unwrap_or_default();
        let place = (Arc::clone(destination), Arc::clone(&change.server), Arc::clone(&change.table));
        let mut memory = self.memory();
        let full = memory.tips.len() >= TABLES_MAX;
        match memory.tips.get_mut(&place) {
            Some(tip) if tip.day > day || (tip.day == day && tip.record != change.record) => false,
            Some(tip) => {
                *tip = Tip { day, record: change.record.clone() };
                true
            }
            None if full => false,
            None => {
                memory.tips.insert(place, Tip { day, record: change.record.clone() });
                true
            }
        }
    }

    /// Whether a failure of this part's template may be warned about.
    pub fn may_warn(&self, rule: &str, what: &'static str) -> bool {
        self.memory().warned.insert((rule.to_owned(), what))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn day(time_us: i64, zone: &TimeZone) -> Option<i64> {
    let date = zone.to_datetime(Timestamp::from_microsecond(time_us).ok()?).date();
    Some((date - jiff::civil::Date::constant(1970, 1, 1)).get_days().into())
}
