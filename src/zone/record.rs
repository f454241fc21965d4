//! One resource record as read, before it is compiled.

use crate::report::Place;
use crate::wire::{Name, Rtype};

/// A record of class IN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Owner name.
    pub owner: Name,
    /// Time to live, in seconds, at most [`TTL_S_MAX`].
    pub ttl_s: u32,
    /// Its type, never a meta type.
    pub rtype: Rtype,
    /// RDATA in uncompressed wire form; case of embedded names as written.
    pub rdata: Box<[u8]>,
    /// Where it was read.
    pub place: Place,
}

/// Largest TTL (RFC 2181 §8).
pub const TTL_S_MAX: u32 = 0x7fff_ffff;
