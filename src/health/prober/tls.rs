//! How certificates are judged, and how long they last.

use crate::health::check::TlsCheck;
use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The client's side of TLS for a check; one that trusts nobody where there is none.
pub(crate) fn client_config(tls: Option<&TlsCheck>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let builder = match tls {
        None => builder.with_root_certificates(RootCertStore::empty()),
        Some(TlsCheck { verify: false, .. }) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        }
        Some(TlsCheck { roots: Some(path), .. }) => builder.with_root_certificates(roots(path)?),
        Some(TlsCheck { roots: None, .. }) => {
            let system = rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
                format!("the system's certificate roots cannot be used: {error}")
            })?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(system))
        }
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session shows no certificate, and whether that is still good is part of the question.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Certificate roots from a PEM file: at least one, and every one of use; else says why not, for people.
fn roots(path: &Path) -> Result<RootCertStore, String> {
    let shown = path.display();
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| format!("cannot read the certificate roots in {shown}: {error}"))?;
    for certificate in certificates {
        let certificate = certificate
            .map_err(|error| format!("the certificate roots in {shown} are no PEM: {error}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("a certificate in {shown} cannot serve as a root: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{shown} holds no certificate in PEM form"));
    }
    Ok(roots)
}

/// Whole days from `now` until a certificate (DER) ends, negative once it has; none if it cannot be read.
pub(super) fn days_left(certificate: &[u8], now: Timestamp) -> Option<i64> {
    const DAY_S: i64 = 86_400;
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let end_s = certificate.validity().not_after.timestamp();
    Some(end_s.saturating_sub(now.as_second()).div_euclid(DAY_S))
}

/// Takes any certificate, as long as the handshake is signed with its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
