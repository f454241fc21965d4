//! Explanations of the shipped configuration, held against the answer that they come with.

use super::*;
use crate::control::loader::Loader;
use crate::control::testing::{Scene, at};
use crate::health::Outcome;
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
    let down = down.iter().map(|name| name.parse().expect("a name of something")).collect();
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

/// A client in one of many networks asks for what stands behind directors.
fn lvs(network: u8) -> Question {
    Question {
        name: Name::parse("lvs.example.com", None).expect("a name"),
        rtype: Rtype::A,
        client: [11, 22, network, 0].into(),
        client_bits: 24,
        resolver: None,
        random: 0,
    }
}

/// Who is sent on, and why, as the sites' notes, the decision and the scope say it.
#[test]
fn a_part_of_the_clients_is_sent_on_and_told() {
    let mut scene = Scene::with_directors(10);
    scene.hear(&["web2", "web3"], 100, 20);
    let now = scene.knowledge.at(at(20));
    let snapshot = scene.snapshot(20);
    let (mut stays, mut goes) = (0, 0);
    for network in 0..200_u8 {
        let question = lvs(network);
        let explanation = explain_snapshot(&snapshot, &now, &question);
        let [step] = &explanation.steering[..] else { panic!("one step") };
        assert_eq!((step.sites[0].site.as_str(), step.sites[0].admission), ("fra", 0.5));
        let note = step.sites[0].note.as_deref().expect("a note");
        let part = "takes 50 % of the client networks that come to it; ";
        let rest = note.strip_prefix(part).expect(note);
        if step.sites[0].serves {
            stays += 1;
            assert_eq!((rest, step.sites[0].takes), ("this one among them", true));
            assert_eq!(step.decision, "fra: first choice, and enough of it is up");
        } else {
            goes += 1;
            assert_eq!((rest, step.sites[0].takes), ("this one goes on to iad", false));
            assert_eq!(
                step.decision,
                "iad: the first site in order that has enough up and takes this client's network; of the networks \
                 that come to it, fra takes 50 %, and not this one"
            );
        }
        assert_eq!(step.sites[1].note, None);
        let endpoint = &step.sites[0].endpoints[0];
        assert_eq!((endpoint.weight, endpoint.weight_now), (4, 2.0));
        assert_eq!(endpoint.weight_because, ["2 of 3 real servers live: 50 % of the weight"]);
        assert_eq!(step.scope_bits, 24);
        let scope = "sites may take a part of their clients' networks only, so the answer holds for that network";
        assert_eq!(step.scope_reason, scope);
    }
    assert!(stays > 60 && goes > 60, "{stays} stay, {goes} go on");
}

#[test]
fn whom_no_site_takes_is_told_so() {
    let mut scene = Scene::with_directors(10);
    scene.hear(&["web2", "web3"], 100, 20);
    scene.probe("lvs-iad", Outcome::Failure("refused".to_owned()), 21);
    scene.step(21);
    let now = scene.knowledge.at(at(21));
    let snapshot = scene.snapshot(21);
    let told = (0..50_u8).map(|network| {
        let question = lvs(network);
        let step = explain_snapshot(&snapshot, &now, &question).steering.remove(0);
        assert!(step.sites[0].serves);
        (step.sites[0].takes, step.sites[0].note.clone().unwrap_or_default(), step.decision)
    });
    let (_, note, decision) =
        told.into_iter().find(|(takes, ..)| !takes).expect("one is not taken");
    assert!(note.ends_with("; not this one, but neither does any other site"), "{note}");
    assert_eq!(
        decision,
        "fra: of the client networks that come to them, fra takes 50 %, and none of them this one: such are spread \
         over all in proportion to their room"
    );
}

#[test]
fn without_a_server_directors_are_as_their_probes_left_them() {
    let mut scene = Scene::with_directors(10);
    let told = |scene: &Scene| {
        let supposed = Supposed {
            verdicts: scene.knowledge.verdicts.clone(),
            overrides: scene.knowledge.overrides.clone(),
            down: Vec::new(),
            at: at(100),
        };
        let question = lvs(33);
        let step = explain(&scene.load.catalog, &supposed, &question).steering.remove(0);
        let endpoint = |site: usize| step.sites[site].endpoints[0].clone();
        [endpoint(0), endpoint(1)]
    };
    let [fra, iad] = told(&scene);
    let lost = "own probes of the real servers decide, as the feed is not heard: only the running server asks it";
    assert_eq!(
        (&*fra.standing, fra.weight_now, fra.weight_because),
        ("up", 4.0, vec![lost.to_owned()])
    );
    assert_eq!((&*iad.standing, iad.weight_now, iad.weight_because.len()), ("up", 4.0, 0));
    scene.probe_real("iad-web1", Outcome::Failure("refused".to_owned()), 20);
    let [_, iad] = told(&scene);
    assert_eq!(iad.standing, "down");
    assert!(
        iad.because.starts_with("director lvs-iad: 0 of 1 real servers live"),
        "{}",
        iad.because
    );
    scene.knowledge.verdicts = crate::health::Table::default();
    let [fra, iad] = told(&scene);
    assert_eq!([&*fra.standing, &*iad.standing], ["up", "up"]);
    assert_eq!(iad.because, "check web: no verdict here, taken for up");
}
