//! Comparisons, held against asking the answer function address by address.

use super::*;
use crate::answer::{self, Client, Recorder, Scratch, SteeredStep, Transport};
use crate::geo::{Coordinates, GeoCode, Location, NetworkEntry, Networks, World};
use crate::health::overrides::Pin;
use crate::report::Source;
use crate::snapshot::{Catalog, Settings, Snapshot, ZoneInput};
use crate::steer::classes::Atlas;
use crate::steer::model::{Endpoint, Method, OnAllDown, Pool, Route, Rule, Site, SteeredName};
use crate::steer::pool::{Choice, Family};
use crate::wire::class;
use crate::zone::Zone;
use hickory_proto::op::Message;
use ipnet::IpNet;
use proptest::prelude::*;
use side::Assumed;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

const NAME: &str = "www.example.com.";

fn name(text: &str) -> Name {
    Name::parse(text, None).expect("a name")
}

fn site(number: usize) -> Arc<Site> {
    let coordinates = [(50.0, 8.0), (39.0, -77.0), (1.0, 103.0)].get(number);
    Arc::new(Site {
        zone: None,
        name: format!("s{number}"),
        title: format!("s{number}"),
        location: None,
        coordinates: coordinates
            .map(|&(latitude_deg, longitude_deg)| Coordinates { latitude_deg, longitude_deg }),
    })
}

/// Endpoints as (site, weight), named `sS-N` by their places.
fn pool(on_all_down: OnAllDown, answers: usize, endpoints: &[(usize, u32)]) -> Arc<Pool> {
    let endpoint = |(at, &(number, weight)): (usize, &(usize, u32))| {
        Arc::new(Endpoint {
            name: format!("s{number}-{at}"),
            site: site(number),
            a: Some(Ipv4Addr::new(192, 0, 2, at as u8)),
            aaaa: Some(Ipv6Addr::from_bits(0x2001_0db8 << 96 | at as u128)),
            weight,
            probe_a: None,
            probe_aaaa: None,
        })
    };
    Arc::new(Pool {
        zone: None,
        name: "web".into(),
        answers,
        method: Method::Weighted,
        min_up: 0.5,
        on_all_down,
        fallback: None,
        endpoints: endpoints.iter().enumerate().map(endpoint).collect(),
    })
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

fn pins(down: &[&str]) -> Changes {
    let pins = down.iter().map(|name| ((*name).to_owned(), Pin::Down)).collect();
    Changes { pins, weights: Vec::new() }
}

/// What a client gets, as a comparison would call it.
#[derive(Default)]
struct Asked(Option<(Family, usize, Choice)>);

impl Recorder for Asked {
    fn steered(&mut self, step: &SteeredStep<'_>) {
        let plan = step.plan.families[step.family as usize].as_ref();
        self.0 = plan.map(|plan| (step.family, plan.roster, step.choice));
    }
}

/// Asks for the name's A records from an address, and tells the response too.
fn ask(snapshot: &Snapshot, address: IpAddr, random: u64) -> (String, Vec<u8>) {
    let mut message = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(name(NAME).as_wire());
    message.extend_from_slice(&crate::wire::Rtype::A.0.to_be_bytes());
    message.extend_from_slice(&class::IN.to_be_bytes());
    let client = Client { address, transport: Transport::Tcp, random };
    let (mut asked, mut out) = (Asked::default(), vec![0; 4096]);
    let mut scratch = Scratch::default();
    let outcome =
        answer::answer_recorded(snapshot, &mut scratch, &message, &client, &mut out, &mut asked);
    out.truncate(outcome.bytes);
    let (_, roster, choice) = asked.0.expect("the name is steered");
    let place = match choice {
        Choice::Site { site, .. } => snapshot.catalog().rosters()[roster].sites[site].name.clone(),
        Choice::Fenced => "no answer (fenced)".to_owned(),
        Choice::Nodata => "no answer (nodata)".to_owned(),
        Choice::Servfail => "no answer (servfail)".to_owned(),
    };
    (place, out)
}

/// One comparison of random worlds, routes and failures.
#[derive(Clone, Debug)]
struct Trial {
    worlds: [Vec<(IpNet, Option<GeoCode>)>; 2],
    routes: [Route; 2],
    on_all_down: OnAllDown,
    down: Vec<&'static str>,
    traffic: Vec<(IpNet, u32)>,
}

/// Networks in two small blocks, so that they nest, touch and repeat.
fn any_net() -> impl Strategy<Value = IpNet> {
    let v4 = (0..16_u32, 24..=32_u8).prop_map(|(n, bits)| {
        IpNet::new(Ipv4Addr::from_bits(20 << 24 | n << 4).into(), bits).expect("at most 32")
    });
    let v6 = (0..16_u128, 120..=128_u8).prop_map(|(n, bits)| {
        IpNet::new(Ipv6Addr::from_bits(0x2a00 << 112 | n << 4).into(), bits).expect("at most 128")
    });
    prop_oneof![v4, v6].prop_map(|net| net.trunc())
}

fn any_place() -> impl Strategy<Value = Option<GeoCode>> {
    let places = ["EU-DE", "EU-FR", "NA-US", "NA-US-CA", "AS"];
    let code = |text: &str| Some(text.parse::<GeoCode>().expect("a code"));
    prop::sample::select(places.map(code).into_iter().chain([None]).collect::<Vec<_>>())
}

fn any_world() -> impl Strategy<Value = Vec<(IpNet, Option<GeoCode>)>> {
    prop::collection::vec((any_net(), any_place()), 0..8)
}

fn any_route() -> impl Strategy<Value = Route> {
    let sites = || {
        let numbers = prop::collection::vec(0..3_usize, 1..3);
        numbers.prop_map(|all| all.into_iter().map(site).collect::<Vec<_>>())
    };
    let subnets = (prop::collection::vec(any_net(), 1..4), sites())
        .prop_map(|(nets, sites)| Rule::Subnets { nets, sites });
    let geo = (prop::collection::vec(any_place(), 1..3), sites()).prop_map(|(codes, sites)| {
        let codes = codes.into_iter().map(|code| code.unwrap_or(GeoCode::Any)).collect();
        Rule::Geo { codes, sites }
    });
    let rule = prop_oneof![subnets, geo, Just(Rule::Nearest)];
    (prop::collection::vec(rule, 0..4), any::<bool>())
        .prop_map(|(rules, strict)| Route { rules, strict })
}

fn any_trial() -> impl Strategy<Value = Trial> {
    let on_all_down = [OnAllDown::All, OnAllDown::Nodata, OnAllDown::Servfail];
    let down = prop::sample::subsequence(vec!["s0", "s1", "s2-3", "web/s2-4"], 0..=4);
    (
        [any_world(), any_world()],
        [any_route(), any_route()],
        prop::sample::select(on_all_down.to_vec()),
        down,
        prop::collection::vec((any_net(), 1..50_u32), 1..8),
    )
        .prop_map(|(worlds, routes, on_all_down, down, traffic)| Trial {
            worlds,
            routes,
            on_all_down,
            down,
            traffic,
        })
}

/// Every address of the traffic with what it counts.
fn addresses(traffic: &[(IpNet, u32)]) -> BTreeMap<IpAddr, f64> {
    let mut counts: BTreeMap<IpAddr, f64> = BTreeMap::new();
    for (net, count) in traffic {
        // `hosts` leaves the ends of IPv4 networks out.
        let all: Vec<IpAddr> = match (net.network(), net.broadcast()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let each = first.to_bits()..=last.to_bits();
                each.map(|bits| Ipv4Addr::from_bits(bits).into()).collect()
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let each = first.to_bits()..=last.to_bits();
                each.map(|bits| Ipv6Addr::from_bits(bits).into()).collect()
            }
            _ => unreachable!("both ends of a network are of one family"),
        };
        let part = f64::from(*count) / all.len() as f64;
        all.into_iter().for_each(|address| *counts.entry(address).or_default() += part);
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_comparison_is_what_asking_every_client_comes_to(trial in any_trial()) {
        let pool = pool(trial.on_all_down, 2, &[(0, 1), (0, 2), (1, 1), (2, 1), (2, 3)]);
        let worlds = trial.worlds.each_ref().map(|networks| world(networks));
        let catalogs = [0, 1].map(|at| {
            catalog(&worlds[at], &[(NAME, &pool, &Arc::new(trial.routes[at].clone()))])
        });
        let changes = [pins(&[]), pins(&trial.down)];
        let clients = Clients::new(&worlds[0], &worlds[1], &traffic(&trial.traffic));
        let sides = [0, 1].map(|at| Side::new(&catalogs[at], Health::AllUp, &changes[at]));
        let simulation = simulate(&sides[0], &sides[1], &clients, &[]);
        let [steered] = &simulation.steering[..] else { panic!("one result: {simulation:#?}") };
        prop_assert_eq!(&steered.types, &["A", "AAAA"]);

        let snapshots = [0, 1].map(|at| {
            let assumed = Assumed { health: Health::AllUp, changes: &changes[at] };
            Snapshot::new(1, catalogs[at].clone(), &assumed)
        });
        let counts = addresses(&trial.traffic);
        let total: f64 = counts.values().sum();
        let mut shares: BTreeMap<String, Change> = BTreeMap::new();
        let mut flows: BTreeMap<(Option<String>, String, String), f64> = BTreeMap::new();
        for (&address, count) in &counts {
            let [from, to] = snapshots.each_ref().map(|snapshot| ask(snapshot, address, 0).0);
            shares.entry(from.clone()).or_default().before += count / total;
            shares.entry(to.clone()).or_default().after += count / total;
            if from != to {
                let place = |world: &World| world.locate(address).location.place;
                let country = place(&worlds[0]).or(place(&worlds[1])).map(|place| match place {
                    GeoCode::Subdivision(..) => "NA-US".to_owned(),
                    place => place.to_string(),
                });
                *flows.entry((country, from, to)).or_default() += count / total;
            }
        }
        let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
        prop_assert!(near(simulation.clients[0].total, total));
        let sites = steered.sites.iter().map(|row| (row.site.clone(), row.share["traffic"]));
        let none = steered.unanswered.iter();
        let none = none.map(|row| (format!("no answer ({})", row.why), row.share["traffic"]));
        for (place, share) in sites.chain(none) {
            let expected = shares.remove(&place).unwrap_or_default();
            prop_assert!(near(share.before, expected.before), "{place} {share:?} {expected:?}");
            prop_assert!(near(share.after, expected.after), "{place} {share:?} {expected:?}");
        }
        prop_assert!(shares.is_empty(), "not told: {shares:?}");
        for row in &steered.moves {
            let key = (row.country.clone(), row.from.clone(), row.to.clone());
            let expected = flows.remove(&key).unwrap_or_default();
            prop_assert!(near(row.of_all["traffic"], expected), "{row:?} {expected}");
        }
        prop_assert!(flows.is_empty(), "not told: {flows:?}");
    }
}

#[test]
fn an_endpoint_is_listed_as_often_as_answers_list_it() {
    let pool = pool(OnAllDown::All, 2, &[(0, 5), (0, 2), (0, 1), (1, 1)]);
    let world = world(&[]);
    let catalog = catalog(&world, &[(NAME, &pool, &Arc::new(Route::default()))]);
    let reweighed = Changes {
        weights: vec![EndpointWeight { endpoint: "web/s0-2".to_owned(), weight: 4 }],
        ..Changes::default()
    };
    let side = |changes| Side::new(&catalog, Health::AllUp, changes);
    let clients = Clients::new(&world, &world, &Measure::Addresses);
    let simulation =
        simulate(&side(&Changes::default()), &side(&reweighed), &clients, &[name(NAME)]);
    let snapshot = Snapshot::new(
        1,
        catalog.clone(),
        &Assumed { health: Health::AllUp, changes: &Changes::default() },
    );
    const QUERIES: u64 = 1 << 14;
    let mut listed: BTreeMap<String, f64> = BTreeMap::new();
    let mut first: BTreeMap<String, f64> = BTreeMap::new();
    for query in 0..QUERIES {
        let random = query * (u64::MAX / QUERIES);
        let (_, response) = ask(&snapshot, IpAddr::from([20, 0, 0, 1]), random);
        let message = Message::from_vec(&response).expect("a response");
        for (place, record) in message.answers.iter().enumerate() {
            let address = record.data.to_string();
            let part = 1.0 / QUERIES as f64;
            *listed.entry(address.clone()).or_default() += part;
            *first.entry(address).or_default() += if place == 0 { part } else { 0.0 };
        }
    }
    let [steered] = &simulation.steering[..] else { panic!("one result") };
    let site = &steered.sites[0];
    assert_eq!((site.site.as_str(), site.endpoints.len()), ("s0", 3));
    for (at, endpoint) in site.endpoints.iter().enumerate() {
        let address = format!("192.0.2.{at}");
        let check = |told: f64, asked: Option<&f64>| {
            let asked = asked.copied().unwrap_or_default();
            assert!((told - asked).abs() < 0.002, "{address}: {told}, but asked {asked}");
        };
        check(endpoint.listed["IPv4"].before, listed.get(&address));
        check(endpoint.first["IPv4"].before, first.get(&address));
    }
    // 5 : 2 : 4 of eleven, first in proportion.
    for (endpoint, weight) in site.endpoints.iter().zip([5.0, 2.0, 4.0]) {
        assert!((endpoint.first["IPv4"].after - weight / 11.0).abs() < 1e-6, "{endpoint:?}");
    }
    assert!(steered.changed && steered.moves.is_empty());
}

/// `place before → after` of a site or of those without an answer, in percent.
fn told(steered: &Steered, clients: &'static str) -> Vec<String> {
    let shown = |place: &str, change: &Change| {
        format!("{place} {:.2} → {:.2}", change.before * 100.0, change.after * 100.0)
    };
    let sites = steered.sites.iter().map(|row| shown(&row.site, &row.share[clients]));
    let none = steered.unanswered.iter().map(|row| shown(row.why, &row.share[clients]));
    sites.chain(none).collect()
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
    let elsewhere = Route { rules: vec![geo("EU-DE", &[1])], strict: false };
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
        check(OnAllDown::All, [&open, &open], &[], &["s1 75.00 → 75.00", "s0 25.00 → 25.00"]);
    assert!(!same.changed && same.moves.is_empty() && same.moved["IPv6"] == 0.0);
    let moved =
        check(OnAllDown::All, [&open, &open], &["s0"], &["s1 75.00 → 100.00", "s0 25.00 → 0.00"]);
    let [row] = &moved.moves[..] else { panic!("one country moves: {moved:#?}") };
    let country = (row.country.as_deref(), row.from.as_str(), row.to.as_str());
    assert_eq!(country, (Some("EU-DE"), "s0", "s1"));
    assert_eq!((row.of_country["IPv6"], row.of_all["IPv6"]), (1.0, 0.25));
    let lost = check(
        OnAllDown::Nodata,
        [&open, &open],
        &["s0", "s1-1"],
        &["s1 75.00 → 0.00", "s0 25.00 → 0.00", "nodata 0.00 → 100.00"],
    );
    assert_eq!((lost.lost["IPv6"], lost.loses_answers()), (1.0, true));
    let fail_open = check(
        OnAllDown::All,
        [&open, &open],
        &["s0", "s1"],
        &["s1 75.00 → 75.00", "s0 25.00 → 25.00"],
    );
    assert!(fail_open.changed, "all is down, and that is no small thing");
    assert_eq!(fail_open.fail_open["IPv6"], Change { before: 0.0, after: 1.0 });
    let fence = check(
        OnAllDown::All,
        [&open, &fenced],
        &[],
        &["s1 75.00 → 0.00", "s0 25.00 → 25.00", "fenced 0.00 → 75.00"],
    );
    assert!(fence.uncounted.iter().any(|row| row.kind == "unplaced" && row.lost), "{fence:#?}");
    let swapped =
        check(OnAllDown::All, [&open, &elsewhere], &[], &["s1 75.00 → 100.00", "s0 25.00 → 0.00"]);
    // The office has lost its rule, and no place is known of it: sites as written.
    let office: Vec<_> = swapped.uncounted.iter().filter(|row| row.kind == "private").collect();
    let [office] = &office[..] else { panic!("{swapped:#?}") };
    assert_eq!(
        (office.example.as_str(), office.from.as_str(), office.to.as_str()),
        ("10.0.0.0/8", "s1", "s0")
    );
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
    assert_eq!(told(gone, "IPv4").last().map(String::as_str), Some("no address 0.00 → 100.00"));
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
fn the_closest_name_wins_and_unknown_names_are_told() {
    let web = pool(OnAllDown::All, 1, &[(0, 1), (0, 1), (1, 1)]);
    let pinned = |pins: &[(&str, Pin)], at: usize| {
        let pins = pins.iter().map(|(name, pin)| ((*name).to_owned(), *pin)).collect();
        Changes { pins, weights: Vec::new() }.pin(&web, &web.endpoints[at])
    };
    assert_eq!(pinned(&[("s0", Pin::Down), ("s0-1", Pin::Up)], 1), Some(Pin::Up));
    assert_eq!(pinned(&[("s0", Pin::Down), ("web/s0-1", Pin::Up)], 0), Some(Pin::Down));
    assert_eq!(pinned(&[("s0", Pin::Drain), ("s0", Pin::Down)], 0), Some(Pin::Down));
    assert_eq!(pinned(&[("api/s0-1", Pin::Down)], 1), None);

    let catalog = catalog(&world(&[]), &[(NAME, &web, &Arc::new(Route::default()))]);
    let check = |pin: Option<&str>, weight: Option<&str>, expected: Option<&str>| {
        let weight = weight.map(|name| EndpointWeight { endpoint: name.to_owned(), weight: 1 });
        let pins = pin.map(|name| (name.to_owned(), Pin::Down)).into_iter().collect();
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
    check(Some("nowhere"), None, Some("name a site, an endpoint, or POOL/ENDPOINT"));
    // A site has no weight.
    check(None, Some("s0"), Some("no endpoint is called \"s0\""));
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
