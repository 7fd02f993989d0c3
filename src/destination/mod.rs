//! Posting: one HTTP request per post, and what the answer means.
