//! The answer function as the listeners call it: with the newest snapshot, a scratch of its own, and counted.

use super::counters::{CatalogCounters, Counting, Registry, WorkerCounters};
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
        let snapshot = self.published.load_full();
        AnsweringWorker {
            newest: Cache::new(self.published.clone()),
            block: self.registry.block(snapshot.catalog()),
            snapshot,
            scratch: Scratch::default(),
            counters: self.registry.enlist(),
            registry: self.registry.clone(),
        }
    }
}

/// What one thread answers with.
pub struct AnsweringWorker {
    newest: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    /// What this batch is answered from.
    snapshot: Arc<Snapshot>,
    /// Of the catalog of `snapshot`.
    block: Arc<CatalogCounters>,
    scratch: Scratch,
    counters: Arc<WorkerCounters>,
    registry: Arc<Registry>,
}

impl Worker for AnsweringWorker {
    fn begin_batch(&mut self) {
        let newest = self.newest.load();
        if Arc::ptr_eq(newest, &self.snapshot) {
            return;
        }
        self.snapshot = newest.clone();
        if !self.block.is_of(self.snapshot.catalog()) {
            let block = self.registry.block(self.snapshot.catalog());
            std::mem::replace(&mut self.block, block).close();
        }
    }

    fn respond(&mut self, query: &[u8], client: &Client, out: &mut [u8]) -> usize {
        let mut counting = Counting::new(&self.counters, &self.block);
        let scratch = &mut self.scratch;
        let outcome =
            answer::answer_recorded(&self.snapshot, scratch, query, client, out, &mut counting);
        counting.end(client.transport, &outcome);
        outcome.bytes
    }
}

impl Drop for AnsweringWorker {
    fn drop(&mut self) {
        self.block.close();
        self.registry.retire(&self.counters);
    }
}
