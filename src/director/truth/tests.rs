use super::*;
use crate::director::report::RealReport;
use crate::health::Probe;
use crate::health::check::tests::tcp;
use crate::steer::director::{Feed, FeedSource, HaproxySource, HttpSource, Mode, Real, Vip};
use crate::steer::testing;
use std::sync::Arc;
use std::time::Duration;

fn source(kind: &str) -> FeedSource {
    let http = HttpSource { url: "http://192.0.2.1/".into(), auth: None, roots: None };
    match kind {
        "ipvs" => FeedSource::Ipvs(http),
        "json" => FeedSource::Json(http),
        _ => FeedSource::Haproxy { from: HaproxySource::Http(http), backend: "web".into() },
    }
}

/// A director with reals `r1`, `r2` … of these weights on the ports 1, 2 …, probed each.
fn director(feed: Option<&str>, weights: &[u32]) -> Director {
    let real = |(&weight, number): (&u32, u16)| Real {
        name: format!("r{number}"),
        address: tcp(number).target,
        weight,
        probe: Some(Arc::new(tcp(number))),
    };
    let feed = feed.map(|kind| {
        let second = Duration::from_secs(1);
        let (interval, timeout, stale_after) = (second, second, 5 * second);
        Arc::new(Feed { source: source(kind), interval, timeout, stale_after })
    });
    let reals = weights.iter().zip(1..).map(real).collect();
    Director { feed, ..testing::director("lvs", reals) }
}

/// Letters by real: `U`p, `d`own, `~` draining, `m`aintenance, anything else not listed.
fn report(letters: &str) -> Report {
    let row = |(letter, number): (char, u16)| {
        let state = match letter {
            'U' => RealState::Up,
            'd' => RealState::Down,
            '~' => RealState::Draining,
            'm' => RealState::Maintenance,
            _ => return None,
        };
        Some(RealReport {
            name: None,
            address: Some(tcp(number).target),
            state,
            weight: 1,
            sessions: Some(10),
            is_backup: false,
        })
    };
    let reals: Vec<RealReport> = letters.chars().zip(1..).filter_map(row).collect();
    Report { sessions: Some(10 * reals.len() as u64), reals, ..Report::default() }
}

/// By the port of the probe, `U`p, `d`own, or not heard of.
fn verdict(letters: &str, probe: &Probe) -> Verdict {
    match letters.as_bytes().get(usize::from(probe.target.port()) - 1) {
        Some(b'U') => Verdict::Up,
        Some(b'd') => Verdict::Down,
        _ => Verdict::Unknown,
    }
}

/// `lost`, or letters as [`report`] has them; none for a director without a feed.
fn hearing(text: Option<&str>) -> Hearing {
    match text {
        None => Hearing::Mute,
        Some("lost") => Hearing::lost("refused"),
        Some(letters) => Hearing::Heard(report(letters)),
    }
}

fn v4(truth: &VipTruth) -> FamilyTruth {
    truth.of(Family::V4)
}

fn truth(directors: Vec<Director>, heard: &[Option<&str>], probed: &str) -> VipTruth {
    let vip = Vip { directors: directors.into_iter().map(Arc::new).collect() };
    let hearing = |director: &Director| {
        let place = vip.directors.iter().position(|other| std::ptr::eq(&**other, director));
        hearing(heard[place.expect("one of the VIP's")])
    };
    VipTruth::new(&vip, hearing, |probe| verdict(probed, probe))
}

#[test]
fn who_says_what_is_live() {
    use Source::{Check, Feed, Probes};
    let check = |feed: Option<&str>,
                 heard: Option<&str>,
                 probed: &str,
                 source,
                 live: f64,
                 is_enough: bool| {
        let truth = truth(vec![director(feed, &[3, 1])], &[heard], probed);
        let told = format!("{feed:?} heard {heard:?} probed {probed}: {truth:?}");
        assert_eq!((v4(&truth).source, v4(&truth).live), (source, live), "{told}");
        assert_eq!(v4(&truth).is_enough, is_enough, "{told}");
    };
    let check = |feed, heard, probed: &str, source, live: f64| {
        check(feed, heard, probed, source, live, live >= 0.5);
    };
    // Without a feed own probes decide, and strictly.
    check(None, None, "UU", Probes, 1.0);
    check(None, None, "Ud", Probes, 0.75);
    check(None, None, "dU", Probes, 0.25);
    check(None, None, "dd", Probes, 0.0);
    check(None, None, "U?", Probes, 0.75);
    // HAProxy and JSON are believed, whatever own probes see.
    check(Some("haproxy"), Some("UU"), "dd", Feed, 1.0);
    check(Some("json"), Some("dU"), "UU", Feed, 0.25);
    check(Some("json"), Some("dd"), "UU", Feed, 0.0);
    check(Some("json"), Some("U-"), "UU", Feed, 0.75);
    // IPVS's table says who is in rotation, own probes who is alive, unless they are blind.
    check(Some("ipvs"), Some("UU"), "Ud", Feed, 0.75);
    check(Some("ipvs"), Some("U-"), "UU", Feed, 0.75);
    check(Some("ipvs"), Some("UU"), "dd", Feed, 1.0);
    check(Some("ipvs"), Some("U-"), "dU", Feed, 0.0);
    // A feed that is lost: own probes; if they see nobody, the VIP's own check alone.
    check(Some("json"), Some("lost"), "Ud", Probes, 0.75);
    check(Some("json"), Some("lost"), "dd", Check, 1.0);
    check(Some("ipvs"), Some("lost"), "??", Check, 1.0);
}

#[test]
fn what_is_out_on_purpose_carries_nothing_and_is_not_missed() {
    let check = |feed, heard: &str, probed: &str, live: f64, is_enough| {
        let truth = truth(vec![director(Some(feed), &[3, 1])], &[Some(heard)], probed);
        let found = (v4(&truth).live, v4(&truth).is_enough);
        assert_eq!(found, (live, is_enough), "{feed} {heard} {probed}");
    };
    check("json", "~U", "UU", 0.25, true);
    check("json", "U~", "UU", 0.75, true);
    check("json", "md", "UU", 0.0, false);
    // keepalived's `inhibit_on_failure`: the dead stay in the table, with weight 0.
    check("ipvs", "~U", "dU", 0.25, false);
    // A table without any of them has lost them all, also with a sorry server in it.
    check("ipvs", "--", "UU", 0.0, false);
    check("ipvs", "--U", "UU", 0.0, false);
}

#[test]
fn a_table_of_strangers_is_set_aside() {
    let check = |heard: &str, probed: &str, source: Source, live: f64| {
        let truth = truth(vec![director(Some("ipvs"), &[3, 1])], &[Some(heard)], probed);
        assert_eq!((v4(&truth).source, v4(&truth).live), (source, live), "{heard} {probed}");
        let is_set_aside = source != Source::Feed;
        assert_eq!(truth.sessions.is_none(), is_set_aside, "{heard} {probed}");
        let fault = "its table has 192.0.2.1:3, 192.0.2.1:4 in place of the configured reals, which own probes see up";
        let expected = is_set_aside.then_some(fault);
        assert_eq!(truth.directors[0].feed_fault.as_deref(), expected, "{heard} {probed}");
    };
    check("--UU", "UU", Source::Probes, 1.0);
    check("--UU", "Ud", Source::Probes, 0.75);
    // Own probes see none of the configured ones: they may well be gone.
    check("--UU", "dd", Source::Feed, 0.0);
    // Strangers beside one that is known, or that get nothing.
    check("U-UU", "UU", Source::Feed, 0.75);
    check("--~~", "UU", Source::Feed, 0.0);
}

#[test]
fn a_director_in_maintenance_drains() {
    let check = |configured, heard: &str, expected| {
        let mut director = director(Some("json"), &[1, 1]);
        director.maintenance = configured;
        let truth = truth(vec![director], &[Some(heard)], "UU");
        assert_eq!(v4(&truth).is_maintenance, expected, "{heard}");
    };
    check(false, "UU", false);
    check(true, "UU", true);
    check(true, "lost", true);
    check(false, "~m", true);
    check(false, "~d", false);
}

#[test]
fn of_a_pair_the_one_with_the_sessions_speaks() {
    let check = |maintenance: [bool; 2], heard: [&str; 2], speaker: usize, live: f64, out: bool| {
        let pair = maintenance.map(|maintenance| {
            let mut director = director(Some("json"), &[1, 1, 1, 1]);
            director.maintenance = maintenance;
            director
        });
        let truth = truth(pair.into(), &heard.map(Some), "UUUU");
        let found = (truth.speaker, v4(&truth).live, v4(&truth).is_maintenance);
        assert_eq!(found, (speaker, live, out), "{maintenance:?} {heard:?}");
    };
    check([false, false], ["UUUU", "UUUU"], 0, 1.0, false);
    // Ten sessions for each row: the second has more.
    check([false, false], ["U", "Ud"], 1, 0.25, false);
    check([false, false], ["lost", "UUdd"], 1, 0.5, false);
    check([true, false], ["UUUU", "UU"], 1, 0.5, false);
    check([true, true], ["UUUU", "UU"], 0, 1.0, true);
}

/// Sessions of each by [`report`], ten for each real; `-` and a number: so many when it was last heard; `mute`: no feed.
#[test]
fn the_load_of_a_pair_is_that_of_who_holds_the_vip() {
    let check = |maintenance: [bool; 2], heard: [&str; 2], sessions: Option<u64>| {
        let of = |maintenance, heard: &str| {
            let feed = (heard != "mute").then_some("json");
            Arc::new(Director { maintenance, ..director(feed, &[1, 1, 1, 1]) })
        };
        let directors: Vec<Arc<Director>> = maintenance
            .into_iter()
            .zip(heard)
            .map(|(maintenance, heard)| of(maintenance, heard))
            .collect();
        let vip = Vip { directors };
        let hearing = |director: &Director| {
            let place = vip.directors.iter().position(|it| std::ptr::eq(&**it, director));
            match heard[place.expect("one of the VIP's")] {
                "mute" => Hearing::Mute,
                text => match text.strip_prefix('-') {
                    Some(last) => Hearing::Lost {
                        why: "refused".into(),
                        since: None,
                        last_sessions: last.parse().ok(),
                    },
                    None => Hearing::Heard(report(text)),
                },
            }
        };
        let truth = VipTruth::new(&vip, hearing, |_| Verdict::Up);
        assert_eq!(truth.sessions, sessions, "{maintenance:?} {heard:?}");
    };
    let none = [false; 2];
    check(none, ["UUUU", "U"], Some(40));
    check(none, ["U", "UUUU"], Some(40));
    // Who held it is not heard any more: what the other has says nothing.
    check(none, ["-40", "U"], None);
    // Until it has as many: the VIP has moved.
    check(none, ["-40", "UUUU"], Some(40));
    // Who was in reserve is not heard any more.
    check(none, ["UUUU", "-10"], Some(40));
    check(none, ["-40", "-10"], None);
    // Nobody knows what one has that was never heard, or has no feed.
    check(none, ["-", "UUUU"], None);
    check(none, ["mute", "UUUU"], None);
    // In maintenance, and VRRP has not moved.
    check([true, false], ["UUUU", "U"], Some(40));
    check([true, false], ["-40", "U"], None);
    // What the operator took out, and nobody has heard since the start.
    check([true, false], ["-", "UU"], Some(20));
    check([true, false], ["mute", "UU"], Some(20));
    check([true, true], ["-", "UU"], Some(20));
}

#[test]
fn without_configured_reals_the_report_tells_who_they_are() {
    let check = |heard: &str, live: f64, out: bool| {
        let truth = truth(vec![director(Some("json"), &[])], &[Some(heard)], "");
        assert_eq!((v4(&truth).live, v4(&truth).is_maintenance), (live, out), "{heard}");
    };
    check("UUUd", 0.75, false);
    check("", 1.0, false);
    check("mm", 0.0, true);
    check("lost", 1.0, false);
}

/// The first two reals of four are of IPv4, the others of IPv6; what A and AAAA come to.
#[test]
fn each_family_stands_by_the_reals_that_serve_it() {
    use Mode::{Dr, Nat, Proxy, Tun};
    use Source::{Check, Feed, Probes};
    let check =
        |modes: &[Mode], feed: Option<&str>, heard: Option<&str>, probed: &str, expected| {
            for mode in modes {
                let mut director = director(feed, &[1, 1, 1, 1]);
                director.mode = *mode;
                for real in &mut director.reals[2..] {
                    real.address.set_ip("2001:db8::1".parse().unwrap());
                }
                let heard = heard.map(|text| match hearing(Some(text)) {
                    Hearing::Heard(mut report) => {
                        let of_v6 = |row: &&mut RealReport| row.address.unwrap().port() > 2;
                        for row in report.reals.iter_mut().filter(of_v6) {
                            row.address.as_mut().unwrap().set_ip("2001:db8::1".parse().unwrap());
                        }
                        Hearing::Heard(report)
                    }
                    other => other,
                });
                let vip = Vip { directors: vec![Arc::new(director)] };
                let hearing = |_: &Director| heard.clone().unwrap_or(Hearing::Mute);
                let truth = VipTruth::new(&vip, hearing, |probe| verdict(probed, probe));
                let found = Family::BOTH.map(|family| {
                    let found = truth.of(family);
                    (found.source, found.live, found.is_enough)
                });
                assert_eq!(
                    found, expected,
                    "{mode} {feed:?} heard {heard:?} probed {probed}: {truth:?}"
                );
            }
        };
    let whole = |source| (source, 1.0, true);
    let dead = |source| (source, 0.0, false);
    let both = |one| [one, one];
    let apart = &[Nat, Dr, Tun];
    check(apart, None, None, "UUdd", [whole(Probes), dead(Probes)]);
    check(apart, None, None, "dUUU", [(Probes, 0.5, true), whole(Probes)]);
    check(&[Proxy], None, None, "UUdd", both((Probes, 0.5, true)));
    check(apart, Some("json"), Some("dUdd"), "", [(Feed, 0.5, true), dead(Feed)]);
    // Own probes that see nobody in a family are blind in that family.
    check(apart, Some("ipvs"), Some("UUUU"), "Uddd", [(Feed, 0.5, true), whole(Feed)]);
    check(apart, Some("ipvs"), Some("lost"), "Uddd", [(Probes, 0.5, true), whole(Check)]);
    check(&[Proxy], Some("json"), Some("lost"), "Uddd", both((Probes, 0.5, true)));
    check(apart, Some("json"), Some("lost"), "dddd", both(whole(Check)));
    // In each family by itself.
    let drains = |heard: &str| {
        let truth = truth(vec![director(Some("json"), &[1, 1])], &[Some(heard)], "");
        Family::BOTH.map(|family| truth.of(family).is_maintenance)
    };
    assert_eq!(drains("~~"), [true, true]);
    // Where no real of a family is listed, the others stand for it.
    assert_eq!(drains("~U"), [false, false]);
}

/// Letters as [`report`] has them, and `b` for an idle backup, `B` for one that serves.
#[test]
fn what_is_out_as_designed_is_not_counted() {
    let check = |configured: usize, letters: &str, live: f64, healthy: f64| {
        let plain: String = letters.replace(['b', 'B'], "U");
        let mut report = report(&plain);
        for (row, letter) in report.reals.iter_mut().zip(letters.chars()) {
            row.is_backup = matches!(letter, 'b' | 'B');
            if letter == 'b' {
                row.state = RealState::Standby;
            }
        }
        let vip = Vip { directors: vec![Arc::new(director(Some("json"), &vec![1; configured]))] };
        let truth = VipTruth::new(&vip, |_| Hearing::Heard(report.clone()), |_| Verdict::Up);
        let found = (v4(&truth).live, v4(&truth).healthy, v4(&truth).is_maintenance);
        assert_eq!(found, (live, healthy, false), "{configured} {letters}");
    };
    for configured in [0, 4] {
        check(configured, "UUbb", 1.0, 1.0);
        check(configured, "Udbb", 0.5, 0.5);
        // They stand in for as many as they are.
        check(configured, "ddBb", 0.5, 0.5);
        check(configured, "ddBB", 1.0, 1.0);
        check(configured, "dBBB", 1.0, 1.0);
        check(configured, "U~~~", 0.25, 1.0);
        check(configured, "Ud~~", 0.25, 0.5);
    }
    // Of what nobody has listed, those in maintenance may be slots that are free.
    check(0, "UUmm", 1.0, 1.0);
    check(4, "UUmm", 0.5, 1.0);
    check(0, "mmBb", 1.0, 1.0);
    check(2, "mB", 1.0, 1.0);
}

#[test]
fn servers_that_only_the_report_has_are_named_and_count_for_nothing() {
    let check = |weights: &[u32], heard: &str, expected: &[&str]| {
        let truth = truth(vec![director(Some("json"), weights)], &[Some(heard)], "UU");
        assert_eq!(truth.directors[0].unconfigured, expected, "{heard}");
        assert_eq!(v4(&truth).live, 1.0, "{heard}");
    };
    check(&[1, 1], "UU", &[]);
    check(&[1, 1], "UUd", &["192.0.2.1:3"]);
    check(&[1], "UUm", &["192.0.2.1:2", "192.0.2.1:3"]);
    // Where none is configured, those that are told are all that there are.
    check(&[], "UU", &[]);
    check(&[1, 1], "lost", &[]);
}
