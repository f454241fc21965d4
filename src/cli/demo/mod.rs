//! `fingerpost demo`: the server and its prober as in production, and backends to break.
//!
//! ```text
//! fingerpost.toml ─┬─► probes ─► backends (HTTP on loopback) ◄─ operator (typed, posted)
//!                  └─► the server ◄─ asked over UDP ─ screen
//! ```
//!
//! Nothing is pretended: the server reads the shipped files, verdicts come from probes of real sockets, and what the
//! screen promises was answered by the running server a moment before.

mod ask;
mod backends;
mod certificate;
mod operator;
mod screen;

use super::serve::{Running, Served, finish, reload};
use super::signals::{Signal, Signals};
use super::style::{self, Palette};
use super::{ConfigArg, fail, logging, problem, runtime};
use crate::admin::{self, Admin};
use crate::answer::Transport;
use crate::config::{self, Loaded, Tls};
use crate::control::{Handle, Options, Server};
use crate::report::{Finding, Report};
use crate::steer::model::{Endpoint, Pool};
use backends::{BackendSpec, Backends};
use certificate::Certificate;
use operator::Order;
use screen::{Facts, PLACES};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Show the server at work, with backends that you can stop
///
/// Runs the server on the shipped configuration, on loopback addresses only, together with small HTTP servers that
/// stand in for the endpoints of three sites. It prints what to ask and what to expect; stop an endpoint or a whole
/// site and see the answers change. Nothing has to be set up. Nothing is left behind but the
/// overrides that you set (overrides.toml) and the audit.log of the state directory.
///
/// DNS over TLS, HTTPS and QUIC are served on ports 8853 and 8443 with a certificate that is made for the run. Standard
/// input takes the orders down NAME, up NAME, status and quit; the same can be posted over HTTP to port 18000. The
/// operator's API and its dashboard are served on port 8053, or on the next one that is free.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost demo
  fingerpost demo --listen 127.0.0.1:5300           where port 5353 is taken, as by mDNS
  curl -X POST http://127.0.0.1:18000/down/fra      stop a site, from another terminal

Exit status:
  0  ended by quit or a signal
  1  the configuration has errors, or an address cannot be listened on
  2  the command line was not understood")]
pub(super) struct Args {
    /// Take plain queries here instead of where the configuration says; may be given more than once
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
    #[command(flatten)]
    config: ConfigArg,
}

/// Where orders are taken over HTTP.
const ORDERS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 18_000);
/// Port of DNS over TLS and of DNS over QUIC: 853 where ports need no privilege.
const TLS_PORT: u16 = 8853;
/// Port of DNS over HTTPS: 443 where ports need no privilege.
const HTTPS_PORT: u16 = 8443;
/// So many ports are tried for the admin API.
const ADMIN_PORTS_TRIED_MAX: u16 = 10;
/// Names on the certificate.
const CERTIFICATE_NAMES: [&str; 3] = ["localhost", "ns1.example.com", "ns2.example.com"];

pub(super) fn run(args: Args) -> ExitCode {
    logging::start_for_a_screen();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(report) => return fail(&report),
    };
    runtime.block_on(show(args)).unwrap_or_else(|report| fail(&report))
}

async fn show(args: Args) -> Result<ExitCode, Report> {
    let mut signals = Signals::take().map_err(|error| problem("cannot take signals", error))?;
    let loaded = load(&args)?;
    let (stage, backends) = Stage::set(&loaded).await?;
    let orders = TcpListener::bind(ORDERS)
        .await
        .map_err(|error| problem(format!("cannot listen on {ORDERS} for orders"), error))?;
    tokio::spawn(operator::serve_http(orders, backends.clone()));

    let certificate = Certificate::make(&CERTIFICATE_NAMES)
        .map_err(|error| problem("cannot make a certificate", error))?;
    let listen = if args.listen.is_empty() { present(stage.listen.clone()) } else { args.listen };
    let tls = tls(&certificate);
    let encrypted = encrypted(&tls);
    style::print("Probing every endpoint once, before the first answer …\n");
    let options = Options {
        config: args.config.config,
        listen: listen.clone(),
        tls: Some(tls),
        persist: false,
    };
    let starting = async {
        let starting =
            Server::prepare(options).await.map_err(|report| elsewhere(report, &listen))?;
        let admin = start_admin(starting.handle())?;
        let (server, _) = starting.finish().await?;
        Ok::<_, Report>((server, admin))
    };
    let (server, admin) = tokio::select! {
        started = starting => started?,
        () = signals.stop_asked() => return Ok(ExitCode::SUCCESS),
    };

    let sites = stage.ask_around(&listen).await?;
    let program = std::env::args().next().unwrap_or_else(|| "fingerpost".to_owned());
    let facts = Facts {
        listen: &listen,
        encrypted: &encrypted,
        orders: ORDERS,
        admin: admin.addresses(),
        backends: &backends.status().await,
        sites: &sites,
        noticed_after: stage.noticed_after,
        program: &program,
    };
    style::print(screen::render(&facts, Palette::stdout()));
    logging::show_changes();
    let served = Served { server, admin: Some(admin) };
    Ok(take_orders(served, &backends, &mut signals).await)
}

fn load(args: &Args) -> Result<Loaded, Report> {
    let loaded = config::load(&args.config.config, None);
    if !loaded.report.has_errors() {
        return Ok(loaded);
    }
    let mut report = loaded.report;
    if !args.config.config.exists() {
        let message = "the demo runs on the configuration that is shipped with the source";
        let help = "run it in the top directory of the source, or say --config FILE";
        report.push(Finding::warning(message).help(help));
    }
    Err(report)
}

/// What the demo needs to know of the configuration.
struct Stage {
    listen: Vec<SocketAddr>,
    endpoints: Vec<Arc<Endpoint>>,
    noticed_after: Duration,
}

impl Stage {
    /// Starts the backends of everything that is probed on loopback.
    async fn set(loaded: &Loaded) -> Result<(Self, Backends), Report> {
        let Some(server) = &loaded.server else { return Err(loaded.report.clone()) };
        let endpoints = endpoints(loaded.names().map(|name| &name.pool));
        let probes = endpoints.iter().flat_map(|endpoint| endpoint.probes());
        let noticed_after = probes.map(|probe| probe.check.interval * probe.check.fall).max();
        let mut specs = BackendSpec::of(endpoints.iter().map(Arc::as_ref));
        specs.retain(|spec| exists(spec.address.ip()));
        let backends = Backends::start(specs)
            .await
            .map_err(|error| problem("cannot start the backends", error))?;
        let stage = Self {
            listen: server.listen.clone(),
            endpoints,
            noticed_after: noticed_after.unwrap_or_default(),
        };
        Ok((stage, backends))
    }

    /// Asks the server from every place, and says which sites the answers point to.
    async fn ask_around(&self, listen: &[SocketAddr]) -> Result<Vec<String>, Report> {
        let mut sites = Vec::new();
        let Some(&server) = listen.first() else { return Ok(sites) };
        for place in PLACES {
            // A test holds that they are networks.
            let Ok(subnet) = place.subnet.parse() else { continue };
            let addresses = ask::ask(server, screen::NAME, subnet).await.map_err(|error| {
                problem(format!("{server} does not answer for {}", screen::NAME), error)
            })?;
            let site = self.endpoints.iter().find_map(|endpoint| {
                let own = [endpoint.a.map(IpAddr::V4), endpoint.aaaa.map(IpAddr::V6)];
                own.into_iter()
                    .flatten()
                    .any(|own| addresses.contains(&own))
                    .then(|| endpoint.site.name.clone())
            });
            sites.push(site.unwrap_or_else(|| "none".to_owned()));
        }
        Ok(sites)
    }
}

/// The endpoints of these pools and of those that they fall back to, each once.
fn endpoints<'a>(pools: impl Iterator<Item = &'a Arc<Pool>>) -> Vec<Arc<Endpoint>> {
    let mut found: Vec<Arc<Endpoint>> = Vec::new();
    for endpoint in pools.flat_map(|pool| pool.chain()).flat_map(|pool| &pool.endpoints) {
        if !found.iter().any(|known| Arc::ptr_eq(known, endpoint)) {
            found.push(endpoint.clone());
        }
    }
    found
}

/// Obeys what is typed and what the system says, until told to end.
async fn take_orders(server: impl Running, backends: &Backends, signals: &mut Signals) -> ExitCode {
    let mut typed = operator::typed_lines();
    let mut typing = true;
    loop {
        let line = tokio::select! {
            signal = signals.next() => match signal {
                Signal::Reload if reload(&server, signals).await == Signal::Reload => continue,
                Signal::Reload | Signal::Stop => break,
            },
            line = typed.recv(), if typing => line,
        };
        // Standard input that ends, as in a script, ends nothing else.
        let Some(line) = line else {
            typing = false;
            continue;
        };
        match Order::parse(&line) {
            None => {}
            Some(Ok(Order::Quit)) => break,
            Some(Ok(order)) => match order.execute(backends, Palette::stdout()).await {
                Ok(text) => style::print(text),
                Err(text) => style::print_error(text.trim_end()),
            },
            Some(Err(text)) => style::print_error(text.trim_end()),
        }
    }
    finish(server, signals).await
}

/// Where an address for plain queries cannot be had, there is an option of the demo's own to name another.
fn elsewhere(mut report: Report, listen: &[SocketAddr]) -> Report {
    let about = |finding: &&mut Finding| {
        let named = |address: &SocketAddr| finding.message.contains(&format!("on {address} for "));
        listen.iter().any(named)
    };
    if let Some(finding) = report.findings.iter_mut().find(about) {
        let cure = finding.help.take().map(|help| format!("{help}; here, "));
        let cure = cure.unwrap_or_default();
        finding.help = Some(format!(
            "{cure}`fingerpost demo --listen 127.0.0.1:5300` takes queries elsewhere"
        ));
    }
    report
}

/// Serves the admin API at its usual port, or at the next that is free: another demo, or a server, may have it.
fn start_admin(handle: &Handle) -> Result<Admin, Report> {
    let usual = config::defaults::ADMIN_LISTEN;
    let mut bound = Err(Report::default());
    for port in usual.port()..usual.port() + ADMIN_PORTS_TRIED_MAX {
        bound = admin::Bound::bind(&[SocketAddr::new(usual.ip(), port)]);
        if bound.is_ok() {
            break;
        }
    }
    bound?.serve(handle.clone()).map_err(|error| problem("cannot serve the admin API", error))
}

fn tls(certificate: &Certificate) -> Tls {
    let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let on = |port| present(loopback.iter().map(|ip| SocketAddr::new(*ip, port)).collect());
    Tls {
        certificate: certificate.chain(),
        key: certificate.key(),
        dot: on(TLS_PORT),
        doh: on(HTTPS_PORT),
        doh_path: config::defaults::DOH_PATH.to_owned(),
        doq: on(TLS_PORT),
    }
}

fn encrypted(tls: &Tls) -> Vec<(Transport, SocketAddr)> {
    [(Transport::Tls, &tls.dot), (Transport::Https, &tls.doh), (Transport::Quic, &tls.doq)]
        .into_iter()
        .filter_map(|(transport, listen)| Some((transport, *listen.first()?)))
        .collect()
}

/// The addresses that this machine has: IPv6 may be switched off, as in many containers, and the rest shows as much.
fn present(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    addresses.retain(|address| exists(address.ip()));
    addresses
}

fn exists(ip: IpAddr) -> bool {
    match UdpSocket::bind((ip, 0)) {
        Ok(_) => true,
        Err(error) => {
            !matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
                && error.raw_os_error() != Some(libc::EAFNOSUPPORT)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::explain::{Question, Supposed, explain};
    use crate::control::loader::Loader;
    use crate::wire::{Name, Rtype};
    use std::path::Path;

    #[test]
    fn addresses_that_are_not_here_are_left_out() {
        assert!(exists(Ipv4Addr::LOCALHOST.into()));
        assert!(!exists(Ipv4Addr::new(192, 0, 2, 1).into()));
    }

    #[tokio::test]
    async fn a_taken_port_brings_up_the_option_for_another() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let listen = vec![taken.local_addr().expect("its address")];
        let options = Options {
            config: shipped().to_owned(),
            listen: listen.clone(),
            tls: None,
            persist: false,
        };
        let report = Server::prepare(options).await.err().expect("the port is taken");
        let help = elsewhere(report, &listen).findings.remove(0).help.unwrap_or_default();
        assert!(help.contains("it is taken") && help.contains("demo --listen"), "{help}");
    }

    fn shipped() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fingerpost.toml"))
    }

    #[test]
    fn every_shipped_endpoint_has_backends_of_its_own() {
        let loaded = config::load(shipped(), None);
        let endpoints = endpoints(loaded.names().map(|name| &name.pool));
        let backends = BackendSpec::of(endpoints.iter().map(Arc::as_ref));
        for endpoint in &endpoints {
            let played = backends.iter().filter(|spec| spec.endpoint == endpoint.name).count();
            let addresses =
                usize::from(endpoint.a.is_some()) + usize::from(endpoint.aaaa.is_some());
            assert_eq!(played, addresses, "{}", endpoint.name);
        }
    }

    #[test]
    fn the_shipped_route_sends_every_place_to_a_site_of_its_region() {
        let load = Loader::new(shipped()).load().expect("the shipped configuration is sound");
        let sites = ["fra", "fra", "iad", "iad", "sin", "sin"];
        for (place, expected) in PLACES.iter().zip(sites) {
            let subnet: ipnet::IpNet = place.subnet.parse().expect("a network");
            let question = Question {
                name: Name::parse(screen::NAME, None).expect("a name"),
                rtype: Rtype::A,
                client: subnet.addr(),
                client_bits: subnet.prefix_len(),
                resolver: None,
                random: 0,
            };
            let explanation = explain(&load.catalog, &Supposed::default(), &question);
            let serving = explanation.steering[0].sites.iter().find(|site| site.serves);
            let site = serving.map(|site| site.site.as_str());
            assert_eq!(site, Some(expected), "{}", place.country);
        }
    }
}
