//! `fingerpost geoip`: make a database, look into one, ask where an address is.
//!
//! What is printed is made by functions that return text (`text`).

mod text;

use super::{ConfigArg, EXIT_FINDINGS, fail, style};
use crate::control::loader::Loader;
use crate::disk;
use crate::geo::build::{BuildOptions, Built, build};
use crate::geo::{Database, Networks, World};
use crate::report::{Finding, Report};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use text::{date, info, lookup, table};

/// The last second of the year 9999, after which dates have no usual form.
const EPOCH_MAX_S: u64 = 253_402_300_799;

/// Work with the databases that say where clients are
///
/// Databases are files in MaxMind's format (.mmdb): City, Country or ASN from MaxMind, DB-IP, IPinfo and others, or
/// made by `fingerpost geoip build` from text.
#[derive(Args, Clone, Debug)]
pub(super) struct GeoipArgs {
    #[command(subcommand)]
    command: GeoipCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum GeoipCommand {
    Build(BuildArgs),
    Lookup(LookupArgs),
    Info(InfoArgs),
}

/// Make a database from text files
///
/// Reads Tor's `geoip` and `geoip6` (Debian package tor-geoipdb) and CSV, in any mixture:
///
///   192.0.2.0/24,DE                        a network and its country
///   192.0.2.0/24,US,VA,39.04,-77.49        with subdivision and coordinates
///   192.0.2.0-192.0.2.99,DE                a range
///   192.0.2.0,192.0.2.99,DE                a range in two fields
///   3221225984,3221226083,DE               the same as Tor writes it
///
/// Lines that begin with `#` are comments, a header line is passed over. `??`, `ZZ` and other codes
/// of no country leave a network unknown. Where networks overlap the longest prefix counts, of equal
/// ones the one read last.
///
/// The same inputs give the same bytes. The file appears under its name only when it is complete, so
/// a server that watches it never sees half of it.
///
/// Exit status: 0 if the database was written; 1 if an input has mistakes (all of them are shown) or
/// a file cannot be read or written; 2 for wrong usage.
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
struct BuildArgs {
    /// The database to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// The type that the database says it is
    #[arg(long, value_name = "TYPE", default_value = "Fingerpost-Country")]
    database_type: String,
    /// What the database says of itself: where its data comes from, under which licence
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "Places by network, made by fingerpost geoip build"
    )]
    description: String,
    /// When the data was made, in seconds since 1970 [default: the newest `Generated:` date in the inputs, else 0]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=EPOCH_MAX_S))]
    epoch: Option<u64>,
    /// Text files to read
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
}

/// Say what is known of an address, and from which source
///
/// Answers as a server on the configuration would place the address: by its networks, and what they leave open by its
/// databases in order, of which later ones fill what earlier ones lack (City, then ASN). An IPv6 address that embeds an
/// IPv4 address (mapped, NAT64, 6to4, Teredo) is placed by that one. With --database, only the databases given are
/// asked.
///
/// Exit status: 0 if something is known of the address; 1 if nothing is, or if a database cannot be read; 2 for wrong
/// usage.
#[derive(Args, Clone, Debug)]
struct LookupArgs {
    /// The address to look up
    #[arg(value_name = "ADDR")]
    address: IpAddr,
    /// A database to ask in place of what the configuration names; may be given several times
    #[arg(long, short, value_name = "FILE")]
    database: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigArg,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Say what a database is: type, date, size, languages
///
/// The whole file is read as a server would read it, so a file that is described here will also serve.
///
/// Exit status: 0 if the database is sound; 1 if not; 2 for wrong usage.
#[derive(Args, Clone, Debug)]
struct InfoArgs {
    /// The database
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command; findings go to standard error.
pub(super) fn run(args: &GeoipArgs) -> ExitCode {
    let outcome = match &args.command {
        GeoipCommand::Build(args) => run_build(args),
        GeoipCommand::Lookup(args) => run_lookup(args),
        GeoipCommand::Info(args) => run_info(args),
    };
    outcome.unwrap_or_else(|report| fail(&report))
}

fn run_build(args: &BuildArgs) -> Result<ExitCode, Report> {
    let options = BuildOptions {
        inputs: args.inputs.clone(),
        database_type: args.database_type.clone(),
        description: args.description.clone(),
        build_epoch: args.epoch,
    };
    // Draws on standard error, and only if that is a terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("reading {bar:40} {bytes}/{total_bytes}") {
        bar.set_style(style);
    }
    let built = build(&options, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let built = built?;
    if built.record_count == 0 {
        let message = format!(
            "no place is named in {} lines of input, so there is nothing to write",
            built.line_count
        );
        let help = "each line has a network and a country by its ISO 3166-1 code: 192.0.2.0/24,DE";
        return Err(Finding::error(message).help(help).into());
    }
    disk::replace(&args.output, &built.bytes).map_err(|error| {
        let message = format!("cannot write {}: {error}", args.output.display());
        Finding::error(message).help("check that the directory exists and may be written")
    })?;
    style::print(built_text(&args.output, &built));
    Ok(ExitCode::SUCCESS)
}

fn built_text(path: &Path, built: &Built) -> String {
    let Built { line_count, unknown_count, run_count, record_count, .. } = built;
    table(&[
        ("written", path.display().to_string()),
        ("size", format!("{} bytes", built.bytes.len())),
        ("date", date(built.build_epoch)),
        ("lines read", format!("{line_count}, of which {unknown_count} name no place")),
        ("places", format!("{record_count} in {run_count} stretches of addresses")),
    ])
}

fn run_lookup(args: &LookupArgs) -> Result<ExitCode, Report> {
    let world = match args.database.as_slice() {
        // As a server on this configuration would place the address: by its networks, then its databases.
        [] => Loader::new(&args.config.config).load()?.catalog.world().clone(),
        given => Arc::new(world_of(given)?),
    };
    style::print(lookup(&world, args.address, args.json));
    let is_known = !world.locate(args.address).location.is_unknown();
    Ok(if is_known { ExitCode::SUCCESS } else { ExitCode::from(EXIT_FINDINGS) })
}

/// The world as these databases have it, without any networks.
fn world_of(paths: &[PathBuf]) -> Result<World, Report> {
    let mut report = Report::default();
    let read = |path: &PathBuf| Database::read(path).map_err(|error| report.push(error)).ok();
    let databases: Vec<Database> = paths.iter().filter_map(read).collect();
    if report.has_errors() {
        return Err(report);
    }
    Ok(World::new(&databases, &Networks::default()))
}

fn run_info(args: &InfoArgs) -> Result<ExitCode, Report> {
    let database = Database::read(&args.file)?;
    style::print(info(&database, args.json));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};
    use serde_json::json;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        geoip: GeoipArgs,
    }

    /// A database of a few lines, in a directory of its own.
    fn made(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (input, output) = (directory.path().join("in.csv"), directory.path().join("out.mmdb"));
        std::fs::write(&input, text).expect("written");
        let args: [&std::ffi::OsStr; 5] = [
            "geoip".as_ref(),
            "build".as_ref(),
            "--output".as_ref(),
            output.as_ref(),
            input.as_ref(),
        ];
        let cli = Cli::try_parse_from(args).expect("parsed");
        assert_eq!(run(&cli.geoip), ExitCode::SUCCESS);
        (directory, output)
    }

    #[test]
    fn arguments_are_well_formed() {
        let command = Cli::command();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands() {
            assert!(subcommand.get_about().is_some(), "{} has no help", subcommand.get_name());
            assert!(
                subcommand.get_long_about().is_some(),
                "{} has no long help",
                subcommand.get_name()
            );
        }
    }

    #[test]
    fn built_described_and_asked() {
        let (directory, output) = made("192.0.2.0/24,DE\n198.51.100.0/24,US,VA,39.04,-77.49\n");
        let left: Vec<_> = std::fs::read_dir(directory.path()).expect("listed").collect();
        assert_eq!(left.len(), 2, "{left:?}");

        let database = Database::read(&output).expect("readable");
        let text = info(&database, false);
        for part in
            ["Fingerpost-Country", "1970-01-01T00:00:00Z", "2 with 2 distinct", "subdivisions"]
        {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        let json: serde_json::Value = serde_json::from_str(&info(&database, true)).expect("JSON");
        assert_eq!(json["networks"], 2);

        let world = World::new(&[database], &Networks::default());
        let check = |address: &str, expected: &str| {
            let text = lookup(&world, address.parse().expect("an address"), false);
            assert_eq!(text, expected);
        };
        check(
            "192.0.2.1",
            "address      192.0.2.1\n\
             network      192.0.2.0/24\n\
             place        EU-DE\n\
             coordinates  50.8, 9.6 (centre of the place)\n\
             source       out.mmdb\n",
        );
        check(
            "::ffff:198.51.100.1",
            "address      ::ffff:198.51.100.1\n\
             placed by    198.51.100.1\n\
             network      ::ffff:198.51.100.0/120\n\
             place        NA-US-VA\n\
             coordinates  39.04, -77.49\n\
             source       out.mmdb\n",
        );
        check("203.0.113.1", "address  203.0.113.1\nnetwork  200.0.0.0/5\nplace    unknown\n");
        let address = "198.51.100.1".parse().expect("an address");
        let json: serde_json::Value =
            serde_json::from_str(&lookup(&world, address, true)).expect("JSON");
        assert_eq!(json["subdivision"], "VA");
        assert_eq!(json["coordinates"], json!([39.04, -77.49]));
        assert_eq!(json["asn"], serde_json::Value::Null);
    }

    #[test]
    fn failures_leave_nothing_behind() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("bad.csv"), "x,US\ny,US\n").expect("written");
        std::fs::write(path("good.csv"), "10.0.0.0/8,US\n").expect("written");
        let check = |args: &[&str]| {
            let cli = Cli::try_parse_from(["geoip"].iter().chain(args)).expect("parsed");
            assert_eq!(run(&cli.geoip), ExitCode::FAILURE, "{args:?}");
        };
        check(&["build", "-o", &path("out.mmdb"), &path("bad.csv")]);
        check(&["build", "-o", &path("out.mmdb"), &path("missing.csv")]);
        check(&["build", "-o", &path("no/directory/out.mmdb"), &path("good.csv")]);
        check(&["info", &path("good.csv")]);
        check(&["lookup", "10.0.0.1", "--database", &path("missing.mmdb")]);
        let left = std::fs::read_dir(directory.path()).expect("listed").count();
        assert_eq!(left, 2);
    }
}
