//! Who says what of an address, and who wins.

use super::*;
use crate::geo::Coordinates;
use crate::geo::Record;
use crate::geo::database::About;
use std::path::PathBuf;

/// A database that says this of these networks.
fn database(name: &str, networks: &[(&str, Record)]) -> Database {
    let mut records = vec![Record::default()];
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (net, record) in networks {
        let number = records.len() as u32;
        records.push(*record);
        match net.parse().expect("a network") {
            IpNet::V4(net) => v4.push((net.network().to_bits(), net.prefix_len(), number)),
            IpNet::V6(net) => v6.push((net.network().to_bits(), net.prefix_len(), number)),
        }
    }
    Database {
        path: PathBuf::from("geoip").join(name),
        about: About {
            database_type: "Test".to_owned(),
            build_epoch: 0,
            description: String::new(),
            languages: Vec::new(),
            ip_version: 6,
            node_count: 0,
            record_bits: 24,
            file_bytes: 0,
        },
        records,
        v4: Ranges::from_prefixes(0, v4),
        v6: Ranges::from_prefixes(0, v6),
        network_count: networks.len(),
    }
}

fn place(code: &str) -> Record {
    Record { place: Some(code.parse().expect("a code")), ..Record::default() }
}

fn point(latitude: f64, longitude: f64) -> Option<Coordinates> {
    Some(Coordinates::new(latitude, longitude).expect("in range"))
}

fn asn(number: u32) -> Record {
    Record { asn: Some(number), ..Record::default() }
}

fn world() -> World {
    let country = database(
        "country.mmdb",
        &[
            ("10.0.0.0/8", place("NA-US")),
            ("20.0.0.0/8", place("EU-DE")),
            ("2a00::/16", place("EU-FR")),
        ],
    );
    let virginia = Record { coordinates: point(39.0, -77.5), ..place("NA-US-VA") };
    let city = database(
        "city.mmdb",
        &[
            ("10.1.0.0/16", virginia),
            ("20.1.0.0/16", virginia),
            ("30.0.0.0/8", Record { coordinates: point(1.0, 2.0), ..Record::default() }),
        ],
    );
    let asns = database("asn.mmdb", &[("10.0.0.0/9", asn(64500)), ("40.0.0.0/8", asn(64501))]);
    let own = |net: &str, location| NetworkEntry { net: net.parse().expect("a network"), location };
    let source = || "networks.toml".to_owned();
    let networks = Networks::new(vec![
        own(
            "10.1.2.0/24",
            Location {
                sites: Some(vec!["fra".to_owned()]),
                source: source(),
                ..Location::default()
            },
        ),
        own(
            "20.1.2.0/24",
            Location {
                place: Some("NA-US-VA".parse().expect("a code")),
                source: source(),
                ..Location::default()
            },
        ),
        own("20.1.2.128/25", Location { asn: Some(1), source: source(), ..Location::default() }),
        own("2a00:1::/32", Location { asn: Some(2), source: source(), ..Location::default() }),
    ]);
    World::new(&[country, city, asns], &networks)
}

#[test]
fn later_sources_fill_and_own_networks_win() {
    let world = world();
    let check = |text: &str, network: &str, code: &str, at, number, source: &str| {
        let located = world.locate(text.parse().expect("an address"));
        let shown = located.location.place.map(|place| place.to_string()).unwrap_or_default();
        assert_eq!(shown, code, "{text}");
        assert_eq!(located.network.to_string(), network, "{text}");
        assert_eq!(located.location.coordinates, at, "{text}");
        assert_eq!(located.location.asn, number, "{text}");
        assert_eq!(located.location.source, source, "{text}");
    };
    let centre = |code: &str| centroid(code.parse().expect("a code"));
    let (us, de, fr) = (centre("NA-US"), centre("EU-DE"), centre("EU-FR"));
    let (fine, virginia) = (point(39.0, -77.5), centre("NA-US-VA"));
    check("50.0.0.1", "48.0.0.0/4", "", None, None, "");
    check("10.64.0.1", "10.64.0.0/10", "NA-US", us, Some(64500), "country.mmdb, asn.mmdb");
    check("10.200.0.1", "10.128.0.0/9", "NA-US", us, None, "country.mmdb");
    check(
        "10.1.0.1",
        "10.1.0.0/23",
        "NA-US-VA",
        fine,
        Some(64500),
        "country.mmdb, city.mmdb, asn.mmdb",
    );
    // Who came first has said another country: neither place nor coordinates of the later one fit.
    check("20.1.0.1", "20.1.0.0/23", "EU-DE", de, None, "country.mmdb");
    check("30.0.0.1", "30.0.0.0/8", "", point(1.0, 2.0), None, "city.mmdb");
    check("40.0.0.1", "40.0.0.0/8", "", None, Some(64501), "asn.mmdb");
    check("20.1.2.1", "20.1.2.0/25", "NA-US-VA", virginia, None, "networks.toml");
    check("20.1.2.200", "20.1.2.128/25", "EU-DE", de, Some(1), "networks.toml, country.mmdb");
    check("2a00:2::1", "2a00:2::/31", "EU-FR", fr, None, "country.mmdb");
    check("2a00:1::1", "2a00:1::/32", "EU-FR", fr, Some(2), "networks.toml, country.mmdb");
    check("::ffff:40.0.0.1", "::ffff:40.0.0.0/104", "", None, Some(64501), "asn.mmdb");
    check("2002:2800:1::", "2002:2800::/24", "", None, Some(64501), "asn.mmdb");
    // No block from outside reaches into an embedding.
    check("2003::1", "2003::/16", "", None, None, "");

    let own = world.locate("10.1.2.3".parse().expect("an address"));
    assert_eq!(own.location.sites.as_deref(), Some(&["fra".to_owned()][..]));
    assert_eq!(own.location.place.map(|place| place.to_string()).as_deref(), Some("NA-US-VA"));
    assert_eq!(own.location.coordinates, fine);
}

#[test]
fn equal_locations_are_one() {
    let twice = [("10.0.0.0/8", place("NA-US")), ("11.0.0.0/8", place("NA-US"))];
    let world = World::new(&[database("a", &twice)], &Networks::default());
    assert_eq!(world.locations.len(), 2);
    assert_eq!(world.v4.run_count(), 3);
    assert!(World::unknown().locations.iter().all(Location::is_unknown));
    assert_eq!(World::unknown().v4.run_count(), 1);
}

/// The database that the first run answers from: sound to the last node, and right about networks that rarely move.
#[test]
fn the_shipped_database_knows_the_world() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/world.mmdb");
    let reader = maxminddb::Reader::open_readfile(&path).expect("readable");
    reader.verify().expect("sound");
    let database = Database::read(&path).expect("readable");
    let world = World::new(&[database], &Networks::default());
    let check = |text: &str, place: &str| {
        let location = world.locate(text.parse().expect("an address")).location;
        assert_eq!(location.place.map(|place| place.to_string()).as_deref(), Some(place), "{text}");
        assert!(location.coordinates.is_some(), "{text}");
    };
    check("8.8.8.8", "NA-US"); // Google
    check("18.0.0.1", "NA-US"); // MIT, now Amazon
    check("130.149.7.201", "EU-DE"); // TU Berlin
    check("133.11.0.1", "AS-JP"); // University of Tokyo
    check("146.164.0.1", "SA-BR"); // UFRJ
    check("129.78.5.8", "OC-AU"); // University of Sydney
    check("137.158.0.1", "AF-ZA"); // University of Cape Town
    check("2001:200::1", "AS-JP"); // WIDE
    check("2001:638::1", "EU-DE"); // DFN
    check("::ffff:130.149.7.201", "EU-DE");
}
