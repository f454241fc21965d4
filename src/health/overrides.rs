//! What operators lay over what is configured and probed, each with a reason and perhaps an end: pins (up, down or
//! drain) on an endpoint, a pool or a site, and planned weights of endpoints.
//!
//! A pin is laid over the verdict and never erases it: when it ends, what the probes said meanwhile holds. So is a
//! weight over the configured one. The two do not touch each other. The file that they are written in is read by the
//! configuration; the clock is the caller's.

mod plan;

pub use plan::Plan;

use crate::wire::Name;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::fmt;

/// What a pin makes of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pin {
    /// Taken for alive, whatever the probes say.
    Up,
    /// Given no new clients, though nothing is wrong with it.
    Drain,
    /// Taken for dead, whatever the probes say.
    Down,
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Drain => "drain",
            Self::Down => "down",
        })
    }
}

/// What an override does to its target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// Says how it stands.
    Pin(Pin),
    /// Says what it weighs.
    Weight(Plan),
}

impl Action {
    /// Whether both say how a target stands, or both what it weighs: then one takes the other's place.
    pub fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pin(pin) => pin.fmt(f),
            Self::Weight(plan) => plan.fmt(f),
        }
    }
}

/// What an override is on. A part that is left open matches all: `Site { zone: None, name: "fra" }` is every site of
/// that name, the server's own and any zone's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OverrideTarget {
    /// Every endpoint at a site.
    Site {
        /// The zone whose file defines the site.
        zone: Option<Name>,
        /// The site's name.
        name: String,
    },
    /// Every endpoint of a pool.
    Pool {
        /// The zone whose file defines the pool.
        zone: Option<Name>,
        /// The pool's name.
        name: String,
    },
    /// One endpoint, or all of that name.
    Endpoint {
        /// The zone whose file defines the pool.
        zone: Option<Name>,
        /// The pool that it is in.
        pool: Option<String>,
        /// The endpoint's name.
        name: String,
    },
}

impl OverrideTarget {
    /// Whether the target takes in this endpoint.
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        let in_zone = |zone: &Option<Name>, defined_in: Option<&Name>| {
            zone.as_ref().is_none_or(|zone| Some(zone) == defined_in)
        };
        match self {
            Self::Site { zone, name } => name == subject.site && in_zone(zone, subject.site_zone),
            Self::Pool { zone, name } => name == subject.pool && in_zone(zone, subject.pool_zone),
            Self::Endpoint { zone, pool, name } => {
                name == subject.endpoint
                    && pool.as_ref().is_none_or(|pool| pool == subject.pool)
                    && in_zone(zone, subject.pool_zone)
            }
        }
    }

    /// How closely it aims: the greater wins.
    fn closeness(&self) -> u8 {
        match self {
            Self::Site { .. } => 0,
            Self::Pool { .. } => 1,
            Self::Endpoint { .. } => 2,
        }
    }

    /// How much of the endpoint's place is said, pool before zone.
    fn narrowness(&self) -> (bool, bool) {
        match self {
            Self::Site { zone, .. } | Self::Pool { zone, .. } => (false, zone.is_some()),
            Self::Endpoint { zone, pool, .. } => (pool.is_some(), zone.is_some()),
        }
    }
}

/// `site fra`, `pool web of example.com.`, `endpoint fra-1 in web of example.com.`
impl fmt::Display for OverrideTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = match self {
            Self::Site { zone, name } => {
                write!(f, "site {name}")?;
                zone
            }
            Self::Pool { zone, name } => {
                write!(f, "pool {name}")?;
                zone
            }
            Self::Endpoint { zone, pool, name } => {
                write!(f, "endpoint {name}")?;
                if let Some(pool) = pool {
                    write!(f, " in {pool}")?;
                }
                zone
            }
        };
        zone.as_ref().map_or(Ok(()), |zone| write!(f, " of {zone}"))
    }
}

/// One endpoint, as overrides see it. The zones are those whose files define the site and the pool; none for the
/// server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// Where the site is defined.
    pub site_zone: Option<&'a Name>,
    /// The site's name.
    pub site: &'a str,
    /// Where the pool is defined.
    pub pool_zone: Option<&'a Name>,
    /// The pool's name.
    pub pool: &'a str,
    /// The endpoint's name.
    pub endpoint: &'a str,
}

/// One override.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// What it is on; a weight is on an endpoint, or on all of its name.
    pub target: OverrideTarget,
    /// What it makes of it.
    pub action: Action,
    /// The first instant at which it no longer holds; none: until it is taken away.
    pub until: Option<Timestamp>,
    /// Why, for people.
    pub reason: String,
    /// Who set it.
    pub by: Option<String>,
}

impl Override {
    /// Whether it holds at `now`.
    pub fn in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The pin that it is, if it is one.
    pub fn pin(&self) -> Option<Pin> {
        match self.action {
            Action::Pin(pin) => Some(pin),
            Action::Weight(_) => None,
        }
    }

    /// The weight that it plans, if it does.
    pub fn plan(&self) -> Option<Plan> {
        match self.action {
            Action::Pin(_) => None,
            Action::Weight(plan) => Some(plan),
        }
    }
}

/// All overrides, in the order written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// The overrides, ended ones included.
    pub list: Vec<Override>,
}

impl Overrides {
    /// The pin that holds for an endpoint at `now`. One on the endpoint beats one on its pool beats one on its
    /// site, so that an exception can be made within what is pinned as a whole; of equally close ones the most
    /// cautious holds (down, drain, up), then the first written.
    pub fn pin_for(&self, subject: &Subject<'_>, now: Timestamp) -> Option<&Override> {
        let pins = self.holding(subject, now).filter_map(|pinned| Some((pinned.pin()?, pinned)));
        let closest = pins.min_by_key(|(pin, pinned)| Reverse((pinned.target.closeness(), *pin)));
        closest.map(|(_, pinned)| pinned)
    }

    /// The override that says what an endpoint weighs at `now`. One that names its pool beats one on all of its name,
    /// then one that names the zone beats one that does not; of equally narrow ones the first written holds.
    pub fn weight_for(&self, subject: &Subject<'_>, now: Timestamp) -> Option<&Override> {
        let plans = self.holding(subject, now).filter(|planned| planned.plan().is_some());
        plans.min_by_key(|planned| Reverse(planned.target.narrowness()))
    }

    /// What an endpoint of this configured weight weighs at `now`.
    pub fn weighed(&self, subject: &Subject<'_>, configured: u32, now: Timestamp) -> f64 {
        let plan = self.weight_for(subject, now).and_then(Override::plan);
        plan.map_or(f64::from(configured), |plan| plan.at(configured, now))
    }

    /// When the next override ends or the next planned weight takes a step; what was compiled with these overrides is
    /// stale from then on.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let in_force = self.list.iter().filter(|one| one.in_force(now));
        let next = |one: &Override| {
            let step = one.plan().and_then(|plan| plan.next_change(now));
            step.into_iter().chain(one.until).min()
        };
        in_force.filter_map(next).min()
    }

    fn holding(&self, subject: &Subject<'_>, now: Timestamp) -> impl Iterator<Item = &Override> {
        let holds = move |one: &&Override| one.in_force(now) && one.target.matches(subject);
        self.list.iter().filter(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn name(text: &str) -> Name {
        Name::parse(text, None).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// `site fra`, `pool web@example.com`, `endpoint e1/web@example.com`; the pin; until.
    fn pinned(target: &str, pin: Pin, until: Option<i64>) -> Override {
        let (kind, rest) = target.split_once(' ').unwrap();
        let (rest, zone) = rest.split_once('@').map_or((rest, None), |(r, z)| (r, Some(name(z))));
        let target = match kind {
            "site" => OverrideTarget::Site { zone, name: rest.into() },
            "pool" => OverrideTarget::Pool { zone, name: rest.into() },
            _ => {
                let (name, pool) = rest.split_once('/').map_or((rest, None), |(n, p)| (n, Some(p)));
                OverrideTarget::Endpoint { zone, pool: pool.map(Into::into), name: name.into() }
            }
        };
        let action = Action::Pin(pin);
        Override { target, action, until: until.map(at), reason: String::new(), by: None }
    }

    /// Endpoint e1 at the server's site fra, in pool web of example.com, asked at second 100.
    #[test]
    fn which_pin_holds() {
        let zone = name("example.com");
        let subject = Subject {
            site_zone: None,
            site: "fra",
            pool_zone: Some(&zone),
            pool: "web",
            endpoint: "e1",
        };
        let check = |list: &[(&str, Pin, Option<i64>)], expected: Option<usize>| {
            let list: Vec<_> = list.iter().map(|&(t, p, u)| pinned(t, p, u)).collect();
            let overrides = Overrides { list };
            let found = overrides.pin_for(&subject, at(100));
            assert_eq!(found, expected.map(|index| &overrides.list[index]), "{overrides:?}");
        };
        check(&[], None);
        check(&[("site iad", Pin::Down, None), ("pool api", Pin::Down, None)], None);
        check(&[("site fra", Pin::Drain, None)], Some(0));
        check(&[("site fra@example.com", Pin::Drain, None)], None);
        check(&[("pool web@example.com", Pin::Down, None)], Some(0));
        check(&[("pool web@example.net", Pin::Down, None)], None);
        check(&[("endpoint e1", Pin::Up, None)], Some(0));
        check(&[("endpoint e1/api", Pin::Up, None), ("endpoint e2/web", Pin::Up, None)], None);
        check(&[("endpoint e1/web@example.com", Pin::Up, None)], Some(0));
        check(&[("site fra", Pin::Down, None), ("pool web", Pin::Drain, None)], Some(1));
        check(&[("endpoint e1", Pin::Up, None), ("pool web", Pin::Down, None)], Some(0));
        check(&[("site fra", Pin::Up, None), ("site fra", Pin::Drain, None)], Some(1));
        check(&[("site fra", Pin::Down, None), ("site fra", Pin::Drain, None)], Some(0));
        check(&[("site fra", Pin::Up, None), ("site fra", Pin::Up, Some(200))], Some(0));
        check(&[("site fra", Pin::Down, Some(100))], None);
        check(&[("site fra", Pin::Down, Some(101))], Some(0));
        check(&[("endpoint e1", Pin::Up, Some(99)), ("site fra", Pin::Down, None)], Some(1));
    }

    fn weighing(target: &str, plan: Plan, until: Option<i64>) -> Override {
        Override { action: Action::Weight(plan), ..pinned(target, Pin::Up, until) }
    }

    /// The same endpoint, of the configured weight 10.
    #[test]
    fn which_weight_holds() {
        let zone = name("example.com");
        let subject = Subject {
            site_zone: None,
            site: "fra",
            pool_zone: Some(&zone),
            pool: "web",
            endpoint: "e1",
        };
        let check = |list: &[(&str, u32, Option<i64>)], expected: f64| {
            let plan = |&(target, weight, until): &(&str, u32, Option<i64>)| {
                weighing(target, Plan::at_once(weight), until)
            };
            let mut overrides = Overrides { list: list.iter().map(plan).collect() };
            assert_eq!(overrides.weighed(&subject, 10, at(100)), expected, "{list:?}");
            assert_eq!(overrides.pin_for(&subject, at(100)), None);
            // A pin on the same target changes nothing of it.
            overrides.list.insert(0, pinned("endpoint e1/web", Pin::Drain, None));
            assert_eq!(overrides.weighed(&subject, 10, at(100)), expected, "{list:?}");
            assert_eq!(overrides.pin_for(&subject, at(100)), Some(&overrides.list[0]));
        };
        check(&[], 10.0);
        check(&[("endpoint e2", 4, None), ("endpoint e1/api", 5, None)], 10.0);
        check(&[("endpoint e1", 4, None)], 4.0);
        check(&[("endpoint e1", 4, Some(100))], 10.0);
        check(&[("endpoint e1", 4, None), ("endpoint e1/web", 5, None)], 5.0);
        check(&[("endpoint e1@example.com", 4, None), ("endpoint e1/web", 5, None)], 5.0);
        check(&[("endpoint e1/web", 4, None), ("endpoint e1/web@example.com", 5, None)], 5.0);
        check(&[("endpoint e1/web", 4, None), ("endpoint e1/web", 5, None)], 4.0);
    }

    #[test]
    fn next_change_is_the_soonest_to_come() {
        let untils = [None, Some(50), Some(300), Some(200)];
        let pins = untils.iter().map(|&until| pinned("site fra", Pin::Up, until));
        let mut overrides = Overrides { list: pins.collect() };
        let check = |overrides: &Overrides, now, next: Option<i64>| {
            assert_eq!(overrides.next_change(at(now)), next.map(at), "{now}");
        };
        check(&overrides, 0, Some(50));
        check(&overrides, 50, Some(200));
        check(&overrides, 250, Some(300));
        check(&overrides, 300, None);
        let over = Duration::from_secs(200);
        let plan = Plan { begin: Some(at(100)), over, ..Plan::at_once(20) };
        overrides.list = vec![weighing("endpoint e1", plan, Some(115))];
        check(&overrides, 0, Some(110));
        check(&overrides, 110, Some(115));
        check(&overrides, 115, None);
    }

    #[test]
    fn targets_read_well() {
        let check = |target, expected: &str| {
            assert_eq!(pinned(target, Pin::Up, None).target.to_string(), expected);
        };
        check("site fra", "site fra");
        check("pool web@example.com", "pool web of example.com.");
        check("endpoint e1/web@example.com", "endpoint e1 in web of example.com.");
        check("endpoint e1", "endpoint e1");
    }
}
