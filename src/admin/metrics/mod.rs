//! Everything that is counted and measured, in the text format of OpenMetrics.
//!
//! ```text
//! workers' counters ─┐
//! status, probes ────┼─ take ─► Scrape ─ page ─► text
//! listeners ─────────┘
//! ```
//!
//! Nothing is kept for the sake of metrics: a scrape reads what the server knows anyway and sums what its threads have
//! counted each for itself. Names say the unit; what only grows ends in `_total` and goes on over reloads. How the
//! numbers come about is explained where they are counted.

mod directors;
mod families;
mod format;
mod steering;

use crate::control::Handle;
use crate::control::counters::{Counts, Tally};
use crate::control::reloader::LastLoad;
use crate::control::status::Status;
use crate::health::tally::ProbeTally;
use crate::net::NetCounters;
use crate::tap::TapCounts;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What a scrape is answered as (OpenMetrics 1.0, §"Content-Type").
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The server at one moment, in numbers.
#[derive(Debug)]
pub(super) struct Scrape {
    status: Status,
    counts: Counts,
    tally: Tally,
    probes: BTreeMap<String, ProbeTally>,
    net: Arc<NetCounters>,
    last_load: Arc<LastLoad>,
    tap: Option<TapCounts>,
    /// Requests to this API that a mistake of ours has ended.
    admin_panics: u64,
}

impl Scrape {
    /// Reads everything.
    pub(super) async fn take(handle: &Handle, admin_panics: u64) -> Self {
        let told = handle.clone();
        // Costs in proportion to what is served, which connections must not wait for.
        let tally = tokio::task::spawn_blocking(move || told.tally()).await.unwrap_or_default();
        let known = Arc::new(handle.known().await);
        Self {
            status: handle.status_of(&known).await,
            counts: handle.counts(),
            tally,
            probes: known.knowledge.verdicts.tallies().clone(),
            net: handle.net_counters().clone(),
            last_load: handle.last_load(),
            tap: handle.tap_counts(),
            admin_panics,
        }
    }

    /// As text.
    pub(super) fn page(self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut page = String::new();
        text::encode(&mut page, &registry)?;
        Ok(page)
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        families::write(self, &mut format::Families::new(encoder))
    }
}
