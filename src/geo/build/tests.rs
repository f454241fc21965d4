//! What is written is what was read: through the crate's reader, and through ours.

use super::*;
use crate::geo::database::Database;
use crate::geo::ranges::Key;
use crate::geo::{GeoCode, Located};
use maxminddb::Reader;
use proptest::prelude::*;
use std::net::IpAddr;
use std::path::Path;

fn options(inputs: Vec<PathBuf>) -> BuildOptions {
    BuildOptions {
        inputs,
        database_type: "Test-Country".to_owned(),
        description: "made for a test".to_owned(),
        build_epoch: None,
    }
}

/// The texts as files, built.
fn built(texts: &[&str]) -> Result<Built, Report> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let paths = (0..texts.len()).map(|index| directory.path().join(format!("{index}.csv")));
    let paths: Vec<PathBuf> = paths.collect();
    for (path, text) in paths.iter().zip(texts) {
        std::fs::write(path, text).expect("written");
    }
    build(&options(paths), |done, all| assert!(done <= all))
}

fn read(built: &Built) -> Database {
    Database::from_bytes(Path::new("test.mmdb"), built.bytes.clone()).expect("readable")
}

const TOR: &str = "\
# Location Database Export
#
# Generated: Thu, 25 Jun 2026 04:33:59 GMT
#
15726992,15726999,??
16777216,16777471,AU
16777472,16778239,CN
16778240,16779263,CN
";

const TOR6: &str = "\
# Generated: Thu, 25 Jun 2026 04:33:58 GMT
2001::,2001:0:ffff:ffff:ffff:ffff:ffff:ffff,??
2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP
2001:201::,2001:203:ffff:ffff:ffff:ffff:ffff:ffff,JP
";

const CSV: &str = "\
network,country,subdivision,latitude,longitude
192.0.2.0/24,US,VA,39.04,-77.49
192.0.2.128/25, uk
\"198.51.100.7\",\"DE\",\"BE\"
203.0.113.5-203.0.113.9,FR,,48.9,2.4
203.0.113.20,203.0.113.20,EU
2001:db8::/32,ZZ
2001:db8:1::/48,BR
";

#[test]
fn places_by_address() {
    let built = built(&[TOR, TOR6, CSV]).expect("built");
    let database = read(&built);
    let reader = Reader::from_source(built.bytes.clone()).expect("readable");
    reader.verify().expect("sound");
    let world = crate::geo::World::new(&[database], &Default::default());
    let check = |text: &str, place: &str, network: &str| {
        let address: IpAddr = text.parse().expect("an address");
        let Located { location, network: found } = world.locate(address);
        let shown = location.place.map(|place| place.to_string()).unwrap_or_default();
        assert_eq!((shown.as_str(), found.to_string().as_str()), (place, network), "{text}");
        // And as any other reader sees it.
        let direct = reader.lookup(address).expect("found");
        let country: Option<String> =
            direct.decode_path(&maxminddb::path!["country", "iso_code"]).expect("decoded");
        assert_eq!(
            country.as_deref(),
            location.place.as_ref().and_then(GeoCode::country),
            "{text}"
        );
    };
    check("0.239.248.16", "", "0.0.0.0/8");
    check("1.0.0.255", "OC-AU", "1.0.0.0/24");
    check("1.0.1.0", "AS-CN", "1.0.1.0/24");
    check("1.0.7.255", "AS-CN", "1.0.4.0/22");
    check("2001:200::1", "AS-JP", "2001:200::/30");
    check("192.0.2.5", "NA-US-VA", "192.0.2.0/25");
    check("192.0.2.200", "EU-GB", "192.0.2.128/25");
    check("198.51.100.7", "EU-DE-BE", "198.51.100.7/32");
    check("203.0.113.4", "", "203.0.113.4/32");
    check("203.0.113.6", "EU-FR", "203.0.113.6/31");
    check("203.0.113.20", "EU", "203.0.113.20/32");
    check("2001:db8::1", "", "2001:db8::/48");
    check("2001:db8:1::1", "SA-BR", "2001:db8:1::/48");
    check("::ffff:192.0.2.5", "NA-US-VA", "::ffff:192.0.2.0/121");
    check("2002:c000:205::", "NA-US-VA", "2002:c000:200::/41");
    let located = world.locate("203.0.113.9".parse().expect("an address"));
    let at = located.location.coordinates.expect("coordinates");
    assert_eq!((at.latitude_deg, at.longitude_deg), (48.9, 2.4));
}

#[test]
fn the_date_is_that_of_the_data_and_the_bytes_are_the_same_again() {
    let first = built(&[TOR, TOR6]).expect("built");
    assert_eq!(first.build_epoch, 1_782_362_039);
    assert_eq!((first.line_count, first.unknown_count, first.record_count), (7, 2, 3));
    let about = read(&first).about;
    assert_eq!(about.build_epoch, first.build_epoch);
    assert_eq!(about.database_type, "Test-Country");
    assert_eq!(about.description, "made for a test");
    assert_eq!((about.ip_version, about.record_bits), (6, 24));
    assert_eq!(built(&[TOR, TOR6]).expect("built").bytes, first.bytes);
}

#[test]
fn mistakes_name_their_line() {
    let check = |text: &str, expected: &[(&str, &str)]| {
        let report = built(&[text]).expect_err(text);
        let shown: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), expected.len(), "{text}: {shown:#?}");
        for (finding, (place, part)) in shown.iter().zip(expected) {
            assert!(finding.contains(place) && finding.contains(part), "{text}: {finding}");
        }
    };
    check(
        "10.0.0.0/8,US\n10.0.0.0/33,US\n10.0.0,US\n",
        &[(":2:1:", "no network in CIDR"), (":3:1:", "no address")],
    );
    check("10.0.0.0/8\n", &[(":1:11:", "no country")]);
    check("10.0.0.9-10.0.0.1,US\n", &[(":1:1:", "ends before it begins")]);
    check("10.0.0.9,2001:db8::,US\n", &[(":1:1:", "one address family")]);
    check("10.0.0.0/8,Germany\n", &[(":1:12:", "no country code")]);
    check("10.0.0.0/8,US,Virginia\n", &[(":1:15:", "no subdivision of NA-US")]);
    check("10.0.0.0/8,US,VA,91,0\n", &[(":1:18:", "latitude 91")]);
    check("10.0.0.0/8,US,VA,north,0\n", &[(":1:18:", "no number of degrees")]);
    check("10.0.0.0/8,US,VA,39\n", &[(":1:18:", "together")]);
    check("10.0.0.0/8,US,VA,39,1,x\n", &[(":1:23:", "too many fields")]);
    check("network,country\nnetwork,country\n", &[(":2:1:", "no address")]);
    check("# nothing\n", &[("", "no line")]);
    let many = built(&[&"x.y,US\n".repeat(1000)]).expect_err("all wrong");
    assert_eq!((many.error_count(), many.warning_count()), (20, 1));
    let missing = build(&options(vec!["missing/file".into()]), |_, _| ()).expect_err("missing");
    assert!(missing.findings[0].message.contains("missing/file"));
}

fn prefixes<K: Key + Arbitrary>() -> impl Strategy<Value = Vec<(K, u8, u32)>> {
    proptest::collection::vec((any::<K>(), 0..=K::BITS, 0..3_u32), 0..20)
}

proptest! {
    /// Any two families, written and read again, say the same of every IPv4 address, and of every IPv6 address that
    /// embeds none.
    #[test]
    fn a_database_says_what_was_written(v4 in prefixes::<u32>(), v6 in prefixes::<u128>()) {
        let (v4, v6) = (Ranges::from_prefixes(0, v4), Ranges::from_prefixes(0, v6));
        let place = |country| GeoCode::of_country(country);
        let record = |country| Record { place: place(country), ..Record::default() };
        let records = [Record::default(), record("DE"), record("US")];
        let metadata =
            mmdb::Metadata { database_type: "T", description: "t", build_epoch: 1 << 33 };
        let bytes = mmdb::write(&v4, &v6, &records, &metadata).expect("small");
        let database = Database::from_bytes(Path::new("t"), bytes).expect("readable");
        let by_number = |number: u32| database.records[number as usize].place;
        prop_assert_eq!(database.v4.map(by_number), v4.map(|number| records[number as usize].place));
        for (first, last, number) in v6.iter() {
            for address in [first, last] {
                let is_alias = address >> 112 == 0x2002 || matches!(address >> 32, 0 | 0xffff);
                if !is_alias {
                    let read = database.v6.get(address);
                    prop_assert_eq!(by_number(read), records[number as usize].place);
                }
            }
        }
    }
}

#[test]
fn long_texts_and_many_records_are_encoded() {
    let countries = ["DE", "FR", "US"].map(|country| GeoCode::of_country(country).expect("known"));
    let mut records = vec![Record::default()];
    for number in 1..40_000_u32 {
        let place = countries[number as usize % 3].with_subdivision(&format!("{}", number % 1000));
        let at = crate::geo::Coordinates::new(f64::from(number) / 1000.0, 1.5).expect("in range");
        records.push(Record { place, coordinates: Some(at), asn: Some(number * 100_000) });
    }
    let v4 = Ranges::from_prefixes(0, (1..40_000).map(|number| (number << 8, 24, number)));
    let description = "d\u{e9}".repeat(5000);
    let metadata = mmdb::Metadata { database_type: "T", description: &description, build_epoch: 1 };
    let bytes = mmdb::write(&v4, &Ranges::constant(0), &records, &metadata).expect("small");
    Reader::from_source(bytes.clone()).expect("readable").verify().expect("sound");
    let database = Database::from_bytes(Path::new("t"), bytes).expect("readable");
    assert!(description.starts_with(&database.about.description));
    assert!(database.about.description.len() > 4000);
    for number in [1_u32, 7, 300, 39_999] {
        let read = database.records[database.v4.get(number << 8 | 9) as usize];
        assert_eq!(read, records[number as usize]);
    }
}
