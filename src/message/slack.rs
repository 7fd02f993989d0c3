//! A message as Slack's `chat.postMessage` and incoming webhooks take it.

use super::limits::{HEADLINE, SLACK_BLOCKS, SLACK_BODY, SLACK_BUTTON, SLACK_HEADER, SLACK_SECTION, SLACK_TEXT, VALUE};
use super::locale::Locale;
use super::model::{Colour, Line, Link, Mark, Message, Rows, Span};
use super::safe;
use super::view::Mention;
use serde_json::{Value as Json, json};

/// The payload, without the destination's own keys (`channel`, `thread_ts`, `unfurl_links`, ...).
///
/// The headline stands in top-level `blocks`, what follows in one attachment, because only an
/// attachment has the colour bar, and only a top-level block is large, notifies whom it mentions and
/// is never folded away. With `blocks` present, Slack uses `text` for notifications alone; with
/// attachments only it would print `text` above them, and every message would say its headline twice.
pub fn payload(message: &Message) -> Json {
    let mut step = 0;
    loop {
        let small = message.tightened(step);
        let details = details(&small);
        if step >= Message::TIGHTEST || details.units <= SLACK_BODY {
            return assemble(&small, details.blocks);
        }
        step += 1;
    }
}

/// The message as one plain text: what is left to try when Slack refused the payload for what it holds.
pub fn simplified(message: &Message) -> Json {
    let lead = message.mention.as_ref().map(|mention| format!("{} ", self::mention(mention))).unwrap_or_default();
    let text = escape(&message.simplified());
    debug_assert!(safe::units(&text) <= SLACK_TEXT);
    // Without `mrkdwn` asterisks stay asterisks; what stands between angle brackets is read all the same.
    json!({"text": format!("{lead}{text}"), "mrkdwn": false})
}

/// A payload as the update of a row's first message: it says that it is one. Only what stands beside the message says more.
pub fn latest(payload: &Json, threaded: bool, locale: &Locale) -> Json {
    let mut payload = payload.clone();
    let words = locale.phrases();
    let note = if threaded { words.latest_in_thread } else { words.latest_in_place };
    let note = json!({"type": "context", "elements": [plain(note)]});
    let listed = |blocks: Option<&Json>| blocks.and_then(Json::as_array).map_or(0, Vec::len);
    let attached = payload.get("attachments").and_then(Json::as_array);
    let attached: usize = attached.into_iter().flatten().map(|attachment| listed(attachment.get("blocks"))).sum();
    if listed(payload.get("blocks")) + attached >= SLACK_BLOCKS {
        // A template of the config's own may have used up the room.
        return payload;
    }
    // A simplified message has neither.
    let blocks = match payload.pointer_mut("/attachments/0/blocks") {
        Some(blocks) => blocks.as_array_mut(),
        None => payload.get_mut("blocks").and_then(Json::as_array_mut),
    };
    if let Some(blocks) = blocks {
        blocks.push(note);
    }
    payload
}

fn assemble(message: &Message, details: Vec<Json>) -> Json {
    let mention = message.mention.as_ref().map(self::mention);
    let mark = message.locale.phrases().shortened;
    let mut blocks = Vec::new();
    if let Some(mention) = &mention {
        // The one place with markup: it holds nothing but the config's mention. `verbatim` keeps
        // Slack from looking for more.
        blocks.push(json!({"type": "section", "text": {"type": "mrkdwn", "text": mention, "verbatim": true}}));
    }
    blocks
        .push(json!({"type": "header", "text": plain(&safe::shorten_as(mark, &message.headline, SLACK_HEADER.min(HEADLINE)))}));
    let lead = mention.map(|mention| format!("{mention} ")).unwrap_or_default();
    let mut payload = json!({"text": format!("{lead}{}", notification(message)), "blocks": blocks});
    if !details.is_empty() {
        payload["attachments"] = json!([{
            "color": colour(message.colour()),
            // Shown by clients that cannot show blocks, and plain there.
            "fallback": escape(&message.headline),
            "blocks": details,
        }]);
    }
    payload
}

/// Units kept free for the heading of a list, which is ours.
const HEADING: usize = 200;

/// The blocks below the headline, and how much text they hold.
struct Details {
    /// What says that a text was cut.
    mark: &'static str,
    blocks: Vec<Json>,
    units: usize,
}

impl Details {
    fn quiet(&mut self, text: &str) {
        let text = safe::shorten_as(self.mark, text, SLACK_SECTION);
        self.units += safe::units(&text);
        self.blocks.push(json!({"type": "context", "elements": [plain(&text)]}));
    }

    /// A point in time on the reader's own clock, and what else there is to say quietly. Of markup it holds the date alone.
    fn dated(&mut self, when: i64, time: &str, rest: &str) {
        let date = format!("<!date^{when}^{{date_short_pretty}}, {{time_secs}}|{}>", escape(time));
        let rest = safe::shorten_as(self.mark, rest, SLACK_SECTION);
        self.units += safe::units(&date) + safe::units(&rest);
        let mut elements = vec![json!({"type": "mrkdwn", "text": date, "verbatim": true})];
        elements.extend((!rest.is_empty()).then(|| plain(&rest)));
        self.blocks.push(json!({"type": "context", "elements": elements}));
    }

    /// Lines of one paragraph: some clients write the sections of a block one after the other, as if they were one.
    fn lines(&mut self, lines: &[Line]) {
        for lines in self.chunks(lines) {
            let broken = lines.into_iter().enumerate().flat_map(|(index, line)| {
                let end = (index > 0).then(|| text_element("\n", Mark::Plain));
                end.into_iter().chain(line)
            });
            let elements: Vec<_> = broken.collect();
            self.blocks.push(json!({"type": "rich_text", "elements": [section(elements)]}));
        }
    }

    /// A list below its heading.
    fn rows(&mut self, rows: &Rows) {
        let mut heading = rows.heading.as_ref().map(|heading| {
            let mut elements = vec![text_element(&heading.label, Mark::New)];
            elements.extend(heading.body.iter().map(|span| text_element(&format!("  {}", span.text), span.mark)));
            section(elements)
        });
        for lines in self.chunks(&rows.lines) {
            let items: Vec<_> = lines.into_iter().map(section).collect();
            let list = json!({"type": "rich_text_list", "style": "bullet", "elements": items});
            let elements: Vec<_> = heading.take().into_iter().chain([list]).collect();
            self.blocks.push(json!({"type": "rich_text", "elements": elements}));
        }
    }

    /// Lines for one block after the other, each within its limit; with room for a heading.
    fn chunks(&mut self, lines: &[Line]) -> Vec<Vec<Vec<Json>>> {
        let (mut chunks, mut chunk, mut held) = (Vec::new(), Vec::new(), 0);
        for line in lines {
            let (elements, units) = elements(line);
            if held + units > SLACK_SECTION - HEADING && !chunk.is_empty() {
                chunks.push(std::mem::take(&mut chunk));
                held = 0;
            }
            chunk.push(elements);
            held += units + 1;
            self.units += units + 1;
        }
        chunks.extend((!chunk.is_empty()).then_some(chunk));
        chunks
    }
}

/// Rich text, whose text elements are literal by construction.
fn section(elements: Vec<Json>) -> Json {
    json!({"type": "rich_text_section", "elements": elements})
}

fn details(message: &Message) -> Details {
    let mut details = Details { mark: message.locale.phrases().shortened, blocks: Vec::new(), units: 0 };
    details.lines(&message.lines);
    details.rows(&message.rows);
    for text in [message.left_out_text(), message.identity_text()].into_iter().flatten() {
        details.quiet(&text);
    }
    let buttons: Vec<_> = message.link.iter().chain(&message.buttons).enumerate().map(button).collect();
    if !buttons.is_empty() {
        details.blocks.push(json!({"type": "actions", "elements": buttons}));
    }
    for note in message.notes.iter().chain(&message.tip) {
        details.quiet(note);
    }
    match (message.when, message.context.split_first()) {
        // Negative ones Slack does not know.
        (Some(when @ 1..), Some((time, rest))) => details.dated(when, time, &rest.join(" · ")),
        _ => message.context_text().iter().for_each(|text| details.quiet(text)),
    }
    details
}

/// Action ids are unique within their block, as Slack demands.
fn button((index, link): (usize, &Link)) -> Json {
    let id = if index == 0 { "open".to_owned() } else { format!("open-{index}") };
    json!({"type": "button", "action_id": id, "text": plain(&safe::shorten_as("…", &link.label, SLACK_BUTTON)), "url": link.url})
}

/// One line, and how much text it holds.
fn elements(line: &Line) -> (Vec<Json>, usize) {
    let mut elements = match &line.url {
        Some(url) => vec![json!({"type": "link", "url": url, "text": line.label}), text_element(": ", Mark::Plain)],
        None => vec![text_element(&format!("{}: ", line.label), Mark::Plain)],
    };
    elements
        .extend(line.body.iter().filter(|span| !span.text.is_empty()).map(|span| text_element(&span.text, span.mark)));
    let after = after(line);
    elements.extend(after.iter().map(|span| text_element(&span.text, span.mark)));
    let spans = line.body.iter().chain(&after);
    let units = safe::units(&line.label) + 2 + spans.map(|span| safe::units(&span.text)).sum::<usize>();
    (elements, units)
}

/// What stands behind the values: the delta, then the remark.
pub(super) fn after(line: &Line) -> Vec<Span> {
    // The config's unit is part of it, however long somebody made it.
    let delta = line.delta.as_ref().map(|delta| Span::new(Mark::Plain, safe::shorten(&format!("  {delta}"), VALUE)));
    let note = line.note.as_ref().map(|note| Span::new(Mark::Quiet, format!("  ({note})")));
    delta.into_iter().chain(note).collect()
}

fn text_element(text: &str, mark: Mark) -> Json {
    match mark {
        Mark::Plain => json!({"type": "text", "text": text}),
        Mark::Old => json!({"type": "text", "text": text, "style": {"strike": true}}),
        Mark::New => json!({"type": "text", "text": text, "style": {"bold": true}}),
        Mark::Quiet => json!({"type": "text", "text": text, "style": {"italic": true}}),
    }
}

/// `emoji: false`, or `:fire:` in a row would become a picture.
fn plain(text: &str) -> Json {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

pub(super) fn mention(mention: &Mention) -> String {
    match mention {
        Mention::Here => "<!here>".to_owned(),
        Mention::Channel => "<!channel>".to_owned(),
        Mention::Everyone => "<!everyone>".to_owned(),
        Mention::User(id) => format!("<@{}>", id.as_str()),
        Mention::Group(id) => format!("<!subteam^{}>", id.as_str()),
    }
}

/// The notification's text, escaped; five times [`super::limits::FALLBACK`] is below [`SLACK_TEXT`].
pub(super) fn notification(message: &Message) -> String {
    let text = escape(&message.fallback());
    debug_assert!(safe::units(&text) <= SLACK_TEXT);
    text
}

/// Text that `text` and `fallback` take for nothing but text.
///
/// Escaping disarms `<!channel>` and `<url|text>`. Bare `@here` and addresses are looked for as well
/// where a message is parsed, so a word joiner, which nobody sees, breaks these.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("@\u{2060}"),
            c => out.push(c),
        }
    }
    out.replace("://", ":\u{2060}//")
}

/// The bar of an attachment.
pub(super) fn colour(colour: Colour) -> &'static str {
    match colour {
        Colour::Red => "#D92D20",
        Colour::Green => "#12805C",
        Colour::Blue => "#2E6BD6",
        Colour::Grey => "#98A2B3",
    }
}
