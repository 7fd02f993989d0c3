//! What each worker thread remembers between records, so that it need not be worked out again:
//! inline schemas by their text, names, source blocks. Results never depend on it, only the time they take.

use super::marks::Layout;
use super::schema;
use super::semantic::Kind;
use super::source::Pattern;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Schemas kept per topic: key and value, and a few versions while a migration runs.
const PER_TOPIC_MAX: usize = 6;
/// Bytes of schema text kept per thread; beyond, all are forgotten and learnt again.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest schema text that is remembered (a table of about 2,000 columns).
const SCHEMA_MAX: usize = 1024 * 1024;
/// Places for names per thread; a power of two. Two that fall on one place take turns, which costs time and nothing
/// else.
const PLACES: usize = 4096;
/// Places for what the records of a topic look like.
const TOPICS: usize = 1024;
/// Longest name that is kept.
const NAME_MAX: usize = 128;

#[derive(Default)]
struct Memo {
    topics: HashMap<Arc<str>, Vec<Entry>>,
    bytes: usize,
    names: Vec<Option<Arc<str>>>,
    columns: Vec<Option<Names>>,
    patterns: Vec<Pattern>,
    layouts: Vec<Layout>,
}

/// The column names of a row, in order; each is there once.
pub(crate) type Names = Rc<[Arc<str>]>;

struct Entry {
    text: Box<str>,
    kind: Option<Arc<Kind>>,
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// Length of the remembered schema that `rest` starts with, and the schema where it was compiled before. A
/// schema is an object, so a text that starts with one starts with exactly that value.
pub(crate) fn schema_at(topic: &str, rest: &[u8]) -> Option<(usize, Option<Arc<Kind>>)> {
    MEMO.with_borrow(|memo| {
        let entries = memo.topics.get(topic)?;
        let entry = entries.iter().find(|entry| rest.starts_with(entry.text.as_bytes()))?;
        Some((entry.text.len(), entry.kind.clone()))
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

/// The place of a name: a multiplicative hash (FxHash) of its bytes, eight at once.
fn place(text: &[u8]) -> usize {
    const SEED: u64 = 0x517c_c1b7_2722_0a95;
    let mut hash = text.len() as u64;
    let mut chunks = text.chunks_exact(8);
    let mut add = |word: u64| hash = (hash.rotate_left(5) ^ word).wrapping_mul(SEED);
    for chunk in &mut chunks {
        add(chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    }
    add(chunks.remainder().iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    // The upper bits of a product depend on all bits of its factors.
    (hash >> 32) as usize % PLACES
}

/// A name that is shared between records.
pub(crate) fn name(text: &str) -> Arc<str> {
    if text.len() > NAME_MAX {
        return text.into();
    }
    MEMO.with_borrow_mut(|memo| {
        if memo.names.is_empty() {
            memo.names.resize(PLACES, None);
        }
        let slot = &mut memo.names[place(text.as_bytes())];
        match slot {
            Some(name) if **name == *text => name.clone(),
            _ => slot.insert(text.into()).clone(),
        }
    })
}

/// The columns that the topic's rows had lately. Only a guess: the caller compares each name.
pub(crate) fn columns(topic: &Arc<str>) -> Option<Names> {
    MEMO.with_borrow(|memo| memo.columns.get(topic_place(topic))?.clone())
}

/// Remembers a row's columns, each of which is there once.
pub(crate) fn remember_columns(topic: &Arc<str>, names: Names) {
    MEMO.with_borrow_mut(|memo| {
        if memo.columns.is_empty() {
            memo.columns.resize(TOPICS, None);
        }
        memo.columns[topic_place(topic)] = Some(names);
    });
}

/// What the topic's source blocks looked like lately. Only a guess, which is compared with the block.
pub(crate) fn with_pattern<T>(topic: &Arc<str>, read: impl FnOnce(&mut Pattern) -> T) -> T {
    MEMO.with_borrow_mut(|memo| {
        if memo.patterns.is_empty() {
            memo.patterns.resize_with(TOPICS, Pattern::default);
        }
        read(&mut memo.patterns[topic_place(topic)])
    })
}

/// The columns that the topic's old images had lately. Only a guess, which is compared with the image.
pub(crate) fn with_layout<T>(topic: &Arc<str>, read: impl FnOnce(&mut Layout) -> T) -> T {
    MEMO.with_borrow_mut(|memo| {
        if memo.layouts.is_empty() {
            memo.layouts.resize_with(TOPICS, Layout::default);
        }
        read(&mut memo.layouts[topic_place(topic)])
    })
}

/// By address, because a poller has one `Arc` per topic and the answer is only a guess.
fn topic_place(topic: &Arc<str>) -> usize {
    place(&topic.as_ptr().addr().to_le_bytes()) % TOPICS
}
