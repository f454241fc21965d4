//! The status as all live streams share it: computed once, written once, handed to each.
//!
//! While somebody listens it is computed once a second, sooner when something has happened, though never more often
//! than five times a second. While nobody does, nothing is computed.

use super::limits::{STATUS_INTERVAL, STATUS_INTERVAL_MIN};
use axum::body::Bytes;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

/// What the status is computed from.
pub(super) trait Source: Send {
    /// Computes it; none if that fails.
    fn look(&mut self) -> impl Future<Output = Option<Bytes>> + Send;

    /// Returns when something has happened since it was called last.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;
}

/// The newest status, ready to be sent.
#[derive(Debug)]
pub(super) struct Feed {
    latest: watch::Sender<Option<Bytes>>,
    wanted: Notify,
}

impl Feed {
    /// A feed that says nothing until it runs.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { latest: watch::Sender::new(None), wanted: Notify::new() })
    }

    /// Listens: the newest status, if it is fresh, and then each that follows.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Bytes>> {
        let mut latest = self.latest.subscribe();
        latest.mark_changed();
        self.wanted.notify_one();
        latest
    }

    /// Computes for as long as this is polled. Where the source fails, the listeners keep what they have.
    pub(super) async fn run(&self, mut source: impl Source) {
        loop {
            if self.latest.receiver_count() == 0 {
                // Who comes next is not told what was true long ago.
                self.latest.send_replace(None);
                self.wanted.notified().await;
            }
            let begun = Instant::now();
            if let Some(status) = source.look().await {
                self.latest.send_replace(Some(status));
            }
            sleep_until(begun + STATUS_INTERVAL_MIN).await;
            // Either it has changed or it is time.
            let _ = timeout_at(begun + STATUS_INTERVAL, source.changed()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    struct Counting {
        looks: Arc<AtomicUsize>,
        happened: watch::Receiver<i32>,
    }

    impl Source for Counting {
        async fn look(&mut self) -> Option<Bytes> {
            let looks = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
            Some(looks.to_string().into())
        }

        async fn changed(&mut self) {
            drop(self.happened.changed().await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_computes_for_listeners_alone_and_not_too_often() {
        let feed = Feed::new();
        let looks = Arc::new(AtomicUsize::new(0));
        let (happen, happened) = watch::channel(0);
        let (running, source) = (feed.clone(), Counting { looks: looks.clone(), happened });
        let running = tokio::spawn(async move { running.run(source).await });
        let looks = || looks.load(Ordering::Relaxed);
        let wait = |ms| tokio::time::sleep(Duration::from_millis(ms));
        wait(5_000).await;
        assert_eq!(looks(), 0, "nobody listens");
        let (mut first, second) = (feed.subscribe(), feed.subscribe());
        first.borrow_and_update();
        first.changed().await.expect("a feed");
        assert_eq!(first.borrow_and_update().as_deref(), Some(&b"1"[..]), "at once");
        wait(5_050).await;
        assert_eq!(looks(), 6, "once a second, for all");
        let late = feed.subscribe();
        assert!(late.has_changed().expect("a feed"), "who comes later is told at once");
        drop((second, late));
        let before = looks();
        for number in 1..=1000 {
            happen.send_replace(number);
            wait(1).await;
        }
        assert!((4..=6).contains(&(looks() - before)), "five times a second");
        let before = looks();
        wait(3_000).await;
        assert!((2..=4).contains(&(looks() - before)), "once a second again");
        drop(first);
        wait(2_000).await;
        let looked = looks();
        wait(10_000).await;
        assert_eq!(looks(), looked, "nobody listens any more");
        assert!(feed.latest.borrow().is_none(), "and nothing old is kept");
        running.abort();
    }
}
