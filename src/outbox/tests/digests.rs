//! Folding, digests, and what gates a post.

use super::*;

const AFTER: Duration = Duration::from_secs(30);

fn people(per_second: u32) -> LaneSettings {
    LaneSettings { fold: true, digest: Some(AFTER), simplify: true, ..settings(per_second, 1, 1) }
}

fn change(offset: i64, row: &str, priority: Priority, from: i64, to: i64) -> Notice<Step> {
    let content = Step { from, to, weight: 0 };
    Notice::new(owner(0), offset, RowKey(row.as_bytes().into()), priority, content, at(0))
}

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
fn a_digest_shows_what_is_worth_most_and_counts_the_rest() {
    let mut outbox = with_lanes([people(1)]);
    for offset in 0..1_000 {
        let priority = if offset == 3 { Priority::Normal } else { Priority::Low };
        let content = Step { from: 0, to: 1, weight: if offset % 100 == 0 { 9 } else { 1 } };
        let notice = Notice { content, ..change(offset, &offset.to_string(), priority, 0, 1) };
        outbox.offer(0, notice, at(0));
    }
    let (lane, id) = next(&mut outbox, at(0)).unwrap();
    let shown: Vec<_> = many(outbox.post(lane, id)).lines().map(|line| *line.offsets.start()).collect();
    assert_eq!(shown[..11], [3, 0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    assert_eq!(shown.len(), LINES_MAX);
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

#[test]
fn a_lane_with_two_accepted_posts_waits_for_their_commit() {
    let mut outbox = outbox(1000, 1000, 4);
    for offset in 0..10 {
        outbox.offer(0, notice(offset, &offset.to_string(), Priority::Normal), at(0));
    }
    outbox.read(&owner(0), 10);
    for _ in 0..2 {
        let (lane, id) = next(&mut outbox, at(0)).unwrap();
        outbox.settle(lane, id, Outcome::Delivered, at(0));
    }
    assert_eq!(next(&mut outbox, at(60_000)), None, "while no commit says so");
    assert_eq!(outbox.status(at(0))[0].waiting.map(|(reason, _)| reason), Some(WaitReason::Commit));
    assert_eq!(outbox.commits(at(0)).len(), 1);
    outbox.committed(&[]);
    assert_eq!(next(&mut outbox, at(60_000)), None, "nor while commits fail");
    assert_eq!(outbox.commits(at(60_000)).len(), 1);
    outbox.committed(&[(owner(0).partition, 2)]);
    assert!(next(&mut outbox, at(60_000)).is_some());
}

#[test]
fn what_a_crash_may_repeat_is_three_posts_or_as_many_as_may_be_on_the_wire() {
    for (in_flight, most) in [(1, 1), (2, 2), (3, 2), (4, 3), (8, 7)] {
        let mut outbox = outbox(1000, 1000, in_flight);
        for offset in 0..20 {
            outbox.offer(0, notice(offset, &offset.to_string(), Priority::Normal), at(0));
        }
        outbox.read(&owner(0), 20);
        let (lane, id) = next(&mut outbox, at(0)).unwrap();
        outbox.settle(lane, id, Outcome::Delivered, at(0));
        let beside = std::iter::from_fn(|| next(&mut outbox, at(0))).count();
        assert_eq!(beside, most, "beside an accepted one that is not committed, of {in_flight}");
        assert!(!outbox.is_empty() && outbox.wake_at().is_some());
        commit(&mut outbox, at(0));
        assert_eq!(std::iter::from_fn(|| next(&mut outbox, at(0))).count(), in_flight - most);
    }
}

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

#[test]
fn what_the_metadata_says_was_posted_is_not_offered_again() {
    let lanes = || [settings(100, 100, 4), LaneSettings { name: "down".into(), ..settings(100, 1, 1) }];
    let mut first = with_lanes(lanes());
    for offset in 0..3 {
        first.offer(0, notice(offset, &offset.to_string(), Priority::Normal), at(0));
        first.offer(1, notice(offset, &offset.to_string(), Priority::Normal), at(0));
    }
    first.read(&owner(0), 3);
    let mut said = None;
    while let Some((lane, id)) = next(&mut first, at(0)) {
        let outcome = if lane == 0 { Outcome::Delivered } else { Outcome::Blocked };
        first.settle(lane, id, outcome, at(0));
        said = first.commit_of(&owner(0)).or(said);
        commit(&mut first, at(0));
    }
    let said = said.unwrap();
    assert_eq!(said.offset, 0, "the lane that is down holds it");
    let mut second = with_lanes(lanes());
    let owner = Owner { epoch: 2, ..owner(0) };
    second.assign(&owner, said.offset, Some(&said.metadata)).unwrap();
    for offset in 0..3 {
        let again = || Notice { owner: owner.clone(), ..notice(offset, "x", Priority::Normal) };
        assert!(!second.offer(0, again(), at(0)), "{offset} was posted");
        assert!(second.offer(1, again(), at(0)), "{offset} is owed");
    }
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
