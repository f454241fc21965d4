//! Comparisons, held against asking the answer function address by address, and query by query.

use super::*;
use crate::answer::{self, Client, Recorder, Scratch, SteeredStep, Transport};
use crate::snapshot::Snapshot;
use crate::steer::director::{Director, Mode, Protocol, Scheduler, Service, Vip};
use crate::steer::pool::{Choice, Family};
use crate::wire::class;
use hickory_proto::op::Message;
use proptest::prelude::*;
use side::Assumed;
use std::collections::BTreeMap;
use std::net::IpAddr;

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

/// The pool's endpoints as VIPs: a site with a part of them down is still trusted, and takes that much less.
fn behind_directors(pool: &Pool) -> Arc<Pool> {
    let vip = |endpoint: &Endpoint| {
        let director = Director {
            zone: None,
            name: endpoint.name.clone(),
            site: endpoint.site.clone(),
            a: endpoint.a,
            aaaa: endpoint.aaaa,
            mode: Mode::Dr,
            scheduler: Scheduler::Wlc,
            service: Service { protocol: Protocol::Tcp, port: 80 },
            reals: Vec::new(),
            min_up: 0.5,
            capacity: None,
            maintenance: false,
            feed: None,
        };
        Arc::new(Vip { directors: vec![Arc::new(director)] })
    };
    let endpoints = pool.endpoints.iter();
    let endpoints = endpoints.map(|it| Arc::new(Endpoint { vip: Some(vip(it)), ..(**it).clone() }));
    Arc::new(Pool { min_up: 0.3, endpoints: endpoints.collect(), ..pool.clone() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Parts are told as such, and drawn by a hash: over many networks one comes near the other.
    #[test]
    fn sites_that_take_a_part_get_it(
        before in prop::sample::subsequence(vec!["s0-0", "s0-1", "s1-3", "s1-4", "s2"], 0..=3),
        after in prop::sample::subsequence(vec!["s0-0", "s0-1", "s1-3", "s1-4", "s2"], 0..=3),
    ) {
        const NETWORKS: u32 = 2048;
        let plain = pool(OnAllDown::All, 1, &[(0, 1), (0, 2), (0, 1), (1, 1), (1, 1), (2, 1)]);
        let pool = behind_directors(&plain);
        let world = world(&[]);
        let catalog = catalog(&world, &[(NAME, &pool, &Arc::new(Route::default()))]);
        let changes = [pins(&before), pins(&after)];
        let lines = [(net("20.0.0.0/13"), NETWORKS)];
        let clients = Clients::new(&world, &world, &traffic(&lines));
        let sides = changes.each_ref().map(|changes| Side::new(&catalog, Health::AllUp, changes));
        let simulation = simulate(&sides[0], &sides[1], &clients, &[]);
        let snapshots = changes.each_ref().map(|changes| {
            Snapshot::new(1, catalog.clone(), &Assumed { health: Health::AllUp, changes })
        });
        let mut shares: BTreeMap<String, Change> = BTreeMap::new();
        let mut moved = 0.0;
        for network in 0..NETWORKS {
            let address = Ipv4Addr::from_bits(20 << 24 | network << 8).into();
            let [from, to] = snapshots.each_ref().map(|snapshot| ask(snapshot, address, 0).0);
            let part = 1.0 / f64::from(NETWORKS);
            moved += if from == to { 0.0 } else { part };
            shares.entry(from).or_default().before += part;
            shares.entry(to).or_default().after += part;
        }
        // Four standard deviations of a half, drawn so often.
        let slack = 4.0 * (0.25 / f64::from(NETWORKS)).sqrt();
        for row in simulation.steering.iter().flat_map(|steered| &steered.sites) {
            let (told, asked) = (row.share["traffic"], shares.get(&row.site).copied().unwrap_or_default());
            prop_assert!((told.before - asked.before).abs() < slack, "{} {told:?} {asked:?}", row.site);
            prop_assert!((told.after - asked.after).abs() < slack, "{} {told:?} {asked:?}", row.site);
        }
        let told: f64 = simulation.steering.iter().map(|steered| steered.moved["traffic"]).sum();
        prop_assert!(told < moved + slack, "told {told}, moved {moved}");
        // Where one site alone changes, everybody else stays.
        let sites = |down: &[&str]| -> Vec<String> { down.iter().map(|it| it[..2].to_owned()).collect() };
        let changed: std::collections::BTreeSet<_> = before
            .iter()
            .filter(|it| !after.contains(it))
            .chain(after.iter().filter(|it| !before.contains(it)))
            .flat_map(|it| sites(&[it]))
            .collect();
        if changed.len() <= 1 && !changed.contains("s2") {
            prop_assert!((told - moved).abs() < slack, "told {told}, moved {moved}");
        }
    }
}

#[test]
fn an_endpoint_is_listed_as_often_as_answers_list_it() {
    let pool = pool(OnAllDown::All, 2, &[(0, 5), (0, 2), (0, 1), (1, 1)]);
    let world = world(&[]);
    let catalog = catalog(&world, &[(NAME, &pool, &Arc::new(Route::default()))]);
    let reweighed = Changes {
        weights: vec![EndpointWeight { endpoint: wanted("web/s0-2"), weight: 4 }],
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
