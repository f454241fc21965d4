//! The program itself, given what is wrong: what it says, where it says it, and how it ends.
//!
//! `check` tells on standard output, every other command's failure goes to standard error; either names the file, the
//! place where there is one, and the cure. Exit status 1 is for what was given, 2 for the command line.

mod kit;
mod mistakes;

use kit::types::A;
use kit::*;
use mistakes::{SITES, ZONE, replace, sound};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Instant;

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost"));
    command.current_dir(directory).args(arguments).stdin(Stdio::null());
    command.env_remove("RUST_LOG").env("NO_COLOR", "1");
    command
}

/// Runs to the end, which must come soon.
fn run(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = command(directory, arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let pid = child.id().to_string();
    let (told, ended) = mpsc::channel();
    let watching = std::thread::spawn(move || {
        if ended.recv_timeout(PATIENCE).is_err() {
            drop(Command::new("kill").arg(pid).status());
        }
    });
    let output = child.wait_with_output().expect("its end");
    told.send(()).expect("the watcher waits");
    watching.join().expect("no panic");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Each line of standard output as JSON.
fn json_lines(output: &Output) -> Vec<Value> {
    let lines = text(&output.stdout);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Whether a finding is at the place, by its path or, where it has none, by its message.
fn stands_at(finding: &Value, place: &str) -> bool {
    let message = finding["message"].as_str().unwrap_or_default();
    match &finding["place"] {
        Value::Null => message.contains(place),
        at => {
            let path = at["path"].as_str().expect("a path");
            format!("/{path}:{}:{}", at["line"], at["column"]).contains(&format!("/{place}"))
        }
    }
}

#[test]
fn every_mistake_is_told_with_its_place_and_cure() {
    let mut faults = Vec::new();
    for row in mistakes::all() {
        let dir = sound();
        (row.spoil)(&dir);
        let mut fault = |what: &str, output: &Output| {
            let said = [text(&output.stdout), text(&output.stderr)].join("--- standard error:\n");
            faults.push(format!("{}: {what}, {}\n{said}", row.what, output.status));
        };
        let path = dir.path().to_str().expect("a path in UTF-8");

        let output = run(dir.path(), &["check", path, "--json"]);
        let findings = json_lines(&output);
        let told = findings.iter().any(|finding| {
            finding["severity"] == "error"
                && stands_at(finding, row.place)
                && finding["message"].as_str().is_some_and(|message| message.contains(row.message))
                && finding["help"].as_str().unwrap_or_default().contains(row.help)
        });
        if !told || output.status.code() != Some(1) || !output.stderr.is_empty() {
            fault("check --json", &output);
        }
        let summary = findings.last().expect("a summary");
        let errors = findings.iter().filter(|finding| finding["severity"] == "error").count();
        assert_eq!(summary["errors"], errors, "{}", row.what);

        let output = run(dir.path(), &["check"]);
        let said = text(&output.stdout);
        let file = row.place.split(':').next().expect("a file");
        let cured = row.help.is_empty() || said.contains("help: ");
        if output.status.code() != Some(1) || !said.contains(file) || !cured {
            fault("check", &output);
        }
        if row.fatal {
            let output = run(dir.path(), &["serve"]);
            let said = text(&output.stderr);
            if output.status.code() != Some(1) || !said.contains(file) || !output.stdout.is_empty()
            {
                fault("serve", &output);
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// One run names everything.
#[test]
fn all_mistakes_are_told_at_once() {
    let dir = sound();
    for row in mistakes::all()
        .iter()
        .filter(|row| ["an unknown pool", "an address that is none"].contains(&row.what))
    {
        (row.spoil)(&dir);
    }
    replace("fingerpost.toml", "EU-DE", "EU-XX")(&dir);
    dir.write("zones/example.net.toml", "[pool.web]\n");
    let findings = json_lines(&run(dir.path(), &["check", "--json"]));
    let summary = findings.last().expect("a summary");
    assert!(summary["errors"].as_u64() >= Some(4), "{findings:#?}");
    for place in
        ["fingerpost.toml:4:", "example.com.zone:4:", "example.com.toml:6:", "example.net.toml:1:"]
    {
        let told = findings[..findings.len() - 1].iter().any(|finding| {
            stands_at(finding, place) || stands_at(finding, &format!("zones/{place}"))
        });
        assert!(told, "nothing at {place}: {findings:#?}");
    }
}

#[test]
fn what_is_sound_is_said_to_be() {
    let dir = sound();
    let output = run(dir.path(), &["check"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty());
    let zone = dir.file("zones/example.net.zone");
    let output = run(dir.path(), &["check", zone.to_str().expect("UTF-8")]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.trim().ends_with("no mistakes"), "{said}");
}

#[test]
fn an_address_that_cannot_be_listened_on_is_told() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = taken.local_addr().expect("a bound socket").to_string();
    // An address that is not this host's (RFC 5737), and one that is taken.
    for (address, words) in [(address.as_str(), "in use"), ("192.0.2.1:5353", "192.0.2.1:5353")] {
        let dir = sound().server(&format!("[server]\nlisten = [\"{address}\"]\n{SITES}"));
        let output = run(dir.path(), &["serve"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(address) && said.contains(words) && said.contains("help: "),
            "{said}"
        );
        assert!(output.stdout.is_empty());
    }
}

/// A user without privileges can be tried only by root or by such a user.
#[test]
fn a_privileged_port_and_unreadable_files_are_told() {
    let dir = sound().server(&format!("[server]\nlisten = [\"127.0.0.1:1\"]\n{SITES}"));
    // Temporary directories let nobody else in.
    let open = Command::new("chmod").arg("-R").arg("a+rX").arg(dir.path()).status();
    assert!(open.expect("chmod").success());
    let binary = dir.file("fingerpost");
    std::fs::copy(env!("CARGO_BIN_EXE_fingerpost"), &binary).expect("a copy that anybody may run");
    let nobody = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&binary)
            .args(arguments);
        command.current_dir(dir.path()).env("NO_COLOR", "1").output()
    };
    match nobody(&["version"]) {
        Ok(output) if output.status.success() => {}
        other => return eprintln!("skipped: cannot run as another user: {other:?}"),
    }
    let output = nobody(&["serve"]).expect("the program");
    let said = text(&output.stderr);
    let may_bind =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 1)).is_err() || !said.contains("serving");
    assert!(may_bind && output.status.code() == Some(1), "{said}");
    assert!(said.contains("127.0.0.1:1") && said.contains("cap_net_bind_service"), "{said}");

    let zone = dir.file("zones/example.com.zone");
    let closed = Command::new("chmod").arg("000").arg(&zone).status();
    assert!(closed.expect("chmod").success());
    let output = nobody(&["check", "--json"]).expect("the program");
    let findings = json_lines(&output);
    let told = findings.iter().any(|finding| {
        stands_at(finding, "zones/example.com.zone")
            && finding["message"]
                .as_str()
                .is_some_and(|message| message.contains("ermission denied"))
            && !finding["help"].is_null()
    });
    assert!(told && output.status.code() == Some(1), "{findings:#?}");
}

/// A server as a process; killed when dropped.
struct Serving {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Serving {
    fn start(dir: &ConfigDir) -> Self {
        let mut command = command(dir.path(), &["serve", "--log-format", "json"]);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program");
        let (told, lines) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| told.send(line))
        });
        Self { child, lines }
    }

    /// The next log line that holds `words`.
    fn wait_for(&self, words: &str) -> String {
        let start = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let line = self
                .lines
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("no {words:?}: {error}"));
            assert!(serde_json::from_str::<Value>(&line).is_ok(), "no JSON: {line}");
            if line.contains(words) {
                return line;
            }
        }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }
}

#[test]
fn serve_starts_with_a_broken_zone_heeds_signals_and_ends_well() {
    let dir = sound().zone("example.com", "www A 192.0.2.256\n");
    let mut serving = Serving::start(&dir);
    serving.wait_for("example.com.zone:1:7");
    let line = serving.wait_for("\"serving\"");
    let from = line.find("(Udp, ").expect("an address") + "(Udp, ".len();
    let address: SocketAddr =
        line[from..].split(')').next().expect("its end").parse().expect("an address");
    let udp = Udp::to(address);
    let www = |zone: &str| udp.ask(&Query::new(&format!("www.{zone}"), A));
    assert_eq!(www("example.net").data(A), ["192.0.2.1"]);
    assert_eq!(www("example.com").rcode(), types::REFUSED);
    dir.replace("zones/example.com.zone", ZONE);
    serving.signal("-HUP");
    until("the mended zone", || (www("example.com").data(A) == ["192.0.2.1"]).then_some(()));
    dir.replace("fingerpost.toml", "[server");
    serving.signal("-HUP");
    serving.wait_for("reload refused");
    assert_eq!(www("example.com").data(A), ["192.0.2.1"]);
    serving.signal("-TERM");
    let ended = until("the end", || serving.child.try_wait().expect("a child"));
    assert_eq!(ended.code(), Some(0));
}

#[test]
fn commands_end_as_documented() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Arguments, exit status, in standard output, in standard error.
    let cases: [(&str, i32, &str, &str); 17] = [
        ("version", 0, env!("CARGO_PKG_VERSION"), ""),
        ("--version", 0, env!("CARGO_PKG_VERSION"), ""),
        ("help serve", 0, "Signals:", ""),
        ("check --help", 0, "Exit status:", ""),
        ("completions bash", 0, "complete -F", ""),
        ("completions fish", 0, "complete -c fingerpost", ""),
        ("completions zsh", 0, "#compdef fingerpost", ""),
        ("completions tcsh", 2, "", "possible values"),
        ("", 2, "", "Usage:"),
        ("serv", 2, "", "serve"),
        ("serve --conf x", 2, "", "--config"),
        ("explain www.example.com", 2, "", "--client"),
        ("explain www.example.com --client 300.1.1.1", 2, "", "300.1.1.1"),
        ("explain www.example.com --client 192.0.2.1 --config nowhere.toml", 1, "", "nowhere.toml"),
        ("geoip lookup 192.0.2.1 -d nowhere.mmdb", 1, "", "nowhere.mmdb"),
        ("geoip lookup nowhere", 2, "", "nowhere"),
        ("geoip build -o out.mmdb nowhere.csv", 1, "", "nowhere.csv"),
    ];
    for (line, status, stdout, stderr) in cases {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let output = run(home, &arguments);
        assert_eq!(output.status.code(), Some(status), "{line}: {output:?}");
        for (name, bytes, expected) in
            [("output", &output.stdout, stdout), ("error", &output.stderr, stderr)]
        {
            let said = text(bytes);
            assert_eq!(said.is_empty(), expected.is_empty(), "{line}: standard {name}: {said}");
            assert!(said.contains(expected), "{line}: standard {name}: {said}");
        }
    }
}

#[test]
fn json_is_json() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let one = |line: &str| {
        let output = run(home, &line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
        serde_json::from_slice::<Value>(&output.stdout)
            .unwrap_or_else(|error| panic!("{line}: {error}"))
    };
    assert_eq!(one("version --json")["version"], env!("CARGO_PKG_VERSION"));
    let german = one("explain www.example.com --client 84.128.0.1 --json");
    assert_eq!(german["client"]["place"], "EU-DE", "{german:#}");
    assert_eq!(german["steering"][0]["sites"][0]["site"], "fra", "{german:#}");
    let down = one("explain www.example.com A --client 84.128.0.1/24 --down fra --json");
    assert_eq!(down["steering"][0]["sites"][0]["serves"], false, "{down:#}");
    let place = one("geoip lookup 8.8.8.8 --json");
    assert_eq!((&place["country"], &place["source"]), (&"US".into(), &"world.mmdb".into()));
    let about = one("geoip info geoip/world.mmdb --json");
    assert!(about.is_object());
}
