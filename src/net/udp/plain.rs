//! The UDP loop for any system: one packet at a time, through the standard library.
//!
//! It cannot choose the source address of an answer. On a wildcard address the system's choice may differ from the
//! address that was asked; there, configure each address by itself.

use super::{ANSWER_BYTES_MAX, QUERY_BYTES_MAX, Seat, recover};
use crate::answer::{Ends, Transport};
use crate::net::counters::count;
use crate::net::responder::Responder;
use crate::net::service::Service;
use std::io;
use std::net::UdpSocket;

/// Nothing beyond what was set when the socket was bound.
pub(super) fn prepare(_socket: &UdpSocket) -> io::Result<()> {
    Ok(())
}

/// Serves until told to stop.
pub(super) fn run<S: Service>(mut seat: Seat<S>) {
    let bound = seat.socket.local_addr().ok();
    let mut query = [0; QUERY_BYTES_MAX];
    let mut answer = [0; ANSWER_BYTES_MAX];
    while !seat.is_stopped() {
        // A panic was counted and the worker replaced.
        let received = seat.socket.recv_from(&mut query);
        let _ = seat.responder.guarded(Responder::begin_batch);
        let (bytes, client) = match received {
            Ok(received) => received,
            Err(error) => {
                recover(&error, &seat.counters);
                continue;
            }
        };
        // Nothing can be sent to port 0, and nothing honest comes from it.
        if client.port() == 0 || seat.is_stopped() {
            continue;
        }
        let answered = seat.responder.guarded(|responder| {
            let ends = Ends::new(client, bound);
            responder.respond(&query[..bytes], &ends, Transport::Udp, &mut answer)
        });
        if let Ok(bytes @ 1..) = answered
            && seat.socket.send_to(&answer[..bytes], client).is_err()
        {
            count(&seat.counters.udp_send_errors);
        }
    }
}
