//! All VIPs that are served, and what each comes to at this moment.
//!
//! Judged when something was heard, a probe's verdict turned or a report went stale, and kept until then: dealing and
//! whoever looks on ask often, and get the same answer.

use super::hearing::Hearings;
use super::truth::VipTruth;
use crate::health::Table;
use crate::steer::director::{Director, Feed, Vip};
use crate::wire::Name;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// All VIPs with their truths.
#[derive(Clone, Debug, Default)]
pub struct Tier {
    /// What the feeds have said.
    pub hearings: Hearings,
    vips: Vec<Arc<Vip>>,
    truths: HashMap<VipKey, VipTruth>,
}

/// What a VIP is known by: its directors, each with the zone that defines it. Outlives reloads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct VipKey(Vec<(Option<Name>, String)>);

/// A VIP of which something else is known than before.
#[derive(Clone, Debug)]
pub struct Turned {
    /// The VIP.
    pub vip: Arc<Vip>,
    /// What was known; none of a new one.
    pub before: Option<VipTruth>,
}

impl Turned {
    /// Whether what is handed out may depend on it: sessions and reasons do not matter to that.
    pub fn changes_answers(&self, tier: &Tier) -> bool {
        let matters = |truth: &VipTruth| (truth.live, truth.is_enough, truth.is_maintenance);
        self.before.as_ref().map(matters) != tier.truth(&self.vip).map(matters)
    }
}

impl Tier {
    /// Follows what is served now: each VIP once.
    pub fn follow<'a>(&mut self, vips: impl Iterator<Item = &'a Arc<Vip>>) {
        let mut truths = std::mem::take(&mut self.truths);
        self.vips.clear();
        for vip in vips {
            let key = VipKey::of(vip);
            if !self.vips.iter().any(|known| VipKey::of(known) == key) {
                self.vips.push(vip.clone());
                if let Some(truth) = truths.remove(&key) {
                    self.truths.insert(key, truth);
                }
            }
        }
        self.hearings.set_feeds(feeds(&self.vips));
    }

    /// The feeds to be asked.
    pub fn feeds(&self) -> Vec<Arc<Feed>> {
        feeds(&self.vips).collect()
    }

    /// All VIPs.
    pub fn vips(&self) -> &[Arc<Vip>] {
        &self.vips
    }

    /// Judges every VIP anew; which have changed.
    pub fn judge(&mut self, verdicts: &Table, now: Timestamp) -> Vec<Turned> {
        let mut turned = Vec::new();
        for vip in &self.vips {
            let hearing = |director: &_| self.hearings.of(director, now);
            let truth = VipTruth::new(vip, hearing, |probe| verdicts.verdict(probe));
            let before = self.truths.insert(VipKey::of(vip), truth.clone());
            if before.as_ref() != Some(&truth) {
                turned.push(Turned { vip: vip.clone(), before });
            }
        }
        turned
    }

    /// What a VIP comes to; none before it was first judged.
    pub fn truth(&self, vip: &Vip) -> Option<&VipTruth> {
        // Most servers have no directors, and are not to pay for a key.
        if self.truths.is_empty() {
            return None;
        }
        self.truths.get(&VipKey::of(vip))
    }
}

impl VipKey {
    fn of(vip: &Vip) -> Self {
        let one = |director: &Arc<Director>| (director.zone.clone(), director.name.clone());
        Self(vip.directors.iter().map(one).collect())
    }
}

fn feeds(vips: &[Arc<Vip>]) -> impl Iterator<Item = Arc<Feed>> {
    vips.iter().flat_map(|vip| vip.feeds()).cloned()
}
