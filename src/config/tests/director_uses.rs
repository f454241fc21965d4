//! What is said of directors that nothing hands out, and of those that are and whose VIPs nothing checks.

use super::director_findings::{REALS, check_pool_without_check, director};
use super::findings::assert_findings;
use super::{Fixture, SITES};

#[test]
fn of_directors_that_nothing_uses() {
    let text = [
        director("a", "fra", "a = \"192.0.2.1\"", "nat", ""),
        director("b", "fra", "a = \"192.0.2.1\"", "nat", ""),
        director("c", "fra", "a = \"192.0.2.2\"", "nat", ""),
        "[pools.web]\nendpoints = [ { director = \"a\" } ]\ncheck = { type = \"http\" }\n\
         [names.www]\npool = \"web\"\n"
            .to_owned(),
    ]
    .concat();
    let expected = "warning zones/example.com.toml:13:12 director \"c\" is not used | refer to it";
    assert_findings(&Fixture::with_steering(&text), &text, &[expected]);
}

#[test]
fn of_vips_that_nothing_checks() {
    let check = |endpoints: &str, expected: &[&str]| {
        check_pool_without_check(endpoints, "", expected);
    };
    check("{ site = \"fra\", a = \"192.0.2.9\" }", &[]);
    check("{ director = \"bare\", check = \"web\" }", &[]);
    check(
        "{ director = \"fed\", check = \"web\" }, { director = \"bare\" }, { director = \"timed\" }",
        &[
            "warning zones/example.com.toml:2:1 no check probes the VIP of \"bare\", \"timed\": with the director \
           dead and its real servers alive, it stays in the answers | add check = …to the pool",
        ],
    );
    let frame = |service: &str, more: &str| {
        let director = format!(
            "[directors.d]\nsite = \"fra\"\nvip.a = \"192.0.2.1\"\nservice = \"{service}\"\n"
        );
        format!("{director}mode = \"nat\"\n{more}\n[names.www]\npool = \"web\"\n[pools.web]\n")
    };
    let check = |director: String, pool: &str, expected: &[&str]| {
        let text = format!("{director}endpoints = [ {{ director = \"d\" }} ]\n{pool}");
        assert_findings(&Fixture::with_steering(&text), &text, expected);
    };
    let ipvs = [REALS, "feed = { type = \"ipvs\", url = \"http://x/\" }"].concat();
    let json = "feed = { type = \"json\", url = \"http://x/\" }";
    let http = "check = { type = \"http\" }";
    let alone = "nothing but its feed vouches for \"d\": …| …whose feed is lost is handed out last";
    check(frame("tcp/80", json), "", &[&format!("warning zones/example.com.toml:10:1 {alone}")]);
    check(frame("tcp/80", json), http, &[]);
    check(frame("udp/80", &ipvs), "", &[&format!("warning zones/example.com.toml:11:1 {alone}")]);
    check(frame("udp/80", &ipvs), http, &[]);
    // There is no check that speaks UDP: what cannot be had is not asked for.
    check(frame("udp/80", &[REALS, http].concat()), "", &[]);
}

#[test]
fn of_capacities_that_come_to_nothing() {
    let of = |name: &str, site: &str, last: u8, more: &str| {
        let feed = "feed = { type = \"json\", url = \"http://x/\" }\n";
        director(name, site, &format!("a = \"192.0.2.{last}\""), "nat", &format!("{feed}{more}"))
    };
    let check = |second: &str, keys: &str, expected: &[&str]| {
        let text = [
            "[pools.web]\ncheck = { type = \"tcp\", port = 80 }\n",
            "endpoints = [ { director = \"a\" }, { director = \"b\" } ]\n",
            keys,
            "[names.www]\npool = \"web\"\n",
            &of("a", "fra", 1, "capacity = 100\n"),
            second,
        ];
        let text = text.concat();
        assert_findings(&Fixture::with_steering(&text), &text, expected);
    };
    let void = "warning zones/example.com.toml:3:1 the capacity of \"a\" is void: \"b\" at the same site \"fra\" has \
                none…| give \"b\" one too, or the pool capacity = { fra = SESSIONS }";
    check(&of("b", "fra", 2, ""), "", &[void]);
    check(&of("b", "fra", 2, "capacity = 50\n"), "", &[]);
    check(&of("b", "fra", 2, ""), "capacity = { fra = 150 }\n", &[]);
    check(&of("b", "iad", 2, ""), "", &[]);
}

#[test]
fn of_the_servers_directors_that_nothing_uses() {
    let vip = |last: u8| format!("a = \"192.0.2.{last}\"");
    let server = |pools: &str| {
        let directors = [("a", 1), ("twin", 1), ("b", 2)]
            .map(|(name, last)| director(name, "fra", &vip(last), "nat", ""));
        [SITES, "[checks.web]\ntype = \"http\"\n", &directors.concat(), pools].concat()
    };
    let steering = |director: &str| {
        format!(
            "[names.www]\npool = \"web\"\n[pools.web]\ncheck = \"web\"\n\
             endpoints = [ {{ director = \"{director}\" }} ]\n"
        )
    };
    let check = |server: &str, steering: &str, expected: &[&str]| {
        let fixture = Fixture::with_server(server);
        fixture.write("zones/example.com.toml", steering);
        assert_findings(&fixture, server, expected);
        // Of a zone that is known from before, the same is said.
        let known = fixture.load(None).cache;
        let again = fixture.findings(&fixture.load(Some(&known)));
        assert_eq!(again, fixture.findings(&fixture.load(None)));
    };
    let unused = "warning fingerpost.toml:18:12 director \"b\" is not used | hand it out…{ director = \"b\" }";
    check(&server(""), &steering("a"), &[unused]);
    check(&server(""), &steering("twin"), &[unused]);
    let shared = "[pools.shared]\ncheck = \"web\"\nendpoints = [ { director = \"b\" } ]\n";
    check(&server(shared), &steering("a"), &[]);
    check(
        &server(""),
        &steering("b"),
        &["fingerpost.toml:6:12 director \"a\" is not used", "12:12 director \"twin\" is not used"],
    );
    check(
        &server(""),
        &steering("c"),
        &["error zones/example.com.toml:5:28 unknown director \"c\""],
    );
    check(&server(""), "", &[]);
}
