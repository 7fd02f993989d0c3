//! The schemas that records wait for: asked of the registry once each, patiently, beside the poller's thread.

use crate::change::{Lookup, SchemaId, Schemas};
use crate::registry::Registry;
use crate::server::Health;
use crate::telemetry::Metrics;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// See the module's text.
pub struct Wanted {
    registry: Registry,
    runtime: Handle,
    fetches: HashMap<SchemaId, JoinHandle<()>>,
    health: Arc<Health>,
    metrics: Metrics,
}

impl Wanted {
    /// Asks nothing yet. To be called within the runtime that is to do the asking.
    pub fn new(registry: Registry, health: Arc<Health>, metrics: Metrics) -> Self {
        metrics.registry_up.set(1);
        Self { registry, runtime: Handle::current(), fetches: HashMap::new(), health, metrics }
    }

    /// Whom it asks.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// Asks for a schema, if nobody does yet.
    pub fn fetch(&mut self, id: SchemaId) {
        if self.fetches.get(&id).is_some_and(|fetch| !fetch.is_finished()) {
            return;
        }
        let (registry, health, metrics) = (self.registry.clone(), Arc::clone(&self.health), self.metrics.clone());
        let fetch = async move {
            let failed = |error: &dyn std::fmt::Display| {
                health.set_registry(false);
                metrics.registry_up.set(0);
                tracing::error!(schema = %id, %error, "a schema cannot be fetched, trying again; partitions that need it wait; hint: is schema_registry.url right, and may this user read it?");
            };
            registry.fetch_patiently(id, |error| failed(error)).await;
            // Another schema's request may have failed meanwhile.
            let answers = registry.trouble().is_none();
            health.set_registry(answers);
            metrics.registry_up.set(i64::from(answers));
        };
        self.fetches.insert(id, self.runtime.spawn(fetch));
    }

    /// Was the registry's word about this schema heard?
    pub fn is_here(&mut self, id: SchemaId) -> bool {
        if self.fetches.get(&id).is_some_and(|fetch| !fetch.is_finished()) {
            return false;
        }
        self.fetches.remove(&id);
        true
    }
}

impl Schemas for Wanted {
    fn schema(&self, id: &SchemaId) -> Lookup {
        self.registry.schema(id)
    }
}
