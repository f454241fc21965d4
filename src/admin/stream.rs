//! `/api/v1/stream`: the status and what happens, live, as server-sent events (HTML Standard §9.2).
//!
//! A task of its own feeds each stream and waits where the client is slow; the client then misses some statuses, each
//! of which is whole, and no event that is still kept. The `id` of an event is the start of the server and its number,
//! so a browser that connects again is told what it missed, and all that is kept if the server was started anew.

use super::feed::Feed;
use super::limits::STREAM_RETRY;
use crate::control::events::Events;
use axum::body::Bytes;
use hyper::body::{Body, Frame};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Who is to be told.
pub(super) struct Listener<A> {
    pub(super) place: OwnedSemaphorePermit,
    /// The run of the server, see [`heard`].
    pub(super) run_ms: i64,
    /// The number of the event that it has heard last; none: it wants what happens from now on.
    pub(super) last: Option<u64>,
    /// Whether it may still be told: asked before each block, for a stream outlives the token that opened it.
    pub(super) is_admitted: A,
}

/// The number of the event that a client says it has heard last, as `RUN-NUMBER`, where the run is the time at which
/// the server was started, in ms since 1970. Numbers of another run say nothing of this one's events: 0, before all.
pub(super) fn heard(id: &str, run_ms: i64) -> u64 {
    let of_this_run = id.rsplit_once('-').filter(|(run, _)| run.parse() == Ok(run_ms));
    of_this_run.and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
}

/// Blocks of a stream as they are sent.
pub(super) struct Stream {
    blocks: mpsc::Receiver<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// A stream, and the task that feeds it.
    pub(super) fn new<A: Fn() -> bool + Send + Sync>(
        feed: &Arc<Feed>,
        events: &Events,
        listener: Listener<A>,
    ) -> (Self, impl Future<Output = ()> + use<A>) {
        let Listener { place, run_ms, last, is_admitted } = listener;
        let (sender, blocks) = mpsc::channel(1);
        let newest = *events.subscribe().borrow();
        // A number that was never given is one of an earlier run.
        let told = last.map_or(newest, |last| if last > newest { 0 } else { last });
        let (feed, events) = (feed.clone(), events.clone());
        let writer = Writer { blocks: sender, feed, events, run_ms, told, is_admitted };
        let fed = async {
            // An error says that the client has left or may not be told any more, or that the server ends.
            let _ = writer.run().await;
        };
        (Self { blocks, _place: place }, fed)
    }
}

struct Writer<A> {
    blocks: mpsc::Sender<Bytes>,
    feed: Arc<Feed>,
    events: Events,
    run_ms: i64,
    /// The number of the event that was told last.
    told: u64,
    is_admitted: A,
}

/// There is nobody to write to any more.
struct Gone;

impl<A: Fn() -> bool + Send + Sync> Writer<A> {
    async fn run(mut self) -> Result<(), Gone> {
        let mut happened = self.events.subscribe();
        happened.mark_changed();
        let mut status = self.feed.subscribe();
        // With an id from the start, nothing is lost on who leaves before the first event.
        let retry_ms = STREAM_RETRY.as_millis();
        self.send(format!("retry: {retry_ms}\nid: {}\n\n", self.id()).into()).await?;
        loop {
            tokio::select! {
                biased;
                () = self.blocks.closed() => return Err(Gone),
                changed = happened.changed() => {
                    changed.map_err(|_| Gone)?;
                    happened.borrow_and_update();
                    self.tell_events().await?;
                }
                changed = status.changed() => {
                    changed.map_err(|_| Gone)?;
                    let latest = status.borrow_and_update().clone();
                    if let Some(latest) = latest {
                        self.send(latest).await?;
                    }
                }
            }
        }
    }

    async fn tell_events(&mut self) -> Result<(), Gone> {
        for event in self.events.after(self.told) {
            self.told = event.seq;
            if let Some(block) = block("event", Some(&self.id()), &event) {
                self.send(block).await?;
            }
        }
        Ok(())
    }

    /// The `id` of the event that was told last.
    fn id(&self) -> String {
        format!("{}-{}", self.run_ms, self.told)
    }

    async fn send(&self, block: Bytes) -> Result<(), Gone> {
        // Asked when there is room, so that nothing waits for it with an answer of long ago.
        let room = self.blocks.reserve().await.map_err(|_| Gone)?;
        if !(self.is_admitted)() {
            return Err(Gone);
        }
        room.send(block);
        Ok(())
    }
}

/// One event of a stream. Its data is one line, for JSON without indentation has no line ends.
pub(super) fn block(kind: &str, id: Option<&str>, data: &impl Serialize) -> Option<Bytes> {
    let data = serde_json::to_string(data).ok()?;
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    Some(format!("event: {kind}\n{id}data: {data}\n\n").into())
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.blocks.poll_recv(context).map(|block| block.map(|block| Ok(Frame::data(block))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_another_run_are_not_taken_for_ours() {
        let check =
            |id: &str, expected: u64| assert_eq!(heard(id, 1_700_000_000_000), expected, "{id}");
        check("1700000000000-7", 7);
        check("1700000000000-0", 0);
        check("1700000000001-7", 0);
        check("7", 0);
        check("-7", 0);
        check("1700000000000-", 0);
        check("1700000000000-x", 0);
        check("1700000000000-99999999999999999999", 0);
        check("", 0);
        assert_eq!(heard("-5-7", -5), 7, "a clock that was never set");
    }
}
