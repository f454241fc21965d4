//! How fast counters move: a look at them once a second, and how they stood ten seconds ago.
//!
//! Looking takes the lock that workers take when they begin and end, and reads what they count by themselves; nothing
//! that answers a query waits for it or does anything for it.

use super::counters::{EndpointKey, Reading, Registry};
use crate::answer::Transport;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

/// From one look to the next.
const PERIOD: Duration = Duration::from_secs(1);
/// Rates are means over this time: short enough to see a change, long enough for a calm number.
const WINDOW: Duration = Duration::from_secs(10);
/// Less time says nothing of a rate.
const SPAN_MIN: Duration = Duration::from_millis(500);
/// Looks kept: those of the window, and the one before it.
const SAMPLES_MAX: usize = (WINDOW.as_secs() / PERIOD.as_secs()) as usize + 1;

/// A counter and how fast it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flow {
    /// How far it has come since the start.
    pub total: u64,
    /// Per second, over the last ten.
    pub per_s: f64,
}

/// How the counters stood at the last looks, oldest first.
#[derive(Debug, Default)]
pub struct Sampler {
    samples: Mutex<VecDeque<(Instant, Arc<Reading>)>>,
}

impl Sampler {
    /// Looks at the counters once a second, for ever.
    pub async fn run(self: Arc<Self>, registry: Arc<Registry>) {
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let at = tick.tick().await;
            let registry = registry.clone();
            // Costs in proportion to the endpoints served.
            if let Ok(reading) = tokio::task::spawn_blocking(move || registry.read()).await {
                self.take(at, reading);
            }
        }
    }

    /// The counters as they stand now, beside how they stood.
    pub fn rates(&self, at: Instant, reading: Reading) -> Rates {
        let samples = self.samples();
        // Samples come late on a busy machine; what is older than the window and a look is left out.
        let known = samples.iter().find(|(taken, _)| at.duration_since(*taken) <= WINDOW + PERIOD);
        let span = known.map(|(taken, _)| at.duration_since(*taken)).unwrap_or_default();
        let before = known.filter(|_| span >= SPAN_MIN).map(|(_, reading)| reading.clone());
        Rates { now: reading, before, span_s: span.as_secs_f64() }
    }

    fn take(&self, at: Instant, reading: Reading) {
        let mut samples = self.samples();
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back((at, Arc::new(reading)));
    }

    /// Samples are whole whatever a panic left of other things.
    fn samples(&self) -> MutexGuard<'_, VecDeque<(Instant, Arc<Reading>)>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counters with their rates.
#[derive(Debug)]
pub struct Rates {
    now: Reading,
    before: Option<Arc<Reading>>,
    span_s: f64,
}

impl Rates {
    /// Messages over all transports.
    pub fn queries(&self) -> Flow {
        self.flow(|at| Transport::ALL.iter().map(|&over| at.counts.messages(over)).sum())
    }

    /// Answers that listed an endpoint.
    pub fn answers(&self, endpoint: &EndpointKey) -> Flow {
        self.flow(|at| at.handed_out.get(endpoint))
    }

    fn flow(&self, read: impl Fn(&Reading) -> u64) -> Flow {
        let total = read(&self.now);
        let moved = self.before.as_ref().map_or(0, |before| total.saturating_sub(read(before)));
        let per_s = if moved == 0 { 0.0 } else { moved as f64 / self.span_s };
        Flow { total, per_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Outcome, Reason};

    #[tokio::test(start_paused = true)]
    async fn rates_are_over_the_last_ten_seconds() {
        let registry = Arc::new(Registry::default());
        let worker = registry.enlist();
        let outcome = Outcome {
            bytes: 40,
            rcode: 0,
            reason: Reason::Static,
            truncated: false,
            scope_bits: None,
        };
        let sampler = Arc::new(Sampler::default());
        let looking = tokio::spawn(sampler.clone().run(registry.clone()));
        let queries = || sampler.rates(Instant::now(), registry.read()).queries();
        assert_eq!(queries(), Flow::default(), "nothing is known yet");
        // A second passes and 20 queries come; ten times; then none.
        let mut seen = Vec::new();
        for second in 0..30 {
            tokio::time::sleep(PERIOD).await;
            tokio::task::yield_now().await;
            if second < 10 {
                (0..20).for_each(|_| worker.count(Transport::Udp, &outcome, None));
            }
            seen.push(queries());
        }
        looking.abort();
        assert_eq!(seen[0].total, 20);
        assert_eq!(seen[29], Flow { total: 200, per_s: 0.0 });
        assert!(seen[9].per_s >= 18.0 && seen[9].per_s <= 20.0, "{:?}", seen[9]);
        assert!(seen[14].per_s > 5.0 && seen[14].per_s < 15.0, "{:?}", seen[14]);
        assert!(sampler.samples().len() <= SAMPLES_MAX);
    }
}
