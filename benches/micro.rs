//! What the parts of an answer cost: parse, class look-up, card, write, and the whole of it.
//!
//! ```text
//! cargo bench --bench micro
//! cargo bench --bench micro -- look_up
//! ```
//! Everything runs on the world of the shipped database. Under `cargo test` each benchmark runs once.

#[path = "kit/mod.rs"]
mod kit;

use divan::{Bencher, black_box, counter::ItemsCount};
use fingerpost::answer::{Client, Scratch, Transport, answer};
use fingerpost::geo::{Database, Networks, World};
use fingerpost::report::{Report, Source};
use fingerpost::snapshot::{Catalog, FamilyPlan, Settings, Snapshot, ZoneInput};
use fingerpost::steer::classes::{self, Atlas};
use fingerpost::steer::pool::Choice;
use fingerpost::wire::{FoldedName, Name, Owner, ResponseEdns, Rtype, Section, Writer, query};
use fingerpost::zone::{Zone, text};
use kit::{Luck, scene};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Inputs of each benchmark: more than branch predictors learn, few enough to stay in the second-level cache.
const INPUTS: usize = 4096;
/// Names of the large zone; a thousandth under `cargo test`.
const LARGE_ZONE_NAMES: usize = 1_000_000;

fn main() {
    divan::main();
}

static SCENE: LazyLock<Snapshot> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let home = directory.path();
    std::fs::create_dir(home.join("zones")).expect("a directory");
    let write = |name: &str, text: String| std::fs::write(home.join(name), text).expect("a file");
    write("fingerpost.toml", scene::server_toml("127.0.0.1:0", 1, None));
    write("zones/example.com.zone", scene::zone_text());
    write("zones/example.com.toml", scene::zone_toml(false));
    scene::snapshot(&home.join("fingerpost.toml"))
});

/// The plan of the scene's `www` for A.
fn plan() -> &'static FamilyPlan {
    SCENE.zones().zones()[0].names[0].families[0].as_ref().expect("A records")
}

fn networks() -> Vec<[u8; 3]> {
    let mut luck = Luck(7);
    (0..INPUTS).map(|_| luck.network()).collect()
}

fn v4_addresses() -> Vec<IpAddr> {
    let mut luck = Luck(1);
    (0..INPUTS).map(|_| Ipv4Addr::from_bits(luck.next() as u32).into()).collect()
}

/// Uniform over 2000::/3, and inside of the blocks that registries have given out.
fn v6_addresses() -> Vec<IpAddr> {
    let mut luck = Luck(2);
    let blocks = [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];
    (0..INPUTS)
        .map(|number| {
            let random = u128::from(luck.next()) << 64 | u128::from(luck.next());
            let top = match number % 2 {
                0 => 1 << 125 | random >> 3,
                _ => blocks[number / 2 % blocks.len()] << 112 | random >> 13,
            };
            Ipv6Addr::from_bits(top).into()
        })
        .collect()
}

/// Benchmarks `work` over all inputs; the time shown is that of one.
fn each<T: Sync, O>(bencher: Bencher, inputs: &[T], mut work: impl FnMut(&T) -> O + Sync) {
    bencher.counter(ItemsCount::new(inputs.len())).bench_local(|| {
        for input in inputs {
            black_box(work(black_box(input)));
        }
    });
}

#[divan::bench]
fn parse_plain(bencher: Bencher) {
    let messages = vec![kit::query("www.example.com", 1); INPUTS];
    let mut name = FoldedName::default();
    each(bencher, &messages, |message| {
        let read = query::read(message, &mut name);
        matches!(read, query::Message::Query(_))
    });
}

#[divan::bench]
fn parse_client_subnet(bencher: Bencher) {
    let messages: Vec<Vec<u8>> =
        networks().into_iter().map(|net| kit::query_for("www.example.com", 1, net)).collect();
    let mut name = FoldedName::default();
    each(bencher, &messages, |message| {
        let read = query::read(message, &mut name);
        matches!(read, query::Message::Query(_))
    });
}

#[divan::bench]
fn look_up_v4(bencher: Bencher) {
    let table = &plan().classes.table;
    each(bencher, &v4_addresses(), |&address| table.find(address));
}

#[divan::bench]
fn look_up_v6(bencher: Bencher) {
    let table = &plan().classes.table;
    each(bencher, &v6_addresses(), |&address| table.find(address));
}

#[divan::bench]
fn pick_card(bencher: Bencher) {
    let mut luck = Luck(3);
    let random: Vec<u64> = (0..INPUTS).map(|_| luck.next()).collect();
    let dealt = SCENE.dealt(plan().roster);
    let orders = &plan().classes.orders;
    each(bencher, &random, |&random| {
        let order = &orders[random as usize % orders.len()];
        let Choice::Site { tier, site, .. } = dealt.choose(order, 0) else { return 0 };
        let site = dealt.site(tier, site);
        let card = site.deck.draw(random, 0, 0);
        site.deck.card(card).iter().map(|&position| usize::from(site.address(position)[3])).sum()
    });
}

#[divan::bench]
fn answer_static(bencher: Bencher) {
    let messages: Vec<Vec<u8>> = (0..INPUTS)
        .map(|n| kit::query(&format!("h{:03}.example.com", n % scene::STATIC_NAMES), 1))
        .collect();
    answer_each(bencher, &SCENE, &messages);
}

#[divan::bench]
fn answer_steered(bencher: Bencher) {
    answer_each(bencher, &SCENE, &vec![kit::query("www.example.com", 1); INPUTS]);
}

#[divan::bench]
fn answer_steered_client_subnet(bencher: Bencher) {
    let messages: Vec<Vec<u8>> =
        networks().into_iter().map(|net| kit::query_for("www.example.com", 1, net)).collect();
    answer_each(bencher, &SCENE, &messages);
}

static LARGE: LazyLock<Snapshot> = LazyLock::new(|| {
    let is_small = !std::env::args().any(|word| word == "--bench");
    let count = if is_small { LARGE_ZONE_NAMES / 1000 } else { LARGE_ZONE_NAMES };
    let origin = Name::parse("example.net", None).expect("a name");
    let source = Source::new("example.net.zone", scene::large_zone_text(count));
    let mut absent = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let read = text::read_str(source, &origin, &mut absent, &mut Report::default());
    let zone = Arc::new(Zone::build(&origin, &read.records, &[]).expect("small enough"));
    let input = ZoneInput { zone, names: [].into() };
    let mut atlas = Atlas::new(Arc::new(World::unknown()));
    let catalog = Catalog::compile(&[input], &mut atlas, Settings::default(), None);
    Snapshot::new(1, Arc::new(catalog), &scene::AllUp)
});

/// Names all over the large zone, in no order.
fn large_zone_queries(prefix: &str) -> Vec<Vec<u8>> {
    let count = LARGE.zones().zones()[0].zone.name_count() as u64 - 2;
    let mut luck = Luck(5);
    (0..INPUTS * 16)
        .map(|_| kit::query(&format!("{prefix}{:07}.example.net", luck.next() % count), 1))
        .collect()
}

#[divan::bench]
fn answer_large_zone_hit(bencher: Bencher) {
    answer_each(bencher, &LARGE, &large_zone_queries("n"));
}

#[divan::bench]
fn answer_large_zone_nxdomain(bencher: Bencher) {
    answer_each(bencher, &LARGE, &large_zone_queries("x"));
}

fn answer_each(bencher: Bencher, snapshot: &Snapshot, messages: &[Vec<u8>]) {
    let mut scratch = Scratch::default();
    let mut out = [0; 4096];
    let mut luck = Luck(9);
    each(bencher, messages, |message| {
        let client = Client {
            address: Ipv4Addr::LOCALHOST.into(),
            transport: Transport::Udp,
            random: luck.next(),
        };
        answer(snapshot, &mut scratch, message, &client, &mut out).bytes
    });
}

#[divan::bench]
fn write_two_addresses(bencher: Bencher) {
    let message = kit::query_for("www.example.com", 1, [81, 2, 69]);
    let question_end = 12 + 17 + 4;
    let edns = ResponseEdns {
        payload_bytes: 1232,
        dnssec_ok: false,
        subnet: None,
        nsid: None,
        keepalive_100ms: None,
        padding_block_bytes: None,
    };
    let mut out = [0; 4096];
    each(bencher, &[(); INPUTS], |()| {
        let echo = &message[..question_end];
        let mut writer = Writer::begin(&mut out, echo, 1232, Some(&edns)).expect("room");
        let addresses = [[192, 0, 2, 1], [192, 0, 2, 2]];
        let addresses = addresses.iter().map(|address| &address[..]);
        writer.addresses(Section::Answer, Owner::Question, Rtype::A, 30, addresses).expect("room");
        let flags = fingerpost::wire::Flags { authoritative: true, truncated: false };
        writer.finish(flags, 0, Some(&edns))
    });
}

/// Building a route's table over the world; its memory is printed once.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn build_route_table(bencher: Bencher) {
    let database = Database::read(&scene::database()).expect("the shipped database");
    let world = Arc::new(World::new([&database], &Networks::new(vec![])));
    let name = &SCENE.zones().zones()[0].names[0].name;
    let sites = &SCENE.catalog().rosters()[plan().roster].sites;
    println!("(table: {} bytes) ", plan().classes.table.memory_bytes());
    bencher
        .with_inputs(|| Atlas::new(world.clone()))
        .bench_local_values(|mut atlas| classes::compile(&name.route, sites, &mut atlas));
}
