//! The operator's pins: up, down or drain, on an endpoint, a pool or a site, with a reason and an end.
//!
//! A pin is laid over the verdict and never erases it: when it ends, what the probes said meanwhile holds. The file
//! that pins are written in is read by the configuration; the clock is the caller's.

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

/// What a pin is on. A part that is left open matches all: `Site { zone: None, name: "fra" }` is every site of that
/// name, the server's own and any zone's.
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

/// One endpoint, as pins see it. The zones are those whose files define the site and the pool; none for the
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

/// One pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// What it is on.
    pub target: OverrideTarget,
    /// What it makes of it.
    pub pin: Pin,
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
}

/// All pins, in the order written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The pins, ended ones included.
    pub list: Vec<Override>,
}

impl Overrides {
    /// The pin that holds for an endpoint at `now`. One on the endpoint beats one on its pool beats one on its
    /// site, so that an exception can be made within what is pinned as a whole; of equally close ones the most
    /// cautious holds (down, drain, up), then the first written.
    pub fn pin_for(&self, subject: &Subject<'_>, now: Timestamp) -> Option<&Override> {
        self.list
            .iter()
            .filter(|pinned| pinned.in_force(now) && pinned.target.matches(subject))
            .min_by_key(|pinned| Reverse((pinned.target.closeness(), pinned.pin)))
    }

    /// When the next pin ends; what was compiled with these pins is stale from then on.
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        self.list.iter().filter_map(|pinned| pinned.until).filter(|&until| now < until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        Override { target, pin, until: until.map(at), reason: String::new(), by: None }
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

    #[test]
    fn next_expiry_is_the_soonest_to_come() {
        let untils = [None, Some(50), Some(300), Some(200)];
        let list = untils.iter().map(|&until| pinned("site fra", Pin::Up, until)).collect();
        let overrides = Overrides { list };
        let check = |now, next: Option<i64>| {
            assert_eq!(overrides.next_expiry(at(now)), next.map(at), "{now}");
        };
        check(0, Some(50));
        check(50, Some(200));
        check(250, Some(300));
        check(300, None);
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
