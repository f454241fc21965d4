//! Scopes against brute force: everyone inside gets the same, and one bit shorter would take in somebody who does not.
//!
//! What a client gets changes only where a network of the database, of the networks file or of a rule begins or ends,
//! or an embedding does. So the addresses on either side of each such edge tell everything: if those inside a scope are
//! of one class, all are. The class of a client is the whole order of its sites, which shows itself when one site after
//! the other is taken down.

use crate::bulk::{Draws, ask_all, listed, placed};
use crate::case::expect_none;
use crate::kit::Query;
use crate::kit::server::TestServer;
use crate::kit::types::*;
use crate::world::{NETWORKS, PLACES, pin, pool, start};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Clients drawn beside those at edges, for each name and family.
const RANDOM_CLIENTS: usize = 120;

const SUBNETS: &str = "10.0.0.0/8 10.1.0.0/16 10.1.2.3/32 20.5.1.0/24 20.64.0.0/12 2001:db8:a::/48 \
    2001:db8:a:1::/64 2001:db8:a:1::7/128";

const NAMES: &str = r#"
[names.nearest]
pool = "three"

[names.subnets]
pool = "three"
route = [
  { subnets = ["10.0.0.0/8", "2001:db8:a::/48", "20.5.1.0/24"], sites = ["iad"] },
  { subnets = ["10.1.0.0/16", "2001:db8:a:1::/64", "20.64.0.0/12"], sites = ["nrt"] },
  { subnets = ["10.1.2.3/32", "2001:db8:a:1::7/128"], sites = ["fra"] },
  { nearest = true },
]

[names.code]
pool = "three"
strict = true
route = [
  { geo = ["AS64500", "NA-US-CA", "AS"], sites = ["nrt", "iad"] },
  { geo = ["EU-FR", "AF"], sites = ["fra"] },
  { geo = ["EU", "NA-US"], sites = ["fra", "iad"] },
]

[names.v6-only]
pool = "three"
strict = true
route = [ { subnets = ["2001:db8:a::/48", "2001:db8:a:1::7/128"], sites = ["iad"] } ]

[names.some]
pool = "some"

[names.hash]
pool = "hash"
route = [ { geo = ["EU"], sites = ["iad", "fra"] }, { nearest = true } ]
"#;

/// Scope and class of every client that was asked about.
type Answers = BTreeMap<u128, (u8, Vec<Vec<String>>)>;

/// One family's addresses as numbers.
#[derive(Clone, Copy)]
struct Space {
    bits: u8,
}

impl Space {
    fn address(self, number: u128) -> IpAddr {
        match self.bits {
            32 => Ipv4Addr::from_bits(number as u32).into(),
            _ => Ipv6Addr::from_bits(number).into(),
        }
    }

    fn last(self) -> u128 {
        u128::MAX >> (128 - self.bits)
    }

    /// First and last address of the network of that length around a number.
    fn block(self, number: u128, length: u8) -> (u128, u128) {
        let hosts = self.last().checked_shr(length.into()).unwrap_or(0);
        (number & !hosts, number | hosts)
    }

    /// First and last address of a network as written, if it is of this family.
    fn edges(self, text: &str) -> Option<(u128, u128)> {
        if let Some((first, last)) = text.split_once('-') {
            return Some((self.edges(first)?.0, self.edges(last)?.1));
        }
        let width = self.bits.to_string();
        let (address, length) = text.split_once('/').unwrap_or((text, &width));
        let number = match address.parse().expect("an address") {
            IpAddr::V4(v4) if self.bits == 32 => u128::from(v4.to_bits()),
            IpAddr::V6(v6) if self.bits == 128 => v6.to_bits(),
            _ => return None,
        };
        Some(self.block(number, length.parse().expect("a length")))
    }

    /// Both sides of every edge there is.
    fn clients_at_edges(self) -> BTreeSet<u128> {
        let places = PLACES.lines().filter_map(|line| line.split(',').next());
        let networks = NETWORKS.split('"').filter(|text| text.contains('/'));
        let written = places.chain(networks).chain(SUBNETS.split_whitespace());
        let embeddings = ["::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32"];
        let sides = |(first, last): (u128, u128)| {
            let before = first.saturating_sub(1);
            [before, first, last, last.saturating_add(1).min(self.last())]
        };
        let own = written.chain(embeddings).filter_map(|text| self.edges(text));
        let mut clients: BTreeSet<u128> = own.flat_map(sides).chain([0, self.last()]).collect();
        if self.bits == 128 {
            for v4 in (Space { bits: 32 }).clients_at_edges() {
                let turned = v4 ^ u128::from(u32::MAX);
                let sixfour = 0x2002 << 112 | v4 << 80;
                let teredo = 0x2001 << 112 | turned;
                clients.extend([0xffff << 32 | v4, 0x64_ff9b << 96 | v4]);
                // Behind the first server that there can be, and the last.
                clients.extend([teredo, teredo | u128::from(u64::MAX) << 32]);
                clients.extend([sixfour, sixfour | u128::MAX >> 48]);
            }
        }
        clients
    }

    /// Clients anywhere, and near the edges.
    fn random_clients(self, draws: &mut Draws, edges: &BTreeSet<u128>) -> Vec<u128> {
        let edges: Vec<u128> = edges.iter().copied().collect();
        let draw = |_| {
            let near = edges[draws.next() as usize % edges.len()];
            let free = draws.next() % (u64::from(self.bits) + 1);
            let noise = self.last().checked_shr(free as u32).unwrap_or(0);
            let client = near ^ draws.next_wide() & noise;
            // Behind one Teredo server, that of the edges: there are edges behind each.
            let teredo = self.bits == 128 && client >> 96 == 0x2001_0000;
            if teredo { client & !(u128::from(u64::MAX) << 32) } else { client }
        };
        (0..RANDOM_CLIENTS).map(draw).collect()
    }
}

/// One name asked by clients of one family.
struct Look<'s> {
    server: &'s TestServer,
    name: &'s str,
    rtype: u16,
    space: Space,
    answers: Answers,
}

impl Look<'_> {
    fn queries(&self, clients: &[u128]) -> Vec<Query> {
        let query = |&client: &u128| placed(self.name, self.rtype, self.space.address(client));
        clients.iter().map(query).collect()
    }

    /// Asks for clients not asked for before.
    fn ask(&mut self, clients: impl IntoIterator<Item = u128>) {
        let new: BTreeSet<u128> =
            clients.into_iter().filter(|client| !self.answers.contains_key(client)).collect();
        let new: Vec<u128> = new.into_iter().collect();
        let replies = ask_all(self.server, &self.queries(&new));
        for ((client, reply), data) in new.into_iter().zip(&replies).zip(listed(&replies)) {
            let scope = reply.ecs().expect("Client Subnet").scope;
            self.answers.insert(client, (scope, vec![data]));
        }
    }

    /// Asks all of them again, now that the endpoints stand otherwise: the scopes must not change.
    fn ask_again(&mut self, faults: &mut Vec<String>) {
        let clients: Vec<u128> = self.answers.keys().copied().collect();
        let replies = ask_all(self.server, &self.queries(&clients));
        for ((client, reply), data) in clients.into_iter().zip(&replies).zip(listed(&replies)) {
            let (scope, class) = self.answers.get_mut(&client).expect("asked before");
            class.push(data);
            if reply.ecs().map(|told| told.scope) != Some(*scope) {
                let client = self.space.address(client);
                faults.push(format!("{} {client}: the scope follows health", self.name));
            }
        }
    }

    /// What is wrong with the scope that a client was answered with.
    fn fault(&self, client: u128) -> Option<String> {
        let (scope, class) = &self.answers[&client];
        let other_in = |length: u8| {
            let (first, last) = self.space.block(client, length);
            let mut inside = self.answers.range(first..=last);
            inside.find(|(_, (_, other))| other != class).map(|(other, _)| *other)
        };
        let wrong = match other_in(*scope) {
            Some(other) => format!("yet {} is another class", self.space.address(other)),
            None if *scope == 0 || other_in(scope - 1).is_some() => return None,
            None => "where less would do".to_owned(),
        };
        let rtype = type_text(self.rtype);
        Some(format!("{} {rtype} {}: /{scope}, {wrong}", self.name, self.space.address(client)))
    }

    /// A source that is too coarse is answered for the address as told, at the same scope.
    fn coarse_faults(&self, lengths: &[u8]) -> Vec<String> {
        let mut queries = Vec::new();
        let mut told = Vec::new();
        for &client in self.answers.keys().step_by(7) {
            for &length in lengths {
                let (first, _) = self.space.block(client, length);
                if let Some((scope, class)) = self.answers.get(&first) {
                    let subnet = format!("{}/{length}", self.space.address(first));
                    let query = Query::new(&format!("{}.example.com", self.name), self.rtype);
                    queries.push(query.ecs(&subnet));
                    told.push((subnet, *scope, &class[0]));
                }
            }
        }
        let replies = ask_all(self.server, &queries);
        let found = replies.iter().zip(listed(&replies)).zip(told);
        let wrong = found.filter(|((reply, data), (_, scope, expected))| {
            reply.ecs().map(|ecs| ecs.scope) != Some(*scope) || data != *expected
        });
        wrong
            .map(|((reply, _), (subnet, ..))| format!("{} {subnet}: {reply:?}", self.name))
            .collect()
    }
}

fn names() -> String {
    let three = pool("three", &["fra", "iad", "nrt"], "");
    // Not every site has both families, so the classes of A and AAAA differ.
    let some = r#"
[pools.some]
endpoints = [
  { site = "fra", a = "192.0.2.11" },
  { site = "iad", a = "192.0.2.21", aaaa = "2001:db8::21" },
  { site = "nrt", aaaa = "2001:db8::31" },
]
[pools.hash]
method = "hash"
endpoints = [
  { site = "fra", a = "192.0.2.101" },
  { site = "fra", a = "192.0.2.102" },
  { site = "fra", a = "192.0.2.103" },
  { site = "iad", a = "192.0.2.21" },
]
[pools.hash-one]
method = "hash"
endpoints = [
  { site = "fra", a = "192.0.2.101" },
  { site = "fra", a = "192.0.2.102" },
  { site = "fra", a = "192.0.2.103" },
]
[names.hash-one]
pool = "hash-one"
"#;
    [&three, some, NAMES].concat()
}

#[test]
fn scopes_hold_for_all_inside_and_for_no_more_than_needed() {
    let server = start(&names());
    let mut draws = Draws(20_260_101);
    let mut looks = Vec::new();
    for (name, rtype) in [
        ("nearest", A),
        ("subnets", A),
        ("subnets", AAAA),
        ("code", A),
        ("v6-only", A),
        ("some", A),
        ("some", AAAA),
    ] {
        for bits in [32, 128] {
            let space = Space { bits };
            let mut look = Look { server: &server, name, rtype, space, answers: Answers::new() };
            let edges = space.clients_at_edges();
            let mut clients = space.random_clients(&mut draws, &edges);
            clients.extend(&edges);
            look.ask(clients.iter().copied());
            let mut inside = Vec::new();
            for &client in &clients {
                let (first, last) = space.block(client, look.answers[&client].0);
                inside.extend([first, last, first | draws.next_wide() & (last - first)]);
                inside.push(space.block(client, bits / 8).0);
            }
            look.ask(inside);
            looks.push(look);
        }
    }
    let mut faults = Vec::new();
    looks.iter().for_each(|look| faults.extend(look.coarse_faults(&[look.space.bits / 8])));
    for site in ["fra", "iad", "nrt"] {
        pin(&server, &[&format!("site = \"{site}\", state = \"down\"")]);
        looks.iter_mut().for_each(|look| look.ask_again(&mut faults));
    }
    let scopes: Vec<usize> = looks.iter().map(|look| look.answers.len()).collect();
    assert!(scopes.iter().all(|clients| *clients > RANDOM_CLIENTS), "{scopes:?}");
    for look in &looks {
        faults.extend(look.answers.keys().filter_map(|&client| look.fault(client)));
    }
    expect_none(&faults);
}

/// A network counts by its /24 or /48 there, so no scope is shorter; that one holds for all in it, and for longer where
/// the route or an embedding asks for it.
#[test]
fn scopes_of_hash_answers_hold_for_all_inside() {
    let server = start(&names());
    let mut draws = Draws(24_48);
    let mut faults = Vec::new();
    for (name, bits) in [("hash", 32), ("hash", 128), ("hash-one", 32), ("hash-one", 128)] {
        let space = Space { bits };
        let answers = Answers::new();
        let mut look = Look { server: &server, name, rtype: A, space, answers };
        let edges = space.clients_at_edges();
        let mut clients = space.random_clients(&mut draws, &edges);
        clients.extend(&edges);
        look.ask(clients.iter().copied());
        let mut inside = Vec::new();
        for &client in &clients {
            let (first, last) = space.block(client, look.answers[&client].0);
            inside.extend((0..4).map(|_| first | draws.next_wide() & (last - first)));
            inside.extend([first, last]);
        }
        look.ask(inside);
        for (&client, (scope, _)) in &look.answers {
            let least = if bits == 32 { 24 } else { 40 };
            let fault = look.fault(client).filter(|fault| fault.contains("another class"));
            let short = (*scope < least).then(|| format!("{} /{scope}", space.address(client)));
            faults.extend(fault.or(short));
        }
    }
    expect_none(&faults);
}
