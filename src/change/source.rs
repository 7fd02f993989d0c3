//! The source block: where and when the source made the change.

mod pattern;

use super::DecodeError;
use super::avro::{Datum, Part};
use super::protobuf::Body;
use super::raw;
use super::scan::Cursor;
pub(crate) use pattern::Pattern;
use std::borrow::Cow;
use std::sync::Arc;

/// A small value of an envelope, as it is written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Atom<'a> {
    /// Absent or null.
    #[default]
    None,
    /// A checked raw JSON value.
    Json(&'a str),
    Text(&'a str),
    Int(i64),
    /// Something that no text or number is made of.
    Other(&'static str),
}

impl<'a> Atom<'a> {
    pub fn json(raw: &'a str) -> Self {
        if raw == "null" { Atom::None } else { Atom::Json(raw) }
    }

    pub fn part(part: &Part<'a>) -> Self {
        match part {
            Part::Null => Atom::None,
            Part::Text(text) => Atom::Text(text),
            Part::Int(int) => Atom::Int(*int),
            Part::Record(_) => Atom::Other("an object"),
            Part::Bytes(_) => Atom::Other("bytes"),
            Part::Other => Atom::Other("another type"),
        }
    }

    /// The same, an empty text being nothing.
    pub fn or_none(self) -> Self {
        if let Atom::Text("") = self { Atom::None } else { self }
    }

    pub fn is_none(self) -> bool {
        matches!(self, Atom::None)
    }

    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Atom::Json(raw) => raw::text(raw),
            Atom::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn filled(self) -> Option<Cow<'a, str>> {
        self.text().filter(|text| !text.is_empty())
    }

    pub fn int(self) -> Option<i64> {
        match self {
            Atom::Json(raw) => raw.trim_matches('"').parse().ok(),
            Atom::Text(text) => text.parse().ok(),
            Atom::Int(int) => Some(int),
            _ => None,
        }
    }

    /// Calls back with the text that it has where it is not null.
    fn tell(self, found: impl FnOnce(&str)) {
        match self {
            Atom::Json(raw) if raw != "null" => found(raw),
            Atom::Text(text) => found(text),
            Atom::Int(int) => found(&int.to_string()),
            _ => {}
        }
    }

    /// What it is, in words for errors.
    pub fn shape(self) -> &'static str {
        match self {
            Atom::None => "null",
            Atom::Json(raw) => raw::shape(raw),
            Atom::Text(_) => "a text",
            Atom::Int(_) => "a number",
            Atom::Other(shape) => shape,
        }
    }
}

/// Where the block's other fields can be looked up.
#[derive(Debug, Clone, Default)]
enum Block<'a> {
    #[default]
    None,
    Json(&'a str),
    Avro(Datum<'a>),
    Protobuf(Body<'a>),
    /// Fields that were gathered from elsewhere (a flattened row's metadata).
    Loose(Vec<(Cow<'a, str>, Atom<'a>)>),
}

/// The source block's parts that every record needs, the others on demand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source<'a> {
    block: Block<'a>,
    pub connector: Atom<'a>,
    pub name: Atom<'a>,
    pub db: Atom<'a>,
    pub schema: Atom<'a>,
    pub table: Atom<'a>,
    document: bool,
    /// The name of the table where it is known already.
    full_table: Option<Arc<str>>,
    snapshot: Atom<'a>,
    ts_ms: Atom<'a>,
    ts_us: Atom<'a>,
    ts_ns: Atom<'a>,
}

/// A field that every record needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Connector,
    Name,
    Db,
    Schema,
    Table,
    Collection,
    Snapshot,
    TsMs,
    TsUs,
    TsNs,
}

impl Slot {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "connector" => Slot::Connector,
            "name" => Slot::Name,
            "db" => Slot::Db,
            // Collections and keyspaces take the places of tables and schemas.
            "schema" | "keyspace" | "keyspace_name" => Slot::Schema,
            "table" | "table_name" => Slot::Table,
            "collection" => Slot::Collection,
            "snapshot" => Slot::Snapshot,
            "ts_ms" => Slot::TsMs,
            "ts_us" => Slot::TsUs,
            "ts_ns" => Slot::TsNs,
            _ => return None,
        })
    }
}

impl<'a> Source<'a> {
    /// Reads the block at the cursor into an empty one, in its place because it is large; `pattern` is what the topic's
    /// blocks of before looked like.
    pub fn read_json(&mut self, cursor: &mut Cursor<'a>, pattern: &mut Pattern) -> Result<(), DecodeError> {
        cursor.peek();
        if pattern.read(cursor, self) {
            return Ok(());
        }
        *self = Self::walk(cursor)?;
        if let Block::Json(block) = self.block {
            pattern.learn(block);
        }
        Ok(())
    }

    /// Reads the block at the cursor.
    pub fn walk(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        let json = |error| DecodeError::json("value", error);
        let mut source = Source::default();
        cursor.peek();
        let start = cursor.at();
        if !cursor.open_object() {
            cursor.value().map_err(json)?;
            return Ok(source);
        }
        let mut first = true;
        while let Some(key) = cursor.key(&mut first).map_err(json)? {
            let raw = cursor.value().map_err(json)?;
            let key = key.text();
            if let Some(slot) = source.slot(&key) {
                // A null counts as sent, so that two of a name are always told.
                if !matches!(std::mem::replace(slot, Atom::Json(raw)), Atom::None) {
                    return Err(DecodeError::column("source", &key, "sent twice"));
                }
            }
        }
        source.block = Block::Json(cursor.since(start));
        Ok(source)
    }

    /// Reads the block of a datum.
    pub fn read(datum: &Datum<'a>) -> Result<Self, DecodeError> {
        let mut source = Source { block: Block::Avro(datum.clone()), ..Source::default() };
        let Some(mut members) = datum.members() else {
            return Ok(Source::default());
        };
        while let Some(name) = members.name() {
            let error = |reason| DecodeError::column("source", name, reason);
            match source.slot(name) {
                Some(slot) => *slot = Atom::part(&members.datum().and_then(|datum| datum.part()).map_err(error)?),
                None => drop(members.skip().map_err(error)?),
            }
        }
        Ok(source)
    }

    /// Reads the block of a message. A field that was left out is null or its type's zero, and nothing tells which.
    pub fn read_message(body: Body<'a>) -> Self {
        let mut source = Source { document: body.names().any(|name| &**name == "collection"), ..Source::default() };
        body.each(|name, atom| {
            if let Some(slot) = source.slot(name) {
                *slot = atom;
            }
        });
        source.block = Block::Protobuf(body);
        source
    }

    /// From fields under the names that they have in a source block.
    pub fn loose(fields: Vec<(Cow<'a, str>, Atom<'a>)>) -> Self {
        let mut source = Source::default();
        for (name, value) in &fields {
            if let Some(slot) = source.slot(name) {
                *slot = *value;
            }
        }
        source.block = Block::Loose(fields);
        source
    }

    fn slot(&mut self, name: &str) -> Option<&mut Atom<'a>> {
        let slot = Slot::of(name)?;
        self.document |= slot == Slot::Collection;
        Some(self.at(slot))
    }

    fn at(&mut self, slot: Slot) -> &mut Atom<'a> {
        match slot {
            Slot::Connector => &mut self.connector,
            Slot::Name => &mut self.name,
            Slot::Db => &mut self.db,
            Slot::Schema => &mut self.schema,
            Slot::Table | Slot::Collection => &mut self.table,
            Slot::Snapshot => &mut self.snapshot,
            Slot::TsMs => &mut self.ts_ms,
            Slot::TsUs => &mut self.ts_us,
            Slot::TsNs => &mut self.ts_ns,
        }
    }

    pub fn is_object(&self) -> bool {
        !matches!(self.block, Block::None)
    }

    /// Has it fields, and none that every source block has?
    pub fn is_strange(&self) -> bool {
        let known = [self.connector, self.name, self.db, self.schema, self.table, self.ts_ms, self.snapshot];
        known.iter().all(|atom| atom.is_none())
            && matches!(self.block, Block::Json(raw) if raw::members(raw).next().is_some())
    }

    /// MongoDB's block names a collection, where others name a table.
    pub fn is_document(&self) -> bool {
        self.document || self.connector.text().as_deref() == Some("mongodb")
    }

    /// `schema.table`, or `database.table` where the source has no schemas.
    pub fn full_table(&self) -> Result<Arc<str>, DecodeError> {
        if let Some(table) = &self.full_table {
            return Ok(table.clone());
        }
        let Some(table) = self.table.filled() else {
            return Err(DecodeError::new("source.table", "missing"));
        };
        match self.schema.filled().or_else(|| self.db.filled()) {
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

    pub fn snapshot(&self) -> bool {
        // `last`, `incremental` and the rest are all snapshots; older connectors write a boolean.
        match self.snapshot {
            Atom::None | Atom::Json("null" | "false") => false,
            Atom::Json("true") => true,
            atom => !matches!(atom.text().as_deref(), None | Some("false" | "")),
        }
    }

    pub fn time_us(&self) -> Option<i64> {
        let finer = self.ts_us.int().or_else(|| self.ts_ns.int().map(|ns| ns.div_euclid(1000)));
        finer.or_else(|| self.ts_ms.int().and_then(|ms| ms.checked_mul(1000)))
    }

    /// Calls back with each of these fields that is there and not null, as a text.
    pub fn each(&self, names: &[&str], mut found: impl FnMut(usize, &str)) {
        let place = |name: &str| names.iter().position(|wanted| *wanted == name);
        match &self.block {
            Block::None => {}
            Block::Json(raw) => {
                for (name, raw) in raw::members(raw).filter(|(_, raw)| *raw != "null") {
                    if let Some(at) = place(&name) {
                        found(at, raw);
                    }
                }
            }
            Block::Avro(datum) => {
                let Some(mut members) = datum.members() else {
                    return;
                };
                while let Some(name) = members.name() {
                    let at = place(name);
                    let Ok(datum) = members.datum() else {
                        return;
                    };
                    if let Some(at) = at
                        && let Ok((_, value)) = datum.value()
                        && value != super::Value::Null
                    {
                        found(at, &value.plain());
                    }
                }
            }
            Block::Protobuf(body) => body.each(|name, atom| {
                if let Some(at) = place(name) {
                    atom.tell(|text| found(at, text));
                }
            }),
            Block::Loose(fields) => {
                for (name, atom) in fields {
                    if let Some(at) = place(name) {
                        atom.tell(|text| found(at, text));
                    }
                }
            }
        }
    }
}
