//! Our own certificate: from files, followed when they change, or made at the first start.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::provider;

/// Why there is no certificate. Names the file.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The system refused.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// No certificate or key in it.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The two do not belong together, or the key is of a kind that TLS doesn't take.
    #[error("{} and {} can't be used together: {reason}", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// What tells that a file was written anew.
type Stamp = (Option<SystemTime>, u64);

/// A certificate with its chain and key. Connections that stand keep the one they began with; new ones get the newest.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    /// As the files were when they were last read, whether they were good or not.
    read: Mutex<[Stamp; 2]>,
}

impl Certificates {
    /// Reads PEM files: the certificate with its chain, and its key (PKCS#8, PKCS#1 or SEC1).
    pub fn load(certificate: &Path, key: &Path) -> Result<Certificates, CertificateError> {
        let read = [stamp(certificate), stamp(key)];
        let current = ArcSwap::from_pointee(read_pair(certificate, key)?);
        Ok(Certificates { certificate: certificate.to_owned(), key: key.to_owned(), current, read: Mutex::new(read) })
    }

    /// The pair of these files; made if neither is there: self-signed, for these names and addresses. Good for a first start
    /// and for tests; peers have to be told to trust it.
    pub fn load_or_make(certificate: &Path, key: &Path, names: Vec<String>) -> Result<Certificates, CertificateError> {
        if !certificate.exists() && !key.exists() {
            let failed = |error: rcgen::Error| CertificateError::Content { path: certificate.to_owned(), reason: error.to_string() };
            let made = rcgen::generate_simple_self_signed(names).map_err(failed)?;
            // The key first: a certificate without one would look like somebody else's files.
            write(key, &made.signing_key.serialize_pem(), 0o600)?;
            write(certificate, &made.cert.pem(), 0o644)?;
            tracing::warn!(certificate = %certificate.display(), "a self-signed certificate was made; peers will not trust it by themselves");
        }
        Certificates::load(certificate, key)
    }

    /// Takes up files that have changed. A pair that is not good leaves the one in use; it is tried again when it changes.
    pub fn follow(&self) {
        let now = [stamp(&self.certificate), stamp(&self.key)];
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if *read == now {
            return;
        }
        *read = now;
        match read_pair(&self.certificate, &self.key) {
            Ok(pair) => {
                self.current.store(Arc::new(pair));
                tracing::info!(certificate = %self.certificate.display(), "a new certificate is in use");
            }
            Err(error) => tracing::warn!(%error, "the changed certificate can't be used, the old one stays"),
        }
    }

    /// How TLS servers that show this certificate are set up.
    pub(in crate::sip::transport) fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        Ok(Arc::new(builder.with_no_client_auth().with_cert_resolver(self.clone())))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificates({})", self.certificate.display())
    }
}

fn stamp(path: &Path) -> Stamp {
    fs::metadata(path).map(|meta| (meta.modified().ok(), meta.len())).unwrap_or_default()
}

fn read_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let chain = pem_certificates(certificate)?;
    let bytes = read(key)?;
    let der = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|error| CertificateError::Content { path: key.to_owned(), reason: format!("no private key: {error}") })?;
    let pair = |error: rustls::Error| CertificateError::Pair {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        reason: error.to_string(),
    };
    let key = provider().key_provider.load_private_key(der).map_err(pair)?;
    let both = CertifiedKey::new(chain, key);
    both.keys_match().map_err(pair)?;
    Ok(both)
}

/// All certificates of a PEM file, at least one.
pub(super) fn pem_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let content = |reason: String| CertificateError::Content { path: path.to_owned(), reason };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| content(format!("no certificate: {error}")))?;
    if found.is_empty() { Err(content("no certificate in it".to_owned())) } else { Ok(found) }
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    fs::read(path).map_err(|error| CertificateError::File { path: path.to_owned(), error })
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| CertificateError::File { path: path.to_owned(), error })
}
