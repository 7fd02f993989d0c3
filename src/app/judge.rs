//! What the config's rules make of a change. Pure: `run` and the commands that only look share it.

use crate::change::{DecodeError, Envelope, Identities, Known, LogicalMessage, Op, Repeats, RowChange};
use crate::config::{Config, Table};
use crate::rule::{ExprError, Judgement, Rule};
use std::sync::Arc;

/// Judges changes in the order in which they are read, and learns from them.
pub struct Judge {
    config: Arc<Config>,
    identities: Identities,
    /// Changes that somebody may want, to know those that come again.
    repeats: Repeats,
}

/// What the config says about one table.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How its rows are shown.
    pub table: Option<Arc<Table>>,
    /// Indices of the rules about it.
    pub rules: Vec<usize>,
}

/// What became of a change.
#[derive(Debug)]
pub enum Ruling {
    /// No rule can want it: it was not decoded.
    Irrelevant,
    /// The source sent it before.
    Repeat,
    /// The rules were asked.
    Asked(Arc<RowChange>, Verdict),
}

/// What the rules say of a change.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Per destination the rules that matched, the most urgent and then the first in the file leading.
    pub wanted: Vec<(usize, Vec<usize>)>,
    /// Rules that matched, in file order.
    pub matched: Vec<usize>,
    /// Rules whose condition failed, which counts as no.
    pub failed: Vec<(usize, ExprError)>,
}

impl Judge {
    /// Starts with nothing learnt.
    pub fn new(config: Arc<Config>) -> Self {
        Self { config, identities: Identities::default(), repeats: Repeats::default() }
    }

    /// Another config; what was learnt stays.
    pub fn reload(&mut self, config: Arc<Config>) {
        self.config = config;
    }

    /// The plan of a table; the same for all its changes.
    pub fn plan(&self, server: &str, table: &str) -> Plan {
        let rules = self.config.rules.iter().enumerate().filter(|(_, rule)| rule.table.matches(server, table));
        Plan { table: self.config.table(server, table).cloned(), rules: rules.map(|(index, _)| index).collect() }
    }

    /// Judges a change of the plan's table.
    pub fn change(&mut self, plan: &Plan, envelope: &Envelope<'_>) -> Result<Ruling, DecodeError> {
        self.identities.observe(envelope);
        if !self.may_matter(plan, envelope) {
            return Ok(Ruling::Irrelevant);
        }
        if self.repeats.seen(envelope) {
            return Ok(Ruling::Repeat);
        }
        let change = self.decoded(envelope)?;
        let verdict = self.ask(plan, &change);
        Ok(Ruling::Asked(change, verdict))
    }

    /// Learns from a change that was dealt with before.
    pub fn past(&mut self, plan: &Plan, envelope: &Envelope<'_>) {
        self.identities.observe(envelope);
        if self.may_matter(plan, envelope) {
            self.repeats.seen(envelope);
        }
    }

    /// The plan of a logical message: of no table, so its prefix stands for one, and so does `message`, as in its
    /// topic's name.
    pub fn message_plan(&self, message: &LogicalMessage<'_>) -> Plan {
        let fits = |rule: &Rule| {
            let named = |table| rule.table.matches(&message.server, table);
            rule.on.contains(Op::Message) && (named(&message.prefix) || named("message"))
        };
        let rules = self.config.rules.iter().enumerate().filter(|(_, rule)| fits(rule));
        Plan {
            table: self.config.table(&message.server, &message.prefix).cloned(),
            rules: rules.map(|(index, _)| index).collect(),
        }
    }

    /// Judges a logical message.
    pub fn message(&mut self, plan: &Plan, message: &LogicalMessage<'_>) -> Ruling {
        if plan.rules.is_empty() {
            return Ruling::Irrelevant;
        }
        if self.repeats.seen_message(message) {
            return Ruling::Repeat;
        }
        let change = Arc::new(message.change());
        let verdict = self.ask(plan, &change);
        Ruling::Asked(change, verdict)
    }

    /// Learns from a message that was dealt with before.
    pub fn past_message(&mut self, message: &LogicalMessage<'_>) {
        self.repeats.seen_message(message);
    }

    /// The change as rules judge it.
    pub fn decoded(&self, envelope: &Envelope<'_>) -> Result<Arc<RowChange>, DecodeError> {
        let known = Known { config: &*self.config, learnt: &self.identities };
        Ok(Arc::new(envelope.change(&known)?.judged()))
    }

    /// Could any rule want this change? Cheap: nothing is decoded.
    fn may_matter(&self, plan: &Plan, envelope: &Envelope<'_>) -> bool {
        let op = envelope.op();
        plan.rules.iter().map(|index| &self.config.rules[*index]).any(|rule| match op {
            // A create may be the second half of a key change, which rules judge as an update.
            Op::Create => rule.on.contains(Op::Create) || rule.on.contains(Op::Update),
            Op::Update => {
                rule.on.contains(Op::Update) && (rule.columns.is_empty() || envelope.may_touch(&rule.columns))
            }
            op => rule.on.contains(op),
        })
    }

    fn ask(&self, plan: &Plan, change: &Arc<RowChange>) -> Verdict {
        let mut verdict = Verdict::default();
        for &index in &plan.rules {
            let rule = &self.config.rules[index];
            match rule.judge(change, plan.ignored()) {
                Judgement::No(_) => {}
                Judgement::Yes => {
                    verdict.matched.push(index);
                    for &destination in &rule.to {
                        match verdict.wanted.iter_mut().find(|(known, _)| *known == destination) {
                            Some((_, rules)) => rules.push(index),
                            None => verdict.wanted.push((destination, vec![index])),
                        }
                    }
                }
                Judgement::Failed(error) => verdict.failed.push((index, error)),
            }
        }
        for (_, rules) in &mut verdict.wanted {
            // Stable: among equals the first in the file leads.
            rules.sort_by_key(|index| self.config.rules[*index].priority);
        }
        verdict
    }
}

impl Plan {
    /// Columns that neither match nor count as a change.
    pub fn ignored(&self) -> &[String] {
        self.table.as_ref().map_or(&[], |table| &table.view.ignore)
    }
}
