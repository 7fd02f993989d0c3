//! What Teams' Workflows trigger refuses, and what it takes although Teams cannot show it.

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::blocks::kind;

/// Checks a message for a Workflows trigger. `Ok(Some(..))` is what Teams would accept and then not show.
pub(super) fn check(payload: &Value) -> Result<Option<String>, Refusal> {
    let mismatch = |why: &str| Refusal::new("TriggerInputSchemaMismatch", why);
    if payload.get("type").and_then(Value::as_str) != Some("message") {
        return Err(mismatch("type is not \"message\""));
    }
    let attachments = payload.get("attachments").and_then(Value::as_array);
    let Some(attachments) = attachments.filter(|list| !list.is_empty()) else {
        return Err(mismatch("attachments is no list with a card in it"));
    };
    let mut problem = None;
    for attachment in attachments {
        if attachment.get("contentType").and_then(Value::as_str) != Some("application/vnd.microsoft.card.adaptive") {
            return Err(mismatch("an attachment's contentType is no adaptive card's"));
        }
        let card = attachment.get("content").and_then(Value::as_object);
        let Some(card) = card.filter(|card| kind(card) == "AdaptiveCard") else {
            return Err(mismatch("an attachment's content is no AdaptiveCard"));
        };
        problem = problem.or_else(|| card_problem(card));
    }
    Ok(problem)
}

fn card_problem(card: &Map<String, Value>) -> Option<String> {
    let version = card.get("version").and_then(Value::as_str).unwrap_or_default();
    if !matches!(version, "1.0" | "1.1" | "1.2" | "1.3" | "1.4" | "1.5") {
        return Some(format!("Teams shows cards up to version 1.5, this one says {version:?}"));
    }
    if card.get("body").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Some("the card has no body".to_owned());
    }
    let parts = ["body", "actions"].iter().filter_map(|key| card.get(*key));
    parts.flat_map(|part| part.as_array().into_iter().flatten()).find_map(part_problem)
}

fn part_problem(part: &Value) -> Option<String> {
    let part = part.as_object()?;
    match kind(part) {
        "TextBlock" if !part.get("text").is_some_and(Value::is_string) => {
            return Some("a TextBlock has no text".into());
        }
        "TextBlock" | "RichTextBlock" | "FactSet" | "Image" | "ImageSet" | "Media" => {}
        "Container" | "ColumnSet" | "Column" | "Table" | "TableRow" | "TableCell" | "ActionSet" => {}
        "Action.OpenUrl" if !part.get("url").is_some_and(Value::is_string) => {
            return Some("an Action.OpenUrl has no url".into());
        }
        "Action.OpenUrl" => {}
        action if action.starts_with("Action.") => {
            return Some(format!("Workflows cards can only open links, not {action}"));
        }
        // Columns, rows and cells may leave their type out.
        "" => {}
        other => return Some(format!("unknown card element {other:?}")),
    }
    let children = ["items", "columns", "rows", "cells", "actions"].iter().filter_map(|key| part.get(*key));
    children.flat_map(|list| list.as_array().into_iter().flatten()).find_map(part_problem)
}
