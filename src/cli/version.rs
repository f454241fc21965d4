//! `fingerpost version`: what this binary is, for a bug report.

use super::style;
use serde_json::json;
use std::process::ExitCode;

/// Print the version and what it was built for
///
/// Prints the version of fingerpost and the platform that it was built for: what a bug report needs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  fingerpost version
  fingerpost version --json")]
pub(super) struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> ExitCode {
    let (version, minimum) = (env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_RUST_VERSION"));
    let (arch, os, family) =
        (std::env::consts::ARCH, std::env::consts::OS, std::env::consts::FAMILY);
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    if args.json {
        let object = json!({
            "version": version, "rust_version_min": minimum,
            "arch": arch, "os": os, "family": family, "profile": profile,
        });
        style::print(format_args!("{object}\n"));
    } else {
        style::print(format_args!(
            "fingerpost {version}\n{arch} {os} ({family}), {profile} build\n"
        ));
    }
    ExitCode::SUCCESS
}
