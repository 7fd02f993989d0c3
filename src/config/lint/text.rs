//! What YAML reads otherwise than it looks, and secrets that stand in the file.

use super::{Looked, warning};
use crate::config::code::Code;
use crate::config::diagnostic::{Place, Report};

pub(super) fn lint(looked: &Looked<'_>, report: &mut Report) {
    for secret in looked.secrets.iter().filter(|secret| secret.usable) {
        let found = warning(secret.place, Code::PlainSecret, format!("{} is a secret in plain text", secret.path));
        report
            .push(found.hint("write \"${env:NAME}\" or \"${file:/path}\", and make the secret anew if others saw it"));
    }
    let mut block: Option<usize> = None;
    for number in 1..=report.source.lines() {
        let Some(line) = report.source.line(number) else { break };
        let indent = line.chars().take_while(|c| *c == ' ').count();
        if line.trim().is_empty() {
            continue;
        }
        if block.is_some_and(|depth| indent > depth) {
            continue;
        }
        let value = value(line);
        block = value.is_some_and(|(_, text)| text.starts_with(['|', '>'])).then_some(indent);
        let Some((column, text)) = value else { continue };
        let place = |skip: usize| Place { line: number, column: u32::try_from(column + skip + 1).unwrap_or(u32::MAX) };
        if text.starts_with('!') && !text.starts_with("!!") {
            let found =
                warning(place(0), Code::YamlTrap, "YAML reads a value that begins with ! as a tag, not as text");
            report.push(found.hint("write not, or put the whole value in quotes"));
        } else if !text.starts_with(['"', '\'', '#'])
            && let Some((before, comment)) = text.split_once(" #")
            && comment.contains("{{")
        {
            let found = warning(
                place(before.chars().count() + 1),
                Code::YamlTrap,
                "a comment begins here: the rest of the text is not read",
            );
            report.push(found.hint("put the whole value in quotes"));
        }
    }
}

/// What stands behind the key of a line, and in which column, from 0.
fn value(line: &str) -> Option<(usize, &str)> {
    let start = line.find(|c: char| c != ' ' && c != '-')?;
    let colon = line[start..].find(": ")? + start;
    let key = &line[start..colon];
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '*' | '<');
    if !key.chars().all(plain) {
        return None;
    }
    let text = line[colon + 1..].trim_start();
    (!text.is_empty()).then(|| (line[..line.len() - text.len()].chars().count(), text))
}
