//! Ten thousand small zones in one directory: loaded in seconds, answered like any, one changed is read in no time.

mod kit;

use fingerpost::answer::Transport;
use fingerpost::control::Reloaded;
use kit::server::TestServer;
use kit::types::*;
use kit::*;
use std::fmt::Write;
use std::time::{Duration, Instant};

const ZONES: usize = 10_000;
/// Far more than it takes, for the slowest of machines: a load that is quadratic in anything takes longer.
const LOAD_MAX: Duration = Duration::from_secs(60);
const RELOAD_MAX: Duration = Duration::from_secs(20);

fn origin(number: usize) -> String {
    format!("zone-{number}.example")
}

/// A zone of ten records that says which it is.
fn zone(number: usize, edition: usize) -> String {
    let (high, low) = (number / 256, number % 256);
    let mut text = format!(
        "$TTL 300\n@ SOA ns1 host {edition} 7200 1800 1209600 60\n@ NS ns1\n@ NS ns2\n\
         ns1 A 192.0.2.53\nns2 A 192.0.2.54\n@ MX 10 mail\nmail A 192.0.2.25\n"
    );
    writeln!(text, "www A 10.{high}.{low}.{edition}\nwww TXT \"zone {number}\"\n* CNAME www")
        .expect("text");
    text
}

#[test]
fn ten_thousand_zones() {
    let dir = ConfigDir::new();
    for number in 0..ZONES {
        dir.write(&format!("zones/{}.zone", origin(number)), zone(number, 1));
    }
    let start = Instant::now();
    let server = TestServer::start(dir);
    let loaded = start.elapsed();
    println!("{ZONES} zones: started in {loaded:.1?}");
    assert!(loaded < LOAD_MAX, "started in {loaded:?}");

    let udp = Udp::to(server.address(Transport::Udp));
    for number in 0..ZONES {
        let (high, low) = (number / 256, number % 256);
        let reply = udp.ask(&Query::new(&format!("www.{}", origin(number)), A));
        assert_eq!(reply.data(A), [format!("10.{high}.{low}.1")], "{number}");
    }
    assert_eq!(udp.ask(&Query::new(&format!("www.{}", origin(ZONES)), A)).rcode(), REFUSED);

    let changed = ZONES / 2;
    server.dir.replace(&format!("zones/{}.zone", origin(changed)), zone(changed, 2));
    let start = Instant::now();
    assert!(matches!(server.reload(), Reloaded::Published(..) | Reloaded::Unchanged(..)));
    let reloaded = start.elapsed();
    println!("{ZONES} zones: one changed, reloaded in {reloaded:.1?}");
    assert!(reloaded < RELOAD_MAX, "reloaded in {reloaded:?}");
    for (number, edition) in
        [(changed, 2), (changed - 1, 1), (changed + 1, 1), (0, 1), (ZONES - 1, 1)]
    {
        let reply = udp.ask(&Query::new(&format!("x.{}", origin(number)), A));
        let (high, low) = (number / 256, number % 256);
        assert_eq!(reply.data(A), [format!("10.{high}.{low}.{edition}")], "{number}");
    }
    // The watcher sees one among so many, too.
    server.dir.replace(&format!("zones/{}.zone", origin(1)), zone(1, 3));
    let query = Query::new(&format!("www.{}", origin(1)), A);
    until("the changed zone", || (udp.ask(&query).data(A) == ["10.0.1.3"]).then_some(()));
}
