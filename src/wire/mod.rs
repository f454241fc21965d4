//! Bytes to questions and answers to bytes: names, types, the query parser, EDNS with Client Subnet, the writer.
//!
//! No I/O and nothing of what is served: [`query`] turns a datagram into borrowed views of itself, [`writer`] turns
//! pieces that others chose into a message with compressed owners. Everything here is total: any bytes at all lead to
//! a value or an error, never to a panic.

pub mod edns;
pub mod folded;
pub mod name;
pub mod query;
pub mod record;
pub mod rtype;
pub mod writer;

pub use edns::{Edns, Subnet};
pub use folded::FoldedName;
pub use name::{Name, NameError};
pub use query::{Query, class, rcode};
pub use rtype::Rtype;
pub use writer::{Flags, Full, Owner, ResponseEdns, Section, Writer};
