//! What an authoritative server owes its clients, as a table: questions to the zones of [`zones`], and the whole reply.
//!
//! Every case runs over every transport and family.

mod aliases;
mod data;
mod delegation;
mod protocol;
pub mod zones;

pub use crate::kit::case::{Case, expect_none};
use crate::kit::types::*;

/// All cases.
pub fn all() -> Vec<Case> {
    [data::cases(), aliases::cases(), delegation::cases(), protocol::cases()].concat()
}

/// A case that is answered with authority, without error and without records, until more is said.
pub fn ask(name: &str, rtype: u16) -> Case {
    Case::new(name, rtype, "static")
}

impl Case {
    /// The name exists, the type does not (RFC 2308 §2.2).
    pub fn nodata(self) -> Self {
        self.authority(zones::NEGATIVE_SOA).counted("nodata")
    }

    /// The name does not exist (RFC 2308 §2.1).
    pub fn nxdomain(self) -> Self {
        self.authority(zones::NEGATIVE_SOA).rcode(NXDOMAIN).counted("nxdomain")
    }
}
