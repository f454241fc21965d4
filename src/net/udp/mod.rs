//! UDP: one thread for each worker and address, each with a socket of its own.
//!
//! The threads run outside of the async runtime: a query costs less than waking a task. On Linux a thread takes
//! what waits in its socket with one call, answers it, and sends all answers with another ([`batched`] over
//! [`batch`]); elsewhere it goes packet by packet (`plain`, which the tests run on Linux too). Rate limits are
//! not here.

#[cfg(target_os = "linux")]
mod batch;
#[cfg(target_os = "linux")]
mod batched;
#[cfg(any(not(target_os = "linux"), test))]
mod plain;

use super::counters::{NetCounters, count};
use super::responder::Responder;
use super::service::Service;
use crate::config::defaults;
#[cfg(target_os = "linux")]
use batched::{prepare, run};
#[cfg(not(target_os = "linux"))]
use plain::{prepare, run};
use socket2::SockRef;
use std::io;
use std::net::{Shutdown, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longest query that is read; a longer one is cut and will not parse. Queries beyond a few hundred bytes are
/// unheard of.
const QUERY_BYTES_MAX: usize = 4096;

/// Longest answer that can be sent: the most that the answer function can be configured to use.
const ANSWER_BYTES_MAX: usize = defaults::UDP_PAYLOAD_BYTES_CEILING as usize;

/// How long a thread waits for a packet, or for room to send, before it looks whether to stop.
const LOOK_UP: Duration = Duration::from_millis(200);

/// Pause after a failure to receive that is not the lack of a packet: out of memory, mostly, which does not pass at
/// once.
const PAUSE_ON_ERROR: Duration = Duration::from_millis(10);

/// The running threads; they end and are joined when this is dropped.
pub(super) struct UdpWorkers {
    stop: Arc<AtomicBool>,
    workers: Vec<(Arc<UdpSocket>, JoinHandle<()>)>,
}

/// What one thread runs on.
struct Seat<S: Service> {
    socket: Arc<UdpSocket>,
    responder: Responder<S>,
    counters: Arc<NetCounters>,
    stop: Arc<AtomicBool>,
}

/// Starts one thread for each socket.
pub(super) fn start<S: Service>(
    sockets: Vec<UdpSocket>,
    service: &S,
    counters: &Arc<NetCounters>,
) -> io::Result<UdpWorkers> {
    start_with(sockets, service, counters, prepare, run)
}

fn start_with<S: Service>(
    sockets: Vec<UdpSocket>,
    service: &S,
    counters: &Arc<NetCounters>,
    prepare: fn(&UdpSocket) -> io::Result<()>,
    run: fn(Seat<S>),
) -> io::Result<UdpWorkers> {
    let mut started = UdpWorkers { stop: Arc::default(), workers: Vec::new() };
    for (number, socket) in sockets.into_iter().enumerate() {
        socket.set_read_timeout(Some(LOOK_UP))?;
        socket.set_write_timeout(Some(LOOK_UP))?;
        prepare(&socket)?;
        let socket = Arc::new(socket);
        let seat = Seat {
            socket: socket.clone(),
            responder: Responder::new(service, counters),
            counters: counters.clone(),
            stop: started.stop.clone(),
        };
        let thread =
            thread::Builder::new().name(format!("udp-{number}")).spawn(move || run(seat))?;
        started.workers.push((socket, thread));
    }
    Ok(started)
}

impl Drop for UdpWorkers {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for (socket, _) in &self.workers {
            // Wakes the thread on Linux, though the call fails there for want of a peer. Where it does not, the
            // thread looks up by itself in LOOK_UP.
            let _ = SockRef::from(&**socket).shutdown(Shutdown::Read);
        }
        for (_, thread) in self.workers.drain(..) {
            // The guard around answers lets no panic out; if one came from elsewhere, it was printed.
            let _ = thread.join();
        }
    }
}

impl<S: Service> Seat<S> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// Makes the loop ready to receive again after a failure to.
fn recover(error: &io::Error, counters: &NetCounters) {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable,
        TimedOut, WouldBlock,
    };
    match error.kind() {
        // Nothing came.
        WouldBlock | TimedOut | Interrupted => {}
        // Some systems report here what ICMP says of an earlier answer. A packet did that, so it must not cost
        // time.
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable => {
            count(&counters.udp_receive_errors);
        }
        _ => {
            count(&counters.udp_receive_errors);
            thread::sleep(PAUSE_ON_ERROR);
        }
    }
}

#[cfg(test)]
mod tests;
