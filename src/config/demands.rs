//! What a pool does by load and over time, and what that asks of its endpoints: methods by load, `capacity`,
//! `damping`, `slow_start`, `failback_delay`, `hold_down_max`.
//!
//! Load is known of what a feed tells of, and of nothing else. A method that would have to guess is refused.

use super::endpoints::Terms;
use super::reader::{Table, Value};
use super::{defaults, value};
use crate::health::Comeback;
use crate::report::listed;
use crate::steer::director::{Feed, FeedSource};
use crate::steer::model::{Endpoint, Method, Site, SiteCapacity};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// So many endpoints are named in a finding.
const NAMED_MAX: usize = 5;

/// The keys, and their values as far as they can be read alone.
pub struct Demands<'d> {
    capacity: Option<Value<'d>>,
    damping: Option<Given<'d>>,
    slow_start: Option<Given<'d>>,
    failback_delay: Option<Given<'d>>,
    hold_down_max: Option<Given<'d>>,
}

/// What they come to.
pub struct Judged {
    /// How what has recovered comes back.
    pub comeback: Comeback,
    /// How much sites take.
    pub capacity: Vec<SiteCapacity>,
    /// Over what time load is evened out.
    pub damping: Option<Duration>,
}

/// A duration and where it stands.
struct Given<'d> {
    duration: Option<Duration>,
    value: Value<'d>,
}

impl<'d> Demands<'d> {
    /// Takes the keys of a pool.
    pub fn take(table: &mut Table<'d>) -> Self {
        let mut take = |key, range: RangeInclusive<Duration>| {
            let value = table.take(key)?;
            Some(Given { duration: value::duration(&value, range), value })
        };
        let damping = defaults::POOL_DAMPING_FLOOR..=defaults::POOL_DAMPING_CEILING;
        let comeback = Duration::ZERO..=defaults::POOL_COMEBACK_CEILING;
        Self {
            damping: take("damping", damping),
            slow_start: take("slow_start", comeback.clone()),
            failback_delay: take("failback_delay", comeback.clone()),
            hold_down_max: take("hold_down_max", comeback),
            capacity: table.take("capacity"),
        }
    }

    /// Reads the rest, and holds all of it against the method and the endpoints, as far as these are known. `place` is
    /// where the method is given.
    pub fn judge(
        self,
        method: Method,
        place: Option<&Value<'_>>,
        endpoints: Option<&[Arc<Endpoint>]>,
        terms: &Terms<'_, '_>,
    ) -> Judged {
        let capacity = self.capacity(endpoints, terms);
        if let (Some(place), Some(endpoints)) = (place, endpoints) {
            demand_load(place, method, endpoints);
        }
        let shed_by_load = self.capacity.is_some()
            || endpoints.is_none_or(|endpoints| endpoints.iter().any(|one| has_capacity(one)));
        if let Some(damping) = &self.damping
            && !method.is_by_load()
            && !shed_by_load
        {
            let message = format!("nothing is damped: method \"{method}\" does not go by load");
            damping.value.warning(message, "use a method by load or a capacity, or remove it");
        }
        let damping = self.damping.as_ref().and_then(|given| given.duration);
        Judged { comeback: self.comeback(method), capacity, damping }
    }

    /// `{ SITE = SESSIONS }`.
    fn capacity(
        &self,
        endpoints: Option<&[Arc<Endpoint>]>,
        terms: &Terms<'_, '_>,
    ) -> Vec<SiteCapacity> {
        let Some(given) = &self.capacity else { return Vec::new() };
        let entries = given.table("the capacities").map(Table::into_entries).unwrap_or_default();
        let site_capacity = |entry: &Value<'_>| {
            let site = terms.sites.find_key(entry);
            let sessions = entry.integer(1..=defaults::SESSIONS_MAX);
            let site = site?;
            if let Some(endpoints) = endpoints {
                let there = endpoints.iter().filter(|endpoint| endpoint.site == site);
                let there: Vec<&Endpoint> = there.map(|endpoint| &**endpoint).collect();
                if there.is_empty() {
                    let message = format!("this pool has no endpoint at site {:?}", site.name);
                    entry.key_warning(message, "add one there, or take the site out");
                }
                let silent: Vec<&Endpoint> =
                    there.into_iter().filter(|endpoint| !tells_sessions(endpoint)).collect();
                if let Some((message, feed)) = untold(silent) {
                    entry.error(message, format!("{feed}, or leave this site's capacity out"));
                }
            }
            Some(SiteCapacity { site, sessions: sessions? })
        };
        entries.iter().filter_map(site_capacity).collect()
    }

    fn comeback(&self, method: Method) -> Comeback {
        let duration = |given: &Option<Given<'_>>| given.as_ref().and_then(|given| given.duration);
        let slow_start = duration(&self.slow_start).unwrap_or_default();
        if let Some(given) = &self.slow_start
            && matches!(method, Method::RoundRobin | Method::Random)
            && !slow_start.is_zero()
        {
            let message = format!(
                "slow_start grows weights, and method \"{method}\" passes over them within a site"
            );
            given.value.warning(message, "use method = \"weighted\"");
        }
        let failback_delay = duration(&self.failback_delay).unwrap_or_default();
        let longest = duration(&self.hold_down_max);
        if let (Some(given), Some(longest)) = (&self.hold_down_max, longest) {
            let [shown, delay] = [longest, failback_delay].map(value::shown);
            if failback_delay.is_zero() {
                let message = "nothing is held down: there is no failback_delay that could double";
                given.value.warning(message, "add failback_delay = \"30s\", or remove it");
            } else if longest < failback_delay {
                let message = format!(
                    "nothing is held longer than {shown}, and the failback_delay is {delay}"
                );
                given.value.error(message, format!("use at least {delay}"));
            }
        }
        let hold_down_max = match failback_delay.is_zero() {
            true => Duration::ZERO,
            false => longest.unwrap_or(defaults::POOL_HOLD_DOWN_MAX.max(failback_delay)),
        };
        Comeback { slow_start, failback_delay, hold_down_max }
    }
}

/// Warns of directors whose capacity is void, as not all endpoints at their site have one and the pool, whose endpoints
/// are listed at `list`, gives the site none.
pub fn warn_of_capacities(list: &Value<'_>, endpoints: &[Arc<Endpoint>], given: &[SiteCapacity]) {
    let mut seen: Vec<&Site> = given.iter().map(|capacity| &*capacity.site).collect();
    for site in endpoints.iter().map(|endpoint| &*endpoint.site) {
        if seen.contains(&site) {
            continue;
        }
        seen.push(site);
        let here = endpoints.iter().map(|it| &**it).filter(|endpoint| *endpoint.site == *site);
        let (with, without): (Vec<&Endpoint>, Vec<&Endpoint>) =
            here.partition(|it| has_capacity(it));
        let (with, without) = (named(with.into_iter()), named(without.into_iter()));
        if let (Some(with), Some(without)) = (with, without) {
            let site = &site.name;
            let message = format!(
                "the capacity of {with} is void: {without} at the same site {site:?} has none, so that nobody knows \
                 what the site carries"
            );
            let help =
                format!("give {without} one too, or the pool capacity = {{ {site} = SESSIONS }}");
            list.key_warning(message, help);
        }
    }
}

/// Refuses a method by load whose load nobody tells.
fn demand_load(place: &Value<'_>, method: Method, endpoints: &[Arc<Endpoint>]) {
    let all = endpoints.iter().map(|endpoint| &**endpoint);
    if method == Method::LeastResponseTime {
        if let Some(names) = named(all.filter(|endpoint| !tells_times(endpoint))) {
            let help =
                "add check = and the name of a check to the pool, or use method = \"weighted\"";
            place.error(format!("nobody tells how fast {names} answers"), help);
        }
    } else if method.is_by_load()
        && let Some((message, feed)) =
            untold(all.filter(|endpoint| !tells_sessions(endpoint)).collect())
    {
        let help = format!("{feed}, or use method = \"weighted\" or \"least-response-time\"");
        place.error(message, help);
    }
}

/// That nobody tells the sessions of these, and what feed is missing; none if there are none of them.
fn untold(silent: Vec<&Endpoint>) -> Option<(String, String)> {
    let message = format!("nobody tells the sessions of {}", named(silent.iter().copied())?);
    let pairs = silent.iter().filter_map(|endpoint| endpoint.vip.as_ref());
    let pairs = pairs.filter(|vip| vip.feeds().next().is_some());
    let mute = pairs.flat_map(|vip| &vip.directors).filter(|director| director.feed.is_none());
    let mute: Vec<String> = mute.map(|director| format!("{:?}", director.name)).collect();
    if mute.is_empty() {
        return Some((message, "give its director a feed".to_owned()));
    }
    let mute = listed(&mute, NAMED_MAX);
    Some((format!("{message} while {mute} holds the VIP"), format!("give {mute} a feed too")))
}

/// Whichever of its directors holds the VIP.
fn tells_sessions(endpoint: &Endpoint) -> bool {
    let directors = endpoint.vip.as_ref().map(|vip| &vip.directors);
    directors.is_some_and(|all| all.iter().all(|director| director.feed.is_some()))
}

/// IPVS forwards packets and does not look when they are answered.
fn tells_times(endpoint: &Endpoint) -> bool {
    let tells = |feed: &Feed| !matches!(feed.source, FeedSource::Ipvs(_));
    let directors = endpoint.vip.as_ref().map(|vip| &vip.directors);
    let each_tells = directors
        .is_some_and(|all| all.iter().all(|director| director.feed.as_deref().is_some_and(tells)));
    endpoint.probes().next().is_some() || each_tells
}

fn has_capacity(endpoint: &Endpoint) -> bool {
    endpoint.vip.as_ref().is_some_and(|vip| vip.capacity().is_some())
}

/// Endpoints in words; none if there are none.
pub(super) fn named<'e>(endpoints: impl Iterator<Item = &'e Endpoint>) -> Option<String> {
    let names: Vec<String> = endpoints.map(|endpoint| format!("{:?}", endpoint.name)).collect();
    (!names.is_empty()).then(|| listed(&names, NAMED_MAX))
}
