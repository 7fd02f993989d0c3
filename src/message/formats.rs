//! Formats for templates: the same as a column's, one value at a time.

use super::locale::{Currency, CurrencyDisplay, Locale};
use super::moment::{self, Precision};
use super::number::{self, Style};
use super::safe;
use super::value::{epoch_ns, parse_moment, truth_of};
use crate::change::{Bounded, Value};
use bigdecimal::RoundingMode;
use jiff::tz::TimeZone;
use std::sync::Arc;

/// Language and zone of what a template writes.
#[derive(Debug, Clone)]
pub struct Formats {
    locale: Arc<Locale>,
    time_zone: TimeZone,
    /// The year that dates need not name.
    this_year: Option<i16>,
}

impl Formats {
    /// The formats for a change of this time, in microseconds since the epoch.
    pub fn new(locale: Arc<Locale>, time_zone: TimeZone, time_us: Option<i64>) -> Self {
        let this_year = time_us.and_then(|time_us| moment::year(time_us, &time_zone));
        Formats { locale, time_zone, this_year }
    }

    fn write(&self, text: &str, style: Style) -> Option<String> {
        Some(number::write(&number::parse(text)?, style, &self.locale))
    }

    /// `$250,000.00`; without a code that is one, a number.
    pub fn currency(&self, text: &str, code: &str) -> Option<String> {
        let style = Currency::parse(code).map(|currency| Style::Money(currency, CurrencyDisplay::Symbol));
        self.write(text, style.unwrap_or(Style::Grouped))
    }

    /// `1,234.50`
    pub fn number(&self, text: &str, decimals: Option<u8>) -> Option<String> {
        let number = number::parse(text)?;
        let number = match decimals {
            Some(decimals) => number.with_scale_round(decimals.min(15).into(), RoundingMode::HalfUp),
            None => number,
        };
        Some(number::write(&number, Style::Grouped, &self.locale))
    }

    /// `12.5 %` of 12.5.
    pub fn percent(&self, text: &str) -> Option<String> {
        self.write(text, Style::Percent)
    }

    /// `12.3 MB`
    pub fn bytes(&self, text: &str) -> Option<String> {
        self.write(text, Style::Bytes)
    }

    /// `2 h 5 min`, of a number of `ms`, `s`, `min` or `h`, or of ISO 8601's text.
    pub fn duration(&self, text: &str, unit: &str) -> Option<String> {
        match number::parse(text) {
            Some(number) => {
                Some(number::write(&number, Style::Duration(number::duration_unit_ms(unit)?), &self.locale))
            }
            None => Some(moment::duration(text, &self.locale)),
        }
    }

    /// `Mon 23 Nov`, of a date or a time in ISO 8601, or of a number of days since 1970.
    pub fn date(&self, text: &str) -> Option<String> {
        let days =
            match text.parse().ok().map(|days| Value::Date(Bounded::Finite(days))).or_else(|| parse_moment(text))? {
                Value::Date(Bounded::Finite(days)) => days,
                Value::Instant(Bounded::Finite(ns)) => moment::day(ns, &self.time_zone),
                Value::Timestamp(Bounded::Finite(ns)) => moment::day(ns, &TimeZone::UTC),
                _ => return None,
            };
        Some(moment::date(days, self.this_year, &self.locale))
    }

    /// `Mon 23 Nov, 20:00` on the clock of the config's zone; a time without a zone stays on its own. A number counts seconds,
    /// milli-, micro- or nanoseconds since 1970.
    pub fn datetime(&self, text: &str) -> Option<String> {
        let (year, precision) = (self.this_year, Precision::Minutes);
        let count = text.parse().ok().map(|count| Value::Instant(Bounded::Finite(epoch_ns(count))));
        match count.or_else(|| parse_moment(text))? {
            Value::Instant(Bounded::Finite(ns)) => {
                Some(moment::instant(ns, &self.time_zone, year, precision, &self.locale))
            }
            Value::Timestamp(Bounded::Finite(ns)) => Some(moment::timestamp(ns, year, precision, &self.locale)),
            _ => self.date(text),
        }
    }

    /// `yes`, of true, 1, t, Y and the like.
    pub fn boolean(&self, text: &str) -> Option<String> {
        let words = self.locale.phrases();
        truth_of(text).map(|truth| if truth { words.yes } else { words.no }.to_owned())
    }

    /// At most so many characters; both ends are kept.
    pub fn truncate(&self, text: &str, max: usize) -> String {
        safe::shorten_middle_as(self.locale.phrases().shortened, text, max)
    }

    /// What stands for an empty value.
    pub fn empty(&self) -> String {
        self.locale.phrases().empty.to_owned()
    }
}
