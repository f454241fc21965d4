//! Directors' configurations, read by the programs that they are for: `ipvsadm -R`, `keepalived -t`, `haproxy -c` and
//! `nft -c`. Each test says so and ends where its program is not installed. What the texts look like stands under
//! `golden/`, for people; run with `UPDATE_GOLDEN=1` to write it anew.

mod case;
mod golden;
mod programs;

use case::{Case, Families, director, haproxy_feed, page};
use fingerpost::director::render::{Format, Host, Settings, host, rules};
use fingerpost::steer::director::{HaproxySource, Mode};
use programs::{Ipvsadm, find, in_namespace, interface, run};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Renders each case and has it read; all that are refused are told at once.
fn check(cases: &[Case], read: impl Fn(&str) -> Result<(), String>) {
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in cases {
        let rendered =
            rules(&case.job()).unwrap_or_else(|report| panic!("{}: {report:?}", case.title));
        if let Err(said) = read(&rendered.text) {
            wrong.push(format!("{}: {said}\n{}", case.title, rendered.text));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Has a file read by a command whose last argument is its path.
fn by_file(directory: &Path, command: impl Fn() -> Command) -> impl Fn(&str) -> Result<(), String> {
    let path = directory.join("rendered");
    move |text| {
        std::fs::write(&path, text).expect("written");
        let (succeeds, said) = run(command().arg(&path), "");
        if succeeds { Ok(()) } else { Err(said) }
    }
}

#[test]
fn ipvsadm_takes_all_rules() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(ipvsadm) = Ipvsadm::find(directory.path()) else { return };
    // That it is the program that agrees, not what stands in for the kernel.
    for wrong in [
        "-A -t 192.0.2.1:80 -s rr -w 3\n",
        "-A -t 192.0.2.1:80 -s\n",
        "-a -t 192.0.2.1:80 -r [fd00::2]:80 -m\n",
        "# a comment\n",
    ] {
        assert!(ipvsadm.restore(wrong).is_err(), "{wrong}");
    }
    check(&case::all(Format::Ipvsadm, "eth0"), |text| ipvsadm.restore(text));
}

#[test]
fn keepalived_takes_all_configurations() {
    let (Some(keepalived), Some(interface)) = (find("keepalived"), interface()) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let read = by_file(directory.path(), || {
        let mut command = Command::new(&keepalived);
        command.args(["--config-test", "--use-file"]);
        command
    });
    assert!(read("virtual_server 192.0.2.1 80 {\n    lb_kind UP\n}\n").is_err());
    check(&case::all(Format::Keepalived, &interface), read);
}

#[test]
fn haproxy_takes_all_configurations() {
    let Some(haproxy) = find("haproxy") else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let mut cases = case::all(Format::Haproxy, "eth0");
    for from in [
        page("http://127.0.0.1:8405/haproxy?stats;csv"),
        page("https://[::1]/;csv"),
        HaproxySource::Unix("/run/haproxy/other one.sock".into()),
        HaproxySource::Tcp(([127, 0, 0, 1], 9999).into()),
    ] {
        let mut one = director("lb", Mode::Proxy, Families::Both, None);
        one.feed = Some(haproxy_feed(from.clone()));
        let directors = vec![Arc::new(one)];
        cases.push(Case {
            title: format!("{from:?}"),
            format: Format::Haproxy,
            all: directors.clone(),
            directors,
            settings: Settings::default(),
        });
    }
    let read = by_file(directory.path(), || {
        let mut command = Command::new(&haproxy);
        command.args(["-c", "-f"]);
        command
    });
    assert!(read("listen x\n    balance best\n").is_err());
    check(&cases, read);
}

#[test]
fn nft_takes_all_tables() {
    let Some(nft) = find("nft") else { return };
    if in_namespace().is_none() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let read = by_file(directory.path(), || {
        let mut command = in_namespace().expect("there was one above");
        command.arg(&nft).args(["--check", "--file"]);
        command
    });
    assert!(read("table ip x { chain y { accept now } }\n").is_err());
    check(&case::all(Format::Nftables, "eth0"), read);
}

/// Loading a table twice leaves it once.
#[test]
fn a_table_replaces_itself() {
    let (Some(nft), Some(mut command)) = (find("nft"), in_namespace()) else { return };
    let cases = case::all(Format::Nftables, "eth0");
    let text = rules(&cases[0].job()).expect("rendered").text;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("rendered");
    std::fs::write(&path, text).expect("written");
    let script = r#"set -e; "$1" -f "$2"; "$1" list ruleset > "$2.1"; "$1" -f "$2"; "$1" list ruleset > "$2.2"
        cmp "$2.1" "$2.2"; grep -q dnat "$2.1""#;
    let (succeeds, said) = run(command.args(["sh", "-c", script, "sh"]).arg(nft).arg(&path), "");
    assert!(succeeds, "{said}");
}

/// The scripts for the director's host and for every real of each case.
fn scripts(cases: &[Case]) -> Vec<(String, String)> {
    let mut scripts = Vec::new();
    for case in cases {
        let mut add = |of: Host<'_>| {
            let text = host(&case.job(), of).expect("rendered");
            scripts.push((format!("{of:?} {}", case.title), text));
        };
        add(Host::Director);
        case.directors[0].reals.iter().for_each(|real| add(Host::Real(&real.name)));
    }
    scripts
}

#[test]
fn the_shell_takes_all_scripts() {
    let Some(sh) = find("sh") else { return };
    for (_, format) in Format::ALL {
        let mut scripts = scripts(&case::all(format, "eth0.100"));
        scripts.sort_unstable_by(|(_, one), (_, other)| one.cmp(other));
        scripts.dedup_by(|(_, one), (_, other)| one == other);
        for (title, text) in scripts {
            let (succeeds, said) = run(Command::new(&sh).args(["-n", "-"]), &text);
            assert!(succeeds && said.is_empty(), "{title}: {said}\n{text}");
            // A command and a reason for it, or for the like of it.
            assert!(text.lines().skip(1).any(|line| line.starts_with("# ")), "{title}:\n{text}");
        }
    }
}

/// Where the kernel has what a script asks for, it does what it says, twice.
#[test]
fn scripts_can_run_again() {
    let mut ran = 0;
    let formats = [Format::Keepalived, Format::Haproxy, Format::Nftables];
    for (title, text) in formats.into_iter().flat_map(|format| scripts(&case::all(format, "lo"))) {
        // IPVS and tunnels are the laboratory's part: most kernels lack them. A namespace has no gateway.
        if ["ip_vs", "vs.conntrack", "ip link add", "GATEWAY"]
            .iter()
            .any(|part| text.contains(part))
        {
            continue;
        }
        let Some(mut command) = in_namespace() else { return };
        let twice = "ip link set lo up && sh -c \"$1\" && sh -c \"$1\"";
        let (succeeds, said) = run(command.args(["sh", "-c", twice, "sh"]).arg(&text), "");
        assert!(succeeds, "{title}: {said}\n{text}");
        ran += 1;
        // One of each kind tells as much as all.
        if ran >= SCRIPTS_RUN_MAX {
            return;
        }
    }
}

const SCRIPTS_RUN_MAX: usize = 40;
