//! One stream of length-prefixed messages, over TCP or TLS.
//!
//! Bytes flow `read -> inbox -> whole messages -> answers -> outbox -> write`, all in one task. Reading and writing
//! are polled side by side: a client that is slow to take a big answer can go on asking, until the outbox is full.
//! What is in the inbox is answered in one run, and the answers go out in one write. Answering takes no waiting, so
//! answers are ready in the order of their questions, and leave in it.
//!
//! The idle timeout starts anew with each whole message and with nothing else, so trickling bytes in, or taking
//! answers out slowly, holds a connection no longer than silence does. A client that has closed its sending side
//! still gets all of its answers (RFC 7766 §6.2.4).

use crate::answer::{Ends, MESSAGE_BYTES_MAX};
use crate::net::counters::count;
use crate::net::lane::Lane;
use crate::net::limits::{DRAIN, PREFIX_BYTES};
use crate::net::service::Service;
use crate::wire::query::HEADER_BYTES;
use bytes::{Buf, BufMut, BytesMut};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

/// Room to read into; grows, by what has come and not by what was announced, to the longest message.
const INBOX_BYTES: usize = 2048;

/// The longest message and its length: with this much in the inbox, one message is whole.
const INBOX_BYTES_MAX: usize = PREFIX_BYTES + MESSAGE_BYTES_MAX;

/// With this much unsent no further query is answered. The last answer may go beyond it by its own length.
const OUTBOX_BYTES_FULL: usize = 64 << 10;

/// Buffers larger than this are let go once they are empty.
const BUFFER_BYTES_KEPT: usize = 16 << 10;

/// Serves one client until it leaves, breaks the rules, runs out of time, or the server stops.
pub(in crate::net) async fn serve_stream<IO, S>(io: IO, ends: Ends, lane: &Lane<S>)
where
    IO: AsyncRead + AsyncWrite + Unpin,
    S: Service,
{
    let mut stop = lane.stop.clone();
    let mut stream = Stream::new(io, ends);
    let closes = Instant::now() + lane.limits.lifetime_max;
    let mut deadline = pin!(sleep_until(closes.min(Instant::now() + lane.limits.idle_timeout)));
    loop {
        if stream.answer(lane) {
            deadline.as_mut().reset(closes.min(Instant::now() + lane.limits.idle_timeout));
        }
        if stream.is_done() {
            break;
        }
        tokio::select! {
            moved = poll_fn(|context| stream.poll_move(context)) => {
                if moved.is_err() {
                    return;
                }
            }
            () = deadline.as_mut() => {
                count(&lane.connections().timed_out);
                break;
            }
            () = stop.stopped() => break,
        }
    }
    // What is answered goes out, and the end of the stream with it; or the client is gone, which is as well.
    let _ = timeout(DRAIN, stream.finish()).await;
}

struct Stream<IO> {
    io: IO,
    ends: Ends,
    inbox: BytesMut,
    outbox: BytesMut,
    /// Whether all that was written has left the layers below.
    flushed: bool,
    /// Nothing more is read: the client said so, or it broke the rules.
    read_closed: bool,
}

/// What stands at the beginning of the inbox.
enum Frame {
    /// A message of this length, after its length prefix.
    Whole(usize),
    /// The beginning of one, or nothing.
    Partial,
    /// No message: too short to have a header.
    Absurd,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Stream<IO> {
    fn new(io: IO, ends: Ends) -> Self {
        Self {
            io,
            ends,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            flushed: true,
            read_closed: false,
        }
    }

    /// Answers the whole messages in the inbox, as far as the outbox has room; whether there was one.
    fn answer<S: Service>(&mut self, lane: &Lane<S>) -> bool {
        match frame(&self.inbox) {
            Frame::Partial => return false,
            Frame::Whole(_) if self.outbox.len() >= OUTBOX_BYTES_FULL => return false,
            Frame::Whole(_) => {}
            Frame::Absurd => {
                self.break_off(lane);
                return false;
            }
        }
        lane.responders.with(|responder, out| {
            while self.outbox.len() < OUTBOX_BYTES_FULL {
                let bytes = match frame(&self.inbox) {
                    Frame::Whole(bytes) => bytes,
                    Frame::Partial => break,
                    Frame::Absurd => return self.break_off(lane),
                };
                let query = &self.inbox[PREFIX_BYTES..PREFIX_BYTES + bytes];
                // A panic was counted; the query that caused it gets no answer and the others do.
                let answered = responder
                    .guarded(|responder| responder.respond(query, &self.ends, lane.transport, out));
                self.inbox.advance(PREFIX_BYTES + bytes);
                if let Ok(bytes @ 1..=MESSAGE_BYTES_MAX) = answered {
                    self.outbox.put_u16(bytes as u16);
                    self.outbox.put_slice(&out[..bytes]);
                }
            }
        });
        if self.inbox.is_empty() && self.inbox.capacity() > BUFFER_BYTES_KEPT {
            self.inbox = BytesMut::new();
        }
        true
    }

    fn break_off<S: Service>(&mut self, lane: &Lane<S>) {
        count(&lane.connections().protocol_errors);
        self.inbox.clear();
        self.read_closed = true;
    }

    /// Nothing more to read, to answer or to send.
    fn is_done(&self) -> bool {
        self.read_closed && self.outbox.is_empty() && self.flushed
    }

    /// Writes and reads what can be. Ready when any bytes moved.
    fn poll_move(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wrote = self.poll_write(context)?.is_ready();
        let read = self.poll_read(context)?.is_ready();
        if wrote || read { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.outbox.is_empty() {
            self.flushed = false;
            let bytes = ready!(Pin::new(&mut self.io).poll_write(context, &self.outbox))?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbox.advance(bytes);
            if self.outbox.is_empty() && self.outbox.capacity() > BUFFER_BYTES_KEPT {
                self.outbox = BytesMut::new();
            }
            return Poll::Ready(Ok(()));
        }
        if self.flushed {
            return Poll::Pending;
        }
        ready!(Pin::new(&mut self.io).poll_flush(context))?;
        self.flushed = true;
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let room = INBOX_BYTES_MAX.saturating_sub(self.inbox.len());
        if self.read_closed || room == 0 {
            return Poll::Pending;
        }
        if self.inbox.capacity() == self.inbox.len() {
            self.inbox.reserve(self.inbox.len().clamp(INBOX_BYTES, room.max(INBOX_BYTES)));
        }
        let mut inbox = (&mut self.inbox).limit(room);
        // Reading into a buffer keeps no state between polls, so a future for each poll will do.
        let bytes = ready!(pin!(self.io.read_buf(&mut inbox)).poll(context))?;
        if bytes == 0 {
            self.read_closed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what is in the outbox and the end of the stream.
    async fn finish(&mut self) -> io::Result<()> {
        self.io.write_all_buf(&mut self.outbox).await?;
        self.io.shutdown().await
    }
}

fn frame(inbox: &[u8]) -> Frame {
    let Some((prefix, rest)) = inbox.split_first_chunk::<PREFIX_BYTES>() else {
        return Frame::Partial;
    };
    match usize::from(u16::from_be_bytes(*prefix)) {
        bytes if bytes < HEADER_BYTES => Frame::Absurd,
        bytes if bytes <= rest.len() => Frame::Whole(bytes),
        _ => Frame::Partial,
    }
}

#[cfg(test)]
mod tests;
