//! The kernel's IPVS table as the agent beside it tells it (`fingerpost director agent`): the shape, which the agent
//! writes and this reads, and what a report makes of it.

use super::limits::{self, CLOCK_OFF_MAX};
use crate::director::fault::Fault;
use crate::director::report::{FeedReport, RealReport, RealState, Report, ServiceReport};
use crate::steer::director::Protocol;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The version of the shape; another one is not read.
pub const VERSION: u32 = 1;

/// What the agent tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// [`VERSION`].
    pub version: u32,
    /// When the table was read, by the clock of its host.
    pub at: Timestamp,
    /// Whether the host is being taken out.
    pub maintenance: bool,
    /// What clients come to by an address, in the kernel's order.
    pub services: Vec<Service>,
    /// Services that are left out, in words: those by firewall mark, and other protocols.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
}

/// A virtual service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// `tcp` or `udp`.
    #[serde(with = "ProtocolWord")]
    pub protocol: Protocol,
    /// The VIP.
    pub address: IpAddr,
    /// Its port; 0 is every port.
    pub port: u16,
    /// The kernel's name of the scheduler.
    pub scheduler: String,
    /// The real servers.
    pub reals: Vec<Real>,
}

/// A real server of a service; IPVS calls it a destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Real {
    /// Where packets go.
    pub address: IpAddr,
    /// The port there.
    pub port: u16,
    /// How they get there.
    pub forward: Forward,
    /// 0: no new connections.
    pub weight: u32,
    /// Connections that are established (`ActiveConn`). UDP has none.
    pub active: u64,
    /// Connections in any other state (`InActConn`).
    pub inactive: u64,
}

/// How packets get to a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forward {
    /// NAT.
    Masq,
    /// By link address, "direct routing".
    Route,
    /// IP in IP.
    Tunnel,
    /// To the director itself.
    Local,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Protocol", rename_all = "lowercase")]
enum ProtocolWord {
    Tcp,
    Udp,
}

/// Reads the table, which came at `now` and is of no use once it is older than `stale_after`.
pub fn parse(bytes: &[u8], now: Timestamp, stale_after: Duration) -> Result<FeedReport, Fault> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let refuse = |error| Fault::unreadable(format!("this is no answer of an agent: {error}"));
    let Version { version } = serde_json::from_slice(bytes).map_err(refuse)?;
    if version != VERSION {
        return Err(Fault::unreadable(format!(
            "the agent speaks version {version} and this server version {VERSION}: bring both to one release"
        )));
    }
    let document: Document = serde_json::from_slice(bytes).map_err(refuse)?;
    check_clock(document.at, now, stale_after.max(CLOCK_OFF_MAX))?;
    if document.services.len() > limits::SERVICES_MAX {
        let message = format!("it lists more than {} services", limits::SERVICES_MAX);
        return Err(Fault::impossible(message));
    }
    limits::count(document.services.iter().map(|service| service.reals.len()).sum())?;
    let services: Vec<ServiceReport> =
        document.services.iter().map(Service::report).collect::<Result<_, _>>()?;
    let keys = services.iter().map(|it| (it.address, it.port, it.protocol == Protocol::Udp));
    if let Some((address, port, _)) = limits::duplicate(keys) {
        let message = format!("a service at {} is there twice", SocketAddr::new(address, port));
        return Err(Fault::impossible(message));
    }
    Ok(FeedReport::Services { is_maintenance: document.maintenance, services })
}

fn check_clock(at: Timestamp, now: Timestamp, off_max: Duration) -> Result<(), Fault> {
    let off = now.duration_since(at);
    if off.unsigned_abs() <= off_max {
        return Ok(());
    }
    let off_s = off.as_secs();
    Err(Fault::impossible(match off_s {
        0.. => format!(
            "the table is {off_s} s old, or the agent's clock is late: set both clocks by NTP"
        ),
        _ => {
            format!("the agent's clock is {} s ahead: set both clocks by NTP", off_s.unsigned_abs())
        }
    }))
}

impl Service {
    fn report(&self) -> Result<ServiceReport, Fault> {
        let reals: Vec<RealReport> =
            self.reals.iter().map(|real| real.report(self.protocol)).collect::<Result<_, _>>()?;
        let address = self.address.to_canonical();
        if let Some(Some(real)) = limits::duplicate(reals.iter().map(|real| real.address)) {
            let service = SocketAddr::new(address, self.port);
            return Err(Fault::impossible(format!("real {real} is twice behind {service}")));
        }
        let sessions = super::sum(reals.iter().map(|real| real.sessions));
        let report = Report { reals, sessions, response_ms: None, is_maintenance: false };
        Ok(ServiceReport { protocol: self.protocol, address, port: self.port, report })
    }
}

impl Real {
    fn report(&self, protocol: Protocol) -> Result<RealReport, Fault> {
        let address = super::canonical(SocketAddr::new(self.address, self.port));
        let sessions = match protocol {
            Protocol::Tcp => self.active,
            // No packet of UDP establishes anything: all of its connections are "inactive".
            Protocol::Udp => self.active.saturating_add(self.inactive),
        };
        let weight = limits::weight(address, &self.weight.to_string())?;
        Ok(RealReport {
            name: None,
            address: Some(address),
            state: super::with_weight(RealState::Up, weight),
            weight,
            sessions: Some(limits::sessions(address, &sessions.to_string())?),
            is_backup: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"{ "version": 1, "at": "2026-11-21T05:00:00Z", "maintenance": false,
      "services": [
        { "protocol": "tcp", "address": "192.0.2.100", "port": 80, "scheduler": "wlc", "reals": [
          { "address": "10.0.0.2", "port": 80, "forward": "masq", "weight": 3, "active": 12, "inactive": 4 },
          { "address": "10.0.0.3", "port": 80, "forward": "masq", "weight": 0, "active": 5, "inactive": 0 } ] },
        { "protocol": "udp", "address": "2001:db8::100", "port": 53, "scheduler": "sh", "reals": [
          { "address": "2001:db8::2", "port": 53, "forward": "route", "weight": 1, "active": 0, "inactive": 9 } ] } ],
      "skipped": [ "FWM 1" ] }"#;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn parse_at(text: &str, now: &str) -> Result<FeedReport, String> {
        parse(text.as_bytes(), at(now), Duration::from_secs(10)).map_err(|fault| fault.why)
    }

    #[test]
    fn a_table_is_read() {
        let FeedReport::Services { is_maintenance, services } =
            parse_at(TABLE, "2026-11-21T05:00:01Z").expect("a table")
        else {
            panic!("services");
        };
        assert!(!is_maintenance);
        let shown: Vec<_> = services
            .iter()
            .map(|it| (it.protocol, it.address.to_string(), it.port, it.report.sessions))
            .collect();
        assert_eq!(
            shown,
            [
                (Protocol::Tcp, "192.0.2.100".to_owned(), 80, Some(17)),
                (Protocol::Udp, "2001:db8::100".to_owned(), 53, Some(9)),
            ]
        );
        let states: Vec<_> =
            services[0].report.reals.iter().map(|real| (real.state, real.weight)).collect();
        assert_eq!(states, [(RealState::Up, 3), (RealState::Draining, 0)]);
    }

    #[test]
    fn a_clock_may_be_off_a_little() {
        let check = |now: &str, part: Option<&str>| match (parse_at(TABLE, now), part) {
            (Ok(_), None) => {}
            (Err(reason), Some(part)) => assert!(reason.contains(part), "{now}: {reason}"),
            (other, _) => panic!("{now}: {other:?}"),
        };
        check("2026-11-21T05:00:30Z", None);
        check("2026-11-21T04:59:30Z", None);
        check("2026-11-21T05:00:31Z", Some("31 s old"));
        check("2026-11-21T04:59:29Z", Some("31 s ahead"));
        check("1970-01-01T00:00:00Z", Some("ahead"));
        let patient = parse(TABLE.as_bytes(), at("2026-11-21T05:00:59Z"), Duration::from_secs(60));
        assert!(patient.is_ok());
    }

    #[test]
    fn lies_have_plain_reasons() {
        let check = |from: &str, to: &str, part: &str| {
            assert!(TABLE.contains(from), "{from}");
            let reason = parse_at(&TABLE.replace(from, to), "2026-11-21T05:00:00Z").expect_err(to);
            assert!(reason.contains(part), "{to}: {reason}");
        };
        check(TABLE, "", "no answer of an agent");
        check(TABLE, r#"{"error":"no IPVS"}"#, "missing field `version`");
        check("\"version\": 1", "\"version\": 2", "speaks version 2");
        check("\"at\": \"2026-11-21T05:00:00Z\"", "\"at\": 7", "no answer of an agent");
        check("\"weight\": 3", "\"weight\": 65536", "the weight of 10.0.0.2:80");
        check("\"weight\": 3", "\"weight\": -3", "invalid value");
        check("\"active\": 12", "\"active\": 9007199254740993", "sessions of 10.0.0.2:80");
        check("\"10.0.0.3\"", "\"10.0.0.2\"", "real 10.0.0.2:80 is twice behind 192.0.2.100:80");
        let again = r#""udp", "address": "2001:db8::100", "port": 53"#;
        check(
            again,
            r#""tcp", "address": "192.0.2.100", "port": 80"#,
            "192.0.2.100:80 is there twice",
        );
        check("\"udp\"", "\"sctp\"", "unknown variant");
    }
}
