//! Killed while changes of a row are folded and storms are digested: what the posts show and count must add up.

use crate::feed::{Feed, PACE, Topic};
use crate::receiver::{Faults, Post, Receiver};
use crate::service::{Kind, Setup};
use crate::{PATIENCE, REPEATS_OF_A_KILL, random};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

const CHANGES: usize = 2_000;
const KILLS: usize = 4;

/// So few that a webhook's digest shows each of them.
const ROWS: usize = 8;

#[test]
fn what_folded_posts_and_digests_show_and_count_adds_up_whatever_is_killed() {
    let topics = [Topic::create("folded", 4)];
    let receivers = [Receiver::start(Faults::SOME), Receiver::start(Faults::SOME), Receiver::start(Faults::SOME)];
    let [folds, digests, ops] = receivers.clone();
    let setup = Setup {
        is_static: true,
        destinations: vec![
            ("folds", Kind::Webhook, "rate: 20/s, fold: on, digest: off, in_flight: 1".to_owned(), folds),
            ("digests", Kind::Webhook, "rate: 3/s, fold: on, digest: { after: 1s }, in_flight: 1".to_owned(), digests),
            ("ops", Kind::Slack, "rate: 5/s, fold: off, digest: { after: 2s }".to_owned(), ops),
        ],
        ..Setup::new("folded", &topics, &receivers[0])
    };
    let mut random = random(&setup.name);
    let mut service = setup.start("a");
    let feed = Feed::of_rows(&topics, ROWS, CHANGES, PACE);
    // By receiver, posts that a kill may have repeated.
    let mut exposed: [Vec<usize>; 3] = Default::default();
    for kill in 0..KILLS {
        let accepted = receivers.each_ref().map(Receiver::accepted);
        for (receiver, before) in receivers.iter().zip(accepted) {
            receiver.wait(PATIENCE, |posts| posts.len() > before);
        }
        std::thread::sleep(Duration::from_millis(random.u64(500..3_000)));
        let aimed = &receivers[kill % receivers.len()];
        if kill % 2 == 0 {
            aimed.hold(PATIENCE);
        }
        service.kill();
        aimed.let_go();
        for (exposed, receiver) in exposed.iter_mut().zip(&receivers) {
            let posts = receiver.posts();
            let first = posts.len().saturating_sub(REPEATS_OF_A_KILL);
            exposed.extend(posts[first..].iter().map(|post| post.stands_for));
        }
        service = setup.start("a");
    }
    let changes = feed.finish();
    for (index, receiver) in receivers.iter().enumerate() {
        let name = setup.destinations[index].0;
        receiver.wait(PATIENCE, |posts| is_all_told(index, posts, changes));
        let posts = receiver.posts();
        let all: usize = posts.iter().map(|post| post.stands_for).sum();
        let dropped: usize = posts.iter().filter(|post| post.dropped).map(|post| post.stands_for).sum();
        let killed: usize = exposed[index].iter().sum();
        println!(
            "{}, {name}: {changes} changes, {KILLS} kills, {} posts that stand for {all}: {} more; in posts that were not \
             answered {dropped}, in the last {REPEATS_OF_A_KILL} before each kill {killed}",
            setup.name,
            posts.len(),
            all - changes,
        );
        assert!(all - changes <= dropped + killed);
    }
    for receiver in &receivers[..2] {
        follows_every_row(&receiver.posts(), changes);
    }
}

/// Where a row's changes can be followed, each; else as many as there are.
fn is_all_told(receiver: usize, posts: &[Post], changes: usize) -> bool {
    if receiver == 2 {
        return posts.iter().map(|post| post.stands_for).sum::<usize>() >= changes;
    }
    let mut last = HashMap::new();
    for (_, new, _) in posts.iter().flat_map(steps) {
        let known: &mut usize = last.entry(new % ROWS).or_default();
        *known = new.max(*known);
    }
    last.len() == ROWS && last.values().all(|last| last + ROWS >= changes)
}

/// The changes of a row: from the last before to the last of them, and how many they are said to be.
fn steps(post: &Post) -> Vec<(Option<usize>, usize, usize)> {
    let json: Value = serde_json::from_str(&post.body).unwrap();
    let step = |row: &Value, count: &Value| {
        let change = &row["changes"][0];
        let parse = |value: &Value| value.as_str()?.strip_prefix('c')?.strip_suffix(';')?.parse().ok();
        (parse(&change["old"]), parse(&change["new"]).unwrap(), count.as_u64().unwrap_or(1) as usize)
    };
    match json["rows"].as_array() {
        Some(rows) => {
            let steps: Vec<_> = rows.iter().map(|row| step(row, &row["count"])).collect();
            let counted: usize = steps.iter().map(|(.., count)| count).sum();
            assert_eq!(counted, post.stands_for, "a digest shows other than it counts: {}", post.body);
            steps
        }
        None => vec![step(&json, &json["folded"]["changes"])],
    }
}

/// Each row's posts go on where those before ended, or begin earlier: nothing is left out, nothing comes too early.
fn follows_every_row(posts: &[Post], changes: usize) {
    let mut last: HashMap<usize, usize> = HashMap::new();
    for post in posts {
        for (old, new, count) in steps(post) {
            let row = new % ROWS;
            let first = old.map_or(row, |old| old + ROWS);
            assert_eq!((new - first) / ROWS + 1, count, "it says how many changes it stands for: {}", post.body);
            let next = last.get(&row).map_or(row, |last| last + ROWS);
            assert!(first <= next, "changes {next} to {first} of a row are left out: {}", post.body);
            last.insert(row, new.max(next.saturating_sub(ROWS)));
        }
    }
    let ends: Vec<_> = (0..ROWS).map(|row| last[&row]).collect();
    assert!(ends.iter().all(|end| end + ROWS >= changes), "{ends:?}");
}
