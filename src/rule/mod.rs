//! Rules: which changes matter to whom.
