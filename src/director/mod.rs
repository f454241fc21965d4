//! The director tier: what stands behind a VIP, as far as anyone can tell, and the director's own configuration.
//!
//! ```text
//! feeds (HAProxy, IPVS agent, JSON) ── Report ──┐
//! probes of the reals ── verdicts ──────────────┴─► truth ─► live share of a VIP's weight, sessions, maintenance
//! [directors.NAME] ─► render ─► configuration for ipvsadm, keepalived, HAProxy, nftables
//! ```

pub mod render;
pub mod report;

pub use report::{RealReport, RealState, Report};
