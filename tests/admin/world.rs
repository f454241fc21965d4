//! The server that the tests ask: one pool at two sites, probed at backends of our own.

use crate::http::{Answer, Request};
use crate::kit::server::TestServer;
use crate::kit::types::A;
use crate::kit::{Backend, ConfigDir, Query, Udp};
use fingerpost::answer::Transport;
use std::net::{Ipv4Addr, SocketAddr};

const SERVER: &str = r#"
[sites]
fra = { name = "Frankfurt", location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { location = "NA-US-VA", coordinates = [39.04, -77.49] }

[checks.web]
type = "http"
interval = "100ms"
timeout = "3s"
fall = 2
rise = 2
"#;

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 7 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

/// The address of Frankfurt, which European clients get.
pub const FRA: &str = "192.0.2.1";
/// The address of Ashburn, which they get if Frankfurt is out.
pub const IAD: &str = "192.0.2.9";

/// A server at work, and its backends.
pub struct World {
    pub server: TestServer,
    pub backends: Backends,
}

/// What is probed.
pub struct Backends {
    pub fra: Backend,
    pub iad: Backend,
}

impl Backends {
    /// Both up.
    pub fn start() -> Self {
        let backend = || Backend::http(Ipv4Addr::LOCALHOST.into(), 0);
        Self { fra: backend(), iad: backend() }
    }
}

impl World {
    /// With an API on loopback that asks for no token.
    pub fn start() -> Self {
        Self::start_with("[admin]\nlisten = \"127.0.0.1:0\"\n", |_| {})
    }

    /// With this `[admin]`, and what else is in the directory.
    pub fn start_with(admin: &str, furnish: impl FnOnce(&ConfigDir)) -> Self {
        let backends = Backends::start();
        let dir = directory(admin, &backends);
        furnish(&dir);
        Self { server: TestServer::start(dir), backends }
    }

    /// Where the API is.
    pub fn admin(&self) -> SocketAddr {
        self.server.admin()
    }

    pub fn get(&self, target: &str) -> Answer {
        Request::get(target).send(self.admin())
    }

    /// What a European client gets, over UDP.
    pub fn answer(&self) -> Vec<String> {
        let udp = Udp::to(self.server.address(Transport::Udp));
        let reply = udp.ask(&Query::new("www.example.com", A).ecs("198.51.100.0/24"));
        reply.data(A).iter().map(|address| (*address).to_owned()).collect()
    }
}

/// A configuration whose endpoints are probed at the backends.
pub fn directory(admin: &str, backends: &Backends) -> ConfigDir {
    let endpoint = |site: &str, a: &str, backend: &Backend| {
        let (port, address) = (backend.port(), backend.address().ip());
        format!(
            "{{ site = \"{site}\", a = \"{a}\", check = {{ port = {port}, address = \"{address}\" }} }},\n"
        )
    };
    let endpoints = [endpoint("fra", FRA, &backends.fra), endpoint("iad", IAD, &backends.iad)];
    let steering = format!(
        "[pools.web]\ncheck = \"web\"\nendpoints = [\n{}]\n\
         [names.www]\npool = \"web\"\n\
         route = [ {{ subnets = [\"198.51.100.0/24\"], sites = [\"fra\", \"iad\"] }} ]\n",
        endpoints.concat()
    );
    ConfigDir::new()
        .also(&format!("{SERVER}{admin}"))
        .zone("example.com", ZONE)
        .steering("example.com", &steering)
}
