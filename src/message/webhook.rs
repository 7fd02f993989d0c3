//! A message as JSON for programs.

use super::digest::Kept;
use super::line::old_is_known;
use super::model::Message;
use super::moment;
use super::room::Room;
use crate::change::{Bounded, Row, RowChange, Value};
use serde_json::{Map, Value as Json, json};

/// The payload. Values are spelled as `rowbell inspect` spells them; redacted columns hold no value,
/// in the key neither. What is longer than a payload may take is cut, and marked as such.
///
/// `id` is the record's place in Kafka: the same for every attempt and after every restart. `folded` is there only where
/// the change is the net of several.
pub fn payload(message: &Message, change: &RowChange) -> Json {
    let mut room = Room::new();
    let mut payload = json!({
        "id": change.record.to_string(),
        "type": format!("row.{}", change.op),
        "table": &*change.table,
        "op": change.op.as_str(),
        "key": null,
        "old_key": null,
        "changes": null,
        "text": message.fallback(),
        "link": message.link.as_ref().map(|link| &link.url),
        "rules": message.rules.iter().map(|rule| &**rule).collect::<Vec<_>>(),
        "priority": message.priority.as_str(),
        "time": time(change.time_us),
        "source": {"server": &*change.server, "connector": &*change.connector, "snapshot": change.snapshot},
    });
    put_row(&mut payload, "key", message, change.key.as_ref(), &mut room);
    put_row(&mut payload, "old_key", message, change.rekeyed_from.as_ref(), &mut room);
    payload["changes"] = Json::Array(changes(message, change, &mut room));
    if let Some((changes, since_us)) = message.folded {
        payload["folded"] = json!({"changes": changes, "since": time(since_us)});
    }
    payload
}

/// A row of a digest: what its own post would say, and how many changes it stands for.
pub(super) fn digest_row<T>(message: &Message, kept: &Kept<T>) -> Json {
    let change = &kept.folded.change;
    let mut room = Room::new();
    let mut digest_row = json!({
        "record": change.record.to_string(),
        "table": &*change.table,
        "op": change.op.as_str(),
        "key": null,
        "changes": null,
        "left_out": kept.dropped.iter().map(|column| &**column).collect::<Vec<_>>(),
        "link": message.link.as_ref().map(|link| &link.url),
        "rules": message.rules.iter().map(|rule| &**rule).collect::<Vec<_>>(),
        "time": time(change.time_us),
        "count": kept.folded.changes,
    });
    put_row(&mut digest_row, "key", message, change.key.as_ref(), &mut room);
    digest_row["changes"] = Json::Array(changes(message, change, &mut room));
    digest_row
}

pub(super) fn time(us: Option<i64>) -> Option<String> {
    us.map(|us| moment::iso_timestamp(Bounded::Finite(i128::from(us) * 1_000), "Z"))
}

/// Puts a row there, and beside it (`key_cut`) which of its values are not whole.
fn put_row(payload: &mut Json, name: &str, message: &Message, row: Option<&Row>, room: &mut Room) {
    let Some(row) = row else { return };
    let (mut values, mut cut) = (Map::new(), Map::new());
    for column in &row.columns {
        let mut json = Json::Null;
        if !message.redacted.contains(&column.name) {
            let spelled = room.spell(&column.value);
            json = spelled.json;
            cut.extend(spelled.whole.map(|bytes| (column.name.to_string(), json!(bytes))));
        }
        values.insert(column.name.to_string(), json);
    }
    payload[name] = Json::Object(values);
    if !cut.is_empty() {
        payload[format!("{name}_cut")] = Json::Object(cut);
    }
}

fn changes(message: &Message, change: &RowChange, room: &mut Room) -> Vec<Json> {
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
            let old = column.old.as_ref().filter(|_| old_is_known(column));
            let mut cut = Map::new();
            for (name, value) in [("old", old), ("new", column.new.as_ref())] {
                let Some(value) = value else { continue };
                let spelled = room.spell(value);
                entry.insert(name.to_owned(), spelled.json);
                cut.extend(spelled.whole.map(|bytes| (name.to_owned(), json!(bytes))));
            }
            if !cut.is_empty() {
                entry.insert("cut".to_owned(), Json::Object(cut));
            }
            Json::Object(entry)
        })
        .collect()
}
