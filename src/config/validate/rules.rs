//! `rules:`

use super::{any_pattern, compiled, pattern, template};
use crate::change::Op;
use crate::config::Destination;
use crate::config::de::At;
use crate::config::diagnostic::{Diagnostic, Place, Report};
use crate::config::model::RuleModel;
use crate::message::{Priority, Tone};
use crate::rule::{Condition, Ops, Rule};
use std::collections::HashSet;

pub(super) fn rules(
    models: Vec<At<RuleModel>>,
    destinations: &[Destination],
    named: &[String],
    report: &mut Report,
) -> Vec<Rule> {
    let mut names: HashSet<String> = HashSet::new();
    if models.is_empty() && !report.has_errors() {
        report.push(Diagnostic::warning(Place::default(), "there are no rules: nothing will be posted"));
    }
    let mut rules = Vec::new();
    for At { value: model, .. } in models {
        if !names.insert(model.name.value.clone()) {
            report.push(Diagnostic::error(model.name.place, format!("there are two rules {:?}", model.name.value)));
        }
        rules.extend(rule(model, destinations, named, report));
    }
    rules
}

fn rule(model: RuleModel, destinations: &[Destination], named: &[String], report: &mut Report) -> Option<Rule> {
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
    Some(Rule {
        when: model.when.as_ref().and_then(|text| compiled(text, "condition", Condition::compile(text), report)),
        headline: model.headline.as_ref().and_then(|text| template(text, report)),
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
