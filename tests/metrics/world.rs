//! The server that is measured: two zones, a pool in each, three backends.

use crate::kit::server::TestServer;
use crate::kit::{Backend, ConfigDir, PATIENCE, until};
use crate::page::Page;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

pub const COM: &str = "example.com.";
pub const NET: &str = "example.net.";

const SERVER: &str = r#"
[admin]
listen = "127.0.0.1:0"

[sites]
fra = { location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { location = "NA-US-VA", coordinates = [39.04, -77.49] }

[routes]
ours = [
  { subnets = ["198.51.100.0/24", "2001:db8:1::/48", "127.0.0.0/8", "::1/128"], sites = ["fra", "iad"] },
  { subnets = ["203.0.113.0/25"], sites = ["iad", "fra"] },
]

[checks.web]
type = "http"
interval = "100ms"
timeout = "3s"
fall = 2
rise = 2
"#;

/// A pool that is not probed, in IPv6.
const SIX: &str = r#"
[pools.six]
answers = 2
endpoints = [
  { name = "fra-1", site = "fra", aaaa = "2001:db8::1" },
  { name = "fra-2", site = "fra", aaaa = "2001:db8::2" },
]

[names.six]
pool = "six"
route = "ours"
"#;

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 7 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

/// A server at work, and its backends.
pub struct World {
    pub server: TestServer,
    /// Of fra-1 in the first zone.
    pub first: Backend,
    /// Of the others there.
    pub others: Backend,
    /// Of all endpoints of the second zone.
    pub second: Backend,
}

impl World {
    pub fn start() -> Self {
        let backend = || Backend::http(Ipv4Addr::LOCALHOST.into(), 0);
        let (first, others, second) = (backend(), backend(), backend());
        let com = com(&first, &others, "");
        let net = pool(
            1,
            &[endpoint("fra-1", "fra", 11, 3, &second), endpoint("fra-2", "fra", 12, 1, &second)],
        );
        let dir = ConfigDir::new()
            .also(SERVER)
            .zone("example.com", ZONE)
            .steering("example.com", &com)
            .zone("example.net", &ZONE.replace(" 7 ", " 4294967295 "))
            .steering("example.net", &net);
        Self { server: TestServer::start(dir), first, others, second }
    }

    /// What is exposed now.
    pub fn scrape(&self) -> Page {
        scrape(self.server.admin())
    }

    /// Scrapes until a page is as it must become: a reply may arrive before it is counted.
    pub fn scrape_until(&self, what: &str, is_so: impl Fn(&Page) -> bool) -> Page {
        until(what, || Some(self.scrape()).filter(&is_so))
    }

    /// Scrapes when as many messages are counted.
    pub fn scrape_after(&self, messages: usize) -> Page {
        self.scrape_until(&format!("{messages} messages"), |page| {
            page.sum("fingerpost_messages_total", &[]) >= messages as f64
        })
    }
}

/// Steering of the first zone: `answers = 2`, three endpoints in Frankfurt, one in Ashburn, and what else there is.
pub fn com(first: &Backend, others: &Backend, more: &str) -> String {
    let mut endpoints = vec![
        endpoint("fra-1", "fra", 1, 2, first),
        endpoint("fra-2", "fra", 2, 1, others),
        endpoint("fra-3", "fra", 3, 1, others),
        endpoint("iad-1", "iad", 9, 1, others),
    ];
    endpoints.push(more.to_owned());
    pool(2, &endpoints) + SIX
}

/// One line of `endpoints`: served in IPv4, probed where the backend is.
pub fn endpoint(name: &str, site: &str, host: u8, weight: u32, backend: &Backend) -> String {
    let (port, address) = (backend.port(), backend.address().ip());
    format!(
        "{{ name = \"{name}\", site = \"{site}\", a = \"192.0.2.{host}\", \
         weight = {weight}, check = {{ port = {port}, address = \"{address}\" }} }},\n"
    )
}

fn pool(answers: usize, endpoints: &[String]) -> String {
    format!(
        "[pools.web]\ncheck = \"web\"\nanswers = {answers}\nmin_up = 0.1\nendpoints = [\n{}]\n\
         [names.www]\npool = \"web\"\nroute = \"ours\"\n",
        endpoints.concat()
    )
}

/// Asks for the page, on a connection of its own.
pub fn scrape(admin: SocketAddr) -> Page {
    let mut stream = TcpStream::connect(admin).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == kind), "{head}");
    Page::read(body)
}
