//! `status`, `events` and `reload`: the program, run as an operator runs it, against a server whose backends stop.

mod kit;

use kit::server::TestServer;
use kit::*;
use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 1 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

const SHARED: &str = r#"
[admin]
listen = "127.0.0.1:0"
TOKEN
[sites]
fra = { name = "Frankfurt", location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { name = "Ashburn", location = "NA-US-VA", coordinates = [39.04, -77.49] }
[checks.web]
type = "http"
path = "/healthz"
interval = "1s"
timeout = "1s"
fall = 2
rise = 1
"#;

/// A server with an endpoint at each of two sites.
struct World {
    server: TestServer,
    fra: Backend,
    _iad: Backend,
}

impl World {
    fn start(admin: &str) -> Self {
        let (fra, iad) = (backend(), backend());
        let endpoint = |name: &str, site: &str, a: &str, backend: &Backend| {
            let (port, address) = (backend.port(), backend.address().ip());
            format!(
                "{{ name = \"{name}\", site = \"{site}\", a = \"{a}\", \
                 check = {{ port = {port}, address = \"{address}\" }} }},\n"
            )
        };
        let endpoints = endpoint("fra-1", "fra", "192.0.2.1", &fra)
            + &endpoint("iad-1", "iad", "192.0.2.9", &iad);
        let steering = format!(
            "[pools.web]\ncheck = \"web\"\nendpoints = [\n{endpoints}]\n
             [names.www]\npool = \"web\"\nroute = [{{ subnets = [\"198.51.100.0/24\"], sites = [\"fra\"] }}]\n"
        );
        let dir = ConfigDir::new()
            .also(&SHARED.replace("TOKEN", admin))
            .with("token", "operator: 0123456789abcdef0123456789abcdef\n")
            .zone("example.com", ZONE)
            .steering("example.com", &steering);
        let private = Permissions::from_mode(0o600);
        std::fs::set_permissions(dir.file("token"), private).expect("a file of our own");
        Self { server: TestServer::start(dir), fra, _iad: iad }
    }

    fn command(&self, line: &str) -> Command {
        command(self.server.admin(), line)
    }

    fn run(&self, line: &str) -> Told {
        Told::by(self.command(line).output())
    }

    fn until(&self, what: &str, line: &str, is_so: impl Fn(&Told) -> bool) -> Told {
        until(what, || Some(self.run(line)).filter(&is_so))
    }
}

fn backend() -> Backend {
    Backend::http(Ipv4Addr::LOCALHOST.into(), 0)
}

fn command(server: SocketAddr, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost"));
    command.args(line.split(' ')).env("FINGERPOST_SERVER", format!("http://{server}"));
    command.env_remove("FINGERPOST_TOKEN_FILE");
    command
}

/// What a run printed, and how it ended.
#[derive(Debug)]
struct Told {
    out: String,
    error: String,
    code: Option<i32>,
}

impl Told {
    fn by(output: std::io::Result<Output>) -> Self {
        let output = output.expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { out: text(output.stdout), error: text(output.stderr), code: output.status.code() }
    }

    /// Asserts the exit status and what is in both outputs.
    fn assert(&self, code: i32, out: &[&str], error: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for (text, parts) in [(&self.out, out), (&self.error, error)] {
            for part in parts {
                assert!(text.contains(part), "{part:?} is missing in {self:#?}");
            }
        }
        assert!(error.is_empty() == self.error.is_empty(), "{self:#?}");
        assert!(!self.out.contains('\u{1b}') && !self.error.contains('\u{1b}'), "{self:#?}");
    }
}

#[test]
fn what_is_up_and_what_goes_down() {
    let mut world = World::start("");
    let well = world.run("status");
    let parts = [
        "ready, generation",
        "All is well.",
        "POOL web of example.com.: whole",
        "  fra-1     fra   192.0.2.1",
    ];
    well.assert(0, &parts, &[]);
    world.run("status --check").assert(0, &["FINGERPOST OK: 2 of 2 endpoints up | "], &[]);
    let json = world.run("status --json");
    let status: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(status["pools"][0]["endpoints"][0]["families"][0]["standing"], "up");

    world.fra.stop();
    let is_dead = |told: &Told| told.out.contains("site fra is dead");
    let down = world.until("fra to be dead", "status --wrong", is_dead);
    down.assert(1, &["WRONG (", "site fra is dead", "fra-1     fra   192.0.2.1  down"], &[]);
    assert!(!down.out.contains("iad-1"), "{}", down.out);
    world.run("status iad").assert(1, &["All is well here.", "iad-1"], &[]);
    world.run("status --check").assert(2, &["FINGERPOST CRITICAL: ", "endpoints_up=1;;;0;2"], &[]);
    world.run("status --check iad").assert(0, &["FINGERPOST OK: 1 of 1 endpoint up"], &[]);
    world.run("events").assert(0, &["serves 1 zone", "fra-1", "is down"], &[]);
    let line = "explain www.example.com --client 198.51.100.0/24";
    world.run(&format!("{line} --live")).assert(0, &["decided  iad: ", "fra-1", "down"], &[]);
    let live = world.run(&format!("{line} --live --json"));
    let explained: serde_json::Value = serde_json::from_str(&live.out).expect("JSON");
    assert_eq!(explained["steering"][0]["sites"][0]["level"], "dead");
    world.run("status wbe").assert(1, &[], &["is called \"wbe\"", "did you mean \"web\"?"]);

    world.fra.restart();
    world.until("fra to be back", "status", |told| told.code == Some(0));
    let last = world.run("events --last 1 --json");
    let event: serde_json::Value = serde_json::from_str(&last.out).expect("one object");
    assert!(event["what"].as_str().is_some_and(|what| !what.is_empty()), "{event}");
}

#[test]
fn a_reload_says_what_it_found() {
    let world = World::start("");
    world.run("reload").assert(0, &["nothing has changed; generation"], &[]);
    let path = world.server.dir.config();
    let text = std::fs::read_to_string(&path).expect("the configuration");
    world.server.dir.replace("fingerpost.toml", text.replace("[checks.web]", "[chekcs.web]"));
    let refused = world.run("reload");
    refused.assert(1, &["fingerpost.toml:", "chekcs", "help: ", "refused; generation"], &[]);
    let json = world.run("reload --json");
    let outcome: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!((&outcome["outcome"], json.code), (&"refused".into(), Some(1)));
    world.run("status").assert(1, &["WRONG (", "reload was refused"], &[]);
}

#[test]
fn a_token_opens_what_is_closed() {
    let world = World::start("token_file = \"token\"");
    world.run("status").assert(1, &[], &["wants a token", "--token-file"]);
    world.run("status --check").assert(3, &["FINGERPOST UNKNOWN: ", "wants a token"], &[]);
    let token = world.server.dir.file("token");
    let mut with_token = world.command("status");
    with_token.arg("--token-file").arg(&token);
    Told::by(with_token.output()).assert(0, &["All is well."], &[]);
    let mut by_variable = world.command("events");
    by_variable.env("FINGERPOST_TOKEN_FILE", &token);
    Told::by(by_variable.output()).assert(0, &["serves 1 zone"], &[]);
    world.server.dir.write("other", "fedcba9876543210fedcba9876543210\n");
    let mut wrong = world.command("status");
    wrong.arg("--token-file").arg(world.server.dir.file("other"));
    Told::by(wrong.output()).assert(1, &[], &["does not know the token in"]);
    let mut missing = world.command("status");
    missing.arg("--token-file").arg(world.server.dir.file("none"));
    Told::by(missing.output()).assert(1, &[], &["no token can be read from"]);
}

#[test]
fn nobody_and_nothing_of_ours() {
    // Bound and not listening: nobody else gets the port.
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let bound = bound.expect("a socket");
    bound.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("a port");
    let free = bound.local_addr().expect("its address").as_socket().expect("of IPv4");
    let run = |server, line| Told::by(command(server, line).output());
    for line in ["status", "status --watch", "events", "events --follow", "reload"] {
        run(free, line).assert(1, &[], &["no server answers at", "fingerpost serve"]);
    }
    run(free, "status --check").assert(2, &["FINGERPOST CRITICAL: no server answers"], &[]);
    let other = backend();
    run(other.address(), "status").assert(1, &[], &["is no Fingerpost"]);
    run(other.address(), "status --check").assert(3, &["FINGERPOST UNKNOWN: "], &[]);

    // Without a word on the command line it is the configuration that says where, or nothing.
    let empty = tempfile::tempdir().expect("a directory");
    let mut here = command(free, "status");
    let told = Told::by(here.env_remove("FINGERPOST_SERVER").current_dir(empty.path()).output());
    told.assert(1, &[], &["fingerpost.toml cannot be read", "--server URL"]);
}

/// A run that goes on, and the lines that it prints.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (send, lines) = channel();
        // Ends with the program, which is ended with the test.
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                drop(send.send(line));
            }
        });
        Self { child, lines }
    }

    /// Reads on to the line that holds a text.
    fn until(&self, part: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut read = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(part) => return,
                Ok(line) => read.push(line),
                Err(error) => panic!("{error}: {part:?} does not come after {read:#?}"),
            }
        }
    }

    fn end(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill(1)").success());
        self.child.wait().expect("it ends").code()
    }
}

/// Ends it where the test fails.
impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}

#[test]
fn watching_into_a_pipe_tells_every_change() {
    let mut world = World::start("");
    let status = Running::start(world.command("status --watch"));
    let json = Running::start(world.command("status --watch --json"));
    let events = Running::start(world.command("events --follow --json"));
    status.until("All is well.");
    json.until("\"wrong\":[]");
    events.until("\"kind\":\"started\"");
    world.fra.stop();
    status.until("site fra is dead");
    json.until("site fra is dead");
    events.until("\"endpoint\":\"fra-1\"");
    world.fra.restart();
    status.until("All is well.");
    assert_eq!(status.end(), Some(0));
    assert_eq!(events.end(), Some(0));
}
