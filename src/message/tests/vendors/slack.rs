//! Slack: Block Kit's reference (docs.slack.dev/reference/block-kit), chat.postMessage, and formatting of text.

use super::{Shown, keys, length, list, text};
use crate::message::Mention;
use serde_json::Value as Json;

/// All text in the blocks of a message. Not documented: 11,341 characters were refused, 12,000 are said to be the limit.
const TEXT_IN_ALL_BLOCKS: usize = 11_000;

/// Checks a message, and says what it shows. Whom it calls is the config's to say.
pub fn check(payload: &Json, mention: Option<&Mention>) -> Shown {
    keys("a message", payload, "text blocks? attachments? mrkdwn?");
    let mut check = Check { mention: mention.map(written), shown: Shown::default(), blocks: 0, length: 0 };
    check.markup(text("text", &payload["text"], 1..=4_000));
    if !payload["blocks"].is_null() {
        check.blocks(&payload["blocks"], false);
    }
    if !payload["attachments"].is_null() {
        for attachment in list("attachments", &payload["attachments"], 1..=20) {
            keys("an attachment", attachment, "color fallback blocks");
            let colour = text("a colour", &attachment["color"], 7..=7);
            assert!(colour.starts_with('#') && colour[1..].bytes().all(|b| b.is_ascii_hexdigit()), "{colour}");
            check.markup(text("a fallback", &attachment["fallback"], 1..=3_000));
            check.blocks(&attachment["blocks"], true);
        }
    }
    assert!(check.blocks <= 50, "{} blocks", check.blocks);
    assert!(check.length <= TEXT_IN_ALL_BLOCKS, "{} characters in all blocks", check.length);
    check.shown
}

fn written(mention: &Mention) -> String {
    match mention {
        Mention::Here => "<!here>".to_owned(),
        Mention::Channel => "<!channel>".to_owned(),
        Mention::Everyone => "<!everyone>".to_owned(),
        Mention::User(id) => format!("<@{}>", id.as_str()),
        Mention::Group(id) => format!("<!subteam^{}>", id.as_str()),
    }
}

struct Check {
    mention: Option<String>,
    shown: Shown,
    blocks: usize,
    length: usize,
}

impl Check {
    /// Text that Slack parses: apart from the config's mention everything that could be a mention, a link or a name is
    /// escaped or broken up.
    fn markup(&self, text: &str) {
        let row = match &self.mention {
            Some(mention) => text.replacen(mention, "", 1),
            None => text.to_owned(),
        };
        assert!(!row.contains(['<', '>']), "{text:?}");
        for (index, _) in row.match_indices('&') {
            let known = ["&amp;", "&lt;", "&gt;"].iter().any(|escape| row[index..].starts_with(escape));
            assert!(known, "a bare & in {text:?}");
        }
        for live in ["@here", "@channel", "@everyone", "@U", "://"] {
            assert!(!row.contains(live), "{live} in {text:?}");
        }
        let bare: Vec<_> = row.match_indices('@').filter(|(at, _)| !row[at + 1..].starts_with('\u{2060}')).collect();
        assert!(bare.is_empty(), "@ in {text:?}");
    }

    fn blocks(&mut self, blocks: &Json, is_attachment: bool) {
        for block in list("blocks", blocks, 1..=50) {
            self.blocks += 1;
            match block["type"].as_str().unwrap() {
                "header" => {
                    keys("a header", block, "type text block_id?");
                    self.plain("a header", &block["text"], 150);
                }
                "section" => {
                    keys("a section", block, "type text block_id?");
                    keys("its text", &block["text"], "type text verbatim");
                    assert_eq!((&block["text"]["type"], &block["text"]["verbatim"]), (&"mrkdwn".into(), &true.into()));
                    self.markup(text("a section", &block["text"]["text"], 1..=3_000));
                }
                "context" => {
                    keys("a context", block, "type elements block_id?");
                    for element in list("a context", &block["elements"], 1..=10) {
                        match element["type"] == "mrkdwn" {
                            true => dated(element),
                            false => self.plain("a context", element, 3_000),
                        }
                    }
                }
                "actions" => {
                    keys("actions", block, "type elements block_id?");
                    let buttons = list("actions", &block["elements"], 1..=25);
                    buttons.iter().for_each(|button| self.button(button));
                    let ids: std::collections::HashSet<_> = buttons.iter().map(|button| &button["action_id"]).collect();
                    assert_eq!(ids.len(), buttons.len(), "action ids are unique within their block");
                }
                "divider" => keys("a divider", block, "type block_id?"),
                "rich_text" => self.rich_text(block, is_attachment),
                other => panic!("a block of type {other}"),
            }
            if !block["block_id"].is_null() {
                text("a block_id", &block["block_id"], 1..=255);
            }
        }
    }

    fn plain(&mut self, what: &str, object: &Json, max: usize) {
        keys(what, object, "type text emoji");
        assert_eq!((&object["type"], &object["emoji"]), (&"plain_text".into(), &false.into()), "{what}");
        self.see(text(what, &object["text"], 1..=max));
    }

    fn see(&mut self, text: &str) {
        self.length += length(text);
        self.shown.texts.push(text.to_owned());
    }

    fn button(&mut self, button: &Json) {
        keys("a button", button, "type text action_id url? value? style?");
        assert_eq!(button["type"], "button");
        self.plain("a button", &button["text"], 75);
        text("an action_id", &button["action_id"], 1..=255);
        if !button["url"].is_null() {
            address(text("a button's url", &button["url"], 1..=3_000));
        }
        if !button["value"].is_null() {
            text("a button's value", &button["value"], 1..=2_000);
        }
        assert!(matches!(button["style"].as_str(), None | Some("primary" | "danger")));
    }

    /// One block is held to a section's limit, for Slack names none.
    fn rich_text(&mut self, block: &Json, counts: bool) {
        keys("rich text", block, "type elements block_id?");
        let before = self.length;
        let elements = list("rich text", &block["elements"], 1..=100);
        let has_list = elements.iter().any(|element| element["type"] == "rich_text_list");
        for element in elements {
            match element["type"].as_str().unwrap() {
                "rich_text_section" => {
                    let breaks = self.section(element);
                    self.shown.lines += if counts && !has_list { 1 + breaks } else { 0 };
                }
                "rich_text_list" => {
                    keys("a list", element, "type style elements indent? border?");
                    assert!(matches!(element["style"].as_str(), Some("bullet" | "ordered")));
                    for item in list("a list", &element["elements"], 1..=100) {
                        assert_eq!(self.section(item), 0, "one line a row");
                        self.shown.rows += 1;
                    }
                }
                other => panic!("rich text of type {other}"),
            }
        }
        assert!(self.length - before <= 3_000, "{} characters", self.length - before);
    }

    /// How many line breaks it holds.
    fn section(&mut self, section: &Json) -> usize {
        keys("a section", section, "type elements");
        assert_eq!(section["type"], "rich_text_section");
        let mut breaks = 0;
        for element in list("a section", &section["elements"], 1..=1_000) {
            match element["type"].as_str().unwrap() {
                "text" => keys("text", element, "type text style?"),
                "link" => {
                    keys("a link", element, "type url text style?");
                    address(text("a link's url", &element["url"], 1..=3_000));
                }
                // `user`, `broadcast`, `usergroup` would call somebody.
                other => panic!("{other} in rich text"),
            }
            if !element["style"].is_null() {
                keys("a style", &element["style"], "bold? italic? strike? code?");
                assert!(element["style"].as_object().unwrap().values().all(Json::is_boolean));
            }
            let words = text("text", &element["text"], 1..=3_000);
            breaks += usize::from(words == "\n");
            assert!(words == "\n" || !words.contains('\n'), "a row's own line break: {words:?}");
            self.see(words);
        }
        breaks
    }
}

/// What a row's link may be.
fn address(url: &str) {
    assert!(url.starts_with("https://shop.example/") && !url.contains(char::is_whitespace), "{url}");
}

/// The one markup of a context: a date, which Slack writes on its reader's clock.
fn dated(element: &Json) {
    keys("a date", element, "type text verbatim");
    let text = text("a date", &element["text"], 1..=3_000);
    let rest = text.strip_prefix("<!date^").and_then(|rest| rest.strip_suffix('>')).unwrap_or_else(|| panic!("{text}"));
    let (when, fallback) = rest.split_once("^{date_short_pretty}, {time_secs}|").unwrap();
    assert!(when.parse::<u64>().is_ok() && !fallback.contains(['<', '>', '|', '*', '_', '~', '`']), "{text}");
    assert_eq!(element["verbatim"], true);
}
