//! From a digest to the JSON of its post: how many changes of which tables, and the rows worth most.

use super::compose;
use crate::app::engine::Payload;
use crate::change::{Op, RowChange};
use crate::config::Config;
use crate::destination::Target;
use crate::message::{self, Line, Mark, Message, Priority, Span, Tone, limits, noun_of};
use crate::outbox::{Digest, Tally};
use crate::telemetry::Metrics;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Tables that are counted by name; the rest as one.
const TABLES_MAX: usize = 50;

/// Rows that a post shows, of those that the digest holds.
const SHOWN_MAX: usize = 10;

/// Counts of changes that a digest does not show.
#[derive(Debug, Default)]
pub struct Counted {
    by_table: BTreeMap<Arc<str>, u64>,
    others: u64,
    undone: u64,
}

impl Counted {
    fn add(&mut self, table: &Arc<str>, changes: u64) {
        if let Some(count) = self.by_table.get_mut(table) {
            *count += changes;
        } else if self.by_table.len() < TABLES_MAX {
            self.by_table.insert(Arc::clone(table), changes);
        } else {
            self.others += changes;
        }
    }
}

impl Tally<Payload> for Counted {
    fn count(&mut self, payload: Payload, changes: u64) {
        self.add(&payload.change.table, changes);
    }

    fn undone(&mut self, changes: u64) {
        self.undone += changes;
    }
}

/// Renders a digest for one destination.
pub fn digest(config: &Config, target: &Target, digest: &Digest<Payload>, metrics: &Metrics) -> Value {
    let changes = digest.changes();
    let mut all = Counted::default();
    for part in digest.tallies() {
        part.by_table.iter().for_each(|(table, count)| all.add(table, *count));
        all.others += part.others;
        all.undone += part.undone;
    }
    let (mut lines, mut mention, mut priority) = (Vec::new(), None, Priority::Low);
    let mut rules: Vec<Arc<str>> = Vec::new();
    let mut shown = 0;
    for notice in digest.lines() {
        let Payload { change, table, rules: matched, .. } = &notice.content;
        all.add(&change.table, notice.changes);
        if lines.len() < SHOWN_MAX {
            let row = compose(config, change, table.as_deref(), matched, metrics);
            shown += notice.changes;
            priority = priority.min(row.priority);
            for rule in &row.rules {
                if !rules.contains(rule) {
                    rules.push(Arc::clone(rule));
                }
            }
            lines.push(line(change, &row));
            mention = mention.or(row.mention);
        }
    }
    let seconds = (digest.span().1.saturating_sub(digest.span().0)).as_secs().max(1);
    let plural = if seconds == 1 { "" } else { "s" };
    let headline = format!("{} changes in {} second{plural}", thousands(changes), thousands(seconds));
    let mut counts: Vec<_> =
        all.by_table.iter().map(|(table, count)| format!("{}: {}", noun_of(table), thousands(*count))).collect();
    if all.others > 0 {
        counts.push(format!("other tables: {}", thousands(all.others)));
    }
    if all.undone > 0 {
        counts.push(format!("ended where they began: {}", thousands(all.undone)));
    }
    if changes > shown && !lines.is_empty() {
        counts.push(format!("not shown here: {}", thousands(changes - shown)));
    }
    let counts = message::shorten(&counts.join(" · "), limits::NOTE * 5);
    if let Target::Webhook { .. } = target {
        return json!({
            "id": digest.first().map(|(owner, offset)| format!("{}:{offset}", owner.partition)),
            "type": "digest",
            "changes": changes,
            "counts": all.by_table.iter().map(|(table, count)| (table.to_string(), json!(count))).collect::<serde_json::Map<_, _>>(),
            "others": all.others,
            "undone": all.undone,
            "shown": lines.iter().map(|line| format!("{}{}", line.label, line.brief)).collect::<Vec<_>>(),
            "text": format!("{headline}: {counts}"),
            "priority": priority.as_str(),
        });
    }
    let message = Message {
        op: Op::Update,
        priority,
        tone: Tone::Neutral,
        mention,
        noun: String::new(),
        title: String::new(),
        headline,
        summary: format!(": {counts}"),
        lines,
        left_out: Vec::new(),
        identity: Vec::new(),
        link: None,
        context: vec![message::shorten(&format!("rules {}", rules.join(", ")), limits::NOTE)],
        notes: vec![counts],
        rules,
        folded: None,
        tip: None,
        redacted: HashSet::new(),
        ignored: HashSet::new(),
    };

    match target {
        Target::Teams { .. } => message::teams::payload(&message),
        _ => message::slack::payload(&message),
    }
}

/// A row in one line: its headline, and what changed.
fn line(change: &RowChange, row: &Message) -> Line {
    Line {
        column: Arc::clone(&change.table),
        label: row.headline.clone(),
        body: vec![Span::new(Mark::Plain, row.summary.trim_start_matches([':', ',', ' ']))],
        delta: None,
        note: None,
        brief: row.summary.clone(),
        url: None,
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
