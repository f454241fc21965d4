//! Overrides end to end: set and removed by the commands, through the admin API or without a server, and what clients
//! get of it.

mod kit;

use fingerpost::answer::Transport;
use kit::server::TestServer;
use kit::types::*;
use kit::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

const ZONE: &str = "$TTL 300\n@ SOA ns1 host 1 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";

const SERVER: &str = r#"
[admin]
listen = "127.0.0.1:0"
[sites]
fra = { location = "EU-DE", coordinates = [50.11, 8.68] }
iad = { location = "NA-US-VA", coordinates = [39.04, -77.49] }
"#;

const STEERING: &str = r#"
[pools.web]
answers = 8
endpoints = [
  { site = "fra", a = "192.0.2.1", weight = 1 },
  { site = "fra", a = "192.0.2.2", weight = 1 },
  { site = "iad", a = "192.0.2.9", weight = 1 },
]
[names.www]
pool = "web"
route = [ { subnets = ["0.0.0.0/0", "::/0"], sites = ["fra", "iad"] } ]
"#;

const FRA: &[&str] = &["192.0.2.1", "192.0.2.2"];
const IAD: &[&str] = &["192.0.2.9"];

fn directory() -> ConfigDir {
    ConfigDir::new().also(SERVER).zone("example.com", ZONE).steering("example.com", STEERING)
}

fn served(server: &TestServer) -> Vec<String> {
    let reply = Udp::to(server.address(Transport::Udp)).ask(&Query::new("www.example.com", A));
    let addresses: BTreeSet<String> = reply.data(A).iter().map(ToString::to_string).collect();
    addresses.into_iter().collect()
}

/// What a command came to: its exit status, standard output and standard error.
fn run(dir: &ConfigDir, server: Option<&TestServer>, line: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost"));
    command.args(line.split(' ')).arg("--config").arg(dir.config());
    if let Some(server) = server {
        command.arg("--server").arg(format!("http://{}", server.admin()));
    }
    command.env("NO_COLOR", "1").env("SUDO_USER", "ada").stdin(Stdio::null());
    let output = command.output().expect("the program");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

#[test]
fn a_site_is_drained_and_released() {
    let server = TestServer::start(directory());
    let ask = |line: &str, status: i32, parts: &[&str]| {
        let (code, out, err) = run(&server.dir, Some(&server), line);
        assert_eq!(code, status, "{line}:\n{out}{err}");
        for part in parts {
            assert!(format!("{out}{err}").contains(part), "{part:?} is missing in:\n{out}{err}");
        }
        out
    };
    assert_eq!(served(&server), FRA);
    ask("drain fra --dry-run", 0, &["warned", "only iad would remain", "nothing was changed"]);
    assert_eq!(served(&server), FRA);
    let told = [
        "fra trusted → drained",
        "applied: drain site fra until",
        "undo with: fingerpost undrain site:fra",
    ];
    ask("drain fra --for 2h --reason CHG123", 0, &told);
    assert_eq!(served(&server), IAD);

    // The other site is the last one.
    ask("down iad", 1, &["refused", "nothing of it would be up", "force"]);
    ask("down iad --dry-run", 1, &["would be refused without --force"]);
    assert_eq!(served(&server), IAD);
    let refused: Value = serde_json::from_str(&ask("down iad --json", 1, &[])).expect("JSON");
    assert_eq!((&refused["status"], &refused["effect"]["refused"]), (&json!(409), &json!(true)));
    ask("down iad --force --forever", 0, &["applied, by force: down site iad without end"]);
    ask("undrain --all --dry-run", 0, &["would be removed: drain site fra, set by ada: CHG123"]);
    ask("undrain iad --force", 0, &["removed: down site iad, set by ada"]);
    assert_eq!(served(&server), IAD);
    let done: Value = serde_json::from_str(&ask("undrain fra --json", 0, &[])).expect("JSON");
    assert_eq!((&done["applied"], &done["removed"][0]["name"]), (&json!(true), &json!("fra")));
    assert_eq!(served(&server), FRA);

    ask("undrain fra", 1, &["there is no override on \"fra\"", "there are no overrides"]);
    ask(
        "drain fraa",
        1,
        &["unknown site, pool, endpoint or director \"fraa\"", "did you mean \"fra\"?"],
    );
    ask("drain pool:fra", 1, &["did you mean site:fra?"]);

    let audit = fs::read_to_string(server.dir.file("state/audit.log")).expect("audit lines");
    let outcomes: Vec<String> = audit
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .map(|line: Value| {
            format!("{} {} {}", line["action"], line["by"], line["outcome"]).replace('"', "")
        })
        .collect();
    assert_eq!(outcomes[..3], ["set ada dry-run", "set ada applied", "set ada refused"]);
    assert_eq!(outcomes.last().map(String::as_str), Some("remove ada applied"));
}

#[test]
fn a_weight_is_planned_and_reset() {
    let server = TestServer::start(directory());
    let ask = |line: &str, status: i32, parts: &[&str]| {
        let (code, out, err) = run(&server.dir, Some(&server), line);
        assert_eq!(code, status, "{line}:\n{out}{err}");
        for part in parts {
            assert!(format!("{out}{err}").contains(part), "{part:?} is missing in:\n{out}{err}");
        }
        out
    };
    let file = || fs::read_to_string(server.dir.file("overrides.toml")).unwrap_or_default();
    ask("weight fra 3", 1, &["site fra has no weight", "web/fra-1@example.com"]);
    ask("weight iad-1 0", 1, &["refused", "only endpoints of weight 0"]);
    let told = [
        "applied: weight 3 of endpoint fra-1 in web of example.com., reached at",
        "in 30 m; without end; undo with: fingerpost weight web/fra-1@example.com --reset",
        "belongs into the file of zone example.com., as weight = 3",
    ];
    ask("weight fra-1 3 --over 30m --reason CHG7", 0, &told);
    for part in ["endpoint = \"fra-1\"\n", "\nweight = 3\nbegin = ", "\nover = \"30m\"\n"] {
        assert!(file().contains(part), "{part:?} is missing in:\n{}", file());
    }
    ask("status", 0, &["weight 3 (now 1, since ", "without end", "All is well"]);

    // On the way to nothing, and there.
    assert_eq!(served(&server), FRA);
    ask("weight fra-1 0 --over 1s", 0, &["replaces weight 3 (now 1, since"]);
    until("the weight to be reached", || (served(&server) == FRA[1..]).then_some(()));
    // A drain comes and goes, and the weight stays.
    ask("drain fra-1", 0, &[]);
    ask("undrain --all", 0, &["removed: drain endpoint fra-1"]);
    assert_eq!(served(&server), FRA[1..]);
    ask("undrain fra-1", 1, &["it has a weight and no state"]);
    ask("weight fra-1 --reset", 0, &["removed: weight 0 of endpoint fra-1"]);
    assert_eq!(served(&server), FRA);
    ask("weight fra-1 --reset", 1, &["there is no override on \"fra-1\""]);
    assert_eq!(run(&server.dir, None, "weight fra-1 0 --offline").0, 0);
    until("the file to be taken up", || (served(&server) == FRA[1..]).then_some(()));
}

#[test]
fn without_a_server_the_file_is_written() {
    let dir = directory();
    let (code, _, err) = run(&dir, None, "drain fra --server http://127.0.0.1:9");
    assert_eq!(code, 1);
    assert!(err.contains("no server answers") && err.contains("--offline"), "{err}");
    let (code, out, err) = run(&dir, None, "drain fra --offline --reason works");
    assert_eq!((code, &*err), (0, ""), "{out}");
    assert!(
        out.contains("applied: drain site fra") && out.contains("no server was asked"),
        "{out}"
    );
    assert_eq!(run(&dir, None, "down iad --offline").0, 1);

    let server = TestServer::start(dir);
    assert_eq!(served(&server), IAD);
    // A server at work sees it by itself.
    assert_eq!(run(&server.dir, None, "undrain fra --offline").0, 0);
    until("the file to be taken up", || (served(&server) == FRA).then_some(()));
    let path = server.dir.file("overrides.toml");
    let broken = "[[override]]\nsite = \"fra\"\n";
    fs::write(&path, broken).expect("written");
    let (code, _, err) = run(&server.dir, Some(&server), "drain fra");
    assert_eq!(code, 1);
    assert!(err.contains("needs \"state\""), "{err}");
    assert_eq!(fs::read_to_string(&path).expect("read"), broken);
}

/// Whoever must take a site out now cannot mend somebody else's half-finished edit first.
#[test]
fn a_broken_server_file_keeps_nobody_from_draining() {
    let server = TestServer::start(directory());
    for broken in ["[server]\nudp_payload_max = \"x\"\n", "[server\n"] {
        server.dir.write("fingerpost.toml", broken);
        for (line, expected) in [("drain fra", IAD), ("undrain fra", FRA)] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost"));
            let url = format!("http://{}", server.admin());
            command.args(line.split(' ')).args(["--server", &url]).env("NO_COLOR", "1");
            let output = command.stdin(Stdio::null()).output().expect("the program");
            assert!(output.status.success(), "{line}: {output:?}");
            assert_eq!(served(&server), expected, "{line} beside {broken:?}");
        }
    }
}
