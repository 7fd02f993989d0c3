//! The net of a row's changes is what replaying them gives.

use super::*;
use crate::change::tests::{CAPTURES, Sample, capture, summary};
use crate::change::{Identities, Known, NoHints, Skim, skim};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::HashMap;

const TOAST: &str = "__debezium_unavailable_value";

/// The changes of one row, decoded from the records that a source would send.
fn changes(connector: &str, steps: &[(&str, &str, &str)]) -> Vec<RowChange> {
    steps.iter().map(|(op, before, after)| Sample::of(connector, op, before, after).decode().judged()).collect()
}

fn folded(changes: &[RowChange]) -> Net<Folded> {
    let mut all = changes.iter().map(|change| Folded::one(Arc::new(change.clone())));
    let mut net = all.next().map_or(Net::Nothing, Net::Change);
    for change in all {
        net = match net {
            Net::Change(so_far) => so_far.then(&change),
            Net::Nothing => Net::Change(change),
            Net::Apart => return Net::Apart,
        };
    }
    net
}

/// The one change that these come to.
fn one(connector: &str, steps: &[(&str, &str, &str)]) -> RowChange {
    match folded(&changes(connector, steps)) {
        Net::Change(folded) => {
            assert_eq!(folded.changes, steps.len() as u64);
            RowChange::clone(&folded.change)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_updates_are_one_from_the_first_old_to_the_last_new_value() {
    let net = one(
        "mysql",
        &[
            ("u", r#"{"id":1,"n":1,"t":"a","k":0}"#, r#"{"id":1,"n":2,"t":"b","k":0}"#),
            ("u", r#"{"id":1,"n":2,"t":"b","k":0}"#, r#"{"id":1,"n":3,"t":"a","k":0}"#),
        ],
    );
    assert_eq!((net.op, summary(&net)), (Op::Update, vec!["n 1 -> 3".to_owned()]));
    assert_eq!(
        net.before.and_then(|row| row.get("t").cloned()).map(|column| column.value),
        Some(Value::Text("a".into()))
    );
}

#[test]
fn what_comes_back_is_nothing_by_meaning_and_not_by_spelling() {
    let steps = [("u", r#"{"id":1,"n":5}"#, r#"{"id":1,"n":6}"#), ("u", r#"{"id":1,"n":6}"#, r#"{"id":1,"n":5.0}"#)];
    assert_eq!(folded(&changes("mysql", &steps)), Net::Nothing);
}

#[test]
fn rows_that_appear_and_go() {
    let create = ("c", "null", r#"{"id":1,"n":1}"#);
    let update = ("u", r#"{"id":1,"n":1}"#, r#"{"id":1,"n":2}"#);
    let delete = ("d", r#"{"id":1,"n":2}"#, "null");
    let net = one("mysql", &[create, update]);
    assert_eq!((net.op, summary(&net)), (Op::Create, vec!["id - -> 1".to_owned(), "n - -> 2".to_owned()]));
    assert_eq!(folded(&changes("mysql", &[create, update, delete])), Net::Nothing);
    let net = one("mysql", &[update, delete]);
    assert_eq!((net.op, summary(&net)), (Op::Delete, vec!["id 1 -> -".to_owned(), "n 1 -> -".to_owned()]));
    assert!(!net.before_unknown && net.after.is_none());
    let net = one("mysql", &[delete, ("c", "null", r#"{"id":1,"n":7}"#)]);
    assert_eq!((net.op, summary(&net)), (Op::Update, vec!["n 2 -> 7".to_owned()]));
    assert_eq!(folded(&changes("mysql", &[delete, ("c", "null", r#"{"id":1,"n":2}"#)])), Net::Nothing);
}

#[test]
fn a_row_of_a_snapshot_is_told_with_its_last_values_and_its_end_is_not_kept_back() {
    let read = ("r", "null", r#"{"id":1,"n":1}"#);
    let net = one("mysql", &[read, ("u", r#"{"id":1,"n":1}"#, r#"{"id":1,"n":2}"#)]);
    assert_eq!((net.op, summary(&net)[1].as_str()), (Op::Read, "n - -> 2"));
    assert_eq!(folded(&changes("mysql", &[read, ("d", r#"{"id":1,"n":1}"#, "null")])), Net::Apart);
}

#[test]
fn a_value_that_was_not_sent_keeps_the_known_one() {
    let toast = format!(r#"{{"id":1,"n":2,"t":"{TOAST}"}}"#);
    let net = one("postgresql", &[("c", "null", r#"{"id":1,"n":1,"t":"long"}"#), ("u", "null", &toast)]);
    assert_eq!(summary(&net), ["id - -> 1", "n - -> 2", r#"t - -> "long""#]);
    assert!(net.unavailable.is_empty());

    let first = format!(r#"{{"id":1,"n":1,"t":"{TOAST}"}}"#);
    let net = one("postgresql", &[("u", "null", &first), ("u", "null", &toast)]);
    assert_eq!((summary(&net).len(), net.unavailable.clone(), net.before_unknown), (2, vec!["t".into()], true));
    // What the first left alone, the second found.
    let later = ("u", r#"{"id":1,"n":1,"t":"long"}"#, r#"{"id":1,"n":1,"t":"short"}"#);
    let net = one("postgresql", &[("u", "null", &first), later]);
    assert_eq!(summary(&net), ["id - -> 1", "n - -> 1", r#"t "long" -> "short""#]);
}

#[test]
fn what_the_first_change_does_not_tell_stays_unknown() {
    let update = ("u", "null", r#"{"id":1,"n":2}"#);
    let delete = ("d", r#"{"id":1,"n":0}"#, "null");
    let net = one("postgresql", &[update, delete]);
    assert_eq!((net.op, net.before_unknown, summary(&net)), (Op::Delete, true, vec!["id 1 -> -".to_owned()]));
    let net = one("postgresql", &[delete, ("c", "null", r#"{"id":1,"n":3}"#)]);
    assert_eq!(
        (net.op, net.before_unknown, summary(&net)),
        (Op::Update, true, vec!["id - -> 1".to_owned(), "n - -> 3".to_owned()])
    );
    // The source invents the columns of this delete, the update before it told the real ones.
    let net = one("postgresql", &[("u", r#"{"id":1,"n":7}"#, r#"{"id":1,"n":8}"#), delete]);
    assert_eq!((net.before_unknown, summary(&net)), (false, vec!["id 1 -> -".to_owned(), "n 7 -> -".to_owned()]));
}

#[test]
fn a_delete_that_tells_only_the_key_tells_no_more_with_another() {
    let delete = ("d", r#"{"id":1,"n":0}"#, "null");
    let net = one("postgresql", &[delete, delete]);
    assert_eq!((net.before_unknown, summary(&net)), (true, vec!["id 1 -> -".to_owned()]));
}

#[test]
fn a_column_that_only_the_later_change_touched_has_the_value_that_the_first_left() {
    // As a source tells that names the changed columns and sends no old image.
    let touching = |column: &str, n: i64, m: i64| {
        let mut change = Sample::of("mysql", "u", "null", &json!({"id": 1, "n": n, "m": m}).to_string()).decode();
        change.changes.retain(|changed| &*changed.name == column);
        change
    };
    let Net::Change(net) = net(&touching("n", 1, 5), &touching("m", 1, 6)) else { panic!() };
    assert_eq!(summary(&net), ["n - -> 1", "m 5 -> 6"]);
}

#[test]
fn what_nobody_noticed_in_between_is_not_made_a_change() {
    let net = one(
        "mysql",
        &[
            ("u", r#"{"id":1,"n":1,"stock":5}"#, r#"{"id":1,"n":2,"stock":5}"#),
            ("u", r#"{"id":1,"n":2,"stock":3}"#, r#"{"id":1,"n":3,"stock":3}"#),
        ],
    );
    assert_eq!(summary(&net), ["n 1 -> 3"]);
}

#[test]
fn what_is_not_surely_one_row_stays_apart() {
    let update = || Sample::of("mysql", "u", r#"{"id":1,"n":1}"#, r#"{"id":1,"n":2}"#);
    let apart = |first: RowChange, last: RowChange| assert_eq!(net(&first, &last), Net::Apart);
    apart(update().decode(), update().key(Some(r#"{"id":2}"#)).decode());
    apart(update().key(None).decode(), update().key(None).decode());
    apart(update().decode(), Sample::of("mysql", "t", "null", "null").decode());
    let moved = Sample::of("mysql", "c", "null", r#"{"id":1,"n":1}"#).header("__debezium.oldkey", r#"{"id":9}"#);
    apart(moved.decode().judged(), update().decode());
    let mut elsewhere = update().decode();
    elsewhere.record.partition = 1;
    apart(update().decode(), elsewhere);
    // A document of which only the changed fields were sent.
    let part = Sample::of("mongodb", "u", "null", r#"{"id":1,"n":2}"#);
    apart(Sample::of("mongodb", "c", "null", r#"{"id":1,"n":1,"m":1}"#).decode(), part.decode());
}

#[test]
fn time_and_place_are_the_last_ones_and_the_first_time_is_kept() {
    let at = |us: i64, offset: i64| {
        let mut change = Sample::of("mysql", "u", r#"{"n":1}"#, r#"{"n":2}"#).decode();
        (change.time_us, change.record.offset) = (Some(us), offset);
        change.changes[0].new = Some(Value::Int(us.into()));
        change.after.as_mut().unwrap().columns[0].value = Value::Int(us.into());
        change
    };
    let Net::Change(folded) = folded(&[at(30, 1), at(10, 2), at(20, 3)]) else { panic!() };
    assert_eq!((folded.changes, folded.since_us), (3, Some(10)));
    assert_eq!((folded.change.time_us, folded.change.record.offset), (Some(20), 3));
}

/// Values by meaning: `5` and `5.0` are one.
fn meaning(value: &Value) -> String {
    match value {
        Value::Float(float) => float.to_string(),
        value => value.plain().into_owned(),
    }
}

/// A column, its old and its new value by meaning.
type Told = (String, Option<String>, Option<String>);

fn told(change: &RowChange) -> (Op, bool, Vec<Told>) {
    let mut columns: Vec<_> = change
        .changes
        .iter()
        .map(|c| (c.name.to_string(), c.old.as_ref().map(meaning), c.new.as_ref().map(meaning)))
        .collect();
    columns.sort();
    (change.op, change.before_unknown, columns)
}

fn image(row: Option<&Row>) -> Vec<(String, String)> {
    let columns = row.into_iter().flat_map(|row| &row.columns);
    columns.map(|column| (column.name.to_string(), meaning(&column.value))).collect()
}

/// Folds a sequence as a tree that `splits` shapes.
fn tree(changes: &[RowChange], splits: &[usize], at: usize) -> Option<RowChange> {
    let [first, _, ..] = changes else {
        return changes.first().cloned();
    };
    let split = 1 + splits[at % splits.len()] % (changes.len() - 1);
    let left = tree(&changes[..split], splits, 2 * at + 1);
    let right = tree(&changes[split..], splits, 2 * at + 2);
    match (left, right) {
        (Some(left), Some(right)) => match net(&left, &right) {
            Net::Change(change) => Some(change),
            Net::Nothing => None,
            Net::Apart => panic!("apart: {first:?}"),
        },
        (left, right) => left.or(right),
    }
}

/// A row's state: a number that may be spelt in two ways, a text, and a long text that is sent only when it changed.
type State = Option<(u8, bool, u8, u8)>;

fn json_of(state: &State, previous: &State, toast: bool) -> String {
    let Some((number, spelling, text, long)) = state else {
        return "null".into();
    };
    let kept = toast && previous.is_some_and(|(.., before)| before == *long);
    let long = if kept { json!(TOAST) } else { json!(format!("long {long}")) };
    let number = if *spelling { json!(number) } else { json!(f64::from(*number)) };
    let text = if *text == 0 { Json::Null } else { json!(format!("text {text}")) };
    json!({"id": 1, "n": number, "t": text, "long": long}).to_string()
}

fn sample(full: bool, before: &State, after: &State) -> RowChange {
    let op = match (before, after) {
        (None, _) => "c",
        (_, None) => "d",
        _ => "u",
    };
    // Under the default identity the old image is missing, and a delete's holds inventions.
    let (connector, old) = match (full, op) {
        (true, _) => ("mysql", json_of(before, &None, false)),
        (false, "d") => ("postgresql", r#"{"id":1,"n":0,"t":"","long":""}"#.into()),
        (false, _) => ("postgresql", "null".into()),
    };
    Sample::of(connector, op, &old, &json_of(after, before, true)).decode()
}

fn history() -> impl Strategy<Value = Vec<State>> {
    let state = proptest::option::weighted(0.8, (0..3u8, any::<bool>(), 0..3u8, 0..2u8));
    proptest::collection::vec(state, 2..9).prop_map(|mut states| {
        states.dedup_by(|a, b| a.is_none() && b.is_none());
        states
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_partition_of_a_history_comes_to_what_replaying_it_gives(
        states in history(),
        splits in proptest::collection::vec(any::<usize>(), 8),
        full in any::<bool>(),
    ) {
        let mut changes: Vec<_> = states.windows(2).map(|pair| sample(full, &pair[0], &pair[1])).collect();
        // What changed nothing is nobody's notice.
        changes.retain(|change| !change.changes.is_empty());
        prop_assume!(!changes.is_empty());
        let net = tree(&changes, &splits, 0);
        let in_order = tree(&changes, &[usize::MAX - 1, 0], 0);
        prop_assert_eq!(net.as_ref().map(told), in_order.as_ref().map(told));
        let (first, last) = (states[0], states[states.len() - 1]);
        if let Some(net) = net.as_ref().filter(|net| net.op != Op::Delete) {
            // Every value that was ever sent since is known.
            let replayed = sample(true, &None, &last);
            for (name, value) in image(net.after.as_ref()).into_iter().filter(|(_, value)| !value.is_empty()) {
                prop_assert!(image(replayed.after.as_ref()).contains(&(name, value)));
            }
        }
        if full {
            let direct = match (first, last) {
                (None, None) => None,
                (first, last) => Some(sample(true, &first, &last)).filter(|change| !change.changes.is_empty()),
            };
            prop_assert_eq!(net.as_ref().map(told), direct.as_ref().map(told));
            prop_assert_eq!(image(net.as_ref().and_then(|net| net.before.as_ref())),
                image(direct.as_ref().and_then(|direct| direct.before.as_ref())));
        }
    }
}

#[test]
fn the_captured_histories_fold_to_their_first_and_last_images() {
    let mut met = 0;
    for file in CAPTURES {
        let mut rows: HashMap<String, Vec<RowChange>> = HashMap::new();
        let mut identities = Identities::default();
        for captured in capture(file) {
            let record = captured.record();
            let Ok(Skim::Change(envelope)) = skim(&record) else { continue };
            identities.observe(&envelope);
            let change = envelope.change(&Known { config: &NoHints, learnt: &identities }).unwrap().judged();
            let row = format!("{} {:?}", change.table, change.key);
            if folds(&change) && !change.snapshot {
                rows.entry(row).or_default().push(change);
            }
        }
        for changes in rows.values().filter(|changes| changes.len() > 1) {
            let (first, last) = (&changes[0], &changes[changes.len() - 1]);
            match folded(changes) {
                Net::Change(net) => {
                    met += 1;
                    // Fewer where the row came back to what it was in between.
                    assert!((1..=changes.len() as u64).contains(&net.changes), "{file}");
                    assert_eq!(net.change.record, last.record);
                    assert_eq!(net.change.after.is_some(), last.after.is_some());
                    assert_eq!(net.change.before_unknown, first.before_unknown);
                    if let (Some(before), Some(after)) = (&net.change.before, &net.change.after) {
                        let direct = differences(before, after);
                        assert!(net.change.changes.iter().all(|change| direct.contains(change)), "{file}");
                    }
                }
                Net::Nothing => {
                    let back = first.before.as_ref().zip(last.after.as_ref());
                    let back = back.is_some_and(|(before, after)| differences(before, after).is_empty());
                    assert!(back || (first.op == Op::Create && last.op == Op::Delete), "{file} {first:?}");
                }
                Net::Apart => panic!("{file}: {first:?}"),
            }
        }
    }
    assert!(met > 5, "{met}");
}
