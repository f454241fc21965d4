//! `fingerpost simulate`: what a change would do to everyone.
//!
//! The comparison is [`crate::control::simulate`]'s; this reads both sides of it, and `page` lays it out.

mod page;

use super::explain::suppose;
use super::style::{self, Palette};
use super::{CONFIG_FILE, ConfigArg, EXIT_FINDINGS, fail, problem};
use crate::config::defaults::ENDPOINT_WEIGHT_MAX;
use crate::control::loader::{Load, Loader};
use crate::control::overrides::target::{Kind, Lost, Wanted};
use crate::control::simulate::{
    Changes, Clients, EndpointWeight, Gate, Health, Measure, Side, Simulation, Traffic, simulate,
};
use crate::health::overrides::Pin;
use crate::report::{Finding, Report, Source, nearest};
use crate::snapshot::Catalog;
use crate::wire::Name;
use page::Page;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::thread;

/// Say what a change would do to everyone's answers, before it is made
///
/// Goes through all clients there can be, network by network, and tells for each steered name what part of them each
/// site and each endpoint serves, before the change and after it, which countries move from which site to which, and
/// who is left without an answer. Nothing is sampled, probed or changed. Without a change it tells how things are.
///
/// Changes can be combined: another configuration, another database, sites or endpoints that fail, are drained or come
/// up, other weights. What follows --down, --drain, --up and --weight is supposed of the other configuration, where one
/// is given.
///
/// IPv4 clients count by addresses, IPv6 clients by /48 networks whose place is known, each family by itself; private,
/// reserved and unallocated space counts nothing. With --traffic both count together, by what was observed.
///
/// An endpoint's part is that of the answers that list it first: it adds up to its site's. --json also has the part of
/// the answers that list it at all.
///
/// With --max-shift the comparison is a gate. It looks at three things for each name: each site's part, each endpoint's
/// part, and the part of the clients that move, which counts those who get another site, or gain or lose their answer,
/// even where as many others take their place. If one of the three is exceeded, the command fails and says which it is,
/// and of which name.
///
/// Everything is taken for up, so that the result is the same wherever it is computed, unless --as-is is given; then
/// the verdicts and overrides of the server count, on both sides, and what has no verdict is taken for up.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost simulate                                how everyone is served
  fingerpost simulate --down fra                     if Frankfurt failed
  fingerpost simulate --as-is --drain iad-1          a drain, given what is down right now
  fingerpost simulate --weight web/fra-1=5           another weight
  fingerpost simulate --database new/world.mmdb      a database before it is taken into use
  fingerpost simulate --with ../next --max-shift 10% in CI: fails if more than that moves or shifts
  fingerpost simulate --with ../next --traffic seen.csv
                                                     counted by what was seen: lines of PREFIX,COUNT

Exit status:
  0  compared, and within --max-shift if that is given
  1  a configuration or another input has errors, --max-shift is exceeded, or with it
     clients would be left without an answer who had one
  2  the command line was not understood")]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Compare with another configuration: its directory, or its file
    #[arg(long, value_name = "DIR|FILE")]
    with: Option<PathBuf>,
    /// Compare with this database in place of those configured; may be given more than once, asked in order
    #[arg(long, value_name = "FILE")]
    database: Vec<PathBuf>,
    /// Suppose this site, pool, endpoint or director down; may be given more than once
    #[arg(long, value_name = "SITE|POOL|[POOL/]ENDPOINT|DIRECTOR")]
    down: Vec<Wanted>,
    /// Suppose this site, pool, endpoint or director drained; may be given more than once
    #[arg(long, value_name = "SITE|POOL|[POOL/]ENDPOINT|DIRECTOR")]
    drain: Vec<Wanted>,
    /// Suppose this site, pool, endpoint or director up; may be given more than once
    #[arg(long, value_name = "SITE|POOL|[POOL/]ENDPOINT|DIRECTOR")]
    up: Vec<Wanted>,
    /// Suppose another weight of this endpoint; may be given more than once
    #[arg(long, value_name = "[POOL/]ENDPOINT=N", value_parser = parse_weight)]
    weight: Vec<EndpointWeight>,
    /// Only this steered name; may be given more than once
    #[arg(long, value_name = "NAME", value_parser = super::explain::parse_name)]
    name: Vec<Name>,
    /// Count clients by what was observed: a file of lines PREFIX,COUNT
    #[arg(long, value_name = "FILE")]
    traffic: Option<PathBuf>,
    /// Start from the verdicts that the running server keeps, and from its overrides
    #[arg(long)]
    as_is: bool,
    /// Fail if any site's or endpoint's part shifts by more, or more clients move, for any name
    #[arg(long, value_name = "PERCENT")]
    max_shift: Option<Percent>,
    /// Do not fail because clients are left without an answer
    #[arg(long, requires = "max_shift")]
    allow_unanswered: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A part of one, as `10%`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Percent(f64);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match number.filter(|number| (0.0..=100.0).contains(number)) {
            Some(number) => Ok(Self(number / 100.0)),
            None => Err("write a percentage from 0% to 100%, as in 10%".to_owned()),
        }
    }
}

fn parse_weight(text: &str) -> Result<EndpointWeight, String> {
    let (endpoint, weight) =
        text.rsplit_once('=').ok_or("write ENDPOINT=N, as in fra-1=3".to_owned())?;
    let weight = weight.parse().ok().filter(|weight| u64::from(*weight) <= ENDPOINT_WEIGHT_MAX);
    let endpoint: Wanted = endpoint.parse().map_err(|lost: Lost| lost.to_string())?;
    if let Some(kind @ (Kind::Site | Kind::Pool)) = endpoint.kind {
        return Err(format!("a {kind} has no weight; its endpoints have"));
    }
    match weight {
        Some(weight) => Ok(EndpointWeight { endpoint, weight }),
        None => Err(format!("the weight is not a number from 0 to {ENDPOINT_WEIGHT_MAX}")),
    }
}

pub(super) fn run(args: Args) -> ExitCode {
    let simulation = match compare(&args) {
        Ok(simulation) => simulation,
        Err(report) => return fail(&report),
    };
    let gate = args
        .max_shift
        .map(|Percent(shift_max)| Gate { shift_max, allow_unanswered: args.allow_unanswered });
    let violations = gate.map(|gate| gate.violations(&simulation)).unwrap_or_default();
    let said = Said {
        changes: changes_told(&args),
        health: if args.as_is { "as it is" } else { "all up" },
        simulation,
        max_shift: gate.map(|gate| gate.shift_max),
        violations,
    };
    if args.json {
        match serde_json::to_string(&said) {
            Ok(text) => style::print(format_args!("{text}\n")),
            Err(error) => return fail(&problem("cannot write JSON", error)),
        }
    } else {
        style::print(Page { said: &said, palette: Palette::stdout() });
    }
    if said.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FINDINGS) }
}

/// All that is told.
#[derive(Debug, Serialize)]
struct Said {
    /// What is compared, one change each; empty: how things are.
    changes: Vec<String>,
    /// What endpoints are taken for: `all up` or `as it is`.
    health: &'static str,
    #[serde(flatten)]
    simulation: Simulation,
    /// The most that a site's or an endpoint's part may shift, and that may move; 0 to 1.
    max_shift: Option<f64>,
    /// Why the comparison fails; empty if it does not, or nothing is asked of it.
    violations: Vec<String>,
}

fn changes_told(args: &Args) -> Vec<String> {
    let mut told = Vec::new();
    told.extend(args.with.iter().map(|path| format!("configuration {}", path.display())));
    told.extend(args.database.iter().map(|path| format!("database {}", path.display())));
    let each = |names: &[Wanted], word: &'static str| {
        names.iter().map(|name| format!("{name} {word}")).collect::<Vec<_>>()
    };
    told.extend(each(&args.down, "down"));
    told.extend(each(&args.drain, "drained"));
    told.extend(each(&args.up, "up"));
    told.extend(
        args.weight.iter().map(|other| format!("{} weighs {}", other.endpoint, other.weight)),
    );
    told
}

fn compare(args: &Args) -> Result<Simulation, Report> {
    let measure = match &args.traffic {
        None => Measure::Addresses,
        Some(path) => Measure::Traffic(read_traffic(path)?),
    };
    let (before, after) = load(args)?;
    let other = after.as_ref().unwrap_or(&before);
    let changes = changes(args);
    let mut report = changes.check(&other.catalog);
    report.extend(unknown_names(&args.name, [&before.catalog, &other.catalog]));
    if report.has_errors() {
        return Err(report);
    }
    // One table for both sides: an endpoint that both have is what it is in both.
    let probes = || before.catalog.probes().chain(other.catalog.probes()).cloned();
    let known = args.as_is.then(|| suppose(&before, probes(), Vec::new()));
    let health = known.as_ref().map_or(Health::AllUp, Health::AsIs);
    let before_side = Side::new(&before.catalog, health, &Changes::default());
    let after_side = Side::new(&other.catalog, health, &changes);
    let clients = Clients::new(before.catalog.world(), other.catalog.world(), &measure);
    Ok(simulate(&before_side, &after_side, &clients, &args.name))
}

fn changes(args: &Args) -> Changes {
    let pins = [(&args.down, Pin::Down), (&args.drain, Pin::Drain), (&args.up, Pin::Up)];
    let each = |(names, pin): (&Vec<Wanted>, Pin)| {
        names.iter().map(|name| (name.clone(), pin)).collect::<Vec<_>>()
    };
    Changes { pins: pins.into_iter().flat_map(each).collect(), weights: args.weight.clone() }
}

fn read_traffic(path: &Path) -> Result<Traffic, Report> {
    let text = fs::read(path)
        .map_err(|error| problem(format_args!("cannot read {}", path.display()), error))?;
    let text = String::from_utf8(text).map_err(|_| {
        let message = format!("{} is no text", path.display());
        Finding::error(message).help("write lines of PREFIX,COUNT, in UTF-8")
    })?;
    Traffic::read(&Source::new(path, text))
}

/// Both sides; the other is none where it is read from the same files.
fn load(args: &Args) -> Result<(Load, Option<Load>), Report> {
    let path = &args.config.config;
    let mut other = match &args.with {
        Some(other) if other.is_dir() => Loader::new(&other.join(CONFIG_FILE)),
        Some(other) => Loader::new(other),
        None => Loader::new(path),
    };
    let is_other = args.with.is_some() || !args.database.is_empty();
    if !args.database.is_empty() {
        other = other.with_databases(args.database.clone());
    }
    // Each takes seconds if its database is large, and neither needs the other.
    let (before, after) = thread::scope(|scope| {
        let after = is_other.then(|| scope.spawn(move || sound(other)));
        let before = Loader::new(path).load();
        (
            before,
            after
                .map(|thread| thread.join().unwrap_or_else(|fate| std::panic::resume_unwind(fate))),
        )
    });
    let before = before?;
    if before.report.has_errors() {
        // A broken zone may be what the other side mends; without another side it is all there is.
        match &after {
            Some(_) => drop(fail(&before.report)),
            None => return Err(before.report),
        }
    }
    Ok((before, after.transpose()?))
}

/// A load without any error: what is to be taken into use must have none.
fn sound(mut loader: Loader) -> Result<Load, Report> {
    let load = loader.load()?;
    if load.report.has_errors() { Err(load.report) } else { Ok(load) }
}

fn unknown_names(names: &[Name], catalogs: [&Arc<Catalog>; 2]) -> Report {
    let zones = catalogs.into_iter().flat_map(|catalog| catalog.zones().zones());
    let known: Vec<&Name> =
        zones.flat_map(|zone| &zone.names).map(|plan| &plan.name.owner).collect();
    let mut report = Report::default();
    for name in names.iter().filter(|name| !known.contains(name)) {
        let texts: Vec<String> = known.iter().map(ToString::to_string).collect();
        let help = match nearest(&name.to_string(), texts.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near}?"),
            None => "give a name under [names] of a zone's TOML file, in full".to_owned(),
        };
        report.push(Finding::error(format!("{name} is not steered")).help(help));
    }
    report
}
