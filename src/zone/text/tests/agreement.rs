//! Another reader's opinion, and texts that nobody wrote.

use super::{Report, read_with};
use crate::zone::text::types::RDATA_BYTES_MAX;
use proptest::prelude::*;

/// What `domain`'s own reader of whole files makes of a text: owner, TTL, type and RDATA of each record.
fn read_by_domain(text: &str) -> Vec<(Vec<u8>, u32, u16, Vec<u8>)> {
    use domain::base::rdata::ComposeRecordData;
    use domain::base::{ToName, iana::Class};
    use domain::rdata::ZoneRecordData;
    use domain::zonefile::inplace::{Entry, Zonefile};
    let mut file = Zonefile::from(text);
    file.set_origin("example.com".parse().expect("a name"));
    file.set_default_class(Class::IN);
    let mut records = Vec::new();
    while let Some(Entry::Record(record)) = file.next_entry().expect("a text that it reads") {
        let mut rdata = Vec::new();
        let Ok(()) = record.data().compose_rdata(&mut rdata);
        let owner: Vec<u8> = record.owner().to_vec().into_octets();
        let rtype = match record.data() {
            ZoneRecordData::Unknown(data) => data.rtype().to_int(),
            _ => record.rtype().to_int(),
        };
        records.push((owner.to_ascii_lowercase(), record.ttl().as_secs(), rtype, rdata));
    }
    records
}

#[test]
fn agrees_with_another_reader() {
    let text = "$TTL 3600\n\
        @ IN SOA ns.example.com. mail\\.box.example.com. ( 1 ; serial\n 7200 900 1209600 300 )\n\
        \x20 NS ns\n NS ns.example.net.\n MX 10 mail\n TXT \"a b\" c \"d\\\"e\\059\"\n\
        ns 60 IN A 192.0.2.1\nns IN 60 AAAA 2001:db8::1\n$ORIGIN sub.example.com.\n\
        _s._tcp SRV 1 2 3 host\nhost HINFO \"c p u\" os\n CAA 0 issue \"ca.example; x=y\"\n\
        c CNAME Host\nd DNAME e.example.org.\np PTR q\nr RP s t\n\
        n NAPTR 100 50 \"s\" \"z3950+I2L+I2C\" \"\" _z3950._tcp\n\
        t TLSA 3 1 1 0123456789abcdef0123456789abcdef 0123456789abcdef0123456789ABCDEF\n\
        f SSHFP 4 2 (123456789abcdef67890123456789abcdef67890\n 123456789abcdef123456789)\n\
        k DNSKEY 256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3 Cbl+BBZH4b==\n\
        ds DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118\n\
        x TYPE65534 \\# 3 01 02 03\n";
    let (zone, report) = read_with(text, &[]);
    assert_eq!(report, Report::default());
    let ours: Vec<_> = zone
        .records
        .iter()
        .map(|record| {
            (record.owner.as_wire().to_vec(), record.ttl_s, record.rtype.0, record.rdata.to_vec())
        })
        .collect();
    assert_eq!(ours, read_by_domain(text));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        pieces in proptest::collection::vec(
            prop_oneof![
                "[ -~\\n\\té]{0,12}",
                proptest::sample::select(vec![
                    "\n", " ", "@ ", "a ", "1 ", "IN ", "A ", "TXT ", "SVCB ", "LOC ", "APL ", "NAPTR ", "\\# ",
                    "( ", ") ", "\"",
                    "$TTL ", "$ORIGIN ", "$INCLUDE ", "$GENERATE ", "1-9 ", "${0,1,n}", "1:10.0.0.0/8 ", "alpn=h2 ",
                    "NSEC3 ",
                    "RRSIG ", "CAA ", "IPSECKEY ", "CSYNC ", "51 30 N 0 7 W 1m ", "192.0.2.1\n", "ab", "\\065",
                ]).prop_map(str::to_owned),
            ],
            0..40,
        ),
    ) {
        let text = pieces.concat();
        let (zone, report) = read_with(&text, &[("zones/a", "b 1 A 192.0.2.1\n")]);
        for finding in &report.findings {
            if let Some(place) = &finding.place {
                prop_assert!(place.source.text.get(place.span.clone()).is_some(), "{} in {:?}", finding, text);
            }
        }
        for record in &zone.records {
            prop_assert!(record.rdata.len() <= RDATA_BYTES_MAX);
            prop_assert!(record.place.source.text.get(record.place.span.clone()).is_some());
        }
    }

    #[test]
    fn any_rdata_comes_back_from_its_generic_form(
        rtype in 1u16..300,
        rdata in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let hex: String = rdata.iter().map(|octet| format!("{octet:02x}")).collect();
        let (zone, report) = read_with(&format!("a 1 TYPE{rtype} \\# {} {hex}", rdata.len()), &[]);
        match &zone.records[..] {
            [record] => prop_assert_eq!(&*record.rdata, &rdata[..]),
            _ => prop_assert!(report.has_errors()),
        }
    }
}
