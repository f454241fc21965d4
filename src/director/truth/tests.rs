use super::*;
use crate::health::Probe;
use crate::health::check::tests::tcp;
use crate::steer::director::{Feed, HaproxySource, HttpSource, Vip};
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
        let spoken = truth.spoken().expect("one director");
        let told = format!("{feed:?} heard {heard:?} probed {probed}: {spoken:?}");
        assert_eq!((spoken.source, truth.live), (source, live), "{told}");
        assert_eq!(truth.is_enough, is_enough, "{told}");
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
        assert_eq!((truth.live, truth.is_enough), (live, is_enough), "{feed} {heard} {probed}");
    };
    check("json", "~U", "UU", 0.25, true);
    check("json", "U~", "UU", 0.75, true);
    check("json", "md", "UU", 0.0, false);
    // keepalived's `inhibit_on_failure`: the dead stay in the table, with weight 0.
    check("ipvs", "~U", "dU", 0.25, false);
    // A table without any of them has lost them all.
    check("ipvs", "--", "UU", 0.0, false);
}

#[test]
fn a_director_in_maintenance_drains() {
    let check = |configured, heard: &str, expected| {
        let mut director = director(Some("json"), &[1, 1]);
        director.maintenance = configured;
        assert_eq!(truth(vec![director], &[Some(heard)], "UU").is_maintenance, expected, "{heard}");
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
        let found = (truth.speaker, truth.live, truth.is_maintenance);
        assert_eq!(found, (speaker, live, out), "{maintenance:?} {heard:?}");
    };
    check([false, false], ["UUUU", "UUUU"], 0, 1.0, false);
    // Ten sessions for each row: the second has more.
    check([false, false], ["U", "Ud"], 1, 0.25, false);
    check([false, false], ["lost", "UUdd"], 1, 0.5, false);
    check([true, false], ["UUUU", "UU"], 1, 0.5, false);
    check([true, true], ["UUUU", "UU"], 0, 1.0, true);
}

#[test]
fn without_configured_reals_the_report_tells_who_they_are() {
    let check = |heard: &str, live: f64, out: bool| {
        let truth = truth(vec![director(Some("json"), &[])], &[Some(heard)], "");
        assert_eq!((truth.live, truth.is_maintenance), (live, out), "{heard}");
    };
    check("UUUd", 0.75, false);
    check("", 1.0, false);
    check("mm", 0.0, true);
    check("lost", 1.0, false);
}

#[test]
fn servers_that_only_the_report_has_are_named_and_count_for_nothing() {
    let check = |weights: &[u32], heard: &str, expected: &[&str]| {
        let truth = truth(vec![director(Some("json"), weights)], &[Some(heard)], "UU");
        assert_eq!(truth.directors[0].unconfigured, expected, "{heard}");
        assert_eq!(truth.live, 1.0, "{heard}");
    };
    check(&[1, 1], "UU", &[]);
    check(&[1, 1], "UUd", &["192.0.2.1:3"]);
    check(&[1], "UUm", &["192.0.2.1:2", "192.0.2.1:3"]);
    // Where none is configured, those that are told are all that there are.
    check(&[], "UU", &[]);
    check(&[1, 1], "lost", &[]);
}
