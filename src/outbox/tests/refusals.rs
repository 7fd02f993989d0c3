//! What a destination refuses, and what it fails at.

use super::*;

#[test]
fn a_refused_message_is_tried_once_more_plain_and_short() {
    let mut outbox = with_lanes([people(1000)]);
    outbox.offer(0, change(1, "a", Priority::Normal, 1, 2), at(0));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    assert!(!one(outbox.post(lane, id)).simple);
    assert!(matches!(settle(&mut outbox, lane, id, Outcome::Rejected, at(0)), Settled::Pending));
    let (lane, id) = next(&mut outbox, at(1)).unwrap();
    assert!(one(outbox.post(lane, id)).simple);
    let Settled::GivenUp(_, GivenUp::Rejected, owed) = settle(&mut outbox, lane, id, Outcome::Rejected, at(1)) else {
        panic!("given up");
    };
    outbox.read(&owner(0), 2);
    commit(&mut outbox, at(10_000));
    assert_eq!(outbox.ledger().positions()[0].committed, 1, "not before the letter is acknowledged");
    outbox.lettered(&owed);
    commit(&mut outbox, at(20_000));
    assert_eq!(outbox.ledger().positions()[0].committed, 2);
}

#[test]
fn a_failing_destination_is_probed_with_another_post() {
    let mut outbox = outbox(1000, 1000, 1);
    outbox.offer(0, notice(0, "poison", Priority::Critical), at(0));
    let mut now = at(0);
    for _ in 0..3 {
        now = outbox.wake_at().unwrap().max(now);
        let (lane, id) = next(&mut outbox, now).unwrap();
        settle(&mut outbox, lane, id, Outcome::Retry { after: None }, now);
    }
    assert!(!outbox.status(now)[0].up);
    outbox.offer(0, notice(1, "fine", Priority::Low), now);
    // Long enough for both: the urgent one is due, and still not the probe.
    now += BACKOFF_MAX;
    let (lane, id) = next(&mut outbox, now).unwrap();
    assert_eq!(*one(outbox.post(lane, id)).offsets.start(), 1);
    settle(&mut outbox, lane, id, Outcome::Delivered, now);
    assert!(outbox.status(now)[0].up, "alive: it was the message");
}
