//! The words of tables and rules: what is accepted, and what is said of mistakes in them.

use super::*;

/// A table and a rule with these keys.
fn worded(table: &str, rule: &str) -> String {
    with(&format!(
        "tables:\n  public.listings:\n{table}\nrules:\n  - name: r\n    table: public.listings\n    to: ops\n{rule}\n"
    ))
}

#[test]
fn every_part_of_a_message_may_be_worded() {
    let parts = "    headline: \"{{ row.title }}\"\n    title: \"{{ row.title }}\"\n    note: Call them\n    \
                 link: \"https://shop.example/{{ row.id }}\"\n    fields: [price, title]\n    buttons:\n      \
                 - { label: Reprice, url: \"https://shop.example/{{ row.id }}/price\" }\n    \
                 payload: { slack: '{ \"text\": \"{{ row.title }}\" }' }";
    let table = format!(
        "{parts}\n    overview: https://shop.example/listings\n    columns:\n      \
                         price: {{ format: currency, currency: USD, currency_display: code, decimals: 2 }}"
    );
    let (config, report) = parse_text(&worded(&table, parts)).unwrap_or_else(|report| panic!("{report}"));
    assert!(report.found.is_empty(), "{report}");
    for wording in [&config.tables[0].wording, &config.rules[0].wording] {
        assert!(
            wording.headline.is_some() && wording.title.is_some() && wording.note.is_some() && wording.link.is_some()
        );
        assert_eq!(wording.fields.iter().map(|name| &**name).collect::<Vec<_>>(), ["price", "title"]);
        assert_eq!((wording.buttons.len(), wording.slack.is_some(), wording.teams.is_some()), (1, true, false));
    }
    assert_eq!(config.tables[0].overview.as_deref(), Some("https://shop.example/listings"));
    let price = config.tables[0].view.column("price").unwrap();
    assert_eq!((price.currency_display, price.decimals), (crate::message::CurrencyDisplay::Code, Some(2)));
}

#[test]
fn mistakes_in_words_are_found_with_their_place() {
    let payload = |text: &str| format!("    payload: {{ slack: '{text}' }}");
    for (rule, expected) in [
        ("    headlin: x", "unknown key \"headlin\"\n  hint: did you mean \"headline\"?"),
        ("    buttons: [{ label: x }]", "\"url\" is missing here"),
        ("    buttons: [{ label: x, url: y, colour: z }]", "unknown key \"colour\""),
        ("    note: \"{{ rwo.title }}\"", "\"rwo\" is not known\n  hint: known: before, after, row"),
        ("    link: \"{{ row.title\"", "the address \"{{ row.title\" does not work"),
        ("    payload: { slak: x }", "unknown key \"slak\"\n  hint: did you mean \"slack\"?"),
        (&payload("{"), "the payload, tried with a made-up row, yields no JSON: EOF while parsing"),
        (&payload("{ \"blocks\": [] }"), "says nothing: there are neither blocks nor a text"),
        (
            &payload("{ \"blocks\": [{ \"type\": \"sektion\" }] }"),
            "is wrong at blocks[0]: it is no block (type \"sektion\")",
        ),
        (&payload("{ \"blocks\": {{ row.blocks }} }"), "has a value of the row under \"blocks\", where none can stand"),
        (&payload("{ \"text\": \"{{ mesage.text }}\" }"), "\"mesage\" is not known\n  hint: did you mean \"message\"?"),
        (&payload("{% filter upper %}{}{% endfilter %}"), "has a block that cannot stand here"),
    ] {
        let found = errors(&worded("    name: Listing", rule));
        assert!(found.contains(expected), "{rule}: {found}");
        assert!(found.contains("rowbell.yaml:12:"), "{rule}: {found}");
    }
    let many = (0..6).map(|n| format!("{{ label: b{n}, url: \"https://a.example/\" }}")).collect::<Vec<_>>().join(", ");
    assert!(
        errors(&worded("    name: x", &format!("    buttons: [{many}]")))
            .contains("6 buttons are more than a message shows")
    );
    let fields = (0..21).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
    assert!(errors(&worded("    name: x", &format!("    fields: [{fields}]"))).contains("21 fields are more"));
    let overview = errors(&worded("    overview: \"https://shop.example/{{ row.id }}\"", ""));
    assert!(overview.contains("no http or https address") && overview.contains("not a template"), "{overview}");
    let decimals = errors(&worded("    columns: { a: { decimals: 99 } }", ""));
    assert!(decimals.contains("decimals: 99 are more than anybody reads"), "{decimals}");
    let display = errors(&worded("    columns: { a: { currency_display: symbole } }", ""));
    assert!(display.contains("did you mean \"symbol\"?"), "{display}");
}

#[test]
fn a_payload_is_tried_with_numbers_where_texts_do_not_do() {
    let said = |payload: &str| {
        let text = worded("    name: x", &format!("    payload: {{ slack: '{payload}' }}"));
        parse_text(&text).unwrap_or_else(|report| panic!("{report}")).1.to_string()
    };
    assert_eq!(said("{ \"text\": \"{{ row.price | currency }}\" }"), "");
    assert_eq!(said("{ \"text\": \"{{ row.title | upper }} {{ delta(\"price\") }}\" }"), "");
    // An address of the row is not to be judged without a row.
    assert_eq!(
        said(
            "{ \"text\": \"x\", \"blocks\": [{ \"type\": \"image\", \"image_url\": \"{{ row.photo }}\", \"alt_text\": \"x\" }] }"
        ),
        ""
    );
    let both = said("{ \"text\": \"{{ row.price | currency }} {{ row.title[0].x.y }}\" }");
    assert!(both.contains("warning") && both.contains("rowbell preview"), "{both}");
    let teams = worded("    name: x", "    payload: { teams: '{ \"type\": \"AdaptiveCard\", \"body\": [{}] }' }");
    let unused = parse_text(&teams).unwrap_or_else(|report| panic!("{report}")).1.to_string();
    assert!(unused.contains("leads to no teams: its payload for teams is not used"), "{unused}");
}

#[test]
fn a_locale_is_a_language_with_or_without_a_country() {
    let said = |tag: &str| match parse_text(&with(&format!(
        "locale: {tag}\nrules: [{{ name: r, table: public.listings, to: ops }}]"
    ))) {
        Ok((config, report)) => format!("{} {report}", config.locale.tag()),
        Err(report) => report.to_string(),
    };
    assert_eq!(said("de-AT"), "de-AT ");
    assert!(said("it").contains("it ") && said("it").contains("no words in \"it\" yet"));
    assert!(
        said("tlh")
            .contains("\"tlh\" is a language that messages cannot be written in\n  hint: one of: en, de, fr, es, ja")
    );
    assert!(said("\"!\"").contains("is no language tag"));
}

#[test]
fn without_a_zone_the_readers_own_counts() {
    let zone = |extra: &str| parse_text(&with(extra)).unwrap_or_else(|report| panic!("{report}")).0.readers_zone;
    assert!(zone("") && !zone("time_zone: UTC"));
}
