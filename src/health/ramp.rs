//! Something that changes evenly over a time: in steps, so that decks are dealt anew for changes that can be seen.

use jiff::Timestamp;
use std::time::Duration;

/// Each step is a twentieth: less shows in nobody's graphs, and is below what the rounding of small decks makes of it.
const STEPS_MAX: u128 = 20;
/// Steps are no shorter than this: a deck that was just dealt should be drawn from for a while.
const STEP_MIN: Duration = Duration::from_secs(1);

/// An even change from `begin` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    /// When it begins.
    pub begin: Timestamp,
    /// How long it takes; zero: all of it happens at `begin`.
    pub over: Duration,
}

impl Ramp {
    /// How far it has come, 0 to 1: a step that is not finished does not count. So it lags behind a straight line, by
    /// less than a step, and is 1 from the [end](Self::end) on and not before.
    pub fn part(self, now: Timestamp) -> f64 {
        match self.steps_done(now) {
            None => 0.0,
            Some(done) => done as f64 / self.steps() as f64,
        }
    }

    /// When it is over.
    pub fn end(self) -> Timestamp {
        after(self.begin, self.over)
    }

    /// When [`part`](Self::part) changes next; none once it is over.
    pub fn next_step(self, now: Timestamp) -> Option<Timestamp> {
        let next = self.steps_done(now).unwrap_or(0) + 1;
        if now >= self.end() {
            return None;
        }
        let elapsed_ns = (self.over.as_nanos() * next).div_ceil(self.steps());
        Some(after(self.begin, from_nanos(elapsed_ns)))
    }

    fn steps(self) -> u128 {
        (self.over.as_nanos() / STEP_MIN.as_nanos()).clamp(1, STEPS_MAX)
    }

    /// None before it begins.
    fn steps_done(self, now: Timestamp) -> Option<u128> {
        let elapsed_ns = u128::try_from(now.duration_since(self.begin).as_nanos()).ok()?;
        let over_ns = self.over.as_nanos();
        if elapsed_ns >= over_ns {
            return Some(self.steps());
        }
        Some(elapsed_ns * self.steps() / over_ns)
    }
}

/// A moment so much later, or the last that there is.
pub fn after(moment: Timestamp, time: Duration) -> Timestamp {
    moment.checked_add(time).unwrap_or(Timestamp::MAX)
}

fn from_nanos(ns: u128) -> Duration {
    const NS_PER_S: u128 = 1_000_000_000;
    let seconds = u64::try_from(ns / NS_PER_S).unwrap_or(u64::MAX);
    Duration::new(seconds, (ns % NS_PER_S) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn parts_and_steps() {
        let check = |over_s: u64, now: i64, part: f64, next: Option<i64>| {
            let ramp = Ramp { begin: at(1000), over: Duration::from_secs(over_s) };
            assert_eq!(ramp.part(at(now)), part, "{over_s} {now}");
            let found = ramp.next_step(at(now)).map(Timestamp::as_second);
            assert_eq!(found, next, "{over_s} {now}");
        };
        check(0, 999, 0.0, Some(1000));
        check(0, 1000, 1.0, None);
        check(1, 1000, 0.0, Some(1001));
        check(4, 1001, 0.25, Some(1002));
        check(4, 1003, 0.75, Some(1004));
        check(4, 1004, 1.0, None);
        check(1800, 0, 0.0, Some(1090));
        check(1800, 1000, 0.0, Some(1090));
        check(1800, 1089, 0.0, Some(1090));
        check(1800, 1090, 0.05, Some(1180));
        check(1800, 2799, 0.95, Some(2800));
        check(1800, 2800, 1.0, None);
        check(u64::MAX, 2800, 0.0, Some(Timestamp::MAX.as_second()));
    }

    proptest! {
        /// Going from step to step visits every change there is, and ends at the end.
        #[test]
        fn nothing_changes_between_steps(over_ms in 0..100_000_u64, begin in 0..1_000_i64, ask in 0..1_000_u32) {
            let ramp = Ramp { begin: at(begin), over: Duration::from_millis(over_ms) };
            let (mut now, mut part, mut steps) = (at(begin - 1), 0.0, 0);
            while let Some(next) = ramp.next_step(now) {
                let between = next.duration_since(now) * i32::try_from(ask).unwrap() / 1000;
                prop_assert_eq!(ramp.part(now + between), part);
                prop_assert!(ramp.part(next) > part);
                (now, part, steps) = (next, ramp.part(next), steps + 1);
            }
            prop_assert_eq!((part, now), (1.0, ramp.end()));
            prop_assert!(steps <= 20 && steps <= over_ms / 1000 + 1);
        }
    }
}
