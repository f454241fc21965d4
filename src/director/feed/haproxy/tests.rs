//! Statistics as HAProxy writes them, and as it never would.

use super::*;
use proptest::prelude::*;

/// Columns in another order than HAProxy's, some left out.
const HEADER: &str = "# pxname,svname,scur,stot,status,weight,bck,type,rtime,mode,last_chk,addr,\n";

/// Rows of two backends and a frontend; the answer to `show stat` ends in an empty line.
const ROWS: &str = "\
www,FRONTEND,9,100,OPEN,,,0,,http,,,
web,web1,7,90,UP,3,0,2,12,http,L7OK,10.0.0.2:80,
web,web2,0,4,DOWN,1,0,2,0,http,\"Connection \"\"refused\"\", again\",10.0.0.3:80,
web,web3,2,4,UP 1/3,1,0,2,5,http,,[2001:db8::3]:80,
web,BACKEND,9,98,UP,4,0,1,11,http,,,
wiki,BACKEND,0,0,UP,0,0,1,0,http,,,

";

fn statistics(rows: &str) -> String {
    format!("{HEADER}{rows}")
}

fn one(text: &str, backend: &str) -> Result<Report, String> {
    let said = parse(text.as_bytes(), backend).map_err(|fault| fault.why)?;
    let FeedReport::One(report) = said else { panic!("one backend") };
    Ok(report)
}

#[test]
fn the_rows_of_a_backend_are_read() {
    let report = one(&statistics(ROWS), "web").expect("a report");
    assert_eq!((report.sessions, report.response_ms), (Some(9), Some(11.0)));
    let real = |name: &str, address: &str, state, weight, sessions| RealReport {
        name: Some(name.to_owned()),
        address: address.parse().ok(),
        state,
        weight,
        sessions: Some(sessions),
        is_backup: false,
    };
    assert_eq!(
        report.reals,
        [
            real("web1", "10.0.0.2:80", RealState::Up, 3, 7),
            real("web2", "10.0.0.3:80", RealState::Down, 1, 0),
            real("web3", "[2001:db8::3]:80", RealState::Up, 1, 2),
        ]
    );
}

#[test]
fn every_status() {
    let check = |status: &str, weight: u32, expected: Option<RealState>| {
        let rows =
            format!("web,a,0,0,{status},{weight},0,2,,tcp,,,\nweb,BACKEND,0,0,UP,1,0,1,,tcp,,,\n");
        let state = one(&statistics(&rows), "web").ok().map(|report| report.reals[0].state);
        assert_eq!(state, expected, "{status} {weight}");
    };
    check("UP", 1, Some(RealState::Up));
    check("UP 1/3", 1, Some(RealState::Up));
    check("UP", 0, Some(RealState::Draining));
    check("no check", 1, Some(RealState::Up));
    check("no check", 0, Some(RealState::Draining));
    check("DRAIN", 1, Some(RealState::Draining));
    check("DRAIN (agent)", 0, Some(RealState::Draining));
    check("NOLB", 1, Some(RealState::Draining));
    check("NOLB 1/2", 1, Some(RealState::Draining));
    check("MAINT", 1, Some(RealState::Maintenance));
    check("MAINT (via web/web1)", 1, Some(RealState::Maintenance));
    check("MAINT (resolution)", 1, Some(RealState::Maintenance));
    check("DOWN", 1, Some(RealState::Down));
    check("DOWN 1/2", 0, Some(RealState::Down));
    check("DOWN (agent)", 1, Some(RealState::Down));
    check("", 1, None);
    check("UPPER", 1, None);
    check("no idea", 1, None);
}

#[test]
fn a_backup_waits_for_the_others_to_fail() {
    use RealState::{Down, Standby, Up};
    let check = |active: &str, backups: [&str; 2], weight: u32, expected: [RealState; 2]| {
        let row = |(name, status): (&str, &str)| format!("web,{name},0,0,{status},2,1,2,,tcp,,,\n");
        let rows: String = ["b", "c"].into_iter().zip(backups).map(row).collect();
        let rows = format!(
            "web,a,0,0,{active},1,0,2,,tcp,,,\n{rows}web,BACKEND,0,0,UP,{weight},0,1,,tcp,,,\n"
        );
        let report = one(&statistics(&rows), "web").expect("a report");
        let [a, b, c] = &report.reals[..] else { panic!("three servers") };
        assert_eq!([a, b, c].map(|real| real.is_backup), [false, true, true]);
        assert_eq!([b.state, c.state], expected, "{active}, {backups:?}, {weight}");
    };
    check("UP", ["UP", "UP"], 1, [Standby, Standby]);
    check("UP", ["DOWN", "UP"], 1, [Down, Standby]);
    // The first alone stands in, unless there is `option allbackups`.
    check("DOWN", ["UP", "UP"], 2, [Up, Standby]);
    check("DOWN", ["UP", "UP"], 4, [Up, Up]);
    check("MAINT", ["DOWN", "UP"], 2, [Down, Up]);
}

#[test]
fn times_are_only_told_where_there_are_any() {
    let check = |mode: &str, ever: &str, time: &str, expected: Option<f64>| {
        let rows =
            format!("web,a,0,0,UP,1,0,2,,tcp,,,\nweb,BACKEND,,{ever},UP,1,0,1,{time},{mode},,,\n");
        let report = one(&statistics(&rows), "web").expect("a report");
        assert_eq!((report.response_ms, report.sessions), (expected, None), "{mode} {ever} {time}");
    };
    check("http", "7", "3", Some(3.0));
    check("http", "7", "0", Some(0.0));
    check("http", "0", "0", None);
    check("http", "7", "", None);
    check("tcp", "7", "0", None);
}

#[test]
fn lies_have_plain_reasons() {
    let check = |text: &str, backend: &str, part: &str| {
        let reason = one(text, backend).expect_err(part);
        assert!(reason.contains(part), "{reason}");
    };
    let whole = statistics(ROWS);
    check("", "web", "no HAProxy statistics");
    check("<html><body>", "web", "it begins with \"<html><body>\"");
    check("Permission denied\n\n", "web", "\"Permission denied\"");
    check(&whole.replace("scur", "cur"), "web", "no column \"scur\"");
    check(whole.trim_end(), "web", "cut short");
    let begun = whole.find("web,BACKEND").expect("a row");
    check(&whole[..begun], "web", "backend \"web\" has no end");
    check(
        &whole.replace("UP 1/3,1,0,2,5,http,,[2001:db8::3]:80,", "UP"),
        "web",
        "line 5 of the statistics is cut short",
    );
    check(&whole, "wbe", "did you mean \"web\"?");
    check(&whole, "database", "there are web, wiki");
    check(&whole, "www", "that is a frontend");
    check(&statistics(""), "web", "no backend \"web\", nor any other");
    check(&whole.replace("UP,3,", "UP,-3,"), "web", "the weight of web1");
    check(&whole.replace("UP,3,", "UP,70000,"), "web", "the weight of web1");
    check(&whole.replace("UP,3,", "UP,,"), "web", "the weight of web1");
    check(&whole.replace("web1,7", "web1,1099511627777"), "web", "sessions of web1");
    check(&whole.replace("1,11,http", "1,NaN,http"), "web", "response time of web");
    check(&whole.replace("web2", "web1"), "web", "\"web1\" is twice");
    check(&format!("{whole}web,BACKEND,9,98,UP,4,0,1,11,http,,,\n"), "web", "is there twice");
    check(&whole.replace("0,1,11,http", "0,4,11,http"), "web", "is of type \"4\"");
    check(&whole.replace("wiki", "wi\u{fffd}ki"), "wi", "no backend");
    assert!(parse(b"# pxname,\xff\n", "web").unwrap_err().why.contains("UTF-8"));
}

proptest! {
    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = parse(&bytes, "web");
    }

    #[test]
    fn any_change_is_taken_or_refused(
        at in 0..HEADER.len() + ROWS.len(), length in 0_usize..12, put in "[ -~\n\"]{0,12}",
    ) {
        let mut text = statistics(ROWS);
        let end = (at + length).min(text.len());
        text.replace_range(at..end, &put);
        if let Ok(report) = one(&text, "web") {
            prop_assert!(report.reals.iter().all(|real| real.weight <= limits::WEIGHT_MAX));
        }
    }
}
