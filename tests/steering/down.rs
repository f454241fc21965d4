//! Endpoints that are pinned down or drained: who serves then, and what is said when nobody can.

use crate::bulk::{ask_all, leads, listed, repeated};
use crate::case::{Case, ask, ask_for, check};
use crate::kit::types::*;
use crate::world::{crowd, pin, start};

fn zone() -> String {
    let pair =
        |name: &str, settings: &str| crowd(name, &[1, 1], &format!("answers = 2\n{settings}"));
    let pools = [
        pair("open", ""),
        pair("nodata", "on_all_down = \"nodata\""),
        pair("servfail", "on_all_down = \"servfail\""),
        pair("last-good", "on_all_down = \"last-good\""),
        pair("first", "fallback = \"second\""),
        r#"
[pools.second]
on_all_down = "servfail"
endpoints = [ { site = "syd", a = "192.0.2.201", aaaa = "2001:db8::201" }, { site = "iad", a = "192.0.2.202" } ]

[pools.share]
answers = 3
min_up = 0.5
endpoints = [
  { site = "fra", a = "192.0.2.111", aaaa = "2001:db8::111", weight = 3 },
  { site = "fra", a = "192.0.2.112", weight = 1 },
  { site = "fra", a = "192.0.2.113", aaaa = "2001:db8::113", weight = 0 },
  { site = "iad", a = "192.0.2.121", aaaa = "2001:db8::121" },
]

[pools.lenient]
min_up = 0.0
answers = 3
endpoints = [
  { site = "fra", a = "192.0.2.111", weight = 9 },
  { site = "fra", a = "192.0.2.112", weight = 1 },
  { site = "iad", a = "192.0.2.121" },
]
"#
        .to_owned(),
    ];
    let names = ["open", "nodata", "servfail", "last-good", "first", "share", "lenient"];
    let names = names.map(|name| format!("[names.{name}]\npool = \"{name}\"\nttl = 30\n"));
    [pools.concat(), names.concat()].concat()
}

/// A client in Germany, whom fra serves first.
fn german(name: &str, rtype: u16, scope: u8) -> Case {
    ask_for(name, rtype, "20.1.0.0/24", scope)
}

const BOTH: &str = "192.0.2.101 192.0.2.102";

#[test]
fn what_is_answered_when_all_are_down() {
    let server = start(&zone());
    let failure = |case: Case| case.rcode(SERVFAIL).without_authority().counted("down-servfail");
    let up = ["open", "nodata", "servfail", "last-good"].map(|name| ask(name, A).gets(BOTH));
    check(&server, &up);
    check(&server, &[german("first", A, 14).gets(BOTH)]);
    // The last that was good is what was good before the rest went too.
    pin(&server, &[r#"endpoint = "fra-2", state = "down""#]);
    check(&server, &[ask("last-good", A).gets("192.0.2.101")]);
    let all = ["open", "nodata", "servfail", "last-good", "first"];
    let all = all.map(|pool| format!("pool = \"{pool}\", state = \"down\""));
    let all = all.each_ref().map(String::as_str);
    pin(&server, &all);
    let cases = [
        ask("open", A).gets(BOTH).counted("fail-open"),
        ask("open", AAAA).gets("2001:db8::101 2001:db8::102").counted("fail-open"),
        ask("nodata", A).nothing("down-nodata"),
        ask("nodata", AAAA).nothing("down-nodata"),
        ask_for("nodata", A, "20.1.0.0/24", 0).nothing("down-nodata"),
        ask("nodata", MX).nothing("nodata"),
        failure(ask("servfail", A)),
        failure(ask_for("servfail", A, "20.1.0.0/24", 0)),
        ask("last-good", A).gets("192.0.2.101").counted("fail-open"),
        // The fallback's own sites, by the name's own route.
        german("first", A, 14).gets("192.0.2.202").counted("fallback"),
        ask_for("first", A, "70.0.0.0/24", 16).gets("192.0.2.201").counted("fallback"),
        german("first", AAAA, 14).gets("2001:db8::201").counted("fallback"),
    ];
    check(&server, &cases);
    let fallback_too = [&all[..], &[r#"pool = "second", state = "down""#]].concat();
    pin(&server, &fallback_too);
    check(&server, &[failure(german("first", A, 14))]);
    pin(&server, &[]);
    check(&server, &up);
}

#[test]
fn too_little_up_sends_clients_to_the_next_site() {
    let server = start(&zone());
    let share = |rtype| german("share", rtype, 14);
    check(&server, &[share(A).gets("192.0.2.111 192.0.2.112"), share(AAAA).gets("2001:db8::111")]);
    // A quarter of the weight is missing, less than half.
    pin(&server, &[r#"endpoint = "fra-2", pool = "share", state = "down""#]);
    check(&server, &[share(A).gets("192.0.2.111"), share(AAAA).gets("2001:db8::111")]);
    // Three quarters are.
    pin(&server, &[r#"endpoint = "fra-1", pool = "share", state = "down""#]);
    check(&server, &[share(A).gets("192.0.2.121"), share(AAAA).gets("2001:db8::121")]);
    // But only if the next site is better. In AAAA nothing with a weight is up.
    let no_next = [
        r#"endpoint = "fra-1", pool = "share", state = "down""#,
        r#"site = "iad", state = "down""#,
    ];
    pin(&server, &no_next);
    let cases = [
        share(A).gets("192.0.2.112").counted("degraded"),
        share(AAAA).gets("2001:db8::113").counted("degraded"),
    ];
    check(&server, &cases);
    // Weight 0 serves when nothing else is left.
    let only_zero = [&no_next[..], &[r#"endpoint = "fra-2", pool = "share", state = "down""#]];
    pin(&server, &only_zero.concat());
    check(&server, &[share(A).gets("192.0.2.113").counted("degraded")]);
    // What is drained is out on purpose, and not missed.
    pin(&server, &[r#"endpoint = "fra-1", pool = "share", state = "drain""#]);
    check(&server, &[share(A).gets("192.0.2.112")]);
    // A pool may content itself with anything.
    pin(&server, &[r#"endpoint = "fra-1", pool = "lenient", state = "down""#]);
    check(&server, &[german("lenient", A, 14).gets("192.0.2.112")]);
}

#[test]
fn a_flip_changes_answers_for_the_clients_of_its_site_only() {
    let server = start(&zone());
    let elsewhere = ask_for("share", A, "40.0.0.0/24", 10).gets("192.0.2.121");
    check(&server, std::slice::from_ref(&elsewhere));
    pin(&server, &[r#"endpoint = "fra-1", pool = "share", state = "down""#]);
    check(&server, std::slice::from_ref(&elsewhere));
    // Of a crowd, the others keep their shares.
    pin(&server, &[r#"endpoint = "fra-2", pool = "open", state = "drain""#]);
    let replies = ask_all(&server, &repeated("open", A, 200));
    assert!(listed(&replies).iter().all(|data| data == &["192.0.2.101"]), "{:?}", leads(&replies));
}
