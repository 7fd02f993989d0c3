//! What the config and experience know about a table beyond its records.

use super::semantic::{Kind, Unit};
use super::{Reading, Type};
use std::fmt;
use std::str::FromStr;

/// Knowledge about tables that the records themselves do not carry.
pub trait Hints {
    /// Does the source send whole old images (Postgres: REPLICA IDENTITY FULL)? From `replica_identity`
    /// in the config, or learnt ([`super::Identities`]); `None` when nobody knows yet.
    fn full_identity(&self, server: &str, table: &str) -> Option<bool>;

    /// The configured `columns.*.type`, for columns that come without a semantic type.
    fn column_type(&self, server: &str, table: &str, column: &str) -> Option<ColumnHint>;

    /// How the records of a topic are read; the config's `decode` and `unavailable_placeholder`.
    fn reading(&self, topic: &str) -> Reading {
        let _ = topic;
        Reading::default()
    }

    /// False when no column of the table has a configured type, which spares the questions.
    fn types_columns(&self, server: &str, table: &str) -> bool {
        let _ = (server, table);
        true
    }
}

/// Nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHints;

impl Hints for NoHints {
    fn full_identity(&self, _: &str, _: &str) -> Option<bool> {
        None
    }
    fn column_type(&self, _: &str, _: &str, _: &str) -> Option<ColumnHint> {
        None
    }
    fn types_columns(&self, _: &str, _: &str) -> bool {
        false
    }
}

/// What the config says, and where it is silent, what was learnt.
pub struct Known<'a> {
    /// The config's word, which counts first.
    pub config: &'a dyn Hints,
    /// What updates have shown.
    pub learnt: &'a super::Identities,
}

impl Hints for Known<'_> {
    fn full_identity(&self, server: &str, table: &str) -> Option<bool> {
        self.config.full_identity(server, table).or_else(|| self.learnt.full(server, table))
    }
    fn column_type(&self, server: &str, table: &str, column: &str) -> Option<ColumnHint> {
        self.config.column_type(server, table, column)
    }
    fn reading(&self, topic: &str) -> Reading {
        self.config.reading(topic)
    }
    fn types_columns(&self, server: &str, table: &str) -> bool {
        self.config.types_columns(server, table)
    }
}

/// A column's configured type: `date`, `timestamp_us`, `decimal(2)`, `bits(8)`, ...
///
/// It takes every wire form of its type: ISO texts as well as numbers, decimals as text, number,
/// base64 (with a scale) or `{scale, value}`. A value that does not fit it is shown as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnHint {
    kind: Kind,
}

impl ColumnHint {
    /// The semantic type.
    pub fn ty(&self) -> Type {
        self.kind.ty()
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The words that a configured type may be, for messages and the config's schema.
    pub const WORDS: &'static [&'static str] = &[
        "bool",
        "int",
        "unsigned",
        "float",
        "decimal",
        "decimal(SCALE)",
        "text",
        "date",
        "time",
        "time_ms",
        "time_us",
        "time_ns",
        "timestamp",
        "timestamp_ms",
        "timestamp_us",
        "timestamp_ns",
        "instant",
        "instant_ms",
        "instant_us",
        "instant_ns",
        "duration",
        "duration_us",
        "duration_ns",
        "uuid",
        "json",
        "bytes",
        "bits",
        "bits(LENGTH)",
        "enum",
        "set",
        "point",
        "geometry",
        "xml",
    ];
}

/// A word that names no column type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownType(String);

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no column type; known are {}", self.0, ColumnHint::WORDS.join(", "))
    }
}

impl std::error::Error for UnknownType {}

impl FromStr for ColumnHint {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        let unknown = || UnknownType(text.to_owned());
        let (word, argument) = match text.trim().strip_suffix(')').and_then(|t| t.split_once('(')) {
            Some((word, argument)) => (word.trim(), Some(argument.trim())),
            None => (text.trim(), None),
        };
        let number = |max: i64| match argument {
            Some(digits) => digits.parse::<i64>().ok().filter(|n| (0..=max).contains(n)).map(Some).ok_or_else(unknown),
            None => Ok(None),
        };
        let (base, unit) = match word.rsplit_once('_') {
            Some((base, "ms")) => (base, Unit::Milli),
            Some((base, "us")) => (base, Unit::Micro),
            Some((base, "ns")) => (base, Unit::Nano),
            _ => (word, Unit::Guess),
        };
        let kind = match (base, unit) {
            ("time", _) => Kind::Time(unit),
            ("timestamp", _) => Kind::Timestamp(unit),
            ("instant", _) => Kind::Instant(unit),
            ("duration", Unit::Guess) => Kind::Duration(Unit::Micro),
            ("duration", _) => Kind::Duration(unit),
            (_, Unit::Milli | Unit::Micro | Unit::Nano) => return Err(unknown()),
            ("bool", _) => Kind::LooseBool,
            ("int", _) => Kind::LooseInt,
            ("unsigned", _) => Kind::Unsigned,
            ("float", _) => Kind::Float,
            ("decimal", _) => Kind::LooseDecimal(number(16_383)?),
            ("text", _) => Kind::LooseText,
            ("date", _) => Kind::Date,
            ("uuid", _) => Kind::Uuid,
            ("json", _) => Kind::Json,
            ("bytes", _) => Kind::Bytes,
            ("bits", _) => Kind::Bits(number(65_536)?.map(|n| n as usize)),
            ("enum", _) => Kind::Enum,
            ("set", _) => Kind::Set,
            ("point", _) => Kind::Point,
            ("geometry", _) => Kind::Geometry,
            ("xml", _) => Kind::Xml,
            _ => return Err(unknown()),
        };
        if argument.is_some() && !matches!(kind, Kind::LooseDecimal(_) | Kind::Bits(_)) {
            return Err(unknown());
        }
        Ok(ColumnHint { kind })
    }
}
