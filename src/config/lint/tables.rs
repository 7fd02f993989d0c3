//! `tables:`

use super::topics::Topics;
use super::{Looked, about, error, warning};
use crate::config::code::Code;
use crate::config::de::At;
use crate::config::diagnostic::Report;
use crate::config::model::TableModel;
use crate::rule::{Parts, TablePattern, nearest};

pub(super) fn lint(looked: &Looked<'_>, report: &mut Report) {
    shadowed(&looked.model.tables, report);
    for (name, table) in &looked.model.tables {
        columns(name, table, report);
        for (text, what) in templates(table) {
            template(text, what, table, report);
        }
        if let Some(config) = looked.config {
            topic(name, &Topics::new(&config.kafka), report);
        }
    }
}

/// The templates of a table, and what each makes.
pub(super) fn templates(table: &TableModel) -> Vec<(&At<String>, &'static str)> {
    let columns = table.columns.0.iter();
    let currencies = columns.filter_map(|(_, column)| Some((column.currency.as_ref()?, "currency")));
    let own = [(&table.title, "title"), (&table.link, "link")];
    own.into_iter().filter_map(|(text, what)| Some((text.as_ref()?, what))).chain(currencies).collect()
}

/// The first entry that matches counts: what it covers is never looked at.
fn shadowed(tables: &[(At<String>, TableModel)], report: &mut Report) {
    let patterns: Vec<_> = tables.iter().map(|(name, _)| (name, TablePattern::compile(name).ok())).collect();
    for (at, (name, _)) in patterns.iter().enumerate() {
        let (server, table) = name.split_once(':').map_or((None, name.value.as_str()), |(s, t)| (Some(s), t));
        let covers = |pattern: &TablePattern| match server {
            Some(server) => pattern.matches(server, table),
            // An entry for every server is covered by none that is for one.
            None => !pattern.as_str().contains(':') && pattern.matches("", table),
        };
        let first = patterns[..at].iter().find(|(_, pattern)| pattern.as_ref().is_some_and(covers));
        if let Some((first, _)) = first {
            let message = format!(
                "{:?} is never looked at: {:?} in line {} comes first",
                name.value, first.value, first.place.line
            );
            let hint = "the first entry that matches counts: put the more special one above";
            report.push(warning(name.place, Code::Shadowed, message).hint(hint));
        }
    }
}

fn columns(name: &At<String>, table: &TableModel, report: &mut Report) {
    for (column, settings) in &table.columns.0 {
        if table.ignore.0.contains(&column.value) {
            let message = format!("the column {:?} is ignored: how it is shown has no effect", column.value);
            report.push(warning(column.place, Code::NoEffect, message));
        }
        if let Some(currency) = &settings.currency
            && settings.format.as_ref().is_none_or(|format| format.value != "currency")
        {
            let message = format!("the column {:?} has a currency but not the format currency", column.value);
            report.push(warning(currency.place, Code::NoEffect, message).hint("add format: currency"));
        }
        if settings.redact && settings.format.is_some() {
            let message = format!("the column {:?} is redacted: its format has no effect", column.value);
            report.push(warning(column.place, Code::NoEffect, message));
        }
    }
    if table.title.as_ref().is_some_and(|title| Parts::of_template(title).is_ok_and(|parts| parts.literal)) {
        let place = table.title.as_ref().map_or(name.place, |title| title.place);
        let message = "the title is the same for every row";
        report.push(
            warning(place, Code::NoEffect, message)
                .hint("name: is what one row is called, title: what this row is called"),
        );
    }
    if let Some(link) = &table.link
        && let Ok(parts) = Parts::of_template(link)
    {
        let lead = parts.lead.trim_start().to_ascii_lowercase();
        let begun = ["https://", "http://"].iter().any(|scheme| lead.starts_with(scheme) || scheme.starts_with(&lead));
        if !begun || parts.literal && lead.is_empty() {
            let found = warning(link.place, Code::Link, "the link is no web address: posts will have no button");
            report.push(found.hint("begin it with https://"));
        } else if lead
            .split_once("://")
            .is_some_and(|(_, rest)| rest.split('/').next().is_some_and(|host| host.contains('@')))
        {
            let found =
                warning(link.place, Code::Link, "the link names a user before its host: posts will have no button");
            report.push(found.hint("take the part up to @ out"));
        }
    }
}

/// What can be said of a template without a row.
pub(super) fn template(text: &At<String>, what: &str, table: &TableModel, report: &mut Report) {
    let Ok(parts) = Parts::of_template(text) else { return };
    for misuse in &parts.misuses {
        let found = error(text.place, Code::UnknownFilter, format!("the template of the {what}: {}", misuse.message));
        let found = misuse.hint.iter().fold(found, |found, hint| found.hint(hint));
        about(found, text, Some(&misuse.at), report);
    }
    for named in &parts.uses {
        let redacted = table.columns.0.iter().any(|(column, settings)| settings.redact && column.value == named.column);
        if redacted {
            let message = format!("the {what} shows \"(hidden)\": the column {:?} is redacted", named.column);
            about(warning(text.place, Code::RedactedInTemplate, message), text, Some(&named.at), report);
        }
    }
}

fn topic(name: &At<String>, topics: &Topics<'_>, report: &mut Report) {
    let Ok(pattern) = TablePattern::compile(name) else { return };
    if topics.named(name) {
        let table = name.split_once('.').map_or(name.as_str(), |(_, table)| table);
        let message = format!("{:?} is the name of a topic, not of a table", name.value);
        report.push(warning(name.place, Code::NoTopicForTable, message).hint(format!("write {table:?}")));
    } else if pattern.is_literal() && !topics.may_bring(&pattern) {
        let tables = topics.tables().map(|(_, table)| table);
        if let Some(near) = nearest(name, tables) {
            let message = format!("no topic of kafka.topics brings the table {:?}", name.value);
            report.push(warning(name.place, Code::Misspelt, message).hint(format!("did you mean {near:?}?")));
        }
    }
}
