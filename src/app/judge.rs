//! What the config's rules make of a change. Pure: `run` and the commands that only look share it.

use crate::change::{DecodeError, Envelope, Identities, Known, LogicalMessage, Op, Repeats, RowChange};
use crate::config::{Config, Table};
use crate::registry::Registry;
use crate::rule::{ExprError, Judgement, Rule};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tables whose plans are kept; beyond, plans are made anew for each record.
const PLANS_MAX: usize = 10_000;

/// Judges changes in the order in which they are read, and learns from them.
pub struct Judge {
    config: Arc<Config>,
    identities: Identities,
    /// Changes that somebody may want, to know those that come again.
    repeats: Repeats,
    lessons: Arc<Lessons>,
}

/// What is learnt while records are judged, for whoever judges some of them again.
#[derive(Default)]
pub struct Lessons {
    identities: Mutex<Identities>,
    registry: Mutex<Option<Registry>>,
}

impl Lessons {
    /// Which tables send whole old images.
    pub fn identities(&self) -> Identities {
        lock(&self.identities).clone()
    }

    /// Where schemas come from.
    pub fn registry(&self) -> Option<Registry> {
        lock(&self.registry).clone()
    }

    /// Schemas come from there from now on.
    pub fn set_registry(&self, registry: Option<Registry>) {
        *lock(&self.registry) = registry;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plans of tables, so that they are not made for each record.
pub struct Plans<P> {
    /// By server, then table.
    known: HashMap<String, HashMap<String, Arc<Named<P>>>>,
    count: usize,
    /// The plan of the record before: most are of one table with it.
    latest: Option<Arc<Named<P>>>,
}

/// A plan and whose it is.
pub struct Named<P> {
    server: String,
    table: String,
    plan: P,
}

impl<P> Deref for Named<P> {
    type Target = P;
    fn deref(&self) -> &P {
        &self.plan
    }
}

impl<P> Default for Plans<P> {
    fn default() -> Self {
        Self { known: HashMap::new(), count: 0, latest: None }
    }
}

impl<P> Plans<P> {
    /// The table's plan, made where it is not known.
    pub fn get(&mut self, server: &str, table: &str, make: impl FnOnce() -> P) -> Arc<Named<P>> {
        if let Some(named) = self.latest.as_ref().filter(|named| named.table == table && named.server == server) {
            return Arc::clone(named);
        }
        let named = match self.known.get(server).and_then(|tables| tables.get(table)) {
            Some(named) => Arc::clone(named),
            None => self.add(Named { server: server.to_owned(), table: table.to_owned(), plan: make() }),
        };
        self.latest = Some(Arc::clone(&named));
        named
    }

    fn add(&mut self, named: Named<P>) -> Arc<Named<P>> {
        let named = Arc::new(named);
        if self.count < PLANS_MAX {
            self.count += 1;
            self.known.entry(named.server.clone()).or_default().insert(named.table.clone(), Arc::clone(&named));
        }
        named
    }
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
        Self { config, identities: Identities::default(), repeats: Repeats::default(), lessons: Arc::default() }
    }

    /// Starts with nothing learnt, and passes on what it learns.
    pub fn teaching(config: Arc<Config>, lessons: Arc<Lessons>) -> Self {
        Self { lessons, ..Self::new(config) }
    }

    /// Takes over what was learnt by another.
    pub fn learn(&mut self, lessons: &Lessons) {
        self.identities = lessons.identities();
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
        self.observe(envelope);
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

    /// Judges a change that was judged before: nothing is learnt from it, and that it comes again is no news.
    pub fn change_again(&self, plan: &Plan, envelope: &Envelope<'_>) -> Result<Ruling, DecodeError> {
        if !self.may_matter(plan, envelope) {
            return Ok(Ruling::Irrelevant);
        }
        let change = self.decoded(envelope)?;
        let verdict = self.ask(plan, &change);
        Ok(Ruling::Asked(change, verdict))
    }

    fn observe(&mut self, envelope: &Envelope<'_>) {
        if let Some(full) = self.identities.lesson(envelope) {
            self.identities.learn(envelope.server(), envelope.table(), full);
            lock(&self.lessons.identities).learn(envelope.server(), envelope.table(), full);
        }
    }

    /// Learns from a change that was dealt with before.
    pub fn past(&mut self, plan: &Plan, envelope: &Envelope<'_>) {
        self.observe(envelope);
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
        self.message_again(plan, message)
    }

    /// Judges a logical message that was judged before.
    pub fn message_again(&self, plan: &Plan, message: &LogicalMessage<'_>) -> Ruling {
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
