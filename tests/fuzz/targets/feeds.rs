//! What directors and the kernel say: any bytes are read or refused, and what is read is within its bounds.
#![no_main]

use fingerpost::director::agent::table;
use fingerpost::director::feed::{haproxy, ipvs, json, limits};
use fingerpost::director::{FeedReport, Report};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

/// The backend that the seeds tell of.
const BACKEND: &str = "web";

fuzz_target!(|bytes: &[u8]| {
    let read = [
        haproxy::parse(bytes, BACKEND),
        json::parse(bytes),
        ipvs::parse(bytes, Timestamp::UNIX_EPOCH, Duration::MAX),
    ];
    for outcome in read {
        match outcome {
            Ok(FeedReport::One(report)) => check(&report),
            Ok(FeedReport::Services { services, .. }) => {
                services.iter().for_each(|service| check(&service.report));
            }
            Err(reason) => assert!(!reason.is_empty()),
        }
    }
    if let Ok(table) = table::parse(bytes) {
        let document = ipvs::Document {
            version: ipvs::VERSION,
            at: Timestamp::UNIX_EPOCH,
            maintenance: false,
            services: table.services,
            skipped: table.skipped,
        };
        // What the agent writes is what the feed reads, if it can be true.
        let written = serde_json::to_vec(&document).expect("text and numbers");
        assert_eq!(serde_json::from_slice::<ipvs::Document>(&written).ok(), Some(document));
        let _ = ipvs::parse(&written, Timestamp::UNIX_EPOCH, Duration::MAX);
    }
});

fn check(report: &Report) {
    assert!(report.reals.len() <= limits::REALS_MAX);
    let sessions = |sessions: Option<u64>| sessions.is_none_or(|it| it <= limits::SESSIONS_MAX);
    let times = |ms: Option<f64>| ms.is_none_or(|it| (0.0..=limits::RESPONSE_MS_MAX).contains(&it));
    assert!(times(report.response_ms));
    for real in &report.reals {
        assert!(
            real.weight <= limits::WEIGHT_MAX && sessions(real.sessions) && times(real.response_ms)
        );
        assert!(real.name.is_some() || real.address.is_some());
    }
}
