//! A line of `inspect` as a block of text for people.
//!
//! The words say everything; colour only helps the eye. Nothing that came from a row can steer the terminal.

use crate::cli::text::{Style, write_clean};
use serde_json::Value as Json;

/// Longest value that is shown whole, in characters.
const VALUE_CHARS_MAX: usize = 200;

/// Columns whose names are longer than this stand out of line.
const NAME_CHARS_MAX: usize = 24;

/// Terminal sequences by what they mark.
const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

/// The block, with a line break behind its last line; blocks are set apart by an empty line.
pub fn block(line: &Json, style: Style) -> String {
    let mut block = Block { out: String::new(), style };
    let text = |key: &str| line[key].as_str();
    block.marked(BOLD, &format!("{}:{}:{}", text("topic").unwrap_or_default(), line["partition"], line["offset"]));
    if let Some(time) = text("time") {
        block.marked(DIM, &format!("  {}", time.replace('T', " ").replace('Z', " UTC")));
    }
    block.out.push('\n');
    match text("kind").unwrap_or_default() {
        "change" => block.change(line),
        "error" => block.remark(RED, "cannot be decoded", text("error").unwrap_or_default()),
        "message" => {
            block.out.push_str("  message ");
            block.plain(&line["message"]["prefix"].to_string());
            block.out.push_str(": ");
            block.plain(line["message"]["content"].as_str().unwrap_or_default());
            block.out.push('\n');
        }
        kind => {
            block.out.push_str("  ");
            block.plain(kind_in_words(kind));
            block.out.push('\n');
        }
    }
    for hint in line["hints"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        block.remark(YELLOW, "hint", hint);
    }
    block.out
}

fn kind_in_words(kind: &str) -> &str {
    match kind {
        "tombstone" => "tombstone: lets Kafka forget a deleted row",
        "heartbeat" => "heartbeat of the connector",
        "transaction" => "begin or end of a transaction",
        "schema_change" => "change of a table's schema",
        "notification" => "notification of the connector",
        "unknown" => "JSON, but no change event of Debezium's",
        kind => kind,
    }
}

struct Block {
    out: String,
    style: Style,
}

impl Block {
    fn plain(&mut self, text: &str) {
        write_clean(&mut self.out, text, 6);
    }

    fn marked(&mut self, code: &str, text: &str) {
        if self.style == Style::Ansi {
            self.out.push_str(&format!("\x1b[{code}m"));
        }
        self.plain(text);
        if self.style == Style::Ansi {
            self.out.push_str("\x1b[0m");
        }
    }

    fn remark(&mut self, code: &str, what: &str, text: &str) {
        self.out.push_str("  ");
        self.marked(code, &format!("{what}: "));
        self.plain(text);
        self.out.push('\n');
    }

    fn change(&mut self, line: &Json) {
        let op = line["op"].as_str().unwrap_or_default();
        self.out.push_str("  ");
        self.marked(BOLD, if line["snapshot"] == true { "read by a snapshot" } else { op });
        self.out.push_str("  ");
        self.plain(line["table"].as_str().unwrap_or_default());
        match row(&line["key"]) {
            Some(key) => self.plain(&format!("  {key}")),
            None => self.marked(DIM, "  (no key)"),
        }
        self.out.push('\n');
        for (field, words) in [("rekeyed_from", "its key was"), ("rekeyed_to", "its key becomes")] {
            if let Some(key) = row(&line[field]) {
                self.remark(BOLD, words, &key);
            }
        }
        let columns: Vec<_> = line["changes"].as_array().into_iter().flatten().collect();
        let unavailable: Vec<_> =
            line["unavailable"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let names = columns.iter().filter_map(|column| column["column"].as_str()).chain(unavailable.iter().copied());
        let width = names.map(|name| name.chars().count()).filter(|width| *width <= NAME_CHARS_MAX).max().unwrap_or(0);
        for column in &columns {
            self.name(column["column"].as_str().unwrap_or_default(), width);
            let ty = column["type"].as_str().unwrap_or_default();
            match (column.get("old"), column.get("new")) {
                (Some(old), Some(new)) => {
                    self.marked(DIM, &value(old, ty));
                    self.out.push_str(" -> ");
                    self.marked(GREEN, &value(new, ty));
                }
                (Some(old), None) => {
                    self.out.push_str("was ");
                    self.marked(DIM, &value(old, ty));
                }
                (None, Some(new)) => self.marked(GREEN, &value(new, ty)),
                (None, None) => {}
            }
            self.out.push('\n');
        }
        for name in unavailable {
            self.name(name, width);
            self.marked(DIM, "(value not sent by the source)");
            self.out.push('\n');
        }
        if columns.is_empty() && op == "update" {
            self.out.push_str("    nothing changed\n");
        }
        if line["before_unknown"] == true {
            let words = match op {
                "delete" => "only its key is known of the row that is gone",
                _ => "the row before is not known: these are its values now, changed or not",
            };
            self.remark(YELLOW, "note", words);
        }
    }

    fn name(&mut self, name: &str, width: usize) {
        self.out.push_str("    ");
        self.plain(name);
        self.out.extend(std::iter::repeat_n(' ', width.saturating_sub(name.chars().count()) + 2));
    }
}

/// `id=1, sku="A"`; nothing where there are no columns.
fn row(row: &Json) -> Option<String> {
    let columns = row.as_object()?.iter();
    let parts: Vec<_> = columns.map(|(name, found)| format!("{name}={}", value(found, "text"))).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Text in quotes, so that `null` and an empty text read as what they are; other types as they are written.
fn value(value: &Json, ty: &str) -> String {
    let whole = match value {
        Json::String(text) if ty != "text" => text.clone(),
        value => value.to_string(),
    };
    match whole.char_indices().nth(VALUE_CHARS_MAX) {
        None => whole,
        Some((end, _)) => format!("{}... ({} characters)", &whole[..end], whole.chars().count()),
    }
}

#[cfg(test)]
mod tests;
