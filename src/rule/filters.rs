//! Filters that write values as messages do: `{{ row.price | currency('USD') }}`.

use super::scope::{FORMATS, REDACTED};
use crate::message::Formats;
use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use std::sync::Arc;

/// What the filters write with, as the engine hands it on.
#[derive(Debug)]
pub(super) struct Held(pub Formats);

impl Object for Held {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Adds the filters.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("currency", currency);
    environment.add_filter("number", number);
    environment.add_filter("percent", |state: &State<'_, '_>, value: Value| write(state, &value, Formats::percent));
    environment.add_filter("bytes", |state: &State<'_, '_>, value: Value| write(state, &value, Formats::bytes));
    environment.add_filter("duration", duration);
    environment.add_filter("date", |state: &State<'_, '_>, value: Value| write(state, &value, Formats::date));
    environment.add_filter("datetime", |state: &State<'_, '_>, value: Value| write(state, &value, Formats::datetime));
    environment.add_filter("boolean", |state: &State<'_, '_>, value: Value| write(state, &value, Formats::boolean));
    environment.add_filter("truncate", truncate);
    environment.add_filter("tojson", tojson);
    // In an address every value is encoded; here for those who know it from elsewhere.
    environment.add_filter("urlencode", |value: Value| value);
}

/// `{{ row.price | currency('USD') }}`, `{{ row.price | currency(row.currency) }}`
fn currency(state: &State<'_, '_>, value: Value, code: Option<Value>) -> Result<String, Error> {
    let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default();
    write(state, &value, |formats, text| formats.currency(text, code))
}

/// `{{ row.weight | number }}`, `{{ row.weight | number(2) }}`
fn number(state: &State<'_, '_>, value: Value, decimals: Option<u8>) -> Result<String, Error> {
    write(state, &value, |formats, text| formats.number(text, decimals))
}

/// `{{ row.seconds | duration }}`, `{{ row.minutes | duration('min') }}`
fn duration(state: &State<'_, '_>, value: Value, unit: Option<String>) -> Result<String, Error> {
    write(state, &value, |formats, text| formats.duration(text, unit.as_deref().unwrap_or("s")))
}

/// `{{ row.description | truncate(80) }}`: both ends are kept.
fn truncate(state: &State<'_, '_>, value: Value, max: Option<usize>) -> Result<String, Error> {
    write(state, &value, |formats, text| Some(formats.truncate(text, max.unwrap_or(100))))
}

/// A document as text; a text, a number and the like stay what they are.
fn tojson(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => serde_json::to_string(&value)
            .map(Value::from)
            .map_err(|_| Error::new(ErrorKind::BadSerialization, "the value has no JSON")),
        _ => Ok(value),
    }
}

/// What is empty, and what is hidden, stays so whatever the filter.
fn write(
    state: &State<'_, '_>,
    value: &Value,
    with: impl Fn(&Formats, &str) -> Option<String>,
) -> Result<String, Error> {
    let found = state.lookup(FORMATS);
    let Some(Held(formats)) = found.as_ref().and_then(|found| found.downcast_object_ref::<Held>()) else {
        return Err(Error::new(ErrorKind::InvalidOperation, "the filter has no place here"));
    };
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if value.is_none() {
        return Ok(formats.empty());
    }
    let text = value.to_string();
    if text == REDACTED {
        return Ok(text);
    }
    with(formats, &text).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the filter cannot read the value"))
}
