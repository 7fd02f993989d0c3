//! Teams: the schema of Adaptive Cards 1.4, what Workflows take, and the size of a message.

use super::{Shown, keys, list, text};
use serde_json::Value as Json;

/// About 28 KB after Teams has expanded it; a body of 24,453 bytes was refused.
const BODY_BYTES: usize = 20 * 1024;

/// What every element may have (1.4).
const ELEMENT: &str = "fallback? height? id? isVisible? requires? separator? spacing?";

const SPACINGS: &str = "default none small medium large extralarge padding";
const STYLES: &str = "default emphasis good attention warning accent";
const SIZES: &str = "default small medium large extralarge";
const WEIGHTS: &str = "default lighter bolder";
const COLOURS: &str = "default dark light accent good warning attention";

/// Checks a message, and says what it shows.
pub fn check(payload: &Json) -> Shown {
    let body = payload.to_string();
    assert!(body.len() <= BODY_BYTES, "{} bytes", body.len());
    keys("a message", payload, "type attachments");
    assert_eq!(payload["type"], "message");
    // Each attachment would be a post of its own.
    let attachment = &list("attachments", &payload["attachments"], 1..=1)[0];
    keys("an attachment", attachment, "contentType contentUrl content");
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    // `msteams` is Teams' own addition to the schema.
    keys("a card", card, "$schema type version body actions? msteams");
    assert_eq!((&card["type"], &card["version"]), (&"AdaptiveCard".into(), &"1.4".into()));
    assert_eq!(card["msteams"], serde_json::json!({"width": "Full"}));
    let mut shown = Shown::default();
    for (index, part) in list("a card", &card["body"], 1..=200).iter().enumerate() {
        element(part, index == 0, &mut shown);
    }
    if !card["actions"].is_null() {
        list("actions", &card["actions"], 1..=6).iter().for_each(open_url);
    }
    // Evaluated wherever it stands, also across a run's end.
    strings(card, &mut |text| assert!(!text.contains("{{") && !text.contains("}}"), "{text:?}"));
    shown
}

fn element(part: &Json, is_headline: bool, shown: &mut Shown) {
    one_of(&part["spacing"], SPACINGS);
    assert!(part["separator"].is_null() || part["separator"].is_boolean());
    match part["type"].as_str().unwrap() {
        "Container" => {
            keys("a container", part, &format!("type items bleed? style? minHeight? {ELEMENT}"));
            one_of(&part["style"], STYLES);
            let items = list("a container", &part["items"], 1..=100);
            items.iter().for_each(|item| element(item, is_headline, shown));
        }
        "RichTextBlock" => {
            keys("rich text", part, &format!("type inlines horizontalAlignment? {ELEMENT}"));
            let inlines = list("rich text", &part["inlines"], 1..=1_000);
            inlines.iter().for_each(|inline| run(inline, shown));
            for pair in inlines.windows(2) {
                let (left, right) = (pair[0]["text"].as_str().unwrap(), pair[1]["text"].as_str().unwrap());
                for brace in ['{', '}'] {
                    assert!(!(left.ends_with(brace) && right.starts_with(brace)), "{left:?} {right:?}");
                }
            }
            // Lines are not subtle as a whole; what stands beside them is, and so is told apart.
            let is_line = inlines[0]["size"].is_null() && !is_headline && inlines[0]["weight"].is_null();
            match inlines[0]["text"].as_str().unwrap().starts_with('•') {
                true => shown.rows += 1,
                false => shown.lines += usize::from(is_line),
            }
        }
        // TextBlock and FactSet read markdown: a row's data has no place there.
        other => panic!("an element of type {other}"),
    }
}

fn run(run: &Json, shown: &mut Shown) {
    let allowed =
        "type text color? fontType? highlight? isSubtle? italic? selectAction? size? strikethrough? underline? weight?";
    keys("a run", run, allowed);
    assert_eq!(run["type"], "TextRun");
    one_of(&run["size"], SIZES);
    one_of(&run["weight"], WEIGHTS);
    one_of(&run["color"], COLOURS);
    for flag in ["isSubtle", "italic", "strikethrough", "highlight", "underline"] {
        assert!(run[flag].is_null() || run[flag].is_boolean(), "{flag}: {run}");
    }
    if !run["selectAction"].is_null() {
        open_url(&run["selectAction"]);
    }
    let words = text("a run", &run["text"], 1..=20_000);
    assert!(!words.contains('\n'), "{words:?}");
    shown.texts.push(words.to_owned());
}

/// The one action that works in a post of Workflows.
fn open_url(action: &Json) {
    keys("an action", action, "type url title? style?");
    assert_eq!(action["type"], "Action.OpenUrl");
    let url = action["url"].as_str().unwrap();
    assert!(url.starts_with("https://shop.example/") && !url.contains(char::is_whitespace), "{url}");
    if !action["title"].is_null() {
        text("a title", &action["title"], 1..=200);
    }
}

/// The schema compares its words without case.
fn one_of(value: &Json, words: &str) {
    if let Some(value) = value.as_str() {
        assert!(words.split(' ').any(|word| word.eq_ignore_ascii_case(value)), "{value:?} is none of {words}");
    } else {
        assert!(value.is_null(), "{value}");
    }
}

fn strings(json: &Json, see: &mut impl FnMut(&str)) {
    match json {
        Json::String(text) => see(text),
        Json::Array(elements) => elements.iter().for_each(|element| strings(element, see)),
        Json::Object(entries) => entries.values().for_each(|value| strings(value, see)),
        _ => {}
    }
}
