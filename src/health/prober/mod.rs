//! Probes being made: a thread of its own that asks every target at its interval and sends what it found.
//!
//! `schedule` decides what is due, purely; `drive` runs that against the clock; `attempt` makes one probe
//! over TCP (`tcp`) or HTTP (`http`, `tls`) and puts errors into words (`reason`). The prober keeps no
//! verdicts: it does not know what its results add up to. It runs on one thread with its own runtime, so that
//! however many probes there are, they cost at most that thread and never wait behind, or hold up, what answers
//! queries.

mod attempt;
mod drive;
mod http;
pub(crate) mod reason;
mod schedule;
mod tcp;
pub(crate) mod tls;

use super::check::Probe;
use super::state::Outcome;
use attempt::attempt;
use http::Clients;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many probes may be under way at once by default, each with a socket: enough for 10,000 endpoints every 5 s that
/// answer within 250 ms, and half of the usual 1024 files.
pub const IN_FLIGHT_MAX: usize = 512;
/// Over how long the first probes of many new targets are spread by default: long enough that ten thousand do not
/// come as one blow, short beside a timeout.
pub const FIRST_SPREAD_MAX: Duration = Duration::from_secs(2);

/// What the prober may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Probes under way at once, each with one socket; at least 1.
    pub in_flight_max: usize,
    /// The first probe of a new target is started within this time, if `in_flight_max` allows.
    pub first_spread_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_flight_max: IN_FLIGHT_MAX, first_spread_max: FIRST_SPREAD_MAX }
    }
}

impl Limits {
    /// The longest that a first round of these probes takes, however many targets are silent: after this time a
    /// server that began without verdicts has them.
    pub fn first_round_max<'a>(&self, probes: impl IntoIterator<Item = &'a Probe>) -> Duration {
        let mut count = 0_usize;
        let mut slowest = Duration::ZERO;
        for probe in probes {
            count += 1;
            slowest = slowest.max(probe.check.timeout);
        }
        let turns = count.div_ceil(self.in_flight_max.max(1));
        let turns = u32::try_from(turns).unwrap_or(u32::MAX);
        self.first_spread_max.saturating_add(slowest.saturating_mul(turns))
    }
}

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// The probe.
    pub probe: Arc<Probe>,
    /// What was found.
    pub outcome: Outcome,
    /// From the start of the probe to its end.
    pub latency: Duration,
    /// Days until the certificate ends that was shown, negative once it has; none if none was shown.
    pub certificate_days_left: Option<i64>,
}

/// A running prober; it stops when this is dropped.
#[derive(Debug)]
pub struct Prober {
    probes: Option<mpsc::UnboundedSender<Vec<Arc<Probe>>>>,
    thread: Option<JoinHandle<()>>,
    clients: Arc<Clients>,
}

impl Prober {
    /// Starts a prober that has nothing to do yet. Results go to `results`; while that is full no further probes
    /// end, and once it is closed the prober stops.
    pub fn start(results: mpsc::Sender<ProbeResult>, limits: Limits) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (probes, wanted) = mpsc::unbounded_channel();
        let clients = Arc::new(Clients::default());
        let shared = clients.clone();
        let make = move |probe| {
            let clients = shared.clone();
            async move { attempt(&clients, probe).await }
        };
        let work = drive::drive(wanted, results, limits, make);
        let thread = std::thread::Builder::new()
            .name("prober".into())
            .spawn(move || runtime.block_on(work))?;
        Ok(Self { probes: Some(probes), thread: Some(thread), clients })
    }

    /// Sets what is to be probed; equal probes are made once. Probes that stay keep their rhythm, new ones are
    /// first made within a short while, those not named any more stop. Certificate roots are read anew.
    pub fn set_probes(&self, probes: Vec<Arc<Probe>>) {
        self.clients.forget();
        if let Some(wanted) = &self.probes {
            // It fails only once nobody takes results any more.
            let _ = wanted.send(probes);
        }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.probes = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
