//! Row changes by hand.

use crate::change::{Bounded, Column, ColumnChange, Decimal, Op, RecordId, Row, RowChange, Type, Value};
use crate::message::{ColumnView, Format, TableView, Words};
use bigdecimal::BigDecimal;
use std::str::FromStr;
use std::sync::Arc;

/// 2026-11-23 14:02:37 UTC
pub const NOON_US: i64 = 1_795_442_557_000_000;

pub fn text(value: &str) -> (Type, Value) {
    (Type::Text, Value::Text(value.into()))
}

pub fn word(value: &str) -> (Type, Value) {
    (Type::Enum, Value::Text(value.into()))
}

pub fn uuid(value: &str) -> (Type, Value) {
    (Type::Uuid, Value::Text(value.into()))
}

pub fn int(value: i128) -> (Type, Value) {
    (Type::Int, Value::Int(value))
}

pub fn decimal(value: &str) -> (Type, Value) {
    (Type::Decimal, Value::Decimal(Decimal::Finite(BigDecimal::from_str(value).unwrap())))
}

pub fn bool(value: bool) -> (Type, Value) {
    (Type::Bool, Value::Bool(value))
}

pub fn null(ty: Type) -> (Type, Value) {
    (ty, Value::Null)
}

pub fn json(value: &str) -> (Type, Value) {
    (Type::Json, Value::Json(Arc::new(serde_json::from_str(value).unwrap())))
}

pub fn list(values: &[&str]) -> (Type, Value) {
    (Type::Array, Value::Array(values.iter().map(|value| Value::Text((*value).into())).collect()))
}

pub fn bytes(value: &[u8]) -> (Type, Value) {
    (Type::Bytes, Value::Bytes(value.into()))
}

pub fn instant(us: i128) -> (Type, Value) {
    (Type::Instant, Value::Instant(Bounded::Finite(us * 1_000)))
}

pub fn date(days: i128) -> (Type, Value) {
    (Type::Date, Value::Date(Bounded::Finite(days)))
}

pub fn unavailable() -> (Type, Value) {
    (Type::Text, Value::Unavailable)
}

pub type Cells<'a> = Vec<(&'a str, (Type, Value))>;

pub fn row(cells: Cells<'_>) -> Row {
    let column = |(name, (ty, value)): (&str, (Type, Value))| Column { name: name.into(), ty, value };
    Row { columns: cells.into_iter().map(column).collect() }
}

/// A change as the decoder builds it: the columns that differ, in order.
pub fn change(op: Op, key: Cells<'_>, before: Option<Row>, after: Option<Row>) -> RowChange {
    let key = row(key);
    let names = after.as_ref().or(before.as_ref()).map(|row| row.columns.clone()).unwrap_or_default();
    let value =
        |row: &Option<Row>, name: &str| row.as_ref().and_then(|row| row.get(name)).map(|column| column.value.clone());
    let changes = names
        .iter()
        .map(|column| ColumnChange {
            name: column.name.clone(),
            ty: column.ty,
            old: value(&before, &column.name),
            new: value(&after, &column.name),
        })
        .filter(|change| change.old != change.new && change.new != Some(Value::Unavailable))
        .collect();
    let unavailable =
        names.iter().filter(|column| column.value == Value::Unavailable).map(|column| column.name.clone());
    RowChange {
        record: RecordId { topic: "shop.public.listings".into(), partition: 0, offset: 5 },
        op,
        connector: "postgresql".into(),
        server: "shop".into(),
        database: Some("shop".into()),
        table: "public.listings".into(),
        key: (!key.columns.is_empty()).then_some(key),
        rekeyed_from: None,
        rekeyed_to: None,
        snapshot: false,
        time_us: Some(NOON_US),
        unavailable: unavailable.collect(),
        before_unknown: before.is_none() && matches!(op, Op::Update | Op::Delete),
        flattened: false,
        before,
        after,
        changes,
    }
}

pub fn update(key: Cells<'_>, before: Cells<'_>, after: Cells<'_>) -> RowChange {
    change(Op::Update, key, Some(row(before)), Some(row(after)))
}

pub fn label(label: &str) -> ColumnView {
    ColumnView { label: Some(label.into()), ..ColumnView::default() }
}

/// The config of the shop's listings.
pub fn listings() -> TableView {
    let price = ColumnView { label: Some("Price".into()), format: Some(Format::Currency), ..ColumnView::default() };
    TableView {
        noun: Some("Listing".into()),
        columns: [
            ("prod_stk_qty".into(), label("Stock quantity")),
            ("price".into(), price),
            ("seller_email".into(), ColumnView { redact: true, ..ColumnView::default() }),
        ]
        .into(),
        ignore: vec!["updated_at".into()],
    }
}

/// What a rule without templates says.
pub fn rule(name: &str, watched: &[&str]) -> Words {
    Words {
        rules: vec![name.into()],
        watched: watched.iter().map(|column| Arc::from(*column)).collect(),
        currencies: [("price".to_owned(), "USD".to_owned())].into(),
        ..Words::default()
    }
}

/// The chair, with these cells changed.
pub fn chair<'a>(changed: Cells<'a>) -> Cells<'a> {
    let mut cells = vec![
        ("id", int(1)),
        ("sku", text("CHAIR-001")),
        ("title", text("Oak chair")),
        ("description", null(Type::Text)),
        ("prod_stk_qty", int(1)),
        ("price", decimal("250000.00")),
        ("currency", text("USD")),
        ("status", word("active")),
        ("updated_at", instant(i128::from(NOON_US))),
    ];
    for (name, cell) in changed {
        match cells.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = cell,
            None => cells.push((name, cell)),
        }
    }
    cells
}
