//! DNS over HTTPS (RFC 8484): TLS, then HTTP/2 or HTTP/1.1, one query for each request.
//!
//! Why not hickory-server's listener (0.26.3), beside what [`tls`](super::tls) says of all of its listeners: it
//! knows neither GET nor HTTP/1.1, drops the stream of a bad request in place of an answer with a status, and says
//! nothing of how long an answer may be cached.
//!
//! [`request`] turns a request into a query or a refusal; this module runs the connections. The limits are those of
//! TCP: the idle timeout starts anew with each answered request, so a body that trickles in holds a connection no
//! longer than silence does.

mod request;

use self::request::Refusal;
use super::accept::{Incoming, accept_loop};
use super::counters::count;
use super::lane::Lane;
use super::limits::{DRAIN, Limits};
use super::message::freshness_s;
use super::service::Service;
use super::tls::handshake;
use crate::answer::Ends;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

/// Application protocols, the preferred one first.
pub(super) const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Media type of queries and answers (RFC 8484 §6).
const MEDIA_TYPE: &str = "application/dns-message";

/// All headers of a request. A query in the path takes a few hundred bytes; browsers send a few kilobytes beside
/// it.
const HEADER_LIST_BYTES_MAX: u32 = 16 << 10;

/// What a client may send of one body, and of all bodies of a connection, before we have read it.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;

/// What may wait to be sent on one stream: the longest answer.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Serves connections of `listener` until told to stop; queries are answered on `path` alone.
pub(super) async fn serve<S: Service>(
    listener: impl Incoming<Stream = TcpStream>,
    config: Arc<ServerConfig>,
    path: Arc<str>,
    lane: Lane<S>,
) {
    let acceptor = TlsAcceptor::from(config);
    let connections = lane.clone();
    accept_loop(listener, lane, move |stream: TcpStream, client: SocketAddr| {
        let (lane, acceptor, path) = (connections.clone(), acceptor.clone(), path.clone());
        let ends = Ends::new(client, stream.local_addr().ok());
        async move {
            if let Some(stream) = handshake(&acceptor, stream, &lane).await {
                serve_http(stream, ends, path, lane).await;
            }
        }
    })
    .await;
}

/// Serves one client until it leaves, runs out of time, or the server stops.
async fn serve_http<IO, S>(io: IO, ends: Ends, path: Arc<str>, lane: Lane<S>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service,
{
    let opened = Instant::now();
    let closes = opened + lane.limits.lifetime_max;
    let answered_ms = Arc::new(AtomicU64::new(0));
    let service = {
        let (lane, answered_ms) = (lane.clone(), answered_ms.clone());
        service_fn(move |request| {
            let (lane, path, answered_ms) = (lane.clone(), path.clone(), answered_ms.clone());
            async move {
                let response = respond(request, &ends, &path, &lane).await;
                answered_ms.store(opened.elapsed().as_millis() as u64, Ordering::Relaxed);
                Ok::<_, Infallible>(response)
            }
        })
    };
    let builder = builder(&lane.limits);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    let mut stop = lane.stop.clone();
    loop {
        let answered = opened + Duration::from_millis(answered_ms.load(Ordering::Relaxed));
        let deadline = closes.min(answered + lane.limits.idle_timeout);
        if deadline <= Instant::now() {
            count(&lane.connections().timed_out);
            break;
        }
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    debug!(%error, "HTTP connection failed");
                }
                return;
            }
            () = sleep_until(deadline) => {}
            () = stop.stopped() => break,
        }
    }
    // Requests under way are still answered; then the client is told to go, or is gone.
    connection.as_mut().graceful_shutdown();
    let _ = timeout(DRAIN, connection).await;
}

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        // The idle timeout of the whole connection bounds this too.
        .header_read_timeout(None)
        .half_close(true)
        .max_buf_size(HEADER_LIST_BYTES_MAX as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES);
    builder
}

/// Answers one request.
async fn respond<B, S>(
    request: Request<B>,
    ends: &Ends,
    path: &str,
    lane: &Lane<S>,
) -> Response<Full<Bytes>>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S: Service,
{
    let head = request.method() == Method::HEAD;
    let answered = match request::query(request, path).await {
        Ok(query) => match lane.respond(&query, ends) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the message is not a query")),
            Err(_) => Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "answering failed")),
        },
        Err(refusal) => Err(refusal),
    };
    let mut response = match answered {
        Ok(answer) => answer_response(answer),
        Err(refusal) => {
            count(&lane.connections().protocol_errors);
            refusal.response()
        }
    };
    if head {
        // As for GET, without the content (RFC 9110 §9.3.2).
        let bytes = response.body().size_hint().lower();
        response.headers_mut().insert(CONTENT_LENGTH, bytes.into());
        *response.body_mut() = Full::default();
    }
    response
}

fn answer_response(answer: Vec<u8>) -> Response<Full<Bytes>> {
    let age = HeaderValue::try_from(format!("max-age={}", freshness_s(&answer)))
        .expect("letters, digits and marks make a header value");
    let mut response = Response::new(Full::from(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response.headers_mut().insert(CACHE_CONTROL, age);
    response
}

#[cfg(test)]
mod tests;
