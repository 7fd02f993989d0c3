//! `rowbell explain TOPIC:PARTITION:OFFSET`: how one record was read, what each rule says of it, and what it would post.

mod delivery;

use super::input::{ContextArguments, Records, captured, open_file, reader_failure, stop_flag};
use super::inspect::{Inspector, block};
use super::posts::{Post, Posts, Seen};
use super::preview;
use super::records::CapturedRecord;
use super::running::AdminArguments;
use super::text::{Style, write_clean};
use super::{Failure, output, style};
use crate::app::{Plan, Ruling};
use crate::change::{Op, RecordId, RowChange};
use crate::config::Config;
use crate::kafka::{Beginning, Reader, Reading};
use crate::rule::{Judgement, Miss, Rule};
use delivery::{Delivery, delivery};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

/// Offsets before the record that are read to learn from, as `run` would have: what old images are worth, and what
/// the source sends again.
const LEARN: u64 = 1_000;

/// Say how one record is read, which rules want it or why not, what it would post, and what became of that
#[derive(Debug, clap::Args)]
pub struct ExplainArguments {
    /// The record: TOPIC:PARTITION:OFFSET, as posts, logs and dead letters name it
    #[arg(value_name = "RECORD")]
    place: Place,

    /// Captured events to look in instead of Kafka; - is stdin
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    context: ContextArguments,

    #[command(flatten)]
    admin: AdminArguments,
}

/// `TOPIC:PARTITION:OFFSET`
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place(RecordId);

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.rsplitn(3, ':');
        let (offset, partition, topic) = (parts.next(), parts.next(), parts.next());
        match (topic, partition.map(str::parse), offset.map(str::parse)) {
            (Some(topic), Some(Ok(partition)), Some(Ok(offset)))
                if !topic.is_empty() && partition >= 0 && offset >= 0 =>
            {
                Ok(Place(RecordId { topic: topic.into(), partition, offset }))
            }
            _ => Err("write TOPIC:PARTITION:OFFSET, e.g. shop.public.listings:0:42".to_owned()),
        }
    }
}

/// What one rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Opinion {
    rule: usize,
    /// Which part of the rule does not want the change, and why.
    miss: Option<(&'static str, String)>,
}

/// Everything there is to say.
struct Explanation {
    /// As `inspect` has it.
    line: Json,
    /// What stands above the rules: why they were not asked, or how the change was judged.
    remark: Option<String>,
    opinions: Vec<Opinion>,
    posts: Vec<Post>,
    /// It owes a dead letter of its own.
    undecodable: bool,
    /// What became of its posts, where it is known.
    delivery: Option<Delivery>,
}

/// Runs the command: the explanation to stdout.
pub fn run(arguments: &ExplainArguments) -> ExitCode {
    match explain(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.exit(),
    }
}

fn explain(arguments: &ExplainArguments) -> Result<(), Failure> {
    let wanted = &arguments.place.0;
    let config = Arc::new(arguments.context.usual_config()?);
    let source = arguments.context.schemas(Some(&config))?;
    let records = match &arguments.file {
        Some(file) => open_file(Some(file))?,
        None => from_kafka(&arguments.context, &config, wanted)?,
    };
    let mut posts = Posts::new(Arc::clone(&config), &source).map_err(Failure::Failed)?;
    let mut inspector = Inspector::new(&*config, &source);
    let record = find(records, wanted, |before| {
        inspector.line(&before.record()).map_err(|error| error.to_string())?;
        posts.see(&before.record()).map(drop)
    })?;
    let line = inspector.line(&record.record()).map_err(|error| Failure::Failed(error.to_string()))?;
    let mut explanation = explained(&config, &mut posts, &record, line).map_err(Failure::Failed)?;
    // Of a capture nobody knows whether it was ever in Kafka.
    if arguments.file.is_none() {
        let owed = explanation.owed(&config);
        explanation.delivery = delivery(&arguments.context, &arguments.admin, &config, wanted, &owed);
    }
    let text = match arguments.json {
        true => format!("{}\n", explanation.json(&config)),
        false => explanation.text(&config, style()),
    };
    let mut out = output(false);
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::Failed(format!("cannot write: {error}")))
}

fn from_kafka(context: &ContextArguments, config: &Config, wanted: &RecordId) -> Result<Records, Failure> {
    let settings = context.kafka(Some(config))?;
    let reading = |offset| Reading {
        topic: wanted.topic.to_string(),
        partition: Some(wanted.partition),
        from: offset,
        follow: false,
    };
    let stop = stop_flag();
    // Asked for by its offset, so that one beyond the log is an error; then again from further up.
    drop(
        Reader::open(&settings, &reading(Beginning::Offset(wanted.offset)), Arc::clone(&stop))
            .map_err(reader_failure)?,
    );
    let before = Beginning::Before { offset: wanted.offset, count: LEARN };
    let reader = Reader::open(&settings, &reading(before), stop).map_err(reader_failure)?;
    Ok(Box::new(reader.map(|read| Ok(captured(read?)))))
}

/// The record, after those before it in its partition were learnt from.
fn find(
    records: Records,
    wanted: &RecordId,
    mut learn: impl FnMut(&CapturedRecord) -> Result<(), String>,
) -> Result<CapturedRecord, Failure> {
    for record in records {
        let record = record.map_err(|error| Failure::Failed(error.to_string()))?;
        if record.topic == wanted.topic && record.partition == wanted.partition {
            if record.offset == wanted.offset {
                return Ok(record);
            }
            if record.offset > wanted.offset {
                break;
            }
        }
        learn(&record).map_err(Failure::Failed)?;
    }
    Err(Failure::Failed(format!(
        "there is no record {wanted}\nhint: compaction may have taken it, or a transaction's marker stands there; \
         `rowbell inspect --topic {} --partition {} --offset {}` shows what follows",
        wanted.topic, wanted.partition, wanted.offset
    )))
}

fn explained(
    config: &Config,
    posts: &mut Posts<'_>,
    record: &CapturedRecord,
    line: Json,
) -> Result<Explanation, String> {
    let mut explanation =
        Explanation { line, remark: None, opinions: Vec::new(), posts: Vec::new(), undecodable: false, delivery: None };
    let (plan, judged) = match posts.see(&record.record())? {
        Seen::Change(plan, judged) => (plan, judged),
        Seen::Other => {
            explanation.remark = Some("This is no row change: it posts nothing, whatever the rules say.".to_owned());
            return Ok(explanation);
        }
        Seen::Undecodable(_) => {
            explanation.remark = Some("It goes to the dead letters, with the reason decode.".to_owned());
            explanation.undecodable = true;
            return Ok(explanation);
        }
    };
    let change = match &judged {
        Ruling::Asked(change, _) => Some(Arc::clone(change)),
        Ruling::Irrelevant | Ruling::Repeat => posts.decoded(&record.record())?,
    };
    // Seen but not decoded: no rule can want it, so that `run` never looks closer.
    let Some(change) = change else {
        explanation.remark = Some("No rule can want it, and it cannot be decoded whole: it posts nothing.".to_owned());
        return Ok(explanation);
    };
    explanation.opinions = opinions(config, &plan, &change);
    explanation.remark = match (&judged, change.is_rekey()) {
        (Ruling::Repeat, _) => Some("The source had sent this change before: it posts nothing.".to_owned()),
        (_, true) => Some("Its key changed: it is judged as an update, whose old row is the old key.".to_owned()),
        _ => None,
    };
    if let Ruling::Asked(change, verdict) = judged {
        explanation.posts = posts.rendered(&plan, &change, verdict);
    }
    Ok(explanation)
}

fn opinions(config: &Config, plan: &Plan, change: &Arc<RowChange>) -> Vec<Opinion> {
    let say = |(index, rule): (usize, &Rule)| {
        let miss = match plan.rules.contains(&index) {
            true => miss(rule, rule.judge(change, plan.ignored()), change),
            false if rule.table.matches(&change.server, &change.table) => Some(("on", on(rule, change))),
            false => Some(("table", format!("{} is not {}", change.table, rule.table))),
        };
        Opinion { rule: index, miss }
    };
    config.rules.iter().enumerate().map(say).collect()
}

fn miss(rule: &Rule, judgement: Judgement, change: &RowChange) -> Option<(&'static str, String)> {
    match judgement {
        Judgement::Yes => None,
        Judgement::No(Miss::OldKey) => {
            Some(("on", "the row's key changed: the create with the new key is judged in its place".to_owned()))
        }
        Judgement::No(Miss::On) => Some(("on", on(rule, change))),
        Judgement::No(Miss::Columns) if rule.columns.is_empty() => {
            Some(("columns", "nothing changed but columns that are ignored".to_owned()))
        }
        Judgement::No(Miss::Columns) => Some(("columns", format!("{} did not change", rule.columns.join(", ")))),
        Judgement::No(Miss::When) => Some(("when", format!("is false{}", values(rule, change)))),
        Judgement::Failed(error) => {
            Some(("when", format!("failed, which counts as false: {error}{}", values(rule, change))))
        }
    }
}

fn on(rule: &Rule, change: &RowChange) -> String {
    let all = [Op::Create, Op::Update, Op::Delete, Op::Truncate, Op::Read, Op::Message];
    let wanted: Vec<_> = all.into_iter().filter(|op| rule.on.contains(*op)).map(Op::as_str).collect();
    format!("{} is not {}", change.op, wanted.join(", "))
}

/// ` (price 2.00 -> 1.00)`: what the columns of the condition are.
fn values(rule: &Rule, change: &RowChange) -> String {
    let shown = |name: &str| {
        let image = |row: &Option<crate::change::Row>| {
            let column = row.as_ref()?.get(name)?;
            Some(column.value.canonical().to_string())
        };
        match (image(&change.before), image(&change.after)) {
            (Some(old), Some(new)) if old != new => format!("{name} {old} -> {new}"),
            (_, Some(value)) | (Some(value), None) => format!("{name} {value}"),
            (None, None) => format!("{name} not known"),
        }
    };
    let columns: Vec<_> = rule.when.iter().flat_map(|when| when.columns()).map(shown).collect();
    if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) }
}

impl Explanation {
    /// To whom it owes a post; to nobody in particular a dead letter of its own.
    fn owed(&self, config: &Config) -> Vec<Option<String>> {
        if self.undecodable {
            return vec![None];
        }
        self.posts.iter().map(|post| Some(post.destination(config).name.to_string())).collect()
    }

    fn json(&self, config: &Config) -> Json {
        let rule = |opinion: &Opinion| {
            let name = &*config.rules[opinion.rule].name;
            match &opinion.miss {
                None => json!({"rule": name, "matches": true}),
                Some((part, reason)) => json!({"rule": name, "matches": false, "part": part, "reason": reason}),
            }
        };
        json!({
            "record": self.line,
            "remark": self.remark,
            "rules": self.opinions.iter().map(rule).collect::<Vec<_>>(),
            "posts": self.posts.iter().map(|post| post.line(config)).collect::<Vec<_>>(),
            "delivery": self.delivery.as_ref().map(Delivery::json),
        })
    }

    fn text(&self, config: &Config, style: Style) -> String {
        let mut text = block(&self.line, style);
        if let Some(remark) = &self.remark {
            text.push_str(&format!("\n{remark}\n"));
        }
        if !self.opinions.is_empty() {
            text.push_str("\nRules\n");
        }
        let names = self.opinions.iter().map(|opinion| config.rules[opinion.rule].name.chars().count());
        let width = names.max().unwrap_or(0);
        for opinion in &self.opinions {
            let rule = &config.rules[opinion.rule];
            let says = match &opinion.miss {
                None => {
                    let to: Vec<_> = rule.to.iter().map(|index| &*config.destinations[*index].name).collect();
                    format!("yes, to {}", to.join(", "))
                }
                Some((part, reason)) => format!("no, {part}: {reason}"),
            };
            text.push_str(&format!("  {:width$}  ", rule.name));
            write_clean(&mut text, &says, 4);
            text.push('\n');
        }
        match self.posts.len() {
            0 => text.push_str("\nIt posts nothing.\n"),
            _ => text.push('\n'),
        }
        for (index, post) in self.posts.iter().enumerate() {
            text.push_str(&preview::block(config, index as u64 + 1, post, style));
            text.push_str(if index + 1 < self.posts.len() { "\n\n" } else { "\n" });
        }
        if let Some(delivery) = &self.delivery {
            let (source, lines) = delivery.lines();
            text.push_str(&format!("\nWhat became of it, by {source}\n"));
            let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            for (name, said) in lines {
                text.push_str(&format!("  {name:width$}  "));
                write_clean(&mut text, said, 4);
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests;
