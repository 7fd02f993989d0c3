//! What the headline says where no template does.

use super::build::*;
use crate::change::{Op, Type, Value};
use crate::message::{ColumnView, Message, TableView, Words, compose};

fn of(change: &crate::change::RowChange) -> Message {
    compose(change, &TableView::default(), &Words::default())
}

/// An update of the chair from these cells to those.
fn changed(old: Cells<'_>, new: Cells<'_>) -> Message {
    of(&update(vec![("id", int(1))], chair(old), chair(new)))
}

fn one(column: &str, old: (Type, Value), new: (Type, Value)) -> String {
    changed(vec![(column, old)], vec![(column, new)]).headline
}

#[test]
fn the_last_one_gone_is_out_of_stock_and_the_first_again_is_back() {
    for column in ["prod_stk_qty", "stock", "units_in_stock", "qty_on_hand", "inventoryLevel", "STOCK_QTY"] {
        assert_eq!(one(column, int(4), int(0)), "Oak chair is out of stock", "{column}");
        assert_eq!(one(column, int(0), int(7)), "Oak chair is back in stock", "{column}");
    }
    assert_eq!(one("in_stock", bool(true), bool(false)), "Oak chair is out of stock");
    // A number below nothing, an alert's level, an amount of something else.
    assert_eq!(one("stock", int(1), int(-2)), "Stock dropped: Oak chair");
    assert_eq!(one("stock_alert_level", int(5), int(0)), "Stock alert level dropped to 0: Oak chair");
    assert_eq!(one("qty", int(5), int(0)), "Qty dropped to 0: Oak chair");
    assert_eq!(one("stock", int(4), int(3)), "Stock dropped: Oak chair");
}

#[test]
fn a_label_says_stock_as_well_as_a_name() {
    let view = TableView { columns: [("bestand".to_owned(), label("Stock"))].into(), ..TableView::default() };
    let change = update(vec![("id", int(1))], chair(vec![("bestand", int(2))]), chair(vec![("bestand", int(0))]));
    assert_eq!(compose(&change, &view, &Words::default()).headline, "Oak chair is out of stock");
}

#[test]
fn in_a_table_of_stock_a_quantity_is_stock() {
    let (warehouse, sku) = (("warehouse", text("EU1")), ("sku", text("LAMP-002")));
    let cells = |qty| vec![warehouse.clone(), sku.clone(), ("qty", int(qty))];
    let mut change = update(vec![warehouse.clone(), sku.clone()], cells(3), cells(0));
    change.table = "public.inventory".into();
    assert_eq!(of(&change).headline, "Inventory EU1, LAMP-002 is out of stock");
}

#[test]
fn a_word_that_became_another_is_said() {
    assert_eq!(one("status", word("active"), word("on_hold")), "Status is now On hold: Oak chair");
    assert_eq!(one("is_featured", bool(false), bool(true)), "Featured is now yes: Oak chair");
    assert_eq!(one("currency", text("USD"), text("EUR")), "Currency is now EUR: Oak chair");
    let mapped = ColumnView { map: [("2".into(), "Sold".into())].into(), ..ColumnView::default() };
    let view = TableView { columns: [("state".to_owned(), mapped)].into(), ..TableView::default() };
    let state =
        |value| update(vec![("id", int(1))], chair(vec![("state", int(0))]), chair(vec![("state", int(value))]));
    assert_eq!(compose(&state(2), &view, &Words::default()).headline, "State changed: Oak chair");
    assert_eq!(one("title", text("Oak chair"), text("Ash chair")), "Title changed: Ash chair");
    let long = "a text that is longer than any word";
    assert_eq!(one("body", text("short"), text(long)), "Body changed: Oak chair");
    assert_eq!(one("seller_id", int(1), int(2)), "Seller ID changed: Oak chair");
}

#[test]
fn stamps_of_the_write_itself_are_named_and_tell_nothing() {
    let at = |second| instant(1_795_442_557_000_000 + second * 1_000_000);
    let cells = |price, second| vec![("price", decimal(price)), ("updated_at", at(second)), ("version", int(second))];
    let message = changed(cells("10", 1), cells("12", 2));
    assert_eq!(message.headline, "Price rose: Oak chair");
    assert_eq!(message.lines.len(), 1);
    assert_eq!(message.left_out_text().unwrap(), "… and 2 more: Updated at, Version");
    // Where nothing else changed, they are all there is to tell; and a rule that watches one wants it.
    assert_eq!(
        changed(vec![("updated_at", at(1))], vec![("updated_at", at(2))]).headline,
        "Updated at changed: Oak chair"
    );
    let change = update(vec![("id", int(1))], chair(cells("10", 1)), chair(cells("12", 2)));
    let watched = compose(&change, &TableView::default(), &rule("r", &["version"]));
    assert_eq!(watched.lines.iter().map(|line| &*line.column).collect::<Vec<_>>(), ["version", "price"]);
    // A version that a person chose is no counter.
    let message = changed(vec![("version", text("2.1"))], vec![("version", text("3.0"))]);
    assert_eq!(message.headline, "Version is now 3.0: Oak chair");
}

#[test]
fn a_new_row_names_the_stamps_of_its_writing_and_shows_what_it_is() {
    let at = |name: &'static str| (name, instant(i128::from(NOON_US)));
    let cells =
        vec![("id", int(1)), ("title", text("Lamp")), at("created_at"), at("updated_at"), ("price", decimal("10"))];
    let added = |words: &Words| {
        let created = change(Op::Create, vec![("id", int(1))], None, Some(row(cells.clone())));
        let message = compose(&created, &TableView::default(), words);
        let lines: Vec<String> = message.lines.iter().map(|line| line.label.clone()).collect();
        (lines.join(", "), message.left_out_text().unwrap_or_default())
    };
    assert_eq!(added(&Words::default()), ("Price".into(), "… and 2 more: Created at, Updated at".into()));
    let (lines, left_out) = added(&rule("r", &["created_at"]));
    assert_eq!(
        (&*lines, &*left_out),
        ("Created at, Price", "… and 1 more: Updated at"),
        "what a rule watches is shown"
    );
    let bare = change(Op::Create, vec![("id", int(1))], None, Some(row(vec![("id", int(1)), at("updated_at")])));
    assert_eq!(of(&bare).lines.len(), 1, "where there is nothing else, it is all there is to tell");
}

#[test]
fn a_time_without_a_schema_reads_as_one() {
    let iso = |time: &str| text(time);
    let message = changed(
        vec![("reserved_until", iso("2026-11-23T20:00:57.940441Z"))],
        vec![("reserved_until", iso("2026-11-26T20:00:57.940441Z"))],
    );
    let line = &message.lines[0];
    assert_eq!(line.brief, "Mon 23 Nov, 20:00 -> Thu 26 Nov, 20:00 (later by 3 days)");
    assert_eq!(message.headline, "Reserved until changed: Oak chair");
    for other in ["2026-11-23Z", "2026-11-99T20:00:57Z", "2026-11-23T20:00:57Z and more", "20261123T200057Z"] {
        let message = changed(vec![("note", text("x"))], vec![("note", text(other))]);
        assert!(message.lines[0].brief.contains(other), "{other}: {}", message.lines[0].brief);
    }
}

#[test]
fn a_title_by_template_is_not_said_again_beneath() {
    let cells = || vec![("id", int(1)), ("title", text("Lamp")), ("price", decimal("10"))];
    let deleted = change(Op::Delete, vec![("id", int(1))], Some(row(cells())), None);
    let words = |title: &str| Words { title: Some(title.into()), ..Words::default() };
    let labels = |title: &str| {
        let message = compose(&deleted, &TableView::default(), &words(title));
        message.lines.iter().map(|line| line.label.clone()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(labels("Lamp"), "Price");
    assert_eq!(labels("Lamp, bright"), "Title, Price");
}

#[test]
fn what_the_headline_says_is_not_said_again_beneath() {
    let key = || vec![("id", int(7))];
    let mut change = change(Op::Delete, key(), Some(row(key())), None);
    change.before_unknown = true;
    let message = of(&change);
    assert_eq!((message.headline.as_str(), message.identity_text()), ("Listing 7 removed", None));
    let given = compose(&change, &TableView::default(), &Words { headline: Some("Gone".into()), ..Words::default() });
    assert_eq!(given.identity_text().as_deref(), Some("Listing 7"));
}

#[test]
fn plain_numbers_are_grouped_but_a_year_and_an_id_are_not() {
    let shown = |column: &str, value: (Type, Value)| {
        let change =
            change(Op::Create, vec![("id", int(12_345))], None, Some(row(vec![("id", int(12_345)), (column, value)])));
        of(&change).lines[0].body[0].text.clone()
    };
    assert_eq!(shown("price", decimal("250000.00")), "250,000.00");
    assert_eq!(shown("sold", int(12_345)), "12,345");
    assert_eq!(shown("made", int(2_024)), "2024");
    assert_eq!(shown("seller_id", int(12_345)), "12345");
    assert_eq!(shown("ean", int(4_006_381_333_931)), "4006381333931");
    assert_eq!(shown("weight", (Type::Float, Value::Float(f64::NEG_INFINITY))), "-infinity");
}

#[test]
fn names_from_right_to_left_keep_their_numbers_and_take_none_of_the_lines() {
    use crate::message::safe::{isolated_name, isolated_parts, isolated_sentence};
    let shown = |text: String| text.replace('\u{2068}', "[").replace('\u{2069}', "]");
    // (a name or a sentence, as a name, as a sentence); brackets stand for isolates.
    for (text, name, sentence) in [
        ("שקל 12", "[שקל 12]", "[שקל] 12"),
        ("شقة 5 غرف", "[شقة 5 غرف]", "[شقة 5 غرف]"),
        ("شقة: 5 → 3", "[شقة: 5 → 3]", "[شقة]: 5 → 3"),
        ("شقة 5 → 3 غرف", "[شقة 5 → 3 غرف]", "[شقة] 5 → 3 [غرف]"),
        ("Now شقة costs 5, was غرف", "Now [شقة] costs 5, was [غرف]", "Now [شقة] costs 5, was [غرف]"),
        ("5 → 3", "5 → 3", "5 → 3"),
    ] {
        assert_eq!(shown(isolated_name(text)), name);
        assert_eq!(shown(isolated_parts(text)), sentence);
    }
    for (sentence, laid_out) in [
        ("נשארו במלאי 5", "[נשארו במלאי 5]"),
        ("5 במלאי", "[5 במלאי]"),
        ("שולחן: 5 -> 3", "[שולחן]: 5 -> 3"),
        ("Only שולחן 5", "Only [שולחן] 5"),
        ("Only 5", "Only 5"),
    ] {
        assert_eq!(shown(isolated_sentence(sentence)), laid_out);
    }
    let old = row(vec![("title", text("Oak chair"))]);
    let new = row(vec![("title", text("شقة 5 غرف"))]);
    let change = change(Op::Update, vec![("id", int(1))], Some(old), Some(new));
    let words = Words { title: Some("شقة 5 غرف".into()), ..Words::default() };
    // Not "Title is now X: X".
    assert_eq!(shown(compose(&change, &listings(), &words).headline), "Title changed: [شقة 5 غرف]");
}
