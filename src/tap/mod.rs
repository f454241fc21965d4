//! dnstap: tells another program of the queries and answers that go by (dnstap.info).
//!
//! ```text
//! thread that answers ─ Spout ─► ring of its own ─┐
//! thread that answers ─ Spout ─► ring of its own ─┴─► Writer (one thread) ─ message, frames ─► socket or file
//! ```
//!
//! Answering comes first. A [`Spout`] decides by the query's own luck whether it is one of the sample, copies it into
//! a ring that was allocated before, and goes on: it waits for nothing, calls no system and allocates nothing, and
//! what finds the ring full is counted and dropped. All that may take time is done by the [`writer`]: it encodes what
//! it finds in the rings ([`message`], [`frames`]) and hands it to a [`sink`] that may hang, break and be full; it
//! comes back to it later and later, and says so once.
//!
//! The unit of all counts is the exchange: a query with its answer, whichever of the two is told of. What is no query
//! at all, so that nothing is sent, is not told of either.

mod frames;
mod message;
mod ring;
mod sink;
mod spout;
mod writer;

pub use spout::{Exchange, Spout, now_ns};

use crate::config::{Dnstap, DnstapMessages};
use ring::{Outlet, Tally};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, Thread};
use std::time::Duration;

/// How long a stop waits for the last exchanges to be written. The writer gives up a reader that hangs well before;
/// only a disk that does can take longer, and is left to it.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// Makes spouts, and knows the counts. A clone is the same tap.
#[derive(Clone)]
pub struct Tap {
    shared: Arc<Shared>,
}

/// What became of the exchanges that were sampled: `sampled` is the sum of the others and of what is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapCounts {
    /// Exchanges chosen to be told of.
    pub sampled: u64,
    /// Exchanges handed to the reader or the file.
    pub written: u64,
    /// Exchanges lost: the reader or the disk was slower than the queries, or failed.
    pub dropped: u64,
    /// Times that the reader was connected to, or the file opened, after the first.
    pub reconnects: u64,
}

/// What spouts, writer and handles share.
struct Shared {
    /// A query is sampled if its mixed luck is at most this.
    threshold: AtomicU64,
    messages: DnstapMessages,
    stop: Arc<AtomicBool>,
    written: AtomicU64,
    lost: AtomicU64,
    opened: AtomicU64,
    spouts: Mutex<Spouts>,
}

#[derive(Default)]
struct Spouts {
    /// Rings that the writer has not taken over yet.
    new: Vec<Outlet>,
    at_work: Vec<Arc<Tally>>,
    retired_sampled: u64,
    retired_dropped: u64,
}

impl Tap {
    fn new(options: &Dnstap) -> Self {
        Self {
            shared: Arc::new(Shared {
                threshold: AtomicU64::new(spout::threshold(options.sample)),
                messages: options.messages,
                stop: Arc::default(),
                written: AtomicU64::new(0),
                lost: AtomicU64::new(0),
                opened: AtomicU64::new(0),
                spouts: Mutex::default(),
            }),
        }
    }

    /// A spout for one thread that answers.
    pub fn spout(&self) -> Spout {
        let (inlet, outlet) = ring::ring();
        let tally = Arc::new(Tally::default());
        let mut spouts = self.shared.spouts();
        spouts.new.push(outlet);
        spouts.at_work.push(tally.clone());
        drop(spouts);
        Spout::new(self.shared.clone(), inlet, tally)
    }

    /// Changes the share of queries that is told of, above 0 and at most 1.
    pub fn set_sample(&self, share: f64) {
        self.shared.threshold.store(spout::threshold(share), Ordering::Relaxed);
    }

    /// The sums so far.
    pub fn counts(&self) -> TapCounts {
        let spouts = self.shared.spouts();
        let sum = |retired, of: fn(&Tally) -> u64| {
            spouts.at_work.iter().fold(retired, |sum: u64, tally| sum + of(tally))
        };
        let lost = self.shared.lost.load(Ordering::Relaxed);
        TapCounts {
            sampled: sum(spouts.retired_sampled, Tally::sampled),
            written: self.shared.written.load(Ordering::Relaxed),
            dropped: sum(spouts.retired_dropped, Tally::dropped) + lost,
            reconnects: self.shared.opened.load(Ordering::Relaxed).saturating_sub(1),
        }
    }
}

impl Shared {
    /// Nothing can panic between the changes made under the lock, so a poisoned one still guards sound lists.
    fn spouts(&self) -> MutexGuard<'_, Spouts> {
        self.spouts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn retire(&self, tally: &Arc<Tally>) {
        let mut spouts = self.spouts();
        if let Some(at) = spouts.at_work.iter().position(|known| Arc::ptr_eq(known, tally)) {
            spouts.at_work.swap_remove(at);
            spouts.retired_sampled += tally.sampled();
            spouts.retired_dropped += tally.dropped();
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// A tap at work. Dropping it has what is on its way written, as far as that is quickly done.
pub struct Running {
    tap: Tap,
    writer: Thread,
    /// Behind a lock that is never waited for, so that whoever owns the tap may be shared.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Running {
    /// Starts the writer; fails only where no thread can be had. Whether the reader is there, or the file can be
    /// written, shows later and in the log.
    pub fn start(options: &Dnstap) -> io::Result<Self> {
        let tap = Tap::new(options);
        let writer = writer::Writer::new(tap.shared.clone(), options);
        // Disconnects when the thread ends, however it ends.
        let (ending, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("dnstap".to_owned()).spawn(move || {
            let _ending = ending;
            writer.run();
        })?;
        Ok(Self { tap, writer: thread.thread().clone(), ended: Mutex::new(ended) })
    }

    /// What makes spouts.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tap.shared.stop.store(true, Ordering::Release);
        self.writer.unpark();
        // Nothing is ever sent: either the thread ends, or patience does.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(STOP_PATIENCE);
    }
}
