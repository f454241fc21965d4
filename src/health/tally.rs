//! How probing goes, by check: results, and how long they took.

use super::state::Outcome;
use std::time::Duration;

/// Upper ends of the ranges that latencies are counted in, in seconds; what is longer is counted after them. They
/// reach from a host next door to the longest timeout that makes sense.
pub const LATENCY_ENDS_S: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// The probes of one check since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeTally {
    /// Probes that succeeded.
    pub successes: u64,
    /// Probes that failed.
    pub failures: u64,
    /// Probes that could not be made, or told nothing.
    pub inconclusive: u64,
    /// How many took how long: by range of [`LATENCY_ENDS_S`], then longer.
    pub latencies: [u64; LATENCY_ENDS_S.len() + 1],
    /// How long all of them took together, in seconds.
    pub latency_sum_s: f64,
}

impl ProbeTally {
    /// Takes in a result.
    pub(super) fn add(&mut self, outcome: &Outcome, latency: Duration) {
        match outcome {
            Outcome::Success => self.successes += 1,
            Outcome::Failure(_) => self.failures += 1,
            Outcome::Inconclusive(_) => {
                self.inconclusive += 1;
                return;
            }
        }
        let latency_s = latency.as_secs_f64();
        let range = LATENCY_ENDS_S.iter().position(|end| latency_s <= *end);
        self.latencies[range.unwrap_or(LATENCY_ENDS_S.len())] += 1;
        self.latency_sum_s += latency_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted_in_their_range() {
        let mut tally = ProbeTally::default();
        for (ms, outcome) in [
            (1, Outcome::Success),
            (3, Outcome::Success),
            (2000, Outcome::Failure("refused".into())),
            (60_000, Outcome::Failure("late".into())),
            (7, Outcome::Inconclusive("no sockets".into())),
        ] {
            tally.add(&outcome, Duration::from_millis(ms));
        }
        assert_eq!((tally.successes, tally.failures, tally.inconclusive), (2, 2, 1));
        assert_eq!(tally.latencies, [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
        assert!((tally.latency_sum_s - 62.004).abs() < 1e-9);
    }
}
