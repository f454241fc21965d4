//! Which words concern which director.

use super::*;
use crate::director::report::RealState;
use crate::steer::director::{Protocol, Service};
use crate::steer::testing;
use std::net::IpAddr;

/// A director at 192.0.2.100 and 2001:db8::100, tcp/80, with these reals: `NAME ADDRESS`.
fn director(reals: &[&str]) -> Director {
    let real = |text: &&str| {
        let (name, address) = text.split_once(' ').expect("two words");
        let address = address.parse().expect("an address");
        Real { name: name.to_owned(), address, weight: 1, probe: None }
    };
    let aaaa = "2001:db8::100".parse().ok();
    Director { aaaa, ..testing::director("lvs", reals.iter().map(real).collect()) }
}

/// `NAME ADDRESS WEIGHT`; `-` where there is none. The sessions are ten times the weight.
fn row(text: &str) -> RealReport {
    let mut words = text.split(' ').map(|word| (word != "-").then_some(word));
    let mut next = || words.next().flatten();
    let name = next().map(str::to_owned);
    let address = next().and_then(|address| address.parse().ok());
    let weight = next().and_then(|weight| weight.parse().ok()).expect("a weight");
    let state = super::super::with_weight(RealState::Up, weight);
    let sessions = Some(u64::from(weight) * 10);
    RealReport { name, address, state, weight, sessions, is_backup: false }
}

fn report(rows: &[&str]) -> Report {
    let reals: Vec<RealReport> = rows.iter().map(|text| row(text)).collect();
    let sessions = super::super::sum(reals.iter().map(|real| real.sessions));
    Report { reals, sessions, ..Report::default() }
}

/// Back to text, without sessions.
fn shown(report: &Report) -> Vec<String> {
    let shown = |real: &RealReport| {
        let name = real.name.as_deref().unwrap_or("-");
        let address = real.address.map_or("-".to_owned(), |address| address.to_string());
        format!("{name} {address} {}", real.weight)
    };
    report.reals.iter().map(shown).collect()
}

#[test]
fn reals_get_the_names_and_addresses_that_they_are_configured_with() {
    let check = |reals: &[&str], rows: &[&str], expected: Result<&[&str], &str>| {
        let of = FeedReport::One(report(rows)).of(&director(reals));
        match (of, expected) {
            (Ok(of), Ok(expected)) => assert_eq!(shown(&of), expected, "{reals:?} {rows:?}"),
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{reason}"),
            (of, _) => panic!("{reals:?} {rows:?}: {of:?}"),
        }
    };
    let two = ["web1 10.0.0.1:80", "web2 10.0.0.2:80"];
    // By address, whatever the names; in the order of the configuration.
    check(
        &two,
        &["b 10.0.0.2:80 2", "- 10.0.0.1:80 1"],
        Ok(&["web1 10.0.0.1:80 1", "web2 10.0.0.2:80 2"]),
    );
    // By name where no address is told, or another.
    check(
        &two,
        &["web2 - 2", "web1 10.9.9.9:80 1"],
        Ok(&["web1 10.0.0.1:80 1", "web2 10.0.0.2:80 2"]),
    );
    // An address is surer than a name: the names are swapped here.
    check(
        &two,
        &["web1 10.0.0.2:80 2", "web2 10.0.0.1:80 1"],
        Ok(&["web1 10.0.0.1:80 1", "web2 10.0.0.2:80 2"]),
    );
    check(&two, &["web1 10.0.0.2:80 2"], Ok(&["web2 10.0.0.2:80 2"]));
    // Others follow; missing ones are missing.
    check(&two, &["web3 - 3", "web2 - 2"], Ok(&["web2 10.0.0.2:80 2", "web3 - 3"]));
    check(&two, &["web3 - 3", "web4 10.0.0.4:80 3"], Err("it lists web3, web4"));
    check(
        &two,
        &["web1 10.0.0.3:80 1", "x 10.0.0.1:80 1", "y 10.0.0.1:80 1"],
        Err("x, y all are at 10.0.0.1:80"),
    );
    check(
        &two,
        &["web1 10.0.0.1:80 1", "y 10.0.0.1:80 3"],
        Ok(&["web1 10.0.0.1:80 1", "y 10.0.0.1:80 3"]),
    );
    // Without a configuration, those that are listed count.
    check(&[], &["web3 - 3", "- 10.0.0.4:80 4"], Ok(&["web3 - 3", "- 10.0.0.4:80 4"]));
    check(&[], &[], Err("lists no real server"));
    check(&two, &[], Err("lists no real server"));
    let many: Vec<String> = (1..=9).map(|at| format!("x{at} - 1")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(&two, &many, Err("x1, x2, x3, x4 and 5 more"));
}

fn services(list: &[(&str, u16, &[&str])], is_maintenance: bool) -> FeedReport {
    let service = |(address, port, rows): &(&str, u16, &[&str])| ServiceReport {
        protocol: Protocol::Tcp,
        address: address.parse::<IpAddr>().expect("an address"),
        port: *port,
        report: report(rows),
    };
    FeedReport::Services { is_maintenance, services: list.iter().map(service).collect() }
}

#[test]
fn both_families_of_a_vip_are_one_service() {
    let said = services(
        &[
            ("2001:db8::100", 80, &["- [2001:db8::1]:80 2", "- 10.0.0.9:80 0"]),
            ("192.0.2.100", 443, &["- 10.0.0.7:443 7"]),
            ("192.0.2.100", 80, &["- 10.0.0.1:80 1", "- 10.0.0.9:80 4"]),
        ],
        true,
    );
    let of = said.of(&director(&["web1 10.0.0.1:80", "web6 [2001:db8::1]:80"])).expect("a report");
    assert_eq!(shown(&of), ["web1 10.0.0.1:80 1", "web6 [2001:db8::1]:80 2", "- 10.0.0.9:80 0"]);
    assert_eq!(of.sessions, Some(70));
    assert_eq!((of.reals[2].state, of.reals[2].sessions), (RealState::Draining, Some(40)));
    assert!(of.is_maintenance);
}

#[test]
fn one_family_of_a_vip_will_do() {
    let said = services(&[("192.0.2.100", 80, &["- 10.0.0.1:80 1"])], false);
    let of = said.of(&director(&[])).expect("a report");
    assert_eq!((shown(&of).len(), of.sessions, of.is_maintenance), (1, Some(10), false));
}

#[test]
fn a_service_that_is_not_there_is_named() {
    let said = services(&[("192.0.2.101", 80, &["- 10.0.0.1:80 1"])], false);
    assert_eq!(
        said.of(&director(&[])).expect_err("another VIP"),
        "IPVS has no service tcp 192.0.2.100:80, tcp [2001:db8::100]:80; it has tcp 192.0.2.101:80"
    );
    let udp = Director { service: Service { protocol: Protocol::Udp, port: 80 }, ..director(&[]) };
    let said = services(&[("192.0.2.100", 80, &["- 10.0.0.1:80 1"])], false);
    assert!(said.of(&udp).is_err());
    assert!(services(&[], false).of(&director(&[])).expect_err("nothing").ends_with("it has none"));
}
