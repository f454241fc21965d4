//! A planned weight: what an endpoint weighs while an operator moves it from one weight to another.

use crate::health::ramp::Ramp;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::time::Duration;

/// A planned weight: at `begin` from what it was to another one, evenly and in [steps](Ramp).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// What the endpoint weighs in the end.
    pub weight: u32,
    /// What it weighs until the plan begins; none: as configured.
    pub from: Option<f64>,
    /// When it begins; none: it holds in full.
    pub begin: Option<Timestamp>,
    /// How long it takes from there.
    pub over: Duration,
}

impl Plan {
    /// A weight that holds in full.
    pub fn at_once(weight: u32) -> Self {
        Self { weight, from: None, begin: None, over: Duration::ZERO }
    }

    /// What an endpoint of this configured weight weighs.
    pub fn at(&self, configured: u32, now: Timestamp) -> f64 {
        let (from, to) = (self.from.unwrap_or(f64::from(configured)), f64::from(self.weight));
        match self.ramp().map_or(1.0, |ramp| ramp.part(now)) {
            1.0 => to,
            part => from + (to - from) * part,
        }
    }

    /// When the weight is reached; none if it holds in full from the start.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.ramp().map(Ramp::end)
    }

    /// When what the endpoint weighs changes next.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.ramp()?.next_step(now)
    }

    fn ramp(&self) -> Option<Ramp> {
        self.begin.map(|begin| Ramp { begin, over: self.over })
    }
}

/// `weight 40`, `weight 40 over 30m`
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "weight {}", self.weight)?;
        match SignedDuration::try_from(self.over) {
            Ok(over) if !over.is_zero() => write!(f, " over {over:#}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// To 40 from 1000 on, of a configured 10.
    #[test]
    fn what_it_weighs() {
        let check = |from, over_s: u64, now: i64, weighs: f64, next: Option<i64>| {
            let over = Duration::from_secs(over_s);
            let plan = Plan { weight: 40, from, begin: Some(at(1000)), over };
            assert_eq!(plan.at(10, at(now)), weighs, "{plan:?} {now}");
            assert_eq!(plan.next_change(at(now)), next.map(at), "{plan:?} {now}");
        };
        check(None, 200, 999, 10.0, Some(1010));
        check(None, 200, 1000, 10.0, Some(1010));
        check(None, 200, 1010, 11.5, Some(1020));
        check(None, 200, 1100, 25.0, Some(1110));
        check(None, 200, 1200, 40.0, None);
        check(Some(50.0), 200, 900, 50.0, Some(1010));
        check(Some(50.0), 200, 1100, 45.0, Some(1110));
        check(Some(0.5), 0, 999, 0.5, Some(1000));
        check(Some(0.5), 0, 1000, 40.0, None);
        let at_once = Plan::at_once(40);
        assert_eq!((at_once.at(10, at(0)), at_once.ends_at()), (40.0, None));
    }

    #[test]
    fn plans_read_well() {
        let check = |over_s: u64, expected: &str| {
            let plan = Plan { over: Duration::from_secs(over_s), ..Plan::at_once(40) };
            assert_eq!(plan.to_string(), expected);
        };
        check(0, "weight 40");
        check(1800, "weight 40 over 30m");
        check(5400, "weight 40 over 1h 30m");
    }
}
