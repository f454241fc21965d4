//! Queries put together byte by byte: right by default, wrong wherever a test asks for it.

use super::{name, types};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, Ordering};

/// A message to send.
#[derive(Clone, Debug)]
pub struct Query {
    raw: Option<Vec<u8>>,
    id: u16,
    flags: u16,
    counts: [Option<u16>; 4],
    questions: Vec<Question>,
    /// Whole records for answer, authority and additional section.
    records: [Vec<Vec<u8>>; 3],
    opt: Option<QueryOpt>,
    tail: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Question {
    name: Vec<u8>,
    rtype: u16,
    class: u16,
}

#[derive(Clone, Debug)]
struct QueryOpt {
    udp_bytes: u16,
    version: u8,
    flags: u16,
    options: Vec<u8>,
}

/// Ids differ from query to query, so a late reply is never taken for the one that is waited for.
static NEXT_ID: AtomicU16 = AtomicU16::new(0x1234);

/// One record in uncompressed wire form.
pub fn record(owner: &str, rtype: u16, class: u16, ttl_s: u32, rdata: &[u8]) -> Vec<u8> {
    let mut bytes = name::wire(owner);
    bytes.extend_from_slice(&rtype.to_be_bytes());
    bytes.extend_from_slice(&class.to_be_bytes());
    bytes.extend_from_slice(&ttl_s.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(rdata.len()).expect("RDATA below 64 KiB").to_be_bytes());
    bytes.extend_from_slice(rdata);
    bytes
}

impl Query {
    /// A plain query of class IN: no flags, no EDNS, the name in the letter case given.
    pub fn new(name: &str, rtype: u16) -> Self {
        let question = Question { name: name::wire(name), rtype, class: types::CLASS_IN };
        Self {
            raw: None,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            flags: 0,
            counts: [None; 4],
            questions: vec![question],
            records: Default::default(),
            opt: None,
            tail: Vec::new(),
        }
    }

    /// These bytes and nothing else.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { raw: Some(bytes.into()), ..Self::new(".", 0) }
    }

    /// The id that replies must bear.
    pub fn id(mut self, id: u16) -> Self {
        self.id = id;
        self
    }

    /// Sets these header flag bits beside those already set.
    pub fn flags(mut self, flags: u16) -> Self {
        self.flags |= flags;
        self
    }

    /// The four bits of opcode.
    pub fn opcode(mut self, opcode: u8) -> Self {
        self.flags = self.flags & !0x7800 | u16::from(opcode) << 11;
        self
    }

    /// The class of the question.
    pub fn class(mut self, class: u16) -> Self {
        self.questions[0].class = class;
        self
    }

    /// The name of the question in another letter case.
    pub fn case(mut self, name: &str) -> Self {
        self.questions[0].name = name::wire(name);
        self
    }

    /// The name of the question as these bytes, pointers and all.
    pub fn name_bytes(mut self, name: &[u8]) -> Self {
        self.questions[0].name = name.to_vec();
        self
    }

    /// The type of the question.
    pub fn retype(mut self, rtype: u16) -> Self {
        self.questions[0].rtype = rtype;
        self
    }

    /// One more question.
    pub fn also_ask(mut self, name: &str, rtype: u16) -> Self {
        let question = Question { name: name::wire(name), rtype, class: types::CLASS_IN };
        self.questions.push(question);
        self
    }

    /// No question at all.
    pub fn no_question(mut self) -> Self {
        self.questions.clear();
        self
    }

    /// What the header says of a section (0 question … 3 additional), whatever is there.
    pub fn count(mut self, section: usize, count: u16) -> Self {
        self.counts[section] = Some(count);
        self
    }

    /// Adds a record of [`record`]'s making to a section (1 answer … 3 additional), before OPT.
    pub fn with(mut self, section: usize, record: Vec<u8>) -> Self {
        self.records[section - 1].push(record);
        self
    }

    /// EDNS with this UDP payload size.
    pub fn edns(mut self, udp_bytes: u16) -> Self {
        self.opt().udp_bytes = udp_bytes;
        self
    }

    /// EDNS of another version (RFC 6891 §6.1.3).
    pub fn edns_version(mut self, version: u8) -> Self {
        self.opt().version = version;
        self
    }

    /// The 16 flag bits of OPT.
    pub fn edns_flags(mut self, flags: u16) -> Self {
        self.opt().flags = flags;
        self
    }

    /// The DO bit (RFC 3225).
    pub fn dnssec_ok(self) -> Self {
        self.edns_flags(types::DO)
    }

    /// Any EDNS option.
    pub fn option(mut self, code: u16, data: &[u8]) -> Self {
        let length = u16::try_from(data.len()).expect("an option below 64 KiB");
        let options = &mut self.opt().options;
        options.extend_from_slice(&code.to_be_bytes());
        options.extend_from_slice(&length.to_be_bytes());
        options.extend_from_slice(data);
        self
    }

    /// Bytes in OPT that need not be options.
    pub fn option_bytes(mut self, bytes: &[u8]) -> Self {
        self.opt().options.extend_from_slice(bytes);
        self
    }

    /// Client Subnet as a resolver sends it: scope 0, no more address octets than the prefix needs (RFC 7871 §6).
    pub fn ecs(self, prefix: &str) -> Self {
        let (address, length) = prefix.split_once('/').expect("ADDRESS/LENGTH");
        let source: u8 = length.parse().expect("a prefix length");
        let (family, octets) = match address.parse().expect("an address") {
            IpAddr::V4(address) => (1, address.octets().to_vec()),
            IpAddr::V6(address) => (2, address.octets().to_vec()),
        };
        self.ecs_bytes(family, source, 0, &octets[..usize::from(source).div_ceil(8)])
    }

    /// Client Subnet with any values.
    pub fn ecs_bytes(self, family: u16, source: u8, scope: u8, address: &[u8]) -> Self {
        let [high, low] = family.to_be_bytes();
        let data = [&[high, low, source, scope], address].concat();
        self.option(types::OPTION_ECS, &data)
    }

    /// Asks for the server's identity (RFC 5001).
    pub fn nsid(self) -> Self {
        self.option(types::OPTION_NSID, &[])
    }

    /// A cookie (RFC 7873): 8 octets of the client's, or those and the server's.
    pub fn cookie(self, cookie: &[u8]) -> Self {
        self.option(types::OPTION_COOKIE, cookie)
    }

    /// Bytes after the last record.
    pub fn tail(mut self, bytes: &[u8]) -> Self {
        self.tail = bytes.to_vec();
        self
    }

    /// The id that was chosen or given.
    pub fn id_sent(&self) -> u16 {
        self.id
    }

    /// Whether there is an OPT record.
    pub fn has_edns(&self) -> bool {
        self.opt.is_some()
    }

    /// The data of the first option of this code, as sent.
    pub fn option_sent(&self, code: u16) -> Option<&[u8]> {
        let mut rest = &self.opt.as_ref()?.options[..];
        while let [code_high, code_low, length_high, length_low, tail @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
            let (data, tail) = tail.split_at_checked(length)?;
            if u16::from_be_bytes([*code_high, *code_low]) == code {
                return Some(data);
            }
            rest = tail;
        }
        None
    }

    /// The first question's name as presentation text; the root where it is none.
    pub fn name_text(&self) -> String {
        let read = self.questions.first().and_then(|question| name::read(&question.name, 0).ok());
        read.map_or_else(|| ".".to_owned(), |read| read.text)
    }

    /// The first question as sent, name, type and class, to compare bit for bit.
    pub fn question_bytes(&self) -> Vec<u8> {
        self.questions.first().map(Question::bytes).unwrap_or_default()
    }

    /// The message.
    pub fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let counted = |section: usize, counted: usize| {
            self.counts[section].unwrap_or(u16::try_from(counted).expect("a count below 65536"))
        };
        let counts = [
            counted(0, self.questions.len()),
            counted(1, self.records[0].len()),
            counted(2, self.records[1].len()),
            counted(3, self.records[2].len() + usize::from(self.opt.is_some())),
        ];
        let header = [self.id, self.flags, counts[0], counts[1], counts[2], counts[3]];
        let mut bytes: Vec<u8> = header.iter().flat_map(|field| field.to_be_bytes()).collect();
        bytes.extend(self.questions.iter().flat_map(Question::bytes));
        bytes.extend(self.records.iter().flatten().flatten());
        bytes.extend(self.opt.iter().flat_map(QueryOpt::bytes));
        bytes.extend_from_slice(&self.tail);
        bytes
    }

    fn opt(&mut self) -> &mut QueryOpt {
        self.opt.get_or_insert(QueryOpt { udp_bytes: 1232, version: 0, flags: 0, options: vec![] })
    }
}

impl Question {
    fn bytes(&self) -> Vec<u8> {
        [&self.name[..], &self.rtype.to_be_bytes(), &self.class.to_be_bytes()].concat()
    }
}

impl QueryOpt {
    /// The TTL field holds extended rcode, version and flags (RFC 6891 §6.1.3).
    fn bytes(&self) -> Vec<u8> {
        let ttl = u32::from(self.version) << 16 | u32::from(self.flags);
        record(".", types::OPT, self.udp_bytes, ttl, &self.options)
    }
}
