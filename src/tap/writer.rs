//! The one thread that takes out of the rings, encodes, and writes; the only part that may be held up.
//!
//! Nothing wakes it while there is work, for that would cost those who answer a call of the system: it looks by itself,
//! the more often the more it finds. While the sink cannot be written to, what is in the rings stays there and the
//! spouts drop the rest, which is cheaper for them than to fill rings that nobody empties.

use super::Shared;
use super::message::Encoder;
use super::ring::{EXCHANGES_MAX, Outlet};
use super::sink::{self, Sink};
use crate::config::Dnstap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// Written in one call: past this, calls cost little beside what they carry.
const BATCH_BYTES: usize = 64 << 10;
/// Between two looks while there is nothing to do; readers see an exchange this much later at most.
const LOOK_IDLE: Duration = Duration::from_millis(50);
/// Between two looks while there is.
const LOOK_BUSY: Duration = Duration::from_millis(5);
/// First wait after a failure; doubles with each that follows soon.
const RETRY_MIN: Duration = Duration::from_millis(250);
/// Longest wait: what a reader that comes back misses at worst.
const RETRY_MAX: Duration = Duration::from_secs(8);

pub(super) struct Writer {
    shared: Arc<Shared>,
    sink: Box<dyn Sink>,
    /// For the log.
    to: String,
    encoder: Encoder,
    outlets: Vec<Outlet>,
    bytes: Vec<u8>,
    frames: Vec<u8>,
    /// Exchanges in `frames`.
    pending: u64,
    retry: Retry,
    /// A failure was told and no success since.
    failing: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, options: &Dnstap) -> Self {
        Self {
            sink: sink::sink(&options.sink, shared.stop.clone()),
            to: options.sink.to_string(),
            encoder: Encoder::new(&options.identity, &options.version),
            shared,
            outlets: Vec::new(),
            bytes: Vec::new(),
            frames: Vec::new(),
            pending: 0,
            retry: Retry::default(),
            failing: false,
        }
    }

    /// Writes until told to stop, and then what is left.
    pub(super) fn run(mut self) {
        loop {
            // Before the last look and not after it: what was put in before the word is seen.
            let stopping = self.shared.is_stopped();
            let moved = self.turn();
            if stopping {
                break;
            }
            match moved {
                0 => thread::park_timeout(LOOK_IDLE),
                // A ring may have been near its end.
                moved if moved >= EXCHANGES_MAX / 4 => {}
                _ => thread::park_timeout(LOOK_BUSY),
            }
        }
        let left = self
            .outlets
            .iter_mut()
            .map(|outlet| std::iter::from_fn(|| outlet.pop(&mut self.bytes)).count() as u64);
        self.shared.lost.fetch_add(left.sum(), Ordering::Relaxed);
        self.sink.close();
    }

    /// Looks into every ring once; how many exchanges it has taken out.
    fn turn(&mut self) -> usize {
        self.outlets.append(&mut self.shared.spouts().new);
        let mut moved = 0;
        if self.is_ready() {
            let mut outlets = mem::take(&mut self.outlets);
            for outlet in &mut outlets {
                match self.drain(outlet) {
                    Ok(drained) => moved += drained,
                    Err(drained) => {
                        moved += drained;
                        break;
                    }
                }
            }
            self.outlets = outlets;
            self.flush();
        }
        self.outlets.retain(|outlet| !outlet.is_done());
        moved
    }

    /// Takes out what is in a ring, and not more than fits it: the others wait. How many; an error if the sink failed.
    fn drain(&mut self, outlet: &mut Outlet) -> Result<usize, usize> {
        for drained in 0..EXCHANGES_MAX {
            let Some(head) = outlet.pop(&mut self.bytes) else { return Ok(drained) };
            self.encoder.encode(&head, &self.bytes, &mut self.frames);
            self.pending += 1;
            if self.frames.len() >= BATCH_BYTES && !self.flush() {
                return Err(drained + 1);
            }
        }
        Ok(EXCHANGES_MAX)
    }

    /// Whether the sink takes frames; opens it if it is time to.
    fn is_ready(&mut self) -> bool {
        if !self.retry.is_due(Instant::now()) {
            return false;
        }
        match self.sink.open() {
            Ok(begun) => {
                if begun {
                    tracing::debug!(to = self.to, "a dnstap stream has begun");
                    self.shared.opened.fetch_add(1, Ordering::Relaxed);
                }
                true
            }
            Err(error) => {
                self.failed(&error);
                false
            }
        }
    }

    /// Writes what is pending; whether the sink is still good.
    fn flush(&mut self) -> bool {
        if self.pending == 0 {
            return true;
        }
        let exchanges = mem::take(&mut self.pending);
        let written = self.sink.write(&self.frames);
        self.frames.clear();
        match written {
            Ok(()) => {
                self.shared.written.fetch_add(exchanges, Ordering::Relaxed);
                if self.failing && self.retry.is_over(Instant::now()) {
                    self.failing = false;
                    tracing::info!(to = self.to, "dnstap is written again");
                }
                true
            }
            Err(error) => {
                self.shared.lost.fetch_add(exchanges, Ordering::Relaxed);
                self.failed(&error);
                false
            }
        }
    }

    fn failed(&mut self, error: &std::io::Error) {
        self.retry.failed(Instant::now());
        if mem::replace(&mut self.failing, true) {
            tracing::debug!(to = self.to, %error, "dnstap is still not written");
        } else {
            tracing::warn!(
                to = self.to,
                %error,
                "dnstap cannot be written; it is tried again, and what is sampled meanwhile is dropped and counted",
            );
        }
    }
}

/// When to try again, and when all is well again.
#[derive(Debug, Default)]
struct Retry {
    failed_at: Option<Instant>,
    pause: Duration,
}

impl Retry {
    fn failed(&mut self, now: Instant) {
        self.pause = if self.is_over(now) { RETRY_MIN } else { (2 * self.pause).min(RETRY_MAX) };
        self.failed_at = Some(now);
    }

    /// Whether the last failure is long past: a sink that works for a moment and fails again is as bad as one that
    /// does not work, and not worth a line of log each time.
    fn is_over(&self, now: Instant) -> bool {
        self.failed_at.is_none_or(|at| now - at > 2 * RETRY_MAX)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.failed_at.is_none_or(|at| now - at >= self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_retried_later_and_later() {
        let start = Instant::now();
        let mut retry = Retry::default();
        assert!(retry.is_due(start));
        let mut fail = |at_ms: u64, pause_ms: u64| {
            let now = start + Duration::from_millis(at_ms);
            retry.failed(now);
            let pause = Duration::from_millis(pause_ms);
            assert!(!retry.is_due(now + pause - Duration::from_millis(1)), "{at_ms}");
            assert!(retry.is_due(now + pause), "{at_ms}");
        };
        fail(0, 250);
        fail(250, 500);
        fail(750, 1000);
        fail(1750, 2000);
        fail(3750, 4000);
        fail(7750, 8000);
        fail(15_750, 8000);
        fail(31_750, 8000);
        fail(47_751, 250);
    }
}
