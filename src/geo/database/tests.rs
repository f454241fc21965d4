//! Damaged and unusual files. Sound ones are read by the tests of what writes them.

use super::*;
use crate::geo::build::{BuildOptions, build};
use proptest::prelude::*;
use std::sync::LazyLock;

/// A small sound database.
static SOUND: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("in.csv");
    let text = "10.0.0.0/8,US,VA,39.04,-77.49\n192.0.2.0/24,DE\n2001:db8::/32,FR\n";
    std::fs::write(&path, text).expect("written");
    let options = BuildOptions {
        inputs: vec![path],
        database_type: "Test-City".to_owned(),
        description: "made for a test".to_owned(),
        build_epoch: Some(1),
    };
    build(&options, |_, _| ()).expect("built").bytes
});

fn read(bytes: Vec<u8>) -> Result<Database, Finding> {
    Database::from_bytes(Path::new("geoip/some.mmdb"), bytes)
}

/// The database with one text replaced by another of the same length.
fn with(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = SOUND.clone();
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
    let at = at.unwrap_or_else(|| panic!("{from} is not in the database"));
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    bytes
}

#[test]
fn refusals_name_the_file_and_the_cure() {
    let check = |bytes: Vec<u8>, part: &str| {
        let finding = read(bytes).expect_err(part);
        assert!(finding.message.contains("geoip/some.mmdb"), "{finding}");
        assert!(finding.message.contains(part), "{part}: {finding}");
        assert!(finding.help.is_some(), "{finding}");
    };
    check(Vec::new(), "cannot be used");
    check(b"country,network\n".to_vec(), "cannot be used");
    check(SOUND[..SOUND.len() / 2].to_vec(), "cannot be used");
    check(SOUND[SOUND.len() / 2..].to_vec(), "cannot be used");
    check(with("record_size", "record_sizf"), "record_size");
    let nowhere = read({
        let mut bytes = with("continent", "continenu");
        for (from, to) in [("country", "countrz"), ("location", "locatiom")] {
            let at = bytes.windows(from.len()).position(|window| window == from.as_bytes());
            let at = at.expect("a field");
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
        bytes
    });
    let finding = nowhere.expect_err("no field of use");
    assert!(finding.message.contains("Test-City"), "{finding}");
    assert!(finding.message.contains("nothing of where"), "{finding}");

    let missing = Database::read(Path::new("no/such.mmdb")).expect_err("missing");
    assert!(missing.message.contains("no/such.mmdb"), "{missing}");
}

#[test]
fn a_tree_that_leads_back_into_itself_is_refused() {
    let mut bytes = SOUND.clone();
    // The first node's left branch: the first node.
    bytes[..3].copy_from_slice(&[0, 0, 0]);
    let finding = read(bytes).expect_err("a cycle");
    assert!(finding.message.contains("cycle"), "{finding}");
}

#[test]
fn fields_of_another_kind_are_unknown() {
    let record = |json: serde_json::Value| {
        let raw: Lenient<RawRecord> = serde_json::from_value(json).expect("lenient");
        raw.0.record()
    };
    let check = |json: serde_json::Value, place: Option<&str>, at: Option<(f64, f64)>, asn| {
        let found = record(json.clone());
        let shown = found.place.map(|place| place.to_string());
        assert_eq!(shown.as_deref(), place, "{json}");
        let point = found.coordinates.map(|at| (at.latitude_deg, at.longitude_deg));
        assert_eq!((point, found.asn), (at, asn), "{json}");
    };
    use serde_json::json;
    check(json!({}), None, None, None);
    check(json!("DE"), None, None, None);
    check(
        json!({"country": {"iso_code": "DE", "names": {"en": "Germany"}}}),
        Some("EU-DE"),
        None,
        None,
    );
    check(json!({"country": "DE", "continent": {"code": "EU"}}), Some("EU"), None, None);
    check(
        json!({"country": {"iso_code": 49}, "registered_country": {"iso_code": "FR"}}),
        Some("EU-FR"),
        None,
        None,
    );
    check(
        json!({"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA"}, {"iso_code": "X"}]}),
        Some("NA-US-CA"),
        None,
        None,
    );
    check(json!({"country": {"iso_code": "US"}, "subdivisions": [7]}), Some("NA-US"), None, None);
    check(json!({"country": {"iso_code": "US"}, "subdivisions": []}), Some("NA-US"), None, None);
    check(json!({"subdivisions": [{"iso_code": "CA"}]}), None, None, None);
    check(json!({"location": {"latitude": 50, "longitude": "8.5"}}), None, Some((50.0, 8.5)), None);
    check(json!({"location": {"latitude": 50.5}}), None, None, None);
    check(json!({"location": {"latitude": 500, "longitude": 8}}), None, None, None);
    check(json!({"location": [1, 2], "continent": null}), None, None, None);
    check(json!({"autonomous_system_number": 64500, "x": true}), None, None, Some(64500));
    check(json!({"autonomous_system_number": "AS64500"}), None, None, Some(64500));
    check(json!({"autonomous_system_number": 0}), None, None, None);
    check(json!({"autonomous_system_number": {"a": [1]}}), None, None, None);
    // The continent of a country is ours to say.
    check(
        json!({"continent": {"code": "AS"}, "country": {"iso_code": "RU"}}),
        Some("EU-RU"),
        None,
        None,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is done to a file, it is read or refused.
    #[test]
    fn damage_never_panics(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<proptest::sample::Index>(),
        is_cut in proptest::bool::weighted(0.2),
    ) {
        let mut bytes = SOUND.clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        let _ = read(bytes);
    }
}
