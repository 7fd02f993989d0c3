//! Dates and times as texts: any year, any number of hours, nanoseconds.
//!
//! Postgres' dates reach the year 5,874,897 and MySQL's TIME is negative or beyond a day, which
//! calendar libraries refuse, so the few lines of arithmetic are here.

use super::value::Bounded;

pub(crate) const SECOND: i128 = 1_000_000_000;
pub(crate) const DAY: i128 = 86_400 * SECOND;

/// Days since 1970-01-01 of a civil date (Howard Hinnant's `days_from_civil`).
pub(crate) fn days(year: i128, month: u8, day: u8) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i128::from(month);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i128::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil(days: i128) -> (i128, i128, i128) {
    // A JSON number of days may be as large as 128 bits hold.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    (year, month, day)
}

/// `2026-01-15`; years beyond four digits as they are, before the year 0 with a minus.
pub(crate) fn date_text(days: i128) -> String {
    let (year, month, day) = civil(days);
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{month:02}-{day:02}", year.abs())
}

/// `23:59:59.999999`, `-12:30:15`, `100:00:00`.
pub(crate) fn time_text(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (seconds, fraction) = (nanos.abs() / SECOND, nanos.abs() % SECOND);
    format!("{sign}{:02}:{:02}:{:02}{}", seconds / 3600, seconds / 60 % 60, seconds % 60, fraction_text(fraction))
}

/// `2026-11-23T01:02:03.456789`, without a zone.
pub(crate) fn timestamp_text(nanos: i128) -> String {
    format!("{}T{}", date_text(nanos.div_euclid(DAY)), time_text(nanos.rem_euclid(DAY)))
}

/// `infinity`, `-infinity`, or what `text` says.
pub(crate) fn bounded_text(value: Bounded, text: impl Fn(i128) -> String) -> String {
    match value {
        Bounded::NegInfinity => "-infinity".to_owned(),
        Bounded::Finite(value) => text(value),
        Bounded::Infinity => "infinity".to_owned(),
    }
}

/// `PT10303H5M6.789S`: hours unbounded, because a month has no fixed length to fold them into.
pub(crate) fn duration_text(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let (seconds, fraction) = (nanos.abs() / SECOND, nanos.abs() % SECOND);
    let mut out = format!("{sign}PT");
    if seconds >= 3600 {
        out += &format!("{}H", seconds / 3600);
    }
    if seconds / 60 % 60 > 0 {
        out += &format!("{}M", seconds / 60 % 60);
    }
    if seconds % 60 > 0 || fraction > 0 || seconds == 0 {
        out += &format!("{}{}S", seconds % 60, fraction_text(fraction));
    }
    out
}

fn fraction_text(nanos: i128) -> String {
    if nanos == 0 {
        return String::new();
    }
    let digits = format!("{nanos:09}");
    format!(".{}", digits.trim_end_matches('0'))
}

/// The parts of an ISO text: `2026-11-22T23:02:03.456789+02:00` and its halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Iso {
    /// Days since 1970-01-01.
    pub days: Option<i128>,
    /// Nanoseconds since midnight.
    pub nanos: Option<i128>,
    /// Seconds east of UTC.
    pub offset: Option<i128>,
}

/// Parses ISO dates, times and both; `None` for anything else.
pub(crate) fn parse_iso(text: &str) -> Option<Iso> {
    let mut p = Parser(text.as_bytes());
    let mut iso = Iso { days: None, nanos: None, offset: None };
    if text.as_bytes().get(2) == Some(&b':') {
        iso.nanos = Some(p.time()?);
    } else {
        iso.days = Some(p.date()?);
        if p.eat(b'T') || p.eat(b' ') {
            iso.nanos = Some(p.time()?);
        }
    }
    iso.offset = p.zone()?;
    p.0.is_empty().then_some(iso)
}

struct Parser<'a>(&'a [u8]);

impl Parser<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let hit = self.0.first() == Some(&byte);
        if hit {
            self.0 = &self.0[1..];
        }
        hit
    }

    fn number(&mut self, digits: std::ops::RangeInclusive<usize>) -> Option<i128> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count().min(*digits.end());
        if count < *digits.start() {
            return None;
        }
        let (head, tail) = self.0.split_at(count);
        self.0 = tail;
        Some(head.iter().fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0')))
    }

    fn bounded(&mut self, max: i128) -> Option<i128> {
        self.number(2..=2).filter(|n| *n <= max)
    }

    fn date(&mut self) -> Option<i128> {
        let negative = self.eat(b'-');
        if !negative {
            self.eat(b'+');
        }
        let year = self.number(4..=9)?;
        let month = self.eat(b'-').then(|| self.bounded(12)).flatten().filter(|m| *m > 0)?;
        let day = self.eat(b'-').then(|| self.bounded(31)).flatten().filter(|d| *d > 0)?;
        let year = if negative { -year } else { year };
        let days = days(year, month as u8, day as u8);
        // February has no 31st day, and the arithmetic would make it March's third.
        (civil(days) == (year, month, day)).then_some(days)
    }

    fn time(&mut self) -> Option<i128> {
        let hour = self.bounded(24)?;
        let minute = self.eat(b':').then(|| self.bounded(59)).flatten()?;
        let mut nanos = (hour * 3600 + minute * 60) * SECOND;
        if self.eat(b':') {
            nanos += self.bounded(60)? * SECOND;
            if self.eat(b'.') {
                let before = self.0.len();
                let fraction = self.number(1..=9)?;
                let digits = before - self.0.len();
                nanos += fraction * 10i128.pow(9 - digits as u32);
            }
        }
        Some(nanos)
    }

    /// `Some(None)` when no zone is written, `None` when what is written is no zone.
    fn zone(&mut self) -> Option<Option<i128>> {
        if self.0.is_empty() {
            return Some(None);
        }
        if self.eat(b'Z') {
            return Some(Some(0));
        }
        let sign = match self.0.first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.0 = &self.0[1..];
        let mut offset = self.bounded(18)? * 3600;
        for unit in [60, 1] {
            if self.0.is_empty() {
                break;
            }
            self.eat(b':');
            offset += self.bounded(59)? * unit;
        }
        Some(Some(sign * offset))
    }
}

#[cfg(test)]
mod tests;
