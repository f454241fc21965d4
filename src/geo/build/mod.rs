//! Makes a MaxMind-format database of text: what `fingerpost geoip build` does.
//!
//! Lines become prefixes, prefixes become ranges in which equal neighbours are one, ranges become the fewest nodes
//! that a search tree can have. The same inputs give the same bytes: the date in the file is that of the data, not
//! of the build.

mod encode;
mod input;
mod mmdb;

use super::Record;
use super::intern::Interner;
use super::ranges::Ranges;
use crate::report::{Finding, Report, Source};
use input::Input;
use std::path::PathBuf;

/// What to build.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Texts to read; where networks overlap the longest prefix counts, of equal ones the one read last.
    pub inputs: Vec<PathBuf>,
    /// The type that the database says it is.
    pub database_type: String,
    /// What it says of itself, e.g. where the data comes from and under which licence.
    pub description: String,
    /// When the data was made, in seconds since 1970; else the newest `Generated:` date in the inputs, else 0.
    pub build_epoch: Option<u64>,
}

/// A database, and how it came about.
#[derive(Clone, Debug)]
pub struct Built {
    /// The file.
    pub bytes: Vec<u8>,
    /// Lines read that name a network.
    pub line_count: usize,
    /// Of those, how many name no place.
    pub unknown_count: usize,
    /// Stretches of addresses of one place, both families.
    pub run_count: usize,
    /// Distinct places.
    pub record_count: usize,
    /// The date in the file.
    pub build_epoch: u64,
}

/// Builds a database. `progress` is told bytes done and bytes in all. Every mistake in the inputs is in the report.
pub fn build(options: &BuildOptions, mut progress: impl FnMut(u64, u64)) -> Result<Built, Report> {
    let mut report = Report::default();
    let sources: Vec<_> = options
        .inputs
        .iter()
        .filter_map(|path| match std::fs::read_to_string(path) {
            Ok(text) => Some(Source::new(path, text)),
            Err(error) => {
                let message = format!("cannot read {}: {error}", path.display());
                report.push(Finding::error(message).help("give text files in UTF-8"));
                None
            }
        })
        .collect();

    let bytes_all: u64 = sources.iter().map(|source| source.text.len() as u64).sum();
    let mut bytes_before = 0;
    let mut records = Interner::beginning_with(Record::default());
    let mut input = Input::default();
    for source in &sources {
        let intern = |record| records.number(record);
        input.read(source, &mut report, intern, |done| progress(bytes_before + done, bytes_all));
        bytes_before += source.text.len() as u64;
    }
    if input.line_count == 0 && !report.has_errors() {
        report.push(Finding::error("no line of the inputs names a network"));
    }
    if report.has_errors() {
        return Err(report);
    }
    finish(options, input, &records.values)
}

fn finish(options: &BuildOptions, input: Input, records: &[Record]) -> Result<Built, Report> {
    let build_epoch = options.build_epoch.or(input.generated_epoch).unwrap_or_default();
    let v4 = Ranges::from_prefixes(0, input.v4);
    let v6 = Ranges::from_prefixes(0, input.v6);
    let metadata = mmdb::Metadata {
        database_type: &options.database_type,
        description: &options.description,
        build_epoch,
    };
    let bytes = mmdb::write(&v4, &v6, records, &metadata).ok_or_else(|| {
        let message = "the database would be larger than the format allows (4 GiB)";
        Finding::error(message).help("split the inputs into several databases")
    })?;
    Ok(Built {
        bytes,
        line_count: input.line_count,
        unknown_count: input.unknown_count,
        run_count: v4.run_count() + v6.run_count(),
        record_count: records.len() - 1,
        build_epoch,
    })
}

#[cfg(test)]
mod tests;
