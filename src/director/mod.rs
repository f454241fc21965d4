//! The director tier: what stands behind a VIP, as far as anyone can tell, and the director's own configuration.
//!
//! ```text
//! HAProxy, agent, JSON ── feed ──► hearing: what still counts ──┐
//! probes of the reals ── verdicts ──────────────────────────────┴─► truth of a VIP ── tier: of all, kept ──► dealing
//! [directors.NAME] ─► render ─► configuration for ipvsadm, keepalived, HAProxy, nftables
//! ```
//!
//! The agent is the other end of a feed: it runs beside IPVS, and reports its table. What a live part means for an
//! answer is [`crate::steer::pool`]'s part.

pub mod agent;
pub mod fault;
pub mod feed;
pub mod hearing;
pub mod render;
pub mod report;
pub mod tier;
pub mod truth;

pub use fault::{Fault, FaultCounts, FaultKind};
pub use hearing::Hearings;
pub use report::{FeedReport, RealReport, RealState, Report, ServiceReport};
pub use tier::{Tier, Turned};
pub use truth::{DirectorTruth, FamilyTruth, Hearing, RealTruth, Source, VipTruth};
