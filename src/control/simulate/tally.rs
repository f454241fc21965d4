//! Shares and moves, from who is in which class and what serves each class.

use super::clients::Clients;
use super::joint::Joint;
use super::side::Side;
use super::sites;
use super::view::{ByClients, Change, Move, ROUNDING, Steered, Unanswered, Uncounted};
use crate::snapshot::FamilyPlan;
use crate::steer::pool::{Choice, Dealt, Level, Roster};
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
    pub(super) rosters: Option<(&'a Roster, &'a Dealt)>,
    /// By class: each outcome with its part of the class's networks.
    outcomes: Vec<Vec<(Outcome<'a>, f64)>>,
}

#[derive(Clone, Copy, PartialEq)]
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
            let outcome = Outcome { place: instead, served: None, level: None };
            return Self { rosters: None, outcomes: vec![vec![(outcome, 1.0)]] };
        };
        let (roster, dealt) = (&side.rosters[plan.roster], &side.dealt[plan.roster]);
        let outcome = |choice: Choice| {
            let without = |why| (Place::Unanswered(why), None, None);
            let (place, served, level) = match choice {
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
            outcomes: plan
                .classes
                .orders
                .iter()
                .map(|order| dealt.split(order).into_iter().map(|(it, part)| (outcome(it), part)))
                .map(Iterator::collect)
                .collect(),
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
        let halves =
            [&*before.outcomes[part.before as usize], &after.outcomes[part.after as usize]];
        for (pair, networks) in coupled(halves) {
            let weight = part.weight / total * networks;
            sums.add([&pair[0], &pair[1]], part.population, part.country, weight);
        }
    }
    let pool = after.pool().or(before.pool()).unwrap_or_default().to_owned();
    let sites = sites::sites([before, after], &sums);
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

/// Which part of the networks gets what before and what after. As many as can stay where they are: the part that a site
/// takes is drawn from the same hashes before and after, so it only grows or shrinks. Where the parts of several sites
/// of one order shrink at once, a few more move than that.
fn coupled<'a>(halves: [&[(Outcome<'a>, f64)]; 2]) -> Vec<([Outcome<'a>; 2], f64)> {
    let [mut before, mut after] = halves.map(<[_]>::to_vec);
    let mut pairs = Vec::new();
    for (from, left) in &mut before {
        if let Some((to, coming)) = after.iter_mut().find(|(to, _)| to == from) {
            let stays = left.min(*coming);
            *left -= stays;
            *coming -= stays;
            pairs.push(([*from, *to], stays));
        }
    }
    let moving: f64 = after.iter().map(|(_, part)| part).sum();
    for (from, left) in before {
        let share = |(to, coming): &(Outcome<'a>, f64)| ([from, *to], left * coming / moving);
        pairs.extend(after.iter().filter(|_| moving > 0.0).map(share));
    }
    pairs.retain(|(_, part)| *part > 0.0);
    pairs
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
pub(super) struct Sums<'a, 'c> {
    pub(super) clients: &'c Clients,
    /// Site as a tier serves it, by side → part.
    pub(super) served: [BTreeMap<(usize, usize), ByClients<f64>>; 2],
    pub(super) shares: BTreeMap<Place<'a>, ByClients<Change>>,
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
                *sums.entry(name).or_default().side(at) += part;
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
pub(super) fn nobody<T: Default>(clients: &Clients) -> ByClients<T> {
    let inhabited = clients.populations().iter().filter(|population| population.total > 0.0);
    inhabited.map(|population| (population.name, T::default())).collect()
}

fn uncounted(before: &Half<'_>, after: &Half<'_>, joint: &Joint) -> Vec<Uncounted> {
    let mut rows: Vec<Uncounted> = Vec::new();
    for rest in &joint.uncounted {
        // Of outcomes by parts the greatest stands for all: these networks are not counted anyway.
        let [from, to] = [(before, rest.before), (after, rest.after)].map(|(half, class)| {
            let parts = &half.outcomes[class as usize];
            let most = parts.iter().max_by(|one, other| one.1.total_cmp(&other.1));
            most.map_or(Place::Unanswered("nodata"), |(outcome, _)| outcome.place)
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Sites as (number, part of 100).
    fn half(parts: &[(usize, u32)]) -> Vec<(Outcome<'static>, f64)> {
        const NAMES: [&str; 3] = ["s0", "s1", "s2"];
        let outcome = |&(site, part): &(usize, u32)| {
            let level = Some(Level::Trusted);
            let place = Place::Site(NAMES[site]);
            (Outcome { place, served: Some((0, site)), level }, f64::from(part) / 100.0)
        };
        parts.iter().map(outcome).collect()
    }

    #[test]
    fn as_many_stay_as_can() {
        let check = |before: &[(usize, u32)], after: &[(usize, u32)], expected: &[(&str, u32)]| {
            let pairs = coupled([&half(before), &half(after)]);
            let told: Vec<(String, u32)> = pairs
                .iter()
                .map(|([from, to], part)| {
                    let way = format!("{} {}", from.place.shown(), to.place.shown());
                    (way, (part * 100.0).round() as u32)
                })
                .collect();
            let told: Vec<(&str, u32)> = told.iter().map(|(way, part)| (&**way, *part)).collect();
            assert_eq!(told, expected, "{before:?} {after:?}");
        };
        check(&[(0, 100)], &[(0, 100)], &[("s0 s0", 100)]);
        check(&[(0, 100)], &[(1, 100)], &[("s0 s1", 100)]);
        check(&[(0, 100)], &[(0, 60), (1, 40)], &[("s0 s0", 60), ("s0 s1", 40)]);
        check(&[(0, 60), (1, 40)], &[(0, 100)], &[("s0 s0", 60), ("s1 s0", 40)]);
        check(
            &[(0, 50), (1, 25), (2, 25)],
            &[(1, 50), (2, 50)],
            &[("s1 s1", 25), ("s2 s2", 25), ("s0 s1", 25), ("s0 s2", 25)],
        );
        check(
            &[(0, 80), (1, 20)],
            &[(0, 40), (1, 30), (2, 30)],
            &[("s0 s0", 40), ("s1 s1", 20), ("s0 s1", 10), ("s0 s2", 30)],
        );
        check(&[], &[], &[]);
    }
}
