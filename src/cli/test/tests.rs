//! Cases that hold, cases that do not, and files that are wrong.

use super::*;
use crate::message::Priority;

const CONFIG: &str = r#"
kafka: { brokers: localhost:9092, topics: [t] }
tables: { public.listings: { name: Listing, title: "{{ row.title }}", columns: { price: { type: decimal } } } }
destinations:
  ops: { slack: { webhook_url: "${env:SET_NOWHERE}" } }
  floor: { teams: { workflow_url: "${env:SET_NOWHERE}" } }
  erp: { webhook: { url: "${env:SET_NOWHERE}" } }
rules:
  - { name: price, table: public.listings, columns: [price], to: [ops, erp] }
  - { name: cheap, table: "test:public.listings", when: after.price < 2, priority: critical, to: ops, headline: "{{ row.title }} is cheap" }
  - { name: gone, table: public.listings, on: delete, to: floor, headline: "{{ row.title }} is gone" }
"#;

/// An event that two rules want, whose text has what must be escaped.
const CHEAP: &str = r#"[{ table: public.listings, op: update, key: { id: 1 },
        before: { id: 1, title: A <b> & c, price: "2.00" }, after: { id: 1, title: A <b> & c, price: "1.00" } }]"#;

/// How the cases ended.
#[derive(Debug, PartialEq)]
struct Tally {
    cases: usize,
    failed: usize,
}

impl Tally {
    fn of(ended: &[Ended]) -> Self {
        Tally { cases: ended.len(), failed: ended.iter().filter(|case| !case.problems.is_empty()).count() }
    }
}

fn config() -> Arc<Config> {
    let parsed = config::parse_without_secrets(CONFIG, Report::new("rowbell.yaml"), &|_| None);
    Arc::new(parsed.unwrap_or_else(|report| panic!("{report}")).0)
}

/// Runs these cases.
fn ran(text: &str) -> (String, Tally) {
    let file = file::parse(text, Path::new(""), Report::new("t.yaml")).unwrap_or_else(|report| panic!("{report}"));
    let (mut out, mut ended) = (Vec::new(), Vec::new());
    let nowhere = AtHand::new(None, &[], None).expect("nowhere");
    cases("t.yaml", &file, &config(), &nowhere, &mut out, &mut ended).expect("runs");
    (String::from_utf8(out).expect("UTF-8"), Tally::of(&ended))
}

/// A case of the cheap listing with these expectations.
fn cheap(expect: &str) -> (String, Tally) {
    ran(&format!("cases:\n  - name: cheap\n    events: {CHEAP}\n    expect: {expect}\n"))
}

fn wrong(text: &str) -> String {
    file::parse(text, Path::new(""), Report::new("t.yaml")).expect_err("wrong").to_string()
}

#[test]
fn a_case_holds_where_each_post_is_expected() {
    for expect in [
        "[{ destination: erp, rules: price }, { destination: ops, rules: [price, cheap], priority: critical }]",
        "[{ destination: ops, headline: A <b> & c is cheap, contains: [2.00, 1.00], omits: 9.99 }, { destination: erp, headline: Price dropped }]",
        "[{ destination: ops }, { destination: erp }]",
    ] {
        // A number is no text, and says so.
        let (text, tally) =
            cheap(&expect.replace("[2.00, 1.00]", "[\"2.00\", \"1.00\"]").replace(": 9.99", ": \"9.99\""));
        assert_eq!((text.as_str(), tally), ("ok    cheap\n", Tally { cases: 1, failed: 0 }), "{expect}");
    }
}

#[test]
fn every_expectation_can_fail() {
    for (expect, says) in [
        ("{ destination: ops, priority: low }", "priority: expected low, got critical"),
        ("{ destination: ops, rules: price }", "rules: expected price, got cheap, price"),
        ("{ destination: ops, headline: A }", "headline: expected \"A\""),
        ("{ destination: ops, contains: 3.00x }", "does not contain \"3.00x\""),
        ("{ destination: ops, omits: is cheap }", "contains \"is cheap\""),
    ] {
        let (text, tally) = cheap(&format!("[{expect}, {{ destination: erp }}]"));
        assert_eq!(tally, Tally { cases: 1, failed: 1 }, "{expect}");
        assert!(text.starts_with("FAIL  cheap  (t.yaml:2:5)\n  expected, not posted: destination ops"), "{text}");
        assert!(text.contains(says) && text.contains("the nearest, of test.public.listings:0:0"), "{text}");
        assert!(!text.contains("posted, not expected"), "the nearest is told once: {text}");
    }
}

#[test]
fn too_few_and_too_many_posts_fail() {
    let (text, _) = cheap("[{ destination: ops }]");
    assert!(text.contains("posted, not expected: destination erp, rules price, priority normal"), "{text}");
    let (text, _) = cheap("[]");
    assert_eq!(text.matches("posted, not expected").count(), 2, "{text}");
    let (text, _) = cheap("[{ destination: ops }, { destination: ops }, { destination: erp }]");
    assert!(text.contains("expected, not posted: destination ops\n") && !text.contains("nearest"), "{text}");
}

#[test]
fn of_many_posts_that_nobody_expected_the_first_are_shown_and_the_rest_counted() {
    let event = |id: u32| {
        format!(
            "{{ table: public.listings, op: delete, key: {{ id: {id} }}, before: {{ id: {id}, title: Oak, price: \"2.00\" }} }}"
        )
    };
    let events: Vec<_> = (0..8).map(event).collect();
    let (text, _) = ran(&format!("cases:\n  - name: many\n    events: [{}]\n    expect: []\n", events.join(", ")));
    assert_eq!(text.matches("posted, not expected: destination floor").count(), 5, "{text}");
    assert!(text.ends_with("  posted, not expected: 3 more\n"), "{text}");
}

#[test]
fn a_vague_expectation_leaves_the_only_post_to_a_precise_one() {
    let post = |rules: &[&str]| Made {
        destination: "ops".to_owned(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        priority: "normal",
        text: String::new(),
        notification: String::new(),
        record: String::new(),
    };
    let vague = Expected { destination: "ops".to_owned(), ..Expected::default() };
    let precise = Expected { rules: Some(vec!["a".to_owned()]), ..vague.clone() };
    let made = [post(&["a"]), post(&["b"])];
    assert_eq!(leftovers(&[vague.clone(), precise.clone()], &made), (vec![], vec![]));
    assert_eq!(leftovers(&[precise.clone(), precise], &made), (vec![1], vec![1]));
    let urgent = Expected { priority: Some(Priority::Critical), ..vague };
    assert_eq!(leftovers(&[urgent], &made), (vec![0], vec![0, 1]));
}

#[test]
fn events_of_every_kind_reach_the_rules() {
    let delete = r#"{ table: public.listings, op: delete, key: { id: 1 }, before: { id: 1, title: Desk } }"#;
    let elsewhere = CHEAP.replace("op: update", "op: update, server: shop");
    let captured = r#"{ topic: test.public.listings, offset: 7, key: { id: 2 }, value: { op: d, before: { id: 2, title: Lamp }, after: null,
        source: { connector: mysql, name: shop, db: public, table: listings, ts_ms: 1 } } }"#;
    let (text, tally) = ran(&format!(
        "cases:\n- name: deleted\n  events: [{delete}, {captured}]\n  expect:\n  - {{ destination: floor, headline: Desk is gone }}\n  \
         - {{ destination: floor, headline: Lamp is gone }}\n\
         - name: another server\n  events: {elsewhere}\n  expect: [{{ destination: ops, rules: price }}, {{ destination: erp }}]\n\
         - name: a snapshot\n  events: [{{ table: public.listings, op: read, after: {{ id: 1 }} }}, {{ table: public.listings, op: truncate }}]\n  expect: []\n"
    ));
    assert_eq!(tally, Tally { cases: 3, failed: 0 }, "{text}");
    let (text, _) = ran("cases: [{ name: broken, events: [{ topic: t, value: \"{\\\"op\\\":\" }], expect: [] }]");
    assert!(text.contains("t:0:0: cannot be decoded"), "{text}");
}

#[test]
fn wrong_files_are_told_with_line_and_column() {
    for (text, says) in [
        (
            "cases:\n  - name: a\n    evnts: []\n    expect: []\n",
            "t.yaml:3:5: error: unknown key \"evnts\"\n  hint: did you mean \"events\"?",
        ),
        ("cases:\n  - name: a\n    events: []\n", "t.yaml:2:5: error: \"expect\" is missing here"),
        (
            "cases:\n  - name: a\n    events: [{ table: public.x, op: updat, after: {} }]\n    expect: []\n",
            "t.yaml:3:37: error: \"updat\" is no operation\n  hint: did you mean \"update\"?",
        ),
        (
            "cases:\n  - name: a\n    events: [{ table: x, op: truncate }]\n    expect: []\n",
            "t.yaml:3:23: error: \"x\" names no schema",
        ),
        (
            "cases:\n  - name: a\n    events: [{ table: public.x, op: delete }]\n    expect: []\n",
            "t.yaml:3:14: error: \"before\" is missing here",
        ),
        (
            "cases:\n  - name: a\n    events: nowhere.jsonl\n    expect: []\n",
            "t.yaml:3:13: error: cannot read the events: nowhere.jsonl",
        ),
        ("cases:\n  - name: a\n    events: 7\n    expect: []\n", "t.yaml:3:13: error: expected a list of events"),
        (
            "cases:\n  - name: a\n    events: [{ topic: t, valeu: 1 }]\n    expect: []\n",
            "t.yaml:3:14: error: this is no captured event: unknown field `valeu`",
        ),
        (
            "cases:\n  - name: a\n    events: []\n    expect: [{ destination: ops, priority: high }]\n",
            "t.yaml:4:44: error: \"high\" is no priority",
        ),
        ("cases: []\n", "there are no cases"),
        ("cases: {\n", "not valid YAML"),
    ] {
        let said = wrong(text);
        assert!(said.contains(says), "{text}\n{said}");
    }
}

#[test]
fn names_that_the_config_does_not_have_are_mistakes_of_the_file() {
    let text = "cases:\n  - name: a\n    events: []\n    expect: [{ destination: opps, rules: [prize] }]\n";
    let file = file::parse(text, Path::new(""), Report::new("t.yaml")).expect("readable");
    let mut report = Report::new("t.yaml");
    names(&file, &config(), &mut report);
    let said = report.to_string();
    assert!(
        said.contains("t.yaml:4:14: error: the config has no destination \"opps\"\n  hint: did you mean \"ops\"?"),
        "{said}"
    );
    assert!(said.contains("no rule \"prize\"\n  hint: did you mean \"price\"?"), "{said}");
}

#[test]
fn the_example_that_people_copy_holds() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rowbell.test.yaml");
    let (_, file, config) = read(&example, None).unwrap_or_else(|reports| panic!("{}", reports[0]));
    let (mut out, mut ended) = (Vec::new(), Vec::new());
    let nowhere = AtHand::new(None, &[], None).expect("nowhere");
    cases("example", &file, &config, &nowhere, &mut out, &mut ended).expect("runs");
    assert_eq!(Tally::of(&ended), Tally { cases: 4, failed: 0 }, "{}", String::from_utf8_lossy(&out));
}
