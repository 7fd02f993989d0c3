//! What people ask of the running engine, and tell it.

use super::Work;
use crate::server::{Ask, Asked, Refused};
use serde_json::json;

impl Work {
    pub(super) fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Pause { destination, paused, reply } => {
                let answer = self.pause(&destination, paused);
                // Whoever asked may have gone.
                let _ = reply.send(answer);
            }
            Ask::Record { reply, .. } => drop(reply),
            Ask::Reload { reply } => {
                // Without a file nobody waits for it.
                if let Err(unheard) = self.engine.reloads.send(reply) {
                    let why = "this service was not started from a config file".to_owned();
                    let _ = unheard.0.send(Err(Refused::Conflict(why)));
                }
            }
        }
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
            let doing = if paused { "paused by a command: its notices wait" } else { "goes on" };
            tracing::warn!(destination, "the destination is {doing}");
        }
        self.hold();
        let pending: usize = self.outbox.status(self.now()).get(lane).map_or(0, |lane| lane.pending.iter().sum());
        Ok(json!({"destination": destination, "paused": paused, "changed": before != paused, "pending": pending}))
    }
}
