//! Steered names against static data: a name's addresses come from one place.

use super::{Findings, Index};
use crate::report::{Finding, Place};
use crate::wire::{Name, Rtype};
use crate::zone::Record;
use std::collections::HashMap;

pub fn check(index: &Index, steered: &[(Name, Place)], findings: &mut Findings) {
    let mut seen: HashMap<&Name, &Place> = HashMap::new();
    for (name, place) in steered {
        if let Some(earlier) = seen.insert(name, place) {
            findings.error(|| {
                Finding::error(format!("{name} is steered twice"))
                    .at_place(place.clone())
                    .help(format!("the first time is at {earlier}"))
            });
        }
        if !name.is_at_or_below(index.origin) {
            findings.error(|| {
                Finding::error(format!(
                    "the steered name {name} lies outside the zone {}",
                    index.origin
                ))
                .at_place(place.clone())
            });
            continue;
        }
        unreachable(index, name, place, findings);
        let Some(node) = index.find(name.as_wire()) else {
            continue;
        };
        let mut reported = Vec::new();
        for record in index.records_of(&index.nodes[node]) {
            // An RRset of many records is one collision.
            if matches!(record.rtype, Rtype::A | Rtype::AAAA | Rtype::CNAME)
                && !reported.contains(&record.rtype)
            {
                reported.push(record.rtype);
                findings.error(|| collision(name, place, record));
            }
        }
    }
}

/// Below a cut or a DNAME, or at a cut, nothing is answered from this zone's data.
fn unreachable(index: &Index, name: &Name, place: &Place, findings: &mut Findings) {
    let (found, what) = match index.dname_above(name.as_wire()) {
        Some(dname) => (Some(dname), "below a DNAME"),
        None => (index.cut_at_or_above(name), "at or below a delegation"),
    };
    if let Some(record) = found {
        findings.error(|| {
            Finding::error(format!(
                "the steered name {name} lies {what} and would never be answered"
            ))
            .at_place(place.clone())
            .help(format!("the {} record of {} is at {}", record.rtype, record.owner, record.place))
        });
    }
}

fn collision(name: &Name, place: &Place, record: &Record) -> Finding {
    Finding::error(format!("{name} is steered, but the zone file gives it {} too", record.rtype))
        .at_place(place.clone())
        .help(format!(
            "remove the {} record at {}, or the steered name",
            record.rtype, record.place
        ))
}
