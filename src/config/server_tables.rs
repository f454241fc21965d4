//! The tables of `fingerpost.toml`, read one by one into [`Server`].

use super::document::Document;
use super::library::{Library, Scopes};
use super::reader::{Table, Value};
use super::server::{Chaos, Log, LogFormat, Server, Tcp, Tls};
use super::{admin, defaults, dnstap, files, value};
use crate::report::Place;
use crate::steer::director::Director;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// Any duration that makes sense for a limit of the server.
const LIMITS: RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(30 * 86_400);

const LEVELS: [(&str, tracing::Level); 5] = [
    ("error", tracing::Level::ERROR),
    ("warn", tracing::Level::WARN),
    ("info", tracing::Level::INFO),
    ("debug", tracing::Level::DEBUG),
    ("trace", tracing::Level::TRACE),
];

/// What the file came to.
pub struct ServerFile {
    /// The server.
    pub server: Server,
    /// The directors that it defines, and where.
    pub directors: Vec<(Arc<Director>, Place)>,
}

/// Reads the whole file. What has mistakes is replaced by its default, so that the rest can be read; the findings of
/// `doc` say whether the result may be used.
pub fn read(doc: &Document) -> Option<ServerFile> {
    let tree = doc.tree()?;
    let mut root = Table::root(doc, &tree, "fingerpost.toml");
    let scopes = Scopes::read(&mut root, None, None);
    let directors = scopes.directors.places(doc);
    let library = Arc::new(scopes.into_library());
    let mut bound = Bound::default();
    let mut server = read_server(root.section("server", "[server]"), library, &mut bound);
    let mut ecs = root.section("ecs", "[ecs]");
    if let Some(trust) = ecs.take("trust") {
        server.ecs_trust =
            trust.list().unwrap_or_default().iter().filter_map(value::network).collect();
    }
    ecs.finish();
    read_geoip(root.section("geoip", "[geoip]"), &mut server);
    server.tls = root.take("tls").and_then(|given| read_tls(given.table("[tls]")?, &mut bound));
    server.admin =
        root.take("admin").and_then(|given| Some(admin::read(given.table("[admin]")?, &mut bound)));
    let mut probes = root.section("probes", "[probes]");
    let range = 1..=defaults::PROBES_CONCURRENCY_CEILING;
    server.probes_concurrency_max =
        count(&mut probes, "concurrency_max", range, defaults::PROBES_CONCURRENCY_MAX);
    probes.finish();
    server.dnstap = root
        .take("dnstap")
        .and_then(|given| dnstap::read(given.table("[dnstap]")?, server.nsid.as_deref()));
    server.log = read_log(root.section("log", "[log]"));
    root.finish();
    Some(ServerFile { server, directors })
}

fn read_server(mut table: Table<'_>, library: Arc<Library>, bound: &mut Bound) -> Server {
    let doc = table.document();
    let here = |default: &str| doc.directory().join(default);
    let listen = table.take("listen").map(|list| {
        let found = bound.listen_all(&list, &[Protocol::Udp, Protocol::Tcp]);
        if list.is_list() && list.list().is_some_and(|elements| elements.is_empty()) {
            list.error("the server would listen nowhere", "name an address, or leave the key out");
        }
        found
    });
    let range = 0..=defaults::UDP_WORKERS_MAX;
    let udp_workers = count(&mut table, "udp_workers", range, defaults::UDP_WORKERS);
    let [floor, payload, ceiling] = [
        defaults::UDP_PAYLOAD_BYTES_FLOOR,
        defaults::UDP_PAYLOAD_BYTES_MAX,
        defaults::UDP_PAYLOAD_BYTES_CEILING,
    ]
    .map(usize::from);
    let payload = count(&mut table, "udp_payload_max", floor..=ceiling, payload);
    let mut path = |key, default| {
        table.take(key).and_then(|value| value::path(&value)).unwrap_or_else(|| here(default))
    };
    let zones = path("zones", defaults::ZONES);
    let state = path("state", defaults::STATE);
    let overrides = path("overrides", defaults::OVERRIDES);
    let nsid = table.take("nsid").and_then(|value| value.short_string(defaults::NSID_BYTES_MAX));
    let max_age = table.take("verdicts_max_age").and_then(|value| value::duration(&value, LIMITS));
    let chaos = read_chaos(table.section("chaos", "[server.chaos]"));
    let tcp = read_tcp(table.section("tcp", "[server.tcp]"));
    table.finish();
    Server {
        listen: listen.unwrap_or_else(|| parsed(&defaults::LISTEN)),
        udp_workers,
        zones,
        nsid,
        state,
        verdicts_max_age: max_age.unwrap_or(defaults::VERDICTS_MAX_AGE),
        overrides,
        udp_payload_bytes_max: payload as u16,
        chaos,
        tcp,
        ecs_trust: parsed(&defaults::ECS_TRUST),
        databases: Vec::new(),
        networks: here(defaults::NETWORKS),
        tls: None,
        admin: None,
        probes_concurrency_max: defaults::PROBES_CONCURRENCY_MAX,
        dnstap: None,
        log: Log { format: LogFormat::Text, level: tracing::Level::INFO },
        library,
    }
}

/// A whole number under a key, or its default.
fn count(
    table: &mut Table<'_>,
    key: &'static str,
    range: RangeInclusive<usize>,
    default: usize,
) -> usize {
    let range = *range.start() as u64..=*range.end() as u64;
    let given = table.take(key).and_then(|value| value.integer(range));
    given.map_or(default, |count| count as usize)
}

/// Defaults as they would be written; a test holds that all of them can be read.
fn parsed<T: std::str::FromStr>(texts: &[&str]) -> Vec<T> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

fn read_chaos(mut table: Table<'_>) -> Chaos {
    let mut text = |key| table.take(key).and_then(|v| v.short_string(defaults::CHAOS_BYTES_MAX));
    let chaos = Chaos { version: text("version"), hostname: text("hostname"), id: text("id") };
    table.finish();
    chaos
}

fn read_tcp(mut table: Table<'_>) -> Tcp {
    let mut limit = |key, default| count(&mut table, key, 1..=defaults::TCP_LIMIT_CEILING, default);
    let connections_max = limit("connections_max", defaults::TCP_CONNECTIONS_MAX);
    let per_network =
        limit("connections_per_network_max", defaults::TCP_CONNECTIONS_PER_NETWORK_MAX);
    let in_flight = limit("queries_in_flight_max", defaults::TCP_QUERIES_IN_FLIGHT_MAX);
    let mut time = |key, default| {
        table.take(key).and_then(|value| value::duration(&value, LIMITS)).unwrap_or(default)
    };
    let idle_timeout = time("idle_timeout", defaults::TCP_IDLE_TIMEOUT);
    let lifetime_max = time("lifetime_max", defaults::TCP_LIFETIME_MAX);
    table.finish();
    Tcp {
        connections_max,
        connections_per_network_max: per_network,
        idle_timeout,
        lifetime_max,
        queries_in_flight_max: in_flight,
    }
}

fn read_geoip(mut table: Table<'_>, server: &mut Server) {
    let databases = table.take("databases").and_then(|value| value.list()).unwrap_or_default();
    for named in databases {
        if let Some(path) = value::path(&named) {
            let cure = "make one with `fingerpost geoip build`, or correct the path";
            named.document().check_elsewhere(|| files::check_opens(&named, &path, cure));
            server.databases.push(path);
        }
    }
    if let Some(named) = table.take("networks")
        && let Some(path) = value::path(&named)
    {
        files::check_opens(&named, &path, "create it, or leave the key out");
        server.networks = path;
    }
    table.finish();
}

fn read_tls(mut table: Table<'_>, bound: &mut Bound) -> Option<Tls> {
    let certificate = table.required("certificate", "add certificate = and the path of a PEM file");
    let key = table.required("key", "add key = and the path of a PEM file");
    let certificate = certificate.and_then(|named| {
        let path = value::path(&named)?;
        named.document().check_elsewhere(|| {
            files::check_certificates(&named, &path);
        });
        Some(path)
    });
    let key = key.and_then(|named| {
        let path = value::path(&named)?;
        named.document().check_elsewhere(|| files::check_private_key(&named, &path));
        Some(path)
    });
    let mut listen = |key, protocol| {
        table.take(key).map(|list| bound.listen_all(&list, &[protocol])).unwrap_or_default()
    };
    let dot = listen("dot", Protocol::Tcp);
    let doh = listen("doh", Protocol::Tcp);
    let doq = listen("doq", Protocol::Udp);
    if dot.is_empty() && doh.is_empty() && doq.is_empty() {
        let help = "add dot, doh or doq with addresses to listen on";
        table.document().warning(table.span(), "[tls] without a listener does nothing", help);
    }
    let doh_path = table.take("doh_path").and_then(|value| doh_path(&value));
    table.finish();
    let doh_path = doh_path.unwrap_or_else(|| defaults::DOH_PATH.to_owned());
    Some(Tls { certificate: certificate?, key: key?, dot, doh, doh_path, doq })
}

fn doh_path(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    let graphic = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#{}".contains(&byte));
    if !text.starts_with('/') || !graphic {
        value.error(format!("{text:?} is no path of a URL"), "write it as in \"/dns-query\"");
        return None;
    }
    Some(text.to_owned())
}

fn read_log(mut table: Table<'_>) -> Log {
    let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
    let format = table.take("format").and_then(|value| value.choice(&formats));
    let level = table.take("level").and_then(|value| value.choice(&LEVELS));
    table.finish();
    Log { format: format.unwrap_or(LogFormat::Text), level: level.unwrap_or(tracing::Level::INFO) }
}

/// What a listener binds.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Protocol {
    Udp,
    Tcp,
}

/// Addresses that listeners take, to find two that want the same.
#[derive(Default)]
pub(super) struct Bound(HashSet<(Protocol, SocketAddr)>);

impl Bound {
    /// Takes the addresses of a list.
    pub(super) fn listen_all(
        &mut self,
        list: &Value<'_>,
        protocols: &[Protocol],
    ) -> Vec<SocketAddr> {
        let elements = list.list().unwrap_or_default();
        elements.iter().filter_map(|element| self.listen(element, protocols)).collect()
    }

    /// Takes one address.
    pub(super) fn listen(
        &mut self,
        value: &Value<'_>,
        protocols: &[Protocol],
    ) -> Option<SocketAddr> {
        let address = value::listen(value)?;
        for &protocol in protocols {
            // Port 0 is any free port, so two of them do not meet.
            let free = self.0.insert((protocol, address));
            if !free && address.port() != 0 {
                let message = format!("another listener takes {address} already");
                value.error(message, "give each listener an address or port of its own");
                return None;
            }
        }
        Some(address)
    }
}
