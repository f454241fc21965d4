//! Names as they are given, and whom they mean.

use super::super::testing;
use super::*;
use crate::health::overrides::{Action, Pin};
use std::sync::Arc;

#[test]
fn names_as_they_are_given() {
    let check = |text: &str, expected: Option<&str>| {
        let wanted: Option<Wanted> = text.parse().ok();
        assert_eq!(wanted.map(|wanted| wanted.to_string()).as_deref(), expected, "{text}");
    };
    for same in
        ["fra", "site:fra", "pool:web@example.com", "web/fra-1", "*/fra-1@*", "endpoint:fra-1"]
    {
        check(same, Some(same));
    }
    check("endpoint:web/fra-1", Some("web/fra-1"));
    check("fra@Example.COM.", Some("fra@example.com"));
    for wrong in ["", "site:", "web/", "city:fra", "site:web/fra", "fra@a..b"] {
        check(wrong, None);
    }
}

#[test]
fn what_is_meant_or_which_it_could_be() {
    let fixture = testing::two_zones();
    let check = |text: &str, expected: &str| {
        let wanted: Wanted = text.parse().unwrap();
        let found = match find(&fixture.catalog, &wanted) {
            Ok(found) => shown(&found),
            Err(lost) => format!("{}; {}", lost.message, lost.help),
        };
        assert_eq!(found, expected, "{text}");
    };
    check("fra", "site fra");
    check("site:fra", "site fra");
    check("iad-1", "endpoint iad-1 in web of example.com.");
    check("api", "pool api of example.com.");
    check("pool:web@example.net", "pool web of example.net.");
    check("pool:web@*", "pool web");
    check("web/fra-1@example.com", "endpoint fra-1 in web of example.com.");
    check("*/fra-1", "endpoint fra-1");
    check("*/fra-1@example.net", "endpoint fra-1 of example.net.");
    check("*/iad-1", "endpoint iad-1 of example.com.");
    check("shared/fra-1", "endpoint fra-1 in shared");
    check(
        "web",
        "\"web\" could mean 2 things; \
         say which one: pool:web@example.com, pool:web@example.net, pool:web@*",
    );
    check(
        "fra-1@example.com",
        "\"fra-1@example.com\" could mean 2 things; \
         say which one: web/fra-1@example.com, api/fra-1@example.com, */fra-1@example.com",
    );
    // The site of example.net hides the server's in it, and cannot be told from it by leaving out the zone.
    check("sin", "\"sin\" could mean 2 things; say which one: site:sin@example.net, site:sin@*");
    check("twin", "\"twin\" could mean 2 things; say which one: site:twin, pool:twin@example.com");
    check("fraa", "unknown site, pool, endpoint or director \"fraa\"; did you mean \"fra\"?");
    check("pool:fra", "unknown pool \"fra\"; did you mean site:fra?");
    check("web/fra-9", "unknown endpoint \"fra-9\" in pool \"web\"; did you mean \"fra-1\"?");
    check("site:xyzzy", "unknown site \"xyzzy\"; known here: fra, iad, sin, twin");
}

#[test]
fn a_vip_is_one_thing_in_all_pools() {
    let director = "[sites]\nfra = { coordinates = [50, 8] }\n[directors.lvs]\nsite = \"fra\"\n\
                    vip = { a = \"192.0.2.100\" }\nmode = \"dr\"\nservice = \"tcp/80\"\n\
                    reals = [ { address = \"10.0.0.2:80\" } ]\n";
    let pool = |name: &str, endpoint: &str| {
        format!(
            "[pools.{name}]\nendpoints = [ {{ {endpoint} }} ]\n[names.{name}]\npool = \"{name}\"\n"
        )
    };
    let by_director = "director = \"lvs\"";
    let other = "name = \"lvs\", site = \"fra\", a = \"192.0.2.9\"";
    let com = pool("web", by_director) + &pool("api", by_director);
    let check = |net: &str, text: &str, expected: &str| {
        let zones = [("example.com", &*com), ("example.net", net)];
        let fixture = testing::Fixture::new(director, &zones);
        let found = match find(&fixture.catalog, &text.parse().unwrap()) {
            Ok(found) => shown(&found),
            Err(lost) => lost.message,
        };
        assert_eq!(found, expected, "{text}");
    };
    check("", "lvs", "endpoint lvs of example.com.");
    check("", "web/lvs", "endpoint lvs in web of example.com.");
    check(&pool("web", by_director), "lvs", "endpoint lvs");
    check(&pool("web", by_director), "lvs@example.com", "endpoint lvs of example.com.");
    check(&pool("web", other), "lvs", "\"lvs\" could mean 2 things");
    check(&pool("web", other), "director:lvs", "endpoint lvs of example.com.");
    check(&pool("web", other), "web/lvs@example.net", "endpoint lvs in web of example.net.");
}

#[test]
fn a_director_is_its_vip_under_all_names() {
    let director = |name: &str, vip: &str| {
        format!(
            "[directors.{name}]\nsite = \"fra\"\nvip = {{ a = \"{vip}\" }}\nmode = \"dr\"\n\
             service = \"tcp/80\"\nreals = [ {{ address = \"10.0.0.2:80\" }} ]\n"
        )
    };
    let server = "[sites]\nfra = { coordinates = [50, 8] }\n".to_owned()
        + &director("lvs-a", "192.0.2.100")
        + &director("lvs-b", "192.0.2.100")
        + &director("alone", "192.0.2.101");
    let pool = |name: &str, endpoint: &str| {
        format!(
            "[pools.{name}]\nendpoints = [ {{ {endpoint} }} ]\n[names.{name}]\npool = \"{name}\"\n"
        )
    };
    let com = pool("web", "director = \"lvs-a\"")
        + &pool("api", "director = \"lvs-b\"")
        + &pool("img", "director = \"lvs-a\", name = \"edge\"")
        + &pool("alone", "director = \"alone\"");
    let net = pool("web", "name = \"edge\", site = \"fra\", a = \"192.0.2.9\"")
        + &pool("mail", "director = \"lvs-a\"");
    let fixture = testing::Fixture::new(&server, &[("example.com", &com), ("example.net", &net)]);
    let check = |text: &str, expected: &str| {
        let found = match find(&fixture.catalog, &text.parse().unwrap()) {
            Ok(found) => shown(&found),
            Err(lost) => format!("{}; {}", lost.message, lost.help),
        };
        assert_eq!(found, expected, "{text}");
    };
    let all = "endpoint lvs-a + endpoint lvs-b in api of example.com. + endpoint edge in img of example.com.";
    // Of the pair either means both.
    check("lvs-a", all);
    check("lvs-b", all);
    check("director:lvs-b", all);
    check("lvs-b@example.net", "endpoint lvs-a in mail of example.net.");
    check("endpoint:lvs-b", "endpoint lvs-b in api of example.com.");
    check(
        "edge",
        "\"edge\" could mean 2 things; say which one: img/edge@example.com, web/edge@example.net, */edge@*",
    );
    check(
        "alone",
        "\"alone\" could mean 2 things; say which one: director:alone, pool:alone@example.com",
    );
    check("director:alone", "endpoint alone in alone of example.com.");
    check("lvs-c", "unknown site, pool, endpoint or director \"lvs-c\"; did you mean \"lvs-a\"?");
    check(
        "director:web",
        "unknown director \"web\"; did you mean pool:web@example.com, pool:web@example.net?",
    );

    // Where something is only supposed, it is each endpoint of its VIP.
    let aimed = |text: &str, expected: &str| {
        let wanted: Wanted = text.parse().unwrap();
        let pools = fixture.catalog.pools().all().iter().map(|served| &served.pool);
        let of =
            |pool: &Arc<Pool>| Some((pool.name.clone(), wanted.aim(pool, &pool.endpoints[0])?));
        let mut aimed: Vec<String> =
            pools.filter_map(of).map(|(pool, kind)| format!("{pool} as {kind}")).collect();
        aimed.sort();
        assert_eq!(aimed.join(", "), expected, "{text}");
        assert_eq!(
            super::check(&fixture.catalog, &wanted).is_none(),
            !expected.is_empty(),
            "{text}"
        );
    };
    let everywhere = "api as endpoint, img as endpoint, mail as endpoint, web as endpoint";
    aimed("lvs-b", everywhere);
    aimed("director:lvs-a", everywhere);
    aimed("director:lvs-a@example.net", "mail as endpoint");
    aimed("img/lvs-a", "");
    aimed("pool:alone", "alone as pool");
    aimed("director:web", "");

    let pin = |target: OverrideTarget| Override {
        target,
        action: Action::Pin(Pin::Drain),
        until: None,
        reason: String::new(),
        by: None,
    };
    let one = |text: &str| find(&fixture.catalog, &text.parse().unwrap()).unwrap();
    let list: Vec<Override> =
        ["lvs-a", "site:fra", "web/edge@example.net"].into_iter().flat_map(one).map(pin).collect();
    let check = |list: &[Override], text: &str, expected: &str| {
        let found = match find_set(&fixture.catalog, list, &text.parse().unwrap()) {
            Ok(found) => shown(&found),
            Err(lost) => lost.message,
        };
        assert_eq!(found, expected, "{text}");
    };
    check(&list, "lvs-b", all);
    check(&list, "fra", "site fra");
    check(&list, "alone", "there is no override on \"alone\"");
    check(&list, "img/edge", "endpoint edge in img of example.com.");
    // One that takes in others too was not set on the director.
    let wide = pin(OverrideTarget::Endpoint { zone: None, pool: None, name: "edge".to_owned() });
    check(&[wide], "director:lvs-a", "there is no override on \"director:lvs-a\"");
}

/// The narrowest that can be said of a pool of the server's own takes in a zone's of the same name, and its endpoint.
#[test]
fn a_director_does_not_take_strangers_along() {
    let of = |name: &str, vip: &str| {
        format!(
            "[directors.{name}]\nsite = \"fra\"\nvip = {{ a = \"{vip}\" }}\nmode = \"dr\"\n\
             service = \"tcp/80\"\nreals = [ {{ address = \"10.0.0.2:80\" }} ]\n"
        )
    };
    let pool = |name: &str, endpoint: &str| {
        format!("[pools.{name}]\nendpoints = [ {{ name = \"vip\", {endpoint} }} ]\n")
    };
    let server = "[sites]\nfra = { coordinates = [50, 8] }\n".to_owned()
        + &of("lvs", "192.0.2.100")
        + &of("own", "192.0.2.101")
        + &pool("web", "director = \"lvs\"")
        + &pool("mail", "director = \"own\"");
    let com = "[names.www]\npool = \"web\"\n[names.mail]\npool = \"mail\"\n";
    let net = |endpoint: &str| {
        of("own", "192.0.2.102")
            + &pool("web", endpoint)
            + "[pools.x]\nendpoints = [ { director = \"own\" } ]\n\
               [names.www]\npool = \"web\"\n[names.x]\npool = \"x\"\n"
    };
    let check = |endpoint: &str, text: &str, expected: &str| {
        let zones = [("example.com", com), ("example.net", &*net(endpoint))];
        let fixture = testing::Fixture::new(&server, &zones);
        let found = match find(&fixture.catalog, &text.parse().unwrap()) {
            Ok(found) => shown(&found),
            Err(lost) => lost.to_string(),
        };
        assert_eq!(found, expected, "{endpoint}: {text}");
    };
    let server_of = "site = \"fra\", a = \"192.0.2.9\"";
    check(
        server_of,
        "lvs",
        "endpoint vip in web is also what does not stand for \"lvs\": give the pools or the endpoints names that differ",
    );
    // Of two that are called alike the plain word is the server's, and the choices that are offered can be made.
    check(server_of, "director:own", "endpoint vip in mail");
    check(server_of, "director:own@example.net", "endpoint own in x of example.net.");
}

fn shown(targets: &[OverrideTarget]) -> String {
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + ")
}

#[test]
fn what_is_pinned() {
    let pins = |names: &[&str]| -> Vec<Override> {
        names
            .iter()
            .map(|text| {
                let Wanted { kind, zone, pool, name } = text.parse().unwrap();
                let only = |zone| if let Part::Only(zone) = zone { Some(zone) } else { None };
                let zone = only(zone);
                let target = match kind.unwrap() {
                    Kind::Site => OverrideTarget::Site { zone, name },
                    Kind::Pool => OverrideTarget::Pool { zone, name },
                    Kind::Director => panic!("nothing is pinned on a director itself"),
                    Kind::Endpoint => {
                        let pool = if let Part::Only(pool) = pool { Some(pool) } else { None };
                        OverrideTarget::Endpoint { zone, pool, name }
                    }
                };
                assert_eq!(written(&target), *text);
                Override {
                    target,
                    action: Action::Pin(Pin::Drain),
                    until: None,
                    reason: String::new(),
                    by: None,
                }
            })
            .collect()
    };
    let find_in = |names: &[&str], text: &str, expected: &str| {
        let found = match find_pinned(&pins(names), &text.parse().unwrap()) {
            Ok(found) => found.iter().map(written).collect::<Vec<_>>().join(" "),
            Err(lost) => format!("{}; {}", lost.message, lost.help),
        };
        assert_eq!(found, expected, "{text}");
    };
    let list = ["site:fra", "site:fra@example.com", "pool:web", "web/a", "api/a", "*/b"];
    let check = |text: &str, expected: &str| find_in(&list, text, expected);
    check("web", "pool:web");
    check("b", "*/b");
    check("web/a", "web/a");
    check("*/a", "web/a api/a");
    check("fra@example.com", "site:fra@example.com");
    check("site:fra", "site:fra");
    check("fra@*", "site:fra site:fra@example.com");
    check("a", "\"a\" could mean 2 things; say which one: web/a, api/a, */a");
    check(
        "iad",
        "there is no override on \"iad\"; there are overrides on site:fra, \
         site:fra@example.com, pool:web, web/a, api/a, */b",
    );
    check("wbe", "there is no override on \"wbe\"; did you mean \"web\"?");
    // One on all pools beside one on a single pool.
    let both = ["web/a", "*/a", "web/b@example.com", "*/b@example.com", "*/b@example.net"];
    let check = |text: &str, expected: &str| find_in(&both, text, expected);
    check("*/a", "*/a");
    check("web/a", "web/a");
    check("*/a@*", "web/a */a");
    check("*/b", "*/b@example.com */b@example.net");
    check("*/b@example.com", "*/b@example.com");
    let none = find_pinned(&[], &"fra".parse().unwrap()).unwrap_err();
    assert_eq!(none.help, "there are no overrides");
}
