//! The headline in words, for rules without a template.
//!
//! Words follow the facts: a price that fell "dropped". Whether that is good is the rule's to say.

use super::limits::{HEADLINE, IDENTITY, TITLE};
use super::line::old_is_known;
use super::locale::Locale;
use super::names;
use super::number;
use super::phrases::fill;
use super::safe;
use super::value::{Side, Writer, names_a_thing};
use super::view::Format;
use crate::change::{ColumnChange, Op, Row, Type, Value};
use crate::message::moment::Precision;
use bigdecimal::{Signed, Zero};

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

/// Units of one part of the key in the headline: a UUID and a little more.
const KEY_PART: usize = 2 * IDENTITY / 3;

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
    fn did(&self, writer: &Writer<'_>, verb: &str) -> String {
        let (words, noun) = (writer.phrases(), self.noun.as_str());
        match (&self.title, &self.key) {
            (Some(title), _) => fill(words.did_titled, &[("noun", noun), ("verb", verb), ("title", title)]),
            (None, Some(key)) => fill(words.did_keyed, &[("noun", noun), ("verb", verb), ("key", key)]),
            (None, None) => fill(words.did, &[("noun", noun), ("verb", verb)]),
        }
    }
}

/// Finds how to call the row. `template` is the title that the config's template gave.
pub fn subject(writer: &Writer<'_>, noun: String, template: Option<&str>) -> Subject {
    let given = template.map(|title| name_from_template(title, writer.locale())).filter(|title| !title.is_empty());
    let found = title_of_row(writer);
    let (title, title_column) = match given {
        // `{{ row.title }}` says what its column says.
        Some(title) => {
            let column = found.filter(|(found, _)| *found == title).map(|(_, column)| column);
            (Some(title), column)
        }
        None => found.unzip(),
    };
    Subject { noun, title, title_column, key: writer.change.key.as_ref().and_then(|key| key_text(writer, key)) }
}

/// A text that a template yielded, as one line of at most `max` units.
pub fn from_template(text: &str, max: usize, locale: &Locale) -> String {
    safe::shorten_as(locale.phrases().shortened, &safe::isolated_sentence(safe::clean(text).trim()), max)
}

/// The same of a title, which is one thing's name: "flat 12" in Hebrew keeps its number where Hebrew has it.
fn name_from_template(text: &str, locale: &Locale) -> String {
    safe::shorten_as(locale.phrases().shortened, &safe::isolated_name(safe::clean(text).trim()), TITLE)
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
                let title = safe::shorten_as(writer.phrases().shortened, shown.text.trim(), TITLE);
                return Some((safe::isolated(&title), column.name.to_string()));
            }
        }
    }
    None
}

/// "EU1, 42"; redacted columns are left out.
pub fn key_text(writer: &Writer<'_>, key: &Row) -> Option<String> {
    let values = key.columns.iter().filter(|column| !writer.redacts(&column.name)).map(|column| {
        let shown = writer.show(&column.name, column.ty, &column.value, Side::New, Precision::All);
        safe::isolated(&safe::shorten_middle_as(writer.phrases().shortened, &shown.text, KEY_PART))
    });
    let text = values.take(4).collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

/// The headline for a rule without one. `lead` is the column that the headline can speak of.
pub fn in_words(writer: &Writer<'_>, subject: &Subject, lead: Option<&ColumnChange>, changed: usize) -> String {
    let (change, words) = (writer.change, writer.phrases());
    let text = match change.op {
        Op::Truncate => match names::plural_of(&change.table, &subject.noun) {
            Some(plural) => fill(words.emptied, &[("plural", &safe::label(&plural))]),
            None => fill(words.emptied_table, &[("noun", &subject.noun)]),
        },
        Op::Create => subject.did(writer, words.added),
        Op::Delete => subject.did(writer, words.removed),
        Op::Read => subject.did(writer, words.existing),
        Op::Message => fill(words.message, &[("name", &safe::label(&change.table))]),
        Op::Update if change.is_rekey() => moved(writer, subject),
        Op::Update => match lead {
            Some(lead) => of_column(writer, subject, lead),
            None if change.before_unknown || changed == 0 => subject.did(writer, words.changed),
            None => {
                let count = writer.locale().count(changed as u64);
                fill(words.columns, &[("headline", &subject.did(writer, words.changed)), ("count", &count)])
            }
        },
    };
    safe::shorten_as(words.shortened, &text, HEADLINE)
}

/// "Stock record moved: EU1 -> EU2", with the title in between where there is one; of a key of several
/// columns only those that moved.
fn moved(writer: &Writer<'_>, subject: &Subject) -> String {
    let words = writer.phrases();
    let (Some(from), Some(to)) = (&writer.change.rekeyed_from, &writer.change.key) else {
        return subject.did(writer, words.rekeyed);
    };
    let differing = |key: &Row, other: &Row| {
        let columns = key
            .columns
            .iter()
            .filter(|column| other.get(&column.name).map(|other| &other.value) != Some(&column.value));
        key_text(writer, &Row { columns: columns.cloned().collect() })
    };
    let Some((old, new)) = differing(from, to).zip(differing(to, from)) else {
        return subject.did(writer, words.rekeyed);
    };
    let places = [("noun", subject.noun.as_str()), ("old", &old), ("new", &new)];
    match &subject.title {
        Some(title) => fill(words.moved_titled, &[&places[..], &[("title", title)]].concat()),
        None => fill(words.moved, &places),
    }
}

/// "Price dropped: Oak chair", "Oak chair is out of stock", "Status is now Paused: Lamp"
fn of_column(writer: &Writer<'_>, subject: &Subject, lead: &ColumnChange) -> String {
    let (words, name) = (writer.phrases(), subject.name());
    let label = writer.label(&lead.name);
    let labelled = |phrase| fill(phrase, &[("label", &label)]);
    let what = match (&lead.old, &lead.new) {
        _ if writer.redacts(&lead.name) => None,
        (Some(Value::Null), Some(_)) => Some(labelled(words.set)),
        (Some(_), Some(Value::Null)) => Some(labelled(words.cleared)),
        (Some(old), Some(new)) => match stock(writer, lead, old, new) {
            Some(Stock::Out) => return fill(words.out_of_stock, &[("name", &name)]),
            Some(Stock::Back) => return fill(words.in_stock, &[("name", &name)]),
            None => direction(writer, lead, old, new).map(labelled).or_else(|| {
                is_now(writer, subject, lead, old, new)
                    .map(|value| fill(words.is_now, &[("label", &label), ("value", &value)]))
            }),
        },
        _ => None,
    };
    fill(words.about, &[("what", &what.unwrap_or_else(|| labelled(words.column_changed))), ("name", &name)])
}

fn direction(writer: &Writer<'_>, lead: &ColumnChange, old: &Value, new: &Value) -> Option<&'static str> {
    let style = |side| writer.style(&lead.name, lead.ty, side);
    if names_a_thing(writer, &lead.name, lead.ty) || style(Side::Old) != style(Side::New) || lead.ty == Type::Bool {
        return None;
    }
    let (old, new) = (writer.number(&lead.name, old)?, writer.number(&lead.name, new)?);
    if !number::is_modest(&old) || !number::is_modest(&new) || old == new {
        return None;
    }
    let words = writer.phrases();
    Some(match (new < old, new.is_zero()) {
        (true, true) => words.fell_to_zero,
        (true, false) => words.fell,
        (false, _) => words.rose,
    })
}

/// The new value, where it is a word that says it all: yes, Paused, EUR.
fn is_now(writer: &Writer<'_>, subject: &Subject, lead: &ColumnChange, old: &Value, new: &Value) -> Option<String> {
    const WORD_MAX: usize = 24;
    if names_a_thing(writer, &lead.name, lead.ty) {
        return None;
    }
    let is_word = |value: &Value| {
        matches!(writer.dated(&lead.name, value), Value::Text(_) | Value::Bool(_))
            || writer.format(&lead.name) == Some(Format::Boolean)
            || writer.has_words(&lead.name, value)
    };
    let word = |value: &Value, side| {
        let shown = writer.show(&lead.name, lead.ty, value, side, Precision::Minutes);
        let fits = is_word(value) && !shown.quiet && safe::units(&shown.text) <= WORD_MAX;
        fits.then(|| safe::isolated(&shown.text))
    };
    // Where both read the same, or the name of the row has it in it, the new one says nothing.
    let told = |old: &String, new: &String| old != new && !subject.name().contains(new.as_str());
    word(old, Side::Old).zip(word(new, Side::New)).filter(|(old, new)| told(old, new)).map(|(_, new)| new)
}

enum Stock {
    Out,
    Back,
}

/// Whether the last one went, or the first came again, judging by the column's name.
fn stock(writer: &Writer<'_>, lead: &ColumnChange, old: &Value, new: &Value) -> Option<Stock> {
    if !counts_stock(writer, &lead.name) {
        return None;
    }
    let some = |value: &Value| match value {
        Value::Bool(some) => Some(*some),
        value => writer.number(&lead.name, value).map(|number| number.is_positive()),
    };
    // Less than none is a mistake to be looked at, not a sold-out shelf.
    let none = |value: &Value| match value {
        Value::Bool(some) => !some,
        value => writer.number(&lead.name, value).is_some_and(|number| number.is_zero()),
    };
    match (some(old)?, some(new)?) {
        (true, false) if none(new) => Some(Stock::Out),
        (false, true) if none(old) => Some(Stock::Back),
        _ => None,
    }
}

/// `prod_stk_qty`, `stock`, `units_in_stock`, `qty_on_hand`; `qty` alone in a table of stock. Every word has to be one of
/// these: `stock_alert_level` is none.
fn counts_stock(writer: &Writer<'_>, column: &str) -> bool {
    const STOCK: [&str; 5] = ["stock", "stk", "inventory", "onhand", "hand"];
    const BESIDE: [&str; 17] = [
        "prod",
        "product",
        "item",
        "items",
        "sku",
        "current",
        "total",
        "qty",
        "quantity",
        "level",
        "count",
        "on",
        "in",
        "available",
        "units",
        "is",
        "number",
    ];
    const AMOUNT: [&str; 5] = ["qty", "quantity", "count", "units", "available"];
    let named = |name: &str| {
        let words: Vec<String> = names::humanise(name).split(' ').map(str::to_lowercase).collect();
        let is = |known: &[&str], word: &String| known.contains(&word.as_str());
        let whole = words.iter().all(|word| is(&STOCK, word) || is(&BESIDE, word));
        let of_stock = words.iter().any(|word| is(&STOCK, word));
        let table = writer.change.table.rsplit('.').next().unwrap_or_default().to_lowercase();
        let in_stock_table = ["stock", "inventory", "warehouse"].iter().any(|word| table.contains(word));
        whole && (of_stock || (in_stock_table && words.iter().all(|word| is(&AMOUNT, word))))
    };
    named(column) || writer.given_label(column).is_some_and(named)
}

/// The change that the headline is about: the only one, else the only one that the rule watches.
pub fn lead<'c>(telling: &[&'c ColumnChange], watched: &[std::sync::Arc<str>]) -> Option<&'c ColumnChange> {
    let only = match telling {
        [only] => Some(*only),
        _ => {
            let mut hits = telling.iter().filter(|change| watched.contains(&change.name));
            match (hits.next(), hits.next()) {
                (Some(only), None) => Some(*only),
                _ => None,
            }
        }
    };
    only.filter(|change| old_is_known(change))
}
