//! One probe, from its start to its result.

use super::http::{self, Clients};
use super::reason::Told;
use super::{ProbeResult, tcp};
use crate::health::check::{CheckKind, Probe};
use crate::health::state::Outcome;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A timeout that is noticed so much too late says more about us (the process was stopped, the machine moved or
/// starved) than about the target.
const LATENESS_MAX: Duration = Duration::from_secs(1);

/// Makes one probe.
pub(super) async fn attempt(clients: &Clients, probe: Arc<Probe>) -> ProbeResult {
    let started = Instant::now();
    let limit = probe.check.timeout;
    let told = match timeout(limit, ask(clients, &probe)).await {
        Ok(told) => told,
        Err(_) => out_of_time(limit, started.elapsed()),
    };
    let Told { outcome, certificate_days_left } = told;
    ProbeResult { probe, outcome, latency: started.elapsed(), certificate_days_left }
}

async fn ask(clients: &Clients, probe: &Probe) -> Told {
    let source = match source_for(probe.check.source, probe.target) {
        Ok(source) => source,
        Err(reason) => return Told::failure(reason),
    };
    match &probe.check.kind {
        CheckKind::Tcp => tcp::ask(probe.target, source).await,
        CheckKind::Http(http) => http::ask(clients, http, probe.target, source).await,
    }
}

/// The source address, if it can be one for the target.
fn source_for(source: Option<IpAddr>, target: SocketAddr) -> Result<Option<IpAddr>, String> {
    match source {
        Some(address) if address.is_ipv4() != target.is_ipv4() => {
            Err(format!("the source address {address} is of another family than {}", target.ip()))
        }
        _ => Ok(source),
    }
}

fn out_of_time(limit: Duration, taken: Duration) -> Told {
    if taken > limit + LATENESS_MAX {
        let reason = format!("the timeout of {limit:?} was noticed only after {taken:.1?}");
        return Told::new(Outcome::Inconclusive(reason));
    }
    Told::failure(format!("no answer within {limit:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_noticed_far_too_late_says_nothing_of_the_target() {
        let limit = Duration::from_secs(2);
        let told = out_of_time(limit, limit + Duration::from_millis(900));
        assert_eq!(told.outcome, Outcome::Failure("no answer within 2s".into()));
        let told = out_of_time(limit, limit + Duration::from_millis(1100));
        assert!(matches!(told.outcome, Outcome::Inconclusive(_)));
    }
}
