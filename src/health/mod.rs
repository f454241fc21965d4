//! What is alive: checks and the probes made from them, the state machine, the table of verdicts, overrides.
//!
//! The prober makes probes and feeds outcomes to the pure state machine; whoever publishes asks the table for verdicts and
//! lays the operator's overrides over them.

pub mod check;

pub use check::{Check, CheckKind, Probe};
