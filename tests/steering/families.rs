//! A and AAAA of one answer where it is not luck alone that chooses: turns, and endpoints without one of the families.

use crate::bulk::ask_all;
use crate::kit::Query;
use crate::kit::types::*;
use crate::names::endpoint;
use crate::world::{crowd, start};

fn zone() -> String {
    let ragged = r#"
[pools.ragged]
answers = 1
endpoints = [
  { site = "fra", a = "192.0.2.101", aaaa = "2001:db8::101" },
  { site = "fra", a = "192.0.2.102", aaaa = "2001:db8::102" },
  { site = "fra", a = "192.0.2.103" },
]

[names.ragged]
pool = "ragged"
ttl = 30

[names.turn]
pool = "turn"
ttl = 30
"#;
    [&*crowd("turn", &[1, 1, 1], "answers = 1\nmethod = \"round-robin\""), ragged].concat()
}

#[test]
fn an_endpoint_of_both_families_is_handed_out_in_both() {
    let server = start(&zone());
    let query = |_| Query::new("raggeds.example.com", MX);
    let replies = ask_all(&server, &(0..600).map(query).collect::<Vec<_>>());
    let differ = replies.iter().filter(|reply| {
        let [a, aaaa] = &reply.additional[..] else { panic!("{reply:?}") };
        // 103 has no AAAA.
        endpoint(&a.data) != "103" && endpoint(&a.data) != endpoint(&aaaa.data)
    });
    assert_eq!(differ.count(), 0, "answers of two endpoints that both have both");
}

/// Where the families have been asked for unequally often before.
#[test]
fn both_families_of_one_answer_take_the_same_turn() {
    let server = start(&zone());
    let queries = [("turns", MX), ("turn", A), ("turns", MX), ("turn", AAAA), ("turn", AAAA)];
    let query = |(name, rtype)| Query::new(&format!("{name}.example.com"), rtype);
    let queries: Vec<Query> = queries.into_iter().cycle().take(100).map(query).collect();
    let replies = ask_all(&server, &queries);
    let pairs = replies.iter().filter(|reply| !reply.additional.is_empty());
    let differ = pairs.clone().filter(|reply| {
        let [a, aaaa] = &reply.additional[..] else { panic!("{reply:?}") };
        endpoint(&a.data) != endpoint(&aaaa.data)
    });
    assert_eq!((pairs.count(), differ.count()), (40, 0), "with both, and of two endpoints");
}
