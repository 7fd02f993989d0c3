//! Counts that add up, rows that fold, memory that stays bounded.

use super::*;
use crate::change::{Op, RecordId, Value};
use crate::message::tests::build::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// A lane's notices of one partition: rows with a number, of several tables and rules.
#[derive(Debug, Clone)]
struct Step {
    row: u8,
    table: u8,
    rule: u8,
    value: Option<i32>,
    critical: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (0..30u8, 0..3u8, 0..12u8, proptest::option::weighted(0.9, 0..50i32), proptest::bool::weighted(0.1))
        .prop_map(|(row, table, rule, value, critical)| Step { row, table, rule, value, critical })
}

fn key(step: &Step) -> Arc<[u8]> {
    Arc::from([step.table, step.row])
}

/// The changes that bring the rows to these values, in order.
#[derive(Default)]
struct Rows {
    state: HashMap<Arc<[u8]>, Option<i32>>,
    offset: i64,
}

impl Rows {
    fn change(&mut self, step: &Step) -> Option<RowChange> {
        let was = self.state.insert(key(step), step.value).flatten();
        let image = |value: Option<i32>| {
            value.map(|value| row(vec![("id", int(step.row.into())), ("n", int(value.into())), ("m", int(7))]))
        };
        let op = match (was, step.value) {
            (None, None) => return None,
            (None, Some(_)) => Op::Create,
            (Some(_), None) => Op::Delete,
            (Some(was), Some(is)) if was == is => return None,
            _ => Op::Update,
        };
        self.offset += 1;
        let mut change = change(op, vec![("id", int(step.row.into()))], image(was), image(step.value));
        change.record = RecordId { offset: self.offset, ..change.record };
        change.table = format!("public.table_{}s", step.table).into();
        change.time_us = Some(NOON_US + self.offset * 1_000_000);
        Some(change)
    }
}

fn rules() -> Vec<Arc<str>> {
    (0..12).map(|number| Arc::from(format!("rule-{number}"))).collect()
}

fn add(digest: &mut Digest<u8>, step: &Step, change: RowChange, rule: &Arc<str>) {
    let folded = Folded::one(Arc::new(change));
    let priority = if step.critical { Priority::Critical } else { Priority::Normal };
    let (row, view) = (key(step), TableView::default());
    let entry = Entry { folded: &folded, row: Some(&row), rule, watched: &[], priority, view: &view };
    digest.add(&entry, |known| known.copied().unwrap_or(step.row));
}

fn adds_up(digest: &Digest<u8>, changes: u64) {
    assert_eq!(digest.changes(), changes);
    assert!(digest.shown() <= changes && digest.rows().len() <= ROWS_MAX && digest.groups.len() <= GROUPS_MAX);
    for tally in digest.counts() {
        assert_eq!(tally.ops.iter().sum::<u64>(), tally.changes, "{tally:?}");
        assert!(tally.columns.iter().all(|times| times.down + times.up <= times.changed));
    }
    for kept in digest.rows() {
        assert_eq!(kept.shares.iter().map(|(_, share)| share.changes).sum::<u64>(), kept.folded.changes);
    }
    let order = digest.rows().windows(2).all(|pair| pair[0].importance().cmp(&pair[1].importance()) == Ordering::Less);
    assert!(order);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_counted_once(
        steps in proptest::collection::vec((step(), 0..20u8), 1..120),
        parts in 1..4usize,
    ) {
        let rules = rules();
        let mut rows = Rows::default();
        let mut digests = vec![Digest::default(); parts];
        let mut counts = vec![0; parts];
        for (step, take) in &steps {
            // A row is in one partition.
            let part = usize::from(step.row) % parts;
            let taken = if *take == 0 { digests[part].take_row(&key(step)) } else { None };
            if let Some(kept) = taken {
                prop_assert_eq!(kept.tag, step.row);
                counts[part] -= kept.folded.changes;
                prop_assert!(digests[part].take_row(&key(step)).is_none());
            }
            if let Some(change) = rows.change(step) {
                add(&mut digests[part], step, change, &rules[usize::from(step.rule)]);
                counts[part] += 1;
            }
            adds_up(&digests[part], counts[part]);
        }
        let mut whole = Digest::default();
        digests.iter().for_each(|part| whole.merge(part));
        adds_up(&whole, counts.iter().sum());
        let best = digests.iter().flat_map(|part| part.rows()).map(|kept| kept.priority).min();
        prop_assert_eq!(whole.rows().first().map(|kept| kept.priority), best);
    }

    #[test]
    fn rows_that_stay_shown_show_first_and_last(steps in proptest::collection::vec(step(), 1..60)) {
        let rule: Arc<str> = "r".into();
        let mut rows = Rows::default();
        let mut digest = Digest::default();
        let mut began: HashMap<Arc<[u8]>, Option<i32>> = HashMap::new();
        for step in steps {
            // No more rows than are shown.
            let step = Step { row: step.row % 3, ..step };
            let was = rows.state.get(&key(&step)).copied().flatten();
            if let Some(change) = rows.change(&step) {
                began.entry(key(&step)).or_insert(was);
                add(&mut digest, &step, change, &rule);
            }
        }
        let value = |row: Option<&crate::change::Row>| match row?.get("n")?.value {
            Value::Int(value) => Some(value as i32),
            _ => None,
        };
        for (row, first) in began {
            let last = rows.state[&row];
            let kept = digest.rows().iter().find(|kept| kept.row.as_ref() == Some(&row));
            match kept {
                None => prop_assert_eq!(first, last),
                Some(kept) => {
                    let change = &kept.folded.change;
                    prop_assert_eq!((value(change.before.as_ref()), value(change.after.as_ref())), (first, last));
                }
            }
        }
    }
}

fn update_of(row: u8, columns: Cells<'_>, new: Cells<'_>) -> RowChange {
    update(vec![("id", int(row.into()))], columns, new)
}

#[test]
fn thousands_of_wide_changes_take_the_memory_of_a_few() {
    let rules: Vec<Arc<str>> = (0..40).map(|number| Arc::from(format!("rule-{number}"))).collect();
    let columns: Vec<String> = (0..100).map(|number| format!("column_{number}")).collect();
    let long = "x".repeat(20_000);
    let cells = |shift: usize| -> Cells<'_> {
        columns.iter().map(|name| (name.as_str(), int(shift as i128))).chain([("body", text(&long[shift..]))]).collect()
    };
    let mut digest: Digest<u8> = Digest::default();
    for number in 0..2_000usize {
        let row = (number % 250) as u8;
        let mut change = update_of(row, cells(number), cells(number + 1));
        change.record.offset = number as i64;
        let step = Step { row, table: 0, rule: 0, value: None, critical: false };
        add(&mut digest, &step, change, &rules[number % rules.len()]);
    }
    adds_up(&digest, 2_000);
    assert_eq!((digest.rows().len(), digest.groups.len()), (ROWS_MAX, GROUPS_MAX));
    assert_eq!(digest.others.changes, 1_000);
    for kept in digest.rows() {
        assert!(slim::bytes(&kept.folded.change) <= ROW_BYTES_MAX);
        assert!(kept.is_slim && kept.dropped.iter().any(|name| &**name == "body"), "{:?}", kept.dropped);
    }
    assert!(digest.groups.iter().all(|group| group.columns.len() == COLUMNS_MAX));
}

#[test]
fn of_rows_that_went_equally_far_the_greatest_amount_is_shown_first() {
    let mut digest: Digest<u8> = Digest::default();
    // Each a fifth, but for cents that were rounded; and one that went farther.
    let prices =
        [("3.33", "2.66"), ("407.50", "326.00"), ("10.00", "5.00"), ("460.00", "368.00"), ("355.01", "284.01")];
    for (number, (old, new)) in prices.into_iter().enumerate() {
        let cells = |price| vec![("id", int(number as i128)), ("price", decimal(price))];
        let mut change = update_of(number as u8, cells(old), cells(new));
        change.record.offset = number as i64;
        let step = Step { row: number as u8, table: 0, rule: 0, value: None, critical: false };
        add(&mut digest, &step, change, &"r".into());
    }
    assert_eq!(digest.rows().iter().map(|kept| kept.tag).collect::<Vec<_>>(), [2, 3, 1, 4, 0]);
}

#[test]
fn a_row_too_large_to_keep_still_folds_right() {
    let long = |letter: &str| text(&letter.repeat(ROW_BYTES_MAX));
    let cells = |n: i128, extra: i128, body: &str, wide: &str| {
        vec![
            ("id", int(1)),
            ("title", text("Lamp")),
            ("n", int(n)),
            ("extra", int(extra)),
            ("body", long(body)),
            ("wide", long(wide)),
        ]
    };
    let step = Step { row: 1, table: 0, rule: 0, value: None, critical: false };
    let mut digest: Digest<u8> = Digest::default();
    let rule: Arc<str> = "r".into();
    add(&mut digest, &step, update_of(1, cells(1, 5, "a", "w"), cells(2, 5, "b", "w")), &rule);
    // What was not kept because it had not changed, changes now; what was too large changes back.
    add(&mut digest, &step, update_of(1, cells(2, 5, "b", "w"), cells(3, 6, "a", "w")), &rule);
    let kept = &digest.rows()[0];
    assert_eq!(crate::change::tests::summary(&kept.folded.change), ["n 1 -> 3", "extra 5 -> 6"]);
    assert_eq!((kept.folded.changes, kept.dropped.as_slice()), (2, [Arc::from("body")].as_slice()));
    assert_eq!(kept.folded.change.row().unwrap().get("title").unwrap().value, Value::Text("Lamp".into()));
}

#[test]
fn the_urgent_then_the_largest_step_then_the_newest_is_shown() {
    let mut digest: Digest<u8> = Digest::default();
    let rule: Arc<str> = "r".into();
    for row in 0..30u8 {
        let new = 100 + i128::from(row % 10);
        let mut change = update_of(
            row,
            vec![("id", int(row.into())), ("n", int(100))],
            vec![("id", int(row.into())), ("n", int(new))],
        );
        change.record.offset = row.into();
        if row % 10 == 0 {
            change.changes.clear();
        }
        let step = Step { row, table: 0, rule: 0, value: None, critical: row == 1 };
        add(&mut digest, &step, change, &rule);
    }
    let rows: Vec<u8> = digest.rows().iter().map(|kept| kept.tag).collect();
    assert_eq!(rows, [1, 29, 19, 9, 28, 18, 8, 27, 17, 7]);
    assert_eq!(digest.priority(), Priority::Critical);
}

#[test]
fn columns_count_which_way_they_went_but_not_what_is_hidden_or_names_a_thing() {
    let mut view = listings();
    view.columns.insert("secret".into(), crate::message::ColumnView { redact: true, ..Default::default() });
    let mut digest: Digest<u8> = Digest::default();
    let rule: Arc<str> = "r".into();
    for (row, price) in [(1u8, "10.00"), (2, "12.00"), (3, "9.00"), (4, "8.00")] {
        let old = vec![("id", int(row.into())), ("price", text("10.50")), ("secret", int(9)), ("seller_id", int(9))];
        let new = vec![("id", int(row.into())), ("price", text(price)), ("secret", int(5)), ("seller_id", int(5))];
        let (folded, key): (_, Arc<[u8]>) = (Folded::one(Arc::new(update_of(row, old, new))), Arc::from([row]));
        let entry = Entry {
            folded: &folded,
            row: Some(&key),
            rule: &rule,
            watched: &[],
            priority: Priority::Normal,
            view: &view,
        };
        digest.add(&entry, |_| row);
    }
    let group = &digest.groups[0];
    let told: Vec<_> = group
        .columns
        .iter()
        .zip(&group.tally.columns)
        .map(|(column, times)| (&*column.label, times.changed, times.down, times.up))
        .collect();
    assert_eq!(told, [("Price", 4, 3, 1), ("Secret", 4, 0, 0), ("Seller ID", 4, 0, 0)]);
    assert_eq!((group.noun.as_str(), group.plural.as_deref()), ("Listing", Some("listings")));
}

#[test]
fn the_net_of_several_counts_as_many() {
    let mut digest: Digest<u8> = Digest::default();
    let added = change(Op::Create, vec![("id", int(1))], None, Some(row(vec![("id", int(1))])));
    let (folded, rule) = (Folded { changes: 3, ..Folded::one(Arc::new(added)) }, Arc::from("r"));
    let view = TableView::default();
    let priority = Priority::Normal;
    digest.count(&Entry { folded: &folded, row: None, rule: &rule, watched: &[], priority, view: &view });
    adds_up(&digest, 3);
    assert_eq!((digest.groups[0].tally.op(Op::Create), digest.groups[0].tally.op(Op::Update)), (1, 2));
    digest.undo(2);
    assert_eq!((digest.changes(), digest.shown()), (5, 0));
}

#[test]
fn updates_without_old_values_are_counted_as_such_and_not_by_column() {
    let mut digest: Digest<u8> = Digest::default();
    let change = change(Op::Update, vec![("id", int(1))], None, Some(row(vec![("id", int(1)), ("n", int(2))])));
    add(&mut digest, &Step { row: 1, table: 0, rule: 0, value: None, critical: false }, change, &"r".into());
    assert_eq!((digest.groups[0].tally.unknown, digest.groups[0].columns.len()), (1, 0));
    digest.expire(3);
    assert_eq!((digest.changes(), digest.shown(), digest.expired()), (4, 1, 3));
}
