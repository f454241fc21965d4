//! `fingerpost director render`: a director's own configuration, and what the hosts around it need.

use crate::cli::{ConfigArg, fail, problem, style};
use crate::config;
use crate::director::render::{self, Format, Host, Job, Settings};
use crate::report::{Finding, Report, listed, nearest};
use crate::steer::director::Director;
use crate::wire::Name;
use std::fmt::Display;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Write a director's own configuration
///
/// Writes what ipvsadm, keepalived, HAProxy or nftables read on the director's host, from the same
/// definition by which its VIP is handed out: VIP, mode, scheduler, reals with their weights and
/// checks. With --host or --real it writes the settings that the mode needs of the director's host or
/// of a real server instead, as a shell script that may run any number of times; with --output, all of
/// that as files.
///
/// Directors that run on one host and serve several ports are named together. Where another director
/// has the same VIP, keepalived's configuration moves it between them by VRRP, the one that is written
/// first going before.
///
///   --format    for mode
///   keepalived  nat, dr, tun; the VRRP of a proxy
///   ipvsadm     nat, dr, tun; for `ipvsadm -R`, nothing is checked
///   haproxy     proxy
///   nftables    nat; nothing is checked, connections are not counted
#[derive(Clone, Debug, clap::Args)]
#[command(verbatim_doc_comment)]
#[command(after_long_help = "\
Examples:
  fingerpost director render lvs-fra > /etc/keepalived/keepalived.conf
  fingerpost director render proxy-fra > /etc/haproxy/haproxy.cfg
  fingerpost director render lvs-fra --format ipvsadm | ipvsadm-restore
  fingerpost director render nat-fra --format nftables | nft -f -
  fingerpost director render lvs-fra --host | sh                     on the director
  fingerpost director render lvs-fra --real web1 | ssh web1 sudo sh  on a real server
  fingerpost director render lvs-fra-http lvs-fra-https --output lvs-fra.d

Exit status:
  0  written; notes may be on standard error
  1  the configuration has errors, or the format cannot do what is configured; the messages say what can
  2  the command line was not understood")]
pub(super) struct Args {
    /// The director; @ZONE after it for one that a zone's file defines
    #[arg(value_name = "NAME[@ZONE]", required = true)]
    names: Vec<Wanted>,
    /// The program to write for [default: haproxy for mode proxy, else keepalived]
    #[arg(long, value_parser = parse_format, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write the settings of the director's host
    #[arg(long, group = "what")]
    host: bool,
    /// Write the settings of this real server's host, by its name or address
    #[arg(long, value_name = "REAL", group = "what")]
    real: Option<String>,
    /// Write everything into files of this directory, which is made if need be
    #[arg(long, value_name = "DIR", group = "what")]
    output: Option<PathBuf>,
    /// The director's interface in the network of the VIP
    #[arg(long, value_name = "NAME", default_value = "eth0", value_parser = parse_interface)]
    interface: String,
    /// VRRP's router id [default: the last byte of the VIP]
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u8).range(1..))]
    router_id: Option<u8>,
    /// NAT: the director's address in the network of the reals [default: the script asks]
    #[arg(long, value_name = "ADDRESS")]
    gateway: Option<IpAddr>,
    /// NAT: show the reals the director's address in place of the client's, so that it need not be their gateway
    #[arg(long)]
    masquerade: bool,
    #[command(flatten)]
    config: ConfigArg,
}

pub(super) fn run(args: &Args) -> ExitCode {
    match attempt(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => fail(&report),
    }
}

fn attempt(args: &Args) -> Result<(), Report> {
    let loaded = config::load(&args.config.config, None);
    if loaded.report.has_errors() {
        return Err(loaded.report);
    }
    let all = loaded.directors();
    let mut directors: Vec<Arc<Director>> = Vec::new();
    for wanted in &args.names {
        let found = find(wanted, &all)?;
        if directors.iter().any(|known| Arc::ptr_eq(known, found)) {
            continue;
        }
        if let Some(other) = directors.iter().find(|known| known.is_same_vip(found)) {
            let message = format!("{} and {} stand in for each other", other.name, found.name);
            return Err(Finding::error(message).help("render one per host").into());
        }
        directors.push(found.clone());
    }
    let settings = Settings {
        interface: args.interface.clone(),
        router_id: args.router_id,
        gateway: args.gateway,
        masquerade: args.masquerade,
    };
    let format = args.format.map_or_else(|| usual_format(&directors), Ok)?;
    let job = Job { format, directors: &directors, all: &all, settings: &settings };
    match (&args.real, &args.output) {
        (Some(real), _) => style::print(render::host(&job, Host::Real(real))?),
        (None, Some(directory)) => write_all(&job, directory)?,
        (None, None) if args.host => style::print(render::host(&job, Host::Director)?),
        (None, None) => {
            let rendered = render::rules(&job)?;
            tell(&rendered.notes);
            style::print(rendered.text);
        }
    }
    Ok(())
}

/// A director as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    name: String,
    /// The zone whose file defines it, if that was said.
    zone: Option<Name>,
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, zone)) = text.split_once('@') else {
            return Ok(Self { name: text.to_owned(), zone: None });
        };
        let zone =
            Name::parse(zone, None).map_err(|error| format!("{zone:?} is no zone: {error}"))?;
        Ok(Self { name: name.to_owned(), zone: Some(zone) })
    }
}

/// The director that is meant: without a zone the server's own, or the only one of that name.
fn find<'a>(wanted: &Wanted, all: &'a [Arc<Director>]) -> Result<&'a Arc<Director>, Finding> {
    let called: Vec<&Arc<Director>> = all.iter().filter(|one| one.name == wanted.name).collect();
    let exact = called.iter().find(|one| one.zone == wanted.zone);
    match (exact, &called[..], &wanted.zone) {
        (Some(exact), _, _) => Ok(exact),
        (None, [only], None) => Ok(only),
        (None, [], _) => {
            let help = match nearest(&wanted.name, all.iter().map(|one| &one.name[..])) {
                Some(near) => format!("did you mean {near:?}?"),
                None if all.is_empty() => "define it: [directors.NAME]".to_owned(),
                None => format!("there are {}", named(all)),
            };
            Err(Finding::error(format!("no director is called {:?}", wanted.name)).help(help))
        }
        (None, several, _) => {
            let message = match &wanted.zone {
                Some(zone) => format!("zone {zone} defines no director {:?}", wanted.name),
                None => format!("several zones define a director {:?}", wanted.name),
            };
            let choices = named(several.iter().copied());
            Err(Finding::error(message).help(format!("say which: {choices}")))
        }
    }
}

/// A director as it can be asked for.
fn shown(director: &Arc<Director>) -> String {
    match &director.zone {
        Some(zone) => format!("{}@{zone}", director.name),
        None => director.name.clone(),
    }
}

/// More names than this are not listed.
const LISTED_MAX: usize = 16;

fn named<'a>(directors: impl IntoIterator<Item = &'a Arc<Director>>) -> String {
    let names: Vec<String> = directors.into_iter().map(shown).collect();
    listed(&names, LISTED_MAX)
}

fn usual_format(directors: &[Arc<Director>]) -> Result<Format, Finding> {
    let mut usual = directors.iter().map(|director| Format::usual(director.mode));
    let first = usual.next().unwrap_or(Format::Keepalived);
    match usual.find(|other| *other != first) {
        None => Ok(first),
        Some(other) => {
            let message = format!("these directors are for {first} and for {other}");
            Err(Finding::error(message).help("render them one by one, or say --format"))
        }
    }
}

fn write_all(job: &Job<'_>, directory: &Path) -> Result<(), Report> {
    let (files, notes) = render::files(job)?;
    let cannot = |path: &Path, error: &dyn Display| -> Report {
        problem(format_args!("cannot write {}", path.display()), error)
    };
    std::fs::create_dir_all(directory).map_err(|error| cannot(directory, &error))?;
    tell(&notes);
    for file in files {
        let path = directory.join(file.name);
        std::fs::write(&path, file.text).map_err(|error| cannot(&path, &error))?;
        style::print(format_args!("{}\n", path.display()));
    }
    Ok(())
}

/// What the text itself could not say.
fn tell(notes: &[String]) {
    for note in notes {
        eprintln!("note: {note}");
    }
}

fn parse_format(word: &str) -> Result<Format, String> {
    let words = || Format::ALL.iter().map(|(word, _)| *word);
    let found = Format::ALL.iter().find(|(known, _)| *known == word).map(|(_, format)| *format);
    found.ok_or_else(|| match nearest(word, words()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("the formats are {}", words().collect::<Vec<_>>().join(", ")),
    })
}

/// Names of interfaces have fewer bytes than this in Linux (IFNAMSIZ).
const INTERFACE_BYTES_MAX: usize = 15;

/// The kernel takes more, but the files that it is to stand in do not.
fn parse_interface(text: &str) -> Result<String, String> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if text.is_empty() || text.len() > INTERFACE_BYTES_MAX || !text.bytes().all(is_fit) {
        return Err(format!("{text:?} is no interface: give its name, as in eth0 or bond0.100"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = r#"
[server]
listen = ["127.0.0.1:0"]
zones = "zones"
[sites]
fra = { location = "EU-DE" }
[directors.lvs-fra]
site = "fra"
vip = { a = "192.0.2.100" }
mode = "dr"
service = "tcp/80"
reals = [ { name = "web1", address = "10.0.0.2:80", weight = 3 }, { address = "10.0.0.3:80" } ]
[directors.proxy-fra]
site = "fra"
vip = { a = "192.0.2.101" }
mode = "proxy"
service = "tcp/80"
reals = [ { address = "10.0.0.2:8080" } ]
"#;

    /// A configuration whose two zones each have a director `twin`, and one an `only`.
    fn configuration() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            std::fs::write(directory.path().join(path), text).expect("written");
        };
        std::fs::create_dir(directory.path().join("zones")).expect("made");
        write("fingerpost.toml", SERVER);
        for (number, zone) in [(1, "example.com"), (2, "example.net")] {
            let text = "@ 60 SOA ns. host. 1 2h 30m 2w 5m\n@ 60 NS ns.example.org.\n";
            write(&format!("zones/{zone}.zone"), text);
            let director = |name: &str, last: u8| {
                format!(
                    "[directors.{name}]\nsite = \"fra\"\nvip = {{ a = \"198.51.100.{last}\" }}\nmode = \"nat\"\n\
                     service = \"tcp/53\"\nreals = [ {{ address = \"10.0.0.{last}:53\" }} ]\n"
                )
            };
            let only = if number == 1 { director("only", 9) } else { String::new() };
            write(&format!("zones/{zone}.toml"), &(director("twin", number) + &only));
        }
        directory
    }

    #[test]
    fn a_director_is_found_by_name_and_zone() {
        let directory = configuration();
        let loaded = config::load(&directory.path().join("fingerpost.toml"), None);
        assert!(!loaded.report.has_errors(), "{:?}", loaded.report.findings);
        let all = loaded.directors();
        let check = |wanted: &str, expected: Result<&str, &str>| {
            let wanted: Wanted = wanted.parse().expect("understood");
            let found = find(&wanted, &all).map(shown);
            let found = found.map_err(|finding| finding.help.unwrap_or_default());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{wanted:?}");
        };
        check("lvs-fra", Ok("lvs-fra"));
        check("only", Ok("only@example.com."));
        check("twin@example.net", Ok("twin@example.net."));
        check("twin", Err("say which: twin@example.com., twin@example.net."));
        check("only@example.net", Err("say which: only@example.com."));
        check("lvs-far", Err("did you mean \"lvs-fra\"?"));
    }

    #[test]
    fn everything_is_written_into_a_directory() {
        let directory = configuration();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (config, output) = (path("fingerpost.toml"), path("out/lvs"));
        let run = |arguments: &[&str]| {
            #[derive(clap::Parser)]
            struct Cli {
                #[command(flatten)]
                args: Args,
            }
            let line = ["render", "--config", &config].into_iter().chain(arguments.iter().copied());
            let cli = <Cli as clap::Parser>::try_parse_from(line).expect("understood");
            super::run(&cli.args)
        };
        assert_eq!(run(&["lvs-fra", "--output", &output]), ExitCode::SUCCESS);
        let mut names: Vec<String> = std::fs::read_dir(&output)
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        let expected = ["director.sh", "keepalived.conf", "real-10.0.0.3_80.sh", "real-web1.sh"];
        assert_eq!(names, expected);
        assert_eq!(run(&["lvs-fra", "proxy-fra"]), ExitCode::FAILURE);
        assert_eq!(run(&["lvs-fra", "--format", "haproxy"]), ExitCode::FAILURE);
        assert_eq!(run(&["lvs-fra", "--real", "web9"]), ExitCode::FAILURE);
        // What stands in the way is a file.
        assert_eq!(run(&["lvs-fra", "--output", &config]), ExitCode::FAILURE);
    }
}
