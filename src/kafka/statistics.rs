//! librdkafka's statistics: only the log ends are wanted, and the JSON is not always well formed.

use crate::ledger::Partition;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    topics: HashMap<String, Topic>,
}

#[derive(Deserialize)]
struct Topic {
    #[serde(default)]
    partitions: HashMap<String, PartitionStatistics>,
}

#[derive(Deserialize)]
struct PartitionStatistics {
    partition: i32,
    /// Next offset after the last stable record; -1001 when not known.
    #[serde(default = "unknown")]
    ls_offset: i64,
    #[serde(default = "unknown")]
    hi_offset: i64,
}

fn unknown() -> i64 {
    -1001
}

/// Log ends of the partitions that are fetched. Nothing where the text cannot be read: the next one comes in a second.
pub(super) fn log_ends(json: &[u8]) -> Vec<(Partition, i64)> {
    let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else {
        return Vec::new();
    };
    let mut ends = Vec::new();
    for (topic, found) in statistics.topics {
        for partition in found.partitions.into_values() {
            let end = partition.hi_offset.max(partition.ls_offset);
            // Partition -1 is librdkafka's own, for records without one.
            if partition.partition >= 0 && end >= 0 {
                ends.push((Partition { topic: topic.as_str().into(), number: partition.partition }, end));
            }
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_log_ends_and_survives_nonsense() {
        let json =
            br#"{"name":"x","topics":{"t":{"topic":"t","partitions":{"0":{"partition":0,"hi_offset":42,"ls_offset":40},
            "1":{"partition":1,"hi_offset":-1001},"-1":{"partition":-1,"hi_offset":7}}}}}"#;
        assert_eq!(log_ends(json), [(Partition { topic: "t".into(), number: 0 }, 42)]);
        assert_eq!(log_ends(b"{\"topics\": {\"t\""), []);
        assert_eq!(log_ends(b"{}"), []);
    }
}
