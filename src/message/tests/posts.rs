//! The posts of messages.md, as a person reads them and as they go over the wire.

use super::build::*;
use super::text as read;
use crate::change::{Op, RowChange, Type};
use crate::message::{Priority, TableView, Tone, Words, compose, slack, teams, webhook};
use insta::{assert_json_snapshot, assert_snapshot};

fn price_change() -> (RowChange, TableView, Words) {
    let after = chair(vec![("price", decimal("199999.95")), ("updated_at", instant(5))]);
    let mut words = rule("price", &["price"]);
    words.link = Some("https://shop.example/listings/1".into());
    (update(vec![("id", int(1))], chair(vec![]), after), listings(), words)
}

fn stock_out() -> (RowChange, TableView, Words) {
    let lamp = |stock| {
        vec![
            ("id", int(2)),
            ("sku", text("LAMP-002")),
            ("title", text("Lamp \"bright\" & warm")),
            ("prod_stk_qty", int(stock)),
        ]
    };
    let mut words = rule("out-of-stock", &["prod_stk_qty"]);
    words.priority = Priority::Critical;
    words.tone = Tone::Bad;
    words.mention = "here".parse().ok();
    words.headline = Some("Out of stock: Lamp \"bright\" & warm".into());
    words.link = Some("https://shop.example/listings/2".into());
    (update(vec![("id", int(2))], lamp(1), lamp(0)), listings(), words)
}

fn hostile_update() -> (RowChange, TableView, Words) {
    let title = "Lamp <b>bright</b> & \"warm\"";
    let before = vec![
        ("id", int(2)),
        ("sku", text("LAMP-002")),
        ("title", text(title)),
        ("description", null(Type::Text)),
        ("currency", text("USD")),
        ("status", word("active")),
        ("tags", null(Type::Array)),
        ("attributes", null(Type::Json)),
        ("is_featured", bool(false)),
        ("external_uuid", null(Type::Uuid)),
        ("reserved_until", null(Type::Instant)),
    ];
    let after = vec![
        ("id", int(2)),
        ("sku", text("LAMP-002")),
        ("title", text(title)),
        ("description", text("line1\nline2 <!channel> *bold* `x` & <https://evil|click>")),
        ("currency", text("EUR")),
        ("status", word("paused")),
        ("tags", list(&["lamp", "a,b", "\"q\""])),
        ("attributes", json(r#"{"colour": "red"}"#)),
        ("is_featured", bool(true)),
        ("external_uuid", uuid("00000000-0000-4000-8000-000000000001")),
        ("reserved_until", instant(1_795_460_400_123_456)),
    ];
    let mut words = rule("everything", &[]);
    words.time_zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    (update(vec![("id", int(2))], before, after), listings(), words)
}

#[test]
fn a_price_change_is_read_in_two_seconds() {
    let (change, view, words) = price_change();
    let message = compose(&change, &view, &words);
    assert_snapshot!("price", read(&message));
    assert_json_snapshot!("price_slack", slack::payload(&message));
    assert_json_snapshot!("price_teams", teams::payload(&message));
    assert_json_snapshot!("price_webhook", webhook::payload(&message, &change));
}

#[test]
fn the_last_one_gone_calls_people() {
    let (change, view, words) = stock_out();
    let message = compose(&change, &view, &words);
    assert_snapshot!("stock_out", read(&message));
    assert_json_snapshot!("stock_out_slack", slack::payload(&message));
    assert_json_snapshot!("stock_out_teams", teams::payload(&message));
}

#[test]
fn a_hostile_row_of_eight_changes_is_only_text() {
    let (change, view, words) = hostile_update();
    let message = compose(&change, &view, &words);
    assert_snapshot!("hostile", read(&message));
    assert_json_snapshot!("hostile_slack", slack::payload(&message));
    assert_json_snapshot!("hostile_teams", teams::payload(&message));
}

#[test]
fn a_new_row_shows_the_columns_that_matter() {
    let change =
        change(Op::Create, vec![("id", int(1))], None, Some(row(chair(vec![("seller_email", text("a@b.example"))]))));
    let mut message = compose(&change, &listings(), &rule("new", &[]));
    assert_snapshot!("create", read(&message));
    message = compose(&RowChange { op: Op::Read, snapshot: true, ..change }, &TableView::default(), &Words::default());
    assert_snapshot!("snapshot_read", read(&message));
}

#[test]
fn a_removed_row_shows_what_it_was() {
    let change = change(Op::Delete, vec![("id", int(1))], Some(row(chair(vec![]))), None);
    assert_snapshot!("delete", read(&compose(&change, &listings(), &rule("gone", &[]))));
}

#[test]
fn a_removed_row_whose_content_was_not_sent_says_so() {
    let mut change = change(Op::Delete, vec![("id", int(7))], Some(row(vec![("id", int(7))])), None);
    change.before_unknown = true;
    change.table = "public.sellers".into();
    assert_snapshot!("delete_unknown", read(&compose(&change, &TableView::default(), &rule("gone", &[]))));
}

#[test]
fn an_update_without_its_old_values_says_so() {
    let after = vec![
        ("id", int(1)),
        ("name", text("Ada's Antiques")),
        ("rating", decimal("3.5")),
        ("balance", decimal("99999999999999999999.123456789")),
        ("notes", unavailable()),
    ];
    let mut change = change(Op::Update, vec![("id", int(1))], None, Some(row(after)));
    change.table = "public.sellers".into();
    let mut view = TableView::default();
    let number = crate::message::ColumnView { format: Some(crate::message::Format::Number), ..Default::default() };
    view.columns.insert("balance".into(), number);
    let message = compose(&change, &view, &rule("sellers", &[]));
    assert_snapshot!("update_unknown", read(&message));
    assert_eq!(compose(&RowChange { connector: "mysql".into(), ..change }, &view, &Words::default()).tip, None);
}

#[test]
fn a_new_key_is_a_move() {
    let after = vec![("warehouse", text("EU2")), ("sku", text("CHAIR-001")), ("qty", int(5))];
    let mut change = change(
        Op::Update,
        vec![("warehouse", text("EU2")), ("sku", text("CHAIR-001"))],
        Some(row(vec![("warehouse", text("EU1")), ("sku", text("CHAIR-001"))])),
        Some(row(after)),
    );
    change.rekeyed_from = Some(row(vec![("warehouse", text("EU1")), ("sku", text("CHAIR-001"))]));
    change.before_unknown = true;
    change.table = "public.stock_records".into();
    assert_snapshot!("rekey", read(&compose(&change, &TableView::default(), &rule("moves", &[]))));
}

#[test]
fn an_emptied_table_is_one_line() {
    let change = change(Op::Truncate, vec![], None, None);
    let message = compose(&change, &listings(), &rule("truncated", &[]));
    assert_snapshot!("truncate", read(&message));
    assert_eq!(slack::payload(&message)["attachments"][0]["color"], "#D92D20");
}

#[test]
fn a_long_text_shows_the_words_that_changed() {
    let old = "This chair was made by hand from a single tree of solid oak, light finish, hand-oiled twice a year. "
        .repeat(20);
    let new = old.replacen("light", "dark", 1).replacen("twice", "three times", 8);
    let change = update(
        vec![("id", int(1))],
        chair(vec![("description", text(&old)), ("story", null(Type::Text))]),
        chair(vec![("description", text(&new)), ("story", text(&"word ".repeat(2_000)))]),
    );
    assert_snapshot!("long_text", read(&compose(&change, &listings(), &rule("texts", &[]))));
}

#[test]
fn a_document_shows_the_paths_that_changed() {
    let change = update(
        vec![("id", int(1))],
        chair(vec![
            ("attributes", json(r#"{"colour": "red", "size": {"w": 40, "h": 90}, "tags": ["a", "b"], "old": null}"#)),
            ("parts", json(r#"[{"n": 1, "what": "leg"}, {"n": 2, "what": "seat"}]"#)),
        ]),
        chair(vec![
            (
                "attributes",
                json(r#"{"colour": "blue", "size": {"w": 40, "h": 95}, "tags": ["b", "c"], "new": {"x": [1]}}"#),
            ),
            ("parts", json(r#"[{"n": 1, "what": "leg"}, {"n": 2, "what": "back"}]"#)),
        ]),
    );
    assert_snapshot!("json_paths", read(&compose(&change, &listings(), &rule("json", &[]))));
}

#[test]
fn without_a_zone_of_the_config_slack_shows_the_readers_time() {
    let (change, view, words) = price_change();
    let message = compose(&change, &view, &Words { readers_zone: true, ..words });
    let payload = slack::payload(&message);
    let blocks = payload["attachments"][0]["blocks"].as_array().unwrap();
    let context = &blocks.last().unwrap()["elements"];
    assert_eq!(context[0]["text"], "<!date^1795442557^{date_short_pretty}, {time_secs}|Mon 23 Nov, 14:02:37 UTC>");
    assert_eq!(context[1]["text"], "rule \"price\" · shop, Postgres");
    assert!(teams::payload(&message).to_string().contains("Mon 23 Nov, 14:02:37 UTC · rule"));
}
