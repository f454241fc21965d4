//! One question to a steered name and the whole reply to it.

pub use crate::kit::case::{Case, expect_none};
use crate::kit::query::Query;
use crate::kit::reply::Reply;
use crate::kit::server::TestServer;
use crate::kit::{Udp, tcp};
use crate::world::SOA;
use fingerpost::answer::Transport;
use std::net::{IpAddr, SocketAddr};

/// TTL of all steered names here, in seconds.
pub const TTL_S: u32 = 30;

/// A question without Client Subnet. The name is relative to the zone; `@` is the apex.
pub fn ask(name: &str, rtype: u16) -> Case {
    Case::new(&absolute(name), rtype, "steered").scope(None)
}

/// A question for a client in a subnet, and the scope of the reply.
pub fn ask_for(name: &str, rtype: u16, subnet: &str, scope: u8) -> Case {
    ask(name, rtype).with(&format!("for {subnet}"), |query| query.ecs(subnet)).scope(scope)
}

fn absolute(name: &str) -> String {
    match name {
        "@" => "example.com.".to_owned(),
        name if name.ends_with('.') => name.to_owned(),
        name => format!("{name}.example.com."),
    }
}

impl Case {
    /// Addresses of the name itself, one for each word.
    pub fn gets(self, addresses: &str) -> Self {
        let name = self.query.name_text();
        self.gets_at(&name, addresses)
    }

    /// Addresses at the end of an alias.
    pub fn gets_at(self, owner: &str, addresses: &str) -> Self {
        self.answer(&steered(&absolute(owner).to_ascii_lowercase(), addresses))
    }

    /// Addresses of a name in the additional section.
    pub fn helps(self, owner: &str, addresses: &str) -> Self {
        self.additional(&steered(&absolute(owner), addresses))
    }

    /// No records, but the SOA that says so.
    pub fn nothing(self, counted: &'static str) -> Self {
        self.authority(SOA).counted(counted)
    }
}

/// Records of a steered name, one for each word.
fn steered(owner: &str, addresses: &str) -> String {
    let line = |address: &str| {
        let rtype = if address.contains(':') { "AAAA" } else { "A" };
        format!("{owner} {TTL_S} {rtype} {address}\n")
    };
    addresses.split_whitespace().map(line).collect()
}

/// Holds the server to the cases over UDP and TCP in both families; panics with all faults.
pub fn check(server: &TestServer, cases: &[Case]) {
    let mut faults = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        let addresses = server.addresses(transport);
        assert_eq!(addresses.len(), 2, "IPv4 and IPv6");
        for address in addresses {
            faults.extend(faults_at(server, transport, address, None, cases));
        }
    }
    expect_none(&faults);
}

/// Holds the server to the cases over UDP and TCP for a resolver at `source`; panics with all faults.
pub fn check_from(server: &TestServer, source: &str, cases: &[Case]) {
    let source: IpAddr = source.parse().expect("an address");
    let mut faults = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp] {
        let addresses = server.addresses(transport);
        let address = addresses.into_iter().find(|address| address.is_ipv4() == source.is_ipv4());
        let address = address.expect("an address of the family");
        faults.extend(faults_at(server, transport, address, Some(source), cases));
    }
    expect_none(&faults);
}

fn faults_at(
    server: &TestServer,
    transport: Transport,
    address: SocketAddr,
    source: Option<IpAddr>,
    cases: &[Case],
) -> Vec<String> {
    let mut faults = Vec::new();
    let mut ask = client(transport, address, source);
    for case in cases {
        let before = server.count(transport, case.counted);
        let over = format!("{transport} at {address} from {source:?}");
        match case.fault(&ask(&case.query), &over) {
            None => server.wait_for_count(transport, case.counted, before + 1),
            fault => faults.extend(fault),
        }
    }
    faults
}

/// A UDP or TCP client, as a function from query to reply.
pub fn client(
    transport: Transport,
    server: SocketAddr,
    source: Option<IpAddr>,
) -> Box<dyn FnMut(&Query) -> Reply> {
    if transport == Transport::Udp {
        let udp = source.map_or_else(|| Udp::to(server), |source| Udp::from(source, server));
        return Box::new(move |query| udp.ask(query));
    }
    let mut stream = tcp(server, source);
    Box::new(move |query| stream.ask(query))
}
