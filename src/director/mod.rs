//! The director tier: what stands behind a VIP, as far as anyone can tell, and the director's own configuration.
//!
//! ```text
//! feeds (HAProxy, IPVS agent, JSON) ── Report ──┐
//! probes of the reals ── verdicts ──────────────┴─► truth ─► live share of a VIP's weight, sessions, maintenance
//! [directors.NAME] ─► render ─► configuration for ipvsadm, keepalived, HAProxy, nftables
//! ```

pub mod agent;
pub mod feed;
pub mod hearing;
pub mod render;
pub mod report;
pub mod tier;
pub mod truth;

pub use hearing::Hearings;
pub use report::{FeedReport, RealReport, RealState, Report, ServiceReport};
pub use tier::{Tier, Turned};
pub use truth::{DirectorTruth, Hearing, RealTruth, Source, VipTruth};
