//! What the service is doing, for whoever shows it.

/// All lanes and partitions at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// One per destination, in the config's order.
    pub lanes: Vec<Lane>,
    /// Those assigned to this replica.
    pub partitions: Vec<PartitionState>,
}

/// One destination's lane.
#[derive(Debug, Clone, PartialEq)]
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
    /// Destinations that the commit waits for.
    pub held_by: Vec<String>,
}
