//! A digest as JSON for programs.

use super::tally::{CountedColumn, Group, OPS, Tally, Times};
use super::{Digest, Form, Kept};
use crate::message::Message;
use crate::message::webhook;
use serde_json::{Map, Value as Json, json};

/// The payload. `message` is the digest's own; `row` composes the message of a row that is shown. Counts are exact:
/// `changes` is the sum of the groups', of `undone` (rows that are as they were) and of `other_changes`; those of the `rows` are among them.
///
/// `id` must be the same for every attempt, and another one for any other content.
pub fn payload<T>(
    digest: &Digest<T>,
    id: &str,
    message: &Message,
    form: Form,
    row: &mut dyn FnMut(&Kept<T>) -> Message,
) -> Json {
    let rows = if form == Form::Whole { digest.rows() } else { &[] };
    json!({
        "id": id,
        "type": "digest",
        "changes": digest.changes() - digest.expired(),
        "undone": digest.undone,
        "expired": digest.expired(),
        "groups": digest.live_groups().map(group).collect::<Vec<_>>(),
        "other_changes": digest.others.changes,
        "rows": rows.iter().map(|kept| webhook::digest_row(&row(kept), kept)).collect::<Vec<_>>(),
        "text": message.fallback(),
        "rules": message.rules.iter().map(|rule| &**rule).collect::<Vec<_>>(),
        "priority": message.priority.as_str(),
        "since": webhook::time(digest.since_us),
        "until": webhook::time(digest.until_us),
    })
}

fn group(group: &Group) -> Json {
    let columns = group.columns.iter().zip(group.tally.columns.iter().copied());
    json!({
        "rule": &*group.rule,
        "table": &*group.table,
        "server": &*group.server,
        "changes": group.tally.changes,
        "operations": operations(&group.tally),
        "columns": columns.filter(|(_, times)| times.changed > 0).map(column).collect::<Vec<_>>(),
    })
}

fn operations(tally: &Tally) -> Json {
    let counted = OPS.iter().map(|op| (op.as_str().to_owned(), tally.op(*op))).filter(|(_, count)| *count > 0);
    Json::Object(counted.map(|(op, count)| (op, json!(count))).collect())
}

fn column((column, times): (&CountedColumn, Times)) -> Json {
    let mut entry = Map::new();
    entry.insert("column".to_owned(), json!(&*column.name));
    entry.insert("changes".to_owned(), json!(times.changed));
    if column.amount.is_told && times.down + times.up > 0 {
        entry.insert("down".to_owned(), json!(times.down));
        entry.insert("up".to_owned(), json!(times.up));
    }
    Json::Object(entry)
}
