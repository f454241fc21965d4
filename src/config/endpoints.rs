//! The `endpoints` of a pool: addresses, weights, sites, and how each is probed.

use super::checks::{self, CheckSettings};
use super::reader::{Table, Value};
use super::scope::Scope;
use super::{defaults, value};
use crate::steer::deck::ENDPOINTS_PER_SITE_MAX;
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
    let read: Vec<Option<Arc<Endpoint>>> = elements
        .iter()
        .map(|element| endpoint(element, check, terms, &mut seen).map(Arc::new))
        .collect();
    let all: Vec<Arc<Endpoint>> = read.into_iter().collect::<Option<_>>()?;
    if all.iter().all(|endpoint| endpoint.weight == 0) {
        let help = "they are taken as equal; give at least one endpoint a weight";
        list.warning("all endpoints of this pool have weight 0", help);
    }
    Some(all)
}

/// What the endpoints of one pool have used up so far.
#[derive(Default)]
struct Seen {
    names: HashSet<String>,
    addresses: HashSet<IpAddr>,
    per_site: HashMap<String, usize>,
}

fn endpoint(
    element: &Value<'_>,
    check: &PoolCheck,
    terms: &Terms<'_, '_>,
    seen: &mut Seen,
) -> Option<Endpoint> {
    let mut table = element.table("an endpoint")?;
    let given_name = table.take("name");
    let site = table.required("site", "add site = and the name of its site");
    let addresses = addresses(element, &mut table, seen);
    let weight = match table.take("weight") {
        Some(given) => given.integer(0..=defaults::ENDPOINT_WEIGHT_MAX).map(|weight| weight as u32),
        None => Some(defaults::ENDPOINT_WEIGHT),
    };
    let own_check = table.take("check");
    table.finish();
    let site_name = site.as_ref().filter(|site| site.is_string()).and_then(Value::string);
    let name = seen.name(element, given_name.as_ref(), site_name.unwrap_or_default());
    let site = site.and_then(|site| terms.sites.find(&site));
    let check = check.of_endpoint(own_check.as_ref(), terms, name.as_deref().unwrap_or_default());
    let (a, aaaa) = addresses?;
    let (probe_a, probe_aaaa) = match check.ok()? {
        Some((settings, place)) => settings.probes(a, aaaa, element.document(), place),
        None => (None, None),
    };
    Some(Endpoint {
        name: name?,
        site: site?,
        a,
        aaaa,
        weight: weight?,
        probe_a,
        probe_aaaa,
        vip: None,
    })
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
        if let (Some(given), Some(address)) = (given, address)
            && !seen.addresses.insert(address)
        {
            let help = "list it once; its weight gives its share";
            given.warning(format!("{address} stands twice in this pool"), help);
        }
    }
    // An address that was given and is wrong has said so.
    let sound = v4 != Some(None) && v6 != Some(None);
    sound.then(|| (v4.flatten(), v6.flatten()))
}

impl Seen {
    /// The name of an endpoint: given, or its site and its number there.
    fn name(
        &mut self,
        element: &Value<'_>,
        given: Option<&Value<'_>>,
        site: &str,
    ) -> Option<String> {
        let number = self.per_site.entry(site.to_owned()).or_default();
        *number += 1;
        let doc = element.document();
        if *number == ENDPOINTS_PER_SITE_MAX + 1 {
            let message =
                format!("more than {ENDPOINTS_PER_SITE_MAX} endpoints of this pool at {site:?}");
            doc.error(
                element.span(),
                message,
                "put a load balancer before them, or make several pools",
            );
        }
        let (name, span) = match given {
            Some(given) => {
                (value::word(doc, given.string()?, given.span(), "an endpoint")?, given.span())
            }
            None => (format!("{site}-{number}"), element.span()),
        };
        if !self.names.insert(name.clone()) {
            let message = format!("two endpoints of this pool are called {name:?}");
            doc.error(span, message, "give one of them another name = \"…\"");
            return None;
        }
        Some(name)
    }
}

fn served_v4(value: &Value<'_>) -> Option<Ipv4Addr> {
    match value::address(value)? {
        IpAddr::V4(address) if servable(value, address.into()) => Some(address),
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => {
            let help = format!("write aaaa = \"{address}\"");
            value.error(format!("\"a\" holds IPv4 addresses, and {address} is IPv6"), help);
            None
        }
    }
}

fn served_v6(value: &Value<'_>) -> Option<Ipv6Addr> {
    match value::address(value)? {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(v4) => {
                let message =
                    format!("{address} is an IPv4 address in IPv6 clothes; no client can reach it");
                value.error(message, format!("write a = \"{v4}\""));
                None
            }
            None => servable(value, address.into()).then_some(address),
        },
        IpAddr::V4(address) => {
            let help = format!("write a = \"{address}\"");
            value.error(format!("\"aaaa\" holds IPv6 addresses, and {address} is IPv4"), help);
            None
        }
    }
}

/// Whether an address can be that of one host.
fn servable(value: &Value<'_>, address: IpAddr) -> bool {
    let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    let servable = !(address.is_unspecified() || address.is_multicast() || broadcast);
    if !servable {
        value.error(
            format!("{address} is not the address of a host"),
            "give the endpoint's own address",
        );
    }
    servable
}
