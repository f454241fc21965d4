//! Who vouches for the VIPs of a pool: their checks, the feeds of their directors, probes of what stands behind them.
//!
//! A pool without a check is a fair choice for servers, which are then taken for up. A VIP has more to lose: its
//! director can die alone, and only a check of the VIP itself sees that.

use super::demands::named;
use super::reader::Value;
use crate::steer::director::{Protocol, Vip};
use crate::steer::model::Endpoint;
use std::sync::Arc;

/// Warns of directors among the endpoints of a pool, listed at `list`, whose VIPs nothing checks.
pub fn warn(list: &Value<'_>, endpoints: &[Arc<Endpoint>]) {
    let unchecked = || {
        let unprobed = endpoints.iter().filter(|endpoint| endpoint.probes().next().is_none());
        unprobed.filter_map(|endpoint| Some((&**endpoint, endpoint.vip.as_deref()?)))
    };
    let only = |is_so: fn(&Vip) -> bool| {
        named(unchecked().filter(|(_, vip)| is_so(vip)).map(|(endpoint, _)| endpoint))
    };
    let cure = "add check = and the name of a check to the pool: it probes the VIPs";
    if let Some(names) = only(hangs_on_feed) {
        let message = format!(
            "nothing but its feed vouches for {names}: no check probes the VIP, and no real server is probed"
        );
        let help = format!("{cure}; without, a VIP whose feed is lost is handed out last");
        list.key_warning(message, help);
    }
    // No check speaks UDP, and what else listens at such a VIP says little of it.
    if let Some(names) = only(|vip| !hangs_on_feed(vip) && protocol(vip) == Some(Protocol::Tcp)) {
        let message = format!(
            "no check probes the VIP of {names}: with the director dead and its real servers alive, it stays in the \
             answers"
        );
        list.key_warning(message, cure);
    }
}

/// Whether there may come a time at which nobody knows of any server behind it.
fn hangs_on_feed(vip: &Vip) -> bool {
    vip.directors.iter().any(|director| director.reals.iter().all(|real| real.probe.is_none()))
}

/// Directors that share a VIP have one service.
fn protocol(vip: &Vip) -> Option<Protocol> {
    vip.directors.first().map(|director| director.service.protocol)
}
