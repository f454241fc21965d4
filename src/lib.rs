//! Fingerpost, an authoritative DNS server that answers with the addresses that are best for this client, right now.
//!
//! The modules lie in layers; each names only those above it in this list:
//! - [`report`]: what is wrong, where, and the cure
//! - [`wire`]: bytes to questions and answers to bytes
//! - [`geo`]: where a client is
//! - [`health`]: what is alive
//! - [`zone`]: what is static
//! - [`steer`]: what is steered
//! - [`config`]: from text to what was meant
//! - [`snapshot`]: everything that a query may read, compiled and published
//! - [`answer`]: a snapshot, a question and a client to an answer and its reason
//! - [`net`]: listeners and their limits
//! - [`control`]: reload, metrics, administration
//! - [`cli`]: the commands

pub mod answer;
pub mod cli;
pub mod config;
pub mod control;
pub mod geo;
pub mod health;
pub mod net;
pub mod report;
pub mod snapshot;
pub mod steer;
pub mod wire;
pub mod zone;
