use super::*;

fn row(number: u8) -> RowHash {
    [number; 16]
}

fn ts(seconds: u64) -> Ts {
    Ts(format!("{seconds}.000100").into())
}

fn about(number: u8, seconds: u64) -> About {
    About { row: row(number), root: ts(seconds) }
}

const NOW_S: i64 = 1_795_464_000;

#[test]
fn time_stamps_are_in_the_order_of_time_to_the_last_digit() {
    let at = |text: &str| Ts(text.into());
    assert!(at("1795464000.000002") < at("1795464000.000010"));
    assert!(at("999999999.000001") < at("1795464000.000001"));
    assert!(at("9007199254740993.000001") > at("9007199254740992.999999"), "a float would not tell them apart");
}

#[test]
fn the_history_is_read_once_and_then_only_what_others_may_have_added() {
    let began = Instant::now();
    let mut memory = Memory::new();
    let first = memory.unread(began, began, NOW_S).unwrap();
    assert_eq!(first, Gap { oldest: (NOW_S - LOOK_BACK_S).to_string(), latest: None });
    memory.read(&[about(1, 90), about(2, 80)], Some(ts(95)), Some(ts(80)), true);
    // The rest of it, below what was read.
    assert_eq!(memory.unread(began, began, NOW_S).unwrap().latest, Some(ts(80)));
    memory.read(&[about(3, 70), about(1, 60)], Some(ts(79)), Some(ts(60)), false);
    assert_eq!(memory.unread(began, began, NOW_S), None, "all is read");
    assert_eq!(memory.root(&row(1)), Some(ts(90)), "the latest message of a row counts");
    assert_eq!(memory.root(&row(3)), Some(ts(70)));
    assert_eq!(memory.root(&row(4)), None);

    // Partitions come from another replica: what it posted is above what we read.
    let later = began + Duration::from_secs(60);
    assert_eq!(memory.unread(later, later, NOW_S).unwrap(), Gap { oldest: ts(95).0.to_string(), latest: None });
    memory.read(&[about(4, 120)], Some(ts(120)), Some(ts(120)), false);
    assert_eq!(memory.root(&row(4)), Some(ts(120)));
    assert_eq!(memory.unread(later, later, NOW_S), None);
}

#[test]
fn what_came_meanwhile_is_read_before_the_rest_of_what_is_old() {
    let began = Instant::now();
    let mut memory = Memory::new();
    memory.unread(began, began, NOW_S).unwrap();
    memory.read(&[], Some(ts(95)), Some(ts(80)), true);
    let later = began + Duration::from_secs(1);
    assert_eq!(memory.unread(later, later, NOW_S).unwrap().oldest, *ts(95).0);
    memory.read(&[], None, None, false);
    assert_eq!(memory.unread(later, later, NOW_S).unwrap().latest, Some(ts(80)));
}

#[test]
fn a_channel_that_is_too_busy_is_not_read_to_its_end() {
    let began = Instant::now();
    let mut memory = Memory::new();
    let mut pages = 0;
    while memory.unread(began, began, NOW_S).is_some() {
        pages += 1;
        memory.read(&[], Some(ts(1_000 - pages)), Some(ts(999 - pages)), true);
    }
    assert_eq!(pages, u64::from(PAGES_MAX));
}

#[test]
fn what_we_posted_since_counts_more_than_the_history() {
    let began = Instant::now();
    let mut memory = Memory::new();
    memory.made(row(1), ts(100));
    memory.unread(began, began, NOW_S).unwrap();
    memory.read(&[about(1, 50)], Some(ts(50)), Some(ts(50)), false);
    assert_eq!(memory.root(&row(1)), Some(ts(100)));
    memory.lost(&row(1), &ts(50));
    assert_eq!(memory.root(&row(1)), Some(ts(100)), "it is another message that was lost");
    memory.lost(&row(1), &ts(100));
    assert_eq!(memory.root(&row(1)), None);
}

#[test]
fn slacks_waits_are_kept_and_a_failure_is_only_a_pause() {
    let now = Instant::now();
    let mut memory = Memory::new();
    memory.held(now, Duration::from_secs(30));
    assert_eq!(memory.wait(now), Some(Duration::from_secs(30)));
    assert_eq!(memory.unread(now, now, NOW_S), None);
    let later = now + Duration::from_secs(30);
    assert_eq!(memory.wait(later), None);
    memory.paused(later, Duration::from_secs(30));
    assert_eq!(memory.unread(later, later, NOW_S), None);
    assert_eq!(memory.wait(later), None, "a post that may appear twice is looked for all the same");
    let last = later + Duration::from_secs(30);
    assert!(memory.unread(last, last, NOW_S).is_some());
}

#[test]
fn rows_and_doubts_are_bounded_and_the_oldest_go_first() {
    let mut memory = Memory::new();
    let hash = |number: u32| -> RowHash { u128::from(number).to_be_bytes() };
    for number in 0..=ROWS_MAX as u32 {
        memory.made(hash(number), ts(u64::from(number)));
        memory.root(&hash(0));
    }
    assert!(memory.root(&hash(0)).is_some(), "it was used all the time");
    assert!(memory.root(&hash(1)).is_none());
    assert_eq!(memory.rows.len(), ROWS_MAX);
    for number in 0..2 * DOUBTS_MAX {
        memory.doubted(&number.to_string(), NOW_S, None);
    }
    assert_eq!(memory.doubts.len(), DOUBTS_MAX);
}

#[test]
fn a_doubt_reaches_back_to_the_first_attempt() {
    let mut memory = Memory::new();
    memory.doubted("a", 100, None);
    memory.doubted("a", 200, Some(ts(9)));
    assert_eq!(memory.doubt("a"), Some(Doubt { sent_s: 100, thread: Some(ts(9)) }));
    memory.settled("a");
    assert_eq!(memory.doubt("a"), None);
}
