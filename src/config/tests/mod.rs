//! Whole configurations in throw-away directories.

mod director_findings;
mod director_uses;
mod directors;
mod findings;
mod overrides;
mod whole;

use super::{Cache, Loaded, load};
use crate::report::{Finding, Severity};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory with a configuration.
struct Fixture {
    directory: TempDir,
}

/// The least master file that is sound.
const ZONE: &str =
    "$TTL 300\n@ SOA ns hostmaster 1 7200 900 1209600 300\n@ NS ns\nns A 192.0.2.53\n";

const SITES: &str = "[sites]
fra = { name = \"Frankfurt\", location = \"EU-DE\", coordinates = [50.11, 8.68] }
iad = { location = \"NA-US-VA\", coordinates = [39.04, -77.49] }
";

impl Fixture {
    /// An empty directory.
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A server's file, and the sound zone example.com without steering.
    fn with_server(server: &str) -> Self {
        let fixture = Self::new();
        fixture.write("fingerpost.toml", server).write("zones/example.com.zone", ZONE);
        fixture
    }

    /// Two sites and a database, the sound zone example.com and its steering.
    fn with_steering(steering: &str) -> Self {
        let fixture = Self::with_server(&format!("geoip.databases = [\"world.mmdb\"]\n{SITES}"));
        fixture.write("zones/example.com.toml", steering).write("world.mmdb", "opened by others");
        fixture
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a file in a directory")).expect("created");
        std::fs::write(path, text).expect("written");
        self
    }

    fn load(&self, previous: Option<&Cache>) -> Loaded {
        load(&self.path("fingerpost.toml"), previous)
    }

    /// A finding as `error zones/example.com.toml:2:8 message | help`.
    fn shown(&self, finding: &Finding) -> String {
        let word = if finding.severity == Severity::Error { "error" } else { "warning" };
        let place = finding.place.as_ref().map_or("-".to_owned(), |place| {
            let path = place.path().strip_prefix(self.directory.path()).unwrap_or(Path::new("?"));
            let (line, column) = place.source.line_column(place.span.start);
            format!("{}:{line}:{column}", path.display())
        });
        let help = finding.help.as_deref().unwrap_or("");
        format!("{word} {place} {} | {help}", finding.message)
    }

    /// All findings, shown.
    fn findings(&self, loaded: &Loaded) -> Vec<String> {
        loaded.report.findings.iter().map(|finding| self.shown(finding)).collect()
    }
}
