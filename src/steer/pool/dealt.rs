//! A roster with health laid over it: each site's level, admission and deck, and which site serves an order.

use super::admission::{Admission, Overflow};
use super::roster::{Family, Roster, RosterTier};
use super::standings::{Standings, Weight};
use crate::health::Standing;
use crate::steer::deck::{Deck, Member, member_id};
use crate::steer::model::{Endpoint, Method, OnAllDown, Pool};
use std::net::IpAddr;

/// What a weight of 1 is to a deck, so that parts of it can be told apart.
const WEIGHT_UNIT: f64 = 65_536.0;
/// The largest weight of a deck, 2⁴⁴: 4,096 of them stay within what a deck can add up.
const DECK_WEIGHT_MAX: f64 = 17_592_186_044_416.0;

/// How far a site can be relied on, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Enough of its weight is up.
    Trusted,
    /// Something is up, but less than `min_up` of its weight.
    Degraded,
    /// Only endpoints of weight 0 are up.
    LastResort,
    /// Only endpoints that are held back are alive: handed out where nothing else is, a fallback included.
    Held,
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
    /// Whether any site takes a part of its clients only.
    is_shedding: bool,
}

/// A site of a pool with its deck.
#[derive(Clone, Debug)]
pub struct DealtSite {
    /// How far it can be relied on.
    pub level: Level,
    /// Which of the networks that prefer it a trusted site takes.
    pub admission: Admission,
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
    /// Deals a roster by what is known of its endpoints.
    pub fn deal(roster: &Roster, standings: &(impl Standings + ?Sized)) -> Self {
        let is_by_network = roster.is_by_network();
        let tiers = roster.tiers.iter().map(|tier| {
            let pool = &*tier.pool;
            let seat = |&at: &usize| {
                let endpoint = &*pool.endpoints[at];
                Seat {
                    at,
                    endpoint,
                    standing: standings.standing(pool, endpoint, roster.family),
                    was_good: standings.was_good(pool, endpoint, roster.family),
                    weight: standings.weight(pool, endpoint, roster.family),
                }
            };
            let deal = |(number, seats): (usize, &Vec<usize>)| {
                let seats: Vec<Seat> = seats.iter().map(seat).collect();
                let mut dealt = deal_site(tier, roster.family, &seats);
                if is_by_network && pool.sheds() {
                    let site = &roster.sites[number];
                    let by_load = standings.admission(pool, site, roster.family);
                    dealt.admission = Admission::new(pool, site, intake(pool, &seats), by_load);
                }
                dealt
            };
            let sites: Vec<DealtSite> = tier.seats.iter().enumerate().map(deal).collect();
            let is_shedding = sites.iter().any(|site| !site.admission.is_whole());
            DealtTier { on_all_down: pool.on_all_down, sites, is_shedding }
        });
        Self { tiers: tiers.collect() }
    }

    /// Who serves a client whose class orders the sites so, and whose network has this
    /// [hash](crate::steer::deck::network_hash).
    pub fn choose(&self, order: &[u16], network_hash: u64) -> Choice {
        self.choose_from(0, order, network_hash)
    }

    /// What clients get who may go anywhere, of the pool of this tier and those behind it: the tier that serves and its
    /// level, or what there is instead. These depend neither on an order of all sites nor on a network; the site does,
    /// and is the first of several here.
    pub fn choose_anywhere(&self, tier: usize) -> Choice {
        let sites = self.tiers.first().map_or(0, |tier| tier.sites.len());
        // Sites are numbered as orders number them.
        let order: Vec<u16> = (0..=u16::MAX).take(sites).collect();
        self.choose_from(tier, &order, 0)
    }

    fn choose_from(&self, tier: usize, order: &[u16], network_hash: u64) -> Choice {
        if order.is_empty() {
            return Choice::Fenced;
        }
        let mut held = None;
        for (number, tier) in self.tiers.iter().enumerate().skip(tier) {
            for wanted in [Level::Trusted, Level::Degraded, Level::LastResort] {
                let first = match wanted {
                    Level::Trusted if tier.is_shedding => tier.admitting(order, network_hash),
                    _ => tier.of_level(order, wanted).next(),
                };
                if let Some(site) = first {
                    return Choice::Site { tier: number, site, level: wanted };
                }
            }
            let of_tier = tier.of_level(order, Level::Held).next();
            let choice = |site| Choice::Site { tier: number, site, level: Level::Held };
            held = held.or(of_tier.map(choice));
            if let (Some(held), true) = (held, tier.on_all_down != OnAllDown::Fallback) {
                return held;
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
        held.unwrap_or(Choice::Servfail)
    }

    /// Who serves the clients of a class, each with its part of their networks; the parts add up to 1.
    pub fn split(&self, order: &[u16]) -> Vec<(Choice, f64)> {
        let whole = self.choose(order, 0);
        let Choice::Site { tier, level: Level::Trusted, .. } = whole else {
            return vec![(whole, 1.0)];
        };
        let sites = &self.tiers[tier].sites;
        let trusted: Vec<usize> = self.tiers[tier].of_level(order, Level::Trusted).collect();
        let admissions: Vec<&Admission> =
            trusted.iter().map(|&site| &sites[site].admission).collect();
        let parts = Admission::split(&admissions);
        let choice = |site| Choice::Site { tier, site, level: Level::Trusted };
        let served = trusted.into_iter().map(choice).zip(parts);
        served.filter(|(_, part)| *part > 0.0).collect()
    }

    /// A site of a tier, as [`Choice::Site`] names it.
    pub fn site(&self, tier: usize, site: usize) -> &DealtSite {
        &self.tiers[tier].sites[site]
    }
}

impl DealtTier {
    /// The sites of a level, in this order.
    fn of_level(&self, order: &[u16], level: Level) -> impl Iterator<Item = usize> + Clone {
        let sites = order.iter().map(|&site| usize::from(site));
        sites.filter(move |&site| self.sites[site].level == level)
    }

    /// The first trusted site that takes the network; if none does, one of them by what room each has. None only if
    /// no site is trusted.
    fn admitting(&self, order: &[u16], network_hash: u64) -> Option<usize> {
        let mut trusted = self.of_level(order, Level::Trusted);
        let overflow = Overflow::new(trusted.clone().map(|site| &self.sites[site].admission));
        let admits = |&site: &usize| self.sites[site].admission.takes(network_hash);
        trusted.clone().find(admits).or_else(|| trusted.nth(overflow.pick(network_hash)))
    }
}

struct Seat<'a> {
    at: usize,
    endpoint: &'a Endpoint,
    standing: Standing,
    was_good: bool,
    weight: Weight,
}

fn deal_site(tier: &RosterTier, family: Family, seats: &[Seat<'_>]) -> DealtSite {
    let pool = &*tier.pool;
    let of =
        |standing| seats.iter().filter(|seat| seat.standing == standing).collect::<Vec<&Seat>>();
    let (live, held) = (of(Standing::Up), of(Standing::Held));
    let up: f64 = live.iter().map(|seat| seat.weight.sound()).sum();
    let level = match () {
        () if live.is_empty() && held.is_empty() => Level::Dead,
        () if live.is_empty() => Level::Held,
        () if up <= 0.0 => Level::LastResort,
        // Divided and not multiplied: 55 of 100 is then the very number that `0.55` is read as.
        () if up / expected(seats) >= pool.min_up => Level::Trusted,
        () => Level::Degraded,
    };
    let (merit, handed) = match level {
        Level::Dead => in_spite_of_all(pool, seats),
        // What is held back is alive, and better than nothing.
        Level::Held => (Merit::Undrained, held),
        _ => (Merit::Undrained, live),
    };
    let members: Vec<Member> = handed
        .iter()
        .map(|seat| Member {
            id: member_id(&seat.endpoint.name),
            weight: deck_weight(pool.method, seat.weight),
        })
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
        admission: Admission::WHOLE,
        deck: Deck::build(pool.method, pool.answers, &members),
        members: handed.iter().map(|seat| seat.at).collect(),
        addresses: handed.iter().map(octets).collect(),
        address_bytes: if family == Family::V4 { 4 } else { 16 },
        first_slot: tier.first_slot,
        merit,
    }
}

/// What should be up. What is drained is out on purpose: its weight counts neither as up nor as missing.
fn expected(seats: &[Seat<'_>]) -> f64 {
    let there = seats.iter().filter(|seat| seat.standing != Standing::Drained);
    there.map(|seat| seat.weight.nominal).sum()
}

/// What a site is trusted to carry, as a part of what it must carry to serve all of its clients. Behind directors every
/// real server counts; of plain endpoints, `min_up` says how many suffice. What is on its way back counts for as much
/// as it will be: a site that returns as a whole grows over all of its slow start.
fn intake(pool: &Pool, seats: &[Seat<'_>]) -> f64 {
    let is_by_weight = seats.iter().any(|seat| seat.endpoint.vip.is_some());
    let suffices = expected(seats) * if is_by_weight { 1.0 } else { pool.min_up };
    let live = || seats.iter().filter(|seat| seat.standing == Standing::Up);
    let ramping = live().filter(|seat| seat.weight.ramp < 1.0);
    let needed = suffices.max(ramping.map(|seat| seat.weight.present()).sum());
    let carried: f64 = live().map(|seat| seat.weight.carried()).sum();
    if needed > 0.0 { (carried / needed).min(1.0) } else { 1.0 }
}

/// The weight as a deck counts: what weighs anything weighs at least something.
fn deck_weight(method: Method, weight: Weight) -> u64 {
    let units = Weight { nominal: method.counted(weight.nominal), ..weight }.dealt() * WEIGHT_UNIT;
    if units > 0.0 { units.round().clamp(1.0, DECK_WEIGHT_MAX) as u64 } else { 0 }
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
