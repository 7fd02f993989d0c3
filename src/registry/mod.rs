//! Schemas from a registry: Confluent's API, Apicurio's own and its imitation of Confluent's.
//!
//! A schema never changes under its id, so one that was fetched is kept for ever. An id that the registry does
//! not know is asked for again after a while only. A registry that does not answer is neither: records wait.

mod client;

pub use client::{Credentials, RegistryError, RegistrySettings};

use crate::change::{Lookup, Schema, SchemaId, Schemas};
use client::{Answered, Client};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// How long an id counts as unknown before it is asked for again: a registry's replicas may lag.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);
/// A failure answers whoever else asks within so long: a hundred waiting partitions make one request.
const FAILURE_FOR: Duration = Duration::from_millis(200);
/// First pause between attempts, and the longest; each is drawn from nothing up to twice the one before.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// The schemas of a registry. Cheap to clone; every clone shares what was fetched.
#[derive(Debug, Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    known: RwLock<HashMap<SchemaId, Entry>>,
    flights: Mutex<HashMap<SchemaId, Arc<Flight>>>,
    trouble: Mutex<Option<String>>,
}

/// One request at a time per id; its failure is told to those who waited for it.
type Flight = tokio::sync::Mutex<Option<(Instant, RegistryError)>>;

#[derive(Debug, Clone)]
enum Entry {
    Found(Arc<Schema>),
    Unknown { reason: String, until: Instant },
}

impl Registry {
    /// Makes the client; asks nothing yet.
    pub fn new(settings: &RegistrySettings) -> Result<Self, RegistryError> {
        let client = Client::new(settings)?;
        let inner = Inner { client, known: RwLock::default(), flights: Mutex::default(), trouble: Mutex::default() };
        Ok(Registry { inner: Arc::new(inner) })
    }

    /// Fetches a schema, once however many ask. `Ok` when the id is known or known to be unknown, so that the
    /// record can be skimmed again; an error when the registry could not say.
    pub async fn fetch(&self, id: SchemaId) -> Result<(), RegistryError> {
        let flight = lock(&self.inner.flights).entry(id).or_default().clone();
        let mut failure = flight.lock().await;
        if !matches!(self.schema(&id), Lookup::Pending) {
            return Ok(());
        }
        if let Some((at, error)) = &*failure
            && at.elapsed() < FAILURE_FOR
        {
            return Err(error.clone());
        }
        let outcome = self.inner.client.schema(&id).await;
        let entry = match outcome {
            Ok(Answered::Schema(schema)) => Entry::Found(Arc::new(schema)),
            Ok(Answered::Unknown(reason)) => Entry::Unknown { reason, until: Instant::now() + UNKNOWN_FOR },
            Err(error) => {
                *failure = Some((Instant::now(), error.clone()));
                *lock(&self.inner.trouble) = Some(error.to_string());
                return Err(error);
            }
        };
        self.inner.known.write().unwrap_or_else(PoisonError::into_inner).insert(id, entry);
        *lock(&self.inner.trouble) = None;
        lock(&self.inner.flights).remove(&id);
        Ok(())
    }

    /// The latest schema of a subject, asked for anew each time; `None` where there is none.
    pub async fn latest(&self, subject: &str) -> Result<Option<Schema>, RegistryError> {
        self.inner.client.latest(subject).await
    }

    /// Fetches until the registry answers. `failed` hears of each attempt that it did not.
    pub async fn fetch_patiently(&self, id: SchemaId, mut failed: impl FnMut(&RegistryError)) {
        let mut pause = BACKOFF.0;
        while let Err(error) = self.fetch(id).await {
            failed(&error);
            tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
            pause = (pause * 2).min(BACKOFF.1);
        }
    }

    /// Why the last request failed, until one succeeds: what readiness looks at.
    pub fn trouble(&self) -> Option<String> {
        lock(&self.inner.trouble).clone()
    }
}

impl Schemas for Registry {
    fn schema(&self, id: &SchemaId) -> Lookup {
        match self.inner.known.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            Some(Entry::Found(schema)) => Lookup::Found(schema.clone()),
            Some(Entry::Unknown { reason, until }) if Instant::now() < *until => Lookup::Unknown(reason.clone().into()),
            Some(Entry::Unknown { .. }) | None => Lookup::Pending,
        }
    }
}

/// A thread that panicked left whole values behind: each is replaced in one step.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
