//! Who may hold a connection: so many in all, so many from one network.
//!
//! When a limit is reached it is the newcomer who is turned away, never a connection that stands. The other way,
//! closing the one that is idle longest, would let a flood of fresh connections push out clients in good standing.
//! Slots come free by themselves: whatever holds one must bring a whole message within the idle timeout.

use super::counters::{ConnectionCounters, NetCounters, count};
use super::limits::{Limits, NETWORK_PREFIX_V4, NETWORK_PREFIX_V6};
use crate::answer::Transport;
use crate::geo::ranges::Key;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The open connections of one transport.
pub(super) struct Admission {
    connections_max: usize,
    per_network_max: usize,
    transport: Transport,
    counters: Arc<NetCounters>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    open: usize,
    by_network: HashMap<IpAddr, usize>,
}

impl Admission {
    /// Nobody let in yet.
    pub(super) fn new(
        transport: Transport,
        limits: &Limits,
        counters: Arc<NetCounters>,
    ) -> Arc<Self> {
        Arc::new(Self {
            connections_max: limits.connections_max,
            per_network_max: limits.connections_per_network_max,
            transport,
            counters,
            table: Mutex::default(),
        })
    }

    /// Lets a client in, for as long as the permit lives, or counts it as refused.
    pub(super) fn admit(self: &Arc<Self>, client: IpAddr) -> Option<Permit> {
        let network = network(client);
        let mut table = self.table();
        let from_network = table.by_network.get(&network).copied().unwrap_or(0);
        if table.open >= self.connections_max || from_network >= self.per_network_max {
            count(&self.counters().refused);
            return None;
        }
        table.open += 1;
        table.by_network.insert(network, from_network + 1);
        count(&self.counters().accepted);
        count(&self.counters().open);
        Some(Permit { admission: self.clone(), network })
    }

    fn counters(&self) -> &ConnectionCounters {
        self.counters.of(self.transport)
    }

    /// Nothing can panic between two writes to the table, so a poisoned lock still guards a sound one.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one connection; given back when dropped.
pub(super) struct Permit {
    admission: Arc<Admission>,
    network: IpAddr,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut table = self.admission.table();
        table.open -= 1;
        if let Some(from_network) = table.by_network.get_mut(&self.network) {
            *from_network -= 1;
            if *from_network == 0 {
                table.by_network.remove(&self.network);
            }
        }
        self.admission.counters().open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The network that a client shares its limit with, by its first address.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => {
            Ipv4Addr::from_bits(address.to_bits().block_first(NETWORK_PREFIX_V4)).into()
        }
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits().block_first(NETWORK_PREFIX_V6)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(connections_max: usize, connections_per_network_max: usize) -> Arc<Admission> {
        let limits = Limits { connections_max, connections_per_network_max, ..Limits::default() };
        Admission::new(Transport::Tcp, &limits, Arc::default())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn limits_in_all_and_by_network() {
        let admission = admission(4, 2);
        let mut permits = Vec::new();
        let mut check = |client, let_in: bool| {
            let permit = admission.admit(address(client));
            assert_eq!(permit.is_some(), let_in, "{client}");
            permits.extend(permit);
        };
        check("192.0.2.1", true);
        check("192.0.2.254", true);
        check("192.0.2.3", false);
        check("::ffff:192.0.2.4", false);
        check("2001:db8:1::1", true);
        check("2001:db8:1:ffff::1", true);
        check("2001:db8:1:2::1", false);
        check("198.51.100.1", false);

        permits.remove(0);
        assert!(admission.admit(address("198.51.100.1")).is_some());
        drop(permits);
        assert_eq!(admission.table().open, 0);
        assert!(admission.table().by_network.is_empty());
        let counters = admission.counters();
        assert_eq!(counters.open.load(Ordering::Relaxed), 0);
        assert_eq!(counters.accepted.load(Ordering::Relaxed), 5);
        assert_eq!(counters.refused.load(Ordering::Relaxed), 4);
    }
}
