//! When feeds are asked: each by a task of its own that asks, hands the result on and waits for its next beat.
//!
//! So no feed is ever asked twice at once, and a slow one lets beats pass without holding up others. Feeds that come
//! new together are spread over a short while.

use super::FeedResult;
use crate::director::fault::{Fault, FaultKind};
use crate::steer::director::Feed;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

/// Feeds asked at one time, each with a socket and an answer: so many that those of a site which hangs do not make the
/// others' stale. In the worst case, all of them babbling, they hold 2 GiB.
const IN_FLIGHT_MAX: usize = 512;
/// The first questions of feeds that come new together are this far apart, but all within half an interval.
const FIRST_SPREAD_PER_FEED: Duration = Duration::from_millis(10);

/// The longest that it takes until each of these, new together, has been asked once.
pub(super) fn first_round_max<'a>(feeds: impl IntoIterator<Item = &'a Feed>) -> Duration {
    let (mut count, mut slowest, mut interval) = (0_u32, Duration::ZERO, Duration::ZERO);
    for feed in feeds {
        count = count.saturating_add(1);
        slowest = slowest.max(feed.timeout);
        interval = interval.max(feed.interval);
    }
    let spread = FIRST_SPREAD_PER_FEED.saturating_mul(count).min(interval / 2);
    let turns = count.div_ceil(IN_FLIGHT_MAX as u32);
    spread.saturating_add(slowest.saturating_mul(turns))
}

/// Asks who is `wanted` by way of `question`, until nobody wants anything or takes results any more. Before each new
/// set `renew` is called.
pub(super) async fn drive<F, Q>(
    mut wanted: mpsc::UnboundedReceiver<Vec<Arc<Feed>>>,
    results: mpsc::Sender<FeedResult>,
    renew: impl Fn(),
    question: Q,
) where
    F: Future<Output = FeedResult> + Send + 'static,
    Q: Fn(Arc<Feed>) -> F + Clone + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut followed: HashMap<Arc<Feed>, AbortOnDropHandle<()>> = HashMap::new();
    loop {
        let feeds = tokio::select! {
            feeds = wanted.recv() => feeds,
            () = results.closed() => None,
        };
        let Some(feeds) = feeds else { return };
        renew();
        let mut before = std::mem::take(&mut followed);
        let mut first = Instant::now();
        for feed in feeds {
            if followed.contains_key(&feed) {
                continue;
            }
            let task = before.remove(&feed).unwrap_or_else(|| {
                let latest = Instant::now() + feed.interval / 2;
                let follow =
                    Follow { slots: slots.clone(), results: results.clone(), feed: feed.clone() };
                let task = tokio::spawn(follow.run(first.min(latest), question.clone()));
                first += FIRST_SPREAD_PER_FEED;
                AbortOnDropHandle::new(task)
            });
            followed.insert(feed, task);
        }
    }
}

/// One feed that is asked again and again.
struct Follow {
    feed: Arc<Feed>,
    slots: Arc<Semaphore>,
    results: mpsc::Sender<FeedResult>,
}

impl Follow {
    async fn run<F>(self, first: Instant, question: impl Fn(Arc<Feed>) -> F)
    where
        F: Future<Output = FeedResult> + Send + 'static,
    {
        let mut beat = first;
        loop {
            sleep_until(beat).await;
            // Nobody closes the semaphore.
            let Ok(slot) = self.slots.acquire().await else { return };
            // In a task of its own: should reading an answer panic, the feed is asked again all the same.
            let asked = AbortOnDropHandle::new(tokio::spawn(question(self.feed.clone()))).await;
            drop(slot);
            let result = asked.unwrap_or_else(|error| FeedResult {
                feed: self.feed.clone(),
                at: Timestamp::now(),
                latency: Duration::ZERO,
                outcome: Err(Fault::new(
                    FaultKind::Local,
                    format!("a bug, please report it: asking broke off: {error}"),
                )),
            });
            if self.results.send(result).await.is_err() {
                return;
            }
            beat = after(beat, self.feed.interval, Instant::now());
        }
    }
}

/// The next beat of a rhythm that is not past; those that were missed are left out. The configuration has no interval
/// of no time.
fn after(beat: Instant, interval: Duration, now: Instant) -> Instant {
    let late = now.saturating_duration_since(beat).as_nanos();
    let missed = late / interval.as_nanos() + 1;
    beat + interval.saturating_mul(u32::try_from(missed).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::tests::json_feed;
    use super::*;
    use crate::director::report::{FeedReport, Report};
    use std::sync::atomic::{AtomicUsize, Ordering};

    type Sent =
        (mpsc::UnboundedSender<Vec<Arc<Feed>>>, mpsc::Receiver<FeedResult>, Arc<AtomicUsize>);

    /// What [`drive`] does with questions that take some time each; those for `http://bug/` panic.
    fn driven(latency: Duration) -> Sent {
        let (wanted, takes) = mpsc::unbounded_channel();
        let (results, found) = mpsc::channel(1);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let question = move |feed: Arc<Feed>| {
            count.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::time::sleep(latency).await;
                assert!(*feed != json_feed("http://bug/"), "as meant");
                let outcome = Ok(FeedReport::One(Report::default()));
                FeedResult { feed, at: Timestamp::UNIX_EPOCH, latency, outcome }
            }
        };
        tokio::spawn(drive(takes, results, || {}, question));
        (wanted, found, asked)
    }

    fn set(names: &[&str]) -> Vec<Arc<Feed>> {
        names.iter().map(|name| Arc::new(json_feed(&format!("http://{name}/")))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_is_asked_at_its_interval_and_once_for_equal_ones() {
        let start = Instant::now();
        let (wanted, mut found, asked) = driven(Duration::from_millis(300));
        wanted.send(set(&["a", "a", "a"])).unwrap();
        for _ in 0..10 {
            found.recv().await.unwrap();
        }
        assert_eq!(start.elapsed().as_millis(), 9 * 2000 + 300);
        assert_eq!(asked.load(Ordering::Relaxed), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_feed_lets_beats_pass() {
        let start = Instant::now();
        let (wanted, mut found, _) = driven(Duration::from_secs(3));
        wanted.send(set(&["a"])).unwrap();
        for _ in 0..5 {
            found.recv().await.unwrap();
        }
        assert_eq!(start.elapsed().as_secs(), 4 * 4 + 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_set_leaves_what_stays_alone() {
        let (wanted, mut found, asked) = driven(Duration::ZERO);
        for round in 0..20 {
            let mut names = ["a", "b", "c"];
            names.rotate_left(round % 3);
            wanted.send(set(&names)).unwrap();
            // Results are taken, so that no feed waits for room.
            let until = Instant::now() + Duration::from_millis(500);
            while tokio::time::timeout_at(until, found.recv()).await.is_ok() {}
        }
        // 10 s of three feeds every 2 s, however often the set was told.
        assert_eq!(asked.load(Ordering::Relaxed), 15);
        wanted.send(Vec::new()).unwrap();
        assert!(tokio::time::timeout(Duration::from_secs(60), found.recv()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn newcomers_are_spread_and_bounded() {
        let (wanted, mut found, asked) = driven(Duration::from_secs(5));
        let names: Vec<String> = (0..1000).map(|at| format!("f{at}")).collect();
        wanted.send(set(&names.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
        tokio::time::sleep(Duration::from_millis(305)).await;
        assert_eq!(asked.load(Ordering::Relaxed), 31);
        tokio::time::sleep(Duration::from_millis(1000)).await;
        assert_eq!(asked.load(Ordering::Relaxed), IN_FLIGHT_MAX);
        for _ in 0..1000 {
            found.recv().await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_told_and_the_feed_is_asked_again() {
        let (wanted, mut found, _) = driven(Duration::ZERO);
        wanted.send(set(&["bug"])).unwrap();
        for _ in 0..3 {
            let outcome = found.recv().await.unwrap().outcome;
            assert!(outcome.is_err_and(|fault| fault.why.contains("a bug")));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_its_handle_and_when_nobody_listens() {
        let (wanted, mut found, _) = driven(Duration::from_secs(3600));
        wanted.send(set(&["a"])).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(wanted);
        assert_eq!(found.recv().await, None);
        let (wanted, found, _) = driven(Duration::ZERO);
        drop(found);
        wanted.closed().await;
    }
}
