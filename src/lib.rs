//! Rowbell rings when a row changes: Debezium change events in, Slack and Microsoft Teams messages out.
//!
//! The rooms, from the shell to the core; dependencies point down this list:
//!
//! - [`cli`]: one file per command
//! - [`app`]: assembles the service; its `mod.rs` reads like the flow diagram of ARCHITECTURE.md
//! - [`kafka`], [`registry`], [`destination`], [`server`], [`telemetry`]: the shell, all I/O
//! - [`config`]: the file, checked, with line and column in every error
//! - [`ledger`], [`outbox`], [`message`], [`rule`], [`change`]: the pure core; values and the time come in as arguments

#![forbid(unsafe_code)]

pub mod app;
pub mod change;
pub mod cli;
pub mod config;
pub mod destination;
mod http;
pub mod kafka;
pub mod ledger;
pub mod message;
pub mod outbox;
pub mod registry;
pub mod rule;
pub mod server;
pub mod telemetry;
