//! `rules:`

use super::wording::{Trial, wording};
use super::{any_pattern, compiled, pattern};
use crate::change::Op;
use crate::config::code::Code;
use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Place, Report};
use crate::config::model::{RuleModel, WordingModel};
use crate::config::{Destination, Table};
use crate::message::{Locale, Priority, TableView, Tone};
use crate::rule::{Condition, Ops, Rule, Wording};
use std::collections::HashSet;
use std::sync::Arc;

/// What rules name.
pub(super) struct Known<'a> {
    pub destinations: &'a [Destination],
    /// Every destination's name, those whose settings could not be read included.
    pub named: &'a [String],
    pub tables: &'a [Arc<Table>],
    pub locale: &'a Arc<Locale>,
}

pub(super) fn rules(models: Vec<At<RuleModel>>, known: &Known<'_>, report: &mut Report) -> Vec<Rule> {
    let mut names: HashSet<String> = HashSet::new();
    if models.is_empty() && !report.has_errors() {
        report.push(
            Diagnostic::warning(Place::default(), "there are no rules: nothing will be posted")
                .code(Code::NothingPosted),
        );
    }
    let mut rules = Vec::new();
    for At { value: model, .. } in models {
        if !names.insert(model.name.value.clone()) {
            let found = Diagnostic::error(model.name.place, format!("there are two rules {:?}", model.name.value));
            report.push(found.code(Code::DuplicateName));
        }
        rules.extend(rule(model, known, report));
    }
    rules
}

fn rule(model: RuleModel, known: &Known<'_>, report: &mut Report) -> Option<Rule> {
    let Known { destinations, named, .. } = known;
    // A logical message is of no table: its prefix stands for one, whatever it looks like.
    let messages = model.on.as_ref().is_some_and(|on| on.0.iter().any(|word| word.value == "message"));
    let table = if messages { any_pattern(&model.table, report) } else { pattern(&model.table, report) };
    let on = match &model.on {
        Some(words) => words.0.iter().fold(Ops::default(), |ops, word| op(word, ops, report)),
        None if model.columns.0.is_empty() => Ops::CHANGES,
        None => Ops::default().with(Op::Update),
    };
    if model.to.0.is_empty() {
        report.push(
            Diagnostic::error(model.name.place, format!("the rule {:?} leads nowhere", model.name.value))
                .code(Code::LeadsNowhere)
                .hint("add to: [DESTINATION]"),
        );
    }
    let mut to = Vec::new();
    for name in &model.to.0 {
        match destinations.iter().position(|destination| *destination.name == *name.value) {
            Some(index) if !to.contains(&index) => to.push(index),
            Some(_) => {}
            // Its own mistake was reported where it stands.
            None if named.contains(&name.value) => {}
            None => {
                let known = named.iter().map(String::as_str);
                report.push(
                    Diagnostic::error(name.place, format!("there is no destination {:?}", name.value))
                        .code(Code::UnknownDestination)
                        .hint("name it under destinations:")
                        .nearest(name, known),
                );
            }
        }
    }
    let mention = model.mention.as_ref().and_then(|word| {
        let mention = word.parse();
        if mention.is_err() {
            report.push(
                Diagnostic::error(word.place, format!("{:?} is nobody to mention", word.value))
                    .hint("here, channel, everyone, or a Slack id such as U0123456789 or S0123456789"),
            );
        }
        mention.ok()
    });
    let wording = words(&model, on, known, report);
    unused_payloads(&model, &to, destinations, report);
    Some(Rule {
        when: model.when.as_ref().and_then(|text| compiled(text, "condition", Condition::compile(text), report)),
        wording,
        priority: word(&model.priority, "priority", &Priority::ALL.map(|p| (p.as_str(), p)), report)
            .unwrap_or(Priority::Normal),
        tone: word(
            &model.tone,
            "tone",
            &[("good", Tone::Good), ("bad", Tone::Bad), ("neutral", Tone::Neutral)],
            report,
        )
        .unwrap_or_default(),
        name: model.name.value.into(),
        table: table?,
        on,
        columns: model.columns.0.into_iter().map(|column| column.value.into()).collect(),
        to,
        mention,
        expires: model.expires.map(|span| span.value.0),
    })
}

fn words(model: &RuleModel, on: Ops, known: &Known<'_>, report: &mut Report) -> Wording {
    let plain = TableView::default();
    let (server, table) = model.table.split_once(':').unwrap_or(("", &model.table));
    let view = known.tables.iter().find(|known| known.pattern.matches(server, table)).map(|known| &known.view);
    // The rarest of a rule's operations know least of a row.
    let first = [Op::Update, Op::Create, Op::Read, Op::Delete].into_iter().find(|op| on.contains(*op));
    let op = first.unwrap_or(Op::Update);
    let trial = Trial { table, view: view.unwrap_or(&plain), op, locale: known.locale };
    wording(WordingModel::from(model), &trial, report)
}

/// A payload for a type of destination that the rule does not lead to.
fn unused_payloads(model: &RuleModel, to: &[usize], destinations: &[Destination], report: &mut Report) {
    for (kind, text) in [("slack", &model.payload.slack), ("teams", &model.payload.teams)] {
        let leads_there = to.iter().any(|index| destinations[*index].target.kind() == kind);
        if let Some(text) = text.as_ref().filter(|_| !leads_there && !to.is_empty()) {
            report.push(Diagnostic::warning(
                text.place,
                format!("the rule {:?} leads to no {kind}: its payload for {kind} is not used", model.name.value),
            ));
        }
    }
}

fn op(word: &At<String>, ops: Ops, report: &mut Report) -> Ops {
    let known = [Op::Create, Op::Update, Op::Delete, Op::Truncate, Op::Read, Op::Message];
    match known.into_iter().find(|op| op.as_str() == word.value) {
        Some(op) => ops.with(op),
        None => {
            let found = Diagnostic::error(word.place, format!("{:?} is no operation", word.value))
                .hint("one of: create, update, delete, truncate, read, message");
            report.push(found.nearest(word, known.iter().map(|op| op.as_str())));
            ops
        }
    }
}

fn word<T: Copy>(word: &Option<At<String>>, what: &str, known: &[(&'static str, T)], report: &mut Report) -> Option<T> {
    let word = word.as_ref()?;
    let found = known.iter().find(|(name, _)| *name == word.value).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
        report.push(
            Diagnostic::error(word.place, format!("{:?} is no {what}", word.value))
                .hint(format!("one of: {}", names.join(", ")))
                .nearest(word, names.iter().copied()),
        );
    }
    found
}
