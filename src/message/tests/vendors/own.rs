//! Payloads of templates' own: what the services refuse of any payload, however it is laid out.

use super::{length, list, text};
use serde_json::Value as Json;

/// A text within these bounds.
fn within(what: &str, json: &Json, range: std::ops::RangeInclusive<usize>) {
    text(what, json, range);
}

/// Slack: every text and every list within its limits.
pub fn slack(payload: &Json) {
    text("text", &payload["text"], 1..=4_000);
    let mut blocks: Vec<&Json> = payload["blocks"].as_array().into_iter().flatten().collect();
    for attachment in payload["attachments"].as_array().into_iter().flatten() {
        blocks.extend(attachment["blocks"].as_array().into_iter().flatten());
    }
    assert!(blocks.len() <= 50, "{} blocks", blocks.len());
    assert!(blocks.iter().map(|block| characters(block)).sum::<usize>() <= 11_000);
    let ids: Vec<_> = blocks.iter().filter_map(|block| block["block_id"].as_str()).collect();
    assert_eq!(ids.len(), ids.iter().collect::<std::collections::HashSet<_>>().len(), "{ids:?}");
    blocks.into_iter().for_each(slack_block);
}

fn slack_block(block: &Json) {
    let elements = |max: usize| list("elements", &block["elements"], 1..=max).iter();
    match block["type"].as_str().unwrap() {
        "header" => within("a header", &block["text"]["text"], 1..=150),
        "section" => {
            if !block["text"].is_null() {
                text("a section", &block["text"]["text"], 1..=3_000);
            }
            if !block["fields"].is_null() {
                let fields = list("fields", &block["fields"], 1..=10);
                fields.iter().for_each(|field| within("a field", &field["text"], 1..=2_000));
            }
            assert!(!block["text"].is_null() || !block["fields"].is_null());
            if !block["accessory"].is_null() {
                button(&block["accessory"]);
            }
        }
        "context" => elements(10).for_each(|element| within("a context", &element["text"], 1..=3_000)),
        "actions" => elements(25).for_each(button),
        "image" => {
            text("an image", &block["image_url"], 1..=3_000);
            text("its words", &block["alt_text"], 1..=2_000);
        }
        "rich_text" => elements(100).for_each(rich),
        "divider" => {}
        other => panic!("a block of type {other}"),
    }
}

fn button(button: &Json) {
    assert_eq!(button["type"], "button");
    let title = text("a button", &button["text"]["text"], 1..=75);
    assert!(!title.trim().is_empty(), "{title:?}");
    text("a button's url", &button["url"], 1..=3_000);
    let confirm = &button["confirm"];
    if !confirm.is_null() {
        text("a title", &confirm["title"]["text"], 1..=100);
        text("a question", &confirm["text"]["text"], 1..=300);
    }
}

fn rich(element: &Json) {
    match element["type"].as_str().unwrap() {
        "text" | "link" => within("a run", &element["text"], 1..=3_000),
        _ => list("rich text", &element["elements"], 1..=100).iter().for_each(rich),
    }
}

fn characters(json: &Json) -> usize {
    match json {
        Json::String(text) => length(text),
        Json::Array(elements) => elements.iter().map(characters).sum(),
        Json::Object(entries) => {
            entries.iter().filter(|(key, _)| *key != "type" && *key != "url").map(|(_, value)| characters(value)).sum()
        }
        _ => 0,
    }
}

/// Teams: the size, and what the schema asks of every element (adaptivecards.io, 1.4): texts are texts, and actions have
/// a title and lead somewhere.
pub fn teams(payload: &Json) {
    assert!(payload.to_string().len() <= 20 * 1024);
    let card = &payload["attachments"][0]["content"];
    list("a card", &card["body"], 1..=1_000);
    teams_element(card);
}

fn teams_element(json: &Json) {
    match json {
        Json::Array(elements) => elements.iter().for_each(teams_element),
        Json::Object(entries) => {
            for key in ["text", "title", "value", "altText", "url"] {
                assert!(entries.get(key).is_none_or(Json::is_string), "{key}: {json}");
            }
            let kind = entries.get("type").and_then(Json::as_str).unwrap_or_default();
            if kind.starts_with("Action.") {
                assert!(!json["title"].as_str().unwrap().trim().is_empty(), "{json}");
                assert!(json["url"].as_str().unwrap().starts_with("https://"), "{json}");
            }
            if kind == "ActionSet" {
                list("an action set", &json["actions"], 1..=100);
            }
            entries.values().for_each(teams_element);
        }
        _ => {}
    }
}
