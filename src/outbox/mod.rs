//! Lanes: who posts next, when, and what became of it.
