//! Pending changes of one row.

use super::*;

#[test]
fn pending_changes_of_a_row_become_their_net_change() {
    let mut outbox = with_lanes([people(1)]);
    outbox.offer(0, change(1, "other", Priority::Normal, 0, 1), at(0));
    outbox.offer(0, change(2, "a", Priority::Normal, 1, 2), at(0));
    outbox.offer(0, change(3, "b", Priority::Normal, 1, 2), at(0));
    outbox.offer(0, change(5, "a", Priority::Critical, 2, 3), at(0));
    outbox.read(&owner(0), 6);
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    let net = one(outbox.post(lane, id));
    assert_eq!((net.content.from, net.content.to, net.changes), (1, 3, 2));
    assert_eq!(
        (net.priority, net.offsets.clone()),
        (Priority::Critical, 2..=5),
        "the urgent one, with what came before"
    );
    // What is on the wire takes in nothing.
    outbox.offer(0, change(6, "a", Priority::Normal, 3, 4), at(0));
    assert_eq!(outbox.status(at(0))[0].folded, 1);
    settle(&mut outbox, lane, id, Outcome::Delivered, at(0));
    assert_eq!(outbox.ledger().positions()[0].committed, 1, "the other row's change is still owed");
    assert_eq!(deliver_all(&mut outbox, at(0)), [1, 3, 6]);
}

#[test]
fn a_post_that_was_tried_takes_no_folds() {
    let mut outbox = with_lanes([people(100)]);
    outbox.offer(0, change(1, "a", Priority::Normal, 1, 2), at(0));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    settle(&mut outbox, lane, id, Outcome::Retry { after: None }, at(0));
    outbox.offer(0, change(2, "a", Priority::Normal, 2, 3), at(0));
    outbox.offer(0, change(3, "a", Priority::Normal, 3, 4), at(0));
    assert_eq!(deliver_all(&mut outbox, at(0)), [1, 2], "the second took in the third");
}

#[test]
fn changes_that_undo_each_other_are_settled_without_a_post() {
    let mut outbox = with_lanes([people(1)]);
    outbox.offer(0, change(1, "a", Priority::Normal, 1, 2), at(0));
    outbox.offer(0, change(2, "a", Priority::Normal, 2, 1), at(0));
    outbox.read(&owner(0), 3);
    assert!(outbox.is_empty());
    assert_eq!(next(&mut outbox, at(0)), None);
    commit(&mut outbox, at(0));
    assert_eq!(outbox.ledger().positions()[0].committed, 3);
}

#[test]
fn without_folding_an_urgent_change_takes_its_rows_earlier_ones_along() {
    let mut outbox = with_lanes([LaneSettings { fold: false, ..people(1) }]);
    outbox.offer(0, change(1, "b", Priority::Normal, 1, 2), at(0));
    outbox.offer(0, change(2, "a", Priority::Low, 1, 2), at(0));
    outbox.offer(0, change(3, "a", Priority::Critical, 2, 3), at(0));
    assert_eq!(deliver_all(&mut outbox, at(0)), [2, 3, 1]);
}
