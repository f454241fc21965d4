//! All VIPs that are served, and what each comes to at this moment.
//!
//! Judged when something was heard, a probe's verdict turned or a report went stale, and kept until then: dealing and
//! whoever looks on ask often, and get the same answer.

use super::hearing::Hearings;
use super::truth::{Source, VipTruth};
use crate::health::Table;
use crate::steer::director::{Feed, Vip, VipKey};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// All VIPs with their truths.
#[derive(Clone, Debug, Default)]
pub struct Tier {
    /// What the feeds have said.
    pub hearings: Hearings,
    vips: Vec<Arc<Vip>>,
    truths: HashMap<VipKey, VipTruth>,
    /// Since when each is handed out or not, by what is known of its directors.
    since: HashMap<VipKey, Timestamp>,
}

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
        let matters = |truth: &VipTruth| {
            let source = truth.spoken().map(|spoken| spoken.source);
            (truth.live, truth.is_enough, truth.is_maintenance, source)
        };
        self.before.as_ref().map(matters) != tier.truth(&self.vip).map(matters)
    }
}

impl Tier {
    /// Follows what is served now: each VIP once.
    pub fn follow<'a>(&mut self, vips: impl Iterator<Item = &'a Arc<Vip>>) {
        let mut truths = std::mem::take(&mut self.truths);
        let mut known = HashSet::new();
        let mut feeds = Vec::new();
        self.vips.clear();
        for vip in vips {
            // Of two versions of a director, while the newer one waits, both are asked.
            feeds.extend(vip.feeds().cloned());
            let key = vip.key();
            if known.insert(key.clone()) {
                self.vips.push(vip.clone());
                if let Some(truth) = truths.remove(&key) {
                    self.truths.insert(key, truth);
                }
            }
        }
        self.since.retain(|key, _| known.contains(key));
        self.hearings.set_feeds(feeds);
    }

    /// The feeds to be asked.
    pub fn feeds(&self) -> Vec<Arc<Feed>> {
        self.hearings.feeds().cloned().collect()
    }

    /// All VIPs.
    pub fn vips(&self) -> &[Arc<Vip>] {
        &self.vips
    }

    /// Judges every VIP anew; which have changed.
    pub fn judge(&mut self, verdicts: &Table, now: Timestamp) -> Vec<Turned> {
        let mut turned = Vec::new();
        self.hearings.settle(now);
        for vip in &self.vips {
            let hearing = |director: &_| self.hearings.of(director, now);
            let truth = VipTruth::new(vip, hearing, |probe| verdicts.verdict(probe));
            let before = self.truths.insert(vip.key(), truth.clone());
            if before.as_ref().map(stands) != Some(stands(&truth)) {
                self.since.insert(vip.key(), now);
            }
            if before.as_ref() != Some(&truth) {
                turned.push(Turned { vip: vip.clone(), before });
            }
        }
        turned
    }

    /// Since when a VIP stands as it does by its directors, or was first judged; none before.
    pub fn since(&self, vip: &Vip) -> Option<Timestamp> {
        self.since.get(&vip.key()).copied()
    }

    /// What a VIP comes to; none before it was first judged.
    pub fn truth(&self, vip: &Vip) -> Option<&VipTruth> {
        // Most servers have no directors, and are not to pay for a key.
        if self.truths.is_empty() {
            return None;
        }
        self.truths.get(&vip.key())
    }
}

/// What of a truth decides how its VIP stands.
fn stands(truth: &VipTruth) -> (bool, bool, bool) {
    let is_blind = truth.spoken().is_some_and(|spoken| spoken.source == Source::Check);
    (truth.is_enough, truth.is_maintenance, is_blind)
}
