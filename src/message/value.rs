//! One value as a person would write it.

use super::canonical;
use super::inside;
use super::locale::{Currency, CurrencyDisplay, Locale};
use super::moment::{self, Precision};
use super::names;
use super::number::{self, Style};
use super::phrases::{Phrases, fill};
use super::safe;
use super::view::{ColumnView, Format, TableView, Words};
use crate::change::{Bounded, Decimal, RowChange, Type, Value};
use bigdecimal::{BigDecimal, RoundingMode};
use jiff::tz::TimeZone;
use std::str::FromStr;

/// Which image of the row a value belongs to: they may be in different currencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before the change.
    Old,
    /// After it.
    New,
}

/// A value in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Clean; not shortened.
    pub text: String,
    /// A remark instead of a value: "(empty)".
    pub quiet: bool,
}

/// Writes the values of one change.
pub struct Writer<'a> {
    /// The change whose values are written.
    pub change: &'a RowChange,
    view: &'a TableView,
    words: &'a Words,
    this_year: Option<i16>,
}

impl<'a> Writer<'a> {
    /// A writer for the values of this change.
    pub fn new(change: &'a RowChange, view: &'a TableView, words: &'a Words) -> Self {
        let this_year = change.time_us.and_then(|time_us| moment::year(time_us, &words.time_zone));
        Writer { change, view, words, this_year }
    }

    /// The language of the message.
    pub fn locale(&self) -> &'a Locale {
        &self.words.locale
    }

    /// The words of that language.
    pub fn phrases(&self) -> &'static Phrases {
        self.words.locale.phrases()
    }

    /// Whether this column's values must not be written.
    pub fn redacts(&self, column: &str) -> bool {
        self.view.redacts(column)
    }

    /// Whether this column is part of the row's key.
    pub fn is_key(&self, column: &str) -> bool {
        self.change.key.as_ref().is_some_and(|key| key.get(column).is_some())
    }

    /// The column's name as a person reads it.
    pub fn label(&self, column: &str) -> String {
        label(self.view, column, self.phrases())
    }

    /// The label that the config gives the column.
    pub fn given_label(&self, column: &str) -> Option<&'a str> {
        self.view.column(column)?.label.as_deref()
    }

    /// Whether the config has words for this value.
    pub fn has_words(&self, column: &str, value: &Value) -> bool {
        self.mapped(column, value).is_some()
    }

    /// The column's format.
    pub fn format(&self, column: &str) -> Option<Format> {
        self.view.column(column).and_then(|ColumnView { format, .. }| *format)
    }

    /// How the column's numbers are written on this side of the change.
    pub fn style(&self, column: &str, ty: Type, side: Side) -> Style {
        match self.format(column) {
            Some(Format::Currency) => match self.currency(column, side) {
                Some(currency) => Style::Money(currency, self.currency_display(column)),
                None => Style::Grouped,
            },
            Some(Format::Number) => Style::Grouped,
            Some(Format::Percent) => Style::Percent,
            Some(Format::Bytes) => Style::Bytes,
            Some(Format::Duration) => {
                Style::Duration(self.unit(column).and_then(number::duration_unit_ms).unwrap_or(1_000))
            }
            Some(Format::Date | Format::DateTime | Format::Boolean) => Style::Bare,
            None if names_a_thing(self, column, ty) => Style::Bare,
            None if ty == Type::Int => Style::Spaced,
            None => Style::Grouped,
        }
    }

    fn currency_display(&self, column: &str) -> CurrencyDisplay {
        self.view.column(column).map(|column| column.currency_display).unwrap_or_default()
    }

    /// The number with the decimals that the config wants to see.
    pub fn rounded(&self, column: &str, number: BigDecimal) -> BigDecimal {
        match self.view.column(column).and_then(|column| column.decimals) {
            Some(decimals) if number::is_modest(&number) => {
                number.with_scale_round(decimals.into(), RoundingMode::HalfUp)
            }
            _ => number,
        }
    }

    /// The column's unit.
    pub fn unit(&self, column: &str) -> Option<&'a str> {
        self.view.column(column)?.unit.as_deref()
    }

    /// What stands behind the column's numbers; nothing where their style says the unit already.
    pub fn suffix(&self, column: &str) -> String {
        match (self.unit(column), self.format(column)) {
            (Some(unit), None | Some(Format::Number)) => format!("\u{A0}{}", safe::label(unit)),
            _ => String::new(),
        }
    }

    /// Units of text shown of a value of this column.
    pub fn truncate(&self, column: &str) -> Option<usize> {
        self.view.column(column)?.truncate
    }

    /// The config's words for this value.
    fn mapped(&self, column: &str, value: &Value) -> Option<&'a str> {
        let map = &self.view.column(column)?.map;
        if map.is_empty() {
            return None;
        }
        if self.format(column) == Some(Format::Boolean)
            && let Some(truth) = truth(value)
            && let Some(words) = map.get(if truth { "true" } else { "false" })
        {
            return Some(words);
        }
        let plain = match value {
            Value::Null => "null".into(),
            // Its digits may be many more than fit into memory.
            Value::Decimal(Decimal::Finite(number)) => number::plain(number).into(),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) | Value::Bits(_) | Value::Date(_) => {
                value.plain()
            }
            _ => return None,
        };
        map.get(&*plain).map(String::as_str)
    }

    /// The currency of an amount; an old amount may have been in another one.
    fn currency(&self, column: &str, side: Side) -> Option<Currency> {
        let code = self.words.currencies.get(column)?;
        let now = Currency::parse(code)?;
        if side == Side::New {
            return Some(now);
        }
        if let Some(before) = self.words.currencies_before.get(column) {
            return Currency::parse(before);
        }
        // Without the caller's word, look whether some column has just become this code.
        let text = |value: &Option<Value>| match value {
            Some(Value::Text(text)) => Currency::parse(text),
            _ => None,
        };
        match self.change.changes.iter().find(|change| text(&change.new) == Some(now)) {
            Some(moved) => text(&moved.old),
            None => Some(now),
        }
    }

    /// The number in a value, where it is one or its format says it holds one.
    pub fn number(&self, column: &str, value: &Value) -> Option<BigDecimal> {
        if self.mapped(column, value).is_some() {
            return None;
        }
        match value {
            Value::Int(int) => Some(BigDecimal::from(*int)),
            Value::Decimal(Decimal::Finite(number)) => Some(number.clone()),
            Value::Float(float) if float.is_finite() => BigDecimal::from_str(&format!("{float:e}")).ok(),
            Value::Text(text) => match self.format(column) {
                Some(format) if format.is_number() => number::parse(text),
                _ => None,
            },
            _ => None,
        }
        .filter(|_| !matches!(self.format(column), Some(Format::Date | Format::DateTime | Format::Boolean)))
    }

    /// The moment in a value: nanoseconds on its own scale, for differences only.
    pub fn moment(&self, column: &str, value: &Value) -> Option<i128> {
        const DAY_NS: i128 = 86_400_000_000_000;
        match self.dated(column, value) {
            Value::Date(Bounded::Finite(days)) => days.checked_mul(DAY_NS),
            Value::Timestamp(Bounded::Finite(ns)) | Value::Instant(Bounded::Finite(ns)) | Value::Time(ns) => Some(ns),
            _ => None,
        }
    }

    /// A text or number that the config calls a date, as one; and a text that is spelled as a time to the second.
    pub fn dated(&self, column: &str, value: &Value) -> Value {
        let format = self.format(column);
        match (format, value) {
            (Some(Format::Date), Value::Int(days)) => Value::Date(Bounded::Finite(*days)),
            (Some(Format::DateTime), Value::Int(count)) => Value::Instant(Bounded::Finite(epoch_ns(*count))),
            (Some(Format::Date | Format::DateTime), Value::Text(text)) => {
                parse_moment(text).unwrap_or_else(|| value.clone())
            }
            // Without a schema a time is a text. One of a key stays what other systems call the row.
            (None, Value::Text(text)) if is_iso_time(text) && !self.is_key(column) => {
                parse_moment(text).unwrap_or_else(|| value.clone())
            }
            _ => value.clone(),
        }
    }

    /// The value in words. With [`Precision::All`] nothing of it is rounded away.
    pub fn show(&self, column: &str, ty: Type, value: &Value, side: Side, precision: Precision) -> Shown {
        let plain = |text: String| Shown { text, quiet: false };
        let quiet = |text: &str| Shown { text: text.to_owned(), quiet: true };
        let words = self.phrases();
        if let Some(mapped) = self.mapped(column, value) {
            return plain(safe::clean(mapped));
        }
        if let Some(number) = self.number(column, value) {
            let text = match value {
                // A float of 300 digits is not read digit by digit.
                Value::Float(float) if *float != 0.0 && !(1e-7..1e21).contains(&float.abs()) => {
                    format!("{float:e}")
                }
                _ => {
                    let exact = precision == Precision::All;
                    let number = if exact { number } else { self.rounded(column, number) };
                    number::write(&number, self.style(column, ty, side), self.locale())
                }
            };
            return plain(text + &self.suffix(column));
        }
        if self.format(column) == Some(Format::Boolean)
            && let Some(truth) = truth(value)
        {
            return plain(self.truth(truth));
        }
        let ty = if self.format(column) == Some(Format::Duration) { Type::Duration } else { ty };
        match &self.dated(column, value) {
            Value::Null if side == Side::Old => quiet(words.was_empty),
            Value::Null => quiet(words.empty),
            Value::Unavailable => quiet(words.not_sent),
            Value::Bool(truth) => plain(self.truth(*truth)),
            Value::Int(int) => plain(int.to_string()),
            Value::Float(float) if float.is_nan() => plain("NaN".to_owned()),
            Value::Float(float) if float.is_infinite() => plain(self.infinity(*float < 0.0)),
            Value::Float(float) => plain(float.to_string()),
            Value::Decimal(Decimal::Finite(number)) => plain(number::plain(number)),
            Value::Decimal(Decimal::NaN) => plain("NaN".to_owned()),
            Value::Decimal(Decimal::Infinity) => plain(self.infinity(false)),
            Value::Decimal(Decimal::NegInfinity) => plain(self.infinity(true)),
            Value::Text(text) => show_text(text, ty, side, self.locale()),
            Value::Date(days) => plain(self.bounded(*days, |days| self.day(days))),
            Value::Time(ns) if self.format(column) == Some(Format::Duration) => {
                plain(number::write(&BigDecimal::new((*ns).into(), 9), Style::Duration(1_000), self.locale()))
            }
            Value::Time(ns) => plain(moment::time(*ns, self.locale())),
            Value::Timestamp(at) if self.format(column) == Some(Format::Date) => {
                plain(self.bounded(*at, |ns| self.day(moment::day(ns, &TimeZone::UTC))))
            }
            Value::Instant(at) if self.format(column) == Some(Format::Date) => {
                plain(self.bounded(*at, |ns| self.day(moment::day(ns, &self.words.time_zone))))
            }
            Value::Timestamp(at) => {
                plain(self.bounded(*at, |ns| moment::timestamp(ns, self.this_year, precision, self.locale())))
            }
            Value::Instant(at) => plain(self.bounded(*at, |ns| {
                moment::instant(ns, &self.words.time_zone, self.this_year, precision, self.locale())
            })),
            Value::Bytes(bytes) => plain(self.size(bytes.len())),
            Value::Bits(bits) => plain(safe::clean(bits)),
            Value::Json(document) => plain(inside::document(document, words)),
            Value::Array(elements) if elements.is_empty() => quiet(words.no_elements),
            Value::Array(elements) => plain(self.list(column, ty, elements, side)),
            Value::Map(_) => plain(inside::document(&canonical::json(value), words)),
            Value::Point(x, y) => plain(format!("({x}, {y})")),
        }
    }

    fn truth(&self, truth: bool) -> String {
        let words = self.phrases();
        if truth { words.yes } else { words.no }.to_owned()
    }

    fn infinity(&self, is_negative: bool) -> String {
        format!("{}{}", if is_negative { "-" } else { "" }, self.phrases().infinity)
    }

    fn bounded(&self, value: Bounded, finite: impl Fn(i128) -> String) -> String {
        match value {
            Bounded::NegInfinity => self.infinity(true),
            Bounded::Infinity => self.infinity(false),
            Bounded::Finite(value) => finite(value),
        }
    }

    fn day(&self, days: i128) -> String {
        moment::date(days, self.this_year, self.locale())
    }

    /// `57 bytes`, `12.3 KB`
    pub fn size(&self, bytes: usize) -> String {
        number::write(&BigDecimal::from(bytes as u64), Style::Bytes, self.locale())
    }

    fn list(&self, column: &str, ty: Type, elements: &[Value], side: Side) -> String {
        let shown = elements.iter().take(super::limits::ELEMENTS).map(|element| {
            let text = self.show(column, ty, element, side, Precision::Minutes).text;
            safe::shorten_middle_as(self.phrases().shortened, &text, super::limits::ELEMENT)
        });
        let mut text = shown.collect::<Vec<_>>().join(", ");
        if elements.len() > super::limits::ELEMENTS {
            let more = self.locale().count((elements.len() - super::limits::ELEMENTS) as u64);
            text.push_str(&format!(", {}", fill(self.phrases().and_more, &[("count", &more)])));
        }
        text
    }
}

/// Whether a number stands for a thing and is not an amount: then neither thousands separators nor "dropped" nor a delta have
/// a meaning.
pub fn names_a_thing(writer: &Writer<'_>, column: &str, ty: Type) -> bool {
    const THINGS: [&str; 24] = [
        "id", "no", "nr", "number", "code", "zip", "postcode", "plz", "phone", "version", "year", "pk", "ref", "ean",
        "isbn", "gtin", "upc", "barcode", "serial", "hash", "checksum", "port", "seq", "epoch",
    ];
    let lower = column.to_lowercase();
    let last = lower.rsplit(['_', '-', '.', ' ']).next().unwrap_or_default();
    let id = THINGS.contains(&last) || column.ends_with("Id") || column.ends_with("ID");
    (writer.is_key(column) || (id && ty == Type::Int)) && writer.format(column).is_none()
}

/// What a number or a text says that stands for yes or no.
fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        Value::Text(text) | Value::Bits(text) => truth_of(text),
        _ => None,
    }
}

/// What a word says that stands for yes or no.
pub fn truth_of(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" | "on" => Some(true),
        "0" | "f" | "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// The column's name as a person reads it.
pub fn label(view: &TableView, column: &str, words: &Phrases) -> String {
    let settings = view.column(column);
    let label = match settings.and_then(|column| column.label.as_deref()) {
        Some(label) => safe::clean(label),
        None => safe::clean(&names::humanise(column)),
    };
    let label = if label.trim().is_empty() { words.unnamed.to_owned() } else { label };
    match settings.and_then(|column| column.emoji.as_deref()) {
        Some(emoji) => safe::label(&format!("{emoji} {label}")),
        None => safe::label(&label),
    }
}

fn show_text(text: &str, ty: Type, side: Side, locale: &Locale) -> Shown {
    let words = locale.phrases();
    let clean = match ty {
        Type::Duration => moment::duration(&safe::clean(text), locale),
        Type::Enum => word(&safe::clean(text)),
        _ => safe::clean(text),
    };
    let nothing = match (clean.trim().is_empty(), text.is_empty(), side) {
        (false, ..) => {
            return Shown { text: clean, quiet: false };
        }
        (true, true, Side::Old) => words.was_empty_text,
        (true, true, Side::New) => words.empty_text,
        (true, false, _) => words.blank,
    };
    Shown { text: nothing.to_owned(), quiet: true }
}

/// `in_transit` -> "In transit"; a word that has capitals of its own stays.
fn word(text: &str) -> String {
    let code = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if code { names::humanise(text) } else { text.to_owned() }
}

/// Nanoseconds of a count since 1970 whose unit its size tells: until the year 5138 in seconds,
/// milliseconds, microseconds or nanoseconds each range is below the next one's.
pub fn epoch_ns(count: i128) -> i128 {
    match count.unsigned_abs() {
        0..100_000_000_000 => count * 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => count * 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => count * 1_000,
        _ => count,
    }
}

/// Whether a text begins like `2026-11-23T20:00:57` and is no longer than one with nanoseconds and an offset.
fn is_iso_time(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00";
    let alike = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    (shape.len()..=35).contains(&text.len()) && text.as_bytes().iter().zip(shape).all(alike)
}

/// An ISO 8601 date, date-time or instant.
pub fn parse_moment(text: &str) -> Option<Value> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    if let Ok(instant) = jiff::Timestamp::from_str(text) {
        return Some(Value::Instant(Bounded::Finite(instant.as_nanosecond())));
    }
    if text.len() <= 10 {
        let date = jiff::civil::Date::from_str(text).ok()?;
        return Some(Value::Date(Bounded::Finite(i128::from(moment::days_since_epoch(date)))));
    }
    let datetime = jiff::civil::DateTime::from_str(text).ok()?;
    Some(Value::Timestamp(Bounded::Finite(moment::wall_clock_ns(datetime))))
}
