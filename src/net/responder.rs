//! Workers in use: each with its luck, guarded against panics, pooled where tasks outnumber threads.
//!
//! A UDP thread owns one [`Responder`]. Connections are many and answer only now and then, so they borrow one from
//! [`Responders`] for a run of queries and give it back before they wait for anything: there are never more workers
//! than threads that answer at the same time, and the room for a longest answer is not held once per connection.

use super::counters::{NetCounters, count};
use super::random::Random;
use super::service::{Service, Worker};
use crate::answer::{Client, Ends, MESSAGE_BYTES_MAX, Transport};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// One worker and its source of luck.
pub(super) struct Responder<S: Service> {
    service: S,
    worker: S::Worker,
    random: Random,
    counters: Arc<NetCounters>,
}

/// Answering this query panicked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Panicked;

impl<S: Service> Responder<S> {
    /// A fresh worker of `service`.
    pub(super) fn new(service: &S, counters: &Arc<NetCounters>) -> Self {
        Self {
            service: service.clone(),
            worker: service.worker(),
            random: Random::new(),
            counters: counters.clone(),
        }
    }

    /// See [`Worker::begin_batch`].
    pub(super) fn begin_batch(&mut self) {
        self.worker.begin_batch();
    }

    /// Answers one query; bytes written to `out`, 0 for none. Not guarded.
    #[inline]
    pub(super) fn respond(
        &mut self,
        query: &[u8],
        ends: &Ends,
        transport: Transport,
        out: &mut [u8],
    ) -> usize {
        let client = Client { address: ends.client, transport, random: self.random.next() };
        self.worker.respond(query, &client, ends, out).min(out.len())
    }

    /// Runs `work`; a panic in it is counted, and a new worker takes the place of the torn one.
    pub(super) fn guarded<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> Result<R, Panicked> {
        // Unwind safety: the worker, the only state that `work` can leave half-changed in here, is replaced.
        catch_unwind(AssertUnwindSafe(|| work(self))).map_err(|_| {
            count(&self.counters.panics);
            self.worker = self.service.worker();
            self.worker.begin_batch();
            Panicked
        })
    }
}

/// Responders for many tasks.
pub(super) struct Responders<S: Service> {
    service: S,
    counters: Arc<NetCounters>,
    idle: Mutex<VecDeque<Seat<S>>>,
}

struct Seat<S: Service> {
    responder: Responder<S>,
    out: Box<[u8]>,
}

impl<S: Service> Responders<S> {
    /// None made yet.
    pub(super) fn new(service: S, counters: Arc<NetCounters>) -> Arc<Self> {
        Arc::new(Self { service, counters, idle: Mutex::default() })
    }

    /// Lends a responder whose batch has begun, and room for one answer.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Responder<S>, &mut [u8]) -> R) -> R {
        // Taken in turn and not the last one first: none may rest for long on an old snapshot.
        let mut seat = self.idle().pop_front().unwrap_or_else(|| Seat {
            responder: Responder::new(&self.service, &self.counters),
            out: vec![0; MESSAGE_BYTES_MAX].into_boxed_slice(),
        });
        // A panic was counted and the worker replaced; the batch goes on with the new one.
        let _ = seat.responder.guarded(Responder::begin_batch);
        let result = work(&mut seat.responder, &mut seat.out);
        self.idle().push_back(seat);
        result
    }

    /// Answers one query; bytes of answer, or `None` for no answer.
    pub(super) fn respond(
        &self,
        query: &[u8],
        ends: &Ends,
        transport: Transport,
    ) -> Result<Option<Vec<u8>>, Panicked> {
        self.with(|responder, out| {
            let bytes =
                responder.guarded(|responder| responder.respond(query, ends, transport, out))?;
            Ok((bytes > 0).then(|| out[..bytes].to_vec()))
        })
    }

    /// Nothing can panic while the lock is held, so a poisoned one still guards a sound queue.
    fn idle(&self) -> std::sync::MutexGuard<'_, VecDeque<Seat<S>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
