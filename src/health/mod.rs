//! What is alive: checks and the probes made from them, the state machine, the table of verdicts, overrides.
//!
//! ```text
//! probes ──► Prober ── ProbeResult ──► Table ── Transition ──► whoever publishes
//!                                        │ ▲
//!                                        ▼ │ persist
//!                               verdict, then pin (Overrides) ──► Standing
//!                               Return (Comeback), planned weight (Overrides) ──► Weight
//! ```
//!
//! The prober makes probes and feeds what it finds to the table, which runs the pure state machine; whoever publishes
//! asks the table for verdicts and lays the operator's overrides over them. Clocks are the caller's everywhere but in
//! the prober. What an up or a drained endpoint means for an answer is decided below, not here.

pub mod check;
pub mod comeback;
pub mod overrides;
pub mod persist;
pub mod prober;
pub mod ramp;
pub mod state;
pub mod status;
pub mod table;
pub mod tally;

pub use check::{Check, CheckKind, Probe};
pub use comeback::{Comeback, Phase, Return, ReturnKey};
pub use overrides::{Action, Override, OverrideTarget, Overrides, Pin, Plan, Subject};
pub use prober::{Limits, ProbeResult, Prober};
pub use state::{Outcome, State, Thresholds, Verdict};
pub use status::{Standing, standing};
pub use table::{Table, Transition};
