//! What is refused and said; the texts as wholes are in `tests/render`.

use super::*;
use crate::health::Probe;
use crate::health::check::{Check, CheckKind};
use crate::steer::director::Real;
use crate::steer::testing;
use std::net::Ipv6Addr;
use std::time::Duration;

/// A real at `address`, probed by a connection.
pub(crate) fn real(address: &str, weight: u32) -> Real {
    let target = address.parse().expect("an address and port");
    let check = Check {
        name: "tcp".into(),
        kind: CheckKind::Tcp,
        interval: Duration::from_secs(5),
        timeout: Duration::from_millis(500),
        fall: 3,
        rise: 2,
        source: None,
    };
    let probe = Some(Arc::new(Probe { check, target }));
    Real { name: address.into(), address: target, weight, probe }
}

/// A director of site fra with two reals.
pub(crate) fn director(name: &str, mode: Mode) -> Director {
    let reals = vec![real("10.0.0.2:80", 3), real("10.0.0.3:80", 1)];
    Director { mode, ..testing::director(name, reals) }
}

fn rendered(format: Format, directors: &[Director]) -> Result<Rendered, Report> {
    with(format, directors, &Settings::default())
}

/// The first director's, of which the others are known.
fn with(format: Format, directors: &[Director], settings: &Settings) -> Result<Rendered, Report> {
    let all: Vec<Arc<Director>> = directors.iter().cloned().map(Arc::new).collect();
    rules(&Job { format, directors: &all[..1], all: &all, settings })
}

#[test]
fn what_a_format_cannot_do_is_refused_with_what_can() {
    let check = |format: Format, mode: Mode, cure: &str| {
        let outcome = rendered(format, &[director("lb", mode)]);
        let help = outcome.err().map(|report| report.findings[0].help.clone().unwrap_or_default());
        let help = help.unwrap_or_default();
        assert_eq!(help.is_empty(), cure.is_empty(), "{format} {mode}: {help}");
        assert!(help.contains(cure), "{format} {mode}: {help}");
    };
    for mode in [Mode::Nat, Mode::Dr, Mode::Tun] {
        check(Format::Ipvsadm, mode, "");
        check(Format::Keepalived, mode, "");
        check(Format::Haproxy, mode, "--format keepalived, or make its mode proxy");
        assert_eq!(Format::usual(mode), Format::Keepalived);
    }
    check(Format::Nftables, Mode::Nat, "");
    check(Format::Nftables, Mode::Dr, "--format keepalived");
    check(Format::Nftables, Mode::Tun, "--format keepalived");
    check(Format::Ipvsadm, Mode::Proxy, "--format haproxy");
    check(Format::Keepalived, Mode::Proxy, "--format haproxy");
    check(Format::Nftables, Mode::Proxy, "--format haproxy");
    check(Format::Haproxy, Mode::Proxy, "");
    assert_eq!(Format::usual(Mode::Proxy), Format::Haproxy);
}

#[test]
fn what_could_not_serve_is_refused() {
    let check = |change: &dyn Fn(&mut Director), message: &str| {
        let mut changed = director("lb", Mode::Dr);
        change(&mut changed);
        let format = Format::usual(changed.mode);
        let report = rendered(format, &[changed]).expect_err("refused");
        let messages: Vec<&str> =
            report.findings.iter().map(|finding| &finding.message[..]).collect();
        assert!(messages.iter().any(|one| one.contains(message)), "{messages:?}");
        assert!(report.findings.iter().all(|finding| finding.help.is_some()));
    };
    check(&|director| director.reals.clear(), "lists no reals");
    check(
        &|director| director.reals.iter_mut().for_each(|real| real.weight = 0),
        "only reals of weight 0",
    );
    check(
        &|director| director.aaaa = Some(Ipv6Addr::LOCALHOST),
        "::1 has no real among the reals with IPv6",
    );
    let udp = |director: &mut Director| {
        director.mode = Mode::Proxy;
        director.service.protocol = Protocol::Udp;
    };
    check(&udp, "no proxy takes udp/80");
}

#[test]
fn every_mistake_of_every_director_is_told() {
    let mut dr = director("one", Mode::Dr);
    dr.aaaa = Some(Ipv6Addr::LOCALHOST);
    let all = [Arc::new(dr), Arc::new(director("two", Mode::Proxy))];
    let job =
        Job { format: Format::Ipvsadm, directors: &all, all: &all, settings: &Settings::default() };
    assert_eq!(rules(&job).expect_err("refused").findings.len(), 2);
    assert!(host(&job, Host::Director).is_err());
}

#[test]
fn a_pair_shares_its_vip_by_vrrp() {
    let pair =
        |first: &str, second: &str, mode: Mode| [director(first, mode), director(second, mode)];
    let text =
        |directors: &[Director]| rendered(Format::Keepalived, directors).expect("rendered").text;
    let check = |text: &str, parts: &[&str]| {
        for part in parts {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    };
    let [a, b] = pair("a", "b", Mode::Dr);
    let first = text(&[a.clone(), b.clone()]);
    check(
        &first,
        &[
            "lvs_sync_daemon eth0 VIP_192.0.2.100\n",
            "priority 200",
            "virtual_router_id 100",
            "192.0.2.100/32 dev eth0",
        ],
    );
    // What is rendered is the first, wherever it stands among all.
    let all = [Arc::new(a), Arc::new(b)];
    let settings =
        Settings { interface: "bond0".into(), router_id: Some(7), ..Settings::default() };
    let job =
        Job { format: Format::Keepalived, directors: &all[1..], all: &all, settings: &settings };
    let second = rules(&job).expect("rendered").text;
    check(&second, &["state BACKUP", "priority 190", "virtual_router_id 7", "interface bond0"]);
    let script = host(&job, Host::Director).expect("rendered");
    assert!(!script.contains("address replace"), "{script}");
    let alone = text(&[director("a", Mode::Dr)]);
    assert!(!alone.contains("vrrp") && !alone.contains("lvs_sync"), "{alone}");
    let proxies = text(&pair("a", "b", Mode::Proxy));
    check(&proxies, &["track_process", "process haproxy"]);
    assert!(!proxies.contains("virtual_server") && !proxies.contains("lvs_sync"), "{proxies}");
}

#[test]
fn services_of_one_address_move_it_once() {
    let mut https = director("https", Mode::Nat);
    https.service.port = 443;
    let http = director("http", Mode::Nat);
    let other = |director: &Director| Director { name: "other".into(), ..director.clone() };
    let all: Vec<Arc<Director>> =
        [http.clone(), https.clone(), other(&http), other(&https)].map(Arc::new).to_vec();
    let job = Job {
        format: Format::Keepalived,
        directors: &all[..2],
        all: &all,
        settings: &Settings::default(),
    };
    let text = rules(&job).expect("rendered").text;
    assert_eq!(text.matches("vrrp_instance").count(), 1, "{text}");
    assert_eq!(text.matches("virtual_server").count(), 2, "{text}");
}

/// Both hosts of a pair have the same instance, whatever else stands on one of them and in whichever order.
#[test]
fn who_shares_an_address_moves_it_alike() {
    let of = |name: &str, port: u16, a: Option<&str>, aaaa: Option<&str>| {
        let mut director = director(name, Mode::Tun);
        director.service.port = port;
        director.a = a.map(|text| text.parse().expect("an address"));
        director.aaaa = aaaa.map(|text| text.parse().expect("an address"));
        Arc::new(director)
    };
    let (four, six) = (Some("192.0.2.30"), Some("2001:db8::31"));
    // Alone with an address that a pair shares; and two pairs that have one of their addresses in common.
    let alone = of("alone", 80, four, None);
    let [one, other] = ["one", "other"].map(|name| of(name, 443, four, six));
    let [small, large] = ["small", "large"].map(|name| of(name, 8443, None, six));
    let all = [&alone, &one, &small, &large, &other].map(Arc::clone);
    let settings = Settings::default();
    let job = |directors: &'static str| -> Vec<Arc<Director>> {
        let named = directors.split(' ');
        named.map(|name| all.iter().find(|it| it.name == name).expect("one").clone()).collect()
    };
    let check = |named: &'static str| {
        let directors = job(named);
        let job = Job {
            format: Format::Keepalived,
            directors: &directors,
            all: &all,
            settings: &settings,
        };
        let text = rules(&job).expect("rendered").text;
        let lines = text.lines().map(str::trim);
        let of_instance = |line: &&str| {
            ["vrrp_instance", "virtual_router_id", "192.0.2.30/32", "2001:db8::31/128"]
                .iter()
                .any(|word| line.starts_with(word))
        };
        let instance: Vec<&str> = lines.filter(of_instance).collect();
        assert_eq!(
            instance,
            [
                "vrrp_instance VIP_192.0.2.30 {",
                "virtual_router_id 30",
                "192.0.2.30/32 dev eth0",
                "2001:db8::31/128 dev eth0",
            ],
            "{named}: {text}"
        );
        let script = host(&job, Host::Director).expect("rendered");
        assert!(!script.contains("address replace"), "{named}: {script}");
    };
    check("alone one small");
    check("small one");
    check("other large");
    check("large");
}

/// One device for each own address, so that none is missing where there are two, and none is kept that is of before.
#[test]
fn tunnels_bear_the_address_that_they_end_at() {
    let of = |name: &str, own: &str| {
        let reals = vec![Real { name: "w1".into(), ..real(own, 1) }];
        Arc::new(Director { mode: Mode::Tun, ..testing::director(name, reals) })
    };
    let all = [of("a", "10.0.0.2:80"), of("b", "10.1.0.2:80")];
    let settings = Settings::default();
    let job = Job { format: Format::Keepalived, directors: &all, all: &all, settings: &settings };
    let script = host(&job, Host::Real("w1")).expect("rendered");
    for line in [
        "ip link add fp4-0a000002 type ipip local 10.0.0.2 remote any",
        "ip link add fp4-0a010002 type ipip local 10.1.0.2 remote any",
        "sysctl -q -w net.ipv4.conf.fp4-0a010002.rp_filter=2",
    ] {
        assert!(script.contains(line), "{line} is missing in:\n{script}");
    }
}

#[test]
fn a_real_is_found_by_name_or_address() {
    let mut named = director("lb", Mode::Nat);
    named.reals[0].name = "web1".into();
    let all = [Arc::new(named)];
    let settings = Settings { gateway: Some([10, 0, 0, 1].into()), ..Settings::default() };
    let job = Job { format: Format::Nftables, directors: &all, all: &all, settings: &settings };
    let script = |name: &str| host(&job, Host::Real(name));
    for name in ["web1", "10.0.0.2", "10.0.0.2:80"] {
        let script = script(name).expect("found");
        assert!(script.contains("ip -4 route replace default via 10.0.0.1"), "{script}");
    }
    let help = script("web2").expect_err("unknown").findings[0].help.clone();
    assert_eq!(help.as_deref(), Some("did you mean \"web1\"?"));
    let settings = Settings { gateway: Some(Ipv6Addr::LOCALHOST.into()), ..settings.clone() };
    assert!(host(&Job { settings: &settings, ..job }, Host::Real("web1")).is_err());
}

#[test]
fn names_do_not_leave_their_place() {
    let mut strange = director("a\nb { \"$x\"", Mode::Proxy);
    strange.reals[0].name = "one two".into();
    strange.reals[1].name = "one_two".into();
    let text = rendered(Format::Haproxy, &[strange.clone()]).expect("rendered").text;
    assert!(text.contains("listen a_b_____x_\n"), "{text}");
    assert!(text.contains("server one_two 10.0.0.2:80"), "{text}");
    assert!(text.contains("server one_two_2 10.0.0.3:80"), "{text}");
    strange.mode = Mode::Nat;
    let text = rendered(Format::Nftables, &[strange]).expect("rendered").text;
    assert!(text.contains("table ip fingerpost_a_b_____x_ {"), "{text}");
}
