//! `rowbell check --online`: the world that the config speaks of. Everything here asks; nothing is posted, written or
//! committed.

mod connect;
mod destinations;
mod kafka;
mod registry;

use crate::cli::Failure;
use crate::cli::input::AtHand;
use crate::config::{Catalog, Code, Config, Examined};
use serde_json::{Value as Json, json};

/// What was asked of one part of the world, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `topic shop.public.listings`
    pub what: String,
    /// All is well.
    pub fine: bool,
    /// What it said.
    pub said: String,
}

impl Asked {
    fn fine(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), fine: true, said: said.into() }
    }

    fn wrong(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), fine: false, said: said.into() }
    }

    /// As JSON.
    pub fn json(&self) -> Json {
        json!({ "what": self.what, "fine": self.fine, "said": self.said })
    }
}

/// Asks Kafka, the registry, Kafka Connect and the destinations.
pub fn ask(examined: &mut Examined, connect: Option<&str>) -> Result<Vec<Asked>, Failure> {
    // What cannot run need not be asked about.
    let Some(config) = examined.config.take() else { return Ok(Vec::new()) };
    let asked = everything(&config, examined, connect);
    examined.config = Some(config);
    asked
}

fn everything(config: &Config, examined: &mut Examined, connect: Option<&str>) -> Result<Vec<Asked>, Failure> {
    let runtime = crate::cli::runtime().map_err(|error| Failure::Failed(format!("cannot start threads: {error}")))?;
    let mut asked = Vec::new();
    let topics = kafka::ask(config, examined, &runtime, &mut asked);
    // A table may have its schema in the registry, or records without one, or both.
    let mut known = Catalog::default();
    if let Some(settings) = &config.schema_registry {
        known.add(registry::ask(settings, &topics, examined, &runtime, &mut asked));
    }
    let at_hand = AtHand::new(None, &[], config.schema_registry.as_ref()).map_err(Failure::Usage)?;
    if let Some(seen) = kafka::sample(config, &topics, &at_hand, examined, &mut asked) {
        known.add(seen);
    }
    compare(&known, examined, &mut asked);
    if let Some(url) = connect {
        runtime.block_on(connect::ask(url, config, &topics, examined, &mut asked));
    }
    runtime.block_on(destinations::ask(config, examined, &mut asked));
    Ok(asked)
}

/// Compares names and types with what is there: a column that nobody has is nothing that may yet come.
fn compare(known: &Catalog, examined: &mut Examined, asked: &mut Vec<Asked>) {
    if known.tables.is_empty() && known.notes.is_empty() {
        return;
    }
    let strangers = |examined: &Examined| {
        let found = examined.report.found.iter();
        found.filter(|found| matches!(found.code, Code::UnknownColumn | Code::TextWithNumber)).count()
    };
    let before = strangers(examined);
    examined.compare(known);
    let (what, tables) = ("columns", count(known.tables.len(), "table"));
    asked.push(match strangers(examined) - before {
        0 => Asked::fine(what, format!("the config's, compared with those of {tables}")),
        wrong => Asked::wrong(what, format!("{wrong} not there, or of another type; compared with {tables}")),
    });
}

/// `1 table`, `2 tables`
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
