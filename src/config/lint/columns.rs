//! The config against the tables and columns that are known from elsewhere: events, schemas, a registry.

use super::{about, error, tables, warning};
use crate::change::Type;
use crate::config::code::Code;
use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Place, Report};
use crate::config::model::{Model, RuleModel, TableModel};
use crate::rule::{ColumnUse, Image, Literal, Parts, TablePattern, nearest};
use std::ops::Range;

/// Tables that are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// In the order in which they were met.
    pub tables: Vec<KnownTable>,
    /// What says so: `events.jsonl`, `the schema registry`.
    pub source: String,
    /// What else is to be said of a table that some rule is about.
    pub notes: Vec<KnownNote>,
}

/// A remark about a table; about the whole config where it names none.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownNote {
    /// The connector's `topic.prefix`.
    pub server: String,
    /// `schema.table`
    pub table: String,
    /// What kind of mistake it is.
    pub code: Code,
    /// What is so.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A table and its columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownTable {
    /// The connector's `topic.prefix`; empty where nobody says.
    pub server: String,
    /// `schema.table`
    pub name: String,
    /// In the source's order.
    pub columns: Vec<KnownColumn>,
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownColumn {
    /// Its name.
    pub name: String,
    /// Its type, where it is known beyond doubt: from a schema, or from the config.
    pub ty: Option<Type>,
}

impl Catalog {
    /// The table of this name, which is made where it is not known yet.
    pub fn table(&mut self, server: &str, name: &str) -> &mut KnownTable {
        let at = match self.tables.iter().position(|table| table.server == server && table.name == name) {
            Some(at) => at,
            None => {
                let table = KnownTable { server: server.to_owned(), name: name.to_owned(), columns: Vec::new() };
                self.tables.push(table);
                self.tables.len() - 1
            }
        };
        &mut self.tables[at]
    }

    /// Adds what somebody else knows; of a type, the first word counts.
    pub fn add(&mut self, other: Self) {
        self.source = match self.source.is_empty() {
            true => other.source,
            false => format!("{} and {}", self.source, other.source),
        };
        for table in other.tables {
            let known = self.table(&table.server, &table.name);
            table.columns.iter().for_each(|column| known.column(&column.name, column.ty));
        }
        self.notes.extend(other.notes);
    }

    fn matching<'c>(&'c self, pattern: &'c TablePattern) -> impl Iterator<Item = &'c KnownTable> {
        self.tables.iter().filter(move |table| {
            // What names no server may be of any.
            pattern.matches(&table.server, &table.name)
                || table.server.is_empty()
                    && pattern.as_str().split_once(':').is_some_and(|(server, _)| pattern.matches(server, &table.name))
        })
    }
}

impl KnownTable {
    /// Adds a column, or what is newly known of it.
    pub fn column(&mut self, name: &str, ty: Option<Type>) {
        match self.columns.iter_mut().find(|column| column.name == name) {
            Some(column) => column.ty = column.ty.or(ty),
            None => self.columns.push(KnownColumn { name: name.to_owned(), ty }),
        }
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known.name == column)
    }
}

/// Compares a config with what is known.
pub fn against(catalog: &Catalog, model: &Model, report: &mut Report) {
    for (name, table) in &model.tables {
        let Ok(pattern) = TablePattern::compile(name) else { continue };
        let known: Vec<_> = catalog.matching(&pattern).collect();
        if unknown_table(name, &pattern, &known, catalog, report) {
            continue;
        }
        for column in &table.ignore.0 {
            column_exists(&Named { name: column, place: name, part: None }, "ignore", &known, catalog, report);
        }
        for (column, _) in &table.columns.0 {
            column_exists(&Named { name: column, place: column, part: None }, "columns", &known, catalog, report);
        }
        for (text, what) in tables::templates(table) {
            if let Ok(parts) = Parts::of_template(text) {
                uses(&parts.uses, text, &format!("the template of the {what}"), &known, catalog, report);
            }
        }
    }
    for rule in &model.rules {
        self::rule(rule, &model.tables, catalog, report);
    }
    for note in &catalog.notes {
        let matches = |name: &At<String>| {
            TablePattern::compile(name).is_ok_and(|pattern| pattern.matches(&note.server, &note.table))
        };
        let rule = model.rules.iter().find(|rule| matches(&rule.table));
        if rule.is_none() && !note.table.is_empty() {
            continue;
        }
        let entry = model.tables.iter().find(|(name, _)| matches(name));
        // The type of what is never shown has no effect.
        if note.code == Code::TypeToSet && entry.is_some_and(|(_, table)| is_about_one_of(note, &table.ignore.0)) {
            continue;
        }
        let place =
            entry.map(|(name, _)| name).or(rule.map(|rule| &rule.table)).map_or_else(Place::default, |name| name.place);
        let mut message = note.message.clone();
        if note.code == Code::OldValues {
            let needy = model.rules.iter().filter(|rule| matches(&rule.table) && needs_old_values(rule));
            let names: Vec<_> = needy.map(|rule| format!("{:?}", rule.name.value)).collect();
            if !names.is_empty() {
                message.push_str(&format!(", which the condition of {} needs: no update matches", names.join(", ")));
            }
        }
        let found = warning(place, note.code, message);
        report.push(note.hint.iter().fold(found, |found, hint| found.hint(hint)));
    }
}

/// `public.listings: updated_at: looks like ...`
fn is_about_one_of(note: &KnownNote, columns: &[String]) -> bool {
    let rest = note.message.strip_prefix(note.table.as_str()).and_then(|rest| rest.strip_prefix(": "));
    let column = rest.and_then(|rest| rest.split(':').next());
    columns.iter().any(|ignored| column == Some(ignored.as_str()))
}

/// Does its condition touch the row as it was?
fn needs_old_values(rule: &RuleModel) -> bool {
    let parts = rule.when.as_ref().and_then(|when| Parts::of_condition(when).ok());
    parts.is_some_and(|parts| parts.uses.iter().any(|named| named.image == Image::Before))
}

fn rule(rule: &RuleModel, tables: &[(At<String>, TableModel)], catalog: &Catalog, report: &mut Report) {
    let messages = rule.on.as_ref().is_some_and(|on| on.0.iter().any(|word| word.value == "message"));
    let Ok(pattern) = TablePattern::compile(&rule.table) else { return };
    let known: Vec<_> = catalog.matching(&pattern).collect();
    if messages || unknown_table(&rule.table, &pattern, &known, catalog, report) {
        return;
    }
    for column in &rule.columns.0 {
        column_exists(&Named { name: column, place: column, part: None }, "columns", &known, catalog, report);
    }
    if let Some(headline) = &rule.headline
        && let Ok(parts) = Parts::of_template(headline)
    {
        uses(&parts.uses, headline, "the template of the headline", &known, catalog, report);
    }
    let Some(when) = &rule.when else { return };
    let Ok(parts) = Parts::of_condition(when) else { return };
    uses(&parts.uses, when, "the condition", &known, catalog, report);
    for comparison in &parts.comparisons {
        let types: Vec<_> =
            known.iter().filter_map(|table| column_type(table, &comparison.column.column, tables)).collect();
        let mixed = |ty: &Type| match comparison.literal {
            Literal::Number(_) => is_text(*ty),
            Literal::Text(_) => is_number(*ty),
        };
        if let Some(ty) = types.first().filter(|_| types.iter().all(mixed)) {
            let (column, literal) = match comparison.literal {
                Literal::Number(_) => (ty.as_str(), "a number"),
                Literal::Text(_) => (ty.as_str(), "a text"),
            };
            let message = format!(
                "{:?} is {column}, and compared with {literal}: the condition fails each time",
                comparison.column.column
            );
            let hint = match comparison.literal {
                Literal::Number(_) => {
                    format!("tables: columns.{}.type: decimal, or a text in quotes", comparison.column.column)
                }
                Literal::Text(_) => "write the number without quotes".to_owned(),
            };
            about(error(when.place, Code::TextWithNumber, message).hint(hint), when, Some(&comparison.at), report);
        }
    }
}

/// The config's type counts only where the schema says less.
fn column_type(table: &KnownTable, column: &str, tables: &[(At<String>, TableModel)]) -> Option<Type> {
    let schema = table.columns.iter().find(|known| known.name == column)?.ty;
    let entry = tables
        .iter()
        .find(|(name, _)| TablePattern::compile(name).is_ok_and(|pattern| pattern.matches(&table.server, &table.name)));
    let configured = entry.and_then(|(_, entry)| {
        let (_, settings) = entry.columns.0.iter().find(|(name, _)| name.value == column)?;
        let number = settings.format.as_ref().is_some_and(|format| {
            matches!(format.value.as_str(), "currency" | "number" | "percent" | "bytes" | "duration")
        });
        match settings.ty.as_ref() {
            Some(word) => word.value.parse::<crate::change::ColumnHint>().ok().map(|hint| hint.ty()),
            None => number.then_some(Type::Decimal),
        }
    });
    configured.or(schema)
}

fn is_text(ty: Type) -> bool {
    matches!(
        ty,
        Type::Text
            | Type::Uuid
            | Type::Enum
            | Type::Date
            | Type::Time
            | Type::Timestamp
            | Type::Instant
            | Type::Bytes
            | Type::Bits
    )
}

fn is_number(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Float | Type::Decimal)
}

/// True where nothing more can be said.
fn unknown_table(
    name: &At<String>,
    pattern: &TablePattern,
    known: &[&KnownTable],
    catalog: &Catalog,
    report: &mut Report,
) -> bool {
    if known.is_empty() && !catalog.tables.is_empty() {
        // A sample need not hold every table: only a name that is nearly a known one is worth a word.
        let (_, bare) = name.split_once(':').unwrap_or(("", name));
        let near = nearest(bare, catalog.tables.iter().map(|table| table.name.as_str()));
        let message = match pattern.is_literal() {
            true => format!("{} has no table {:?}", catalog.source, name.value),
            false => format!("{} has no table that {:?} matches", catalog.source, name.value),
        };
        let found = warning(name.place, Code::UnknownTable, message);
        report.push(match near {
            Some(near) => found.hint(format!("did you mean {near:?}?")),
            None => found,
        });
    }
    known.is_empty()
}

struct Named<'n> {
    name: &'n str,
    place: &'n At<String>,
    part: Option<&'n Range<usize>>,
}

fn column_exists(named: &Named<'_>, what: &str, known: &[&KnownTable], catalog: &Catalog, report: &mut Report) {
    // Of several tables it is enough that one has it.
    if known.iter().any(|table| table.has(named.name)) || known.iter().all(|table| table.columns.is_empty()) {
        return;
    }
    let of = known.first().map_or("", |table| &table.name);
    let message = format!("{what}: {of} has no column {:?} in {}", named.name, catalog.source);
    let found = warning(named.place.place, Code::UnknownColumn, message);
    let names = || known.iter().flat_map(|table| &table.columns).map(|column| column.name.as_str());
    let same = names().find(|name| name.eq_ignore_ascii_case(named.name));
    let found = match same.or_else(|| nearest(named.name, names())) {
        Some(near) => found.hint(format!("did you mean {near:?}?")),
        None => found.hint(format!("it has {}", some(names()))),
    };
    about(found, named.place, named.part, report);
}

/// A dozen of them.
fn some<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<_> = names.collect();
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}

fn uses(
    uses: &[ColumnUse],
    text: &At<String>,
    what: &str,
    known: &[&KnownTable],
    catalog: &Catalog,
    report: &mut Report,
) {
    for named in uses {
        column_exists(&Named { name: &named.column, place: text, part: Some(&named.at) }, what, known, catalog, report);
    }
}

/// Names that the config writes in two ways, where nobody else knows better.
pub(super) fn misspelt(rule: &RuleModel, table: &TableModel, report: &mut Report) {
    let known =
        || table.columns.0.iter().map(|(name, _)| name.value.as_str()).chain(table.ignore.0.iter().map(String::as_str));
    let suspect = |name: &str| {
        let near = |other: &&str| {
            // `price` and `prices` may well be two columns; `prcie` is none.
            name.len() > 3
                && strsim::osa_distance(name, other) == 1
                && !name.starts_with(*other)
                && !other.starts_with(name)
                && !name.ends_with(|c: char| c.is_ascii_digit())
        };
        (!known().any(|other| other == name)).then(|| known().find(near)).flatten()
    };
    let warn = |name: &str, near: &str, at: &At<String>| -> Diagnostic {
        let message = format!("the column {name:?} is written {near:?} under tables");
        warning(at.place, Code::Misspelt, message).hint(format!("did you mean {near:?}?"))
    };
    for column in &rule.columns.0 {
        if let Some(near) = suspect(column) {
            report.push(warn(column, near, column));
        }
    }
    for (text, parts) in [
        (&rule.when, rule.when.as_ref().and_then(|text| Parts::of_condition(text).ok())),
        (&rule.headline, rule.headline.as_ref().and_then(|text| Parts::of_template(text).ok())),
    ] {
        let (Some(text), Some(parts)) = (text, parts) else { continue };
        for named in &parts.uses {
            if let Some(near) = suspect(&named.column) {
                about(warn(&named.column, near, text), text, Some(&named.at), report);
            }
        }
    }
}
