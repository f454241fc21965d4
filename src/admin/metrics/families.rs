//! Which metrics there are. Operators read this file beside the README: names and labels are a promise.

use super::Scrape;
use super::format::{Families, Histogram, Labels};
use crate::answer::{Reason, Transport};
use crate::control::counters::qtype_label;
use crate::control::outlook::Condition;
use crate::control::reloader::Outcome;
use crate::control::status::{CheckView, EndpointFamilyView, EndpointView, PoolView};
use crate::health::tally::LATENCY_ENDS_S;
use crate::net::ConnectionCounters;
use crate::steer::pool::Family;
use crate::wire::rcode;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes all of them.
pub(super) fn write(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    process(scrape, page)?;
    queries(scrape, page)?;
    subnets(scrape, page)?;
    endpoints(scrape, page)?;
    checks(scrape, page)?;
    pools(scrape, page)?;
    configuration(scrape, page)?;
    connections(scrape, page)
}

fn process(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let server = &scrape.status.server;
    let build = vec![("version", server.version.clone())];
    page.gauges("fingerpost_build_info", "The version that runs; always 1", [(build, 1.0)])?;
    let ready = f64::from(u8::from(server.ready));
    page.gauge("fingerpost_ready", "Whether queries are answered from a real snapshot", ready)?;
    let name = "fingerpost_start_time_seconds";
    page.gauge(
        name,
        "When the server was started, in seconds of the epoch",
        epoch_s(server.started),
    )?;
    let name = "fingerpost_snapshot_generation";
    page.gauge(name, "Number of the snapshot that is answered from", server.generation as f64)?;
    let age = server.generation_at.map(|at| (Labels::new(), age_s(at, server.now)));
    let name = "fingerpost_snapshot_age_seconds";
    page.gauges(name, "Time since that snapshot was published", age)
}

fn queries(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let mut rows = BTreeMap::new();
    for (transport, zone, qtype, code, count) in scrape.tally.queries() {
        let zone = zone.map(ToString::to_string).unwrap_or_default();
        rows.insert((transport as u8, zone, qtype, code), (transport, count));
    }
    let rows = rows.into_iter().map(|((_, zone, qtype, code), (transport, count))| {
        let labels = vec![
            ("transport", transport.to_string()),
            ("zone", zone),
            ("type", qtype_label(qtype)),
            ("rcode", rcode::label(code)),
        ];
        (labels, count)
    });
    let name = "fingerpost_queries";
    page.counters(name, "Queries answered; zone is empty where the name is in none", rows)?;
    let counts = &scrape.counts;
    let over = |transport: Transport| vec![("transport", transport.to_string())];
    let reasons = Transport::ALL.into_iter().flat_map(|transport| {
        Reason::ALL.iter().map(move |&reason| {
            let mut labels = over(transport);
            labels.push(("reason", reason.label().to_owned()));
            (labels, counts.reason(transport, reason))
        })
    });
    // A reason that has never been is no row: most transports of most servers have none.
    let reasons = reasons.filter(|(_, count)| *count > 0);
    page.counters("fingerpost_messages", "Messages by what became of them", reasons)?;
    let truncated = Transport::ALL.map(|over_it| (over(over_it), counts.truncated(over_it)));
    page.counters("fingerpost_truncated", "Responses that were cut short (TC)", truncated)
}

fn subnets(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let seen = [(Labels::new(), scrape.counts.subnets_seen())];
    let name = "fingerpost_ecs_queries";
    page.counters(name, "Queries that bore a Client Subnet option", seen)?;
    let ends: [Vec<f64>; 2] = Family::BOTH.map(|family| {
        let bits = scrape.counts.scopes(family).len() - 1;
        (0..=bits).step_by(bits / 32 * 4).map(|bits| bits as f64).collect()
    });
    let counts = Family::BOTH.map(|family| {
        let ends = &ends[family as usize];
        let mut counts = vec![0; ends.len() + 1];
        for (bits, count) in scrape.counts.scopes(family).iter().enumerate() {
            counts[ends.partition_point(|end| *end < bits as f64)] += count;
        }
        counts
    });
    let rows = Family::BOTH.map(|family| {
        let scopes = scrape.counts.scopes(family).iter().enumerate();
        let histogram = Histogram {
            ends: &ends[family as usize],
            counts: &counts[family as usize],
            sum: scopes.map(|(bits, count)| bits as f64 * *count as f64).sum(),
        };
        let family = if family == Family::V4 { "ipv4" } else { "ipv6" };
        (vec![("family", family.to_owned())], histogram)
    });
    let name = "fingerpost_ecs_scope_bits";
    page.histograms(name, "Scopes that Client Subnets were answered with", rows)
}

fn endpoints(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let mut rows = BTreeMap::new();
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
    page.counters(name, "Answers that listed an endpoint's address", rows)?;
    let name = "fingerpost_endpoint_share_ratio";
    let help = "Part of its site's answers that is meant to list the endpoint";
    page.gauges(name, help, each_address(scrape, |at| [(None, at.share)]))?;
    let name = "fingerpost_endpoint_standing";
    let help = "1 for what the endpoint is taken for, overrides included";
    let standings = ["up", "down", "unknown", "drained"];
    let rows = each_address(scrape, |at| {
        standings.map(|word| (Some(("standing", word)), is(at.standing == word)))
    });
    page.gauges(name, help, rows)?;
    let name = "fingerpost_endpoint_weight";
    let help = "Weight of an endpoint, relative to the others of its pool";
    let weights = each_endpoint(scrape)
        .map(|(pool, endpoint)| (endpoint_labels(pool, endpoint), f64::from(endpoint.weight)));
    page.gauges(name, help, weights)
}

/// One probe may speak for several endpoints, and is told once.
fn checks(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let mut checks: BTreeMap<(&str, &str), &CheckView> = BTreeMap::new();
    for (_, endpoint) in each_endpoint(scrape) {
        for check in endpoint.families.iter().filter_map(|family| family.check.as_ref()) {
            checks.insert((&check.name, &check.target), check);
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
    page.gauges(name, "1 for the verdict of the probes, whatever an override says", verdicts)?;
    let flaps = checks.values().map(|check| (labels(check), check.flaps));
    page.counters("fingerpost_check_flaps", "Times that the verdict turned", flaps)?;
    let certificates = checks
        .values()
        .filter_map(|check| check.certificate_days_left.map(|days| (labels(check), days as f64)));
    let name = "fingerpost_certificate_days_left";
    page.gauges(name, "Days until the certificate ends that a probe was shown", certificates)?;
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
    page.counters("fingerpost_probes", "Probes made", results)?;
    let latencies = scrape.probes.iter().map(|(check, tally)| {
        let (ends, counts) = (&LATENCY_ENDS_S[..], &tally.latencies[..]);
        (named(check), Histogram { ends, counts, sum: tally.latency_sum_s })
    });
    let name = "fingerpost_probe_latency_seconds";
    page.histograms(name, "How long probes took that came to a result", latencies)
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
    page.gauges("fingerpost_pool_all_down", "Whether nothing of the pool is up", all_down)?;
    let open = gauge(|condition| condition == Condition::FailOpen);
    let name = "fingerpost_pool_fail_open";
    page.gauges(name, "Whether addresses are handed out though all are down", open)?;
    let fallback = gauge(|condition| condition == Condition::Fallback);
    page.gauges("fingerpost_pool_fallback", "Whether the pool's fallback serves", fallback)?;
    let degraded = gauge(|condition| condition == Condition::Degraded);
    let name = "fingerpost_pool_degraded";
    page.gauges(name, "Whether a site of the pool is dead or under min_up", degraded)?;
    let mut overrides: BTreeMap<&str, f64> =
        ["up", "drain", "down"].map(|state| (state, 0.0)).into();
    for pinned in &scrape.status.overrides {
        *overrides.entry(&pinned.state).or_default() += 1.0;
    }
    let overrides = overrides.into_iter().map(|(state, n)| (vec![("state", state.to_owned())], n));
    page.gauges("fingerpost_overrides", "Overrides in force", overrides)
}

fn configuration(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let outcomes = Outcome::ALL.map(|outcome| {
        let labels = vec![("outcome", outcome.to_string())];
        (labels, scrape.last_load.outcomes[outcome as usize])
    });
    page.counters("fingerpost_reloads", "Reloads by how they ended", outcomes)?;
    let sound =
        scrape.last_load.outcome != Outcome::Refused && !scrape.last_load.report.has_errors();
    let name = "fingerpost_last_reload_sound";
    page.gauge(name, "Whether the files had no mistakes when they were last read", is(sound))?;
    let named = |zone: &String| vec![("zone", zone.clone())];
    let zones = &scrape.status.zones;
    let serials =
        zones.iter().filter_map(|zone| Some((named(&zone.zone), f64::from(zone.serial?))));
    page.gauges("fingerpost_zone_serial", "Serial of a zone's SOA record", serials)?;
    let served = zones.iter().map(|zone| (named(&zone.zone), is(zone.state == "served")));
    let name = "fingerpost_zone_current";
    page.gauges(name, "Whether a zone is served as its files have it now", served)?;
    let now = scrape.status.server.now;
    let ages = scrape.status.databases.iter().filter_map(|database| {
        Some((vec![("path", database.path.clone())], age_s(database.built?, now)))
    });
    let name = "fingerpost_database_age_seconds";
    page.gauges(name, "Time since a geo database was built", ages)
}

fn connections(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    type Select = fn(&ConnectionCounters) -> &AtomicU64;
    let connected = &Transport::ALL[1..];
    let rows = |select: Select| {
        connected.iter().map(move |&transport| {
            let labels = vec![("transport", transport.to_string())];
            (labels, read(select(scrape.net.of(transport))))
        })
    };
    let open = rows(|counters| &counters.open).map(|(labels, count)| (labels, count as f64));
    page.gauges("fingerpost_connections_open", "Connections open now", open)?;
    let counters: [(&str, &str, Select); 5] = [
        ("accepted", "Connections let in", |counters| &counters.accepted),
        ("refused", "Connections turned away because a limit was reached", |c| &c.refused),
        ("handshake_failures", "Connections gone before TLS or QUIC was agreed upon", |c| {
            &c.handshake_failures
        }),
        ("timed_out", "Connections closed for being idle or old", |c| &c.timed_out),
        ("protocol_errors", "Breaches of the rules of a transport", |c| &c.protocol_errors),
    ];
    for (name, help, select) in counters {
        page.counters(&format!("fingerpost_connections_{name}"), help, rows(select))?;
    }
    let net = &scrape.net;
    let alone = |counter: u64| [(Labels::new(), counter)];
    let singles = [
        ("fingerpost_answer_panics", "Queries lost to a mistake of ours", read(&net.panics)),
        ("fingerpost_accept_errors", "Failures to accept a connection", read(&net.accept_errors)),
        (
            "fingerpost_udp_receive_errors",
            "Failures to receive datagrams",
            read(&net.udp_receive_errors),
        ),
        ("fingerpost_udp_send_errors", "Answers not sent over UDP", read(&net.udp_send_errors)),
        ("fingerpost_quic_retries", "QUIC clients asked to prove their address", {
            read(&net.quic_retries)
        }),
        (
            "fingerpost_admin_panics",
            "Admin requests lost to a mistake of ours",
            scrape.admin_panics,
        ),
    ];
    for (name, help, count) in singles {
        page.counters(name, help, alone(count))?;
    }
    let fates = scrape.tap.iter().flat_map(|tap| {
        let fates = [("sampled", tap.sampled), ("written", tap.written), ("dropped", tap.dropped)];
        fates.map(|(fate, count)| (vec![("fate", fate.to_owned())], count))
    });
    page.counters("fingerpost_dnstap_exchanges", "Queries that the tap has taken", fates)?;
    let reconnects = scrape.tap.iter().map(|tap| (Labels::new(), tap.reconnects));
    page.counters("fingerpost_dnstap_reconnects", "Readers that the tap has lost", reconnects)
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

fn is(so: bool) -> f64 {
    f64::from(u8::from(so))
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn epoch_s(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

fn age_s(then: Timestamp, now: Timestamp) -> f64 {
    epoch_s(now) - epoch_s(then)
}
