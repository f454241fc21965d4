//! The accept loop of all connection listeners: it outlives every error.
//!
//! Three kinds of error come out of `accept`. A connection that died in the queue says nothing about the next one,
//! so the loop goes on at once. Being out of descriptors or memory lasts until something is closed, and the waiting
//! connection keeps `accept` ready: going on at once would spin, so the loop sleeps, longer each time. Anything
//! else is taken for the first kind until it has come often in a row.

use super::counters::count;
use super::lane::Lane;
use super::service::Service;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tracing::debug;

/// First sleep after running out of descriptors or memory; doubles with each failure in a row.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Longest sleep: what a client notices at worst once there is room again.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Failures in a row of any kind after which the loop sleeps: no flood of aborted connections looks like this for
/// long.
const FAILURES_UNPAUSED: u32 = 64;

/// Something that connections come from.
pub(super) trait Incoming: Send + 'static {
    /// A connection.
    type Stream: Send + 'static;

    /// Waits for the next one. May be dropped and called again without losing any.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

impl Incoming for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, client) = TcpListener::accept(self).await?;
        // Answers are written in batches already; waiting to join them to later ones only delays them. Failing is
        // harmless, and means that the connection is gone.
        let _ = stream.set_nodelay(true);
        Ok((stream, client))
    }
}

/// Accepts until told to stop; each connection that is let in is served by a task of its own.
pub(super) async fn accept_loop<L, S, F, Served>(listener: L, lane: Lane<S>, serve: F)
where
    L: Incoming,
    S: Service,
    F: Fn(L::Stream, SocketAddr) -> Served,
    Served: Future<Output = ()> + Send + 'static,
{
    let mut stop = lane.stop.clone();
    let mut failures = 0;
    loop {
        let accepted = tokio::select! {
            () = stop.stopped() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                failures = 0;
                if let Some(permit) = lane.admission.admit(client.ip()) {
                    let served = serve(stream, client);
                    tokio::spawn(async move {
                        served.await;
                        drop(permit);
                    });
                }
            }
            Err(error) => {
                failures += 1;
                count(&lane.counters.accept_errors);
                debug!(%error, transport = ?lane.transport, "accept failed");
                tokio::select! {
                    () = stop.stopped() => return,
                    () = tokio::time::sleep(pause_after(&error, failures)) => {}
                }
            }
        }
    }
}

/// How long to sleep after the given failure, the last of so many in a row.
fn pause_after(error: &io::Error, failures: u32) -> Duration {
    let exhausted = matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    );
    let doublings = match exhausted {
        true => failures.saturating_sub(1),
        false if failures <= FAILURES_UNPAUSED => return Duration::ZERO,
        false => failures - FAILURES_UNPAUSED - 1,
    };
    // Four doublings pass the longest sleep.
    (PAUSE_MIN * 2_u32.pow(doublings.min(4))).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::testing::{Echo, lane};
    use std::sync::Mutex;
    use std::sync::atomic::Ordering;
    use tokio::sync::mpsc;
    use tokio::time::Instant;

    #[test]
    fn exhaustion_sleeps_and_aborted_connections_do_not() {
        let check = |code, failures, pause_ms| {
            let pause = pause_after(&io::Error::from_raw_os_error(code), failures);
            assert_eq!(pause, Duration::from_millis(pause_ms), "{code} {failures}");
        };
        check(libc::EMFILE, 1, 100);
        check(libc::ENFILE, 2, 200);
        check(libc::ENOBUFS, 4, 800);
        check(libc::ENOMEM, 5, 1000);
        check(libc::EMFILE, u32::MAX, 1000);
        check(libc::ECONNABORTED, 1, 0);
        check(libc::EPROTO, FAILURES_UNPAUSED, 0);
        check(libc::EINVAL, FAILURES_UNPAUSED + 1, 100);
        check(libc::EINVAL, u32::MAX, 1000);
    }

    /// Fails with each code in turn, then yields one connection, then waits for ever.
    struct Failing(Mutex<Vec<i32>>);

    impl Incoming for Failing {
        type Stream = ();

        async fn accept(&self) -> io::Result<((), SocketAddr)> {
            let code = self.0.lock().unwrap().pop();
            match code {
                Some(0) => Ok(((), SocketAddr::from(([192, 0, 2, 1], 53)))),
                Some(code) => Err(io::Error::from_raw_os_error(code)),
                None => std::future::pending().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_loop_outlives_its_errors() {
        let codes = vec![0, libc::EMFILE, libc::EMFILE, libc::ECONNABORTED];
        let (lane, stop) = lane(Echo);
        let counters = lane.counters.clone();
        let (served, mut connections) = mpsc::unbounded_channel();
        let started = Instant::now();
        let running = tokio::spawn(accept_loop(Failing(Mutex::new(codes)), lane, move |(), _| {
            served.send(Instant::now()).unwrap();
            std::future::ready(())
        }));
        // The aborted one costs nothing; being the second and third failure in a row, the others cost 200 and 400
        // ms.
        let paused = connections.recv().await.unwrap() - started;
        assert!((600..=610).contains(&paused.as_millis()), "{paused:?}");
        assert_eq!(counters.accept_errors.load(Ordering::Relaxed), 3);
        assert!(stop.stop(Duration::from_secs(1)).await);
        running.await.unwrap();
    }
}
