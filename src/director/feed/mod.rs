//! Feeds: directors asked, each at its interval, for what stands behind them.
//!
//! ```text
//! Feed ─ drive (when) ─ ask (HTTP, runtime socket) ─► bytes ─ haproxy | ipvs | json ─► FeedReport ─► FeedResult
//!                                                     FeedReport ─ pick, for a director ─► Report
//! ```
//!
//! The parsers are pure and take any bytes: what cannot be read, or cannot be ([`limits`]), is refused with a reason
//! for people. All of it runs on one thread of its own, so that directors that hang or babble hold up nobody. It keeps
//! nothing: how old the last good report may be, and who is believed in its place, is not decided here.

mod ask;
mod drive;
pub mod haproxy;
pub mod ipvs;
pub mod json;
pub mod limits;
mod pick;

use super::fault::{Fault, FaultKind};
use super::report::{FeedReport, RealState};
use crate::health::prober::reason::one_line;
use crate::steer::director::{Feed, FeedSource};
use ask::Asker;
use jiff::Timestamp;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// What asking a feed once came to.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedResult {
    /// The feed.
    pub feed: Arc<Feed>,
    /// When its answer was there, or was given up.
    pub at: Timestamp,
    /// From the question to then.
    pub latency: Duration,
    /// What it says; else why that is of no use.
    pub outcome: Result<FeedReport, Fault>,
}

/// Asks feeds, on a thread of its own; stops when it is dropped.
#[derive(Debug)]
pub struct Feeder {
    feeds: Option<mpsc::UnboundedSender<Vec<Arc<Feed>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Feeder {
    /// The longest that it takes until each of these has been asked once, however many are silent.
    pub fn first_round_max<'a>(feeds: impl IntoIterator<Item = &'a Feed>) -> Duration {
        drive::first_round_max(feeds)
    }

    /// Starts one that has nothing to ask yet. Results go to `results`; while that is full their feeds are not asked
    /// again, and once it is closed nobody is.
    pub fn start(results: mpsc::Sender<FeedResult>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (feeds, wanted) = mpsc::unbounded_channel();
        let work = async move {
            let asker = Arc::new(Asker::default());
            let fresh = asker.clone();
            let question = move |feed| question(asker.clone(), feed);
            drive::drive(wanted, results, move || fresh.forget(), question).await;
        };
        let thread = std::thread::Builder::new().name("feeder".into()).spawn(move || {
            runtime.block_on(work);
            // The system may still be looking up a name, which cannot be called off.
            runtime.shutdown_background();
        })?;
        Ok(Self { feeds: Some(feeds), thread: Some(thread) })
    }

    /// Sets who is asked; equal feeds are asked once. Those that stay keep their rhythm, new ones are first asked
    /// within a short while, those not named any more are let go of.
    pub fn set_feeds(&self, feeds: Vec<Arc<Feed>>) {
        if let Some(wanted) = &self.feeds {
            // It fails only once nobody takes results any more.
            let _ = wanted.send(feeds);
        }
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.feeds = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

/// Asks a feed once.
async fn question(asker: Arc<Asker>, feed: Arc<Feed>) -> FeedResult {
    let started = Instant::now();
    let answer = match timeout(feed.timeout, asker.ask(&feed.source)).await {
        Ok(answer) => answer,
        Err(_) => {
            let why = format!("no answer within {:?}", feed.timeout);
            Err(Fault::new(FaultKind::Timeout, why))
        }
    };
    let (at, latency) = (Timestamp::now(), started.elapsed());
    let outcome = answer.and_then(|bytes| read(&feed, &bytes, at));
    let outcome = outcome.map_err(|fault| Fault { why: one_line(&fault.why), ..fault });
    FeedResult { feed, at, latency, outcome }
}

/// What an answer says that came at `now`.
pub fn read(feed: &Feed, bytes: &[u8], now: Timestamp) -> Result<FeedReport, Fault> {
    match &feed.source {
        FeedSource::Haproxy { backend, .. } => haproxy::parse(bytes, backend),
        FeedSource::Ipvs(_) => ipvs::parse(bytes, now, feed.stale_after),
        FeedSource::Json(_) => json::parse(bytes),
    }
}

/// An IPv4 address in IPv6's clothes is an IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What is up and has no weight gets nothing new.
fn with_weight(state: RealState, weight: u32) -> RealState {
    match (state, weight) {
        (RealState::Up, 0) => RealState::Draining,
        (state, _) => state,
    }
}

/// The sum, if there is anything and all of it is known.
fn sum(mut parts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    let first = parts.next()??;
    parts.try_fold(first, |sum, part| Some(sum.saturating_add(part?)))
}

#[cfg(test)]
mod tests;
