//! `fingerpost weight`: what an endpoint is to weigh, and over what time.

use super::{CommonArgs, parse_lasting, parse_moment, parse_target};
use crate::config::defaults::ENDPOINT_WEIGHT_MAX;
use crate::control::overrides::{Removal, Request, Subject};
use jiff::Timestamp;
use std::process::ExitCode;

/// Give an endpoint another weight, at once or over some time
///
/// The weight goes into the overrides file (server.overrides), with who asked and why, and survives restarts. It lies
/// over the configured weight until --reset removes it, or until an end that was given; then the configured weight
/// holds again at once. With --over the weight goes there evenly, in twenty steps, from what it is at this moment. It
/// touches neither health nor what drain, down and up have set, and undrain does not remove it.
///
/// It is refused, unless --force is given, where it would empty a site or bring it under min_up, as a drain would be.
/// Judged is what it leads to. Every change leaves a line in audit.log in the state directory.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost weight fra-1 40 --over 30m --reason \"new machine\"
  fingerpost weight web/fra-1@example.com 0 --over 10m --for 2h
                                                phased out, and back at once after two hours
  fingerpost weight fra-1 40 --dry-run          what would that do? changes nothing
  fingerpost weight fra-1 --reset               as configured again

Exit status:
  0  in force; or, of a dry run, would not be refused
  1  refused, TARGET is unknown or could mean several things, or the server cannot be asked
  2  the command line was not understood")]
pub(crate) struct WeightArgs {
    /// The endpoint, or a director
    ///
    /// Its name, if only one has it. Otherwise director:NAME or POOL/ENDPOINT, with @ZONE after it for what a zone's
    /// own file defines; with * for POOL or ZONE, all of that name. A director means its VIP in every pool.
    #[arg(value_name = "TARGET", value_parser = parse_target)]
    name: String,
    /// What it is to weigh; 0: handed out only where all weigh 0
    #[arg(value_parser = parse_weight, required_unless_present = "reset")]
    weight: Option<u32>,
    /// Remove the weight: the configured one holds again
    #[arg(long, conflicts_with_all = ["weight", "over", "lasting", "until", "forever", "reason"])]
    reset: bool,
    /// Over what time it gets there, as in 30m; at once if nothing is said
    #[arg(long, value_name = "TIME", value_parser = parse_lasting)]
    over: Option<String>,
    /// For how long, as in 90m, 2h or 1d
    #[arg(long = "for", value_name = "TIME", value_parser = parse_lasting, group = "end")]
    lasting: Option<String>,
    /// Until when: 18:00 or 2030-01-31T18:00 as clocks here have it, or with an offset
    #[arg(long, value_name = "TIME", value_parser = parse_moment, group = "end")]
    until: Option<Timestamp>,
    /// Until somebody resets it, which is so if nothing is said
    #[arg(long, group = "end")]
    forever: bool,
    /// Why, for those who come after you
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Do it though too much would be lost
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: CommonArgs,
}

fn parse_weight(text: &str) -> Result<u32, String> {
    let weight = text.parse().ok().filter(|weight| u64::from(*weight) <= ENDPOINT_WEIGHT_MAX);
    weight.ok_or_else(|| format!("write a whole number from 0 to {ENDPOINT_WEIGHT_MAX}"))
}

/// Sets or removes a weight.
pub(crate) fn weight(args: &WeightArgs) -> ExitCode {
    let subject = Subject::target(&args.name);
    let (by, force, dry_run) = (args.common.by(), args.force, args.common.dry_run);
    if args.reset {
        let removal = Removal { subject, all: false, weight: true, by, force, dry_run };
        return args.common.remove(&removal);
    }
    args.common.set(&Request {
        subject,
        state: String::new(),
        weight: args.weight,
        over: args.over.clone(),
        lasting: args.lasting.clone(),
        until: args.until.map(|until| until.to_string()),
        forever: args.forever,
        reason: args.reason.clone(),
        by,
        force,
        dry_run,
    })
}
