//! What goes into an answer beside the snapshot, and what comes out beside the bytes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// How a query came, and so how its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Transport {
    /// Plain UDP: size-limited.
    Udp,
    /// Plain TCP.
    Tcp,
    /// DNS over TLS (RFC 7858).
    Tls,
    /// DNS over HTTPS (RFC 8484).
    Https,
    /// DNS over QUIC (RFC 9250).
    Quic,
}

impl Transport {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Tls, Self::Https, Self::Quic];

    /// Whether an eavesdropper sees no more than lengths, so that padding is worth it (RFC 8467 §2).
    pub fn is_encrypted(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::Quic)
    }

    /// Whether idle connections are the DNS server's to keep: RFC 7828, but not under HTTP or QUIC, which have their
    /// own ways (RFC 9250 §5.5.2).
    pub fn has_keepalive(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Https => "https",
            Self::Quic => "quic",
        })
    }
}

/// Who asks, and the draw of luck for this query.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// The address that the query came from.
    pub address: IpAddr,
    /// How it came.
    pub transport: Transport,
    /// Uniform random bits; equal bits give equal answers.
    pub random: u64,
}

/// Between which two sockets a query and its answer go. No answer depends on it beyond what [`Client`] holds; it is for
/// those who tell of queries elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The address that the query came from.
    pub client: IpAddr,
    /// The port that it came from.
    pub client_port: u16,
    /// The address that was asked; none where the system does not tell.
    pub server: Option<IpAddr>,
    /// The port that was asked; 0 where the system does not tell.
    pub server_port: u16,
}

impl Ends {
    /// Of a client's socket and ours. Where ours is bound to every address, the one that was asked is unknown.
    pub fn new(client: SocketAddr, server: Option<SocketAddr>) -> Self {
        let address = server.map(|server| server.ip());
        Self {
            client: client.ip(),
            client_port: client.port(),
            server: address.filter(|address| !address.is_unspecified()),
            server_port: server.map_or(0, |server| server.port()),
        }
    }
}

/// What became of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes of response in the buffer; 0: send nothing.
    pub bytes: usize,
    /// The response code, EDNS's upper bits included.
    pub rcode: u16,
    /// Why the response is what it is.
    pub reason: Reason,
    /// Whether something had to be left out (TC).
    pub truncated: bool,
    /// The scope that a Client Subnet was answered with, in bits; none where there was no such option to answer.
    pub scope_bits: Option<u8>,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $label:literal,)*) => {
        /// Why a response is what it is; each has one counter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Reason {
            /// All of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The label that it bears in metrics.
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

reasons! {
    /// Not a query at all: too short, or a response. Nothing is sent.
    Ignored = "ignored",
    /// The message is malformed.
    Malformed = "malformed",
    /// An opcode or query type that this server does not do.
    NotImplemented = "not-implemented",
    /// An EDNS version above 0.
    BadVersion = "bad-version",
    /// The name lies in no zone served here.
    NoZone = "no-zone",
    /// A class other than IN, or something about the server that it does not tell.
    OtherClass = "other-class",
    /// A zone transfer, which is not offered.
    Transfer = "transfer",
    /// A fact about the server, in class CH.
    Identity = "identity",
    /// Plain zone data.
    Static = "static",
    /// The name exists, the type does not.
    Nodata = "nodata",
    /// The name does not exist.
    NxDomain = "nxdomain",
    /// The zone is delegated on the way to the name.
    Referral = "referral",
    /// A query for everything, answered in brief (RFC 8482).
    Any = "any",
    /// An alias that leads out of the zone, or round in circles.
    Alias = "alias",
    /// A DNAME substitution made a name too long.
    TooLong = "too-long",
    /// Steered to a site that has enough of its weight up.
    Steered = "steered",
    /// Steered to a site that has little up, because none has more.
    Degraded = "degraded",
    /// Steered by the fallback of a pool that is all down.
    Fallback = "fallback",
    /// All down, and handed out all the same.
    FailOpen = "fail-open",
    /// A client that the route keeps out.
    Fenced = "fenced",
    /// All down, and answered with no addresses.
    DownNodata = "down-nodata",
    /// All down, and answered with SERVFAIL.
    DownServfail = "down-servfail",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
