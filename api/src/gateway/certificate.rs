//! The certificate of the HTTPS listener: the configured one, or one of our own that is made at the first start.
//!
//! All public clients accept any certificate (cc-gateway.md §1.1), so one that nobody signed is enough to begin with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::auth::secret;
use crate::config::Config;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    /// A file can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Making one failed.
    #[error("making a certificate: {0}")]
    Made(#[from] rcgen::Error),
    /// Certificate and key can't be used.
    #[error("certificate and key: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What TLS needs, with the certificate of the configuration or one in the data folder.
pub(super) fn server_config(config: &Config) -> Result<Arc<ServerConfig>, CertificateError> {
    let gateway = &config.gateway;
    let made = |name: &str| config.node.data_dir.join(name);
    let (certificate, key) = match (&gateway.certificate, &gateway.key) {
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        _ => {
            let (certificate, key) = (made("gateway-certificate.pem"), made("gateway-key.pem"));
            if !certificate.exists() || !key.exists() {
                make(&certificate, &key, &config.node.name)?;
            }
            (certificate, key)
        }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(&certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| CertificateError::Content { path: certificate.clone(), what: error.to_string() })?;
    if chain.is_empty() {
        return Err(CertificateError::Content { path: certificate, what: "no certificate in it (PEM is expected)".into() });
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&key)?)
        .map_err(|error| CertificateError::Content { path: key.clone(), what: error.to_string() })?;
    let mut tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    // HTTP/2 would write all header names in lower case (§5.3, 1).
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}

fn make(certificate: &Path, key: &Path, node: &str) -> Result<(), CertificateError> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), node.to_owned()];
    // rcgen's own dates: valid from 1975 to 4096, so it never runs out in service.
    let made = rcgen::generate_simple_self_signed(names)?;
    let write = |path: &Path, text: &str| {
        secret::write_private(path, text).map_err(|source| CertificateError::File { path: path.to_owned(), source })
    };
    write(key, &made.signing_key.serialize_pem())?;
    write(certificate, &made.cert.pem())
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(path).map_err(|source| CertificateError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_kept_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.node.data_dir = dir.path().to_owned();
        server_config(&config).unwrap();
        let key = dir.path().join("gateway-key.pem");
        let first = std::fs::read(&key).unwrap();
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o077, 0);
        server_config(&config).unwrap();
        assert_eq!(std::fs::read(&key).unwrap(), first);
        config.gateway.certificate = Some(key.clone());
        config.gateway.key = Some(key);
        assert!(server_config(&config).unwrap_err().to_string().contains("no certificate"));
    }
}
