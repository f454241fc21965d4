//! What is static: master files to records to a tree of names.
//!
//! [`record`] is the meeting point: the readers of master files produce records, the sanity check judges them, and the
//! [`tree`] that queries read is built from them.

pub mod record;
pub mod tree;

pub use record::Record;
pub use tree::{Found, NodeId, RecordSet, Zone};
