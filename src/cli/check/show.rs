//! How findings are written: for people, for programs, for GitHub.

use super::online::Asked;
use crate::cli::Failure;
use crate::cli::text::Style;
use crate::config::{Diagnostic, Examined, Report, Severity};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::io::Write;

/// Everything for people: each finding with its line, then how it stands.
pub fn text(examined: &Examined, asked: &[Asked], style: Style) -> String {
    let report = &examined.report;
    let mut out = String::new();
    for found in report.sorted() {
        finding(&mut out, report, found, style);
        out.push('\n');
    }
    let width = asked.iter().map(|part| part.what.chars().count()).max().unwrap_or(0);
    for part in asked {
        let mark = if part.fine { "ok   " } else { "WRONG" };
        let _ = writeln!(out, "{mark}  {:<width$}  {}", part.what, part.said);
    }
    if !asked.is_empty() {
        out.push('\n');
    }
    let (errors, warnings) = counts(report);
    let counted = match (errors, warnings) {
        (0, 0) => String::new(),
        (0, _) => format!("; {} above", plural(warnings, "warning")),
        (_, 0) => plural(errors, "error"),
        _ => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    };
    let wrong = asked.iter().filter(|part| !part.fine).count();
    match &examined.config {
        Some(_) if errors == 0 && wrong > 0 => {
            let _ = writeln!(out, "{}: can run, but {} above: WRONG{counted}", report.file, plural(wrong, "answer"));
        }
        Some(config) if errors == 0 => {
            let _ = writeln!(
                out,
                "{}: fine: {}, {}, {}, {}{counted}",
                report.file,
                plural(config.kafka.topics.len(), "topic"),
                plural(config.tables.len(), "table"),
                plural(config.rules.len(), "rule"),
                plural(config.destinations.len(), "destination"),
            );
        }
        _ => {
            let _ = writeln!(out, "{}: {counted}", report.file);
        }
    }
    out
}

fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn counts(report: &Report) -> (usize, usize) {
    let errors = report.found.iter().filter(|found| found.severity == Severity::Error).count();
    (errors, report.found.len() - errors)
}

/// `file:line:column: error: what [code]`, the line with a mark below it, and what to do.
fn finding(out: &mut String, report: &Report, found: &Diagnostic, style: Style) {
    let (colour, bold, quiet, end) = match (style, found.severity) {
        (Style::Plain, _) => ("", "", "", ""),
        (Style::Ansi, Severity::Error) => ("\x1b[1;31m", "\x1b[1m", "\x1b[2m", "\x1b[0m"),
        (Style::Ansi, Severity::Warning) => ("\x1b[1;33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"),
    };
    let at = match found.place.line {
        0 => report.file.clone(),
        line => format!("{}:{line}:{}", report.file, found.place.column),
    };
    let word = found.severity.as_str();
    let _ =
        writeln!(out, "{at}: {colour}{word}{end}: {bold}{}{end} {quiet}[{}]{end}", found.message, found.code.as_str());
    if let Some(excerpt) = report.source.excerpt(found.place, found.length) {
        let number = excerpt.line.to_string();
        let gutter = " ".repeat(number.len().max(4));
        let space = " ".repeat(excerpt.mark.start);
        let mark = "^".repeat(excerpt.mark.len().max(1));
        let _ = writeln!(out, "{quiet}{number:>4} |{end} {}", excerpt.text);
        let _ = writeln!(out, "{quiet}{gutter} |{end} {space}{colour}{mark}{end}");
    }
    if let Some(hint) = &found.hint {
        let _ = writeln!(out, "  hint: {hint}");
    }
}

/// One object; its keys are documented in docs/checking.md.
pub fn json(examined: &Examined, asked: &[Asked]) -> Json {
    let report = &examined.report;
    let (errors, warnings) = counts(report);
    let mut object = json!({
        "file": report.file,
        "fine": errors == 0 && asked.iter().all(|part| part.fine),
        "errors": errors,
        "warnings": warnings,
        "diagnostics": report.sorted().into_iter().map(|found| entry(report, found)).collect::<Vec<_>>(),
    });
    if !asked.is_empty() {
        object["online"] = asked.iter().map(Asked::json).collect();
    }
    object
}

fn entry(report: &Report, found: &Diagnostic) -> Json {
    let placed = found.place.line > 0;
    let (line, column) = (found.place.line, found.place.column);
    json!({
        "file": report.file,
        "line": placed.then_some(line),
        "column": placed.then_some(column),
        "end_column": placed.then(|| end(report, found)),
        "severity": found.severity.as_str(),
        "code": found.code.as_str(),
        "message": found.message,
        "hint": found.hint,
    })
}

/// The column behind the last character that a finding is about.
fn end(report: &Report, found: &Diagnostic) -> u64 {
    let length = found.length.unwrap_or_else(|| report.source.token(found.place));
    u64::from(found.place.column) + length as u64
}

/// Workflow commands, which GitHub Actions shows beside the lines.
pub fn github(examined: &Examined) -> String {
    let report = &examined.report;
    // As the runner reads it: %, line breaks, and in properties : and , are escaped.
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    let mut out = String::new();
    for found in report.sorted() {
        let hint = found.hint.as_ref().map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        let place = match found.place.line {
            0 => String::new(),
            line => format!(",line={line},col={},endColumn={}", found.place.column, end(report, found)),
        };
        let _ = writeln!(
            out,
            "::{} file={}{place},title={}::{}",
            found.severity.as_str(),
            property(&report.file),
            property(found.code.as_str()),
            data(&format!("{}{hint}", found.message)),
        );
    }
    out
}

/// Whoever read our output may have seen enough.
pub fn write(text: &str, mut out: impl Write) -> Result<(), Failure> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Failed(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}
