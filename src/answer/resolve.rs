//! From a name and a type to records: the search of RFC 1034 §4.3.2, with wildcards as RFC 4592 has them, DNAME as RFC
//! 6672, aliases with the last name's response code as RFC 6604.

use super::outcome::Reason;
use super::record::Recorder;
use super::scratch::Turns;
use super::steered::Handed;
use crate::snapshot::{ServedZone, Snapshot};
use crate::steer::pool::Family;
use crate::wire::{FoldedName, Owner, Rtype, Section, Writer, folded, rcode};
use crate::zone::{Found, NodeId, RecordSet};
use std::net::IpAddr;

/// Aliases that are followed for one query; who needs more has made a loop.
const ALIASES_MAX: usize = 16;
/// TTL of the brief answer to a query for everything, in seconds.
const ANY_TTL_S: u32 = 3600;
/// RDATA of the HINFO record that RFC 8482 §4.2 suggests.
const ANY_RDATA: &[u8] = b"\x07RFC8482\0";

/// What the header of a response says.
pub(super) struct Verdict {
    pub(super) rcode: u16,
    pub(super) reason: Reason,
    pub(super) authoritative: bool,
}

fn authoritative(rcode: u16, reason: Reason) -> Verdict {
    Verdict { rcode, reason, authoritative: true }
}

/// One query on its way through one zone.
pub(super) struct Resolver<'a, 'r, R> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) served: &'a ServedZone,
    pub(super) writer: Writer<'r>,
    pub(super) qtype: Rtype,
    pub(super) dnssec_ok: bool,
    pub(super) placed_by: IpAddr,
    pub(super) random: u64,
    pub(super) other: &'r mut FoldedName,
    pub(super) turns: &'r mut Turns,
    pub(super) recorder: &'r mut R,
    /// The aliases followed so far.
    pub(super) chain: &'r mut Chain,
    /// The longest scope that any part of the answer needs, in bits.
    pub(super) scope_bits: u8,
    pub(super) truncated: bool,
}

/// The way that aliases have led: it ends where it comes round, and no record is told twice (RFC 2181 §5).
#[derive(Default)]
pub(super) struct Chain {
    /// Hashes of the names left behind.
    names: [u64; ALIASES_MAX + 1],
    /// The DNAMEs told.
    dnames: [Option<NodeId>; ALIASES_MAX + 1],
    length: usize,
}

impl Chain {
    /// Forgets the query before. What was noted of it stays, unread: clearing would cost every query what only aliases
    /// use.
    pub(super) fn begin(&mut self) -> &mut Self {
        self.length = 0;
        self
    }

    /// Goes on from `name`, redirected by that DNAME if it was one; whether the DNAME is to be told.
    fn leave(&mut self, name: &FoldedName, dname: Option<NodeId>) -> bool {
        let is_new = !self.dnames[..self.length].contains(&dname);
        self.names[self.length] = folded::hash(name.as_wire());
        self.dnames[self.length] = dname;
        self.length += 1;
        is_new
    }

    /// Whether the chain has been there before, or is longer than any that ends.
    fn ends_at(&self, name: &FoldedName) -> bool {
        self.length > ALIASES_MAX
            || self.names[..self.length].contains(&folded::hash(name.as_wire()))
    }
}

/// Where a name leads.
enum Step {
    Done(Verdict),
    /// Through an alias to the name that is now in hand.
    Alias,
}

impl<R: Recorder> Resolver<'_, '_, R> {
    /// Answers for `name`, which lies at or below the zone's apex. Afterwards `name` holds the last name of the chain.
    pub(super) fn resolve(&mut self, name: &mut FoldedName) -> Verdict {
        loop {
            match self.step(name, self.chain.length > 0) {
                Step::Done(verdict) => return verdict,
                Step::Alias => self.recorder.alias(name.as_wire()),
            }
            if !self.is_inside(name) || self.chain.ends_at(name) {
                return authoritative(rcode::NOERROR, Reason::Alias);
            }
        }
    }

    /// Whether the name lies at or below the apex.
    fn is_inside(&self, name: &FoldedName) -> bool {
        let apex = self.served.zone.apex();
        let above = name.label_count().checked_sub(apex.label_count());
        above.is_some_and(|skip| name.suffix(skip) == apex.as_wire())
    }

    /// The node whose data is that of a name which no alias, DNAME or cut stands before: its own, or a wildcard.
    pub(super) fn source(&self, name: &FoldedName) -> Option<NodeId> {
        let zone = &self.served.zone;
        let found = self.is_inside(name).then(|| zone.find(name, 0))?;
        let (Found::Exact(node) | Found::Below(node)) = found;
        match found {
            _ if zone.cover(node).is_some() => None,
            Found::Exact(node) => Some(node),
            Found::Below(node) if zone.has_dname(node) => None,
            Found::Below(node) => zone.wildcard(node),
        }
    }

    fn step(&mut self, name: &mut FoldedName, aliased: bool) -> Step {
        let zone = &self.served.zone;
        let found = zone.find(name, 0);
        let (Found::Exact(node) | Found::Below(node)) = found;
        let exact = matches!(found, Found::Exact(_));
        let cover = zone.cover(node);
        if let Some(cut) = cover.filter(|&cover| zone.is_cut(cover)) {
            // DS lives on this side of the cut (RFC 4035 §3.1.4.1).
            let is_parents = self.qtype == Rtype::DS && exact && cut == node;
            if !is_parents {
                return Step::Done(self.referral(name, aliased, cut));
            }
        }
        let cover = cover.filter(|&cover| !zone.is_cut(cover));
        if let Some(dname) = cover.or((!exact && zone.has_dname(node)).then_some(node)) {
            return self.substitute(name, aliased, dname);
        }
        match if exact { Some(node) } else { zone.wildcard(node) } {
            Some(source) => self.at_node(name, aliased, source),
            None => {
                self.negative();
                Step::Done(authoritative(rcode::NXDOMAIN, Reason::NxDomain))
            }
        }
    }

    /// The data of a node, given to the name in hand: the node's own, or one that a wildcard stands in for.
    fn at_node(&mut self, name: &mut FoldedName, aliased: bool, node: NodeId) -> Step {
        let zone = &self.served.zone;
        if let (Some(index), Some(family)) = (zone.steered(node), Family::of(self.qtype)) {
            return Step::Done(self.steered_answer(name, aliased, index, family));
        }
        if self.qtype == Rtype::ANY {
            return Step::Done(self.everything(name, aliased, node));
        }
        if let Some(set) = zone.set(node, self.qtype) {
            self.answer_set(owner(name, aliased), &set);
            self.add_targets(name, aliased, node, &set);
            return Step::Done(authoritative(rcode::NOERROR, Reason::Static));
        }
        let Some(alias) = zone.set(node, Rtype::CNAME) else {
            self.negative();
            return Step::Done(authoritative(rcode::NOERROR, Reason::Nodata));
        };
        self.answer_set(owner(name, aliased), &alias);
        self.chain.leave(name, None);
        match alias.rdatas().next().and_then(|target| name.read(target)) {
            Some(_) if !self.truncated => Step::Alias,
            _ => Step::Done(authoritative(rcode::NOERROR, Reason::Alias)),
        }
    }

    fn steered_answer(
        &mut self,
        name: &FoldedName,
        aliased: bool,
        index: usize,
        family: Family,
    ) -> Verdict {
        match self.hand_out(Section::Answer, owner(name, aliased), index, family, None) {
            Handed::Addresses(reason) => authoritative(rcode::NOERROR, reason),
            Handed::Full(reason) => {
                self.truncated = true;
                authoritative(rcode::NOERROR, reason)
            }
            Handed::Nothing(reason) => {
                self.negative();
                authoritative(rcode::NOERROR, reason)
            }
            Handed::Failure => Verdict {
                rcode: rcode::SERVFAIL,
                reason: Reason::DownServfail,
                authoritative: false,
            },
        }
    }

    /// RFC 8482: an alias is told, anything else is told in brief; a name with nothing at all has no data. Where HINFO
    /// is the name's own, that is told: a made one would hide it in caches.
    fn everything(&mut self, name: &FoldedName, aliased: bool, node: NodeId) -> Verdict {
        let zone = &self.served.zone;
        if let Some(set) = zone.set(node, Rtype::CNAME).or_else(|| zone.set(node, Rtype::HINFO)) {
            self.answer_set(owner(name, aliased), &set);
            return authoritative(rcode::NOERROR, Reason::Any);
        }
        if zone.steered(node).is_none() && zone.sets(node).next().is_none() {
            self.negative();
            return authoritative(rcode::NOERROR, Reason::Nodata);
        }
        let rdata = std::iter::once(ANY_RDATA);
        let owner = owner(name, aliased);
        self.truncated |=
            self.writer.rrset(Section::Answer, owner, Rtype::HINFO, ANY_TTL_S, rdata).is_err();
        authoritative(rcode::NOERROR, Reason::Any)
    }

    /// A DNAME above the name: the DNAME itself, the CNAME that it makes, and on to the new name (RFC 6672 §3.2).
    fn substitute(&mut self, name: &mut FoldedName, aliased: bool, node: NodeId) -> Step {
        let zone = &self.served.zone;
        let Some(set) = zone.set(node, Rtype::DNAME) else {
            return Step::Done(authoritative(rcode::SERVFAIL, Reason::Alias));
        };
        let kept = name.label_count() - labels(zone.name(node));
        let dname_owner = if aliased {
            Owner::Name(zone.name(node))
        } else {
            Owner::QuestionSuffix(name.start(kept))
        };
        if self.chain.leave(name, Some(node)) {
            self.answer_set(dname_owner, &set);
        }
        let target = set.rdatas().next().unwrap_or(&[0]);
        if !self.other.substitute(name, kept, target) {
            return Step::Done(authoritative(rcode::YXDOMAIN, Reason::TooLong));
        }
        let cname = std::iter::once(self.other.as_wire());
        let owner = owner(name, aliased);
        self.truncated |=
            self.writer.rrset(Section::Answer, owner, Rtype::CNAME, set.ttl_s, cname).is_err();
        std::mem::swap(name, self.other);
        match self.qtype {
            // The CNAME is what was asked for.
            Rtype::CNAME | Rtype::ANY => Step::Done(authoritative(rcode::NOERROR, Reason::Static)),
            _ if self.truncated => Step::Done(authoritative(rcode::NOERROR, Reason::Alias)),
            _ => Step::Alias,
        }
    }

    /// The zone is another's from `cut` on: its name servers, DS if wanted, and glue (RFC 1034 §4.3.2 step 3b). AA
    /// tells of the question's own name (RFC 1035 §4.1.1), and so holds where an alias of this zone led to the cut.
    fn referral(&mut self, name: &FoldedName, aliased: bool, cut: NodeId) -> Verdict {
        let zone = &self.served.zone;
        let above = name.label_count() - labels(zone.name(cut));
        let owner = if aliased {
            Owner::Name(zone.name(cut))
        } else {
            Owner::QuestionSuffix(name.start(above))
        };
        if let Some(servers) = zone.set(cut, Rtype::NS) {
            self.authority_set(owner, &servers);
            if let Some(ds) = zone.set(cut, Rtype::DS).filter(|_| self.dnssec_ok) {
                self.authority_set(owner, &ds);
            }
            self.add_glue(cut, &servers);
        }
        let reason = if aliased { Reason::Alias } else { Reason::Referral };
        Verdict { rcode: rcode::NOERROR, reason, authoritative: aliased }
    }

    /// The SOA that says for how long there is nothing (RFC 2308 §3).
    fn negative(&mut self) {
        let zone = &self.served.zone;
        let Some(soa) = zone.set(zone.apex_node(), Rtype::SOA) else {
            return;
        };
        let minimum = soa
            .rdatas()
            .next()
            .and_then(|rdata| rdata.last_chunk())
            .map(|bytes| u32::from_be_bytes(*bytes));
        let ttl_s = soa.ttl_s.min(minimum.unwrap_or(soa.ttl_s));
        let owner = Owner::Name(zone.apex().as_wire());
        self.truncated |=
            self.writer.rrset(Section::Authority, owner, Rtype::SOA, ttl_s, soa.rdatas()).is_err();
    }

    fn answer_set(&mut self, owner: Owner<'_>, set: &RecordSet<'_>) {
        self.truncated |=
            self.writer.rrset(Section::Answer, owner, set.rtype, set.ttl_s, set.rdatas()).is_err();
    }

    fn authority_set(&mut self, owner: Owner<'_>, set: &RecordSet<'_>) {
        self.truncated |= self
            .writer
            .rrset(Section::Authority, owner, set.rtype, set.ttl_s, set.rdatas())
            .is_err();
    }
}

/// Who owns the records found for the name in hand: the question's own name, or where an alias has led to.
pub(super) fn owner(name: &FoldedName, aliased: bool) -> Owner<'_> {
    if aliased { Owner::Name(name.as_wire()) } else { Owner::Question }
}

/// How many labels a name of a zone has.
fn labels(wire: &[u8]) -> usize {
    let mut at = 0;
    let mut labels = 0;
    while wire[at] != 0 {
        at += 1 + usize::from(wire[at]);
        labels += 1;
    }
    labels
}
