//! What has been answered, counted without sharing.
//!
//! ```text
//! answer, recorded ─► WorkerCounters   (of a worker, for good)       ─┐
//!                  └► CatalogCounters  (of a worker and a catalog)   ─┴─► Registry ─► Counts, Tally (sums, when asked)
//! ```
//!
//! Each worker counts in blocks of its own, which only it writes; a reader sums the blocks. What depends on what is
//! served (zones, endpoints) is counted by number in a block made for one catalog, and summed by name, so that it
//! goes on over reloads. A worker that ends, or that goes over to a new catalog, leaves its sums to the registry: no
//! count is ever lost or goes down. The query path takes no lock but at the change of a catalog, and then for a moment.

mod catalog;
mod tally;
mod worker;

pub use catalog::{CatalogCounters, Counting, qtype_label};
pub use tally::{EndpointKey, HandedOut, Tally};
pub use worker::{Counts, WorkerCounters};

use crate::snapshot::Catalog;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All workers' counters.
#[derive(Debug, Default)]
pub struct Registry {
    workers: Mutex<Workers>,
    /// Those that a worker writes, or has written and left.
    blocks: Mutex<Vec<Arc<CatalogCounters>>>,
    /// The sums of blocks that nobody writes any more. Only readers lock it, so it may be held for long.
    retired: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Workers {
    at_work: Vec<Arc<WorkerCounters>>,
    retired: Counts,
}

impl Registry {
    /// Counters for a new worker.
    pub fn enlist(&self) -> Arc<WorkerCounters> {
        let counters = Arc::new(WorkerCounters::default());
        lock(&self.workers).at_work.push(counters.clone());
        counters
    }

    /// Takes over what a worker that ends has counted.
    pub fn retire(&self, counters: &Arc<WorkerCounters>) {
        let mut workers = lock(&self.workers);
        if let Some(at) = workers.at_work.iter().position(|known| Arc::ptr_eq(known, counters)) {
            let counters = workers.at_work.swap_remove(at);
            workers.retired.add(&counters);
        }
    }

    /// A block for a worker that goes over to a catalog.
    pub fn block(&self, catalog: &Arc<Catalog>) -> Arc<CatalogCounters> {
        let block = Arc::new(CatalogCounters::new(catalog.clone()));
        lock(&self.blocks).push(block.clone());
        block
    }

    /// What all workers have answered, past and present.
    pub fn counts(&self) -> Counts {
        let workers = lock(&self.workers);
        let mut counts = workers.retired.clone();
        workers.at_work.iter().for_each(|worker| counts.add(worker));
        counts
    }

    /// The same, and whose addresses were handed out.
    pub fn read(&self) -> Reading {
        Reading {
            counts: self.counts(),
            handed_out: self.sum(|retired| retired.handed_out().clone(), HandedOut::add),
        }
    }

    /// By zone and endpoint. Costs in proportion to what is served.
    pub fn tally(&self) -> Tally {
        self.sum(Tally::clone, Tally::add)
    }

    /// What is taken of the blocks that are closed, and what the open ones add to it.
    fn sum<T>(&self, take: impl Fn(&Tally) -> T, add: impl Fn(&mut T, &CatalogCounters)) -> T {
        let mut retired = lock(&self.retired);
        // Whether a block is closed is read before its numbers, so a closed one has its last.
        let (closed, open): (Vec<_>, Vec<_>) =
            lock(&self.blocks).iter().cloned().partition(|block| block.is_closed());
        closed.iter().for_each(|block| retired.add(block));
        lock(&self.blocks).retain(|block| !closed.iter().any(|closed| Arc::ptr_eq(block, closed)));
        let mut sum = take(&retired);
        drop(retired);
        open.iter().for_each(|block| add(&mut sum, block));
        sum
    }
}

/// The counters at one moment, but for those by zone, which are many.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Whatever is served.
    pub counts: Counts,
    /// Whose addresses were handed out.
    pub handed_out: HandedOut,
}

/// Counters are sound whatever a panic left of other things.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that one thread counts up and others read.
#[derive(Debug, Default)]
struct Count(std::sync::atomic::AtomicU64);

impl Count {
    /// Adds without locking the bus: there is one writer, and readers may be a little behind.
    #[inline]
    fn add_one(&self) {
        use std::sync::atomic::Ordering::Relaxed;
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
