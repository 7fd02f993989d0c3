//! Amounts: which symbol, on which side, how many decimals.

use super::Locale;
use bigdecimal::{BigDecimal, Signed};
use icu_decimal::input::Decimal;
use icu_experimental::dimension::currency::formatter::CurrencyFormatter;
use icu_locale_core::extensions::unicode::Value;
use icu_locale_core::preferences::extensions::unicode::keywords::CurrencyType;

/// A code as ISO 4217 spells it; a row may hold anything where a code is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency([u8; 3]);

/// How a currency is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CurrencyDisplay {
    /// `$`, as the language writes it: `US$` where another dollar is at home.
    #[default]
    Symbol,
    /// `USD`
    Code,
}

impl Currency {
    /// `None` unless the text is three ASCII letters.
    pub fn parse(code: &str) -> Option<Currency> {
        let bytes: [u8; 3] = code.trim().as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_alphabetic).then(|| Currency(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// The code in upper case.
    pub fn code(&self) -> String {
        self.0.iter().map(|b| char::from(*b)).collect()
    }
}

/// What stands around the digits of an amount.
struct Around {
    before: String,
    after: String,
    decimals: usize,
}

impl Locale {
    /// An amount with at least the currency's decimals, and every further one that the value really has.
    pub fn money(&self, amount: &BigDecimal, currency: Currency, display: CurrencyDisplay) -> String {
        let around = self.around(amount.is_negative(), currency, display).unwrap_or_else(|| Around {
            before: format!("{}{}\u{A0}", if amount.is_negative() { "-" } else { "" }, currency.code()),
            after: String::new(),
            decimals: 2,
        });
        let digits = self.grouped(&padded(&amount.abs(), around.decimals));
        format!("{}{digits}{}", around.before, around.after)
    }

    /// The library rounds amounts to the currency's decimals; what is shown here is what is stored. So it writes 1, and the
    /// digits are exchanged.
    fn around(&self, is_negative: bool, currency: Currency, display: CurrencyDisplay) -> Option<Around> {
        let code = Value::try_from_str(&currency.code().to_ascii_lowercase()).ok()?;
        let code = CurrencyType::try_from(&code).ok()?;
        let preferences = (&self.numbers).into();
        let formatter = match display {
            CurrencyDisplay::Symbol => CurrencyFormatter::try_new_symbol(preferences, code, Default::default()),
            CurrencyDisplay::Code => CurrencyFormatter::try_new_code(preferences, code, Default::default()),
        };
        let one = formatter.ok()?.format_fixed_decimal(&Decimal::from(if is_negative { -1 } else { 1 })).to_string();
        let (begin, end) = (one.find('1')?, one.rfind(|c: char| c.is_ascii_digit())?);
        let digits = &one[begin..=end];
        Some(Around {
            before: one[..begin].to_owned(),
            after: one[end + 1..].to_owned(),
            // One digit, a separator, the decimals.
            decimals: digits.chars().count().saturating_sub(2),
        })
    }
}

fn padded(amount: &BigDecimal, decimals: usize) -> String {
    let plain = amount.to_plain_string();
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let fraction = fraction.trim_end_matches('0');
    if decimals == 0 && fraction.is_empty() {
        return whole.to_owned();
    }
    format!("{whole}.{fraction:0<decimals$}")
}
