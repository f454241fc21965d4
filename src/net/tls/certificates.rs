//! The certificate that all encrypted listeners show, exchangeable while they run.

use arc_swap::ArcSwap;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use std::fmt;
use std::sync::Arc;

/// A certificate chain and its key. Clones share it: replacing it in one replaces it in all. Handshakes after that
/// show the new one; connections that stand are not touched.
#[derive(Clone)]
pub struct Certificates {
    current: Arc<ArcSwap<CertifiedKey>>,
}

impl Certificates {
    /// Reads a chain, the server's own certificate first, and the key that belongs to it, both as PEM text. The
    /// error is one sentence for a person.
    pub fn load(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Self, String> {
        let key = read(certificate_pem, key_pem)?;
        Ok(Self { current: Arc::new(ArcSwap::from_pointee(key)) })
    }

    /// Puts another chain and key in place, or says what is wrong with them and keeps what was.
    pub fn replace(&self, certificate_pem: &[u8], key_pem: &[u8]) -> Result<(), String> {
        self.current.store(Arc::new(read(certificate_pem, key_pem)?));
        Ok(())
    }

    /// A server configuration that shows the current certificate, for HTTP/1.1 beside DNS.
    pub fn http1_config(&self) -> ServerConfig {
        self.server_config(&[b"http/1.1"], STREAM_VERSIONS)
    }

    /// A server configuration that shows the current certificate, for the given application protocols.
    pub(in crate::net) fn server_config(
        &self,
        protocols: &[&[u8]],
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .expect("ring has cipher suites and groups for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        // Stateless resumption. Without it, if the system gave no random bytes, clients only shake hands in full.
        if let Ok(ticketer) = ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        config
    }
}

/// What DNS over TLS and HTTPS accept (RFC 9325 §3.1.1).
pub(in crate::net) const STREAM_VERSIONS: &[&SupportedProtocolVersion] =
    &[&version::TLS13, &version::TLS12];

/// QUIC has no other (RFC 9001 §4.2).
pub(in crate::net) const QUIC_VERSIONS: &[&SupportedProtocolVersion] = &[&version::TLS13];

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn read(certificate_pem: &[u8], key_pem: &[u8]) -> Result<CertifiedKey, String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate_pem)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("the certificate is not valid PEM: {error}"))?;
    if chain.is_empty() {
        return Err("the certificate file holds no `BEGIN CERTIFICATE` section".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem)
        .map_err(|error| format!("the key file holds no usable private key: {error}"))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            "the key does not belong to the certificate (the server's own must come first in its file)".to_owned()
        }
        error => format!("the certificate and key cannot be used: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::testing::Identity;

    #[test]
    fn what_is_wrong_is_said() {
        let (one, other) = (Identity::new(), Identity::new());
        let check = |certificate: &str, key: &str, expected: &str| {
            let error = Certificates::load(certificate.as_bytes(), key.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("", &one.key_pem, "no `BEGIN CERTIFICATE`");
        check(&one.key_pem, &one.key_pem, "no `BEGIN CERTIFICATE`");
        check("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "", "not valid PEM");
        check(&one.certificate_pem, &one.certificate_pem, "no usable private key");
        check(&one.certificate_pem, &other.key_pem, "does not belong");
        let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        check(junk, &one.key_pem, "cannot be used");
    }

    #[test]
    fn a_bad_replacement_changes_nothing() {
        let (one, other) = (Identity::new(), Identity::new());
        let certificates = one.certificates();
        let shown = || certificates.current.load().cert[0].clone();
        let before = shown();
        assert!(certificates.replace(b"", b"").is_err());
        assert_eq!(shown(), before);
        certificates
            .clone()
            .replace(other.certificate_pem.as_bytes(), other.key_pem.as_bytes())
            .unwrap();
        assert_ne!(shown(), before);
    }
}
