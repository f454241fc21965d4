//! The metrics of what is steered: endpoints, their checks, and pools.

use super::Scrape;
use super::families::is;
use super::format::{Families, Histogram, Labels};
use crate::control::outlook::{Condition, SiteLevel};
use crate::control::status::{CheckView, EndpointFamilyView, EndpointView, PoolView};
use crate::health::tally::LATENCY_ENDS_S;
use std::collections::BTreeMap;
use std::fmt;

const SECONDS_OF_DAY: f64 = 86_400.0;
/// What a site of a pool can be.
const LEVELS: [SiteLevel; 5] = [
    SiteLevel::Trusted,
    SiteLevel::Degraded,
    SiteLevel::LastResort,
    SiteLevel::Dead,
    SiteLevel::Drained,
];

/// Writes all of them.
pub(super) fn write(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    answers(scrape, page)?;
    endpoints(scrape, page)?;
    checks(scrape, page)?;
    probes(scrape, page)?;
    pools(scrape, page)?;
    overrides(scrape, page)
}

/// Endpoints that nobody was sent to yet have rows too: a rate needs a zero to start from. Those that are gone keep
/// theirs, so that sums never fall.
fn answers(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let mut rows = BTreeMap::new();
    for (pool, endpoint) in each_endpoint(scrape) {
        for family in &endpoint.families {
            let zone = pool.zone.clone().unwrap_or_default();
            let family = family.family.clone();
            rows.insert((zone, &pool.pool, &endpoint.site, &endpoint.endpoint, family), 0);
        }
    }
    for (key, count) in scrape.tally.handed_out().iter() {
        let family = key.family.rtype().to_string();
        let zone = key.zone.as_ref().map(ToString::to_string).unwrap_or_default();
        rows.insert((zone, &key.pool, &key.site, &key.endpoint, family), count);
    }
    let rows = rows.into_iter().map(|((zone, pool, site, endpoint, family), count)| {
        let labels = vec![
            ("zone", zone),
            ("pool", pool.clone()),
            ("site", site.clone()),
            ("endpoint", endpoint.clone()),
            ("family", family),
        ];
        (labels, count)
    });
    let name = "fingerpost_answers";
    let help = "Times that an endpoint's address was handed out; an answer with two addresses counts for two endpoints";
    page.counters(name, help, rows)
}

fn endpoints(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let name = "fingerpost_endpoint_share_ratio";
    let help = "Part of the answers that lead to its site which should list the endpoint, as weights and standings are \
                now; shares of a site add up to the addresses per answer";
    page.gauges(name, help, each_address(scrape, |at| [(None, at.share)]))?;
    let name = "fingerpost_endpoint_standing";
    let help = "1 for what an address of an endpoint is taken for when answers are chosen, overrides included";
    let standings = ["up", "down", "unknown", "drained", "held"];
    let rows = each_address(scrape, |at| {
        standings.map(|word| (Some(("standing", word)), is(at.standing == word)))
    });
    page.gauges(name, help, rows)?;
    let name = "fingerpost_endpoint_weight";
    let help = "Configured weight of an endpoint, relative to the others of its pool";
    let weights = each_endpoint(scrape)
        .map(|(pool, endpoint)| (endpoint_labels(pool, endpoint), f64::from(endpoint.weight)));
    page.gauges(name, help, weights)?;
    let name = "fingerpost_endpoint_weight_now";
    let help = "Weight that an address of an endpoint is dealt by: as planned, the live part behind its director, as \
                far as it has come back after being down, and by load";
    page.gauges(name, help, each_address(scrape, |at| [(None, at.weight_now)]))
}

/// One probe may speak for several endpoints, and is told once.
fn checks(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let mut checks: BTreeMap<(&str, &str), &CheckView> = BTreeMap::new();
    for (_, endpoint) in each_endpoint(scrape) {
        for check in endpoint.families.iter().filter_map(|family| family.check.as_ref()) {
            // Zones may have checks of one name that ask for different things; what is wrong is what matters.
            let told = checks.entry((&check.name, &check.target)).or_insert(check);
            if told.verdict == "up" {
                *told = check;
            }
        }
    }
    let labels =
        |check: &CheckView| vec![("check", check.name.clone()), ("target", check.target.clone())];
    let verdicts = checks.values().flat_map(|check| {
        ["up", "down", "unknown"].map(|verdict| {
            let mut labels = labels(check);
            labels.push(("verdict", verdict.to_owned()));
            (labels, is(check.verdict == verdict))
        })
    });
    let name = "fingerpost_check_verdict";
    page.gauges(
        name,
        "1 for what the probes of a target have led to, whatever an override says",
        verdicts,
    )?;
    let flaps = checks.values().map(|check| (labels(check), check.flaps));
    page.counters(
        "fingerpost_check_flaps",
        "Times that the verdict of a target has turned between up and down",
        flaps,
    )?;
    let certificates = checks
        .values()
        .filter_map(|check| Some((check, check.certificate_days_left?)))
        .map(|(check, days)| (labels(check), days as f64 * SECONDS_OF_DAY));
    let name = "fingerpost_certificate_remaining_seconds";
    let help =
        "Time until the certificate ends that the last probe of a target was shown, in whole days";
    page.gauges(name, help, certificates)
}

fn probes(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let named = |check: &String| vec![("check", check.clone())];
    let results = scrape.probes.iter().flat_map(|(check, tally)| {
        let results = [
            ("success", tally.successes),
            ("failure", tally.failures),
            ("inconclusive", tally.inconclusive),
        ];
        results.map(|(outcome, count)| {
            let mut labels = named(check);
            labels.push(("outcome", outcome.to_owned()));
            (labels, count)
        })
    });
    let help = "Probes by outcome; inconclusive ones could not be made, and change no verdict";
    page.counters("fingerpost_probes", help, results)?;
    let latencies = scrape.probes.iter().map(|(check, tally)| {
        let (ends, counts) = (&LATENCY_ENDS_S[..], &tally.latencies[..]);
        (named(check), Histogram { ends, counts, sum: tally.latency_sum_s })
    });
    let name = "fingerpost_probe_latency_seconds";
    page.histograms(name, "How long probes took that succeeded or failed", latencies)
}

fn pools(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let gauge = |which: fn(Condition) -> bool| {
        scrape.status.pools.iter().flat_map(move |pool| {
            pool.families.iter().map(move |family| {
                let mut labels = pool_labels(pool);
                labels.push(("family", family.family.clone()));
                (labels, is(which(family.condition)))
            })
        })
    };
    let all_down = gauge(Condition::is_all_down);
    let help = "1 while no endpoint of the pool is up in the family, whatever it does about it";
    page.gauges("fingerpost_pool_all_down", help, all_down)?;
    let open = gauge(|condition| condition == Condition::FailOpen);
    let name = "fingerpost_pool_fail_open";
    page.gauges(
        name,
        "1 while addresses of the pool are handed out although all of them are down",
        open,
    )?;
    let fallback = gauge(|condition| condition == Condition::Fallback);
    let help = "1 while the pool is all down and its fallback pool serves instead";
    page.gauges("fingerpost_pool_fallback", help, fallback)?;
    let degraded = gauge(|condition| condition == Condition::Degraded);
    let name = "fingerpost_pool_degraded";
    let help = "1 while something of the pool is up, but a site of it is dead or under min_up";
    page.gauges(name, help, degraded)?;
    sites(scrape, page)
}

fn sites(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let all = || {
        scrape.status.pools.iter().flat_map(|pool| {
            let families = pool.families.iter();
            let sites = families.flat_map(|family| family.sites.iter().map(move |it| (family, it)));
            sites.map(move |(family, site)| {
                let mut labels = pool_labels(pool);
                labels.push(("site", site.site.clone()));
                labels.push(("family", family.family.clone()));
                (labels, site)
            })
        })
    };
    let levels = all().flat_map(|(labels, site)| {
        LEVELS.map(|level| {
            let mut labels = labels.clone();
            labels.push(("level", level.to_string()));
            (labels, is(site.level == level))
        })
    });
    let name = "fingerpost_site_level";
    page.gauges(name, "1 for how far a pool can rely on its endpoints at a site", levels)?;
    let name = "fingerpost_site_admission_ratio";
    let help = "Part of the client networks that come to a site of a pool that it takes while it is trusted; the \
                others go on to the next site of their order";
    page.gauges(name, help, all().map(|(labels, site)| (labels, site.admission)))?;
    let name = "fingerpost_site_admission_by_load_ratio";
    let help = "The same as far as the load of the site goes; below 1 it is full";
    page.gauges(name, help, all().map(|(labels, site)| (labels, site.admission_by_load)))?;
    let name = "fingerpost_site_utilisation_ratio";
    let help = "Sessions of a site of a pool over what it carries well with what is live there";
    let known = all().filter_map(|(labels, site)| Some((labels, site.utilisation?)));
    page.gauges(name, help, known)
}

fn overrides(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let mut overrides: BTreeMap<&str, f64> =
        ["up", "drain", "down", "weight"].map(|state| (state, 0.0)).into();
    for pinned in &scrape.status.overrides {
        *overrides.entry(&pinned.state).or_default() += 1.0;
    }
    let overrides = overrides.into_iter().map(|(state, n)| (vec![("state", state.to_owned())], n));
    page.gauges(
        "fingerpost_overrides",
        "Overrides in force, by what they make of their sites, pools and endpoints",
        overrides,
    )
}

fn each_endpoint(scrape: &Scrape) -> impl Iterator<Item = (&PoolView, &EndpointView)> {
    let pools = scrape.status.pools.iter();
    pools.flat_map(|pool| pool.endpoints.iter().map(move |endpoint| (pool, endpoint)))
}

/// Rows for every address of every endpoint, some with one label more.
fn each_address<const N: usize>(
    scrape: &Scrape,
    rows: impl Fn(&EndpointFamilyView) -> [(Option<(&'static str, &'static str)>, f64); N],
) -> impl Iterator<Item = (Labels, f64)> {
    each_endpoint(scrape).flat_map(move |(pool, endpoint)| {
        let addresses = endpoint.families.iter().flat_map(|family| {
            rows(family).map(|(more, value)| {
                let mut labels = endpoint_labels(pool, endpoint);
                labels.push(("family", family.family.clone()));
                labels.extend(more.map(|(key, word)| (key, word.to_owned())));
                (labels, value)
            })
        });
        addresses.collect::<Vec<_>>()
    })
}

fn pool_labels(pool: &PoolView) -> Labels {
    vec![("zone", pool.zone.clone().unwrap_or_default()), ("pool", pool.pool.clone())]
}

fn endpoint_labels(pool: &PoolView, endpoint: &EndpointView) -> Labels {
    let mut labels = pool_labels(pool);
    labels.push(("site", endpoint.site.clone()));
    labels.push(("endpoint", endpoint.endpoint.clone()));
    labels
}
