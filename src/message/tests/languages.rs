//! The same change in each language.

use super::build::*;
use super::facts::said;
use super::text as read;
use crate::change::{Folded, Op, Type};
use crate::message::Priority;
use crate::message::digest::{self, Digest, DigestWords, Entry, Form};
use crate::message::{
    ColumnView, CurrencyDisplay, Format, Locale, LocaleError, Message, TableView, Words, compose, slack, teams,
};
use insta::assert_snapshot;
use std::sync::Arc;

fn locale(tag: &str) -> Arc<Locale> {
    Arc::new(tag.parse().unwrap())
}

fn with(format: Format) -> ColumnView {
    ColumnView { format: Some(format), ..ColumnView::default() }
}

/// A message with a bit of everything.
fn everything(tag: &str) -> Message {
    let cells = |price, size, seconds, vat, tags: &[&str], body: &str, at, on| {
        vec![
            ("price", decimal(price)),
            ("size", int(size)),
            ("lasts", int(seconds)),
            ("vat", decimal(vat)),
            ("tags", list(tags)),
            ("body", text(body)),
            ("reserved_until", at),
            ("is_featured", bool(on)),
        ]
    };
    let body = "A chair for the kitchen or the garden, made of solid oak, light finish, hand-oiled in our workshop";
    let old = cells("1250000.50", 12_345_678, 60, "19", &["a"], body, null(Type::Instant), false);
    let at = instant(1_795_460_400_000_000);
    let new = cells("999999.95", 1, 93_784, "7.5", &["a", "b"], &body.replace("light", "dark"), at, true);
    let change = update(vec![("id", int(1))], chair(old), chair(new));
    let mut view = listings();
    view.columns.extend([
        ("size".to_owned(), with(Format::Bytes)),
        ("lasts".to_owned(), with(Format::Duration)),
        ("vat".to_owned(), with(Format::Percent)),
    ]);
    let words = Words {
        locale: locale(tag),
        link: Some("https://shop.example/1".into()),
        mention: "here".parse().ok(),
        folded: Some((3, Some(NOON_US - 90_000_000))),
        ..rule("everything", &["price", "size", "lasts", "vat", "tags", "body", "reserved_until", "is_featured"])
    };
    compose(&change, &view, &words)
}

#[test]
fn english() {
    assert_snapshot!(read(&everything("en")));
}

#[test]
fn german() {
    assert_snapshot!(read(&everything("de")));
}

#[test]
fn french() {
    assert_snapshot!(read(&everything("fr")));
}

#[test]
fn spanish() {
    assert_snapshot!(read(&everything("es")));
}

#[test]
fn japanese() {
    assert_snapshot!(read(&everything("ja")));
}

/// Headlines of all kinds, in one language.
fn headlines(tag: &str) -> String {
    let id = || vec![("id", int(1))];
    let update_of = |old: Cells<'_>, new: Cells<'_>| update(id(), chair(old), chair(new));
    let mut moved = update_of(vec![], vec![("id", int(2))]);
    moved.rekeyed_from = Some(row(id()));
    moved.key = Some(row(vec![("id", int(2))]));
    let keyed = |op| change(op, id(), (op == Op::Delete).then(|| row(id())), (op != Op::Delete).then(|| row(id())));
    let changes = [
        change(Op::Create, id(), None, Some(row(chair(vec![])))),
        change(Op::Delete, id(), Some(row(chair(vec![]))), None),
        change(Op::Read, id(), None, Some(row(chair(vec![])))),
        keyed(Op::Create),
        keyed(Op::Delete),
        change(Op::Truncate, vec![], None, None),
        moved,
        update_of(vec![], vec![("price", decimal("1"))]),
        update_of(vec![], vec![("price", decimal("300000"))]),
        update_of(vec![], vec![("price", decimal("0"))]),
        update_of(vec![], vec![("prod_stk_qty", int(0))]),
        update_of(vec![("prod_stk_qty", int(0))], vec![]),
        update_of(vec![], vec![("status", word("paused"))]),
        update_of(vec![], vec![("description", text("x"))]),
        update_of(vec![("description", text("x"))], vec![]),
        update_of(vec![], vec![("title", text("Ash chair"))]),
        update_of(vec![], vec![("status", word("paused")), ("price", decimal("1"))]),
    ];
    let words = Words { locale: locale(tag), ..rule("r", &[]) };
    changes.iter().map(|change| compose(change, &listings(), &words).fallback() + "\n").collect()
}

#[test]
fn headlines_in_every_language() {
    for tag in ["en", "de", "fr", "es", "ja"] {
        assert_snapshot!(format!("headlines_{tag}"), headlines(tag));
    }
}

#[test]
fn digits_days_and_currencies_follow_the_language_and_the_country() {
    let shown = |tag: &str| {
        let change = update(
            vec![("id", int(1))],
            chair(vec![("at", instant(1_795_460_400_000_000))]),
            chair(vec![("at", instant(1_795_546_805_000_000)), ("price", decimal("1234.5"))]),
        );
        let words = Words { locale: locale(tag), ..rule("r", &[]) };
        let message = compose(&change, &listings(), &words);
        format!("{}; {}", said(&message, "price"), said(&message, "at"))
    };
    let nbsp = |text: &str| text.replace('_', "\u{A0}").replace('^', "\u{202F}");
    for (tag, expected) in [
        ("en", "$250,000.00 $1,234.50 | -99.5 % (-$248,765.50); Mon 23 Nov, 19:00 Tue 24 Nov, 19:00"),
        ("en-US", "$250,000.00 $1,234.50 | -99.5% (-$248,765.50); Mon, Nov 23, 7:00^PM Tue, Nov 24, 7:00^PM"),
        ("en-GB", "US$250,000.00 US$1,234.50 | -99.5% (-US$248,765.50); Mon 23 Nov, 19:00 Tue 24 Nov, 19:00"),
        ("de", "250.000,00_$ 1.234,50_$ | -99,5 % (-248.765,50_$); Mo., 23. Nov., 19:00 Di., 24. Nov., 19:00"),
        ("de_CH", "$_250'000.00 $_1'234.50 | -99.5% ($-248'765.50); Mo., 23. Nov., 19:00 Di., 24. Nov., 19:00"),
        ("fr", "250^000,00_$US 1^234,50_$US | -99,5 % (-248^765,50_$US); lun. 23 nov., 19:00 mar. 24 nov., 19:00"),
        ("es", "250.000,00_US$ 1234,50_US$ | -99,5 % (-248.765,50_US$); lun, 23 nov, 19:00 mar, 24 nov, 19:00"),
        ("ja", "$250,000.00 $1,234.50 | -99.5% (-$248,765.50); 11月23日(月) 19:00 11月24日(火) 19:00"),
        ("it", "250.000,00_US$ 1234,50_US$ | -99,5% (-248.765,50_US$); lun 23 nov, 19:00 mar 24 nov, 19:00"),
    ] {
        let shown = shown(tag);
        assert!(shown.starts_with(&nbsp(expected)), "{tag}: {shown}\n    {}", nbsp(expected));
    }
}

#[test]
fn an_amount_may_name_its_currency_by_its_code() {
    let price = |display, decimals| {
        let settings =
            ColumnView { format: Some(Format::Currency), currency_display: display, decimals, ..ColumnView::default() };
        let view = TableView { columns: [("price".to_owned(), settings)].into(), ..TableView::default() };
        let new = chair(vec![("price", decimal("199999.954"))]);
        let change = update(vec![("id", int(1))], chair(vec![]), new);
        said(&compose(&change, &view, &rule("r", &[])), "price").replace('\u{A0}', "_")
    };
    assert_eq!(price(CurrencyDisplay::Code, None), "USD_250,000.00 USD_199,999.954 | -20 % (-USD_50,000.046)");
    assert_eq!(price(CurrencyDisplay::Symbol, Some(2)), "$250,000.00 $199,999.95 | -20 % (-$50,000.05)");
    assert_eq!(price(CurrencyDisplay::Symbol, Some(0)), "$250,000.00 $200,000.00 | -20 % (-$50,000.00)");
}

#[test]
fn rounding_never_hides_a_change() {
    let settings = ColumnView { decimals: Some(1), ..ColumnView::default() };
    let view = TableView { columns: [("w".to_owned(), settings)].into(), ..TableView::default() };
    let of = |old: &str, new: &str| {
        let cells = |w: &str| vec![("id", int(1)), ("w", decimal(w))];
        said(&compose(&update(vec![("id", int(1))], cells(old), cells(new)), &view, &rule("r", &[])), "w")
    };
    assert_eq!(of("1.04", "1.26"), "1.0 1.3 | +30 % (+0.3)");
    assert_eq!(of("1.04", "1.01"), "1.04 1.01 | -2.9 % (-0.03)");
    assert_eq!(of("12", "13"), "12.0 13.0 | +8.3 % (+1.0)");
}

#[test]
fn unknown_languages_are_refused_and_those_without_words_use_english() {
    assert_eq!("".parse::<Locale>().unwrap_err(), LocaleError::Malformed);
    assert_eq!("klingon!".parse::<Locale>().unwrap_err(), LocaleError::Malformed);
    assert_eq!("ar".parse::<Locale>().unwrap_err(), LocaleError::Unknown);
    assert!(locale("de-AT").has_words() && !locale("it").has_words());
    let change = update(vec![("id", int(1))], chair(vec![]), chair(vec![("prod_stk_qty", int(3))]));
    let words = Words { locale: locale("it"), ..rule("r", &[]) };
    assert_eq!(compose(&change, &listings(), &words).headline, "Stock quantity rose: Oak chair");
}

#[test]
fn teams_calls_people_in_the_language_of_the_message() {
    let card = teams::payload(&everything("de")).to_string();
    assert!(card.contains("An alle, die gerade da sind: "), "{card}");
}

/// A digest with counts, rows, notes, and a button.
fn storm(tag: &str) -> Message {
    let locale = locale(tag);
    let words = Words { locale: Arc::clone(&locale), ..rule("price", &["price"]) };
    let mut digest: Digest<()> = Digest::default();
    let (listings, watched) = (listings(), vec![Arc::from("price")]);
    let entry = |digest: &mut Digest<()>, row: u8, change: crate::change::RowChange| {
        let folded = Folded::one(Arc::new(change));
        let (row, rule): (Arc<[u8]>, Arc<str>) = (Arc::from([row]), "price".into());
        let priority = Priority::Normal;
        let entry =
            Entry { folded: &folded, row: Some(&row), rule: &rule, watched: &watched, priority, view: &listings };
        digest.add(&entry, |_| ());
    };
    for number in 0..14u8 {
        let price = if number == 3 { "300000.00" } else { "199999.95" };
        let key = || vec![("id", int(number.into()))];
        let mut change =
            update(key(), chair(key()), chair(vec![("id", int(number.into())), ("price", decimal(price))]));
        change.time_us = change.time_us.map(|time_us| time_us + i64::from(number) * 1_000_000);
        entry(&mut digest, number, change);
    }
    entry(&mut digest, 99, change(Op::Create, vec![("id", int(99))], None, Some(row(chair(vec![("id", int(99))])))));
    digest.undo(2);
    digest.expire(1);
    let told = DigestWords {
        tone: Default::default(),
        mention: None,
        locale,
        time_zone: jiff::tz::TimeZone::UTC,
        overview: Some("https://shop.example/listings".into()),
    };
    digest::digest(&digest, &told, Form::Whole, &mut |kept| compose(&kept.folded.change, &listings, &words))
}

/// What a row of several tables says of what was done to it.
fn told(tag: &str, change: crate::change::RowChange) -> String {
    let words = Words { locale: locale(tag), ..rule("all", &[]) };
    let (mut digest, view): (Digest<()>, _) = (Digest::default(), TableView::default());
    let mut other = change.clone();
    other.table = "public.sellers".into();
    for (row, change) in [change, other].into_iter().enumerate() {
        let (folded, row, rule) = (Folded::one(Arc::new(change)), Arc::from([row as u8]), "all".into());
        let priority = Priority::Normal;
        let entry = Entry { folded: &folded, row: Some(&row), rule: &rule, watched: &[], priority, view: &view };
        digest.add(&entry, |_| ());
    }
    let of = DigestWords {
        tone: Default::default(),
        mention: None,
        locale: locale(tag),
        time_zone: jiff::tz::TimeZone::UTC,
        overview: None,
    };
    let compose = &mut |kept: &digest::Kept<()>| compose(&kept.folded.change, &view, &words);
    let message = digest::digest(&digest, &of, Form::Whole, compose);
    read(&message).lines().find(|line| line.contains("Listing")).unwrap().trim().to_owned()
}

#[test]
fn a_digests_row_says_what_was_done_to_it_behind_its_name() {
    let gone = || change(Op::Delete, vec![("id", int(1))], Some(row(vec![("id", int(1))])), None);
    assert_eq!(told("en", gone()), "Listing 1: removed");
    assert_eq!(told("fr", gone()), "Listing 1: suppression");
    assert_eq!(told("ja", gone()), "Listing 1: 削除");
    assert_eq!(told("en", change(Op::Truncate, vec![], None, None)), "Listing: all rows removed");
}

#[test]
fn what_was_cut_says_so_in_the_messages_language() {
    let long = "Eiche massiv, geölt. ".repeat(300);
    let cells = |of: &str| {
        let array: Vec<String> = (0..30).map(|number| format!("{number} {of} {long}")).collect();
        vec![
            ("sku", text(&format!("{of} {long}"))),
            ("title", text(&long)),
            ("description", text(&format!("{of} {long} {of}"))),
            ("tags", list(&array.iter().map(String::as_str).collect::<Vec<_>>())),
            ("attributes", json(&serde_json::json!({ "a": format!("{of} {long}") }).to_string())),
        ]
    };
    let change = update(vec![("id", text(&long))], cells("alt"), cells("neu"));
    let said = Words {
        locale: locale("de"),
        link: Some("https://shop.example/1".into()),
        buttons: vec![(long.clone(), "https://shop.example/2".into())],
        note: Some(long.clone()),
        ..rule(&long, &[])
    };
    for words in [said.clone(), Words { headline: Some(long.clone()), title: Some(long.clone()), ..said }] {
        let message = compose(&change, &listings(), &words);
        for text in [slack::payload(&message).to_string(), teams::payload(&message).to_string(), message.simplified()] {
            assert!(text.contains("(gekürzt)") && !text.contains("(shortened)"), "{text}");
        }
        assert!(message.headline.contains("… (gekürzt)"), "{}", message.headline);
    }
}

#[test]
fn digests_in_every_language() {
    for tag in ["en", "de", "fr", "es", "ja"] {
        assert_snapshot!(format!("storm_{tag}"), read(&storm(tag)));
    }
}
