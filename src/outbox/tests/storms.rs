//! More than a lane may post singly: when digests begin and end.

use super::*;

/// What was posted until everything was: when, and how many changes each post stands for.
fn drain(outbox: &mut TestBox, mut now: Duration) -> Vec<(Duration, u64)> {
    let mut posts = Vec::new();
    while !outbox.is_empty() {
        let Some((lane, id)) = next(outbox, now) else {
            now = outbox.wake_at().expect("a time").max(now + Duration::from_millis(1));
            continue;
        };
        let changes = match outbox.post(lane, id).unwrap() {
            Post::One(notice) => notice.changes,
            Post::Many(digest) => {
                let shown: u64 = digest.lines().map(|line| line.changes).sum();
                let counted: u64 = digest.tallies().map(|tally| tally.changes + tally.undone).sum();
                assert_eq!(shown + counted, digest.changes(), "what is shown and counted is all");
                assert!(digest.lines().count() <= LINES_MAX);
                digest.changes()
            }
        };
        posts.push((now, changes));
        settle(outbox, lane, id, Outcome::Delivered, now);
    }
    posts
}

#[test]
fn ten_thousand_changes_at_once_are_a_few_posts_and_the_urgent_one_waits_for_none() {
    let mut outbox = with_lanes([people(1)]);
    for offset in 0..10_000 {
        let priority = if offset == 9_999 { Priority::Critical } else { Priority::Normal };
        outbox.offer(0, change(offset, &format!("row {offset}"), priority, 0, offset), at(0));
    }
    outbox.read(&owner(0), 10_000);
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    assert_eq!(*one(outbox.post(lane, id)).offsets.start(), 9_999, "first of all");
    settle(&mut outbox, lane, id, Outcome::Delivered, at(0));
    let posts = drain(&mut outbox, at(0));
    assert!(posts.len() < 30, "{posts:?}");
    assert_eq!(posts.iter().map(|(_, changes)| changes).sum::<u64>() + 1, 10_000);
    assert!(posts.last().unwrap().0 < at(60_000), "{posts:?}");
    assert_eq!(outbox.ledger().positions()[0].committed, 10_000);
}

#[test]
fn a_steady_flood_is_a_digest_now_and_then_and_ends_in_single_posts() {
    let mut outbox = with_lanes([people(1)]);
    let mut digests = Vec::new();
    let mut singles = 0;
    // Three a second for five minutes, then one every five seconds.
    for ms in (0..600_000_u64).step_by(100) {
        let due = if ms < 300_000 { ms % 300 == 0 } else { ms % 5_000 == 0 };
        if due {
            let offset = i64::try_from(ms).unwrap();
            let notice = change(offset, &ms.to_string(), Priority::Normal, 0, 1);
            outbox.offer(0, Notice { offered: at(ms), ..notice }, at(ms));
        }
        if let Some((lane, id)) = next(&mut outbox, at(ms)) {
            match outbox.post(lane, id).unwrap() {
                Post::Many(_) => digests.push(ms),
                Post::One(_) if ms > 350_000 => singles += 1,
                Post::One(_) => {}
            }
            settle(&mut outbox, lane, id, Outcome::Delivered, at(ms));
        }
    }
    assert!((8..=12).contains(&digests.len()), "{digests:?}");
    let gaps: Vec<_> = digests.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[..gaps.len() - 1].iter().all(|gap| *gap >= 30_000), "{gaps:?}");
    assert!(*digests.last().unwrap() < 340_000, "{digests:?}");
    assert!((45..=50).contains(&singles), "{singles} singly, once it was calm");
}

#[test]
fn a_few_rows_that_change_all_the_time_are_digests_too() {
    for in_flight in [1, 3] {
        let mut outbox = with_lanes([LaneSettings { fold: false, in_flight, ..people(1) }]);
        let (mut posts, mut told) = (0, 0);
        let mut wire = Vec::new();
        // Ten a second of five rows for two minutes; an answer takes half a second, and every third post fails.
        for offset in 0..1_200 {
            let now = at(offset as u64 * 100);
            wire.retain(|(lane, id, due)| {
                let changes = match outbox.post(*lane, *id) {
                    Some(Post::Many(digest)) => digest.changes(),
                    _ => 1,
                };
                let answered = now >= *due;
                if answered {
                    posts += 1;
                    let failed = posts % 3 == 0;
                    told += if failed { 0 } else { changes };
                    let outcome = if failed { Outcome::Retry { after: None } } else { Outcome::Delivered };
                    settle(&mut outbox, *lane, *id, outcome, now);
                }
                !answered
            });
            outbox.offer(0, change(offset, &(offset % 5).to_string(), Priority::Normal, 0, offset), now);
            outbox.read(&owner(0), offset + 1);
            while let Some((lane, id)) = next(&mut outbox, now) {
                wire.push((lane, id, now + Duration::from_millis(500)));
            }
        }
        let pending: usize = outbox.status(at(120_000))[0].pending.iter().sum();
        assert_eq!(told as usize + pending, 1_200);
        // What a digest collects until the next one is due, and what came while one was tried again.
        assert!(pending <= 2 * 300, "{pending} wait, {posts} posts were made");
    }
}

#[test]
fn ten_thousand_changes_of_a_few_rows_are_a_few_posts_without_folding_too() {
    let mut outbox = with_lanes([LaneSettings { fold: false, ..people(1) }]);
    let write = |outbox: &mut TestBox, offset: i64| {
        outbox.offer(0, change(offset, &(offset % 7).to_string(), Priority::Normal, 0, offset), at(0));
    };
    // One of them is on the wire before the rest comes.
    write(&mut outbox, 0);
    let (lane, first) = next(&mut outbox, at(0)).unwrap();
    (1..10_000).for_each(|offset| write(&mut outbox, offset));
    outbox.read(&owner(0), 10_000);
    settle(&mut outbox, lane, first, Outcome::Delivered, at(0));
    let posts = drain(&mut outbox, at(0));
    assert_eq!(posts.iter().map(|(_, changes)| changes).sum::<u64>() + 1, 10_000);
    assert!(posts.len() < 30 && posts.last().unwrap().0 < at(60_000), "{posts:?}");
}

#[test]
fn more_urgent_changes_than_anybody_can_read_are_a_digest_of_their_own() {
    let mut outbox = with_lanes([people(1)]);
    for offset in 0..500 {
        let priority = if offset % 2 == 0 { Priority::Critical } else { Priority::Normal };
        outbox.offer(0, change(offset, &offset.to_string(), priority, 0, offset), at(0));
    }
    let (lane, first) = next(&mut outbox, at(0)).unwrap();
    let digest = many(outbox.post(lane, first));
    assert_eq!(digest.changes(), 250);
    assert!(digest.lines().all(|line| line.priority == Priority::Critical));
    settle(&mut outbox, lane, first, Outcome::Delivered, at(0));
    let posts = drain(&mut outbox, at(0));
    assert_eq!(posts.iter().map(|(_, changes)| *changes).collect::<Vec<_>>(), [250]);
}

#[test]
fn memory_is_bounded_however_long_a_destination_is_down() {
    let mut outbox = with_lanes([people(1)]);
    let (mut now, mut offset) = (at(0), 0);
    for _ in 0..200 {
        for _ in 0..1_000 {
            let row = (offset % 5_000).to_string();
            outbox.offer(0, change(offset, &row, Priority::Normal, 0, offset), now);
            offset += 1;
        }
        outbox.read(&owner(0), offset);
        now += SECOND * 10;
        while let Some((lane, id)) = next(&mut outbox, now) {
            settle(&mut outbox, lane, id, Outcome::Retry { after: None }, now);
        }
    }
    let held = outbox.lanes.iter().map(|lane| format!("{lane:?}").len()).sum::<usize>();
    assert!(held < 200_000, "{held} bytes of text tell all that is held");
    assert!(waiting(&outbox) > 190_000, "and all of it is owed, but for what folded: {}", waiting(&outbox));
}
