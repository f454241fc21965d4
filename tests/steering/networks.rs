//! The networks file: what it says of a client's network wins over the databases.

use crate::case::{ask_for, check};
use crate::kit::types::*;
use crate::world::{FRA, IAD, NETWORKS, NRT, SYD, pin, pool, start};
use fingerpost::control::Reloaded;

fn zone() -> String {
    let each = pool("each", &["fra", "iad", "nrt", "syd"], "");
    let names = r#"
[names.nearest]
pool = "each"
ttl = 30

[names.code]
pool = "each"
ttl = 30
route = [ { geo = ["EU-DE"], sites = ["fra"] }, { geo = ["AS64500"], sites = ["iad"] } ]

[names.subnet-first]
pool = "each"
ttl = 30
route = [ { subnets = ["20.5.1.0/24", "2a00:5:1::/48"], sites = ["iad"] }, { geo = ["EU"], sites = ["fra"] } ]

[names.subnet-last]
pool = "each"
ttl = 30
route = [ { geo = ["AS"], sites = ["nrt"] }, { subnets = ["20.4.0.0/15", "20.5.1.0/24"], sites = ["iad"] } ]

[names.subnet-only]
pool = "each"
ttl = 30
route = [ { subnets = ["20.5.1.0/24"], sites = ["iad"] } ]

[names.subnet-fence]
pool = "each"
ttl = 30
strict = true
route = [ { subnets = ["20.5.1.0/24"], sites = ["iad"] } ]
"#;
    [each, names.to_owned()].concat()
}

#[test]
fn own_locations_and_orders_win() {
    let cases = [
        // The order of the network itself, not that of its distances.
        ask_for("nearest", A, "20.5.0.0/24", 22).gets(SYD.0),
        ask_for("nearest", AAAA, "2a00:5::/48", 46).gets(SYD.1),
        // The longest prefix speaks alone: a place and no order.
        ask_for("nearest", A, "20.5.6.0/24", 24).gets(NRT.0),
        ask_for("nearest", A, "2a00:5:6::/48", 48).gets(NRT.0),
        // Own coordinates, and the country from the database.
        ask_for("nearest", A, "20.6.0.0/24", 16).gets(SYD.0),
        ask_for("code", A, "20.6.0.0/24", 16).gets(FRA.0),
        ask_for("code", A, "20.5.0.0/24", 22).gets(SYD.0),
        // AS numbers, which the database does not have.
        ask_for("code", A, "90.0.0.0/24", 16).gets(IAD.0),
        // An order wins over geo and nearest, not over subnets in front of them.
        ask_for("subnet-first", A, "20.5.1.0/24", 24).gets(IAD.0),
        ask_for("subnet-first", A, "2a00:5:1::/48", 48).gets(IAD.0),
        ask_for("subnet-first", A, "20.5.2.0/24", 23).gets(SYD.0),
        ask_for("subnet-last", A, "20.5.1.0/24", 22).gets(SYD.0),
        ask_for("subnet-last", A, "20.4.0.0/24", 16).gets(IAD.0),
        // Without geo and nearest it comes last, and behind a fence not at all.
        ask_for("subnet-only", A, "20.5.1.0/24", 24).gets(IAD.0),
        ask_for("subnet-only", A, "20.5.2.0/24", 23).gets(SYD.0),
        ask_for("subnet-fence", A, "20.5.1.0/24", 24).gets(IAD.0),
        ask_for("subnet-fence", A, "20.5.2.0/24", 23).nothing("fenced"),
    ];
    check(&start(&zone()), &cases);
}

#[test]
fn an_own_order_is_followed_to_its_end_and_then_distance() {
    let server = start(&zone());
    let serves = |address: &str| ask_for("nearest", A, "20.5.0.0/24", 22).gets(address);
    check(&server, &[serves(SYD.0)]);
    pin(&server, &[r#"site = "syd", state = "down""#]);
    check(&server, &[serves(NRT.0)]);
    pin(&server, &[r#"site = "syd", state = "down""#, r#"site = "nrt", state = "drain""#]);
    // Germany, as the database has it.
    check(&server, &[serves(FRA.0)]);
    pin(&server, &[]);
    check(&server, &[serves(SYD.0)]);
}

#[test]
fn a_changed_file_moves_clients() {
    let server = start(&zone());
    check(&server, &[ask_for("nearest", A, "20.5.0.0/24", 22).gets(SYD.0)]);
    let generation = server.generation();
    let moved = NETWORKS.replace("\"20.5.0.0/16\"", "\"20.5.0.0/17\"").replace("syd", "iad");
    server.dir.replace("networks.toml", format!("[networks]\n{moved}"));
    assert!(!matches!(server.reload(), Reloaded::Refused(_)));
    server.wait_for_generation_after(generation);
    let cases = [
        ask_for("nearest", A, "20.5.0.0/24", 22).gets(IAD.0),
        ask_for("nearest", A, "20.5.128.0/24", 17).gets(FRA.0),
    ];
    check(&server, &cases);
}
