//! The headline in words, for rules without a template.
//!
//! Words follow the facts: a price that fell "dropped". Whether that is good is the rule's to say.

use super::limits::{HEADLINE, IDENTITY, TITLE};
use super::line::{names_a_thing, old_is_known};
use super::names;
use super::number;
use super::safe;
use super::value::{Side, Writer};
use crate::change::{ColumnChange, Op, Row, Type, Value};
use crate::message::moment::Precision;
use bigdecimal::Zero;

/// Columns that hold what a person calls the row, the best first.
const TITLE_COLUMNS: [&str; 14] = [
    "title",
    "name",
    "label",
    "display_name",
    "displayname",
    "full_name",
    "fullname",
    "product_name",
    "subject",
    "caption",
    "headline",
    "sku",
    "code",
    "slug",
];

/// Columns that tell the row from others, shown beside the key.
pub const IDENTITY_COLUMNS: [&str; 8] = ["sku", "code", "slug", "number", "reference", "ref", "isbn", "ean"];

/// Whether a column of this name may tell the row from others.
pub fn names_the_row(column: &str) -> bool {
    TITLE_COLUMNS.iter().chain(&IDENTITY_COLUMNS).any(|name| name.eq_ignore_ascii_case(column))
}

/// How the headline names the row.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    /// "Listing"
    pub noun: String,
    /// "Oak chair"
    pub title: Option<String>,
    /// The column that the title was taken from.
    pub title_column: Option<String>,
    /// "EU1, 42"
    pub key: Option<String>,
}

impl Subject {
    /// "Oak chair", else "Listing 1", else "listing"
    pub fn name(&self) -> String {
        match (&self.title, &self.key) {
            (Some(title), _) => title.clone(),
            (None, Some(key)) => format!("{} {key}", self.noun),
            (None, None) => names::uncapitalise(&self.noun),
        }
    }

    /// "Listing added: Oak chair", "Listing 1 added", "Listing added"
    fn did(&self, verb: &str) -> String {
        match (&self.title, &self.key) {
            (Some(title), _) => format!("{} {verb}: {title}", self.noun),
            (None, Some(key)) => format!("{} {key} {verb}", self.noun),
            (None, None) => format!("{} {verb}", self.noun),
        }
    }
}

/// Finds how to call the row. `template` is the title that the config's template gave.
pub fn subject(writer: &Writer<'_>, noun: String, template: Option<&str>) -> Subject {
    let given = template.map(|title| safe::shorten(safe::clean(title).trim(), TITLE)).filter(|title| !title.is_empty());
    let (title, title_column) = match given {
        Some(title) => (Some(title), None),
        None => title_of_row(writer).unzip(),
    };
    Subject { noun, title, title_column, key: writer.change.key.as_ref().and_then(|key| key_text(writer, key)) }
}

fn title_of_row(writer: &Writer<'_>) -> Option<(String, String)> {
    // The new image may lack an unchanged long text; the old one may still have it.
    let images = [writer.change.after.as_ref(), writer.change.before.as_ref()];
    for name in TITLE_COLUMNS {
        for row in images.into_iter().flatten() {
            let Some(column) = row.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)) else {
                continue;
            };
            // A code that is part of the key is said with the key.
            let code = IDENTITY_COLUMNS.contains(&name) && writer.is_key(&column.name);
            if code || writer.redacts(&column.name) || !matches!(column.value, Value::Text(_)) {
                continue;
            }
            let shown = writer.show(&column.name, column.ty, &column.value, Side::New, Precision::Minutes);
            if !shown.quiet {
                return Some((safe::shorten(shown.text.trim(), TITLE), column.name.to_string()));
            }
        }
    }
    None
}

/// "EU1, 42"; redacted columns are left out.
pub fn key_text(writer: &Writer<'_>, key: &Row) -> Option<String> {
    let values = key.columns.iter().filter(|column| !writer.redacts(&column.name)).map(|column| {
        let shown = writer.show(&column.name, column.ty, &column.value, Side::New, Precision::All);
        safe::shorten_middle(&shown.text, IDENTITY / 2)
    });
    let text = values.take(4).collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

/// The headline for a rule without one. `lead` is the column that the headline can speak of.
pub fn in_words(writer: &Writer<'_>, subject: &Subject, lead: Option<&ColumnChange>, changed: usize) -> String {
    let change = writer.change;
    let text = match change.op {
        Op::Truncate => format!("All rows of {} were removed", subject.noun),
        Op::Create => subject.did("added"),
        Op::Delete => subject.did("removed"),
        Op::Read => subject.did("seen by a snapshot"),
        Op::Message => format!("Message: {}", safe::label(&change.table)),
        Op::Update if change.is_rekey() => moved(writer, subject),
        Op::Update => match lead {
            Some(lead) => format!("{}: {}", lead_words(writer, lead), subject.name()),
            None if change.before_unknown || changed == 0 => subject.did("changed"),
            None => format!("{} ({changed} columns)", subject.did("changed")),
        },
    };
    safe::shorten(&text, HEADLINE)
}

/// "Key changed: EU1 -> EU2", with the title in between where there is one; of a key of several
/// columns only those that moved.
fn moved(writer: &Writer<'_>, subject: &Subject) -> String {
    let (Some(from), Some(to)) = (&writer.change.rekeyed_from, &writer.change.key) else {
        return subject.did("has a new key");
    };
    let differing = |key: &Row, other: &Row| {
        let columns = key
            .columns
            .iter()
            .filter(|column| other.get(&column.name).map(|other| &other.value) != Some(&column.value));
        key_text(writer, &Row { columns: columns.cloned().collect() })
    };
    let Some((old, new)) = differing(from, to).zip(differing(to, from)) else {
        return subject.did("has a new key");
    };
    match &subject.title {
        Some(title) => format!("Key changed: {title}, {old} -> {new}"),
        None => format!("Key changed: {old} -> {new}"),
    }
}

/// "Price dropped", "Stock quantity dropped to 0", "Description cleared", "Status changed"
fn lead_words(writer: &Writer<'_>, lead: &ColumnChange) -> String {
    let label = writer.label(&lead.name);
    let verb = match (&lead.old, &lead.new) {
        _ if writer.redacts(&lead.name) => "changed".to_owned(),
        (Some(Value::Null), Some(_)) => "set".to_owned(),
        (Some(_), Some(Value::Null)) => "cleared".to_owned(),
        (Some(old), Some(new)) => moved_words(writer, lead, old, new).unwrap_or_else(|| "changed".to_owned()),
        _ => "changed".to_owned(),
    };
    format!("{label} {verb}")
}

fn moved_words(writer: &Writer<'_>, lead: &ColumnChange, old: &Value, new: &Value) -> Option<String> {
    let same_unit = writer.style(&lead.name, Side::Old) == writer.style(&lead.name, Side::New);
    if names_a_thing(writer, &lead.name, lead.ty) || !same_unit || lead.ty == Type::Bool {
        return None;
    }
    let (old, new) = (writer.number(&lead.name, old)?, writer.number(&lead.name, new)?);
    if !number::is_modest(&old) || !number::is_modest(&new) || old == new {
        return None;
    }
    let verb = if new < old { "dropped" } else { "rose" };
    Some(if new.is_zero() { format!("{verb} to 0") } else { verb.to_owned() })
}

/// The change that the headline is about: the only one, else the only one that the rule watches.
pub fn lead<'c>(visible: &[&'c ColumnChange], watched: &[std::sync::Arc<str>]) -> Option<&'c ColumnChange> {
    let only = match visible {
        [only] => Some(*only),
        _ => {
            let mut hits = visible.iter().filter(|change| watched.contains(&change.name));
            match (hits.next(), hits.next()) {
                (Some(only), None) => Some(*only),
                _ => None,
            }
        }
    };
    only.filter(|change| old_is_known(change))
}
