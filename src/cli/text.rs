//! A received message as plain text for a terminal.
//!
//! Works from the JSON as the service got it, whatever its layout: Block Kit for Slack, an Adaptive Card for Teams.
//! A struck text that is followed by a bold one reads `old -> new`; a struck text alone reads `~old~`. Nothing that
//! came from a row can steer the terminal: control characters are dropped, and a line break inside a text is indented.

mod mrkdwn;
mod slack;
mod teams;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which service a post is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Slack incoming webhooks.
    Slack,
    /// Microsoft Teams Workflows.
    Teams,
}

/// Whether to mark bold, struck and quiet text by terminal sequences besides the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Characters only.
    Plain,
    /// The same characters, with bold, strike-through and dimmed text. `anstream` takes them out again where the
    /// output is no terminal.
    Ansi,
}

/// A received message as text in the given style, without a final line break.
pub fn render(service: Service, payload: &Value, style: Style) -> String {
    let lines = match service {
        Service::Slack => slack::lines(payload),
        Service::Teams => teams::lines(payload),
    };
    let mut out = String::new();
    for (index, line) in lines.iter().filter(|line| !line.is_blank()).enumerate() {
        if index > 0 {
            out.push('\n');
        }
        // The first line is the headline, whichever block it came from; the rest hangs below it.
        let indent = if index == 0 || line.level == Level::Heading { 0 } else { 2 + line.indent };
        write_line(&mut out, line, indent, style);
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Level {
    /// Bold, at the margin.
    Heading,
    #[default]
    Body,
    /// Dimmed.
    Quiet,
}

/// A line of output; its runs may hold line breaks of the message's own.
#[derive(Debug, Clone, Default)]
struct Line {
    level: Level,
    indent: usize,
    runs: Vec<Run>,
}

impl Line {
    fn new(level: Level, runs: Vec<Run>) -> Self {
        Line { level, indent: 0, runs }
    }

    fn is_blank(&self) -> bool {
        self.runs.iter().all(|run| run.text.trim().is_empty())
    }
}

/// A piece of text in one style.
#[derive(Debug, Clone, Default, PartialEq)]
struct Run {
    text: String,
    bold: bool,
    strike: bool,
}

impl Run {
    fn plain(text: impl Into<String>) -> Self {
        Run { text: text.into(), ..Run::default() }
    }

    fn is_gap(&self) -> bool {
        self.text.chars().all(|c| matches!(c, ' ' | '\u{a0}' | '\t' | '→'))
            || self.text.trim() == "->" && !self.text.contains('\n')
    }
}

/// A button or link as `[label] url`.
fn button(label: &str, url: Option<&str>) -> Vec<Run> {
    let mut runs = vec![Run { text: format!("[{label}]"), bold: true, strike: false }];
    if let Some(url) = url {
        runs.push(Run::plain(format!(" {url}")));
    }
    runs
}

/// Joins groups of runs with a separator.
fn join(groups: impl IntoIterator<Item = Vec<Run>>, separator: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    for group in groups.into_iter().filter(|group| !group.is_empty()) {
        if !runs.is_empty() {
            runs.push(Run::plain(separator));
        }
        runs.extend(group);
    }
    runs
}

fn write_line(out: &mut String, line: &Line, indent: usize, style: Style) {
    out.extend(std::iter::repeat_n(' ', indent));
    let mut index = 0;
    while let Some(run) = line.runs.get(index) {
        if !run.strike || run.text.trim().is_empty() {
            write_run(out, &run.text, line.level, run, indent, style);
            index += 1;
            continue;
        }
        // An old value: the new one may follow after nothing but space, or after an arrow that the message brought.
        let rest = &line.runs[index + 1..];
        let gap = rest.iter().take_while(|next| next.is_gap()).count();
        let has_new = rest.get(gap).is_some_and(|next| next.bold && !next.strike);
        if has_new {
            write_run(out, &run.text, line.level, run, indent, style);
            out.push_str(" -> ");
            index += 1 + gap;
        } else {
            write_run(out, &format!("~{}~", run.text), line.level, run, indent, style);
            index += 1;
        }
    }
    out.truncate(out.trim_end().len());
}

fn write_run(out: &mut String, text: &str, level: Level, run: &Run, indent: usize, style: Style) {
    let mut codes = Vec::new();
    if run.bold || level == Level::Heading {
        codes.push("1");
    }
    if level == Level::Quiet || run.strike {
        codes.push("2");
    }
    if run.strike {
        codes.push("9");
    }
    let styled = style == Style::Ansi && !codes.is_empty() && !text.trim().is_empty();
    if styled {
        out.push_str(&format!("\x1b[{}m", codes.join(";")));
    }
    write_clean(out, text, indent + 2);
    if styled {
        out.push_str("\x1b[0m");
    }
}

/// Appends a text without what could move the cursor, change colours or reorder the line.
pub fn write_clean(out: &mut String, text: &str, indent: usize) {
    for c in text.chars() {
        match c {
            '\n' | '\u{2028}' | '\u{2029}' => {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent));
            }
            '\t' => out.push(' '),
            // C0 and C1 controls start escape sequences; the others turn the reading direction around.
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {}
            c => out.push(c),
        }
    }
}

fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests;
