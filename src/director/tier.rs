//! All VIPs that are served, and what each comes to at this moment.
//!
//! Judged when something was heard, a probe's verdict turned or a report went stale, and kept until then: dealing and
//! whoever looks on ask often, and get the same answer.

use super::hearing::Hearings;
use super::truth::{Source, VipTruth};
use crate::health::Table;
use crate::steer::director::{Feed, Vip, VipKey};
use crate::steer::pool::Family;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// All VIPs with their truths.
#[derive(Clone, Debug, Default)]
pub struct Tier {
    /// What the feeds have said.
    pub hearings: Hearings,
    /// Each once. Of a director that zones hold in several versions, each version: each zone goes by its own.
    vips: Vec<Arc<Vip>>,
    /// By place; none before it was first judged.
    judged: Vec<Option<Judged>>,
    /// Places by what VIPs are known by; of several versions the first served comes first.
    places: HashMap<VipKey, Vec<usize>>,
}

/// What a VIP comes to.
#[derive(Clone, Debug)]
struct Judged {
    truth: VipTruth,
    /// Since when it is handed out in each family or not, by what is known of its directors.
    since: [Timestamp; 2],
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
        let matters = |truth: &VipTruth| Family::BOTH.map(|family| truth.of(family));
        self.before.as_ref().map(matters) != tier.truth(&self.vip).map(matters)
    }
}

impl Tier {
    /// Follows what is served now, each VIP once. There are versions of one while a newer one waits, and while a zone is
    /// kept as it was last good; a new one begins with what was known of the one before.
    pub fn follow<'a>(&mut self, vips: impl Iterator<Item = &'a Arc<Vip>>) {
        let mut next = Self::default();
        let mut feeds = Vec::new();
        for vip in vips {
            feeds.extend(vip.feeds().cloned());
            let places = next.places.entry(vip.key()).or_default();
            if !places.iter().any(|&place| next.vips[place] == *vip) {
                places.push(next.vips.len());
                next.vips.push(vip.clone());
                next.judged.push(self.judged(vip).cloned());
            }
        }
        next.hearings = std::mem::take(&mut self.hearings);
        next.hearings.set_feeds(feeds);
        *self = next;
    }

    /// The feeds to be asked.
    pub fn feeds(&self) -> Vec<Arc<Feed>> {
        self.hearings.feeds().cloned().collect()
    }

    /// All VIPs, each version of them.
    pub fn vips(&self) -> &[Arc<Vip>] {
        &self.vips
    }

    /// Judges every VIP anew; which have changed.
    pub fn judge(&mut self, verdicts: &Table, now: Timestamp) -> Vec<Turned> {
        let mut turned = Vec::new();
        self.hearings.settle(now);
        for (vip, known) in self.vips.iter().zip(&mut self.judged) {
            let hearing = |director: &_| self.hearings.of(director, now);
            let truth = VipTruth::new(vip, hearing, |probe| verdicts.verdict(probe));
            if known.as_ref().map(|known| &known.truth) != Some(&truth) {
                let since = Family::BOTH.map(|family| {
                    let same = known
                        .as_ref()
                        .filter(|it| stands(&it.truth, family) == stands(&truth, family));
                    same.map_or(now, |known| known.since[family as usize])
                });
                let before = known.replace(Judged { truth, since }).map(|known| known.truth);
                turned.push(Turned { vip: vip.clone(), before });
            }
        }
        turned
    }

    /// Since when a VIP stands in a family as it does by its directors, or was first judged; none before.
    pub fn since(&self, vip: &Vip, family: Family) -> Option<Timestamp> {
        self.judged(vip).map(|known| known.since[family as usize])
    }

    /// What a VIP comes to; none before it was first judged.
    pub fn truth(&self, vip: &Vip) -> Option<&VipTruth> {
        self.judged(vip).map(|known| &known.truth)
    }

    /// What there is no such version of is judged by another.
    fn judged(&self, vip: &Vip) -> Option<&Judged> {
        let places = self.places_of(vip);
        let place = match places {
            [] => return None,
            [place] => place,
            [first, ..] => {
                let is_same = |place: &&usize| std::ptr::eq(&*self.vips[**place], vip);
                let is_equal = |place: &&usize| *self.vips[**place] == *vip;
                let same = places.iter().find(is_same).or_else(|| places.iter().find(is_equal));
                same.unwrap_or(first)
            }
        };
        self.judged[*place].as_ref()
    }

    /// All versions of a VIP.
    pub fn versions(&self, vip: &Vip) -> impl Iterator<Item = &Arc<Vip>> {
        self.places_of(vip).iter().map(|&place| &self.vips[place])
    }

    fn places_of(&self, vip: &Vip) -> &[usize] {
        // Most servers have no directors, and are not to pay for a key.
        if self.vips.is_empty() {
            return &[];
        }
        self.places.get(&vip.key()).map_or(&[], Vec::as_slice)
    }
}

/// What of a truth decides how its VIP stands in a family.
fn stands(truth: &VipTruth, family: Family) -> (bool, bool, bool) {
    let found = truth.of(family);
    (found.is_enough, found.is_maintenance, found.source == Source::Check)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::director::RealState;
    use crate::steer::director::{Director, Real};
    use crate::steer::testing;

    /// A version of one director.
    fn version(name: &str, maintenance: bool, reals: usize) -> Arc<Vip> {
        let real = |at: usize| Real {
            name: format!("r{at}"),
            address: ([10, 0, 0, 1], at as u16).into(),
            weight: 1,
            probe: None,
        };
        let director = testing::director(name, (0..reals).map(real).collect());
        Arc::new(Vip { directors: vec![Arc::new(Director { maintenance, ..director })] })
    }

    #[test]
    fn each_version_is_judged_by_itself() {
        let (old, new) = (version("lvs", false, 1), version("lvs", true, 2));
        let other = version("other", false, 1);
        let is_out = |tier: &Tier, vip: &Vip| {
            let truth = tier.truth(vip).expect("it was judged");
            (truth.of(Family::V4).is_maintenance, truth.directors[0].reals.len())
        };
        let now = Timestamp::UNIX_EPOCH;
        let mut tier = Tier::default();
        assert!(tier.truth(&old).is_none());
        tier.follow([&old, &other].into_iter());
        assert_eq!(tier.judge(&Table::default(), now).len(), 2);
        assert_eq!(is_out(&tier, &old), (false, 1));
        // Equal ones that were read at different times are one.
        let again = version("lvs", true, 2);
        for served in [[&old, &new, &again, &other], [&other, &again, &new, &old]] {
            tier.follow(served.into_iter());
            assert_eq!((tier.vips().len(), tier.versions(&old).count()), (3, 2));
            tier.judge(&Table::default(), now);
            assert_eq!(
                [&old, &new, &again].map(|it| is_out(&tier, it)),
                [(false, 1), (true, 2), (true, 2)]
            );
        }
        // What is known of one goes on when it is the only one, and a new one begins with what was.
        tier.follow([&old].into_iter());
        assert_eq!(is_out(&tier, &old), (false, 1));
        tier.follow([&new].into_iter());
        assert_eq!(is_out(&tier, &new), (false, 1));
        let turned = tier.judge(&Table::default(), now);
        let state = |truth: &VipTruth| truth.directors[0].reals[0].state;
        assert_eq!(turned.len(), 1);
        assert_eq!(turned[0].before.as_ref().and_then(state), Some(RealState::Up));
        assert_eq!(is_out(&tier, &new), (true, 2));
    }
}
