//! A response, written front to back into a caller's buffer.
//!
//! The response begins with the query's own header and question, so the letters' case comes back as it was sent. Record
//! sets go in whole or not at all; room for the OPT record is set aside before the first of them, so truncation can
//! never cost it (RFC 6891 §7). Names are compressed against everything written before, owners against the question
//! first of all. Which records to write, and what it means that one does not fit, is the caller's to say.

use super::class;
use super::edns::{Subnet, option};
use super::query::HEADER_BYTES;
use super::rtype::Rtype;

/// Names that are remembered as targets for compression; more are written but not pointed at.
const TARGETS_MAX: usize = 64;
/// A compression pointer reaches this many octets into the message (RFC 1035 §4.1.4).
const POINTER_REACH_BYTES: usize = 0x4000;
/// A pointer to the name of the question.
const QUESTION_POINTER: [u8; 2] = [0xc0, HEADER_BYTES as u8];

/// The sections that records go into, in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// What was asked for.
    Answer,
    /// Where the authority lies.
    Authority,
    /// What helps.
    Additional,
}

/// Who owns a record that is written.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// The name of the question.
    Question,
    /// The part of the question's name that begins that many octets into it.
    QuestionSuffix(usize),
    /// A name in wire form.
    Name(&'a [u8]),
}

/// What the OPT record of a response says.
#[derive(Clone, Copy, Debug)]
pub struct ResponseEdns<'a> {
    /// The largest UDP query that this server takes.
    pub payload_bytes: u16,
    /// The client's DO bit, sent back (RFC 3225 §3).
    pub dnssec_ok: bool,
    /// The client's subnet, sent back bit for bit, with the scope that the answer holds for.
    pub subnet: Option<(Subnet, u8)>,
    /// The server's identifier.
    pub nsid: Option<&'a [u8]>,
    /// How long an idle connection is kept, in units of 100 ms (RFC 7828 §3.1).
    pub keepalive_100ms: Option<u16>,
    /// Pad the message to a multiple of this (RFC 8467 §4.1).
    pub padding_block_bytes: Option<usize>,
}

impl ResponseEdns<'_> {
    /// Octets of the record, padding not counted.
    fn bytes(&self) -> usize {
        let subnet = self.subnet.map_or(0, |(subnet, _)| 8 + subnet.sent().len());
        let nsid = self.nsid.map_or(0, |nsid| 4 + nsid.len());
        11 + subnet + nsid + self.keepalive_100ms.map_or(0, |_| 6)
    }
}

/// There is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The flags of a response that are the server's to set; the rest is echoed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// AA.
    pub authoritative: bool,
    /// TC.
    pub truncated: bool,
}

/// A response in the making.
pub struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
    limit: usize,
    counts: [u16; 3],
    targets: [u16; TARGETS_MAX],
    target_count: usize,
    question_end: usize,
}

impl<'a> Writer<'a> {
    /// Begins a response to the message whose header and question are `echo`, to be at most `limit` bytes with `edns`
    /// in it. None if not even that fits.
    pub fn begin(
        out: &'a mut [u8],
        echo: &[u8],
        limit: usize,
        edns: Option<&ResponseEdns<'_>>,
    ) -> Option<Self> {
        let limit = limit.min(out.len()).checked_sub(edns.map_or(0, ResponseEdns::bytes))?;
        if echo.len() < HEADER_BYTES || echo.len() > limit {
            return None;
        }
        out[..echo.len()].copy_from_slice(echo);
        Some(Self {
            out,
            at: echo.len(),
            limit,
            counts: [0; 3],
            targets: [0; TARGETS_MAX],
            target_count: 0,
            question_end: echo.len(),
        })
    }

    /// Writes a whole record set, or nothing. Embedded names are compressed where the type allows it.
    pub fn rrset<'d>(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rtype: Rtype,
        ttl_s: u32,
        rdatas: impl Iterator<Item = &'d [u8]>,
    ) -> Result<(), Full> {
        let (at, target_count) = (self.at, self.target_count);
        let mut written = 0;
        for rdata in rdatas {
            if self.record(owner, rtype, ttl_s, rdata).is_err() {
                (self.at, self.target_count) = (at, target_count);
                return Err(Full);
            }
            written += 1;
        }
        self.counts[section as usize] += written;
        Ok(())
    }

    /// Writes a TXT record of class CH that the question's name owns, with TTL 0 as such facts have by custom.
    pub fn chaos_text(&mut self, rdata: &[u8]) -> Result<(), Full> {
        let start = self.at;
        self.rrset(Section::Answer, Owner::Question, Rtype::TXT, 0, std::iter::once(rdata))?;
        self.out[start + 4..start + 6].copy_from_slice(&class::CH.to_be_bytes());
        Ok(())
    }

    /// Writes address records of one owner, or nothing: the packet path's most travelled stretch. All addresses have
    /// the length that `rtype` asks for.
    pub fn addresses<'d>(
        &mut self,
        section: Section,
        owner: Owner<'_>,
        rtype: Rtype,
        ttl_s: u32,
        addresses: impl Iterator<Item = &'d [u8]>,
    ) -> Result<(), Full> {
        if !matches!(owner, Owner::Question) {
            return self.rrset(section, owner, rtype, ttl_s, addresses);
        }
        let mut fixed = [0; 10];
        fixed[..2].copy_from_slice(&QUESTION_POINTER);
        fixed[2..4].copy_from_slice(&rtype.0.to_be_bytes());
        fixed[4..6].copy_from_slice(&class::IN.to_be_bytes());
        fixed[6..].copy_from_slice(&ttl_s.to_be_bytes());
        let mut at = self.at;
        let mut written = 0;
        for address in addresses {
            let end = at + 12 + address.len();
            if end > self.limit {
                return Err(Full);
            }
            let record = &mut self.out[at..end];
            record[..10].copy_from_slice(&fixed);
            record[10..12].copy_from_slice(&(address.len() as u16).to_be_bytes());
            record[12..].copy_from_slice(address);
            at = end;
            written += 1;
        }
        self.at = at;
        self.counts[section as usize] += written;
        Ok(())
    }

    /// Ends the response: header, then the OPT record in the room set aside for it. The length of the whole.
    pub fn finish(mut self, flags: Flags, rcode: u16, edns: Option<&ResponseEdns<'_>>) -> usize {
        // RFC 1035 §4.1.1: ID, OPCODE and RD are the query's. Z and RA stay clear, and so do AD and CD: RFC 4035
        // §3.1.6.
        self.out[2] = self.out[2] & 0x79
            | 0x80
            | u8::from(flags.authoritative) << 2
            | u8::from(flags.truncated) << 1;
        self.out[3] = (rcode & 0x0f) as u8;
        let questions = u16::from(self.question_end > HEADER_BYTES);
        let [answers, authorities, additionals] = self.counts;
        let counts = [questions, answers, authorities, additionals + u16::from(edns.is_some())];
        for (slot, count) in self.out[4..HEADER_BYTES].chunks_exact_mut(2).zip(counts) {
            slot.copy_from_slice(&count.to_be_bytes());
        }
        if let Some(edns) = edns {
            self.limit = self.out.len();
            self.opt(edns, rcode);
        }
        self.at
    }

    fn record(
        &mut self,
        owner: Owner<'_>,
        rtype: Rtype,
        ttl_s: u32,
        rdata: &[u8],
    ) -> Result<(), Full> {
        match owner {
            Owner::Question => self.put(&QUESTION_POINTER)?,
            Owner::QuestionSuffix(start) => {
                self.put(&(0xc000 | (HEADER_BYTES + start) as u16).to_be_bytes())?;
            }
            Owner::Name(name) => self.name(name)?,
        }
        self.put(&rtype.0.to_be_bytes())?;
        self.put(&class::IN.to_be_bytes())?;
        self.put(&ttl_s.to_be_bytes())?;
        let length_at = self.at;
        self.put(&[0, 0])?;
        self.rdata(rtype, rdata)?;
        let length = (self.at - length_at - 2) as u16;
        self.out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn rdata(&mut self, rtype: Rtype, rdata: &[u8]) -> Result<(), Full> {
        let (fixed_bytes, names) = match rtype {
            Rtype::NS | Rtype::CNAME | Rtype::PTR => (0, 1),
            Rtype::MX => (2, 1),
            Rtype::SOA => (0, 2),
            _ => return self.put(rdata),
        };
        let (fixed, mut rest) = rdata.split_at(fixed_bytes.min(rdata.len()));
        self.put(fixed)?;
        for _ in 0..names {
            let (name, tail) = rest.split_at(name_bytes(rest));
            self.name(name)?;
            rest = tail;
        }
        self.put(rest)
    }

    /// Writes a name, ending it with a pointer as soon as the rest of it stands in the message already.
    fn name(&mut self, name: &[u8]) -> Result<(), Full> {
        if self.target_count == 0 {
            self.remember_question();
        }
        let mut rest = name;
        while let Some((&length, _)) = rest.split_first() {
            if length == 0 {
                return self.put(&[0]);
            }
            if let Some(target) = self.find(rest) {
                return self.put(&(0xc000 | target).to_be_bytes());
            }
            let start = self.at;
            let (label, tail) = rest.split_at((1 + usize::from(length)).min(rest.len()));
            self.put(label)?;
            self.remember(start);
            rest = tail;
        }
        Ok(())
    }

    fn remember_question(&mut self) {
        let mut at = HEADER_BYTES;
        while at < self.question_end && self.out[at] != 0 {
            self.remember(at);
            at += 1 + usize::from(self.out[at]);
        }
    }

    fn remember(&mut self, at: usize) {
        if self.target_count < TARGETS_MAX && at < POINTER_REACH_BYTES {
            self.targets[self.target_count] = at as u16;
            self.target_count += 1;
        }
    }

    /// Where in the message that very name stands.
    fn find(&self, name: &[u8]) -> Option<u16> {
        self.targets[..self.target_count]
            .iter()
            .copied()
            .find(|&target| self.stands_at(target, name))
    }

    fn stands_at(&self, target: u16, mut name: &[u8]) -> bool {
        let mut at = usize::from(target);
        // Beyond lies what an earlier response left in the buffer, and a name in the making runs into it.
        while at < self.at {
            let length = self.out[at];
            if length >= 0xc0 {
                // Every pointer in here was written by us, to an earlier place.
                at = usize::from(u16::from_be_bytes([length & 0x3f, self.out[at + 1]]));
                continue;
            }
            let label_end = 1 + usize::from(length);
            let (Some(ours), Some(theirs)) =
                (self.out.get(at..at + label_end), name.get(..label_end))
            else {
                return false;
            };
            if !ours.eq_ignore_ascii_case(theirs) {
                return false;
            }
            if length == 0 {
                return true;
            }
            at += label_end;
            name = &name[label_end..];
        }
        false
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.at + bytes.len();
        if end > self.limit {
            return Err(Full);
        }
        self.out[self.at..end].copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }

    /// The OPT record; `begin` has kept its room, so nothing here can be cut.
    fn opt(&mut self, edns: &ResponseEdns<'_>, rcode: u16) {
        let start = self.at;
        let mut fixed = [0; 11];
        fixed[1..3].copy_from_slice(&Rtype::OPT.0.to_be_bytes());
        fixed[3..5].copy_from_slice(&edns.payload_bytes.to_be_bytes());
        fixed[5] = (rcode >> 4) as u8;
        fixed[7] = u8::from(edns.dnssec_ok) << 7;
        fixed[9..].copy_from_slice(&((edns.bytes() - 11) as u16).to_be_bytes());
        let _ = self.put(&fixed);
        if let Some(nsid) = edns.nsid {
            self.option_head(option::NSID, nsid.len());
            let _ = self.put(nsid);
        }
        if let Some((subnet, scope_bits)) = edns.subnet {
            self.option_head(option::SUBNET, 4 + subnet.sent().len());
            let _ = self.put(&subnet.family.to_be_bytes());
            let _ = self.put(&[subnet.source_bits, scope_bits]);
            let _ = self.put(subnet.sent());
        }
        if let Some(timeout) = edns.keepalive_100ms {
            self.option_head(option::KEEPALIVE, 2);
            let _ = self.put(&timeout.to_be_bytes());
        }
        if let Some(block) = edns.padding_block_bytes {
            self.pad(start, block);
        }
    }

    fn option_head(&mut self, code: u16, bytes: usize) {
        let _ = self.put(&code.to_be_bytes());
        let _ = self.put(&(bytes as u16).to_be_bytes());
    }

    /// Adds a padding option to the OPT record that began at `opt`, if there is room for a whole one.
    fn pad(&mut self, opt: usize, block: usize) {
        let padded = (self.at + 4).next_multiple_of(block).min(self.limit);
        let Some(zeros) = padded.checked_sub(self.at + 4) else {
            return;
        };
        self.option_head(option::PADDING, zeros);
        self.out[self.at..self.at + zeros].fill(0);
        self.at += zeros;
        let length = (self.at - opt - 11) as u16;
        self.out[opt + 9..opt + 11].copy_from_slice(&length.to_be_bytes());
    }
}

/// Octets of the uncompressed name at the start of some RDATA that was checked when it was loaded.
fn name_bytes(rdata: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&length) = rdata.get(at) {
        at += 1 + usize::from(length);
        if length == 0 {
            break;
        }
    }
    at.min(rdata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: &[u8] =
        b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01\x03wWw\x07example\x03com\0\0\x01\0\x01";

    fn written(
        limit: usize,
        fill: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> (Vec<u8>, Result<(), Full>) {
        let mut out = [0xee; 2048];
        let mut writer = Writer::begin(&mut out, ECHO, limit, None).expect("room for the question");
        let result = fill(&mut writer);
        let bytes = writer.finish(Flags { authoritative: true, truncated: false }, 0, None);
        (out[..bytes].to_vec(), result)
    }

    #[test]
    fn echoes_the_question_and_points_at_it() {
        let (bytes, result) = written(512, |writer| {
            let addresses = [&[192, 0, 2, 1][..], &[192, 0, 2, 2]];
            writer.addresses(Section::Answer, Owner::Question, Rtype::A, 30, addresses.into_iter())
        });
        assert_eq!(result, Ok(()));
        assert_eq!(&bytes[..4], [0x12, 0x34, 0x85, 0]);
        assert_eq!(&bytes[4..12], [0, 1, 0, 2, 0, 0, 0, 0]);
        assert_eq!(&bytes[12..33], &ECHO[12..]);
        assert_eq!(&bytes[33..49], [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 192, 0, 2, 1]);
    }

    #[test]
    fn compresses_names_against_all_that_stands_before() {
        let (bytes, result) = written(512, |writer| {
            let target = b"\x02NS\x04host\x07Example\x03com\0";
            writer.rrset(
                Section::Authority,
                Owner::QuestionSuffix(4),
                Rtype::NS,
                60,
                [&target[..]].into_iter(),
            )?;
            writer.rrset(
                Section::Additional,
                Owner::Name(target),
                Rtype::A,
                60,
                [&[1, 2, 3, 4][..]].into_iter(),
            )?;
            let exchange = b"\0\x0a\x02mx\x04host\x07example\x03com\0";
            writer.rrset(
                Section::Additional,
                Owner::Question,
                Rtype::MX,
                60,
                [&exchange[..]].into_iter(),
            )
        });
        assert_eq!(result, Ok(()));
        let records = &bytes[ECHO.len()..];
        assert_eq!(&records[..2], [0xc0, 16], "the owner is the question's suffix");
        assert_eq!(&records[10..12], [0, 10], "NS host + pointer");
        assert_eq!(&records[12..22], b"\x02NS\x04host\xc0\x10");
        assert_eq!(&records[22..24], [0xc0, 45], "the owner is the target before");
        assert_eq!(&records[38 + 10..], b"\0\x07\0\x0a\x02mx\xc0\x30");
    }

    #[test]
    fn other_types_are_left_as_they_are() {
        let srv = b"\0\x01\0\x02\0\x50\x07example\x03com\0";
        let (bytes, _) = written(512, |writer| {
            writer.rrset(Section::Answer, Owner::Question, Rtype::SRV, 1, [&srv[..]].into_iter())
        });
        assert!(bytes.ends_with(srv));
    }

    #[test]
    fn a_set_goes_in_whole_or_not_at_all() {
        let addresses = [[1, 2, 3, 4], [5, 6, 7, 8]];
        for fits in [ECHO.len() + 32, ECHO.len() + 31] {
            let (bytes, result) = written(fits, |writer| {
                writer.rrset(
                    Section::Answer,
                    Owner::Question,
                    Rtype::A,
                    1,
                    addresses.iter().map(|a| &a[..]),
                )
            });
            let (quick, quick_result) = written(fits, |writer| {
                writer.addresses(
                    Section::Answer,
                    Owner::Question,
                    Rtype::A,
                    1,
                    addresses.iter().map(|a| &a[..]),
                )
            });
            assert_eq!((&bytes, result), (&quick, quick_result), "both ways of writing agree");
            assert_eq!(result.is_ok(), fits == ECHO.len() + 32);
            assert_eq!(bytes.len(), if result.is_ok() { fits } else { ECHO.len() });
            assert_eq!(bytes[7], if result.is_ok() { 2 } else { 0 });
        }
    }

    #[test]
    fn opt_has_its_room_kept() {
        let subnet = Subnet {
            family: 1,
            source_bits: 20,
            address: [198, 51, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        };
        let edns = ResponseEdns {
            payload_bytes: 1232,
            dnssec_ok: true,
            subnet: Some((subnet, 24)),
            nsid: Some(b"fra"),
            keepalive_100ms: Some(100),
            padding_block_bytes: None,
        };
        let mut out = [0; 512];
        let limit = ECHO.len() + edns.bytes() + 15;
        let mut writer = Writer::begin(&mut out, ECHO, limit, Some(&edns)).expect("room");
        let full = writer.addresses(
            Section::Answer,
            Owner::Question,
            Rtype::A,
            1,
            [&[1, 2, 3, 4][..]].into_iter(),
        );
        assert_eq!(full, Err(Full), "the OPT record has its room before any answer");
        let bytes = writer.finish(Flags::default(), 16, Some(&edns));
        let opt = &out[ECHO.len()..bytes];
        assert_eq!(opt.len(), edns.bytes());
        assert_eq!(&opt[..11], [0, 0, 41, 4, 208, 1, 0, 0x80, 0, 0, 24]);
        assert_eq!(&opt[11..18], [0, 3, 0, 3, b'f', b'r', b'a']);
        assert_eq!(&opt[18..29], [0, 8, 0, 7, 0, 1, 20, 24, 198, 51, 96]);
        assert_eq!(&opt[29..], [0, 11, 0, 2, 0, 100]);
        assert_eq!(out[11], 1);
    }

    #[test]
    fn padding_fills_whole_blocks() {
        let edns = ResponseEdns {
            payload_bytes: 1232,
            dnssec_ok: false,
            subnet: None,
            nsid: None,
            keepalive_100ms: None,
            padding_block_bytes: Some(468),
        };
        let mut out = [0xee; 1024];
        let writer = Writer::begin(&mut out, ECHO, 1024, Some(&edns)).expect("room");
        assert_eq!(writer.finish(Flags::default(), 0, Some(&edns)), 468);
        let length = usize::from(u16::from_be_bytes([out[ECHO.len() + 9], out[ECHO.len() + 10]]));
        assert_eq!(ECHO.len() + 11 + length, 468);
    }

    #[test]
    fn no_room_for_the_question_is_no_response() {
        let mut out = [0; 512];
        assert!(Writer::begin(&mut out, ECHO, ECHO.len() - 1, None).is_none());
        assert!(Writer::begin(&mut out[..20], ECHO, 512, None).is_none());
    }

    #[test]
    fn what_an_earlier_response_left_behind_is_no_name() {
        let mut out = [0; 512];
        let mut write = |target: &[u8]| {
            let mut writer = Writer::begin(&mut out, ECHO, 512, None).expect("room");
            let rdatas = std::iter::once(target);
            assert_eq!(
                writer.rrset(Section::Answer, Owner::Question, Rtype::NS, 1, rdatas),
                Ok(())
            );
            let bytes = writer.finish(Flags::default(), 0, None);
            out[ECHO.len() + 12..bytes].to_vec()
        };
        assert_eq!(write(b"\x03www\x03net\0"), b"\x03www\x03net\0");
        assert_eq!(write(b"\x03www\x03www\x03net\0"), b"\x03www\x03www\x03net\0");
    }
}
