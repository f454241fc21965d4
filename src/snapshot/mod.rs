//! Compile and publish: the only thing that a query reads.
//!
//! ```text
//! zones, settings, world ── Catalog::compile (something was reloaded) ──┐
//! standings of endpoints ── Snapshot::deal (something went up or down) ─┴─► Snapshot ─► one pointer swap
//! ```
//!
//! A [`Catalog`] is all that changes with files, a snapshot is a catalog with its decks dealt. Both are immutable; a
//! change of health makes a new snapshot of the same catalog in which only the rosters concerned are dealt anew, so it
//! costs what it touches. Who decides that something has changed, and swaps the pointer, is the control side.

mod catalog;
mod pools;
mod settings;
mod zones;

pub use catalog::{Catalog, FamilyPlan, NamePlan, ZoneInput};
pub use pools::{ServedPool, ServedPools};
pub use settings::{Settings, Trust};
pub use zones::{ServedZone, ZoneIndex};

use crate::steer::pool::Dealt;
pub use crate::steer::pool::Standings;
use std::sync::Arc;

/// Everything that a query may read, immutable.
#[derive(Debug)]
pub struct Snapshot {
    generation: u64,
    catalog: Arc<Catalog>,
    dealt: Vec<Arc<Dealt>>,
}

impl Snapshot {
    /// Deals every roster of a catalog.
    pub fn new(generation: u64, catalog: Arc<Catalog>, standings: &impl Standings) -> Self {
        let dealt = catalog
            .rosters()
            .iter()
            .map(|roster| Arc::new(Dealt::deal(roster, standings)))
            .collect();
        Self { generation, catalog, dealt }
    }

    /// Nothing at all: what is served before the first load.
    pub fn empty() -> Self {
        Self { generation: 0, catalog: Arc::new(Catalog::empty()), dealt: Vec::new() }
    }

    /// The same with some rosters dealt anew.
    pub fn redeal(&self, generation: u64, rosters: &[usize], standings: &impl Standings) -> Self {
        let mut dealt = self.dealt.clone();
        for &roster in rosters {
            dealt[roster] = Arc::new(Dealt::deal(&self.catalog.rosters()[roster], standings));
        }
        Self { generation, catalog: self.catalog.clone(), dealt }
    }

    /// Grows by one with each publication.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What this was dealt from.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The zones served.
    pub fn zones(&self) -> &ZoneIndex {
        self.catalog.zones()
    }

    /// The server-wide settings.
    pub fn settings(&self) -> &Settings {
        self.catalog.settings()
    }

    /// The decks of a roster.
    pub fn dealt(&self, roster: usize) -> &Dealt {
        &self.dealt[roster]
    }
}
