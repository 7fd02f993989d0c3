//! The delivery engine's core under everything that can go wrong, in virtual time, by seed.
//!
//! A model of Kafka (partitions, rebalances, losses, commits that fail or are late), of destinations (limits, failures,
//! blocks, refusals, lost answers), of two replicas that crash, and of a config that is read again. After every step the invariants of the design are
//! looked at: no commit passes what is not settled, nothing is lost, nothing is posted twice without a reason, a row's
//! order, `Retry-After`, the rate that replicas share, the urgent first.
//!
//! `ROWBELL_SEED=n cargo test --test simulation` runs and tells one seed; `ROWBELL_SEEDS=n` as many, `forever` until
//! stopped (`make simulate`).

mod change;
mod destination;
mod faults;
mod group;
mod kafka;
mod pace;
mod posts;
mod reload;
mod replica;
mod reread;
mod truth;
mod world;

use faults::{Bug, Counts};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;
use world::World;

/// Seeds of a run, unless `ROWBELL_SEEDS` says otherwise.
const SEEDS: u64 = if cfg!(debug_assertions) { 400 } else { 20_000 };

/// Seeds after which a planted bug must have been caught.
const SEEDS_TO_CATCH: u64 = 2_000;

/// Runs one seed.
fn run(seed: u64, bug: Option<Bug>, trace: bool) -> Result<Counts, String> {
    let mut world = World::new(seed, bug, trace);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
    match result {
        Ok(Ok(())) => Ok(world.counts),
        Ok(Err(why)) => Err(why),
        Err(panic) => Err(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".to_owned())),
    }
}

/// Runs seeds on all cores until one fails.
fn run_all(seeds: u64) -> (Counts, Option<(u64, String)>) {
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (total, failed) = (Mutex::new(Counts::default()), Mutex::new(None));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    match run(seed, None, false) {
                        Ok(counts) => total.lock().expect("no panic").add(&counts),
                        Err(why) => {
                            stop.store(true, Ordering::Relaxed);
                            failed.lock().expect("no panic").get_or_insert((seed, why));
                        }
                    }
                    if seed > 0 && seed % 100_000 == 0 {
                        println!("{seed} seeds: {}", total.lock().expect("no panic"));
                    }
                }
            });
        }
    });
    (total.into_inner().expect("no panic"), failed.into_inner().expect("no panic"))
}

#[test]
fn the_invariants_hold_whatever_goes_wrong() {
    if let Ok(seed) = std::env::var("ROWBELL_SEED") {
        let seed = seed.parse().expect("ROWBELL_SEED is a number");
        run(seed, None, true).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        return;
    }
    let seeds = match std::env::var("ROWBELL_SEEDS").as_deref() {
        Ok("forever") => u64::MAX,
        Ok(text) => text.parse().expect("ROWBELL_SEEDS is a number, or forever"),
        Err(_) => SEEDS,
    };
    let began = Instant::now();
    let (counts, failed) = run_all(seeds);
    if let Some((seed, why)) = failed {
        panic!(
            "seed {seed}: {why}\nagain: ROWBELL_SEED={seed} cargo test --test simulation -- --nocapture the_invariants"
        );
    }
    println!("{seeds} seeds in {:.1?}: {counts}", began.elapsed());
    // What was hardly ever met proves little.
    let least = seeds / 200;
    assert!(counts.below(least).is_empty(), "met less than {least} times: {:?}; {counts}", counts.below(least));
}

#[test]
fn planted_bugs_are_caught() {
    // What a bug trips over may be an assertion; its text would drown the rest.
    for bug in Bug::ALL {
        let caught = (0..SEEDS_TO_CATCH).find_map(|seed| Some((seed, run(seed, Some(bug), false).err()?)));
        let (seed, why) = caught.unwrap_or_else(|| panic!("{bug:?} was not caught by {SEEDS_TO_CATCH} seeds"));
        println!("{bug:?}: seed {seed}: {why}");
    }
}
