//! What goes into an answer beside the snapshot, and what comes out beside the bytes.

use std::net::IpAddr;

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

/// What one worker remembers between queries. Not shared; allocated once.
#[derive(Default)]
pub struct Scratch {}

/// What became of a query.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Bytes of response in the buffer; 0: send nothing.
    pub bytes: usize,
    /// Why the response is what it is.
    pub reason: Reason,
}

/// Why a response is what it is; each has one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Not a query at all: too short, or a response. Nothing is sent.
    Ignored,
}
