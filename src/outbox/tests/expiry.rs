//! Notices too old to be posted.

use super::*;

#[test]
fn what_is_too_old_when_its_turn_comes_is_not_posted() {
    let mut outbox = outbox(1000, 1000, 1);
    let old = Notice { expires: Some(at(500)), ..notice(1, "a", Priority::Normal) };
    outbox.offer(0, old, at(0));
    outbox.offer(0, notice(2, "a", Priority::Normal), at(0));
    let Some(Next::Expired(notice, owed)) = outbox.next(at(500)) else { panic!("expired") };
    assert_eq!(*notice.offsets.start(), 1);
    outbox.lettered(&owed);
    assert_eq!(deliver_all(&mut outbox, at(500)), [2]);
}

#[test]
fn what_is_too_old_is_counted_apart_in_a_digest_and_not_shown() {
    let mut outbox = with_lanes([people(1)]);
    for offset in 0..40 {
        let expires = (offset < 10).then(|| at(1000));
        let notice = change(offset, &offset.to_string(), Priority::Normal, 0, offset);
        outbox.offer(0, Notice { expires, ..notice }, at(0));
    }
    let (lane, id) = next(&mut outbox, at(2000)).unwrap();
    let digest = many(outbox.post(lane, id));
    assert_eq!(digest.changes(), 40);
    assert!(digest.lines().all(|line| line.expires.is_none()));
    let count = |of: fn(&Count) -> u64| digest.tallies().map(of).sum::<u64>();
    assert_eq!((count(|part| part.expired), count(|part| part.changes), digest.lines().count()), (10, 10, 20));
}
