//! Why the captured shop's changes post what they post.

use super::*;
use crate::change::tests::capture;
use crate::cli::input::AtHand;
use crate::config::{self, Report};

const SHOP: &str = include_str!("../../../tests/fixtures/config/shop.yaml");

fn shop() -> Arc<Config> {
    let parsed = config::parse_without_secrets(SHOP, Report::new("shop.yaml"), &|_| None);
    Arc::new(parsed.unwrap_or_else(|report| panic!("{report}")).0)
}

/// The explanation of a record of a capture.
fn explanation(file: &str, place: &str) -> Explanation {
    let (config, nowhere) = (shop(), AtHand::new(None, &[], None).expect("nowhere"));
    let mut posts = Posts::new(Arc::clone(&config), &nowhere).expect("metrics");
    let mut inspector = Inspector::new(&*config, &nowhere);
    let records: Records = Box::new(capture(file).into_iter().map(Ok));
    let wanted = place.parse::<Place>().expect("a place").0;
    let record = find(records, &wanted, |before| {
        inspector.line(&before.record()).map_err(|error| error.to_string())?;
        posts.see(&before.record()).map(drop)
    });
    let record = record.expect("the record");
    let line = inspector.line(&record.record()).expect("a line");
    explained(&config, &mut posts, &record, line).expect("explained")
}

/// What each rule says: its name, and where it says no.
fn opinions_of(file: &str, place: &str) -> Vec<(String, Option<(&'static str, String)>)> {
    let config = shop();
    let name = |opinion: Opinion| (config.rules[opinion.rule].name.to_string(), opinion.miss);
    explanation(file, place).opinions.into_iter().map(name).collect()
}

fn no(rule: &str, part: &'static str, reason: &str) -> (String, Option<(&'static str, String)>) {
    (rule.to_owned(), Some((part, reason.to_owned())))
}

fn yes(rule: &str) -> (String, Option<(&'static str, String)>) {
    (rule.to_owned(), None)
}

#[test]
fn the_first_part_of_a_rule_that_does_not_fit_is_named() {
    assert_eq!(
        opinions_of("postgres-json.jsonl", "shop.public.listings:0:9"),
        [
            yes("any-update"),
            no("out-of-stock", "when", "is false (prod_stk_qty 0 -> 42)"),
            no("price", "columns", "price did not change"),
            no("gone", "table", "public.listings is not public.sellers"),
            no("said", "table", "public.listings is not rowbell"),
        ]
    );
    assert_eq!(opinions_of("postgres-json.jsonl", "shop.public.listings:0:3")[1], yes("out-of-stock"));
    let no_op = opinions_of("postgres-json.jsonl", "shop.public.listings:0:6");
    assert_eq!(no_op[0], no("any-update", "columns", "nothing changed but columns that are ignored"));
    let delete = opinions_of("postgres-json.jsonl", "shop.public.sellers:0:3");
    assert_eq!((&delete[0], &delete[3]), (&no("any-update", "on", "delete is not update"), &yes("gone")));
}

#[test]
fn a_condition_that_touches_what_is_not_there_says_so() {
    let (config, mut change) = (shop(), None);
    for record in capture("postgres-json-schema.jsonl") {
        if let Ok(crate::change::Skim::Change(envelope)) = crate::change::skim(&record.record())
            && envelope.table() == "public.sellers"
            && envelope.op() == Op::Update
        {
            change = Some(Arc::new(envelope.change(&*config).expect("decodes")));
        }
    }
    let rule = &config.rules[1];
    let change = change.expect("an update of a seller");
    let (part, reason) =
        miss(rule, Judgement::Failed(rule.when.as_ref().expect("one").holds(&change).expect_err("none")), &change)
            .expect("a miss");
    assert_eq!(part, "when");
    assert!(
        reason.starts_with("failed, which counts as false: ") && reason.ends_with(" (prod_stk_qty not known)"),
        "{reason}"
    );
}

#[test]
fn changed_keys_repeats_and_what_is_no_change_are_said_in_words() {
    let find = |file: &str, fits: &dyn Fn(&Json) -> bool| {
        let (config, nowhere) = (shop(), AtHand::new(None, &[], None).expect("nowhere"));
        let mut inspector = Inspector::new(&*config, &nowhere);
        let lines = capture(file)
            .into_iter()
            .map(|record| inspector.line(&record.record()).expect("a line"))
            .collect::<Vec<_>>();
        let line = lines.into_iter().find(|line| fits(line)).expect("such a record");
        format!("{}:{}:{}", line["topic"].as_str().expect("text"), line["partition"], line["offset"])
    };
    let file = "postgres-json.jsonl";
    let create = explanation(file, &find(file, &|line| line.get("rekeyed_from").is_some()));
    assert!(create.remark.as_deref().is_some_and(|remark| remark.contains("judged as an update")));
    assert_eq!(create.posts.len(), 1, "any-update wants it");
    let delete = find(file, &|line| line.get("rekeyed_to").is_some());
    assert!(
        opinions_of(file, &delete)[0]
            .1
            .as_ref()
            .is_some_and(|(part, reason)| *part == "on" && reason.contains("judged in its place"))
    );
    for (kind, word) in [("tombstone", "no row change"), ("heartbeat", "no row change")] {
        let other = explanation(file, &find(file, &|line| line["kind"] == kind));
        assert!(other.remark.as_deref().is_some_and(|remark| remark.contains(word)), "{kind}");
        assert!(other.opinions.is_empty() && other.posts.is_empty());
    }
    let message = explanation(file, &find(file, &|line| line["message"]["prefix"] == "rowbell"));
    assert_eq!(message.posts.len(), 1);
}

#[test]
fn people_read_it_from_the_record_to_the_posts() {
    let config = shop();
    let explanation = explanation("postgres-json.jsonl", "shop.public.listings:0:3");
    insta::assert_snapshot!(explanation.text(&config, Style::Plain));
    let json = explanation.json(&config);
    assert_eq!(
        json["rules"][2],
        json!({"rule": "price", "matches": false, "part": "columns", "reason": "price did not change"})
    );
    assert_eq!(json["posts"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["record"]["offset"], 3);
}

#[test]
fn places_are_parsed_from_the_end() {
    let Place(id) = "a.b:1:2".parse::<Place>().expect("a place");
    assert_eq!((&*id.topic, id.partition, id.offset), ("a.b", 1, 2));
    for text in ["a:b", "a:0:x", ":0:1", "a:-1:0", "a:0:-1", ""] {
        assert!(text.parse::<Place>().is_err(), "{text}");
    }
}
