//! Connections of the agent: few, short, one request each.

use super::tell::Teller;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at one time: a few nameservers that ask, each with one. More wait in the system's queue.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may last from its first packet to its end, whatever its client does.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(5);
/// How long the head of a request may take to come in.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// All headers of a request; hyper takes no smaller bound.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// After `accept` has failed, which is for want of descriptors or memory as a rule, it is tried again after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Server {
    teller: Arc<Teller>,
    seats: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Server {
    pub(super) fn new(teller: Arc<Teller>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { teller, seats: Arc::new(Semaphore::new(CONNECTIONS_MAX)), tasks, stop }
    }

    /// Takes connections until told to stop.
    pub(super) async fn listen(self, listener: TcpListener) {
        loop {
            let accepted = async {
                let seat = self.seats.clone().acquire_owned().await;
                (listener.accept().await, seat)
            };
            let (accepted, seat) = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = accepted => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let server = self.clone();
            self.tasks.spawn(async move {
                let _seat = seat;
                let _ = timeout(CONNECTION_TIME_MAX, server.converse(stream)).await;
            });
        }
    }

    async fn converse(self, stream: tokio::net::TcpStream) {
        let service = service_fn(|request: Request<Incoming>| {
            let response = self.teller.answer(request.method(), request.uri(), request.headers());
            async move { Ok::<_, Infallible>(response) }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .half_close(true)
                .keep_alive(false)
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(stream), service)
        );
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection failed");
                }
                return;
            }
            () = self.stop.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
