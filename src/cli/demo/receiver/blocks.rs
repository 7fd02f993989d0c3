//! The documented limits of Slack's messages and their blocks, as far as a sender can break them.
//!
//! Lengths are counted in UTF-16 units, the strictest reading of "characters".

use serde_json::{Map, Value};

use super::answer::Refusal;

type Check = Result<(), Refusal>;

const BLOCKS_MAX: usize = 50;
const ATTACHMENTS_MAX: usize = 100;
const MARKDOWN_MAX: usize = 12_000;
const TABLE_CHARACTERS_MAX: usize = 10_000;

fn invalid(why: impl Into<String>) -> Refusal {
    Refusal::new("invalid_blocks", why)
}

/// Checks a message for an incoming webhook.
pub(super) fn check(payload: &Value) -> Check {
    let Some(message) = payload.as_object() else {
        return Err(Refusal::new("invalid_payload", "the message is no JSON object"));
    };
    let text = match message.get("text") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(Refusal::new("invalid_payload", "text is no string")),
    };
    let blocks = list(message, "blocks")?;
    let attachments = list(message, "attachments")?;
    if text.is_empty() && blocks.is_empty() && attachments.is_empty() {
        return Err(Refusal::new("no_text", "neither text nor blocks nor attachments"));
    }
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(Refusal::new("too_many_attachments", format!("{} attachments", attachments.len())));
    }
    let mut totals = Totals::default();
    check_blocks(blocks, &mut totals)?;
    for attachment in attachments {
        let Some(attachment) = attachment.as_object() else {
            return Err(Refusal::new("invalid_attachments", "an attachment is no object"));
        };
        let inner = list(attachment, "blocks")?;
        let has_text = ["text", "fallback", "title", "pretext"].iter().any(|key| attachment.contains_key(*key));
        if inner.is_empty() && !has_text {
            return Err(Refusal::new("missing_text_or_fallback_or_attachments", "an empty attachment"));
        }
        check_blocks(inner, &mut totals)?;
    }
    Ok(())
}

/// What is limited over the whole message.
#[derive(Default)]
struct Totals {
    markdown: usize,
    tables: usize,
}

fn check_blocks(blocks: &[Value], totals: &mut Totals) -> Check {
    if blocks.len() > BLOCKS_MAX {
        return Err(invalid(format!("{} blocks; {BLOCKS_MAX} are allowed", blocks.len())));
    }
    for block in blocks {
        let Some(block) = block.as_object() else {
            return Err(invalid("a block is no object"));
        };
        if let Some(id) = block.get("block_id") {
            string(id, "block_id", 1, 255)?;
        }
        check_block(block, totals)?;
    }
    Ok(())
}

fn check_block(block: &Map<String, Value>, totals: &mut Totals) -> Check {
    match kind(block) {
        "header" => text_object(block.get("text"), "header", 150, PLAIN),
        "section" => check_section(block),
        "context" => {
            let elements = some(block, "elements", "context", 10)?;
            elements.iter().try_for_each(|element| match element.get("type").and_then(Value::as_str) {
                Some("image") => check_image(element.as_object()),
                _ => text_object(Some(element), "context element", 3000, ANY),
            })
        }
        "actions" => some(block, "elements", "actions", 25)?.iter().try_for_each(check_element),
        "divider" => Ok(()),
        "image" => check_image(Some(block)),
        "markdown" => {
            let text = string(block.get("text").unwrap_or(&Value::Null), "markdown text", 1, MARKDOWN_MAX)?;
            totals.markdown += text;
            at_most("markdown text of the message", totals.markdown, MARKDOWN_MAX)
        }
        "rich_text" => some(block, "elements", "rich_text", usize::MAX)?.iter().try_for_each(check_rich),
        "table" => {
            totals.tables += 1;
            at_most("tables of the message", totals.tables, 1)?;
            check_table(block)
        }
        "" => Err(invalid("a block has no type")),
        other => Err(invalid(format!("unknown block type {other}"))),
    }
}

fn check_section(block: &Map<String, Value>) -> Check {
    if block.get("text").is_none() && block.get("fields").is_none() {
        return Err(invalid("a section has neither text nor fields"));
    }
    if let Some(text) = block.get("text") {
        text_object(Some(text), "section", 3000, ANY)?;
    }
    if block.get("fields").is_some() {
        some(block, "fields", "section", 10)?
            .iter()
            .try_for_each(|field| text_object(Some(field), "section field", 2000, ANY))?;
    }
    block.get("accessory").map_or(Ok(()), check_element)
}

fn check_image(image: Option<&Map<String, Value>>) -> Check {
    let image = image.ok_or_else(|| invalid("an image is no object"))?;
    string(image.get("alt_text").unwrap_or(&Value::Null), "alt_text", 1, 2000)?;
    match (image.get("image_url"), image.get("slack_file")) {
        (Some(url), _) => string(url, "image_url", 1, 3000).map(drop),
        (None, Some(_)) => Ok(()),
        (None, None) => Err(invalid("an image has no image_url")),
    }
}

fn check_element(element: &Value) -> Check {
    let Some(element) = element.as_object() else {
        return Err(invalid("an element is no object"));
    };
    if let Some(id) = element.get("action_id") {
        string(id, "action_id", 1, 255)?;
    }
    match kind(element) {
        "button" => {
            text_object(element.get("text"), "button", 75, PLAIN)?;
            element.get("url").map_or(Ok(0), |url| string(url, "button url", 1, 3000))?;
            element.get("value").map_or(Ok(0), |value| string(value, "button value", 0, 2000))?;
            match element.get("style").map(Value::as_str) {
                None | Some(Some("primary" | "danger")) => Ok(()),
                Some(style) => Err(invalid(format!("unknown button style {}", style.unwrap_or_default()))),
            }
        }
        "image" => check_image(Some(element)),
        // Rowbell sends none of these; their own limits are not checked.
        "overflow" | "datepicker" | "static_select" | "users_select" | "checkboxes" | "radio_buttons" => Ok(()),
        other => Err(invalid(format!("unknown element type {other:?}"))),
    }
}

fn check_rich(element: &Value) -> Check {
    let Some(element) = element.as_object() else {
        return Err(invalid("a rich_text element is no object"));
    };
    match kind(element) {
        "rich_text_list" => {
            if !matches!(element.get("style").and_then(Value::as_str), Some("bullet" | "ordered")) {
                return Err(invalid("a rich_text_list needs the style bullet or ordered"));
            }
            list(element, "elements")?.iter().try_for_each(check_rich)
        }
        "rich_text_section" | "rich_text_quote" | "rich_text_preformatted" => {
            list(element, "elements")?.iter().try_for_each(check_run)
        }
        other => Err(invalid(format!("unknown rich_text element {other:?}"))),
    }
}

fn check_run(run: &Value) -> Check {
    let Some(run) = run.as_object() else {
        return Err(invalid("a rich text run is no object"));
    };
    if let Some(style) = run.get("style") {
        let all_bools = style.as_object().is_some_and(|styles| styles.values().all(Value::is_boolean));
        if !all_bools {
            return Err(invalid("a rich text style is no object of booleans"));
        }
    }
    let field = |key: &str| string(run.get(key).unwrap_or(&Value::Null), key, 1, usize::MAX).map(drop);
    match kind(run) {
        "text" => field("text"),
        "link" => field("url"),
        "emoji" => field("name"),
        "user" => field("user_id"),
        "usergroup" => field("usergroup_id"),
        "channel" => field("channel_id"),
        "color" => field("value"),
        "date" if run.get("timestamp").is_some_and(Value::is_number) => field("format"),
        "broadcast" => match run.get("range").and_then(Value::as_str) {
            Some("here" | "channel" | "everyone") => Ok(()),
            _ => Err(invalid("a broadcast needs the range here, channel or everyone")),
        },
        other => Err(invalid(format!("unknown rich text run {other:?}"))),
    }
}

fn check_table(block: &Map<String, Value>) -> Check {
    let mut characters = 0;
    for row in some(block, "rows", "table", 100)? {
        let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
        at_most("cells of a table row", cells.len(), 20)?;
        for cell in cells {
            match cell.get("type").and_then(Value::as_str) {
                Some("raw_text") => {
                    characters += string(cell.get("text").unwrap_or(&Value::Null), "cell", 1, TABLE_CHARACTERS_MAX)?;
                }
                Some("rich_text") => {
                    for element in cell.get("elements").and_then(Value::as_array).into_iter().flatten() {
                        check_rich(element)?;
                    }
                }
                _ => return Err(invalid("a table cell is neither raw_text nor rich_text")),
            }
        }
    }
    at_most("characters of a table", characters, TABLE_CHARACTERS_MAX)
}

const PLAIN: &[&str] = &["plain_text"];
const ANY: &[&str] = &["plain_text", "mrkdwn"];

fn text_object(object: Option<&Value>, whose: &str, max: usize, kinds: &[&str]) -> Check {
    let Some(object) = object.and_then(Value::as_object) else {
        return Err(invalid(format!("a {whose} has no text object")));
    };
    if !kinds.contains(&kind(object)) {
        return Err(invalid(format!("a {whose} text may not be {:?}", kind(object))));
    }
    string(object.get("text").unwrap_or(&Value::Null), &format!("{whose} text"), 1, max).map(drop)
}

pub(super) fn kind(object: &Map<String, Value>) -> &str {
    object.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The length of a string within its limits.
fn string(value: &Value, what: &str, min: usize, max: usize) -> Result<usize, Refusal> {
    let Some(text) = value.as_str() else {
        return Err(invalid(format!("{what} is no string")));
    };
    let length = text.encode_utf16().count();
    if length < min {
        return Err(invalid(format!("{what} is empty")));
    }
    at_most(what, length, max).map(|()| length)
}

fn at_most(what: &str, count: usize, max: usize) -> Check {
    if count > max {
        return Err(invalid(format!("{what}: {count}, at most {max}")));
    }
    Ok(())
}

/// A list that may be missing.
fn list<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a [Value], Refusal> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(invalid(format!("{key} is no list"))),
    }
}

/// A list that must have something in it.
fn some<'a>(object: &'a Map<String, Value>, key: &str, whose: &str, max: usize) -> Result<&'a [Value], Refusal> {
    let items = list(object, key)?;
    if items.is_empty() {
        return Err(invalid(format!("a {whose} has no {key}")));
    }
    at_most(&format!("{key} of a {whose}"), items.len(), max)?;
    Ok(items)
}
