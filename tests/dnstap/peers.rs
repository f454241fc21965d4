//! The readers that Debian ships, as people use them: `fstrm_capture` takes what comes over the socket, `dnstap-ldns`
//! prints a file. Each test says so and ends where the program that it needs is not installed.

use crate::kit::server::TestServer;
use crate::kit::{Query, Udp, types, until};
use crate::{LOOPBACK, configuration, tcp, www};
use fingerpost::answer::Transport;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether a program can be run; says so where not.
fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("-h").stderr(Stdio::null()).output().is_ok();
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

/// What `dnstap-ldns` makes of a file.
fn printed(path: &Path, form: &str) -> String {
    let output = Command::new("dnstap-ldns").arg(form).arg("-r").arg(path).output();
    let output = output.expect("a program that was found");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asks one query over UDP and one over TCP.
fn ask(server: &TestServer) {
    Udp::to(server.address(Transport::Udp)).ask(&www());
    tcp(server.addresses(Transport::Tcp)[1], None).ask(&Query::new("none.example.com", types::TXT));
}

fn assert_printed(path: &Path) {
    let lines = printed(path, "-q");
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for (line, parts) in lines.iter().zip([
        ["AQ 127.0.0.1 UDP", "\"wWw.example.com.\" IN A"],
        ["AR 127.0.0.1 UDP", "\"wWw.example.com.\" IN A"],
        ["AQ ::1 TCP", "\"none.example.com.\" IN TXT"],
        ["AR ::1 TCP", "\"none.example.com.\" IN TXT"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    let yaml = printed(path, "-y");
    let count = |part: &str| yaml.matches(part).count();
    for part in ["identity: \"ns1.fra\"", "version: \"fingerpost ", "query_port: ", "query_time: "]
    {
        assert_eq!(count(part), 4, "{part}: {yaml}");
    }
    for part in ["192.0.2.1", "rcode: NXDOMAIN", "type: AUTH_RESPONSE", "response_time: "] {
        assert!(count(part) >= 1, "{part}: {yaml}");
    }
}

#[test]
fn dnstap_ldns_reads_the_file() {
    if !installed("dnstap-ldns") {
        return;
    }
    let mut server = TestServer::start(configuration(LOOPBACK, "file = \"state/tap\""));
    ask(&server);
    let path = server.dir.file("state/tap");
    server.restart(|| assert_printed(&path));
}

/// A reader that is older than the schema's numbers for encrypted transports shows what it does not know as `?`.
#[test]
fn dnstap_ldns_reads_every_transport() {
    if !installed("dnstap-ldns") {
        return;
    }
    let dir = configuration(LOOPBACK, "file = \"state/tap\"\nmessages = \"queries\"");
    let mut server = TestServer::start_encrypted(dir);
    let query = www().id(0).bytes();
    for transport in Transport::ALL {
        crate::ask(&server, transport, server.address(transport), &query);
    }
    let path = server.dir.file("state/tap");
    server.restart(|| {
        let text = printed(&path, "-q");
        let asked =
            text.lines().filter_map(|line| line.split_once(" AQ 127.0.0.1 ")?.1.split_once(' '));
        let asked: Vec<_> = asked.collect();
        assert_eq!(asked.len(), 5, "{text}");
        let known = ["UDP", "TCP", "DOT", "DOH", "DOQ"];
        for ((protocol, rest), known) in asked.into_iter().zip(known) {
            assert!([known, "?"].contains(&protocol), "{text}");
            assert!(rest.ends_with("\"wWw.example.com.\" IN A"), "{text}");
        }
    });
}

#[test]
fn fstrm_capture_reads_the_socket() {
    if !installed("fstrm_capture") || !installed("dnstap-ldns") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (socket, captured) = (directory.path().join("tap"), directory.path().join("captured"));
    let mut capture = Command::new("fstrm_capture")
        .args(["-t", "protobuf:dnstap.Dnstap", "-u"])
        .arg(&socket)
        .arg("-w")
        .arg(&captured)
        .stderr(Stdio::null())
        .spawn()
        .expect("a program that was found");
    until("the reader to listen", || socket.exists().then_some(()));
    let server = TestServer::start(configuration(LOOPBACK, &format!("socket = {socket:?}")));
    ask(&server);
    until("all to be written", || (server.tap_counts().written == 2).then_some(()));
    // Ends the stream, after which the reader has all of it; it has read that far when it closes its end.
    drop(server);
    until("the reader to see the end", || (sockets(capture.id()) <= 1).then_some(()));
    let asked = Command::new("kill").arg(capture.id().to_string()).status();
    assert!(asked.is_ok_and(|status| status.success()), "the reader is told to end");
    capture.wait().expect("its end");
    assert_printed(&captured);
}

/// Sockets that a process holds.
fn sockets(process: u32) -> usize {
    let open = std::fs::read_dir(format!("/proc/{process}/fd")).expect("a process of ours");
    let links = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
}
