//! Standard master files to records (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5; BIND's `$GENERATE` and time units).
//!
//! A file goes through the lexer, which makes entries of tokens; an entry is a directive (here and in `generate`) or a
//! record (`record`), whose fields `types` turns into wire form. Spans into the text travel all the way, so whatever is
//! wrong is reported with line and column, and reading goes on with the next entry: one run names every mistake.
//!
//! What the records mean together (one SOA, glue, aliases, names outside the zone) is [`super::check`]'s part.
//! Files are reached through a closure alone, so tests and fuzzers read without touching a disk.

mod decode;
mod fault;
mod fields;
mod generate;
mod lexer;
mod loc;
mod rare;
mod record;
mod svcb;
#[cfg(test)]
mod tests;
mod types;

use super::Record;
use crate::report::{Finding, Place, Report, Source, nearest};
use crate::wire::Name;
use fault::Fault;
use fields::Fields;
use lexer::{Entry, Lexer, Token};
use record::Scope;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// How many mistakes of one file are shown; the rest is counted. A person mends the first few and runs again.
pub const FINDINGS_PER_FILE_MAX: usize = 100;
/// How many mistakes of one zone are shown, however many files it is made of.
pub const FINDINGS_PER_ZONE_MAX: usize = 1000;
/// How deep files may include files: far more than anyone nests, and far from the end of the stack.
pub const INCLUDE_DEPTH_MAX: usize = 16;
/// How many files one zone may include: more than any is made of, and an end where files include each other twice.
pub const INCLUDES_MAX: usize = 10_000;
/// How many octets one zone's files may have together: what ends an `$INCLUDE` of an endless file.
pub const ZONE_BYTES_MAX: u64 = 4 << 30;
/// How many records `$GENERATE` may make for one zone: sixteen reverse /16s, and no memory filled by a slip.
pub const GENERATED_RECORDS_MAX: usize = 1 << 20;

/// What was read.
#[derive(Debug, Default)]
pub struct ReadZone {
    /// The records, in the order of the text; those with a mistake are left out.
    pub records: Vec<Record>,
    /// The file and everything it includes, those too that could not be read: what to watch.
    pub files: Vec<PathBuf>,
    /// Where the text begins, for what is wrong with all of it; none if it could not be read.
    pub beginning: Option<Place>,
}

/// Reads the master file at `path` of the zone `origin`, and what it includes.
pub fn read(path: &Path, origin: &Name, report: &mut Report) -> ReadZone {
    let mut load = read_regular_file;
    let mut reader = Reader::new(&mut load, report);
    reader.zone.files.push(path.to_owned());
    match reader.load(path) {
        Ok(bytes) => reader.bytes(path, bytes, &mut Scope::new(origin)),
        Err(error) => {
            let message = format!("cannot read the zone file {}: {error}", path.display());
            let help = "create it, or let the user that runs fingerpost read it";
            reader.report.push(Finding::error(message).help(help));
        }
    }
    reader.close()
}

/// Reads a text that is at hand; `load` gives the content of the files that it includes.
pub fn read_str(
    source: Arc<Source>,
    origin: &Name,
    load: &mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
    report: &mut Report,
) -> ReadZone {
    let mut reader = Reader::new(load, report);
    reader.zone.files.push(source.path.clone());
    reader.source(&source, false, &mut Scope::new(origin));
    reader.close()
}

/// The whole reading: everything that outlives one file.
struct Reader<'a> {
    load: &'a mut dyn FnMut(&Path) -> io::Result<Vec<u8>>,
    report: &'a mut Report,
    zone: ReadZone,
    /// Findings that were shown, and those that were only counted.
    shown: usize,
    hidden: usize,
    /// What `zone.files` holds.
    known: HashSet<PathBuf>,
    /// The files being read, outermost first.
    open: Vec<PathBuf>,
    /// The SOA's MINIMUM, once it was read.
    soa_minimum_s: Option<u32>,
    bytes_left: u64,
    includes_left: usize,
    generated_left: usize,
    /// RDATA under construction.
    scratch: Vec<u8>,
}

/// The file that is being read.
struct CurrentFile<'a> {
    source: &'a Arc<Source>,
    /// Whether octets that are not UTF-8 were replaced.
    lossy: bool,
    /// Findings, and how many of them were only counted.
    findings: usize,
    hidden: usize,
}

impl CurrentFile<'_> {
    fn word(&self, token: &Token) -> &str {
        &self.source.text[token.span.clone()]
    }
}

impl<'a> Reader<'a> {
    fn new(load: &'a mut dyn FnMut(&Path) -> io::Result<Vec<u8>>, report: &'a mut Report) -> Self {
        Self {
            load,
            report,
            zone: ReadZone::default(),
            shown: 0,
            hidden: 0,
            known: HashSet::new(),
            open: Vec::new(),
            soa_minimum_s: None,
            bytes_left: ZONE_BYTES_MAX,
            includes_left: INCLUDES_MAX,
            generated_left: GENERATED_RECORDS_MAX,
            scratch: Vec::new(),
        }
    }

    fn load(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let bytes = (self.load)(path)?;
        match self.bytes_left.checked_sub(bytes.len() as u64) {
            Some(left) => self.bytes_left = left,
            None => {
                return Err(io::Error::other(format!(
                    "the zone's files have more than {ZONE_BYTES_MAX} octets"
                )));
            }
        }
        Ok(bytes)
    }

    fn bytes(&mut self, path: &Path, bytes: Vec<u8>, scope: &mut Scope) {
        // Old files have Latin-1 in comments; only where such octets matter are they refused.
        let (text, lossy) = match String::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        self.source(&Source::new(path, text), lossy, scope);
    }

    fn source(&mut self, source: &Arc<Source>, lossy: bool, scope: &mut Scope) {
        self.open.push(normal(&source.path));
        self.zone.beginning.get_or_insert_with(|| Place::new(source, 0..0));
        let mut file = CurrentFile { source, lossy, findings: 0, hidden: 0 };
        let mut lexer = Lexer::new(&source.text);
        let mut tokens = Vec::new();
        while let Some(entry) = lexer.next_entry(&mut tokens) {
            let done = match entry {
                Ok(entry) => self.entry(&mut file, &entry, &tokens, scope),
                // Looking for the end of an open parenthesis again and again would take the square of the file.
                Err(fault) if file.findings > FINDINGS_PER_FILE_MAX => {
                    lexer.stop();
                    Err(fault)
                }
                Err(fault) => Err(fault),
            };
            if let Err(fault) = done {
                self.found(&mut file, fault, Finding::error);
            }
        }
        self.open.pop();
        match file.hidden {
            0 => {}
            hidden if self.shown < FINDINGS_PER_ZONE_MAX => {
                self.shown += 1;
                let message = format!("{}: and {hidden} more mistakes", source.path.display());
                self.report.push(Finding::error(message).help("mend those above and look again"));
            }
            hidden => self.hidden += hidden,
        }
    }

    fn found(&mut self, file: &mut CurrentFile, fault: Fault, severity: fn(String) -> Finding) {
        file.findings += 1;
        if file.findings > FINDINGS_PER_FILE_MAX || self.shown >= FINDINGS_PER_ZONE_MAX {
            file.hidden += 1;
            return;
        }
        self.shown += 1;
        let mut finding = severity(fault.message).at(file.source, fault.span);
        finding.help = fault.help;
        self.report.push(finding);
    }

    fn close(self) -> ReadZone {
        if self.hidden > 0 {
            let message =
                format!("and {} more mistakes in the files that the zone includes", self.hidden);
            self.report.push(Finding::error(message));
        }
        self.zone
    }

    fn entry(
        &mut self,
        file: &mut CurrentFile,
        entry: &Entry,
        tokens: &[Token],
        scope: &mut Scope,
    ) -> Result<(), Fault> {
        if file.lossy {
            only_utf8(file, tokens)?;
        }
        if !tokens[0].quoted && file.word(&tokens[0]).starts_with('$') {
            return self.directive(file, tokens, scope);
        }
        let start = tokens[0].place().start;
        let end = tokens[tokens.len() - 1].place().end.min(entry.first_line_end.max(start));
        let line = record::Line { text: &file.source.text, tokens, indented: entry.indented };
        let warning = self.record(&line, scope, Place::new(file.source, start..end))?;
        if let Some(fault) = warning {
            self.found(file, fault, Finding::warning);
        }
        Ok(())
    }

    fn directive(
        &mut self,
        file: &mut CurrentFile,
        tokens: &[Token],
        scope: &mut Scope,
    ) -> Result<(), Fault> {
        const KNOWN: [&str; 4] = ["$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"];
        let word = file.word(&tokens[0]).to_ascii_uppercase();
        let origin = scope.origin.clone();
        let mut fields = Fields::new(&file.source.text, tokens, 1, &origin);
        match word.as_str() {
            "$ORIGIN" => {
                let mut origin = Vec::new();
                fields.name("origin", &mut origin)?;
                fields.finish()?;
                scope.origin = origin;
                Ok(())
            }
            "$TTL" => {
                let ttl_s = fields.seconds("TTL")?;
                record::check_ttl(ttl_s)
                    .map_err(|message| Fault::new(fields.last_place(), message))?;
                fields.finish()?;
                scope.default_ttl_s = Some(ttl_s);
                Ok(())
            }
            "$INCLUDE" => self.include(file, &mut fields, scope),
            "$GENERATE" => self.generate(file, tokens, scope),
            _ => {
                let fault = Fault::new(tokens[0].place(), format!("unknown directive {word}"));
                Err(match nearest(&word, KNOWN) {
                    Some(known) => fault.help(format!("did you mean {known}?")),
                    None => {
                        fault.help("an owner name that starts with a dollar sign is written \\$…")
                    }
                })
            }
        }
    }

    /// `$INCLUDE FILE [ORIGIN]`: whatever the file sets ends with it (RFC 1035 §5.1).
    fn include(
        &mut self,
        file: &CurrentFile,
        fields: &mut Fields,
        scope: &Scope,
    ) -> Result<(), Fault> {
        let mut octets = Vec::new();
        fields.octets("file name", &mut octets)?;
        let place = fields.last_place();
        let mut inner = scope.clone();
        if !fields.is_empty() {
            inner.origin.clear();
            fields.name("origin", &mut inner.origin)?;
        }
        fields.finish()?;
        let fail = |message: String| Fault::new(place.clone(), message);
        let name =
            String::from_utf8(octets).map_err(|_| fail("the file name is not UTF-8".to_owned()))?;
        // `join` keeps an absolute path as it is.
        let path = file.source.path.parent().unwrap_or(Path::new("")).join(name);
        if self.known.insert(path.clone()) && path != self.zone.files[0] {
            self.zone.files.push(path.clone());
        }
        if self.open.contains(&normal(&path)) {
            let chain: Vec<String> =
                self.open.iter().map(|path| path.display().to_string()).collect();
            let chain = format!("{} → {}", chain.join(" → "), normal(&path).display());
            return Err(fail(format!("the file includes itself: {chain}")));
        }
        if self.open.len() > INCLUDE_DEPTH_MAX {
            return Err(fail(format!("files are included more than {INCLUDE_DEPTH_MAX} deep")));
        }
        self.includes_left = self
            .includes_left
            .checked_sub(1)
            .ok_or_else(|| fail(format!("the zone includes more than {INCLUDES_MAX} files")))?;
        let bytes = self.load(&path).map_err(|error| {
            fail(format!("cannot read the file to include, {}: {error}", path.display()))
                .help("a file name is relative to the file that names it")
        })?;
        self.bytes(&path, bytes, &mut inner);
        Ok(())
    }
}

fn only_utf8(file: &CurrentFile, tokens: &[Token]) -> Result<(), Fault> {
    let bad = |token: &Token| {
        let at = token.span.start + file.word(token).find(char::REPLACEMENT_CHARACTER)?;
        Some(
            Fault::new(at..at + char::REPLACEMENT_CHARACTER.len_utf8(), "this octet is not UTF-8")
                .help("write octets that are no text as \\DDD, and save text as UTF-8"),
        )
    };
    tokens.iter().find_map(bad).map_or(Ok(()), Err)
}

/// A path without `.` and, as far as names go, without `..`: enough to see a cycle, which the depth limit ends anyway.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(normal.components().next_back(), Some(Component::Normal(_))) =>
            {
                normal.pop();
            }
            component => normal.push(component),
        }
    }
    normal
}

/// Anything but a regular file (a pipe, a device) might never end.
fn read_regular_file(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(ZONE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
