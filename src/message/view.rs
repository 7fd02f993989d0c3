//! What the config says about a table, and what a rule's templates said about one change.

use super::locale::{CurrencyDisplay, Locale};
use super::{Priority, Tone};
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;

/// What the config says about a table, compiled.
#[derive(Debug, Clone, Default)]
pub struct TableView {
    /// `tables.*.name`: what one row is called, "Listing".
    pub noun: Option<String>,
    /// By column name.
    pub columns: HashMap<String, ColumnView>,
    /// Columns never shown as changes.
    pub ignore: Vec<String>,
}

impl TableView {
    /// What the config says about this column, if anything.
    pub fn column(&self, name: &str) -> Option<&ColumnView> {
        self.columns.get(name)
    }

    /// Whether values of this column must never leave.
    pub fn redacts(&self, name: &str) -> bool {
        self.column(name).is_some_and(|column| column.redact)
    }

    /// Whether changes of this column are never shown.
    pub fn ignores(&self, name: &str) -> bool {
        self.ignore.iter().any(|ignored| ignored == name)
    }
}

/// What the config says about a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnView {
    /// What the column is called; the humanised name without it.
    pub label: Option<String>,
    /// How its values are written.
    pub format: Option<Format>,
    /// Shown as changed, but its values never.
    pub redact: bool,
    /// Words for values, by the value as plain text: `true`, `3`, `on_hold`; `null` for an empty one.
    pub map: BTreeMap<String, String>,
    /// Stands behind numbers: `kg`. Of a duration it says what a number counts: `ms`, `s`, `min`, `h`.
    pub unit: Option<String>,
    /// Units of text shown of a value.
    pub truncate: Option<usize>,
    /// Stands before the label.
    pub emoji: Option<String>,
    /// Of an amount: its symbol or its code.
    pub currency_display: CurrencyDisplay,
    /// Decimals shown of a number; all that it has without it.
    pub decimals: Option<u8>,
}

/// How a column's values are written; without one, as its type suggests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// An amount in the currency that [`Words::currencies`] names: `$250,000.00`.
    Currency,
    /// A number with thousands separators.
    Number,
    /// A number that counts hundredths already: 12.5 is `12.5 %`.
    Percent,
    /// A calendar date; a whole number counts days since 1970-01-01.
    Date,
    /// A point in time; a whole number counts seconds, milliseconds, micro- or nanoseconds since 1970.
    DateTime,
    /// A number of bytes: `12.3 MB`.
    Bytes,
    /// A length of time, `2 h 5 min`; a number counts seconds, or what the column's unit says.
    Duration,
    /// 0 and 1, `t` and `f`, `Y` and `N`: `yes` and `no`.
    Boolean,
}

impl Format {
    /// All, in the order of the documentation.
    pub const ALL: [Format; 8] = [
        Format::Currency,
        Format::Number,
        Format::Percent,
        Format::Date,
        Format::DateTime,
        Format::Bytes,
        Format::Duration,
        Format::Boolean,
    ];

    /// The word used in config.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Currency => "currency",
            Format::Number => "number",
            Format::Percent => "percent",
            Format::Date => "date",
            Format::DateTime => "datetime",
            Format::Bytes => "bytes",
            Format::Duration => "duration",
            Format::Boolean => "boolean",
        }
    }

    /// Whether a text in this format is a number.
    pub fn is_number(self) -> bool {
        matches!(self, Format::Currency | Format::Number | Format::Percent | Format::Bytes | Format::Duration)
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let word = if word == "bool" { "boolean" } else { word };
        Format::ALL.into_iter().find(|format| format.as_str() == word).ok_or(())
    }
}

/// Whom a post calls. From config only: nothing that came with a row may become one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mention {
    /// Members of the channel who are active now.
    Here,
    /// All members of the channel.
    Channel,
    /// All members of the workspace.
    Everyone,
    /// A Slack user by id.
    User(MentionId),
    /// A Slack user group by id.
    Group(MentionId),
}

/// A Slack id that is known to be nothing else: letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MentionId(String);

impl MentionId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Mention {
    type Err = ();

    /// `here`, `channel`, `everyone`, a user id (`U...`, `W...`) or a user group id (`S...`).
    fn from_str(word: &str) -> Result<Self, ()> {
        let id = || {
            let plain = word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            (plain && (6..=32).contains(&word.len())).then(|| MentionId(word.to_owned())).ok_or(())
        };
        match word {
            "here" => Ok(Mention::Here),
            "channel" => Ok(Mention::Channel),
            "everyone" => Ok(Mention::Everyone),
            _ if word.starts_with(['U', 'W']) => id().map(Mention::User),
            _ if word.starts_with('S') => id().map(Mention::Group),
            _ => Err(()),
        }
    }
}

/// What the rule's templates said about this change, already rendered by the caller.
///
/// Rendered words may hold row data and are treated as such. The caller keeps the values of
/// redacted columns out of what templates can see: here they could not be told apart any more.
#[derive(Debug, Clone)]
pub struct Words {
    /// Orders the lane, colours the message.
    pub priority: Priority,
    /// Good or bad news, as the rule says.
    pub tone: Tone,
    /// Whom to call; from config only.
    pub mention: Option<Mention>,
    /// The rule's headline.
    pub headline: Option<String>,
    /// The row's title, from the table's template.
    pub title: Option<String>,
    /// The row's address; shown only if it is http or https.
    pub link: Option<String>,
    /// Labels and addresses of further buttons; those that are not http or https are left out.
    pub buttons: Vec<(String, String)>,
    /// A remark in the config's words.
    pub note: Option<String>,
    /// The columns to show, in this order; empty: those that matter.
    pub fields: Vec<Arc<str>>,
    /// Column -> ISO 4217 code, rendered from the row.
    pub currencies: HashMap<String, String>,
    /// Column -> ISO 4217 code, rendered from the old image where it is known. A column missing here
    /// had the code of [`Words::currencies`], unless the change itself shows that code to be new.
    pub currencies_before: HashMap<String, String>,
    /// Names of the rules that matched.
    pub rules: Vec<Arc<str>>,
    /// Language of numbers, dates and words.
    pub locale: Arc<Locale>,
    /// Zone of every instant shown.
    pub time_zone: TimeZone,
    /// The config names no zone: where a channel can, the time of the change stands on its reader's own clock.
    pub readers_zone: bool,
    /// The rule's columns, shown first.
    pub watched: Vec<Arc<str>>,
    /// Quiet remarks, such as "sent again".
    pub notes: Vec<String>,
    /// Changes that the one told stands for, and commit time of the first in microseconds since the epoch.
    pub folded: Option<(u64, Option<i64>)>,
    /// The headline is a rule's that one of the folded changes met, and their net would not.
    pub headline_of_one: bool,
}

impl Default for Words {
    fn default() -> Self {
        Words {
            priority: Priority::Normal,
            tone: Tone::Neutral,
            mention: None,
            headline: None,
            title: None,
            link: None,
            buttons: Vec::new(),
            note: None,
            fields: Vec::new(),
            currencies: HashMap::new(),
            currencies_before: HashMap::new(),
            rules: Vec::new(),
            locale: Locale::english(),
            time_zone: TimeZone::UTC,
            readers_zone: false,
            watched: Vec::new(),
            notes: Vec::new(),
            folded: None,
            headline_of_one: false,
        }
    }
}
