//! The UDP loop of Linux: take what waits, answer it, send it.

use super::batch::{self, Batch};
use super::{Seat, recover};
use crate::answer::{Ends, Transport};
use crate::net::counters::count;
use crate::net::responder::Responder;
use crate::net::service::Service;
use std::io;
use std::net::UdpSocket;

/// Sets what only Linux has on a socket that is bound.
pub(super) fn prepare(socket: &UdpSocket) -> io::Result<()> {
    let address = socket.local_addr()?;
    // Fragment where the path needs it and never learn a path MTU from ICMP, which anybody can forge to make
    // answers fragment on their way. Best effort: not every container's kernel has the option.
    let _ = batch::ignore_path_mtu(socket, address.is_ipv6());
    if address.ip().is_unspecified() {
        batch::report_destination(socket, address.is_ipv6())?;
    }
    Ok(())
}

/// Serves until told to stop.
pub(super) fn run<S: Service>(mut seat: Seat<S>) {
    let bound = seat.socket.local_addr().ok();
    // Only a wildcard address leaves open which one was asked.
    let wildcard = bound.is_some_and(|address| address.ip().is_unspecified());
    let mut batch = Batch::new(wildcard);
    while !seat.is_stopped() {
        let received = batch.receive(&seat.socket);
        // A panic was counted and the worker replaced; the batch goes on with the new one.
        let _ = seat.responder.guarded(Responder::begin_batch);
        let received = match received {
            Ok(received) => received,
            Err(error) => {
                recover(&error, &seat.counters);
                continue;
            }
        };
        let mut next = 0;
        while next < received {
            // The guard stands around the batch and not around each packet. After a panic the rest goes on.
            let _ = seat.responder.guarded(|responder| {
                while next < received {
                    let number = next;
                    next += 1;
                    batch.answer(number, |query, (client, asked), out| {
                        let mut ends = Ends::new(client, bound);
                        ends.server = asked.or(ends.server);
                        responder.respond(query, &ends, Transport::Udp, out)
                    });
                }
            });
        }
        batch.send(&seat.socket, || count(&seat.counters.udp_send_errors));
    }
}
