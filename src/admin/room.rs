//! Who may hold a connection, and who makes room.
//!
//! A connection is idle unless a request of it is being answered; a stream is one long answer. Where the limits are
//! reached, the one that has been idle longest is closed, so neither forgotten connections nor clients that send their
//! request octet by octet keep anybody out. A newcomer is turned away only when every connection is at work.

use super::limits::{CONNECTIONS_MAX, CONNECTIONS_PER_PEER_MAX};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The connections that are open.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<Seats>);

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: HashMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    peer: IpAddr,
    idle_since: Option<Instant>,
    leave: CancellationToken,
}

/// The right to one connection; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    room: Arc<Room>,
    number: u64,
    leave: CancellationToken,
}

/// That a connection is at work, for as long as this lives.
#[derive(Debug)]
pub(super) struct AtWork(Arc<Permit>);

impl Room {
    /// Lets a client in; somebody who is idle may be asked to leave for it.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Permit> {
        let peer = peer.to_canonical();
        let mut seats = self.seats();
        if seats.taken.values().filter(|seat| seat.peer == peer).count() >= CONNECTIONS_PER_PEER_MAX
        {
            seats.make_room(|seat| seat.peer == peer)?;
        } else if seats.taken.len() >= CONNECTIONS_MAX {
            seats.make_room(|_| true)?;
        }
        let number = seats.next;
        seats.next += 1;
        let leave = CancellationToken::new();
        let seat = Seat { peer, idle_since: Some(Instant::now()), leave: leave.clone() };
        seats.taken.insert(number, seat);
        Some(Permit { room: self.clone(), number, leave })
    }

    /// Nothing can panic between two writes to the table, so a poisoned lock still guards a sound one.
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// Asks the one of these that has been idle longest to leave; none if all are at work.
    fn make_room(&mut self, of: impl Fn(&Seat) -> bool) -> Option<()> {
        let idle = self.taken.iter().filter(|(_, seat)| of(seat));
        let (_, number) =
            idle.filter_map(|(number, seat)| Some((seat.idle_since?, *number))).min()?;
        self.taken.remove(&number)?.leave.cancel();
        Some(())
    }
}

impl Permit {
    /// Waits until the connection is to make room for another.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.cancelled().await;
    }

    /// Says that a request has come in whole. HTTP/1 answers one at a time, so there is one of these at most.
    pub(super) fn at_work(self: &Arc<Self>) -> AtWork {
        self.set_idle_since(None);
        AtWork(self.clone())
    }

    fn set_idle_since(&self, since: Option<Instant>) {
        if let Some(seat) = self.room.seats().taken.get_mut(&self.number) {
            seat.idle_since = since;
        }
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.set_idle_since(Some(Instant::now()));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.room.seats().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn peer(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[tokio::test(start_paused = true)]
    async fn the_idle_make_room_and_those_at_work_stay() {
        let room = Arc::new(Room::default());
        let mut permits = Vec::new();
        for number in 0..CONNECTIONS_MAX {
            tokio::time::advance(Duration::from_millis(1)).await;
            permits.push(Arc::new(room.admit(peer(number as u8 % 2)).expect("room")));
        }
        // The first has just answered, the second is answering: the third has been idle longest.
        drop(permits[0].at_work());
        let second = permits[1].at_work();
        let newcomer = room.admit(peer(9)).expect("room was made");
        let left: Vec<usize> =
            (0..CONNECTIONS_MAX).filter(|at| permits[*at].leave.is_cancelled()).collect();
        assert_eq!(left, [2]);
        assert_eq!(room.seats().taken.len(), CONNECTIONS_MAX);
        // One who was asked to leave gives nothing back a second time.
        drop(permits.remove(2));
        assert_eq!(room.seats().taken.len(), CONNECTIONS_MAX);
        drop((newcomer, second));
        permits.clear();
        assert!(room.seats().taken.is_empty());
    }

    #[test]
    fn one_client_never_takes_all() {
        let room = Arc::new(Room::default());
        let permits: Vec<_> = (0..CONNECTIONS_PER_PEER_MAX)
            .map(|_| Arc::new(room.admit(peer(1)).expect("room")))
            .collect();
        let busy: Vec<_> = permits.iter().map(Permit::at_work).collect();
        assert!(room.admit(peer(1)).is_none(), "all of its own are at work");
        let mapped = "::ffff:192.0.2.1".parse().expect("an address");
        assert!(room.admit(mapped).is_none(), "the same client");
        assert!(room.admit(peer(2)).is_some());
        drop(busy);
        assert!(room.admit(peer(1)).is_some());
    }
}
