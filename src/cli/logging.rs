//! Events to standard error, as text for people or JSON for programs.

use super::style::Palette;
use crate::control::events;
use clap::ValueEnum;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tracing::Level;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

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
/// Libraries that warn of what a client did; whoever wants to hear of it can say so.
const QUIET: &str = "h2=off,hyper=off,hyper_util=off,reqwest=off,\
                     quinn=off,quinn_proto=off,quinn_udp=off,rustls=off,tokio_rustls=off";
/// Panics that are told in full. A packet that finds a bug can be sent again and again; the log must not fill with it.
const PANICS_TOLD_MAX: u32 = 16;

fn parse_level(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        Ok(_) => Err("empty".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Starts logging. The command line wins over `RUST_LOG`, and that over the `[log]` table of the server's file; a
/// `RUST_LOG` that is not understood is passed over.
pub(super) fn start(args: &LogArgs, config: &Path) {
    let (format, level) = configured(&std::fs::read_to_string(config).unwrap_or_default());
    tell_few_panics();
    let quietly = |level: &str| EnvFilter::new(format!("{QUIET},{level}"));
    let filter = match &args.log_level {
        Some(level) => quietly(level),
        None => EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| quietly(level.as_deref().unwrap_or(LEVEL))),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match args.log_format.or(format).unwrap_or_default() {
        Format::Text => log.with_ansi(Palette::stderr().colour).finish().try_init(),
        Format::Json => log.json().finish().try_init(),
    };
    // Fails only where a subscriber was set before, as a test may have done.
    drop(started);
}

/// Panics go to the log, and after the first few nowhere: listeners count them and go on.
fn tell_few_panics() {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    std::panic::set_hook(Box::new(|panic| {
        if TOLD.fetch_add(1, Ordering::Relaxed) < PANICS_TOLD_MAX {
            tracing::error!("a bug, please report it: {panic}");
        }
    }));
}

/// Format and level that the `[log]` table asks for. Logging starts before the file is read for good, so mistakes are
/// passed over here: that reading tells of them.
fn configured(text: &str) -> (Option<Format>, Option<String>) {
    let table: toml::Table = text.parse().unwrap_or_default();
    let word = |key: &str| table.get("log")?.get(key)?.as_str();
    let format = word("format").and_then(|word| Format::from_str(word, false).ok());
    let level = word("level").filter(|word| word.parse::<tracing::Level>().is_ok());
    (format, level.map(str::to_owned))
}

/// Whether changes in health and configuration are shown on a screen yet.
static CHANGES_SHOWN: AtomicBool = AtomicBool::new(false);

/// Starts logging for a person who watches a screen: warnings at first, without times.
pub(super) fn start_for_a_screen() {
    let filter = dynamic_filter_fn(|event, _| {
        let change = event.target() == events::LOG_TARGET;
        *event.level() <= Level::WARN
            || (change && *event.level() <= Level::INFO && CHANGES_SHOWN.load(Ordering::Relaxed))
    });
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(Palette::stderr().colour)
        .without_time()
        .with_target(false);
    drop(tracing_subscriber::registry().with(lines.with_filter(filter)).try_init());
}

/// From now on, every change is shown.
pub(super) fn show_changes() {
    CHANGES_SHOWN.store(true, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_asked_leniently() {
        let check = |text: &str, format: Option<Format>, level: Option<&str>| {
            assert_eq!(configured(text), (format, level.map(str::to_owned)), "{text}");
        };
        check("[log]\nformat = \"json\"\nlevel = \"debug\"", Some(Format::Json), Some("debug"));
        check("[log]\nformat = \"xml\"\nlevel = 3", None, None);
        check("[server]\n", None, None);
        check("log = [", None, None);
    }
}
