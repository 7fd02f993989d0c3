//! The whole service in this process, on a broker in this process, against a receiver that answers as it is told.
//!
//! Each test is named after what a user would notice. A consumer group begins after three seconds on the mock cluster,
//! so tests wait rather than work, and run best many at once (`RUST_TEST_THREADS` in `.cargo/config.toml`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod checking;
mod command;
mod connectors;
mod delivery;
mod explaining;
mod health;
mod letters;
mod offsets;
mod outages;
mod outside;
mod pausing;
mod pressure;
mod reading;
mod refusals;
mod reloading;
mod repeats;
mod schemas;
mod spilling;
mod stopping;
mod threads;
mod unanswered;
