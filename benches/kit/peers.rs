//! The servers to compare with: the echo, Fingerpost, and the peers as Debian packages them, with the same zone and,
//! where they steer, the same database and as near a policy as they can say.
//!
//! `apt-get install knot knot-module-geoip gdnsd nsd pdns-server pdns-backend-geoip dnsperf` has all of them; what
//! is not installed is left out.

use super::process::{Process, free_port, is_installed};
use super::{Failed, query, scene};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that answers.
pub struct Peer {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it has the static names too.
    pub has_static: bool,
    /// Whether `www` depends on who asks.
    pub steers: bool,
}

/// Writes a server's files for a port, and perhaps a second, into a directory; the command that starts it.
type Prepare = fn(&Path, u16, Option<u16>) -> Result<Vec<String>, Failed>;

/// How to start one of them.
pub struct Recipe {
    /// What people call it.
    pub name: &'static str,
    /// What must be installed; empty: nothing.
    program: &'static str,
    /// Writes its files into a directory and gives the command.
    prepare: Prepare,
    has_static: bool,
    steers: bool,
}

/// All of them, in the order in which they are shown.
pub const RECIPES: [Recipe; 6] = [
    Recipe { name: "echo", program: "", prepare: echo, has_static: true, steers: true },
    Recipe { name: "fingerpost", program: "", prepare: fingerpost, has_static: true, steers: true },
    Recipe { name: "gdnsd", program: "gdnsd", prepare: gdnsd, has_static: true, steers: true },
    Recipe { name: "knot", program: "knotd", prepare: knot, has_static: true, steers: true },
    Recipe { name: "nsd", program: "nsd", prepare: nsd, has_static: true, steers: false },
    Recipe { name: "pdns", program: "pdns_server", prepare: pdns, has_static: false, steers: true },
];

impl Recipe {
    /// Whether it can be started here.
    pub fn is_installed(&self) -> bool {
        self.program.is_empty() || is_installed(self.program)
    }

    /// Starts it on some cores, its files in `directory`; none if it does not come up, with a note of why.
    /// Those that can are told to probe the endpoints on `probe_port`.
    pub fn start(
        &self,
        directory: &Path,
        cores: &str,
        probe_port: Option<u16>,
    ) -> Result<Option<Peer>, Failed> {
        let directory = directory.join(self.name);
        fs::create_dir_all(&directory)?;
        let port = free_port()?;
        let command = (self.prepare)(&directory, port, probe_port)?;
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let log = directory.join("log");
        let mut process = Process::start(self.name, cores, &words, &log)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let question = query("www.example.com", 1);
        if process.wait_for_answer(address, &question, PATIENCE).is_none() {
            let log = fs::read_to_string(log).unwrap_or_default();
            println!("# {} does not come up:\n{log}", self.name);
            return Ok(None);
        }
        Ok(Some(Peer { process, address, has_static: self.has_static, steers: self.steers }))
    }
}

/// Writes Fingerpost's configuration for the scene.
pub fn write_scene(
    directory: &Path,
    listen: &str,
    workers: usize,
    probe_port: Option<u16>,
) -> Result<String, Failed> {
    fs::create_dir_all(directory.join("zones"))?;
    let config = directory.join("fingerpost.toml");
    fs::write(&config, scene::server_toml(listen, workers, probe_port))?;
    fs::write(directory.join("zones/example.com.zone"), scene::zone_text())?;
    fs::write(directory.join("zones/example.com.toml"), scene::zone_toml(probe_port.is_some()))?;
    Ok(path(&config))
}

/// The command that serves a configuration.
pub fn serve(config: &str) -> Vec<String> {
    words(&[env!("CARGO_BIN_EXE_fingerpost"), "serve", "--config", config])
}

fn fingerpost(directory: &Path, port: u16, probe_port: Option<u16>) -> Result<Vec<String>, Failed> {
    // Outside of the watched directory, so that its own log never asks for a reload.
    let inner = directory.join("etc");
    Ok(serve(&write_scene(&inner, &format!("127.0.0.1:{port}"), 1, probe_port)?))
}

fn echo(_: &Path, port: u16, _: Option<u16>) -> Result<Vec<String>, Failed> {
    Ok(words(&[&path(&std::env::current_exe()?), "echo", &port.to_string()]))
}

fn plain_zone(directory: &Path, www: &str) -> Result<String, Failed> {
    let file = directory.join("example.com.zone");
    fs::write(&file, scene::plain_zone_text() + www)?;
    Ok(path(&file))
}

fn gdnsd(directory: &Path, port: u16, _: Option<u16>) -> Result<Vec<String>, Failed> {
    for name in ["zones", "run", "state"] {
        fs::create_dir_all(directory.join(name))?;
    }
    let text = scene::plain_zone_text() + "www 30 DYNA geoip!www\n";
    fs::write(directory.join("zones/example.com"), text)?;
    let (here, database) = (path(directory), path(&scene::database()));
    let config = format!(
        "options => {{ listen => 127.0.0.1:{port}, udp_threads => 1, tcp_threads => 1,
  edns_client_subnet => true, run_dir => {here}/run, state_dir => {here}/state }}
plugins => {{ geoip => {{
  maps => {{ world => {{
    geoip2_db => {database}, datacenters => [eu, na, as],
    map => {{ EU => [eu, na, as], NA => [na, eu, as], AS => [as, eu, na] }} }} }}
  resources => {{ www => {{ map => world, service_types => up, dcmap => {{
    eu => [127.0.2.1, 127.0.2.2], na => [127.0.3.1, 127.0.3.2], as => [127.0.4.1, 127.0.4.2] }} }} }}
}} }}
"
    );
    fs::write(directory.join("config"), config)?;
    Ok(words(&["gdnsd", "-c", &here, "start"]))
}

fn knot(directory: &Path, port: u16, _: Option<u16>) -> Result<Vec<String>, Failed> {
    plain_zone(directory, "www 30 A 127.0.2.1\n")?;
    let (here, database) = (path(directory), path(&scene::database()));
    let sites = [("EU", 2), ("NA", 3), ("AS", 4)];
    let geo: String = sites
        .iter()
        .map(|(code, at)| {
            format!("  - geo: \"{code};*\"\n    A: 127.0.{at}.1\n    A: 127.0.{at}.2\n")
        })
        .collect();
    fs::write(directory.join("geo.conf"), format!("www.example.com:\n{geo}"))?;
    let config = format!(
        "server:
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    rundir: {here}
    edns-client-subnet: on
database:
    storage: {here}
mod-geoip:
  - id: geo
    config-file: {here}/geo.conf
    ttl: 30
    mode: geodb
    geodb-file: {database}
    geodb-key: [ continent/code, country/iso_code ]
template:
  - id: default
    storage: {here}
zone:
  - domain: example.com
    file: example.com.zone
    module: mod-geoip/geo
"
    );
    fs::write(directory.join("knot.conf"), config)?;
    Ok(words(&["knotd", "-c", &format!("{here}/knot.conf")]))
}

/// Knot as it serves one plain zone file, for load times and memory.
pub fn knot_plain(
    directory: &Path,
    port: u16,
    origin: &str,
    file: &Path,
) -> Result<Vec<String>, Failed> {
    let (here, file) = (path(directory), path(file));
    let config = format!(
        "server:
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    rundir: {here}
database:
    storage: {here}
zone:
  - domain: {origin}
    file: {file}
    zonefile-sync: -1
    journal-content: none
"
    );
    fs::write(directory.join("knot.conf"), config)?;
    Ok(words(&["knotd", "-c", &format!("{here}/knot.conf")]))
}

fn nsd(directory: &Path, port: u16, _: Option<u16>) -> Result<Vec<String>, Failed> {
    let zone = plain_zone(directory, "www 30 A 127.0.2.1\n")?;
    nsd_plain(directory, port, "example.com", Path::new(&zone))
}

/// NSD as it serves one zone file.
pub fn nsd_plain(
    directory: &Path,
    port: u16,
    origin: &str,
    file: &Path,
) -> Result<Vec<String>, Failed> {
    let (here, file) = (path(directory), path(file));
    let config = format!(
        "server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: \"\"
  zonesdir: {here}
  pidfile: {here}/nsd.pid
  database: \"\"
  xfrdfile: {here}/xfrd
  zonelistfile: {here}/zones
  xfrdir: {here}
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: {origin}
  zonefile: {file}
"
    );
    fs::write(directory.join("nsd.conf"), config)?;
    Ok(words(&["nsd", "-d", "-c", &format!("{here}/nsd.conf")]))
}

fn pdns(directory: &Path, port: u16, _: Option<u16>) -> Result<Vec<String>, Failed> {
    let (here, database) = (path(directory), path(&scene::database()));
    let config = format!(
        "launch=geoip
local-address=127.0.0.1
local-port={port}
geoip-zones-file={here}/geo.yaml
geoip-database-files=mmdb:{database}
edns-subnet-processing=yes
socket-dir={here}
receiver-threads=1
distributor-threads=1
guardian=no
daemon=no
"
    );
    fs::write(directory.join("pdns.conf"), config)?;
    let zones = "domains:
- domain: example.com
  ttl: 30
  records:
    example.com:
      - soa: ns1.example.com hostmaster.example.com 1 7200 3600 86400 60
      - ns: ns1.example.com
    eu.www.example.com: [ {a: 127.0.2.1}, {a: 127.0.2.2} ]
    na.www.example.com: [ {a: 127.0.3.1}, {a: 127.0.3.2} ]
    as.www.example.com: [ {a: 127.0.4.1}, {a: 127.0.4.2} ]
    unknown.www.example.com: [ {a: 127.0.2.1} ]
  services:
    www.example.com: [ '%cn.www.example.com', 'unknown.www.example.com' ]
";
    fs::write(directory.join("geo.yaml"), zones)?;
    Ok(words(&["pdns_server", &format!("--config-dir={here}")]))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Temporary directories have names of plain text.
fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
