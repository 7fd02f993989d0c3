//! Every metric name and log field in one place.

mod logs;
mod metrics;

pub use logs::{LogFormat, init as init_logs};
pub use metrics::{KINDS, Metrics, TopicCounters};
