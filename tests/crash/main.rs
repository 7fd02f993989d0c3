//! The release binary on the real Kafka: killed, stopped and woken, with Kafka killed under it and its group in turmoil,
//! while receivers fail, limit, or accept and hang up.
//!
//! `make e2e-crash` brings Kafka up and runs this. Changes of 100 rows come at 100 a second. Every change must be posted,
//! the first posts of a row's changes in their order; posted twice may be what was accepted without an answer, and three
//! posts for each kill. `ROWBELL_SEED=n` repeats the choices of a run.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod burst;
mod digests;
mod feed;
mod group;
mod hunt;
mod kills;
mod receiver;
mod service;
mod slow;
mod stopped;
mod verdict;

use std::time::Duration;

/// Posts of a lane that a kill may have made twice: two accepted and not committed, one on the wire.
const REPEATS_OF_A_KILL: usize = 3;

/// How long anything may take before a test gives up; a rebalance takes seconds, and others may load the machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// The test's choices, by a seed that it says.
fn random(name: &str) -> fastrand::Rng {
    let seed = std::env::var("ROWBELL_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("{name}: ROWBELL_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
