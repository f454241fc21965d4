//! What is static: master files to records to a tree of names.
//!
//! [`record`] is the meeting point: the readers of master files produce records, the tree is built from them.

pub mod check;
pub mod rdata;
pub mod record;
pub mod text;

pub use record::Record;
