//! What the config says about a column, as a reader sees it.

use super::build::*;
use super::facts::said;
use crate::change::{Type, Value};
use crate::message::{ColumnView, Format, Message, TableView, compose};

fn one(settings: ColumnView, old: (Type, Value), new: (Type, Value)) -> Message {
    let view = TableView { columns: [("c".to_owned(), settings)].into(), ..TableView::default() };
    let change = update(vec![("id", int(1))], vec![("id", int(1)), ("c", old)], vec![("id", int(1)), ("c", new)]);
    compose(&change, &view, &rule("r", &[]))
}

fn format(format: Format) -> ColumnView {
    ColumnView { format: Some(format), ..ColumnView::default() }
}

fn unit(format: Option<Format>, unit: &str) -> ColumnView {
    ColumnView { format, unit: Some(unit.into()), ..ColumnView::default() }
}

fn map(entries: &[(&str, &str)]) -> ColumnView {
    let map = entries.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect();
    ColumnView { map, ..ColumnView::default() }
}

#[test]
fn sizes_and_lengths_of_time() {
    let message = one(format(Format::Bytes), int(12_345_678), int(12_000_000));
    assert_eq!(said(&message, "c"), "12.3 MB 12.0 MB | -2.8 % (-345.6 KB)");
    assert_eq!(message.headline, "C dropped: Listing 1");
    assert_eq!(
        said(&one(format(Format::Bytes), text("10"), text("2500")), "c"),
        "10 bytes 2.5 KB | +2,490 bytes".replace("+2,490 bytes", "+2.4 KB")
    );
    let message = one(format(Format::Duration), int(3_600), int(7_503));
    assert_eq!(said(&message, "c"), "1 h 2 h 5 min 3 s | +108.4 % (+1 h 5 min 3 s)");
    let message = one(unit(Some(Format::Duration), "min"), decimal("90"), decimal("45"));
    assert_eq!(said(&message, "c"), "1 h 30 min 45 min | -50 % (-45 min)");
    assert_eq!(said(&one(format(Format::Duration), text("PT2H"), text("PT90M")), "c"), "2 h 90 min");
    let time = |hours: i128| (Type::Time, Value::Time(hours * 3_600_000_000_000));
    assert_eq!(said(&one(format(Format::Duration), time(-1), time(26)), "c"), "-1 h 1 d 2 h | later by 1 day 3 hours");
}

#[test]
fn units_stand_behind_numbers_and_their_differences() {
    let nbsp = |text: &str| text.replace('_', "\u{A0}");
    let kilos = |old, new| said(&one(unit(None, "kg"), old, new), "c");
    assert_eq!(kilos(int(5), int(3)), nbsp("5_kg 3_kg | -2_kg"));
    assert_eq!(kilos(decimal("2.50"), decimal("3.00")), nbsp("2.50_kg 3.00_kg | +20 % (+0.50_kg)"));
    assert_eq!(kilos(text("heavy"), text("light")), "heavy light");
    assert_eq!(kilos(null(Type::Int), int(3)), nbsp("(was empty) 3_kg"));
    assert_eq!(
        said(&one(unit(Some(Format::Number), "km"), int(1_000), int(2_000)), "c"),
        nbsp("1,000_km 2,000_km | +100 % (+1,000_km)")
    );
}

#[test]
fn yes_and_no_whatever_the_source_calls_them() {
    for (old, new) in [(int(0), int(1)), (text("f"), text("T")), (text("N"), text("yes")), (bool(false), bool(true))] {
        let message = one(format(Format::Boolean), old, new);
        assert_eq!((said(&message, "c").as_str(), message.headline.as_str()), ("no yes", "C is now yes: Listing 1"));
    }
    assert_eq!(said(&one(format(Format::Boolean), int(1), int(2)), "c"), "yes 2");
}

#[test]
fn words_for_values_are_no_numbers() {
    let states = || map(&[("1", "Open"), ("2", "On hold"), ("null", "Not set"), ("true", "On")]);
    let message = one(states(), int(1), int(2));
    assert_eq!(
        (said(&message, "c").as_str(), message.headline.as_str()),
        ("Open On hold", "C is now On hold: Listing 1")
    );
    assert_eq!(said(&one(states(), null(Type::Int), int(7)), "c"), "Not set 7");
    assert_eq!(said(&one(states(), bool(false), bool(true)), "c"), "no On");
    assert_eq!(said(&one(map(&[("a", "Lamp"), ("b", "Chair")]), list(&["a"]), list(&["a", "b"])), "c"), "+ Chair");
    let hidden = ColumnView { redact: true, ..states() };
    assert_eq!(said(&one(hidden, int(1), int(2)), "c"), "changed, value hidden");
}

#[test]
fn a_shorter_length_keeps_both_ends_and_never_shows_two_equal_texts_without_a_word() {
    let short = || ColumnView { truncate: Some(40), ..ColumnView::default() };
    let long = |middle: &str| text(&format!("{} {middle} {}", "alpha beta gamma".repeat(5), "the very end"));
    let message = one(short(), text("x"), long("m"));
    assert_eq!(said(&message, "c"), "x alpha beta gamma … (shortened) … ery end (95 characters)");
    let said = said(&one(short(), long("one"), long("two")), "c");
    assert!(said.ends_with("| differs in what was shortened"), "{said}");
}

#[test]
fn an_emoji_stands_before_the_label() {
    let settings = ColumnView { emoji: Some("📦".into()), label: Some("Stock".into()), ..ColumnView::default() };
    let message = one(settings, int(3), int(2));
    assert_eq!(
        (message.lines[0].label.as_str(), message.headline.as_str()),
        ("📦 Stock", "📦 Stock dropped: Listing 1")
    );
}
