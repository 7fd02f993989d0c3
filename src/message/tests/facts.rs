//! Small facts that a reader would trip over.

use super::build::*;
use crate::change::{Op, RowChange, Type, Value};
use crate::message::{Colour, Priority, Tone};
use crate::message::{ColumnView, Format, Mention, Message, TableView, Words, compose, slack, teams, webhook};

pub(super) fn said(message: &Message, column: &str) -> String {
    let line = message.lines.iter().find(|line| &*line.column == column).unwrap();
    let mut text: String = line.body.iter().map(|span| span.text.as_str()).collect();
    for part in line.delta.iter().map(ToString::to_string).chain(line.note.clone()) {
        text.push_str(" | ");
        text.push_str(&part);
    }
    text
}

fn one(column: &str, old: (Type, Value), new: (Type, Value)) -> Message {
    let change = update(vec![("id", int(1))], chair(vec![(column, old)]), chair(vec![(column, new)]));
    compose(&change, &listings(), &rule("r", &[]))
}

#[test]
fn the_notification_says_it_all() {
    let message = one("price", decimal("250000.00"), decimal("199999.95"));
    assert_eq!(message.fallback(), "Price dropped: Oak chair, $250,000.00 -> $199,999.95 (-20 %)");
    assert_eq!(one("price", decimal("10.00"), decimal("12.00")).headline, "Price rose: Oak chair");
    assert_eq!(one("prod_stk_qty", int(4), int(0)).fallback(), "Oak chair is out of stock, Stock quantity 4 -> 0");
}

#[test]
fn values_read_as_a_person_writes_them() {
    assert_eq!(said(&one("is_featured", bool(false), bool(true)), "is_featured"), "no yes");
    assert_eq!(said(&one("status", word("active"), word("on_hold")), "status"), "Active On hold");
    assert_eq!(said(&one("note", null(Type::Text), text("x")), "note"), "(was empty) x");
    assert_eq!(said(&one("note", text("x"), null(Type::Text)), "note"), "x (empty)");
    assert_eq!(said(&one("note", text("x"), text("")), "note"), "x (empty text)");
    assert_eq!(
        said(&one("note", text("Lamp"), text("Lamp\u{200B} ")), "note"),
        "Lamp | differs in spaces or invisible characters only"
    );
    assert_eq!(said(&one("count", int(1_200), int(1_195)), "count"), "1200 1195 | -5");
    assert_eq!(
        said(&one("listed_on", date(20_780), date(20_783)), "listed_on"),
        "Mon 23 Nov Thu 26 Nov | later by 3 days"
    );
    assert_eq!(
        said(&one("at", instant(1_795_442_557_000_000), instant(1_795_442_559_000_000)), "at"),
        "Mon 23 Nov, 14:02:37 Mon 23 Nov, 14:02:39 | later by 2 seconds"
    );
    assert_eq!(said(&one("photo", bytes(&[0; 999]), bytes(&[0; 12_345])), "photo"), "999 bytes 12.3 KB");
    assert_eq!(said(&one("photo", bytes(&[0; 9]), bytes(&[1; 9])), "photo"), "9 bytes of other content");
    assert_eq!(said(&one("tags", list(&["a", "b"]), list(&["b", "c", "c"])), "tags"), "+ c, + c, - a");
    assert_eq!(said(&one("tags", list(&["a", "b"]), list(&["b", "a"])), "tags"), "same elements in another order");
}

#[test]
fn ids_neither_drop_nor_rise() {
    let message = one("seller_id", int(12_345), int(99));
    assert_eq!(message.headline, "Seller ID changed: Oak chair");
    assert_eq!(said(&message, "seller_id"), "12345 99");
}

#[test]
fn amounts_in_two_currencies_are_not_compared() {
    let change = update(
        vec![("id", int(1))],
        chair(vec![]),
        chair(vec![("price", decimal("240000.00")), ("currency", text("EUR"))]),
    );
    let mut words = rule("price", &["price"]);
    words.currencies.insert("price".into(), "EUR".into());
    let message = compose(&change, &listings(), &words);
    assert_eq!(message.headline, "Price changed: Oak chair");
    assert_eq!(said(&message, "price"), "$250,000.00 €240,000.00");
}

#[test]
fn numbers_in_text_columns_are_formatted_only_where_the_config_says_so() {
    assert_eq!(
        said(&one("price", text("250000.00"), text("199999.95")), "price"),
        "$250,000.00 $199,999.95 | -20 % (-$50,000.05)"
    );
    assert_eq!(said(&one("zip", text("80331"), text("80333")), "zip"), "80331 80333");
}

#[test]
fn a_value_that_was_not_sent_is_never_a_change() {
    let mut change = update(
        vec![("id", int(1))],
        chair(vec![("body", text("long"))]),
        chair(vec![("body", unavailable()), ("prod_stk_qty", int(3))]),
    );
    let body =
        crate::change::ColumnChange { name: "body".into(), ty: Type::Text, old: None, new: Some(Value::Unavailable) };
    change.changes.push(body);
    let message = compose(&change, &listings(), &rule("r", &[]));
    assert_eq!(message.lines.len(), 1);
    assert!(message.left_out.is_empty());
    let payload = webhook::payload(&message, &change);
    assert_eq!(payload["changes"].as_array().unwrap().len(), 1);
}

#[test]
fn redacted_values_are_nowhere() {
    const SECRET: &str = "ada@secret.example";
    let redact = ColumnView { redact: true, ..ColumnView::default() };
    let mut view = listings();
    for column in ["title", "sku", "id", "seller_email"] {
        view.columns.insert(column.into(), redact.clone());
    }
    let secret = |suffix: &str| text(&format!("{SECRET}{suffix}"));
    let cells = |suffix| {
        chair(vec![
            ("title", secret(suffix)),
            ("sku", secret(suffix)),
            ("id", secret("")),
            ("seller_email", secret(suffix)),
        ])
    };
    let key = || vec![("id", secret(""))];
    let mut moved = update(key(), cells("1"), cells("2"));
    moved.rekeyed_from = Some(row(key()));
    for change in [
        update(key(), cells("1"), cells("2")),
        change(Op::Create, key(), None, Some(row(cells("")))),
        change(Op::Delete, key(), Some(row(cells(""))), None),
        change(Op::Update, key(), None, Some(row(cells("")))),
        moved,
    ] {
        let message = compose(&change, &view, &Words::default());
        let all = format!(
            "{message:?}{}{}{}{}",
            message.fallback(),
            slack::payload(&message),
            teams::payload(&message),
            webhook::payload(&message, &change)
        );
        assert!(!all.contains("secret.example"), "{all}");
        if change.op == Op::Update && !change.is_rekey() {
            assert!(all.contains("value hidden"), "{all}");
        }
    }
}

#[test]
fn the_rules_columns_come_first_and_none_is_left_out_silently() {
    let names: Vec<String> = (0..30).map(|n| format!("column_{n}")).collect();
    let cells = |value| names.iter().map(|name| (name.as_str(), int(value))).collect::<Vec<_>>();
    let change = update(vec![], cells(1), cells(2));
    let message = compose(&change, &TableView::default(), &rule("r", &["column_29", "column_28"]));
    let shown: Vec<_> = message.lines.iter().map(|line| &*line.column).collect();
    assert_eq!(shown, ["column_28", "column_29", "column_0", "column_1", "column_2", "column_3"]);
    assert_eq!(message.left_out.len(), 24);
    assert!(message.left_out_text().unwrap().starts_with("… and 24 more: Column 4, Column 5"));
    assert_eq!(message.headline, "Listing changed (30 columns)");
}

#[test]
fn mentions_are_known_words_or_ids() {
    assert_eq!("here".parse(), Ok(Mention::Here));
    assert!(matches!("U0123ABCD".parse(), Ok(Mention::User(_))));
    assert!(matches!("S0123ABCD".parse(), Ok(Mention::Group(_))));
    for bad in ["", "@here", "<!here>", "U1|x>", "Unknown person", "S"] {
        assert_eq!(bad.parse::<Mention>(), Err(()), "{bad}");
    }
}

#[test]
fn a_bad_link_is_dropped_and_named() {
    let change = update(vec![("id", int(1))], chair(vec![]), chair(vec![("prod_stk_qty", int(3))]));
    let words = Words { link: Some("javascript:alert(1)".into()), ..rule("r", &[]) };
    let message = compose(&change, &listings(), &words);
    assert_eq!(message.link, None);
    assert_eq!(message.notes, ["Link left out: not a plain http or https address"]);
}

#[test]
fn dates_may_come_as_text_or_counts() {
    let mut view = TableView::default();
    for (name, format) in [("day", Format::Date), ("at", Format::DateTime), ("ms", Format::DateTime)] {
        view.columns.insert(name.into(), ColumnView { format: Some(format), ..ColumnView::default() });
    }
    let after = vec![("day", int(20_780)), ("at", text("2026-11-23T19:00:00.123456Z")), ("ms", int(1_795_460_400_000))];
    let change = change(Op::Create, vec![], None, Some(row(after)));
    let message = compose(&change, &view, &Words::default());
    let shown: Vec<_> = ["day", "at", "ms"].map(|column| said(&message, column)).into();
    assert_eq!(shown, ["Mon 23 Nov", "Mon 23 Nov, 19:00", "Mon 23 Nov, 19:00"]);
    let change = RowChange { time_us: None, ..change };
    assert_eq!(said(&compose(&change, &view, &Words::default()), "day"), "Mon, 23 Nov 2026");
}

#[test]
fn a_mention_is_markup_in_slack_and_words_in_teams() {
    let change = update(vec![("id", int(1))], chair(vec![]), chair(vec![("prod_stk_qty", int(3))]));
    for (word, markup, words) in [
        ("here", "<!here>", Some("To everyone here: ")),
        ("channel", "<!channel>", Some("To everyone in this channel: ")),
        ("everyone", "<!everyone>", Some("To everyone: ")),
        ("U0123ABCD", "<@U0123ABCD>", None),
        ("S0123ABCD", "<!subteam^S0123ABCD>", None),
    ] {
        let words_of_rule = Words { mention: word.parse().ok(), ..rule("r", &[]) };
        let message = compose(&change, &listings(), &words_of_rule);
        let slack = slack::payload(&message);
        assert_eq!(slack["blocks"][0]["text"]["text"], markup);
        assert!(slack["text"].as_str().unwrap().starts_with(markup));
        let teams = teams::payload(&message).to_string();
        assert!(!teams.contains(word) || word.len() < 9, "{teams}");
        assert!(words.is_none_or(|words| teams.contains(words)), "{teams}");
    }
}

#[test]
fn the_rules_tone_decides_the_colour() {
    let change = update(vec![("id", int(1))], chair(vec![]), chair(vec![("price", decimal("1.00"))]));
    let (blue, green) = ((Colour::Blue, "#2E6BD6", "accent"), (Colour::Green, "#12805C", "good"));
    let (red, grey) = ((Colour::Red, "#D92D20", "attention"), (Colour::Grey, "#98A2B3", "emphasis"));
    for (tone, priority, (colour, bar, style)) in [
        (Tone::Neutral, Priority::Normal, blue),
        (Tone::Good, Priority::Critical, green),
        (Tone::Neutral, Priority::Critical, red),
        (Tone::Bad, Priority::Low, red),
        (Tone::Neutral, Priority::Low, grey),
    ] {
        let message = compose(&change, &listings(), &Words { tone, priority, ..rule("r", &[]) });
        assert_eq!(message.colour(), colour);
        assert_eq!(slack::payload(&message)["attachments"][0]["color"], bar);
        let card = &teams::payload(&message)["attachments"][0]["content"];
        assert_eq!(card["body"][0]["style"], style);
        let facts = message.facts();
        assert_eq!((&facts["color"], &facts["style"]), (&bar.into(), &style.into()), "as templates see them");
    }
}
