//! Connections: accepted, bounded in number and time, and ended in good order.
//!
//! HTTP/1.1 without TLS, for what listens on loopback, or behind a proxy that adds both. Around the router stands what
//! holds for every request: its body is read whole and bounded before anything looks at it, its answer has a deadline,
//! and no page of elsewhere may frame what it gets.

use super::limits::{
    ANSWER_TIMEOUT, BODY_TIMEOUT, DRAIN, HEAD_BYTES_MAX, HEAD_TIMEOUT, WRITE_TIMEOUT,
};
use super::order;
use super::problem::Problem;
use super::room::{Permit, Room};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt::Display;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutWriter;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// After `accept` has failed, which is for want of descriptors or memory as a rule, it is tried again after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What holds for every answer that does not say otherwise: it is never kept, never taken for another type, and never
/// shown inside or read by a page of elsewhere.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) router: Router,
    pub(super) room: Arc<Room>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Server {
    /// Takes connections until told to stop.
    pub(super) async fn listen(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "admin: accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(permit) = self.room.admit(peer.ip()) else {
                tracing::debug!(%peer, "admin: every connection is at work, turned away");
                continue;
            };
            // Failing only delays what is sent.
            let _ = stream.set_nodelay(true);
            self.tasks.spawn(self.clone().converse(stream, permit));
        }
    }

    /// Serves one client until it leaves, makes room, or the server stops.
    async fn converse<IO>(self, io: IO, permit: Permit)
    where
        IO: AsyncRead + AsyncWrite + Send + 'static,
    {
        let permit = Arc::new(permit);
        let mut io = TimeoutWriter::new(io);
        io.set_timeout(Some(WRITE_TIMEOUT));
        let service = service_fn(|request| {
            let (router, permit) = (self.router.clone(), permit.clone());
            async move { Ok::<_, Infallible>(respond(request, router, &permit).await) }
        });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(Box::pin(io)), service)
        );
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "admin: connection failed");
                }
                return;
            }
            () = permit.asked_to_leave() => {}
            () = self.stop.cancelled() => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = timeout(DRAIN, connection).await;
    }
}

/// Answers one request.
async fn respond<B>(request: Request<B>, router: Router, permit: &Arc<Permit>) -> Response
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    let (parts, body) = request.into_parts();
    let read = timeout(BODY_TIMEOUT, order::read(body)).await;
    let at_work = permit.at_work();
    let mut response = match read {
        Ok(Ok(body)) => {
            let request = Request::from_parts(parts, axum::body::Body::from(body));
            match timeout(ANSWER_TIMEOUT, router.oneshot(request)).await {
                Ok(Ok(response)) => response,
                Err(_) => slow("the answer took too long", StatusCode::GATEWAY_TIMEOUT),
            }
        }
        Ok(Err(problem)) => last(problem.into_response()),
        Err(_) => last(slow("the body took too long to come in", StatusCode::REQUEST_TIMEOUT)),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    // At work until all of the answer has been handed over.
    response.map(|body| {
        axum::body::Body::new(body.map_frame(move |frame| {
            let _ = &at_work;
            frame
        }))
    })
}

fn slow(title: &str, status: StatusCode) -> Response {
    Problem::new(status, title).into_response()
}

/// What is left of the request cannot be told from the next one.
fn last(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
