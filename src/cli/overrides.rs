//! `fingerpost drain`, `down`, `up`, `undrain` and `weight`: what an operator pins or plans, and what that does.
//!
//! ```text
//! arguments ─ Request ─┬─► the running server's admin API ─┬─► what it does, pool by pool, and whether it is in force
//!                      └─► --offline: the file itself ─────┘
//! ```
//!
//! What a name means, what is refused and what is written is decided in [`crate::control::overrides`], which the server
//! uses too.

mod moment;
mod page;
mod weight;

pub(super) use weight::{WeightArgs, weight};

use super::api::{Failure, OVERRIDES, Target};
use super::{EXIT_FINDINGS, fail, problem, style};
use crate::config::{DURATION_FORM, parse_duration};
use crate::control::overrides::target::Wanted;
use crate::control::overrides::{Changed, Ground, Refused, Removal, Removed, Request, Subject};
use crate::report::Finding;
use jiff::Timestamp;
use moment::parse_moment;
use serde::Serialize;
use serde_json::Value;
use std::process::ExitCode;
use style::Palette;

/// How the commands that set an override do it.
const HOW: &str = "\
Asks the running server, which first works out what that would do to every pool. It refuses, unless --force is given, \
if the last site of a pool that has anything up would go, or if so much of a site would go that the rest falls under \
min_up. What is set goes into the overrides file (server.overrides), with who asked and why, and survives restarts; \
one on the same target is replaced. Every change leaves a line in audit.log in the state directory.";

/// What stands at the end of the help of such a command.
pub(super) fn help(examples: &str) -> String {
    format!("{HOW}\n\n{examples}")
}

/// Examples of `drain`.
pub(super) const DRAIN_EXAMPLES: &str = "\
Examples:
  fingerpost drain fra --for 2h --reason CHG123
  fingerpost drain web/fra-1 --until 18:00      an endpoint of pool web, until six this evening
  fingerpost drain pool:web@example.com --dry-run
                                                what would that do? changes nothing
  fingerpost drain '*/fra-1'                    the endpoints of that name in all pools
  fingerpost drain lvs-fra                      the VIP of that director, in all pools
  fingerpost undrain fra

Exit status:
  0  in force; or, of a dry run, would not be refused
  1  refused, TARGET is unknown or could mean several things, or the server cannot be asked
  2  the command line was not understood";

/// Examples of `down`.
pub(super) const DOWN_EXAMPLES: &str = "\
Examples:
  fingerpost down fra-2 --for 30m --reason \"serves old data\"
  fingerpost down site:sin --forever --reason \"lease ends\" --force
  fingerpost undrain fra-2

Exit status:
  0  in force; or, of a dry run, would not be refused
  1  refused, TARGET is unknown or could mean several things, or the server cannot be asked
  2  the command line was not understood";

/// Examples of `up`.
pub(super) const UP_EXAMPLES: &str = "\
Examples:
  fingerpost up fra --for 1h --reason \"health page broken by release 7\"
  fingerpost up api/iad-1 --until 2030-01-31T18:00:00Z
  fingerpost undrain fra

Exit status:
  0  in force; or, of a dry run, would not be refused
  1  refused, TARGET is unknown or could mean several things, or the server cannot be asked
  2  the command line was not understood";

/// What the commands take that set an override.
#[derive(Debug, clap::Args)]
pub(super) struct SetArgs {
    /// What it is on: a site, a pool, an endpoint or a director
    ///
    /// Its name, if only one thing has it. Otherwise site:NAME, pool:NAME, director:NAME, POOL/ENDPOINT, with @ZONE
    /// after it for what a zone's own file defines; with * for POOL or ZONE, all of that name. A director means the VIP
    /// that it or its twin may hold, in every pool that hands it out, whatever the endpoint is called there.
    #[arg(value_name = "TARGET", value_parser = parse_target)]
    name: String,
    /// For how long, as in 90m, 2h or 1d; an hour if nothing is said
    #[arg(long = "for", value_name = "TIME", value_parser = parse_lasting, group = "end")]
    lasting: Option<String>,
    /// Until when: 18:00 or 2030-01-31T18:00 as clocks here have it, or with an offset
    #[arg(long, value_name = "TIME", value_parser = parse_moment, group = "end")]
    until: Option<Timestamp>,
    /// Until somebody removes it
    #[arg(long, group = "end")]
    forever: bool,
    /// Why, for those who come after you
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Set it though too much would be lost
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// Remove what drain, down or up has set on a site, pool, endpoint or director
///
/// What was drained, down or up by an override stands again as its probes say, which have gone on meanwhile. An
/// override is removed where it was set: of one on a site, no endpoint can be taken out, but it can have an override of
/// its own. What 'fingerpost weight' has set stays; its --reset removes that.
///
/// To remove what was drained or down is always allowed. Where an override holds up what no probe finds up, its removal
/// is refused as that of an endpoint would be, unless --force is given.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost undrain fra
  fingerpost undrain web/fra-1@example.com
  fingerpost undrain --all --dry-run    what would it do to remove all of them?

Exit status:
  0  removed; or, of a dry run, would not be refused
  1  refused, there is no override on TARGET, or it could mean several, or the server cannot be asked
  2  the command line was not understood")]
pub(super) struct RemoveArgs {
    /// What the override is on, as it was said when it was set
    #[arg(value_name = "TARGET", value_parser = parse_target, required_unless_present = "all")]
    name: Option<String>,
    /// Remove all that there are, but for weights
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Remove it though too much would be lost, as what it held up goes
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, clap::Args)]
struct CommonArgs {
    /// Who asks; your login name if nothing is said
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only say what it would do
    #[arg(long)]
    dry_run: bool,
    /// Ask no server: judge by the verdicts that it has kept, and write the overrides file
    #[arg(long, conflicts_with_all = ["server", "token_file"])]
    offline: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Names are read by the server; what cannot be one at all is a mistake of the command line.
fn parse_target(text: &str) -> Result<String, String> {
    let wanted: Result<Wanted, _> = text.parse();
    wanted.map(|_| text.to_owned()).map_err(|lost| format!("{}; {}", lost.message, lost.help))
}

fn parse_lasting(text: &str) -> Result<String, String> {
    parse_duration(text).map(|_| text.to_owned()).ok_or_else(|| DURATION_FORM.to_owned())
}

/// Sets an override: `drain`, `down` or `up`.
pub(super) fn set(state: &str, args: &SetArgs) -> ExitCode {
    let request = Request {
        subject: Subject::target(&args.name),
        state: state.to_owned(),
        lasting: args.lasting.clone(),
        until: args.until.map(|until| until.to_string()),
        forever: args.forever,
        reason: args.reason.clone(),
        by: args.common.by(),
        force: args.force,
        dry_run: args.common.dry_run,
        ..Request::default()
    };
    args.common.set(&request)
}

/// Removes overrides: `undrain`.
pub(super) fn remove(args: &RemoveArgs) -> ExitCode {
    let subject = args.name.as_deref().map(Subject::target).unwrap_or_default();
    args.common.remove(&Removal {
        subject,
        all: args.all,
        weight: false,
        by: args.common.by(),
        force: args.force,
        dry_run: args.common.dry_run,
    })
}

/// What came of it, as far as its end is concerned.
trait Done: Serialize {
    /// Whether it would be refused, were it asked for in earnest.
    fn would_be_refused(&self) -> bool;
    /// Adds something to be told.
    fn note(&mut self, note: String);
}

impl Done for Changed {
    fn would_be_refused(&self) -> bool {
        !self.applied && self.effect.refused
    }

    fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl Done for Removed {
    fn would_be_refused(&self) -> bool {
        !self.applied && self.effect.refused
    }

    fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl CommonArgs {
    /// Who asks: the person behind `sudo`, if there is one.
    fn by(&self) -> Option<String> {
        let from = |name: &str| std::env::var(name).ok().filter(|by| !by.is_empty());
        self.by.clone().or_else(|| ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(from))
    }

    /// Sets an override, and tells what came of it.
    fn set(&self, request: &Request) -> ExitCode {
        let now = Timestamp::now();
        let done = match self.offline {
            true => self.offline(|ground, now| {
                ground.set(request, now).and_then(|written| written.told(Ok(()))).map(Changed::from)
            }),
            false => self.target.attempt(async |api| api.post::<Changed>(OVERRIDES, request).await),
        };
        self.tell(done, |changed, palette| page::changed(changed, now, palette))
    }

    /// Removes overrides, and tells what came of it.
    fn remove(&self, removal: &Removal) -> ExitCode {
        let Removal { subject, all, weight, by, force, dry_run } = removal;
        let done = match self.offline {
            true => self.offline(|ground, now| {
                let removed = ground.remove(removal, now);
                removed.and_then(|written| written.told(Ok(()))).map(Removed::from)
            }),
            false => {
                let mut query = Vec::new();
                query.extend(subject.target.as_deref().map(|name| ("target", name)));
                query.extend(by.as_deref().map(|by| ("by", by)));
                for (key, is_set) in
                    [("all", all), ("weight", weight), ("force", force), ("dry_run", dry_run)]
                {
                    query.extend(is_set.then_some((key, "true")));
                }
                self.target.attempt(async |api| api.delete::<Removed>(OVERRIDES, &query).await)
            }
        };
        self.tell(done, page::removed)
    }

    /// Does without a server what it would do.
    fn offline<T: Done>(
        &self,
        work: impl FnOnce(&Ground, Timestamp) -> Result<T, Refused>,
    ) -> Result<T, Failure> {
        let now = Timestamp::now();
        let (ground, unknown) = match Ground::from_files(self.target.config(), now) {
            Ok(ground) => ground,
            Err(report) => {
                // All mistakes are shown here; what is left to say is what they prevent.
                let _ = fail(&report);
                let title = "the configuration cannot be read, so what this would do is not known";
                let help = "mend it, or write the override into the overrides file by hand";
                return Err(Finding::error(title).help(help).into());
            }
        };
        let mut done = work(&ground, now).map_err(failure)?;
        done.note(format!(
            "no server was asked; one that runs reads {} by itself",
            ground.file.display()
        ));
        if unknown > 0 {
            done.note(format!("{unknown} probes have no verdict on file, and were taken for up"));
        }
        Ok(done)
    }

    /// Prints what came of it.
    fn tell<T: Done>(
        &self,
        done: Result<T, Failure>,
        page: impl FnOnce(&T, Palette) -> String,
    ) -> ExitCode {
        let json = |value: &dyn Fn() -> serde_json::Result<Value>| match value() {
            Ok(value) => style::print(format_args!("{value}\n")),
            Err(error) => drop(fail(&problem("cannot write JSON", error))),
        };
        match done {
            Ok(done) => {
                if self.json {
                    json(&|| serde_json::to_value(&done));
                } else {
                    style::print(page(&done, Palette::stdout()));
                }
                let refused = done.would_be_refused();
                if refused { ExitCode::from(EXIT_FINDINGS) } else { ExitCode::SUCCESS }
            }
            Err(mut failure) => {
                let refused: Option<Refused> = serde_json::from_value(failure.body.clone()).ok();
                match &refused {
                    Some(refused) if self.json => json(&|| serde_json::to_value(refused)),
                    Some(refused) => style::print(page::refused(refused, Palette::stdout())),
                    None if failure.status.is_none() && !self.offline => {
                        let help = failure.finding.help.take().unwrap_or_default();
                        failure.finding.help = Some(format!(
                            "{help}; where none runs or none can be asked, --offline writes the overrides file itself"
                        ));
                    }
                    None => {}
                }
                fail(&failure.finding.into())
            }
        }
    }
}

/// A refusal as it would have come from a server.
fn failure(refused: Refused) -> Failure {
    let mut finding = Finding::error(&refused.title);
    finding.help.clone_from(&refused.help);
    let status = Some(refused.status);
    Failure { status, body: serde_json::to_value(refused).unwrap_or_default(), ..finding.into() }
}
