//! Payloads of a template's own: what is right, what is refused, and what no value can do.

use super::*;
use crate::message::tests::build::{chair, decimal, int, listings, rule, update};
use crate::message::tests::hostile::{CORPUS, check_slack_text, check_teams_text, hostile_text};
use crate::message::tests::vendors;
use crate::message::{Message, Words, compose};
use proptest::prelude::*;

fn message() -> Message {
    let change = update(vec![("id", int(1))], chair(vec![]), chair(vec![("price", decimal("199999.95"))]));
    compose(&change, &listings(), &rule("price", &["price"]))
}

/// A draft whose places `%` hold these values, in their order.
fn draft(text: &str, values: &[Json]) -> Draft {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        out.push_str(&Draft::place(number));
        out.push_str(part);
    }
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    };
    let inserted = values.iter().map(|value| Inserted { text: text(value), json: value.clone() });
    Draft { text: out, inserted: inserted.collect() }
}

fn slack(text: &str, values: &[Json]) -> Result<Json, String> {
    draft(text, values).slack(&message()).map_err(|error| error.message)
}

fn teams(text: &str, values: &[Json]) -> Result<Json, String> {
    draft(text, values).teams(&message()).map_err(|error| error.message)
}

fn section(text: &str) -> String {
    format!(r#"{{"blocks": [{{"type": "section", "text": {{"type": "mrkdwn", "text": {text}}}}}]}}"#)
}

#[test]
fn values_stand_within_texts_and_by_themselves() {
    let payload = slack(&section(r#""*%* is gone""#), &["Oak \"chair\"\n".into()]).unwrap();
    assert_eq!(payload["blocks"][0]["text"]["text"], "*Oak \"chair\"* is gone");
    assert_eq!(payload["text"], "Price dropped: Oak chair, $250,000.00 -&gt; $199,999.95 (-20 %)");
    let payload = slack(&section("%"), &["Oak chair".into()]).unwrap();
    assert_eq!(payload["blocks"][0]["text"]["text"], "Oak chair");
    let payload = slack(r#"{"text": "x", "unfurl_links": %}"#, &[false.into()]).unwrap();
    assert_eq!(payload["unfurl_links"], false);
}

#[test]
fn a_value_is_no_markup_in_slack() {
    let shown = |value: &str| {
        let payload = slack(&section(r#""%""#), &[value.into()]).unwrap();
        payload["blocks"][0]["text"]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown("<!channel> & <@U0123>"), "&lt;!channel&gt; &amp; &lt;@\u{2060}U0123&gt;");
    assert_eq!(shown("*b* ~s~ `c` _i_ snake_case"), "∗b∗ ∼s∼ ˋcˋ ˍiˍ snake_case");
    assert_eq!(shown("> quoted"), "\u{2060}&gt; quoted");
    assert_eq!(shown("#general :fire: 20:00"), "#\u{2060}general :\u{2060}fire: 20:00");
    assert_eq!(shown("https://evil.example"), "https:\u{2060}//evil.example");
    // Brackets of the template's own: a link is one, and a row can call nobody with them.
    let linked = |text: &str, value: &str| {
        let payload = slack(&section(text), &[value.into(), value.into()]).unwrap();
        payload["blocks"][0]["text"]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(linked(r#""<https://a.example/%|see %>""#, "a|b>c"), "<https://a.example/a%7Cb%3Ec|see a|b&gt;c>");
    assert_eq!(linked(r#""<%> <!%>""#, "!channel"), "<\u{2060}!channel> <!\u{2060}!channel>");
    // Where nothing is parsed, nothing is changed.
    let header = r#"{"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "%"}}]}"#;
    assert_eq!(slack(header, &["<b> *x*".into()]).unwrap()["blocks"][0]["text"]["text"], "<b> *x*");
}

#[test]
fn a_value_is_no_markup_and_no_function_in_teams() {
    let card = |text: &str| format!(r#"{{"type": "AdaptiveCard", "body": [{text}]}}"#);
    let block = card(r#"{"type": "TextBlock", "text": "Now {%}"}"#);
    let shown = |value: &str| {
        let payload = teams(&block, &[value.into()]).unwrap();
        payload["attachments"][0]["content"]["body"][0]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown("[click](https://evil.example)"), "Now {[click]\u{2060}(https:\u{2060}//evil.example)}");
    assert_eq!(
        shown("{DATE(2026-01-01T00:00:00Z, SHORT)}"),
        "Now {\u{2060}{DATE(2026-01-01T00:00:00Z, SHORT)}\u{2060}}"
    );
    let linked = card(r#"{"type": "TextBlock", "text": "[%](https://a.example/%)"}"#);
    let payload = teams(&linked, &["a](b".into(), "x) y".into()]).unwrap();
    let text = &payload["attachments"][0]["content"]["body"][0]["text"];
    assert_eq!(text, "[a]\u{2060}(b](https://a.example/x%29%20y)");
    assert_eq!(shown("# big"), "Now {\u{2060}# big}");
    let run = card(r#"{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "%"}]}"#);
    let payload = teams(&run, &["**bold** {{TIME()}}".into()]).unwrap();
    let text = &payload["attachments"][0]["content"]["body"][0]["inlines"][0]["text"];
    assert_eq!(text, "**bold** {\u{2060}{TIME()}\u{2060}}");
    assert_eq!(payload["attachments"][0]["content"]["version"], "1.4");
}

#[test]
fn values_are_never_structure() {
    let broadcast = serde_json::json!([{"type": "broadcast", "range": "channel"}]);
    let refused = |text: &str, value: Json| slack(text, &[value]).unwrap_err();
    assert!(refused(r#"{"blocks": %}"#, broadcast.clone()).contains("a list or a map"));
    assert!(refused(r#"{"blocks": %}"#, "x".into()).contains("\"blocks\", where none can stand"));
    assert!(refused(r#"{"blocks": [{"type": "%"}]}"#, "header".into()).contains("\"type\", where none"));
    assert!(refused(r#"{"%": "x"}"#, "blocks".into()).contains("as a key"));
    assert!(refused(r#"{"channel": "%", "text": "x"}"#, "C1".into()).contains("\"channel\""));
    let user = r#"{"blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "user", "user_id": "%"}]}]}]}"#;
    assert!(refused(user, "U0123ABCD".into()).contains("\"user_id\", where none"));
    let emoji = user.replace("user_id", "text");
    assert!(refused(&emoji, "U0123ABCD".into()).contains("\"text\", where none"));
    let mention = r#"{"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "x"}], "msteams": {"entities": [{"type": "mention", "text": "%"}]}}"#;
    assert!(teams(mention, &["<at>x</at>".into()]).unwrap_err().contains("where none can stand"));
    // What quotes and commas a value holds stays within it.
    let hostile = "x\", \"channel\": \"C666\", \"a\": \"";
    let payload = slack(r#"{"text": "%"}"#, &[hostile.into()]).unwrap();
    assert_eq!(payload.as_object().unwrap().len(), 1);
    let payload = slack(r#"{"text": %}"#, &[hostile.into()]).unwrap();
    assert_eq!(payload.as_object().unwrap().len(), 1);
}

#[test]
fn addresses_are_encoded_and_checked() {
    let url = |text: &str, value: &str| draft(text, &[value.into()]).url();
    assert_eq!(
        url("https://a.example/x/%", "a/b?c#d é").as_deref(),
        Some("https://a.example/x/a%2Fb%3Fc%23d%20%C3%A9")
    );
    assert_eq!(url("%", " https://b.example/?q=1 ").as_deref(), Some("https://b.example/?q=1"));
    assert_eq!(url("https://a.example/%/edit", ".."), None);
    assert_eq!(url("https://a.example%", "@evil.example").as_deref(), Some("https://a.example%40evil.example"));
    assert_eq!(link::checked("https://a.example%40evil.example"), None);
    let button = r#"{"blocks": [{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "Go"}, "url": "%"}]}]}"#;
    assert!(slack(button, &["https://shop.example/1".into()]).is_ok());
    let refused = draft(button, &["javascript:alert(1)".into()]).slack(&message()).unwrap_err();
    assert!(refused.depends_on_row && refused.message.contains("no plain http or https address"), "{refused}");
}

#[test]
fn long_values_and_texts_are_shortened_and_say_so() {
    let long = "words and more words ".repeat(500);
    let header = r#"{"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "% % %"}}]}"#;
    let values = vec![Json::from(long.clone()), long.clone().into(), long.clone().into()];
    let text = slack(header, &values).unwrap()["blocks"][0]["text"]["text"].as_str().unwrap().to_owned();
    assert!(text.ends_with("… (shortened)") && text.len() < 160, "{text}");
    let shown = slack(&section("%"), &[long.into()]).unwrap()["blocks"][0]["text"]["text"].to_string();
    assert!(shown.contains("(shortened)") && shown.len() < 700, "{shown}");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let block = |block: &str| format!(r#"{{"blocks": [{block}]}}"#);
    for (text, what) in [
        ("[]".to_owned(), "yields no object"),
        ("{".to_owned(), "yields no JSON: EOF"),
        ("{}".to_owned(), "says nothing"),
        (r#"{"blok": []}"#.to_owned(), "has the key \"blok\""),
        (r#"{"blocks": 1}"#.to_owned(), "is wrong at blocks: it is no list"),
        (block("{}"), "is wrong at blocks[0]: it is no block (type \"\")"),
        (block(r#"{"type": "input"}"#), "no block (type \"input\")"),
        (block(r#"{"type": "section"}"#), "is wrong at blocks[0]: it has neither text nor fields"),
        (
            block(r#"{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}"#),
            "blocks[0].text: it is not of type plain_text",
        ),
        (block(r#"{"type": "header", "text": {"type": "plain_text", "text": " "}}"#), "blocks[0].text: it is empty"),
        (block(r#"{"type": "context", "elements": []}"#), "blocks[0].elements: it is not a list of 1 to 10"),
        (
            block(r#"{"type": "actions", "elements": [{"type": "datepicker"}]}"#),
            "blocks[0].elements[0]: it is no text, image or button",
        ),
        (block(r#"{"type": "image", "image_url": "https://a.example/x.png"}"#), "it has no image_url, or no alt_text"),
        (
            block(r#"{"type": "image", "image_url": "https://a.example/x.png", "alt_text": " "}"#),
            "it has no image_url, or no alt_text",
        ),
        (block(r#"{"type": "rich_text", "elements": [{"type": "text"}]}"#), "\"text\" is no part of a rich text"),
        (
            block(r#"{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}"#),
            "another block_id \"a\"",
        ),
        (
            block(&format!(r#"{{"type": "divider", "block_id": "{}"}}"#, "x".repeat(256))),
            "blocks[0].block_id: it is longer than 255",
        ),
        (
            block(
                r#"{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x"}, "confirm": {"title": {"type": "plain_text", "text": "x"}}}]}"#,
            ),
            "blocks[0].elements[0].confirm: it has no text",
        ),
        (block(&vec![r#"{"type": "divider"}"#; 51].join(", ")), "has 51 blocks, more than 50"),
    ] {
        let error = slack(&text, &[]).unwrap_err();
        assert!(error.contains(what), "{text}: {error}");
    }
    for (text, what) in [
        (r#"{"blocks": []}"#, "yields no card"),
        (r#"{"type": "AdaptiveCard"}"#, "is a card without a \"body\""),
        (r#"{"type": "AdaptiveCard", "version": "2.0", "body": [{}]}"#, "is a card whose version is not one of"),
        (r#"{"type": "AdaptiveCard", "body": ["x"]}"#, "is wrong at card.body[0]: it is no element"),
        (
            r#"{"type": "AdaptiveCard", "body": [{"type": "ActionSet", "actions": [{"type": "Action.Submit"}]}]}"#,
            "Action.Submit does nothing",
        ),
        (r#"{"type": "message", "attachments": []}"#, "does not hold exactly one card"),
    ] {
        let error = teams(text, &[]).unwrap_err();
        assert!(error.contains(what), "{text}: {error}");
    }
    let big =
        format!(r#"{{"type": "AdaptiveCard", "body": [{{"type": "TextBlock", "text": "{}"}}]}}"#, "x".repeat(20_000));
    assert!(teams(&big, &[]).unwrap_err().contains("of more than 20000 bytes"));
}

#[test]
fn whom_the_rule_mentions_stands_above() {
    let words = Words { mention: "here".parse().ok(), ..rule("price", &["price"]) };
    let change = update(vec![("id", int(1))], chair(vec![]), chair(vec![("price", decimal("1"))]));
    let message = compose(&change, &listings(), &words);
    let payload = draft(r#"{"text": "x"}"#, &[]).slack(&message).unwrap();
    assert_eq!(payload["blocks"][0]["text"]["text"], "<!here>");
    let card = draft(r#"{"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "x"}]}"#, &[]).teams(&message);
    assert_eq!(card.unwrap()["attachments"][0]["content"]["body"][0]["inlines"][0]["text"], "To everyone here:");
}

/// Texts of which a reader would see nothing.
const BLANK: [&str; 9] = [
    "",
    " ",
    "\n",
    "\u{200B}",
    "\u{2060}\u{FEFF}",
    "\u{A0}",
    "\u{3000}",
    "\u{2800}\u{3164}",
    "\u{200E}\u{AD} \u{E0020}",
];

#[test]
fn a_button_whose_title_is_a_blank_text_is_left_out() {
    let button = |title: &str| {
        format!(
            r#"{{"type": "button", "text": {{"type": "plain_text", "text": {title}}}, "url": "https://shop.example/"}}"#
        )
    };
    let actions = |all: &[&str]| {
        let all: Vec<_> = all.iter().map(|title| button(title)).collect();
        format!(r#"{{"type": "actions", "elements": [{}]}}"#, all.join(", "))
    };
    let message = format!(
        r#"{{"blocks": [{{"type": "section", "text": {{"type": "mrkdwn", "text": "x"}}, "accessory": {}}}, {}, {}]}}"#,
        button("\"%\""),
        actions(&["\"%\"", "\"Open\"", "%"]),
        actions(&["\"%\""]),
    );
    let open_url =
        |title: &str| format!(r#"{{"type": "Action.OpenUrl", "title": {title}, "url": "https://shop.example/"}}"#);
    let card = format!(
        r#"{{"type": "AdaptiveCard", "actions": [{}, {}, {}], "body": [
            {{"type": "TextBlock", "text": "x"}}, {{"type": "ActionSet", "actions": [{}]}}]}}"#,
        open_url("\"%\""),
        open_url("\"Open\""),
        open_url("%"),
        open_url("\"%\""),
    );
    for blank in BLANK.map(Json::from).into_iter().chain([Json::Null]) {
        let payload = slack(&message, &vec![blank.clone(); 4]).unwrap();
        vendors::own::slack(&payload);
        let blocks = payload["blocks"].as_array().unwrap();
        assert_eq!((blocks.len(), blocks[0].get("accessory")), (2, None), "{blank:?}: {payload}");
        assert_eq!(blocks[1]["elements"].as_array().unwrap().len(), 1);
        let payload = teams(&card, &vec![blank.clone(); 4]).unwrap();
        vendors::own::teams(&payload);
        let card = &payload["attachments"][0]["content"];
        assert_eq!((card["actions"].as_array().unwrap().len(), card["body"].as_array().unwrap().len()), (1, 1));
    }
    let full = teams(&card, &[7.into(), "b".into(), "c".into(), "d".into()]).unwrap();
    vendors::own::teams(&full);
    let card = &full["attachments"][0]["content"];
    assert_eq!((&card["actions"][0]["title"], card["actions"].as_array().unwrap().len()), (&"7".into(), 3));
    assert_eq!(slack(&message, &vec!["a".into(); 4]).unwrap()["blocks"][1]["elements"].as_array().unwrap().len(), 3);
    // What the template itself leaves blank is a mistake.
    let own = format!(r#"{{"blocks": [{}]}}"#, actions(&["\" \""]));
    assert!(slack(&own, &[]).unwrap_err().contains("blocks[0].elements[0].text: it is empty"));
    let own = format!(
        r#"{{"type": "AdaptiveCard", "body": [{{"type": "TextBlock", "text": "x"}}], "actions": [{}]}}"#,
        open_url("\"\"")
    );
    assert!(teams(&own, &[]).unwrap_err().contains("card.actions[0]: there is no title"));
}

#[test]
fn a_run_of_text_that_a_row_leaves_blank_is_left_out() {
    let rich = |run: &str| {
        format!(
            r#"{{"text": "x", "blocks": [{{"type": "rich_text", "elements": [{{"type": "rich_text_section", "elements": [{run}]}}]}}, {{"type": "divider"}}]}}"#
        )
    };
    let run = r#"{"type": "text", "text": "%"}"#;
    let payload = slack(&rich(&format!(r#"{run}, {{"type": "text", "text": "b"}}"#)), &["".into()]).unwrap();
    assert_eq!(payload["blocks"][0]["elements"][0]["elements"], serde_json::json!([{"type": "text", "text": "b"}]));
    let payload = slack(&rich(run), &["\u{200B}".into()]).unwrap();
    assert_eq!(payload["blocks"], serde_json::json!([{"type": "divider"}]), "of the block nothing is left");
    assert!(slack(&rich(r#"{"type": "text", "text": ""}"#), &[]).unwrap_err().contains("a text in it is empty"));
}

#[test]
fn where_a_text_belongs_a_number_is_written_as_one() {
    let card = r#"{"type": "AdaptiveCard", "body": [{"type": "FactSet", "facts": [{"title": %, "value": %}]},
        {"type": "TextBlock", "text": %, "wrap": %}]}"#;
    let payload = teams(card, &[7.into(), true.into(), Json::Null, true.into()]).unwrap();
    vendors::own::teams(&payload);
    let body = &payload["attachments"][0]["content"]["body"];
    assert_eq!(body[0]["facts"][0], serde_json::json!({"title": "\u{2060}7", "value": "true"}));
    assert_eq!(body[1], serde_json::json!({"type": "TextBlock", "text": "", "wrap": true}));
    assert_eq!(slack(&section("%"), &[7.into()]).unwrap()["blocks"][0]["text"]["text"], "7");
}

const SLACK: &str = r#"{
    "text": "% and {%} <%> ~%~",
    "blocks": [
        {"type": "header", "text": {"type": "plain_text", "text": "% :%:"}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*%* `%` <!here> @%"},
         "fields": [{"type": "mrkdwn", "text": %}, {"type": "plain_text", "text": "x %"}]},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "a%"}]}]},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "b%"}, "url": "https://shop.example/%"}]}
    ],
    "attachments": [{"fallback": "%", "blocks": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "c %"}]}]}]
}"#;

const TEAMS: &str = r#"{"type": "AdaptiveCard", "version": "1.4", "body": [
    {"type": "TextBlock", "text": "a {%} [%](https://shop.example/)"},
    {"type": "FactSet", "facts": [{"title": "%", "value": %}]},
    {"type": "RichTextBlock", "inlines": ["b %", {"type": "TextRun", "text": "{%"}]}],
    "actions": [{"type": "Action.OpenUrl", "title": "c %", "url": "https://shop.example/%"}]}"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, max_shrink_iters: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_breaks_out_of_its_place(texts in proptest::collection::vec(hostile_text(), 16)) {
        let values: Vec<Json> = texts.into_iter().map(Json::String).collect();
        let shape = |json: &Json| shape_of(json);
        let plain: Vec<Json> = (0..16).map(|number| Json::from(format!("v{number}"))).collect();
        match slack(SLACK, &values) {
            Ok(payload) => {
                prop_assert_eq!(shape(&payload), shape(&slack(SLACK, &plain).unwrap()));
                check_slack_text(&payload, "<!here>");
            }
            // Of a text nothing may be left; then the default is posted.
            Err(error) => prop_assert!(error.contains("it is empty") || error.contains("plain http"), "{}", error),
        }
        match teams(TEAMS, &values) {
            Ok(payload) => {
                prop_assert_eq!(shape(&payload), shape(&teams(TEAMS, &plain).unwrap()));
                check_teams_text(&payload);
            }
            Err(error) => prop_assert!(error.contains("plain http") || error.contains("20000 bytes"), "{}", error),
        }
    }
}

#[test]
fn no_value_of_the_corpus_breaks_out_of_its_place() {
    for value in CORPUS.iter() {
        let values = vec![Json::from(format!("x{value}y")); 16];
        check_slack_text(&slack(SLACK, &values).unwrap(), "<!here>");
        check_teams_text(&teams(TEAMS, &values).unwrap());
    }
}

/// The payload without its texts.
fn shape_of(json: &Json) -> Json {
    match json {
        Json::Array(elements) => elements.iter().map(shape_of).collect(),
        Json::Object(entries) => {
            let shaped = entries
                .iter()
                .map(|(key, value)| (key.clone(), if key == "type" { value.clone() } else { shape_of(value) }));
            Json::Object(shaped.collect())
        }
        Json::String(_) => Json::Null,
        other => other.clone(),
    }
}
