//! Connections of the agent: few, short, one request each, over TLS where there is a certificate.

use super::seats::{Seat, Seats};
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a connection may last from its first packet to its end, whatever its client does.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(5);
/// How long the head of a request may take to come in, and before it the agreement on TLS.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// All headers of a request; hyper takes no smaller bound.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// After `accept` has failed, which is for want of descriptors or memory as a rule, it is tried again after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Server {
    teller: Arc<Teller>,
    tls: Option<TlsAcceptor>,
    seats: Arc<Seats>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Server {
    pub(super) fn new(
        teller: Arc<Teller>,
        tls: Option<TlsAcceptor>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self { teller, tls, seats: Arc::default(), tasks, stop }
    }

    /// Takes connections until told to stop.
    pub(super) async fn listen(self, listener: TcpListener) {
        loop {
            let accepted = async {
                let (stream, client) = listener.accept().await?;
                Ok::<_, std::io::Error>((stream, self.seats.take(client.ip()).await))
            };
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = accepted => accepted,
            };
            let (stream, seat) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let server = self.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    _ = timeout(CONNECTION_TIME_MAX, server.greet(stream, &seat)) => {}
                    () = seat.lost() => tracing::debug!("a silent connection gave way"),
                }
            });
        }
    }

    /// Agrees on TLS, if there is any, and goes on.
    async fn greet(&self, stream: TcpStream, seat: &Seat) {
        let Some(tls) = &self.tls else { return self.converse(stream, seat).await };
        match timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, seat).await,
            Ok(Err(error)) => tracing::debug!(%error, "no agreement on TLS"),
            Err(_) => tracing::debug!("no agreement on TLS in time"),
        }
    }

    async fn converse(&self, stream: impl AsyncRead + AsyncWrite + Unpin, seat: &Seat) {
        let service = service_fn(|request: Request<Incoming>| {
            seat.speak();
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
