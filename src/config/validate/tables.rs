//! `tables:`

use super::wording::{Trial, wording};
use super::{pattern, template};
use crate::change::{ColumnHint, Op};
use crate::config::Table;
use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Report};
use crate::config::model::{ColumnModel, CurrencyDisplayModel, ReplicaIdentityModel, TableModel, WordingModel};
use crate::message::{ColumnView, CurrencyDisplay, DURATION_UNITS, Format, Locale, TableView, web_address};
use std::collections::HashMap;
use std::sync::Arc;

pub(super) fn table(
    name: &At<String>,
    model: &TableModel,
    locale: &Arc<Locale>,
    report: &mut Report,
) -> Option<Arc<Table>> {
    let pattern = pattern(name, report)?;
    let mut view = TableView { noun: model.name.clone(), columns: HashMap::new(), ignore: model.ignore.0.clone() };
    let (mut currencies, mut redacted, mut types) = (Vec::new(), Vec::new(), HashMap::new());
    for (name, settings) in &model.columns.0 {
        let shown = column(name, settings, report);
        if let Some(currency) = &settings.currency {
            currencies.extend(template(currency, report).map(|template| (name.value.clone(), template)));
        }
        if settings.redact {
            redacted.push(name.value.clone());
        }
        types.extend(settings.ty.as_ref().and_then(|ty| Some((name.value.clone(), hint(ty, report)?))));
        view.columns.insert(name.value.clone(), shown);
    }
    let trial = Trial { table: name, view: &view, op: Op::Update, locale };
    let wording = wording(WordingModel::from(model), &trial, report);
    Some(Arc::new(Table {
        pattern,
        view,
        overview: model.overview.as_ref().and_then(|address| overview(address, report)),
        wording,
        currencies,
        redacted: redacted.into(),
        full_identity: model.replica_identity.map(|identity| identity == ReplicaIdentityModel::Full),
        types,
    }))
}

fn column(name: &At<String>, settings: &ColumnModel, report: &mut Report) -> ColumnView {
    let format = settings.format.as_ref().and_then(|format| self::format(format, report));
    if format == Some(Format::Currency) && settings.currency.is_none() {
        let place = settings.format.as_ref().map_or(name.place, |format| format.place);
        report.push(
            Diagnostic::warning(place, format!("the column {:?} has the format currency but no currency", name.value))
                .hint("add currency: USD, or a template such as currency: \"{{ row.currency }}\""),
        );
    }
    ColumnView {
        format,
        redact: settings.redact,
        unit: unit(settings.unit.as_ref(), format, report),
        truncate: truncate(settings.truncate.as_ref(), report),
        emoji: emoji(settings.emoji.as_ref(), report),
        map: settings.map.0.iter().map(|(value, words)| (value.value.clone(), words.value.0.clone())).collect(),
        label: settings.label.clone(),
        currency_display: match settings.currency_display {
            CurrencyDisplayModel::Symbol => CurrencyDisplay::Symbol,
            CurrencyDisplayModel::Code => CurrencyDisplay::Code,
        },
        decimals: decimals(settings.decimals.as_ref(), report),
    }
}

fn hint(ty: &At<String>, report: &mut Report) -> Option<ColumnHint> {
    match ty.parse() {
        Ok(hint) => Some(hint),
        Err(error) => {
            let found = Diagnostic::error(ty.place, error.to_string());
            report.push(found.nearest(ty, ColumnHint::WORDS.iter().copied()));
            None
        }
    }
}

fn overview(address: &At<String>, report: &mut Report) -> Option<String> {
    let checked = web_address(address);
    if checked.is_none() {
        report.push(
            Diagnostic::error(address.place, format!("{:?} is no http or https address", address.value))
                .hint("it is the same for every row: an address as it is, not a template"),
        );
    }
    checked
}

/// Units of a unit: `kg`, `items per box`.
const UNIT_MAX: usize = 20;
/// Units of an emoji; one with skin tone and joiners takes a dozen.
const EMOJI_MAX: usize = 16;
/// The shortest `truncate`: less would hold nothing but the mark that something was cut.
const TRUNCATE_MIN: u32 = 20;
/// The most `decimals`; a double has no more.
const DECIMALS_MAX: u32 = 15;

fn unit(unit: Option<&At<String>>, format: Option<Format>, report: &mut Report) -> Option<String> {
    let text = short(unit, UNIT_MAX, "unit", report)?;
    let place = unit.map(|unit| unit.place).unwrap_or_default();
    match format {
        Some(Format::Duration) if !DURATION_UNITS.iter().any(|(word, _)| *word == text) => {
            let known = DURATION_UNITS.map(|(word, _)| word);
            report.push(
                Diagnostic::error(place, format!("a duration is not counted in {text:?}"))
                    .hint(format!("one of: {}", known.join(", "))),
            );
            None
        }
        None | Some(Format::Number | Format::Duration) => Some(text),
        Some(format) => {
            let what = format!("the format {} says its unit already: {text:?} has no effect", format.as_str());
            report.push(Diagnostic::warning(place, what));
            None
        }
    }
}

fn truncate(truncate: Option<&At<u32>>, report: &mut Report) -> Option<usize> {
    let length = truncate?;
    if length.value < TRUNCATE_MIN {
        report.push(
            Diagnostic::error(length.place, format!("truncate: {} leaves nothing to read", length.value))
                .hint(format!("{TRUNCATE_MIN} or more, or `redact: true` to show no value at all")),
        );
        return None;
    }
    usize::try_from(length.value).ok()
}

fn decimals(decimals: Option<&At<u32>>, report: &mut Report) -> Option<u8> {
    let decimals = decimals?;
    if decimals.value > DECIMALS_MAX {
        report.push(
            Diagnostic::error(decimals.place, format!("decimals: {} are more than anybody reads", decimals.value))
                .hint(format!("0 to {DECIMALS_MAX}, or no `decimals` to show all that the value has")),
        );
        return None;
    }
    u8::try_from(decimals.value).ok()
}

fn emoji(emoji: Option<&At<String>>, report: &mut Report) -> Option<String> {
    let text = short(emoji, EMOJI_MAX, "emoji", report)?;
    let place = emoji.map(|emoji| emoji.place).unwrap_or_default();
    if text.len() > 2 && text.starts_with(':') && text.ends_with(':') {
        // Posts are text that nothing is read into, a row's `:fire:` no more than this.
        report.push(
            Diagnostic::error(place, format!("emoji: {text:?} is a name that posts would show as it is"))
                .hint("the character itself, such as \"📦\""),
        );
        return None;
    }
    Some(text)
}

fn short(text: Option<&At<String>>, max: usize, key: &str, report: &mut Report) -> Option<String> {
    let text = text?;
    if text.value.encode_utf16().count() > max {
        report.push(Diagnostic::error(text.place, format!("{key}: longer than {max} characters")));
        return None;
    }
    Some(text.value.trim().to_owned()).filter(|text| !text.is_empty())
}

fn format(word: &At<String>, report: &mut Report) -> Option<Format> {
    // Settings of a column that are keys of their own.
    const KEYS: &[&str] = &["map", "unit", "truncate", "emoji", "redact"];
    match word.parse() {
        Ok(format) => Some(format),
        Err(()) if KEYS.contains(&word.as_str()) => {
            report.push(
                Diagnostic::error(word.place, format!("{:?} is no format", word.value))
                    .hint(format!("it is a key of its own, beside `format`: `{}: ...`", word.value)),
            );
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
