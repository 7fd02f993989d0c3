//! Names of tables as rules and `tables:` write them: literal or glob, with or without the server's name.

use globset::{Glob, GlobMatcher};
use std::fmt;

/// `public.listings`, `public.*`, `shop:public.listings`.
#[derive(Debug, Clone)]
pub struct TablePattern {
    text: String,
    server: Option<String>,
    table: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    Literal(String),
    Glob(Box<GlobMatcher>),
}

impl TablePattern {
    /// Compiles a pattern; the error is one line.
    pub fn compile(text: &str) -> Result<Self, String> {
        let (server, table) = match text.split_once(':') {
            Some((server, table)) => (Some(server.to_owned()), table),
            None => (None, text),
        };
        let matcher = if table.contains(['*', '?', '[', '{']) {
            let glob = Glob::new(table).map_err(|e| format!("not a glob: {}", e.kind()))?;
            Matcher::Glob(Box::new(glob.compile_matcher()))
        } else {
            Matcher::Literal(table.to_owned())
        };
        Ok(Self { text: text.to_owned(), server, table: matcher })
    }

    /// True for a table of this server (the connector's `topic.prefix`).
    pub fn matches(&self, server: &str, table: &str) -> bool {
        self.server.as_deref().is_none_or(|wanted| wanted == server)
            && match &self.table {
                Matcher::Literal(wanted) => wanted == table,
                Matcher::Glob(glob) => glob.is_match(table),
            }
    }

    /// True when the pattern names one table.
    pub fn is_literal(&self) -> bool {
        matches!(self.table, Matcher::Literal(_))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TablePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
