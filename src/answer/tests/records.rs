//! Which records stand in an answer, where steering and static data meet: additional data, aliases, ANY, glue.

use super::*;
use std::sync::LazyLock;

/// Three endpoints at one site, each with both families, taking turns.
pub(super) fn both_families() -> Arc<Pool> {
    let mut pool = Arc::unwrap_or_clone(pool("turn6", Method::RoundRobin, OnAllDown::All));
    pool.endpoints = [1, 2, 3]
        .map(|last| {
            Arc::new(Endpoint {
                aaaa: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into())),
                ..endpoint(format!("both-{last}"), Arc::new(site("fra")), last, 1)
            })
        })
        .into();
    Arc::new(pool)
}

/// The additional section, `owner type data` each, the zone's name left out.
fn extras(message: &Message) -> Vec<String> {
    let shown = |record: &hickory_proto::rr::Record| {
        format!("{} {} {}", record.name, record.record_type(), record.data)
            .replace(".example.com.", "")
    };
    message.additionals.iter().map(shown).collect()
}

#[test]
fn additional_data_by_type() {
    let snapshot = snapshot(&[]);
    let check = |text: &str, rtype, expected: &[&str]| {
        let (outcome, response) =
            ask(&snapshot, &query(text, rtype, None), &client("203.0.5.1", 0));
        assert!(!outcome.truncated);
        let message = Message::from_vec(&response).expect("another decoder reads it too");
        assert_eq!(extras(&message), expected, "{text} {rtype}");
    };
    check("example.com.", "MX", &["www A 192.0.2.20", "www AAAA 2001:db8::14"]);
    check("svc", "HTTPS", &["svc A 192.0.2.9"]);
    // "." is the owner, be it by a wildcard and steered; in alias mode it is nobody (RFC 9460 §2.5).
    check("x.apps", "HTTPS", &["x.apps A 192.0.2.20", "x.apps AAAA 2001:db8::14"]);
    check("nobody", "HTTPS", &[]);
    // RFC 9460 §4.1: the target's service records come along.
    check("mirror", "HTTPS", &["web HTTPS 1 www alpn=h2,"]);
    // A target may be a name that a wildcard stands for.
    check("to-apps", "MX", &["mx.apps A 192.0.2.20", "mx.apps AAAA 2001:db8::14"]);
}

#[test]
fn both_families_of_one_answer_take_the_same_turn() {
    let snapshot = snapshot(&[]);
    let mut scratch = Scratch::default();
    let mut out = [0; 512];
    // Questions for one family in between must not get the two out of step.
    for step in 0..6 {
        for _ in 0..step {
            answer(
                &snapshot,
                &mut scratch,
                &query("turn6", "AAAA", None),
                &client("192.0.2.1", 7),
                &mut out,
            );
        }
        let outcome = answer(
            &snapshot,
            &mut scratch,
            &query("to-turn6", "SRV", None),
            &client("192.0.2.1", 7),
            &mut out,
        );
        let message =
            Message::from_vec(&out[..outcome.bytes]).expect("another decoder reads it too");
        let data: Vec<String> =
            message.additionals.iter().map(|record| record.data.to_string()).collect();
        let last = |text: &str, radix| {
            let digits = text.rsplit(['.', ':']).next().expect("an address");
            u8::from_str_radix(digits, radix).expect("a number")
        };
        assert_eq!(last(&data[0], 10), last(&data[1], 16), "{data:?}");
    }
}

#[test]
fn everything_is_told_in_brief() {
    let snapshot = snapshot(&[]);
    let check = |text, expected: &str| assert_eq!(told(&snapshot, text, "ANY", None), expected);
    check("host", "any: HINFO RFC8482 ");
    check("www", "any: HINFO RFC8482 ");
    check("alias", "any: CNAME www");
    // What the name has of the very type must not be hidden by what is made up.
    check("machine", "any: HINFO PC OS");
    check("deep.ent", "nodata: ");
}

#[test]
fn aliases_that_leave_or_come_round() {
    let snapshot = snapshot(&[]);
    let check = |text, expected: &str, servers: usize, glue: usize| {
        let (outcome, response) = ask(&snapshot, &query(text, "A", None), &client("192.0.2.1", 0));
        assert_eq!(
            (outcome.rcode, response[2] & 4),
            (rcode::NOERROR, 4),
            "authoritative for the question's name"
        );
        assert_eq!(told(&snapshot, text, "A", None), expected);
        let message = Message::from_vec(&response).expect("another decoder reads it too");
        assert_eq!(
            (message.authorities.len(), message.additionals.len()),
            (servers, glue),
            "{text}"
        );
    };
    check("far", "alias: CNAME www.elsewhere.", 0, 0);
    check("loop1", "alias: CNAME loop2, CNAME loop1", 0, 0);
    // RFC 1034 §4.3.2 step 3b holds after an alias too.
    check("to-sub", "alias: CNAME x.sub", 2, 2);
    let walk = told(&snapshot, "a.walk", "A", None);
    let count = |rtype| walk.matches(rtype).count();
    assert_eq!((count("DNAME"), count("CNAME")), (2, 2), "{walk}");
}

/// The zone of these tests and more, nothing steered.
fn snapshot_of(more: &str) -> Snapshot {
    let mut report = Report::default();
    let source = Source::new("example.com.zone", format!("{ZONE}{more}"));
    let origin = name("@");
    let mut no_file = |_: &_| Err(std::io::ErrorKind::NotFound.into());
    let read = text::read_str(source, &origin, &mut no_file, &mut report);
    assert!(!report.has_errors(), "{report:?}");
    let zone = Arc::new(Zone::build(&origin, &read.records, &[]).expect("small enough"));
    let input = ZoneInput { zone, names: Arc::new([]) };
    let mut atlas = Atlas::new(Arc::new(world()));
    let catalog = Catalog::compile(&[input], &mut atlas, Settings::default(), None);
    Snapshot::new(1, Arc::new(catalog), &Health(BTreeMap::new()))
}

#[test]
fn glue_is_whole_or_the_referral_is_cut() {
    let server = |at: u8| format!("big NS n{at}.big\nn{at}.big A 192.0.2.{at}\n");
    let snapshot = snapshot_of(&(0..40).map(server).collect::<String>());
    let check = |transport, truncated, glue: usize| {
        let client = Client { transport, ..client("192.0.2.1", 0) };
        let (outcome, response) = ask(&snapshot, &query("x.big", "A", None), &client);
        assert_eq!(outcome.truncated, truncated, "{transport}");
        let message = Message::from_vec(&response).expect("another decoder reads it too");
        assert_eq!(message.additionals.len(), glue, "{transport}");
    };
    check(Transport::Tcp, false, 40);
    // The servers alone do not fit: what would still fit of their addresses is not sent.
    check(Transport::Udp, true, 0);
}

#[test]
fn large_sets_are_whole_or_cut() {
    let exchange = |at: usize| format!("many MX {at} host-{at}.department-{at}.elsewhere.\n");
    let address = |at: usize| format!("more A 10.0.{}.{}\n", at / 256, at % 256);
    let text: String = (0..1000).map(exchange).chain((0..4200).map(address)).collect();
    let snapshot = snapshot_of(&text);
    let tcp = Client { transport: Transport::Tcp, ..client("192.0.2.1", 0) };
    // Past 16 KiB no pointer reaches (RFC 1035 §4.1.4).
    let (outcome, response) = ask(&snapshot, &query("many", "MX", None), &tcp);
    assert!(!outcome.truncated && response.len() > 0x4000);
    let message = Message::from_vec(&response).expect("another decoder reads it too");
    let exchanges = message.answers.iter().enumerate();
    for (at, record) in exchanges {
        assert_eq!(record.data.to_string(), format!("{at} host-{at}.department-{at}.elsewhere."));
    }
    assert_eq!(message.answers.len(), 1000);
    // 4200 addresses are more than 64 KiB.
    let (outcome, response) = ask(&snapshot, &query("more", "A", None), &tcp);
    assert!(outcome.truncated && response.len() < 100);
}

proptest::proptest! {
    /// RFC 7871 §7.2.1: family, source and address come back as sent, and the scope is a prefix of that family.
    #[test]
    fn a_client_subnet_is_echoed_bit_for_bit(
        address: [u8; 16],
        family in 0..3_u8,
        bits in 0..=128_u8,
        which in 0..6_usize,
    ) {
        static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| snapshot(&[]));
        let bits_max = [0, 32, 128][usize::from(family)];
        let bits = bits.min(bits_max);
        let mut sent = address[..usize::from(bits).div_ceil(8)].to_vec();
        if let Some(last) = sent.last_mut().filter(|_| !bits.is_multiple_of(8)) {
            *last &= 0xff << (8 - bits % 8);
        }
        let mut message = query(["www", "hash", "host", "none", "fenced", "web"][which], "A", None);
        let option_bytes = 4 + sent.len() as u8;
        message[11] = 1;
        message.extend_from_slice(&[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 4 + option_bytes, 0, 8, 0, option_bytes]);
        message.extend_from_slice(&[0, family, bits, 0]);
        message.extend_from_slice(&sent);
        let (outcome, response) = ask(&SNAPSHOT, &message, &client("203.0.5.1", 0));
        let scope_bits = outcome.scope_bits.expect("the resolver is trusted");
        let option = [&[0, 8, 0, option_bytes, 0, family, bits, scope_bits][..], &sent].concat();
        proptest::prop_assert!(response.ends_with(&option), "{response:02x?}");
        let scope_bits_max = if bits == 0 { 0 } else { bits_max };
        proptest::prop_assert!(scope_bits <= scope_bits_max);
    }
}
