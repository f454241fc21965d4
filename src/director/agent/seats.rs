//! Who may hold a connection of the agent, and who makes room.
//!
//! A connection is silent until the head of its request is there. Where all seats are taken, a newcomer gets the seat
//! of a silent one: of the client that has most of those, the one that came first. So whoever opens connections and
//! says nothing takes seats from himself, and a nameserver that asks is never kept waiting for him.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Connections at one time: a few nameservers that ask, each with one.
pub(super) const CONNECTIONS_MAX: usize = 64;

/// Of an IPv6 address, what one client has for itself is less than this: whoever has one address of a link has all.
const V6_CLIENT_BITS: u32 = 64;

/// The connections that there are.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    /// In the order in which they came.
    guests: BTreeMap<u64, Guest>,
}

#[derive(Debug)]
struct Guest {
    client: IpAddr,
    is_silent: bool,
    leave: CancellationToken,
}

/// The right to one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    leave: CancellationToken,
}

impl Seats {
    /// A seat for this client, as soon as there is one: at once, unless all are taken by requests that are being
    /// answered.
    pub(super) async fn take(self: &Arc<Self>, client: IpAddr) -> Seat {
        loop {
            // Looked for after this is there, so that no seat is freed in between.
            let freed = self.freed.notified();
            if let Some(seat) = self.try_take(client) {
                return seat;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Self>, client: IpAddr) -> Option<Seat> {
        let mut taken = self.taken();
        if taken.guests.len() >= CONNECTIONS_MAX {
            let gives_way = taken.longest_silent()?;
            // His seat is free at once; his connection ends as soon as it is its turn.
            taken.guests.remove(&gives_way)?.leave.cancel();
        }
        let (number, leave) = (taken.next, CancellationToken::new());
        taken.next += 1;
        let guest = Guest { client: one_client(client), is_silent: true, leave: leave.clone() };
        taken.guests.insert(number, guest);
        Some(Seat { seats: self.clone(), number, leave })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while it is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Of the client with most silent connections, the one that came first.
    fn longest_silent(&self) -> Option<u64> {
        let silent = || self.guests.iter().filter(|(_, guest)| guest.is_silent);
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for (_, guest) in silent() {
            *counts.entry(guest.client).or_default() += 1;
        }
        let most = counts.values().max()?;
        silent().find(|(_, guest)| counts.get(&guest.client) == Some(most)).map(|(at, _)| *at)
    }
}

impl Seat {
    /// Notes that the head of a request is there.
    pub(super) fn speak(&self) {
        if let Some(guest) = self.seats.taken().guests.get_mut(&self.number) {
            guest.is_silent = false;
        }
    }

    /// Waits until the seat is somebody else's.
    pub(super) async fn lost(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.seats.taken().guests.remove(&self.number).is_some() {
            self.seats.freed.notify_one();
        }
    }
}

/// What stands for all addresses that one client may well have.
fn one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let host_bits = u128::BITS - V6_CLIENT_BITS;
            Ipv6Addr::from_bits(address.to_bits() >> host_bits << host_bits).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    async fn take(seats: &Arc<Seats>, client: &str) -> Option<Seat> {
        timeout(Duration::from_secs(1), seats.take(ip(client))).await.ok()
    }

    async fn take_all(seats: &Arc<Seats>, client: &str, count: usize) -> Vec<Seat> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(take(seats, client).await.expect("a seat"));
        }
        taken
    }

    fn is_lost(seat: &Seat) -> bool {
        seat.leave.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_give_way_and_who_has_most_of_them_first() {
        let seats = Arc::new(Seats::default());
        let honest = take(&seats, "192.0.2.1").await.expect("a seat");
        let flood = take_all(&seats, "192.0.2.66", CONNECTIONS_MAX * 3).await;
        assert!(!is_lost(&honest));
        let lost = flood.iter().filter(|seat| is_lost(seat)).count();
        assert_eq!(lost, CONNECTIONS_MAX * 2 + 1);
        assert!(flood[..lost].iter().all(is_lost), "the first of them first");
        let second = take(&seats, "192.0.2.2").await.expect("a seat");
        assert!(!is_lost(&honest) && !is_lost(&second) && is_lost(&flood[lost]));
        assert_eq!(seats.taken().guests.len(), CONNECTIONS_MAX);
        // A seat that was taken over is not given back twice.
        drop(flood);
        assert_eq!(seats.taken().guests.len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_being_answered_keeps_his_seat() {
        let seats = Arc::new(Seats::default());
        let mut asking = take_all(&seats, "192.0.2.1", CONNECTIONS_MAX).await;
        asking.iter().for_each(Seat::speak);
        assert!(take(&seats, "192.0.2.2").await.is_none());
        let waiting = {
            let seats = seats.clone();
            async move { take(&seats, "192.0.2.2").await }
        };
        let waiting = tokio::spawn(waiting);
        tokio::task::yield_now().await;
        asking.pop();
        assert!(waiting.await.expect("no panic").is_some());
        assert!(!asking.iter().any(is_lost));
    }

    #[test]
    fn a_link_is_one_client() {
        let check = |one: &str, other: &str, expected: bool| {
            assert_eq!(one_client(ip(one)) == one_client(ip(other)), expected, "{one} {other}");
        };
        check("192.0.2.1", "::ffff:192.0.2.1", true);
        check("192.0.2.1", "192.0.2.2", false);
        check("2001:db8::1", "2001:db8::ffff:0:0:2", true);
        check("2001:db8::1", "2001:db8:0:1::1", false);
    }
}
