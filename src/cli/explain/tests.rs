//! How an explanation reads.

use super::*;
use crate::control::explain::Answer;

fn endpoint(name: &str, standing: &str, because: &str, share: Option<f64>) -> EndpointView {
    EndpointView {
        fallback: None,
        endpoint: name.to_owned(),
        address: Some(IpAddr::from([127, 1, 1, 1])),
        weight: 2,
        standing: standing.to_owned(),
        because: because.to_owned(),
        weight_now: 2.0,
        weight_because: Vec::new(),
        share,
    }
}

fn site(name: &str, km: u32, level: &str, endpoints: Vec<EndpointView>) -> SiteView {
    SiteView {
        site: name.to_owned(),
        title: name.to_uppercase(),
        distance_km: Some(km),
        level: level.to_owned(),
        serves: level == "trusted",
        admission: 1.0,
        takes: true,
        note: None,
        endpoints,
    }
}

fn steering() -> Steering {
    let down = |name| endpoint(name, "down", "supposed down", None);
    let up = endpoint("iad-1", "up", "check web at 127.1.2.1:18021: 200", Some(1.0));
    let card = CardView { endpoints: vec!["iad-1".to_owned()], probability: 1.0, drawn: true };
    Steering {
        owner: "www.example.com.".to_owned(),
        pool: "web".to_owned(),
        method: "weighted".to_owned(),
        family: "A".to_owned(),
        rule: Some(2),
        matched: "geo EU → fra, iad, then by distance".to_owned(),
        class: 3,
        sites: vec![
            site("fra", 290, "dead", vec![down("fra-1"), down("fra-2")]),
            site("iad", 6540, "trusted", vec![up]),
        ],
        decision: "iad: the first site in order that has enough up".to_owned(),
        deck: vec![card],
        ttl_s: 30,
        scope_bits: 10,
        scope_reason: "the shortest prefix around the client that is all of class 3".to_owned(),
    }
}

fn explanation() -> Explanation {
    Explanation {
        name: "www.example.com.".to_owned(),
        rtype: "A".to_owned(),
        zone: Some("example.com.".to_owned()),
        aliases: Vec::new(),
        client: ClientPlace {
            placed_by: IpAddr::from([84, 128, 0, 0]),
            known_from: "client subnet".to_owned(),
            network: "84.128.0.0/10".to_owned(),
            place: Some("EU-DE".to_owned()),
            coordinates_deg: Some([51.1, 10.4]),
            asn: None,
            source: "world.mmdb".to_owned(),
        },
        steering: vec![steering()],
        answer: Answer {
            rcode: "NOERROR".to_owned(),
            reason: "steered".to_owned(),
            records: vec!["www.example.com. 30 IN A 127.1.1.1".to_owned()],
            scope_bits: Some(10),
            bytes: 71,
        },
    }
}

#[test]
fn what_weighs_less_and_who_takes_a_part_is_told() {
    let mut explanation = explanation();
    let site = &mut explanation.steering[0].sites[1];
    site.note =
        Some("takes 50 % of the client networks that come to it; this one among them".into());
    site.endpoints[0].weight_now = 0.5;
    site.endpoints[0].weight_because = vec!["slow start: 25 % of its weight".into()];
    let client = "84.128.0.1".parse().expect("a client");
    let text = as_text(&explanation, client, Palette::PLAIN);
    for part in [
        "shared   iad takes 50 % of the client networks that come to it; this one among them\n",
        "0.5 of 2  100.0 %  up        check web at 127.1.2.1:18021: 200\n",
        "   slow start: 25 % of its weight\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn a_page_says_all_of_it() {
    let client = "84.128.0.1".parse().expect("a client");
    let text = as_text(&explanation(), client, Palette::PLAIN);
    for part in [
        "www.example.com. A for a client in 84.128.0.0/24\n",
        "84.128.0.0 by client subnet: EU-DE, 51.10 10.40, says world.mmdb of 84.128.0.0/10\n",
        "rule 2, geo EU → fra, iad, then by distance (class 3)\n",
        "  1. fra FRA  290 km, dead",
        "supposed down\n",
        "100.0 %  up",
        "100.0 %  iad-1   this time\n",
        "NOERROR (steered), scope /10, 71 bytes\n",
    ] {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}
