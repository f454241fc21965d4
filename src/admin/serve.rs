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
use super::room::{AtWork, Permit, Room};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::fmt::Display;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
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
                // Who has asked and sends no more still wants the answer.
                .half_close(true)
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
    response.map(|body| axum::body::Body::new(Working { body, _at_work: at_work }))
}

/// A body whose connection is at work until all of it has been handed over.
struct Working {
    body: axum::body::Body,
    _at_work: AtWork,
}

impl Body for Working {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn slow(title: &str, status: StatusCode) -> Response {
    Problem::new(status, title).into_response()
}

/// What is left of the request cannot be told from the next one.
fn last(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, post};
    use std::net::IpAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::time::Instant;

    /// A server without a listener.
    fn server() -> Server {
        let router = Router::new()
            .route("/", get(async || "hello"))
            .route("/echo", post(async |body: Bytes| body))
            .route("/never", get(std::future::pending::<&str>));
        Server {
            router,
            room: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    fn connect(server: &Server) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(4096);
        let permit = server.room.admit(IpAddr::from([127, 0, 0, 1])).expect("room");
        server.tasks.spawn(server.clone().converse(theirs, permit));
        ours
    }

    /// What comes until the end, and when that is.
    async fn to_the_end(mut stream: impl AsyncReadExt + Unpin) -> (String, Duration) {
        let begun = Instant::now();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an end");
        (text, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn time_is_bounded_whatever_a_client_does() {
        let server = server();
        let check = async |sent: &str, status: &str, ends_s: u64| {
            let mut stream = connect(&server);
            stream.write_all(sent.as_bytes()).await.expect("sent");
            let (text, after) = to_the_end(stream).await;
            assert!(text.starts_with(status), "{sent:?}: {text:?}");
            assert_eq!(after.as_secs(), ends_s, "{sent:?}");
        };
        check("", "", 10).await;
        check("GET / HTTP/1.1\r\nHost: x\r\nX-Slow", "", 10).await;
        check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", 10).await;
        let half = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
        check(half, "HTTP/1.1 408", 10).await;
        check("GET /never HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 504", 120)
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn octet_by_octet_is_no_way_around() {
        let server = server();
        let stream = connect(&server);
        let (reading, mut writing) = tokio::io::split(stream);
        let dribble = tokio::spawn(async move {
            let mut next: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n";
            while writing.write_all(next).await.is_ok() {
                next = b"X-More: x\r\n";
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let (_, after) = to_the_end(reading).await;
        assert_eq!(after, HEAD_TIMEOUT);
        dribble.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn the_idle_make_room_and_the_end_is_soon() {
        let server = server();
        let idle: Vec<_> =
            (0..super::super::limits::CONNECTIONS_MAX).map(|_| connect(&server)).collect();
        let mut newcomer = connect(&server);
        newcomer.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
        let mut start = [0; 12];
        newcomer.read_exact(&mut start).await.expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 200");
        let mut busy = connect(&server);
        busy.write_all(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
        tokio::time::sleep(Duration::from_millis(10)).await;
        let begun = Instant::now();
        server.stop.cancel();
        server.tasks.close();
        server.tasks.wait().await;
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        drop(idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_gone() {
        let server = Server {
            router: Router::new().route("/", get(async || "x".repeat(1 << 20))),
            ..server()
        };
        let mut stream = connect(&server);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
        server.tasks.close();
        let begun = Instant::now();
        server.tasks.wait().await;
        assert_eq!(begun.elapsed(), WRITE_TIMEOUT);
    }
}
