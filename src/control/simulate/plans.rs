//! Which names there are on either side, and which of them come to the same.

use super::clients::Clients;
use super::joint::Joint;
use super::side::Side;
use super::tally::{Half, Place, Tally, tally};
use super::view::Steered;
use crate::snapshot::{NamePlan, ServedZone};
use crate::steer::classes::Classes;
use crate::steer::pool::Family;
use crate::wire::{FoldedName, Name, Rtype};
use std::collections::HashMap;
use std::ptr;

/// Compares every name of either side, or those in `only`.
pub(super) fn compare(
    before: &Side,
    after: &Side,
    clients: &Clients,
    only: &[Name],
) -> Vec<Steered> {
    let mut comparer =
        Comparer { clients, joints: HashMap::new(), numbers: HashMap::new(), tallies: Vec::new() };
    // Tallies of A and of AAAA → names; in the order of the first name.
    let mut order: Vec<[Option<usize>; 2]> = Vec::new();
    let mut groups: HashMap<[Option<usize>; 2], Vec<String>> = HashMap::new();
    for (owner, pair) in owners(before, after) {
        if !only.is_empty() && !only.contains(&owner) {
            continue;
        }
        let key = Family::BOTH.map(|family| comparer.number(before, after, &pair, &owner, family));
        if key == [None, None] {
            continue;
        }
        let names = groups.entry(key).or_default();
        if names.is_empty() {
            order.push(key);
        }
        names.push(owner.to_string());
    }
    let mut all = Vec::new();
    for key in order {
        let names = groups.remove(&key).unwrap_or_default();
        let told = |tally: usize, types: Vec<&'static str>| {
            comparer.tallies[tally].told(names.clone(), types)
        };
        match key {
            [Some(a), Some(aaaa)] if comparer.tallies[a] == comparer.tallies[aaaa] => {
                all.push(told(a, vec!["A", "AAAA"]));
            }
            [a, aaaa] => {
                all.extend(a.map(|a| told(a, vec!["A"])));
                all.extend(aaaa.map(|aaaa| told(aaaa, vec!["AAAA"])));
            }
        }
    }
    all
}

/// A name as both sides know it: its zone, and its plan where it is steered.
#[derive(Default)]
struct Pair<'a> {
    before: Option<(&'a ServedZone, &'a NamePlan)>,
    after: Option<(&'a ServedZone, &'a NamePlan)>,
}

/// Every steered name of either side, zone by zone.
fn owners<'a>(before: &'a Side, after: &'a Side) -> Vec<(Name, Pair<'a>)> {
    let mut numbers: HashMap<Name, usize> = HashMap::new();
    let mut owners: Vec<(Name, Pair<'a>)> = Vec::new();
    for (side, is_after) in [(before, false), (after, true)] {
        for zone in side.catalog.zones().zones() {
            for plan in &zone.names {
                let owner = &plan.name.owner;
                let number = *numbers.entry(owner.clone()).or_insert_with(|| {
                    owners.push((owner.clone(), Pair::default()));
                    owners.len() - 1
                });
                let pair = &mut owners[number].1;
                let place = if is_after { &mut pair.after } else { &mut pair.before };
                place.get_or_insert((zone, plan));
            }
        }
    }
    owners
}

/// What a tally depends on: rosters and classes of both sides, or what there is in their place.
type Key = [Option<(usize, *const Classes)>; 2];

struct Comparer<'a> {
    clients: &'a Clients,
    joints: HashMap<[*const Classes; 2], Joint>,
    numbers: HashMap<(Key, [Place<'a>; 2]), usize>,
    tallies: Vec<Tally>,
}

impl<'a> Comparer<'a> {
    /// The number of the tally of a name in a family; none where neither side has addresses for it.
    fn number(
        &mut self,
        before: &'a Side,
        after: &'a Side,
        pair: &Pair<'a>,
        owner: &Name,
        family: Family,
    ) -> Option<usize> {
        let plan = |plan: Option<(&'a ServedZone, &'a NamePlan)>| {
            plan.and_then(|(_, plan)| plan.families[family as usize].as_ref())
        };
        let plans = [plan(pair.before), plan(pair.after)];
        if plans.iter().all(Option::is_none) {
            return None;
        }
        let key = plans.map(|plan| Some((plan?.roster, ptr::from_ref(&*plan?.classes))));
        let instead = [(before, pair.before), (after, pair.after)]
            .map(|(side, at)| in_its_place(side, at.is_some(), owner, family));
        if let Some(&number) = self.numbers.get(&(key, instead)) {
            return Some(number);
        }
        let [classes_before, classes_after] = plans.map(|plan| plan.map(|plan| &*plan.classes));
        let pointers = [classes_before, classes_after]
            .map(|classes| classes.map_or(ptr::null(), ptr::from_ref));
        let clients = self.clients;
        let joint = self
            .joints
            .entry(pointers)
            .or_insert_with(|| Joint::new(classes_before, classes_after, clients));
        let half = |side: &'a Side, at: usize| Half::new(side, plans[at], instead[at]);
        self.tallies.push(tally(&half(before, 0), &half(after, 1), joint, clients));
        let number = self.tallies.len() - 1;
        self.numbers.insert((key, instead), number);
        Some(number)
    }
}

/// What a client gets of a side where the name has no steered addresses.
fn in_its_place(side: &Side, is_steered: bool, owner: &Name, family: Family) -> Place<'static> {
    let mut folded = FoldedName::default();
    let is_plain = !is_steered
        && folded.read(owner.as_wire()).is_some()
        && side.catalog.zones().find(&folded, false).is_some_and(|zone| {
            let zone = &side.catalog.zones().zones()[zone].zone;
            let has = |rtype| {
                zone.exact(folded.as_wire()).is_some_and(|node| zone.set(node, rtype).is_some())
            };
            has(family.rtype()) || has(Rtype::CNAME)
        });
    if is_plain { Place::Plain } else { Place::Unanswered("no address") }
}
