//! Exact decimals from bytes, numbers and texts, and back into digits.

use super::raw;
use super::semantic::{Reason, bytes};
use super::value::Decimal;
use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

/// Digits up to which a number is built as a decimal. Postgres' NUMERIC ends at 131,072 + 16,383.
const DIGITS_MAX: usize = 150_000;

pub(crate) fn decimal(raw: &str, scale: i64) -> Result<Decimal, Reason> {
    if raw.starts_with('"') {
        return unscaled(&bytes(raw)?, scale);
    }
    with_scale(decimal_text(raw)?, Some(scale))
}

/// A big-endian two's complement number and its scale.
pub(crate) fn unscaled(bytes: &[u8], scale: i64) -> Result<Decimal, Reason> {
    // 0.42 bytes a digit; beyond the limit it is no database's number, only a way to keep a worker busy.
    if bytes.len() > DIGITS_MAX / 2 || scale.unsigned_abs() > DIGITS_MAX as u64 {
        return Err("a decimal of more digits than any database holds".into());
    }
    if bytes.is_empty() {
        return Err("expected a number, found no bytes".into());
    }
    Ok(Decimal::Finite(BigDecimal::new(BigInt::from_signed_bytes_be(bytes), scale)))
}

fn with_scale(decimal: Decimal, scale: Option<i64>) -> Result<Decimal, Reason> {
    Ok(match (decimal, scale) {
        // Only ever more zeros: a number is never rounded to the scale it ought to have.
        (Decimal::Finite(number), Some(scale))
            if number.fractional_digit_count() < scale && scale.unsigned_abs() <= DIGITS_MAX as u64 =>
        {
            Decimal::Finite(number.with_scale(scale))
        }
        (decimal, _) => decimal,
    })
}

/// A decimal in digits, with or without an exponent, or one of the words for what is no number.
pub(crate) fn decimal_text(text: &str) -> Result<Decimal, Reason> {
    let reason = || Reason::Borrowed("expected a decimal");
    match text {
        "NaN" | "NAN" | "nan" => return Ok(Decimal::NaN),
        "Infinity" | "infinity" | "POSITIVE_INFINITY" | "+Infinity" => {
            return Ok(Decimal::Infinity);
        }
        "-Infinity" | "-infinity" | "NEGATIVE_INFINITY" => return Ok(Decimal::NegInfinity),
        _ => {}
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| reason())?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let scale = fraction.len() as i64 - exponent.clamp(-1_000_000_000, 1_000_000_000);
    if text.len() > DIGITS_MAX || scale.unsigned_abs() > DIGITS_MAX as u64 {
        return Err("a decimal of more digits than any database holds".into());
    }
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    if digits.len() + fraction.len() == 0 || !digits.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(reason());
    }
    let joined: String = [whole.strip_prefix('+').unwrap_or(whole), fraction].concat();
    let number = match joined.parse::<i128>() {
        Ok(small) => BigInt::from(small),
        Err(_) => joined.parse::<BigInt>().map_err(|_| reason())?,
    };
    Ok(Decimal::Finite(BigDecimal::new(number, scale)))
}

pub(crate) fn loose_decimal(raw: &str, scale: Option<i64>) -> Result<Decimal, Reason> {
    if raw.starts_with('{') {
        return variable_decimal(raw);
    }
    let Some(text) = raw::text(raw) else {
        return with_scale(decimal_text(raw)?, scale);
    };
    match (decimal_text(&text), scale) {
        // With a scale above 0, digits without a point are base64 that happens to look like a number:
        // as a text the number would show its fraction.
        (Ok(Decimal::Finite(_)), Some(1..)) if !text.contains(['.', '-', 'e', 'E']) && text.len() % 4 == 0 => {
            decimal(raw, scale.unwrap_or(0))
        }
        (Ok(decimal), _) => with_scale(decimal, scale),
        (Err(_), Some(scale)) => decimal(raw, scale),
        (Err(reason), None) => Err(reason),
    }
}

pub(crate) fn variable_decimal(raw: &str) -> Result<Decimal, Reason> {
    let scale =
        raw::member(raw, "scale").ok_or("scale: missing")?.parse::<i64>().map_err(|_| "scale: not an integer")?;
    decimal(raw::member(raw, "value").ok_or("value: missing")?, scale)
}

impl Decimal {
    /// All digits with the column's scale, never an exponent; `NaN`, `Infinity`, `-Infinity`.
    pub fn plain(&self) -> String {
        let number = match self {
            Decimal::Finite(number) => number,
            Decimal::NaN => return "NaN".to_owned(),
            Decimal::Infinity => return "Infinity".to_owned(),
            Decimal::NegInfinity => return "-Infinity".to_owned(),
        };
        let (unscaled, scale) = number.as_bigint_and_exponent();
        let digits = unscaled.to_string();
        let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
        if scale <= 0 {
            // Zero times a power of ten is zero.
            let zeros = if digits == "0" { 0 } else { scale.unsigned_abs() as usize };
            return format!("{sign}{digits}{}", "0".repeat(zeros));
        }
        let scale = scale as usize;
        if digits.len() > scale {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            format!("{sign}{whole}.{fraction}")
        } else {
            format!("{sign}0.{digits:0>scale$}")
        }
    }
}
