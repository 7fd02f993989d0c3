//! Block Kit as lines of text.

use serde_json::Value;

use super::{Level, Line, Run, button, items, join, mrkdwn, str_of};

/// A message: its blocks, or its text where it has none, then its attachments.
pub(super) fn lines(payload: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    items(payload, "blocks").for_each(|part| block(part, &mut lines));
    if lines.is_empty() {
        lines.push(Line::new(Level::Body, mrkdwn::slack(str_of(payload, "text"))));
    }
    items(payload, "attachments").for_each(|part| attachment(part, &mut lines));
    lines
}

/// An attachment with blocks, or one of the older kind with title, text and fields.
fn attachment(attachment: &Value, lines: &mut Vec<Line>) {
    let before = lines.len();
    items(attachment, "blocks").for_each(|part| block(part, lines));
    if lines.len() > before {
        return;
    }
    for key in ["pretext", "title", "text"] {
        lines.push(Line::new(Level::Body, mrkdwn::slack(str_of(attachment, key))));
    }
    for field in items(attachment, "fields") {
        let title = Run { bold: true, ..Run::plain(str_of(field, "title")) };
        lines.push(Line::new(Level::Body, join([vec![title], mrkdwn::slack(str_of(field, "value"))], "  ")));
    }
    lines.push(Line::new(Level::Quiet, vec![Run::plain(str_of(attachment, "footer"))]));
    if lines[before..].iter().all(Line::is_blank) {
        lines.push(Line::new(Level::Body, vec![Run::plain(str_of(attachment, "fallback"))]));
    }
}

fn block(block: &Value, lines: &mut Vec<Line>) {
    match str_of(block, "type") {
        "header" => lines.push(Line::new(Level::Heading, text_object(&block["text"]))),
        "section" => {
            lines.push(Line::new(Level::Body, text_object(&block["text"])));
            for field in items(block, "fields") {
                // A field is a label above its value; side by side they read better here.
                let mut runs = text_object(field);
                runs.iter_mut().for_each(|run| run.text = run.text.replace('\n', "  "));
                lines.push(Line::new(Level::Body, runs));
            }
            lines.push(Line::new(Level::Body, element(&block["accessory"])));
        }
        "context" => lines.push(Line::new(Level::Quiet, join(items(block, "elements").map(element), "  "))),
        "actions" => {
            lines.push(Line::new(Level::Body, join(items(block, "elements").map(element), "   ")));
        }
        "rich_text" => items(block, "elements").for_each(|part| rich(part, 0, lines)),
        "markdown" => lines.push(Line::new(Level::Body, mrkdwn::card(str_of(block, "text")))),
        "image" => lines.push(Line::new(Level::Body, element(block))),
        "divider" => lines.push(Line::new(Level::Quiet, vec![Run::plain("----")])),
        "table" => items(block, "rows").for_each(|row| {
            let cells = row.as_array().into_iter().flatten().map(cell);
            lines.push(Line::new(Level::Body, join(cells, " | ")));
        }),
        other => lines.push(Line::new(Level::Quiet, vec![Run::plain(format!("(a block of type {other})"))])),
    }
}

fn cell(cell: &Value) -> Vec<Run> {
    match str_of(cell, "type") {
        "rich_text" => {
            let mut lines = Vec::new();
            items(cell, "elements").for_each(|part| rich(part, 0, &mut lines));
            join(lines.into_iter().map(|line| line.runs), " ")
        }
        _ => vec![Run::plain(str_of(cell, "text"))],
    }
}

fn text_object(object: &Value) -> Vec<Run> {
    match str_of(object, "type") {
        "mrkdwn" => mrkdwn::slack(str_of(object, "text")),
        _ => vec![Run::plain(str_of(object, "text"))],
    }
}

fn element(element: &Value) -> Vec<Run> {
    match str_of(element, "type") {
        "button" => button(str_of(&element["text"], "text"), element["url"].as_str()),
        "image" => vec![Run::plain(format!("(image: {})", str_of(element, "alt_text")))],
        "plain_text" | "mrkdwn" => text_object(element),
        "" => Vec::new(),
        other => vec![Run::plain(format!("({other})"))],
    }
}

fn rich(part: &Value, indent: usize, lines: &mut Vec<Line>) {
    let first = lines.len();
    match str_of(part, "type") {
        "rich_text_list" => {
            let indent = indent + 2 * part["indent"].as_u64().unwrap_or(0).min(8) as usize;
            for (index, item) in items(part, "elements").enumerate() {
                let mark = match str_of(part, "style") {
                    "ordered" => format!("{}. ", index + 1),
                    _ => "- ".to_owned(),
                };
                let mut runs = vec![Run::plain(mark)];
                runs.extend(items(item, "elements").map(run));
                lines.push(Line { level: Level::Body, indent, runs });
            }
        }
        kind => {
            // A section may hold several lines; each becomes one, so that old and new are looked for within it.
            let mut runs: Vec<Run> = items(part, "elements").map(run).collect();
            if kind == "rich_text_quote" {
                runs.insert(0, Run::plain("> "));
            }
            lines.extend(split(runs).into_iter().map(|runs| Line { level: Level::Body, indent, runs }));
        }
    }
    if str_of(part, "type") == "rich_text_preformatted" {
        lines[first..].iter_mut().for_each(|line| line.indent += 2);
    }
}

/// Breaks runs at the line breaks that unstyled runs bring: those are the layout's own. One inside a styled run is
/// part of a value.
fn split(runs: Vec<Run>) -> Vec<Vec<Run>> {
    let mut lines = vec![Vec::new()];
    for run in runs {
        if run.bold || run.strike {
            lines.last_mut().into_iter().for_each(|line| line.push(run.clone()));
            continue;
        }
        for (index, piece) in run.text.split('\n').enumerate() {
            if index > 0 {
                lines.push(Vec::new());
            }
            if !piece.is_empty() {
                lines.last_mut().into_iter().for_each(|line| line.push(Run::plain(piece)));
            }
        }
    }
    lines
}

fn run(run: &Value) -> Run {
    let text = match str_of(run, "type") {
        "text" => str_of(run, "text").to_owned(),
        "link" => match str_of(run, "text") {
            "" => str_of(run, "url").to_owned(),
            text => format!("{text} ({})", str_of(run, "url")),
        },
        "broadcast" => format!("@{}", str_of(run, "range")),
        "user" => format!("@{}", str_of(run, "user_id")),
        "usergroup" => format!("@{}", str_of(run, "usergroup_id")),
        "channel" => format!("#{}", str_of(run, "channel_id")),
        "emoji" => format!(":{}:", str_of(run, "name")),
        "color" => str_of(run, "value").to_owned(),
        "date" => date(run),
        other => format!("({other})"),
    };
    let style = |name: &str| run["style"][name].as_bool().unwrap_or(false);
    Run { text, bold: style("bold"), strike: style("strike") }
}

fn date(run: &Value) -> String {
    match (str_of(run, "fallback"), run["timestamp"].as_i64()) {
        ("", Some(seconds)) => {
            jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_else(|_| seconds.to_string())
        }
        (fallback, _) => fallback.to_owned(),
    }
}
