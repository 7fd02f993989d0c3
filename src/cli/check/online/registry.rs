//! The schema registry's latest schemas of the topics' values, against the config's columns.

use super::Asked;
use super::kafka::Topic;
use crate::cli::survey::{describe, place};
use crate::config::{Catalog, Code, Diagnostic, Examined};
use crate::registry::{Registry, RegistrySettings};
use tokio::runtime::Runtime;

/// Subjects that are asked for.
const SUBJECTS_MAX: usize = 200;

/// Asks for `TOPIC-value` of each topic (TopicNameStrategy, the converters' default): the columns that it knows.
pub fn ask(
    settings: &RegistrySettings,
    topics: &[Topic],
    examined: &mut Examined,
    runtime: &Runtime,
    asked: &mut Vec<Asked>,
) -> Catalog {
    let mut catalog = Catalog { source: "the schema registry".to_owned(), ..Catalog::default() };
    let mut trouble = |examined: &mut Examined, error: String| {
        let found = Diagnostic::error(examined.place(&["schema_registry", "url"]), error).code(Code::Unreachable);
        examined.report.push(found.hint("records that need a schema wait until it answers"));
        asked.push(Asked::wrong("schema registry", "no answer"));
    };
    let registry = match Registry::new(settings) {
        Ok(registry) => registry,
        Err(error) => {
            trouble(examined, error.to_string());
            return Catalog::default();
        }
    };
    let mut found = 0;
    for topic in topics.iter().take(SUBJECTS_MAX) {
        match runtime.block_on(registry.latest(&format!("{}-value", topic.name))) {
            Ok(Some(schema)) => {
                found += 1;
                if let Some((server, table)) = place(&topic.name) {
                    describe(&schema, &server, &table, &mut catalog);
                }
            }
            Ok(None) => {}
            Err(error) => {
                trouble(examined, error.to_string());
                return catalog;
            }
        }
    }
    asked.push(Asked::fine("schema registry", format!("schemas of {found} of {} topics", topics.len())));
    catalog
}
