//! Sites that take a part of their clients only, in words: which part, whether this client is in it, and where it goes
//! if not.

use crate::report::percent;
use crate::steer::model::Method;
use crate::steer::pool::{Admission, Choice, Dealt, Level, Roster};

/// One choice among sites, by a client's network.
pub(super) struct Admitted<'a> {
    pub(super) roster: &'a Roster,
    pub(super) dealt: &'a Dealt,
    /// Sites of the roster, best first.
    pub(super) order: &'a [u16],
    pub(super) choice: Choice,
    pub(super) network_hash: u64,
}

impl Admitted<'_> {
    /// Which of the networks that come to a site it takes. Only a trusted site sends clients on.
    pub(super) fn admission(&self, tier: usize, site: usize) -> Admission {
        let dealt = self.dealt.site(tier, site);
        if dealt.level == Level::Trusted { dealt.admission } else { Admission::WHOLE }
    }

    /// Whether a site takes this client's network if it comes to it.
    pub(super) fn takes(&self, tier: usize, site: usize) -> bool {
        self.admission(tier, site).takes(self.network_hash)
    }

    /// What part a site takes and whether the client is in it; none where it takes everybody.
    pub(super) fn note(&self, tier: usize, site: usize) -> Option<String> {
        let admission = self.admission(tier, site);
        let part = percent(admission.part());
        let then = match (self.takes(tier, site), self.served()) {
            (true, _) => "this one among them".to_owned(),
            (false, Some(served)) if served == site => {
                "not this one, but neither does any other site".to_owned()
            }
            (false, Some(served)) if self.is_before(site, served) => {
                format!("this one goes on to {}", self.roster.sites[served].name)
            }
            (false, _) => "not this one".to_owned(),
        };
        (!admission.is_whole())
            .then(|| format!("takes {part} of the client networks that come to it; {then}"))
    }

    /// Why the site that serves does, where others before it have sent the client on; none where that is not why.
    pub(super) fn decision(&self) -> Option<String> {
        let Choice::Site { tier, site, level: Level::Trusted } = self.choice else { return None };
        let trusted = self.order.iter().map(|&site| usize::from(site));
        let mut trusted =
            trusted.filter(|&site| self.dealt.site(tier, site).level == Level::Trusted);
        let named = |site: usize| {
            let part = percent(self.admission(tier, site).part());
            format!("{} takes {part}", self.roster.sites[site].name)
        };
        if !self.takes(tier, site) {
            let all: Vec<String> = trusted.map(named).collect();
            return Some(format!(
                "of the client networks that come to them, {}, and none of them this one: such are spread over \
                 all in proportion to their room",
                all.join(", ")
            ));
        }
        let passed: Vec<String> =
            trusted.by_ref().take_while(|&it| it != site).map(named).collect();
        (!passed.is_empty()).then(|| {
            format!(
                "the first site in order that has enough up and takes this client's network; of the networks that \
                 come to it, {}, and not this one",
                passed.join(", ")
            )
        })
    }

    /// Why an answer holds for the client's network and no more.
    pub(super) fn scope_reason(&self) -> String {
        let tiers = || self.roster.tiers.iter();
        let seated = |seats: &[Vec<usize>]| seats.iter().filter(|seats| !seats.is_empty()).count();
        let sheds = tiers().any(|tier| tier.pool.sheds() && seated(&tier.seats) > 1);
        let is_hash = tiers().any(|tier| tier.pool.method == Method::Hash);
        let why = match (is_hash, sheds) {
            (true, true) => {
                "the method chooses by the client's network, and sites may take a part of their clients' networks only"
            }
            (false, true) => "sites may take a part of their clients' networks only",
            (_, false) => "the method chooses by the client's network",
        };
        format!("{why}, so the answer holds for that network")
    }

    fn served(&self) -> Option<usize> {
        match self.choice {
            Choice::Site { site, .. } => Some(site),
            _ => None,
        }
    }

    fn is_before(&self, site: usize, other: usize) -> bool {
        let place = |site: usize| self.order.iter().position(|&at| usize::from(at) == site);
        place(site) < place(other)
    }
}
