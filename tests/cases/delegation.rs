//! Where authority ends: referrals, glue, DS, and what is not served here.

use super::{Case, ask};
use crate::kit::types::*;

const SUB: &str = "sub.example.com. 3600 NS ns.sub.example.com.
    sub.example.com. 3600 NS ns.elsewhere.example.";
const SUB_GLUE: &str = "ns.sub.example.com. 3600 A 192.0.2.99
    ns.sub.example.com. 3600 AAAA 2001:db8::99";
const DIGEST: &str = "0101010101010101010101010101010101010101010101010101010101010101";

pub fn cases() -> Vec<Case> {
    [referrals(), ds(), refusals()].concat()
}

fn to_sub(name: &str, rtype: u16) -> Case {
    ask(name, rtype).without_authority().counted("referral").authority(SUB).additional(SUB_GLUE)
}

/// RFC 1034 §4.3.2 step 3b: without AA (RFC 2181 §6.1), with glue (RFC 9471).
fn referrals() -> Vec<Case> {
    vec![
        to_sub("sub.example.com", A),
        to_sub("x.y.sub.example.com", A),
        // NS at the cut is the child's to answer.
        to_sub("sub.example.com", NS),
        to_sub("sub.example.com", ANY),
        // Glue is no data.
        to_sub("ns.sub.example.com", A),
        // Below the cut even DS is the child's.
        to_sub("x.sub.example.com", DS),
        ask("x.bare.example.com", A)
            .without_authority()
            .counted("referral")
            .authority("bare.example.com. 3600 NS ns.elsewhere.example."),
        // The server's name lies below another cut of the same zone: sibling glue (RFC 9471 §2.3).
        ask("x.sibling.example.com", A)
            .without_authority()
            .counted("referral")
            .authority("sibling.example.com. 3600 NS ns.sub.example.com.")
            .additional(SUB_GLUE),
    ]
}

/// RFC 4035 §3.1.4.1: DS is answered on the parent's side, also where both sides are served.
fn ds() -> Vec<Case> {
    let record = format!("sub.example.com. 3600 DS \\# 36 30390d02{DIGEST}");
    vec![
        ask("sub.example.com", DS).answer(&record),
        to_sub("x.sub.example.com", A)
            .with("with DO", |query| query.dnssec_ok())
            .authority(&record),
        ask("bare.example.com", DS).nodata(),
        ask("child.example.com", DS).answer(&format!(
            "child.example.com. 3600 DS \\# 36 d4310d02{}",
            DIGEST.replace("01", "02")
        )),
        // All else below the served child is the child's.
        ask("child.example.com", NS).answer("child.example.com. 900 NS ns1.example.com."),
    ]
}

fn refusals() -> Vec<Case> {
    let refused = |name, rtype| ask(name, rtype).without_authority().rcode(REFUSED);
    vec![
        refused("example.net", A).counted("no-zone"),
        refused("com", NS).counted("no-zone"),
        refused(".", NS).counted("no-zone"),
        refused("notexample.com", A).counted("no-zone"),
        refused("example.com", AXFR).counted("transfer"),
        refused("example.com", IXFR).counted("transfer"),
    ]
}
