//! Reading files; what goes wrong is a finding that names the path and the cure.

use super::reader::Value;
use crate::report::{Finding, Report, Source};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// Reads a regular file: a pipe would keep the reader waiting.
pub fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    std::fs::read(path)
}

/// Reads a text.
pub fn read_text(path: &Path, report: &mut Report) -> Option<Arc<Source>> {
    match read(path) {
        Ok(bytes) => text(path, bytes, report),
        Err(error) => {
            report.push(unreadable(path, &error));
            None
        }
    }
}

/// Reads a text that need not be there: `Ok(None)` if it is not.
pub fn read_optional(path: &Path, report: &mut Report) -> Result<Option<Arc<Source>>, ()> {
    match read(path) {
        Ok(bytes) => text(path, bytes, report).map(Some).ok_or(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            report.push(unreadable(path, &error));
            Err(())
        }
    }
}

/// Bytes as text; what is not UTF-8 is shown where it stands.
pub fn text(path: &Path, bytes: Vec<u8>, report: &mut Report) -> Option<Arc<Source>> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(Source::new(path, text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let shown = Source::new(path, String::from_utf8_lossy(error.as_bytes()));
            // Everything before the first bad byte is valid, so its offset is the same in the text that is shown.
            let finding = Finding::error("the file is not UTF-8 text").at(&shown, at..at + 1);
            report.push(finding.help("save it as UTF-8"));
            None
        }
    }
}

/// A file or directory that could not be read.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    let (message, help) = explained(path, error);
    Finding::error(message).help(help)
}

/// The bytes of a file that a configuration names.
pub fn named_file(value: &Value<'_>, path: &Path) -> Option<Vec<u8>> {
    value.document().depends_on(path);
    match read(path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let (message, help) = explained(path, &error);
            value.error(message, help);
            None
        }
    }
}

/// Whether a file that a configuration names can be opened; for large ones, which others read.
pub fn check_opens(value: &Value<'_>, path: &Path, cure: &str) {
    value.document().depends_on(path);
    let opened = std::fs::File::open(path).and_then(|file| file.metadata());
    match opened {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => value.error(format!("{} is not a file", path.display()), cure),
        Err(error) => {
            let (message, help) = explained(path, &error);
            let missing = error.kind() == ErrorKind::NotFound;
            value.error(message, if missing { cure.to_owned() } else { help });
        }
    }
}

/// Warns of a file that a configuration names and that cannot be opened now; others read it whenever they need it.
pub fn warn_unreadable(value: &Value<'_>, path: &Path) {
    let Err(error) = std::fs::File::open(path) else { return };
    // Once it is there, this warning should go.
    value.document().depends_on(path);
    let (message, help) = explained(path, &error);
    value.warning(message, help);
}

/// Whether a file that a configuration names holds certificates in PEM form.
pub fn check_certificates(value: &Value<'_>, path: &Path) -> bool {
    let Some(bytes) = named_file(value, path) else { return false };
    let mut certificates = CertificateDer::pem_slice_iter(&bytes).peekable();
    let sound = certificates.peek().is_some() && certificates.all(|read| read.is_ok());
    if !sound {
        let help = "name a PEM file: its certificates begin with -----BEGIN CERTIFICATE-----";
        value.error(format!("{} holds no certificate in PEM form", path.display()), help);
    }
    sound
}

/// Whether a file that a configuration names holds a private key in PEM form.
pub fn check_private_key(value: &Value<'_>, path: &Path) {
    let Some(bytes) = named_file(value, path) else { return };
    if PrivateKeyDer::from_pem_slice(&bytes).is_err() {
        let help = "name a PEM file: its key begins with -----BEGIN PRIVATE KEY-----, without a passphrase";
        value.error(format!("{} holds no private key in PEM form", path.display()), help);
    }
}

fn explained(path: &Path, error: &std::io::Error) -> (String, String) {
    let shown = path.display();
    let help = match error.kind() {
        ErrorKind::NotFound => "create it, or correct the path".to_owned(),
        ErrorKind::PermissionDenied => {
            "let the user that runs fingerpost read it and pass through its directories".to_owned()
        }
        ErrorKind::IsADirectory => "name a file, not a directory".to_owned(),
        ErrorKind::NotADirectory => "name a directory, not a file".to_owned(),
        ErrorKind::InvalidInput => "name a regular file".to_owned(),
        _ => "see to it that the path can be read".to_owned(),
    };
    (format!("cannot read {shown}: {error}"), help)
}
