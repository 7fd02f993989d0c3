//! `tables:`

use super::{pattern, template};
use crate::change::ColumnHint;
use crate::config::Table;
use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Report};
use crate::config::model::{ReplicaIdentityModel, TableModel};
use crate::message::{ColumnView, Format, TableView};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn table(name: &At<String>, model: TableModel, report: &mut Report) -> Option<Arc<Table>> {
    let pattern = pattern(name, report)?;
    let mut view = TableView { noun: model.name, columns: HashMap::new(), ignore: model.ignore.0 };
    let (mut currencies, mut redacted, mut types) = (Vec::new(), Vec::new(), HashMap::new());
    for (column, settings) in model.columns.0 {
        let format = settings.format.as_ref().and_then(|format| self::format(format, report));
        if let Some(currency) = &settings.currency {
            currencies.extend(template(currency, report).map(|template| (column.value.clone(), template)));
        }
        if format == Some(Format::Currency) && settings.currency.is_none() {
            let place = settings.format.as_ref().map_or(column.place, |format| format.place);
            report.push(
                Diagnostic::warning(
                    place,
                    format!("the column {:?} has the format currency but no currency", column.value),
                )
                .hint("add currency: USD, or a template such as currency: \"{{ row.currency }}\""),
            );
        }
        if settings.redact {
            redacted.push(column.value.clone());
        }
        if let Some(ty) = &settings.ty {
            match ty.parse::<ColumnHint>() {
                Ok(hint) => {
                    types.insert(column.value.clone(), hint);
                }
                Err(error) => report.push(
                    Diagnostic::error(ty.place, error.to_string()).nearest(ty, ColumnHint::WORDS.iter().copied()),
                ),
            }
        }
        view.columns.insert(column.value, ColumnView { label: settings.label, format, redact: settings.redact });
    }
    Some(Arc::new(Table {
        pattern,
        view,
        title: model.title.as_ref().and_then(|text| template(text, report)),
        link: model.link.as_ref().and_then(|text| template(text, report)),
        currencies,
        redacted: redacted.into(),
        full_identity: model.replica_identity.map(|identity| identity == ReplicaIdentityModel::Full),
        types,
    }))
}

fn format(word: &At<String>, report: &mut Report) -> Option<Format> {
    // Words of a format that is still to be built.
    const LATER: &[&str] = &["bytes", "duration", "bool", "boolean", "map", "unit", "truncate", "emoji"];
    match word.parse() {
        Ok(format) => Some(format),
        Err(()) if LATER.contains(&word.as_str()) => {
            report.push(Diagnostic::warning(
                word.place,
                format!("the format {:?} is not available yet: it has no effect", word.value),
            ));
            None
        }
        Err(()) => {
            let known = Format::ALL.map(Format::as_str);
            let found = Diagnostic::error(word.place, format!("{:?} is no format", word.value))
                .hint(format!("one of: {}", known.join(", ")));
            report.push(found.nearest(word, known));
            None
        }
    }
}
