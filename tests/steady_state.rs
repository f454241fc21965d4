//! What a query costs once everything is warm: no allocation, no system call but the batch pair, no line of log.
//!
//! Allocations are counted in the thread that answers, from the listener's call to the bytes of the answer. System
//! calls and log lines are seen from outside, of the binary as it is served, under strace; where that is not installed
//! or not permitted the test says so and passes.

mod kit;
#[allow(dead_code, reason = "the benchmarks use the rest of it")]
#[path = "../benches/kit/scene.rs"]
mod scene;

use arc_swap::ArcSwap;
use fingerpost::answer::{Client, Ends, Scratch, Transport, answer};
use fingerpost::config::{Dnstap, DnstapMessages, DnstapSink};
use fingerpost::control::counters::Registry;
use fingerpost::control::service::Answering;
use fingerpost::net::{Service, Worker};
use fingerpost::tap::{Running, Tap};
use kit::{ConfigDir, Query, types, until};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::{fs, thread};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// How often each case is answered, after the first time.
const ROUNDS: u64 = 100;

fn scene_at(listen: &str) -> ConfigDir {
    ConfigDir::new()
        .server(&scene::server_toml(listen, 1, None))
        .zone("example.com", &scene::zone_text())
        .steering("example.com", &scene::zone_toml(false))
}

/// One query of every kind that takes a path of its own: what it is answered for, how it comes, the query.
fn cases() -> Vec<(&'static str, Transport, Query)> {
    use Transport::{Tcp, Tls, Udp};
    let a = |name: &str| Query::new(&format!("{name}.example.com"), types::A);
    vec![
        ("static", Udp, a("h007")),
        ("static", Udp, a("h007").edns(1232).dnssec_ok()),
        ("steered", Udp, a("www")),
        ("steered", Udp, a("www").ecs("81.2.69.0/24")),
        ("steered", Udp, a("www").ecs("2001:4860::/48")),
        ("steered", Tls, a("www").ecs("81.2.69.0/24").option(12, &[])),
        ("nxdomain", Udp, a("no.such.name")),
        ("nodata", Udp, a("www").retype(types::MX)),
        ("referral", Udp, a("x.y.sub").edns(1232)),
        ("static", Udp, a("alias1")),
        ("static", Udp, a("many").retype(types::TXT)),
        ("static", Tcp, a("many").retype(types::TXT).edns(1232)),
        ("any", Udp, a("h007").retype(types::ANY)),
        ("no-zone", Udp, Query::new("example.org", types::A)),
        ("malformed", Udp, a("h007").name_bytes(&[0xc0, 0xff])),
        ("not-implemented", Udp, a("h007").opcode(types::OPCODE_NOTIFY)),
        ("bad-version", Udp, a("h007").edns_version(1)),
        ("transfer", Tcp, a("h007").retype(types::AXFR)),
        ("ignored", Udp, Query::raw(*b"short")),
    ]
}

#[test]
fn answers_allocate_nothing() {
    answer_every_case(None);
}

/// Whether the ring has room or not: what is written is fast enough for some rounds of long answers, and not for all.
#[test]
fn tapped_answers_allocate_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let running = Running::start(&Dnstap {
        sink: DnstapSink::File(directory.path().join("tap")),
        sample: 1.0,
        messages: DnstapMessages::Both,
        identity: "ns1".to_owned(),
        version: "1".to_owned(),
    });
    let running = running.expect("a thread");
    let tap = running.tap().clone();
    answer_every_case(Some(tap.clone()));
    drop(running);
    let counts = tap.counts();
    // All but the one that gets no answer.
    assert_eq!(counts.sampled, (1 + ROUNDS) * (cases().len() as u64 - 1));
    assert_eq!(counts.sampled, counts.written + counts.dropped, "{counts:?}");
    assert!(counts.written > 0, "{counts:?}");
}

fn answer_every_case(tap: Option<Tap>) {
    let dir = scene_at("127.0.0.1:0");
    let snapshot = Arc::new(scene::snapshot(&dir.config()));
    let published = Arc::new(ArcSwap::new(snapshot.clone()));
    let answering = Answering::new(published, Arc::new(Registry::default()));
    let mut worker = answering.tapped(tap).worker();
    let mut scratch = Scratch::default();
    let mut out = vec![0; 65_535];
    let ends = Ends::new(LOOPBACK, Some(LOOPBACK));
    worker.begin_batch();
    for (expected, transport, query) in cases() {
        let message = query.bytes();
        let client = |random| Client { address: [127, 0, 0, 1].into(), transport, random };
        let outcome = answer(&snapshot, &mut scratch, &message, &client(0), &mut out);
        assert_eq!(outcome.reason.label(), expected, "{query:?}");
        // The first answer over a transport, and for a zone, makes the counters of it.
        worker.respond(&message, &client(0), &ends, &mut out);
        let counted = allocation_counter::measure(|| {
            for round in 0..ROUNDS {
                let client = client(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                worker.begin_batch();
                worker.respond(&message, &client, &ends, &mut out);
            }
        });
        assert_eq!(counted.count_total, 0, "{expected} over {transport}: {query:?}");
    }
    let truncated = cases().into_iter().find(|(_, transport, query)| {
        let client = Client { address: [127, 0, 0, 1].into(), transport: *transport, random: 0 };
        answer(&snapshot, &mut scratch, &query.bytes(), &client, &mut out).truncated
    });
    assert!(truncated.is_some(), "one of the cases is cut short");
}

#[test]
fn workers_call_the_system_in_pairs_and_log_nothing() {
    trace_workers(scene_at("127.0.0.1:0"));
}

#[test]
fn tapped_workers_call_the_system_in_pairs_and_log_nothing() {
    trace_workers(scene_at("127.0.0.1:0").also("[dnstap]\nfile = \"state/tap\"\n"));
}

fn trace_workers(dir: ConfigDir) {
    // Aside, because the server watches the directory of its configuration.
    let aside = tempfile::tempdir().expect("a temporary directory");
    let (trace, log) = (aside.path().join("trace"), aside.path().join("log"));
    let Some(served) = Traced::start(&dir, &trace, &log) else {
        eprintln!("not tested: strace is not installed, or not permitted to trace");
        return;
    };
    let address = served.address(&log);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.connect(address).expect("a server");
    socket.set_read_timeout(Some(kit::PATIENCE)).expect("a timeout");
    let queries: Vec<Query> = cases().into_iter().map(|(_, _, query)| query).collect();
    // Warm: the first batch finds the snapshot, and whatever comes late of starting is over.
    ask_all(&socket, &queries);
    let worker = served.worker();
    let (calls_before, log_before) = (calls(&trace, worker), lines(&log));
    for _ in 0..20 {
        ask_all(&socket, &queries);
    }
    let made: BTreeMap<String, usize> = calls(&trace, worker)
        .into_iter()
        .map(|(name, count)| (name.clone(), count - calls_before.get(&name).unwrap_or(&0)))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(made.keys().collect::<Vec<_>>(), ["recvmmsg", "sendmmsg"], "{made:?}");
    assert_eq!(lines(&log), log_before, "packets made log lines");
    served.stop();
}

/// Sends queries in one go and waits for an answer to each that gets one.
fn ask_all(socket: &UdpSocket, queries: &[Query]) {
    let silent = queries.iter().filter(|query| query.bytes().len() < 12).count();
    for query in queries {
        socket.send(&query.bytes()).expect("a query sent");
    }
    for _ in silent..queries.len() {
        socket.recv(&mut [0; 4096]).expect("an answer to each query");
    }
}

/// How often each system call stands in what strace wrote of a thread.
fn calls(trace: &Path, thread: u32) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for line in lines(trace) {
        let Some((id, call)) = line.split_once(char::is_whitespace) else { continue };
        // A call that another thread's line parts in two is counted where it begins.
        let name = call.trim_start().split('(').next().unwrap_or("");
        if id.parse() == Ok(thread) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    text.unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The binary under strace.
struct Traced {
    strace: Child,
}

impl Traced {
    /// Starts it; none where nothing can be traced.
    fn start(dir: &ConfigDir, trace: &Path, log: &Path) -> Option<Self> {
        let may_trace = Command::new("strace")
            .args(["-o", "/dev/null", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !may_trace {
            return None;
        }
        let output = fs::File::create(log).expect("a file for the log");
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-o"])
            .arg(trace)
            .args([env!("CARGO_BIN_EXE_fingerpost"), "serve", "--config"])
            .arg(dir.config())
            .env_remove("RUST_LOG")
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .expect("strace, which has just run");
        Some(Self { strace })
    }

    /// The UDP address, which the server logs once it serves.
    fn address(&self, log: &Path) -> SocketAddr {
        until("the server to log where it listens", || {
            let line = lines(log).into_iter().find(|line| line.contains("(Udp, "))?;
            line.split_once("(Udp, ")?.1.split_once(')')?.0.parse().ok()
        })
    }

    /// The process that is traced.
    fn server(&self) -> u32 {
        let id = self.strace.id();
        until("strace to have its child", || {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        })
    }

    /// The thread that answers over UDP.
    fn worker(&self) -> u32 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.server())).expect("its threads");
        let mut tasks = tasks.filter_map(Result::ok).map(|task| task.path());
        let worker = tasks.find(|task| {
            fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "udp-0")
        });
        let worker = worker.expect("a UDP thread");
        worker.file_name().and_then(|id| id.to_str()?.parse().ok()).expect("a number")
    }

    /// Asks it to end, and waits.
    fn stop(mut self) {
        let asked = Command::new("kill").arg(self.server().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "the server is told to stop");
        self.strace.wait().expect("strace ends with its child");
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.strace.kill();
        }
    }
}
