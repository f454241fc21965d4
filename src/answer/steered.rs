//! Addresses of a steered name: class, order, site, card.

use super::outcome::Reason;
use super::record::{Recorder, SteeredStep};
use super::resolve::Resolver;
use crate::geo::embed;
use crate::steer::deck::{ANSWERS_MAX, network_bits, network_hash};
use crate::steer::pool::{Choice, DealtSite, Family, Level};
use crate::wire::{Owner, Section};
use std::net::IpAddr;

/// What came of handing out.
pub(super) enum Handed {
    /// Addresses were written.
    Addresses(Reason),
    /// There are addresses, but no room for them.
    Full(Reason),
    /// There are none for this client.
    Nothing(Reason),
    /// There should be, and the pool wants that told.
    Failure,
}

/// What both families of one answer share, so that their addresses are the same endpoints' where those have both.
pub(super) struct Pair {
    turn: Option<u32>,
    /// The tier that the first family came from, and the endpoints it handed out, by their places in the pool.
    tier: Option<usize>,
    seats: [usize; ANSWERS_MAX],
    count: usize,
}

impl Pair {
    /// Before the first family.
    pub(super) fn new() -> Self {
        Self { turn: None, tier: None, seats: [0; ANSWERS_MAX], count: 0 }
    }

    /// The positions to hand out, as many as the card has: those of the other family's endpoints first, then the
    /// card's.
    fn positions(
        &mut self,
        tier: usize,
        site: &DealtSite,
        card: &[u16],
    ) -> ([u16; ANSWERS_MAX], usize) {
        let (mut positions, mut count) = ([0; ANSWERS_MAX], 0);
        let known = if self.tier == Some(tier) { &self.seats[..self.count] } else { &[] };
        let shared = known.iter().filter_map(|seat| {
            let at = site.members.iter().position(|member| member == seat)?;
            u16::try_from(at).ok()
        });
        for position in shared.chain(card.iter().copied()) {
            if count < card.len() && !positions[..count].contains(&position) {
                positions[count] = position;
                count += 1;
            }
        }
        if self.tier.is_none() {
            self.tier = Some(tier);
            self.count = count;
            for (seat, position) in self.seats.iter_mut().zip(&positions[..count]) {
                *seat = site.members[usize::from(*position)];
            }
        }
        (positions, count)
    }
}

impl<R: Recorder> Resolver<'_, '_, R> {
    /// Writes addresses of the zone's steered name with that number. The scope grows to what the choice depends on, be
    /// the outcome addresses or none: a client that is kept out must not have its empty answer cached for the others,
    /// though RFC 7871 §7.4 would rather have negative answers the same for all. Where both families go into one
    /// answer, `pair` is handed from the first to the second.
    pub(super) fn hand_out(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        index: usize,
        family: Family,
        mut pair: Option<&mut Pair>,
    ) -> Handed {
        let plan = &self.served.names[index];
        let Some(family_plan) = &plan.families[family as usize] else {
            return Handed::Nothing(Reason::Nodata);
        };
        let found = family_plan.classes.table.find(self.placed_by);
        let mut scope_bits = found.scope_bits;
        if family_plan.is_by_network {
            scope_bits =
                scope_bits.max(network_bits(self.placed_by)).max(clear_bits(self.placed_by));
        }
        self.scope_bits = self.scope_bits.max(scope_bits);
        let order = &*family_plan.classes.orders[found.class as usize];
        let dealt = self.snapshot.dealt(family_plan.roster);
        let network = network_hash(self.placed_by);
        let choice = dealt.choose(order, network);
        let mut step = SteeredStep {
            plan,
            family,
            placed_by: self.placed_by,
            class: found.class,
            class_bits: found.scope_bits,
            scope_bits,
            order,
            choice,
            card: None,
        };
        let Choice::Site { tier, site, level } = choice else {
            self.recorder.steered(&step);
            return match choice {
                Choice::Fenced => Handed::Nothing(Reason::Fenced),
                Choice::Nodata => Handed::Nothing(Reason::DownNodata),
                _ => Handed::Failure,
            };
        };
        let dealt_site = dealt.site(tier, site);
        let mut next_turn = || self.turns.next(family_plan.roster, tier, site);
        let turn = match &mut pair {
            Some(pair) => *pair.turn.get_or_insert_with(next_turn),
            None => next_turn(),
        };
        let card = dealt_site.deck.draw(self.random, turn, network);
        step.card = Some(card);
        self.recorder.steered(&step);
        let reason = match level {
            Level::Dead => Reason::FailOpen,
            _ if tier > 0 => Reason::Fallback,
            Level::Trusted => Reason::Steered,
            Level::Degraded | Level::LastResort | Level::Held => Reason::Degraded,
        };
        let card = dealt_site.deck.card(card);
        let paired = pair.map(|pair| pair.positions(tier, dealt_site, card));
        let positions = paired.as_ref().map_or(card, |(positions, count)| &positions[..*count]);
        let addresses = positions.iter().map(|&position| dealt_site.address(position));
        match self.writer.addresses(section, owner, family.rtype(), plan.name.ttl_s, addresses) {
            Ok(()) => {
                self.recorder.handed_out(dealt_site, positions);
                Handed::Addresses(reason)
            }
            Err(_) => Handed::Full(reason),
        }
    }
}

/// How long a prefix of the address holds none of the IPv6 addresses that count as IPv4 networks of their own.
fn clear_bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V6(v6) if embed::embedded(v6.to_bits()).is_none() => {
            embed::clear_bits(v6.to_bits())
        }
        _ => 0,
    }
}
