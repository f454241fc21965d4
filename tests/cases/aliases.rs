//! Aliases: CNAME chains with the right end, DNAME with the CNAME that it makes.

use super::zones::LONG_LABEL;
use super::{Case, ask};
use crate::kit::types::*;

pub fn cases() -> Vec<Case> {
    [cnames(), dnames()].concat()
}

/// RFC 1034 §4.3.2 step 3a; the code is that of the chain's last name (RFC 6604 §3).
fn cnames() -> Vec<Case> {
    const WWW: &str = "alias.example.com. 3600 CNAME www.example.com.
        www.example.com. 300 A 192.0.2.1
        www.example.com. 300 A 192.0.2.2";
    vec![
        ask("alias.example.com", A).answer(WWW),
        ask("alias2.example.com", A)
            .answer(&format!("alias2.example.com. 3600 CNAME alias.example.com.\n{WWW}")),
        ask("alias.example.com", CNAME).answer("alias.example.com. 3600 CNAME www.example.com."),
        ask("alias.example.com", MX)
            .nodata()
            .answer("alias.example.com. 3600 CNAME www.example.com."),
        ask("to-txt.example.com", A)
            .nodata()
            .answer("to-txt.example.com. 3600 CNAME txt.example.com."),
        ask("to-none.example.com", A)
            .nxdomain()
            .answer("to-none.example.com. 3600 CNAME none.example.com."),
        ask("to-ent.example.com", A)
            .nodata()
            .answer("to-ent.example.com. 3600 CNAME ent.example.com."),
        // What another zone says is for another question.
        ask("away.example.com", A)
            .answer("away.example.com. 3600 CNAME www.elsewhere.example.")
            .counted("alias"),
        // Into a cut: the search goes on at the new name and ends in a referral (RFC 1034 §4.3.2 step 3b). AA speaks of
        // the first name of the answer (RFC 1035 §4.1.1).
        ask("to-cut.example.com", A)
            .answer("to-cut.example.com. 3600 CNAME x.bare.example.com.")
            .authority("bare.example.com. 3600 NS ns.elsewhere.example.")
            .counted("alias"),
        // Round in circles: each record once (RFC 2181 §5).
        ask("loop1.example.com", A)
            .answer(
                "loop1.example.com. 3600 CNAME loop2.example.com.
                 loop2.example.com. 3600 CNAME loop1.example.com.",
            )
            .counted("alias"),
        ask("self.example.com", A)
            .answer("self.example.com. 3600 CNAME self.example.com.")
            .counted("alias"),
    ]
}

/// RFC 6672.
fn dnames() -> Vec<Case> {
    let long = |head: &str| format!("{head}.{0}.{0}.long.example.com", LONG_LABEL);
    vec![
        // §2.2: substitution, the CNAME with the DNAME's TTL (§3.1).
        ask("a.tree.example.com", A).answer(
            "tree.example.com. 600 DNAME oak.example.com.
             a.tree.example.com. 600 CNAME a.oak.example.com.
             a.oak.example.com. 3600 A 192.0.2.9",
        ),
        ask("a.tree.example.com", MX).nodata().answer(
            "tree.example.com. 600 DNAME oak.example.com.
             a.tree.example.com. 600 CNAME a.oak.example.com.",
        ),
        ask("x.y.tree.example.com", A).nxdomain().answer(
            "tree.example.com. 600 DNAME oak.example.com.
             x.y.tree.example.com. 600 CNAME x.y.oak.example.com.",
        ),
        ask("to-tree.example.com", A).answer(
            "to-tree.example.com. 3600 CNAME a.tree.example.com.
             tree.example.com. 600 DNAME oak.example.com.
             a.tree.example.com. 600 CNAME a.oak.example.com.
             a.oak.example.com. 3600 A 192.0.2.9",
        ),
        ask("x.far.example.com", A)
            .answer(
                "far.example.com. 3600 DNAME elsewhere.example.
                 x.far.example.com. 3600 CNAME x.elsewhere.example.",
            )
            .counted("alias"),
        // §2.3: the owner itself is not redirected.
        ask("tree.example.com", DNAME).answer("tree.example.com. 600 DNAME oak.example.com."),
        ask("tree.example.com", TXT).answer(r#"tree.example.com. 3600 TXT "beside a DNAME""#),
        ask("tree.example.com", A).nodata(),
        // §2.2: a name that grows too long.
        ask(&long("this-label-is-too-much"), A)
            .rcode(YXDOMAIN)
            .counted("too-long")
            .answer(&format!("long.example.com. 3600 DNAME {0}.{0}.example.com.", LONG_LABEL)),
    ]
}
