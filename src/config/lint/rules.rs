//! `rules:`

use super::topics::Topics;
use super::{Looked, about, error, list, tables, warning};
use crate::change::Op;
use crate::config::Config;
use crate::config::code::Code;
use crate::config::de::At;
use crate::config::diagnostic::Report;
use crate::config::model::{ReplicaIdentityModel, RuleModel, TableModel};
use crate::rule::{Contradiction, Image, Outlook, Parts, TablePattern, outlook};
use std::collections::BTreeSet;

const ALL: [Op; 6] = [Op::Create, Op::Update, Op::Delete, Op::Truncate, Op::Read, Op::Message];

pub(super) fn lint(looked: &Looked<'_>, report: &mut Report) {
    let rules = &looked.model.rules;
    for rule in rules {
        let table = entry(rule, &looked.model.tables);
        let ops = ops(rule);
        on(rule, &ops, report);
        columns(rule, &ops, table, report);
        when(rule, &ops, table, report);
        if let Some(table) = table {
            super::columns::misspelt(rule, table, report);
        }
        if let Some(headline) = &rule.headline {
            tables::template(headline, "headline", table.unwrap_or(&TableModel::default()), report);
        }
        if let Some(config) = looked.config {
            topic(rule, &ops, &Topics::new(&config.kafka), report);
            to(rule, config, report);
        }
    }
    for (at, rule) in rules.iter().enumerate() {
        hidden(rule, &rules[..at], &rules[at + 1..], report);
    }
}

/// The operations that a rule asks for.
fn ops(rule: &RuleModel) -> Vec<Op> {
    match &rule.on {
        Some(words) => ALL.into_iter().filter(|op| words.0.iter().any(|word| word.value == op.as_str())).collect(),
        None if rule.columns.0.is_empty() => vec![Op::Create, Op::Update, Op::Delete],
        None => vec![Op::Update],
    }
}

/// What `tables` says of the one table that a rule is about.
fn entry<'m>(rule: &RuleModel, tables: &'m [(At<String>, TableModel)]) -> Option<&'m TableModel> {
    let (server, table) = rule.table.split_once(':').unwrap_or(("", &rule.table));
    let literal = TablePattern::compile(&rule.table).is_ok_and(|pattern| pattern.is_literal());
    let fits = |name: &At<String>| TablePattern::compile(name).is_ok_and(|pattern| pattern.matches(server, table));
    tables.iter().find(|(name, _)| literal && fits(name)).map(|(_, table)| table)
}

fn on(rule: &RuleModel, ops: &[Op], report: &mut Report) {
    let Some(words) = &rule.on else { return };
    if words.0.is_empty() {
        let found = warning(
            rule.name.place,
            Code::NeverMatches,
            format!("the rule {:?} asks for no operation", rule.name.value),
        );
        report.push(found.hint("take `on` out, or name some of create, update, delete, truncate, read, message"));
    }
    let mut seen = BTreeSet::new();
    for word in words.0.iter().filter(|word| !seen.insert(&word.value)) {
        report.push(warning(word.place, Code::NoEffect, format!("{:?} stands here twice", word.value)));
    }
    if ops.contains(&Op::Message) && ops.len() > 1 {
        let found =
            warning(rule.table.place, Code::NoEffect, "a logical message is of no table: its prefix is taken for one");
        report.push(found.hint("make a rule of its own for on: message"));
    }
}

fn columns(rule: &RuleModel, ops: &[Op], table: Option<&TableModel>, report: &mut Report) {
    let Some(first) = rule.columns.0.first() else { return };
    if !ops.is_empty() && !ops.contains(&Op::Update) {
        let words: Vec<_> = ops.iter().map(|op| op.as_str()).collect();
        let message =
            format!("columns has no effect: only updates are asked for them, and this rule is about {}", list(&words));
        report.push(warning(first.place, Code::NoEffect, message).hint("add update to `on`, or use `when`"));
    }
    let ignored = |column: &str| table.is_some_and(|table| table.ignore.0.iter().any(|name| name == column));
    let (all, some): (bool, Vec<_>) =
        (rule.columns.0.iter().all(|c| ignored(c)), rule.columns.0.iter().filter(|c| ignored(c)).collect());
    if all && ops == [Op::Update] {
        let found = warning(
            first.place,
            Code::NeverMatches,
            format!("the rule {:?} never matches: all its columns are ignored", rule.name.value),
        );
        report.push(found.hint("an ignored column is never the reason why a rule matches: take it out of `ignore`"));
    } else if ops.contains(&Op::Update) {
        for column in some {
            let message =
                format!("the column {:?} is ignored: it is never the reason why the rule matches", column.value);
            report.push(warning(column.place, Code::NoEffect, message));
        }
    }
    let mut seen = BTreeSet::new();
    for column in rule.columns.0.iter().filter(|column| !seen.insert(&column.value)) {
        report.push(warning(column.place, Code::NoEffect, format!("{:?} stands here twice", column.value)));
    }
    if ops.contains(&Op::Update) && key_only(table) {
        let message = "whether a column changed cannot be told: replica_identity is key, so that an update matches whenever it sends the column";
        report.push(warning(first.place, Code::OldValues, message).hint("ALTER TABLE ... REPLICA IDENTITY FULL"));
    }
}

fn key_only(table: Option<&TableModel>) -> bool {
    table.is_some_and(|table| table.replica_identity == Some(ReplicaIdentityModel::Key))
}

fn when(rule: &RuleModel, ops: &[Op], table: Option<&TableModel>, report: &mut Report) {
    let Some(when) = &rule.when else { return };
    let Ok(parts) = Parts::of_condition(when) else { return };
    for misuse in &parts.misuses {
        let found = error(when.place, Code::UnknownFilter, misuse.message.clone());
        let found = misuse.hint.iter().fold(found, |found, hint| found.hint(hint));
        about(found, when, Some(&misuse.at), report);
    }
    if !parts.misuses.is_empty() || ops.is_empty() {
        return;
    }
    let outlooks: Vec<_> = ops.iter().filter_map(|op| Some((*op, outlook(when, *op).ok()?))).collect();
    let hopeless = |(_, outlook): &&(Op, Outlook)| matches!(outlook, Outlook::Never(_) | Outlook::Fails(_));
    if outlooks.iter().filter(hopeless).count() == ops.len() {
        return never(rule, when, &outlooks, report);
    }
    if outlooks.iter().all(|(_, outlook)| *outlook == Outlook::Always) {
        let found = warning(when.place, Code::AlwaysTrue, "the condition is always true");
        let quoted = when.starts_with(['\'', '"']);
        report.push(found.hint(if quoted { "take the inner quotes away" } else { "take `when` out" }));
    }
    let fails = outlooks.iter().filter_map(|(op, outlook)| match outlook {
        Outlook::Fails(at) => Some((op.as_str(), at.as_ref())),
        _ => None,
    });
    let (words, places): (Vec<_>, Vec<_>) = fails.unzip();
    if let Some(at) = places.first() {
        let part = at.and_then(|at| when.get(at.clone())).unwrap_or("it");
        let message = format!(
            "the condition fails each time for {}, which counts as false and as an error: {part} is not there",
            list(&words)
        );
        let hopeful = outlooks.iter().filter(|outlook| !hopeless(outlook));
        let left: Vec<_> = hopeful.map(|(op, _)| op.as_str()).collect();
        let found = warning(when.place, Code::FailsFor, message);
        about(found.hint(format!("on: [{}], or begin with: op == 'update' and", left.join(", "))), when, *at, report);
    }
    if key_only(table) && ops.contains(&Op::Update) {
        let old = parts.uses.iter().find(|named| named.image == Image::Before && named.column != "id");
        if let Some(named) = old {
            let message = format!("the old {:?} is not known: replica_identity is key", named.column);
            let found = warning(when.place, Code::OldValues, message).hint("ALTER TABLE ... REPLICA IDENTITY FULL");
            about(found, when, Some(&named.at), report);
        }
    }
}

fn never(rule: &RuleModel, when: &At<String>, outlooks: &[(Op, Outlook)], report: &mut Report) {
    let words: Vec<_> = outlooks.iter().map(|(op, _)| op.as_str()).collect();
    let says = |message: &str| format!("the rule {:?} never matches: {message}", rule.name.value);
    let contradiction = outlooks.iter().find_map(|(_, outlook)| match outlook {
        Outlook::Never(Some(found)) => Some(found),
        _ => None,
    });
    let fails = outlooks.iter().find_map(|(_, outlook)| match outlook {
        Outlook::Fails(Some(at)) => Some(at),
        _ => None,
    });
    if let Some(Contradiction { first, second }) = contradiction {
        let part = |at: &std::ops::Range<usize>| when.get(at.clone()).unwrap_or_default().to_owned();
        let message = says(&format!("{} and {} exclude each other", part(first), part(second)));
        about(warning(when.place, Code::NeverMatches, message), when, Some(second), report);
    } else if let Some(at) = fails {
        let part = when.get(at.clone()).unwrap_or("what it asks for");
        let message = says(&format!("{part} is not there for {}", list(&words)));
        let hint = match part.starts_with("after") || part.starts_with("new") {
            true => "a delete has `before` alone",
            false => "only updates and deletes have `before`, only updates have both",
        };
        about(warning(when.place, Code::NeverMatches, message).hint(hint), when, Some(at), report);
    } else {
        let found =
            warning(when.place, Code::NeverMatches, says(&format!("its condition is false for {}", list(&words))));
        let about_op = when.contains("op ") || when.contains("op=");
        report.push(match about_op {
            true => found.hint("op is one of create, update, delete, truncate, read, message"),
            false => found,
        });
    }
}

fn topic(rule: &RuleModel, ops: &[Op], topics: &Topics<'_>, report: &mut Report) {
    if ops.contains(&Op::Message) {
        return;
    }
    let Ok(pattern) = TablePattern::compile(&rule.table) else { return };
    if topics.named(&rule.table) && rule.table.matches('.').count() > 1 {
        let (prefix, table) = rule.table.split_once('.').unwrap_or(("", &rule.table));
        let message = format!("{:?} is the name of a topic, not of a table", rule.table.value);
        let found = warning(rule.table.place, Code::NoTopicForTable, message);
        report.push(found.hint(format!("write {table:?}, or \"{prefix}:{table}\" for this connector's alone")));
    } else if !topics.may_bring(&pattern) {
        let message = format!(
            "the rule {:?} never matches: no topic of kafka.topics brings {}",
            rule.name.value, rule.table.value
        );
        let found =
            warning(rule.table.place, Code::NoTopicForTable, message).hint("add its topic: PREFIX.SCHEMA.TABLE");
        report.push(found.nearest(&rule.table, topics.tables().map(|(_, table)| table)));
    }
}

fn to(rule: &RuleModel, config: &Config, report: &mut Report) {
    let named = |name: &At<String>| config.destinations.iter().find(|found| *found.name == *name.value);
    for (at, name) in rule.to.0.iter().enumerate() {
        if let Some(first) = rule.to.0[..at].iter().find(|first| first.value == name.value) {
            report.push(warning(name.place, Code::NoEffect, format!("{:?} stands here twice", first.value)));
            continue;
        }
        let Some(destination) = named(name) else { continue };
        let same = rule.to.0[..at].iter().find(|first| {
            named(first).is_some_and(|first| super::destinations::same_place(&first.target, &destination.target))
        });
        if let Some(first) = same {
            let message =
                format!("{:?} and {:?} are one and the same: the post arrives twice", first.value, name.value);
            report.push(warning(name.place, Code::SameDestination, message).hint("keep one of them"));
        }
        if let (Some(expires), Some(after)) = (&rule.expires, destination.digest)
            && expires.value.0 < after
        {
            let message = format!(
                "a change expires before a digest of {:?} may show it, {} s after it began",
                name.value,
                after.as_secs()
            );
            let found = warning(expires.place, Code::Timing, message);
            report.push(found.hint("a longer expires, or a shorter digest.after"));
        }
    }
}

/// A rule that asks for the same as another, or that is always outdone by another: a destination gets one post per
/// change, in the words of the most urgent rule, then of the first.
fn hidden(rule: &RuleModel, above: &[At<RuleModel>], below: &[At<RuleModel>], report: &mut Report) {
    let urgency = |rule: &RuleModel| match rule.priority.as_ref().map_or("normal", |word| word.value.as_str()) {
        "critical" => 0,
        "normal" => 1,
        _ => 2,
    };
    let own_words = rule.headline.is_some() || rule.mention.is_some() || rule.tone.is_some();
    let outdone = |other: &&At<RuleModel>, first: bool| {
        covers(other, rule) && (urgency(other) < urgency(rule) || first && urgency(other) == urgency(rule))
    };
    let by =
        above.iter().find(|other| outdone(other, true)).or_else(|| below.iter().find(|other| outdone(other, false)));
    let Some(by) = by else { return };
    if above.iter().chain(below).any(|other| std::ptr::eq(other, by) && covers(rule, by)) {
        let message = format!(
            "the rule {:?} asks for the same as {:?} in line {}",
            rule.name.value, by.name.value, by.name.place.line
        );
        report.push(warning(rule.name.place, Code::Shadowed, message).hint("keep one of them"));
    } else if own_words {
        let message = format!(
            "the words of the rule {:?} are never read: {:?} in line {} matches as well each time and comes first",
            rule.name.value, by.name.value, by.name.place.line
        );
        let found = warning(rule.name.place, Code::NeverInItsWords, message);
        report.push(found.hint("put the more special rule above, or give it a higher priority"));
    }
}

/// Does `wide` match whatever `narrow` matches, and go wherever it goes?
fn covers(wide: &RuleModel, narrow: &RuleModel) -> bool {
    let pattern = TablePattern::compile(&wide.table).ok();
    let (server, table) = narrow.table.split_once(':').map_or((None, narrow.table.as_str()), |(s, t)| (Some(s), t));
    let tables = pattern.is_some_and(|pattern| match server {
        Some(server) => pattern.matches(server, table),
        None => !wide.table.contains(':') && pattern.matches("", table),
    });
    let wide_ops = ops(wide);
    let when = match (&wide.when, &narrow.when) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => wide.value == narrow.value,
        (Some(_), None) => false,
    };
    let columns = wide.columns.0.is_empty()
        || !narrow.columns.0.is_empty()
            && narrow.columns.0.iter().all(|column| wide.columns.0.iter().any(|other| other.value == column.value))
        || !ops(narrow).contains(&Op::Update);
    tables
        && when
        && columns
        && ops(narrow).iter().all(|op| wide_ops.contains(op))
        && narrow.to.0.iter().all(|name| wide.to.0.iter().any(|other| other.value == name.value))
}
