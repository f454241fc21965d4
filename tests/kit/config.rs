//! Throw-away configuration directories.

use super::TestCertificate;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory with `fingerpost.toml` and what lies around it; gone when dropped.
pub struct ConfigDir {
    directory: TempDir,
}

impl ConfigDir {
    /// A server without zones on ports of the system's choice, on loopback of both families.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(directory.path().join("zones")).expect("a directory for zones");
        let this = Self { directory };
        this.server("[server]\nlisten = [\"127.0.0.1:0\", \"[::1]:0\"]\nzones = \"zones\"\n")
    }

    /// Replaces `fingerpost.toml`.
    pub fn server(self, text: &str) -> Self {
        self.with("fingerpost.toml", text)
    }

    /// Adds to the end of `fingerpost.toml`.
    pub fn also(self, text: &str) -> Self {
        let written = fs::read_to_string(self.config()).expect("fingerpost.toml as written");
        self.with("fingerpost.toml", format!("{written}\n{text}"))
    }

    /// A master file: `zones/ORIGIN.zone`.
    pub fn zone(self, origin: &str, text: &str) -> Self {
        self.with(&format!("zones/{origin}.zone"), text)
    }

    /// The steering beside a master file: `zones/ORIGIN.toml`.
    pub fn steering(self, origin: &str, text: &str) -> Self {
        self.with(&format!("zones/{origin}.toml"), text)
    }

    /// A table of networks: `networks.toml`.
    pub fn networks(self, text: &str) -> Self {
        self.with("networks.toml", text)
    }

    /// Pinned verdicts: `overrides.toml`.
    pub fn overrides(self, text: &str) -> Self {
        self.with("overrides.toml", text)
    }

    /// A certificate and its key: `certificate.pem`, `key.pem`.
    pub fn certificate(self, certificate: &TestCertificate) -> Self {
        self.with("certificate.pem", &certificate.certificate_pem)
            .with("key.pem", &certificate.key_pem)
    }

    /// Any file, while building.
    pub fn with(self, path: &str, contents: impl AsRef<[u8]>) -> Self {
        self.write(path, contents);
        self
    }

    /// Writes a file in place, its directory made where it is missing.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.file(path);
        fs::create_dir_all(path.parent().expect("a path below the directory"))
            .expect("directories");
        fs::write(&path, contents).expect("a file written");
    }

    /// Writes a file beside its final name and renames it, as careful editors do.
    pub fn replace(&self, path: &str, contents: impl AsRef<[u8]>) {
        let aside = format!("{path}.new~");
        self.write(&aside, contents);
        fs::rename(self.file(&aside), self.file(path)).expect("a file renamed");
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.file(path)).expect("a file removed");
    }

    /// The path of `fingerpost.toml`.
    pub fn config(&self) -> PathBuf {
        self.file("fingerpost.toml")
    }

    /// The path of any file in the directory.
    pub fn file(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}
