//! What has been answered, counted without sharing.
//!
//! Each worker counts in a block of its own, which only it writes; a reader sums the blocks. A worker that ends leaves
//! its sums to the registry, so no count is ever lost or goes down.

use crate::answer::{Outcome, Reason, Transport};
use crate::snapshot::Catalog;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Response codes that have a counter of their own; BADVERS is the highest that is sent.
const RCODES: usize = 17;
const TRANSPORTS: usize = Transport::ALL.len();
const REASONS: usize = Reason::ALL.len();

/// What one worker has answered. Written by that worker alone.
#[derive(Debug)]
pub struct WorkerCounters {
    reasons: [[AtomicU64; REASONS]; TRANSPORTS],
    rcodes: [[AtomicU64; RCODES]; TRANSPORTS],
    truncated: [AtomicU64; TRANSPORTS],
    subnets: AtomicU64,
}

impl Default for WorkerCounters {
    fn default() -> Self {
        let zero = |_| AtomicU64::new(0);
        Self {
            reasons: std::array::from_fn(|_| std::array::from_fn(zero)),
            rcodes: std::array::from_fn(|_| std::array::from_fn(zero)),
            truncated: std::array::from_fn(zero),
            subnets: AtomicU64::new(0),
        }
    }
}

impl WorkerCounters {
    /// Counts one message.
    pub fn count(&self, transport: Transport, outcome: &Outcome) {
        let lane = transport as usize;
        add(&self.reasons[lane][outcome.reason as usize], 1);
        if outcome.bytes > 0 {
            add(&self.rcodes[lane][usize::from(outcome.rcode).min(RCODES - 1)], 1);
        }
        if outcome.truncated {
            add(&self.truncated[lane], 1);
        }
        if outcome.scope_bits.is_some() {
            add(&self.subnets, 1);
        }
    }
}

/// Adds without locking the bus: there is one writer, and readers may be a little behind.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// The sums over all workers, past and present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    reasons: [[u64; REASONS]; TRANSPORTS],
    rcodes: [[u64; RCODES]; TRANSPORTS],
    truncated: [u64; TRANSPORTS],
    subnets: u64,
}

impl Counts {
    /// Messages over a transport that had this fate.
    pub fn reason(&self, transport: Transport, reason: Reason) -> u64 {
        self.reasons[transport as usize][reason as usize]
    }

    /// Responses over a transport with this code.
    pub fn rcode(&self, transport: Transport, rcode: u16) -> u64 {
        self.rcodes[transport as usize][usize::from(rcode).min(RCODES - 1)]
    }

    /// Responses over a transport that were cut short.
    pub fn truncated(&self, transport: Transport) -> u64 {
        self.truncated[transport as usize]
    }

    /// Responses that bore a Client Subnet option.
    pub fn subnets(&self) -> u64 {
        self.subnets
    }

    /// Answers that listed an endpoint, which is named by its place: the roster of the catalog, the tier of the roster,
    /// and the place in the tier's pool.
    pub fn handed_out(&self, _: &Catalog, _: usize, _: usize, _: usize) -> u64 {
        0
    }

    /// Messages over a transport, answered or not.
    pub fn messages(&self, transport: Transport) -> u64 {
        self.reasons[transport as usize].iter().sum()
    }

    fn add(&mut self, worker: &WorkerCounters) {
        let fold = |sums: &mut [u64], counters: &[AtomicU64]| {
            sums.iter_mut()
                .zip(counters)
                .for_each(|(sum, counter)| *sum += counter.load(Ordering::Relaxed));
        };
        for lane in 0..TRANSPORTS {
            fold(&mut self.reasons[lane], &worker.reasons[lane]);
            fold(&mut self.rcodes[lane], &worker.rcodes[lane]);
        }
        fold(&mut self.truncated, &worker.truncated);
        self.subnets += worker.subnets.load(Ordering::Relaxed);
    }
}

/// All workers' counters.
#[derive(Debug, Default)]
pub struct Registry {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    at_work: Vec<Arc<WorkerCounters>>,
    retired: Counts,
}

impl Registry {
    /// A block for a new worker.
    pub fn enlist(&self) -> Arc<WorkerCounters> {
        let counters = Arc::new(WorkerCounters::default());
        self.lock().at_work.push(counters.clone());
        counters
    }

    /// Takes over what a worker that ends has counted.
    pub fn retire(&self, counters: &Arc<WorkerCounters>) {
        let mut inner = self.lock();
        if let Some(at) = inner.at_work.iter().position(|known| Arc::ptr_eq(known, counters)) {
            let counters = inner.at_work.swap_remove(at);
            inner.retired.add(&counters);
        }
    }

    /// The sums so far.
    pub fn read(&self) -> Counts {
        let inner = self.lock();
        let mut counts = inner.retired.clone();
        inner.at_work.iter().for_each(|worker| counts.add(worker));
        counts
    }

    /// Counters are sound whatever a panic left of other things.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_outlive_their_workers() {
        let registry = Registry::default();
        let (first, second) = (registry.enlist(), registry.enlist());
        let outcome = |reason, bytes| Outcome {
            bytes,
            rcode: 3,
            reason,
            truncated: true,
            scope_bits: Some(24),
        };
        first.count(Transport::Udp, &outcome(Reason::NxDomain, 40));
        second.count(Transport::Tcp, &outcome(Reason::Ignored, 0));
        let before = registry.read();
        registry.retire(&first);
        registry.retire(&first);
        assert_eq!(registry.read(), before);
        assert_eq!(before.reason(Transport::Udp, Reason::NxDomain), 1);
        assert_eq!(before.rcode(Transport::Udp, 3), 1);
        assert_eq!(before.rcode(Transport::Tcp, 3), 0, "nothing was sent");
        assert_eq!(
            (before.messages(Transport::Tcp), before.truncated(Transport::Tcp), before.subnets()),
            (1, 1, 2)
        );
    }
}
