use serde_json::json;

use super::*;

fn price_blocks() -> Value {
    json!([
        {"type": "header", "text": {"type": "plain_text", "text": "Price dropped: Oak chair"}},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
            {"type": "text", "text": "Price", "style": {"bold": true}},
            {"type": "text", "text": "   "},
            {"type": "text", "text": "$250,000.00", "style": {"strike": true}},
            {"type": "text", "text": "  "},
            {"type": "text", "text": "$199,999.95", "style": {"bold": true}},
            {"type": "text", "text": "   -20 %\nTags   "},
            {"type": "text", "text": "lamp", "style": {"strike": true}},
        ]}]},
        {"type": "actions", "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "View listing"}, "url": "https://shop.example/1"},
        ]},
        {"type": "context", "elements": [
            {"type": "mrkdwn", "text": "rule &quot;price&quot; &amp;amp; <https://x.example|more>"},
            {"type": "plain_text", "text": "shop"},
        ]},
    ])
}

fn slack(payload: &Value) -> String {
    render(Service::Slack, payload, Style::Plain)
}

fn teams(payload: &Value) -> String {
    render(Service::Teams, payload, Style::Plain)
}

#[test]
fn slack_blocks_read_like_the_message() {
    let expected = "Price dropped: Oak chair\n  \
        Price   $250,000.00 -> $199,999.95   -20 %\n  \
        Tags   ~lamp~\n  \
        [View listing] https://shop.example/1\n  \
        rule &quot;price&quot; &amp; more (https://x.example)  shop";
    assert_eq!(slack(&json!({"text": "not shown", "blocks": price_blocks()})), expected);
    assert_eq!(slack(&json!({"attachments": [{"color": "#d00", "blocks": price_blocks()}]})), expected);
}

#[test]
fn the_text_is_shown_where_there_are_no_blocks() {
    let payload = json!({"text": "<!here> *Sold out*: ~1~ *0*", "attachments": [{"fallback": "plain"}]});
    assert_eq!(slack(&payload), "@here Sold out: 1 -> 0\n  plain");
}

#[test]
fn mrkdwn_that_row_data_escaped_stays_text() {
    let text = |text: &str| slack(&json!({"text": text}));
    assert_eq!(text("&lt;!channel&gt; &lt;https://evil|click&gt;"), "<!channel> <https://evil|click>");
    assert_eq!(text("&amp;lt;"), "&lt;");
    assert_eq!(text("2*3*4 snake_case_name"), "2*3*4 snake_case_name");
    assert_eq!(text("<@U123> in <#C1|general> at <!date^0^{time}|noon>"), "@U123 in #general at noon");
}

#[test]
fn lists_fields_and_tables_keep_their_lines() {
    let run = |text: &str| json!({"type": "rich_text_section", "elements": [{"type": "text", "text": text}]});
    let cell = |text: &str| json!({"type": "raw_text", "text": text});
    let payload = json!({"blocks": [
        {"type": "section", "text": {"type": "plain_text", "text": "Top"},
         "fields": [{"type": "mrkdwn", "text": "*Stock*\n0"}]},
        {"type": "rich_text", "elements": [
            {"type": "rich_text_list", "style": "ordered", "elements": [run("one"), run("two")]},
            {"type": "rich_text_quote", "elements": [{"type": "text", "text": "said"}]},
        ]},
        {"type": "table", "rows": [[cell("a"), cell("b")]]},
    ]});
    assert_eq!(slack(&payload), "Top\n  Stock  0\n  1. one\n  2. two\n  > said\n  a | b");
}

#[test]
fn a_card_reads_like_the_message() {
    let text = |text: &str| json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text}]});
    let old = json!({"type": "TextRun", "text": "$2", "strikethrough": true});
    let new = json!({"type": "TextRun", "text": "$1", "weight": "Bolder"});
    let payload = json!({"type": "message", "attachments": [{"content": {
        "type": "AdaptiveCard",
        "body": [
            {"type": "Container", "style": "attention", "items": [
                {"type": "TextBlock", "size": "Medium", "weight": "Bolder", "text": "Price dropped: Chair"}]},
            {"type": "ColumnSet", "columns": [
                {"items": [text("Price"), text("Stock")]},
                {"items": [{"type": "RichTextBlock", "inlines": [old, " ", new]}, text("3")]}]},
            {"type": "FactSet", "facts": [{"title": "Rule", "value": "**price** [more](https://x.example)"}]},
            {"type": "TextBlock", "text": "hidden", "isVisible": false},
            {"type": "TextBlock", "text": "shop", "isSubtle": true},
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "View listing", "url": "https://shop.example/1"}],
    }}]});
    let expected = "Price dropped: Chair\n  Price  $2 -> $1\n  Stock  3\n  Rule  price more (https://x.example)\n  \
        shop\n  [View listing] https://shop.example/1";
    assert_eq!(teams(&payload), expected);
}

#[test]
fn row_data_cannot_steer_the_terminal() {
    let evil = "a\u{1b}]0;title\u{7}b\u{9b}31mc\r\u{8}\u{202e}d\nforged line";
    let payload = json!({"blocks": [{"type": "section", "text": {"type": "plain_text", "text": evil}}]});
    assert_eq!(slack(&payload), "a]0;titleb31mcd\n  forged line");
    let ansi = render(Service::Slack, &payload, Style::Ansi);
    assert!(!ansi.contains('\u{1b}') && !ansi.contains('\u{9b}'));
}

#[test]
fn a_colour_terminal_gets_the_same_characters() {
    let payload = json!({"blocks": price_blocks()});
    let ansi = render(Service::Slack, &payload, Style::Ansi);
    assert!(ansi.contains("\u{1b}[2;9m$250,000.00\u{1b}[0m -> \u{1b}[1m$199,999.95\u{1b}[0m"));
    let mut stripped = String::new();
    for (index, piece) in ansi.split("\u{1b}[").enumerate() {
        stripped.push_str(if index == 0 { piece } else { piece.split_once('m').unwrap().1 });
    }
    assert_eq!(stripped, slack(&payload));
}

#[test]
fn nothing_sensible_gives_something_all_the_same() {
    assert_eq!(slack(&Value::Null), "");
    assert_eq!(teams(&json!([1, {"attachments": 3}])), "");
    assert_eq!(slack(&json!({"blocks": [{"type": "video"}, 7]})), "(a block of type video)\n  (a block of type )");
}

#[test]
fn a_digest_reads_like_a_message() {
    use crate::change::Folded;
    use crate::message::digest::{Digest, DigestWords, Entry, Form, digest};
    use crate::message::tests::build::{chair, int, listings, rule, update};
    use crate::message::{Priority, Words, compose};
    use std::sync::Arc;

    let words = Words { link: Some("https://shop.example/listings/1".into()), ..rule("stock", &["prod_stk_qty"]) };
    let mut storm: Digest<()> = Digest::default();
    for row in 0..12u8 {
        let key = || vec![("id", int(row.into()))];
        let change = update(key(), chair(key()), chair(vec![("id", int(row.into())), ("prod_stk_qty", int(0))]));
        let (folded, place): (_, Arc<[u8]>) = (Folded::one(Arc::new(change)), Arc::from([row]));
        let (view, priority) = (listings(), Priority::Normal);
        let (rule, watched) = (&words.rules[0], words.watched.as_slice());
        storm.add(&Entry { folded: &folded, row: Some(&place), rule, watched, priority, view: &view }, |_| ());
    }
    let plain = DigestWords {
        tone: Default::default(),
        mention: None,
        locale: crate::message::Locale::english(),
        time_zone: jiff::tz::TimeZone::UTC,
        overview: None,
    };
    let mut row = |kept: &crate::message::digest::Kept<()>| compose(&kept.folded.change, &listings(), &words);
    let message = digest(&storm, &plain, Form::Whole, &mut row);
    let text = slack(&crate::message::slack::payload(&message));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "12 changes to listings in less than a second");
    assert_eq!(lines[1], "  Stock quantity: 12 changes  (all down)");
    assert_eq!(lines[2], "  Most important  10 rows, 10 changes");
    assert_eq!(lines[3], "  - Oak chair (https://shop.example/listings/1): 1 -> 0");
    assert_eq!(lines[13], "  2 more changes are counted above, not shown one by one");
    let text = teams(&crate::message::teams::payload(&message));
    assert_eq!(text.lines().nth(3), Some("  •  Oak chair (https://shop.example/listings/1): 1 -> 0"));
    assert_eq!(text.lines().count(), 15);
}
