//! Rows without their envelope, as ExtractNewRecordState leaves them.
//!
//! What it keeps of the envelope stands in fields (`__op`, `__table`, `__deleted`) or headers of the same
//! names, under a prefix that can be configured. Without any of it, the context headers of Debezium and a key
//! whose columns the row repeats tell a row from other JSON.

use super::Record;
use super::avro::Datum;
use super::build::OLD_KEY;
use super::envelope::{Envelope, Images, Inline};
use super::header;
use super::image::Image;
use super::protobuf::Body;
use super::raw;
use super::source::{Atom, Source};
use super::{DecodeError, Op};
use std::borrow::Cow;

/// The prefix that is used where none is configured.
const PREFIX: &str = "__";
/// The connector's logical name, on streamed events.
const SERVER: &str = "__debezium.context.connectorLogicalName";

/// Which of a row's columns are none, and what its headers say of the others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flat {
    prefix: String,
    /// The columns that ExtractChangedRecordState says to have changed.
    pub changed: Option<Vec<String>>,
    /// The columns that it says not to have changed.
    pub unchanged: Option<Vec<String>>,
    /// The added fields have names of the user's choice behind the prefix.
    renamed: bool,
}

impl Flat {
    /// Was this column added beside the row's own?
    pub fn is_added(&self, name: &str) -> bool {
        name == "__deleted" || name.strip_prefix(&self.prefix).is_some_and(|name| self.renamed || is_metadata(name))
    }

    /// Do the headers leave open that this column has changed?
    pub fn may_have_changed(&self, name: &str) -> bool {
        let named = |list: &Vec<String>| list.iter().any(|column| column == name);
        match (&self.changed, &self.unchanged) {
            (Some(changed), _) => named(changed),
            (None, Some(unchanged)) => !named(unchanged),
            (None, None) => true,
        }
    }
}

/// The envelope's and the source block's fields that the transformation can add.
fn is_metadata(name: &str) -> bool {
    matches!(
        name.strip_prefix("source_").unwrap_or(name),
        "op" | "table"
            | "schema"
            | "db"
            | "collection"
            | "keyspace"
            | "connector"
            | "name"
            | "version"
            | "snapshot"
            | "ts_ms"
            | "ts_us"
            | "ts_ns"
            | "lsn"
            | "txId"
            | "xmin"
            | "sequence"
            | "file"
            | "pos"
            | "row"
            | "gtid"
            | "server_id"
            | "thread"
            | "query"
            | "commit_lsn"
            | "change_lsn"
            | "event_serial_no"
            | "scn"
            | "commit_scn"
            | "rs_id"
            | "ssn"
            | "redo_thread"
            | "ord"
            | "lsid"
            | "txnNumber"
            | "origin"
            | "origin_lsn"
            | "vgtid"
            | "shard"
    ) || name.starts_with("transaction_")
}

/// The members of a row that may be metadata, by name.
type Fields<'a> = Vec<(Cow<'a, str>, Atom<'a>)>;

/// A flattened row in JSON; `None` for what is none, unless it is `sure` to be one.
pub(crate) fn json<'a>(
    record: &Record<'a>,
    payload: &'a str,
    schema: Option<Inline<'a>>,
    sure: bool,
) -> Result<Option<Box<Envelope<'a>>>, DecodeError> {
    if !payload.starts_with('{') {
        return Ok(None);
    }
    let fields = raw::members(payload).map(|(name, raw)| (name, Atom::json(raw))).collect();
    let sure = sure || schema.as_ref().is_some_and(is_row);
    row(record, fields, Image::Json(Cow::Borrowed(payload)), schema, sure)
}

/// Debezium names the schema of a table's rows after the topic, and so: `shop.public.listings.Value`.
fn is_row(schema: &Inline<'_>) -> bool {
    raw::member(schema.text(), "name").and_then(raw::text).is_some_and(|name| name.ends_with(".Value"))
}

/// A flattened row in Avro.
pub(crate) fn avro<'a>(
    record: &Record<'a>,
    datum: &Datum<'a>,
    sure: bool,
) -> Result<Option<Box<Envelope<'a>>>, DecodeError> {
    let mut fields = Fields::new();
    if let Some(mut members) = datum.members() {
        while let Some(name) = members.name() {
            let name = Cow::Owned(name.to_string());
            let part = members.datum().and_then(|datum| datum.part());
            let part = part.map_err(|reason| DecodeError::new(&name, reason))?;
            fields.push((name, Atom::part(&part)));
        }
    }
    row(record, fields, Image::Avro(datum.clone()), None, sure || datum.is_row())
}

/// A flattened row in Protobuf.
pub(crate) fn protobuf<'a>(
    record: &Record<'a>,
    fields: Fields<'a>,
    body: Body<'a>,
    schema: Option<Inline<'a>>,
    sure: bool,
) -> Result<Option<Box<Envelope<'a>>>, DecodeError> {
    row(record, fields, Image::Protobuf(body), schema, sure)
}

/// A delete that left nothing but its headers, and its key if it has one; `None` for an ordinary tombstone.
pub(crate) fn tombstone<'a>(record: &Record<'a>) -> Result<Option<Box<Envelope<'a>>>, DecodeError> {
    let Some((prefix, added)) = from_headers(record) else {
        return Ok(None);
    };
    let deletes = |(name, atom): &(Cow<'_, str>, Atom<'_>)| name == "op" && atom.text().as_deref() == Some("d");
    if !added.iter().any(deletes) {
        return Ok(None);
    }
    envelope(record, Op::Delete, Flat { prefix, ..Flat::default() }, added, Images::default(), None).map(Some)
}

fn row<'a>(
    record: &Record<'a>,
    fields: Fields<'a>,
    image: Image<'a>,
    schema: Option<Inline<'a>>,
    sure: bool,
) -> Result<Option<Box<Envelope<'a>>>, DecodeError> {
    let value = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, atom)| *atom);
    let deleted = value("__deleted").and_then(|atom| match atom {
        // A transformation may have made a boolean of the text.
        Atom::Json(raw @ ("true" | "false")) => Some(Cow::Borrowed(raw)),
        atom => atom.text(),
    });
    let renamed = if deleted.is_some() { renamed_op(&fields) } else { None };
    let (prefix, added) = match prefix_of(&fields, deleted.is_some()) {
        _ if renamed.is_some() => {
            (PREFIX.to_owned(), renamed.map(|op| (Cow::Borrowed("op"), op)).into_iter().collect())
        }
        Some(prefix) => {
            let added = fields.iter().filter_map(|(name, atom)| Some((name.strip_prefix(&prefix)?.to_owned(), *atom)));
            let mut added: Fields<'_> =
                added.filter(|(name, _)| is_metadata(name)).map(|(name, atom)| (Cow::Owned(name), atom)).collect();
            // Headers may say the rest.
            if let Some((_, more)) = from_headers(record) {
                let fresh: Fields<'_> =
                    more.into_iter().filter(|(name, _)| !added.iter().any(|(known, _)| known == name)).collect();
                added.extend(fresh);
            }
            (prefix, added)
        }
        None => match from_headers(record) {
            Some(found) => found,
            None if sure || deleted.is_some() || repeats_its_key(record, &fields) => (PREFIX.to_owned(), Fields::new()),
            None => return Ok(None),
        },
    };
    let op = added.iter().find(|(name, _)| name == "op").and_then(|(_, atom)| atom.text());
    let op = match (op.as_deref(), deleted.as_deref()) {
        (_, Some("true")) | (Some("d"), _) => Op::Delete,
        (Some("c"), _) => Op::Create,
        (Some("r"), _) => Op::Read,
        (Some("t"), _) => Op::Truncate,
        // The header of a key change is on the new row's record.
        (None, _) if record.headers.header(OLD_KEY).is_some() => Op::Create,
        // Whether a row is new, nothing tells without the op; as an update it claims the least.
        (Some("u") | None, _) => Op::Update,
        (Some(_), _) => return Err(DecodeError::new(&format!("{prefix}op"), "a letter that Debezium does not use")),
    };
    let (changed, unchanged) = if op == Op::Update { lists(record, &fields) } else { (None, None) };
    let images = match op {
        Op::Delete => Images { before: Some(image), ..Images::default() },
        Op::Truncate => Images::default(),
        _ => Images { after: Some(image), ..Images::default() },
    };
    envelope(record, op, Flat { prefix, changed, unchanged, renamed: renamed.is_some() }, added, images, schema)
        .map(Some)
}

fn envelope<'a>(
    record: &Record<'a>,
    op: Op,
    flat: Flat,
    added: Fields<'a>,
    images: Images<'a>,
    schema: Option<Inline<'a>>,
) -> Result<Box<Envelope<'a>>, DecodeError> {
    let server = record.headers.header(SERVER).and_then(|name| std::str::from_utf8(header::plain(name)).ok());
    let mut source: Fields<'a> = Vec::new();
    let mut late = Vec::new();
    for (name, atom) in added {
        match name.strip_prefix("source_") {
            Some(plain) => source.push((Cow::Owned(plain.to_owned()), atom)),
            // The envelope's own time is when Debezium saw the change; better than none.
            None if name.starts_with("ts_") => late.push((name, atom)),
            None => source.push((name, atom)),
        }
    }
    let has = |source: &Fields<'_>, wanted: &str| source.iter().any(|(name, atom)| name == wanted && !atom.is_none());
    if !source.iter().any(|(name, _)| name.starts_with("ts_")) {
        source.append(&mut late);
    }
    let known =
        source.iter().find(|(name, _)| name == "table" || name == "collection").and_then(|(_, atom)| atom.text());
    let (topic_server, schema_name, table) = by_topic(record.topic, server, known.as_deref());
    for (name, text) in [("name", server.or(topic_server)), ("table", Some(table))] {
        if let Some(text) = text.filter(|_| !(has(&source, name) || name == "table" && has(&source, "collection"))) {
            source.push((Cow::Borrowed(name), Atom::Text(text)));
        }
    }
    if let Some(text) = schema_name.filter(|_| !has(&source, "schema") && !has(&source, "db")) {
        source.push((Cow::Borrowed("schema"), Atom::Text(text)));
    }
    let mut envelope = Envelope::new(*record, op, images, Source::loose(source), schema)?;
    envelope.flat = Some(flat);
    Ok(envelope)
}

/// Server, schema and table as Debezium names topics: `prefix.schema.table`, of which prefix and table may have dots too
/// and are told apart by what is known of them.
fn by_topic<'a>(
    topic: &'a str,
    server: Option<&str>,
    table: Option<&str>,
) -> (Option<&'a str>, Option<&'a str>, &'a str) {
    let last = |topic: &'a str| {
        // Characters that a topic's name may not have were replaced one by one.
        let length = table.map_or(0, |table| table.chars().count());
        let at =
            topic.len().checked_sub(length + 1).filter(|at| length > 0 && topic.as_bytes().get(*at) == Some(&b'.'));
        match at {
            Some(at) => Some((topic.get(..at)?, topic.get(at + 1..)?)),
            None => topic.rsplit_once('.'),
        }
    };
    let known = server.and_then(|server| Some((server.len(), topic.strip_prefix(server)?.strip_prefix('.')?)));
    if let Some((length, rest)) = known {
        return match last(rest) {
            Some((schema, table)) => (Some(&topic[..length]), Some(schema), table),
            None => (Some(&topic[..length]), None, rest),
        };
    }
    match last(topic) {
        Some((rest, table)) => match rest.rsplit_once('.') {
            Some((server, schema)) => (Some(server), Some(schema), table),
            None => (None, Some(rest), table),
        },
        None => (None, None, topic),
    }
}

fn is_op(atom: Atom<'_>) -> bool {
    matches!(atom.text().as_deref(), Some("c" | "u" | "d" | "r" | "t"))
}

/// The op where the added fields were renamed (`add.fields=op:operation`): under the default prefix, which `__deleted`
/// always has, the only field whose value is an op's letter.
fn renamed_op<'a>(fields: &Fields<'a>) -> Option<Atom<'a>> {
    if fields.iter().any(|(name, atom)| name.ends_with("op") && is_op(*atom)) {
        return None;
    }
    let mut ops = fields.iter().filter(|(name, atom)| name.starts_with(PREFIX) && name != "__deleted" && is_op(*atom));
    match (ops.next(), ops.next()) {
        (Some((_, op)), None) => Some(*op),
        _ => None,
    }
}

/// The prefix of the added fields, by the one that holds the op.
fn prefix_of(fields: &Fields<'_>, deleted: bool) -> Option<String> {
    let op = |name: &str, atom: Atom<'_>| name.strip_suffix("op").filter(|_| is_op(atom)).map(str::to_owned);
    let prefixes = fields.iter().filter_map(|(name, atom)| op(name, *atom)).filter(|prefix| !prefix.is_empty());
    let found = prefixes.into_iter().find(|prefix| {
        // A word that happens to end so is a column; two of one prefix are no chance.
        prefix == PREFIX
            || deleted
            || fields.iter().any(|(name, _)| {
                name.strip_prefix(prefix.as_str()).is_some_and(|rest| rest != "op" && is_metadata(rest))
            })
    });
    let any = || fields.iter().any(|(name, _)| name.strip_prefix(PREFIX).is_some_and(is_metadata));
    found.or_else(|| (deleted && any()).then(|| PREFIX.to_owned()))
}

/// The same from headers.
fn from_headers<'a>(record: &Record<'a>) -> Option<(String, Fields<'a>)> {
    // The default prefix first: it needs no list of all headers.
    let prefix = match record.headers.header("__op") {
        Some(_) => PREFIX.to_owned(),
        None => {
            let all = record.headers.all();
            let ops = all.iter().filter(|(name, value)| {
                name.len() > 2
                    && name.ends_with("op")
                    && matches!(value.as_deref().map(header::plain), Some(b"c" | b"u" | b"d" | b"r"))
            });
            let named = |prefix: &str| {
                all.iter()
                    .any(|(name, _)| name.strip_prefix(prefix).is_some_and(|rest| rest != "op" && is_metadata(rest)))
            };
            // A word that happens to end so is not the op's name.
            let apart = |prefix: &str| prefix.ends_with(|last: char| !last.is_alphanumeric());
            ops.map(|(name, _)| name[..name.len() - 2].to_owned()).find(|prefix| apart(prefix) || named(prefix))?
        }
    };
    const NAMES: [&str; 16] = [
        "op",
        "table",
        "schema",
        "db",
        "collection",
        "connector",
        "name",
        "snapshot",
        "source_ts_ms",
        "source_ts_us",
        "ts_ms",
        "lsn",
        "txId",
        "file",
        "pos",
        "row",
    ];
    let fields = NAMES.into_iter().filter_map(|name| {
        let value = record.headers.header(&format!("{prefix}{name}"))?;
        Some((Cow::Borrowed(name), Atom::Text(std::str::from_utf8(header::plain(value)).ok()?)))
    });
    let fields = fields.collect();
    Some((prefix, fields))
}

/// A record of Debezium's whose row has the columns of its key, with the same values.
fn repeats_its_key(record: &Record<'_>, fields: &Fields<'_>) -> bool {
    if record.headers.header(SERVER).is_none() {
        return false;
    }
    let Some(key) = record.key.and_then(|key| super::key::unwrap("key", record.topic, key).ok()) else {
        return false;
    };
    let mut columns = 0;
    raw::members(key.payload).all(|(name, raw)| {
        columns += 1;
        fields.iter().any(|(field, atom)| *field == name && matches!(atom, Atom::Json(value) if *value == raw))
    }) && columns > 0
}

/// Columns that have changed, and that have not.
type Lists = (Option<Vec<String>>, Option<Vec<String>>);

/// The lists of ExtractChangedRecordState, whose headers have names of the user's choice.
fn lists(record: &Record<'_>, fields: &Fields<'_>) -> Lists {
    let (mut changed, mut unchanged) = (None, None);
    let mut others = Vec::new();
    for (name, value) in record.headers.all() {
        let name = name.to_ascii_lowercase();
        let Some(list) = value
            .filter(|value| name.contains("chang") || header::plain(value).starts_with(b"["))
            .and_then(|v| serde_json::from_slice::<Vec<String>>(header::plain(&v)).ok())
        else {
            continue;
        };
        // Both are empty where one of the images is missing, and then they say nothing.
        if list.is_empty() || !list.iter().all(|column| fields.iter().any(|(field, _)| field == column)) {
            continue;
        }
        match (name.contains("chang"), name.contains("unchang")) {
            (false, _) => others.push(list),
            (true, true) => unchanged = Some(list),
            (true, false) => changed = Some(list),
        }
    }
    match (&changed, &unchanged, <[Vec<String>; 2]>::try_from(others)) {
        (None, None, Ok(two)) => by_key(record, fields, two),
        _ => (changed, unchanged),
    }
}

/// Two lists whose names say nothing: they are these where each column of the row is in one of them, and the key's are in
/// that of the columns that have not changed. An update never changes its key.
fn by_key(record: &Record<'_>, fields: &Fields<'_>, [one, other]: [Vec<String>; 2]) -> Lists {
    let Some(Ok(key)) = record.key.map(|key| super::key::unwrap("key", record.topic, key)) else {
        return (None, None);
    };
    let holds = |list: &[String], column: &str| list.iter().any(|listed| listed == column);
    let has_key = |list: &[String]| {
        let mut columns = raw::members(key.payload).peekable();
        columns.peek().is_some() && columns.all(|(name, _)| holds(list, &name))
    };
    let apart = fields
        .iter()
        .filter(|(name, _)| !name.starts_with(PREFIX))
        .all(|(name, _)| holds(&one, name) != holds(&other, name));
    match (apart, has_key(&one), has_key(&other)) {
        (true, true, false) => (Some(other), Some(one)),
        (true, false, true) => (Some(one), Some(other)),
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests;
