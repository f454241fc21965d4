//! `/api/v1/stream`: the status and what happens, live, as server-sent events (HTML Standard §9.2).
//!
//! A task of its own feeds each stream and waits where the client is slow; the client then misses some statuses, each
//! of which is whole, and no event that is still kept. Events bear their number as `id`, so a browser that connects
//! again is told what it missed.

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

/// Blocks of a stream as they are sent.
pub(super) struct Stream {
    blocks: mpsc::Receiver<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// A stream, and the task that feeds it. Events after number `last` are told; from now on if there is none.
    pub(super) fn new(
        place: OwnedSemaphorePermit,
        feed: &Arc<Feed>,
        events: &Events,
        last: Option<u64>,
    ) -> (Self, impl Future<Output = ()> + use<>) {
        let (sender, blocks) = mpsc::channel(1);
        let told = last.unwrap_or_else(|| *events.subscribe().borrow());
        let writer = Writer { blocks: sender, feed: feed.clone(), events: events.clone(), told };
        let fed = async {
            // An error says that the client has left, or that the server ends.
            let _ = writer.run().await;
        };
        (Self { blocks, _place: place }, fed)
    }
}

struct Writer {
    blocks: mpsc::Sender<Bytes>,
    feed: Arc<Feed>,
    events: Events,
    /// The number of the event that was told last.
    told: u64,
}

/// There is nobody to write to any more.
struct Gone;

impl Writer {
    async fn run(mut self) -> Result<(), Gone> {
        let mut happened = self.events.subscribe();
        happened.mark_changed();
        let mut status = self.feed.subscribe();
        self.send(format!("retry: {}\n\n", STREAM_RETRY.as_millis()).into()).await?;
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
            if let Some(block) = block("event", Some(event.seq), &event) {
                self.send(block).await?;
            }
        }
        Ok(())
    }

    async fn send(&self, block: Bytes) -> Result<(), Gone> {
        self.blocks.send(block).await.map_err(|_| Gone)
    }
}

/// One event of a stream. Its data is one line, for JSON without indentation has no line ends.
pub(super) fn block(kind: &str, id: Option<u64>, data: &impl Serialize) -> Option<Bytes> {
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
