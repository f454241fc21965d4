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

use super::ramp::{Ramp, after};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The part of its weight with which a slow start begins: enough that its first troubles show, and few clients have them.
const FLOOR: f64 = 0.05;
/// The first hold where only the longest is given.
const HOLD_BASE: Duration = Duration::from_secs(10);
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
    /// For this time what has recovered is held back; doubled for each time that it fails again soon after. If zero,
    /// and `hold_down_max` is not, ten seconds.
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
        let base = if self.failback_delay.is_zero() { HOLD_BASE } else { self.failback_delay };
        let hold = base.saturating_mul(1_u32 << doublings.min(DOUBLINGS_MAX));
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn settings(slow_start: u64, failback_delay: u64, hold_down_max: u64) -> Comeback {
        let [slow_start, failback_delay, hold_down_max] =
            [slow_start, failback_delay, hold_down_max].map(Duration::from_secs);
        Comeback { slow_start, failback_delay, hold_down_max }
    }

    /// `down`, `held SINCE-UNTIL xDOUBLINGS`, `SHARE since SINCE-UNTIL`, `whole`
    fn shown(phase: Phase) -> String {
        let second = Timestamp::as_second;
        match phase {
            Phase::Down => "down".to_owned(),
            Phase::Held { since, until, doublings } => {
                format!("held {}-{} x{doublings}", second(since), second(until))
            }
            Phase::Ramping { since, until, share } => {
                format!("{share:.3} since {}-{}", second(since), second(until))
            }
            Phase::Whole => "whole".to_owned(),
        }
    }

    /// Each line: the second; `+` alive, `-` dead or `?` nothing heard; the phase; when it changes next.
    fn check(settings: &Comeback, story: &[(i64, char, &str, Option<i64>)]) {
        let mut state = Return::default();
        for &(second, heard, phase, next) in story {
            if heard != '?' {
                state = state.step(heard == '+', settings, at(second));
            }
            let found = state.phase(settings, at(second));
            assert_eq!(shown(found), phase, "{second}: {state:?}");
            assert_eq!(state.next_change(settings, at(second)), next.map(at), "{second}");
            let text = serde_json::to_string(&state).unwrap();
            assert_eq!(serde_json::from_str::<Return>(&text).unwrap(), state, "{text}");
        }
    }

    #[test]
    fn what_fails_and_recovers_is_held_and_then_grows() {
        check(
            &settings(100, 30, 0),
            &[
                (0, '?', "down", None),
                (0, '+', "whole", None),
                (10, '-', "down", None),
                (20, '+', "held 20-50 x0", Some(50)),
                (49, '+', "held 20-50 x0", Some(50)),
                (50, '?', "0.050 since 50-150", Some(55)),
                (55, '+', "0.098 since 50-150", Some(60)),
                (149, '?', "0.953 since 50-150", Some(150)),
                (150, '?', "whole", None),
                // Holds are not doubled without a longest.
                (160, '-', "down", None),
                (170, '+', "held 170-200 x0", Some(200)),
                (180, '-', "down", None),
                (190, '+', "held 190-220 x0", Some(220)),
            ],
        );
        check(&settings(0, 0, 0), &[(0, '-', "down", None), (1, '+', "whole", None)]);
        check(
            &settings(0, 7, 0),
            &[(0, '-', "down", None), (1, '+', "held 1-8 x0", Some(8)), (8, '+', "whole", None)],
        );
        check(
            &settings(1, 0, 0),
            &[
                (0, '-', "down", None),
                (1, '+', "0.050 since 1-2", Some(2)),
                (2, '+', "whole", None),
            ],
        );
    }

    #[test]
    fn what_flaps_is_held_for_longer() {
        check(
            &settings(20, 0, 35),
            &[
                (0, '-', "down", None),
                (1, '+', "held 1-11 x0", Some(11)),
                // While it is held.
                (5, '-', "down", None),
                (6, '+', "held 6-26 x1", Some(26)),
                // While it grows; the hold has its longest now.
                (30, '-', "down", None),
                (31, '+', "held 31-66 x2", Some(66)),
                // Soon after it is whole: no longer than that.
                (90, '-', "down", None),
                (91, '+', "held 91-126 x2", Some(126)),
                (725, '-', "down", None),
                (726, '+', "held 726-761 x2", Some(761)),
                // Ten minutes after its return it is forgotten.
                (1361, '-', "down", None),
                (1362, '+', "held 1362-1372 x0", Some(1372)),
            ],
        );
        // Quiet for long, though dead.
        check(
            &settings(0, 10, 1000),
            &[
                (0, '-', "down", None),
                (1, '+', "held 1-11 x0", Some(11)),
                (2, '-', "down", None),
                (602, '+', "held 602-622 x1", Some(622)),
                (603, '-', "down", None),
                (1204, '+', "held 1204-1214 x0", Some(1214)),
            ],
        );
        // Five times its last hold, where that is longer.
        check(
            &settings(0, 200, 10_000),
            &[
                (0, '-', "down", None),
                (1, '+', "held 1-201 x0", Some(201)),
                (1200, '-', "down", None),
                (1300, '+', "held 1300-1700 x1", Some(1700)),
                (3700, '-', "down", None),
                (3701, '+', "held 3701-3901 x0", Some(3901)),
            ],
        );
    }

    #[test]
    fn a_clock_that_jumps_breaks_nothing() {
        let begun = [(1000, '-', "down", None), (1010, '+', "held 1010-1040 x0", Some(1040))];
        let story = |more: &[(i64, char, &'static str, Option<i64>)]| {
            check(&settings(100, 30, 0), &[&begun, more].concat());
        };
        story(&[(5, '+', "held 5-35 x0", Some(35)), (35, '+', "0.050 since 35-135", Some(40))]);
        // Nobody stepped it: still no longer than a hold from now.
        story(&[(5, '?', "held 5-35 x0", Some(35))]);
        story(&[(99_999, '+', "whole", None), (5, '+', "whole", None), (6, '-', "down", None)]);
        story(&[
            (1100, '+', "0.620 since 1040-1140", Some(1105)),
            (7, '+', "0.050 since 7-107", Some(12)),
        ]);
        let last = Timestamp::MAX;
        let held = Return(Stage::Held { since: last, doublings: 0 });
        assert_eq!(
            held.next_change(&settings(1, 1, 0), last),
            None,
            "{held:?} is over at the end of time"
        );
    }

    fn any_settings() -> impl Strategy<Value = Comeback> {
        let time = || prop_oneof![Just(0_u64), 1..2000_u64];
        (time(), time(), time()).prop_map(|(slow, delay, max)| settings(slow, delay, max))
    }

    proptest! {
        /// Whatever was heard before: after a failure it is whole no sooner than hold and ramp are over, its share
        /// never sinks while it is alive, it is whole in the end, and the hold is within its bounds.
        #[test]
        fn a_return_is_gentle_and_ends(
            settings in any_settings(),
            past in proptest::collection::vec((0..500_i64, any::<bool>()), 0..20),
        ) {
            let (mut state, mut now) = (Return::default(), 1_000_000);
            for (seconds, is_alive) in past {
                now += seconds;
                state = state.step(is_alive, &settings, at(now));
                if !is_alive {
                    prop_assert_eq!(state.phase(&settings, at(now)), Phase::Down);
                }
            }
            state = state.step(false, &settings, at(now)).step(true, &settings, at(now + 1));
            let began = at(now + 1);
            let longest = settings.failback_delay.max(settings.hold_down_max);
            let mut hold = Duration::ZERO;
            let (mut moment, mut share) = (began, 0.0);
            loop {
                let phase = state.phase(&settings, moment);
                let elapsed = moment.duration_since(began).unsigned_abs();
                let grown = match phase {
                    Phase::Down => return Err(TestCaseError::fail("down though alive")),
                    Phase::Held { since, until, .. } => {
                        hold = until.duration_since(since).unsigned_abs();
                        prop_assert!(hold >= settings.failback_delay.min(longest) || hold == settings.hold_down_max);
                        prop_assert!(hold <= longest && elapsed < hold);
                        0.0
                    }
                    Phase::Ramping { share, .. } => {
                        prop_assert!(share >= FLOOR && elapsed >= hold && elapsed < hold + settings.slow_start);
                        share
                    }
                    Phase::Whole => {
                        prop_assert_eq!(elapsed, hold + settings.slow_start);
                        break;
                    }
                };
                prop_assert!(grown >= share && grown < 1.0);
                share = grown;
                moment = state.next_change(&settings, moment).expect("more to come");
                if moment.as_second() % 2 == 0 {
                    state = state.step(true, &settings, moment);
                }
            }
        }

        /// However the clock is moved, a hold ends within its length once the clock goes on evenly.
        #[test]
        fn a_hold_ends(settings in any_settings(), jumps in proptest::collection::vec(-10_000..10_000_i64, 1..10)) {
            let mut now = 1_000_000;
            let mut state = Return::default().step(false, &settings, at(now)).step(true, &settings, at(now));
            for jump in jumps {
                now += jump;
                state = state.step(true, &settings, at(now));
            }
            let end = after(after(at(now), settings.hold(0)), settings.slow_start);
            prop_assert_eq!(state.phase(&settings, end), Phase::Whole);
        }
    }
}
