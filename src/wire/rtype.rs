//! Record types by number and by name.
//!
//! A type is its 16-bit number; the names are only for people, and `TYPE123` (RFC 3597 §5) stands for the rest.

use std::fmt;
use std::str::FromStr;

/// A record type (or query type) by its IANA number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rtype(pub u16);

macro_rules! types {
    ($($name:ident = $number:literal),* $(,)?) => {
        #[allow(missing_docs, reason = "each constant is the IANA type of that name")]
        impl Rtype {
            $(pub const $name: Rtype = Rtype($number);)*
        }

        /// Names that people read and write.
        const NAMES: &[(Rtype, &str)] = &[$((Rtype($number), stringify!($name))),*];
    };
}

types! {
    A = 1, NS = 2, MD = 3, MF = 4, CNAME = 5, SOA = 6, MB = 7, MG = 8, MR = 9, NULL = 10, WKS = 11,
    PTR = 12, HINFO = 13, MINFO = 14, MX = 15, TXT = 16, RP = 17, AFSDB = 18, SIG = 24, KEY = 25,
    AAAA = 28, LOC = 29, SRV = 33, NAPTR = 35, KX = 36, CERT = 37, DNAME = 39, OPT = 41, APL = 42,
    DS = 43, SSHFP = 44, IPSECKEY = 45, RRSIG = 46, NSEC = 47, DNSKEY = 48, DHCID = 49, NSEC3 = 50,
    NSEC3PARAM = 51, TLSA = 52, SMIMEA = 53, HIP = 55, CDS = 59, CDNSKEY = 60, OPENPGPKEY = 61,
    CSYNC = 62, ZONEMD = 63, SVCB = 64, HTTPS = 65, SPF = 99, EUI48 = 108, EUI64 = 109, TKEY = 249,
    TSIG = 250, IXFR = 251, AXFR = 252, MAILB = 253, MAILA = 254, ANY = 255, URI = 256, CAA = 257,
}

impl Rtype {
    /// Whether no zone may hold data of this type: OPT and the query and meta types (RFC 6895 §3.1).
    pub fn is_meta(self) -> bool {
        self == Self::OPT || (128..=255).contains(&self.0)
    }

    /// Whether names in its RDATA may be compressed: the types of RFC 1035 alone (RFC 3597 §4).
    pub fn compresses(self) -> bool {
        matches!(self, Self::NS | Self::CNAME | Self::SOA | Self::PTR | Self::MX)
    }
}

impl fmt::Display for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(rtype, _)| rtype == self) {
            Some((_, name)) => f.pad(name),
            None => f.pad(&format!("TYPE{}", self.0)),
        }
    }
}

impl fmt::Debug for Rtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Rtype {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<Self, UnknownType> {
        if let Some((rtype, _)) = NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            return Ok(*rtype);
        }
        let number =
            text.get(..4).filter(|head| head.eq_ignore_ascii_case("TYPE")).map(|_| &text[4..]);
        number
            .and_then(|digits| digits.parse().ok())
            .map(Rtype)
            .ok_or_else(|| UnknownType(text.to_owned()))
    }
}

/// A text that names no record type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownType(pub String);

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown record type {:?}", self.0)
    }
}

impl std::error::Error for UnknownType {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let check = |text: &str, number, shown: &str| {
            assert_eq!(text.parse::<Rtype>(), Ok(Rtype(number)));
            assert_eq!(Rtype(number).to_string(), shown);
        };
        check("A", 1, "A");
        check("aaaa", 28, "AAAA");
        check("TYPE65534", 65534, "TYPE65534");
        check("type1", 1, "A");
        for wrong in ["", "TYPE", "TYPE65536", "AAAAA", "TYPE-1", "ÄÄÄÄ"] {
            assert!(wrong.parse::<Rtype>().is_err(), "{wrong}");
        }
    }
}
