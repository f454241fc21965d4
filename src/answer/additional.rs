//! What helps beside the answer: addresses of the names that records point at, and glue.
//!
//! Only names of the same zone are looked up: others are not this zone's to tell. Addresses that merely help are left
//! out where there is no room; glue without which a delegation cannot be followed sets TC instead (RFC 9471 §3.1).

use super::record::Recorder;
use super::resolve::{Resolver, owner};
use super::steered::{Handed, Pair};
use crate::steer::pool::Family;
use crate::wire::{FoldedName, Owner, Rtype, Section};
use crate::zone::{NodeId, RecordSet, rdata};

/// Different names whose addresses are added to one answer. Glue has no such bound: it is not ours to choose from.
const TARGETS_MAX: usize = 32;

/// The nodes whose addresses have been added.
#[derive(Default)]
struct Added {
    nodes: [Option<NodeId>; TARGETS_MAX],
    count: usize,
}

impl Added {
    /// Whether this node is to be added now: new, and within bounds.
    fn insert(&mut self, node: NodeId) -> bool {
        let is_new = self.count < TARGETS_MAX && !self.nodes[..self.count].contains(&Some(node));
        if is_new {
            self.nodes[self.count] = Some(node);
            self.count += 1;
        }
        is_new
    }

    fn is_full(&self) -> bool {
        self.count == TARGETS_MAX
    }
}

impl<R: Recorder> Resolver<'_, '_, R> {
    /// Adds the addresses of what the records of a set point at, for the types that RFC 1035 §3.3, RFC 2782 and RFC
    /// 9460 §4.1 ask it of. The set is that of `node`, given to `name`.
    pub(super) fn add_targets(
        &mut self,
        name: &FoldedName,
        aliased: bool,
        node: NodeId,
        set: &RecordSet<'_>,
    ) {
        // Beside an answer that has no room nothing helps.
        if self.truncated || !has_targets(set.rtype) {
            return;
        }
        let is_service = matches!(set.rtype, Rtype::SVCB | Rtype::HTTPS);
        let mut added = Added::default();
        for rdata in set.rdatas() {
            let Some(target) = rdata::names(set.rtype, rdata).next().map(|at| &rdata[at]) else {
                continue;
            };
            if is_service && target == [0] {
                // RFC 9460 §2.5: in service mode "." is the owner itself, in alias mode it is nobody.
                if !rdata.starts_with(&[0, 0]) && added.insert(node) {
                    self.add_addresses(owner(name, aliased), node);
                }
                continue;
            }
            if self.other.read(target).is_none() {
                continue;
            }
            let Some(source) = self.source(self.other).filter(|&source| added.insert(source))
            else {
                continue;
            };
            // These are extras: what does not fit is left out without a word.
            self.add_addresses(Owner::Name(target), source);
            if let Some(service) =
                self.served.zone.set(source, set.rtype).filter(|_| is_service && source != node)
            {
                let _ = self.add_set(Owner::Name(target), &service);
            }
            if added.is_full() {
                break;
            }
        }
    }

    /// Adds the addresses of the name servers of a cut. Those at or below it must go in, the others may.
    pub(super) fn add_glue(&mut self, cut: NodeId, servers: &RecordSet<'_>) {
        let zone = &self.served.zone;
        let cut_name = zone.name(cut);
        // Must before may, so that no extra takes the room of what is needed.
        for must in [true, false] {
            for target in servers.rdatas() {
                // A cut referral is asked for again over TCP: what else would fit is of no use.
                if self.truncated {
                    return;
                }
                if self.other.read(target).is_none() {
                    continue;
                }
                let Some(node) = zone.exact(self.other.as_wire()) else {
                    continue;
                };
                if is_at_or_below(zone.name(node), cut_name) == must {
                    let complete = self.add_addresses(Owner::Name(target), node);
                    self.truncated |= must && !complete;
                }
            }
        }
    }

    /// Adds both families of a node; false if not all of them fit.
    fn add_addresses(&mut self, owner: Owner<'_>, node: NodeId) -> bool {
        let mut complete = true;
        let mut pair = Pair::new();
        for family in Family::BOTH {
            if let Some(index) = self.served.zone.steered(node) {
                let scope_bits = self.scope_bits;
                let handed =
                    self.hand_out(Section::Additional, owner, index, family, Some(&mut pair));
                complete &= !matches!(handed, Handed::Full(_));
                if !matches!(handed, Handed::Addresses(_)) {
                    // What is not in the answer does not narrow whom it holds for.
                    self.scope_bits = scope_bits;
                }
            } else if let Some(set) = self.served.zone.set(node, family.rtype()) {
                complete &= self.add_set(owner, &set);
            }
        }
        complete
    }

    fn add_set(&mut self, owner: Owner<'_>, set: &RecordSet<'_>) -> bool {
        self.writer.rrset(Section::Additional, owner, set.rtype, set.ttl_s, set.rdatas()).is_ok()
    }
}

/// Whether records of a type point at names whose addresses are wanted.
fn has_targets(rtype: Rtype) -> bool {
    matches!(
        rtype,
        Rtype::NS | Rtype::MX | Rtype::SRV | Rtype::SVCB | Rtype::HTTPS | Rtype::KX | Rtype::AFSDB
    )
}

/// Whether a name is an ancestor's or below it, both in folded wire form.
fn is_at_or_below(mut name: &[u8], ancestor: &[u8]) -> bool {
    while name.len() > ancestor.len() {
        name = &name[1 + usize::from(name[0])..];
    }
    name == ancestor
}
