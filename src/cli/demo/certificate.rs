//! A self-signed certificate for the demo's encrypted transports, made anew for every run.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// A certificate and its key as files in a directory of their own, removed when this is dropped.
#[derive(Debug)]
pub(super) struct Certificate {
    directory: PathBuf,
}

impl Certificate {
    /// Makes a certificate for loopback addresses and `names`.
    pub(super) fn make(names: &[&str]) -> io::Result<Self> {
        let mut subjects: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        subjects.push(Ipv4Addr::LOCALHOST.to_string());
        subjects.push(Ipv6Addr::LOCALHOST.to_string());
        let made = rcgen::generate_simple_self_signed(subjects).map_err(io::Error::other)?;
        let name = format!("fingerpost-demo-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        // What lies there is from a dead demo that had our process number, unless it is somebody's trap: then creating
        // the directory anew, for us alone, fails, and so does the demo.
        if directory.is_dir() {
            fs::remove_dir_all(&directory)?;
        }
        private_directory().create(&directory)?;
        let this = Self { directory };
        fs::write(this.chain(), made.cert.pem())?;
        write_private(&this.key(), &made.signing_key.serialize_pem())?;
        Ok(this)
    }

    /// The certificate, PEM.
    pub(super) fn chain(&self) -> PathBuf {
        self.directory.join("certificate.pem")
    }

    /// Its key, PEM, readable by this user alone.
    pub(super) fn key(&self) -> PathBuf {
        self.directory.join("key.pem")
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // It lies in the system's directory for passing things, and is worth nothing after this run.
        drop(fs::remove_dir_all(&self.directory));
    }
}

fn private_directory() -> DirBuilder {
    #[allow(unused_mut, reason = "the mode is set on Unix only")]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    #[test]
    fn a_server_can_use_it_and_it_goes_away() {
        let made = Certificate::make(&["ns1.example.com"]).expect("made");
        let chain = CertificateDer::pem_file_iter(made.chain()).expect("readable");
        let chain: Vec<_> = chain.map(|part| part.expect("a certificate")).collect();
        let key = PrivateKeyDer::from_pem_file(made.key()).expect("a key");
        let provider = rustls::crypto::ring::default_provider();
        rustls::ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a server takes the pair");
        let directory = made.directory.clone();
        drop(made);
        assert!(!directory.exists());
    }
}
