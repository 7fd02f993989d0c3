use crate::change::Type;
use crate::config::{Catalog, Code, Report, parse};

/// A config that is fine, with this below it.
fn found(extra: &str) -> String {
    let text = format!(
        "kafka: {{ brokers: localhost:9092, topics: [shop.public.listings] }}\n\
         destinations:\n  ops: {{ slack: {{ webhook_url: \"${{env:U}}\" }} }}\n{extra}"
    );
    let outcome = parse(&text, Report::new("f"), &|_| Some("https://slack.example/x".to_owned()));
    let report = outcome.map_or_else(|report| report, |(_, report)| report);
    report.sorted().into_iter().map(|found| format!("{}: {}\n", found.code.as_str(), found.message)).collect()
}

fn rule(settings: &str) -> String {
    found(&format!("rules:\n  - {{ name: a, table: public.listings, to: [ops], {settings} }}\n"))
}

#[test]
fn what_is_meant_as_it_stands_is_left_alone() {
    for settings in [
        "when: row.price > 5",
        "on: [update], columns: [price], when: before.price > after.price",
        "on: [create, update], when: op == 'create' or before.price < after.price",
        "on: [create, update], when: before is not defined or before.price < after.price",
        "on: [delete], when: before.price > 5",
        "on: [read]",
        "on: [create, update], columns: [price]",
        "headline: \"{{ row.title | upper }}: {{ delta('price') }}\"",
        "when: \"row.a is none or 'x' in row.tags\"",
        "expires: 2h",
    ] {
        assert_eq!(rule(settings), "", "{settings}");
    }
}

#[test]
fn words_of_other_languages_are_translated() {
    for (when, hint) in [
        ("row.a > 1 && row.b", "write `and` for &&"),
        ("row.a || row.b", "write `or` for ||"),
        ("row.a = 1", "write == to compare"),
        ("{{ row.a > 1 }}", "a condition stands without {{ }}"),
        ("row.a == null", "write `is none` for null"),
        ("row.a IS NULL", "in lower case"),
    ] {
        let text = format!(
            "kafka: {{ brokers: b:1, topics: [t] }}\nrules:\n  - {{ name: a, table: a.b, to: [], when: {when:?} }}\n"
        );
        let report = parse(&text, Report::new("f"), &|_| None).expect_err("it does not work").to_string();
        assert!(report.contains(hint), "{when}: {report}");
    }
}

#[test]
fn rules_outdo_each_other_only_where_one_covers_the_other() {
    let two = |first: &str, second: &str| {
        found(&format!(
            "rules:\n  - {{ name: a, table: public.*, to: [ops], {first} }}\n  - {{ name: b, table: public.listings, to: [ops], headline: x, {second} }}\n"
        ))
    };
    assert!(two("priority: normal", "priority: normal").starts_with("never-in-its-words: the words of the rule \"b\""));
    assert!(two("priority: low", "priority: low").starts_with("never-in-its-words"));
    for (first, second) in [
        ("priority: low", "priority: normal"),
        ("columns: [price]", "priority: normal"),
        ("when: row.a", "priority: normal"),
        ("on: [create]", "priority: normal"),
        ("columns: [price]", "columns: [title]"),
    ] {
        assert_eq!(two(first, second), "", "{first} / {second}");
    }
}

#[test]
fn a_column_that_nobody_knows_is_named_with_the_nearest() {
    let mut catalog = Catalog { source: "events.jsonl".to_owned(), ..Catalog::default() };
    let table = catalog.table("shop", "public.listings");
    for (name, ty) in [("id", Type::Int), ("price", Type::Decimal), ("title", Type::Text), ("qty", Type::Int)] {
        table.column(name, Some(ty));
    }
    let text = "kafka: { brokers: b:1, topics: [shop.public.listings] }\n\
        tables:\n  public.listings:\n    title: \"{{ row.titel }}\"\n    ignore: [updated_at]\n    columns: { prize: { label: P } }\n\
        destinations: { ops: { webhook: { url: \"https://a.example\" } } }\n\
        rules:\n  - { name: a, table: public.listings, to: [ops], columns: [Price], when: row.title > 5 and row.qty == 'x' and changed('pric') }\n  \
        - { name: b, table: public.listing, to: [ops] }\n";
    let mut examined = crate::config::checked(text, Report::new("f"), &|_| None, None);
    assert!(!examined.report.has_errors(), "{}", examined.report);
    examined.report.found.clear();
    examined.compare(&catalog);
    insta::assert_snapshot!(examined.report.to_string());
}

#[test]
fn two_who_know_a_table_tell_a_mistake_once_and_better_than_a_spelling() {
    let text = "kafka: { brokers: b:1, topics: [shop.public.beds] }\n\
        tables: { public.beds: { columns: { state: { label: State } } } }\n\
        destinations: { ops: { webhook: { url: \"https://a.example\" } } }\n\
        rules:\n  - { name: free, table: public.beds, to: [ops], columns: [sttae], when: \"new('ward') > 5\" }\n";
    let mut examined = crate::config::checked(text, Report::new("f"), &|_| None, None);
    assert_eq!(examined.report.found.iter().map(|found| found.code).collect::<Vec<_>>(), [Code::Misspelt]);
    for source in ["the registry", "events.jsonl"] {
        let mut catalog = Catalog { source: source.to_owned(), ..Catalog::default() };
        let table = catalog.table("shop", "public.beds");
        ["state", "ward"].iter().for_each(|name| table.column(name, Some(Type::Text)));
        examined.compare(&catalog);
        let codes: Vec<_> = examined.report.found.iter().map(|found| found.code).collect();
        assert_eq!(codes, [Code::UnknownColumn, Code::TextWithNumber], "{source}: {}", examined.report);
    }
}

#[test]
fn what_several_know_of_tables_is_one() {
    let catalog = |source: &str, table: &str, column: &str, ty| {
        let mut catalog = Catalog { source: source.to_owned(), ..Catalog::default() };
        catalog.table("shop", table).column(column, ty);
        catalog
    };
    let mut known = Catalog::default();
    known.add(catalog("a", "public.beds", "state", None));
    known.add(catalog("b", "public.beds", "state", Some(Type::Text)));
    known.add(catalog("c", "public.wards", "id", Some(Type::Int)));
    assert_eq!(known.source, "a and b and c");
    assert_eq!(known.tables.len(), 2);
    assert_eq!(known.tables[0].columns[0].ty, Some(Type::Text));
}

#[test]
fn who_needs_old_values_that_never_come_is_named() {
    let text = "kafka: { brokers: b:1, topics: [shop.public.beds] }\n\
        destinations: { ops: { webhook: { url: \"https://a.example\" } } }\n\
        rules:\n  - { name: free, table: public.beds, on: update, to: [ops], when: before.state != 'free' }\n  \
        - { name: all, table: public.beds, to: [ops] }\n";
    let mut examined = crate::config::checked(text, Report::new("f"), &|_| None, None);
    let note = crate::config::KnownNote {
        server: "shop".to_owned(),
        table: "public.beds".to_owned(),
        code: Code::OldValues,
        message: "public.beds: the source does not send old values".to_owned(),
        hint: None,
    };
    examined.compare(&Catalog { notes: vec![note], ..Catalog::default() });
    let told = examined.report.to_string();
    assert!(
        told.ends_with("does not send old values, which the condition of \"free\" needs: no update matches"),
        "{told}"
    );
}

#[test]
fn the_type_of_an_ignored_column_need_not_be_set() {
    let text = "kafka: { brokers: b:1, topics: [shop.public.beds] }\ntables: { public.beds: { ignore: [chg_ts] } }\n\
        destinations: { ops: { webhook: { url: \"https://a.example\" } } }\n\
        rules: [{ name: all, table: public.beds, to: [ops] }]\n";
    let mut examined = crate::config::checked(text, Report::new("f"), &|_| None, None);
    let note = |column: &str| crate::config::KnownNote {
        server: "shop".to_owned(),
        table: "public.beds".to_owned(),
        code: Code::TypeToSet,
        message: format!("public.beds: {column}: looks like a point in time"),
        hint: None,
    };
    examined.compare(&Catalog { notes: vec![note("chg_ts"), note("free_from")], ..Catalog::default() });
    let told = examined.report.to_string();
    assert_eq!(told, "f:2:11: warning: public.beds: free_from: looks like a point in time");
}
