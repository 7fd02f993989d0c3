//! From a Kafka record to a row change: what happened, to which row, from what to what.
//!
//! Everything here is pure: bytes in, values out. Reading goes in two steps, because most records
//! matter to nobody: [`skim`] finds the parts of a record without building its rows, and
//! [`Envelope::change`] builds them when a rule wants to look.

mod avro;
mod build;
mod canonical;
mod cloud;
mod decimal;
mod document;
mod envelope;
mod error;
mod flat;
mod frame;
mod header;
mod hints;
mod identity;
mod image;
mod key;
mod logical;
mod marks;
mod memo;
mod moment;
mod net;
mod patience;
mod protobuf;
mod raw;
mod reading;
mod record;
mod repeats;
mod rows;
mod scan;
mod schema;
mod schemas;
mod semantic;
mod skim;
mod source;
mod suspect;
mod time;
mod unavailable;
mod value;
mod written;

pub use envelope::Envelope;
pub use error::DecodeError;
pub use hints::{ColumnHint, Hints, Known, NoHints, UnknownType};
pub use identity::Identities;
pub use logical::LogicalMessage;
pub use net::{Folded, Net, net};
pub use reading::{Format, Reading};
pub use record::{Headers, Record};
pub use repeats::{REPEATS_MAX, Repeats};
pub use schemas::{
    AvroSchema, ConnectSchema, FileSchemas, Lookup, NoSchemas, ProtobufSchema, SCHEMA_BYTES_MAX, Schema, SchemaError,
    SchemaId, Schemas,
};
pub use skim::{Skim, skim, skim_as, skim_with};
pub use suspect::suspicions;
pub use unavailable::Placeholders;
pub use value::{Bounded, Decimal, Type, Value};

use std::fmt;
use std::sync::Arc;

/// Where a record stands in Kafka.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number.
    pub partition: i32,
    /// Offset within the partition.
    pub offset: i64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.topic, self.partition, self.offset)
    }
}

/// What happened to the row (Debezium's `op`: c, u, d, r, t; m is no row's).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// `c`
    Create,
    /// `u`
    Update,
    /// `d`
    Delete,
    /// `r`: a row as a snapshot found it.
    Read,
    /// `t`: the whole table was emptied.
    Truncate,
    /// `m`: a logical message; see [`LogicalMessage::change`].
    Message,
}

impl Op {
    /// The word used in config, `inspect` and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Update => "update",
            Op::Delete => "delete",
            Op::Read => "read",
            Op::Truncate => "truncate",
            Op::Message => "message",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A column of a row image.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Name as the source spells it.
    pub name: Arc<str>,
    /// Semantic type.
    pub ty: Type,
    /// Value; [`Value::Unavailable`] where the source did not send it.
    pub value: Value,
}

/// A row image: the columns in the source's order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Columns in the order in which the source sent them.
    pub columns: Vec<Column>,
}

impl Row {
    /// The column of this name.
    pub fn get(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| &*c.name == name)
    }
}

/// One column's part of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnChange {
    /// Column name.
    pub name: Arc<str>,
    /// Semantic type (the new image's, else the old one's).
    pub ty: Type,
    /// Value before; `None` where there was none or the source did not send it.
    pub old: Option<Value>,
    /// Value after; `None` where there is none.
    pub new: Option<Value>,
}

/// A decoded row change.
#[derive(Debug, Clone, PartialEq)]
pub struct RowChange {
    /// Where the record stands.
    pub record: RecordId,
    /// What happened.
    pub op: Op,
    /// Debezium's connector word: `postgresql`, `mysql`, `mariadb`, ...
    pub connector: Arc<str>,
    /// The connector's logical server name (`topic.prefix`).
    pub server: Arc<str>,
    /// Database name, where the source says it.
    pub database: Option<Arc<str>>,
    /// `schema.table`, or `database.table` where the source has no schemas.
    pub table: Arc<str>,
    /// The record's key; `None` for keyless tables and truncates.
    pub key: Option<Row>,
    /// The key this row had before (header `__debezium.oldkey`).
    pub rekeyed_from: Option<Row>,
    /// The key this row has from now on (header `__debezium.newkey`).
    pub rekeyed_to: Option<Row>,
    /// Seen by a snapshot, not streamed.
    pub snapshot: bool,
    /// Commit time at the source, in microseconds since the epoch.
    pub time_us: Option<i64>,
    /// The old image, as far as it is known to be real.
    pub before: Option<Row>,
    /// The new image.
    pub after: Option<Row>,
    /// The old image is missing or holds only the key.
    pub before_unknown: bool,
    /// The record was a row without its envelope, which has lost its old image on the way.
    pub flattened: bool,
    /// What changed, in the source's column order.
    pub changes: Vec<ColumnChange>,
    /// Columns whose value the source did not send (unchanged TOAST).
    pub unavailable: Vec<Arc<str>>,
}

impl RowChange {
    /// The image that stands for the row: after, else before.
    pub fn row(&self) -> Option<&Row> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// The change of this column, if it changed.
    pub fn changed(&self, name: &str) -> Option<&ColumnChange> {
        self.changes.iter().find(|c| &*c.name == name)
    }

    /// True for an update that moved the row to another key.
    pub fn is_rekey(&self) -> bool {
        self.rekeyed_from.is_some()
    }
}

#[cfg(test)]
pub(crate) mod tests;
