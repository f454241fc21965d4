//! The `endpoints` of a pool: addresses, weights, sites, and how each is probed.
//!
//! An endpoint is a server with addresses of its own, or a director's VIP. A second director of the same VIP is folded
//! into the first: whichever of them holds the VIP, it is one endpoint.

use super::addresses::{served_v4, served_v6};
use super::checks::{self, CheckSettings};
use super::directors::Directors;
use super::reader::{Table, Value};
use super::scope::Scope;
use super::{defaults, value};
use crate::steer::deck::ENDPOINTS_PER_SITE_MAX;
use crate::steer::director::{Director, Vip};
use crate::steer::model::{Endpoint, Site};
use crate::wire::Name;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::Arc;

/// What pools and their endpoints refer to.
pub struct Terms<'s, 'a> {
    /// The zone whose file it is; none for the server's.
    pub zone: Option<&'s Name>,
    /// Sites.
    pub sites: &'s Scope<'a, Arc<Site>>,
    /// Checks.
    pub checks: &'s Scope<'a, CheckSettings>,
    /// Directors.
    pub directors: &'s Directors<'a>,
}

/// How the endpoints of a pool are probed unless they say otherwise.
pub enum PoolCheck {
    /// Not at all.
    Absent,
    /// It has mistakes, and so nothing that changes it can be judged.
    Wrong,
    /// By this, given at this place.
    Given(Box<CheckSettings>, Range<usize>),
}

impl PoolCheck {
    /// Reads the `check` of the pool called `name`.
    pub fn read(given: Option<Value<'_>>, terms: &Terms<'_, '_>, name: &str) -> Self {
        let Some(given) = given else { return Self::Absent };
        match checks::reference(&given, None, terms.checks, name) {
            Some(settings) => Self::Given(Box::new(settings), given.span()),
            None => Self::Wrong,
        }
    }

    /// The check of the endpoint called `name` that gives `own`, if any, and its place; `Err` if it has mistakes.
    fn of_endpoint(
        &self,
        own: Option<&Value<'_>>,
        terms: &Terms<'_, '_>,
        name: &str,
    ) -> Result<Option<(CheckSettings, Range<usize>)>, ()> {
        let Some(own) = own else {
            return match self {
                Self::Absent => Ok(None),
                Self::Wrong => Err(()),
                Self::Given(settings, place) => {
                    Ok(Some((CheckSettings::clone(settings), place.clone())))
                }
            };
        };
        let base = match self {
            Self::Wrong if own.is_table() => return Err(()),
            Self::Given(settings, _) => Some(&**settings),
            Self::Wrong | Self::Absent => None,
        };
        let settings = checks::reference(own, base, terms.checks, name).ok_or(())?;
        Ok(Some((settings, own.span())))
    }
}

/// Reads the list of endpoints; none if any has mistakes.
pub fn read(
    list: &Value<'_>,
    check: &PoolCheck,
    terms: &Terms<'_, '_>,
) -> Option<Vec<Arc<Endpoint>>> {
    let elements = list.list()?;
    if elements.is_empty() {
        list.error("a pool without endpoints", "add { site = \"…\", a = \"…\" }");
        return None;
    }
    let mut seen = Seen::default();
    let read: Vec<Option<Element>> =
        elements.iter().map(|element| endpoint(element, check, terms, &mut seen)).collect();
    let read: Vec<Element> = read.into_iter().collect::<Option<_>>()?;
    let endpoints = read.into_iter().filter_map(|element| match element {
        Element::Endpoint(endpoint) => Some(Arc::from(endpoint)),
        Element::Folded => None,
    });
    let all: Vec<Arc<Endpoint>> = endpoints.collect();
    if all.iter().all(|endpoint| endpoint.weight == 0) {
        let help = "they are taken as equal; give at least one endpoint a weight";
        list.warning("all endpoints of this pool have weight 0", help);
    }
    Some(all)
}

/// What an element of the list came to.
enum Element {
    Endpoint(Box<Endpoint>),
    /// Another director of a VIP that stands in the list already.
    Folded,
}

/// What the endpoints of one pool have used up so far.
#[derive(Default)]
struct Seen {
    names: HashSet<String>,
    addresses: HashSet<IpAddr>,
    per_site: HashMap<String, usize>,
    vips: Vec<(Arc<Vip>, Arc<Director>)>,
}

/// The keys that every endpoint may have.
struct Keys<'d> {
    name: Option<Value<'d>>,
    weight: Option<Value<'d>>,
    check: Option<Value<'d>>,
}

fn endpoint(
    element: &Value<'_>,
    check: &PoolCheck,
    terms: &Terms<'_, '_>,
    seen: &mut Seen,
) -> Option<Element> {
    let mut table = element.table("an endpoint")?;
    let mut take = |key| table.take(key);
    let (name, weight, check_key) = (take("name"), take("weight"), take("check"));
    let keys = Keys { name, weight, check: check_key };
    match take("director") {
        Some(director) => of_director(&director, table, &keys, check, terms, seen),
        None => of_server(element, table, &keys, check, terms, seen)
            .map(|endpoint| Element::Endpoint(Box::new(endpoint))),
    }
}

fn of_server(
    element: &Value<'_>,
    mut table: Table<'_>,
    keys: &Keys<'_>,
    check: &PoolCheck,
    terms: &Terms<'_, '_>,
    seen: &mut Seen,
) -> Option<Endpoint> {
    let site = table.required("site", "add site = and the name of its site");
    let addresses = addresses(element, &mut table, seen);
    table.finish();
    let weight = keys.weight(defaults::ENDPOINT_WEIGHT);
    let site_name = site.as_ref().filter(|site| site.is_string()).and_then(Value::string);
    let number = seen.number_at(element, site_name.unwrap_or_default());
    let default = || format!("{}-{number}", site_name.unwrap_or_default());
    let name = seen.name(element, keys.name.as_ref(), default);
    let site = site.and_then(|site| terms.sites.find(&site));
    let check = check.of_endpoint(keys.check.as_ref(), terms, name.as_deref().unwrap_or_default());
    let (a, aaaa) = addresses?;
    let (probe_a, probe_aaaa) = match check.ok()? {
        Some((settings, place)) => settings.probes(a, aaaa, element.document(), place),
        None => (None, None),
    };
    let (name, site, weight) = (name?, site?, weight?);
    Some(Endpoint { name, site, a, aaaa, weight, probe_a, probe_aaaa, vip: None })
}

fn of_director(
    reference: &Value<'_>,
    mut table: Table<'_>,
    keys: &Keys<'_>,
    check: &PoolCheck,
    terms: &Terms<'_, '_>,
    seen: &mut Seen,
) -> Option<Element> {
    let doc = reference.document();
    let mut sound = true;
    for key in ["site", "a", "aaaa"] {
        if let Some(given) = table.take(key) {
            let help = "leave it out, or leave the director out";
            given.key_error(format!("{key:?} of this endpoint is its director's"), help);
            sound = false;
        }
    }
    table.finish();
    let weight = keys.weight(0);
    let (director, vip) = terms.directors.find(reference)?;
    if let Some((_, first)) = seen.vips.iter().find(|(_, first)| first.is_same_vip(&director)) {
        warn_folded(reference, first, &director, keys);
        return sound.then_some(Element::Folded);
    }
    seen.vips.push((vip.clone(), director.clone()));
    seen.number_at(reference, &director.site.name);
    for address in director.addresses() {
        seen.address(reference, address);
    }
    let name = seen.name(reference, keys.name.as_ref(), || director.name.clone());
    let check = check.of_endpoint(keys.check.as_ref(), terms, name.as_deref().unwrap_or_default());
    let (a, aaaa) = (director.a, director.aaaa);
    let (probe_a, probe_aaaa) = match check.ok()? {
        Some((settings, place)) => settings.probes(a, aaaa, doc, place),
        None => (None, None),
    };
    let weight = match keys.weight {
        Some(_) => weight?,
        None => weight_of(&director),
    };
    let (name, site) = (name.filter(|_| sound)?, director.site.clone());
    let vip = Some(vip);
    let endpoint = Endpoint { name, site, a, aaaa, weight, probe_a, probe_aaaa, vip };
    Some(Element::Endpoint(Box::new(endpoint)))
}

/// What the reals behind a director weigh, that it may get as much as if they were handed out themselves.
fn weight_of(director: &Director) -> u32 {
    match director.reals.is_empty() {
        true => defaults::ENDPOINT_WEIGHT,
        // Reals whose weights add up to more than an endpoint may have are refused where they are read.
        false => u32::try_from(director.weight()).unwrap_or(u32::MAX),
    }
}

fn warn_folded(reference: &Value<'_>, first: &Director, second: &Director, keys: &Keys<'_>) {
    if first == second {
        let help = "list it once; its weight gives its share";
        reference.warning(format!("director {:?} stands twice in this pool", second.name), help);
        return;
    }
    for given in [&keys.name, &keys.weight, &keys.check].into_iter().flatten() {
        let message = format!(
            "{:?} is not used: {:?} shares its VIP with {:?}, and the two are one endpoint",
            given.key, second.name, first.name
        );
        given.warning(message, format!("give it to the endpoint of {:?}", first.name));
    }
}

impl Keys<'_> {
    fn weight(&self, default: u32) -> Option<u32> {
        match &self.weight {
            Some(given) => {
                given.integer(0..=defaults::ENDPOINT_WEIGHT_MAX).map(|weight| weight as u32)
            }
            None => Some(default),
        }
    }
}

/// The addresses of an endpoint; none if any has mistakes.
fn addresses(
    element: &Value<'_>,
    table: &mut Table<'_>,
    seen: &mut Seen,
) -> Option<(Option<Ipv4Addr>, Option<Ipv6Addr>)> {
    let (a, aaaa) = (table.take("a"), table.take("aaaa"));
    if a.is_none() && aaaa.is_none() {
        let help = "add a = \"…\", aaaa = \"…\" or both";
        element.error("an endpoint needs an address", help);
        return None;
    }
    let v4 = a.as_ref().map(served_v4);
    let v6 = aaaa.as_ref().map(served_v6);
    for (given, address) in
        [(&a, v4.flatten().map(IpAddr::V4)), (&aaaa, v6.flatten().map(IpAddr::V6))]
    {
        if let (Some(given), Some(address)) = (given, address) {
            seen.address(given, address);
        }
    }
    // An address that was given and is wrong has said so.
    let sound = v4 != Some(None) && v6 != Some(None);
    sound.then(|| (v4.flatten(), v6.flatten()))
}

impl Seen {
    /// Which endpoint of its site it is, from 1.
    fn number_at(&mut self, element: &Value<'_>, site: &str) -> usize {
        let number = self.per_site.entry(site.to_owned()).or_default();
        *number += 1;
        if *number == ENDPOINTS_PER_SITE_MAX + 1 {
            let message =
                format!("more than {ENDPOINTS_PER_SITE_MAX} endpoints of this pool at {site:?}");
            element.error(message, "put a load balancer before them, or make several pools");
        }
        *number
    }

    fn address(&mut self, given: &Value<'_>, address: IpAddr) {
        if !self.addresses.insert(address) {
            let help = "list it once; its weight gives its share";
            given.warning(format!("{address} stands twice in this pool"), help);
        }
    }

    /// The name of an endpoint, if no other has it.
    fn name(
        &mut self,
        element: &Value<'_>,
        given: Option<&Value<'_>>,
        default: impl FnOnce() -> String,
    ) -> Option<String> {
        let doc = element.document();
        let (name, span) = match given {
            Some(given) => {
                (value::word(doc, given.string()?, given.span(), "an endpoint")?, given.span())
            }
            None => (default(), element.span()),
        };
        if !self.names.insert(name.clone()) {
            let message = format!("two endpoints of this pool are called {name:?}");
            doc.error(span, message, "give one of them another name = \"…\"");
            return None;
        }
        Some(name)
    }
}
