//! One file per command.

pub mod inspect;
pub mod records;
