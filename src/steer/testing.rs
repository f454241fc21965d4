//! Sites, endpoints, pools and directors for tests: what is not said of them is as plain as can be, and a test changes
//! what it is about.

use super::director::{Director, Mode, Protocol, Real, Scheduler, Service};
use super::model::{Endpoint, Method, OnAllDown, Pool, Site};
use crate::health::Comeback;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The server's own site of this name, nowhere on the map.
pub(crate) fn site(name: &str) -> Site {
    Site { zone: None, name: name.into(), title: name.into(), location: None, coordinates: None }
}

/// An unprobed endpoint at 192.0.2.`last`.
pub(crate) fn endpoint(name: String, site: Arc<Site>, last: u8, weight: u32) -> Endpoint {
    Endpoint {
        name,
        site,
        a: Some(Ipv4Addr::new(192, 0, 2, last)),
        aaaa: None,
        weight,
        probe_a: None,
        probe_aaaa: None,
        vip: None,
    }
}

/// The server's own pool of this name, which fails open and hands out one endpoint by weight.
pub(crate) fn pool(name: &str, endpoints: impl IntoIterator<Item = Endpoint>) -> Pool {
    Pool {
        zone: None,
        name: name.into(),
        answers: 1,
        method: Method::Weighted,
        min_up: 0.5,
        on_all_down: OnAllDown::All,
        fallback: None,
        comeback: Comeback::default(),
        capacity: Vec::new(),
        damping: None,
        endpoints: endpoints.into_iter().map(Arc::new).collect(),
    }
}

/// A director of site fra at 192.0.2.100, port 80, that no feed tells of.
pub(crate) fn director(name: &str, reals: Vec<Real>) -> Director {
    Director {
        zone: None,
        name: name.into(),
        site: Arc::new(site("fra")),
        a: Some(Ipv4Addr::new(192, 0, 2, 100)),
        aaaa: None,
        mode: Mode::Nat,
        scheduler: Scheduler::Wlc,
        service: Service { protocol: Protocol::Tcp, port: 80 },
        reals,
        min_up: 0.5,
        capacity: None,
        maintenance: false,
        feed: None,
    }
}
