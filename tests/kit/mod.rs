//! What the tests ask the server with, and what they stand around it: a raw DNS client over every transport, a reader
//! of replies that hides nothing, throw-away configuration directories, and backends that can be switched off.
//!
//! Nothing here uses the server's own code, so a mistake cannot hide by being made twice: names, queries and replies
//! are put together and taken apart byte by byte, and hickory reads every reply once more as a second opinion. The
//! clients are blocking; those that need a runtime (HTTPS, QUIC) bring their own.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of the kit")]

pub mod backend;
pub mod case;
pub mod certificate;
pub mod client;
pub mod config;
pub mod https;
pub mod name;
pub mod query;
pub mod quic;
pub mod rdata;
pub mod reply;
pub mod server;
pub mod types;

pub use backend::{Backend, Mode};
pub use certificate::{TestAuthority, TestCertificate};
pub use client::{Stream, Udp, tcp, tls};
pub use config::ConfigDir;
pub use https::{Https, HttpsReply, Method};
pub use query::Query;
pub use quic::Quic;
pub use reply::{Ecs, Opt, Reply, Rr};

use std::time::{Duration, Instant};

/// How long a test waits for something that must come before it fails: long, as it costs nothing where things come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until `look` finds something; panics with `what` when patience ends.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}
