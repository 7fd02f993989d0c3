//! Kafka: the poller thread, rebalances, dead letters, the embedded broker of the demo.
