//! What a lane lets go beyond its share of memory, and reads again.

use super::*;
use std::collections::{BTreeMap, HashMap};

/// What a notice takes.
const EACH: u64 = 16;

/// A lane may hold 64 notices, five eighths of them not urgent.
const SHARE: u64 = 64 * EACH;

fn small(per_second: u32) -> LaneSettings {
    LaneSettings { share_bytes: SHARE, ..settings(per_second, 1, 1) }
}

/// What Kafka holds of the partitions: by number and offset, the row, its priority, and how often it changed before.
#[derive(Default)]
struct Log(BTreeMap<(i32, i64), (String, Priority, i64)>);

impl Log {
    fn notice(&self, number: i32, offset: i64, now: Duration) -> Notice<Step> {
        let (row, priority, before) = &self.0[&(number, offset)];
        let content = Step { from: *before, to: before + 1, weight: 0, bytes: 0 };
        let row = RowKey(format!("{number} {row}").as_bytes().into());
        Notice { bytes: EACH, ..Notice::new(owner(number), offset, row, *priority, content, now) }
    }

    /// Writes a change and offers it.
    fn offer(&mut self, outbox: &mut TestBox, offset: i64, row: &str, priority: Priority, now: Duration) {
        self.offer_of(outbox, 0, offset, row, priority, now);
    }

    fn offer_of(
        &mut self,
        outbox: &mut TestBox,
        number: i32,
        offset: i64,
        row: &str,
        priority: Priority,
        now: Duration,
    ) {
        let before = self.0.iter().filter(|((other, _), (known, ..))| *other == number && known == row).count();
        self.0.insert((number, offset), (row.to_owned(), priority, before as i64));
        outbox.offer(0, self.notice(number, offset, now), now);
        outbox.read(&owner(number), offset + 1);
    }

    /// Does what an order wants, and answers how many notices were taken in.
    fn serve(&self, outbox: &mut TestBox, order: &Reread, now: Duration) -> usize {
        let (mut taken, mut bytes) = (0, 0);
        let number = order.owner.partition.number;
        for (&(_, offset), _) in self.0.range((number, order.from)..(number, order.to)) {
            let notice = self.notice(number, offset, now);
            let wanted = |rows: &HashMap<RowKey, i64>| rows.get(&notice.row).is_some_and(|last| offset <= *last);
            if !order.rows.as_ref().is_none_or(|rows| wanted(rows)) {
                continue;
            }
            if taken >= order.notices || taken > 0 && bytes >= order.bytes {
                outbox.reread(order.id, offset, now);
                return taken;
            }
            if outbox.take_back(order.id, notice, now) {
                (taken, bytes) = (taken + 1, bytes + EACH);
            }
        }
        outbox.reread(order.id, order.to, now);
        taken
    }

    /// Posts and reads again until nothing is pending; the offsets in the order of their posts.
    fn drain(&self, outbox: &mut TestBox, mut now: Duration) -> Vec<i64> {
        let mut posted = Vec::new();
        while !outbox.is_empty() {
            match outbox.next(now) {
                Some(Next::Post(lane, id)) => match settle(outbox, lane, id, Outcome::Delivered, now) {
                    Settled::Delivered(Post::One(notice)) => posted.push(*notice.offsets.start()),
                    other => panic!("{other:?}"),
                },
                Some(Next::Reread(order)) => {
                    self.serve(outbox, &order, now);
                }
                Some(other) => panic!("{other:?}"),
                None => now = outbox.wake_at().expect("a time").max(now + Duration::from_millis(1)),
            }
            let held = outbox.status(now)[0].bytes;
            assert!(held <= SHARE + EACH, "{held} bytes are held");
        }
        posted
    }
}

/// A destination that was told to wait, so that nothing is posted for an hour.
fn held_up(settings: LaneSettings) -> (TestBox, Log) {
    let (mut outbox, mut log) = (with_lanes([settings]), Log::default());
    log.offer(&mut outbox, 0, "first", Priority::Normal, at(0));
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    settle(&mut outbox, lane, id, Outcome::Retry { after: Some(SECOND * 3600) }, at(0));
    (outbox, log)
}

const LATER: Duration = Duration::from_secs(1_000_000);

#[test]
fn a_lane_beyond_its_share_lets_go_and_posts_everything_in_order() {
    let (mut outbox, mut log) = (with_lanes([small(100)]), Log::default());
    for offset in 0..500 {
        log.offer(&mut outbox, offset, &format!("row {}", offset % 7), Priority::Normal, at(0));
    }
    let status = &outbox.status(at(0))[0];
    assert_eq!((status.pending, status.bytes, status.spilled), ([0, 500, 0], 40 * EACH, 460));
    assert_eq!(log.drain(&mut outbox, at(0)), (0..500).collect::<Vec<_>>());
    assert_eq!(outbox.ledger().positions()[0].committed, 500);
}

#[test]
fn an_urgent_notice_passes_what_was_let_go_of_other_rows() {
    let (mut outbox, mut log) = held_up(small(100));
    for offset in 1..100 {
        log.offer(&mut outbox, offset, "a", Priority::Normal, at(1));
    }
    log.offer(&mut outbox, 100, "b", Priority::Critical, at(1));
    let posted = log.drain(&mut outbox, LATER);
    assert_eq!(posted[0], 100, "{posted:?}");
    assert_eq!(posted[1..], (0..100).collect::<Vec<_>>());
}

#[test]
fn an_urgent_notice_never_overtakes_its_own_row_and_is_read_ahead_of_others() {
    let (mut outbox, mut log) = held_up(small(100));
    for offset in 1..1_000 {
        let row = if offset % 300 == 0 { "b".to_owned() } else { format!("row {}", offset % 50) };
        log.offer(&mut outbox, offset, &row, Priority::Normal, at(1));
    }
    log.offer(&mut outbox, 1_000, "b", Priority::Critical, at(1));
    for offset in 1_001..1_100 {
        log.offer(&mut outbox, offset, "b", Priority::Normal, at(1));
    }
    let posted = log.drain(&mut outbox, LATER);
    let of = |offset| posted.iter().position(|posted| *posted == offset).unwrap();
    assert!(of(300) < of(600) && of(600) < of(900) && of(900) < of(1_000), "{posted:?}");
    assert!(of(1_000) < 10, "{:?}", &posted[..10]);
    assert_eq!(posted.len(), 1_100);
    let later: Vec<_> = posted.iter().filter(|offset| **offset > 1_000).copied().collect();
    assert_eq!(later, (1_001..1_100).collect::<Vec<_>>());
}

#[test]
fn an_urgent_row_of_more_than_fits_is_posted_piece_by_piece() {
    let (mut outbox, mut log) = held_up(small(100));
    for offset in 1..400 {
        let row = if offset % 2 == 0 { "b" } else { "a" };
        log.offer(&mut outbox, offset, row, Priority::Normal, at(1));
    }
    log.offer(&mut outbox, 400, "b", Priority::Critical, at(1));
    let posted = log.drain(&mut outbox, LATER);
    let before = posted.iter().take_while(|offset| **offset != 400).count();
    assert!(before < 200 + 2 * (SHARE / EACH) as usize, "{before} posts before the urgent one: {posted:?}");
    let row: Vec<_> = posted.iter().filter(|offset| *offset % 2 == 0 && **offset > 0).copied().collect();
    assert_eq!(row, (1..=200).map(|half| half * 2).collect::<Vec<_>>());
    assert_eq!(posted.len(), 401);
}

#[test]
fn what_comes_while_the_rest_is_read_again_follows_it() {
    let (mut outbox, mut log) = held_up(small(100));
    for offset in 1..50 {
        log.offer(&mut outbox, offset, "a", Priority::Normal, at(1));
    }
    let mut now = LATER;
    let order = loop {
        match outbox.next(now) {
            Some(Next::Post(lane, id)) => _ = settle(&mut outbox, lane, id, Outcome::Delivered, now),
            Some(Next::Reread(order)) => break order,
            Some(other) => panic!("{other:?}"),
            None => now = outbox.wake_at().unwrap(),
        }
    };
    assert_eq!((order.from, order.to), (40, 50));
    log.offer(&mut outbox, 50, "a", Priority::Normal, now);
    log.offer(&mut outbox, 51, "b", Priority::Critical, now);
    assert_eq!(outbox.status(now)[0].spilled, 11);
    log.serve(&mut outbox, &order, now);
    let status = &outbox.status(now)[0];
    assert_eq!((status.spilled, outbox.ledger().lag(&owner(0), 0)), (0, None), "it has caught up");
    let posted = log.drain(&mut outbox, now);
    assert_eq!(posted.first(), Some(&51));
    assert_eq!(posted[posted.len() - 2..], [49, 50]);
}

#[test]
fn a_lane_that_is_never_empty_catches_up_all_the_same() {
    // Every order is answered late, and meanwhile there is always more.
    let (mut outbox, mut log) = (with_lanes([small(1_000)]), Log::default());
    let (mut offset, mut posted, mut lagged) = (0, 0, 0);
    let mut orders: Vec<(Duration, Reread)> = Vec::new();
    for ms in 0..4_000 {
        // Three a millisecond at first, then one in two, which it could post.
        let count = if ms < 200 { 3 } else { i64::from(ms % 2 == 0) };
        for _ in 0..count {
            log.offer_of(&mut outbox, (offset % 2) as i32, offset, &offset.to_string(), Priority::Normal, at(ms));
            offset += 1;
        }
        orders.retain(|(due, order)| {
            let late = *due > at(ms);
            if !late {
                log.serve(&mut outbox, order, at(ms));
            }
            late
        });
        while let Some(next) = outbox.next(at(ms)) {
            match next {
                Next::Post(lane, id) => {
                    settle(&mut outbox, lane, id, Outcome::Delivered, at(ms));
                    posted += 1;
                }
                Next::Reread(order) => orders.push((at(ms + 5), order)),
                Next::Expired(..) => panic!("nothing expires"),
            }
        }
        lagged += u32::from(ms > 3_000 && outbox.status(at(ms))[0].spilled > 0);
        assert!(outbox.status(at(ms))[0].bytes <= SHARE + EACH);
    }
    assert_eq!(lagged, 0, "a second in which everything was kept");
    assert!(offset - posted < 3, "{posted} of {offset}");
}

#[test]
fn a_destination_that_is_down_reads_nothing_again_but_one_to_try_it_with() {
    let (mut outbox, mut log) = (with_lanes([small(100)]), Log::default());
    for offset in 0..50 {
        log.offer(&mut outbox, offset, "a", Priority::Normal, at(0));
    }
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    settle(&mut outbox, lane, id, Outcome::Blocked, at(0));
    // Nothing was posted yet of what is held, so there is no reason to read.
    for ms in 0..29_000 {
        assert!(outbox.next(at(ms)).is_none());
    }
    assert_eq!(log.drain(&mut outbox, at(40_000)), (0..50).collect::<Vec<_>>());
}

#[test]
fn reading_again_that_fails_is_tried_again() {
    let (mut outbox, mut log) = (with_lanes([small(1_000_000)]), Log::default());
    for offset in 0..50 {
        log.offer(&mut outbox, offset, "a", Priority::Normal, at(0));
    }
    let mut now = at(0);
    let order = loop {
        now += Duration::from_millis(1);
        match outbox.next(now) {
            Some(Next::Post(lane, id)) => _ = settle(&mut outbox, lane, id, Outcome::Delivered, now),
            Some(Next::Reread(order)) => break order,
            other => panic!("{other:?}"),
        }
    };
    outbox.take_back(order.id, log.notice(0, order.from, now), now);
    outbox.reread_failed(order.id, now);
    outbox.take_back(order.id, log.notice(0, order.from + 1, now), now);
    outbox.reread(order.id, order.to, now);
    assert_eq!(log.drain(&mut outbox, now), (order.from..50).collect::<Vec<_>>());
}

#[test]
fn a_partition_that_goes_takes_along_what_was_let_go_of_it() {
    let (mut outbox, mut log) = (with_lanes([small(1_000_000)]), Log::default());
    for offset in 0..50 {
        log.offer(&mut outbox, offset, "a", Priority::Normal, at(0));
    }
    log.offer_of(&mut outbox, 1, 0, "b", Priority::Normal, at(0));
    let mut now = at(0);
    let order = loop {
        now += Duration::from_millis(1);
        match outbox.next(now) {
            Some(Next::Post(lane, id)) => _ = settle(&mut outbox, lane, id, Outcome::Delivered, now),
            Some(Next::Reread(order)) if order.owner == owner(0) => break order,
            other => panic!("{other:?}"),
        }
    };
    outbox.stop(&|gone| *gone == owner(0));
    let commit = outbox.commit_of(&owner(0));
    assert!(commit.is_none_or(|commit| commit.offset <= order.from));
    outbox.release(&owner(0));
    assert!(!outbox.take_back(order.id, log.notice(0, order.from, now), now));
    outbox.reread(order.id, order.to, now);
    assert_eq!(log.drain(&mut outbox, now), [0], "the other partition's");
}

#[test]
fn what_was_posted_out_of_its_turn_is_not_posted_again_after_a_crash() {
    let (mut outbox, mut log) = held_up(small(100));
    for offset in 1..100 {
        log.offer(&mut outbox, offset, "a", Priority::Normal, at(1));
    }
    log.offer(&mut outbox, 100, "b", Priority::Critical, at(1));
    log.offer(&mut outbox, 101, "a", Priority::Normal, at(1));
    let (lane, id) = next(&mut outbox, LATER).unwrap();
    outbox.settle(lane, id, Outcome::Delivered, LATER);
    let commit = outbox.commit_of(&owner(0)).unwrap();
    assert_eq!(commit.offset, 0);
    let mut next = with_lanes([small(100)]);
    next.assign(&Owner { epoch: 2, ..owner(0) }, commit.offset, Some(&commit.metadata)).unwrap();
    let owed: Vec<_> = (0..102).filter(|o| !next.ledger().is_posted(&Owner { epoch: 2, ..owner(0) }, 0, *o)).collect();
    assert_eq!(owed, (0..102).filter(|offset| *offset != 100).collect::<Vec<_>>());
}

#[test]
fn what_owed_nothing_when_it_was_read_owes_nothing_when_it_is_read_again() {
    let (mut outbox, mut log) = held_up(small(100));
    for offset in 1..100 {
        if offset % 10 == 0 {
            log.0.insert((0, offset), ("a".to_owned(), Priority::Normal, 0));
            outbox.owes_nothing(&owner(0), offset);
            outbox.read(&owner(0), offset + 1);
        } else {
            log.offer(&mut outbox, offset, "a", Priority::Normal, at(1));
        }
    }
    let expected: Vec<_> = (0..100).filter(|offset| offset % 10 != 0 || *offset == 0).collect();
    let posted = log.drain(&mut outbox, LATER);
    // While nothing was let go yet, nobody has to remember: it is not read again.
    assert_eq!(posted, expected);
}

#[test]
fn pending_changes_fold_when_they_are_read_again() {
    let (mut outbox, mut log) = held_up(LaneSettings { fold: true, ..small(100) });
    // Fifty rows take more than fits; each changes ten times in a row.
    for offset in 1..501 {
        log.offer(&mut outbox, offset, &format!("{}", offset / 10), Priority::Normal, at(1));
    }
    let posts = log.drain(&mut outbox, LATER);
    assert!((50..80).contains(&posts.len()), "{} posts", posts.len());
    assert_eq!(outbox.ledger().positions()[0].committed, 501);
}

#[test]
fn in_a_storm_what_was_let_go_is_read_into_the_digest() {
    let settings = LaneSettings { digest: Some(SECOND * 30), ..small(2) };
    let (mut outbox, mut log) = held_up(settings);
    for offset in 1..50 {
        log.offer(&mut outbox, offset, &offset.to_string(), Priority::Normal, at(1));
    }
    let status = outbox.status(at(1))[0].clone();
    assert!(status.spilled > 0 && status.pending == [0, 50, 0], "not yet a storm: {status:?}");
    for offset in 50..200 {
        log.offer(&mut outbox, offset, &offset.to_string(), Priority::Normal, at(1));
        while let Some(Next::Reread(order)) = outbox.next(at(1)) {
            log.serve(&mut outbox, &order, at(1));
        }
    }
    let status = outbox.status(at(1))[0].clone();
    assert_eq!((status.spilled, status.pending), (0, [0, 200, 0]), "all of it in the digest");
    assert!(status.bytes <= SHARE);
    outbox.wake_at();
    let (mut now, mut posts, mut changes) = (LATER, 0, 0);
    while !outbox.is_empty() {
        match outbox.next(now) {
            Some(Next::Post(lane, id)) => match settle(&mut outbox, lane, id, Outcome::Delivered, now) {
                Settled::Delivered(Post::One(notice)) => (posts, changes) = (posts + 1, changes + notice.changes),
                Settled::Delivered(Post::Many(digest)) => (posts, changes) = (posts + 1, changes + digest.changes()),
                other => panic!("{other:?}"),
            },
            None => now = outbox.wake_at().expect("a time").max(now + Duration::from_millis(1)),
            other => panic!("{other:?}"),
        }
    }
    assert!(posts < 5 && changes == 200, "{posts} posts of {changes} changes");
}

#[test]
fn the_oldest_notice_is_known_although_it_was_let_go() {
    let (mut outbox, mut log) = held_up(small(1_000_000));
    for offset in 1..100 {
        let second = SECOND * u32::try_from(offset).unwrap();
        log.offer(&mut outbox, offset, &offset.to_string(), Priority::Normal, at(0) + second);
    }
    let mut now = LATER;
    loop {
        match outbox.next(now) {
            Some(Next::Post(lane, id)) => match settle(&mut outbox, lane, id, Outcome::Delivered, now) {
                Settled::Delivered(Post::One(notice)) => {
                    let second = SECOND * u32::try_from(*notice.offsets.start()).unwrap();
                    assert_eq!(notice.offered, at(0) + second);
                    let oldest = outbox.status(now)[0].oldest;
                    assert!(oldest.is_none_or(|oldest| oldest > notice.offered), "{oldest:?} {notice:?}");
                }
                other => panic!("{other:?}"),
            },
            Some(Next::Reread(order)) => _ = log.serve(&mut outbox, &order, now),
            None if outbox.is_empty() => break,
            None => now = outbox.wake_at().unwrap().max(now + Duration::from_millis(1)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_removed_destinations_rest_is_counted() {
    let (mut outbox, mut log) = held_up(small(100));
    for offset in 1..100 {
        log.offer(&mut outbox, offset, &offset.to_string(), Priority::Normal, at(1));
    }
    outbox.remove_lane(0);
    let (mut one, mut counted, mut all) = (0, 0, Vec::new());
    while let Some((left, owed)) = outbox.leftover() {
        match left {
            Leftover::One(_) => one += 1,
            Leftover::Counted(_, changes) => counted += changes,
        }
        all.push(owed);
    }
    assert_eq!((one, counted), (40, 60));
    all.iter().for_each(|owed| outbox.lettered(owed));
    commit(&mut outbox, at(100));
    assert_eq!(outbox.ledger().positions()[0].committed, 100);
    assert!(!outbox.has_lane(0));
}
