//! A message as a Teams Workflows trigger takes it: one Adaptive Card.

use super::limits::{TEAMS_BODY_BYTES, TEAMS_CARD};
use super::model::{Colour, Line, Mark, Message, Rows};
use super::phrases::Phrases;
use super::slack::after;
use super::view::Mention;
use serde_json::{Value as Json, json};

/// A word joiner: no width, no line break, and not a brace.
const JOINER: char = '\u{2060}';

/// The payload: a message with one card of version 1.4, at most [`TEAMS_BODY_BYTES`] long.
///
/// All text stands in `TextRun`s, which know no markdown; a `TextBlock` or a fact would read `**`
/// and `[text](url)` in a row's data.
pub fn payload(message: &Message) -> Json {
    let mut step = 0;
    loop {
        let payload = assemble(&message.tightened(step));
        if step >= Message::TIGHTEST || payload.to_string().len() <= TEAMS_BODY_BYTES {
            return payload;
        }
        step += 1;
    }
}

fn assemble(message: &Message) -> Json {
    let mut headline = Vec::new();
    if let Some(words) = message.mention.as_ref().and_then(|mention| self::mention(mention, message.locale.phrases())) {
        headline.push(json!({"type": "TextRun", "text": words, "weight": "Bolder"}));
    }
    headline.push(json!({"type": "TextRun", "text": inert(&message.headline), "weight": "Bolder", "size": "Large"}));
    let mut body = vec![json!({
        "type": "Container", "style": style(message.colour()), "bleed": true,
        "items": [{"type": "RichTextBlock", "inlines": headline}],
    })];
    body.extend(message.lines.iter().map(|line| self::line(line, "")));
    body.extend(rows(&message.rows));
    body.extend([message.left_out_text(), message.identity_text()].into_iter().flatten().map(|text| quiet(&text)));
    body.extend(message.notes.iter().chain(&message.tip).map(|text| quiet(text)));
    body.extend(message.context_text().map(|text| quiet(&text)));
    let mut card = card(body);
    let buttons = message.link.iter().chain(&message.buttons);
    let buttons: Vec<_> =
        buttons.map(|link| json!({"type": "Action.OpenUrl", "title": inert(&link.label), "url": link.url})).collect();
    if !buttons.is_empty() {
        card["actions"] = json!(buttons);
    }
    post(card)
}

/// The message as one plain text: what is left to try when Teams refused the payload for what it holds.
pub fn simplified(message: &Message) -> Json {
    let lead = message
        .mention
        .as_ref()
        .and_then(|mention| self::mention(mention, message.locale.phrases()))
        .unwrap_or_default();
    let text = format!("{lead}{}", inert(&message.simplified()));
    let block = |line| json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]});
    post(card(text.lines().map(block).collect()))
}

fn card(body: Vec<Json>) -> Json {
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": TEAMS_CARD,
        "msteams": {"width": "Full"},
        "body": body,
    })
}

pub(super) fn post(card: Json) -> Json {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

/// A list below its heading, set apart from what stands above.
fn rows(rows: &Rows) -> Option<Json> {
    let heading = rows.heading.as_ref().map(|heading| {
        let body = heading.body.iter().map(|span| run(&format!("  {}", span.text), span.mark));
        let inlines: Vec<_> = [run(&heading.label, Mark::New)].into_iter().chain(body).collect();
        json!({"type": "RichTextBlock", "inlines": inlines})
    });
    let set_apart = heading.is_some();
    let items: Vec<_> = heading.into_iter().chain(rows.lines.iter().map(|row| line(row, "•  "))).collect();
    (!items.is_empty()).then(|| json!({"type": "Container", "items": items, "separator": set_apart}))
}

fn line(line: &Line, lead: &str) -> Json {
    let mut before = ": ".to_owned();
    let mut inlines = match &line.url {
        Some(url) => {
            let mut name = run(&line.label, Mark::Plain);
            name["selectAction"] = json!({"type": "Action.OpenUrl", "url": url});
            let lead = (!lead.is_empty()).then(|| run(lead, Mark::Plain));
            lead.into_iter().chain([name, run(&before, Mark::Plain)]).collect()
        }
        None => vec![run(&format!("{lead}{}{before}", line.label), Mark::Plain)],
    };
    for span in line.body.iter().cloned().chain(after(line)) {
        if span.text.is_empty() {
            continue;
        }
        // Two braces must not meet where one run ends and the next begins either.
        let meets = |brace: char| before.ends_with(brace) && span.text.starts_with(brace);
        let text = if meets('{') || meets('}') { format!("{JOINER}{}", span.text) } else { span.text.clone() };
        inlines.push(run(&text, span.mark));
        before = span.text;
    }
    json!({"type": "RichTextBlock", "inlines": inlines, "spacing": "Small"})
}

fn run(text: &str, mark: Mark) -> Json {
    let text = inert(text);
    match mark {
        Mark::Plain => json!({"type": "TextRun", "text": text}),
        Mark::Old => {
            json!({"type": "TextRun", "text": text, "strikethrough": true, "isSubtle": true})
        }
        Mark::New => json!({"type": "TextRun", "text": text, "weight": "Bolder"}),
        Mark::Quiet => json!({"type": "TextRun", "text": text, "isSubtle": true, "italic": true}),
    }
}

fn quiet(text: &str) -> Json {
    json!({
        "type": "RichTextBlock", "spacing": "Small",
        "inlines": [{"type": "TextRun", "text": inert(text), "isSubtle": true, "size": "Small"}],
    })
}

/// Teams evaluates `{{DATE(...)}}` and `{{TIME(...)}}` wherever they stand in a card, text runs
/// included, and there is no escape. A word joiner (no width, no line break) between two braces makes
/// them two characters.
pub(super) fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = ' ';
    for c in text.chars() {
        if c == previous && matches!(c, '{' | '}') {
            out.push(JOINER);
        }
        out.push(c);
        previous = c;
    }
    out
}

/// A mention in words: a real one needs the person's Teams identity, which no config of a Slack
/// mention holds. A Slack id would be noise here.
pub(super) fn mention(mention: &Mention, words: &Phrases) -> Option<&'static str> {
    match mention {
        Mention::Here => Some(words.to_here),
        Mention::Channel => Some(words.to_channel),
        Mention::Everyone => Some(words.to_everyone),
        Mention::User(_) | Mention::Group(_) => None,
    }
}

/// The style of a container.
pub(super) fn style(colour: Colour) -> &'static str {
    match colour {
        Colour::Red => "attention",
        Colour::Green => "good",
        Colour::Blue => "accent",
        Colour::Grey => "emphasis",
    }
}
