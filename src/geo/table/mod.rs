//! The table on the packet path: which class an address is in, and how far around it that is so.
//!
//! It keeps runs, not prefixes: consecutive addresses of one class, the neighbours of another. The scope around an
//! address is then the shortest prefix that stays inside its run, computed from the run's two ends. Such a scope is
//! exact (every address in it is in the run) and minimal (one bit shorter takes in a neighbour, which differs)
//! without any prefix ever having been stored, split or merged. A search reads a few cells of a scale and
//! then one or two cache lines of runs.
//!
//! IPv6 addresses that embed an IPv4 address get the class of that one. If all of IPv4 is one class, their prefixes
//! are plain space of that class; if not, no scope from outside reaches into them, since they hold several classes.

mod runs;
mod scale;

use super::embed;
use super::ranges::Ranges;
use runs::{V4Runs, V6Runs};
use std::fmt;
use std::net::IpAddr;

/// Every address of both families → class and scope. Immutable.
pub struct ClassTable {
    v4: V4Runs,
    v6: V6Runs,
    /// Whether all of IPv4 is one class.
    v4_is_single: bool,
}

/// What a look-up says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The class of the address.
    pub class: u32,
    /// Length of the shortest prefix around the address whose addresses are all in that class, in bits of the family
    /// that was asked for (an RFC 7871 scope).
    pub scope_bits: u8,
}

impl ClassTable {
    /// From the classes of both families. What `v6` says of addresses that embed IPv4 is not used.
    pub fn new(v4: &Ranges<u32, u32>, v6: &Ranges<u128, u32>) -> Self {
        let v4_is_single = v4.run_count() == 1;
        let overlaid;
        let v6 = if v4_is_single {
            let v4_class = v4.get(0);
            let embeddings = embed::embedding_ranges();
            overlaid = v6.zip(&embeddings, |class, inside| if inside { v4_class } else { class });
            &overlaid
        } else {
            v6
        };
        Self { v4: V4Runs::new(v4), v6: V6Runs::new(v6), v4_is_single }
    }

    /// Class and scope of an address.
    #[inline]
    pub fn find(&self, address: IpAddr) -> Found {
        match address {
            IpAddr::V4(address) => self.v4.find(address.to_bits()),
            IpAddr::V6(address) => self.find_v6(address.to_bits()),
        }
    }

    #[inline]
    fn find_v6(&self, address: u128) -> Found {
        if self.v4_is_single {
            return self.v6.find(address);
        }
        if let Some((ipv4, bits_before)) = embed::embedded(address) {
            let found = self.v4.find(ipv4);
            return Found { scope_bits: bits_before + found.scope_bits, ..found };
        }
        // A block that touches an embedding from outside holds it whole, and it holds several classes.
        let found = self.v6.find(address);
        Found { scope_bits: found.scope_bits.max(embed::clear_bits(address)), ..found }
    }

    /// Every run of IPv4 addresses in order: first address, last address, class.
    pub fn runs_v4(&self) -> impl Iterator<Item = (u32, u32, u32)> + '_ {
        self.v4.iter()
    }

    /// Every run of IPv6 addresses in order: first address, last address, class. An address that embeds an IPv4 address
    /// is of that one's class, whatever run it lies in.
    pub fn runs_v6(&self) -> impl Iterator<Item = (u128, u128, u32)> + '_ {
        self.v6.iter()
    }

    /// Memory that the table holds, in bytes.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.v4.memory_bytes() + self.v6.memory_bytes()
    }
}

impl fmt::Debug for ClassTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassTable")
            .field("memory_bytes", &self.memory_bytes())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
