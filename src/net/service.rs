//! What listeners call for an answer.
//!
//! Listeners move bytes and know nothing of DNS beyond framing. A [`Service`] is shared by all of them; each thread
//! that answers asks it for a [`Worker`] of its own, so that what a worker remembers between queries needs no lock.
//! Both are type parameters down to the packet loop: no call on the way of a query is dynamic.

use crate::answer::{Client, Ends};

/// What answers; makes one worker for each thread that answers.
pub trait Service: Clone + Send + Sync + 'static {
    /// What one thread answers with.
    type Worker: Worker;

    /// A fresh worker. Also called after a panic, in place of the worker that was torn by it.
    fn worker(&self) -> Self::Worker;
}

/// Answers queries, one at a time.
pub trait Worker: Send + 'static {
    /// Called before a run of queries: the moment to look for a newer snapshot. An idle UDP worker calls it too,
    /// several times a second, so that it does not keep an old snapshot alive.
    fn begin_batch(&mut self);

    /// Answers one message into `out` and says how many bytes of it to send; 0: send nothing. `out` has room for
    /// the longest message that the transport can carry; what size a client accepts is the worker's concern. `ends`
    /// are of the same client.
    fn respond(&mut self, query: &[u8], client: &Client, ends: &Ends, out: &mut [u8]) -> usize;
}
