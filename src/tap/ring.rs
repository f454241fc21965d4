//! The way from one thread that answers to the writer: two rings, one of heads and one of the bytes that belong to
//! them.
//!
//! Bytes go in before their head does, so a head that can be taken has all of its bytes behind it. Both rings are
//! allocated when they are made; their pages come into being as they are first used.

use crate::answer::{Ends, Transport};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::atomic::{AtomicU64, Ordering};

/// Exchanges in a ring. The writer looks every few milliseconds: enough for 400,000 a second and thread.
pub(super) const EXCHANGES_MAX: usize = 4096;
/// Bytes of messages in a ring: 256 for each exchange, which is what a query and an answer of two addresses take with
/// room to spare. The longest exchange, two messages of 64 KiB, fits several times.
pub(super) const BYTES_MAX: usize = 1 << 20;

/// One exchange without its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) transport: Transport,
    pub(super) ends: Ends,
    /// Since 1970.
    pub(super) asked_ns: u64,
    pub(super) answered_ns: u64,
    /// Lengths of what follows in the other ring, in this order.
    pub(super) zone_bytes: usize,
    pub(super) query_bytes: usize,
    pub(super) response_bytes: usize,
}

impl Head {
    fn bytes(&self) -> usize {
        self.zone_bytes + self.query_bytes + self.response_bytes
    }
}

/// The end that takes in.
pub(super) struct Inlet {
    heads: Producer<Head>,
    bytes: Producer<u8>,
}

/// The end that gives out.
pub(super) struct Outlet {
    heads: Consumer<Head>,
    bytes: Consumer<u8>,
}

/// What one spout has counted. Written by its thread alone.
#[derive(Debug, Default)]
pub(super) struct Tally {
    sampled: AtomicU64,
    dropped: AtomicU64,
}

/// An empty ring.
pub(super) fn ring() -> (Inlet, Outlet) {
    let (heads_in, heads) = RingBuffer::new(EXCHANGES_MAX);
    let (bytes_in, bytes) = RingBuffer::new(BYTES_MAX);
    (Inlet { heads: heads_in, bytes: bytes_in }, Outlet { heads, bytes })
}

impl Inlet {
    /// Puts an exchange in; false if there is no room, and then nothing has changed. The parts have the lengths that
    /// `head` says.
    pub(super) fn push(&mut self, head: Head, parts: [&[u8]; 3]) -> bool {
        if self.heads.is_full() || self.bytes.slots() < head.bytes() {
            return false;
        }
        // There is room for all, as only this end fills the rings.
        parts.iter().all(|part| self.bytes.push_entire_slice(part).is_ok())
            && self.heads.push(head).is_ok()
    }
}

impl Outlet {
    /// Takes the oldest exchange out; its bytes replace what is in `bytes`.
    pub(super) fn pop(&mut self, bytes: &mut Vec<u8>) -> Option<Head> {
        let head = self.heads.pop().ok()?;
        bytes.resize(head.bytes(), 0);
        self.bytes.pop_entire_slice(bytes).ok()?;
        Some(head)
    }

    /// Whether nothing will ever come out of it again.
    pub(super) fn is_done(&self) -> bool {
        // In this order: what the other end put in before it went is seen.
        self.heads.is_abandoned() && self.heads.is_empty()
    }
}

impl Tally {
    pub(super) fn sampled(&self) -> u64 {
        self.sampled.load(Ordering::Relaxed)
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts one exchange. There is one writer, so nothing need be locked, and readers may be a little behind.
    pub(super) fn count(&self, is_in: bool) {
        self.sampled.store(self.sampled() + 1, Ordering::Relaxed);
        if !is_in {
            self.dropped.store(self.dropped() + 1, Ordering::Relaxed);
        }
    }
}
