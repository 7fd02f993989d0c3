//! What the vendors accept, checked by nobody's code but this: their limits and formats are written down here once more,
//! from their documentation, so that a mistake in the renderer's table is not repeated by its test.

pub mod own;
pub mod slack;
pub mod teams;

use super::digests::digest_of;
use super::hostile::{hostile_change, hostile_text};
use crate::change::RowChange;
use crate::message::digest::Form;
use crate::message::{Mention, Message, TableView, Words, compose, slack as to_slack, teams as to_teams};
use proptest::prelude::*;
use serde_json::Value as Json;

/// Characters as the stricter of the two readings counts them: UTF-16 units, or code points.
pub fn length(text: &str) -> usize {
    text.encode_utf16().count().max(text.chars().count())
}

/// An object with these keys and no others; those that end in `?` may be missing.
pub fn keys(what: &str, json: &Json, allowed: &str) {
    let object = json.as_object().unwrap_or_else(|| panic!("{what} is no object: {json}"));
    let (optional, required): (Vec<_>, Vec<_>) = allowed.split(' ').partition(|key| key.ends_with('?'));
    for key in &required {
        assert!(object.contains_key(*key), "{what} lacks {key}: {json}");
    }
    for key in object.keys() {
        let known = required.contains(&key.as_str()) || optional.iter().any(|known| known.trim_end_matches('?') == key);
        assert!(known, "{what} has no {key}: {json}");
    }
}

/// The elements of a list within these bounds.
pub fn list<'a>(what: &str, json: &'a Json, range: std::ops::RangeInclusive<usize>) -> &'a [Json] {
    let list = json.as_array().unwrap_or_else(|| panic!("{what} is no list: {json}"));
    assert!(range.contains(&list.len()), "{what} has {} elements", list.len());
    list
}

/// A text within these bounds.
pub fn text<'a>(what: &str, json: &'a Json, range: std::ops::RangeInclusive<usize>) -> &'a str {
    let text = json.as_str().unwrap_or_else(|| panic!("{what} is no text: {json}"));
    assert!(range.contains(&length(text)), "{what} has {} characters: {text:?}", length(text));
    text
}

/// What a payload shows of a message, to be added up.
#[derive(Debug, Default)]
pub struct Shown {
    /// Lines of columns, or of a digest's counts.
    pub lines: usize,
    /// Rows of a digest.
    pub rows: usize,
    /// Every text that a reader sees.
    pub texts: Vec<String>,
}

impl Shown {
    /// The number in a remark such as "… and 12 more: ...".
    fn left_out(&self, before: &str, after: &str) -> usize {
        let numbers = self.texts.iter().filter_map(|text| {
            let rest = text.strip_prefix(before)?;
            let (number, rest) = rest.split_once(' ')?;
            rest.starts_with(after).then(|| number.replace(',', "").parse::<usize>().ok()).flatten()
        });
        numbers.sum()
    }

    /// Every line and every row is shown, or counted among those left out; and what is not shown whole is marked.
    pub fn accounts_for(&self, message: &Message) {
        let named = match self.lines {
            0 => self.left_out("", "column"),
            _ => self.left_out("… and ", "more"),
        };
        assert_eq!(self.lines + named, message.lines.len() + message.left_out.len(), "{:#?}", self.texts);
        let left = self.left_out("", "row was left out") + self.left_out("", "rows were left out");
        assert_eq!(self.rows + left, message.rows.lines.len(), "{:#?}", self.texts);
        let plain: Vec<_> = self.texts.iter().map(|text| text.replace('\u{2060}', "")).collect();
        let spans = message.lines.iter().chain(&message.rows.lines).flat_map(|line| &line.body);
        let cut = spans.filter(|span| !plain.iter().any(|text| text.contains(&span.text)));
        if cut.count() > 0 {
            assert!(named > 0 || left > 0 || plain.iter().any(|text| text.contains("… (shortened)")), "{plain:#?}");
        }
    }
}

/// Everything that is sent for a message.
fn check(message: &Message) {
    let payload = to_slack::payload(message);
    slack::check(&payload, message.mention.as_ref()).accounts_for(message);
    for threaded in [true, false] {
        slack::check(&to_slack::latest(&payload, threaded, &message.locale), message.mention.as_ref());
    }
    slack::check(&to_slack::simplified(message), message.mention.as_ref());
    let shown = teams::check(&to_teams::payload(message));
    shown.accounts_for(message);
    teams::check(&to_teams::simplified(message));
}

fn mention() -> impl Strategy<Value = Option<Mention>> {
    let words = ["here", "channel", "everyone", "U0123ABCD", "S0123ABCD"];
    proptest::option::of(proptest::sample::select(words.to_vec()).prop_map(|word| word.parse().unwrap()))
}

/// A change whose every text is many times longer than anything may be.
fn oversized() -> impl Strategy<Value = (RowChange, TableView, Words)> {
    (hostile_change(), 1usize..60).prop_map(|((mut change, view, mut words), times)| {
        // Few of its characters, and many times more than any place holds.
        let grow = |text: &str| format!("{}漢 x ", text.chars().take(20).collect::<String>()).repeat(times * 5);
        words.headline = words.headline.map(|text| grow(&text));
        words.title = words.title.map(|text| grow(&text));
        words.rules = (0..times).map(|number| grow(&number.to_string()).into()).collect();
        change.server = grow(&change.server).into();
        change.table = format!("public.{}", grow("t")).into();
        (change, view, words)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_row_holds_slack_and_teams_accept_its_post(
        (change, view, words) in prop_oneof![1 => hostile_change(), 1 => oversized()], mention in mention(),
    ) {
        check(&compose(&change, &view, &Words { mention, ..words }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_rows_hold_slack_and_teams_accept_their_digest(
        changes in proptest::collection::vec((prop_oneof![3 => hostile_change(), 1 => oversized()], hostile_text()), 1..25),
        counts in any::<bool>(),
    ) {
        let changes = changes.into_iter().map(|((change, view, words), rule)| {
            (change, view, Words { rules: vec![rule.into()], ..words })
        });
        check(&digest_of(changes).message(if counts { Form::Counts } else { Form::Whole }));
    }
}

#[test]
fn a_unit_without_end_does_not_break_a_line() {
    use super::build::{int, update};
    let unit = crate::message::ColumnView { unit: Some("stone ".repeat(800)), ..Default::default() };
    let view = TableView { columns: [("weight".to_owned(), unit)].into(), ..TableView::default() };
    let change = update(vec![], vec![("weight", int(1))], vec![("weight", int(2))]);
    check(&compose(&change, &view, &Words::default()));
}

#[test]
fn the_checkers_find_what_is_wrong() {
    let slack = |json: Json| std::panic::catch_unwind(move || slack::check(&json, None)).is_err();
    let header = |text: &str| serde_json::json!({"text": "t", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": text, "emoji": false}}]});
    assert!(!slack(header("fine")));
    assert!(!slack(header(&"x".repeat(150))));
    assert!(slack(header(&"x".repeat(151))));
    assert!(slack(header(&"😀".repeat(76))), "two UTF-16 units each");
    assert!(slack(header("")));
    assert!(slack(serde_json::json!({"text": "<!channel>"})));
    assert!(slack(serde_json::json!({"text": "a & b"})));
    assert!(slack(serde_json::json!({"text": "x", "colour": "red"})));
    let divider = serde_json::json!({"type": "divider"});
    assert!(slack(serde_json::json!({"text": "t", "blocks": vec![divider; 51]})));

    let teams = |element: Json| {
        let content = serde_json::json!({"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard",
            "version": "1.4", "msteams": {"width": "Full"}, "body": [element]});
        let attachment = serde_json::json!({"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": content});
        let payload = serde_json::json!({"type": "message", "attachments": [attachment]});
        std::panic::catch_unwind(move || teams::check(&payload)).is_err()
    };
    let run = |text: &str| serde_json::json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text}]});
    assert!(!teams(run("fine")));
    assert!(teams(run("{{DATE(2026-01-01T00:00:00Z)}}")));
    assert!(teams(run(&"x".repeat(21_000))));
    assert!(teams(serde_json::json!({"type": "TextBlock", "text": "**markdown**"})));
    assert!(teams(
        serde_json::json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "x", "colour": "good"}]})
    ));
    assert!(teams(
        serde_json::json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "x", "weight": "Heavy"}]})
    ));
}
