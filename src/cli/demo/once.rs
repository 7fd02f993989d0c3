//! `rowbell demo --once`: the captured changes' messages as text, as the receiver got them, and the end.

use super::feed::Feed;
use super::receiver::{Arrival, Receiver, Service};
use crate::app::Status;
use crate::kafka::Feeder;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Posts shown, at most: enough to get the idea.
const POSTS_MAX: usize = 12;

/// Close enough together to be over soon, far enough apart to keep their order in the lanes.
const BETWEEN: Duration = Duration::from_millis(20);

/// The whole must be over within 20 s of the binary's start.
const TIME_MAX: Duration = Duration::from_secs(17);

/// Writes the captured changes and prints what arrives, until everything was posted or enough was shown.
pub async fn show(
    feed: &Feed,
    feeder: &Feeder,
    receiver: &Arc<Receiver>,
    mut status: watch::Receiver<Status>,
) -> Result<(), String> {
    let mut arrivals = receiver.follow();
    feed.write(feeder, BETWEEN).await?;
    let counts = feed.counts();
    let deadline = tokio::time::Instant::now() + TIME_MAX;
    let mut shown = 0;
    loop {
        tokio::select! {
            biased;
            Some(arrival) = arrivals.next() => {
                if arrival.accepted() {
                    shown += 1;
                    print(shown, &arrival);
                }
                if shown == POSTS_MAX {
                    break;
                }
            }
            Ok(()) = status.changed() => {
                let status = status.borrow_and_update();
                let read = counts.iter().all(|((topic, partition), count)| {
                    status.partitions.iter().any(|p| p.topic == *topic && p.partition == *partition && p.position >= *count)
                });
                if read && pending(&status) == 0 {
                    break;
                }
            }
            () = tokio::time::sleep_until(deadline) => break,
        }
    }
    let left = pending(&status.borrow());
    match (shown, left) {
        (0, 0) => anstream::println!("No change in there is one that the demo's rules post."),
        (_, 0) => anstream::println!("{shown} posts: everything there was to post."),
        _ => anstream::println!("{shown} posts shown, {left} more pending: run `rowbell demo` to watch them all."),
    }
    Ok(())
}

fn pending(status: &Status) -> usize {
    status.lanes.iter().map(|lane| lane.pending.iter().sum::<usize>()).sum()
}

fn print(number: usize, arrival: &Arrival) {
    let service = match arrival.service {
        Service::Slack => "Slack",
        Service::Teams => "Teams",
    };
    anstream::println!("--- {number}. {service}, #{} {}", arrival.channel, "-".repeat(40));
    anstream::println!("{}", arrival.text.trim_end());
    anstream::println!();
}
