//! The parts of a change event, borrowed; rows are built only on demand.

use super::avro::Datum;
use super::build;
use super::flat::Flat;
use super::hints::Hints;
use super::image::{self, Image};
use super::marks::Marks;
use super::protobuf::Body;
use super::raw;
use super::semantic::Kind;
use super::source::Source;
use super::unavailable::Placeholders;
use super::{DecodeError, Op, Reading, Record, RowChange, key, memo};
use std::borrow::Cow;
use std::sync::Arc;

/// A row change as it lies in the record.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    record: Record<'a>,
    op: Op,
    table: Arc<str>,
    server: Cow<'a, str>,
    source: Source<'a>,
    pub(crate) images: Images<'a>,
    pub(crate) key: KeyForm<'a>,
    schema: Option<Inline<'a>>,
    /// What stands for values that were not sent.
    pub(crate) placeholders: Placeholders,
    /// The schema tells the columns of a wire type apart, and not what they mean.
    pub(crate) untyped: bool,
    /// Set where the record is a row without its envelope.
    pub(crate) flat: Option<Flat>,
}

/// Both images, and where the members of the old one end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Images<'a> {
    pub before: Option<Image<'a>>,
    pub after: Option<Image<'a>>,
    pub marks: Marks,
    /// The new image holds what changed, and nothing else.
    pub partial: bool,
}

/// How the record's key is written.
#[derive(Debug, Clone, Default)]
pub(crate) enum KeyForm<'a> {
    /// JSON with or without a schema, or another converter's bare bytes.
    #[default]
    Bytes,
    /// Framed: the payload as JSON.
    Json(&'a [u8]),
    Avro(Datum<'a>),
    Protobuf(Body<'a>),
}

/// A schema that came with its payload.
#[derive(Debug, Clone)]
pub(crate) struct Inline<'a> {
    /// UTF-8.
    pub text: &'a [u8],
    /// Compiled, where the text is known already.
    pub kind: Option<Arc<Kind>>,
}

impl<'a> Inline<'a> {
    /// The schema's text.
    pub fn text(&self) -> &'a str {
        // It was checked with the record, or equals a schema that was; there is no other way here.
        std::str::from_utf8(self.text).unwrap_or_default()
    }
}

impl<'a> Envelope<'a> {
    pub(crate) fn new(
        record: Record<'a>,
        op: Op,
        images: Images<'a>,
        source: Source<'a>,
        schema: Option<Inline<'a>>,
    ) -> Result<Box<Self>, DecodeError> {
        let table = source.full_table()?;
        let server = source.name.text().unwrap_or_default();
        Ok(Box::new(Envelope {
            record,
            op,
            table,
            server,
            source,
            images,
            key: KeyForm::Bytes,
            schema,
            placeholders: Placeholders::default(),
            untyped: false,
            flat: None,
        }))
    }

    /// Sets what stands for values that were not sent.
    pub(crate) fn read_as(&mut self, reading: &Reading) {
        if reading.placeholders == Placeholders::default() {
            return;
        }
        self.placeholders = reading.placeholders.clone();
        for image in [&mut self.images.before, &mut self.images.after].into_iter().flatten() {
            if let Image::Avro(datum) = image {
                *datum = datum.clone().with(&self.placeholders);
            }
        }
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

    pub(crate) fn shared_table(&self) -> Arc<str> {
        self.table.clone()
    }

    /// The connector's logical server name (`topic.prefix`).
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Debezium's connector word: `postgresql`, `mysql`, ...
    pub fn connector(&self) -> Cow<'a, str> {
        self.source.connector.text().unwrap_or_default()
    }

    /// The database, where the source says it.
    pub fn database(&self) -> Option<Cow<'a, str>> {
        self.source.db.text().filter(|db| !db.is_empty())
    }

    /// Seen by a snapshot, not streamed.
    pub fn snapshot(&self) -> bool {
        self.source.snapshot()
    }

    /// Commit time at the source, in microseconds since the epoch.
    pub fn time_us(&self) -> Option<i64> {
        self.source.time_us()
    }

    /// True when the record's columns come with their types, in it or in a registry.
    pub fn has_schema(&self) -> bool {
        let avro = |image: &Option<Image<'_>>| matches!(image, Some(Image::Avro(_)));
        !self.untyped && self.schema.is_some() || avro(&self.images.after) || avro(&self.images.before)
    }

    /// True where the old image of an update was sent.
    pub fn has_before(&self) -> bool {
        self.images.before.is_some()
    }

    /// Could any of these columns have changed? Cheap: compares the bytes and builds no values, so a value
    /// that is only spelt differently counts. True for a column that was sent when there is nothing to
    /// compare it with.
    pub fn may_touch(&self, columns: &[impl AsRef<str>]) -> bool {
        match &self.flat {
            None => image::may_touch(&self.images, &self.placeholders, columns),
            Some(flat) => {
                let columns = columns.iter().map(AsRef::as_ref);
                let open: Vec<&str> =
                    columns.filter(|name| !flat.is_added(name) && flat.may_have_changed(name)).collect();
                image::may_touch(&self.images, &self.placeholders, &open)
            }
        }
    }

    /// Did this update leave the row's key as it was? Compared by the bytes of the key's columns.
    pub(crate) fn keeps_key(&self) -> bool {
        if self.images.before.is_none() {
            return false;
        }
        let unchanged = |columns: &[Cow<'_, str>]| !columns.is_empty() && !self.may_touch(columns);
        let bytes = match &self.key {
            KeyForm::Avro(datum) => return unchanged(&datum.names()),
            KeyForm::Json(bytes) => Some(*bytes),
            KeyForm::Protobuf(body) => {
                let row = matches!(**body.kind(), Kind::Struct(_));
                return row && unchanged(&body.names().map(|name| Cow::Borrowed(&**name)).collect::<Vec<_>>());
            }
            KeyForm::Bytes => self.record.key,
        };
        match bytes.map(|key| key::unwrap("key", self.record.topic, key)) {
            Some(Ok(key)) => unchanged(&raw::members(key.payload).map(|(name, _)| name).collect::<Vec<_>>()),
            _ => false,
        }
    }

    pub(crate) fn source(&self) -> &Source<'a> {
        &self.source
    }

    pub(crate) fn schema(&self) -> Result<Option<Arc<Kind>>, DecodeError> {
        match &self.schema {
            None => Ok(None),
            Some(Inline { kind: Some(kind), .. }) => Ok(Some(kind.clone())),
            Some(schema) => memo::schema(self.record.topic, schema.text())
                .map(Some)
                .map_err(|reason| DecodeError::new("schema", reason)),
        }
    }

    /// Decodes the rows and tells what changed.
    pub fn change(&self, hints: &dyn Hints) -> Result<RowChange, DecodeError> {
        build::change(self, hints)
    }
}

#[cfg(test)]
mod tests;
