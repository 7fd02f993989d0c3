//! Column values in one canonical form, whatever the wire said.

use bigdecimal::BigDecimal;
use serde_json::Value as Json;
use std::sync::Arc;

/// Semantic type of a column, in the words of `inspect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// true or false
    Bool,
    /// whole number
    Int,
    /// binary floating point
    Float,
    /// exact decimal
    Decimal,
    /// text
    Text,
    /// calendar date
    Date,
    /// time of day or a length of time as databases' TIME holds it
    Time,
    /// wall clock without a zone
    Timestamp,
    /// a point in time
    Instant,
    /// ISO 8601 duration
    Duration,
    /// uuid
    Uuid,
    /// json document
    Json,
    /// raw bytes
    Bytes,
    /// bit string
    Bits,
    /// one of a list of words
    Enum,
    /// several of a list of words
    Set,
    /// list of values
    Array,
    /// map of values
    Map,
    /// x, y
    Point,
    /// WKB geometry
    Geometry,
    /// xml document
    Xml,
    /// null without a schema
    Unknown,
}

impl Type {
    /// The word used in `inspect` and in `columns.*.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Decimal => "decimal",
            Type::Text => "text",
            Type::Date => "date",
            Type::Time => "time",
            Type::Timestamp => "timestamp",
            Type::Instant => "instant",
            Type::Duration => "duration",
            Type::Uuid => "uuid",
            Type::Json => "json",
            Type::Bytes => "bytes",
            Type::Bits => "bits",
            Type::Enum => "enum",
            Type::Set => "set",
            Type::Array => "array",
            Type::Map => "map",
            Type::Point => "point",
            Type::Geometry => "geometry",
            Type::Xml => "xml",
            Type::Unknown => "unknown",
        }
    }
}

/// A value that may lie at either end of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bounded {
    /// `-infinity`
    NegInfinity,
    /// A finite value; the unit is that of the [`Value`] variant.
    Finite(i128),
    /// `infinity`
    Infinity,
}

/// An exact decimal with the column's scale, or what IEEE and Postgres add to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Decimal {
    /// A finite number; `1.50` keeps its scale, and equals `1.5` in a diff.
    Finite(BigDecimal),
    /// `NaN`
    NaN,
    /// `Infinity`
    Infinity,
    /// `-Infinity`
    NegInfinity,
}

/// A column's value. Equality of meaning (not of spelling) is `Value::same`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// The source did not send the value (unchanged TOAST): never a new value.
    Unavailable,
    /// [`Type::Bool`]
    Bool(bool),
    /// [`Type::Int`]; wide enough for unsigned 64-bit columns.
    Int(i128),
    /// [`Type::Float`]; a 4-byte float is kept as its shortest decimal reads.
    Float(f64),
    /// [`Type::Decimal`]
    Decimal(Decimal),
    /// [`Type::Text`], [`Type::Enum`], [`Type::Uuid`], [`Type::Xml`], and a [`Type::Duration`] in ISO form.
    Text(Arc<str>),
    /// Days since 1970-01-01.
    Date(Bounded),
    /// Nanoseconds; negative or beyond a day in MySQL.
    Time(i128),
    /// Nanoseconds since 1970-01-01T00:00 on the wall clock.
    Timestamp(Bounded),
    /// Nanoseconds since the epoch, UTC.
    Instant(Bounded),
    /// Raw bytes ([`Type::Bytes`], and the WKB of [`Type::Geometry`]).
    Bytes(Arc<[u8]>),
    /// Bits as `0` and `1`, most significant first, padded to the schema's length.
    Bits(Arc<str>),
    /// A JSON document.
    Json(Arc<Json>),
    /// Elements in order ([`Type::Array`], [`Type::Set`]).
    Array(Vec<Value>),
    /// Entries in order ([`Type::Map`]).
    Map(Vec<(Arc<str>, Value)>),
    /// x and y.
    Point(f64, f64),
}
