//! What tables and rules say of a message's parts.

use super::{compiled, template};
use crate::change::{Column, ColumnChange, Op, RecordId, Row, RowChange, Type, Value};
use crate::config::code::Code;
use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Report};
use crate::config::model::{ButtonModel, WordingModel};
use crate::message::{BUTTONS, DraftError, Formats, LINES_WATCHED, Locale, TableView, Words, compose};
use crate::rule::{ButtonTemplate, PayloadTemplate, Sample, Seen, UrlTemplate, Wording};
use bigdecimal::BigDecimal;
use std::collections::HashSet;
use std::sync::Arc;

/// What payloads are tried with, for want of a row.
pub(super) struct Trial<'a> {
    pub table: &'a str,
    pub view: &'a TableView,
    pub op: Op,
    pub locale: &'a Arc<Locale>,
}

pub(super) fn wording(model: WordingModel<'_>, trial: &Trial<'_>, report: &mut Report) -> Wording {
    let slack = |template: &PayloadTemplate, seen: &Seen<'_>| trial.slack(template, seen);
    let teams = |template: &PayloadTemplate, seen: &Seen<'_>| trial.teams(template, seen);
    Wording {
        headline: model.headline.and_then(|text| template(text, report)),
        title: model.title.and_then(|text| template(text, report)),
        link: model.link.and_then(|text| url(text, report)),
        note: model.note.and_then(|text| template(text, report)),
        fields: fields(model.fields, report),
        buttons: buttons(model.buttons, report),
        slack: model.payload.slack.as_ref().and_then(|text| payload(text, trial, &slack, report)),
        teams: model.payload.teams.as_ref().and_then(|text| payload(text, trial, &teams, report)),
    }
}

fn url(text: &At<String>, report: &mut Report) -> Option<UrlTemplate> {
    compiled(text, "address", UrlTemplate::compile(text), report)
}

fn fields(columns: &[At<String>], report: &mut Report) -> Vec<Arc<str>> {
    if let Some(more) = columns.get(LINES_WATCHED) {
        report.push(
            Diagnostic::error(more.place, format!("{} fields are more than a message shows", columns.len()))
                .hint(format!("{LINES_WATCHED} at most; what else changed is named beneath them")),
        );
    }
    let mut seen = HashSet::new();
    let once = columns.iter().filter(|column| seen.insert(column.value.as_str()));
    once.map(|column| column.value.as_str().into()).collect()
}

fn buttons(models: &[ButtonModel], report: &mut Report) -> Vec<ButtonTemplate> {
    if let Some(more) = models.get(BUTTONS) {
        report.push(
            Diagnostic::error(more.label.place, format!("{} buttons are more than a message shows", models.len()))
                .hint(format!("{BUTTONS} at most, besides the link")),
        );
    }
    let button = |model: &ButtonModel| {
        Some(ButtonTemplate { label: template(&model.label, report)?, url: url(&model.url, report)? })
    };
    models.iter().filter_map(button).collect()
}

type Try<'t> = &'t dyn Fn(&PayloadTemplate, &Seen<'_>) -> Result<Result<(), DraftError>, String>;

/// Compiles a payload's template, and renders it with values of several kinds: columns have no types here.
fn payload(text: &At<String>, trial: &Trial<'_>, try_with: Try<'_>, report: &mut Report) -> Option<PayloadTemplate> {
    let template = compiled(text, "payload", PayloadTemplate::compile(text), report)?;
    let change = Arc::new(trial.change());
    let formats = Formats::new(Arc::clone(trial.locale), jiff::tz::TimeZone::UTC, change.time_us);
    let redacted: Arc<[String]> = Arc::new([]);
    let mut failed = None;
    for sample in [Sample::Text, Sample::Number] {
        let seen = Seen { change: &change, redacted: &redacted, formats: &formats, sample: Some(sample) };
        match try_with(&template, &seen) {
            // An address that comes out of a row is not to be judged without one.
            Ok(Err(error)) if error.depends_on_row => return Some(template),
            Ok(Err(error)) => {
                let (what, hint) = match error.message.split_once("\nhint: ") {
                    Some((what, hint)) => (what.to_owned(), Some(hint.to_owned())),
                    None => (error.message, None),
                };
                let found = Diagnostic::error(text.place, format!("the payload, tried with a made-up row, {what}"));
                let found = found.code(Code::InvalidTemplate);
                report.push(match hint {
                    Some(hint) => found.hint(hint),
                    None => found,
                });
                return None;
            }
            Ok(Ok(())) => return Some(template),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let what = failed.unwrap_or_default();
    report.push(
        Diagnostic::warning(text.place, format!("the payload could not be tried with a made-up row: {what}"))
            .code(Code::InvalidTemplate)
            .hint("try it with real ones: rowbell preview FILE"),
    );
    Some(template)
}

impl Trial<'_> {
    fn slack(&self, template: &PayloadTemplate, seen: &Seen<'_>) -> Result<Result<(), DraftError>, String> {
        let message = self.message(seen.change);
        let draft = template.render(seen, &message.facts()).map_err(|error| error.message)?;
        Ok(draft.slack(&message).map(|_| ()))
    }

    fn teams(&self, template: &PayloadTemplate, seen: &Seen<'_>) -> Result<Result<(), DraftError>, String> {
        let message = self.message(seen.change);
        let draft = template.render(seen, &message.facts()).map_err(|error| error.message)?;
        Ok(draft.teams(&message).map(|_| ()))
    }

    fn message(&self, change: &RowChange) -> crate::message::Message {
        let words = Words {
            locale: Arc::clone(self.locale),
            link: Some("https://sample.example/1".to_owned()),
            rules: vec!["sample".into()],
            ..Words::default()
        };
        compose(change, self.view, &words)
    }

    /// A change of the columns that the config knows: numbers where it says so, else texts.
    fn change(&self) -> RowChange {
        let mut names: Vec<_> = self.view.columns.keys().map(String::as_str).collect();
        names.sort_unstable();
        let columns = |text: &str, number: i64| -> Vec<Column> {
            let column = |name: &&str| {
                let is_number = self.view.column(name).and_then(|column| column.format).is_some_and(|f| f.is_number());
                let (ty, value) = match is_number {
                    true => {
                        let number = BigDecimal::new(number.into(), 2);
                        (Type::Decimal, Value::Decimal(crate::change::Decimal::Finite(number)))
                    }
                    false => (Type::Text, Value::Text(text.into())),
                };
                Column { name: (*name).into(), ty, value }
            };
            let key = Column { name: "id".into(), ty: Type::Int, value: Value::Int(1) };
            std::iter::once(key).chain(names.iter().filter(|name| **name != "id").map(column)).collect()
        };
        let (old, new) = (columns("Sample before", 12_345), columns("Sample \"after\" <b> \\ {{x}}", 9_900));
        let changes = old.iter().zip(&new).filter(|(old, new)| old.value != new.value).map(|(old, new)| ColumnChange {
            name: old.name.clone(),
            ty: old.ty,
            old: (self.op != Op::Create).then(|| old.value.clone()),
            new: (self.op != Op::Delete).then(|| new.value.clone()),
        });
        let changes = changes.collect();
        RowChange {
            record: RecordId { topic: "sample".into(), partition: 0, offset: 0 },
            op: self.op,
            connector: "postgresql".into(),
            server: "sample".into(),
            database: None,
            table: self.table.into(),
            key: Some(Row { columns: old[..1].to_vec() }),
            rekeyed_from: None,
            rekeyed_to: None,
            snapshot: false,
            time_us: Some(0),
            unavailable: Vec::new(),
            before_unknown: false,
            flattened: false,
            changes,
            before: (!matches!(self.op, Op::Create | Op::Read)).then_some(Row { columns: old }),
            after: (self.op != Op::Delete).then_some(Row { columns: new }),
        }
    }
}
