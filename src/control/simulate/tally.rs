//! Shares and moves, from who is in which class and what serves each class.

use super::clients::Clients;
use super::joint::Joint;
use super::side::Side;
use super::view::{
    ByClients, Change, EndpointShare, Move, ROUNDING, SiteShare, Steered, Unanswered, Uncounted,
};
use crate::snapshot::FamilyPlan;
use crate::steer::pool::{Choice, Dealt, Level, Roster};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place<'a> {
    /// Addresses at a site.
    Site(&'a str),
    /// Plain records, as the name is not steered.
    Plain,
    /// None, and why.
    Unanswered(&'static str),
}

impl Place<'_> {
    fn shown(self) -> String {
        match self {
            Self::Site(site) => site.to_owned(),
            Self::Plain => "plain records".to_owned(),
            Self::Unanswered(why) => format!("no answer ({why})"),
        }
    }

    fn is_unanswered(self) -> bool {
        matches!(self, Self::Unanswered(_))
    }
}

/// One side of a name in a family.
pub(super) struct Half<'a> {
    rosters: Option<(&'a Roster, &'a Dealt)>,
    /// By class.
    outcomes: Vec<Outcome<'a>>,
}

#[derive(Clone, Copy)]
struct Outcome<'a> {
    place: Place<'a>,
    /// Where a site serves: the tier and the number of the site.
    served: Option<(usize, usize)>,
    level: Option<Level>,
}

impl<'a> Half<'a> {
    /// `instead` is what there is without a plan.
    pub(super) fn new(side: &'a Side, plan: Option<&FamilyPlan>, instead: Place<'a>) -> Self {
        let Some(plan) = plan else {
            let outcomes = vec![Outcome { place: instead, served: None, level: None }];
            return Self { rosters: None, outcomes };
        };
        let (roster, dealt) = (&side.rosters[plan.roster], &side.dealt[plan.roster]);
        let outcome = |order: &Box<[u16]>| {
            let without = |why| (Place::Unanswered(why), None, None);
            let (place, served, level) = match dealt.choose(order) {
                Choice::Site { tier, site, level } => {
                    (Place::Site(&roster.sites[site].name), Some((tier, site)), Some(level))
                }
                Choice::Fenced => without("fenced"),
                Choice::Nodata => without("nodata"),
                Choice::Servfail => without("servfail"),
            };
            Outcome { place, served, level }
        };
        Self {
            rosters: Some((roster, dealt)),
            outcomes: plan.classes.orders.iter().map(outcome).collect(),
        }
    }

    fn pool(&self) -> Option<&'a str> {
        self.rosters.map(|(roster, _)| &*roster.tiers[0].pool.name)
    }
}

/// A comparison of one name in one family, yet without names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tally(Steered);

impl Tally {
    /// With the names that it is about.
    pub(super) fn told(&self, names: Vec<String>, types: Vec<&'static str>) -> Steered {
        Steered { names, types, ..self.0.clone() }
    }
}

/// Adds everybody up.
pub(super) fn tally(
    before: &Half<'_>,
    after: &Half<'_>,
    joint: &Joint,
    clients: &Clients,
) -> Tally {
    let mut sums = Sums::new(clients);
    for part in &joint.parts {
        let total = clients.populations()[part.population].total;
        let halves = [&before.outcomes[part.before as usize], &after.outcomes[part.after as usize]];
        sums.add(halves, part.population, part.country, part.weight / total);
    }
    let pool = after.pool().or(before.pool()).unwrap_or_default().to_owned();
    let sites = sites([before, after], &sums);
    let mut steered = Steered {
        names: Vec::new(),
        types: Vec::new(),
        pool,
        changed: false,
        unanswered: sums.unanswered(),
        uncounted: uncounted(before, after, joint),
        moves: sums.moves(),
        moved: sums.moved,
        lost: sums.lost,
        fail_open: sums.fail_open,
        fallback: sums.fallback,
        degraded: sums.degraded,
        sites,
    };
    steered.changed = is_changed(&steered);
    Tally(steered)
}

fn is_changed(steered: &Steered) -> bool {
    let endpoints = steered.sites.iter().flat_map(|site| &site.endpoints);
    let mut changes = endpoints
        .flat_map(|endpoint| endpoint.listed.values().chain(endpoint.first.values()))
        .chain(steered.fail_open.values());
    !steered.moves.is_empty()
        || !steered.uncounted.is_empty()
        || steered.shift_max() > ROUNDING
        || changes.any(|change| change.is_change())
}

/// What has been added up; parts of all clients of a population.
struct Sums<'a, 'c> {
    clients: &'c Clients,
    /// Site as a tier serves it, by side → part.
    served: [BTreeMap<(usize, usize), ByClients<f64>>; 2],
    shares: BTreeMap<Place<'a>, ByClients<Change>>,
    /// Country, from, to → part.
    flows: BTreeMap<(u32, Place<'a>, Place<'a>), ByClients<f64>>,
    moved: ByClients<f64>,
    lost: ByClients<f64>,
    fail_open: ByClients<Change>,
    fallback: ByClients<Change>,
    degraded: ByClients<Change>,
}

impl<'a, 'c> Sums<'a, 'c> {
    fn new(clients: &'c Clients) -> Self {
        Self {
            clients,
            served: Default::default(),
            shares: BTreeMap::new(),
            flows: BTreeMap::new(),
            moved: nobody(clients),
            lost: nobody(clients),
            fail_open: nobody(clients),
            fallback: nobody(clients),
            degraded: nobody(clients),
        }
    }

    fn add(&mut self, halves: [&Outcome<'a>; 2], population: usize, country: u32, part: f64) {
        let clients = self.clients;
        let name = clients.populations()[population].name;
        for (at, half) in halves.into_iter().enumerate() {
            let count = |sums: &mut ByClients<Change>| {
                let change = sums.entry(name).or_default();
                *(if at == 0 { &mut change.before } else { &mut change.after }) += part;
            };
            count(self.shares.entry(half.place).or_insert_with(|| nobody(clients)));
            if let Some(served) = half.served {
                *self.served[at].entry(served).or_default().entry(name).or_default() += part;
            }
            match half.level {
                Some(Level::Dead) => count(&mut self.fail_open),
                Some(Level::Degraded | Level::LastResort) => count(&mut self.degraded),
                Some(Level::Trusted) | None => {}
            }
            if matches!(half.served, Some((1.., _))) {
                count(&mut self.fallback);
            }
        }
        let [from, to] = halves.map(|half| half.place);
        if from != to {
            let flow = self.flows.entry((country, from, to)).or_default();
            *flow.entry(name).or_default() += part;
            *self.moved.entry(name).or_default() += part;
            if to.is_unanswered() && !from.is_unanswered() {
                *self.lost.entry(name).or_default() += part;
            }
        }
    }

    fn unanswered(&self) -> Vec<Unanswered> {
        let row = |(place, share): (&Place, &ByClients<Change>)| match place {
            Place::Unanswered(why) => Some(Unanswered { why, share: share.clone() }),
            _ => None,
        };
        self.shares.iter().filter_map(row).collect()
    }

    fn moves(&self) -> Vec<Move> {
        let clients = self.clients;
        let row = |(&(country, from, to), of_all): (&(u32, Place, Place), &ByClients<f64>)| {
            let of_country =
                clients.populations().iter().enumerate().filter_map(|(at, population)| {
                    let moving = of_all.get(population.name)? * population.total;
                    let all = clients.by_country.get(&(at, country)).filter(|all| **all > 0.0)?;
                    Some((population.name, moving / all))
                });
            let place = clients.countries[country as usize];
            Move {
                country: place.map(|place| place.to_string()),
                from: from.shown(),
                to: to.shown(),
                of_country: of_country.collect(),
                of_all: of_all.clone(),
            }
        };
        let mut moves: Vec<Move> = self.flows.iter().map(row).collect();
        let weight = |row: &Move| row.of_all.values().copied().fold(0.0, f64::max);
        moves.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
        moves
    }
}

/// Nothing for each population that has anybody in it.
fn nobody<T: Default>(clients: &Clients) -> ByClients<T> {
    let inhabited = clients.populations().iter().filter(|population| population.total > 0.0);
    inhabited.map(|population| (population.name, T::default())).collect()
}

/// Sites and their endpoints, those that serve and those that could.
fn sites(halves: [&Half<'_>; 2], sums: &Sums<'_, '_>) -> Vec<SiteShare> {
    let mut rows: Vec<SiteShare> = Vec::new();
    for (at, half) in halves.into_iter().enumerate() {
        let Some((roster, dealt)) = half.rosters else { continue };
        for (tier, RosterSeats { pool, seats }) in roster_seats(roster) {
            for (number, seats) in seats.iter().enumerate().filter(|(_, seats)| !seats.is_empty()) {
                let served = sums.served[at].get(&(tier, number));
                // A fallback is told only where it serves.
                if tier > 0 && served.is_none() {
                    continue;
                }
                let site = &roster.sites[number];
                let row = row(&mut rows, &site.name, &site.title, sums);
                let dealt = dealt.site(tier, number);
                let (listed, first) = (dealt.deck.shares(), dealt.deck.first_shares());
                for &seat in seats {
                    let fallback = (tier > 0).then_some(pool.name.as_str());
                    let endpoint =
                        endpoint(&mut row.endpoints, fallback, &pool.endpoints[seat].name, sums);
                    let Some(position) = dealt.members.iter().position(|member| *member == seat)
                    else {
                        continue;
                    };
                    for (name, part) in served.into_iter().flatten() {
                        let add = |sums: &mut ByClients<Change>, share: f64| {
                            let change = sums.entry(name).or_default();
                            *(if at == 0 { &mut change.before } else { &mut change.after }) +=
                                part * share;
                        };
                        add(&mut endpoint.listed, listed[position]);
                        add(&mut endpoint.first, first[position]);
                    }
                }
            }
        }
    }
    // In steps of the rounding, so that of equal shifts the larger site comes first.
    let steps = |part: f64| Reverse((part / ROUNDING).round() as i64);
    let most = |row: &SiteShare, part: fn(&Change) -> f64| {
        steps(row.share.values().map(part).fold(0.0, f64::max))
    };
    rows.sort_by_key(|row| {
        (most(row, |change| change.shift().abs()), most(row, |change| change.after))
    });
    rows
}

struct RosterSeats<'a> {
    pool: &'a crate::steer::model::Pool,
    seats: &'a [Vec<usize>],
}

fn roster_seats(roster: &Roster) -> impl Iterator<Item = (usize, RosterSeats<'_>)> {
    let tiers = roster.tiers.iter();
    tiers.map(|tier| RosterSeats { pool: &tier.pool, seats: &tier.seats }).enumerate()
}

fn row<'r>(
    rows: &'r mut Vec<SiteShare>,
    site: &str,
    title: &str,
    sums: &Sums<'_, '_>,
) -> &'r mut SiteShare {
    let at = rows.iter().position(|row| row.site == site).unwrap_or_else(|| {
        let share = sums.shares.get(&Place::Site(site)).cloned();
        rows.push(SiteShare {
            site: site.to_owned(),
            title: title.to_owned(),
            share: share.unwrap_or_else(|| nobody(sums.clients)),
            endpoints: Vec::new(),
        });
        rows.len() - 1
    });
    &mut rows[at]
}

fn endpoint<'r>(
    rows: &'r mut Vec<EndpointShare>,
    fallback: Option<&str>,
    name: &str,
    sums: &Sums<'_, '_>,
) -> &'r mut EndpointShare {
    let known = |row: &EndpointShare| row.endpoint == name && row.fallback.as_deref() == fallback;
    let at = rows.iter().position(known).unwrap_or_else(|| {
        rows.push(EndpointShare {
            fallback: fallback.map(str::to_owned),
            endpoint: name.to_owned(),
            listed: nobody(sums.clients),
            first: nobody(sums.clients),
        });
        rows.len() - 1
    });
    &mut rows[at]
}

fn uncounted(before: &Half<'_>, after: &Half<'_>, joint: &Joint) -> Vec<Uncounted> {
    let mut rows: Vec<Uncounted> = Vec::new();
    for rest in &joint.uncounted {
        let from = before.outcomes[rest.before as usize].place;
        let to = after.outcomes[rest.after as usize].place;
        if from == to {
            continue;
        }
        let (from_shown, to_shown) = (from.shown(), to.shown());
        let same = |row: &&mut Uncounted| {
            (row.kind, &row.from, &row.to) == (rest.kind, &from_shown, &to_shown)
        };
        match rows.iter_mut().find(same) {
            Some(row) => row.runs += rest.runs,
            None => rows.push(Uncounted {
                kind: rest.kind,
                example: rest.example.to_string(),
                runs: rest.runs,
                from: from_shown,
                to: to_shown,
                lost: to.is_unanswered() && !from.is_unanswered(),
            }),
        }
    }
    rows
}
