//! What is counted of queries: exact numbers, over reloads too, and no query waits for a scrape.

use crate::kit::types::*;
use crate::kit::{Query, Reply, Udp, tcp};
use crate::page::Page;
use crate::promtool;
use crate::world::{COM, NET, World, com, endpoint};
use fingerpost::answer::Transport;
use std::collections::BTreeMap;

const WWW: &str = "www.example.com";
const SIX: &str = "six.example.com";
const FRA_V4: Option<&str> = Some("198.51.100.0/24");
const FRA_V6: Option<&str> = Some("2001:db8:1::/48");
const IAD_V4: Option<&str> = Some("203.0.113.0/25");

/// Transport, name, type, Client Subnet, how often; then what is expected: zone, type, code, reason.
type Row = (Transport, &'static str, u16, Option<&'static str>, usize, [&'static str; 4]);

const ROWS: [Row; 12] = [
    (Transport::Udp, WWW, A, FRA_V4, 10, [COM, "A", "NOERROR", "steered"]),
    (Transport::Udp, SIX, AAAA, FRA_V6, 6, [COM, "AAAA", "NOERROR", "steered"]),
    (Transport::Udp, WWW, A, IAD_V4, 4, [COM, "A", "NOERROR", "steered"]),
    (Transport::Udp, "www.example.net", A, None, 3, [NET, "A", "NOERROR", "steered"]),
    (Transport::Udp, "ns1.example.com", A, None, 2, [COM, "A", "NOERROR", "static"]),
    (Transport::Udp, "ns1.example.com", TXT, None, 1, [COM, "TXT", "NOERROR", "nodata"]),
    (Transport::Udp, "no.example.com", A, FRA_V4, 2, [COM, "A", "NXDOMAIN", "nxdomain"]),
    (Transport::Udp, "www.example.org", A, None, 2, ["", "A", "REFUSED", "no-zone"]),
    (Transport::Tcp, WWW, A, None, 5, [COM, "A", "NOERROR", "steered"]),
    (Transport::Tcp, SIX, AAAA, FRA_V6, 1, [COM, "AAAA", "NOERROR", "steered"]),
    (Transport::Tcp, "www.example.net", A, FRA_V4, 7, [NET, "A", "NOERROR", "steered"]),
    (Transport::Tcp, "ns1.example.net", HINFO, None, 1, [NET, "other", "NOERROR", "nodata"]),
];

/// What was asked, and what came back.
#[derive(Default)]
struct Asked {
    messages: usize,
    subnets: usize,
    queries: BTreeMap<[String; 4], f64>,
    reasons: BTreeMap<[String; 2], f64>,
    /// By zone, family and address.
    addresses: BTreeMap<(String, String, String), f64>,
    /// By whether the subnet is IPv6: scopes.
    scopes: [Vec<u8>; 2],
}

impl Asked {
    fn ask_all(&mut self, world: &World, rows: &[Row]) {
        let udp = world.server.addresses(Transport::Udp).into_iter().map(Udp::to);
        let udp: Vec<Udp> = udp.collect();
        let mut stream = tcp(world.server.address(Transport::Tcp), None);
        for row in rows {
            let &(transport, name, rtype, subnet, times, _) = row;
            for at in 0..times {
                let query = Query::new(name, rtype);
                let query = subnet.map_or(query.clone(), |subnet| query.ecs(subnet));
                let reply = match transport {
                    Transport::Udp => udp[at % udp.len()].ask(&query),
                    _ => stream.ask(&query),
                };
                self.add(row, &reply);
            }
        }
    }

    fn add(&mut self, row: &Row, reply: &Reply) {
        let &(transport, _, rtype, subnet, _, [zone, qtype, rcode, reason]) = row;
        self.messages += 1;
        let labels = [&*transport.to_string(), zone, qtype, rcode].map(str::to_owned);
        *self.queries.entry(labels).or_default() += 1.0;
        let labels = [&*transport.to_string(), reason].map(str::to_owned);
        *self.reasons.entry(labels).or_default() += 1.0;
        if reason == "steered" {
            for address in reply.data(rtype) {
                let key = (zone.to_owned(), qtype.to_owned(), address.to_owned());
                *self.addresses.entry(key).or_default() += 1.0;
            }
        }
        if let Some(subnet) = subnet {
            self.subnets += 1;
            let scope = reply.ecs().expect("a subnet for a subnet").scope;
            self.scopes[usize::from(subnet.contains(':'))].push(scope);
        }
    }

    fn check(&self, page: &Page) {
        let queries = all(page, "fingerpost_queries_total", ["transport", "zone", "type", "rcode"]);
        assert_eq!(queries, self.queries);
        assert_eq!(all(page, "fingerpost_messages_total", ["transport", "reason"]), self.reasons);
        assert_eq!(page.value("fingerpost_ecs_queries_total", &[]), self.subnets as f64);
        for (scopes, family) in self.scopes.iter().zip(["ipv4", "ipv6"]) {
            let label = ("family", family);
            let name = |end| format!("fingerpost_ecs_scope_prefix_length_{end}");
            assert_eq!(page.value(&name("count"), &[label]), scopes.len() as f64);
            let sum: f64 = scopes.iter().copied().map(f64::from).sum();
            assert_eq!(page.value(&name("sum"), &[label]), sum);
            for ((_, labels), count) in page.matching(&name("bucket"), &[label]) {
                let end: f64 = labels["le"].parse().expect("a bound");
                let within = scopes.iter().filter(|scope| f64::from(**scope) <= end).count();
                assert_eq!(count, within as f64, "{labels:?}");
            }
        }
        let answers = all(page, "fingerpost_answers_total", ["zone", "family", "endpoint"]);
        let mut expected: BTreeMap<[String; 3], f64> =
            answers.keys().map(|key| (key.clone(), 0.0)).collect();
        for ((zone, family, address), count) in &self.addresses {
            let key = [zone.clone(), family.clone(), endpoint_of(address).to_owned()];
            *expected.entry(key).or_default() += count;
        }
        assert_eq!(answers, expected);
    }
}

fn endpoint_of(address: &str) -> &'static str {
    match address.rsplit(['.', ':']).next() {
        Some("1" | "11") => "fra-1",
        Some("2" | "12") => "fra-2",
        Some("3") => "fra-3",
        Some("4") => "fra-4",
        Some("9") => "iad-1",
        _ => panic!("nobody has {address}"),
    }
}

/// All samples of a name by these labels.
fn all<const N: usize>(page: &Page, name: &str, keys: [&str; N]) -> BTreeMap<[String; N], f64> {
    let samples = page.matching(name, &[]);
    let mut found = BTreeMap::new();
    for ((_, labels), value) in samples {
        let before = found.insert(keys.map(|key| labels[key].clone()), value);
        assert_eq!(before, None, "{name}: {labels:?}");
    }
    found
}

#[test]
fn queries_are_counted_by_what_was_asked() {
    let world = World::start();
    let before = world.scrape();
    promtool::check(&before.text);
    let mut asked = Asked::default();
    asked.check(&before);
    asked.ask_all(&world, &ROWS);
    // Two addresses where there are as many, one where there is one.
    let sum: f64 = asked.addresses.values().sum();
    assert_eq!(sum, f64::from(2 * (10 + 6 + 5 + 1) + 4 + 3 + 7));
    let page = world.scrape_after(asked.messages);
    promtool::check(&page.text);
    asked.check(&page);
    page.check_goes_on_from(&before);
    // 203.0.113.0/25 goes elsewhere than everybody else, and 198.51.100.0 leaves its way after 5 bits.
    assert!(asked.scopes[0].contains(&5) && asked.scopes[0].contains(&25), "{:?}", asked.scopes);
    let tcp = [("transport", "tcp")];
    assert_eq!(page.value("fingerpost_connections_accepted_total", &tcp), 1.0);
    assert_eq!(page.sum("fingerpost_responses_truncated_total", &[]), 0.0);
    assert_eq!(page.value("fingerpost_answer_panics_total", &[]), 0.0);
}

#[test]
fn messages_that_are_no_queries() {
    let world = World::start();
    let udp = Udp::to(world.server.address(Transport::Udp));
    // A header that announces a question that is not there is answered; three octets are not.
    let malformed = Query::new(WWW, A).no_question().count(0, 1);
    assert_eq!(udp.ask(&malformed).rcode(), FORMERR);
    udp.send(&[1, 2, 3]);
    let page = world.scrape_after(2);
    let fate = |reason| {
        page.value("fingerpost_messages_total", &[("transport", "udp"), ("reason", reason)])
    };
    assert_eq!((fate("malformed"), fate("ignored")), (1.0, 1.0));
    let labels = [("zone", ""), ("type", "other"), ("rcode", "FORMERR")];
    assert_eq!(page.value("fingerpost_queries_total", &labels), 1.0);
    assert_eq!(page.sum("fingerpost_queries_total", &[]), 1.0);
}

#[test]
fn counters_go_on_over_reloads() {
    let world = World::start();
    let mut asked = Asked::default();
    asked.ask_all(&world, &ROWS);
    let first = world.scrape_after(asked.messages);

    // Another endpoint makes another catalog, in which all are numbered anew.
    let more = endpoint("fra-4", "fra", 4, 1, &world.first);
    let dir = &world.server.dir;
    dir.replace("zones/example.com.toml", com(&world.first, &world.others, &more));
    world.server.reload();
    let is_known = |page: &Page| {
        !page.matching("fingerpost_answers_total", &[("endpoint", "fra-4")]).is_empty()
    };
    let changed = world.scrape_until("another endpoint", is_known);
    changed.check_goes_on_from(&first);
    asked.check(&changed);
    asked.ask_all(&world, &ROWS);
    let second = world.scrape_after(asked.messages);
    asked.check(&second);
    second.check_goes_on_from(&changed);
    assert!(second.value("fingerpost_reloads_total", &[("outcome", "published")]) >= 1.0);
    assert_eq!(second.value("fingerpost_snapshot_generation", &[]), {
        world.server.generation() as f64
    });

    // A zone that goes keeps what was asked of it.
    dir.remove("zones/example.net.toml");
    dir.remove("zones/example.net.zone");
    world.server.reload();
    let is_gone =
        |page: &Page| page.matching("fingerpost_zone_serial", &[("zone", NET)]).is_empty();
    let removed = world.scrape_until("a zone gone", is_gone);
    removed.check_goes_on_from(&second);
    asked.check(&removed);
    let mut row = ROWS[3];
    row.5 = ["", "A", "REFUSED", "no-zone"];
    asked.ask_all(&world, &[ROWS[0], row, ROWS[8]]);
    let last = world.scrape_after(asked.messages);
    asked.check(&last);
    last.check_goes_on_from(&removed);
    promtool::check(&last.text);
}

#[test]
fn scrapes_and_queries_do_not_wait_for_each_other() {
    const QUERIES: usize = 2000;
    const SCRAPES: usize = 40;
    let world = World::start();
    let server = world.server.address(Transport::Udp);
    let asking = std::thread::spawn(move || {
        let udp = Udp::to(server);
        for _ in 0..QUERIES {
            assert_eq!(udp.ask(&Query::new(WWW, A)).data(A).len(), 2);
        }
    });
    let mut last = world.scrape();
    for _ in 0..SCRAPES {
        let page = world.scrape();
        page.check_goes_on_from(&last);
        last = page;
    }
    asking.join().expect("an answer to every query");
    let page = world.scrape_after(QUERIES);
    assert_eq!(page.sum("fingerpost_answers_total", &[("zone", COM)]), 2.0 * QUERIES as f64);
}
