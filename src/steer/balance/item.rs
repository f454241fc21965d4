//! What endpoints and sites have in common: one error, smoothed and learnt from.

use super::{LAG_MAX, LAG_MIN};
use std::time::Duration;

/// `P`: how strongly an error is met at once.
pub(super) const PROPORTION: f64 = 1.25;
/// `F` for sessions, in lags: shorter passes noise on, longer delays.
pub(super) const SMOOTHING_SESSIONS: f64 = 1.0;
/// `F` for response times, in lags: long, as they rise steeply with load.
pub(super) const SMOOTHING_RESPONSE: f64 = 8.0;
/// `Ti`, in lags.
pub(super) const LEARNING: f64 = 4.0;
/// The error (logarithm) from which on more of it is learnt less: 15 %, about what is left of a difference of a half
/// between servers once `P` has met it.
pub const KNEE: f64 = 0.15;
/// What is learnt of the largest errors at least, so that they are learnt in the end.
const LEARNT_LEAST: f64 = 0.05;
/// How long what is known holds when no more comes, in lags.
const HOLD: f64 = 4.0;
/// A share moves by so much before it is dealt again: less is below the noise of a thousand sessions.
const DEAD_BAND: f64 = 0.02;
/// Shares are dealt so long after one another at least, in lags: little beside the delay that there is anyway.
const DEALT_EVERY: f64 = 0.125;

/// The pace of one step, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub dt_s: f64,
    pub lag_s: f64,
}

impl Pace {
    /// A step is never longer than the lag: who has slept knows no more than who was awake.
    pub fn new(dt: Duration, lag: Duration) -> Self {
        let lag = lag.clamp(LAG_MIN, LAG_MAX);
        Self { dt_s: dt.min(lag).as_secs_f64(), lag_s: lag.as_secs_f64() }
    }

    /// Whether so long after the last dealing another one is due, in seconds.
    pub fn is_due(self, since_dealt_s: f64) -> bool {
        since_dealt_s >= DEALT_EVERY * self.lag_s
    }

    /// How far a value goes toward another in one step, if it takes so many lags to go most of the way.
    fn approach(self, lags: f64) -> f64 {
        -(-self.dt_s / (lags * self.lag_s)).exp_m1()
    }
}

/// The state of one endpoint or site.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Item {
    /// `e`: logarithm of what is measured over what should be, smoothed.
    pub error: f64,
    /// `i`: what has been learnt, as a logarithm.
    pub learnt: f64,
    /// How long nothing has been measured.
    unknown_for_s: f64,
}

impl Item {
    /// Takes a measurement in; none where there is none. `smoothing` in lags.
    pub fn observe(&mut self, error: Option<f64>, smoothing: f64, pace: Pace) {
        match error {
            Some(error) => {
                self.unknown_for_s = 0.0;
                self.error += pace.approach(smoothing) * (error - self.error);
            }
            None => {
                self.unknown_for_s += pace.dt_s;
                if !self.is_held(pace) {
                    self.error -= pace.approach(1.0) * self.error;
                    self.learnt -= pace.approach(1.0) * self.learnt;
                }
            }
        }
    }

    /// Whether it was measured in this step.
    pub fn is_known(&self) -> bool {
        self.unknown_for_s == 0.0
    }

    fn is_held(&self, pace: Pace) -> bool {
        self.unknown_for_s <= HOLD * pace.lag_s
    }

    /// Learns from the error if it is known, as far as `influence` lets it.
    pub fn learn(&mut self, influence: impl Fn(f64) -> f64, pace: Pace) {
        if self.is_known() {
            self.learnt -= influence(self.error) * pace.dt_s / (LEARNING * pace.lag_s);
        }
    }

    /// What it comes to, as a logarithm.
    pub fn response(&self) -> f64 {
        self.learnt - PROPORTION * self.error
    }
}

/// `ψ`: the part of an error that is learnt; most at the knee.
pub(super) fn influence(error: f64) -> f64 {
    let learnt = error.abs() / (1.0 + (error / KNEE).powi(2));
    learnt.max(error.abs().min(LEARNT_LEAST)).copysign(error)
}

/// Whether a share has moved so far that it is to be dealt again.
pub(super) fn is_news(new: f64, dealt: f64) -> bool {
    (new - dealt).abs() > DEAD_BAND * dealt
}

/// What was measured or configured, if it can be counted with: finite and not negative.
pub(super) fn sound(value: f64) -> Option<f64> {
    (0.0..=VALUE_MAX).contains(&value).then_some(value)
}

/// Sums and products of no matter how many such values stay finite.
const VALUE_MAX: f64 = 1e18;
