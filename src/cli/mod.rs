//! The commands. Arguments become typed values here; each command then has a module that says what it does.
//!
//! Output for people goes to standard output, errors and progress to standard error, and the exit status tells scripts
//! which of three ends it was: done, found something wrong, or not understood. Nothing here decides anything about DNS.

mod api;
mod check;
mod demo;
mod director;
mod events;
mod explain;
mod geoip;
mod logging;
mod overrides;
mod reload;
mod serve;
mod signals;
mod simulate;
mod status;
mod style;
mod version;

use crate::report::{Finding, Report, Style, render};
use clap::{CommandFactory, Parser, Subcommand};
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Runtime;

/// Something is wrong with what was given: the messages say what.
const EXIT_FINDINGS: u8 = 1;

/// Runs the command that the arguments of the process ask for.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Check(args) => check::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::Status(args) => status::run(args),
        Command::Events(args) => events::run(args),
        Command::Reload(args) => reload::run(&args),
        Command::Drain(args) => overrides::set("drain", &args),
        Command::Down(args) => overrides::set("down", &args),
        Command::Up(args) => overrides::set("up", &args),
        Command::Undrain(args) => overrides::remove(&args),
        Command::Weight(args) => overrides::weight(&args),
        Command::Geoip(args) => geoip::run(&args),
        Command::Director(args) => director::run(args),
        Command::Completions { shell } => completions(shell),
        Command::Version(args) => version::run(args),
    }
}

/// Tells standard error why a command did not do what was asked, with the status that says so.
fn fail(report: &Report) -> ExitCode {
    let style::Palette { colour } = style::Palette::stderr();
    // Where standard error is closed there is nobody left to tell.
    drop(write!(std::io::stderr().lock(), "{}", render(report, Style::Pretty { colour })));
    ExitCode::from(EXIT_FINDINGS)
}

/// A report of the one thing that went wrong.
fn problem(what: impl Display, error: impl Display) -> Report {
    Finding::error(format!("{what}: {error}")).into()
}

/// The runtime of commands that listen.
fn runtime() -> Result<Runtime, Report> {
    Runtime::new().map_err(|error| {
        let message = format!("the system gives no threads or no event queue: {error}");
        Finding::error(message).help("raise the limits of processes and open files").into()
    })
}

fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "fingerpost", &mut script);
    style::print(String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

#[derive(Debug, Parser)]
#[command(
    name = "fingerpost",
    version,
    about = "An authoritative GeoDNS load balancer: near, alive, in proportion, and able to say why",
    long_about = LONG_ABOUT,
    after_help = "'fingerpost help COMMAND' describes a command; 'fingerpost demo' shows it all at work.",
    after_long_help = AFTER_LONG_HELP,
    max_term_width = HELP_COLUMNS_MAX,
    disable_help_subcommand = false,
    subcommand_required = true,
    arg_required_else_help = true,
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Longer lines are hard to read, however wide the terminal.
const HELP_COLUMNS_MAX: usize = 100;

const LONG_ABOUT: &str = "\
Fingerpost is an authoritative DNS server that answers A and AAAA queries with the few addresses that are best for the \
client that asks, right now: near it, alive, and in proportion to their weights. Every other record is served as the \
zone file has it.

A server is described by one file, fingerpost.toml, and a directory of zones: for each a standard master file \
(ORIGIN.zone) and, where it steers names, a TOML file of the same stem (ORIGIN.toml).";

const AFTER_LONG_HELP: &str = "\
Examples:
  fingerpost demo                                  try it: a server, its backends, and what to ask
  fingerpost check                                 every mistake in fingerpost.toml and its zones
  fingerpost serve --config /etc/fingerpost.toml   serve
  fingerpost status                                what is up, what is wrong, and since when
  fingerpost explain www.example.com --client 84.128.0.1
                                                   why that client gets what it gets
  fingerpost simulate --down fra                   what would become of everybody's answers
  fingerpost drain fra --for 2h --reason CHG123    no new clients for a site, for two hours

Exit status:
  0  done
  1  something is wrong with the configuration, the data or the system; the messages name it
  2  the command line was not understood

Environment:
  NO_COLOR  if set to anything, nothing is coloured; into a file or pipe nothing ever is";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Demo(demo::Args),
    Check(check::Args),
    Status(status::Args),
    Explain(explain::Args),
    Simulate(simulate::Args),
    Events(events::Args),
    Reload(reload::Args),
    /// Give a site, pool, endpoint or director no new clients for a while
    ///
    /// What is drained counts neither as up nor as missing: the rest of its site goes on as if it were not there, and a
    /// site that is drained as a whole gives way to the next. Probing goes on.
    #[command(after_long_help = overrides::help(overrides::DRAIN_EXAMPLES))]
    Drain(overrides::SetArgs),
    /// Take a site, pool, endpoint or director for dead, whatever its probes say
    ///
    /// What is down is missing: a site of which too much is down (min_up) gives way to the next.
    #[command(after_long_help = overrides::help(overrides::DOWN_EXAMPLES))]
    Down(overrides::SetArgs),
    /// Take a site, pool, endpoint or director for alive, whatever its probes say
    ///
    /// For when the probes are wrong, or what they ask for is broken and the service is not.
    #[command(after_long_help = overrides::help(overrides::UP_EXAMPLES))]
    Up(overrides::SetArgs),
    Undrain(overrides::RemoveArgs),
    Weight(overrides::WeightArgs),
    Geoip(geoip::GeoipArgs),
    Director(director::DirectorArgs),
    /// Print a completion script for a shell
    ///
    /// Prints a script that teaches a shell to complete fingerpost's commands and options.
    #[command(after_long_help = "\
Examples:
  fingerpost completions bash > ~/.local/share/bash-completion/completions/fingerpost
  fingerpost completions zsh  > ~/.zfunc/_fingerpost
  fingerpost completions fish > ~/.config/fish/completions/fingerpost.fish")]
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
    Version(version::Args),
}

/// The server's file, as most commands take it.
#[derive(Clone, Debug, clap::Args)]
struct ConfigArg {
    /// The server's file
    #[arg(short, long, value_name = "FILE", default_value = CONFIG_FILE)]
    config: PathBuf,
}

/// Where the server's file is looked for when nothing is said: in the working directory.
const CONFIG_FILE: &str = "fingerpost.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_long_help_with_examples() {
        for command in Arguments::command().get_subcommands_mut() {
            let name = command.get_name().to_owned();
            // It only groups its own subcommands.
            if name == "geoip" {
                continue;
            }
            let help = command.render_long_help().to_string();
            assert!(help.contains("Examples:"), "{name} shows no example");
            assert!(help.lines().all(|line| line.chars().count() <= 120), "{name} is too wide");
        }
    }

    fn check(line: &str, understood: bool) {
        let parsed = Arguments::try_parse_from(line.split(' '));
        assert_eq!(parsed.is_ok(), understood, "{line}: {parsed:?}");
    }

    #[test]
    fn orders_are_understood() {
        check("fingerpost drain fra", true);
        check(
            "fingerpost drain site:fra --for 2h --reason CHG1 --by ada --force --dry-run --json",
            true,
        );
        check("fingerpost down web/fra-1 --until 2030-01-31T18:00:00Z", true);
        check("fingerpost up fra --forever --offline", true);
        check("fingerpost drain", false);
        check("fingerpost drain fra --for 2h --forever", false);
        check("fingerpost drain fra --for 2", false);
        check("fingerpost drain fra --until whenever", false);
        check("fingerpost drain city:fra", false);
        check("fingerpost undrain fra", true);
        check("fingerpost undrain --all --dry-run", true);
        check("fingerpost undrain fra --force", true);
        check("fingerpost undrain", false);
        check("fingerpost undrain fra --all", false);
        check("fingerpost weight fra-1 40", true);
        check(
            "fingerpost weight web/fra-1 0 --over 30m --for 2h --reason CHG1 --force --dry-run",
            true,
        );
        check("fingerpost weight fra-1 --reset --by ada --json", true);
        check("fingerpost weight fra-1", false);
        check("fingerpost weight fra-1 40 --reset", false);
        check("fingerpost weight fra-1 --reset --over 5m", false);
        check("fingerpost weight fra-1 -1", false);
        check("fingerpost weight fra-1 1000001", false);
        check("fingerpost weight fra-1 40 --over 5", false);
    }

    #[test]
    fn arguments_are_understood() {
        check("fingerpost serve", true);
        check("fingerpost serve --config a.toml --log-format json --log-level debug", true);
        check("fingerpost serve extra", false);
        check("fingerpost demo --listen 127.0.0.1:5300 --listen [::1]:5300", true);
        check("fingerpost demo --listen 127.0.0.1", false);
        check("fingerpost check", true);
        check("fingerpost check zones/example.com.zone --json", true);
        check("fingerpost explain www.example.com --client 192.0.2.1", true);
        check(
            "fingerpost explain www.example.com AAAA --client 2001:db8::/56 --down fra --down iad-1 --seed 7",
            true,
        );
        check("fingerpost explain www.example.com --client 192.0.2.0/33", false);
        check("fingerpost explain www.example.com --client 192.0.2.1 --live --json", true);
        check("fingerpost explain www.example.com --client 192.0.2.1 --live --down fra", false);
        check("fingerpost explain www.example.com", false);
        check("fingerpost explain www..example.com --client 192.0.2.1", false);
        check("fingerpost explain www.example.com AAAAA --client 192.0.2.1", false);
        check("fingerpost simulate", true);
        check("fingerpost simulate --down fra --up fra-1 --drain web/iad-1 --weight sin-1=0", true);
        check(
            "fingerpost simulate --with ../next --database a.mmdb --database b.mmdb --json",
            true,
        );
        check(
            "fingerpost simulate --max-shift 10% --allow-unanswered --name www.example.com",
            true,
        );
        check("fingerpost simulate --max-shift 10", false);
        check("fingerpost simulate --max-shift -1%", false);
        check("fingerpost simulate --allow-unanswered", false);
        check("fingerpost simulate --weight fra-1", false);
        check("fingerpost simulate --weight fra-1=1000001", false);
        check("fingerpost status", true);
        check("fingerpost status fra --watch --wrong --config a.toml", true);
        check("fingerpost status --server http://127.0.0.1:8053 --token-file t --json", true);
        check("fingerpost status fra --json", false);
        check("fingerpost status --check --watch", false);
        check("fingerpost status --server ftp://x/", false);
        check("fingerpost events --follow --last 0", true);
        check("fingerpost reload --json", true);
        check("fingerpost director agent", true);
        check(
            "fingerpost director agent --listen [::1]:0 --token-file t --maintenance-file m",
            true,
        );
        check("fingerpost director agent --listen localhost:80", false);
        check("fingerpost director agent --tls-certificate c --tls-key k", true);
        check("fingerpost director agent --tls-certificate c", false);
        check("fingerpost director agent --tls-key k", false);
        check("fingerpost director render lvs-fra", true);
        check("fingerpost director render a b@example.com --format haproxy --output out", true);
        check("fingerpost director render a --host --interface bond0 --masquerade", true);
        check("fingerpost director render a --real web1 --gateway 10.0.0.1", true);
        check("fingerpost director render a --format nginx", false);
        check("fingerpost director render a --router-id 0", false);
        check("fingerpost director render a --host --real web1", false);
        check("fingerpost director render", false);
        check("fingerpost director", false);
        check("fingerpost completions bash", true);
        check("fingerpost version --json", true);
        check("fingerpost", false);
    }
}
