//! Which metrics there are. Operators read this file beside the README: names and labels are a promise.

use super::format::{Families, Histogram, Labels};
use super::{Scrape, directors, steering};
use crate::answer::{Reason, Transport};
use crate::control::counters::qtype_label;
use crate::control::reloader::Outcome;
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
    steering::write(scrape, page)?;
    directors::write(scrape, page)?;
    configuration(scrape, page)?;
    connections(scrape, page)?;
    internals(scrape, page)
}

fn process(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let server = &scrape.status.server;
    let build = vec![("version", server.version.clone())];
    page.gauges(
        "fingerpost_build_info",
        "Always 1; the label tells the version that runs",
        [(build, 1.0)],
    )?;
    let ready = f64::from(u8::from(server.ready));
    page.gauge(
        "fingerpost_ready",
        "1 once the first round of probes is done and queries are answered; what /readyz tells",
        ready,
    )?;
    let name = "fingerpost_start_time_seconds";
    page.gauge(
        name,
        "When the server was started, in seconds since 1970",
        epoch_s(server.started),
    )?;
    let name = "fingerpost_snapshot_generation";
    let help = "Number of the snapshot that is answered from; changes of files, health or overrides make a new one";
    page.gauge(name, help, server.generation as f64)?;
    let age = server.generation_at.map(|at| (Labels::new(), age_s(at, server.now)));
    let name = "fingerpost_snapshot_age_seconds";
    page.gauges(name, "Time since the snapshot was published that is answered from", age)
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
    let help = "Responses sent, by transport, zone (empty: the name is in none that is served), type and rcode";
    page.counters(name, help, rows)?;
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
    let help = "Messages received, dropped ones included, by the reason that they were answered as they were";
    page.counters("fingerpost_messages", help, reasons)?;
    let truncated = Transport::ALL.map(|over_it| (over(over_it), counts.truncated(over_it)));
    let help = "Responses that were cut short to fit (TC), so that the client asks again over TCP";
    page.counters("fingerpost_responses_truncated", help, truncated)
}

fn subnets(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let seen = [(Labels::new(), scrape.counts.subnets_seen())];
    let name = "fingerpost_ecs_queries";
    page.counters(name, "Queries that bore an EDNS Client Subnet option", seen)?;
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
    let name = "fingerpost_ecs_scope_prefix_length";
    let help = "Scopes that EDNS Client Subnets were answered with: leading bits of the client that matter";
    page.histograms(name, help, rows)
}

fn configuration(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let outcomes = Outcome::ALL.map(|outcome| {
        let labels = vec![("outcome", outcome.to_string())];
        (labels, scrape.last_load.outcomes[outcome as usize])
    });
    let help =
        "Times that all files were read again, by how it ended; refused ones changed nothing";
    page.counters("fingerpost_reloads", help, outcomes)?;
    let sound =
        scrape.last_load.outcome != Outcome::Refused && !scrape.last_load.report.has_errors();
    let name = "fingerpost_last_reload_successful";
    page.gauge(name, "1 if the files had no mistakes when they were last read", is(sound))?;
    let name = "fingerpost_last_reload_timestamp_seconds";
    let help = "When the files were last read, in seconds since 1970";
    page.gauge(name, help, epoch_s(scrape.last_load.at))?;
    let named = |zone: &String| vec![("zone", zone.clone())];
    let zones = &scrape.status.zones;
    let serials =
        zones.iter().filter_map(|zone| Some((named(&zone.zone), f64::from(zone.serial?))));
    page.gauges(
        "fingerpost_zone_serial",
        "Serial of the SOA record of a zone, as it is served",
        serials,
    )?;
    let served = zones.iter().map(|zone| (named(&zone.zone), is(zone.state == "served")));
    let name = "fingerpost_zone_current";
    let help =
        "1 if a zone is served as its files are now; 0 if as they last were right, or not at all";
    page.gauges(name, help, served)?;
    let now = scrape.status.server.now;
    let ages = scrape.status.databases.iter().filter_map(|database| {
        Some((vec![("path", database.path.clone())], age_s(database.built?, now)))
    });
    let name = "fingerpost_database_age_seconds";
    page.gauges(name, "Time since a geo database in use was built by its maker", ages)
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
    page.gauges(
        "fingerpost_connections_open",
        "Connections that DNS is spoken over, open now",
        open,
    )?;
    let counters: [(&str, &str, Select); 5] = [
        ("accepted", "Connections of DNS clients let in", |counters| &counters.accepted),
        ("refused", "Connections of DNS clients turned away because a limit was reached", |c| {
            &c.refused
        }),
        ("handshake_failures", "Connections gone before TLS or QUIC was agreed upon", |c| {
            &c.handshake_failures
        }),
        ("timed_out", "Connections closed for being idle or old", |c| &c.timed_out),
        (
            "protocol_errors",
            "Connections ended because the client broke the rules of the transport",
            |c| &c.protocol_errors,
        ),
    ];
    for (name, help, select) in counters {
        page.counters(&format!("fingerpost_connections_{name}"), help, rows(select))?;
    }
    Ok(())
}

/// What goes wrong inside, and the tap.
fn internals(scrape: &Scrape, page: &mut Families<'_>) -> fmt::Result {
    let net = &scrape.net;
    let alone = |counter: u64| [(Labels::new(), counter)];
    let singles = [
        (
            "fingerpost_answer_panics",
            "Queries that a bug of the server left without an answer",
            read(&net.panics),
        ),
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
            "Requests to the admin API that a bug of the server ended",
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
    let help =
        "Queries with their answers that dnstap has sampled, and of these, written or dropped";
    page.counters("fingerpost_dnstap_exchanges", help, fates)?;
    let reconnects = scrape.tap.iter().map(|tap| (Labels::new(), tap.reconnects));
    page.counters(
        "fingerpost_dnstap_reconnects",
        "Times that dnstap lost its reader and tried again",
        reconnects,
    )
}

/// Truth as a number.
pub(super) fn is(so: bool) -> f64 {
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
