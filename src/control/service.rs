//! The answer function as the listeners call it: with the newest snapshot, a scratch of its own, and counted.

use super::counters::{Registry, WorkerCounters};
use crate::answer::{self, Client, Scratch};
use crate::net::{Service, Worker};
use crate::snapshot::Snapshot;
use arc_swap::{ArcSwap, Cache};
use std::sync::Arc;

/// What all listeners share.
#[derive(Clone)]
pub struct Answering {
    published: Arc<ArcSwap<Snapshot>>,
    registry: Arc<Registry>,
}

impl Answering {
    /// Answers from whatever is published, and counts it.
    pub fn new(published: Arc<ArcSwap<Snapshot>>, registry: Arc<Registry>) -> Self {
        Self { published, registry }
    }
}

impl Service for Answering {
    type Worker = AnsweringWorker;

    fn worker(&self) -> AnsweringWorker {
        AnsweringWorker {
            snapshot: Cache::new(self.published.clone()),
            scratch: Scratch::default(),
            counters: self.registry.enlist(),
            registry: self.registry.clone(),
        }
    }
}

/// What one thread answers with.
pub struct AnsweringWorker {
    snapshot: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    scratch: Scratch,
    counters: Arc<WorkerCounters>,
    registry: Arc<Registry>,
}

impl Worker for AnsweringWorker {
    fn begin_batch(&mut self) {
        self.snapshot.load();
    }

    fn respond(&mut self, query: &[u8], client: &Client, out: &mut [u8]) -> usize {
        let outcome = answer::answer(self.snapshot.load(), &mut self.scratch, query, client, out);
        self.counters.count(client.transport, &outcome);
        outcome.bytes
    }
}

impl Drop for AnsweringWorker {
    fn drop(&mut self) {
        self.registry.retire(&self.counters);
    }
}
