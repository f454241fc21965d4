//! Mistakes in directors and in what pools make of them, and what is said of each.

use super::findings::assert_findings;
use super::{Fixture, SITES};

/// Checks what is found in the server's file below the sites and a check called `web`.
fn check_below_sites(text: &str, expected: &[&str]) {
    let text = format!("{SITES}[checks.web]\ntype = \"http\"\n{text}");
    assert_findings(&Fixture::with_server(&text), &text, expected);
}

/// Checks what is found in a director `d` at fra, with the VIP 192.0.2.100, of the given service, mode and more keys,
/// the first of which stands in line 10.
fn check_director(service: &str, mode: &str, more: &str, expected: &[&str]) {
    let frame =
        format!("[directors.d]\nsite = \"fra\"\nservice = \"{service}\"\nmode = \"{mode}\"\n");
    check_below_sites(&format!("{frame}{more}"), expected);
}

const VIP: &str = "vip = { a = \"192.0.2.100\" }\n";
pub(super) const REALS: &str = "reals = [ { address = \"10.0.0.2:80\" } ]\n";

/// A director with one real, and more keys.
pub(super) fn director(name: &str, site: &str, vip: &str, mode: &str, more: &str) -> String {
    let frame = format!("[directors.{name}]\nsite = \"{site}\"\nmode = \"{mode}\"\n{REALS}{more}");
    format!("{frame}vip = {{ {vip} }}\nservice = \"tcp/80\"\n")
}

#[test]
fn of_directors() {
    check_below_sites(
        "[directors.d]\n[directors.\"e f\"]\nsite = \"far\"\nmode = \"drr\"\nservice = \"80\"\nscheduler = \"wlcc\"\n\
         vip = { }\nmin_up = 2\ncapacity = 0\nmaintenance = 1\nreals = []\nfeeds = 1",
        &[
            "6:12 a director needs \"site\"",
            "6:12 a director needs \"vip\" | add vip = { a =",
            "6:12 a director needs \"mode\" | add mode = \"nat\"",
            "6:12 a director needs \"service\" | add service = \"tcp/PORT\"",
            "6:12 a director needs \"reals\" | add reals = …or a feed of type",
            "7:12 \"e f\" cannot name a director",
            "8:8 unknown site \"far\" | did you mean \"fra\"?",
            "9:8 unknown mode \"drr\" | did you mean \"dr\"?",
            "10:11 \"80\" is no service | …\"tcp/80\"",
            "11:13 unknown scheduler \"wlcc\" | did you mean \"wlc\"?",
            "12:7 a VIP needs an address",
            "13:10 \"min_up\" cannot be 2",
            "14:12 \"capacity\" cannot be 0",
            "warning fingerpost.toml:14:12 nobody tells how many sessions",
            "15:15 \"maintenance\" must be true or false",
            "16:9 a director without reals",
            "17:1 unknown key \"feeds\" in a director | did you mean \"feed\"?",
        ],
    );
    for service in ["tcp/0", "tcp/65536", "sctp/80", "tcp", "tcp/80/1"] {
        let message = format!("8:11 {service:?} is no service");
        check_director(service, "nat", &[VIP, REALS].concat(), &[&message]);
    }
    let vip = "vip = { a = \"2001:db8::1\", aaaa = \"::ffff:192.0.2.1\", b = 1 }\n";
    check_director(
        "tcp/80",
        "nat",
        &[vip, REALS].concat(),
        &[
            "10:13 \"a\" holds IPv4 addresses",
            "10:35 ::ffff:192.0.2.1 is an IPv4 address",
            "10:55 unknown key \"b\" in a VIP",
        ],
    );
    let check = |check: &str, expected: &[&str]| {
        check_director("udp/53", "nat", &[VIP, REALS, check].concat(), expected);
    };
    check("check = { type = \"tcp\" }", &[]);
    check("feed = { type = \"ipvs\", url = \"http://10.0.0.1:1/\" }", &[]);
    check("", &["8:11 nothing tells whether the reals of a udp service live | add check ="]);
    check("check = \"wbe\"", &["12:9 unknown check \"wbe\" | did you mean \"web\"?"]);
    check(
        "check = { tipe = \"tcp\" }",
        &["12:1 a check needs \"type\"", "12:11 unknown key \"tipe\""],
    );
    check(
        "check = { type = \"tcp\", address = \"10.0.0.9\" }",
        &["12:9 this check probes an address of its own"],
    );
    check("scheduler = \"nq\"\nmode.x = 1", &["not valid TOML"]);
}

#[test]
fn of_reals() {
    let check = |mode: &str, reals: &str, expected: &[&str]| {
        let more = format!("{VIP}reals = [\n{reals}\n]");
        check_director("tcp/80", mode, &more, expected);
    };
    check(
        "nat",
        "{ name = \"x\", address = \"10.0.0.2\" },\n{ name = \"x\", address = \"web1:80\" },\n\
         { wait = 1, weight = 65536 },\n\
         { address = \"10.0.0.2:0\" },\n{ address = \"0.0.0.0:80\" },\n{ address = \"[::ffff:10.0.0.2]:80\" },\n\
         { name = \"a b\", address = \"10.0.0.2:80\" },\n{ address = \"10.0.0.2:80\" },\n\
         { address = \"10.0.0.2:81\" }",
        &[
            "12:25 \"10.0.0.2\" is no address and port | give the port too: \"10.0.0.2:80\"",
            "13:10 two reals of this director are called \"x\"",
            "13:25 \"web1:80\" is no address and port | …names are not looked up",
            "14:1 a real needs \"address\"",
            "14:3 unknown key \"wait\" in a real | known here: address, name, weight",
            "14:22 \"weight\" cannot be 65536 | use a whole number from 0 to 65535",
            "15:13 nothing listens on port 0",
            "16:13 0.0.0.0 is not the address of a host",
            "17:13 ::ffff:10.0.0.2 is an IPv4 address in IPv6 clothes | write \"10.0.0.2:80\"",
            "18:10 \"a b\" cannot name a real",
            "19:13 10.0.0.2:80 stands twice behind this director",
        ],
    );
    let own = "{ address = \"192.0.2.100:80\" }";
    for mode in ["nat", "proxy"] {
        check(
            mode,
            own,
            &["12:13 192.0.2.100:80 is the VIP itself: the director would call itself"],
        );
        check(mode, "{ address = \"192.0.2.100:8080\" }", &[]);
    }
    let other_port = "{ address = \"10.0.0.2:8080\" }";
    for mode in ["dr", "tun"] {
        check(mode, own, &[]);
        let cure = "write \"10.0.0.2:80\", or use mode \"nat\"";
        let message =
            format!("12:13 mode \"{mode}\" does not change ports, and tcp/80 is served | {cure}");
        check(mode, other_port, &[&message]);
    }
    let v6 = "{ address = \"[fd00::2]:80\" }";
    for mode in ["nat", "dr"] {
        let message = format!(
            "12:13 an IPv6 real behind an IPv4 VIP, and mode \"{mode}\" cannot cross families"
        );
        check(mode, v6, &[&message]);
    }
    for mode in ["tun", "proxy"] {
        check(mode, v6, &[]);
    }
    let both = "vip = { a = \"192.0.2.100\", aaaa = \"2001:db8::100\" }\n";
    check_director(
        "tcp/80",
        "dr",
        &[both, REALS].concat(),
        &[
            "warning fingerpost.toml:11:9 nothing stands behind 2001:db8::100: no real is IPv6, and mode \"dr\"",
        ],
    );
    check_director("tcp/80", "tun", &[both, REALS].concat(), &[]);
}

#[test]
fn of_weights_and_schedulers() {
    let check = |mode: &str, weights: &[u32], more: &str, expected: &[&str]| {
        let real = |(at, weight): (usize, &u32)| {
            format!("{{ address = \"10.0.0.{}:80\", weight = {weight} }}", at + 1)
        };
        let reals: Vec<String> = weights.iter().enumerate().map(real).collect();
        let more = format!("{VIP}reals = [ {} ]\n{more}", reals.join(", "));
        check_director("tcp/80", mode, &more, expected);
    };
    check("nat", &[1, 2], "", &[]);
    check("nat", &[0, 1], "", &[]);
    check("nat", &[0, 0], "", &["warning fingerpost.toml:11:9 all reals have weight 0"]);
    check(
        "nat",
        &[65_535; 16],
        "",
        &["11:9 the weights of the reals add up to 1048560 | …at most 1000000"],
    );
    let uneven = "warning fingerpost.toml:11:9 scheduler \"rr\" passes over the weights of the reals | use \"wrr\"";
    check("nat", &[1, 2], "scheduler = \"rr\"", &[uneven]);
    check("nat", &[2, 2], "scheduler = \"rr\"", &[]);
    check("dr", &[1], "scheduler = \"sed\"", &[]);
    check(
        "proxy",
        &[1],
        "scheduler = \"nq\"",
        &[
            "warning fingerpost.toml:12:13 \"nq\" is IPVS's alone, and this director is a proxy | use wlc",
        ],
    );
}

#[test]
fn of_feeds() {
    // Of a proxy without reals, its feed in line 11.
    let check = |feed: &str, expected: &[&str]| {
        check_director("tcp/80", "proxy", &format!("{VIP}feed = {{ {feed} }}\n"), expected);
    };
    check("type = \"json\", url = \"https://[fd00::1]:8443/x?y=z\"", &[]);
    check(
        "type = \"haproxy\", url = \"http://127.0.0.1:8404/stats;csv\", backend = \"be_web:1\"",
        &[],
    );
    check("type = \"haproxy\", socket = \"127.0.0.1:9999\"", &[]);
    check("type = \"haproxy\", socket = \"run/admin.sock\"", &[]);
    check(
        "type = \"haproxi\", urk = 1",
        &[
            "11:17 unknown type \"haproxi\" | did you mean \"haproxy\"?",
            "11:28 unknown key \"urk\"",
        ],
    );
    check("url = \"http://x/\"", &["11:1 a feed needs \"type\""]);
    check("type = \"json\"", &["11:8 a feed of json needs \"url\""]);
    check("type = \"haproxy\"", &["11:8 a feed of haproxy needs \"url\" or \"socket\""]);
    check(
        "type = \"haproxy\", url = \"http://x/;csv\", socket = \"/x\"",
        &["11:51 HAProxy is asked by its page or by its socket"],
    );
    check(
        "type = \"json\", url = \"http://x/\", socket = \"/x\", backend = \"b\"",
        &["11:44 a feed of json has no \"socket\"", "11:59 a feed of json has no \"backend\""],
    );
    check(
        "type = \"haproxy\", socket = \"localhost:9999\"",
        &["11:37 \"localhost:9999\" is no address and port"],
    );
    let long = format!("type = \"haproxy\", socket = \"/{}\"", "x".repeat(103));
    check(&long, &["11:37 a socket cannot have a path of 104 bytes"]);
    check(
        "type = \"haproxy\", socket = \"/x\", backend = \"b,c\"",
        &["11:53 \"b,c\" is no name of a backend"],
    );
    check(
        "type = \"haproxy\", url = \"http://x/stats\"",
        &[
            "warning fingerpost.toml:11:34 this is HAProxy's page for people, not its CSV…http://x/stats;csv",
        ],
    );
    for (url, message) in [
        ("10.0.0.1:8054", "is no URL"),
        ("localhost:8054/", "does not begin with http:// or https://"),
        ("ftp://x/", "does not begin with http:// or https://"),
        ("http://", "is no URL: empty host"),
        ("/x", "is no URL"),
        ("http://me:secret@x/", "a login in a URL is shown wherever the URL is | …login_file"),
        ("http://x/#y", "what follows # in a URL"),
    ] {
        check(&format!("type = \"json\", url = \"{url}\""), &[&format!("11:31 …{message}")]);
    }
}

#[test]
fn of_what_lets_into_feeds_and_of_their_times() {
    let check = |feed: &str, expected: &[&str]| {
        let feed = format!("{VIP}feed = {{ {feed} }}\n");
        check_director("tcp/80", "proxy", &feed, expected);
    };
    let json = "type = \"json\", url = \"http://x/\"";
    check(
        &format!("{json}, login_file = \"no.login\""),
        &["warning fingerpost.toml:11:57 cannot read…no.login…create it"],
    );
    check(
        &format!("{json}, token_file = \"a\", login_file = \"b\""),
        &["11:62 a feed is let in by a token or by a login"],
    );
    check(
        "type = \"haproxy\", socket = \"/x\", login_file = \"fingerpost.toml\"",
        &["11:37 HAProxy's runtime socket asks for no login"],
    );
    let https = "type = \"json\", url = \"https://x/\"";
    check(
        &format!("{json}, roots = \"ca.pem\""),
        &[
            "11:44 over http:// no certificate is shown that it could judge | begin the url with https://",
        ],
    );
    check(&format!("{https}, roots = \"ca.pem\""), &["11:53 cannot read…ca.pem"]);
    check(
        &format!("{https}, roots = \"fingerpost.toml\""),
        &["11:53 …fingerpost.toml holds no certificate in PEM form"],
    );
    check(
        "type = \"haproxy\", socket = \"/x\", roots = \"ca.pem\"",
        &["11:43 HAProxy's runtime socket shows no certificate | leave it out"],
    );
    check(&format!("{json}, interval = \"1m\", timeout = \"5s\""), &[]);
    check(
        &format!("{json}, interval = \"1ms\", timeout = 5, stale_after = \"2h\""),
        &[
            "11:55 \"interval\" cannot be 1ms | use 100ms to 1h",
            "11:72 \"timeout\" must be a duration",
            "11:89 \"stale_after\" cannot be 2h",
        ],
    );
    check(
        &format!("{json}, interval = \"5s\", timeout = \"2s\", stale_after = \"7s\""),
        &[
            "11:91 a report would be stale after 7s, and the next comes after 5s and up to 2s | use 21s",
        ],
    );
    check_director(
        "tcp/80",
        "nat",
        &[VIP, REALS, "feed = { type = \"haproxy\", socket = \"/x\" }"].concat(),
        &[
            "warning fingerpost.toml:12:8 this feed is HAProxy's, and the mode of this director is \"nat\"",
        ],
    );
    check_director(
        "tcp/80",
        "proxy",
        &[VIP, "feed = { type = \"ipvs\", url = \"http://x/\" }"].concat(),
        &["6:12 a director needs \"reals\"", "warning fingerpost.toml:11:8 this feed is IPVS's"],
    );
    check_director(
        "tcp/80",
        "proxy",
        &format!("{VIP}feed = {{ {json} }}\ncheck = \"web\""),
        &["warning fingerpost.toml:12:9 this check probes nothing: no reals are listed"],
    );
}

#[test]
fn of_directors_that_share_a_vip() {
    let vip = "a = \"192.0.2.100\"";
    // The first in line 6, the second in line 12.
    let check = |second: &str, expected: &[&str]| {
        check_below_sites(&[&director("one", "fra", vip, "tun", ""), second].concat(), expected);
    };
    check(&director("two", "iad", "a = \"192.0.2.101\"", "tun", ""), &[]);
    check(
        &director("two", "iad", vip, "tun", ""),
        &[
            "12:12 \"two\" shares 192.0.2.100 (tcp/80) with \"one\" in line 6, and stands at another site",
        ],
    );
    let feed = "feed = { type = \"ipvs\", url = \"http://x/\" }\n";
    check(&director("two", "fra", vip, "tun", feed), &[]);
    check(
        &director("two", "fra", vip, "tun", &format!("capacity = 10\n{feed}")),
        &["and only \"two\" has a feed | give \"one\" one too"],
    );
    check(
        &director("two", "fra", &format!("{vip}, aaaa = \"2001:db8::1\""), "tun", ""),
        &["12:12 \"two\" shares 192.0.2.100 (tcp/80) with \"one\" in line 6, and the VIPs differ"],
    );
    let second = director("two", "fra", vip, "dr", "min_up = 0.1\nscheduler = \"sh\"\n");
    check(
        &second.replace("10.0.0.2", "10.0.0.3"),
        &[
            "warning fingerpost.toml:12:12 \"two\" shares…and differs in mode, scheduler, min_up, reals",
        ],
    );
}

/// Checks what is found in a pool of a zone's file beside the directors `fed`, `timed` and `bare` at fra; its keys
/// begin in line 3, and it has a check.
fn check_pool(endpoints: &str, keys: &str, expected: &[&str]) {
    check_pool_without_check(endpoints, &format!("{keys}\ncheck = \"web\""), expected);
}

/// The same without the check.
pub(super) fn check_pool_without_check(endpoints: &str, keys: &str, expected: &[&str]) {
    let haproxy = "feed = { type = \"haproxy\", socket = \"/x\" }\n";
    let ipvs = "feed = { type = \"ipvs\", url = \"http://x/\" }\n";
    let all = "[pools.all]\ncheck = \"web\"\n\
               endpoints = [ { director = \"fed\" }, { director = \"bare\" }, { director = \"timed\" }, \
               { director = \"half\" } ]\n";
    let server = [
        SITES,
        "[checks.web]\ntype = \"http\"\n",
        &director("fed", "fra", "a = \"192.0.2.1\"", "proxy", haproxy),
        &director("bare", "fra", "a = \"192.0.2.2\"", "proxy", ""),
        &director("timed", "fra", "a = \"192.0.2.3\"", "nat", ipvs),
        &director("half", "fra", "a = \"192.0.2.4\"", "proxy", haproxy),
        &director("mute", "fra", "a = \"192.0.2.4\"", "proxy", ""),
        all,
    ];
    let fixture = Fixture::with_server(&server.concat());
    let text =
        format!("[pools.web]\nendpoints = [ {endpoints} ]\n{keys}\n[names.www]\npool = \"web\"\n");
    fixture.write("zones/example.com.toml", &text);
    assert_findings(&fixture, &text, expected);
}

#[test]
fn of_endpoints_with_directors() {
    let check = |endpoints: &str, expected: &[&str]| check_pool(endpoints, "", expected);
    check(
        "{ director = \"fed\", name = \"x\", weight = 0, check = \"web\" }, { director = \"bare\" }",
        &[],
    );
    check(
        "{ director = \"fet\" }",
        &["error zones/example.com.toml:2:28 unknown director \"fet\" | did you mean \"fed\"?"],
    );
    check(
        "{ director = \"fed\", site = \"fra\", a = \"192.0.2.1\", b = 1 }",
        &[
            "2:35 \"site\" of this endpoint is its director's | leave it out",
            "2:49 \"a\" of this endpoint is its director's",
            "2:66 unknown key \"b\" in an endpoint",
        ],
    );
    check(
        "{ director = \"fed\" }, { director = \"fed\" }",
        &["warning zones/example.com.toml:2:50 director \"fed\" stands twice in this pool"],
    );
    check(
        "{ director = \"fed\" }, { site = \"fra\", name = \"fed\", a = \"192.0.2.1\" }",
        &[
            "2:60 two endpoints of this pool are called \"fed\"",
            "2:71 192.0.2.1 stands twice in this pool",
        ],
    );
}

#[test]
fn of_methods_by_load_and_capacities() {
    let check = check_pool;
    let mixed =
        "{ director = \"fed\" }, { director = \"bare\" }, { site = \"fra\", a = \"192.0.2.9\" }";
    for method in ["least-connections", "weighted-least-connections", "power-of-two"] {
        let key = format!("method = \"{method}\"");
        check("{ director = \"fed\" }, { director = \"timed\" }", &key, &[]);
        let expected = "3:10 nobody tells the sessions of \"bare\", \"fra-3\" | give its director a feed, or use";
        check(mixed, &key, &[expected]);
        let expected = "nobody tells the sessions of \"half\" while \"mute\" holds the VIP | give \"mute\" a feed too, or";
        check("{ director = \"half\" }", &key, &[expected]);
    }
    let by_time = "method = \"least-response-time\"";
    check(mixed, by_time, &[]);
    let unchecked = "warning zones/example.com.toml:2:1 no check probes the VIP of \"fed\"";
    check_pool_without_check("{ director = \"fed\" }", by_time, &[unchecked]);
    check_pool_without_check(
        "{ director = \"fed\" }, { director = \"timed\" }",
        by_time,
        &[unchecked, "3:10 nobody tells how fast \"timed\" answers | add check ="],
    );
    let six: Vec<String> =
        (1..7).map(|at| format!("{{ site = \"fra\", a = \"198.51.100.{at}\" }}")).collect();
    check(
        &six.join(", "),
        "method = \"least-connections\"",
        &[
            "nobody tells the sessions of \"fra-1\", \"fra-2\", \"fra-3\", \"fra-4\", \"fra-5\" and 1 more",
        ],
    );
    check("{ director = \"fed\" }", "capacity = { fra = 10 }\ndamping = \"1m\"", &[]);
    check(
        mixed,
        "capacity = { fra = 10, iad = 10, lhr = 1, fr = 0 }",
        &[
            "3:20 nobody tells the sessions of \"bare\", \"fra-3\"",
            "warning zones/example.com.toml:3:24 this pool has no endpoint at site \"iad\"",
            "3:34 unknown site \"lhr\"",
            "3:43 unknown site \"fr\" | did you mean \"fra\"?",
            "3:48 \"fr\" cannot be 0",
        ],
    );
    check("{ director = \"fed\" }", "capacity = 10", &["3:12 \"capacity\" must be a table"]);
    check(
        mixed,
        "damping = \"1m\"",
        &[
            "warning zones/example.com.toml:3:11 nothing is damped: method \"weighted\" does not go by load",
        ],
    );
}

#[test]
fn of_coming_back() {
    let check = |keys: &str, expected: &[&str]| {
        check_pool("{ site = \"fra\", a = \"192.0.2.9\" }", keys, expected);
    };
    check("slow_start = \"5m\"\nfailback_delay = \"30s\"\nhold_down_max = \"30s\"", &[]);
    check("slow_start = \"0s\"\nmethod = \"random\"", &[]);
    for method in ["round-robin", "random"] {
        let message = format!("3:14 slow_start grows weights, and method \"{method}\" passes over");
        check(&format!("slow_start = \"5m\"\nmethod = \"{method}\""), &[&message]);
    }
    check(
        "failback_delay = \"30s\"\nhold_down_max = \"29s\"",
        &["4:17 nothing is held longer than 29s, and the failback_delay is 30s | use at least 30s"],
    );
    check("hold_down_max = \"5m\"", &["warning zones/example.com.toml:3:17 nothing is held down"]);
    check(
        "slow_start = \"2d\"\nfailback_delay = 3\nhold_down_max = \"x\"",
        &[
            "3:14 \"slow_start\" cannot be 2d",
            "4:18 \"failback_delay\" must be a duration",
            "5:17 \"x\" is no duration",
        ],
    );
}
