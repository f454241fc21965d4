//! Names that others point to, and names that nobody reaches: glue, aliases as targets, data below a cut or a DNAME.

use super::{Findings, Index, ancestors, kind};
use crate::report::Finding;
use crate::wire::{Name, Rtype};
use crate::zone::{Record, rdata};

/// `partial` says that records may be missing because they could not be read.
pub fn check(index: &Index, partial: bool, findings: &mut Findings) {
    // By node: whether an NS record names it, so that its addresses may be glue.
    let mut name_servers = vec![false; index.nodes.len()];
    let points = |record: &&Record| matches!(record.rtype, Rtype::NS | Rtype::MX | Rtype::SRV);
    for record in index.records.iter().filter(points) {
        // What lies outside was refused, and what is never served anyway is spoken of below.
        if !record.owner.is_at_or_below(index.origin)
            || index.cut_above(record.owner.as_wire()).is_some()
        {
            continue;
        }
        let Some(target) = rdata::target(record.rtype, &record.rdata) else {
            continue;
        };
        // A target of `.` says that there is none (RFC 7505 §3, RFC 2782).
        if target.is_at_or_below(index.origin) && !target.is_root() {
            one_target(index, record, &target, partial, findings);
            if record.rtype == Rtype::NS {
                index.find(target.as_wire()).into_iter().for_each(|node| name_servers[node] = true);
            }
        }
    }
    if index.kinds_below_apex & (kind::NS | kind::DNAME) != 0 || index.apex_kinds & kind::DNAME != 0
    {
        unreachable(index, &name_servers, findings);
    }
}

fn one_target(
    index: &Index,
    record: &Record,
    target: &Name,
    partial: bool,
    findings: &mut Findings,
) {
    let kinds = index.kinds(target.as_wire());
    if kinds & kind::CNAME != 0 || index.dname_above(target.as_wire()).is_some() {
        // RFC 2181 §10.3; RFC 2782 for SRV.
        findings.warn(|| {
            Finding::warning(format!(
                "the target {target} of this {} record is an alias",
                record.rtype
            ))
            .at_place(record.place.clone())
            .help("name what the alias stands for; many resolvers do not follow it")
        });
        return;
    }
    if kinds & (kind::ADDRESS | kind::STEERED) != 0 || partial {
        return;
    }
    let own_cut = record.owner != *index.origin && target.is_at_or_below(&record.owner);
    let delegated = index.cut_at_or_above(target);
    match delegated {
        // In-domain name servers cannot be found without glue (RFC 9471 §2.1).
        _ if own_cut && record.rtype == Rtype::NS => no_glue(record, target, findings),
        // Below another delegation the address may be found there; MX and SRV need no glue at all.
        Some(_) if record.rtype != Rtype::NS => {}
        Some(cut) => findings.warn(|| {
            let message = format!("{target} has no address here, and lies below the delegation of {}", cut.owner);
            Finding::warning(message)
                .at_place(record.place.clone())
                .help("add its A or AAAA as glue, unless the other zone is sure to be reachable without it")
        }),
        None if has_wildcard_address(index, target) => {}
        None if record.rtype == Rtype::NS => no_glue(record, target, findings),
        None => findings.warn(|| {
            Finding::warning(format!("the target {target} of this {} record has no address", record.rtype))
                .at_place(record.place.clone())
                .help("add an A or AAAA record, or end the name in a dot if it is one outside the zone")
        }),
    }
}

fn no_glue(record: &Record, target: &Name, findings: &mut Findings) {
    findings.error(|| {
        Finding::error(format!("the name server {target} has no address in this zone"))
            .at_place(record.place.clone())
            .help(format!("add its glue: {target} A or AAAA; a name server elsewhere is written with a final dot"))
    });
}

/// Whether a wildcard above may give the name an address.
fn has_wildcard_address(index: &Index, target: &Name) -> bool {
    ancestors(target.as_wire(), index.origin).any(|ancestor| {
        let wildcard = [b"\x01*", ancestor].concat();
        index.kinds(&wildcard) & (kind::ADDRESS | kind::STEERED) != 0
    })
}

/// Data that is never served: below a cut and no glue, at a cut and not the parent's to say, below a DNAME.
fn unreachable(index: &Index, name_servers: &[bool], findings: &mut Findings) {
    for (node, &glue) in index.nodes.iter().zip(name_servers) {
        let Some(first) = index.records_of(node).next() else {
            continue;
        };
        let wire = first.owner.as_wire();
        if let Some(dname) = index.dname_above(wire) {
            // RFC 6672 §2.4. The NSEC3 chain of a zone whose apex is redirected has nowhere else to be.
            let proof = |record: &Record| matches!(record.rtype, Rtype::NSEC3 | Rtype::RRSIG);
            for record in index.records_of(node).filter(|record| !proof(record)) {
                findings.error(|| {
                    let message = format!(
                        "{} lies below a DNAME, which redirects every name below it",
                        record.owner
                    );
                    Finding::error(message)
                        .at_place(record.place.clone())
                        .help(format!("the DNAME of {} is at {}", dname.owner, dname.place))
                });
            }
            continue;
        }
        let above = index.cut_above(wire);
        let Some(cut) = index.cut_at_or_above(&first.owner) else {
            continue;
        };
        let served = |record: &Record| match record.rtype {
            Rtype::A | Rtype::AAAA => glue,
            // RFC 4035 §2.2 to §2.4. What cannot stand at a cut at all was refused before.
            Rtype::NS | Rtype::DS | Rtype::NSEC | Rtype::RRSIG => above.is_none(),
            Rtype::CNAME | Rtype::DNAME | Rtype::SOA => above.is_none(),
            _ => false,
        };
        for record in index.records_of(node).filter(|record| !served(record)) {
            findings.warn(|| occluded(record, cut));
        }
    }
}

fn occluded(record: &Record, cut: &Record) -> Finding {
    let message = format!(
        "this {} record is never served: {} is delegated, and it is no glue",
        record.rtype, cut.owner
    );
    Finding::warning(message).at_place(record.place.clone()).help(format!(
        "the delegation is at {}; the record belongs in the delegated zone",
        cut.place
    ))
}
