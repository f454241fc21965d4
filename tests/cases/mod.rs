//! What an authoritative server owes its clients, as a table: questions to the zones of [`zones`], and the whole reply.
//!
//! Every case runs over every transport and family. A case names the sections record by record, the header bits that
//! differ from the usual, and the counter that must move. What holds for all replies is in [`Case::check`].

mod aliases;
mod data;
mod delegation;
mod protocol;
pub mod zones;

use crate::kit::query::Query;
use crate::kit::reply::{Reply, lines};
use crate::kit::types::*;

/// All cases.
pub fn all() -> Vec<Case> {
    [data::cases(), aliases::cases(), delegation::cases(), protocol::cases()].concat()
}

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
}

/// A case that is answered with authority, without error and without records, until more is said.
pub fn ask(name: &str, rtype: u16) -> Case {
    Case {
        query: Query::new(name, rtype),
        counted: "static",
        what: format!("{name} {}", type_text(rtype)),
        rcode: NOERROR,
        authoritative: true,
        answer: vec![],
        authority: vec![],
        additional: vec![],
    }
}

impl Case {
    /// Changes the query.
    pub fn with(mut self, what: &str, change: impl FnOnce(Query) -> Query) -> Self {
        self.query = change(self.query);
        self.what = format!("{} {what}", self.what);
        self
    }

    /// Records of the answer, one a line, in any order.
    pub fn answer(mut self, records: &str) -> Self {
        self.answer = sorted(records);
        self
    }

    /// Records of the authority section.
    pub fn authority(mut self, records: &str) -> Self {
        self.authority = sorted(records);
        self
    }

    /// Records of the additional section, OPT left out.
    pub fn additional(mut self, records: &str) -> Self {
        self.additional = sorted(records);
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

    /// The counter that moves.
    pub fn counted(mut self, label: &'static str) -> Self {
        self.counted = label;
        self
    }

    /// The name exists, the type does not (RFC 2308 §2.2).
    pub fn nodata(self) -> Self {
        self.authority(zones::NEGATIVE_SOA).counted("nodata")
    }

    /// The name does not exist (RFC 2308 §2.1).
    pub fn nxdomain(self) -> Self {
        self.authority(zones::NEGATIVE_SOA).rcode(NXDOMAIN).counted("nxdomain")
    }

    /// Holds a reply to the case; `over` says how it came.
    pub fn check(&self, reply: &Reply, over: &str) {
        let context = format!("{} over {over}: {reply:?}", self.what);
        assert_eq!(reply.rcode(), self.rcode, "rcode of {context}");
        assert_eq!(lines(&reply.answer), self.answer, "answer of {context}");
        assert_eq!(lines(&reply.authority), self.authority, "authority of {context}");
        assert_eq!(lines(&reply.additional), self.additional, "additional of {context}");
        assert_eq!(reply.aa(), self.authoritative, "AA of {context}");
        self.check_frame(reply, &context);
    }

    /// What every reply must keep to.
    fn check_frame(&self, reply: &Reply, context: &str) {
        let query = self.query.bytes();
        let sent = |at: usize| u16::from_be_bytes([query[at], query[at + 1]]);
        // Opcode and RD come back, CD too (RFC 4035 §3.1.6); RA, Z and AD never do from a server without recursion and
        // signatures.
        let echoed = 0x7800 | RD | CD;
        assert_eq!(reply.flags & echoed, sent(2) & echoed, "echoed flags of {context}");
        assert!(reply.has(QR), "QR of {context}");
        assert!(!reply.has(RA | Z | AD | TC), "RA, Z, AD or TC of {context}");
        let is_readable = self.rcode != FORMERR;
        assert!(!is_readable || reply.question == self.query.question_bytes(), "question of {context}");
        // RFC 6891 §7: OPT answers OPT and only OPT.
        assert_eq!(reply.opt.is_some(), is_readable && self.query.has_edns(), "OPT of {context}");
        // RFC 7871 §7.2.1: family, source and address come back as sent; the scope of static data is 0.
        if let Some(sent) = self.query.option_sent(OPTION_ECS).filter(|_| is_readable) {
            let expected = [&sent[..3], &[0], &sent[4..]].concat();
            assert_eq!(reply.option(OPTION_ECS), Some(&expected[..]), "ECS of {context}");
        }
        let question = self.query.name_text();
        for record in reply.answer.iter().chain(&reply.authority).chain(&reply.additional) {
            let repeats = record.owner.eq_ignore_ascii_case(&question) && question != ".";
            assert!(!repeats || record.owner_bytes == 2, "uncompressed {record} of {context}");
            assert_eq!(record.class, CLASS_IN, "class of {record} of {context}");
        }
        let mut answer = lines(&reply.answer);
        answer.dedup();
        assert_eq!(answer.len(), reply.answer.len(), "a record twice (RFC 2181 §5) of {context}");
    }
}

fn sorted(records: &str) -> Vec<String> {
    let lines = records.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}
