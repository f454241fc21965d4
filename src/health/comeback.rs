//! Coming back gently: what recovers is held back for a while, then its weight grows.

use std::time::Duration;

/// How what has recovered comes back. All zero: at once and whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comeback {
    /// Over this time the weight of what has come back grows to its full.
    pub slow_start: Duration,
    /// For this time what has recovered is held back; doubled for each time that it fails again soon after.
    pub failback_delay: Duration,
    /// The longest that it is held back, however often it flaps.
    pub hold_down_max: Duration,
}
