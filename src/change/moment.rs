//! Dates, times and points in time from numbers, ISO texts and structs.

use super::raw;
use super::semantic::{Reason, Unit, int, unexpected};
use super::time::{self, DAY, SECOND};
use super::value::{Bounded, Type, Value};
use std::sync::Arc;

pub(crate) fn scaled(number: i128, unit: Unit) -> i128 {
    // i128 holds any 64-bit number of milliseconds in nanoseconds; what a JSON number may be beyond is capped.
    let number = number.clamp(-(1 << 70), 1 << 70);
    let unit = match unit {
        // Milliseconds reach the year 5138 below 10^14, microseconds begin in 1973 there, nanoseconds likewise.
        Unit::Guess if number.abs() < 100_000_000_000_000 => Unit::Milli,
        Unit::Guess if number.abs() < 100_000_000_000_000_000 => Unit::Micro,
        Unit::Guess => Unit::Nano,
        unit => unit,
    };
    match unit {
        Unit::Milli => number * 1_000_000,
        Unit::Micro => number * 1_000,
        Unit::Nano | Unit::Guess => number,
    }
}

fn endless(text: &str) -> Option<Bounded> {
    match text {
        "infinity" | "Infinity" => Some(Bounded::Infinity),
        "-infinity" | "-Infinity" => Some(Bounded::NegInfinity),
        _ => None,
    }
}

pub(crate) fn date_days(days: i128) -> Bounded {
    match days {
        // Postgres counts from 2000 and keeps both ends of its 32 bits for the infinities; Debezium adds
        // the 10,957 days to 1970 and wraps.
        -2_147_472_692 => Bounded::Infinity,
        -2_147_472_691 => Bounded::NegInfinity,
        // In arrays they are the driver's infinities: the years 292278994 and, its era lost, 292269055 BC, in an
        // ISO text or wrapped to 32 bits. No database has dates of such years.
        ENDLESS_DAY | -622_191_234 => Bounded::Infinity,
        NEG_ENDLESS_DAY | -625_821_272 => Bounded::NegInfinity,
        days => Bounded::Finite(days),
    }
}

/// 292278994-08-16, the day of the driver's infinity.
const ENDLESS_DAY: i128 = 106_751_991_166;
/// 292269055-12-02, which should be one of the year -292269054.
const NEG_ENDLESS_DAY: i128 = 106_748_361_128;

pub(crate) fn date(raw: &str) -> Result<Bounded, Reason> {
    match raw::text(raw) {
        Some(text) => date_text(&text),
        None => Ok(date_days(int(raw)?)),
    }
}

pub(crate) fn date_text(text: &str) -> Result<Bounded, Reason> {
    if let Some(end) = endless(text) {
        return Ok(end);
    }
    // A time behind the date is dropped only when it is midnight: otherwise the column is no date.
    match time::parse_iso(text) {
        Some(time::Iso { days: Some(days), nanos: None | Some(0), .. }) => Ok(date_days(days)),
        _ => Err("expected a date".into()),
    }
}

pub(crate) fn time_of_day(raw: &str, unit: Unit) -> Result<i128, Reason> {
    let Some(text) = raw::text(raw) else {
        let unit = if unit == Unit::Guess { Unit::Micro } else { unit };
        return Ok(scaled(int(raw)?, unit));
    };
    time_text(&text)
}

pub(crate) fn time_text(text: &str) -> Result<i128, Reason> {
    match time::parse_iso(text) {
        Some(time::Iso { days: None, nanos: Some(nanos), .. }) => Ok(nanos),
        _ => Err("expected a time".into()),
    }
}

/// The driver's infinities in milliseconds, which Debezium takes for microseconds.
const INFINITY: i128 = 9_223_372_036_825_200_000;
const NEG_INFINITY: i128 = -9_223_372_036_832_400_000;
/// What 64 bits hold.
const CAP: i128 = i64::MAX as i128;
const NEG_CAP: i128 = i64::MIN as i128;

pub(crate) fn moment_number(number: i128, unit: Unit) -> Bounded {
    match (number, unit) {
        // In nanoseconds they do not fit, and are capped. No database has a last digit of nanoseconds there.
        (CAP, Unit::Nano) => Bounded::Infinity,
        (NEG_CAP, Unit::Nano) => Bounded::NegInfinity,
        (INFINITY, _) => Bounded::Infinity,
        (NEG_INFINITY, _) => Bounded::NegInfinity,
        (number, Unit::Milli) if number == INFINITY / 1000 => Bounded::Infinity,
        (number, Unit::Milli) if number == NEG_INFINITY / 1000 => Bounded::NegInfinity,
        (number, unit) => Bounded::Finite(scaled(number, unit)),
    }
}

pub(crate) fn moment(raw: &str, unit: Unit, instant: bool) -> Result<Bounded, Reason> {
    match raw::text(raw) {
        Some(text) => moment_text(&text, instant),
        None => Ok(moment_number(int(raw)?, unit)),
    }
}

pub(crate) fn moment_text(text: &str, instant: bool) -> Result<Bounded, Reason> {
    if let Some(end) = endless(text) {
        return Ok(end);
    }
    match time::parse_iso(text) {
        Some(time::Iso { days: Some(days), nanos, offset }) => {
            let local = days * DAY + nanos.unwrap_or(0);
            // A wall clock keeps what it shows, whatever zone is written behind it.
            let east = if instant { offset.unwrap_or(0) } else { 0 };
            Ok(match local - east * SECOND {
                // Under time.precision.mode=isostring the infinities are written out, 294247-01-10T04:00:25.2.
                nanos if nanos == INFINITY * 1000 => Bounded::Infinity,
                nanos if nanos == NEG_INFINITY * 1000 => Bounded::NegInfinity,
                // In an array of timestamptz the lower one has lost its era.
                nanos if days == NEG_ENDLESS_DAY && nanos.rem_euclid(DAY) == 23 * 3600 * SECOND => Bounded::NegInfinity,
                nanos => Bounded::Finite(nanos),
            })
        }
        _ if instant => Err("expected a point in time".into()),
        _ => Err("expected a timestamp".into()),
    }
}

/// A time of day with a zone, in UTC. It stays a text, because a [`Value::Time`] has no zone to keep.
pub(crate) fn zoned_time(text: &str) -> Result<Value, Reason> {
    match time::parse_iso(text) {
        Some(time::Iso { days: None, nanos: Some(nanos), offset }) => Ok(utc_time(nanos, offset.unwrap_or(0))),
        _ => Err("expected a time with a zone".into()),
    }
}

/// What the clock of UTC shows; `east` is in seconds.
fn utc_time(nanos: i128, east: i128) -> Value {
    let utc = nanos - east * SECOND;
    // 24:00 is a time that Postgres knows; only what a zone has moved wraps around midnight.
    let utc = if (0..=DAY).contains(&utc) { utc } else { utc.rem_euclid(DAY) };
    Value::Text(format!("{}Z", time::time_text(utc)).into())
}

pub(crate) fn structured(raw: &str, ty: Type) -> Result<Value, Reason> {
    if !raw.starts_with('{') {
        return Err(unexpected("the parts of a date or time", raw));
    }
    let field = |name: &str| raw::member(raw, name).map(int).transpose();
    let end = raw::member(raw, "specialValue").and_then(raw::text).map(|word| {
        let word = word.to_ascii_lowercase();
        if word.contains("neg") || word.starts_with('-') { Bounded::NegInfinity } else { Bounded::Infinity }
    });
    let (year, month, day) = (field("year")?, field("month")?, field("day")?);
    let (hour, minute, second) = (field("hour")?, field("minute")?, field("second")?);
    let small = |n: Option<i128>| n.unwrap_or(0).clamp(-(1 << 40), 1 << 40);
    let nanos = ((small(hour) * 60 + small(minute)) * 60 + small(second)) * SECOND + small(field("nanos")?);
    let date = || match (year, month, day) {
        (Some(year), Some(month @ 1..=12), Some(day @ 1..=31)) => {
            Ok(time::days(year.clamp(-(1 << 40), 1 << 40), month as u8, day as u8))
        }
        _ => Err(Reason::Borrowed("expected year, month and day")),
    };
    let moment = |east: i128| match end {
        Some(end) => Ok(end),
        None => Ok::<_, Reason>(Bounded::Finite(date()? * DAY + nanos - east * SECOND)),
    };
    Ok(match ty {
        Type::Date => Value::Date(match end {
            Some(end) => end,
            None => Bounded::Finite(date()?),
        }),
        Type::Timestamp => Value::Timestamp(moment(0)?),
        Type::Instant => Value::Instant(moment(small(field("offsetSeconds")?))?),
        Type::Time => match field("offsetSeconds")? {
            None => Value::Time(nanos),
            Some(east) => utc_time(nanos, small(Some(east))),
        },
        _ => Value::Json(Arc::new(raw::build(raw))),
    })
}
