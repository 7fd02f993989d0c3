//! What the config words itself: parts of a message, and the whole of one.

use super::*;
use crate::change::{self, Column, ColumnChange, Type};
use crate::message::tests::vendors::own;

/// A config with these settings of the sellers' table and of the rule, and posts to Slack (0), Teams (1) and a webhook (2).
fn config(table: &str, rule: &str) -> Config {
    let text = format!(
        "kafka: {{ brokers: b, topics: [t] }}\ntime_zone: Europe/Berlin\n\
         tables:\n  public.sellers:\n    name: Seller\n{table}\n\
         destinations:\n  ops: {{ slack: {{ webhook_url: \"https://slack.example/x\" }} }}\n  \
           floor: {{ teams: {{ workflow_url: \"https://teams.example/x\" }} }}\n  \
           erp: {{ webhook: {{ url: \"https://erp.example/x\" }} }}\n\
         rules:\n  - name: sellers\n    table: public.sellers\n    to: [ops, floor, erp]\n{rule}\n"
    );
    let (config, report) =
        config::parse(&text, Report::new("f"), &|_| None).unwrap_or_else(|report| panic!("{report}"));
    // That a template shows a hidden column as "(hidden)" is a warning, and what one of the tests is about.
    let meant = report.found.iter().all(|found| found.message.contains("is redacted"));
    assert!(meant, "{report}");
    config
}

fn post(config: &Config, destination: usize, change: &Arc<RowChange>, metrics: &Metrics) -> Value {
    let table = config.table("shop", "public.sellers").cloned();
    let folded = Folded::one(Arc::clone(change));
    let subject = Subject { config, folded: &folded, table: table.as_deref(), rules: &[0] };
    Renderer::new(metrics.clone()).payload(&config.destinations[destination], &subject)
}

fn slack(table: &str, rule: &str) -> String {
    post(&config(table, rule), 0, &seller(2), &Metrics::new().unwrap()).to_string()
}

#[test]
fn the_rules_words_count_before_the_tables_part_by_part() {
    let table = "    headline: \"table's headline\"\n    note: \"table's note\"\n    link: \"https://a.example/{{ row.id }}\"\n    \
                   columns: { rating: { label: Stars } }";
    let rule = "    headline: \"{{ row.name }} has {{ row.rating | number(1) }} stars\"\n    buttons:\n      \
                - { label: \"Call {{ row.name }}\", url: \"https://b.example/?n={{ row.name }}\" }\n      \
                - { label: \"\", url: \"https://b.example/\" }";
    let text = slack(table, rule);
    for said in [
        "Ada's Antiques has 3.5 stars",
        "table's note",
        "https://a.example/1",
        "Call Ada's Antiques",
        "https://b.example/?n=Ada%27s%20Antiques",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("table's headline"), "{text}");
    assert_eq!(text.matches("\"button\"").count(), 2, "{text}");
}

#[test]
fn of_a_deleted_row_only_the_rules_own_buttons_lead_somewhere() {
    let row = "{{ row.id }}";
    let table = format!(
        "    link: \"https://a.example/{row}\"\n    buttons: [{{ label: Shop, url: \"https://b.example/{row}\" }}]"
    );
    let deleted = |rule: &str| post(&config(&table, rule), 0, &seller(3), &Metrics::new().unwrap()).to_string();
    assert_eq!(deleted("").matches("\"button\"").count(), 0);
    assert_eq!(slack(&table, "").matches("\"button\"").count(), 2, "of a living row both stand");
    let own = deleted(&format!("    buttons: [{{ label: Restore, url: \"https://c.example/{row}\" }}]"));
    assert!(own.contains("https://c.example/2") && !own.contains("a.example"), "{own}");
}

#[test]
fn fields_are_shown_in_their_order_whether_they_changed_or_not() {
    let text = slack("", "    fields: [balance, id, rating, no_such_column]");
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(place("Balance: ") < place("ID: ") && place("ID: ") < place("Rating: "), "{text}");
    assert!(text.contains("more: ") && text.contains("Joined"), "what changed besides is named: {text}");
}

#[test]
fn filters_write_in_the_language_and_zone_of_the_config() {
    let de = config("", "    headline: \"{{ row.balance | currency('EUR') }} seit {{ row.joined | datetime }}\"");
    let german = Config { locale: Arc::new("de".parse().unwrap()), ..de };
    let text = post(&german, 0, &seller(2), &Metrics::new().unwrap()).to_string();
    assert!(text.contains("99.999.999.999.999.999.999,123456789\u{A0}€ seit Do., 02.01.2020, 04:04"), "{text}");
}

const BLOCKS: &str = r##"    payload:
      slack: |
        { "text": "{{ message.headline }}",
          "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": "{{ row.name }}: {{ row.rating }}" } },
            {% for line in message.lines %}
            { "type": "section", "text": { "type": "mrkdwn", "text": "*{{ line.label }}* {{ line.new }}" } },
            {% endfor %}
            { "type": "divider" } ] }
      teams: |
        { "type": "AdaptiveCard", "version": "1.5",
          "body": [{ "type": "TextBlock", "text": "{{ row.name }}", "color": "{{ 'attention' if row.rating < '4' else 'good' }}" }] }
"##;

#[test]
fn the_whole_message_may_be_a_template_of_ones_own() {
    let config = config("", BLOCKS);
    let metrics = Metrics::new().unwrap();
    let slack = post(&config, 0, &seller(2), &metrics);
    assert_eq!(slack["blocks"][0]["text"]["text"], "Ada's Antiques: 3.5");
    assert_eq!(slack["blocks"][1]["text"]["text"], "*Rating* 3.5");
    let card = post(&config, 1, &seller(2), &metrics);
    let body = &card["attachments"][0]["content"]["body"][0];
    assert_eq!((&body["text"], &body["color"]), (&"Ada's Antiques".into(), &"attention".into()));
    // Programs get the documented form.
    assert_eq!(post(&config, 2, &seller(2), &metrics)["type"], "row.update");
    assert_eq!(metrics.rule_errors.with_label_values(&["sellers"]).get(), 0);
}

#[test]
fn a_payload_that_fails_gives_way_to_the_default_and_is_marked_and_counted() {
    for broken in [
        "{ \"text\": \"{{ row.no_such_column }}\" }",
        "{ \"text\": \"{{ row.name | currency }}\" }",
        "{ \"blocks\": [{ \"type\": \"image\", \"image_url\": \"{{ row.name }}\", \"alt_text\": \"x\" }] }",
    ] {
        let metrics = Metrics::new().unwrap();
        let config = config("", &format!("    payload:\n      slack: '{broken}'"));
        let text = post(&config, 0, &seller(2), &metrics).to_string();
        assert!(text.contains("The template of the payload failed") && text.contains("Ada's Antiques"), "{text}");
        assert_eq!(metrics.rule_errors.with_label_values(&["sellers"]).get(), 1, "{broken}");
    }
}

/// The seller's change with 500 columns more, every one of them changed.
fn wide() -> Arc<RowChange> {
    let mut change = seller(2);
    let row = Arc::make_mut(&mut change);
    for number in 0..500 {
        let name: Arc<str> = format!("column_{number}").into();
        let value = |of: &str| change::Value::Text(format!("{of} {number} <!channel> {{{{DATE()}}}} 漢字 \\\"").into());
        let (old, new) = (value("before"), value("after"));
        let column = |value: &change::Value| Column { name: name.clone(), ty: Type::Text, value: value.clone() };
        row.before.iter_mut().for_each(|row| row.columns.push(column(&old)));
        row.after.iter_mut().for_each(|row| row.columns.push(column(&new)));
        row.changes.push(ColumnChange { name: name.clone(), ty: Type::Text, old: Some(old), new: Some(new) });
    }
    change
}

#[test]
fn a_row_of_five_hundred_columns_stays_within_the_limits_whatever_templates_make_of_it() {
    let all = "{% for name in row %}{{ name }} {{ row[name] }} {% endfor %}";
    let parts = format!(
        "    headline: \"{all}\"\n    title: \"{all}\"\n    note: \"{all}\"\n    buttons:\n      \
         - {{ label: \"{all}\", url: \"https://shop.example/?q={all}\" }}\n      \
         - {{ label: \"{all}\", url: \"https://shop.example/\" }}"
    );
    let of = |text: &str| format!(r#"{{ "type": "section", "text": {{ "type": "mrkdwn", "text": {text} }} }}"#);
    let payload = |slack: &str, teams: &str| {
        format!(
            "{parts}\n    payload:\n      slack: |\n        {{ \"blocks\": [{slack}] }}\n      teams: |\n        \
             {{ \"type\": \"AdaptiveCard\", \"body\": [{teams}] }}"
        )
    };
    let last = "{ \"type\": \"divider\" }";
    let blocks = format!("{{% for name in row %}}{} , {{% endfor %}}{last}", of("\"{{ name }}: {{ row[name] }}\""));
    let fields = r#"{ "type": "section", "fields": [{% for name in row %}{ "type": "plain_text", "text": {{ row[name] }} }, {% endfor %}{ "type": "plain_text", "text": "x" }] }"#;
    let cells = r#"{% for name in row %}{ "type": "TextBlock", "text": {{ row[name] }} }, {% endfor %}{ "type": "TextBlock", "text": "x" }"#;
    let one_text = format!("{{ \"type\": \"TextBlock\", \"text\": \"{all}\" }}");
    let cases = [
        (blocks, cells.to_owned(), 2),
        (fields.to_owned(), one_text, 2),
        (of(&format!("\"{all}\"")), "{ \"type\": \"TextBlock\", \"text\": \"x\" }".to_owned(), 0),
    ];
    for (slack, teams, failures) in cases {
        let metrics = Metrics::new().unwrap();
        let config = config("", &payload(&slack, &teams));
        own::slack(&post(&config, 0, &wide(), &metrics));
        own::teams(&post(&config, 1, &wide(), &metrics));
        post(&config, 2, &wide(), &metrics);
        let failed = metrics.rule_errors.with_label_values(&["sellers"]).get();
        assert_eq!(failed, failures, "{slack}");
    }
    let metrics = Metrics::new().unwrap();
    let config = config("", &parts);
    own::slack(&post(&config, 0, &wide(), &metrics));
    own::teams(&post(&config, 1, &wide(), &metrics));
}

#[test]
fn redacted_columns_stay_hidden_in_whatever_a_template_does() {
    let table = "    columns: { balance: { redact: true }, name: { redact: true } }";
    let rule = "    headline: \"{{ row.balance | currency('EUR') }} {{ delta('balance') }} {{ row.name | truncate(30) }}\"\n    \
                payload: { slack: '{ \"text\": \"{{ row.balance }} {{ message.lines | tojson }} {{ message.text }}\" }' }";
    let config = config(table, rule);
    for destination in 0..3 {
        let text = post(&config, destination, &seller(2), &Metrics::new().unwrap()).to_string();
        assert!(!text.contains("999") && !text.contains("Antiques"), "{text}");
        assert!(destination == 2 || text.contains("(hidden)"), "{text}");
    }
}

#[test]
fn the_tip_comes_once_per_destination_table_and_day() {
    let config = config("", "");
    let renderer = Renderer::new(Metrics::new().unwrap());
    let tips = |destination: usize, offset: i64, day: i64| {
        let mut change = RowChange::clone(&seller(2));
        change.record.offset = offset;
        change.time_us = change.time_us.map(|time_us| time_us + day * 86_400_000_000);
        let folded = Folded::one(Arc::new(change));
        let subject = Subject { config: &config, folded: &folded, table: None, rules: &[0] };
        renderer.payload(&config.destinations[destination], &subject).to_string().contains("REPLICA IDENTITY")
    };
    assert!(tips(0, 2, 0));
    assert!(!tips(0, 3, 0), "another change of that day");
    assert!(tips(0, 2, 0), "the same post, tried again");
    assert!(tips(1, 3, 0), "another destination");
    assert!(tips(0, 4, 1), "the next day");
    assert!(!tips(0, 3, 0), "a straggler of the day before");
}

#[test]
fn a_post_that_may_have_been_made_before_says_so() {
    let config = config("", "");
    let folded = Folded::one(seller(2));
    let subject = Subject { config: &config, folded: &folded, table: None, rules: &[0] };
    let text = Renderer::again(Metrics::new().unwrap()).payload(&config.destinations[0], &subject).to_string();
    assert!(text.contains("Sent again"), "{text}");
}

#[test]
fn a_headline_that_the_net_of_several_changes_does_not_meet_says_that_it_is_of_one() {
    let said = |when: &str, changes: u64, locale: &str| {
        let rule = format!(
            "    headline: \"{{{{ row.name }}}} lost its stars\"\n    on: update\n    when: after.rating == {when}"
        );
        let config = Config {
            locale: Arc::new(locale.parse().unwrap()),
            ..config("    columns: { rating: { type: decimal } }", &rule)
        };
        let table = config.table("shop", "public.sellers").cloned();
        let folded = Folded { changes, ..Folded::one(seller(2)) };
        let subject = Subject { config: &config, folded: &folded, table: table.as_deref(), rules: &[0] };
        Renderer::new(Metrics::new().unwrap()).payload(&config.destinations[1], &subject).to_string()
    };
    assert!(said("0", 3, "en").contains("Ada's Antiques lost its stars (in one of 3 changes)"));
    assert!(said("0", 3, "de").contains("Ada's Antiques lost its stars (bei einer von 3 Änderungen)"));
    // The net is one that the rule wants; a change by itself is always.
    for text in [said("3.5", 3, "en"), said("0", 1, "en")] {
        assert!(text.contains("lost its stars\"") && !text.contains("in one of"), "{text}");
    }
}
