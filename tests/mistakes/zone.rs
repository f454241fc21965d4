//! What can be wrong with zones, with what steers them, and with the files beside them.

use super::{Mistake, append, mistake, replace};
use std::os::unix::fs::symlink;

const STEERED: &str = "zones/example.com.toml";
const FILE: &str = "zones/example.com.zone";

/// Of names and what they refer to.
pub fn steering() -> Vec<Mistake> {
    vec![
        mistake(
            "an unknown pool",
            replace(STEERED, "pool = \"web\"", "pool = \"wbe\""),
            "zones/example.com.toml:6:8",
            "unknown pool \"wbe\"",
            "\"web\"",
            false,
        ),
        mistake(
            "an unknown site",
            replace(STEERED, "\"fra\"", "\"far\""),
            "zones/example.com.toml:3:12",
            "far",
            "fra",
            false,
        ),
        mistake(
            "a name twice",
            append(STEERED, "[names.GEO]\npool = \"web\"\n"),
            "zones/example.com.toml:7:",
            "twice",
            "",
            false,
        ),
        mistake(
            "a pool twice",
            append(STEERED, "[pools.web]\nanswers = 1\n"),
            "zones/example.com.toml:7:",
            "duplicate key",
            "keep one of the two",
            false,
        ),
    ]
}

/// Of endpoints.
pub fn pools() -> Vec<Mistake> {
    vec![
        mistake(
            "an IPv6 address as A",
            replace(STEERED, "192.0.2.1", "2001:db8::1"),
            "zones/example.com.toml:3:",
            "2001:db8::1",
            "aaaa",
            false,
        ),
        mistake(
            "an IPv4 address as AAAA",
            replace(STEERED, "a = \"192.0.2.1\"", "aaaa = \"192.0.2.1\""),
            "zones/example.com.toml:3:",
            "192.0.2.1",
            "a = ",
            false,
        ),
        mistake(
            "an endpoint twice",
            |dir| {
                replace(STEERED, "{ site", "{ name = \"one\", site")(dir);
                let two = "},\n  { name = \"one\", site = \"fra\", a = \"192.0.2.9\" },\n]";
                replace(STEERED, "},\n]", two)(dir);
            },
            "zones/example.com.toml:4:",
            "\"one\"",
            "",
            false,
        ),
    ]
}

/// Of master files.
pub fn master_files() -> Vec<Mistake> {
    vec![
        mistake(
            "a zone cut off",
            replace(
                FILE,
                " 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1\n",
                " 7200",
            ),
            "zones/example.com.zone:2:",
            "",
            "",
            false,
        ),
        mistake(
            "an empty zone",
            |dir| dir.write(FILE, ""),
            "zones/example.com.zone:1:1",
            "no SOA",
            "begin with one",
            false,
        ),
        mistake(
            "a static name that is steered",
            append(FILE, "geo A 192.0.2.9\n"),
            "zones/example.com.",
            "geo",
            "",
            false,
        ),
        mistake(
            "a dangling zone",
            |dir| {
                dir.remove(FILE);
                symlink("nowhere", dir.file(FILE)).expect("a link");
            },
            FILE,
            "cannot read",
            "create it",
            false,
        ),
        mistake(
            "a zone that is a directory",
            |dir| {
                dir.remove(FILE);
                std::fs::create_dir(dir.file(FILE)).expect("a directory");
            },
            FILE,
            "cannot read",
            "",
            false,
        ),
        mistake(
            "an address that is none",
            replace(FILE, "192.0.2.53", "192.0.2.530"),
            "zones/example.com.zone:4:7",
            "192.0.2.530",
            "",
            false,
        ),
    ]
}

/// Of what lies beside zones.
pub fn beside() -> Vec<Mistake> {
    vec![
        mistake(
            "networks with host bits",
            |dir| {
                dir.write(
                    "geoip/networks.toml",
                    "[networks]\n\"192.0.2.1/24\" = { location = \"EU-DE\" }\n",
                )
            },
            "geoip/networks.toml:2:1",
            "192.0.2.1/24",
            "192.0.2.0/24",
            true,
        ),
        mistake(
            "an override of no kind",
            |dir| dir.write("overrides.toml", "[[override]]\nsite = \"fra\"\nstate = \"don\"\n"),
            "overrides.toml:3:",
            "don",
            "down",
            true,
        ),
    ]
}
