//! As much of a status as has to do with one name: a site, director, pool, endpoint, zone, or steered name.

use crate::control::status::{DirectorSeatView, DirectorView, EndpointView, PoolView, Status};
use crate::report::{Finding, listed, nearest};
use std::collections::HashSet;

/// As many names are offered where one is not known and none is near.
const OFFERED_MAX: usize = 8;

/// Drops everything that has nothing to do with `name`. Files and databases belong to nobody, and are dropped too.
pub(super) fn narrow(status: &mut Status, name: &str) -> Result<(), Finding> {
    if !known(status).contains(&name) && !known(status).iter().any(|known| same(known, name)) {
        return Err(unknown(status, name));
    }
    let mut words: HashSet<String> = HashSet::from([plain(name)]);
    let stands_for = seats(status, name);
    status.pools.retain_mut(|pool| {
        let whole = is_about(pool, name);
        let pool_key = (&pool.zone, &pool.pool);
        if !whole {
            pool.endpoints.retain(|endpoint| {
                is_on(endpoint, name)
                    || stands_for.iter().any(|seat| is_seat(seat, pool_key, endpoint))
            });
        }
        words.extend(whole.then(|| plain(&pool.pool)));
        words.extend(pool.endpoints.iter().map(|endpoint| plain(&endpoint.endpoint)));
        whole || !pool.endpoints.is_empty()
    });
    let is_shown = |director: &DirectorView| {
        let shown = |seat: &DirectorSeatView| {
            status.pools.iter().any(|pool| {
                let is_it =
                    |endpoint: &EndpointView| is_seat(seat, (&pool.zone, &pool.pool), endpoint);
                pool.endpoints.iter().any(is_it)
            })
        };
        director.director == name || director.endpoints.iter().any(shown)
    };
    let directors = status.directors.iter().filter(|director| is_shown(director)).cloned();
    status.directors = directors.collect();
    words.extend(status.directors.iter().map(|director| plain(&director.director)));
    let endpoints = || status.pools.iter().flat_map(|pool| &pool.endpoints);
    let sites: HashSet<&str> = endpoints().map(|endpoint| endpoint.site.as_str()).collect();
    status.sites.retain(|site| sites.contains(site.site.as_str()) || site.site == name);
    let names =
        || status.pools.iter().filter(|pool| is_about(pool, name)).flat_map(|pool| &pool.names);
    status
        .zones
        .retain(|zone| same(&zone.zone, name) || names().any(|name| lies_in(name, &zone.zone)));
    let pinned = endpoints().filter_map(|endpoint| endpoint.pinned.as_ref());
    let pinned = pinned.chain(status.pools.iter().filter_map(|pool| pool.pinned.as_ref()));
    let pinned: Vec<_> = pinned
        .chain(status.sites.iter().filter_map(|site| site.pinned.as_ref()))
        .cloned()
        .collect();
    status.overrides.retain(|one| pinned.contains(one));
    status.wrong.retain(|wrong| mentions(&wrong.what, &words));
    status.databases.clear();
    Ok(())
}

/// Whether a pool is meant as a whole: by its own name, its zone's, or a name that it serves.
fn is_about(pool: &PoolView, name: &str) -> bool {
    let in_zone = pool.zone.as_deref().is_some_and(|zone| same(zone, name));
    let serves = |owner: &String| same(owner, name) || lies_in_named_zone(owner, name);
    pool.pool == name || in_zone || pool.names.iter().any(serves)
}

/// A pool of the server's own serves names of many zones, and counts for each of them. A name without a dot is no
/// zone's, so that a site called `com` is not taken for one.
fn lies_in_named_zone(owner: &str, name: &str) -> bool {
    name.contains('.') && lies_in(owner, name)
}

fn is_on(endpoint: &EndpointView, name: &str) -> bool {
    endpoint.site == name || endpoint.endpoint == name
}

/// Where a director of this name is handed out.
fn seats(status: &Status, name: &str) -> Vec<DirectorSeatView> {
    let named = status.directors.iter().filter(|director| director.director == name);
    named.flat_map(|director| director.endpoints.iter().cloned()).collect()
}

fn is_seat(
    seat: &DirectorSeatView,
    pool: (&Option<String>, &String),
    endpoint: &EndpointView,
) -> bool {
    (&seat.zone, &seat.pool) == pool && seat.endpoint == endpoint.endpoint
}

fn lies_in(owner: &str, zone: &str) -> bool {
    let (owner, zone) = (plain(owner), plain(zone));
    owner.strip_suffix(&zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Domain names are written with and without the last dot, and in either case (RFC 4343).
fn same(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Whether one of the words stands in a text for people.
fn mentions(text: &str, words: &HashSet<String>) -> bool {
    let marks = [':', ',', ';', '.', '"', '\'', '(', ')'];
    text.split_whitespace().any(|word| words.contains(&plain(word.trim_matches(marks))))
}

fn known(status: &Status) -> Vec<&str> {
    let sites = status.sites.iter().map(|site| site.site.as_str());
    let pools = status.pools.iter().map(|pool| pool.pool.as_str());
    let zones = status.zones.iter().map(|zone| zone.zone.as_str());
    let names = status.pools.iter().flat_map(|pool| &pool.names).map(String::as_str);
    let endpoints = status.pools.iter().flat_map(|pool| &pool.endpoints);
    let endpoints = endpoints.map(|endpoint| endpoint.endpoint.as_str());
    let directors = status.directors.iter().map(|director| director.director.as_str());
    sites.chain(pools).chain(zones).chain(names).chain(endpoints).chain(directors).collect()
}

fn unknown(status: &Status, name: &str) -> Finding {
    let message =
        format!("no site, director, pool, endpoint, zone or steered name is called {name:?}");
    let known = known(status);
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => {
            let mut seen = HashSet::new();
            let offered: Vec<&str> = known.into_iter().filter(|name| seen.insert(*name)).collect();
            format!("there are {}", listed(&offered, OFFERED_MAX))
        }
    };
    Finding::error(message).help(help)
}
