//! `[directors.NAME]`: load balancers whose VIPs are handed out, and the real servers behind them.
//!
//! ```text
//! [directors.NAME] ─ feed, reals ─► Director ─┐
//!                    the server's directors ──┴─ vips ─► Vip: all directors that share an address
//! ```
//!
//! What no director of its mode could do is refused here; what stands in the way of one that is set up otherwise than
//! usual is only warned of.

mod feed;
mod reals;
mod vips;

pub use vips::{Directors, Shared};

use super::checks::{self, CheckSettings};
use super::reader::Value;
use super::scope::Scope;
use super::{addresses, defaults, value};
use crate::steer::director::{
    Director, Feed, FeedSource, Mode, Protocol, Real, Scheduler, Service,
};
use crate::steer::model::Site;
use crate::wire::Name;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// What directors refer to.
pub struct Terms<'s, 'a> {
    /// The zone whose file it is; none for the server's.
    pub zone: Option<&'s Name>,
    /// Sites.
    pub sites: &'s Scope<'a, Arc<Site>>,
    /// Checks.
    pub checks: &'s Scope<'a, CheckSettings>,
}

/// The keys of a director, in the order of the README.
struct Keys<'d> {
    site: Option<Value<'d>>,
    vip: Option<Value<'d>>,
    mode: Option<Value<'d>>,
    service: Option<Value<'d>>,
    scheduler: Option<Value<'d>>,
    min_up: Option<Value<'d>>,
    capacity: Option<Value<'d>>,
    maintenance: Option<Value<'d>>,
    check: Option<Value<'d>>,
    feed: Option<Value<'d>>,
    reals: Option<Value<'d>>,
}

/// What the reals of a director have to fit; each part as far as it could be read.
struct Front {
    vip: Option<(Option<Ipv4Addr>, Option<Ipv6Addr>)>,
    mode: Option<Mode>,
    service: Option<Service>,
    scheduler: Option<Scheduler>,
}

/// Whether and how reals are probed.
enum Probing {
    /// It has mistakes.
    Wrong,
    /// Nothing is known that could be asked of them.
    Absent,
    /// By this.
    By(Box<CheckSettings>),
}

fn director(entry: &Value<'_>, terms: &Terms<'_, '_>) -> Option<Director> {
    let name = value::name(entry, "a director");
    let keys = Keys::take(entry)?;
    let front = Front::read(&keys);
    let site = keys.site.as_ref().and_then(|site| terms.sites.find(site));
    let min_up = keys.min_up.as_ref().map(|value| value.float(0.0..=1.0));
    let maintenance = keys.maintenance.as_ref().map(Value::boolean);
    let feed = keys.feed.as_ref().map(|given| {
        let feed = feed::read(given, entry.key);
        if let (Some(feed), Some(mode)) = (&feed, front.mode) {
            warn_feed(given, feed, mode);
        }
        feed
    });
    let sessions = keys.capacity.as_ref().map(|value| value.integer(1..=defaults::SESSIONS_MAX));
    if let Some(capacity) = keys.capacity.as_ref().filter(|_| feed.is_none()) {
        let help = "add feed = { … }, or leave the capacity out";
        capacity.warning("nobody tells how many sessions this director has", help);
    }
    let reals = reals(entry, &keys, &front, feed.as_ref(), terms);
    let (a, aaaa) = front.vip?;
    Some(Director {
        zone: terms.zone.cloned(),
        name: name?,
        site: site?,
        a,
        aaaa,
        mode: front.mode?,
        scheduler: front.scheduler?,
        service: front.service?,
        reals: reals?,
        min_up: min_up.unwrap_or(Some(defaults::POOL_MIN_UP))?,
        capacity: sessions.flatten(),
        maintenance: maintenance.unwrap_or(Some(false))?,
        feed: match feed {
            Some(feed) => Some(Arc::new(feed?)),
            None => None,
        },
    })
}

impl<'d> Keys<'d> {
    fn take(entry: &Value<'d>) -> Option<Self> {
        let mut table = entry.table("a director")?;
        let vip = "add vip = { a = \"…\" }, { aaaa = \"…\" } or both in one";
        let keys = Self {
            site: table.required("site", "add site = and the name of its site"),
            vip: table.required("vip", vip),
            mode: table.required("mode", "add mode = \"nat\", \"dr\", \"tun\" or \"proxy\""),
            service: table.required("service", "add service = \"tcp/PORT\" or \"udp/PORT\""),
            scheduler: table.take("scheduler"),
            min_up: table.take("min_up"),
            capacity: table.take("capacity"),
            maintenance: table.take("maintenance"),
            check: table.take("check"),
            feed: table.take("feed"),
            reals: table.take("reals"),
        };
        table.finish();
        Some(keys)
    }
}

impl Front {
    fn read(keys: &Keys<'_>) -> Self {
        let front = Self {
            vip: keys.vip.as_ref().and_then(vip),
            mode: keys.mode.as_ref().and_then(|mode| mode.choice(&Mode::ALL)),
            service: keys.service.as_ref().and_then(service),
            scheduler: match &keys.scheduler {
                Some(given) => given.choice(&Scheduler::ALL),
                None => Some(defaults::DIRECTOR_SCHEDULER),
            },
        };
        if let (Some(given), Some(scheduler @ (Scheduler::Sed | Scheduler::Nq))) =
            (&keys.scheduler, front.scheduler)
            && front.mode == Some(Mode::Proxy)
        {
            let message = format!("\"{scheduler}\" is IPVS's alone, and this director is a proxy");
            given.warning(message, "use wlc, which proxies know as leastconn");
        }
        front
    }

    fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let (a, aaaa) = self.vip.unwrap_or_default();
        a.map(IpAddr::V4).into_iter().chain(aaaa.map(IpAddr::V6))
    }

    /// Whether reals of another family than the VIP's can be reached: IPVS crosses families in tunnels alone
    /// (ipvsadm(8), --ipip), and a proxy makes connections of its own.
    fn crosses_families(&self) -> bool {
        matches!(self.mode, Some(Mode::Tun | Mode::Proxy))
    }
}

fn vip(value: &Value<'_>) -> Option<(Option<Ipv4Addr>, Option<Ipv6Addr>)> {
    let mut table = value.table("a VIP")?;
    let (a, aaaa) = (table.take("a"), table.take("aaaa"));
    table.finish();
    if a.is_none() && aaaa.is_none() {
        value.error("a VIP needs an address", "add a = \"…\", aaaa = \"…\" or both");
        return None;
    }
    let v4 = a.as_ref().map(addresses::served_v4);
    let v6 = aaaa.as_ref().map(addresses::served_v6);
    // An address that was given and is wrong has said so.
    let sound = v4 != Some(None) && v6 != Some(None);
    sound.then(|| (v4.flatten(), v6.flatten()))
}

/// `tcp/80`.
fn service(value: &Value<'_>) -> Option<Service> {
    let text = value.string()?;
    let read = text.split_once('/').and_then(|(protocol, port)| {
        let protocols = [Protocol::Tcp, Protocol::Udp];
        let protocol = protocols.into_iter().find(|known| known.to_string() == protocol)?;
        Some(Service { protocol, port: port.parse().ok().filter(|port| *port != 0)? })
    });
    if read.is_none() {
        let help = "write \"tcp/PORT\" or \"udp/PORT\", as in \"tcp/80\"";
        value.error(format!("{text:?} is no service"), help);
    }
    read
}

/// The reals, listed or left to a feed; `feed` is none where none is given, and within where it has mistakes.
fn reals(
    entry: &Value<'_>,
    keys: &Keys<'_>,
    front: &Front,
    feed: Option<&Option<Feed>>,
    terms: &Terms<'_, '_>,
) -> Option<Vec<Real>> {
    let probing = probing(keys.check.as_ref(), front.service, terms, entry.key);
    if let (Some(service), Probing::Absent, None) = (&keys.service, &probing, feed) {
        let message = "nothing tells whether the reals of a udp service live";
        service.error(message, "add check = { type = \"…\", port = … }, or feed = { … }");
    }
    if let Some(list) = &keys.reals {
        return reals::read(list, front, &probing);
    }
    // A feed with mistakes may well be one that lists them.
    let is_listed_by = |feed: &Feed| !matches!(feed.source, FeedSource::Ipvs(_));
    if !feed.is_some_and(|feed| feed.as_ref().is_none_or(is_listed_by)) {
        let help = "add reals = [ { address = \"10.0.0.2:80\" } ], or a feed of type \"haproxy\" or \"json\"";
        entry.key_error("a director needs \"reals\"", help);
        return None;
    }
    if let Some(check) = &keys.check {
        let help = "list the reals, or leave the check out";
        check.warning("this check probes nothing: no reals are listed", help);
    }
    Some(Vec::new())
}

fn probing(
    check: Option<&Value<'_>>,
    service: Option<Service>,
    terms: &Terms<'_, '_>,
    name: &str,
) -> Probing {
    match (check, service) {
        (Some(check), _) => match checks::of_reals(check, terms.checks, name) {
            Some(settings) => Probing::By(Box::new(settings)),
            None => Probing::Wrong,
        },
        (None, Some(Service { protocol: Protocol::Tcp, .. })) => {
            Probing::By(Box::new(CheckSettings::named(name)))
        }
        // Silence is a good answer of UDP, too.
        (None, Some(Service { protocol: Protocol::Udp, .. })) => Probing::Absent,
        (None, None) => Probing::Wrong,
    }
}

/// Who ends connections and who forwards packets are two kinds of program.
fn warn_feed(given: &Value<'_>, feed: &Feed, mode: Mode) {
    let (is_of, belongs) = match feed.source {
        FeedSource::Haproxy { .. } if mode != Mode::Proxy => ("HAProxy", "mode = \"proxy\""),
        FeedSource::Ipvs(_) if mode == Mode::Proxy => ("IPVS", "mode = \"nat\", \"dr\" or \"tun\""),
        _ => return,
    };
    let message = format!("this feed is {is_of}'s, and the mode of this director is \"{mode}\"");
    given.warning(message, format!("use {belongs}, or another feed"));
}
