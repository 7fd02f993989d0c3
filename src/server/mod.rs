//! HTTP server: metrics and health.
