//! What is static: master files to records to a tree of names.
//!
//! [`mod@text`] reads master files into [`record`]s, [`mod@check`] judges them, and the [`tree`] that queries read is
//! built from them; [`rdata`] knows where names stand inside of records.

pub mod check;
pub mod rdata;
pub mod record;
pub mod text;
pub mod tree;

pub use record::Record;
pub use tree::{Found, NodeId, RecordSet, Zone};
