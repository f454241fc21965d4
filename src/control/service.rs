//! The answer function as the listeners call it: with the newest snapshot, a scratch of its own, and counted.

use super::counters::{CatalogCounters, Counting, Registry, WorkerCounters};
use crate::answer::{self, Client, Ends, Scratch};
use crate::net::{Service, Worker};
use crate::snapshot::Snapshot;
use crate::tap::{self, Exchange, Spout, Tap};
use arc_swap::{ArcSwap, Cache};
use std::sync::Arc;

/// What all listeners share.
#[derive(Clone)]
pub struct Answering {
    published: Arc<ArcSwap<Snapshot>>,
    registry: Arc<Registry>,
    tap: Option<Tap>,
}

impl Answering {
    /// Answers from whatever is published, and counts it.
    pub fn new(published: Arc<ArcSwap<Snapshot>>, registry: Arc<Registry>) -> Self {
        Self { published, registry, tap: None }
    }

    /// The same, told of to a tap.
    pub fn tapped(self, tap: Option<Tap>) -> Self {
        Self { tap, ..self }
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
            spout: self.tap.as_ref().map(Tap::spout),
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
    spout: Option<Spout>,
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

    fn respond(&mut self, query: &[u8], client: &Client, ends: &Ends, out: &mut [u8]) -> usize {
        // Without a tap this branch is all that there is of it.
        let sampled = self.spout.as_ref().is_some_and(|spout| spout.is_sampled(client.random));
        if sampled {
            return self.respond_tapped(query, client, ends, out);
        }
        self.answer(query, client, out)
    }
}

impl AnsweringWorker {
    #[inline]
    fn answer(&mut self, query: &[u8], client: &Client, out: &mut [u8]) -> usize {
        let mut counting = Counting::new(&self.counters, &self.block);
        let scratch = &mut self.scratch;
        let outcome =
            answer::answer_recorded(&self.snapshot, scratch, query, client, out, &mut counting);
        counting.end(client.transport, &outcome);
        outcome.bytes
    }

    #[inline(never)]
    fn respond_tapped(
        &mut self,
        query: &[u8],
        client: &Client,
        ends: &Ends,
        out: &mut [u8],
    ) -> usize {
        let asked_ns = tap::now_ns();
        let bytes = self.answer(query, client, out);
        if let Some(spout) = &mut self.spout {
            let exchange = Exchange {
                query,
                response: &out[..bytes],
                transport: client.transport,
                ends,
                asked_ns,
                answered_ns: tap::now_ns(),
            };
            spout.take(&self.snapshot, &exchange);
        }
        bytes
    }
}

impl Drop for AnsweringWorker {
    fn drop(&mut self) {
        self.block.close();
        self.registry.retire(&self.counters);
    }
}
