//! One QUIC connection: streams answered side by side, and closed for good reasons only.

use crate::answer::{Ends, MESSAGE_BYTES_MAX};
use crate::net::counters::count;
use crate::net::lane::Lane;
use crate::net::limits::{DRAIN, PREFIX_BYTES};
use crate::net::message::has_tcp_keepalive;
use crate::net::service::Service;
use crate::wire::query::HEADER_BYTES;
use quinn::{Connection, ReadToEndError, RecvStream, SendStream, VarInt};
use std::net::SocketAddr;
use std::pin::pin;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

/// DOQ_NO_ERROR and its like (RFC 9250 §8.4).
pub(super) const NO_ERROR: VarInt = VarInt::from_u32(0x0);
const INTERNAL_ERROR: VarInt = VarInt::from_u32(0x1);
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(0x2);
const EXCESSIVE_LOAD: VarInt = VarInt::from_u32(0x4);

/// How a stream ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// With an answer that the client has.
    Answered,
    /// Without one, and that is the concern of this stream alone.
    Unanswered,
    /// The client broke the rules, for which the whole connection is closed (RFC 9250 §4.3.3).
    Forbidden(&'static str),
}

/// Serves one client until it leaves, breaks the rules, runs out of time, or the server stops. `bound` is what
/// our socket is bound to.
pub(super) async fn serve_connection<S: Service>(
    connection: Connection,
    bound: Option<SocketAddr>,
    lane: &Lane<S>,
) {
    let mut stop = lane.stop.clone();
    let mut streams = JoinSet::new();
    let closes = Instant::now() + lane.limits.lifetime_max;
    let mut deadline = pin!(sleep_until(closes.min(Instant::now() + lane.limits.idle_timeout)));
    loop {
        tokio::select! {
            opened = connection.accept_bi() => {
                let Ok((send, receive)) = opened else { return };
                // A client may have moved to another address since the last query.
                let mut ends = Ends::new(connection.remote_address(), bound);
                ends.server = connection.local_ip().or(ends.server);
                streams.spawn(serve_stream(send, receive, ends, lane.clone()));
            }
            Some(ended) = streams.join_next() => match ended {
                Ok(Ended::Answered) => {
                    deadline.as_mut().reset(closes.min(Instant::now() + lane.limits.idle_timeout));
                }
                Ok(Ended::Forbidden(reason)) => {
                    debug!(reason, "QUIC connection closed");
                    count(&lane.connections().protocol_errors);
                    connection.close(PROTOCOL_ERROR, reason.as_bytes());
                    return;
                }
                Ok(Ended::Unanswered) | Err(_) => {}
            },
            () = deadline.as_mut() => {
                count(&lane.connections().timed_out);
                break;
            }
            () = stop.stopped() => break,
        }
    }
    // What is answered goes out first: closing discards what was not yet acknowledged.
    let _ = timeout(DRAIN, async { while streams.join_next().await.is_some() {} }).await;
    connection.close(NO_ERROR, b"");
}

/// Answers the query of one stream and waits until the client has the answer.
async fn serve_stream<S: Service>(
    mut send: SendStream,
    mut receive: RecvStream,
    ends: Ends,
    lane: Lane<S>,
) -> Ended {
    let read = receive.read_to_end(PREFIX_BYTES + MESSAGE_BYTES_MAX);
    // An error of reset and finish says that the stream has ended already.
    let bytes = match timeout(lane.limits.idle_timeout, read).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(ReadToEndError::TooLong)) => return Ended::Forbidden("more than one message"),
        // The client took its query back, or is gone.
        Ok(Err(ReadToEndError::Read(_))) => return Ended::Unanswered,
        Err(_) => {
            let _ = receive.stop(EXCESSIVE_LOAD);
            let _ = send.reset(EXCESSIVE_LOAD);
            return Ended::Unanswered;
        }
    };
    let query = match check(&bytes) {
        Ok(query) => query,
        Err(reason) => return Ended::Forbidden(reason),
    };
    let answer = match lane.respond(query, &ends) {
        Ok(Some(answer)) => answer,
        // A message that gets no answer is no query, but it is one stream's folly only.
        Ok(None) => {
            let _ = send.reset(PROTOCOL_ERROR);
            return Ended::Unanswered;
        }
        Err(_) => {
            let _ = send.reset(INTERNAL_ERROR);
            return Ended::Unanswered;
        }
    };
    // No answer is longer than the room that it is written to, so its length fits.
    let prefix = (answer.len() as u16).to_be_bytes();
    let message = [&prefix, &answer[..]].concat();
    if send.write_all(&message).await.is_err() {
        return Ended::Unanswered;
    }
    let _ = send.finish();
    match send.stopped().await {
        Ok(_) => Ended::Answered,
        Err(_) => Ended::Unanswered,
    }
}

/// The message of a stream that was read to its end, or which rule it breaks.
fn check(stream: &[u8]) -> Result<&[u8], &'static str> {
    let Some((prefix, message)) = stream.split_first_chunk::<PREFIX_BYTES>() else {
        return Err("the stream ended inside of the length");
    };
    let announced = usize::from(u16::from_be_bytes(*prefix));
    if message.len() < announced {
        return Err("the stream ended inside of the message");
    }
    if message.len() > announced {
        return Err("more than one message");
    }
    if announced < HEADER_BYTES {
        return Err("the message is shorter than its header");
    }
    // RFC 9250 §4.2.1.
    if message[..2] != [0, 0] {
        return Err("the message ID is not 0");
    }
    // RFC 9250 §5.5.2.
    if has_tcp_keepalive(message) {
        return Err("edns-tcp-keepalive on a QUIC stream");
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_a_stream() {
        let header = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let framed = |announced: u16, message: &[u8]| [&announced.to_be_bytes(), message].concat();
        let case = |stream: Vec<u8>, expected: Result<(), &str>| {
            let checked = check(&stream);
            match expected {
                Ok(()) => assert_eq!(checked, Ok(&stream[2..])),
                Err(part) => assert!(checked.is_err_and(|reason| reason.contains(part)), "{part}"),
            }
        };
        case(framed(12, &header), Ok(()));
        case(vec![], Err("inside of the length"));
        case(vec![0], Err("inside of the length"));
        case(framed(13, &header), Err("inside of the message"));
        case(framed(11, &header), Err("more than one"));
        case(framed(2, &[0, 0]), Err("shorter"));
        case(framed(12, &[0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err("ID"));
        let opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x0b\0\0";
        let query = [&[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1], &opt[..]].concat();
        case(framed(query.len() as u16, &query), Err("keepalive"));
    }
}
