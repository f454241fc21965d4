//! `[checks.NAME]`, and the overrides that pools and endpoints lay over a check.
//!
//! A [`CheckSettings`] is a check with every field known; a table is read as changes to one, to the defaults at first.
//! At an endpoint it becomes one [`Probe`] per address family.

use super::document::Document;
use super::reader::{Table, Value};
use super::scope::{Named, Scope};
use super::{defaults, files, http_fields, value};
use crate::health::check::{HttpCheck, TlsCheck};
use crate::health::{Check, CheckKind, Probe};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// The `type` of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tcp,
    Http,
    Https,
}

/// A check as configured, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckSettings {
    name: String,
    kind: Kind,
    port: Option<u16>,
    http: HttpCheck,
    tls: TlsCheck,
    interval: Duration,
    timeout: Duration,
    fall: u32,
    rise: u32,
    source: PerFamily,
    address: PerFamily,
}

/// At most one address of each family.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct PerFamily {
    v4: Option<Ipv4Addr>,
    v6: Option<Ipv6Addr>,
}

/// Reads all checks of a file.
pub fn read<'a>(
    table: Table<'_>,
    shared: Option<&'a Named<CheckSettings>>,
) -> Scope<'a, CheckSettings> {
    let mut scope = Scope::new("check", shared);
    for entry in table.into_entries() {
        let name = value::name(&entry, "a check");
        let settings = name.and_then(|name| layer(&entry, None, &name, Port::Checks));
        scope.define(entry.key, entry.key_span.clone(), settings);
    }
    scope
}

/// Reads `check = "NAME"` or `check = { … }`; a table changes fields of `base`, or is a check of its own called `name`
/// where there is none.
pub fn reference(
    entry: &Value<'_>,
    base: Option<&CheckSettings>,
    checks: &Scope<'_, CheckSettings>,
    name: &str,
) -> Option<CheckSettings> {
    if entry.is_string() {
        return checks.find(entry);
    }
    if !entry.is_table() {
        entry.wrong_type("the name of a check or a table of its fields", "write check = \"NAME\"");
        return None;
    }
    layer(entry, base, name, Port::Checks)
}

/// Reads the `check` of a director's reals, where a table is a check of its own called `name`, and probes the port of
/// each real unless it gives another.
pub fn of_reals(
    entry: &Value<'_>,
    checks: &Scope<'_, CheckSettings>,
    name: &str,
) -> Option<CheckSettings> {
    let settings = match entry.is_table() {
        true => layer(entry, None, name, Port::Reals),
        false => reference(entry, None, checks, name),
    }?;
    if settings.address != PerFamily::default() {
        let message = "this check probes an address of its own, and so would find all reals alike";
        entry.error(message, "use a check without \"address\" for the reals");
        return None;
    }
    Some(settings)
}

/// Where the port comes from that a check does not give.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Port {
    /// From its type; a tcp check has none.
    Checks,
    /// From the real that is probed.
    Reals,
}

fn layer(
    entry: &Value<'_>,
    base: Option<&CheckSettings>,
    name: &str,
    port_of: Port,
) -> Option<CheckSettings> {
    let mut table = entry.table("a check")?;
    let kinds = [("tcp", Kind::Tcp), ("http", Kind::Http), ("https", Kind::Https)];
    let cure = "add type = \"http\", \"https\" or \"tcp\"";
    let kind = match base {
        Some(base) => table.take("type").map_or(Some(base.kind), |value| value.choice(&kinds)),
        None => table.required("type", cure).and_then(|value| value.choice(&kinds)),
    };
    let mut settings = base.cloned().unwrap_or_else(|| CheckSettings::named(name));
    settings.kind = kind.unwrap_or(settings.kind);
    let port = table.take("port");
    settings.port =
        port.and_then(|value| Some(value.integer(1..=65_535)? as u16)).or(settings.port);
    if kind == Some(Kind::Tcp) && settings.port.is_none() && port_of == Port::Checks {
        let message = "a tcp check needs \"port\"";
        table.document().error(table.span(), message, "add port = and the port of the service");
    }
    settings.read_thresholds(&mut table);
    for (key, slot) in [("source", &mut settings.source), ("address", &mut settings.address)] {
        if let Some(value) = table.take(key) {
            *slot = per_family(&value);
        }
    }
    settings.read_http(&mut table, kind);
    settings.read_tls(&mut table, kind);
    table.finish();
    kind.map(|_| settings)
}

impl CheckSettings {
    /// A check of the given name by defaults alone: that a connection is accepted, at the port of what is probed.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: Kind::Tcp,
            port: None,
            http: HttpCheck {
                method: defaults::CHECK_METHOD.to_owned(),
                path: defaults::CHECK_PATH.to_owned(),
                host: None,
                headers: Vec::new(),
                expect: vec![defaults::CHECK_EXPECT],
                body: None,
                tls: None,
            },
            tls: TlsCheck { server_name: None, roots: None, verify: true },
            interval: defaults::CHECK_INTERVAL,
            timeout: defaults::CHECK_TIMEOUT,
            fall: defaults::CHECK_FALL,
            rise: defaults::CHECK_RISE,
            source: PerFamily::default(),
            address: PerFamily::default(),
        }
    }

    fn read_thresholds(&mut self, table: &mut Table<'_>) {
        let ceiling = defaults::CHECK_TIME_CEILING;
        let interval = table.take("interval");
        let timeout = table.take("timeout");
        for (given, slot, floor) in [
            (&interval, &mut self.interval, defaults::CHECK_INTERVAL_FLOOR),
            (&timeout, &mut self.timeout, defaults::CHECK_TIMEOUT_FLOOR),
        ] {
            let read = given.as_ref().and_then(|value| value::duration(value, floor..=ceiling));
            *slot = read.unwrap_or(*slot);
        }
        if let Some(given) = timeout.or(interval).filter(|_| self.timeout > self.interval) {
            let (timeout, interval) = (value::shown(self.timeout), value::shown(self.interval));
            let message =
                format!("the timeout of {timeout} is longer than the interval of {interval}");
            given.warning(message, "a slow probe delays the next; lower timeout or raise interval");
        }
        for (key, slot) in [("fall", &mut self.fall), ("rise", &mut self.rise)] {
            let count = table.take(key).and_then(|v| v.integer(1..=defaults::CHECK_THRESHOLD_MAX));
            *slot = count.map_or(*slot, |count| count as u32);
        }
    }

    fn read_http(&mut self, table: &mut Table<'_>, kind: Option<Kind>) {
        let mut take = |key| take_for(table, key, kind, &[Kind::Http, Kind::Https]);
        let http = &mut self.http;
        http.method = take("method")
            .and_then(|value| http_fields::method(&value))
            .unwrap_or(http.method.clone());
        http.path =
            take("path").and_then(|value| http_fields::path(&value)).unwrap_or(http.path.clone());
        http.host = take("host").and_then(|value| http_fields::host(&value)).or(http.host.take());
        if let Some(value) = take("headers") {
            http.headers = http_fields::headers(&value);
        }
        let expect = take("expect").and_then(|value| value::statuses(&value));
        http.expect = expect.unwrap_or(http.expect.clone());
        if let Some(value) = take("body") {
            http.body = value.short_string(crate::health::check::BODY_BYTES_MAX);
            if http.method == "HEAD" {
                value.error("no body answers HEAD", "use method = \"GET\", or leave body out");
            }
        }
    }

    fn read_tls(&mut self, table: &mut Table<'_>, kind: Option<Kind>) {
        let mut take = |key| take_for(table, key, kind, &[Kind::Https]);
        let tls = &mut self.tls;
        let name = take("server_name").and_then(|value| http_fields::server_name(&value));
        tls.server_name = name.or(tls.server_name.take());
        if let Some(value) = take("roots") {
            tls.roots = value::path(&value).filter(|path| files::check_certificates(&value, path));
        }
        tls.verify = take("verify").and_then(|value| value.boolean()).unwrap_or(tls.verify);
    }

    /// The probes of an endpoint with these addresses. `place` is where the check of the endpoint is given.
    pub fn probes(
        &self,
        a: Option<Ipv4Addr>,
        aaaa: Option<Ipv6Addr>,
        doc: &Document,
        place: Range<usize>,
    ) -> (Option<Arc<Probe>>, Option<Arc<Probe>>) {
        let PerFamily { v4, v6 } = self.address;
        let unused = |given: Option<IpAddr>, key: &str| {
            if let Some(address) = given {
                let message =
                    format!("the probe address {address} is not used: the endpoint has no {key:?}");
                doc.warning(
                    place.clone(),
                    message,
                    format!("add {key} = …, or remove the address"),
                );
            }
        };
        unused(v4.filter(|_| a.is_none()).map(IpAddr::V4), "a");
        unused(v6.filter(|_| aaaa.is_none()).map(IpAddr::V6), "aaaa");
        let probe = |target: IpAddr, source| {
            let target = SocketAddr::new(target, self.port());
            Arc::new(Probe { check: self.check(source), target })
        };
        (
            a.map(|a| probe(v4.unwrap_or(a).into(), self.source.v4.map(IpAddr::V4))),
            aaaa.map(|aaaa| probe(v6.unwrap_or(aaaa).into(), self.source.v6.map(IpAddr::V6))),
        )
    }

    /// The probe of a real that listens at `address`.
    pub fn probe_of_real(&self, address: SocketAddr) -> Arc<Probe> {
        let source = match address {
            SocketAddr::V4(_) => self.source.v4.map(IpAddr::V4),
            SocketAddr::V6(_) => self.source.v6.map(IpAddr::V6),
        };
        let target = SocketAddr::new(address.ip(), self.port.unwrap_or(address.port()));
        Arc::new(Probe { check: self.check(source), target })
    }

    fn port(&self) -> u16 {
        self.port.unwrap_or(match self.kind {
            Kind::Https => defaults::CHECK_PORT_HTTPS,
            // A tcp check without a port is refused where it is read.
            Kind::Http | Kind::Tcp => defaults::CHECK_PORT_HTTP,
        })
    }

    fn check(&self, source: Option<IpAddr>) -> Check {
        let tls = (self.kind == Kind::Https).then(|| self.tls.clone());
        Check {
            name: self.name.clone(),
            kind: match self.kind {
                Kind::Tcp => CheckKind::Tcp,
                Kind::Http | Kind::Https => CheckKind::Http(HttpCheck { tls, ..self.http.clone() }),
            },
            interval: self.interval,
            timeout: self.timeout,
            fall: self.fall,
            rise: self.rise,
            source,
        }
    }
}

/// A field that only some kinds of check have; in another, it is a mistake.
fn take_for<'d>(
    table: &mut Table<'d>,
    key: &'static str,
    kind: Option<Kind>,
    kinds: &[Kind],
) -> Option<Value<'d>> {
    let value = table.take(key)?;
    if kind.is_some_and(|kind| !kinds.contains(&kind)) {
        let types = if kinds.len() > 1 { "\"http\" or \"https\"" } else { "\"https\"" };
        let help = format!("remove it, or use type = {types}");
        value.key_error(format!("this check has no {key:?}"), help);
    }
    Some(value)
}

fn per_family(value: &Value<'_>) -> PerFamily {
    let mut found = PerFamily::default();
    for element in value.one_or_many() {
        let second = match value::address(&element) {
            Some(IpAddr::V4(address)) => found.v4.replace(address).is_some(),
            Some(IpAddr::V6(address)) => found.v6.replace(address).is_some(),
            None => false,
        };
        if second {
            let message = format!("{:?} has two addresses of one family", element.key);
            element.error(message, "give at most one IPv4 and one IPv6 address");
        }
    }
    found
}
