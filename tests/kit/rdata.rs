//! RDATA to text for assertions, with the strictness of a reader that looks for faults.

use super::{name, types};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Presentation form of the RDATA at `start..end` of a message; `\# LENGTH HEX` (RFC 3597 §5) for types not known here.
/// Pointers are refused in all types but those of RFC 1035 (RFC 3597 §4).
pub fn text(message: &[u8], rtype: u16, start: usize, end: usize) -> Result<String, String> {
    let mut reader = Reader { message, at: start, end };
    let text = match rtype {
        types::A => Ipv4Addr::from(reader.take::<4>()?).to_string(),
        types::AAAA => Ipv6Addr::from(reader.take::<16>()?).to_string(),
        types::NS | types::CNAME | types::PTR => reader.name(true)?,
        types::DNAME => reader.name(false)?,
        types::MX => format!("{} {}", reader.u16()?, reader.name(true)?),
        types::SOA => {
            let names = format!("{} {}", reader.name(true)?, reader.name(true)?);
            (0..5)
                .try_fold(names, |text, _| Ok::<_, String>(format!("{text} {}", reader.u32()?)))?
        }
        types::SRV => {
            let numbers = (reader.u16()?, reader.u16()?, reader.u16()?);
            format!("{} {} {} {}", numbers.0, numbers.1, numbers.2, reader.name(false)?)
        }
        types::TXT | types::HINFO => reader.strings()?,
        types::SVCB | types::HTTPS => {
            let head = format!("{} {}", reader.u16()?, reader.name(false)?);
            match reader.rest() {
                [] => head,
                parameters => format!("{head} {}", hex(parameters)),
            }
        }
        types::CAA => {
            let [flags, length] = reader.take::<2>()?;
            let tag = reader.bytes(usize::from(length))?.escape_ascii().to_string();
            format!("{flags} {tag} \"{}\"", reader.rest().escape_ascii())
        }
        _ => {
            let bytes = reader.rest();
            format!("\\# {} {}", bytes.len(), hex(bytes)).trim_end().to_owned()
        }
    };
    if reader.at == end {
        Ok(text)
    } else {
        Err(format!("{} octets after the RDATA", end - reader.at))
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], String> {
        if self.at + length > self.end {
            return Err(format!("RDATA ends at {} instead of {}", self.end, self.at + length));
        }
        let bytes = &self.message[self.at..self.at + length];
        self.at += length;
        Ok(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.bytes(N)?.try_into().expect("as many as asked for"))
    }

    fn rest(&mut self) -> &'a [u8] {
        let bytes = &self.message[self.at..self.end];
        self.at = self.end;
        bytes
    }

    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes(self.take()?))
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_be_bytes(self.take()?))
    }

    fn name(&mut self, may_be_compressed: bool) -> Result<String, String> {
        let name = name::read(self.message, self.at)?;
        if name.compressed && !may_be_compressed {
            return Err(format!(
                "a pointer in the RDATA at {}, of a type that forbids it",
                self.at
            ));
        }
        self.at = name.end;
        Ok(name.text)
    }

    fn strings(&mut self) -> Result<String, String> {
        let mut texts = Vec::new();
        while self.at < self.end {
            let [length] = self.take::<1>()?;
            texts.push(format!("\"{}\"", self.bytes(usize::from(length))?.escape_ascii()));
        }
        Ok(texts.join(" "))
    }
}
