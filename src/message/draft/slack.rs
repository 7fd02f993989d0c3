//! Block Kit of a template's own.

use super::{Context, DraftError, Service, percent_encoded, unformatted, wrong};
use crate::message::limits::{
    SLACK_ACTION_ID, SLACK_ACTIONS, SLACK_ALT_TEXT, SLACK_ATTACHMENTS, SLACK_BLOCKS, SLACK_BODY, SLACK_BUTTON,
    SLACK_CONFIRM, SLACK_CONFIRM_BUTTON, SLACK_CONFIRM_TITLE, SLACK_CONTEXT_ELEMENTS, SLACK_FIELD, SLACK_FIELDS,
    SLACK_HEADER, SLACK_SECTION, SLACK_TEXT, SLACK_URL, SLACK_VALUE,
};
use crate::message::{Message, safe, slack};
use serde_json::{Map, Value as Json, json};
use std::collections::HashSet;

/// What Slack does with texts.
pub(super) fn service(message: &Message) -> Service {
    Service { context, inert, title, mark: message.locale.phrases().shortened }
}

/// Blocks that a message may hold.
const BLOCKS: [&str; 8] = ["section", "header", "divider", "context", "actions", "image", "rich_text", "markdown"];

/// Keys of a message that a template may set: where it goes and as what is the destination's to say.
const KEYS: [&str; 6] = ["text", "blocks", "attachments", "mrkdwn", "unfurl_links", "unfurl_media"];

fn context(owner: Option<&str>, key: &str) -> Context {
    match (owner, key) {
        (_, "url" | "image_url" | "title_link" | "author_link" | "thumb_url" | "author_icon" | "footer_icon") => {
            Context::Url
        }
        (Some("plain_text" | "text" | "link"), "text") | (_, "alt_text") => Context::Plain,
        (Some("user" | "usergroup" | "channel" | "broadcast" | "team" | "emoji"), _) => Context::Nowhere,
        (_, "text" | "fallback" | "pretext" | "title" | "value" | "footer" | "author_name") => Context::Markup,
        (_, "block_id" | "action_id" | "color" | "style") => Context::Word,
        _ => Context::Nowhere,
    }
}

fn title(json: &Json) -> Option<&Json> {
    match json.get("type").and_then(Json::as_str)? {
        "button" => json.pointer("/text/text"),
        // Of a rich text.
        "text" | "link" => json.get("text"),
        _ => None,
    }
}

fn inert(text: &str, is_markup: bool, before: &str, _behind: Option<char>) -> String {
    let text = without_emoji(text);
    if !is_markup {
        return text;
    }
    // Brackets that are open here are the template's: those of values were escaped.
    let inside = before.rsplit_once('<').map(|(_, inside)| inside).filter(|inside| !inside.contains('>'));
    match inside {
        Some(inside) if inside.starts_with("http") && !inside.contains('|') => return percent_encoded(&text),
        // `<{{ x }}>` is no way for a row to call anybody.
        Some(inside) if !inside.contains('|') => return format!("\u{2060}{}", slack::escape(&text)),
        _ => {}
    }
    let text = slack::escape(&unformatted(&text)).replace('#', "#\u{2060}");
    // A quotation is one at the beginning of a line, escaped or not.
    if text.starts_with("&gt;") { format!("\u{2060}{text}") } else { text }
}

/// `:fire:` is no picture where a joiner stands in it, which nobody sees.
fn without_emoji(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        let begins = c == ':' && chars.peek().is_some_and(|next| next.is_ascii_lowercase() || "+-_".contains(*next));
        if begins {
            out.push('\u{2060}');
        }
    }
    out
}

/// Checks the payload, shortens the texts that are too long, and gives it a notification where it has none.
pub(super) fn payload(mut json: Json, message: &Message) -> Result<Json, DraftError> {
    let Some(root) = json.as_object_mut() else {
        return wrong("yields no object\nhint: Slack takes { \"text\": ..., \"blocks\": [ ... ] }");
    };
    if let Some(key) = root.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return wrong(format!("has the key {key:?}, which is no part of a message\nhint: known: {}", KEYS.join(", ")));
    }
    let mut seen = Seen { mark: message.locale.phrases().shortened, ..Seen::default() };
    if let Some(blocks) = root.get_mut("blocks") {
        seen.blocks(blocks, "blocks")?;
    }
    if let Some(attachments) = root.get_mut("attachments") {
        let Some(attachments) = attachments.as_array_mut().filter(|all| all.len() <= SLACK_ATTACHMENTS) else {
            return wrong(format!("is wrong at attachments: they are not a list of at most {SLACK_ATTACHMENTS}"));
        };
        for (index, attachment) in attachments.iter_mut().enumerate() {
            seen.attachment(attachment, &format!("attachments[{index}]"))?;
        }
    }
    let mention = message.mention.as_ref().map(slack::mention);
    if let Some(mention) = &mention {
        // As in the default: whom the rule mentions, above all else.
        let block = json!({"type": "section", "text": {"type": "mrkdwn", "text": mention, "verbatim": true}});
        match root.get_mut("blocks").and_then(Json::as_array_mut) {
            Some(blocks) => blocks.insert(0, block),
            None => drop(root.insert("blocks".to_owned(), json!([block]))),
        }
        seen.blocks += 1;
    }
    if seen.blocks > SLACK_BLOCKS {
        return wrong(format!("has {} blocks, more than {SLACK_BLOCKS}", seen.blocks));
    }
    if seen.units > SLACK_BODY {
        return wrong(format!("has more than {SLACK_BODY} characters in its blocks"));
    }
    let is_empty = seen.blocks == 0 && seen.units == 0;
    match root.get_mut("text") {
        Some(Json::String(text)) if !text.trim().is_empty() => fit(text, SLACK_TEXT, seen.mark),
        Some(Json::String(_)) | None if is_empty => {
            return wrong("says nothing: there are neither blocks nor a text");
        }
        Some(Json::String(_)) | None => {
            root.insert("text".to_owned(), Json::String(slack::notification(message)));
        }
        Some(_) => return wrong("is wrong at text: it is no text"),
    }
    Ok(json)
}

/// What was counted so far.
#[derive(Default)]
struct Seen {
    /// What says that a text was cut.
    mark: &'static str,
    blocks: usize,
    units: usize,
    /// Of blocks and of elements.
    ids: HashSet<(&'static str, String)>,
}

impl Seen {
    fn blocks(&mut self, blocks: &mut Json, place: &str) -> Result<(), DraftError> {
        let Some(blocks) = blocks.as_array_mut() else {
            return wrong(format!("is wrong at {place}: it is no list"));
        };
        self.blocks += blocks.len();
        for (index, block) in blocks.iter_mut().enumerate() {
            self.block(block, &format!("{place}[{index}]"))?;
        }
        Ok(())
    }

    fn attachment(&mut self, attachment: &mut Json, place: &str) -> Result<(), DraftError> {
        let Some(attachment) = attachment.as_object_mut() else {
            return wrong(format!("is wrong at {place}: it is no object"));
        };
        for key in ["fallback", "pretext", "title", "text", "footer", "author_name"] {
            if let Some(Json::String(text)) = attachment.get_mut(key) {
                fit(text, SLACK_SECTION, self.mark);
                self.units += safe::units(text);
            }
        }
        match attachment.get_mut("blocks") {
            Some(blocks) => self.blocks(blocks, &format!("{place}.blocks")),
            None => Ok(()),
        }
    }

    fn block(&mut self, block: &mut Json, place: &str) -> Result<(), DraftError> {
        let kind = block.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
        let Some(block) = block.as_object_mut().filter(|_| BLOCKS.contains(&kind.as_str())) else {
            return wrong(format!(
                "is wrong at {place}: it is no block (type {kind:?})\nhint: known: {}",
                BLOCKS.join(", ")
            ));
        };
        self.id(block, "block_id", place)?;
        match kind.as_str() {
            "header" => self.text_of(block, place, SLACK_HEADER, &["plain_text"]),
            "section" => self.section(block, place),
            "context" => self.elements(block, place, SLACK_CONTEXT_ELEMENTS),
            "actions" => self.elements(block, place, SLACK_ACTIONS),
            "image" => image(block, place),
            "rich_text" => self.rich_text(block, place),
            "markdown" => match block.get_mut("text") {
                Some(Json::String(text)) if !text.trim().is_empty() => {
                    self.units += safe::units(text);
                    Ok(())
                }
                _ => wrong(format!("is wrong at {place}: it has no text")),
            },
            _ => Ok(()),
        }
    }

    fn section(&mut self, block: &mut Map<String, Json>, place: &str) -> Result<(), DraftError> {
        if block.contains_key("text") {
            self.text_of(block, place, SLACK_SECTION, &["plain_text", "mrkdwn"])?;
        } else if !block.contains_key("fields") {
            return wrong(format!("is wrong at {place}: it has neither text nor fields"));
        }
        if let Some(fields) = block.get_mut("fields") {
            let Some(fields) = fields.as_array_mut().filter(|all| (1..=SLACK_FIELDS).contains(&all.len())) else {
                return wrong(format!("is wrong at {place}.fields: it is not a list of 1 to {SLACK_FIELDS}"));
            };
            for (index, field) in fields.iter_mut().enumerate() {
                self.text(field, &format!("{place}.fields[{index}]"), SLACK_FIELD, &["plain_text", "mrkdwn"])?;
            }
        }
        match block.get_mut("accessory") {
            Some(accessory) => self.element(accessory, &format!("{place}.accessory")),
            None => Ok(()),
        }
    }

    fn elements(&mut self, block: &mut Map<String, Json>, place: &str, max: usize) -> Result<(), DraftError> {
        let elements = block.get_mut("elements").and_then(Json::as_array_mut);
        let Some(elements) = elements.filter(|all| (1..=max).contains(&all.len())) else {
            return wrong(format!("is wrong at {place}.elements: it is not a list of 1 to {max}"));
        };
        let named = |index: usize| format!("{place}.elements[{index}]");
        elements.iter_mut().enumerate().try_for_each(|(index, element)| self.element(element, &named(index)))
    }

    fn element(&mut self, element: &mut Json, place: &str) -> Result<(), DraftError> {
        let kind = element.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
        match (kind.as_str(), element.as_object_mut()) {
            ("plain_text" | "mrkdwn", Some(_)) => self.text(element, place, SLACK_SECTION, &["plain_text", "mrkdwn"]),
            ("image", Some(image)) => self::image(image, place),
            ("button", Some(button)) => {
                self.text_of(button, place, SLACK_BUTTON, &["plain_text"])?;
                longest(button, "url", SLACK_URL, place)?;
                longest(button, "value", SLACK_VALUE, place)?;
                if let Some(confirm) = button.get_mut("confirm") {
                    self.confirm(confirm, &format!("{place}.confirm"))?;
                }
                self.id(button, "action_id", place)
            }
            _ => wrong(format!("is wrong at {place}: it is no text, image or button (type {kind:?})")),
        }
    }

    fn confirm(&mut self, confirm: &mut Json, place: &str) -> Result<(), DraftError> {
        let Some(confirm) = confirm.as_object_mut() else {
            return wrong(format!("is wrong at {place}: it is no object"));
        };
        for (key, max) in
            [("confirm", SLACK_CONFIRM_BUTTON), ("deny", SLACK_CONFIRM_BUTTON), ("title", SLACK_CONFIRM_TITLE)]
        {
            if let Some(text) = confirm.get_mut(key) {
                self.text(text, &format!("{place}.{key}"), max, &["plain_text"])?;
            }
        }
        self.text_of(confirm, place, SLACK_CONFIRM, &["plain_text", "mrkdwn"])
    }

    /// Ids are unique within a message.
    fn id(&mut self, owner: &Map<String, Json>, key: &'static str, place: &str) -> Result<(), DraftError> {
        longest(owner, key, SLACK_ACTION_ID, place)?;
        match owner.get(key).and_then(Json::as_str) {
            Some(id) if !self.ids.insert((key, id.to_owned())) => {
                wrong(format!("is wrong at {place}: there is another {key} {id:?}"))
            }
            _ => Ok(()),
        }
    }

    fn rich_text(&mut self, block: &Map<String, Json>, place: &str) -> Result<(), DraftError> {
        let elements = block.get("elements").and_then(Json::as_array).filter(|all| !all.is_empty());
        let Some(elements) = elements else {
            return wrong(format!("is wrong at {place}.elements: it is no list, or empty"));
        };
        let kind = |element: &Json| element.get("type").and_then(Json::as_str).map(str::to_owned).unwrap_or_default();
        if let Some(other) = elements.iter().map(kind).find(|kind| !kind.starts_with("rich_text_")) {
            return wrong(format!("is wrong at {place}: {other:?} is no part of a rich text"));
        }
        if elements.iter().any(says_nothing) {
            return wrong(format!("is wrong at {place}: a text in it is empty"));
        }
        self.units += elements.iter().map(units).sum::<usize>();
        Ok(())
    }

    fn text_of(
        &mut self,
        owner: &mut Map<String, Json>,
        place: &str,
        max: usize,
        kinds: &[&str],
    ) -> Result<(), DraftError> {
        match owner.get_mut("text") {
            Some(text) => self.text(text, &format!("{place}.text"), max, kinds),
            None => wrong(format!("is wrong at {place}: it has no text")),
        }
    }

    fn text(&mut self, object: &mut Json, place: &str, max: usize, kinds: &[&str]) -> Result<(), DraftError> {
        let kind = object.get("type").and_then(Json::as_str).unwrap_or_default();
        if !kinds.contains(&kind) {
            return wrong(format!("is wrong at {place}: it is not of type {}", kinds.join(" or ")));
        }
        match object.get_mut("text") {
            Some(Json::String(text)) if !text.trim().is_empty() => {
                fit(text, max, self.mark);
                self.units += safe::units(text);
                Ok(())
            }
            _ => wrong(format!("is wrong at {place}: it is empty")),
        }
    }
}

fn image(object: &Map<String, Json>, place: &str) -> Result<(), DraftError> {
    longest(object, "image_url", SLACK_URL, place)?;
    longest(object, "alt_text", SLACK_ALT_TEXT, place)?;
    let text = |key: &str| object.get(key).and_then(Json::as_str).is_some_and(|text| !text.trim().is_empty());
    if (text("image_url") || object.contains_key("slack_file")) && text("alt_text") {
        return Ok(());
    }
    wrong(format!("is wrong at {place}: it has no image_url, or no alt_text"))
}

fn longest(object: &Map<String, Json>, key: &str, max: usize, place: &str) -> Result<(), DraftError> {
    match object.get(key) {
        Some(Json::String(text)) if safe::units(text) > max => {
            wrong(format!("is wrong at {place}.{key}: it is longer than {max}"))
        }
        Some(Json::String(_)) | None => Ok(()),
        Some(_) => wrong(format!("is wrong at {place}.{key}: it is no text")),
    }
}

/// Whether a text or a link below has no words.
fn says_nothing(json: &Json) -> bool {
    match json {
        Json::Array(elements) => elements.iter().any(says_nothing),
        Json::Object(entries) => {
            title(json).and_then(Json::as_str).is_some_and(str::is_empty) || entries.values().any(says_nothing)
        }
        _ => false,
    }
}

/// Units of all texts below.
fn units(json: &Json) -> usize {
    match json {
        Json::Array(elements) => elements.iter().map(units).sum(),
        Json::Object(entries) => entries
            .iter()
            .map(|(key, value)| match value {
                Json::String(text) if key == "text" => safe::units(text),
                Json::String(_) => 0,
                other => units(other),
            })
            .sum(),
        _ => 0,
    }
}

fn fit(text: &mut String, max: usize, mark: &str) {
    if safe::units(text) > max {
        *text = safe::shorten_as(mark, text, max);
    }
}
