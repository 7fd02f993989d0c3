//! A Kafka record as decoding sees it.

use super::RecordId;
use std::fmt;
use std::sync::Arc;

/// Lookup of a record's headers. Most records are judged without it, so implementations should do no
/// work before they are asked.
pub trait Headers {
    /// The value of the last header of this name; `None` when it is absent or null.
    fn header(&self, name: &str) -> Option<&[u8]>;

    /// All headers in order, copied: for a record that must be kept as it was.
    fn all(&self) -> Vec<(String, Option<Vec<u8>>)>;
}

/// A record without headers.
impl Headers for () {
    fn header(&self, _: &str) -> Option<&[u8]> {
        None
    }

    fn all(&self) -> Vec<(String, Option<Vec<u8>>)> {
        Vec::new()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for [(N, Option<V>)] {
    fn header(&self, name: &str) -> Option<&[u8]> {
        let (_, value) = self.iter().rev().find(|(header, _)| header.as_ref() == name)?;
        value.as_ref().map(AsRef::as_ref)
    }

    fn all(&self) -> Vec<(String, Option<Vec<u8>>)> {
        let copy = |value: &V| value.as_ref().to_vec();
        self.iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().map(copy))).collect()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for Vec<(N, Option<V>)> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.as_slice().header(name)
    }

    fn all(&self) -> Vec<(String, Option<Vec<u8>>)> {
        self.as_slice().all()
    }
}

/// A Kafka record, borrowed from wherever it was read.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    /// Topic name.
    pub topic: &'a Arc<str>,
    /// Partition number.
    pub partition: i32,
    /// Offset within the partition.
    pub offset: i64,
    /// Kafka's timestamp, milliseconds since the epoch.
    pub timestamp_ms: Option<i64>,
    /// Key; `None` is Kafka's null.
    pub key: Option<&'a [u8]>,
    /// Value; `None` is Kafka's null.
    pub value: Option<&'a [u8]>,
    /// Headers.
    pub headers: &'a dyn Headers,
}

impl Record<'_> {
    /// Where the record stands.
    pub fn id(&self) -> RecordId {
        RecordId { topic: self.topic.clone(), partition: self.partition, offset: self.offset }
    }
}

/// Never prints key or value: row data stays out of logs.
impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("topic", self.topic)
            .field("partition", &self.partition)
            .field("offset", &self.offset)
            .field("key_bytes", &self.key.map(<[u8]>::len))
            .field("value_bytes", &self.value.map(<[u8]>::len))
            .finish_non_exhaustive()
    }
}
