//! What became of a record's posts: a running service is asked, else the group's commit and the dead letters.

use crate::change::RecordId;
use crate::cli::Failure;
use crate::cli::dlq::letters_about;
use crate::cli::input::ContextArguments;
use crate::cli::running::{AdminArguments, Answer, Running, lane_state};
use crate::config::Config;
use crate::kafka::Group;
use crate::ledger::{LaneKey, Partition, Standing};
use crate::outbox::letters_key;
use serde_json::{Value as Json, json};

/// See the module's text.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Who said it.
    source: String,
    fates: Vec<Fate>,
}

/// What became of one post; that of no destination is the record's own dead letter.
#[derive(Debug)]
struct Fate {
    destination: Option<String>,
    state: String,
    /// In words.
    said: String,
    /// Names of dead letters.
    letters: Vec<String>,
}

/// What became of the record's posts to these destinations. `None` where nobody could say, which is said on stderr.
pub(super) fn delivery(
    context: &ContextArguments,
    admin: &AdminArguments,
    config: &Config,
    record: &RecordId,
    owed: &[Option<String>],
) -> Option<Delivery> {
    if owed.is_empty() {
        return None;
    }
    let mut delivery = match by_the_running(context, admin, config, record, owed) {
        Some(delivery) => delivery,
        None => match by_the_commit(context, config, record, owed) {
            Ok(delivery) => delivery,
            Err(failure) => {
                eprintln!("warning: what became of its posts is not known: {}", failure.message());
                return None;
            }
        },
    };
    // A dead letter settles a post, too.
    if delivery.fates.iter().any(|fate| fate.state == "settled") {
        match letters_about(context, config, record) {
            Ok(letters) => {
                for fate in delivery.fates.iter_mut().filter(|fate| fate.state == "settled") {
                    let found = letters.iter().filter(|letter| letter.destination == fate.destination);
                    for letter in found {
                        fate.state = "dead_letter".to_owned();
                        fate.said = format!("dead letter {}: {}, {}", letter.id, letter.reason, letter.error);
                        fate.letters.push(letter.id.to_string());
                    }
                }
            }
            Err(failure) => eprintln!("warning: the dead letters could not be read: {}", failure.message()),
        }
    }
    Some(delivery)
}

fn by_the_running(
    context: &ContextArguments,
    admin: &AdminArguments,
    config: &Config,
    record: &RecordId,
    owed: &[Option<String>],
) -> Option<Delivery> {
    let running = Running::find(admin, context.config_path()).ok()?;
    let (partition, offset) = (record.partition.to_string(), record.offset.to_string());
    let told = |answer| match answer {
        Ok(Answer::Told(told)) => Some(told),
        Ok(Answer::Refused(_)) | Err(_) => None,
    };
    let places = told(running.get(&["records", &record.topic, &partition, &offset]))?;
    // Another replica has the partition, or somebody else's service listens there.
    if places["group"] != json!(config.kafka.group) || places["assigned"] != json!(true) {
        return None;
    }
    let status = told(running.get(&["status"]))?;
    let fates = owed.iter().map(|destination| {
        let is_it = |lane: &&Json| lane["destination"].as_str() == destination.as_deref();
        let find = |lanes: &Json| lanes.as_array().into_iter().flatten().find(is_it).cloned();
        let waits = find(&status["lanes"]).map(|lane| lane_state(&lane, jiff::Timestamp::now()));
        let (state, said) = match find(&places["lanes"]) {
            Some(place) => said(&place, waits.as_deref(), record.offset),
            None => ("unknown".to_owned(), "the running service has no such destination".to_owned()),
        };
        Fate { destination: destination.clone(), state, said, letters: Vec::new() }
    });
    Some(Delivery { source: format!("the running service at {}", running.address()), fates: fates.collect() })
}

/// A place in words; `waits` is what its lane waits for.
fn said(place: &Json, waits: Option<&str>, offset: i64) -> (String, String) {
    let state = place["state"].as_str().unwrap_or("unknown").to_owned();
    let (changes, attempts) = (place["changes"].as_u64().unwrap_or(1), place["attempts"].as_u64().unwrap_or(0));
    let folded = match (changes, place["first_offset"].as_i64()) {
        (2.., Some(first)) if first == offset => format!(" with {} later changes of its row", changes - 1),
        (2.., Some(first)) => format!(" folded into the net change of its row that begins at offset {first}"),
        _ => String::new(),
    };
    let tried = match attempts {
        0 => String::new(),
        1 => ", tried once".to_owned(),
        attempts => format!(", tried {attempts} times"),
    };
    let waits = waits.map(|waits| format!("; the destination: {waits}")).unwrap_or_default();
    let shown = if place["shown"] == json!(true) { "shown" } else { "counted" };
    let text = match state.as_str() {
        "unread" => "not read yet".to_owned(),
        "settled" => "settled: posted, alone or with others".to_owned(),
        "let_go" => format!(
            "waits in Kafka: its destination's share of memory is used up, and it is read again in its turn{waits}"
        ),
        "dead_letter" => "its dead letter is being written".to_owned(),
        "on_the_wire" => format!("on the wire{folded}{tried}"),
        "pending" if place["behind_its_row"] == json!(true) => {
            format!("waits behind an earlier post of its row{folded}{tried}{waits}")
        }
        "pending" => format!("waits{folded}{tried}{waits}"),
        "digest_on_the_wire" => format!("in a digest of {changes} changes that is on the wire ({shown} there){tried}"),
        "digest_pending" => format!("in a digest of {changes} changes ({shown} there){tried}{waits}"),
        other => other.to_owned(),
    };
    (state, text)
}

fn by_the_commit(
    context: &ContextArguments,
    config: &Config,
    record: &RecordId,
    owed: &[Option<String>],
) -> Result<Delivery, Failure> {
    let failed = |error: crate::kafka::GroupError| Failure::Failed(error.to_string());
    let group = Group::new(&context.kafka(Some(config))?).map_err(failed)?;
    let partition = Partition { topic: record.topic.clone(), number: record.partition };
    let commit = group.commit_of(&partition).map_err(failed)?;
    let key = |destination: &Option<String>| destination.as_ref().map_or_else(letters_key, |name| LaneKey::of(name));
    let keys: Vec<_> = owed.iter().map(key).collect();
    let standing = commit.map(|(offset, metadata)| Standing::read(partition, offset, &metadata, &keys).0);
    let fates = owed.iter().zip(&keys).map(|(destination, key)| {
        let lane = standing.as_ref().and_then(|standing| standing.lane(*key));
        let (state, said) = match lane {
            None => ("unknown", "the group has committed nothing of its partition yet"),
            Some(lane) if lane.is_settled(record.offset) => ("settled", "settled: posted, alone or with others"),
            Some(_) => ("pending", "not settled, as far as the last commit says"),
        };
        Fate { destination: destination.clone(), state: state.to_owned(), said: said.to_owned(), letters: Vec::new() }
    });
    Ok(Delivery { source: format!("the commit of the group {}", config.kafka.group), fates: fates.collect() })
}

impl Delivery {
    pub(super) fn json(&self) -> Json {
        let fate = |fate: &Fate| {
            json!({
                "destination": fate.destination,
                "state": fate.state,
                "text": fate.said,
                "dead_letters": fate.letters,
            })
        };
        json!({"source": self.source, "posts": self.fates.iter().map(fate).collect::<Vec<_>>()})
    }

    /// Lines of name and text, and who said it.
    pub(super) fn lines(&self) -> (&str, Vec<(&str, &str)>) {
        let lines =
            self.fates.iter().map(|fate| (fate.destination.as_deref().unwrap_or("(dead letters)"), &*fate.said));
        (&self.source, lines.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_in_words() {
        let of = |place: Json, waits| said(&place, waits, 42).1;
        let alone = |state: &str, first: i64, changes: u64, attempts: u64, behind: bool| json!({"state": state, "first_offset": first, "changes": changes, "attempts": attempts, "behind_its_row": behind});
        assert_eq!(of(json!({"state": "settled"}), None), "settled: posted, alone or with others");
        assert_eq!(of(alone("on_the_wire", 42, 1, 1, false), None), "on the wire, tried once");
        assert_eq!(
            of(alone("pending", 42, 1, 3, false), Some("was told to wait, 5 s left (HTTP 429)")),
            "waits, tried 3 times; the destination: was told to wait, 5 s left (HTTP 429)"
        );
        assert_eq!(
            of(alone("pending", 40, 3, 0, true), Some("paced")),
            "waits behind an earlier post of its row folded into the net change of its row that begins at offset 40; the \
             destination: paced"
        );
        assert_eq!(of(alone("pending", 42, 3, 0, false), None), "waits with 2 later changes of its row");
        let digest = json!({"state": "digest_pending", "changes": 900, "attempts": 0, "shown": false});
        assert_eq!(
            of(digest, Some("paced, 9 s left")),
            "in a digest of 900 changes (counted there); the destination: paced, 9 s left"
        );
    }
}
