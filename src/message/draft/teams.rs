//! A card of a template's own.

use super::{Context, DraftError, Service, percent_encoded, unformatted, wrong};
use crate::message::limits::TEAMS_BODY_BYTES;
use crate::message::{Message, teams};
use serde_json::{Value as Json, json};

/// What Teams does with texts.
pub(super) fn service(message: &Message) -> Service {
    Service { context, inert, title, mark: message.locale.phrases().shortened }
}

/// Versions of Adaptive Cards that Teams shows.
const VERSIONS: [&str; 6] = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5"];

fn context(owner: Option<&str>, key: &str) -> Context {
    let is_action = owner.is_some_and(|owner| owner.starts_with("Action."));
    match (owner, key) {
        (_, "url" | "iconUrl") => Context::Url,
        // Who is called is the config's to say.
        (Some("mention"), _) => Context::Nowhere,
        (Some("TextRun"), "text") | (_, "inlines" | "altText" | "tooltip" | "fallbackText" | "speak") => Context::Plain,
        (_, "title") if is_action => Context::Plain,
        (_, "text" | "title" | "value") => Context::Markup,
        (_, "color" | "style" | "size" | "weight" | "spacing" | "id") => Context::Word,
        _ => Context::Nowhere,
    }
}

fn title(json: &Json) -> Option<&Json> {
    let kind = json.get("type").and_then(Json::as_str)?;
    json.get("title").filter(|_| kind.starts_with("Action."))
}

fn inert(text: &str, is_markup: bool, before: &str, behind: Option<char>) -> String {
    // Within the address of a link that the template began.
    let address = before.rsplit_once("](").map(|(_, address)| address).filter(|address| !address.contains(')'));
    if is_markup && address.is_some() {
        return percent_encoded(text);
    }
    let before = before.chars().next_back();
    let mut text = teams::inert(text);
    if is_markup {
        text = unformatted(&text).replace("](", "]\u{2060}(").replace("://", ":\u{2060}//");
        // Headings, lists and quotations begin a line.
        if text.starts_with(|c: char| c.is_ascii_digit() || "#-+>".contains(c)) {
            text.insert(0, '\u{2060}');
        }
    }
    // Two braces must not meet where the template's own text begins either.
    let meets = |brace: Option<char>, other: Option<char>| brace == other && matches!(brace, Some('{' | '}'));
    if meets(before, text.chars().next()) {
        text.insert(0, '\u{2060}');
    }
    if meets(behind, text.chars().next_back()) {
        text.push('\u{2060}');
    }
    text
}

/// Checks the card, alone or within its message.
///
/// Whom the rule mentions stands above, in words, as in the default.
pub(super) fn payload(json: Json, message: &Message) -> Result<Json, DraftError> {
    let card = match json.get("type").and_then(Json::as_str) {
        Some("AdaptiveCard") => json,
        Some("message") => match json.pointer("/attachments").and_then(Json::as_array).map(Vec::as_slice) {
            Some([one]) if one.get("content").is_some_and(Json::is_object) => one["content"].clone(),
            _ => return wrong("is a message that does not hold exactly one card"),
        },
        _ => {
            return wrong(
                "yields no card\nhint: { \"type\": \"AdaptiveCard\", \"version\": \"1.4\", \"body\": [ ... ] }",
            );
        }
    };
    let mut card = checked(card)?;
    let words = message.mention.as_ref().and_then(|mention| teams::mention(mention, message.locale.phrases()));
    if let (Some(words), Some(body)) = (words, card.get_mut("body").and_then(Json::as_array_mut)) {
        let run = json!({"type": "TextRun", "text": words.trim_end(), "weight": "Bolder"});
        body.insert(0, json!({"type": "RichTextBlock", "inlines": [run]}));
    }
    let payload = teams::post(card);
    let bytes = payload.to_string().len();
    if bytes > TEAMS_BODY_BYTES {
        return wrong(format!("is a card of more than {TEAMS_BODY_BYTES} bytes"));
    }
    Ok(payload)
}

fn checked(mut card: Json) -> Result<Json, DraftError> {
    let version = card.get("version").cloned().unwrap_or_else(|| json!("1.4"));
    if !version.as_str().is_some_and(|version| VERSIONS.contains(&version)) {
        return wrong(format!("is a card whose version is not one of {}", VERSIONS.join(", ")));
    }
    if card.get("body").and_then(Json::as_array).is_none_or(|body| body.is_empty()) {
        return wrong("is a card without a \"body\", or with an empty one");
    }
    element(&card, "card")?;
    card["version"] = version;
    if card.get("msteams").is_none() {
        card["msteams"] = json!({"width": "Full"});
    }
    Ok(card)
}

/// Every element has a type, and every action opens an address: a Workflow can do no more.
fn element(json: &Json, place: &str) -> Result<(), DraftError> {
    match json {
        Json::Array(elements) => {
            elements.iter().enumerate().try_for_each(|(index, below)| element(below, &format!("{place}[{index}]")))
        }
        Json::Object(entries) => {
            if let Some(kind) = entries.get("type").and_then(Json::as_str)
                && kind.starts_with("Action.")
            {
                if kind != "Action.OpenUrl" {
                    return wrong(format!(
                        "is wrong at {place}: {kind} does nothing in a Workflow's post, only Action.OpenUrl does"
                    ));
                }
                let title = entries.get("title").and_then(Json::as_str);
                // What opens an address when it is clicked needs no words for that, nor does a picture.
                let shown = place.ends_with(".selectAction") || entries.contains_key("iconUrl");
                if title.is_none_or(|title| title.trim().is_empty()) && !shown {
                    return wrong(format!("is wrong at {place}: there is no title"));
                }
                if !entries.get("url").is_some_and(Json::is_string) {
                    return wrong(format!("is wrong at {place}: there is no url"));
                }
            }
            for key in ["body", "items", "columns", "rows", "cells"] {
                let typeless = entries.get(key).and_then(Json::as_array).into_iter().flatten();
                let typed = typeless.enumerate().find(|(_, below)| !below.is_object());
                if let Some((index, _)) = typed {
                    return wrong(format!("is wrong at {place}.{key}[{index}]: it is no element"));
                }
            }
            entries.iter().try_for_each(|(key, below)| element(below, &format!("{place}.{key}")))
        }
        _ => Ok(()),
    }
}
