//! A pool in one address family: who sits where, what each site's deck holds right now, and which site serves an order.
//!
//! ```text
//! Pool + family ── Roster::new (config changed) ──► Roster ── deal (health changed) ──► Dealt ── choose (per query)
//! ──► Choice
//! ```
//!
//! A roster lists the sites of a pool and of the fallbacks behind it, and every endpoint that has an address in the
//! family; the classes of a route order just those sites. Dealing lays the standings over it: each site gets a level of
//! trust and a deck. Choosing walks an order twice or thrice at most and allocates nothing. Where the order comes from
//! is [`super::classes`]'s part, which card is drawn the deck's.

use super::deck::{Deck, Member, member_id};
use super::model::{Endpoint, Method, OnAllDown, Pool, Site};
use crate::health::{Probe, Standing};
use crate::wire::Rtype;
use std::net::IpAddr;
use std::sync::Arc;

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

impl Family {
    /// Both, in the order of their numbers.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family that a query type asks for.
    pub fn of(rtype: Rtype) -> Option<Self> {
        match rtype {
            Rtype::A => Some(Self::V4),
            Rtype::AAAA => Some(Self::V6),
            _ => None,
        }
    }

    /// The record type of its addresses.
    pub fn rtype(self) -> Rtype {
        match self {
            Self::V4 => Rtype::A,
            Self::V6 => Rtype::AAAA,
        }
    }

    /// How the address of an endpoint in this family is probed; none where it is taken for up.
    pub fn probe(self, endpoint: &Endpoint) -> Option<&Arc<Probe>> {
        match self {
            Self::V4 => endpoint.probe_a.as_ref(),
            Self::V6 => endpoint.probe_aaaa.as_ref(),
        }
    }

    /// The address of an endpoint in this family.
    pub fn address(self, endpoint: &Endpoint) -> Option<IpAddr> {
        match self {
            Self::V4 => endpoint.a.map(IpAddr::from),
            Self::V6 => endpoint.aaaa.map(IpAddr::from),
        }
    }
}

/// Who sits where: a pool, and behind it its fallbacks, in one family.
#[derive(Debug)]
pub struct Roster {
    /// The family.
    pub family: Family,
    /// Every site that any of the tiers has an endpoint at, in the order of their first mention.
    pub sites: Vec<Arc<Site>>,
    /// The pool, then its fallback, then that one's.
    pub tiers: Vec<RosterTier>,
}

/// One pool of a roster.
#[derive(Debug)]
pub struct RosterTier {
    /// The pool.
    pub pool: Arc<Pool>,
    /// By site of the roster: places in `pool.endpoints`.
    pub seats: Vec<Vec<usize>>,
    /// The number under which its first endpoint is counted; the others follow.
    pub first_slot: usize,
}

impl Roster {
    /// The roster of a pool; none if neither it nor a fallback has an address in the family.
    pub fn new(pool: &Arc<Pool>, family: Family) -> Option<Self> {
        let chain: Vec<&Arc<Pool>> =
            std::iter::successors(Some(pool), |pool| pool.fallback.as_ref()).collect();
        let mut sites: Vec<Arc<Site>> = Vec::new();
        let seated = |pool: &Arc<Pool>| {
            let pool = pool.clone();
            (0..pool.endpoints.len())
                .filter(move |&at| family.address(&pool.endpoints[at]).is_some())
        };
        for pool in &chain {
            for at in seated(pool) {
                let site = &pool.endpoints[at].site;
                if !sites.contains(site) {
                    sites.push(site.clone());
                }
            }
        }
        let tier = |pool: &&Arc<Pool>| {
            let mut seats = vec![Vec::new(); sites.len()];
            for at in seated(pool) {
                if let Some(site) = sites.iter().position(|site| *site == pool.endpoints[at].site) {
                    seats[site].push(at);
                }
            }
            RosterTier { pool: (*pool).clone(), seats, first_slot: 0 }
        };
        let tiers = chain.iter().map(tier).collect();
        (!sites.is_empty()).then_some(Self { family, sites, tiers })
    }

    /// Numbers its endpoints for counting, from `next` on; where the next roster begins.
    pub fn number_slots(&mut self, mut next: usize) -> usize {
        for tier in &mut self.tiers {
            tier.first_slot = next;
            next += tier.pool.endpoints.len();
        }
        next
    }

    /// Whether what a client gets can depend on its very network, and not on its class alone.
    pub fn is_by_network(&self) -> bool {
        let spread = |tier: &RosterTier| tier.seats.iter().any(|seats| seats.len() > 1);
        self.tiers.iter().any(|tier| tier.pool.method == Method::Hash && spread(tier))
    }
}

/// How far a site can be relied on, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Enough of its weight is up.
    Trusted,
    /// Something is up, but less than `min_up` of its weight.
    Degraded,
    /// Only endpoints of weight 0 are up.
    LastResort,
    /// Nothing is up.
    Dead,
}

/// A roster with its decks.
#[derive(Debug)]
pub struct Dealt {
    tiers: Vec<DealtTier>,
}

/// One pool of it.
#[derive(Debug)]
struct DealtTier {
    on_all_down: OnAllDown,
    sites: Vec<DealtSite>,
}

/// A site of a pool with its deck.
#[derive(Clone, Debug)]
pub struct DealtSite {
    /// How far it can be relied on.
    pub level: Level,
    /// What it hands out; for a dead site what is handed out all the same, if the pool says so.
    pub deck: Deck,
    /// By position in the deck: place in the pool's endpoints.
    pub members: Vec<usize>,
    /// By position in the deck: address, in network order; IPv4 in the first four octets.
    addresses: Vec<[u8; 16]>,
    address_bytes: usize,
    first_slot: usize,
    merit: Merit,
}

/// Why a site would be handed out though it is dead, best reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Merit {
    /// It was among the last that were good, and the pool goes by that.
    WasGood,
    /// Nobody took it out.
    Undrained,
    /// It is there.
    Drained,
}

impl DealtSite {
    /// The address at a position of the deck, in network order.
    pub fn address(&self, position: u16) -> &[u8] {
        &self.addresses[usize::from(position)][..self.address_bytes]
    }

    /// The number under which the endpoint at a position of the deck is counted.
    pub fn slot(&self, position: u16) -> usize {
        self.first_slot + self.members[usize::from(position)]
    }
}

/// Who serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A site of a tier.
    Site {
        /// Which pool: 0 is the name's own, 1 its fallback, and so on.
        tier: usize,
        /// Which site of the roster.
        site: usize,
        /// `Dead` if it is handed out all the same, by `on_all_down`.
        level: Level,
    },
    /// Nobody, because the route keeps the client out.
    Fenced,
    /// Nobody, because all are down: an empty answer.
    Nodata,
    /// Nobody, because all are down: a failure.
    Servfail,
}

impl Dealt {
    /// Deals a roster. `standing` tells of each endpoint whether it may be handed out; `last_good` whether it was among
    /// the last that were.
    pub fn deal(
        roster: &Roster,
        standing: impl Fn(&Pool, &Endpoint) -> Standing,
        last_good: impl Fn(&Pool, &Endpoint) -> bool,
    ) -> Self {
        let tiers = roster.tiers.iter().map(|tier| {
            let pool = &*tier.pool;
            let deal = |seats: &Vec<usize>| {
                let seats: Vec<Seat> = seats
                    .iter()
                    .map(|&at| {
                        let endpoint = &*pool.endpoints[at];
                        Seat {
                            at,
                            endpoint,
                            standing: standing(pool, endpoint),
                            was_good: last_good(pool, endpoint),
                        }
                    })
                    .collect();
                deal_site(tier, roster.family, &seats)
            };
            DealtTier {
                on_all_down: pool.on_all_down,
                sites: tier.seats.iter().map(deal).collect(),
            }
        });
        Self { tiers: tiers.collect() }
    }

    /// Who serves a client whose class orders the sites so.
    pub fn choose(&self, order: &[u16]) -> Choice {
        if order.is_empty() {
            return Choice::Fenced;
        }
        for (number, tier) in self.tiers.iter().enumerate() {
            for wanted in [Level::Trusted, Level::Degraded, Level::LastResort] {
                let serving = |&&site: &&u16| tier.sites[usize::from(site)].level == wanted;
                if let Some(&site) = order.iter().find(serving) {
                    return Choice::Site { tier: number, site: usize::from(site), level: wanted };
                }
            }
            match tier.on_all_down {
                OnAllDown::Fallback => {}
                OnAllDown::Nodata => return Choice::Nodata,
                OnAllDown::Servfail => return Choice::Servfail,
                OnAllDown::All | OnAllDown::LastGood => {
                    let seated = |&&site: &&u16| !tier.sites[usize::from(site)].members.is_empty();
                    // Of those with the same merit the first, as the order is by preference.
                    let merit = |&&site: &&u16| tier.sites[usize::from(site)].merit;
                    return match order.iter().filter(seated).min_by_key(merit) {
                        Some(&site) => Choice::Site {
                            tier: number,
                            site: usize::from(site),
                            level: Level::Dead,
                        },
                        None => Choice::Nodata,
                    };
                }
            }
        }
        // Only a chain whose last pool falls back to nothing comes here, which configuration refuses.
        Choice::Servfail
    }

    /// A site of a tier, as [`Choice::Site`] names it.
    pub fn site(&self, tier: usize, site: usize) -> &DealtSite {
        &self.tiers[tier].sites[site]
    }
}

struct Seat<'a> {
    at: usize,
    endpoint: &'a Endpoint,
    standing: Standing,
    was_good: bool,
}

fn deal_site(tier: &RosterTier, family: Family, seats: &[Seat<'_>]) -> DealtSite {
    let pool = &*tier.pool;
    let weight = |seats: &mut dyn Iterator<Item = &Seat<'_>>| -> u64 {
        seats.map(|seat| u64::from(seat.endpoint.weight)).sum()
    };
    let live: Vec<&Seat> = seats.iter().filter(|seat| seat.standing == Standing::Up).collect();
    // What is drained is out on purpose: its weight counts neither as up nor as missing.
    let expected = weight(&mut seats.iter().filter(|seat| seat.standing != Standing::Drained));
    let up = weight(&mut live.iter().copied());
    let level = match () {
        () if live.is_empty() => Level::Dead,
        () if up == 0 => Level::LastResort,
        // Divided and not multiplied: 55 of 100 is then the very number that `0.55` is read as.
        () if up as f64 / expected as f64 >= pool.min_up => Level::Trusted,
        () => Level::Degraded,
    };
    let (merit, handed) = match level {
        Level::Dead => in_spite_of_all(pool, seats),
        _ => (Merit::Undrained, live),
    };
    let members: Vec<Member> = handed
        .iter()
        .map(|seat| Member { id: member_id(&seat.endpoint.name), weight: seat.endpoint.weight })
        .collect();
    let octets = |seat: &&Seat<'_>| {
        let mut bytes = [0; 16];
        match family.address(seat.endpoint) {
            Some(IpAddr::V4(address)) => bytes[..4].copy_from_slice(&address.octets()),
            Some(IpAddr::V6(address)) => bytes = address.octets(),
            None => {}
        }
        bytes
    };
    DealtSite {
        level,
        deck: Deck::build(pool.method, pool.answers, &members),
        members: handed.iter().map(|seat| seat.at).collect(),
        addresses: handed.iter().map(octets).collect(),
        address_bytes: if family == Family::V4 { 4 } else { 16 },
        first_slot: tier.first_slot,
        merit,
    }
}

/// Whom a dead site hands out if it must: those that were good last if the pool says so, otherwise all that the
/// operator has not taken out, otherwise all.
fn in_spite_of_all<'a, 's>(pool: &Pool, seats: &'a [Seat<'s>]) -> (Merit, Vec<&'a Seat<'s>>) {
    let only = |keep: &dyn Fn(&Seat) -> bool| -> Vec<&'a Seat<'s>> {
        seats.iter().filter(|seat| keep(seat)).collect()
    };
    let good = only(&|seat| pool.on_all_down == OnAllDown::LastGood && seat.was_good);
    let undrained = only(&|seat| seat.standing != Standing::Drained);
    [(Merit::WasGood, good), (Merit::Undrained, undrained)]
        .into_iter()
        .find(|(_, some)| !some.is_empty())
        .unwrap_or_else(|| (Merit::Drained, seats.iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn site(name: &str) -> Arc<Site> {
        Arc::new(Site {
            zone: None,
            name: name.into(),
            title: name.into(),
            location: None,
            coordinates: None,
        })
    }

    /// Endpoints as `site weight`, named `site-N` and addressed 192.0.2.N by their place.
    fn pool(
        on_all_down: OnAllDown,
        fallback: Option<Arc<Pool>>,
        endpoints: &[(&str, u32)],
    ) -> Arc<Pool> {
        let endpoint = |(at, (name, weight)): (usize, &(&str, u32))| {
            Arc::new(Endpoint {
                name: format!("{name}-{at}"),
                site: site(name),
                a: Some(Ipv4Addr::new(192, 0, 2, at as u8)),
                aaaa: None,
                weight: *weight,
                probe_a: None,
                probe_aaaa: None,
            })
        };
        Arc::new(Pool {
            zone: None,
            name: "web".into(),
            answers: 8,
            method: Method::Weighted,
            min_up: 0.5,
            on_all_down,
            fallback,
            endpoints: endpoints.iter().enumerate().map(endpoint).collect(),
        })
    }

    fn dealt(roster: &Roster, standing: impl Fn(&str) -> Standing) -> Dealt {
        Dealt::deal(
            roster,
            |_, endpoint| standing(&endpoint.name),
            |_, endpoint| endpoint.name == "fra-1",
        )
    }

    /// Who serves the order `fra, iad`, and with which addresses.
    fn served(dealt: &Dealt, order: &[u16]) -> (Choice, Vec<u8>) {
        let choice = dealt.choose(order);
        let addresses = match choice {
            Choice::Site { tier, site, .. } => {
                let site = dealt.site(tier, site);
                let mut last: Vec<u8> =
                    site.deck.card(0).iter().map(|&at| site.address(at)[3]).collect();
                last.sort_unstable();
                last
            }
            _ => Vec::new(),
        };
        (choice, addresses)
    }

    #[test]
    fn the_first_site_with_enough_up_serves() {
        use Level::{Dead, Degraded, LastResort, Trusted};
        let pool = pool(OnAllDown::All, None, &[("fra", 3), ("fra", 1), ("fra", 0), ("iad", 1)]);
        let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
        let check = |down: &[&str], drained: &[&str], level, site, addresses: &[u8]| {
            let dealt = dealt(&roster, |name| match () {
                () if down.contains(&name) => Standing::Down,
                () if drained.contains(&name) => Standing::Drained,
                () => Standing::Up,
            });
            let expected = (Choice::Site { tier: 0, site, level }, addresses.to_vec());
            assert_eq!(served(&dealt, &[0, 1]), expected, "down {down:?}, drained {drained:?}");
        };
        check(&[], &[], Trusted, 0, &[0, 1]);
        check(&["fra-1"], &[], Trusted, 0, &[0]);
        check(&["fra-0"], &[], Trusted, 1, &[3]);
        check(&["fra-0", "iad-3"], &[], Degraded, 0, &[1]);
        check(&["fra-0", "fra-1", "iad-3"], &[], LastResort, 0, &[2]);
        check(&["fra-0", "fra-1", "fra-2", "iad-3"], &[], Dead, 0, &[0, 1]);
        // What is drained is not missed: one of four parts of weight is all there should be.
        check(&[], &["fra-0"], Trusted, 0, &[1]);
        check(&["fra-1"], &["fra-0"], Trusted, 1, &[3]);
        check(&["fra-1", "iad-3"], &["fra-0", "fra-2"], Dead, 0, &[1]);
    }

    #[test]
    fn a_share_is_met_by_just_that_share() {
        let mut pool =
            Arc::unwrap_or_clone(pool(OnAllDown::All, None, &[("fra", 55), ("fra", 45)]));
        pool.min_up = 0.55;
        let roster = Roster::new(&Arc::new(pool), Family::V4).expect("it has addresses");
        let up = |name: &str| if name == "fra-0" { Standing::Up } else { Standing::Down };
        let trusted = Choice::Site { tier: 0, site: 0, level: Level::Trusted };
        assert_eq!(dealt(&roster, up).choose(&[0]), trusted);
    }

    #[test]
    fn dead_sites_are_chosen_by_merit_then_by_order() {
        let check = |on_all_down, drained: &[&str], order: &[u16], site, addresses: &[u8]| {
            let pool = pool(on_all_down, None, &[("iad", 1), ("fra", 1), ("fra", 1)]);
            let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
            let standing = |name: &str| match drained.contains(&name) {
                true => Standing::Drained,
                false => Standing::Down,
            };
            let expected = Choice::Site { tier: 0, site, level: Level::Dead };
            let dealt = dealt(&roster, standing);
            assert_eq!(served(&dealt, order), (expected, addresses.to_vec()), "{on_all_down}");
        };
        check(OnAllDown::All, &[], &[0, 1], 0, &[0]);
        check(OnAllDown::All, &[], &[1, 0], 1, &[1, 2]);
        // What was taken out on purpose comes last of all.
        check(OnAllDown::All, &["iad-0"], &[0, 1], 1, &[1, 2]);
        check(OnAllDown::All, &["iad-0", "fra-1", "fra-2"], &[0, 1], 0, &[0]);
        // fra-1 is what was up last in the pool, wherever the client is.
        check(OnAllDown::LastGood, &[], &[0, 1], 1, &[1]);
        check(OnAllDown::LastGood, &[], &[0], 0, &[0]);
    }

    #[test]
    fn unknown_is_not_up() {
        let pool = pool(OnAllDown::Nodata, None, &[("fra", 1)]);
        let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
        assert_eq!(dealt(&roster, |_| Standing::Unknown).choose(&[0]), Choice::Nodata);
        assert_eq!(dealt(&roster, |_| Standing::Up).choose(&[]), Choice::Fenced);
    }

    #[test]
    fn when_all_are_down() {
        let spare = pool(OnAllDown::Servfail, None, &[("syd", 1)]);
        let check = |on_all_down,
                     fallback: Option<&Arc<Pool>>,
                     spare_up,
                     expected: (Choice, &[u8])| {
            let pool = pool(on_all_down, fallback.cloned(), &[("fra", 1), ("fra", 1)]);
            let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
            let dealt = dealt(&roster, |name| match name {
                "syd-0" if spare_up => Standing::Up,
                _ => Standing::Down,
            });
            let order: Vec<u16> = (0..roster.sites.len() as u16).collect();
            assert_eq!(served(&dealt, &order), (expected.0, expected.1.to_vec()), "{on_all_down}");
        };
        let dead = Choice::Site { tier: 0, site: 0, level: Level::Dead };
        check(OnAllDown::All, None, true, (dead, &[0, 1]));
        check(OnAllDown::LastGood, None, true, (dead, &[1]));
        check(OnAllDown::Nodata, None, true, (Choice::Nodata, &[]));
        check(OnAllDown::Servfail, None, true, (Choice::Servfail, &[]));
        let fallback = Choice::Site { tier: 1, site: 1, level: Level::Trusted };
        check(OnAllDown::Fallback, Some(&spare), true, (fallback, &[0]));
        check(OnAllDown::Fallback, Some(&spare), false, (Choice::Servfail, &[]));
    }

    #[test]
    fn a_roster_has_the_sites_of_its_family_only() {
        let pool = pool(OnAllDown::All, None, &[("fra", 1), ("iad", 1), ("fra", 1)]);
        assert!(Roster::new(&pool, Family::V6).is_none());
        let roster = Roster::new(&pool, Family::V4).expect("it has addresses");
        let names: Vec<&str> = roster.sites.iter().map(|site| &*site.name).collect();
        assert_eq!(names, ["fra", "iad"]);
        assert_eq!(roster.tiers[0].seats, [vec![0, 2], vec![1]]);
    }
}
