//! What can be wrong with the server's file and with what it names.

use super::{Mistake, append, mistake, replace};
use crate::kit::ConfigDir;
use std::os::unix::fs::symlink;
use std::path::Path;

const FILE: &str = "fingerpost.toml";
const DATABASES: &str = "[geoip]\ndatabases = [\"world.mmdb\"]\n";

/// Of the file itself.
pub fn settings() -> Vec<Mistake> {
    vec![
        mistake(
            "broken TOML",
            replace(FILE, "[server]", "[server"),
            "fingerpost.toml:1:",
            "not valid TOML",
            "mend this first",
            true,
        ),
        mistake(
            "an unknown key",
            replace(FILE, "listen =", "listn ="),
            "fingerpost.toml:2:1",
            "listn",
            "listen",
            true,
        ),
        mistake(
            "an unknown table",
            append(FILE, "[sits]\n"),
            "fingerpost.toml:5:2",
            "sits",
            "sites",
            true,
        ),
        mistake(
            "no server file",
            |dir| dir.remove(FILE),
            FILE,
            "cannot read",
            "say what to check",
            true,
        ),
        mistake(
            "a dangling server file",
            |dir| {
                dir.remove(FILE);
                symlink("nowhere", dir.file(FILE)).expect("a link");
            },
            FILE,
            "cannot read",
            "say what to check",
            true,
        ),
        mistake(
            "a missing directory of zones",
            |dir| std::fs::remove_dir_all(dir.file("zones")).expect("removed"),
            "zones",
            "cannot read",
            "create it",
            true,
        ),
        mistake(
            "an address without a port",
            replace(FILE, "127.0.0.1:0", "127.0.0.1"),
            "fingerpost.toml:2:",
            "127.0.0.1",
            ":",
            true,
        ),
    ]
}

/// Of databases.
pub fn databases() -> Vec<Mistake> {
    let database = |bytes: Vec<u8>| {
        move |dir: &ConfigDir| {
            append(FILE, DATABASES)(dir);
            dir.write("world.mmdb", &bytes);
        }
    };
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("geoip/world.mmdb");
    let whole = std::fs::read(shipped).expect("the shipped database");
    let half = whole[..whole.len() / 2].to_vec();
    vec![
        mistake(
            "a missing database",
            append(FILE, DATABASES),
            "fingerpost.toml:6:",
            "world.mmdb",
            "geoip build",
            true,
        ),
        mistake(
            "a truncated database",
            database(half),
            "world.mmdb",
            "cannot be used",
            "build it again",
            true,
        ),
        mistake(
            "a database that is none",
            database(b"PK\x03\x04".to_vec()),
            "world.mmdb",
            "cannot be used",
            "",
            true,
        ),
        mistake(
            "a database of another type",
            database(without_places(&whole)),
            "world.mmdb",
            "says nothing of where networks are",
            "",
            true,
        ),
    ]
}

/// The same tree with records of other keys, as databases of proxies or of domains have.
fn without_places(database: &[u8]) -> Vec<u8> {
    let mut bytes = database.to_vec();
    for key in ["continent", "country", "location", "subdivisions"] {
        for at in 0..bytes.len() - key.len() {
            if &bytes[at..at + key.len()] == key.as_bytes() {
                bytes[at] = b'x';
            }
        }
    }
    bytes
}

/// Of certificates, shown and trusted.
pub fn certificates() -> Vec<Mistake> {
    vec![
        mistake(
            "a missing certificate root",
            append(FILE, "[checks.web]\ntype = \"https\"\nroots = \"roots.pem\"\n"),
            "fingerpost.toml:7:",
            "roots.pem",
            "create it",
            true,
        ),
        mistake(
            "a certificate root that is none",
            |dir| {
                append(FILE, "[checks.web]\ntype = \"https\"\nroots = \"roots.pem\"\n")(dir);
                dir.write("roots.pem", "nothing\n");
            },
            "fingerpost.toml:7:",
            "no certificate in PEM form",
            "-----BEGIN CERTIFICATE-----",
            true,
        ),
        mistake(
            "a missing certificate",
            append(
                FILE,
                "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\ndot = [\"127.0.0.1:0\"]\n",
            ),
            "fingerpost.toml:6:",
            "c.pem",
            "create it",
            true,
        ),
    ]
}
