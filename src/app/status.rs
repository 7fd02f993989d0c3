//! What the service is doing, for whoever shows it.

use serde_json::{Value as Json, json};

/// All lanes and partitions at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// One per destination, in the config's order.
    pub lanes: Vec<Lane>,
    /// Those assigned to this replica.
    pub partitions: Vec<PartitionState>,
    /// Memory held by what is pending, in bytes.
    pub pending_bytes: u64,
    /// Nothing is read until that is less.
    pub intake_paused: bool,
}

/// One destination's lane.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lane {
    /// The destination's name.
    pub destination: String,
    /// slack, teams, webhook
    pub kind: &'static str,
    /// Pending notices: critical, normal, low.
    pub pending: [usize; 3],
    /// Posts on the wire.
    pub in_flight: usize,
    /// Why nothing is posted now, and until when (Unix milliseconds).
    pub waiting: Option<(&'static str, i64)>,
    /// Posts accepted since the start.
    pub delivered: u64,
    /// Posts that must be made again, since the start.
    pub retried: u64,
    /// Age of the oldest pending notice, in milliseconds.
    pub oldest_ms: Option<u64>,
    /// False after it refused everything, or failed several times in a row.
    pub up: bool,
    /// Who holds it: `command`, `config`.
    pub paused: Option<&'static str>,
    /// No longer in the config: what is left goes to the dead letters.
    pub removed: bool,
    /// What the last post that was not accepted came to, until one is accepted, and when (Unix milliseconds).
    pub trouble: Option<(String, i64)>,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// Topic name.
    pub topic: String,
    /// Partition number.
    pub partition: i32,
    /// Next offset to be judged.
    pub position: i64,
    /// Committed offset.
    pub committed: i64,
    /// The log's end, where it is known.
    pub end: Option<i64>,
    /// Destinations that the commit waits for; the dead letters are one of them.
    pub held_by: Vec<String>,
}

impl Status {
    /// As it is told over HTTP; times in RFC 3339, lengths of time in milliseconds.
    pub fn json(&self) -> Json {
        json!({
            "lanes": self.lanes.iter().map(Lane::json).collect::<Vec<_>>(),
            "partitions": self.partitions.iter().map(PartitionState::json).collect::<Vec<_>>(),
            "pending_bytes": self.pending_bytes,
            "intake_paused": self.intake_paused,
        })
    }
}

impl Lane {
    fn json(&self) -> Json {
        let [critical, normal, low] = self.pending;
        let waiting = self.waiting.map(|(reason, until)| json!({"reason": reason, "until": time(until)}));
        let trouble = self.trouble.as_ref().map(|(what, at)| json!({"message": what, "time": time(*at)}));
        json!({
            "destination": self.destination,
            "type": self.kind,
            "up": self.up,
            "paused": self.paused,
            "removed": self.removed,
            "pending": {"critical": critical, "normal": normal, "low": low},
            "oldest_ms": self.oldest_ms,
            "in_flight": self.in_flight,
            "waiting": waiting,
            "trouble": trouble,
            "delivered": self.delivered,
            "retried": self.retried,
        })
    }
}

impl PartitionState {
    fn json(&self) -> Json {
        json!({
            "topic": self.topic,
            "partition": self.partition,
            "committed": self.committed,
            "position": self.position,
            "end": self.end,
            "held_by": self.held_by,
        })
    }
}

fn time(ms: i64) -> Option<String> {
    jiff::Timestamp::from_millisecond(ms).ok().map(|time| time.to_string())
}
