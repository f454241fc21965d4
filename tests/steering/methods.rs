//! Methods: which of a site's endpoints are handed out, in which order and how often.

use crate::bulk::{ask_all, leads, listed, placed, repeated};
use crate::kit::Query;
use crate::kit::server::TestServer;
use crate::kit::types::*;
use crate::names::endpoint;
use crate::world::{crowd, pin, start};
use fingerpost::answer::Transport;
use std::collections::{BTreeMap, BTreeSet};

fn zone() -> String {
    let pools = [
        crowd("weighted", &[5, 3, 1, 1, 0], "answers = 1"),
        crowd("pairs", &[3, 2, 1], "answers = 2"),
        crowd("all-of-two", &[3, 1], "answers = 2"),
        crowd("turn", &[9, 1, 1], "answers = 2\nmethod = \"round-robin\""),
        crowd("random", &[9, 1, 1, 1], "answers = 1\nmethod = \"random\""),
        crowd("hash", &[1, 1, 2], "answers = 1\nmethod = \"hash\""),
    ];
    let names = ["weighted", "pairs", "all-of-two", "turn", "random", "hash"];
    let names = names.map(|name| format!("[names.{name}]\npool = \"{name}\"\nttl = 30\n"));
    [pools.concat(), names.concat()].concat()
}

/// Holds counts to shares of the total, to within one percent of all.
fn check_shares(counts: &BTreeMap<String, usize>, shares: &[(&str, f64)]) {
    let total: usize = counts.values().sum();
    let known: BTreeSet<&str> = shares.iter().map(|(address, _)| *address).collect();
    assert!(counts.keys().all(|address| known.contains(&**address)), "{counts:?}");
    for (address, share) in shares {
        let found = counts.get(*address).copied().unwrap_or_default() as f64 / total as f64;
        assert!((found - share).abs() < 0.01, "{address}: {found} is not {share} in {counts:?}");
    }
}

#[test]
fn the_mix_follows_the_weights_within_one_percent_over_100_000_queries() {
    const QUERIES: usize = 100_000;
    let server = start(&zone());
    let mut counts = BTreeMap::new();
    for rtype in [A, AAAA] {
        for (address, count) in leads(&ask_all(&server, &repeated("weighted", rtype, QUERIES / 2)))
        {
            *counts.entry(endpoint(&address).to_owned()).or_default() += count;
        }
    }
    check_shares(&counts, &[("101", 0.5), ("102", 0.3), ("103", 0.1), ("104", 0.1), ("105", 0.0)]);
    server.wait_for_count(Transport::Udp, "steered", QUERIES as u64);
}

#[test]
fn of_several_answers_the_first_follows_the_weights() {
    const QUERIES: usize = 60_000;
    let server = start(&zone());
    let replies = ask_all(&server, &repeated("pairs", A, QUERIES));
    let thirds =
        [("192.0.2.101", 1.0 / 2.0), ("192.0.2.102", 1.0 / 3.0), ("192.0.2.103", 1.0 / 6.0)];
    check_shares(&leads(&replies), &thirds);
    let mut all = BTreeMap::new();
    for data in listed(&replies) {
        assert!(data.len() == 2 && data[0] != data[1], "{data:?}");
        data.into_iter().for_each(|address| *all.entry(address).or_default() += 1);
    }
    // Each has its weight's part of all addresses too: half of them for three of six.
    check_shares(&all, &thirds);
    let replies = ask_all(&server, &repeated("all-of-two", A, QUERIES));
    assert!(replies.iter().all(|reply| reply.answer.len() == 2));
    check_shares(&leads(&replies), &[("192.0.2.101", 0.75), ("192.0.2.102", 0.25)]);
}

#[test]
fn round_robin_goes_round() {
    let server = start(&zone());
    for rtype in [A, AAAA] {
        let udp = listed(&ask_all(&server, &repeated("turn", rtype, 300)));
        let mut tcp = crate::kit::tcp(server.address(Transport::Tcp), None);
        let replies: Vec<_> =
            repeated("turn", rtype, 60).iter().map(|query| tcp.ask(query)).collect();
        for lists in [udp, listed(&replies)] {
            let turns: BTreeSet<&Vec<String>> = lists.iter().collect();
            assert_eq!(turns.len(), 3, "{turns:?}");
            for window in lists.windows(4) {
                assert_eq!(window[0], window[3], "after three comes the first again");
                assert_eq!(window[0][1], window[1][0], "the second is next");
                assert_ne!(window[0][0], window[1][0]);
            }
        }
    }
}

#[test]
fn random_is_equal_whatever_the_weights() {
    let server = start(&zone());
    let counts = leads(&ask_all(&server, &repeated("random", A, 60_000)));
    let each = ["192.0.2.101", "192.0.2.102", "192.0.2.103", "192.0.2.104"];
    check_shares(&counts, &each.map(|address| (address, 0.25)));
}

/// Networks of 24 bits, spread over all of IPv4.
fn networks() -> impl Iterator<Item = [u8; 3]> {
    (0_u32..20_000).map(|number| {
        let [_, a, b, c] = (number * 839 + 0x01_0000).to_be_bytes();
        [a, b, c]
    })
}

fn choices(server: &TestServer) -> Vec<String> {
    let query = |[a, b, c]: [u8; 3]| placed("hash", A, [a, b, c, 7].into());
    let queries: Vec<Query> = networks().map(query).collect();
    let replies = ask_all(server, &queries);
    assert!(replies.iter().all(|reply| reply.ecs().is_some_and(|told| told.scope == 24)));
    listed(&replies).into_iter().flatten().collect()
}

#[test]
fn hash_keeps_networks_together_and_moves_only_who_must() {
    let server = start(&zone());
    let before = choices(&server);
    // All of a network get the same, however much of it is told.
    for ([a, b, c], choice) in networks().zip(&before).step_by(40) {
        let name = "hash.example.com";
        let told = Query::new(name, A).ecs(&format!("{a}.{b}.{c}.0/24"));
        let queries = [
            told,
            placed("hash", A, [a, b, c, 0].into()),
            placed("hash", A, [a, b, c, 255].into()),
            Query::new(name, A).ecs(&format!("::ffff:{a}.{b}.{c}.9/128")),
        ];
        for data in listed(&ask_all(&server, &queries)) {
            assert_eq!(data, std::slice::from_ref(choice), "{a}.{b}.{c}.0/24");
        }
    }
    let mut counts = BTreeMap::new();
    before.iter().for_each(|choice| *counts.entry(choice.clone()).or_default() += 1);
    let shares = [("192.0.2.101", 0.25), ("192.0.2.102", 0.25), ("192.0.2.103", 0.5)];
    check_shares(&counts, &shares);
    for state in ["drain", "down"] {
        pin(&server, &[&format!("endpoint = \"fra-2\", pool = \"hash\", state = \"{state}\"")]);
        let after = choices(&server);
        let mut taken = BTreeMap::new();
        for (before, after) in before.iter().zip(&after) {
            if before == "192.0.2.102" {
                *taken.entry(after.clone()).or_default() += 1;
            } else {
                assert_eq!(before, after, "{state}: who need not, does not move");
            }
        }
        assert!(!taken.contains_key("192.0.2.102"), "{state}");
        let total: f64 = taken.values().map(|&count: &usize| count as f64).sum();
        let share = taken["192.0.2.103"] as f64 / total;
        assert!((share - 2.0 / 3.0).abs() < 0.03, "{state}: the rest share by weight: {taken:?}");
        pin(&server, &[]);
        assert!(choices(&server) == before, "{state}: who comes back gets its own again");
    }
}
