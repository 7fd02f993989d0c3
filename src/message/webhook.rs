//! A message as JSON for programs.

use super::canonical;
use super::digest::Kept;
use super::line::old_is_known;
use super::model::Message;
use super::moment;
use crate::change::{Bounded, Row, RowChange, Value};
use serde_json::{Map, Value as Json, json};

/// The payload. Values are spelled as `rowbell inspect` spells them; redacted columns hold no value,
/// in the key neither. Its size is that of the row: the receiver asked for data, not for a glance.
///
/// `id` is the record's place in Kafka: the same for every attempt and after every restart. `folded` is there only where
/// the change is the net of several.
pub fn payload(message: &Message, change: &RowChange) -> Json {
    let mut payload = json!({
        "id": change.record.to_string(),
        "type": format!("row.{}", change.op),
        "table": &*change.table,
        "op": change.op.as_str(),
        "key": change.key.as_ref().map(|key| row(message, key)),
        "old_key": change.rekeyed_from.as_ref().map(|key| row(message, key)),
        "changes": changes(message, change),
        "text": message.fallback(),
        "link": message.link.as_ref().map(|link| &link.url),
        "rules": message.rules.iter().map(|rule| &**rule).collect::<Vec<_>>(),
        "priority": message.priority.as_str(),
        "time": time(change.time_us),
        "source": {"server": &*change.server, "connector": &*change.connector, "snapshot": change.snapshot},
    });
    if let Some((changes, since_us)) = message.folded {
        payload["folded"] = json!({"changes": changes, "since": time(since_us)});
    }
    payload
}

/// A row of a digest: what its own post would say, and how many changes it stands for.
pub(super) fn digest_row<T>(message: &Message, kept: &Kept<T>) -> Json {
    let change = &kept.folded.change;
    json!({
        "record": change.record.to_string(),
        "table": &*change.table,
        "op": change.op.as_str(),
        "key": change.key.as_ref().map(|key| row(message, key)),
        "changes": changes(message, change),
        "left_out": kept.dropped.iter().map(|column| &**column).collect::<Vec<_>>(),
        "link": message.link.as_ref().map(|link| &link.url),
        "rules": message.rules.iter().map(|rule| &**rule).collect::<Vec<_>>(),
        "time": time(change.time_us),
        "count": kept.folded.changes,
    })
}

pub(super) fn time(us: Option<i64>) -> Option<String> {
    us.map(|us| moment::iso_timestamp(Bounded::Finite(i128::from(us) * 1_000), "Z"))
}

fn row(message: &Message, row: &Row) -> Json {
    let value = |name: &str, value: &Value| {
        if message.redacted.contains(name) { Json::Null } else { canonical::json(value) }
    };
    Json::Object(
        row.columns.iter().map(|column| (column.name.to_string(), value(&column.name, &column.value))).collect(),
    )
}

fn changes(message: &Message, change: &RowChange) -> Vec<Json> {
    let shown = change.changes.iter().filter(|column| {
        !message.ignored.contains(&column.name)
            && column.new != Some(Value::Unavailable)
            && !change.unavailable.contains(&column.name)
    });
    shown
        .map(|column| {
            let mut entry = Map::new();
            entry.insert("column".to_owned(), json!(&*column.name));
            entry.insert("type".to_owned(), json!(column.ty.as_str()));
            if message.redacted.contains(&column.name) {
                entry.insert("redacted".to_owned(), json!(true));
                return Json::Object(entry);
            }
            // A missing `old` is unknown; a null one was null.
            if let (true, Some(old)) = (old_is_known(column), &column.old) {
                entry.insert("old".to_owned(), canonical::json(old));
            }
            if let Some(new) = &column.new {
                entry.insert("new".to_owned(), canonical::json(new));
            }
            Json::Object(entry)
        })
        .collect()
}
