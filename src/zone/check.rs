//! Whether the records of a zone make sense together.
//!
//! One pass lists the names and what they own; then every name is looked at by itself (`sets`), as a target of others
//! or below a zone cut (`targets`), and every steered name against what is static (`steered`). An error is what cannot
//! be served rightly; a warning is what is served, but hardly as it was meant. Every finding stands at the record that
//! gives rise to it. What concerns other zones (does the target of this MX exist out there?) is not looked at.

mod sets;
mod steered;
mod targets;
#[cfg(test)]
mod tests;

use super::Record;
use super::text::ReadZone;
use crate::report::{Finding, Place, Report, Severity, Source};
use crate::wire::{Name, Rtype};
use std::collections::HashMap;
use std::sync::Arc;

/// How many errors, and how many warnings, of one zone are shown; the rest is counted.
pub const FINDINGS_MAX: usize = 100;

/// Reports what is wrong with the `zone` of apex `origin`, some of whose names are `steered`.
pub fn check(origin: &Name, zone: &ReadZone, steered: &[(Name, Place)], report: &mut Report) {
    let records = &zone.records;
    let partial = could_not_be_read(records, report);
    let mut findings = Findings::new(report);
    let index = Index::new(origin, records, steered, &mut findings);
    if !partial {
        apex(&index, zone.beginning.as_ref(), &mut findings);
    }
    sets::check(&index, &mut findings);
    targets::check(&index, partial, &mut findings);
    steered::check(&index, steered, &mut findings);
    findings.close(origin);
}

/// Whether the files of the zone have errors, so that what is missing may be what could not be read.
fn could_not_be_read(records: &[Record], report: &Report) -> bool {
    let mut sources: Vec<&Arc<Source>> = Vec::new();
    for Record { place, .. } in records {
        // Records of one file follow one another.
        if !sources.last().is_some_and(|last| Arc::ptr_eq(last, &place.source)) {
            sources.push(&place.source);
        }
    }
    let read = |place: &Place| sources.iter().any(|source| Arc::ptr_eq(source, &place.source));
    report.findings.iter().any(|finding| {
        finding.severity == Severity::Error
            && finding.place.as_ref().is_none_or(|place| records.is_empty() || read(place))
    })
}

fn apex(index: &Index, beginning: Option<&Place>, findings: &mut Findings) {
    let apex = index.find(index.origin.as_wire());
    let owns = |kind| apex.is_some_and(|node| index.nodes[node].kinds & kind != 0);
    let mut missing = |kind, what: &str, help: &str| {
        if !owns(kind) {
            findings.error(|| {
                let message = format!("the zone {} has no {what}", index.origin);
                let finding = Finding::error(message).help(help);
                match beginning {
                    Some(place) => finding.at_place(place.clone()),
                    None => finding,
                }
            });
        }
    };
    let soa = "begin with one: @ SOA PRIMARY MAILBOX ( SERIAL REFRESH RETRY EXPIRE MINIMUM )";
    missing(kind::SOA, "SOA record", soa);
    missing(kind::NS, "NS record at its apex", "list its name servers: @ NS ns1.example.net.");
}

/// What a name owns, as bits.
mod kind {
    use crate::wire::Rtype;

    pub const ADDRESS: u8 = 1;
    pub const CNAME: u8 = 2;
    pub const DNAME: u8 = 4;
    pub const NS: u8 = 8;
    pub const SOA: u8 = 16;
    /// Its addresses come from a pool.
    pub const STEERED: u8 = 32;

    pub fn of(rtype: Rtype) -> u8 {
        match rtype {
            Rtype::A | Rtype::AAAA => ADDRESS,
            Rtype::CNAME => CNAME,
            Rtype::DNAME => DNAME,
            Rtype::NS => NS,
            Rtype::SOA => SOA,
            _ => 0,
        }
    }
}

/// One owner name.
struct Node {
    kinds: u8,
    /// Its records, linked through [`Index::next`]; none for a name that is only steered.
    first: u32,
    last: u32,
}

/// The end of a list of records.
const END: u32 = u32::MAX;

/// The names of the zone and what they own. Names are keyed by wire form, so that an ancestor is a slice of its child.
struct Index<'a> {
    origin: &'a Name,
    records: &'a [Record],
    /// In order of first appearance.
    nodes: Vec<Node>,
    by_name: HashMap<&'a [u8], u32>,
    /// For each record the next one of the same owner.
    next: Vec<u32>,
    /// What any name below the apex owns, as bits: a zone without cuts need not look for them.
    kinds_below_apex: u8,
    apex_kinds: u8,
}

impl<'a> Index<'a> {
    fn new(
        origin: &'a Name,
        records: &'a [Record],
        steered: &'a [(Name, Place)],
        findings: &mut Findings,
    ) -> Self {
        let mut index = Self {
            origin,
            records,
            nodes: Vec::new(),
            by_name: HashMap::with_capacity(records.len()),
            next: vec![END; records.len()],
            kinds_below_apex: 0,
            apex_kinds: 0,
        };
        let mut before: Option<(&Name, usize)> = None;
        // Positions are 32 bits: 4 GiB of text hold fewer records than that.
        for (at, record) in (0..END).zip(records) {
            let node = match before {
                Some((owner, node)) if *owner == record.owner => node,
                _ if !record.owner.is_at_or_below(origin) => {
                    findings.error(|| out_of_zone(record, origin));
                    continue;
                }
                _ => index.node(&record.owner),
            };
            before = Some((&record.owner, node));
            index.append(node, at, kind::of(record.rtype));
        }
        for (name, _) in steered.iter().filter(|(name, _)| name.is_at_or_below(origin)) {
            let node = index.node(name);
            index.nodes[node].kinds |= kind::STEERED;
        }
        index
    }

    fn node(&mut self, name: &'a Name) -> usize {
        let new = self.nodes.len() as u32;
        let node = *self.by_name.entry(name.as_wire()).or_insert(new);
        if node == new {
            self.nodes.push(Node { kinds: 0, first: END, last: END });
        }
        node as usize
    }

    fn append(&mut self, node: usize, at: u32, kind: u8) {
        let node = &mut self.nodes[node];
        node.kinds |= kind;
        match node.last {
            END => node.first = at,
            last => self.next[last as usize] = at,
        }
        node.last = at;
        if self.records[at as usize].owner == *self.origin {
            self.apex_kinds |= kind;
        } else {
            self.kinds_below_apex |= kind;
        }
    }

    /// The records of a name, in the order of the text.
    fn records_of(&self, node: &Node) -> impl Iterator<Item = &'a Record> + '_ {
        let mut at = node.first;
        std::iter::from_fn(move || {
            let record = self.records.get(at as usize)?;
            at = self.next[at as usize];
            Some(record)
        })
    }

    fn find(&self, wire: &[u8]) -> Option<usize> {
        self.by_name.get(wire).map(|node| *node as usize)
    }

    fn kinds(&self, wire: &[u8]) -> u8 {
        self.find(wire).map_or(0, |node| self.nodes[node].kinds)
    }

    /// The zone cut highest above a name: whatever lies below it belongs to another zone.
    fn cut_above(&self, wire: &[u8]) -> Option<&'a Record> {
        if self.kinds_below_apex & kind::NS == 0 {
            return None;
        }
        let below_apex =
            ancestors(wire, self.origin).filter(|ancestor| *ancestor != self.origin.as_wire());
        let found = below_apex.filter(|ancestor| self.kinds(ancestor) & kind::NS != 0).last()?;
        self.first_of(found, Rtype::NS)
    }

    /// The zone cut that a name is at, or that is highest above it.
    fn cut_at_or_above(&self, name: &Name) -> Option<&'a Record> {
        let own = || self.first_of(name.as_wire(), Rtype::NS).filter(|_| name != self.origin);
        self.cut_above(name.as_wire()).or_else(own)
    }

    /// The DNAME highest above a name, which redirects it (RFC 6672 §2.2).
    fn dname_above(&self, wire: &[u8]) -> Option<&'a Record> {
        if (self.kinds_below_apex | self.apex_kinds) & kind::DNAME == 0 {
            return None;
        }
        let found =
            ancestors(wire, self.origin).filter(|ancestor| self.kinds(ancestor) & kind::DNAME != 0);
        self.first_of(found.last()?, Rtype::DNAME)
    }

    fn first_of(&self, wire: &[u8], rtype: Rtype) -> Option<&'a Record> {
        let node = &self.nodes[self.find(wire)?];
        self.records_of(node).find(|record| record.rtype == rtype)
    }
}

/// The names above one, nearest first, up to the origin. `wire` must be the origin or below it.
fn ancestors<'n>(wire: &'n [u8], origin: &Name) -> impl Iterator<Item = &'n [u8]> + use<'n> {
    let least = origin.as_wire().len();
    let mut rest = wire;
    std::iter::from_fn(move || {
        rest = rest.get(1 + usize::from(*rest.first()?)..)?;
        (rest.len() >= least && !rest.is_empty()).then_some(rest)
    })
}

fn out_of_zone(record: &Record, origin: &Name) -> Finding {
    let message = format!("{} lies outside the zone {origin}", record.owner);
    Finding::error(message).at_place(record.place.clone()).help(format!(
        "every owner ends in .{origin}; one without a final dot gets the $ORIGIN of its line"
    ))
}

/// The findings so far, and how many there are of each severity, shown or not.
struct Findings<'r> {
    report: &'r mut Report,
    /// How many findings the report had before.
    before: usize,
    errors: usize,
    warnings: usize,
}

impl<'r> Findings<'r> {
    fn new(report: &'r mut Report) -> Self {
        let before = report.findings.len();
        Self { report, before, errors: 0, warnings: 0 }
    }

    /// Adds an error, made only if it is to be shown: naming a place means counting the lines before it.
    fn error(&mut self, finding: impl FnOnce() -> Finding) {
        self.errors += 1;
        if self.errors <= FINDINGS_MAX {
            self.report.push(finding());
        }
    }

    /// Adds a warning likewise.
    fn warn(&mut self, finding: impl FnOnce() -> Finding) {
        self.warnings += 1;
        if self.warnings <= FINDINGS_MAX {
            self.report.push(finding());
        }
    }

    /// Puts the findings in the order of the text, and counts those that are not shown.
    fn close(self, origin: &Name) {
        self.report.findings[self.before..].sort_by(|one, other| {
            let key = |finding: &Finding| finding.place.as_ref().map(|place| place.span.start);
            let path =
                |finding: &Finding| finding.place.as_ref().map(|place| place.source.path.clone());
            path(one).cmp(&path(other)).then(key(one).cmp(&key(other)))
        });
        if self.errors > FINDINGS_MAX {
            let message = format!("zone {origin}: and {} more errors", self.errors - FINDINGS_MAX);
            self.report.push(Finding::error(message));
        }
        if self.warnings > FINDINGS_MAX {
            let message =
                format!("zone {origin}: and {} more warnings", self.warnings - FINDINGS_MAX);
            self.report.push(Finding::warning(message));
        }
    }
}
