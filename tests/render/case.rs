//! Directors to render: every combination that is allowed.

use fingerpost::director::render::{Format, Job, Settings};
use fingerpost::health::Probe;
use fingerpost::health::check::{Check, CheckKind, HttpCheck, TlsCheck};
use fingerpost::steer::director::{
    Director, Feed, FeedSource, HaproxySource, HttpAuth, HttpSource, Mode, Protocol, Real,
    Scheduler, Service,
};
use fingerpost::steer::model::Site;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// What is rendered, and under which heading a failure is told.
pub struct Case {
    pub title: String,
    pub format: Format,
    pub directors: Vec<Arc<Director>>,
    pub all: Vec<Arc<Director>>,
    pub settings: Settings,
}

impl Case {
    pub fn job(&self) -> Job<'_> {
        Job {
            format: self.format,
            directors: &self.directors,
            all: &self.all,
            settings: &self.settings,
        }
    }
}

/// Families of the VIP and of the reals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Families {
    V4,
    V6,
    Both,
    /// A VIP of both before reals of IPv4.
    Crossed,
}

/// Every case of a format, with an interface that is there.
pub fn all(format: Format, interface: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut schedulers = Scheduler::ALL.iter().map(|(_, scheduler)| *scheduler).cycle();
    for (_, mode) in Mode::ALL {
        for families in [Families::V4, Families::V6, Families::Both, Families::Crossed] {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                for (check_name, check) in checks() {
                    for is_pair in [false, true] {
                        let shape = (format, mode, families, protocol, is_pair);
                        if !is_allowed(shape) {
                            continue;
                        }
                        let scheduler = schedulers.next().expect("a cycle does not end");
                        let mut one = director("lb-1", mode, families, check.clone());
                        one.scheduler = scheduler;
                        one.service.protocol = protocol;
                        let mut known = vec![Arc::new(one.clone())];
                        if is_pair {
                            known.push(Arc::new(Director { name: "lb-2".into(), ..one }));
                        }
                        cases.push(Case {
                            title: format!("{shape:?} {scheduler} {check_name}"),
                            format,
                            directors: known[known.len() - 1..].to_vec(),
                            all: known,
                            settings: Settings {
                                interface: interface.into(),
                                masquerade: is_pair,
                                ..Settings::default()
                            },
                        });
                    }
                }
            }
        }
    }
    cases
}

fn is_allowed(
    (format, mode, families, protocol, is_pair): (Format, Mode, Families, Protocol, bool),
) -> bool {
    let by_format = match format {
        Format::Ipvsadm => mode != Mode::Proxy,
        Format::Keepalived => mode != Mode::Proxy || is_pair,
        Format::Haproxy => mode == Mode::Proxy,
        Format::Nftables => mode == Mode::Nat,
    };
    let by_families = families != Families::Crossed || matches!(mode, Mode::Tun | Mode::Proxy);
    by_format && by_families && (mode != Mode::Proxy || protocol == Protocol::Tcp)
}

/// A director of two reals in each family, of which one is called by a name.
pub fn director(name: &str, mode: Mode, families: Families, check: Option<Check>) -> Director {
    let mut addresses = Vec::new();
    if families != Families::V6 {
        addresses.extend(["10.0.0.2:80", "10.0.0.3:80"]);
    }
    if matches!(families, Families::V6 | Families::Both) {
        addresses.extend(["[fd00::2]:80", "[fd00::3]:80"]);
    }
    let mut reals: Vec<Real> =
        addresses.into_iter().map(|address| real(address, 1, check.clone())).collect();
    reals[0].name = "web1".into();
    reals[0].weight = 3;
    Director {
        zone: None,
        name: name.into(),
        site: Arc::new(Site {
            zone: None,
            name: "fra".into(),
            title: "Frankfurt".into(),
            location: None,
            coordinates: None,
        }),
        a: (families != Families::V6).then_some(Ipv4Addr::new(192, 0, 2, 100)),
        aaaa: (families != Families::V4)
            .then_some(Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0x100)),
        mode,
        scheduler: Scheduler::Wlc,
        service: Service { protocol: Protocol::Tcp, port: 80 },
        reals,
        min_up: 0.5,
        capacity: None,
        maintenance: false,
        feed: None,
    }
}

pub fn real(address: &str, weight: u32, check: Option<Check>) -> Real {
    let target: SocketAddr = address.parse().expect("an address and port");
    let probed = SocketAddr::new(target.ip(), 8080);
    let probe = check.map(|check| Arc::new(Probe { check, target: probed }));
    Real { name: address.into(), address: target, weight, probe }
}

/// A feed that asks HAProxy, by a page that wants a password.
pub fn haproxy_feed(from: HaproxySource) -> Arc<Feed> {
    Arc::new(Feed {
        source: FeedSource::Haproxy { from, backend: "web".into() },
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        stale_after: Duration::from_secs(10),
    })
}

pub fn page(url: &str) -> HaproxySource {
    HaproxySource::Http(HttpSource {
        url: url.into(),
        auth: Some(HttpAuth::BasicFile("login".into())),
        roots: None,
    })
}

/// Checks of every kind, and of texts that the formats might take for something else.
fn checks() -> Vec<(&'static str, Option<Check>)> {
    let strange = HttpCheck {
        method: "HEAD".into(),
        path: "/a?b='\"$c\\%20!@{}|^`[]~;*".into(),
        host: Some("www.example.com:8443".into()),
        headers: vec![("X-Probe!#".into(), "a \"b\" 'c' 100% $d # \\".into())],
        expect: vec![200..=200, 204..=299, 401..=401],
        body: Some("it's \"well\"\n100% (ok) $x # \\ é ^[a]".into()),
        tls: None,
    };
    let tls = |verify: bool| TlsCheck {
        server_name: verify.then(|| "www.example.com".into()),
        roots: None,
        verify,
    };
    let secure = |verify: bool| HttpCheck { host: None, tls: Some(tls(verify)), ..http() };
    let once = Check { fall: 1, rise: 1, interval: Duration::from_millis(100), ..check() };
    vec![
        ("no check", None),
        ("tcp", Some(check())),
        ("tcp, once", Some(once)),
        ("http", Some(http_check(http()))),
        ("https", Some(http_check(secure(true)))),
        ("https, unverified", Some(http_check(secure(false)))),
        ("strange", Some(http_check(strange))),
    ]
}

fn check() -> Check {
    Check {
        name: "web".into(),
        kind: CheckKind::Tcp,
        interval: Duration::from_secs(5),
        timeout: Duration::from_millis(1500),
        fall: 3,
        rise: 2,
        source: None,
    }
}

pub fn http_check(http: HttpCheck) -> Check {
    Check { kind: CheckKind::Http(http), ..check() }
}

pub fn http() -> HttpCheck {
    HttpCheck {
        method: "GET".into(),
        path: "/healthz".into(),
        host: Some("www.example.com".into()),
        headers: Vec::new(),
        expect: vec![200..=299],
        body: None,
        tls: None,
    }
}
