//! The schedule against the clock: starts what is due, hands results on, takes new sets of probes.

use super::schedule::{Id, Schedule};
use super::{Limits, ProbeResult};
use crate::health::check::Probe;
use crate::health::state::Outcome;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

/// Troubles of the prober itself are logged at most this often.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// Probes what is `wanted` by way of `make`, until nobody wants anything or takes results any more. What is under
/// way then is dropped.
pub(super) async fn drive<F>(
    mut wanted: mpsc::UnboundedReceiver<Vec<Arc<Probe>>>,
    results: mpsc::Sender<ProbeResult>,
    limits: Limits,
    mut make: impl FnMut(Arc<Probe>) -> F,
) where
    F: Future<Output = ProbeResult> + Send + 'static,
{
    let mut schedule = Schedule::new(limits, Instant::now());
    let mut under_way = UnderWay::default();
    let mut complaints = Complaints::default();
    // One timer, moved only when the next beat is another: every probe that ends comes past here.
    let mut alarm = pin!(sleep_until(Instant::now()));
    loop {
        let now = Instant::now();
        while let Some((id, probe)) = schedule.next_start(now) {
            under_way.start(id, make(probe), results.clone());
        }
        complaints.waiting(schedule.waiting_count(), limits, now);
        let wake_at = schedule.wake_at();
        if let Some(at) = wake_at.filter(|at| *at != alarm.deadline()) {
            alarm.as_mut().reset(at);
        }
        tokio::select! {
            probes = wanted.recv() => match probes {
                Some(probes) => schedule.set_probes(probes, Instant::now()),
                None => return,
            },
            Some((id, trouble)) = under_way.ended() => {
                schedule.ended(id);
                complaints.trouble(trouble, Instant::now());
            }
            () = &mut alarm, if wake_at.is_some() => {}
            () = results.closed() => return,
        }
    }
}

/// The probes that were started and have not ended.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<Option<String>>,
    ids: HashMap<tokio::task::Id, Id>,
}

impl UnderWay {
    fn start<F>(&mut self, id: Id, probe: F, results: mpsc::Sender<ProbeResult>)
    where
        F: Future<Output = ProbeResult> + Send + 'static,
    {
        let task = self.tasks.spawn(async move {
            let result = probe.await;
            let trouble = match &result.outcome {
                Outcome::Inconclusive(reason) => Some(reason.clone()),
                Outcome::Success | Outcome::Failure(_) => None,
            };
            // It fails only once nobody takes results, and then everything ends.
            let _ = results.send(result).await;
            trouble
        });
        self.ids.insert(task.id(), id);
    }

    /// The next one to end, with the trouble that it had on our side. A probe that panics must not keep its slot,
    /// or its target would never be probed again.
    async fn ended(&mut self) -> Option<(Id, Option<String>)> {
        let (task, trouble) = match self.tasks.join_next_with_id().await? {
            Ok(ended) => ended,
            Err(error) => (error.id(), Some(describe(&error))),
        };
        self.ids.remove(&task).map(|id| (id, trouble))
    }
}

fn describe(error: &JoinError) -> String {
    format!("a probe broke off: {error}")
}

/// What is said about the prober itself, seldom.
#[derive(Default)]
struct Complaints {
    trouble: Option<Instant>,
    waiting: Option<Instant>,
}

impl Complaints {
    fn trouble(&mut self, trouble: Option<String>, now: Instant) {
        if let Some(reason) = trouble.filter(|_| is_time(&mut self.trouble, now)) {
            tracing::warn!(reason, "a probe could not be made, through no fault of its target");
        }
    }

    fn waiting(&mut self, count: usize, limits: Limits, now: Instant) {
        if count > 0 && is_time(&mut self.waiting, now) {
            let in_flight_max = limits.in_flight_max;
            tracing::warn!(count, in_flight_max, "probes wait: as many as may be are under way");
        }
    }
}

fn is_time(last: &mut Option<Instant>, now: Instant) -> bool {
    let due = last.is_none_or(|last| now.saturating_duration_since(last) >= COMPLAINT_INTERVAL);
    if due {
        *last = Some(now);
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::check::tests::tcp;

    /// What [`drive`] does with probes that take some time each; ports from 1000 up panic.
    fn driven(
        latency: Duration,
    ) -> (mpsc::UnboundedSender<Vec<Arc<Probe>>>, mpsc::Receiver<ProbeResult>) {
        let (wanted, takes) = mpsc::unbounded_channel();
        let (results, found) = mpsc::channel(1);
        let make = move |probe: Arc<Probe>| async move {
            let started = Instant::now();
            tokio::time::sleep(latency).await;
            assert!(probe.target.port() < 1000, "as meant");
            let latency = started.elapsed();
            let outcome = Outcome::Success;
            ProbeResult { probe, outcome, latency, certificate_days_left: None }
        };
        tokio::spawn(drive(takes, results, Limits::default(), make));
        (wanted, found)
    }

    fn set(ports: &[u16]) -> Vec<Arc<Probe>> {
        ports.iter().map(|&port| Arc::new(tcp(port))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn results_come_at_the_interval_once_for_equal_probes() {
        let start = Instant::now();
        let (wanted, mut found) = driven(Duration::from_millis(300));
        wanted.send(set(&[7, 7, 7])).unwrap();
        for _ in 0..10 {
            let result = found.recv().await.unwrap();
            assert_eq!((result.probe.target.port(), result.latency.as_millis()), (7, 300));
        }
        let elapsed = start.elapsed().as_secs_f64();
        assert!((42.0..53.0).contains(&elapsed), "{elapsed}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_holds_probes_up_but_loses_none() {
        let (wanted, mut found) = driven(Duration::ZERO);
        wanted.send(set(&[1, 2, 3, 4, 5])).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut ports = Vec::new();
        for _ in 0..5 {
            ports.push(found.recv().await.unwrap().probe.target.port());
        }
        ports.sort_unstable();
        assert_eq!(ports, [1, 2, 3, 4, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_panics_keeps_nothing_from_going_on() {
        let (wanted, mut found) = driven(Duration::ZERO);
        wanted.send(set(&[1000, 1])).unwrap();
        for _ in 0..5 {
            assert_eq!(found.recv().await.unwrap().probe.target.port(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_its_handle() {
        let (wanted, mut found) = driven(Duration::from_secs(3600));
        wanted.send(set(&[1])).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        drop(wanted);
        assert_eq!(found.recv().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_nobody_listens() {
        let (wanted, found) = driven(Duration::ZERO);
        drop(found);
        wanted.closed().await;
    }
}
