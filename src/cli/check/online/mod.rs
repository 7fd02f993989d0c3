//! `rowbell check --online`: the world that the config speaks of. Everything here asks; nothing is posted, written or
//! committed.

mod connect;
mod destinations;
mod kafka;
mod registry;

use crate::cli::Failure;
use crate::cli::input::AtHand;
use crate::config::{Config, Examined};
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
    if let Some(settings) = &config.schema_registry {
        registry::ask(settings, &topics, examined, &runtime, &mut asked);
    }
    let at_hand = AtHand::new(None, &[], config.schema_registry.as_ref()).map_err(Failure::Usage)?;
    kafka::sample(config, &topics, &at_hand, examined, &mut asked);
    if let Some(url) = connect {
        runtime.block_on(connect::ask(url, config, examined, &mut asked));
    }
    runtime.block_on(destinations::ask(config, examined, &mut asked));
    Ok(asked)
}

#[cfg(test)]
mod tests;
