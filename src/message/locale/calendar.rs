//! Dates and times of day.

use super::Locale;
use icu_calendar::{Date, Gregorian};
use icu_datetime::options::{SubsecondDigits, TimePrecision};
use icu_datetime::{FixedCalendarDateTimeFormatter, NoCalendarFormatter, fieldsets};
use icu_time::{DateTime, Time};
use jiff::civil;

/// How finely a time of day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Precision {
    /// `20:00`
    #[default]
    Minutes,
    /// `20:00:05`
    Seconds,
    /// `20:00:05.123456`
    All,
}

/// Formats a date, or a date and time, with these fields. `None` only where the library has no data.
macro_rules! written {
    ($locale:expr, $fields:expr, $input:expr) => {
        FixedCalendarDateTimeFormatter::<Gregorian, _>::try_new((&$locale.dates).into(), $fields)
            .ok()
            .map(|formatter| formatter.format($input).to_string())
    };
}

impl Locale {
    /// `Mon 23 Nov`, or with the year.
    pub fn date(&self, date: civil::Date, with_year: bool) -> String {
        let text = gregorian(date).and_then(|day| match with_year {
            true => written!(self, fieldsets::YMDE::medium(), &day),
            false => written!(self, fieldsets::MDE::medium(), &day),
        });
        text.unwrap_or_else(|| date.to_string())
    }

    /// `Mon 23 Nov, 20:00`
    pub fn datetime(&self, at: civil::DateTime, with_year: bool, precision: Precision) -> String {
        let precision = finest(at.time(), precision);
        let text = gregorian(at.date()).zip(time(at.time())).and_then(|(date, time)| {
            let at = DateTime { date, time };
            match with_year {
                true => written!(self, fieldsets::YMDET::medium().with_time_precision(precision), &at),
                false => written!(self, fieldsets::MDET::medium().with_time_precision(precision), &at),
            }
        });
        text.unwrap_or_else(|| at.to_string())
    }

    /// `20:00`
    pub fn time(&self, at: civil::Time, precision: Precision) -> String {
        let fields = fieldsets::T::medium().with_time_precision(finest(at, precision));
        let formatter = NoCalendarFormatter::try_new((&self.dates).into(), fields).ok();
        formatter.zip(time(at)).map_or_else(|| at.to_string(), |(formatter, time)| formatter.format(&time).to_string())
    }
}

fn gregorian(date: civil::Date) -> Option<Date<Gregorian>> {
    let part = |part: i8| u8::try_from(part).ok();
    Date::try_new_gregorian(date.year().into(), part(date.month())?, part(date.day())?).ok()
}

fn time(time: civil::Time) -> Option<Time> {
    let part = |part: i8| u8::try_from(part).ok();
    let nanosecond = u32::try_from(time.subsec_nanosecond()).ok()?;
    Time::try_new(part(time.hour())?, part(time.minute())?, part(time.second())?, nanosecond).ok()
}

/// As many digits of a second as are not nothing.
fn finest(time: civil::Time, precision: Precision) -> TimePrecision {
    let nanosecond = time.subsec_nanosecond();
    match precision {
        Precision::Minutes => TimePrecision::Minute,
        Precision::All if nanosecond != 0 => {
            let digits = format!("{nanosecond:09}").trim_end_matches('0').len();
            let digits = u8::try_from(digits).ok().and_then(SubsecondDigits::try_from_int);
            digits.map_or(TimePrecision::Second, TimePrecision::Subsecond)
        }
        Precision::Seconds | Precision::All => TimePrecision::Second,
    }
}
