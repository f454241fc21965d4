//! Routes: the rules by which clients' networks order the sites, written at a name or shared under `[routes]`.

use super::reader::{Table, Value};
use super::scope::{Named, Scope};
use super::value;
use crate::geo::GeoCode;
use crate::steer::model::{Route, Rule, Site};
use ipnet::IpNet;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A route where it is written: what it means, and where it names sites.
pub struct WrittenRoute {
    /// The rules, not strict.
    pub route: Arc<Route>,
    /// Each site that a rule names, with the place of its name.
    pub named: Vec<(Arc<Site>, Range<usize>)>,
}

/// Reads all shared routes of a file.
pub fn read<'a>(
    table: Table<'_>,
    sites: &Scope<'_, Arc<Site>>,
    shared: Option<&'a Named<Arc<Route>>>,
) -> Scope<'a, Arc<Route>> {
    let mut scope = Scope::new("route", shared);
    for entry in table.into_entries() {
        let name = value::name(&entry, "a route");
        let route = rules(&entry, sites).filter(|_| name.is_some());
        scope.define(entry.key, entry.key_span.clone(), route.map(|written| written.route));
    }
    scope
}

/// Reads a list of rules.
pub fn rules(list: &Value<'_>, sites: &Scope<'_, Arc<Site>>) -> Option<WrittenRoute> {
    let elements = list.list()?;
    if elements.is_empty() {
        list.error("a route without rules", "write { nearest = true }, or leave the key out");
        return None;
    }
    let (mut named, mut covered) = (Vec::new(), Covered::default());
    let rules: Vec<Option<Rule>> =
        elements.iter().map(|element| rule(element, sites, &mut named, &mut covered)).collect();
    let rules = rules.into_iter().collect::<Option<_>>()?;
    Some(WrittenRoute { route: Arc::new(Route { rules, strict: false }), named })
}

fn rule(
    element: &Value<'_>,
    sites: &Scope<'_, Arc<Site>>,
    named: &mut Vec<(Arc<Site>, Range<usize>)>,
    covered: &mut Covered,
) -> Option<Rule> {
    let mut table = element.table("a rule")?;
    let matchers = ["subnets", "geo", "nearest"].map(|key| table.take(key));
    let order = table.take("sites");
    table.finish();
    if matchers.iter().flatten().count() != 1 {
        let help = "give it one of subnets = […], geo = […] and nearest = true";
        element.error("a rule matches by exactly one of subnets, geo and nearest", help);
        return None;
    }
    let [subnets, geo, nearest] = matchers;
    if let Some(nearest) = nearest {
        if let Some(order) = order {
            let help = "remove sites, or match by geo or subnets";
            order.error("nearest orders the sites itself", help);
        }
        if nearest.boolean() == Some(false) {
            nearest.error("nearest = false matches nothing", "remove the rule");
        }
        covered.nearest(&nearest);
        return Some(Rule::Nearest);
    }
    let order = order.map(|order| site_list(&order, sites, named));
    if order.is_none() {
        element
            .error("a rule by subnets or geo needs \"sites\"", "add sites = [ … ], the best first");
    }
    if let Some(subnets) = subnets {
        let nets = elements(&subnets, value::network)?;
        covered.subnets(&nets);
        let nets = nets.into_iter().map(|(net, _)| net).collect();
        return Some(Rule::Subnets { nets, sites: order?? });
    }
    let codes = elements(&geo?, value::geo_code)?;
    covered.geo(&codes);
    let codes = codes.into_iter().map(|(code, _)| code).collect();
    Some(Rule::Geo { codes, sites: order?? })
}

/// The elements of a list that must have some; none if any is wrong.
fn elements<'d, T>(
    list: &Value<'d>,
    read: impl Fn(&Value<'d>) -> Option<T>,
) -> Option<Vec<(T, Value<'d>)>> {
    let values = list.list()?;
    if values.is_empty() {
        list.error(format!("{:?} is empty", list.key), "name at least one, or remove the rule");
        return None;
    }
    let all: Vec<Option<(T, Value)>> =
        values.into_iter().map(|value| Some((read(&value)?, value))).collect();
    all.into_iter().collect()
}

fn site_list(
    order: &Value<'_>,
    sites: &Scope<'_, Arc<Site>>,
    named: &mut Vec<(Arc<Site>, Range<usize>)>,
) -> Option<Vec<Arc<Site>>> {
    let mut list: Vec<Arc<Site>> = Vec::new();
    for (site, value) in elements(order, |value| sites.find(value))? {
        if list.iter().any(|other| Arc::ptr_eq(other, &site)) {
            let message = format!("site {:?} stands twice in this order", site.name);
            value.warning(message, "the first place counts; remove the other");
            continue;
        }
        named.push((site.clone(), value.span()));
        list.push(site);
    }
    Some(list)
}

/// What earlier rules of a route match, to find rules that no client reaches.
///
/// Consecutive rules of one kind are looked at together, the most specific match first; only what the same kind names
/// again, or what an earlier run of rules takes in as a whole, is out of reach.
#[derive(Default)]
struct Covered {
    run: Option<Kind>,
    /// With the number of the run of rules that named each first, as with the codes.
    nets: HashMap<IpNet, usize>,
    codes: Vec<(GeoCode, usize)>,
    nearest: bool,
    runs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Subnets,
    Geo,
    Nearest,
}

impl Covered {
    fn begin(&mut self, kind: Kind) {
        if self.run != Some(kind) {
            self.run = Some(kind);
            self.runs += 1;
        }
    }

    /// Whether an earlier run takes in every client.
    fn everyone(&self) -> bool {
        self.codes.iter().any(|(code, run)| *code == GeoCode::Any && *run < self.runs)
    }

    fn subnets(&mut self, nets: &[(IpNet, Value<'_>)]) {
        self.begin(Kind::Subnets);
        for (net, value) in nets {
            let hides = |outer: &IpNet| {
                self.nets.get(outer).is_some_and(|run| outer == net || *run < self.runs)
            };
            let hidden_by = std::iter::successors(Some(*net), IpNet::supernet).find(hides);
            self.warn(value, hidden_by.map(|net| net.to_string()));
            self.nets.entry(*net).or_insert(self.runs);
        }
    }

    fn geo(&mut self, codes: &[(GeoCode, Value<'_>)]) {
        self.begin(Kind::Geo);
        for (code, value) in codes {
            let hides = |(earlier, run): &&(GeoCode, usize)| {
                earlier == code || (*run < self.runs && earlier.contains(*code))
            };
            let hidden_by = self.codes.iter().find(hides).map(|(code, _)| code.to_string());
            self.warn(value, hidden_by);
            self.codes.push((*code, self.runs));
        }
    }

    fn nearest(&mut self, value: &Value<'_>) {
        self.begin(Kind::Nearest);
        self.warn(value, self.nearest.then(|| "nearest".to_owned()));
        self.nearest = true;
    }

    fn warn(&self, value: &Value<'_>, hidden_by: Option<String>) {
        let hidden_by = hidden_by.or_else(|| self.everyone().then(|| "*".to_owned()));
        if let Some(earlier) = hidden_by {
            let message =
                format!("no client reaches this: {earlier:?} matches earlier in the route");
            value.warning(message, "remove it, or move it up");
        }
    }
}
