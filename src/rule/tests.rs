use super::*;
use crate::change::{Bounded, Column, ColumnChange, Decimal, RecordId, Row, Type, Value};
use crate::message::{Formats, Locale};

fn column(name: &str, ty: Type, value: Value) -> Column {
    Column { name: name.into(), ty, value }
}

fn decimal(text: &str) -> Value {
    Value::Decimal(Decimal::Finite(text.parse().unwrap()))
}

fn row(columns: Vec<Column>) -> Option<Row> {
    Some(Row { columns })
}

/// Stock 1 -> 0, price 250000.00 -> 199999.95, description not sent.
fn update() -> RowChange {
    let image = |stock: i128, price: &str| {
        row(vec![
            column("id", Type::Int, Value::Int(1)),
            column("title", Type::Text, Value::Text("Oak chair".into())),
            column("prod_stk_qty", Type::Int, Value::Int(stock)),
            column("price", Type::Decimal, decimal(price)),
            column("description", Type::Text, Value::Unavailable),
            column("listed_on", Type::Date, Value::Date(Bounded::Finite(20_468))),
            column("tags", Type::Array, Value::Array(vec![Value::Text("wood".into())])),
            column("email", Type::Text, Value::Text("a@example.com".into())),
        ])
    };
    let changed = |name: &str, ty, old, new| ColumnChange { name: name.into(), ty, old: Some(old), new: Some(new) };
    RowChange {
        record: RecordId { topic: "shop.public.listings".into(), partition: 0, offset: 3 },
        op: Op::Update,
        connector: "postgresql".into(),
        server: "shop".into(),
        database: Some("shop".into()),
        table: "public.listings".into(),
        key: row(vec![column("id", Type::Int, Value::Int(1))]),
        rekeyed_from: None,
        rekeyed_to: None,
        snapshot: false,
        time_us: Some(0),
        before: image(1, "250000.00"),
        after: image(0, "199999.95"),
        before_unknown: false,
        flattened: false,
        changes: vec![
            changed("prod_stk_qty", Type::Int, Value::Int(1), Value::Int(0)),
            changed("price", Type::Decimal, decimal("250000.00"), decimal("199999.95")),
        ],
        unavailable: vec!["description".into()],
    }
}

fn holds(condition: &str) -> Result<bool, String> {
    Condition::compile(condition).unwrap().holds(&Arc::new(update())).map_err(|e| e.message)
}

#[test]
fn conditions_see_old_and_new() {
    for (condition, expected) in [
        ("before.prod_stk_qty > 0 and after.prod_stk_qty == 0", true),
        ("row.price < 200000", true),
        ("after.price < before.price * 0.9", true),
        ("row.price == 199999.95", true),
        ("delta('price') < -50000", true),
        ("delta('prod_stk_qty') == -1", true),
        ("changed('price') and not changed('title')", true),
        ("old('prod_stk_qty') - new('prod_stk_qty') == 1", true),
        ("op == 'update' and table == 'public.listings'", true),
        ("source.connector == 'postgresql' and source.server == 'shop'", true),
        ("key.id == 1", true),
        ("row.listed_on < '2026-02-01'", true),
        ("'wood' in row.tags", true),
        ("row.title is startingwith 'Oak'", true),
        ("row.price > 200000", false),
    ] {
        assert_eq!(holds(condition), Ok(expected), "{condition}");
    }
}

#[test]
fn what_was_not_sent_is_an_error_not_a_value() {
    for condition in ["row.description == ''", "row.nonsense > 1", "old('description') != new('description')"] {
        let error = holds(condition).unwrap_err();
        assert!(error.contains("does not have"), "{condition}: {error}");
    }
    assert_eq!(holds("row.description is defined and row.description == 'x'"), Ok(false));
}

#[test]
fn text_and_numbers_have_no_order() {
    for condition in [
        "row.title > 5",
        "5 == row.title",
        "(row.prod_stk_qty) < row.title",
        "1 < row.title < 3",
        "true and row.prod_stk_qty + 1 > row.title",
        "(row.prod_stk_qty + 1) * 2 > row.title",
    ] {
        let error = holds(condition).unwrap_err();
        assert!(error.contains("text with a number"), "{condition}: {error}");
    }
}

#[test]
fn a_delta_beyond_128_bits_keeps_its_sign() {
    let (ends, days) = ([i128::MIN, i128::MAX], Value::Date(Bounded::Finite(i128::MAX / 2)));
    let changes = vec![
        ("up", Type::Int, Value::Int(ends[0]), Value::Int(ends[1])),
        ("down", Type::Int, Value::Int(ends[1]), Value::Int(ends[0])),
        ("day", Type::Date, Value::Date(Bounded::Finite(0)), days),
    ];
    let changes = changes.into_iter().map(|(name, ty, old, new)| ColumnChange {
        name: name.into(),
        ty,
        old: Some(old),
        new: Some(new),
    });
    let change = Arc::new(RowChange { changes: changes.collect(), ..update() });
    let condition = Condition::compile("delta('up') > 1e38 and delta('down') < -1e38 and delta('day') > 1e42").unwrap();
    assert_eq!(condition.holds(&change).map_err(|error| error.message), Ok(true));
}

#[test]
fn a_calculation_that_fails_quotes_no_row_data() {
    let error = holds("after.price // 0 > 1").unwrap_err();
    assert!(error.contains("calculates what has no result"), "{error}");
    assert!(!error.contains(|c: char| c.is_ascii_digit()), "{error}");
}

#[test]
fn a_condition_cannot_run_for_ever() {
    let nested = format!("{}[1]{}", "(".repeat(40), ")".repeat(40));
    assert!(holds(&format!("{nested} == 1")).is_ok());
    assert!(holds("range(100000) | list | length > 1").is_err());
}

#[test]
fn unknown_names_are_found_when_compiling() {
    let error = Condition::compile("befor.price > 1").unwrap_err().message;
    assert!(error.contains("\"befor\"") && error.contains("before"), "{error}");
    assert!(Condition::compile("row.price >").is_err());
    assert!(Template::compile("{{ rwo.title }}").is_err());
    assert!(Template::compile("{{ row.title ").is_err());
}

#[test]
fn conditions_name_the_columns_they_touch() {
    let condition = Condition::compile("before.qty > 0 and row.price < 5 and changed('x')").unwrap();
    assert_eq!(condition.columns().collect::<Vec<_>>(), ["price", "qty"]);
}

#[test]
fn templates_keep_every_digit_and_hide_what_is_redacted() {
    let change = Arc::new(update());
    let render = |text: &str, redacted: &[&str]| {
        let redacted: Arc<[String]> = redacted.iter().map(|name| (*name).to_owned()).collect();
        let formats = Formats::new(Locale::english(), jiff::tz::TimeZone::UTC, change.time_us);
        let seen = Seen { change: &change, redacted: &redacted, formats: &formats, sample: None };
        Template::compile(text).unwrap().render(&seen).map_err(|e| e.message)
    };
    assert_eq!(render("{{ row.title }} is out of stock", &[]).unwrap(), "Oak chair is out of stock");
    assert_eq!(render("{{ old('price') }} -> {{ row.price }}", &[]).unwrap(), "250000.00 -> 199999.95");
    assert_eq!(render("{{ row.listed_on }}", &[]).unwrap(), "2026-01-15");
    assert_eq!(render("{{ row.email }} {{ new('email') }}", &["email"]).unwrap(), "(hidden) (hidden)");
    assert!(render("{{ row.description }}", &[]).is_err());
}

#[test]
fn a_null_is_written_as_nothing() {
    let mut change = update();
    change.after.as_mut().unwrap().columns.push(column("ward", Type::Text, Value::Null));
    let change = Arc::new(change);
    let formats = Formats::new(Locale::english(), jiff::tz::TimeZone::UTC, change.time_us);
    let seen = Seen { change: &change, redacted: &Arc::default(), formats: &formats, sample: None };
    assert_eq!(Template::compile("<{{ row.ward }}>").unwrap().render(&seen).unwrap(), "<>");
    assert_eq!(
        UrlTemplate::compile("https://a.example/{{ row.ward }}/x").unwrap().render(&seen).unwrap(),
        "https://a.example//x"
    );
    assert!(Template::compile("{{ row.wrad }}").unwrap().render(&seen).is_err(), "what is not there is no NULL");
}

fn rule(on: Ops, columns: &[&str], when: Option<&str>) -> Rule {
    Rule {
        name: "r".into(),
        table: TablePattern::compile("public.listings").unwrap(),
        on,
        columns: columns.iter().map(|name| (*name).into()).collect(),
        when: when.map(|text| Condition::compile(text).unwrap()),
        priority: Priority::Normal,
        to: vec![0],
        wording: Wording::default(),
        mention: None,
        tone: Tone::Neutral,
        expires: None,
    }
}

#[test]
fn a_rule_asks_table_operation_columns_and_condition() {
    let change = Arc::new(update());
    let update_only = Ops::default().with(Op::Update);
    assert_eq!(rule(Ops::CHANGES, &[], None).judge(&change, &[]), Judgement::Yes);
    assert_eq!(rule(Ops::default().with(Op::Create), &[], None).judge(&change, &[]), Judgement::No(Miss::On));
    assert_eq!(rule(update_only, &["price"], None).judge(&change, &[]), Judgement::Yes);
    assert_eq!(rule(update_only, &["title"], None).judge(&change, &[]), Judgement::No(Miss::Columns));
    assert_eq!(
        rule(update_only, &["price"], Some("row.price > 1000000")).judge(&change, &[]),
        Judgement::No(Miss::When)
    );
    assert!(matches!(rule(update_only, &[], Some("row.gone > 1")).judge(&change, &[]), Judgement::Failed(_)));
}

#[test]
fn ignored_columns_and_no_op_updates_post_nothing() {
    let change = Arc::new(update());
    let ignored = ["price".to_owned(), "prod_stk_qty".to_owned()];
    assert_eq!(rule(Ops::CHANGES, &[], None).judge(&change, &ignored), Judgement::No(Miss::Columns));
    assert_eq!(rule(Ops::CHANGES, &["price"], None).judge(&change, &ignored), Judgement::No(Miss::Columns));
    let no_op = Arc::new(RowChange { changes: Vec::new(), ..update() });
    assert_eq!(rule(Ops::CHANGES, &[], None).judge(&no_op, &[]), Judgement::No(Miss::Columns));
}

#[test]
fn a_key_change_is_one_update() {
    let old_key = row(vec![column("id", Type::Int, Value::Int(7))]);
    let create =
        RowChange { op: Op::Create, before: None, rekeyed_from: old_key.clone(), before_unknown: true, ..update() };
    let create = Arc::new(create.judged());
    let delete = Arc::new(RowChange { op: Op::Delete, after: None, rekeyed_to: old_key, ..update() });
    let update_only = rule(Ops::default().with(Op::Update), &[], Some("before.id == 7 and after.id == 1"));
    assert_eq!(update_only.judge(&create, &[]), Judgement::Yes);
    assert_eq!(rule(Ops::default().with(Op::Create), &[], None).judge(&create, &[]), Judgement::No(Miss::On));
    assert_eq!(rule(Ops::CHANGES, &[], None).judge(&delete, &[]), Judgement::No(Miss::OldKey));
}

#[test]
fn tables_match_by_name_glob_and_server() {
    let matches =
        |pattern: &str, server: &str, table: &str| TablePattern::compile(pattern).unwrap().matches(server, table);
    assert!(matches("public.listings", "shop", "public.listings"));
    assert!(!matches("public.listings", "shop", "public.listings2"));
    assert!(matches("public.*", "shop", "public.sellers"));
    assert!(!matches("public.*", "shop", "private.sellers"));
    assert!(matches("shop:public.listings", "shop", "public.listings"));
    assert!(!matches("shop:public.listings", "erp", "public.listings"));
    assert!(TablePattern::compile("public.[").is_err());
}

fn seen<T>(with: impl FnOnce(&Seen<'_>) -> T) -> T {
    let change = Arc::new(update());
    let formats = Formats::new(Locale::english(), jiff::tz::TimeZone::UTC, Some(1_795_460_400_000_000));
    with(&Seen { change: &change, redacted: &Arc::from(["email".to_owned()]), formats: &formats, sample: None })
}

#[test]
fn filters_write_values_as_messages_do() {
    let render = |text: &str| {
        seen(|seen| Template::compile(text).and_then(|template| template.render(seen)).map_err(|error| error.message))
    };
    for (text, shown) in [
        ("{{ row.price | currency('USD') }}", "$199,999.95"),
        ("{{ row.price | currency }}", "199,999.95"),
        ("{{ row.price | currency('no such code') }}", "199,999.95"),
        ("{{ row.price | number(0) }}", "200,000"),
        ("{{ 12.5 | percent }}", "12.5\u{A0}%"),
        ("{{ 12345678 | bytes }}", "12.3 MB"),
        ("{{ 90 | duration('min') }}", "1 h 30 min"),
        ("{{ 'PT90M' | duration }}", "90 min"),
        ("{{ row.listed_on | date }}", "Thu 15 Jan"),
        ("{{ '2026-11-23T19:00:00Z' | datetime }}", "Mon 23 Nov, 19:00"),
        ("{{ 1795460400 | datetime }}", "Mon 23 Nov, 19:00"),
        ("{{ 't' | boolean }}", "yes"),
        ("{{ none | currency('USD') }}", "(empty)"),
        ("{{ row.email | currency('USD') }} {{ delta('email') }}", "(hidden) (hidden)"),
        ("{{ ['a', 1] | tojson }} {{ 'a' | tojson }}", "[\"a\",1] a"),
    ] {
        assert_eq!(render(text).as_deref(), Ok(shown), "{text}");
    }
    assert!(render("{{ row.title | currency('USD') }}").unwrap_err().contains("the filter cannot read the value"));
    assert!(render("{{ row.description | currency('USD') }}").is_err());
    assert!(render("{{ row.title | truncate(20) }}").is_ok());
    assert!(Template::compile("{{ message.headline }}").is_err(), "only payloads see the message");
}

#[test]
fn values_in_addresses_are_encoded_but_for_a_whole_one() {
    let url = |text: &str| seen(|seen| UrlTemplate::compile(text).unwrap().render(seen).map_err(|error| error.message));
    assert_eq!(
        url("https://shop.example/{{ row.title }}?q={{ 'a&b' }}").as_deref(),
        Ok("https://shop.example/Oak%20chair?q=a%26b")
    );
    assert_eq!(url(" {{ 'https://shop.example/' }}{{ row.id }} ").as_deref(), Ok("https://shop.example/1"));
    assert_eq!(url("https://shop.example/{{ row.id | urlencode }}").as_deref(), Ok("https://shop.example/1"));
    assert!(url("https://shop.example/{{ '..' }}/x").unwrap_err().contains("another place"));
    assert!(url("https://shop.example/{{ row.no_such_column }}").is_err());
}

#[test]
fn blocks_that_capture_what_they_write_have_no_place_where_values_are_kept_apart() {
    for text in [
        "{% filter upper %}{{ row.title }}{% endfilter %}",
        "{% set x %}{{ row.title }}{% endset %}{{ x }}",
        "{% autoescape false %}{{ row.title }}{% endautoescape %}",
    ] {
        for (what, error) in
            [("payload", PayloadTemplate::compile(text).err()), ("address", UrlTemplate::compile(text).err())]
        {
            let error = error.unwrap_or_else(|| panic!("{what}: {text}"));
            assert!(error.message.contains("cannot stand here"), "{error}");
        }
    }
    assert!(Template::compile("{% filter upper %}{{ row.title }}{% endfilter %}").is_ok());
    assert!(PayloadTemplate::compile("\u{FDD0}0\u{FDD1}").is_err());
    assert!(PayloadTemplate::compile("{{ row.title | safe }}").is_ok(), "which makes nothing of a value but the value");
}

#[test]
fn what_a_template_writes_is_bounded() {
    let change = seen(|seen| Arc::clone(seen.change));
    let formats = Formats::new(Locale::english(), jiff::tz::TimeZone::UTC, None);
    let seen = Seen { change: &change, redacted: &Arc::from([]), formats: &formats, sample: None };
    let render = |text: &str| PayloadTemplate::compile(text).unwrap().render(&seen, &serde_json::Value::Null);
    let error = render("{% for n in range(500) %}{{ 'x' * 1000 }}{% endfor %}").unwrap_err();
    assert!(error.message.contains("writes more than") || error.message.contains("too many steps"), "{error}");
    assert!(render("{{ 'x' * 100 }}").is_ok());
}
