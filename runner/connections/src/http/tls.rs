//! Whom to trust at the other end of a connection.
//!
//! This file decides the certificates: those of the file that `AWS_CA_BUNDLE` names, otherwise those of the machine. It must
//! not know what is sent.

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

use super::connector::Connector;

/// A connector that speaks TLS.
///
/// # Errors
/// Why no certificate can be trusted.
pub(super) fn connector(connector: Connector) -> Result<HttpsConnector<Connector>, String> {
    let builder = ClientConfig::builder();
    let config = match std::env::var_os("AWS_CA_BUNDLE").filter(|path| !path.is_empty()) {
        Some(path) => {
            let shown = std::path::Path::new(&path).display();
            let unreadable =
                |why: &dyn std::fmt::Display| format!("the file of AWS_CA_BUNDLE (`{shown}`) cannot be read: {why}");
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| unreadable(&error))? {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
            if roots.is_empty() {
                return Err(unreadable(&"it holds no certificate"));
            }
            builder.with_root_certificates(roots)
        }
        None => builder
            .with_platform_verifier()
            .map_err(|error| format!("the certificates that this machine trusts cannot be read: {error}"))?,
    };
    Ok(speaking(config.with_no_client_auth(), connector))
}

/// A connector that trusts nobody but the owners of these certificates (PEM).
///
/// # Errors
/// Why they cannot be used.
pub(super) fn trusting(certificates: &str, connector: Connector) -> Result<HttpsConnector<Connector>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(certificates.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("that is no certificate in PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("it holds an unusable certificate: {error}"))?;
    }
    if roots.is_empty() {
        return Err("it holds no certificate in PEM".to_owned());
    }
    Ok(speaking(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth(), connector))
}

fn speaking(config: ClientConfig, connector: Connector) -> HttpsConnector<Connector> {
    HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(connector)
}
