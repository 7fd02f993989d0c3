//! What a digest shows and counts, and who waits for it.

use super::*;

#[test]
fn an_urgent_change_takes_its_rows_line_out_of_the_open_digest() {
    let mut outbox = storm(people(1));
    outbox.offer(0, change(100, "7", Priority::Critical, 7, 100), at(0));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    let net = one(outbox.post(lane, id));
    assert_eq!((net.content.from, net.content.to, net.changes), (0, 100, 2));
    settle(&mut outbox, lane, id, Outcome::Delivered, at(0));
    let (lane, id) = next(&mut outbox, at(1000)).unwrap();
    let digest = many(outbox.post(lane, id));
    assert_eq!(digest.changes(), 39);
    assert!(digest.lines().all(|line| line.row != RowKey(b"7"[..].into())));
}

/// Forty rows at once: more than a lane of one a second takes.
fn storm(lane: LaneSettings) -> TestBox {
    let mut outbox = with_lanes([lane]);
    for offset in 0..40 {
        outbox.offer(0, change(offset, &offset.to_string(), Priority::Normal, 0, offset), at(0));
    }
    outbox
}

#[test]
fn an_urgent_change_waits_for_the_digest_on_the_wire_that_shows_its_row() {
    let mut outbox = storm(LaneSettings { in_flight: 4, ..people(1) });
    let (lane, digest) = next(&mut outbox, at(0)).unwrap();
    let shown = many(outbox.post(lane, digest)).lines().next().unwrap().row.clone();
    let urgent = Notice { row: shown, ..change(100, "", Priority::Critical, 5, 6) };
    outbox.offer(0, urgent, at(0));
    outbox.offer(0, change(101, "another row", Priority::Critical, 5, 6), at(0));
    let (_, other) = next(&mut outbox, at(1000)).unwrap();
    assert_eq!(*one(outbox.post(lane, other)).offsets.start(), 101);
    assert_eq!(next(&mut outbox, at(2000)), None, "its row is shown in what is on the wire");
    settle(&mut outbox, lane, digest, Outcome::Delivered, at(2000));
    let (_, urgent) = next(&mut outbox, at(2000)).unwrap();
    assert_eq!(*one(outbox.post(lane, urgent)).offsets.start(), 100);
}

#[test]
fn while_a_digest_is_tried_again_the_next_one_collects() {
    let mut outbox = storm(people(1));
    let (lane, first) = next(&mut outbox, at(0)).unwrap();
    for offset in 40..100 {
        outbox.offer(0, change(offset, &offset.to_string(), Priority::Normal, 0, offset), at(10));
    }
    settle(&mut outbox, lane, first, Outcome::Retry { after: Some(SECOND * 100) }, at(100));
    assert_eq!(next(&mut outbox, at(99_000)), None);
    let (_, again) = next(&mut outbox, at(100_100)).unwrap();
    assert_eq!((again, many(outbox.post(lane, again)).changes()), (first, 40), "the same, and nothing more");
    settle(&mut outbox, lane, again, Outcome::Delivered, at(100_100));
    let (_, second) = next(&mut outbox, at(101_100)).unwrap();
    assert_eq!(many(outbox.post(lane, second)).changes(), 60);
}

#[test]
fn a_digest_that_is_refused_shrinks_to_its_counts_and_then_blocks_its_lane() {
    let mut outbox = storm(people(1));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    assert!(matches!(settle(&mut outbox, lane, id, Outcome::Rejected, at(0)), Settled::Pending));
    let (_, again) = next(&mut outbox, at(1000)).unwrap();
    let digest = many(outbox.post(lane, again));
    assert_eq!((digest.lines().count(), digest.changes()), (0, 40));
    assert!(matches!(settle(&mut outbox, lane, again, Outcome::Rejected, at(1000)), Settled::Pending));
    assert!(!outbox.status(at(1000))[0].up, "counts alone refused: it is not the message");
    let (_, probe) = next(&mut outbox, at(31_000)).unwrap();
    settle(&mut outbox, lane, probe, Outcome::Delivered, at(31_000));
    outbox.read(&owner(0), 40);
    commit(&mut outbox, at(40_000));
    assert_eq!(outbox.ledger().positions()[0].committed, 40);
}

#[test]
fn a_digest_is_named_by_all_that_it_stands_for() {
    let named = |first: i64, last: i64| {
        let mut outbox = with_lanes([people(1)]);
        for offset in first..last {
            outbox.offer(0, change(offset, &offset.to_string(), Priority::Normal, 1, 2), at(0));
        }
        let (lane, id) = next(&mut outbox, at(0)).unwrap();
        (outbox, lane, id)
    };
    let name = |(outbox, lane, id): &(TestBox, LaneId, PostId)| many(outbox.post(*lane, *id)).name().to_owned();
    let mut digest = named(10, 100);
    let given = name(&digest);
    assert!(given.starts_with("digest:t:0:10:"), "{given}");
    assert_eq!(given, name(&named(10, 100)), "after a restart too");
    assert_ne!(given, name(&named(10, 101)), "it stands for one more");
    // Refused, it shows less and stands for the same.
    let (outbox, lane, id) = &mut digest;
    settle(outbox, *lane, *id, Outcome::Rejected, at(0));
    assert_eq!(given, name(&digest));
}

#[test]
fn a_partitions_part_of_a_digest_leaves_with_it() {
    let mut outbox = with_lanes([people(1)]);
    for offset in 0..100 {
        let notice = change(offset, &offset.to_string(), Priority::Normal, 0, offset);
        outbox.offer(0, Notice { owner: owner((offset % 2) as i32), ..notice }, at(0));
    }
    let gone = owner(0);
    let (lane, first) = next(&mut outbox, at(0)).unwrap();
    assert_eq!(many(outbox.post(lane, first)).changes(), 100);
    outbox.stop(&|owner| *owner == gone);
    assert_eq!(outbox.in_flight(&|owner| *owner == gone), 1, "it is on the wire");
    settle(&mut outbox, lane, first, Outcome::Retry { after: None }, at(0));
    outbox.release(&gone);
    let (_, again) = next(&mut outbox, at(60_000)).unwrap();
    assert_eq!(many(outbox.post(lane, again)).changes(), 50, "the other partition's");
    settle(&mut outbox, lane, again, Outcome::Delivered, at(60_000));
    assert!(outbox.is_empty());
}

#[test]
fn a_digest_shows_what_is_worth_most_and_counts_the_rest() {
    let mut outbox = with_lanes([people(1)]);
    for offset in 0..1_000 {
        let priority = if offset == 3 { Priority::Normal } else { Priority::Low };
        let content = Step { from: 0, to: 1, weight: if offset % 100 == 0 { 9 } else { 1 }, bytes: 0 };
        let notice = Notice { content, ..change(offset, &offset.to_string(), priority, 0, 1) };
        outbox.offer(0, notice, at(0));
    }
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    let shown: Vec<_> = many(outbox.post(lane, id)).lines().map(|line| *line.offsets.start()).collect();
    assert_eq!(shown[..11], [3, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    assert_eq!(shown.len(), LINES_MAX);
}

#[test]
fn a_row_that_comes_back_does_not_wait_for_the_digest_that_showed_it_before() {
    let mut outbox = with_lanes([LaneSettings { fold: false, ..people(1) }]);
    let of = |number, epoch, offset| {
        let owner = Owner { epoch, ..owner(number) };
        Notice { owner, ..notice(offset, &format!("{number} {offset}"), Priority::Normal) }
    };
    for offset in 0..20 {
        outbox.offer(0, of(0, 1, offset), at(0));
        outbox.offer(0, of(1, 1, offset), at(0));
    }
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    assert!(many(outbox.post(lane, id)).lines().any(|line| line.owner.partition.number == 0));
    // Partition 0 goes while the digest is on the wire, and comes back.
    outbox.stop(&|gone| *gone == owner(0));
    outbox.release(&owner(0));
    outbox.assign(&Owner { epoch: 2, ..owner(0) }, 0, None).unwrap();
    outbox.offer(0, Notice { priority: Priority::Critical, ..of(0, 2, 0) }, at(10));
    settle(&mut outbox, lane, id, Outcome::Retry { after: None }, at(20));
    let mut now = at(20);
    while !outbox.is_empty() {
        match next(&mut outbox, now) {
            Some((lane, id)) => drop(settle(&mut outbox, lane, id, Outcome::Delivered, now)),
            None => now = outbox.wake_at().expect("what is pending waits for nothing but the time"),
        }
    }
}

/// Forty rows at once, of so many bytes each.
fn storm_of(bytes: impl Fn(i64) -> u64) -> TestBox {
    let mut outbox = with_lanes([people(1)]);
    for offset in 0..40 {
        let content = Step { from: 0, to: offset, weight: 0, bytes: bytes(offset) };
        outbox.offer(0, Notice { content, ..change(offset, &offset.to_string(), Priority::Normal, 0, offset) }, at(0));
    }
    outbox.read(&owner(0), 40);
    outbox
}

/// The offsets that the next digest shows, all it stands for, and the bytes of what it shows.
fn shown(outbox: &mut TestBox) -> (Vec<i64>, u64, u64) {
    let (lane, id) = next(outbox, at(0)).unwrap();
    let digest = many(outbox.post(lane, id));
    let counted: u64 = digest.tallies().map(|tally| tally.changes).sum();
    assert_eq!(counted + digest.lines().map(|line| line.changes).sum::<u64>(), digest.changes());
    let told = digest.lines().map(|line| *line.offsets.start()).collect();
    let told = (told, digest.changes(), digest.lines().map(|line| line.content.bytes).sum());
    settle(outbox, lane, id, Outcome::Delivered, at(0));
    commit(outbox, at(10_000));
    assert_eq!(outbox.ledger().positions()[0].committed, 40, "what is counted is settled, too");
    told
}

#[test]
fn the_largest_rows_are_counted_where_there_is_no_room_to_show_them() {
    let huge = |offset: i64| if offset % 10 == 3 { LINES_BYTES_MAX } else { 100 };
    let (told, changes, bytes) = shown(&mut storm_of(huge));
    assert_eq!((changes, told.len()), (40, LINES_MAX));
    assert!(told.iter().all(|offset| offset % 10 != 3) && bytes <= LINES_BYTES_MAX, "{told:?}");
    let (told, changes, bytes) = shown(&mut storm_of(|_| LINES_BYTES_MAX / 4 - 10));
    assert_eq!((told, changes), (vec![0, 1, 2, 3], 40), "as many as there is room for: {bytes}");
}

#[test]
fn a_row_that_grows_by_folding_makes_room_by_itself() {
    let mut outbox = storm_of(|_| 100);
    let grown = Step { from: 7, to: 100, weight: 9, bytes: 0 };
    outbox.offer(
        0,
        Notice { content: Step { bytes: LINES_BYTES_MAX, ..grown }, ..change(39, "7", Priority::Normal, 7, 8) },
        at(0),
    );
    let (told, changes, bytes) = shown(&mut outbox);
    assert!(!told.contains(&7) && changes == 41 && bytes <= LINES_BYTES_MAX, "{told:?} {changes} {bytes}");
}

#[test]
fn a_large_row_is_posted_by_itself_where_it_is_all_there_is_and_counted_where_it_is_not() {
    for (rows, changes) in [(["a", "a"], 2), (["a", "b"], 2)] {
        let mut outbox = storm_of(|_| 100);
        shown(&mut outbox);
        for (offset, row) in (40..).zip(rows) {
            let content = Step { from: offset, to: offset + 1, weight: 0, bytes: 2 * LINES_BYTES_MAX };
            outbox.offer(0, Notice { content, ..change(offset, row, Priority::Normal, 0, 0) }, at(1));
        }
        let (lane, id) = next(&mut outbox, at(60_000)).unwrap();
        match outbox.post(lane, id).unwrap() {
            Post::One(notice) => assert_eq!((rows, notice.changes), (["a", "a"], changes)),
            Post::Many(digest) => {
                assert_eq!((rows, digest.lines().count(), digest.changes()), (["a", "b"], 0, changes));
            }
        }
    }
}
