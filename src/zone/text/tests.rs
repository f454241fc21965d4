//! Whole texts: directives, inheritance, TTLs, mistakes and their places; RDATA by type is in `by_type`,
//! any text at all and another reader's opinion in `agreement`.

mod agreement;
mod by_type;

use super::*;
use std::collections::HashMap;

fn origin() -> Name {
    Name::parse("example.com", None).expect("a name")
}

/// Reads a text, with files that it may include.
fn read_with(text: &str, files: &[(&str, &str)]) -> (ReadZone, Report) {
    let files: HashMap<PathBuf, &str> =
        files.iter().map(|(path, text)| (PathBuf::from(path), *text)).collect();
    let mut load = |path: &Path| {
        let text = files.get(&normal(path)).ok_or(io::Error::from(io::ErrorKind::NotFound))?;
        Ok(text.as_bytes().to_vec())
    };
    let mut report = Report::default();
    let zone = read_str(Source::new("zones/z", text), &origin(), &mut load, &mut report);
    (zone, report)
}

/// Each record as `owner ttl type rdata`, addresses and names in RDATA as text, the rest by its length.
fn shown(zone: &ReadZone) -> Vec<String> {
    let rdata = |record: &Record| match crate::zone::rdata::target(record.rtype, &record.rdata) {
        Some(name) => name.to_string(),
        None if record.rdata.len() == 4 => {
            record.rdata.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
        }
        None => String::from_utf8_lossy(&record.rdata).into_owned(),
    };
    let show = |record: &Record| {
        format!("{} {} {} {}", record.owner, record.ttl_s, record.rtype, rdata(record))
    };
    zone.records.iter().map(show).collect()
}

/// Expects records, and no finding at all.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let (zone, report) = read_with(text, &[]);
    assert_eq!(report, Report::default(), "{text}");
    assert_eq!(shown(&zone), expected, "{text}");
}

/// Expects findings as `line:column severity` and a part of the message or the help, in order.
#[track_caller]
fn check_findings(text: &str, expected: &[(&str, &str)]) {
    let (_, report) = read_with(text, &[]);
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{text:?}: {found:#?}");
    for (found, (place, part)) in found.iter().zip(expected) {
        let place = format!("zones/z:{place}: ");
        assert!(
            found.starts_with(&place) && found.contains(part),
            "{text:?}: {found}, not {place}{part}"
        );
    }
}

#[test]
fn owners_and_origins() {
    check("www 1 A 192.0.2.1\n", &["www.example.com. 1 A 192.0.2.1"]);
    check("@ 1 A 192.0.2.1", &["example.com. 1 A 192.0.2.1"]);
    check("WWW.Example.COM. 1 a 192.0.2.1", &["www.example.com. 1 A 192.0.2.1"]);
    check(
        "a 1 A 192.0.2.1\n  A 192.0.2.2\n\n\tA 192.0.2.3",
        &[
            "a.example.com. 1 A 192.0.2.1",
            "a.example.com. 1 A 192.0.2.2",
            "a.example.com. 1 A 192.0.2.3",
        ],
    );
    check(
        "$ORIGIN sub\na 1 NS b\n$origin x.\na NS @\n",
        &["a.sub.example.com. 1 NS b.sub.example.com.", "a.x. 1 NS x."],
    );
    check("a 1 NS .\n", &["a.example.com. 1 NS ."]);
    check("a\\046b 1 NS \\@", &["a\\.b.example.com. 1 NS \\@.example.com."]);
    check("*.w 1 A 192.0.2.1", &["*.w.example.com. 1 A 192.0.2.1"]);
    // A line that goes on in parentheses is one entry, whatever it looks like.
    check(
        "a ( 1\nA\n) 192.0.2.1 ; (\nb A 192.0.2.2",
        &["a.example.com. 1 A 192.0.2.1", "b.example.com. 1 A 192.0.2.2"],
    );
    check(
        "a 1 A 192.0.2.1\r\n A 192.0.2.2\r\n",
        &["a.example.com. 1 A 192.0.2.1", "a.example.com. 1 A 192.0.2.2"],
    );
}

#[test]
fn ttl_and_class() {
    for text in [
        "a 60 IN A 192.0.2.1",
        "a IN 60 A 192.0.2.1",
        "a 1m A 192.0.2.1",
        "a CLASS1 60 TYPE1 192.0.2.1",
    ] {
        check(text, &["a.example.com. 60 A 192.0.2.1"]);
    }
    check(
        "$TTL 1h30m\na A 192.0.2.1\n 5 A 192.0.2.2\n A 192.0.2.3",
        &[
            "a.example.com. 5400 A 192.0.2.1",
            "a.example.com. 5 A 192.0.2.2",
            "a.example.com. 5400 A 192.0.2.3",
        ],
    );
    check(
        "a 7 A 192.0.2.1\nb A 192.0.2.2",
        &["a.example.com. 7 A 192.0.2.1", "b.example.com. 7 A 192.0.2.2"],
    );
    let (zone, report) = read_with("@ SOA a b 1 2 3 4 1h\na A 192.0.2.1\nb A 192.0.2.2", &[]);
    assert_eq!(zone.records.iter().map(|record| record.ttl_s).collect::<Vec<_>>(), [3600; 3]);
    assert_eq!(report.findings.len(), 1, "said once: {report:?}");
    assert!(!report.has_errors());
}

#[test]
fn findings_have_places_and_cures() {
    let long = format!("a 1 TXT \"{}\"", "x".repeat(256));
    let table: &[(&str, &[(&str, &str)])] = &[
        (" A 192.0.2.1", &[("1:2", "no owner name above")]),
        ("a A 192.0.2.1", &[("1:3", "no TTL is given")]),
        ("a 1 A 192.0.2.256", &[("1:7", "is not an IPv4 address")]),
        ("a 1 AAAA 192.0.2.1", &[("1:10", "is not an IPv6 address")]),
        ("a 1 A", &[("1:6", "the record ends before its address")]),
        ("a 1 A 192.0.2.1 x", &[("1:17", "nothing may follow")]),
        ("a 1", &[("1:4", "ends before its type")]),
        ("a", &[("1:2", "ends before its type")]),
        ("a 1 CH A 192.0.2.1", &[("1:5", "only IN")]),
        ("a 1 CLASS3 A 192.0.2.1", &[("1:5", "only IN")]),
        ("a IN IN A 192.0.2.1", &[("1:6", "a class already")]),
        ("a 1 2 A 192.0.2.1", &[("1:5", "a TTL already")]),
        ("a 1x A 192.0.2.1", &[("1:3", "is no TTL")]),
        ("a 2147483648 A 192.0.2.1", &[("1:3", "at most 2147483647")]),
        ("a 1 AAA ::1", &[("1:5", "did you mean AAAA?")]),
        ("MX 10 mail", &[("1:7", "indent the line")]),
        ("a 1 ANY x", &[("1:5", "cannot hold")]),
        ("a 1 TYPE65534 x", &[("1:15", "\\# LENGTH HEX")]),
        ("a 1 MX 10", &[("1:10", "before its mail exchange")]),
        ("a 1 MX mail 10", &[("1:8", "preference \"mail\" is not a number from 0 to 65535")]),
        ("a 1 MX 65536 mail", &[("1:8", "from 0 to 65535")]),
        ("a 1 NS b..c", &[("1:8", "a label of the name is empty")]),
        ("a 1 NS bücher", &[("1:9", "xn--")]),
        ("ü 1 A 192.0.2.1", &[("1:1", "xn--")]),
        ("a 1 SOA b c 1 2 3 4", &[("1:20", "before its minimum")]),
        ("a 1 SOA b c 1 2x 3 4 5", &[("1:15", "1h30m")]),
        ("a 1 TXT", &[("1:8", "before its text")]),
        ("a 1 TXT \"x", &[("1:9", "not closed on its line")]),
        (
            "a 1 TXT (\n \"x\"\nb 1 A 192.0.2.1\nc 1 A x",
            &[("1:9", "never closed"), ("4:7", "IPv4")],
        ),
        ("a 1 TXT x )", &[("1:11", "no parenthesis")]),
        (&long, &[("1:10", "split it")]),
        ("a 1 TXT a\\300", &[("1:10", "three digits up to 255")]),
        ("$TLL 1", &[("1:1", "did you mean $TTL?")]),
        ("$TTL", &[("1:5", "ends before its TTL")]),
        ("$TTL 1 2", &[("1:8", "nothing may follow")]),
        ("$ORIGIN a..b", &[("1:9", "is empty")]),
        ("$INCLUDE x", &[("1:10", "cannot read the file to include, zones/x")]),
        // A broken owner is said once; the lines that would inherit it are still looked at.
        ("a.. 1 A 192.0.2.1\n A 192.0.2.2\n A x", &[("1:1", "empty"), ("3:4", "IPv4")]),
        // Every mistake of a file in one run.
        (
            "a 1 A x\nb 1 A 192.0.2.1\nc 1 A y\n  MX z",
            &[("1:7", "IPv4"), ("3:7", "IPv4"), ("4:6", "preference")],
        ),
    ];
    for (text, expected) in table {
        check_findings(text, expected);
    }
}

#[test]
fn a_mistake_costs_one_record() {
    let (zone, _) = read_with("a 1 A x\nb 1 A 192.0.2.1\n MX z\n A 192.0.2.2", &[]);
    assert_eq!(shown(&zone), ["b.example.com. 1 A 192.0.2.1", "b.example.com. 1 A 192.0.2.2"]);
}

#[test]
fn many_mistakes_are_counted() {
    let (_, report) = read_with(&"a 1 A x\n".repeat(FINDINGS_PER_FILE_MAX + 17), &[]);
    assert_eq!(report.findings.len(), FINDINGS_PER_FILE_MAX + 1);
    let last = report.findings.last().map(ToString::to_string).unwrap_or_default();
    assert!(last.contains("and 17 more"), "{last}");
    let (_, report) = read_with(&"a 1 A (\n".repeat(3 * FINDINGS_PER_FILE_MAX), &[]);
    assert!(report.has_errors() && report.findings.len() <= FINDINGS_PER_FILE_MAX + 1);
}

#[test]
fn records_know_their_place() {
    let (zone, _) = read_with("\na 1 A 192.0.2.1\n  ( TXT\n x )\n", &[]);
    let places: Vec<String> = zone.records.iter().map(|record| record.place.to_string()).collect();
    assert_eq!(places, ["zones/z:2:1", "zones/z:3:5"]);
    assert_eq!(zone.records[1].place.span, 21..24, "the first line of an entry of many");
}

#[test]
fn included_files() {
    let files = [
        ("zones/sub/a", "$TTL 9\n$ORIGIN deep\nx A 192.0.2.1\n$INCLUDE b other.\n"),
        ("zones/sub/b", "y A 192.0.2.2\n  A z\n"),
        ("zones/loop", "$INCLUDE ./sub/../loop\n"),
    ];
    let (zone, report) =
        read_with("w 5 A 192.0.2.9\n$INCLUDE sub/a inner\n  A 192.0.2.3\nv A 192.0.2.4", &files);
    assert_eq!(
        shown(&zone),
        [
            "w.example.com. 5 A 192.0.2.9",
            "x.deep.inner.example.com. 9 A 192.0.2.1",
            "y.other. 9 A 192.0.2.2",
            // Origin, owner and $TTL are those before the file.
            "w.example.com. 5 A 192.0.2.3",
            "v.example.com. 5 A 192.0.2.4",
        ]
    );
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("zones/sub/b:2:5: error: address \"z\""), "{found:?}");
    assert_eq!(zone.files, ["zones/z", "zones/sub/a", "zones/sub/b"].map(PathBuf::from));

    let (zone, report) = read_with("$INCLUDE loop\n$INCLUDE \"not there\"", &files);
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert!(found[0].contains(
        "zones/loop:1:10: error: the file includes itself: zones/z → zones/loop → zones/loop"
    ));
    assert!(found[1].contains("zones/z:2:10: error: cannot read"), "{found:?}");
    assert!(zone.files.contains(&PathBuf::from("zones/not there")), "watched, for it may come");
}

#[test]
fn inclusion_ends() {
    let mut load = |_: &Path| Ok(b"$INCLUDE x/x\n$INCLUDE x/y\n".to_vec());
    let mut report = Report::default();
    let zone = read_str(Source::new("z", "$INCLUDE x\n"), &origin(), &mut load, &mut report);
    assert!(report.has_errors() && zone.records.is_empty());
    assert!(report.findings.len() <= FINDINGS_PER_ZONE_MAX + 1);
}

#[test]
fn files_on_disk() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("z"), b"; M\xfcller\na 1 A 192.0.2.1\n$INCLUDE i\nb 1 TXT \"M\xfcller\"\n")
        .expect("written");
    std::fs::write(path("i"), "c 1 A 192.0.2.2\n").expect("written");
    let mut report = Report::default();
    let zone = read(&path("z"), &origin(), &mut report);
    assert_eq!(shown(&zone), ["a.example.com. 1 A 192.0.2.1", "c.example.com. 1 A 192.0.2.2"]);
    assert_eq!(zone.files, [path("z"), path("i")]);
    assert_eq!(report.findings.len(), 1);
    let found = report.findings[0].to_string();
    assert!(
        found.contains(":4:11: error: this octet is not UTF-8"),
        "Latin-1 in comments is no one's business: {found}"
    );

    for (name, part) in [("none", "No such file"), (".", "not a regular file")] {
        let mut report = Report::default();
        let zone = read(&path(name), &origin(), &mut report);
        assert_eq!(zone.files, [path(name)]);
        assert!(report.findings[0].message.contains(part), "{report:?}");
    }
}

#[test]
fn generated_records() {
    check(
        "$GENERATE 1-3 host-$ 5 A 192.0.2.$",
        &[
            "host-1.example.com. 5 A 192.0.2.1",
            "host-2.example.com. 5 A 192.0.2.2",
            "host-3.example.com. 5 A 192.0.2.3",
        ],
    );
    check(
        "$TTL 1\n$generate 8-12/2 ${-7,3}.x IN PTR h${0,2,x}.$$y",
        &[
            "001.x.example.com. 1 PTR h08.\\$y.example.com.",
            "003.x.example.com. 1 PTR h0a.\\$y.example.com.",
            "005.x.example.com. 1 PTR h0c.\\$y.example.com.",
        ],
    );
    check(
        "$GENERATE 255-255 a 1 NS ${0,0,o}.${0,4,X}.${1,7,n}.${0,0,N}.\\$",
        &["a.example.com. 1 NS 377.00ff.0.0.1.0.f.f.\\$.example.com."],
    );
    check("$GENERATE 1-1 @ 1 MX \"$ mail$\"", &["example.com. 1 MX mail1.example.com."]);
    check("$GENERATE 1-1 @ 1 MX $ mail$ ; bare", &["example.com. 1 MX mail1.example.com."]);
    check("$GENERATE 1-1 @ 1 TXT (\"a $\"\n b$)", &["example.com. 1 TXT \u{3}a 1\u{2}b1"]);
    let (zone, report) = read_with("$GENERATE 0-65535 $ 1 A 192.0.2.1", &[]);
    assert_eq!((zone.records.len(), report.findings.len()), (65_536, 0));
}

#[test]
fn what_cannot_be_generated() {
    let table: &[(&str, &str, &str)] = &[
        ("$GENERATE", "1:10", "before its range"),
        ("$GENERATE 3-1 a 1 A 192.0.2.1", "1:11", "START-STOP"),
        ("$GENERATE 1-3/0 a 1 A 192.0.2.1", "1:11", "START-STOP"),
        ("$GENERATE 1-x a 1 A 192.0.2.1", "1:11", "START-STOP"),
        ("$GENERATE 0-2147483647 $ 1 A 192.0.2.1", "1:11", "at most 1048576"),
        ("$GENERATE 1-3 a${0,3,q} 1 A 192.0.2.1", "1:16", "OFFSET"),
        ("$GENERATE 1-3 a${0,300,d} 1 A 192.0.2.1", "1:16", "at most 255"),
        ("$GENERATE 1-3 a${0 1 A 192.0.2.1", "1:16", "OFFSET"),
        ("$GENERATE 1-3 a 1 AA 192.0.2.1", "1:19", "unknown record type"),
        ("$GENERATE 1-3 a$ 1 A 192.0.2.${254}", "1:1", "with 2 for $"),
        ("$GENERATE 1-3 a${-2,0,x} 1 A 192.0.2.1", "1:1", "only base d"),
        ("$GENERATE 1-3 a$ 1", "1:19", "before its type"),
    ];
    for (text, place, part) in table {
        check_findings(text, &[(place, part)]);
    }
}
