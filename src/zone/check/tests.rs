use super::*;
use crate::report::Source;
use crate::zone::text;
use proptest::prelude::*;
use std::io;
use std::path::Path;

/// What every sound zone begins with: four lines.
const HEAD: &str =
    "$TTL 60\n@ SOA ns.example.net. m 1 2 3 4 5\n@ NS ns.example.net.\n@ NS ns2.example.net.\n";

fn name(text: &str) -> Name {
    Name::parse(text, None).expect("a name")
}

fn findings(text: &str, steered: &[&str]) -> Vec<String> {
    let mut report = Report::default();
    let mut load = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let zone = text::read_str(Source::new("z", text), &name("example.com"), &mut load, &mut report);
    assert!(!report.has_errors(), "{text}: {report:?}");
    let toml = Source::new("t", steered.join("\n"));
    let place = |at: usize| Place::new(&toml, toml.offset(at + 1, 1)..toml.offset(at + 1, 1));
    let steered: Vec<(Name, Place)> =
        steered.iter().enumerate().map(|(at, text)| (name(text), place(at))).collect();
    check(&name("example.com"), &zone, &steered, &mut report);
    report.findings.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check_findings(text: &str, steered: &[&str], expected: &[(&str, &str)]) {
    let found = findings(text, steered);
    assert_eq!(found.len(), expected.len(), "{text}: {found:#?}");
    for (found, (start, part)) in found.iter().zip(expected) {
        assert!(
            found.starts_with(start) && found.contains(part),
            "{text}: {found}, not {start} … {part}"
        );
    }
}

/// Findings of the sound zone with more lines, of which the first is line 5.
#[track_caller]
fn check_with(lines: &str, expected: &[(&str, &str)]) {
    check_findings(&format!("{HEAD}{lines}"), &[], expected);
}

#[test]
fn sound_zones() {
    check_with("", &[]);
    check_with(
        "www A 192.0.2.1\n AAAA ::1\n MX 0 .\n* TXT x\na.b.c TXT x\nx CNAME www\nx RRSIG A 8 2 60 1 1 1 @ AA==",
        &[],
    );
    check_with("@ NS ns\nns A 192.0.2.1", &[]);
    check_with("@ MX 1 mail\n* A 192.0.2.1", &[]);
    check_with(
        "sub NS ns.sub\n DS 1 8 9 aa\nns.sub AAAA ::1\nsub NS ns.other.sub2\nsub2 NS x.\nns.other.sub2 A 192.0.2.1",
        &[],
    );
    check_with("d DNAME e.\nd A 192.0.2.1\n", &[]);
    check_findings(
        &format!("{HEAD}@ NS ns\n@ MX 1 *\n"),
        &["ns.example.com", "*.example.com"],
        &[],
    );
}

#[test]
fn the_apex() {
    check_findings(
        "",
        &[],
        &[("z:1:1: error: ", "has no SOA"), ("z:1:1: error: ", "no NS record at its apex")],
    );
    check_findings("$TTL 1\n@ NS a.", &[], &[("z:1:1: error: ", "has no SOA")]);
    check_with("@ SOA ns m 2 2 3 4 5", &[("z:5:1: error: ", "the first is at z:2:1")]);
    // As a transfer written to a file ends.
    check_with("@ SOA ns.example.net. M 1 2 3 4 5", &[("z:5:1: warning: ", "at z:2:1 already")]);
    check_with("a SOA ns m 2 2 3 4 5", &[("z:5:1: error: ", "at the apex of the zone only")]);
    check_with("@ DS 1 8 9 aa", &[("z:5:1: error: ", "in its parent")]);
    check_with("a DS 1 8 9 aa", &[("z:5:1: warning: ", "nothing is delegated")]);
    check_with(
        "@ CNAME a.",
        &[
            ("z:2:1: error: ", "is an alias (CNAME), so it cannot have SOA too"),
            ("z:3:1: error: ", "NS too"),
            ("z:4:1: error: ", "the CNAME is at z:5:1"),
        ],
    );
    check_with(
        "a.example.org. A 192.0.2.1\nxexample.com. A 192.0.2.1",
        &[
            ("z:5:1: error: ", "a.example.org. lies outside the zone example.com."),
            ("z:6:1: error: ", "lies outside"),
        ],
    );
}

#[test]
fn names_by_themselves() {
    check_with("a A 192.0.2.1\na A 192.0.2.1", &[("z:6:1: warning: ", "stands here again")]);
    check_with("a MX 1 B.\na MX 1 b.", &[("z:6:1: warning: ", "stands here again")]);
    check_with("a TXT b\na TXT B", &[]);
    check_with(
        "a 5 A 192.0.2.1\na 6 A 192.0.2.2\na 7 AAAA ::",
        &[("z:6:1: warning: ", "the lowest, 5 s")],
    );
    check_with("a CNAME b.\na CNAME c.", &[("z:6:1: error: ", "an alias of one other name")]);
    check_with("a TXT x\na CNAME b.", &[("z:5:1: error: ", "the CNAME is at z:6:1")]);
    check_with("a DNAME b.\na DNAME c.", &[("z:6:1: error: ", "redirected to one")]);
    check_with("a DNAME b.\na CNAME c.", &[("z:5:1: error: ", "cannot have DNAME too")]);
    check_with("a DNAME b.\na NS c.", &[("z:5:1: error: ", "cannot be redirected")]);
    check_with("*.a NS b.", &[("z:5:1: error: ", "a wildcard cannot be delegated")]);
    check_with("*.a DNAME b.", &[("z:5:1: warning: ", "unpredictably")]);
}

#[test]
fn targets_and_what_is_never_reached() {
    check_with("@ NS ns", &[("z:5:1: error: ", "ns.example.com. has no address")]);
    check_with("sub NS ns.sub", &[("z:5:1: error: ", "add its glue")]);
    check_with("sub NS ns", &[("z:5:1: error: ", "ns.example.com. has no address")]);
    check_with(
        "sub NS ns.sub2\nsub2 NS a.",
        &[("z:5:1: warning: ", "below the delegation of sub2")],
    );
    check_with("sub NS sub2\nsub2 NS a.", &[("z:5:1: warning: ", "below the delegation of sub2")]);
    check_with(
        "@ NS c\n@ MX 1 c\n_s SRV 1 1 1 c\nc CNAME a.",
        &[
            ("z:5:1: warning: ", "this NS record is an alias"),
            ("z:6:1: warning: ", "this MX record is an alias"),
            ("z:7:1: warning: ", "this SRV record is an alias"),
        ],
    );
    check_with("@ MX 1 mail.d\nd DNAME x.", &[("z:5:1: warning: ", "is an alias")]);
    check_with(
        "@ MX 1 mail.example.net",
        &[("z:5:1: warning: ", "mail.example.net.example.com. of this MX record has no address")],
    );
    check_with(
        "sub NS a.\nx.sub A 192.0.2.1\nsub TXT x\ny.sub NS b\nz.y.sub MX 1 q",
        &[
            ("z:6:1: warning: ", "the delegation is at z:5:1"),
            ("z:7:1: warning: ", "this TXT record is never served"),
            ("z:8:1: warning: ", "this NS record is never served: sub.example.com. is delegated"),
            ("z:9:1: warning: ", "this MX record is never served"),
        ],
    );
    check_with(
        "d DNAME x.\na.b.d A 192.0.2.1",
        &[("z:6:1: error: ", "the DNAME of d.example.com. is at z:5:1")],
    );
    check_with(
        "@ DNAME x.\na A 192.0.2.1\nb NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
        &[("z:6:1: error: ", "below a DNAME")],
    );
}

#[test]
fn steered_names_against_static_data() {
    let check = |lines: &str, steered: &[&str], expected: &[(&str, &str)]| {
        check_findings(&format!("{HEAD}{lines}"), steered, expected);
    };
    check(
        "@ TXT x\nwww TXT x\nd DNAME x.",
        &["example.com", "www.example.com", "*.example.com", "d.example.com"],
        &[],
    );
    check(
        "www A 192.0.2.1\n A 192.0.2.2\n AAAA ::",
        &["www.example.com"],
        &[
            ("t:1:1: error: ", "remove the A record at z:5:1"),
            ("t:1:1: error: ", "remove the AAAA record at z:7:2"),
        ],
    );
    check("www CNAME a.", &["WWW.example.com"], &[("t:1:1: error: ", "gives it CNAME too")]);
    check("", &["a.example.com", "www.example.org"], &[("t:2:1: error: ", "outside the zone")]);
    check(
        "",
        &["a.example.com", "A.example.com"],
        &[("t:2:1: error: ", "the first time is at t:1:1")],
    );
    check(
        "sub NS a.",
        &["www.sub.example.com", "sub.example.com"],
        &[
            ("t:1:1: error: ", "the NS record of sub.example.com. is at z:5:1"),
            ("t:2:1: error: ", "at or below a delegation"),
        ],
    );
    check("d DNAME a.", &["www.d.example.com"], &[("t:1:1: error: ", "below a DNAME")]);
}

#[test]
fn many_findings_are_counted_and_errors_never_hidden() {
    let warnings: String =
        (0..300).map(|n| format!("w{n} A 192.0.2.1\nw{n} A 192.0.2.1\n")).collect();
    let found = findings(&format!("{HEAD}{warnings}\na A 192.0.2.1\na CNAME b.\n"), &[]);
    assert_eq!(found.len(), FINDINGS_MAX + 2);
    assert!(found.iter().any(|finding| finding.starts_with("z:606:1: error: ")), "{found:?}");
    assert!(found.last().is_some_and(|last| last.contains("and 200 more warnings")));
}

#[test]
fn what_could_not_be_read_is_not_missing() {
    let mut report = Report::default();
    let mut load = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let text = "$TTL 1\n@ SOA a b 1 2 3 4 oops\n@ NS ns\nns A 192.0.2.256\n";
    let zone = text::read_str(Source::new("z", text), &name("example.com"), &mut load, &mut report);
    let before = report.findings.len();
    check(&name("example.com"), &zone, &[], &mut report);
    assert_eq!(report.findings.len(), before, "{report:?}");
}

proptest! {
    /// The index against plain scans over all records.
    #[test]
    fn cuts_and_owners_as_a_scan_finds_them(lines in proptest::collection::vec(
        (
            "[ab](\\.[ab]){0,3}|@",
            prop_oneof![Just("NS x."), Just("A 192.0.2.1"), Just("DNAME y."), Just("TXT t")],
        ),
        0..12,
    )) {
        let text: String = lines.iter().map(|(owner, rest)| format!("{owner} 1 {rest}\n")).collect();
        let mut report = Report::default();
        let mut load = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
        let origin = name("example.com");
        let zone = text::read_str(Source::new("z", text.as_str()), &origin, &mut load, &mut report);
        let mut findings = Findings::new(&mut report);
        let index = Index::new(&origin, &zone.records, &[], &mut findings);
        for record in &zone.records {
            let strictly_below = |other: &&Record| {
                record.owner != other.owner && record.owner.is_at_or_below(&other.owner)
            };
            let highest = |rtype: Rtype, apex: bool| zone.records.iter()
                .filter(|other| other.rtype == rtype && (apex || other.owner != origin))
                .filter(strictly_below)
                .map(|other| other.owner.label_count())
                .min();
            let labels = |found: Option<&Record>| found.map(|record| record.owner.label_count());
            prop_assert_eq!(labels(index.cut_above(record.owner.as_wire())), highest(Rtype::NS, false));
            prop_assert_eq!(labels(index.dname_above(record.owner.as_wire())), highest(Rtype::DNAME, true));
            let node = &index.nodes[index.find(record.owner.as_wire()).expect("an owner")];
            let same: Vec<&Record> = zone.records.iter().filter(|other| other.owner == record.owner).collect();
            prop_assert_eq!(index.records_of(node).collect::<Vec<_>>(), same);
        }
    }
}
