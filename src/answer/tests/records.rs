//! Which records stand in an answer, where steering and static data meet: additional data, aliases, ANY, glue.

use super::*;

/// Three endpoints at one site, each with both families, taking turns.
pub(super) fn both_families() -> Arc<Pool> {
    let mut pool = Arc::unwrap_or_clone(pool("turn6", Method::RoundRobin, OnAllDown::All));
    pool.endpoints = [1, 2, 3]
        .map(|last| {
            Arc::new(Endpoint {
                name: format!("both-{last}"),
                site: site("fra"),
                a: Some(Ipv4Addr::new(192, 0, 2, last)),
                aaaa: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into())),
                weight: 1,
                probe_a: None,
                probe_aaaa: None,
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

#[test]
fn glue_is_whole_or_the_referral_is_cut() {
    let servers: String =
        (0..40).map(|at| format!("big NS n{at}.big\nn{at}.big A 192.0.2.{at}\n")).collect();
    let mut report = Report::default();
    let source = Source::new("example.com.zone", format!("{ZONE}{servers}"));
    let origin = name("@");
    let read = text::read_str(
        source,
        &origin,
        &mut |_| Err(std::io::ErrorKind::NotFound.into()),
        &mut report,
    );
    let zone = Arc::new(Zone::build(&origin, &read.records, &[]).expect("small enough"));
    let input = ZoneInput { zone, names: Arc::new([]) };
    let mut atlas = Atlas::new(Arc::new(world()));
    let catalog = Catalog::compile(&[input], &mut atlas, Settings::default(), None);
    let snapshot = Snapshot::new(1, Arc::new(catalog), &Health(BTreeMap::new()));
    let check = |ecs, transport, truncated, glue: usize| {
        let client = Client { transport, ..client("192.0.2.1", 0) };
        let (outcome, response) = ask(&snapshot, &query("x.big", "A", ecs), &client);
        assert_eq!(outcome.truncated, truncated, "{transport}");
        let message = Message::from_vec(&response).expect("another decoder reads it too");
        assert_eq!(message.additionals.len(), glue, "{transport}");
    };
    check(None, Transport::Tcp, false, 40);
    // The servers alone do not fit: what would still fit of their addresses is not sent.
    check(None, Transport::Udp, true, 0);
}
