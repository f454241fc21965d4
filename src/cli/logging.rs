//! Events to standard error, as text for people or JSON for programs.

use super::style::Palette;
use crate::config::{Log, LogFormat};
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// How events are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// The options of commands that run for long.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LogArgs {
    /// What to log: error, warn, info, debug, trace, or directives such as 'warn,fingerpost::health=debug'
    #[arg(long, value_name = "LEVEL", value_parser = parse_level)]
    log_level: Option<String>,
    /// How to log
    #[arg(long, value_name = "FORMAT", value_enum)]
    log_format: Option<Format>,
}

/// What is logged where nothing says.
const LEVEL: &str = "info";

fn parse_level(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        Ok(_) => Err("empty".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Starts logging. The command line wins over `RUST_LOG`, and that over the configuration; a `RUST_LOG` that is not
/// understood is passed over.
pub(super) fn start(args: &LogArgs, configured: Option<Log>) {
    let otherwise = configured.map_or(LEVEL.to_owned(), |log| log.level.to_string());
    let filter = match &args.log_level {
        Some(level) => EnvFilter::new(level),
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(otherwise)),
    };
    let configured = configured.map(|log| match log.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match args.log_format.or(configured).unwrap_or_default() {
        Format::Text => log.with_ansi(Palette::stderr().colour).finish().try_init(),
        Format::Json => log.json().flatten_event(true).finish().try_init(),
    };
    // Fails only where a subscriber was set before, as a test may have done.
    drop(started);
}

/// Starts logging for a person who watches a screen: no times, no module paths.
pub(super) fn start_plain(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let log = log.with_ansi(Palette::stderr().colour).without_time().with_target(false);
    drop(log.finish().try_init());
}
