//! Which tables the topics can bring. Debezium names a topic `prefix.schema.table` unless a transform renames it, so that
//! only what cannot be under any reading is said.

use crate::kafka::KafkaSettings;
use crate::rule::TablePattern;
use regex_syntax::hir::literal::Extractor;

/// What is known of the topics that are read.
pub(super) struct Topics<'a> {
    literal: Vec<&'a str>,
    /// Per regex what its matches begin with; nothing where that may be anything.
    begins: Vec<Vec<String>>,
}

impl<'a> Topics<'a> {
    pub fn new(settings: &'a KafkaSettings) -> Self {
        let (patterns, literal): (Vec<_>, Vec<_>) =
            settings.topics.iter().map(String::as_str).partition(|topic| topic.starts_with('^'));
        Self { literal, begins: patterns.into_iter().map(begins).collect() }
    }

    /// A topic of exactly this name.
    pub fn named(&self, name: &str) -> bool {
        self.literal.contains(&name)
    }

    /// The tables that topics of three parts and more are about: `prefix`, `schema.table`.
    pub fn tables(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.literal.iter().filter_map(|topic| {
            let (rest, _) = topic.rsplit_once('.')?;
            let at = rest.rfind('.')?;
            Some((&topic[..at], &topic[at + 1..]))
        })
    }

    /// Could any topic bring a table of this pattern?
    pub fn may_bring(&self, pattern: &TablePattern) -> bool {
        let text = pattern.as_str();
        let (server, table) = text.split_once(':').map_or((None, text), |(server, table)| (Some(server), table));
        let fixed = table.split(['*', '?', '[', '{']).next().unwrap_or_default();
        // A topic of fewer parts was renamed, and may be about any table.
        let literal = |topic: &&str| {
            let parts = topic.match_indices('.').map(|(at, _)| (&topic[..at], &topic[at + 1..]));
            topic.matches('.').count() < 2 || parts.into_iter().any(|(prefix, rest)| pattern.matches(prefix, rest))
        };
        self.literal.iter().any(literal)
            || self.begins.iter().any(|begins| {
                begins.is_empty() || begins.iter().any(|begin| fits(begin, server, fixed, pattern.is_literal()))
            })
    }
}

/// Can a topic that begins so be `server.table`, where the table begins with `fixed` (or is it)?
fn fits(begin: &str, server: Option<&str>, fixed: &str, whole: bool) -> bool {
    let agree = |rest: &str| match whole {
        true => fixed.starts_with(rest),
        false => fixed.starts_with(rest) || rest.starts_with(fixed),
    };
    // The prefix may not be over yet.
    let open = server.map_or(!begin.contains('.'), |server| format!("{server}.").starts_with(begin));
    let mut dots = begin.match_indices('.').map(|(at, _)| (&begin[..at], &begin[at + 1..]));
    // A prefix with dots in it is rare: it is not thought of where nothing of a table follows it.
    let likely = |prefix: &str, rest: &str| !rest.is_empty() || !prefix.contains('.') || server.is_some();
    open || dots
        .any(|(prefix, rest)| server.is_none_or(|server| server == prefix) && likely(prefix, rest) && agree(rest))
}

/// The texts that matches of a regex begin with; none where it may be anything.
fn begins(pattern: &str) -> Vec<String> {
    let Ok(parsed) = regex_syntax::parse(pattern.trim_start_matches('^')) else { return Vec::new() };
    let prefixes = Extractor::new().extract(&parsed);
    let texts = prefixes.literals().map(|literals| {
        literals.iter().map(|literal| String::from_utf8_lossy(literal.as_bytes()).into_owned()).collect::<Vec<_>>()
    });
    texts.filter(|texts| texts.iter().all(|text| !text.is_empty())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brings(topics: &[&str], pattern: &str) -> bool {
        let settings = KafkaSettings {
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            ..KafkaSettings::observing("b")
        };
        Topics::new(&settings).may_bring(&TablePattern::compile(pattern).expect("a pattern"))
    }

    #[test]
    fn only_what_no_topic_can_bring_is_said() {
        for (topics, pattern, expected) in [
            (&["shop.public.listings"][..], "public.listings", true),
            (&["shop.public.listings"], "public.orders", false),
            (&["shop.public.listings"], "public.*", true),
            (&["shop.public.listings"], "shop:public.listings", true),
            (&["shop.public.listings"], "erp:public.listings", false),
            (&["my.shop.public.listings"], "my.shop:public.listings", true),
            // Renamed topics may be about anything.
            (&["listings"], "public.orders", true),
            (&["^shop\\.public\\.stock_.*"], "public.stock_levels", true),
            (&["^shop\\.public\\.stock_.*"], "public.orders", false),
            (&["^shop\\.public\\.stock_.*"], "public.*", true),
            (&["^shop\\.public\\.stock_.*"], "private.*", false),
            (&["^(shop|store)\\.public\\..*"], "public.orders", true),
            (&["^(shop|store)\\.public\\..*"], "private.orders", false),
            (&["^(shop|store)\\.public\\..*"], "store:public.orders", true),
            (&["^(shop|store)\\.public\\..*"], "erp:public.orders", false),
            (&["^my\\.shop\\.public\\..*"], "public.orders", true),
            (&["^my\\.shop\\.public\\..*"], "my.shop:public.orders", true),
            (&["^shop\\..*"], "public.orders", true),
            (&["^shop"], "public.orders", true),
            (&["^.*\\.public\\..*"], "private.orders", true),
            (&["^.*"], "a.b", true),
        ] {
            assert_eq!(brings(topics, pattern), expected, "{topics:?} {pattern}");
        }
    }
}
