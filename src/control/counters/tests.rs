//! Counters against what was answered.

use super::*;
use crate::answer::{Outcome, Reason, Transport};
use crate::steer::pool::Family;

#[test]
fn sums_outlive_their_workers() {
    let registry = Registry::default();
    let (first, second) = (registry.enlist(), registry.enlist());
    let outcome =
        |reason, bytes| Outcome { bytes, rcode: 3, reason, truncated: true, scope_bits: Some(24) };
    first.count(Transport::Udp, &outcome(Reason::NxDomain, 40), Some(Family::V4));
    second.count(Transport::Tcp, &outcome(Reason::Ignored, 0), Some(Family::V6));
    let before = registry.counts();
    registry.retire(&first);
    registry.retire(&first);
    assert_eq!(registry.counts(), before);
    assert_eq!(before.reason(Transport::Udp, Reason::NxDomain), 1);
    assert_eq!(before.rcode(Transport::Udp, 3), 1);
    assert_eq!(before.rcode(Transport::Tcp, 3), 0, "nothing was sent");
    assert_eq!((before.messages(Transport::Tcp), before.truncated(Transport::Tcp)), (1, 1));
    assert_eq!((before.subnets_seen(), before.subnets()), (2, 2));
    assert_eq!(before.scopes(Family::V4)[24], 1);
    assert_eq!(before.scopes(Family::V6).iter().sum::<u64>(), 1);
}
