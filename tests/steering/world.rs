//! The world that queries are steered through: four sites, a database, networks of our own, a zone and its pools.

use crate::kit::ConfigDir;
use crate::kit::server::TestServer;
use fingerpost::control::Reloaded;
use fingerpost::geo::build::{BuildOptions, build};

/// What the database is made of: prefixes in prefixes, a range that is no prefix, single addresses, both families.
pub const PLACES: &str = "\
20.0.0.0/8,DE
20.128.0.0/9,FR
20.200.0.0/16,US
20.200.7.0/24,US,CA,37.0,-120.0
20.200.7.129/32,DE
30.0.0.0-30.0.2.255,JP
40.0.0.0/10,US,VA
50.0.0.0/8,BR
60.0.0.0/8,ZA
70.0.0.0/8,AU
70.1.0.0/16,AU,,50.1,8.6
2a00::/12,DE
2a00:4000::/18,FR
2a00:1234:5678:9abc::/64,US
2a00:1234:5678:9abc::1/128,JP
2600::/12,US
2600:8000::/17,US,CA,37.0,-120.0
2400::/12,JP
2001:db8::/32,AU
";

/// Networks of our own, which win over the database; clients on loopback are placed by theirs.
pub const NETWORKS: &str = r#"
"20.5.0.0/16" = { sites = ["syd", "nrt"] }
"20.5.6.0/24" = { location = "AS-JP" }
"20.6.0.0/16" = { coordinates = [-33.0, 151.0] }
"90.0.0.0/16" = { asn = 64500 }
"91.0.0.0/16" = { asn = 64500, location = "AF-ZA" }
"91.1.0.0/16" = { asn = 64500, location = "SA-BR" }
"2a00:5::/32" = { sites = ["syd", "nrt"] }
"2a00:5:6::/48" = { location = "AS-JP" }
"127.0.0.0/8" = { location = "EU-DE" }
"127.0.0.2/32" = { location = "NA-US-VA" }
"127.0.0.3/32" = { location = "AS-JP" }
"127.0.0.4/32" = { sites = ["syd"] }
"::1/128" = { location = "AS-JP" }
"#;

/// Each site's only endpoint in the pools `each` and `three`, as data of A and AAAA.
pub const FRA: (&str, &str) = ("192.0.2.11", "2001:db8::11");
pub const IAD: (&str, &str) = ("192.0.2.21", "2001:db8::21");
pub const NRT: (&str, &str) = ("192.0.2.31", "2001:db8::31");
pub const SYD: (&str, &str) = ("192.0.2.41", "2001:db8::41");

/// The SOA of negative answers.
pub const SOA: &str =
    "example.com. 60 SOA ns1.example.com. hostmaster.example.com. 1 7200 1800 1209600 60";

const SERVER: &str = r#"
[server]
listen = ["127.0.0.1:0", "[::1]:0"]
zones = "zones"
udp_workers = 1

[geoip]
databases = ["world.mmdb"]
networks = "networks.toml"

[sites]
fra = { location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { location = "NA-US-VA", coordinates = [39.04, -77.49] }
nrt = { location = "AS-JP", coordinates = [35.77, 140.39] }
syd = { location = "OC-AU", coordinates = [-33.95, 151.18] }
"#;

const ZONE: &str = "
$ORIGIN example.com.
$TTL 3600
@       SOA   ns1 hostmaster 1 7200 1800 1209600 60
@       NS    ns1
@       MX    10 nearest
ns1     A     192.0.2.53
static  A     192.0.2.1
static  AAAA  2001:db8::1
nearest TXT   \"beside steered addresses\"
alias   CNAME nearest
alias2  CNAME alias
to-fence CNAME fence
_a._tcp SRV   0 5 80 nearest
svc     HTTPS 1 . alpn=h2
to      HTTPS 1 nearest
both    MX    10 nearest
both    MX    20 subnets
turns   MX    10 turn
mixed   MX    10 weighted
hashed  MX    10 hash
raggeds MX    10 ragged
away    NS    ns1.away
ns1.away A    192.0.2.54
";

/// A server on the world, with these pools and names, and perhaps pinned endpoints.
pub fn start(pools_and_names: &str) -> TestServer {
    TestServer::start(directory(pools_and_names))
}

/// The same, not started yet.
pub fn directory(pools_and_names: &str) -> ConfigDir {
    directory_of_networks(pools_and_names, NETWORKS)
}

/// The same, with other networks.
pub fn directory_of_networks(pools_and_names: &str, networks: &str) -> ConfigDir {
    let dir = ConfigDir::new()
        .server(SERVER)
        .with("places.csv", PLACES)
        .networks(&format!("[networks]\n{networks}"))
        .zone("example.com", ZONE)
        .steering("example.com", pools_and_names);
    let options = BuildOptions {
        inputs: vec![dir.file("places.csv")],
        database_type: "Test-City".to_owned(),
        description: "Places that are nowhere".to_owned(),
        build_epoch: Some(0),
    };
    let built = build(&options, |_, _| ()).unwrap_or_else(|report| panic!("{report:?}"));
    dir.with("world.mmdb", built.bytes)
}

/// `[pools.each]`, one endpoint at each of the sites, and more settings.
pub fn pool(name: &str, sites: &[&str], settings: &str) -> String {
    let endpoint = |site: &&str| {
        let (a, aaaa) = endpoint(site);
        format!("  {{ site = \"{site}\", a = \"{a}\", aaaa = \"{aaaa}\" }},\n")
    };
    let endpoints: String = sites.iter().map(endpoint).collect();
    format!("[pools.{name}]\n{settings}\nendpoints = [\n{endpoints}]\n")
}

/// The addresses of a site's only endpoint.
pub fn endpoint(site: &str) -> (&'static str, &'static str) {
    match site {
        "fra" => FRA,
        "iad" => IAD,
        "nrt" => NRT,
        "syd" => SYD,
        _ => panic!("no site {site}"),
    }
}

/// `[pools.NAME]` of A endpoints at fra, `192.0.2.101` and on with `AAAA` alike, one for each weight.
pub fn crowd(name: &str, weights: &[u32], settings: &str) -> String {
    let endpoint = |(at, weight): (usize, &u32)| {
        let at = 101 + at;
        format!(
            "  {{ site = \"fra\", a = \"192.0.2.{at}\", aaaa = \"2001:db8::{at}\", weight = {weight} }},\n"
        )
    };
    let endpoints: String = weights.iter().enumerate().map(endpoint).collect();
    format!("[pools.{name}]\n{settings}\nendpoints = [\n{endpoints}]\n")
}

/// `overrides.toml` from lines like `site = "fra", state = "down"`.
pub fn pins(lines: &[&str]) -> String {
    let one = |line: &&str| {
        let keys = line.replace(", ", "\n");
        format!("[[override]]\n{keys}\nreason = \"a test\"\nuntil = 2999-01-01T00:00:00Z\n")
    };
    lines.iter().map(one).collect()
}

/// Pins these and waits until it is so.
pub fn pin(server: &TestServer, lines: &[&str]) {
    server.dir.replace("overrides.toml", pins(lines));
    match server.reload() {
        Reloaded::Published(..) | Reloaded::Unchanged(_) => {}
        Reloaded::Refused(report) => panic!("{report:?}"),
    }
}
