//! A question and the whole reply to it: record by record, with the header bits that differ from the usual, and the
//! counter that must move. What holds for all replies is in [`Case::fault`].

use super::query::Query;
use super::reply::{Reply, lines};
use super::types::*;

/// A question and its reply.
#[derive(Clone)]
pub struct Case {
    /// What is asked.
    pub query: Query,
    /// The label of the counter that moves.
    pub counted: &'static str,
    what: String,
    rcode: u16,
    authoritative: bool,
    answer: Vec<String>,
    authority: Vec<String>,
    additional: Vec<String>,
    /// With which scope a Client Subnet comes back that was sent; none if it must not.
    scope: Option<u8>,
}

impl Case {
    /// A case that is answered with authority, without error and without records, until more is said.
    pub fn new(name: &str, rtype: u16, counted: &'static str) -> Self {
        Self {
            query: Query::new(name, rtype),
            counted,
            what: format!("{name} {}", type_text(rtype)),
            rcode: NOERROR,
            authoritative: true,
            answer: vec![],
            authority: vec![],
            additional: vec![],
            scope: Some(0),
        }
    }

    /// Changes the query.
    pub fn with(mut self, what: &str, change: impl FnOnce(Query) -> Query) -> Self {
        self.query = change(self.query);
        self.what = format!("{} {what}", self.what);
        self
    }

    /// Records of the answer, one a line, in any order.
    pub fn answer(mut self, records: &str) -> Self {
        self.answer.extend(told(records));
        self
    }

    /// Records of the authority section.
    pub fn authority(mut self, records: &str) -> Self {
        self.authority.extend(told(records));
        self
    }

    /// Records of the additional section, OPT left out.
    pub fn additional(mut self, records: &str) -> Self {
        self.additional.extend(told(records));
        self
    }

    /// The response code.
    pub fn rcode(mut self, rcode: u16) -> Self {
        self.rcode = rcode;
        self
    }

    /// AA is not set.
    pub fn without_authority(mut self) -> Self {
        self.authoritative = false;
        self
    }

    /// The scope with which the Client Subnet comes back; none if it must not. Until that is said, it is 0.
    pub fn scope(mut self, scope: impl Into<Option<u8>>) -> Self {
        self.scope = scope.into();
        self
    }

    /// The counter that moves.
    pub fn counted(mut self, label: &'static str) -> Self {
        self.counted = label;
        self
    }

    /// Holds a reply to the case; `over` says how it came. None if all is right, else everything that is not.
    pub fn fault(&self, reply: &Reply, over: &str) -> Option<String> {
        let mut faults = Vec::new();
        let mut same = |what: &str, found: String, expected: String| {
            if found != expected {
                faults.push(format!("  {what} is not {expected}"));
            }
        };
        same("rcode", reply.rcode().to_string(), self.rcode.to_string());
        same("AA", reply.aa().to_string(), self.authoritative.to_string());
        let sections = [
            ("answer", &reply.answer, &self.answer),
            ("authority", &reply.authority, &self.authority),
            ("additional", &reply.additional, &self.additional),
        ];
        for (section, found, expected) in sections {
            let mut expected = expected.clone();
            expected.sort_unstable();
            same(section, format!("{:#?}", lines(found)), format!("{expected:#?}"));
        }
        faults.extend(self.frame_faults(reply));
        let shown = || format!("{} over {over}:\n{}\n{reply:?}", self.what, faults.join("\n"));
        (!faults.is_empty()).then(shown)
    }

    /// What every reply must keep to.
    fn frame_faults(&self, reply: &Reply) -> Vec<String> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, what: String| {
            if !holds {
                faults.push(format!("  {what}"));
            }
        };
        let query = self.query.bytes();
        let flags_sent = u16::from_be_bytes([query[2], query[3]]);
        // RFC 4035 §3.1.6 has CD cleared in authoritative answers, and AD set only where all is known to be authentic.
        let echoed = 0x7800 | RD;
        must(reply.flags & echoed == flags_sent & echoed, "opcode and RD come back".to_owned());
        let is_clean = !reply.has(RA | Z | AD | CD | TC);
        must(reply.has(QR) && is_clean, "QR, but none of RA, Z, AD, CD and TC".to_owned());
        if self.rcode != FORMERR {
            let question = self.query.question_bytes();
            must(reply.question == question, "the question comes back bit for bit".to_owned());
        }
        // RFC 6891 §7.
        let has_opt = reply.opt.is_some();
        must(has_opt == self.query.has_edns(), "OPT answers OPT and nothing else".to_owned());
        // RFC 7871 §7.2.1: family, source and address come back as sent.
        let sent = self.query.option_sent(OPTION_ECS).filter(|_| self.rcode != FORMERR);
        let subnet =
            sent.zip(self.scope).map(|(sent, scope)| [&sent[..3], &[scope], &sent[4..]].concat());
        must(
            reply.option(OPTION_ECS) == subnet.as_deref(),
            format!("Client Subnet is not {subnet:?}"),
        );
        let options = reply.opt.iter().flat_map(|opt| &opt.options).count();
        must(options == usize::from(subnet.is_some()), format!("{options} options come back"));
        let question = self.query.name_text();
        for record in reply.answer.iter().chain(&reply.authority).chain(&reply.additional) {
            let repeats = question != "." && record.owner.eq_ignore_ascii_case(&question);
            must(!repeats || record.owner_bytes == 2, format!("the owner is no pointer: {record}"));
            must(record.class == CLASS_IN, format!("not of class IN: {record}"));
        }
        let mut distinct = lines(&reply.answer);
        distinct.dedup();
        must(distinct.len() == reply.answer.len(), "no record twice (RFC 2181 §5)".to_owned());
        faults
    }
}

/// Fails with all faults of a run, if there are any.
pub fn expect_none(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n\n{}", faults.len(), faults.join("\n\n"));
}

/// The records of a text, one a line.
fn told(records: &str) -> impl Iterator<Item = String> {
    let lines = records.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(str::to_owned)
}
