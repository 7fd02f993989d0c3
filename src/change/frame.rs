//! The frames that serializers put around payloads: which schema, and where the payload begins.

use super::schemas::{Lookup, Schema, SchemaId, Schemas};
use super::{DecodeError, Record};
use std::sync::Arc;

/// A record's value or its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Key,
    Value,
}

impl Side {
    /// Header names: Confluent's, Apicurio's global id, Apicurio's content id.
    fn headers(self) -> [&'static str; 3] {
        match self {
            Side::Key => ["__key_schema_id", "apicurio.key.globalId", "apicurio.key.contentId"],
            Side::Value => ["__value_schema_id", "apicurio.value.globalId", "apicurio.value.contentId"],
        }
    }
}

/// A payload and the id of its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Framed<'a> {
    pub id: SchemaId,
    pub payload: &'a [u8],
    pub origin: Origin<'a>,
}

/// Where the schema's id stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    /// Before the payload, as Protobuf's path to a message type does.
    Bytes,
    /// In a header, which may have the path behind the id.
    Header(&'a [u8]),
}

/// What a header says; the payload is bare then.
pub(crate) fn by_header<'a>(record: &Record<'a>, side: Side, bytes: &'a [u8]) -> Option<Framed<'a>> {
    let [confluent, global, content] = side.headers();
    let header = |name| record.headers.header(name);
    let long = |bytes: &[u8]| bytes.try_into().ok().map(i64::from_be_bytes);
    let id = match header(confluent) {
        Some([1, rest @ ..]) => rest.split_first_chunk().map(|(guid, path)| (SchemaId::Guid(*guid), path)),
        Some([0, rest @ ..]) => {
            rest.split_first_chunk().map(|(id, path)| (SchemaId::Id(u32::from_be_bytes(*id)), path))
        }
        _ => None,
    };
    let bare = |id| (id, &[][..]);
    let id = id.or_else(|| header(global).and_then(long).map(SchemaId::Global).map(bare));
    let id = id.or_else(|| header(content).and_then(long).map(SchemaId::Content).map(bare));
    id.map(|(id, path)| Framed { id, payload: bytes, origin: Origin::Header(path) })
}

/// What the bytes themselves say.
pub(crate) fn by_magic<'a>(field: &str, bytes: &'a [u8]) -> Result<Framed<'a>, DecodeError> {
    let short = || DecodeError::new(field, "a frame that ends before its schema's id does");
    match bytes {
        [0, rest @ ..] => {
            let (id, payload) = rest.split_first_chunk::<4>().ok_or_else(short)?;
            match (u32::from_be_bytes(*id), payload.split_first_chunk::<4>()) {
                // No registry gives out the id 0: these are the upper bytes of Apicurio's long one.
                (0, Some((id, payload))) => Ok(Framed {
                    id: SchemaId::Global(i64::from(u32::from_be_bytes(*id))),
                    payload,
                    origin: Origin::Bytes,
                }),
                (0, None) => Err(short()),
                (id, _) => Ok(Framed { id: SchemaId::Id(id), payload, origin: Origin::Bytes }),
            }
        }
        [1, rest @ ..] => {
            let (id, payload) = rest.split_first_chunk::<16>().ok_or_else(short)?;
            Ok(Framed { id: SchemaId::Guid(*id), payload, origin: Origin::Bytes })
        }
        [] => Err(DecodeError::new(field, "empty")),
        _ => Err(DecodeError::new(field, "neither JSON nor a schema registry's frame")),
    }
}

/// The schema of a framed payload, or the id that has to be fetched first.
pub(crate) fn resolve(
    field: &str,
    id: SchemaId,
    schemas: &dyn Schemas,
) -> Result<Result<Arc<Schema>, SchemaId>, DecodeError> {
    match schemas.schema(&id) {
        Lookup::Found(schema) => Ok(Ok(schema)),
        Lookup::Pending => Ok(Err(id)),
        Lookup::Unknown(reason) => Err(DecodeError::new(field, format!("schema {id}: {reason}"))),
        Lookup::NoRegistry => {
            Err(DecodeError::new(field, format!("framed for a schema registry (schema {id}), which is not configured")))
        }
    }
}

#[cfg(test)]
mod tests;
