//! Comparisons of small worlds, told as shares before and after.

mod agreement;

use super::*;
use crate::control::explain::Supposed;
use crate::control::overrides::target::Wanted;
use crate::geo::{Coordinates, GeoCode, Location, NetworkEntry, Networks, World};
use crate::health::overrides::{Action, Override, OverrideTarget, Overrides, Pin, Plan};
use crate::report::Source;
use crate::snapshot::{Catalog, Settings, Standings, ZoneInput};
use crate::steer::classes::Atlas;
use crate::steer::model::{Endpoint, OnAllDown, Pool, Route, Rule, Site, SteeredName};
use crate::steer::testing;
use crate::zone::Zone;
use ipnet::IpNet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

const NAME: &str = "www.example.com.";

fn name(text: &str) -> Name {
    Name::parse(text, None).expect("a name")
}

fn site(number: usize) -> Arc<Site> {
    let coordinates = [(50.0, 8.0), (39.0, -77.0), (1.0, 103.0)].get(number);
    let coordinates = coordinates
        .map(|&(latitude_deg, longitude_deg)| Coordinates { latitude_deg, longitude_deg });
    Arc::new(Site { coordinates, ..testing::site(&format!("s{number}")) })
}

/// Endpoints as (site, weight), named `sS-N` by their places.
fn pool(on_all_down: OnAllDown, answers: usize, endpoints: &[(usize, u32)]) -> Arc<Pool> {
    let endpoint = |(at, &(number, weight)): (usize, &(usize, u32))| Endpoint {
        aaaa: Some(Ipv6Addr::from_bits(0x2001_0db8 << 96 | at as u128)),
        ..testing::endpoint(format!("s{number}-{at}"), site(number), at as u8, weight)
    };
    let endpoints = endpoints.iter().enumerate().map(endpoint);
    Arc::new(Pool { answers, on_all_down, ..testing::pool("web", endpoints) })
}

fn world(networks: &[(IpNet, Option<GeoCode>)]) -> Arc<World> {
    let entry = |&(net, place): &(IpNet, Option<GeoCode>)| NetworkEntry {
        net,
        location: Location {
            place,
            coordinates: place.and_then(crate::geo::centroid),
            ..Location::default()
        },
    };
    Arc::new(World::new(&[], &Networks::new(networks.iter().map(entry).collect())))
}

fn catalog(world: &Arc<World>, names: &[(&str, &Arc<Pool>, &Arc<Route>)]) -> Arc<Catalog> {
    let names: Vec<SteeredName> = names
        .iter()
        .map(|&(owner, pool, route)| SteeredName {
            owner: name(owner),
            pool: pool.clone(),
            ttl_s: 30,
            route: route.clone(),
        })
        .collect();
    let owners: Vec<Name> = names.iter().map(|name| name.owner.clone()).collect();
    let zone = Zone::build(&name("example.com."), &[], &owners).expect("small");
    let zone = ZoneInput { zone: Arc::new(zone), names: names.into() };
    let mut atlas = Atlas::new(world.clone());
    Arc::new(Catalog::compile(&[zone], &mut atlas, Settings::default(), None))
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a network")
}

fn traffic(lines: &[(IpNet, u32)]) -> Measure {
    let text: String = lines.iter().map(|(net, count)| format!("{net},{count}\n")).collect();
    Measure::Traffic(Traffic::read(&Source::new("t.csv", text)).expect("no mistakes"))
}

fn wanted(name: &str) -> Wanted {
    name.parse().expect("a name of something")
}

fn pins(down: &[&str]) -> Changes {
    let pins = down.iter().map(|name| (wanted(name), Pin::Down)).collect();
    Changes { pins, weights: Vec::new() }
}

/// `place before → after` of a site or of those without an answer, in percent.
fn told(steered: &Steered, clients: &'static str) -> Vec<String> {
    let shown = |place: &str, change: &Change| {
        format!("{place} {:.2} → {:.2}", change.before * 100.0, change.after * 100.0)
    };
    let sites = steered.sites.iter().map(|row| shown(&row.site, &row.share[clients]));
    let none = steered.unanswered.iter().map(|row| shown(row.why, &row.share[clients]));
    let mut lines: Vec<String> = sites.chain(none).collect();
    lines.sort();
    lines
}

fn geo(code: &str, sites: &[usize]) -> Rule {
    Rule::Geo {
        codes: vec![code.parse().expect("a code")],
        sites: sites.iter().map(|&number| site(number)).collect(),
    }
}

/// Half of all global unicast IPv4 space, give or take, is in Germany, of IPv6 what is known is.
fn half_german() -> Vec<(IpNet, Option<GeoCode>)> {
    let german = Some("EU-DE".parse().expect("a code"));
    let american = Some("NA-US".parse().expect("a code"));
    vec![
        (net("0.0.0.0/1"), german),
        (net("2a00::/16"), german),
        (net("2600::/16"), american),
        (net("2601::/16"), american),
        (net("2602::/16"), american),
    ]
}

#[test]
fn address_space_is_counted_as_clients_have_it() {
    let world = world(&half_german());
    let clients = Clients::new(&world, &world, &Measure::Addresses);
    let totals: Vec<f64> = clients.populations().iter().map(|all| all.total).collect();
    // All but 0/8, 10/8, 127/8 and 224/3; 100.64/10, 172.16/12, 198.18/15; 169.254/16, 192.168/16; and four /24.
    let v4 = (224.0 - 3.0) * 2_f64.powi(24)
        - 2_f64.powi(22)
        - 2_f64.powi(20)
        - 2_f64.powi(17)
        - 2.0 * 2_f64.powi(16)
        - 4.0 * 256.0;
    // Four /16 of /48 networks.
    assert_eq!(totals, [v4, 4.0 * 2_f64.powi(32)]);

    // Of IPv6 nothing is known: then all of its global unicast space counts.
    let unknown = World::unknown();
    let clients = Clients::new(&unknown, &unknown, &Measure::Addresses);
    let special = [23, 32, 16, 20].map(|bits| 2_f64.powi(48 - bits)).iter().sum::<f64>();
    assert_eq!(clients.populations()[1].total, 2_f64.powi(45) - special);
}

#[test]
fn what_happens_to_the_clients_of_a_small_world() {
    let german = geo("EU-DE", &[0]);
    let office = Rule::Subnets { nets: vec![net("10.0.0.0/8")], sites: vec![site(1)] };
    let open = Route { rules: vec![office.clone(), german.clone()], strict: false };
    let fenced = Route { rules: vec![office, german], strict: true };
    let plain = Route { rules: vec![geo("EU-DE", &[0])], strict: false };
    let world = world(&half_german());
    let check = |on_all_down, routes: [&Route; 2], down: &[&str], expected: &[&str]| -> Steered {
        let pool = pool(on_all_down, 1, &[(0, 1), (1, 1)]);
        let catalogs =
            routes.map(|route| catalog(&world, &[(NAME, &pool, &Arc::new(route.clone()))]));
        let clients = Clients::new(&world, &world, &Measure::Addresses);
        let before = Side::new(&catalogs[0], Health::AllUp, &Changes::default());
        let after = Side::new(&catalogs[1], Health::AllUp, &pins(down));
        let simulation = simulate(&before, &after, &clients, &[]);
        let [steered] = &simulation.steering[..] else { panic!("one result: {simulation:#?}") };
        assert_eq!(told(steered, "IPv6"), expected, "{routes:?} {down:?}");
        steered.clone()
    };
    // Germany is a quarter of what is known of IPv6; the rest is American, and nearer to s1.
    let same =
        check(OnAllDown::All, [&open, &open], &[], &["s0 25.00 → 25.00", "s1 75.00 → 75.00"]);
    assert!(!same.changed && same.moves.is_empty() && same.moved["IPv6"] == 0.0);
    let moved =
        check(OnAllDown::All, [&open, &open], &["s0"], &["s0 25.00 → 0.00", "s1 75.00 → 100.00"]);
    let row = moved.moves.iter().find(|row| row.of_all.contains_key("IPv6")).expect("a move");
    let country = (row.country.as_deref(), row.from.as_str(), row.to.as_str());
    assert_eq!(country, (Some("EU-DE"), "s0", "s1"));
    assert_eq!((row.of_country["IPv6"], row.of_all["IPv6"]), (1.0, 0.25));
    let lost = check(
        OnAllDown::Nodata,
        [&open, &open],
        &["s0", "s1-1"],
        &["nodata 0.00 → 100.00", "s0 25.00 → 0.00", "s1 75.00 → 0.00"],
    );
    assert_eq!((lost.lost["IPv6"], lost.loses_answers()), (1.0, true));
    let fail_open = check(
        OnAllDown::All,
        [&open, &open],
        &["s0", "s1"],
        &["s0 25.00 → 25.00", "s1 75.00 → 75.00"],
    );
    assert!(fail_open.changed, "all is down, and that is no small thing");
    assert_eq!(fail_open.fail_open["IPv6"], Change { before: 0.0, after: 1.0 });
    let fence = check(
        OnAllDown::All,
        [&open, &fenced],
        &[],
        &["fenced 0.00 → 75.00", "s0 25.00 → 25.00", "s1 75.00 → 0.00"],
    );
    assert!(fence.uncounted.iter().any(|row| row.kind == "unplaced" && row.lost), "{fence:#?}");
    let no_office =
        check(OnAllDown::All, [&open, &plain], &[], &["s0 25.00 → 25.00", "s1 75.00 → 75.00"]);
    let [row] = &no_office.uncounted[..] else { panic!("the office moves: {no_office:#?}") };
    let office = (row.kind, row.example.as_str(), row.from.as_str(), row.to.as_str());
    assert_eq!(office, ("private", "10.0.0.0/8", "s1", "s0"));
    assert!(no_office.changed && !row.lost);
}

#[test]
fn names_come_and_go_and_share_what_they_share() {
    let world = world(&half_german());
    let (web, route) = (pool(OnAllDown::All, 1, &[(0, 1), (1, 1)]), Arc::new(Route::default()));
    let before =
        catalog(&world, &[("a.example.com.", &web, &route), ("b.example.com.", &web, &route)]);
    let after =
        catalog(&world, &[("a.example.com.", &web, &route), ("c.example.com.", &web, &route)]);
    let clients = Clients::new(&world, &world, &Measure::Addresses);
    let side = |catalog| Side::new(catalog, Health::AllUp, &Changes::default());
    let simulation = simulate(&side(&before), &side(&before), &clients, &[]);
    assert_eq!(simulation.steering.len(), 1);
    assert_eq!(simulation.steering[0].names, ["a.example.com.", "b.example.com."]);
    let simulation = simulate(&side(&before), &side(&after), &clients, &[]);
    let of = |name: &str| {
        simulation.steering.iter().find(|steered| steered.names == [name]).expect("told")
    };
    assert!(!of("a.example.com.").changed);
    let gone = of("b.example.com.");
    assert!((gone.lost["IPv4"] - 1.0).abs() < 1e-9);
    assert_eq!(told(gone, "IPv4")[0], "no address 0.00 → 100.00");
    assert_eq!(of("c.example.com.").lost["IPv4"], 0.0);
    let only = simulate(&side(&before), &side(&after), &clients, &[name("a.example.com.")]);
    assert_eq!(only.steering.len(), 1);
}

#[test]
fn a_gate_names_what_is_too_much() {
    let world = world(&half_german());
    let route = Arc::new(Route { rules: vec![geo("EU-DE", &[0])], strict: false });
    let check = |on_all_down, down: &[&str], shift_max, allow_unanswered, expected: &[&str]| {
        let pool = pool(on_all_down, 1, &[(0, 1), (1, 1)]);
        let catalog = catalog(&world, &[(NAME, &pool, &route)]);
        let clients = Clients::new(&world, &world, &Measure::Addresses);
        let before = Side::new(&catalog, Health::AllUp, &Changes::default());
        let after = Side::new(&catalog, Health::AllUp, &pins(down));
        let simulation = simulate(&before, &after, &clients, &[]);
        let violations = Gate { shift_max, allow_unanswered }.violations(&simulation);
        let ipv6: Vec<&String> = violations.iter().filter(|line| line.contains("IPv6")).collect();
        assert_eq!(ipv6.len(), expected.len(), "{violations:#?}");
        for (line, expected) in ipv6.iter().zip(expected) {
            assert!(line.contains(expected), "{line} is not {expected}");
        }
    };
    check(OnAllDown::All, &[], 0.0, false, &[]);
    check(OnAllDown::All, &["s0"], 0.25, false, &[]);
    check(
        OnAllDown::All,
        &["s0"],
        0.07,
        false,
        &[
            "www.example.com. A/AAAA: site s1 gains 25.0 points of IPv6 (75.0 % → 100.0 %), more than 7 %",
            "site s0 loses 25.0 points of IPv6 (25.0 % → 0.0 %), more than 7 %",
            "www.example.com. A/AAAA: clients move: 25.0 % of IPv6, more than 7 %",
        ],
    );
    let both = ["s0", "s1"];
    check(
        OnAllDown::Nodata,
        &both,
        1.0,
        false,
        &["100.0 % of IPv6 would be left without an answer"],
    );
    check(OnAllDown::Nodata, &both, 1.0, true, &[]);
}

#[test]
fn a_supposed_weight_lies_over_a_planned_one() {
    let web = pool(OnAllDown::All, 1, &[(0, 10), (0, 10)]);
    let target = OverrideTarget::Endpoint { zone: None, pool: None, name: "s0-1".to_owned() };
    let action = Action::Weight(Plan::at_once(40));
    let planned = Override { target, action, until: None, reason: String::new(), by: None };
    let overrides = Overrides { list: vec![planned] };
    let known = Supposed { overrides, ..Supposed::default() };
    let catalog = catalog(&world(&[]), &[(NAME, &web, &Arc::new(Route::default()))]);
    let weighs = |health: Health<'_>, supposed: Option<u32>| {
        let weight = |weight| EndpointWeight { endpoint: wanted("s0-1"), weight };
        let weights = supposed.map(weight).into_iter().collect();
        let changes = Changes { pins: Vec::new(), weights };
        let side = Side::new(&catalog, health, &changes);
        let pool = &side.rosters[0].tiers[0].pool;
        let assumed = side::Assumed { health, changes: &changes };
        assumed.weight(pool, &pool.endpoints[1], side.rosters[0].family).nominal
    };
    assert_eq!(weighs(Health::AllUp, None), 10.0);
    assert_eq!(weighs(Health::AsIs(&known), None), 40.0);
    assert_eq!(weighs(Health::AsIs(&known), Some(7)), 7.0);
}

#[test]
fn the_closest_name_wins_and_unknown_names_are_told() {
    let web = pool(OnAllDown::All, 1, &[(0, 1), (0, 1), (1, 1)]);
    let pinned = |pins: &[(&str, Pin)], at: usize| {
        let pins = pins.iter().map(|(name, pin)| (wanted(name), *pin)).collect();
        Changes { pins, weights: Vec::new() }.pin(&web, &web.endpoints[at])
    };
    assert_eq!(pinned(&[("s0", Pin::Down), ("s0-1", Pin::Up)], 1), Some(Pin::Up));
    assert_eq!(pinned(&[("s0", Pin::Down), ("web/s0-1", Pin::Up)], 0), Some(Pin::Down));
    assert_eq!(pinned(&[("s0", Pin::Drain), ("s0", Pin::Down)], 0), Some(Pin::Down));
    assert_eq!(pinned(&[("api/s0-1", Pin::Down)], 1), None);
    assert_eq!(pinned(&[("pool:web", Pin::Drain), ("site:s0", Pin::Down)], 0), Some(Pin::Drain));
    assert_eq!(pinned(&[("web", Pin::Down), ("*/s0-1", Pin::Up)], 1), Some(Pin::Up));
    assert_eq!(pinned(&[("s0@example.com", Pin::Down), ("pool:s0", Pin::Down)], 0), None);

    let catalog = catalog(&world(&[]), &[(NAME, &web, &Arc::new(Route::default()))]);
    let check = |pin: Option<&str>, weight: Option<&str>, expected: Option<&str>| {
        let weight = weight.map(|name| EndpointWeight { endpoint: wanted(name), weight: 1 });
        let pins = pin.map(|name| (wanted(name), Pin::Down)).into_iter().collect();
        let report = Changes { pins, weights: weight.into_iter().collect() }.check(&catalog);
        let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        let as_expected = match expected {
            Some(expected) => matches!(&told[..], [one] if one.contains(expected)),
            None => told.is_empty(),
        };
        assert!(as_expected, "{pin:?}: {told:?}");
    };
    check(Some("s0"), None, None);
    check(Some("web/s0-1"), Some("s1-2"), None);
    check(Some("s0-11"), None, Some("did you mean \"s0-1\"?"));
    check(Some("nowhere"), None, Some("known here: s0, s0-0, s0-1, s1, s1-2, web"));
    check(Some("pool:s0"), None, Some("unknown pool \"s0\" (did you mean site:s0?)"));
    // A site has no weight.
    check(None, Some("s0"), Some("unknown endpoint or director \"s0\" (did you mean site:s0?)"));
}

#[test]
fn other_databases_move_clients_and_traffic_may_leave_some_out() {
    let (one, other) = (world(&half_german()), {
        let mut networks = half_german();
        networks[1].1 = Some("NA-US".parse().expect("a code"));
        world(&networks)
    });
    let clients = Clients::new(&one, &other, &Measure::Addresses);
    let relocated: Vec<f64> = clients.populations().iter().map(|all| all.relocated).collect();
    assert_eq!(relocated, [0.0, 0.25]);
    let seen = traffic(&[(net("2a00::/16"), 3), (net("2600::/17"), 1)]);
    let clients = Clients::new(&one, &other, &seen);
    assert_eq!((clients.populations().len(), clients.populations()[0].total), (1, 4.0));
    assert_eq!(clients.populations()[0].relocated, 0.75);
    assert_eq!(clients.uncovered()["IPv6"], 2.5 / 4.0);
    assert_eq!(clients.uncovered()["IPv4"], 1.0);
}
