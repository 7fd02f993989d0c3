//! What each worker thread remembers between records, so that it need not be worked out again:
//! inline schemas by their text, and column names. Results never depend on it, only the time they take.

use super::schema;
use super::semantic::Kind;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Schemas kept per topic: key and value, and a few versions while a migration runs.
const PER_TOPIC_MAX: usize = 6;
/// Bytes of schema text kept per thread; beyond, all are forgotten and learnt again.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest schema text that is remembered (a table of about 2,000 columns).
const SCHEMA_MAX: usize = 1024 * 1024;
/// Names kept per thread.
const NAMES_MAX: usize = 16_384;
/// Longest name that is kept.
const NAME_MAX: usize = 128;

#[derive(Default)]
struct Memo {
    topics: HashMap<Arc<str>, Vec<Entry>>,
    bytes: usize,
    names: HashSet<Arc<str>>,
}

struct Entry {
    text: Box<str>,
    kind: Option<Arc<Kind>>,
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// Length of the remembered schema that `rest` starts with. A schema is an object, so a text that
/// starts with one starts with exactly that value.
pub(crate) fn schema_length(topic: &str, rest: &str) -> Option<usize> {
    MEMO.with_borrow(|memo| {
        let entries = memo.topics.get(topic)?;
        entries.iter().find(|entry| rest.as_bytes().starts_with(entry.text.as_bytes())).map(|entry| entry.text.len())
    })
}

/// Remembers a schema's text, so that the next record with it need not be scanned.
pub(crate) fn remember_schema(topic: &Arc<str>, text: &str) {
    if text.len() > SCHEMA_MAX || !text.starts_with('{') {
        return;
    }
    MEMO.with_borrow_mut(|memo| {
        if memo.bytes + text.len() > BYTES_MAX {
            memo.topics.clear();
            memo.bytes = 0;
        }
        let entries = memo.topics.entry(topic.clone()).or_default();
        if entries.iter().any(|entry| &*entry.text == text) {
            return;
        }
        if entries.len() == PER_TOPIC_MAX {
            memo.bytes -= entries.remove(0).text.len();
        }
        memo.bytes += text.len();
        entries.push(Entry { text: text.into(), kind: None });
    });
}

/// The schema, compiled once per text.
pub(crate) fn schema(topic: &Arc<str>, text: &str) -> Result<Arc<Kind>, String> {
    let known = MEMO.with_borrow(|memo| {
        let entry = memo.topics.get(topic)?.iter().find(|entry| &*entry.text == text)?;
        entry.kind.clone()
    });
    if let Some(kind) = known {
        return Ok(kind);
    }
    let kind = Arc::new(schema::compile(text)?);
    remember_schema(topic, text);
    MEMO.with_borrow_mut(|memo| {
        let entry = memo.topics.get_mut(topic).and_then(|entries| entries.iter_mut().find(|e| &*e.text == text));
        if let Some(entry) = entry {
            entry.kind = Some(kind.clone());
        }
    });
    Ok(kind)
}

/// A name that is shared between records.
pub(crate) fn name(text: &str) -> Arc<str> {
    if text.len() > NAME_MAX {
        return text.into();
    }
    MEMO.with_borrow_mut(|memo| {
        if let Some(name) = memo.names.get(text) {
            return name.clone();
        }
        if memo.names.len() == NAMES_MAX {
            memo.names.clear();
        }
        let name: Arc<str> = text.into();
        memo.names.insert(name.clone());
        name
    })
}
