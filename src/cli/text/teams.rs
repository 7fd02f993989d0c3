//! Adaptive Cards as lines of text.

use serde_json::Value;

use super::{Level, Line, Run, button, items, join, mrkdwn, str_of};

/// A Workflows message: the cards of its attachments.
pub(super) fn lines(payload: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    for attachment in items(payload, "attachments") {
        let card = &attachment["content"];
        items(card, "body").for_each(|part| element(part, &mut lines));
        actions(card, &mut lines);
    }
    if lines.is_empty() {
        lines.push(Line::new(Level::Body, vec![Run::plain(str_of(payload, "text"))]));
    }
    lines
}

fn element(part: &Value, lines: &mut Vec<Line>) {
    if part["isVisible"].as_bool() == Some(false) {
        return;
    }
    match str_of(part, "type") {
        "TextBlock" => lines.push(text_block(part)),
        "RichTextBlock" => {
            let runs = items(part, "inlines").map(inline).collect();
            let quiet = items(part, "inlines").all(|run| run["isSubtle"].as_bool() == Some(true));
            lines.push(Line::new(if quiet { Level::Quiet } else { Level::Body }, runs));
        }
        "FactSet" => {
            for fact in items(part, "facts") {
                let title = Run { bold: true, ..Run::plain(str_of(fact, "title")) };
                lines.push(Line::new(Level::Body, join([vec![title], mrkdwn::card(str_of(fact, "value"))], "  ")));
            }
        }
        "ColumnSet" => beside(items(part, "columns").map(children).collect(), lines),
        "Table" => {
            for row in items(part, "rows") {
                beside(items(row, "cells").map(children).collect(), lines);
            }
        }
        "Image" => {
            lines.push(Line::new(Level::Body, vec![Run::plain(format!("(image: {})", str_of(part, "altText")))]))
        }
        "ImageSet" => items(part, "images").for_each(|image| element(image, lines)),
        "ActionSet" => actions(part, lines),
        // Containers, and whatever else holds items.
        _ => lines.extend(children(part)),
    }
}

fn children(part: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    items(part, "items").for_each(|item| element(item, &mut lines));
    lines
}

/// Columns: line by line beside each other where their lengths agree, else one after the other.
fn beside(columns: Vec<Vec<Line>>, lines: &mut Vec<Line>) {
    let columns: Vec<Vec<Line>> = columns.into_iter().filter(|column| !column.is_empty()).collect();
    let height = columns.first().map_or(0, Vec::len);
    if columns.iter().any(|column| column.len() != height) {
        lines.extend(columns.into_iter().flatten());
        return;
    }
    for row in 0..height {
        let cells: Vec<&Line> = columns.iter().filter_map(|column| column.get(row)).collect();
        let quiet = cells.iter().all(|cell| cell.level == Level::Quiet);
        let level = match cells.as_slice() {
            [only] => only.level,
            _ if quiet => Level::Quiet,
            _ => Level::Body,
        };
        lines.push(Line::new(level, join(cells.into_iter().map(|cell| cell.runs.clone()), "  ")));
    }
}

fn text_block(part: &Value) -> Line {
    let is_bold = is(part, "weight", "bolder");
    let is_large = ["medium", "large", "extralarge"].iter().any(|size| is(part, "size", size));
    let is_quiet = part["isSubtle"].as_bool() == Some(true);
    let level = if is(part, "style", "heading") || is_bold && is_large {
        Level::Heading
    } else if is_quiet {
        Level::Quiet
    } else {
        Level::Body
    };
    let mut runs = mrkdwn::card(str_of(part, "text"));
    runs.iter_mut().for_each(|run| run.bold |= is_bold);
    Line::new(level, runs)
}

fn inline(run: &Value) -> Run {
    if let Some(text) = run.as_str() {
        return Run::plain(text);
    }
    let mut text = str_of(run, "text").to_owned();
    if let Some(url) = run["selectAction"]["url"].as_str() {
        text = format!("{text} ({url})");
    }
    Run { text, bold: is(run, "weight", "bolder"), strike: run["strikethrough"].as_bool() == Some(true) }
}

fn actions(part: &Value, lines: &mut Vec<Line>) {
    let buttons = items(part, "actions").map(|action| button(str_of(action, "title"), action["url"].as_str()));
    lines.push(Line::new(Level::Body, join(buttons, "   ")));
}

/// Adaptive Cards compare their words without case.
fn is(part: &Value, key: &str, word: &str) -> bool {
    str_of(part, key).eq_ignore_ascii_case(word)
}
