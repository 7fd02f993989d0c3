//! Numbers, exactly: what is shown is what is stored, and differences are computed in decimal.

use super::locale::{Currency, CurrencyDisplay, Locale};
use super::model::Delta;
use super::phrases::fill;
use bigdecimal::{BigDecimal, RoundingMode, Signed, Zero};
use std::str::FromStr;

/// Digits and decimals beyond which a number is written with an exponent and not computed with: a
/// short text such as 1E+999999999 would otherwise take gigabytes to write out.
const DIGITS_MAX: u64 = 400;

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As stored: ids, years, phone numbers.
    Bare,
    /// With thousands separators.
    Grouped,
    /// With thousands separators from 10,000 on: what may be a year stays one.
    Spaced,
    /// Hundredths.
    Percent,
    /// An amount of this currency.
    Money(Currency, CurrencyDisplay),
    /// Of bytes.
    Bytes,
    /// A length of time; the milliseconds that 1 stands for.
    Duration(u32),
}

/// The number that a text column holds, if it is one.
pub fn parse(text: &str) -> Option<BigDecimal> {
    let text = text.trim();
    let plain =
        !text.is_empty() && text.len() <= 120 && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    BigDecimal::from_str(text).ok().filter(|_| plain).filter(is_modest)
}

/// Whether the number can be written out and computed with at little cost.
pub fn is_modest(number: &BigDecimal) -> bool {
    number.fractional_digit_count().unsigned_abs() <= DIGITS_MAX && number.digits() <= DIGITS_MAX
}

/// The number as it is stored, in plain digits.
pub fn plain(number: &BigDecimal) -> String {
    if is_modest(number) { number.to_plain_string() } else { number.to_scientific_notation() }
}

/// The number as its style and the language write it.
pub fn write(number: &BigDecimal, style: Style, locale: &Locale) -> String {
    if !is_modest(number) {
        return number.to_scientific_notation();
    }
    match style {
        Style::Bare => number.to_plain_string(),
        Style::Grouped => locale.grouped(&number.to_plain_string()),
        Style::Spaced => locale.spaced(&number.to_plain_string()),
        Style::Percent => locale.percent(&number.to_plain_string()),
        Style::Money(currency, display) => locale.money(number, currency, display),
        Style::Bytes => bytes(number, locale),
        Style::Duration(unit_ms) => duration(number, unit_ms, locale),
    }
}

/// Units that a duration may be counted in, with their milliseconds.
pub const DURATION_UNITS: [(&str, u32); 4] = [("ms", 1), ("s", 1_000), ("min", 60_000), ("h", 3_600_000)];

/// The milliseconds of a unit of [`DURATION_UNITS`].
pub fn duration_unit_ms(unit: &str) -> Option<u32> {
    DURATION_UNITS.iter().find(|(word, _)| *word == unit).map(|(_, ms)| *ms)
}

/// `57 bytes`, `12.3 MB`: thousands, as file managers count.
fn bytes(number: &BigDecimal, locale: &Locale) -> String {
    let words = locale.phrases();
    let size = number.abs();
    let signed =
        |count: BigDecimal| locale.grouped(&if number.is_negative() { -count } else { count }.to_plain_string());
    for (unit, power) in words.byte_units.iter().zip([3, 6, 9, 12]).rev() {
        let per = BigDecimal::new(1.into(), -power);
        if size >= per {
            return format!("{} {unit}", signed((&size / &per).with_scale_round(1, RoundingMode::Down)));
        }
    }
    fill(locale.plural(&size, words.byte), &[("count", &signed(size.normalized()))])
}

/// `2 h 5 min`, `1.5 s`, `40 ms`; every unit that is not nothing.
fn duration(number: &BigDecimal, unit_ms: u32, locale: &Locale) -> String {
    // Longer than any clock has run, and beyond what a division keeps exactly.
    const DIGITS: u64 = 30;
    if number.digits() > DIGITS {
        return format!("{} × {unit_ms} ms", locale.grouped(&number.to_plain_string()));
    }
    let sign = if number.is_negative() { "-" } else { "" };
    let mut rest = number.abs() * BigDecimal::from(unit_ms);
    if rest < 1_000 && !rest.is_zero() {
        return format!("{sign}{} ms", locale.grouped(&rest.normalized().to_plain_string()));
    }
    let mut parts = Vec::new();
    let [.., days, hours, minutes, seconds] = locale.phrases().duration_units;
    let said = |phrase, count: &str| fill(phrase, &[("count", &locale.grouped(count))]);
    for (unit, ms) in [(days, 86_400_000), (hours, 3_600_000), (minutes, 60_000)] {
        let count = (&rest / BigDecimal::from(ms)).with_scale_round(0, RoundingMode::Down);
        rest -= &count * BigDecimal::from(ms);
        if !count.is_zero() {
            parts.push(said(unit, &count.to_plain_string()));
        }
    }
    if !rest.is_zero() || parts.is_empty() {
        let count = BigDecimal::new(1.into(), 3) * rest;
        parts.push(said(seconds, &count.normalized().to_plain_string()));
    }
    format!("{sign}{}", parts.join(" "))
}

/// By how much a number changed; `None` where saying so would add nothing.
///
/// `proportional` is false for plain counts, where "-1" says more than "-8.3 %".
pub fn delta(old: &BigDecimal, new: &BigDecimal, style: Style, proportional: bool, locale: &Locale) -> Option<Delta> {
    if !is_modest(old) || !is_modest(new) {
        return None;
    }
    let difference = new - old;
    // From or to nothing, the two values already say it all.
    if difference.is_zero() || old.is_zero() || new.is_zero() {
        return None;
    }
    let plus = if difference.is_positive() { "+" } else { "" };
    let by = match style {
        Style::Percent => {
            let count = format!("{plus}{}", locale.grouped(&difference.normalized().to_plain_string()));
            fill(locale.phrases().points, &[("count", &count)])
        }
        style => format!("{plus}{}", write(&difference, style, locale)),
    };
    let percent = (proportional && style != Style::Percent).then(|| percent(old, &difference, locale)).flatten();
    Some(match percent {
        Some(percent) => Delta { main: percent, detail: Some(by) },
        None => Delta { main: by, detail: None },
    })
}

/// The difference in hundredths of the old value, with two to three meaningful digits.
fn percent(old: &BigDecimal, difference: &BigDecimal, locale: &Locale) -> Option<String> {
    let hundred = BigDecimal::from(100);
    let new = old + difference;
    // Across zero a proportion means nothing, and "+1,250,000 %" tells less than the amount.
    if old.is_negative() != new.is_negative() {
        return None;
    }
    let exact = (difference * &hundred / old.abs()).with_prec(60);
    let size = exact.abs();
    if size > 10_000 {
        return None;
    }
    let decimals = if size >= 1 {
        1
    } else {
        // Two meaningful digits of a small one: 0.023 %.
        (1 - size.order_of_magnitude()).clamp(1, 12)
    };
    let mut rounded = exact.with_scale_round(decimals, RoundingMode::HalfUp);
    if size < hundred && rounded.abs() >= hundred {
        // Not all of it is gone: never say -100 %.
        rounded = exact.with_scale_round(decimals, RoundingMode::Down);
    }
    if rounded.is_zero() {
        return None;
    }
    let plus = if rounded.is_positive() { "+" } else { "" };
    let text = rounded.to_plain_string();
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    // Ordinary spaces here: this text is also read by people's own tools, from the fallback.
    Some(format!("{plus}{}", locale.percent(text).replace(['\u{A0}', '\u{202F}'], " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> BigDecimal {
        parse(text).unwrap_or_default()
    }

    fn write(number: &BigDecimal, style: Style) -> String {
        super::write(number, style, &Locale::english())
    }

    fn delta(old: &BigDecimal, new: &BigDecimal, style: Style, proportional: bool) -> Option<Delta> {
        super::delta(old, new, style, proportional, &Locale::english())
    }

    fn in_currency(code: &str) -> Style {
        Currency::parse(code).map_or(Style::Grouped, |code| Style::Money(code, CurrencyDisplay::Symbol))
    }

    fn money(text: &str, code: &str) -> String {
        write(&number(text), in_currency(code))
    }

    #[test]
    fn amounts_keep_their_exact_value() {
        assert_eq!(money("250000", "USD"), "$250,000.00");
        assert_eq!(money("199999.95", "usd"), "$199,999.95");
        assert_eq!(money("-0.5", "EUR"), "-€0.50");
        assert_eq!(money("1.2345000", "USD"), "$1.2345");
        assert_eq!(money("1000.00", "JPY"), "¥1,000");
        assert_eq!(money("1000.5", "JPY"), "¥1,000.5");
        assert_eq!(money("1.5", "KWD"), "KWD\u{A0}1.500");
        assert_eq!(money("99999999999999999999.123456789", "CHF"), "CHF\u{A0}99,999,999,999,999,999,999.123456789");
        assert_eq!(money("12", "<b>"), "12");
    }

    #[test]
    fn deltas_are_exact_and_honest() {
        let delta = |old: &str, new: &str, style| {
            delta(&number(old), &number(new), style, true).map(|delta| delta.to_string()).unwrap_or_default()
        };
        let usd = in_currency("USD");
        assert_eq!(delta("250000.00", "199999.95", usd), "-20 % (-$50,000.05)");
        assert_eq!(delta("10000", "1", Style::Grouped), "-99.9 % (-9,999)");
        assert_eq!(delta("100", "100.01", Style::Grouped), "+0.01 % (+0.01)");
        assert_eq!(delta("0.1", "0.3", Style::Bare), "+200 % (+0.2)");
        assert_eq!(delta("-5", "5", Style::Bare), "+10");
        assert_eq!(delta("1", "0", Style::Bare), "");
        assert_eq!(delta("1", "1000000", Style::Grouped), "+999,999");
        assert_eq!(delta("10.0", "12.5", Style::Percent), "+2.5 points");
    }

    #[test]
    fn bytes_and_lengths_of_time_read_as_such() {
        let bytes = |text: &str| write(&number(text), Style::Bytes);
        assert_eq!(
            ["0", "1", "-999", "12345", "1048576", "-5e9", "12345678901234567"].map(bytes),
            ["0 bytes", "1 byte", "-999 bytes", "12.3 KB", "1.0 MB", "-5.0 GB", "12,345.6 TB"]
        );
        let seconds = |text: &str| write(&number(text), Style::Duration(1_000));
        assert_eq!(
            ["0", "0.04", "1.5", "-60", "7503", "93784.25", "100000000000"].map(seconds),
            ["0 s", "40 ms", "1.5 s", "-1 min", "2 h 5 min 3 s", "1 d 2 h 3 min 4.25 s", "1,157,407 d 9 h 46 min 40 s"]
        );
        assert_eq!(write(&number("90"), Style::Duration(60_000)), "1 h 30 min");
        let delta = delta(&number("60"), &number("90"), Style::Duration(1_000), true);
        assert_eq!(delta.map(|delta| delta.to_string()).as_deref(), Some("+50 % (+30 s)"));
    }

    #[test]
    fn a_short_text_cannot_ask_for_a_gigabyte() {
        assert_eq!(parse("1E+999999999"), None);
        let huge = BigDecimal::from_str("1E+999999999").unwrap_or_default();
        assert_eq!(write(&huge, Style::Grouped), "1e999999999");
        assert_eq!(delta(&huge, &number("1"), Style::Bare, true), None);
    }
}
