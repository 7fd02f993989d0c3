//! Dates, times and lengths of time in words.

use super::locale::Locale;
use super::phrases::fill;
use crate::change::Bounded;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

pub use super::locale::Precision;

const SECOND_NS: i128 = 1_000_000_000;
const MINUTE_NS: i128 = 60 * SECOND_NS;
const HOUR_NS: i128 = 60 * MINUTE_NS;
const DAY_NS: i128 = 24 * HOUR_NS;

/// The date this many days after 1970-01-01. The year is left out when it is `this_year`.
pub fn date(days: i128, this_year: Option<i16>, locale: &Locale) -> String {
    match near(days) {
        Some(date) => locale.date(date, Some(date.year()) != this_year),
        None => far_date(days),
    }
}

/// A wall-clock time, in nanoseconds since 1970-01-01T00:00.
pub fn timestamp(ns: i128, this_year: Option<i16>, precision: Precision, locale: &Locale) -> String {
    let (days, ns) = (ns.div_euclid(DAY_NS), ns.rem_euclid(DAY_NS));
    match near(days) {
        Some(date) => locale.datetime(date.to_datetime(time_of_day(ns)), Some(date.year()) != this_year, precision),
        None => format!("{}, {}", far_date(days), clock(ns, precision)),
    }
}

/// A point in time, in nanoseconds since the epoch, on the clock of `zone`.
pub fn instant(ns: i128, zone: &TimeZone, this_year: Option<i16>, precision: Precision, locale: &Locale) -> String {
    match Timestamp::from_nanosecond(ns) {
        Ok(instant) => timestamp(wall_clock_ns(zone.to_datetime(instant)), this_year, precision, locale),
        Err(_) => format!("{} UTC", timestamp(ns, this_year, precision, locale)),
    }
}

/// The date of a point in time on the clock of `zone`.
pub fn day(ns: i128, zone: &TimeZone) -> i128 {
    let ns = Timestamp::from_nanosecond(ns).map_or(ns, |instant| wall_clock_ns(zone.to_datetime(instant)));
    ns.div_euclid(DAY_NS)
}

/// For the context line: `Mon 23 Nov, 14:02:37 UTC`; the zone is named here once for the whole message.
pub fn stamp(time_us: i64, zone: &TimeZone, locale: &Locale) -> Option<String> {
    let at = Timestamp::from_microsecond(time_us).ok()?.to_zoned_datetime(zone.clone());
    Some(format!("{} {}", locale.datetime(at.datetime(), false, Precision::Seconds), zone_name(&at)))
}

fn zone_name(at: &ZonedDateTime) -> String {
    jiff::fmt::strtime::format("%Z", at).unwrap_or_default()
}

/// The year on the clock of `zone`.
pub fn year(time_us: i64, zone: &TimeZone) -> Option<i16> {
    Some(zone.to_datetime(Timestamp::from_microsecond(time_us).ok()?).year())
}

/// A time of day, or a length of time as MySQL's TIME holds it: negative or beyond a day.
pub fn time(ns: i128, locale: &Locale) -> String {
    let size = size(ns);
    let precision = if size % MINUTE_NS == 0 { Precision::Minutes } else { Precision::All };
    if (0..DAY_NS).contains(&ns) {
        return locale.time(time_of_day(ns), precision);
    }
    let sign = if ns < 0 { "-" } else { "" };
    format!("{sign}{}", clock(size, precision))
}

/// "later by 3 days", "earlier by 2 hours 5 minutes"; the two greatest units.
pub fn shift(difference_ns: i128, locale: &Locale) -> String {
    let words = locale.phrases();
    let direction = if difference_ns < 0 { words.earlier } else { words.later };
    let length = length(difference_ns.unsigned_abs(), locale);
    fill(direction, &[("length", length.as_deref().unwrap_or(words.less_than_a_second))])
}

/// "3 days", "2 hours 5 minutes"; the two greatest units, `None` below a second.
pub fn length(ns: u128, locale: &Locale) -> Option<String> {
    let words = locale.phrases();
    let mut rest = ns;
    let mut parts = Vec::new();
    for (unit_ns, unit) in
        [(DAY_NS, words.days), (HOUR_NS, words.hours), (MINUTE_NS, words.minutes), (SECOND_NS, words.seconds)]
    {
        let unit_ns = unit_ns.unsigned_abs();
        let count = rest / unit_ns;
        rest %= unit_ns;
        if count > 0 {
            parts.push(locale.counted(u64::try_from(count).unwrap_or(u64::MAX), unit));
        }
        if parts.len() == 2 {
            break;
        }
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// For the context line of many changes: `Mon 23 Nov, 14:02:30 to 14:02:44 UTC`, with both days where they differ.
pub fn span(since_us: i64, until_us: i64, zone: &TimeZone, locale: &Locale) -> Option<String> {
    let end = stamp(until_us, zone, locale)?;
    if since_us / 1_000_000 == until_us / 1_000_000 {
        return Some(end);
    }
    let zoned = |us: i64| Some(Timestamp::from_microsecond(us).ok()?.to_zoned_datetime(zone.clone()));
    let (begin, last) = (zoned(since_us)?, zoned(until_us)?);
    let begins = locale.datetime(begin.datetime(), false, Precision::Seconds);
    let ends = match begin.date() == last.date() {
        true => format!("{} {}", locale.time(last.time(), Precision::Seconds), zone_name(&last)),
        false => end,
    };
    Some(fill(locale.phrases().from_to, &[("begin", &begins), ("end", &ends)]))
}

/// For a note on several changes of a row: `14:02:30`, with the day where it is not that of `until_us`.
pub fn since(since_us: i64, until_us: Option<i64>, zone: &TimeZone, locale: &Locale) -> Option<String> {
    let zoned = |us: i64| Some(Timestamp::from_microsecond(us).ok()?.to_zoned_datetime(zone.clone()));
    let begin = zoned(since_us)?;
    let same_day = until_us.and_then(zoned).is_some_and(|last| last.date() == begin.date());
    Some(match same_day {
        true => locale.time(begin.time(), Precision::Seconds),
        false => locale.datetime(begin.datetime(), false, Precision::Seconds),
    })
}

/// `PT10303H5M6.789S` -> "10,303 h 5 min 6.789 s"; any other text as it is.
pub fn duration(iso: &str, locale: &Locale) -> String {
    words_of(iso, locale).unwrap_or_else(|| iso.to_owned())
}

fn words_of(iso: &str, locale: &Locale) -> Option<String> {
    let [years, months, weeks, days, hours, minutes, seconds] = locale.phrases().duration_units;
    let (sign, rest) = iso.strip_prefix('-').map_or(("", iso), |rest| ("-", rest));
    let mut in_time = false;
    let mut amount = String::new();
    let mut parts = Vec::new();
    for c in rest.strip_prefix('P')?.chars() {
        let unit = match c {
            'T' if !in_time && amount.is_empty() => {
                in_time = true;
                continue;
            }
            '0'..='9' | '.' | '-' => {
                amount.push(c);
                continue;
            }
            'Y' if !in_time => years,
            'M' if !in_time => months,
            'W' if !in_time => weeks,
            'D' if !in_time => days,
            'H' if in_time => hours,
            'M' if in_time => minutes,
            'S' if in_time => seconds,
            _ => return None,
        };
        if amount.is_empty() || amount.len() > 30 {
            return None;
        }
        if amount.bytes().any(|b| b.is_ascii_digit() && b != b'0') {
            parts.push(fill(unit, &[("count", &locale.grouped(&amount))]));
        }
        amount.clear();
    }
    if !amount.is_empty() {
        return None;
    }
    Some(if parts.is_empty() { fill(seconds, &[("count", "0")]) } else { format!("{sign}{}", parts.join(" ")) })
}

fn clock(ns: i128, precision: Precision) -> String {
    let (hours, minutes) = (ns / HOUR_NS, ns / MINUTE_NS % 60);
    let (seconds, fraction) = (ns / SECOND_NS % 60, ns % SECOND_NS);
    match precision {
        Precision::Minutes => format!("{hours:02}:{minutes:02}"),
        Precision::All if fraction != 0 => {
            let fraction = format!("{fraction:09}");
            format!("{hours:02}:{minutes:02}:{seconds:02}.{}", fraction.trim_end_matches('0'))
        }
        Precision::Seconds | Precision::All => format!("{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

/// Nanoseconds since 1970-01-01T00:00 on the wall clock.
pub fn wall_clock_ns(datetime: DateTime) -> i128 {
    let days = i128::from(days_since_epoch(datetime.date()));
    let time = datetime.time();
    days * DAY_NS
        + i128::from(time.hour()) * HOUR_NS
        + i128::from(time.minute()) * MINUTE_NS
        + i128::from(time.second()) * SECOND_NS
        + i128::from(time.subsec_nanosecond())
}

/// Days since 1970-01-01.
pub fn days_since_epoch(date: Date) -> i32 {
    (date - epoch()).get_days()
}

/// The date, where the calendar library and a reader know it: from the year 1 to 9999.
fn near(days: i128) -> Option<Date> {
    let days = i64::try_from(days).ok()?.try_days_or_none()?;
    epoch().checked_add(days).ok().filter(|date| date.year() > 0)
}

/// The time of day, of nanoseconds since midnight.
fn time_of_day(ns: i128) -> Time {
    let second = i32::try_from(ns / SECOND_NS).unwrap_or_default();
    let part = |part: i32| i8::try_from(part).unwrap_or_default();
    let fraction = i32::try_from(ns % SECOND_NS).unwrap_or_default();
    Time::new(part(second / 3_600), part(second / 60 % 60), part(second % 60), fraction).unwrap_or_default()
}

/// `2026-01-15`, `infinity`
pub fn iso_date(days: Bounded) -> String {
    match days {
        Bounded::NegInfinity => "-infinity".to_owned(),
        Bounded::Infinity => "infinity".to_owned(),
        Bounded::Finite(days) => far_date(days),
    }
}

/// `23:59:59.999999`, `-12:30:15`, `100:00:00`
pub fn iso_time(ns: i128) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    format!("{sign}{}", clock(size(ns), Precision::All))
}

/// `2026-11-23T01:02:03.456789` and the zone's mark, `infinity`
pub fn iso_timestamp(ns: Bounded, zone: &str) -> String {
    match ns {
        Bounded::Finite(ns) => {
            let clock = clock(ns.rem_euclid(DAY_NS), Precision::All);
            format!("{}T{clock}{zone}", far_date(ns.div_euclid(DAY_NS)))
        }
        end => iso_date(end),
    }
}

fn size(ns: i128) -> i128 {
    ns.checked_abs().unwrap_or(i128::MAX)
}

/// Databases know years beyond 9999, which the calendar library does not (Postgres: to 5874897).
fn far_date(days: i128) -> String {
    // Days to civil by eras of 400 years of 146,097 days, counted from 0000-03-01.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i128::from(month <= 2);
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs())
}

/// Days as a span, where the calendar library takes that many.
trait Days {
    fn try_days_or_none(self) -> Option<jiff::Span>;
}

impl Days for i64 {
    fn try_days_or_none(self) -> Option<jiff::Span> {
        // The library's own bound; beyond it its constructor panics.
        (-7_304_484..=7_304_484).contains(&self).then(|| self.days())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(days: i128, this_year: Option<i16>) -> String {
        super::date(days, this_year, &Locale::english())
    }

    fn instant(ns: i128, zone: &TimeZone, this_year: Option<i16>, precision: Precision) -> String {
        super::instant(ns, zone, this_year, precision, &Locale::english())
    }

    fn shift(ns: i128) -> String {
        super::shift(ns, &Locale::english())
    }

    fn time(ns: i128) -> String {
        super::time(ns, &Locale::english())
    }

    #[test]
    fn days_read_as_dates_at_both_ends_of_time() {
        assert_eq!(date(20_780, None), "Mon, 23 Nov 2026");
        assert_eq!(date(20_780, Some(2026)), "Mon 23 Nov");
        assert_eq!(date(2_145_042_905, None), "5874897-12-31");
        assert_eq!(date(-2_000_000, None), "-3506-03-09");
        assert_eq!(date(3_000_000, None), "10183-09-21");
        date(i128::MAX, None);
        date(i128::MIN, None);
    }

    #[test]
    fn instants_read_on_the_zones_clock() {
        let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
        let ns = 1_795_460_400_123_456_000;
        assert_eq!(instant(ns, &zone, Some(2026), Precision::Minutes), "Mon 23 Nov, 20:00");
        assert_eq!(instant(ns, &zone, None, Precision::All), "Mon, 23 Nov 2026, 20:00:00.123456");
        assert_eq!(
            stamp(1_795_460_400_000_000, &zone, &Locale::english()).as_deref(),
            Some("Mon 23 Nov, 20:00:00 CET")
        );
        instant(i128::MAX, &zone, None, Precision::All);
        instant(i128::MIN, &zone, None, Precision::All);
    }

    #[test]
    fn lengths_of_time_read_as_words() {
        assert_eq!(shift(3 * DAY_NS), "later by 3 days");
        assert_eq!(shift(-(DAY_NS + 2 * HOUR_NS + 5)), "earlier by 1 day 2 hours");
        assert_eq!(shift(5), "later by less than a second");
        assert_eq!(time(-(12 * HOUR_NS + 30 * MINUTE_NS + 15 * SECOND_NS)), "-12:30:15");
        assert_eq!(time(100 * HOUR_NS), "100:00");
        let duration = |iso, language: &str| super::duration(iso, &language.parse().expect("a language"));
        assert_eq!(duration("PT10303H5M6.789S", "en"), "10,303 h 5 min 6.789 s");
        assert_eq!(duration("P1Y2M0DT0H0M0S", "en"), "1 y 2 mo");
        assert_eq!(duration("-P3DT1.5S", "de"), "-3 Tg. 1,5 Sek.");
        assert_eq!(duration("P3DT2H", "fr"), "3 j 2 h");
        assert_eq!(duration("P1Y3DT2H5M", "ja"), "1年 3日 2時間 5分");
        for text in ["soon", "P", "PT-", "P1.2.3D", "PT5", "P--1D"] {
            duration(text, "de");
        }
        assert_eq!(duration("soon", "en"), "soon");
        time(i128::MIN);
        shift(i128::MIN);
    }
}
