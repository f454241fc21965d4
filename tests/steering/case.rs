//! One question to a steered name and the whole reply to it.

use crate::kit::query::Query;
use crate::kit::reply::{Reply, lines};
use crate::kit::server::TestServer;
use crate::kit::types::*;
use crate::kit::{Udp, tcp};
use crate::world::SOA;
use fingerpost::answer::Transport;
use std::net::{IpAddr, SocketAddr};

/// TTL of all steered names here, in seconds.
pub const TTL_S: u32 = 30;

/// A question and its reply.
#[derive(Clone)]
pub struct Case {
    query: Query,
    name: String,
    what: String,
    rcode: u16,
    authoritative: bool,
    answer: Vec<String>,
    authority: Vec<String>,
    additional: Vec<String>,
    /// The scope that comes back; none where no option must.
    scope: Option<u8>,
    counted: &'static str,
}

/// A question without Client Subnet. The name is relative to the zone; `@` is the apex.
pub fn ask(name: &str, rtype: u16) -> Case {
    let name = absolute(name);
    Case {
        query: Query::new(&name, rtype),
        what: format!("{name} {}", type_text(rtype)),
        name,
        rcode: NOERROR,
        authoritative: true,
        answer: vec![],
        authority: vec![],
        additional: vec![],
        scope: None,
        counted: "steered",
    }
}

/// A question for a client in a subnet, and the scope of the reply.
pub fn ask_for(name: &str, rtype: u16, subnet: &str, scope: u8) -> Case {
    ask(name, rtype).with(subnet, |query| query.ecs(subnet)).scope(scope)
}

fn absolute(name: &str) -> String {
    match name {
        "@" => "example.com.".to_owned(),
        name if name.ends_with('.') => name.to_owned(),
        name => format!("{name}.example.com."),
    }
}

impl Case {
    /// Changes the query.
    pub fn with(mut self, what: &str, change: impl FnOnce(Query) -> Query) -> Self {
        self.query = change(self.query);
        self.what = format!("{} for {what}", self.what);
        self
    }

    /// The scope of the option that comes back.
    pub fn scope(mut self, scope: u8) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Addresses of the name itself, one for each word.
    pub fn gets(self, addresses: &str) -> Self {
        let name = self.name.clone();
        self.gets_at(&name, addresses)
    }

    /// Addresses at the end of an alias.
    pub fn gets_at(mut self, owner: &str, addresses: &str) -> Self {
        let owner = absolute(owner).to_ascii_lowercase();
        self.answer.extend(addresses.split_whitespace().map(|data| line(&owner, data)));
        self
    }

    /// Any records of the answer, one a line.
    pub fn answer(mut self, records: &str) -> Self {
        self.answer.extend(records.lines().map(|line| line.trim().to_owned()));
        self
    }

    /// Any records of the authority section, one a line.
    pub fn authority(mut self, records: &str) -> Self {
        self.authority.extend(records.lines().map(|line| line.trim().to_owned()));
        self
    }

    /// Addresses of a name in the additional section.
    pub fn helps(mut self, owner: &str, addresses: &str) -> Self {
        let owner = absolute(owner);
        self.additional.extend(addresses.split_whitespace().map(|data| line(&owner, data)));
        self
    }

    /// Any records of the additional section, one a line.
    pub fn additional(mut self, records: &str) -> Self {
        self.additional.extend(records.lines().map(|line| line.trim().to_owned()));
        self
    }

    /// No records, but the SOA that says so.
    pub fn nothing(self, counted: &'static str) -> Self {
        self.authority(SOA).counted(counted)
    }

    /// The response code.
    pub fn rcode(mut self, rcode: u16) -> Self {
        self.rcode = rcode;
        self
    }

    /// AA is not set.
    pub fn without_authority(mut self) -> Self {
        self.authoritative = false;
        self
    }

    /// The counter that moves.
    pub fn counted(mut self, label: &'static str) -> Self {
        self.counted = label;
        self
    }

    fn fault(&self, reply: &Reply, over: &str) -> Option<String> {
        let mut faults = Vec::new();
        let mut same = |what: &str, found: String, expected: String| {
            if found != expected {
                faults.push(format!("  {what} is not {expected}"));
            }
        };
        same("rcode", reply.rcode().to_string(), self.rcode.to_string());
        same("AA", reply.aa().to_string(), self.authoritative.to_string());
        same("TC", reply.tc().to_string(), false.to_string());
        for (section, found, expected) in [
            ("answer", &reply.answer, &self.answer),
            ("authority", &reply.authority, &self.authority),
            ("additional", &reply.additional, &self.additional),
        ] {
            let mut expected = expected.clone();
            expected.sort_unstable();
            same(section, format!("{:#?}", lines(found)), format!("{expected:#?}"));
        }
        if self.rcode != FORMERR {
            let question = self.query.question_bytes();
            same("question", format!("{:x?}", reply.question), format!("{question:x?}"));
        }
        // RFC 6891 §7: OPT answers OPT; RFC 7871 §7.2.1: family, source and address come back bit for bit.
        same("OPT", reply.opt.is_some().to_string(), self.query.has_edns().to_string());
        let sent = self.query.option_sent(OPTION_ECS);
        let option = self.scope.map(|scope| {
            let sent = sent.expect("a scope answers an option");
            [&sent[..3], &[scope], &sent[4..]].concat()
        });
        let found = reply.option(OPTION_ECS);
        same("Client Subnet", format!("{found:?}"), format!("{:?}", option.as_deref()));
        let twice = reply.opt.iter().flat_map(|opt| &opt.options).count();
        same("options", twice.to_string(), usize::from(option.is_some()).to_string());
        let shown = || format!("{} over {over}:\n{}\n{reply:?}", self.what, faults.join("\n"));
        (!faults.is_empty()).then(shown)
    }
}

/// A record of a steered name.
fn line(owner: &str, address: &str) -> String {
    let rtype = if address.contains(':') { "AAAA" } else { "A" };
    format!("{owner} {TTL_S} {rtype} {address}")
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
    report(&faults);
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
    report(&faults);
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

/// Panics with all faults, if there are any.
pub fn report(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n\n{}", faults.len(), faults.join("\n\n"));
}
