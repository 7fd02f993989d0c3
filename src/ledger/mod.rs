//! Watermarks per partition and destination, and what a commit may say.
