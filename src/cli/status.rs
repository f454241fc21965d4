//! `fingerpost status`: what is up, what is wrong, and since when, as the running server knows it.
//!
//! ```text
//! server ─ api ─► Status ─ select ─► part of it ─ render, pools ─► text ─► once, or watch
//! ```
//!
//! Nothing is decided here: what counts as wrong is the server's to say.

mod directors;
mod monitor;
mod pools;
pub(super) mod render;
mod select;
mod watch;
pub(super) mod words;

use super::EXIT_FINDINGS;
use super::api::{Api, Failure, STATUS, Target};
use super::style::{self, Palette};
use crate::control::events::Severity;
use crate::control::status::Status;
use crate::report::Report;
use render::{Extent, Layout};
use std::process::ExitCode;

/// Show what is up, what is wrong, and since when
///
/// Asks the running server, and shows what is wrong first; then overrides, sites, directors with what stands behind
/// them, pools with their endpoints, zones, and how the last reading of the files went. Where there is much of
/// something, what is well is counted instead of shown.
///
/// Of an endpoint it shows for each address its state and since when, the share of its site's answers that is meant to
/// list it, how often it was handed out of late, what the last probe took, why it is not up, and what makes it weigh
/// otherwise than configured.
///
/// NAME is a site, director, pool, endpoint, zone or steered name; only what has to do with it is shown then.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost status                       everything
  fingerpost status fra                   one site, and its endpoints in all pools
  fingerpost status lvs-fra               one director, and the endpoints that stand for it
  fingerpost status --wrong               only what needs somebody
  fingerpost status --watch               again every second; q or Ctrl-C leaves
  fingerpost status --check               one line, for Nagios and its like
  fingerpost status --json | jq .wrong

Exit status:
  0  nothing is wrong, or nothing worse than a warning
  1  something is wrong with severity error, or the server cannot be asked
  2  the command line was not understood
With --check, as monitoring plugins have it:
  0 OK  1 WARNING  2 CRITICAL, also when nobody answers  3 UNKNOWN: it answers, but not to this")]
pub(super) struct Args {
    /// Show only what has to do with this site, director, pool, endpoint, zone or steered name
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    target: Target,
    /// Show only what is wrong
    #[arg(long)]
    wrong: bool,
    /// Show everything in full, however much there is
    #[arg(long, conflicts_with = "wrong")]
    all: bool,
    /// Show it again every second; into a file or pipe, whenever something has changed
    #[arg(long)]
    watch: bool,
    /// Print one line and exit as a monitoring plugin does
    #[arg(long, conflicts_with_all = ["wrong", "all", "watch", "json"])]
    check: bool,
    /// Print the server's JSON as it comes
    #[arg(long, conflicts_with_all = ["name", "wrong", "all"])]
    json: bool,
}

pub(super) fn run(args: Args) -> ExitCode {
    if args.check {
        return monitor::run(&args.target, args.name.as_deref());
    }
    args.target.talk(async |api| {
        if args.watch {
            return watch::run(&args, api).await;
        }
        let seen = Seen::ask(api).await?;
        let text = seen.text(&args, api, Palette::stdout())?;
        style::print(text);
        Ok(seen.exit_code())
    })
}

/// One answer of the server.
struct Seen {
    json: String,
    status: Status,
}

impl Seen {
    async fn ask(api: &Api) -> Result<Self, Failure> {
        let json = api.get_text(STATUS, &[]).await?;
        let status = api.decode(STATUS, &json).await?;
        Ok(Self { json, status })
    }

    /// What is printed of it.
    fn text(&self, args: &Args, api: &Api, palette: Palette) -> Result<String, Report> {
        if args.json {
            return Ok(format!("{}\n", self.json.trim_end()));
        }
        let extent = match (args.wrong, args.all) {
            (true, _) => Extent::Wrong,
            (_, true) => Extent::All,
            _ => Extent::Folded,
        };
        let mut status = self.status.clone();
        if let Some(name) = &args.name {
            select::narrow(&mut status, name)?;
        }
        let layout = Layout { palette, extent, files: args.name.is_none() };
        Ok(render::render(&status, api.base().as_str(), layout))
    }

    /// Whatever was shown of it: the whole server counts.
    fn exit_code(&self) -> ExitCode {
        let grave = self.status.wrong.iter().any(|wrong| wrong.severity == Severity::Error);
        if grave { ExitCode::from(EXIT_FINDINGS) } else { ExitCode::SUCCESS }
    }
}

#[cfg(test)]
mod tests;
