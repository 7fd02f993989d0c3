//! The parts of a change event, borrowed; rows are built only on demand.

use super::build;
use super::hints::Hints;
use super::raw;
use super::scan::Cursor;
use super::semantic::Kind;
use super::unavailable::is_placeholder;
use super::{DecodeError, Op, Record, RowChange, memo, rows};
use base64::Engine;
use std::borrow::Cow;
use std::sync::Arc;

/// A row change as it lies in the record.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    record: Record<'a>,
    op: Op,
    before: Option<&'a str>,
    after: Option<&'a str>,
    source: Source<'a>,
    table: Box<str>,
    server: Cow<'a, str>,
    schema: Option<Inline<'a>>,
}

/// A schema that came with its payload.
#[derive(Debug, Clone)]
pub(crate) struct Inline<'a> {
    pub text: &'a str,
    /// Compiled, where the text is known already.
    pub kind: Option<Arc<Kind>>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn new(
        record: Record<'a>,
        op: Op,
        before: Option<&'a str>,
        after: Option<&'a str>,
        source: Source<'a>,
        schema: Option<Inline<'a>>,
    ) -> Result<Self, DecodeError> {
        let table = source.table()?;
        let server = source.text(source.name).unwrap_or_default();
        Ok(Envelope { record, op, before, after, source, table, server, schema })
    }

    /// The record that it came in.
    pub fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// What happened.
    pub fn op(&self) -> Op {
        self.op
    }

    /// `public.listings`: schema and table, or database and table where the source has no schemas.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The connector's logical server name (`topic.prefix`).
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Debezium's connector word: `postgresql`, `mysql`, ...
    pub fn connector(&self) -> Cow<'a, str> {
        self.source.text(self.source.connector).unwrap_or_default()
    }

    /// The database, where the source says it.
    pub fn database(&self) -> Option<Cow<'a, str>> {
        self.source.text(self.source.db).filter(|db| !db.is_empty())
    }

    /// Seen by a snapshot, not streamed.
    pub fn snapshot(&self) -> bool {
        self.source.snapshot()
    }

    /// Commit time at the source, in microseconds since the epoch.
    pub fn time_us(&self) -> Option<i64> {
        self.source.time_us()
    }

    /// True when the record carries its schema.
    pub fn has_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// True where the old image of an update was sent.
    pub fn has_before(&self) -> bool {
        self.before.is_some()
    }

    /// Could any of these columns have changed? Cheap: compares raw text and builds no values, so a value
    /// that is only spelt differently counts. True for a column that was sent when there is nothing to
    /// compare it with.
    pub fn may_touch(&self, columns: &[impl AsRef<str>]) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => touched(before, after, columns),
            (Some(image), None) | (None, Some(image)) => {
                raw::members(image).any(|(key, raw)| is_watched(columns, &key) && !is_placeholder(raw))
            }
            (None, None) => false,
        }
    }

    /// Did this update leave the row's key as it was? Compared by the raw text of the key's columns.
    pub(crate) fn keeps_key(&self) -> bool {
        let Some(Ok(key)) = self.record.key.map(|key| rows::unwrap("key", self.record.topic, key)) else {
            return false;
        };
        let columns: Vec<_> = raw::members(key.payload).map(|(name, _)| name).collect();
        !columns.is_empty() && self.before.is_some() && !self.may_touch(&columns)
    }

    pub(crate) fn images(&self) -> (Option<&'a str>, Option<&'a str>) {
        (self.before, self.after)
    }

    pub(crate) fn schema(&self) -> Result<Option<Arc<Kind>>, DecodeError> {
        match &self.schema {
            None => Ok(None),
            Some(Inline { kind: Some(kind), .. }) => Ok(Some(kind.clone())),
            Some(Inline { text, kind: None }) => {
                memo::schema(self.record.topic, text).map(Some).map_err(|reason| DecodeError::new("schema", reason))
            }
        }
    }

    /// Decodes the rows and tells what changed.
    pub fn change(&self, hints: &dyn Hints) -> Result<RowChange, DecodeError> {
        build::change(self, hints)
    }
}

fn is_watched(columns: &[impl AsRef<str>], name: &str) -> bool {
    columns.iter().any(|column| column.as_ref() == name)
}

/// Is a watched column's raw text another one in the new image, or is the column gone from it?
fn touched(before: &str, after: &str, columns: &[impl AsRef<str>]) -> bool {
    let (prefix, suffix) = common_ends(before.as_bytes(), after.as_bytes());
    if prefix == before.len() && prefix == after.len() {
        return false;
    }
    let mut new = Cursor::new(after);
    let mut first = true;
    if !new.open_object() {
        return true;
    }
    // Members that end within the common beginning are the same in both. One that ends right where the
    // texts part may go on in the other: 12 and 123.
    let mut start;
    let mut found = loop {
        start = (new.clone(), first);
        match member_at(&mut new, &mut first) {
            Some(_) if new.at() < prefix => {}
            member => break member,
        }
    };
    while let Some((name, raw)) = found {
        if is_watched(columns, &name) && !is_placeholder(raw) {
            let old = raw::members(before).find(|(key, _)| *key == name).map(|(_, raw)| raw);
            if old != Some(raw) {
                return true;
            }
        }
        // From here on all is the common end, the comma before the next member included; without the
        // comma, the other text could be inside a key there.
        if new.at() > after.len() - suffix {
            break;
        }
        found = member_at(&mut new, &mut first);
    }
    // The old image adds only columns that were dropped since; up to the difference it reads the same.
    let (at, mut first) = (start.0.at(), start.1);
    let mut old = Cursor::new(before);
    old.advance(at);
    while let Some((name, _)) = member_at(&mut old, &mut first) {
        if is_watched(columns, &name) && !raw::members(after).any(|(key, _)| key == name) {
            return true;
        }
        if old.at() > before.len() - suffix {
            break;
        }
    }
    false
}

/// The next member of a checked object.
#[inline]
fn member_at<'a>(cursor: &mut Cursor<'a>, first: &mut bool) -> Option<(Cow<'a, str>, &'a str)> {
    let key = cursor.key(first).ok()??;
    let raw = cursor.value().ok()?;
    Some((key.text(), raw))
}

/// Lengths of the longest common prefix and of the common suffix behind it.
fn common_ends(a: &[u8], b: &[u8]) -> (usize, usize) {
    const CHUNK: usize = 32;
    let prefix = a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK)).take_while(|(a, b)| a == b).count() * CHUNK;
    let prefix = prefix + a[prefix..].iter().zip(&b[prefix..]).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[prefix..], &b[prefix..]);
    let suffix = a.rchunks_exact(CHUNK).zip(b.rchunks_exact(CHUNK)).take_while(|(a, b)| a == b).count() * CHUNK;
    let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
    (prefix, suffix + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count())
}

/// The source block's parts that every record needs, as raw text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Source<'a> {
    object: bool,
    connector: Option<&'a str>,
    name: Option<&'a str>,
    db: Option<&'a str>,
    schema: Option<&'a str>,
    table: Option<&'a str>,
    snapshot: Option<&'a str>,
    ts_ms: Option<&'a str>,
    ts_us: Option<&'a str>,
    ts_ns: Option<&'a str>,
}

impl<'a> Source<'a> {
    /// Reads the block at the cursor.
    pub fn walk(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        let json = |error| DecodeError::json("value", error);
        let mut source = Source::default();
        if !cursor.open_object() {
            cursor.value().map_err(json)?;
            return Ok(source);
        }
        source.object = true;
        let mut first = true;
        while let Some(key) = cursor.key(&mut first).map_err(json)? {
            let raw = cursor.value().map_err(json)?;
            let key = key.text();
            let part = match &*key {
                "connector" => &mut source.connector,
                "name" => &mut source.name,
                "db" => &mut source.db,
                // Collections and keyspaces take the places of tables and schemas.
                "schema" | "keyspace" => &mut source.schema,
                "table" | "collection" => &mut source.table,
                "snapshot" => &mut source.snapshot,
                "ts_ms" => &mut source.ts_ms,
                "ts_us" => &mut source.ts_us,
                "ts_ns" => &mut source.ts_ns,
                _ => continue,
            };
            if part.replace(raw).is_some() {
                return Err(DecodeError::column("source", &key, "sent twice"));
            }
        }
        Ok(source)
    }

    pub fn is_object(&self) -> bool {
        self.object
    }

    fn text(&self, raw: Option<&'a str>) -> Option<Cow<'a, str>> {
        raw.and_then(raw::text)
    }

    fn table(&self) -> Result<Box<str>, DecodeError> {
        let filled = |raw| self.text(raw).filter(|text| !text.is_empty());
        let Some(table) = filled(self.table) else {
            return Err(DecodeError::new("source.table", "missing"));
        };
        match filled(self.schema).or_else(|| filled(self.db)) {
            Some(schema) => {
                let mut full = String::with_capacity(schema.len() + 1 + table.len());
                full.push_str(&schema);
                full.push('.');
                full.push_str(&table);
                Ok(full.into())
            }
            None => Ok(table.into()),
        }
    }

    fn snapshot(&self) -> bool {
        // `last`, `incremental` and the rest are all snapshots; older connectors write a boolean.
        !matches!(self.snapshot, None | Some("null" | "false" | "\"false\"" | "\"\""))
    }

    fn time_us(&self) -> Option<i64> {
        let int = |raw: Option<&str>| raw.and_then(|raw| raw.parse::<i64>().ok());
        int(self.ts_us)
            .or_else(|| int(self.ts_ns).map(|ns| ns.div_euclid(1000)))
            .or_else(|| int(self.ts_ms).and_then(|ms| ms.checked_mul(1000)))
    }
}

/// A logical message, written into the log by an application.
#[derive(Debug, Clone)]
pub struct LogicalMessage<'a> {
    /// The record that it came in.
    pub record: Record<'a>,
    /// Debezium's connector word.
    pub connector: String,
    /// The connector's logical server name.
    pub server: String,
    /// What the application calls it.
    pub prefix: String,
    /// What it says.
    pub content: Vec<u8>,
    /// Time at the source, in microseconds since the epoch.
    pub time_us: Option<i64>,
}

impl<'a> LogicalMessage<'a> {
    pub(crate) fn new(record: Record<'a>, source: Source<'a>, message: &'a str) -> Result<Self, DecodeError> {
        let text = |name| raw::member(message, name).and_then(raw::text);
        let content = match text("content") {
            // Base64 unless the connector's binary.handling.mode says otherwise; then the text is all there is.
            Some(text) => match base64::engine::general_purpose::STANDARD.decode(text.as_bytes()) {
                Ok(bytes) => bytes,
                Err(_) => text.into_owned().into_bytes(),
            },
            None => Vec::new(),
        };
        Ok(LogicalMessage {
            record,
            connector: source.text(source.connector).unwrap_or_default().into_owned(),
            server: source.text(source.name).unwrap_or_default().into_owned(),
            prefix: text("prefix").unwrap_or_default().into_owned(),
            content,
            time_us: source.time_us(),
        })
    }

    /// The content as text: itself where it is UTF-8, else `\xdeadbeef`.
    pub fn text(&self) -> Cow<'_, str> {
        match std::str::from_utf8(&self.content) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(super::canonical::hex(&self.content)),
        }
    }
}

#[cfg(test)]
mod tests;
