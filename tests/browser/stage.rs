//! What a story is played on: backends that can be stopped, and the program serving a configuration around them.

use super::kit::{Backend, ConfigDir, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::Duration;

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 7 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\nplain A 192.0.2.80\n";

const SERVER: &str = r#"
[server]
listen = ["127.0.0.1:0"]
zones = "zones"
[geoip]
networks = "networks.toml"
[sites]
fra = { name = "Frankfurt", location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { name = "Ashburn", location = "NA-US-VA", coordinates = [39.04, -77.49] }
sin = { name = "Singapore", location = "AS-SG", coordinates = [1.35, 103.82] }
[checks.web]
type = "http"
path = "/healthz"
interval = "1s"
timeout = "1s"
fall = 2
rise = 1
"#;

/// Where the clients of the stories are: Paris, New York, Tokyo.
const NETWORKS: &str = r#"
[networks]
"198.51.100.0/24" = { location = "EU-FR", coordinates = [48.86, 2.35] }
"203.0.113.0/24" = { location = "NA-US-NY", coordinates = [40.71, -74.01] }
"192.0.2.0/24" = { location = "AS-JP", coordinates = [35.68, 139.69] }
"#;

const NAMES: &str = "[names.www]\npool = \"web\"\nttl = 30\nroute = [ { nearest = true } ]\n";

/// Every endpoint: its site and the address that it is served as.
const ENDPOINTS: [(&str, &str, &str); 5] = [
    ("fra-1", "fra", "192.0.2.11"),
    ("fra-2", "fra", "192.0.2.12"),
    ("iad-1", "iad", "192.0.2.21"),
    ("iad-2", "iad", "192.0.2.22"),
    ("sin-1", "sin", "192.0.2.31"),
];

/// A server and its backends; ends when dropped.
pub struct Stage {
    /// The backend of each endpoint.
    pub backends: BTreeMap<&'static str, Backend>,
    /// Where its configuration lies.
    pub dir: ConfigDir,
    admin: SocketAddr,
    server: Child,
}

impl Stage {
    /// Starts everything and waits until the first probes are done. With a token the API asks for it.
    pub fn set(token: Option<&str>) -> Self {
        let backends: BTreeMap<_, _> = ENDPOINTS
            .iter()
            .map(|(name, ..)| (*name, Backend::http(Ipv4Addr::LOCALHOST.into(), 0)))
            .collect();
        let mut steering =
            "[pools.web]\ncheck = \"web\"\nanswers = 1\nmin_up = 0.5\nendpoints = [\n".to_owned();
        for (name, site, a) in ENDPOINTS {
            let port = backends[name].port();
            steering += &format!(
                "  {{ name = \"{name}\", site = \"{site}\", a = \"{a}\", \
                 check = {{ port = {port}, address = \"127.0.0.1\" }} }},\n"
            );
        }
        steering += "]\n";
        steering += NAMES;
        let admin = free_address();
        let asked = if token.is_some() { "token_file = \"token\"\n" } else { "" };
        let dir = ConfigDir::new()
            .server(&format!("{SERVER}\n[admin]\nlisten = \"{admin}\"\n{asked}"))
            .with("networks.toml", NETWORKS)
            .with("token", token.unwrap_or_default())
            .zone("example.com", ZONE)
            .steering("example.com", &steering);
        restrict(&dir);
        let log = File::create(dir.file("log")).expect("a log");
        let server = Command::new(env!("CARGO_BIN_EXE_fingerpost"))
            .args(["serve", "--config"])
            .arg(dir.config())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("the program");
        let mut stage = Self { backends, dir, admin, server };
        until("the server to be ready", || {
            let ended = stage.server.try_wait().expect("a child");
            assert!(ended.is_none(), "the server ended:\n{}", stage.log());
            stage.get("/readyz").filter(|(status, _)| *status == 200)
        });
        stage
    }

    /// The page's address.
    pub fn url(&self) -> String {
        format!("http://{}/", self.admin)
    }

    /// The standing of an endpoint as the API tells it now.
    pub fn standing(&self, endpoint: &str) -> String {
        let (_, body) = self.get("/api/v1/status").expect("a status");
        let status: Value = serde_json::from_str(&body).expect("JSON");
        let pools = status["pools"].as_array().expect("pools");
        let all = pools.iter().flat_map(|pool| pool["endpoints"].as_array().expect("endpoints"));
        let found = all.into_iter().find(|it| it["endpoint"] == endpoint).expect("the endpoint");
        found["families"][0]["standing"].as_str().expect("a word").to_owned()
    }

    /// Stops the server at once, as a crash would.
    pub fn kill_server(&mut self) {
        self.server.kill().expect("a server that runs");
        self.server.wait().expect("a server that has ended");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.file("log")).unwrap_or_default()
    }

    /// Status and body of a request that asks for nothing special; nothing if nobody listens.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.admin).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let head = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.admin);
        stream.write_all(head.as_bytes()).ok()?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).ok()?;
        let (head, body) = reply.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // It may have been killed by its story.
        let _ = self.server.kill();
        let _ = self.server.wait();
        if std::thread::panicking() {
            eprintln!("--- the server said:\n{}", self.log());
        }
    }
}

/// An address that was free a moment ago: the program is told its port before it runs.
fn free_address() -> SocketAddr {
    // An address of its own: nobody else draws the port in between, not even the program for its DNS.
    let listener = TcpListener::bind("127.0.77.4:0").expect("a free port");
    listener.local_addr().expect("a bound socket")
}

/// A file of secrets is for its owner alone.
fn restrict(dir: &ConfigDir) {
    use std::os::unix::fs::PermissionsExt;
    let owner = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(dir.file("token"), owner).expect("permissions set");
}
