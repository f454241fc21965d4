//! Everything that can be wrong with what the program is given: how to spoil a sound configuration, and what must be
//! said of it.

mod director;
mod server;
mod zone;

use crate::kit::ConfigDir;

/// A small zone.
pub const ZONE: &str = "$TTL 300\n@ SOA ns1 host 1 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1\n";
/// The one site.
pub const SITES: &str = "[sites]\nfra = { location = \"EU-DE\" }\n";
const CONFIG: &str = "[server]\nlisten = [\"127.0.0.1:0\"]\n";
const STEERING: &str = "[pools.web]\nendpoints = [\n  { site = \"fra\", a = \"192.0.2.1\" },\n]\n\
    [names.geo]\npool = \"web\"\n";

/// All of it.
pub fn all() -> Vec<Mistake> {
    let parts = [
        server::settings(),
        server::databases(),
        server::certificates(),
        zone::steering(),
        zone::pools(),
        director::directors(),
    ];
    parts.into_iter().chain([zone::master_files(), zone::beside()]).flatten().collect()
}

/// Something wrong, and what must be said of it.
pub struct Mistake {
    /// What is wrong, for messages of the test.
    pub what: &'static str,
    /// Makes it so.
    pub spoil: Box<dyn Fn(&ConfigDir)>,
    /// File, and `:line:column` where there is such a place.
    pub place: &'static str,
    /// In the message.
    pub message: &'static str,
    /// In the cure; empty where the message says enough.
    pub help: &'static str,
    /// Whether there is nothing to serve.
    pub fatal: bool,
}

/// A configuration without mistakes.
pub fn sound() -> ConfigDir {
    ConfigDir::new()
        .server(&format!("{CONFIG}{SITES}"))
        .zone("example.com", ZONE)
        .steering("example.com", STEERING)
        .zone("example.net", ZONE)
}

fn mistake(
    what: &'static str,
    spoil: impl Fn(&ConfigDir) + 'static,
    place: &'static str,
    message: &'static str,
    help: &'static str,
    fatal: bool,
) -> Mistake {
    Mistake { what, spoil: Box::new(spoil), place, message, help, fatal }
}

/// Puts a text in place of another of a file.
pub fn replace(file: &'static str, from: &'static str, to: &'static str) -> impl Fn(&ConfigDir) {
    move |dir| {
        let written = std::fs::read_to_string(dir.file(file)).expect("the file");
        assert!(written.contains(from), "{file} holds no {from:?}");
        dir.write(file, written.replacen(from, to, 1));
    }
}

/// Adds to the end of a file.
fn append(file: &'static str, more: &'static str) -> impl Fn(&ConfigDir) {
    move |dir| {
        let written = std::fs::read_to_string(dir.file(file)).expect("the file");
        dir.write(file, format!("{written}{more}"));
    }
}
