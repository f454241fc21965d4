//! One of each text as a whole, for people to read.

use super::case::{self, Case, Families, director, haproxy_feed, http, http_check};
use fingerpost::director::render::{Format, Host, Settings, host, rules};
use fingerpost::steer::director::{Director, HaproxySource, Mode, Scheduler};
use std::path::Path;
use std::sync::Arc;

fn case(format: Format, directors: &[Director]) -> Case {
    let all: Vec<Arc<Director>> = directors.iter().cloned().map(Arc::new).collect();
    let settings = Settings { gateway: Some([10, 0, 0, 1].into()), ..Settings::default() };
    Case { title: String::new(), format, directors: all[..1].to_vec(), all, settings }
}

fn lb(name: &str, mode: Mode, families: Families) -> Director {
    director(name, mode, families, Some(http_check(http())))
}

/// Holds a text against the file of that name.
fn same(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} differs; UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn configurations_look_like_this() {
    let check = |name: &str, case: Case| same(name, &rules(&case.job()).expect("rendered").text);
    check("tun.ipvsadm.rules", case(Format::Ipvsadm, &[lb("lvs", Mode::Tun, Families::Both)]));
    let pair = [lb("lvs-1", Mode::Dr, Families::Both), lb("lvs-2", Mode::Dr, Families::Both)];
    check("dr.keepalived.conf", case(Format::Keepalived, &pair));
    let mut proxy = lb("proxy", Mode::Proxy, Families::Both);
    proxy.feed = Some(haproxy_feed(HaproxySource::Tcp(([10, 0, 0, 1], 9999).into())));
    proxy.reals.push(case::real("10.0.0.4:8000", 1000, None));
    check("proxy.haproxy.cfg", case(Format::Haproxy, &[proxy]));
    check("nat.nft", case(Format::Nftables, &[lb("nat", Mode::Nat, Families::V4)]));
    let hashed = Director { scheduler: Scheduler::Mh, ..lb("nat", Mode::Nat, Families::V6) };
    check("nat-hash.nft", case(Format::Nftables, &[hashed]));
}

#[test]
fn scripts_look_like_this() {
    let check = |mode: Mode, families: Families| {
        let director = lb("lvs", mode, families);
        let case = case(Format::usual(mode), &[director]);
        same(&format!("{mode}-director.sh"), &host(&case.job(), Host::Director).expect("rendered"));
        let real = host(&case.job(), Host::Real("web1")).expect("rendered");
        same(&format!("{mode}-real.sh"), &real);
    };
    check(Mode::Nat, Families::V4);
    check(Mode::Dr, Families::Both);
    check(Mode::Tun, Families::Crossed);
    check(Mode::Proxy, Families::V4);
}
