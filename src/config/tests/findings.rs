//! Mistakes, and what is said of them: one table per file.

use super::{Fixture, SITES, ZONE};

/// Each expected text must be the finding's place and contain, in order, the parts between `…`.
pub(super) fn assert_findings(fixture: &Fixture, text: &str, expected: &[&str]) {
    let found = fixture.findings(&fixture.load(None));
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| contains_parts(found, expected));
    assert!(fits, "of\n{text}\nwas found\n{found:#?}\nand expected\n{expected:#?}");
}

fn contains_parts(found: &str, expected: &str) -> bool {
    let mut rest = found;
    expected.split('…').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

#[test]
fn of_the_server() {
    let check = |text: &str, expected: &[&str]| {
        assert_findings(&Fixture::with_server(text), text, expected);
    };
    check("", &[]);
    check("[server\nx", &["error fingerpost.toml:1:8 not valid TOML", "error fingerpost.toml:2"]);
    check("[server]\nnsid = \"a\"\nnsid = \"b\"", &["error fingerpost.toml:3:1 …duplicate key"]);
    check(
        "[server]\nlisten = [\"127.0.0.1\", \"::1\", \"localhost:53\"]\nudp_wokers = 2\n[sever]\n",
        &[
            "fingerpost.toml:2:11 \"127.0.0.1\" is no address and port | …\"127.0.0.1:53\"",
            "fingerpost.toml:2:24 \"::1\" is no…\"[::1]:53\"",
            "fingerpost.toml:2:31 \"localhost:53\"…names are not looked up",
            "fingerpost.toml:3:1 unknown key \"udp_wokers\" in [server] | did you mean \"udp_workers\"?",
            "fingerpost.toml:4:2 unknown key \"sever\" in fingerpost.toml | did you mean \"server\"?",
        ],
    );
    check(
        "server = 3",
        &["error fingerpost.toml:1:10 \"server\" must be a table, not a whole number"],
    );
    check("[server]\nlisten = []", &["error fingerpost.toml:2:10 the server would listen nowhere"]);
    check("[server]\nlisten = \"127.0.0.1:53\"", &["2:10 \"listen\" must be a list, not a text"]);
    check(
        "[server]\nudp_payload_max = 100\nverdicts_max_age = 10\nstate = \"\"\nnsid = \"\"\nudp_workers = -1",
        &[
            "2:19 \"udp_payload_max\" cannot be 100 | use a whole number from 512 to 4096",
            "3:20 \"verdicts_max_age\" must be a duration in quotes, not a whole number | with its unit",
            "4:9 \"state\" is empty",
            "5:8 \"nsid\" holds 0 bytes",
            "6:15 \"udp_workers\" cannot be -1",
        ],
    );
    check(
        "[server.tcp]\nidle_timeout = \"10\"\nlifetime_max = \"5 parsecs\"\nconnections_max = 0\n\
         queries_in_flight_max = 1.5",
        &[
            "2:16 \"10\" is no duration | …its unit",
            "3:16 \"5 parsecs\" is no duration",
            "4:19 \"connections_max\" cannot be 0",
            "5:25 \"queries_in_flight_max\" must be a whole number, not a number",
        ],
    );
    check(
        "[server]\nlisten = [\"127.0.0.1:5353\"]\n[admin]\nlisten = \"127.0.0.1:5353\"",
        &["4:10 another listener takes 127.0.0.1:5353 already"],
    );
    check(
        "[admin]\nlisten = [\"127.0.0.1:8053\", \"0.0.0.0:8053\"]",
        &[
            "2:10 0.0.0.0:8053 can be reached from elsewhere, and no token is asked for | add token_file",
        ],
    );
    check("[admin]\nlisten = []", &["2:10 the API would listen nowhere"]);
    check("[admin]\nlisten = 8053", &["2:10 \"listen\" must be a list"]);
    check("[admin]\ntoken = \"x\"", &["2:1 unknown key \"token\" in [admin] | known here: listen"]);
    check(
        "[dnstap]\nsample = 2\nmessages = \"all\"\nidentiti = \"x\"\nversion = \"\"",
        &[
            "1:2 [dnstap] does not say where to | add socket = and the path",
            "2:10 \"sample\" cannot be 2 | use a number from 0 to 1",
            "3:12 unknown messages \"all\"",
            "4:1 unknown key \"identiti\" in [dnstap] | did you mean \"identity\"?",
            "5:11 \"version\" holds 0 bytes",
        ],
    );
    check(
        "[dnstap]\nsocket = \"/run/a\"\nfile = \"b\"\nsample = 0",
        &[
            "3:1 [dnstap] goes to a socket or to a file | leave one of the two out",
            "4:10 a share of 0 tells of nothing | …0.01…leave [dnstap] out",
        ],
    );
    let long = format!("[dnstap]\nsocket = \"/{}\"", "x".repeat(103));
    check(&long, &["2:10 a socket cannot have a path of 104 bytes | use at most 103"]);
    check(
        "[ecs]\ntrust = [\"10.1.0.0/8\", \"192.0.2.1\", \"x\"]",
        &[
            "2:10 \"10.1.0.0/8\" has bits set…write \"10.0.0.0/8\"",
            "2:24 \"192.0.2.1\" is no network | write \"192.0.2.1/32\"",
            "2:37 \"x\" is no network",
        ],
    );
    check(
        "[log]\nformat = \"jsn\"\nlevel = \"loud\"\n[probes]\nconcurrency_max = 0",
        &[
            "2:10 unknown format \"jsn\" | did you mean \"json\"?",
            "3:9 unknown level \"loud\" | known here: debug, error, info, trace, warn",
            "5:19 \"concurrency_max\" cannot be 0",
        ],
    );
}

#[test]
fn of_files_that_the_server_names() {
    // Databases and certificates stay as they were read last, and so leave a server; the rest is needed to read on.
    let check = |text: &str, leaves_a_server: bool, expected: &[&str]| {
        let fixture = Fixture::with_server(text);
        fixture.write("not.pem", "hello");
        assert_findings(&fixture, text, expected);
        assert_eq!(fixture.load(None).server.is_some(), leaves_a_server, "{text}");
    };
    check(
        "[geoip]\ndatabases = [\"no.mmdb\", \"zones\"]",
        true,
        &["2:14 cannot read…no.mmdb…fingerpost geoip build", "2:25…zones is not a file"],
    );
    check(
        "[geoip]\ndatabases = [\"no.mmdb\", \"zones\"]\nnetworks = \"no.toml\"",
        false,
        &[
            "2:14 cannot read…no.mmdb…fingerpost geoip build",
            "2:25…zones is not a file",
            "3:12 cannot read…no.toml",
        ],
    );
    check(
        "[tls]\ncertificate = \"not.pem\"\nkey = \"not.pem\"\ndot = [\"127.0.0.1:8853\"]",
        true,
        &["2:15…not.pem holds no certificate in PEM form", "3:7…not.pem holds no private key"],
    );
    check(
        "[tls]\ncertificate = \"no.pem\"\n",
        false,
        &["1:2 [tls] needs \"key\"", "1:2 [tls] without a listener", "2:15 cannot read…no.pem"],
    );
    check(
        "[admin]\nlisten = \"0.0.0.0:8053\"\ntoken_file = \"not.pem\"",
        true,
        &[
            "3:14 every user…not.pem | chmod",
            "3:14 a token in…short enough to be guessed | make one",
        ],
    );
    check("[admin]\ntoken_file = \"no.tokens\"", false, &["2:14 cannot read…no.tokens"]);
    check(
        "[server]\nzones = \"elsewhere\"",
        false,
        &["error - cannot read…elsewhere…create it, or correct"],
    );
    check(
        "[checks.web]\ntype = \"https\"\nroots = \"no.pem\"",
        false,
        &["3:9 cannot read…no.pem…create it, or correct the path"],
    );
}

#[test]
fn of_sites_and_checks() {
    let check = |text: &str, expected: &[&str]| {
        assert_findings(&Fixture::with_server(text), text, expected);
    };
    check(
        "[sites]\n\"fr a\" = {}\nx = { location = \"EU-US\" }\ny = { location = \"AS64500\" }\n\
         z = { coordinates = [91, 0.0] }\nw = { coordinates = [1] }\nv = { nane = \"V\" }",
        &[
            "2:1 \"fr a\" cannot name a site | use letters",
            "3:18 …did you mean \"NA-US\"?",
            "4:18 \"AS64500\" is no place",
            "5:22 \"coordinates\" cannot be 91 | use a number from -90 to 90",
            "6:21 coordinates are two numbers, not 1",
            "7:7 unknown key \"nane\" in a site | did you mean \"name\"?",
        ],
    );
    check(
        "[checks.a]\nport = 80\n[checks.b]\ntype = \"tcp\"\npath = \"/\"\n[checks.c]\ntype = \"htp\"\n\
         [checks.d]\ntype = \"http\"\nverify = false",
        &[
            "1:9 a check needs \"type\"",
            "3:9 a tcp check needs \"port\"",
            "5:1 this check has no \"path\" | remove it, or use type = \"http\" or \"https\"",
            "7:8 unknown type \"htp\" | did you mean \"http\"?",
            "10:1 this check has no \"verify\" | remove it, or use type = \"https\"",
        ],
    );
    check(
        "[checks.a]\ntype = \"http\"\nport = 0\nfall = 0\nrise = 0\ninterval = \"1ms\"\ntimeout = \"9s\"\n\
         path = \"healthz\"\nmethod = \"get\"\nexpect = \"20-299\"\naddress = [\"::1\", \"::2\"]\nsource = \"x\"",
        &[
            "3:8 \"port\" cannot be 0",
            "4:8 \"fall\" cannot be 0",
            "5:8 \"rise\" cannot be 0",
            "6:12 \"interval\" cannot be 1ms | use 100ms to 1d",
            "warning fingerpost.toml:7:11 the timeout of 9s is longer than the interval of 5s",
            "8:8 the path \"healthz\" does not begin with / | write \"/healthz\"",
            "9:10 \"get\" is no HTTP method",
            "10:10 \"20-299\" is no HTTP status",
            "11:19 \"address\" has two addresses of one family",
            "12:10 \"x\" is no IP address",
        ],
    );
    check(
        "[checks.a]\ntype = \"https\"\nmethod = \"HEAD\"\nbody = \"ok\"\nexpect = []\nserver_name = \"a b\"\n\
         host = \"a/b\"\nheaders = { \"X Y\" = \"1\", Host = \"x\", Ok = \"\\u0007\", Fine = \"1\" }",
        &[
            "4:8 no body answers HEAD",
            "5:10 no status is expected",
            "6:15 \"a b\" is neither a host name nor an address",
            "7:8 \"a/b\" is no host",
            "8:13 \"X Y\" is no name of a header",
            "8:26 the Host header has a key of its own",
            "8:43 a header holds printable ASCII",
        ],
    );
}

/// Checks what is found in pools, below sites and a check called `web`.
fn check_pools(text: &str, expected: &[&str]) {
    let text = format!("{SITES}[checks.web]\ntype = \"http\"\n{text}");
    assert_findings(&Fixture::with_server(&text), &text, expected);
}

#[test]
fn of_pools() {
    let check = check_pools;
    check(
        "[pools.p]\nchek = \"web\"\nanswers = 0\nmethod = \"wieghted\"\nmin_up = 1.5\non_all_down = \"fallback\"\n\
         endpoints = [ { site = \"fr\", a = \"192.0.2.1\" }, { site = \"fra\" }, { a = \"192.0.2.2\", wight = 2 } ]",
        &[
            "7:1 unknown key \"chek\" in a pool | did you mean \"check\"?",
            "8:11 \"answers\" cannot be 0",
            "9:10 unknown method \"wieghted\" | did you mean \"weighted\"?",
            "10:10 \"min_up\" cannot be 1.5 | use a number from 0 to 1",
            "11:15 on_all_down = \"fallback\" without a fallback",
            "12:24 unknown site \"fr\" | did you mean \"fra\"?",
            "12:49 an endpoint needs an address",
            "12:67 an endpoint needs \"site\"",
            "12:86 unknown key \"wight\" in an endpoint | did you mean \"weight\"?",
        ],
    );
    check(
        "[pools.p]\nendpoints = [\n{ site = \"fra\", a = \"2001:db8::1\" },\n\
         { site = \"fra\", aaaa = \"192.0.2.1\" },\n\
         { site = \"fra\", aaaa = \"::ffff:192.0.2.1\" },\n{ site = \"fra\", a = \"0.0.0.0\" },\n\
         { site = \"fra\", a = \"192.0.2.1/32\" } ]",
        &[
            "8:21 \"a\" holds IPv4 addresses, and 2001:db8::1 is IPv6 | write aaaa = \"2001:db8::1\"",
            "9:24 \"aaaa\" holds IPv6 addresses, and 192.0.2.1 is IPv4 | write a = \"192.0.2.1\"",
            "10:24 ::ffff:192.0.2.1 is an IPv4 address…write a = \"192.0.2.1\"",
            "11:21 0.0.0.0 is not the address of a host",
            "12:21 \"192.0.2.1/32\" is no IP address",
        ],
    );
    check(
        "[pools.p]\nendpoints = [\n{ name = \"fra-2\", site = \"fra\", a = \"192.0.2.1\", weight = 0 },\n\
         { site = \"fra\", a = \"192.0.2.1\", weight = 0 },\n{ site = \"fra\", a = \"192.0.2.2\", weight = -1 } ]",
        &[
            "9:1 two endpoints of this pool are called \"fra-2\"",
            "warning fingerpost.toml:9:21 192.0.2.1 stands twice in this pool",
            "10:43 \"weight\" cannot be -1",
        ],
    );
    check(
        "[pools.p]\nendpoints = [ { site = \"fra\", a = \"192.0.2.1\", weight = 0 } ]\n[pools.q]\nendpoints = []\n\
         [pools.r]\ncheck = \"wbe\"",
        &[
            "warning fingerpost.toml:7:13 all endpoints of this pool have weight 0",
            "9:13 a pool without endpoints",
            "10:8 a pool needs \"endpoints\"",
            "11:9 unknown check \"wbe\" | did you mean \"web\"?",
        ],
    );
}

#[test]
fn of_fallbacks_and_own_checks() {
    let check = check_pools;
    let pool = |name: &str, more: &str| {
        format!("[pools.{name}]\nendpoints = [ {{ site = \"fra\", a = \"192.0.2.1\" }} ]\n{more}\n")
    };
    check(
        &[
            pool("a", "fallback = \"b\""),
            pool("b", "fallback = \"c\""),
            pool("c", "fallback = \"b\""),
        ]
        .concat(),
        &["14:12 the fallbacks run in a circle: \"b\" → \"c\" → \"b\""],
    );
    check(&pool("a", "fallback = \"a\""), &["8:12 the fallbacks run in a circle: \"a\" → \"a\""]);
    check(
        &[pool("a", "fallback = \"ab\"\non_all_down = \"nodata\""), pool("abc", "")].concat(),
        &["8:12 the fallback is never used", "8:12 unknown pool \"ab\" | did you mean \"a\"?"],
    );
    check(
        "[pools.p]\ncheck = \"web\"\nendpoints = [\n\
         { site = \"fra\", a = \"192.0.2.1\", check = { address = [\"10.0.0.1\", \"fd00::1\"] } },\n\
         { site = \"fra\", a = \"192.0.2.2\", check = { porrt = 1 } },\n\
         { site = \"fra\", a = \"192.0.2.3\", check = { type = \"tcp\", path = \"/\" } },\n\
         { site = \"fra\", a = \"192.0.2.4\", check = 3 },\n\
         ]\n[pools.q]\nendpoints = [ { site = \"fra\", a = \"192.0.2.1\", check = { port = 1 } } ]",
        &[
            "warning fingerpost.toml:9:42 the probe address fd00::1 is not used: the endpoint has no \"aaaa\"",
            "10:44 unknown key \"porrt\" in a check | did you mean \"port\"?",
            "11:34 a tcp check needs \"port\"",
            "11:58 this check has no \"path\"",
            "12:42 \"check\" must be the name of a check or a table of its fields",
            "15:48 a check needs \"type\"",
        ],
    );
}

/// Checks what is found in a zone's steering, below a pool called `web` at `fra` and `iad`.
fn check_steering(text: &str, expected: &[&str]) {
    let pool = "[pools.web]\nendpoints = [ { site = \"fra\", a = \"192.0.2.1\" }, \
                { site = \"iad\", a = \"192.0.2.2\" } ]\n";
    let text = format!("{pool}{text}");
    assert_findings(&Fixture::with_steering(&text), &text, expected);
}

#[test]
fn of_a_zone() {
    let check = check_steering;
    check("", &["warning zones/example.com.toml:1:8 pool \"web\" is not used"]);
    check(
        "[names.www]\npool = \"wbe\"\nttl = -1\nstrikt = true\n[names.a]\n[names.b]\npool = \"web\"\nroute = \"eu\"",
        &[
            "error zones/example.com.toml:4:8 unknown pool \"wbe\" | did you mean \"web\"?",
            "5:7 \"ttl\" cannot be -1",
            "6:1 unknown key \"strikt\" in a steered name | did you mean \"strict\"?",
            "7:8 a steered name needs \"pool\"",
            "10:9 unknown route \"eu\" | none is defined",
        ],
    );
    check(
        "[names.www]\npool = \"web\"\n[names.WWW]\npool = \"web\"\n[names.\"a..b\"]\npool = \"web\"\n\
         [names.\"x.example.net.\"]\npool = \"web\"\n[names.www2.eu]\npool = \"web\"",
        &[
            "5:8 www.example.com. is steered twice; first in line 3",
            "7:8 \"a..b\" is no name",
            "9:8 x.example.net. does not lie in the zone example.com.",
            "11:8 a steered name needs \"pool\"",
            "11:13 \"eu\" is no key of a steered name | a name with dots stands in quotes: [names.\"www2.eu\"]",
        ],
    );
    check(
        "[names]\na = { pool = \"web\", ttl = 0 }\nb = { pool = \"web\", ttl = \"2d\" }\n\
         c = { pool = \"web\", ttl = \"1500ms\" }\n",
        &[
            "warning zones/example.com.toml:4:27 TTL 0",
            "warning zones/example.com.toml:5:27 resolvers keep this answer for more than a day",
            "6:27 a TTL is a whole number of seconds",
        ],
    );
    check("[names.ns]\npool = \"web\"", &["zones/example.com…ns.example.com."]);
}

#[test]
fn of_routes() {
    let check = check_steering;
    check(
        "[names.a]\npool = \"web\"\nroute = [\n{ geo = [\"EU\"] },\n{ geo = [\"XX\"], sites = [\"fra\"] },\n\
         { subnets = [\"10.0.0.1/8\"], sites = [] },\n{ nearest = true, sites = [\"fra\"] },\n{ },\n\
         { geo = [\"EU\"], nearest = true },\n{ nearest = false },\n{ nearst = true },\n\
         { geo = [\"NA\"], sites = [\"lhr\", \"fra\", \"fra\"] } ]",
        &[
            "6:1 a rule by subnets or geo needs \"sites\"",
            "7:10…XX",
            "8:14 \"10.0.0.1/8\" has bits set",
            "8:37 \"sites\" is empty",
            "9:27 nearest orders the sites itself",
            "10:1 a rule matches by exactly one of",
            "11:1 a rule matches by exactly one of",
            "12:13 nearest = false matches nothing",
            "warning zones/example.com.toml:12:13 no client reaches this: \"nearest\"",
            "13:1 a rule matches by exactly one of",
            "13:3 unknown key \"nearst\" in a rule | did you mean \"nearest\"?",
            "14:26 unknown site \"lhr\"",
        ],
    );
    check(
        "[names.a]\npool = \"web\"\nroute = [\n{ geo = [\"EU\", \"AS64500\"], sites = [\"fra\", \"fra\"] },\n\
         { geo = [\"AF\", \"EU\"], sites = [\"iad\"] },\n{ geo = [\"EU-DE\"], sites = [\"iad\"] },\n\
         { subnets = [\"10.0.0.0/8\"], sites = [\"iad\"] },\n\
         { subnets = [\"10.1.0.0/16\", \"10.0.0.0/8\"], sites = [\"iad\"] },\n\
         { geo = [\"EU-FR\", \"*\"], sites = [\"iad\"] },\n{ subnets = [\"10.2.0.0/16\"], sites = [\"iad\"] },\n\
         { nearest = true } ]",
        &[
            "warning zones/example.com.toml:6:44 site \"fra\" stands twice in this order",
            "7:16 no client reaches this: \"EU\" matches earlier",
            "10:29 no client reaches this: \"10.0.0.0/8\"",
            "11:10 no client reaches this: \"EU\"",
            "12:14 no client reaches this: \"10.0.0.0/8\"",
            "13:13 no client reaches this: \"*\"",
        ],
    );
    check(
        "[sites.lhr]\n[sites.fra]\n[names.a]\npool = \"web\"\nroute = [{ geo = [\"EU\"], sites = [\"lhr\", \"fra\"] }]",
        &["warning zones/example.com.toml:7:35 pool \"web\" has no endpoint at site \"lhr\""],
    );
    check(
        "[sites.iad]\n[names.a]\npool = \"web\"\n[names.b]\npool = \"web\"\n[checks.c]\ntype = \"http\"\n\
         [routes]\nr = [{ nearest = true }]",
        &[
            "error zones/example.com.toml:5:8 \"nearest\" cannot measure: site \"iad\" has no coordinates …coordinates",
            "warning zones/example.com.toml:8:9 check \"c\" is not used",
            "warning zones/example.com.toml:11:1 route \"r\" is not used",
        ],
    );
    check(
        "[balancers.x]\n[names.a]\npool = \"web\"",
        &[
            "3:2 unknown key \"balancers\" in the zone's file…checks, directors, names, pools, routes, sites",
        ],
    );
}

#[test]
fn of_the_directory_of_zones() {
    let check = |files: &[(&str, &str)], expected: &[&str]| {
        let fixture = Fixture::new();
        fixture.write("fingerpost.toml", "").write("zones/.hidden.zone", "");
        for (path, text) in files {
            fixture.write(&format!("zones/{path}"), text);
        }
        assert_findings(&fixture, &format!("{files:?}"), expected);
    };
    check(&[], &["warning - no zones in…every query will be refused"]);
    check(&[("README", "")], &["warning - no zones in"]);
    check(
        &[("a.example.toml", "")],
        &["error - …a.example.toml has no zone beside it | create…a.example.zone"],
    );
    check(
        &[("a..b.zone", ZONE)],
        &["error - the file name of…a..b.zone is no zone's name", "no zones"],
    );
    check(
        &[("A.example.zone", ZONE), ("a.example.zone", ZONE)],
        &["error -…A.example.zone and…a.example.zone are the same zone"],
    );
}

#[test]
fn of_networks() {
    let check = |text: &str, expected: &[&str]| {
        let fixture = Fixture::with_server(SITES);
        fixture.write("geoip/networks.toml", text);
        assert_findings(&fixture, text, expected);
    };
    check("", &[]);
    check("networks", &["error geoip/networks.toml:1:9 not valid TOML"]);
    check(
        "[networks]\n\"10.0.0.1/8\" = { asn = 1 }\n\"2001:db8::/32\" = { asn = 1 }\n\"2001:DB8:0::/32\" = { asn = 0 }\n\
         \"192.0.2.0/24\" = {}\n\"198.51.100.0/24\" = { sites = [\"frra\"], location = \"*\", as = 1 }\n\
         \"203.0.113.0/24\" = { sites = [] }\n[network]",
        &[
            "error geoip/networks.toml:2:1 \"10.0.0.1/8\" has bits set…write \"10.0.0.0/8\"",
            "4:1 2001:db8::/32 stands here twice; first in line 3",
            "4:29 \"asn\" cannot be 0",
            "warning geoip/networks.toml:5:1 nothing is said of this network",
            "warning geoip/networks.toml:6:32 the server has no site \"frra\" | did you mean \"fra\"?",
            "6:52 \"*\" is no place",
            "6:57 unknown key \"as\" in a network | did you mean \"asn\"?",
            "7:30 \"sites\" is empty",
            "8:2 unknown key \"network\" in the networks file | did you mean \"networks\"?",
        ],
    );
}

#[test]
fn of_unreadable_files() {
    let fixture = Fixture::new();
    assert_findings(
        &fixture,
        "nothing",
        &["error - cannot read…fingerpost.toml…create it, or correct"],
    );
    fixture.write("fingerpost.toml", b"[server]\nnsid = \"\xff\"\n");
    assert_findings(
        &fixture,
        "not UTF-8",
        &["error fingerpost.toml:2:9 the file is not UTF-8 text"],
    );
    let fixture = Fixture::with_server("");
    std::fs::create_dir(fixture.path("overrides.toml")).unwrap();
    assert_findings(
        &fixture,
        "a directory",
        &["error - cannot read…overrides.toml…not a directory"],
    );
}

#[test]
fn of_rules_by_place_without_places() {
    let pool = "[pools.web]\nendpoints = [ { site = \"fra\", a = \"192.0.2.1\" } ]\n";
    let check = |name: &str, expected: &[&str]| {
        let fixture = Fixture::with_server(SITES);
        let text = format!("{pool}[names.www]\npool = \"web\"\n{name}");
        fixture.write("zones/example.com.toml", &text);
        assert_findings(&fixture, &text, expected);
    };
    check("", &[]);
    check("route = [{ geo = [\"*\"], sites = [\"fra\"] }]", &[]);
    check(
        "route = [{ geo = [\"EU\"], sites = [\"fra\"] }]",
        &[
            "warning - no client can be placed, but www.example.com. is steered by place | …geoip build",
        ],
    );
}
