//! `fingerpost simulate`, the program itself: what it says of a change, how it ends as a gate, and what it says of
//! input that is wrong.

mod kit;

use kit::ConfigDir;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SERVER: &str = "\
[server]
listen = [\"127.0.0.1:0\"]
zones = \"zones\"
[geoip]
networks = \"networks.toml\"
[sites]
fra = { name = \"Frankfurt\", location = \"EU-DE\" }
iad = { name = \"Ashburn\", location = \"NA-US-VA\" }
";
const ZONE: &str = "$TTL 300\n@ SOA ns1 host 1 7200 1800 1209600 60\n@ NS ns1\nns1 A 192.0.2.53\n";
/// Half of the seen traffic is German; a name that falls open, and one that fails.
const STEERING: &str = "\
[pools.web]
endpoints = [
  { site = \"fra\", a = \"192.0.2.1\", weight = 3 },
  { site = \"fra\", a = \"192.0.2.2\", weight = 1 },
  { site = \"iad\", a = \"192.0.2.3\" },
]
[pools.only]
on_all_down = \"nodata\"
endpoints = [{ site = \"iad\", name = \"lone\", a = \"192.0.2.4\" }]
[names.www]
pool = \"web\"
[names.lone]
pool = \"only\"
";
const NETWORKS: &str = r#"
[networks]
"20.0.0.0/8" = { location = "EU-DE" }
"30.0.0.0/8" = { location = "NA-US" }
"#;

fn world() -> ConfigDir {
    ConfigDir::new()
        .server(SERVER)
        .zone("example.com", ZONE)
        .steering("example.com", STEERING)
        .networks(NETWORKS)
        .with("seen.csv", "prefix,count\n20.0.0.0/24,600\n30.1.0.0/16,400\n")
}

fn simulate(directory: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fingerpost"));
    command.current_dir(directory).arg("simulate").args(line.split_whitespace());
    command.stdin(Stdio::null()).env("NO_COLOR", "1").output().expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn it_tells_what_changes_and_ends_as_a_gate() {
    let dir = world();
    dir.write("next/fingerpost.toml", SERVER);
    dir.write("next/networks.toml", NETWORKS.replace("EU-DE", "NA-CA"));
    dir.write("next/zones/example.com.zone", ZONE);
    dir.write("next/zones/example.com.toml", STEERING.replace("weight = 3", "weight = 1"));
    dir.write("swapped/fingerpost.toml", SERVER);
    let swapped = NETWORKS.replace("20.", "40.").replace("30.", "20.").replace("40.", "30.");
    dir.write("swapped/networks.toml", swapped);
    dir.write("swapped/zones/example.com.zone", ZONE);
    dir.write("swapped/zones/example.com.toml", STEERING);
    // Options, exit status, parts of standard output.
    let cases: [(&str, i32, &[&str]); 15] = [
        ("", 0, &["this is how it stands", "fra Frankfurt", "www.example.com. A"]),
        (
            "--down fra",
            0,
            &["fra down", "EU-DE    fra → iad", "1 name stays as it is: lone.example.com. A"],
        ),
        ("--traffic seen.csv", 0, &["1000 observations", "60.0 %", "45.0 %", "none was seen from"]),
        ("--traffic seen.csv --down fra", 0, &["60.0 %    0.0 %  −60.0", "40.0 %  100.0 %  +60.0"]),
        (
            "--traffic seen.csv --weight fra-1=1",
            0,
            &["45.0 %  30.0 %  −15.0", "15.0 %  30.0 %  +15.0"],
        ),
        (
            "--traffic seen.csv --down fra --max-shift 60%",
            0,
            &["passed: no part of a site or endpoint shifts by more than 60.0 %"],
        ),
        (
            "--traffic seen.csv --down fra --max-shift 10%",
            1,
            &[
                "failed:",
                "www.example.com. A: site fra loses 60.0 points of traffic (60.0 % → 0.0 %), more than 10 %",
                "www.example.com. A: clients move: 60.0 % of traffic, more than 10 %",
            ],
        ),
        // Everyone is sent to the other site, of which the sites' parts show little.
        (
            "--with swapped --traffic seen.csv --max-shift 20%",
            1,
            &["www.example.com. A: clients move: 100.0 % of traffic, more than 20 %"],
        ),
        // Nobody moves, but an endpoint takes the part of another.
        (
            "--traffic seen.csv --weight fra-1=0 --max-shift 40%",
            1,
            &[
                "www.example.com. A: endpoint web/fra-1 loses 45.0 points of traffic (45.0 % → 0.0 %), more than 40 %",
                "www.example.com. A: endpoint web/fra-2 gains 45.0 points",
            ],
        ),
        ("--traffic seen.csv --weight fra-1=1 --max-shift 15%", 0, &["passed"]),
        ("--down iad --name lone.example.com", 0, &["no answer (nodata)", "lose their answer"]),
        ("--down iad --max-shift 100%", 1, &["would be left without an answer"]),
        ("--down iad --max-shift 100% --allow-unanswered", 0, &["passed"]),
        (
            "--with next --traffic seen.csv",
            0,
            &["configuration next", "now said to be in another country", "EU-DE    fra → iad"],
        ),
        ("--with next/fingerpost.toml --max-shift 0.1%", 1, &["more than 0.1 %"]),
    ];
    for (line, status, parts) in cases {
        let output = simulate(dir.path(), line);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{line}: {said}{}", text(&output.stderr));
        for part in parts {
            assert!(said.contains(part), "{line}: {part:?} is missing in\n{said}");
        }
        assert!(said.lines().all(|line| line.trim_end() == line), "{line}: {said}");
    }
}

#[test]
fn json_has_everything() {
    let dir = world();
    let output = simulate(dir.path(), "--down fra --traffic seen.csv --max-shift 5% --json");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["changes"][0], "fra down");
    assert_eq!(said["clients"][0]["total"], 1000.0);
    assert_eq!(said["violations"].as_array().map(Vec::len), Some(3), "{said:#}");
    let www = &said["steering"][0];
    assert_eq!((&www["names"][0], &www["pool"]), (&"www.example.com.".into(), &"web".into()));
    let fra = www["sites"].as_array().expect("sites").iter().find(|row| row["site"] == "fra");
    let fra = fra.expect("Frankfurt");
    let share = |row: &Value| (row["traffic"]["before"].as_f64(), row["traffic"]["after"].as_f64());
    assert_eq!(share(&fra["share"]), (Some(0.6), Some(0.0)));
    assert_eq!(share(&fra["endpoints"][0]["first"]).1, Some(0.0));
    assert_eq!(www["moves"][0]["country"], "EU-DE");
}

/// What a running server has found out counts only where it is asked for.
#[test]
fn overrides_count_as_is() {
    let dir = world().overrides(
        "[[override]]\nsite = \"fra\"\nstate = \"drain\"\nuntil = 2099-01-01T00:00:00Z\nreason = \"test\"\n",
    );
    let shares = |line: &str| {
        let output = simulate(dir.path(), &format!("{line} --name www.example.com --json"));
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let rows = said["steering"][0]["sites"].as_array().expect("sites").clone();
        let fra = rows.into_iter().find(|row| row["site"] == "fra").expect("Frankfurt");
        let share = &fra["share"]["traffic"];
        (share["before"].as_f64(), share["after"].as_f64())
    };
    assert_eq!(shares("--traffic seen.csv"), (Some(0.6), Some(0.6)));
    assert_eq!(shares("--traffic seen.csv --as-is"), (Some(0.0), Some(0.0)));
    assert_eq!(shares("--traffic seen.csv --as-is --up fra"), (Some(0.0), Some(0.6)));
}

#[test]
fn bad_input_is_told_with_its_cure() {
    let dir = world().with("bad.csv", "20.0.0.0/24,1\n20.0.0.0/40,1\nx\n").with("none.csv", "");
    dir.write("broken/fingerpost.toml", SERVER);
    dir.write("broken/networks.toml", NETWORKS);
    dir.write("broken/zones/example.com.zone", ZONE);
    dir.write(
        "broken/zones/example.com.toml",
        STEERING.replace("pool = \"web\"", "pool = \"wbe\""),
    );
    // Options, exit status, parts of standard error.
    let cases: [(&str, i32, &[&str]); 17] = [
        (
            "--down frs",
            1,
            &["unknown site, pool, endpoint or director \"frs\"", "did you mean \"fra\"?"],
        ),
        ("--down nowhere --weight lona=2", 1, &["\"nowhere\"", "did you mean \"lone\"?"]),
        ("--name ww.example.com", 1, &["ww.example.com. is not steered", "www.example.com.?"]),
        ("--traffic bad.csv", 1, &["bad.csv:2:1", "\"20.0.0.0/40\" is no network", "bad.csv:3:1"]),
        ("--traffic none.csv", 1, &["no traffic is counted here"]),
        ("--traffic nowhere.csv", 1, &["cannot read nowhere.csv"]),
        ("--database nowhere.mmdb", 1, &["nowhere.mmdb"]),
        ("--database seen.csv", 1, &["seen.csv"]),
        ("--with nowhere", 1, &["nowhere"]),
        ("--with broken", 1, &["example.com.toml:", "did you mean \"web\"?"]),
        ("--config nowhere.toml", 1, &["nowhere.toml"]),
        ("--max-shift 10", 2, &["10%"]),
        ("--weight fra-1", 2, &["ENDPOINT=N"]),
        ("--weight fra-1=-1", 2, &["not a number"]),
        ("--weight site:fra=1", 2, &["a site has no weight"]),
        ("--down city:fra", 2, &["no kind of thing", "write site:, pool:, endpoint: or director:"]),
        ("--allow-unanswered", 2, &["--max-shift"]),
    ];
    for (line, status, parts) in cases {
        let output = simulate(dir.path(), line);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{line}: {said}{}", text(&output.stdout));
        assert!(output.stdout.is_empty(), "{line}: {}", text(&output.stdout));
        for part in parts {
            assert!(said.contains(part), "{line}: {part:?} is missing in\n{said}");
        }
    }
    // The other side may be what mends it.
    let output = simulate(dir.path(), "--config broken/fingerpost.toml --with fingerpost.toml");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("did you mean \"web\"?"));
}
