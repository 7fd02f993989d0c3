//! How a language writes numbers, amounts, dates and the words around them.
//!
//! Digits, separators, symbols, names of days and their order come from Unicode's CLDR by ICU4X; the words of a message are
//! ours ([`super::phrases`]).

mod calendar;
mod money;

pub use calendar::Precision;
pub use money::{Currency, CurrencyDisplay};

use super::phrases::{self, Phrases, Plural, fill};
use bigdecimal::BigDecimal;
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_decimal::options::{DecimalFormatterOptions, GroupingStrategy};
use icu_experimental::dimension::percent::formatter::PercentFormatter;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// Languages whose numbers and dates can be written, those with words of their own first.
///
/// Languages that are written from right to left, or with other digits than 0 to 9, are left out: the words around them
/// would be English, and read in another order.
pub const LANGUAGES: [&str; 23] = [
    "en", "de", "fr", "es", "ja", "it", "pt", "nl", "sv", "da", "nb", "no", "fi", "pl", "cs", "sk", "hu", "ro", "el",
    "tr", "uk", "ko", "zh",
];

/// The language of a message.
pub struct Locale {
    tag: String,
    phrases: &'static Phrases,
    numbers: icu_locale_core::Locale,
    dates: icu_locale_core::Locale,
    /// `en` without a country is nobody's own: amounts as in America, days and hours as in most of the world.
    is_plain_english: bool,
    grouped: Option<DecimalFormatter>,
    spaced: Option<DecimalFormatter>,
    percent: Option<PercentFormatter<DecimalFormatter>>,
}

static ENGLISH: LazyLock<Arc<Locale>> = LazyLock::new(|| Arc::new(Locale::new("en", &phrases::EN)));

/// Why a tag names no locale that messages can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocaleError {
    /// Not of the form `de` or `de-AT`.
    #[error("is no language tag")]
    Malformed,
    /// A language that is not in [`LANGUAGES`].
    #[error("is a language that messages cannot be written in")]
    Unknown,
}

impl Locale {
    /// The default: `en`.
    pub fn english() -> Arc<Locale> {
        Arc::clone(&ENGLISH)
    }

    fn new(tag: &str, phrases: &'static Phrases) -> Locale {
        let parse = |tag: &str| icu_locale_core::Locale::from_str(tag).unwrap_or(icu_locale_core::Locale::UNKNOWN);
        let is_plain_english = tag == "en";
        let numbers = parse(tag);
        let grouped = |strategy| DecimalFormatter::try_new((&numbers).into(), options(strategy)).ok();
        Locale {
            tag: tag.to_owned(),
            phrases,
            grouped: grouped(GroupingStrategy::Auto),
            spaced: grouped(GroupingStrategy::Min2),
            percent: PercentFormatter::try_new((&numbers).into(), Default::default()).ok(),
            numbers,
            dates: parse(if is_plain_english { "en-GB" } else { tag }),
            is_plain_english,
        }
    }

    /// The tag as the config wrote it.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The words of its language; English ones where it has none of its own.
    pub fn phrases(&self) -> &'static Phrases {
        self.phrases
    }

    /// Whether the words are those of the language itself.
    pub fn has_words(&self) -> bool {
        phrases::of(self.numbers.id.language.as_str()).is_some()
    }

    /// The digits of a plain number, grouped as the language does: `1,234.50`.
    pub fn grouped(&self, plain: &str) -> String {
        digits(&self.grouped, plain)
    }

    /// The same, but not below 10,000: a year stays a year.
    pub fn spaced(&self, plain: &str) -> String {
        digits(&self.spaced, plain)
    }

    /// A number of hundredths: `12.5 %`.
    pub fn percent(&self, plain: &str) -> String {
        match (&self.percent, Decimal::from_str(plain)) {
            (Some(percent), Ok(number)) if !self.is_plain_english => percent.format(&number).to_string(),
            _ => format!("{}\u{A0}%", self.grouped(plain)),
        }
    }

    /// A whole number.
    pub fn count(&self, number: u64) -> String {
        self.grouped(&number.to_string())
    }

    /// Marks a post that may have been made before.
    pub fn sent_again(&self) -> &'static str {
        self.phrases.sent_again
    }

    /// Marks a post for a part of which the config's template failed.
    pub fn template_failed(&self, what: &str) -> String {
        fill(self.phrases.template_failed, &[("what", what)])
    }

    /// Which of two phrases goes with this number.
    pub fn plural(&self, number: &BigDecimal, [one, other]: Plural) -> &'static str {
        if self.phrases.singular.holds(number) { one } else { other }
    }

    /// A phrase for so many, with their number in it.
    pub fn counted(&self, number: u64, phrases: Plural) -> String {
        fill(self.plural(&number.into(), phrases), &[("count", &self.count(number))])
    }
}

fn options(strategy: GroupingStrategy) -> DecimalFormatterOptions {
    let mut options = DecimalFormatterOptions::default();
    options.grouping_strategy = Some(strategy);
    options
}

/// Exact: what the formatter is given are digits, not a float.
fn digits(formatter: &Option<DecimalFormatter>, plain: &str) -> String {
    match (formatter, Decimal::from_str(plain)) {
        (Some(formatter), Ok(number)) => formatter.format(&number).to_string(),
        _ => plain.to_owned(),
    }
}

impl FromStr for Locale {
    type Err = LocaleError;

    fn from_str(tag: &str) -> Result<Self, LocaleError> {
        // As many systems write it.
        let tag = tag.trim().replace('_', "-");
        let parsed = icu_locale_core::Locale::from_str(&tag).map_err(|_| LocaleError::Malformed)?;
        let language = parsed.id.language.as_str();
        if !LANGUAGES.contains(&language) {
            return Err(LocaleError::Unknown);
        }
        Ok(Locale::new(&tag, phrases::of(language).unwrap_or(&phrases::EN)))
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Locale({})", self.tag)
    }
}

impl PartialEq for Locale {
    fn eq(&self, other: &Self) -> bool {
        self.tag == other.tag
    }
}
