//! Explanations of the shipped configuration, held against the answer that they come with.

use super::*;
use crate::control::loader::Loader;
use std::path::Path;
use std::sync::LazyLock;

/// What the shipped configuration serves; compiled once, since the world takes a moment.
static SHIPPED: LazyLock<Arc<Catalog>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fingerpost.toml");
    Loader::new(&path).load().unwrap_or_else(|report| panic!("{report:?}")).catalog
});

fn explained(name: &str, rtype: &str, client: &str, down: &[&str]) -> Explanation {
    let (address, bits) = client.split_once('/').expect("address/bits");
    let question = Question {
        name: Name::parse(name, None).expect("a name"),
        rtype: rtype.parse().expect("a type"),
        client: address.parse().expect("an address"),
        client_bits: bits.parse().expect("bits"),
        resolver: Some("192.0.2.53".parse().expect("an address")),
        random: 0,
    };
    let down = down.iter().map(ToString::to_string).collect();
    explain(&SHIPPED, &Supposed { down, ..Supposed::default() }, &question)
}

/// `rule matched-word | order of sites | who serves | scope`.
fn told(explanation: &Explanation) -> String {
    let [step] = &explanation.steering[..] else { panic!("one steering step: {explanation:?}") };
    let word = step.matched.split([' ', ':']).next().unwrap_or_default();
    let rule = step.rule.map_or("-".to_owned(), |rule| rule.to_string());
    let order: Vec<&str> = step.sites.iter().map(|site| &*site.site).collect();
    let serves: Vec<&str> =
        step.sites.iter().filter(|site| site.serves).map(|site| &*site.site).collect();
    format!("{rule} {word} | {} | {} | /{}", order.join(" "), serves.join(" "), step.scope_bits)
}

#[test]
fn the_reasons_are_those_of_the_route_and_of_health() {
    let check = |name: &str, rtype: &str, client: &str, down: &[&str], expected: &str| {
        assert_eq!(
            told(&explained(name, rtype, client, down)),
            expected,
            "{name} {rtype} {client} {down:?}"
        );
    };
    check("www.example.com", "A", "84.128.0.0/24", &[], "2 geo | fra iad sin | fra | /10");
    check("www.example.com", "AAAA", "84.128.0.0/24", &[], "2 geo | fra iad sin | fra | /10");
    // 11.0.0.0/8 is in the US, and so in the same class.
    check("www.example.com", "A", "10.1.2.0/24", &[], "1 subnet | iad fra sin | iad | /7");
    check("www.example.com", "A", "84.128.0.0/24", &["fra"], "2 geo | fra iad sin | iad | /10");
    check(
        "www.example.com",
        "A",
        "84.128.0.0/24",
        &["fra-1", "fra-2"],
        "2 geo | fra iad sin | iad | /10",
    );
    check(
        "www.example.com",
        "A",
        "84.128.0.0/24",
        &["web/fra-2"],
        "2 geo | fra iad sin | fra | /10",
    );
    // Who hides is placed by the resolver, of which nothing is known, and the answer is for everybody.
    check("www.example.com", "A", "0.0.0.0/0", &[], "- no | fra iad sin | fra | /0");
}

#[test]
fn the_card_that_is_marked_is_the_answer() {
    for (name, client, down) in [
        ("www.example.com", "84.128.0.0/24", None),
        ("x.apps.example.com", "153.128.0.0/24", None),
        ("api.example.com", "84.128.0.0/24", None),
        ("www.example.com", "84.128.0.0/24", Some("fra")),
    ] {
        let explanation = explained(name, "A", client, down.as_slice());
        let step = &explanation.steering[0];
        let drawn = step.deck.iter().find(|card| card.drawn).expect("a card is drawn");
        let endpoints =
            step.sites.iter().filter(|site| site.serves).flat_map(|site| &site.endpoints);
        let by_name: Vec<(&str, String)> = endpoints
            .filter_map(|endpoint| Some((&*endpoint.endpoint, endpoint.address?.to_string())))
            .collect();
        let address = |name: &String| {
            by_name.iter().find(|(known, _)| known == name).map(|(_, address)| address)
        };
        let expected: Vec<&String> = drawn.endpoints.iter().filter_map(address).collect();
        let records = &explanation.answer.records;
        let answered: Vec<&str> =
            records.iter().filter_map(|record| record.rsplit(' ').next()).collect();
        assert_eq!(answered, expected, "{name} {client} {down:?}");
        let chances: f64 = step.deck.iter().map(|card| card.probability).sum();
        assert!((chances - 1.0).abs() < 1e-6, "{chances}");
        assert_eq!(explanation.answer.scope_bits, Some(step.scope_bits));
    }
}

#[test]
fn plain_data_has_no_steering_and_no_zone_is_said() {
    let plain = explained("ns1.example.com", "A", "84.128.0.0/24", &[]);
    assert!(plain.steering.is_empty());
    assert_eq!((plain.answer.rcode.as_str(), plain.answer.reason.as_str()), ("NOERROR", "static"));
    let nowhere = explained("www.example.org", "A", "84.128.0.0/24", &[]);
    assert_eq!((nowhere.zone, nowhere.answer.rcode.as_str()), (None, "REFUSED"));
}
