//! What the captured shop would post.

use super::*;
use crate::change::tests::capture;
use crate::cli::input::AtHand;
use crate::cli::records::{CapturedRecord, read_records};
use crate::config::{self, Report};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

const SHOP: &str = include_str!("../../../tests/fixtures/config/shop.yaml");

fn shop() -> Arc<Config> {
    config(SHOP)
}

fn config(text: &str) -> Arc<Config> {
    let (config, _) = config::parse_without_secrets(text, Report::new("shop.yaml"), &|_| None)
        .unwrap_or_else(|report| panic!("{report}"));
    Arc::new(config)
}

/// What is shown for these records, and how many there were of what.
fn shown(records: Vec<CapturedRecord>, limit: Option<u64>, form: Form) -> (String, crate::cli::posts::Counts) {
    shown_as(records, Shown { limit, digest: false }, form)
}

fn shown_as(records: Vec<CapturedRecord>, shown: Shown, form: Form) -> (String, crate::cli::posts::Counts) {
    shown_by(&shop(), records, shown, form)
}

fn shown_by(
    config: &Arc<Config>,
    records: Vec<CapturedRecord>,
    shown: Shown,
    form: Form,
) -> (String, crate::cli::posts::Counts) {
    let nowhere = AtHand::new(None, &[], None).expect("nowhere");
    let mut posts = Posts::new(Arc::clone(config), &nowhere).expect("metrics");
    let mut out = Vec::new();
    let records: Records = Box::new(records.into_iter().map(Ok));
    show(config, &mut posts, records, shown, form, &mut out, Progress::none()).expect("shows");
    (String::from_utf8(out).expect("UTF-8"), posts.counts)
}

fn lines(file: &str) -> Vec<Json> {
    let (text, _) = shown(capture(file), None, Form::Json);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn each_post_of_the_capture_is_a_line_as_documented() {
    let (text, counts) = shown(capture("postgres-json-schema.jsonl"), None, Form::Json);
    for line in text.lines() {
        assert!(line.starts_with(r#"{"destination":""#), "{line}");
        let keys: Vec<_> =
            serde_json::from_str::<Json>(line).expect("JSON").as_object().expect("one").keys().cloned().collect();
        assert_eq!(keys, ["destination", "type", "priority", "rules", "records", "payload"]);
    }
    assert_eq!(counts.posts, text.lines().count() as u64);
    assert_eq!(counts.records, capture("postgres-json-schema.jsonl").len() as u64);
    assert_eq!(counts.undecodable, 0);
    insta::assert_json_snapshot!(lines("postgres-json-schema.jsonl"));
}

#[test]
fn the_most_urgent_rule_leads_and_a_bots_post_names_its_channel() {
    let lines = lines("postgres-json.jsonl");
    let of = |offset: i64| {
        let record = json!([{"topic": "shop.public.listings", "partition": 0, "offset": offset}]);
        lines.iter().filter(|line| line["records"] == record).collect::<Vec<_>>()
    };
    let price = of(2);
    let heads: Vec<_> =
        price.iter().map(|line| (&line["destination"], &line["type"], &line["priority"], &line["rules"])).collect();
    assert_eq!(
        heads,
        [
            (&json!("erp"), &json!("webhook"), &json!("normal"), &json!(["price", "any-update"])),
            (&json!("ops"), &json!("slack"), &json!("normal"), &json!(["price"])),
            (&json!("desk"), &json!("slack"), &json!("normal"), &json!(["price"])),
        ]
    );
    assert_eq!(price[1]["payload"].get("channel"), None);
    assert_eq!(price[2]["payload"]["channel"], "C0123456789");
    let urgent: Vec<_> = of(3).iter().map(|line| line["priority"].as_str().unwrap_or_default()).collect();
    assert_eq!(urgent, ["low", "critical", "critical"]);
}

#[test]
fn what_waits_together_is_a_digest_where_the_destination_takes_them() {
    let (text, _) = shown_as(capture("postgres-json-storm.jsonl"), Shown { limit: None, digest: true }, Form::Json);
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |name: &str| lines.iter().filter(|line| line["destination"] == name).collect::<Vec<_>>();
    assert_eq!(of("erp").len(), 26, "programs want each change");
    for name in ["ops", "desk"] {
        let [digest] = of(name)[..] else { panic!("one digest for {name}: {text}") };
        assert_eq!(digest["records"].as_array().map(Vec::len), Some(24));
        assert!(digest["payload"].to_string().contains("24 changes to listings"), "{digest}");
    }
    let (text, _) = shown_as(capture("postgres-json.jsonl"), Shown { limit: None, digest: true }, Form::Json);
    let urgent = text.lines().filter(|line| line.contains(r#""priority":"critical","rules":["out-of-stock"]"#));
    assert_eq!(urgent.count(), 2, "the urgent come singly: {text}");
}

#[test]
fn what_the_source_sends_again_is_posted_once_as_by_run() {
    let (_, counts) = shown(capture("postgres-json-restart-duplicates.jsonl"), None, Form::Json);
    assert!(counts.repeats > 0, "{counts:?}");
    assert_eq!(counts.records, capture("postgres-json-restart-duplicates.jsonl").len() as u64);
}

#[test]
fn people_read_where_it_goes_and_what_it_says() {
    let wanted = |record: &CapturedRecord| record.topic.ends_with(".listings") && matches!(record.offset, 2 | 3);
    let records: Vec<_> = capture("postgres-json.jsonl").into_iter().filter(wanted).collect();
    let (text, _) = shown(records.clone(), None, Form::Text(Style::Plain));
    insta::assert_snapshot!(text);
    let (one, counts) = shown(records, Some(1), Form::Text(Style::Plain));
    assert!(text.starts_with(&one) && one.len() < text.len());
    assert_eq!(counts.records, 1);
}

#[test]
fn a_record_that_cannot_be_decoded_is_counted_and_the_next_goes_on() {
    let broken = r#"{"topic":"shop.public.listings","value":"{\"op\":\"c\","}"#;
    let mut records: Vec<_> = read_records("f", broken.as_bytes()).map(|read| read.expect("readable")).collect();
    records.extend(capture("postgres-json.jsonl"));
    let (text, counts) = shown(records, None, Form::Json);
    assert_eq!(counts.undecodable, 1);
    assert_eq!(text.lines().count(), lines("postgres-json.jsonl").len());
}

#[test]
fn redacted_values_and_secrets_are_nowhere() {
    for form in [Form::Json, Form::Text(Style::Ansi), Form::Page(Page::default())] {
        let (text, _) = shown(capture("postgres-json.jsonl"), None, form);
        assert!(!text.contains("line1") && !text.contains("A very long description"), "a redacted column");
        assert!(!text.contains("not-set.invalid") && !text.contains("sig="), "{text}");
    }
}

/// The posts to the bot's channel on the page, where it keeps a row's posts together like this.
fn kept(how: &str) -> Vec<Json> {
    let bot = SHOP.replace("channel: C0123456789 }", &format!("channel: C0123456789, {how} }}"));
    let text = bot.replace("priority: low, to: [erp]", "priority: low, to: [erp, desk]");
    assert!(text.contains(how) && text.contains("[erp, desk]"));
    let (html, _) =
        shown_by(&config(&text), capture("postgres-json.jsonl"), Shown::default(), Form::Page(Page::default()));
    let (_, data) = html.split_once(r#"id="data">"#).expect("the data");
    let (data, _) = data.split_once("</script>").expect("its end");
    let data: Json = serde_json::from_str(data).expect("JSON");
    let posts = data["posts"].as_array().expect("posts").iter();
    posts.filter(|post| post["destination"] == "desk").cloned().collect()
}

#[test]
fn later_posts_of_a_row_stand_with_its_first_on_the_page_as_in_its_channel() {
    let places = |posts: &[Json]| posts.iter().map(|post| post["records"][0].to_string()).collect::<BTreeSet<_>>();
    let chair = json!({"topic": "shop.public.listings", "partition": 0, "offset": 2});
    let of_chair = |posts: &[Json]| posts.iter().find(|post| post["records"][0] == chair).expect("the chair's").clone();
    let alone = kept("update: false");
    assert!(alone.iter().all(|post| post.get("latest").is_none() && post.get("replies").is_none()));
    let both = kept("thread_by: row, update: true");
    let first = of_chair(&both);
    assert_eq!(first["payload"]["text"], of_chair(&alone)["payload"]["text"]);
    let last = first["replies"].as_array().and_then(|replies| replies.last()).expect("a reply");
    assert_eq!(first["latest"]["text"], last["payload"]["text"], "the message shows the latest");
    assert!(first["latest"].to_string().contains("in the thread"), "and says so: {}", first["latest"]);
    assert_eq!(last["broadcast"], false);
    let replies = both.iter().flat_map(|post| post["replies"].as_array().into_iter().flatten());
    let all: Vec<_> = both.iter().chain(replies).cloned().collect();
    assert_eq!((places(&all), all.len()), (places(&alone), alone.len()), "each post once");
    let updated = kept("update: true");
    let first = of_chair(&updated);
    assert!(first["replies"].is_null() && first["latest"].is_object(), "{first:?}");
    assert!(updated.len() < alone.len());
}

#[test]
fn the_page_holds_rows_as_data_that_nothing_can_run() {
    let evil = "</script><script>alert(1)</script><!--@SCRIPT@";
    let mut page = Page::default();
    page.add(
        json!({"destination": evil, "type": "slack", "rules": [], "records": [{}], "payload": {"text": evil}}),
        None,
    );
    page.leave_out();
    let html = page.html();
    assert_eq!(html.matches("<script").count(), 2, "the data and the script");
    assert_eq!(html.matches("</script>").count(), 2);
    assert_eq!(html.matches("<!--").count(), 0);
    assert!(html.contains("\\u003c/script>\\u003cscript>alert(1)") && html.contains(r#""left_out":1"#), "{html}");
    // The policy names the script by its hash.
    let start = html.rfind("<script>").expect("the script") + "<script>".len();
    let script = &html[start..html.rfind("</script>").expect("its end")];
    let hash =
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, <sha2::Sha256 as sha2::Digest>::digest(script));
    assert!(html.contains(&format!("script-src 'sha256-{hash}';")), "{html}");
    for leftover in ["import ", "export ", "/demo/"] {
        assert!(!script.lines().any(|line| line.starts_with(leftover)), "{leftover}");
    }
    assert!(!html.contains("http://") || !html.contains("src=\"http"), "nothing from elsewhere");
}
