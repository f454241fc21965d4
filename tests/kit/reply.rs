//! Replies taken apart: every bit that a test may want to look at, and nothing forgiven on the way.

use super::{name, rdata, types};
use hickory_proto::op::Message;
use std::fmt;

/// A reply.
#[derive(Clone)]
pub struct Reply {
    /// All of it.
    pub bytes: Vec<u8>,
    /// The id.
    pub id: u16,
    /// The 16 flag bits, opcode and low rcode among them.
    pub flags: u16,
    /// The question section, bit for bit.
    pub question: Vec<u8>,
    /// Answer section.
    pub answer: Vec<Rr>,
    /// Authority section.
    pub authority: Vec<Rr>,
    /// Additional section without OPT.
    pub additional: Vec<Rr>,
    /// EDNS.
    pub opt: Option<Opt>,
}

/// A record.
#[derive(Clone, PartialEq, Eq)]
pub struct Rr {
    /// Owner in the letter case received, with the final dot.
    pub owner: String,
    /// Octets that the owner takes up in the message: 2 where it is nothing but a pointer.
    pub owner_bytes: usize,
    /// Type number.
    pub rtype: u16,
    /// Class number.
    pub class: u16,
    /// Time to live.
    pub ttl_s: u32,
    /// RDATA in presentation form.
    pub data: String,
}

/// The OPT record (RFC 6891 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opt {
    /// The size that the server can take.
    pub udp_bytes: u16,
    /// The high eight bits of the rcode.
    pub rcode_high: u8,
    /// EDNS version.
    pub version: u8,
    /// DO and the reserved bits.
    pub flags: u16,
    /// Code and data, in order.
    pub options: Vec<(u16, Vec<u8>)>,
}

/// The Client Subnet option (RFC 7871 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ecs {
    /// 1 IPv4, 2 IPv6.
    pub family: u16,
    /// Source prefix length.
    pub source: u8,
    /// Scope prefix length.
    pub scope: u8,
    /// As many octets as were sent.
    pub address: Vec<u8>,
}

impl Reply {
    /// Takes a reply apart; panics, showing the bytes, where this reader or hickory's finds fault with it.
    pub fn of(bytes: &[u8]) -> Self {
        Self::decode(bytes).unwrap_or_else(|fault| panic!("{fault}: {}", rdata::hex(bytes)))
    }

    /// Takes a reply apart.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let reply = Self::decode_alone(bytes)?;
        // hickory reads no Client Subnet of family 0, which is what opting out without a family looks like.
        if reply.option(types::OPTION_ECS).is_some_and(|subnet| subnet.starts_with(&[0, 0])) {
            return Ok(reply);
        }
        let hickory = Message::from_vec(bytes).map_err(|error| format!("hickory: {error}"))?;
        let theirs = [hickory.answers.len(), hickory.authorities.len(), hickory.additionals.len()];
        let ours = [reply.answer.len(), reply.authority.len(), reply.additional.len()];
        if ours != theirs {
            return Err(format!("hickory sees {theirs:?} records where we see {ours:?}"));
        }
        if u16::from(hickory.metadata.response_code) != reply.rcode() {
            return Err(format!("hickory sees rcode {}", hickory.metadata.response_code));
        }
        Ok(reply)
    }

    /// Takes a reply apart without a second opinion.
    pub fn decode_alone(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < 12 {
            return Err(format!("{} octets are no header", bytes.len()));
        }
        let field = |at: usize| u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]);
        let mut at = 12;
        for _ in 0..field(2) {
            at = name::read(bytes, at)?.end + 4;
        }
        let question = bytes.get(12..at).ok_or("the question runs off the end")?.to_vec();
        let mut opt = None;
        let mut sections = [vec![], vec![], vec![]];
        for (section, records) in sections.iter_mut().enumerate() {
            for _ in 0..field(3 + section) {
                let (record, options, end) = read_record(bytes, at)?;
                at = end;
                if record.rtype != types::OPT {
                    records.push(record);
                    continue;
                }
                if section != 2 || opt.is_some() || record.owner != "." {
                    return Err("OPT twice, misplaced or not at the root".to_owned());
                }
                opt = Some(Opt::read(&record, &bytes[options..end])?);
            }
        }
        if at != bytes.len() {
            return Err(format!("{} octets after the last record", bytes.len() - at));
        }
        let [answer, authority, additional] = sections;
        let (id, flags) = (field(0), field(1));
        Ok(Self { bytes: bytes.to_vec(), id, flags, question, answer, authority, additional, opt })
    }

    /// Whether any of these header flag bits is set.
    pub fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// Authoritative Answer.
    pub fn aa(&self) -> bool {
        self.has(types::AA)
    }

    /// Truncated.
    pub fn tc(&self) -> bool {
        self.has(types::TC)
    }

    /// The four bits of opcode.
    pub fn opcode(&self) -> u8 {
        (self.flags >> 11) as u8 & 0xf
    }

    /// The whole rcode, with OPT's part (RFC 6891 §6.1.3).
    pub fn rcode(&self) -> u16 {
        let high = self.opt.as_ref().map_or(0, |opt| u16::from(opt.rcode_high));
        high << 4 | self.flags & 0xf
    }

    /// The data of the first option of this code.
    pub fn option(&self, code: u16) -> Option<&[u8]> {
        let options = &self.opt.as_ref()?.options;
        options.iter().find(|(found, _)| *found == code).map(|(_, data)| &data[..])
    }

    /// Client Subnet; panics if the option is shorter than its fixed part.
    pub fn ecs(&self) -> Option<Ecs> {
        let data = self.option(types::OPTION_ECS)?;
        assert!(data.len() >= 4, "ECS of {} octets", data.len());
        let family = u16::from_be_bytes([data[0], data[1]]);
        Some(Ecs { family, source: data[2], scope: data[3], address: data[4..].to_vec() })
    }

    /// Identity of the server (RFC 5001).
    pub fn nsid(&self) -> Option<&[u8]> {
        self.option(types::OPTION_NSID)
    }

    /// The RDATA texts of the answer's records of one type, sorted.
    pub fn data(&self, rtype: u16) -> Vec<&str> {
        let records = self.answer.iter().filter(|record| record.rtype == rtype);
        let mut data: Vec<&str> = records.map(|record| &record.data[..]).collect();
        data.sort_unstable();
        data
    }

    /// What must be the same whatever the transport: flags, question, sections (sorted) and options; id and OPT's size,
    /// which a transport may set as it needs, left out.
    pub fn essence(&self) -> String {
        let opt = self.opt.clone().map(|opt| Opt { udp_bytes: 0, ..opt });
        let sections = [lines(&self.answer), lines(&self.authority), lines(&self.additional)];
        format!("{:#06x} {} {sections:#?} {opt:?}", self.flags, rdata::hex(&self.question))
    }
}

/// Records as sorted lines, `OWNER TTL TYPE DATA`, owners in lower case.
pub fn lines(records: &[Rr]) -> Vec<String> {
    let mut lines: Vec<String> = records.iter().map(Rr::to_string).collect();
    lines.sort_unstable();
    lines
}

impl fmt::Display for Rr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner.to_ascii_lowercase();
        write!(f, "{owner} {} {} {}", self.ttl_s, types::type_text(self.rtype), self.data)
    }
}

impl fmt::Debug for Rr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} octets, flags {:#06x}, rcode {}",
            self.bytes.len(),
            self.flags,
            self.rcode()
        )?;
        for (section, records) in [
            ("answer", &self.answer),
            ("authority", &self.authority),
            ("additional", &self.additional),
        ] {
            for record in records {
                writeln!(f, "  {section}: {record}")?;
            }
        }
        write!(f, "  {:?}", self.opt)
    }
}

impl Opt {
    fn read(record: &Rr, mut data: &[u8]) -> Result<Self, String> {
        let mut options = Vec::new();
        while let [code_high, code_low, length_high, length_low, rest @ ..] = data {
            let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
            let (option, rest) = rest.split_at_checked(length).ok_or("an option runs off OPT")?;
            options.push((u16::from_be_bytes([*code_high, *code_low]), option.to_vec()));
            data = rest;
        }
        if !data.is_empty() {
            return Err("less than an option at the end of OPT".to_owned());
        }
        let [rcode_high, version, flags_high, flags_low] = record.ttl_s.to_be_bytes();
        let flags = u16::from_be_bytes([flags_high, flags_low]);
        Ok(Self { udp_bytes: record.class, rcode_high, version, flags, options })
    }
}

/// The record at `at`, where its RDATA starts and where it ends.
fn read_record(bytes: &[u8], at: usize) -> Result<(Rr, usize, usize), String> {
    let owner = name::read(bytes, at)?;
    let fixed: [u8; 10] = bytes
        .get(owner.end..owner.end + 10)
        .and_then(|fixed| fixed.try_into().ok())
        .ok_or_else(|| format!("the record at {at} runs off the end"))?;
    let [t0, t1, c0, c1, ttl @ .., l0, l1] = fixed;
    let start = owner.end + 10;
    let end = start + usize::from(u16::from_be_bytes([l0, l1]));
    if end > bytes.len() {
        return Err(format!("the RDATA at {start} runs off the end"));
    }
    let rtype = u16::from_be_bytes([t0, t1]);
    let record = Rr {
        owner_bytes: owner.end - at,
        owner: owner.text,
        rtype,
        class: u16::from_be_bytes([c0, c1]),
        ttl_s: u32::from_be_bytes(ttl),
        data: rdata::text(bytes, rtype, start, end)?,
    };
    Ok((record, start, end))
}
