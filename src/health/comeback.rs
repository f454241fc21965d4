//! Coming back gently: what recovers is held back for a while, then its weight grows.
//!
//! ```text
//! first heard of alive ─────────────────────────────────────────► whole
//!                                                     fails │        ▲ slow_start is over
//!                                                           ▼        │
//! first heard of dead ──► down ── recovers ──► held ── hold is over ──► ramping
//!                           ▲                   │ fails                  │ fails
//!                           └───────────────────┴────────────────────────┘
//! ```
//!
//! A [`Return`] is the state of one endpoint in one family, a pure function of what is heard of it and of the clock,
//! which is the caller's. The hold is `failback_delay`. It doubles, up to `hold_down_max`, each time that the endpoint
//! fails again soon: while it is held or its weight still grows, or within ten minutes of its return, or within five
//! times its last hold if that is longer (who was held for long has flapped for long, and must stand for longer to be
//! believed). Who has been quiet for that long, up or down, begins anew.
//!
//! A wall clock may jump. What lies ahead of the clock is taken to begin now: a hold never lasts longer than its length
//! after the jump, and what is whole stays so. A jump ahead ends holds early.

#[cfg(test)]
mod tests;

use super::ramp::{Ramp, after};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The part of its weight with which a slow start begins: enough that its first troubles show, and few clients have
/// them.
const FLOOR: f64 = 0.05;
/// What fails within this time of its return fails again "soon", ...
const SOON_MIN: Duration = Duration::from_secs(600);
/// ... or within so many times its last hold.
const SOON_HOLDS: u32 = 5;
/// Holds are not doubled any more often: a second is a lifetime by then.
const DOUBLINGS_MAX: u32 = 31;

/// How what has recovered comes back. All zero: at once and whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comeback {
    /// Over this time the weight of what has come back grows to its full.
    pub slow_start: Duration,
    /// For this time what has recovered is held back; doubled for each time that it fails again soon after.
    pub failback_delay: Duration,
    /// The longest that it is held back, however often it flaps. If zero, holds are not doubled.
    pub hold_down_max: Duration,
}

impl Comeback {
    /// Whether what recovers is not simply back at once.
    pub fn is_gentle(&self) -> bool {
        *self != Self::default()
    }

    /// For how long something is held that has failed again soon so many times in a row.
    pub fn hold(&self, doublings: u32) -> Duration {
        if self.hold_down_max.is_zero() {
            return self.failback_delay;
        }
        let hold = self.failback_delay.saturating_mul(1_u32 << doublings.min(DOUBLINGS_MAX));
        hold.min(self.hold_down_max)
    }

    /// One more, unless the hold does not grow by it.
    fn doubled(&self, doublings: u32) -> u32 {
        let more = doublings.saturating_add(1).min(DOUBLINGS_MAX);
        if self.hold(more) > self.hold(doublings) { more } else { doublings }
    }

    /// For how long after its return a failure counts as another one of the same trouble.
    fn soon(&self, doublings: u32) -> Duration {
        self.hold(doublings).saturating_mul(SOON_HOLDS).max(SOON_MIN)
    }
}

/// Whose return it is: the names, as text, under which one is kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReturnKey {
    /// The zone whose file defines the pool; none for the server's own.
    pub zone: Option<String>,
    /// The pool's name.
    pub pool: String,
    /// The endpoint's name.
    pub endpoint: String,
    /// `A` or `AAAA`.
    pub family: String,
}

/// How far one endpoint has come back in one family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Return(Stage);

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase")]
enum Stage {
    #[default]
    Unheard,
    Down {
        since: Timestamp,
        doublings: u32,
    },
    Held {
        since: Timestamp,
        doublings: u32,
    },
    /// Its weight grows since then.
    Ramping {
        since: Timestamp,
        doublings: u32,
    },
    /// `returned`: when its last hold ended, as long as another failure would be soon.
    Whole {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Timestamp>,
        #[serde(default)]
        doublings: u32,
    },
}

/// Where an endpoint stands on its way back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phase {
    /// It is not alive, or was never heard of.
    Down,
    /// It is alive, and handed out only where nothing else is.
    Held {
        /// When it recovered.
        since: Timestamp,
        /// When its weight begins to grow.
        until: Timestamp,
        /// How often the hold was doubled, as far as that made it longer.
        doublings: u32,
    },
    /// It is handed out with a part of its weight.
    Ramping {
        /// When its weight began to grow.
        since: Timestamp,
        /// When it has all of it.
        until: Timestamp,
        /// The part at this moment, above 0 to 1.
        share: f64,
    },
    /// Nothing holds it back.
    Whole,
}

impl Return {
    /// What is known once more is known: whether it is alive at this moment. Of what nothing is known yet, because no
    /// probe has come back, nothing is to be told here. To be called again whenever a [change](Self::next_change) is
    /// due, though nothing else has happened.
    pub fn step(self, is_alive: bool, settings: &Comeback, now: Timestamp) -> Self {
        let settled = self.0.settled(settings, now);
        Self(match (settled, is_alive) {
            (Stage::Unheard, true) => Stage::Whole { returned: None, doublings: 0 },
            (Stage::Down { since, doublings }, true) => {
                let was_quiet = now.duration_since(since).unsigned_abs() > settings.soon(doublings);
                let doublings = if was_quiet { 0 } else { doublings };
                Stage::Held { since: now, doublings }.settled(settings, now)
            }
            (alive, true) => alive,
            (Stage::Down { .. }, false) => settled,
            (Stage::Unheard | Stage::Whole { returned: None, .. }, false) => {
                Stage::Down { since: now, doublings: 0 }
            }
            (
                Stage::Held { doublings, .. }
                | Stage::Ramping { doublings, .. }
                | Stage::Whole { doublings, .. },
                false,
            ) => Stage::Down { since: now, doublings: settings.doubled(doublings) },
        })
    }

    /// Where it stands at this moment, if nothing was heard since the last step.
    pub fn phase(&self, settings: &Comeback, now: Timestamp) -> Phase {
        match self.0.settled(settings, now) {
            Stage::Unheard | Stage::Down { .. } => Phase::Down,
            Stage::Held { since, doublings } => {
                Phase::Held { since, until: after(since, settings.hold(doublings)), doublings }
            }
            Stage::Ramping { since, .. } => {
                let ramp = Ramp { begin: since, over: settings.slow_start };
                let share = FLOOR + (1.0 - FLOOR) * ramp.part(now);
                Phase::Ramping { since, until: ramp.end(), share }
            }
            Stage::Whole { .. } => Phase::Whole,
        }
    }

    /// When its phase, or the share that its weight has grown to, changes next if it stays alive.
    pub fn next_change(&self, settings: &Comeback, now: Timestamp) -> Option<Timestamp> {
        match self.0.settled(settings, now) {
            Stage::Unheard | Stage::Down { .. } | Stage::Whole { .. } => None,
            Stage::Held { since, doublings } => Some(after(since, settings.hold(doublings))),
            Stage::Ramping { since, .. } => {
                Ramp { begin: since, over: settings.slow_start }.next_step(now)
            }
        }
    }

    /// Whether there is anything to remember of it: not of what is whole and has been for long, nor of what was never
    /// heard of.
    pub fn is_under_way(&self) -> bool {
        !matches!(self.0, Stage::Unheard | Stage::Whole { returned: None, .. })
    }
}

impl Stage {
    /// The same as the clock alone has moved it on.
    fn settled(self, settings: &Comeback, now: Timestamp) -> Self {
        let mut stage = self.not_ahead_of(now);
        if let Self::Held { since, doublings } = stage {
            let end = after(since, settings.hold(doublings));
            if now >= end {
                stage = Self::Ramping { since: end, doublings };
            }
        }
        if let Self::Ramping { since, doublings } = stage
            && now >= after(since, settings.slow_start)
        {
            stage = Self::Whole { returned: Some(since), doublings };
        }
        if let Self::Whole { returned: Some(returned), doublings } = stage
            && now >= after(returned, settings.soon(doublings))
        {
            stage = Self::Whole { returned: None, doublings: 0 };
        }
        stage
    }

    /// The same, begun now at the latest: the clock may have been set back.
    fn not_ahead_of(mut self, now: Timestamp) -> Self {
        match &mut self {
            Self::Down { since, .. } | Self::Held { since, .. } | Self::Ramping { since, .. } => {
                *since = now.min(*since);
            }
            Self::Whole { returned: Some(returned), .. } => *returned = now.min(*returned),
            Self::Unheard | Self::Whole { returned: None, .. } => {}
        }
        self
    }
}
