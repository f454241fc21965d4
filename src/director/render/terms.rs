//! What all formats ask of a director: who serves which VIP, weights that fit, names that pass, and how to say it.

use crate::steer::director::{Director, Mode, Protocol, Real, Scheduler};
use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// One address of the VIP and the reals that serve it.
#[derive(Clone, Debug)]
pub struct Front<'a> {
    /// The address.
    pub vip: IpAddr,
    /// In the order written.
    pub reals: Vec<&'a Real>,
}

/// The addresses of a director, each with its reals. A proxy makes connections of its own, to reals of either family;
/// a tunnel carries packets of either, and takes the other's only where there is none of its own. NAT and DR stay
/// within the family.
pub fn fronts(director: &Director) -> Vec<Front<'_>> {
    let of_family = |vip: IpAddr| {
        let same = |real: &&Real| real.address.is_ipv4() == vip.is_ipv4();
        director.reals.iter().filter(same).collect::<Vec<_>>()
    };
    let front = |vip: IpAddr| {
        let all = || director.reals.iter().collect();
        let reals = match (director.mode, of_family(vip)) {
            (Mode::Proxy, _) => all(),
            (Mode::Tun, own) if own.is_empty() => all(),
            (Mode::Nat | Mode::Dr | Mode::Tun, own) => own,
        };
        Front { vip, reals }
    };
    director.addresses().map(front).collect()
}

/// The weights, in proportion, none above `max`: as they are if they fit. What weighed something still does.
pub fn weights(reals: &[&Real], max: u32) -> Vec<u32> {
    let heaviest = reals.iter().map(|real| real.weight).max().unwrap_or(0);
    let scaled = |weight: u32| {
        if heaviest <= max || weight == 0 {
            return weight;
        }
        let (weight, heaviest) = (u64::from(weight), u64::from(heaviest));
        let rounded = (weight * u64::from(max) + heaviest / 2) / heaviest;
        u32::try_from(rounded).unwrap_or(max).max(1)
    };
    reals.iter().map(|real| scaled(real.weight)).collect()
}

/// An address as most programs write it in front of a port: IPv6 in brackets.
pub fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// A host's whole address as a prefix.
pub fn host_prefix(address: IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

/// The name with every character replaced by `_` that is neither ASCII alphanumeric nor in `others`.
pub fn tame(name: &str, others: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || others.contains(c) { c } else { '_' };
    let tamed: String = name.chars().map(keep).collect();
    if tamed.is_empty() { "_".into() } else { tamed }
}

/// Tells names apart that became equal.
#[derive(Debug, Default)]
pub struct Names(HashSet<String>);

impl Names {
    /// The name, or with the first free number after it.
    pub fn unique(&mut self, name: String) -> String {
        let numbered = (2u32..).map(|number| format!("{name}_{number}"));
        let free =
            std::iter::once(name.clone()).chain(numbered).find(|name| !self.0.contains(name));
        let free = free.unwrap_or(name);
        self.0.insert(free.clone());
        free
    }
}

/// What a director is, as the head of its part of a file.
pub fn title(director: &Director) -> String {
    let Director { name, site, service, mode, scheduler, .. } = director;
    format!("Director {name} of site {}: {service}, mode {mode}, scheduler {scheduler}.", site.name)
}

/// Where the file comes from.
pub const ORIGIN: &str =
    "Written by `fingerpost director render`: change fingerpost's configuration, not this file.";

/// Whether a scheduler looks at weights.
pub fn is_weighted(scheduler: Scheduler) -> bool {
    match scheduler {
        Scheduler::Rr | Scheduler::Lc => false,
        Scheduler::Wrr
        | Scheduler::Wlc
        | Scheduler::Sh
        | Scheduler::Mh
        | Scheduler::Sed
        | Scheduler::Nq => true,
    }
}

/// The statuses that a check takes for success: `200`, `200-299`.
pub fn statuses(expect: &[RangeInclusive<u16>]) -> Vec<String> {
    let status = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}-{last}"),
    };
    expect.iter().map(status).collect()
}

/// `TCP` or `UDP`.
pub fn upper(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{director, real};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights_fit_and_keep_their_order() {
        let check = |given: &[u32], max: u32, expected: &[u32]| {
            let reals: Vec<Real> =
                given.iter().map(|weight| real("10.0.0.2:80", *weight)).collect();
            let reals: Vec<&Real> = reals.iter().collect();
            assert_eq!(weights(&reals, max), expected, "{given:?}");
        };
        check(&[], 256, &[]);
        check(&[3, 0, 1], 256, &[3, 0, 1]);
        check(&[256, 1], 256, &[256, 1]);
        check(&[1000, 500, 1, 0], 256, &[256, 128, 1, 0]);
        check(&[u32::MAX, u32::MAX / 2], 65_535, &[65_535, 32_767]);
    }

    #[test]
    fn families_are_crossed_where_the_mode_can() {
        let check = |mode: Mode, addresses: &[&str], expected: [usize; 2]| {
            let mut director = director("lb", mode);
            director.aaaa = Some(std::net::Ipv6Addr::LOCALHOST);
            director.reals = addresses.iter().map(|address| real(address, 1)).collect();
            let counts: Vec<usize> =
                fronts(&director).iter().map(|front| front.reals.len()).collect();
            assert_eq!(counts, expected, "{mode} {addresses:?}");
        };
        let (one, other) = ("10.0.0.2:80", "[fd00::2]:80");
        for mode in [Mode::Nat, Mode::Dr] {
            check(mode, &[one, other], [1, 1]);
            check(mode, &[one], [1, 0]);
        }
        check(Mode::Tun, &[one, other], [1, 1]);
        check(Mode::Tun, &[one], [1, 1]);
        check(Mode::Tun, &[other], [1, 1]);
        check(Mode::Proxy, &[one, other], [2, 2]);
    }

    proptest! {
        #[test]
        fn what_weighs_still_does(given in proptest::collection::vec(any::<u32>(), 1..9)) {
            let reals: Vec<Real> = given.iter().map(|weight| real("10.0.0.2:80", *weight)).collect();
            let reals: Vec<&Real> = reals.iter().collect();
            for (scaled, weight) in weights(&reals, 256).into_iter().zip(given) {
                prop_assert!(scaled <= 256);
                prop_assert_eq!(scaled == 0, weight == 0);
            }
        }
    }

    #[test]
    fn names_are_tamed_and_told_apart() {
        assert_eq!(tame("[fd00::2]:80", "-_.:"), "_fd00::2_:80");
        assert_eq!(tame("", "-"), "_");
        let mut names = Names::default();
        let given = ["a", "a", "a_2", "a"].map(|name| names.unique(name.into()));
        assert_eq!(given, ["a", "a_2", "a_2_2", "a_3"]);
    }
}
