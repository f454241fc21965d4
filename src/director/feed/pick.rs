//! What of a feed's words concerns a director, held against what is configured: a feed that knows none of the
//! director's servers speaks of something else.

use super::limits;
use crate::director::report::{FeedReport, RealReport, Report, ServiceReport};
use crate::report::listed;
use crate::steer::director::{Director, Real};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

/// How many things are named that are there in place of what was looked for.
const NAMED_MAX: usize = 4;

impl FeedReport {
    /// What it says of a director: the service of its VIPs (of both families, as one), whose servers bear the names and
    /// addresses that they are configured with. Servers that are not configured follow as they are. The error says
    /// why this cannot be about this director.
    pub fn of(&self, director: &Director) -> Result<Report, String> {
        let report = match self {
            Self::One(report) => report.clone(),
            Self::Services { is_maintenance, services } => {
                let report = of_services(services, director)?;
                Report { is_maintenance: *is_maintenance, ..report }
            }
        };
        // Whoever keeps the kernel's table takes the dead out of it: a service that is there without the configured
        // reals has lost them all.
        let is_told_by_name = matches!(self, Self::One(_));
        if report.reals.is_empty() && (is_told_by_name || director.reals.is_empty()) {
            return Err("it lists no real server at all".to_owned());
        }
        let (reals, known) = named(&director.reals, report.reals)?;
        if known == 0 && is_told_by_name && !director.reals.is_empty() {
            let listed = reals.iter().map(shown).collect();
            return Err(format!(
                "none of the configured reals is in it; it lists {}",
                some_of(listed)
            ));
        }
        Ok(Report { reals, ..report })
    }
}

/// The services at the director's VIPs as one.
fn of_services(services: &[ServiceReport], director: &Director) -> Result<Report, String> {
    let is_own = |service: &&ServiceReport| {
        service.protocol == director.service.protocol
            && service.port == director.service.port
            && director.addresses().any(|address| address == service.address)
    };
    let mut own = services.iter().filter(is_own).map(|service| service.report.clone());
    let Some(mut whole) = own.next() else {
        let wanted = director.addresses().map(|address| service(director, address)).collect();
        let there = services
            .iter()
            .map(|it| format!("{} {}", it.protocol, SocketAddr::new(it.address, it.port)));
        return Err(format!(
            "IPVS has no service {}; it has {}",
            some_of(wanted),
            some_of(there.collect())
        ));
    };
    let places = whole.reals.iter().enumerate().map(|(at, real)| (real.address, at));
    let mut places: HashMap<_, _> = places.collect();
    for more in own {
        add(&mut whole, &mut places, more);
    }
    Ok(whole)
}

fn service(director: &Director, address: std::net::IpAddr) -> String {
    format!("{} {}", director.service.protocol, SocketAddr::new(address, director.service.port))
}

/// Adds the same service in the other family; `places` is where each address stands.
fn add(whole: &mut Report, places: &mut HashMap<Option<SocketAddr>, usize>, more: Report) {
    for real in more.reals {
        match places.get(&real.address) {
            // A tunnel may carry both families to one address. What is drained in one of them is being drained.
            Some(&at) => {
                let known = &mut whole.reals[at];
                if real.weight < known.weight {
                    (known.state, known.weight) = (real.state, real.weight);
                }
                known.sessions = add_up(known.sessions, real.sessions);
            }
            None => {
                places.insert(real.address, whole.reals.len());
                whole.reals.push(real);
            }
        }
    }
    whole.sessions = add_up(whole.sessions, more.sessions);
}

fn add_up(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    super::sum([one, other].into_iter())
}

/// The reported servers, first the configured ones under their configured names and addresses, and how many those are.
fn named(
    configured: &[Real],
    mut rows: Vec<RealReport>,
) -> Result<(Vec<RealReport>, usize), String> {
    let mut reals = Vec::with_capacity(rows.len());
    // Addresses are surer than names, so whoever is known by one is not taken for another by its name.
    let mut places: Vec<Option<usize>> = Vec::with_capacity(configured.len());
    let found = Rows::new(&rows);
    for real in configured {
        places.push(by_address(real, &rows, &found)?);
    }
    let taken: HashSet<SocketAddr> = configured.iter().map(|real| real.address).collect();
    let is_taken = |at: usize| rows[at].address.is_some_and(|address| taken.contains(&address));
    for (place, real) in places.iter_mut().zip(configured) {
        let named = found.by_name.get(&*real.name).copied();
        *place = place.or_else(|| named.filter(|at| !is_taken(*at)));
    }
    let mut is_told = vec![false; rows.len()];
    for (place, real) in places.into_iter().zip(configured) {
        let Some(at) = place.filter(|at| !is_told[*at]) else { continue };
        is_told[at] = true;
        let (name, address) = (Some(real.name.clone()), Some(real.address));
        reals.push(RealReport { name, address, ..rows[at].clone() });
    }
    let known = reals.len();
    let mut told = is_told.into_iter();
    rows.retain(|_| told.next() == Some(false));
    reals.append(&mut rows);
    limits::count(reals.len()).map_err(|fault| fault.why)?;
    Ok((reals, known))
}

/// Where rows stand: there may be thousands.
struct Rows<'a> {
    by_address: HashMap<SocketAddr, Vec<usize>>,
    /// The first of each name.
    by_name: HashMap<&'a str, usize>,
}

impl<'a> Rows<'a> {
    fn new(rows: &'a [RealReport]) -> Self {
        let mut found = Self { by_address: HashMap::new(), by_name: HashMap::new() };
        for (at, row) in rows.iter().enumerate() {
            if let Some(address) = row.address {
                found.by_address.entry(address).or_default().push(at);
            }
            if let Some(name) = &row.name {
                found.by_name.entry(name).or_insert(at);
            }
        }
        found
    }
}

/// Where the server at this address stands; of several there it is the one of the same name.
fn by_address(real: &Real, rows: &[RealReport], found: &Rows<'_>) -> Result<Option<usize>, String> {
    let there = found.by_address.get(&real.address).map_or(&[][..], Vec::as_slice);
    match *there {
        [] => Ok(None),
        [at] => Ok(Some(at)),
        _ => {
            let of_name = |at: &&usize| rows[**at].name.as_deref() == Some(&*real.name);
            there.iter().find(of_name).copied().map(Some).ok_or_else(|| {
                let names = there.iter().map(|at| shown(&rows[*at])).collect();
                let address = real.address;
                format!(
                    "{} all are at {address}: give the real there the name of one",
                    some_of(names)
                )
            })
        }
    }
}

fn shown(real: &RealReport) -> String {
    let address = || real.address.map(|address| address.to_string());
    real.name.clone().or_else(address).unwrap_or_default()
}

/// `a, b, c, d and 3 more`, or `none`.
fn some_of(names: Vec<String>) -> String {
    if names.is_empty() { "none".to_owned() } else { listed(&names, NAMED_MAX) }
}

#[cfg(test)]
mod tests;
