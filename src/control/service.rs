//! The answer function as the listeners call it: with the newest snapshot, a scratch of its own, and counted.

use super::counters::{Registry, WorkerCounters};
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
        AnsweringWorker {
            snapshot: Cache::new(self.published.clone()),
            scratch: Scratch::default(),
            counters: self.registry.enlist(),
            registry: self.registry.clone(),
            spout: self.tap.as_ref().map(Tap::spout),
        }
    }
}

/// What one thread answers with.
pub struct AnsweringWorker {
    snapshot: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    scratch: Scratch,
    counters: Arc<WorkerCounters>,
    registry: Arc<Registry>,
    spout: Option<Spout>,
}

impl Worker for AnsweringWorker {
    fn begin_batch(&mut self) {
        self.snapshot.load();
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
        let outcome = answer::answer(self.snapshot.load(), &mut self.scratch, query, client, out);
        self.counters.count(client.transport, &outcome);
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
            spout.take(self.snapshot.load(), &exchange);
        }
        bytes
    }
}

impl Drop for AnsweringWorker {
    fn drop(&mut self) {
        self.registry.retire(&self.counters);
    }
}
