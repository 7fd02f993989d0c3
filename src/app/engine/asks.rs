//! What people ask of the running engine, and tell it.

use super::Work;
use crate::ledger::Partition;
use crate::outbox::{Many, Single, Whereabouts};
use crate::server::{Ask, Asked, Refused};
use serde_json::{Value as Json, json};

impl Work {
    pub(super) fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Pause { destination, paused, reply } => {
                let answer = self.pause(&destination, paused);
                // Whoever asked may have gone.
                let _ = reply.send(answer);
            }
            Ask::Record { topic, partition, offset, reply } => {
                let partition = Partition { topic: topic.into(), number: partition };
                let _ = reply.send(Ok(self.whereabouts(&partition, offset)));
            }
            Ask::Reload { reply } => {
                // Without a file nobody waits for it.
                if let Err(unheard) = self.engine.reloads.send(reply) {
                    let why = "this service was not started from a config file".to_owned();
                    let _ = unheard.0.send(Err(Refused::Conflict(why)));
                }
            }
        }
    }

    /// Where the posts of a record are, by destination; that of none is the record's own dead letter.
    fn whereabouts(&self, partition: &Partition, offset: i64) -> Json {
        let group = &self.engine.config.kafka.group;
        let record = format!("{partition}:{offset}");
        let Some(places) = self.outbox.whereabouts(partition, offset) else {
            return json!({"group": group, "record": record, "assigned": false, "lanes": []});
        };
        let lanes = places.into_iter().filter_map(|(number, place)| {
            let name = match self.lanes.get(number) {
                Some(known) => Some(known.destination.name.to_string()),
                None if self.outbox.is_letters(number) => None,
                None => return None,
            };
            let mut lane = told(place);
            lane["destination"] = json!(name);
            Some(lane)
        });
        json!({"group": group, "record": record, "assigned": true, "lanes": lanes.collect::<Vec<_>>()})
    }

    fn pause(&mut self, destination: &str, paused: bool) -> Asked {
        let lane = self.lanes.named(destination);
        let Some((lane, known)) = lane.and_then(|lane| Some((lane, self.lanes.get_mut(lane)?))) else {
            let names = self.lanes.all().map(|(_, known)| &*known.destination.name);
            let hint = match crate::rule::nearest(destination, names) {
                Some(near) => format!("did you mean {near:?}?"),
                None => "`rowbell status` names them".to_owned(),
            };
            return Err(Refused::NotFound(format!("there is no destination {destination:?}\nhint: {hint}")));
        };
        if !paused && known.destination.paused {
            return Err(Refused::Conflict(format!(
                "{destination} is paused by the config\nhint: take `paused: true` out of destinations.{destination}"
            )));
        }
        let before = std::mem::replace(&mut known.held, paused);
        if before != paused {
            let doing = if paused { "is paused by a command: its notices wait" } else { "goes on" };
            tracing::warn!(destination, "the destination {doing}");
        }
        self.hold();
        let pending: usize = self.outbox.status(self.now()).get(lane).map_or(0, |lane| lane.pending.iter().sum());
        Ok(json!({"destination": destination, "paused": paused, "changed": before != paused, "pending": pending}))
    }
}

fn told(place: Whereabouts) -> Json {
    match place {
        Whereabouts::Unread => json!({"state": "unread"}),
        Whereabouts::Settled => json!({"state": "settled"}),
        Whereabouts::LetGo => json!({"state": "let_go"}),
        Whereabouts::Letter => json!({"state": "dead_letter"}),
        Whereabouts::Alone(Single { first, changes, attempts, in_flight, behind }) => json!({
            "state": if in_flight { "on_the_wire" } else { "pending" },
            "first_offset": first, "changes": changes, "attempts": attempts, "behind_its_row": behind,
        }),
        Whereabouts::Digest(Many { changes, attempts, in_flight, shown }) => json!({
            "state": if in_flight { "digest_on_the_wire" } else { "digest_pending" },
            "changes": changes, "attempts": attempts, "shown": shown,
        }),
    }
}
