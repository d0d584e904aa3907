//! Whom we believe when we connect: trunks prove their domain (RFC 5922).

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError as BadCertificate, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use smallvec::SmallVec;
use smol_str::SmolStr;

use super::certificate::{CertificateError, pem_certificates};
use super::provider;
use crate::sip::limits;

/// What a certificate of a peer that we call has to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Authorities to believe, PEM; absent means those of the system.
    pub authorities: Option<PathBuf>,
    /// Take `*.example.com` for `sip.example.com`. RFC 5922 §7.2 forbids it, some carriers have nothing else.
    pub wildcards: bool,
    /// Trunk hosts whose certificate is **not checked at all**: anybody on the way can be them, hear and change what is said.
    pub insecure_hosts: Vec<SmolStr>,
}

/// Why there is nobody to believe.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file of authorities.
    #[error(transparent)]
    File(#[from] CertificateError),
    /// One in it is no authority.
    #[error("{path}: {error}")]
    Authority {
        /// The file.
        path: String,
        /// What is wrong.
        error: rustls::Error,
    },
}

/// The names that an address has to prove: those of all trunks there.
pub(in crate::sip::transport) type PeerNames = SmallVec<[SmolStr; 1]>;

/// [`Trust`], read.
#[derive(Debug, Clone)]
pub(in crate::sip::transport) struct Anchors {
    roots: Arc<RootCertStore>,
    wildcards: bool,
    insecure: Arc<HashSet<SmolStr>>,
}

impl Anchors {
    pub(in crate::sip::transport) fn read(trust: &Trust) -> Result<Anchors, TrustError> {
        let mut roots = RootCertStore::empty();
        match &trust.authorities {
            Some(path) => {
                for authority in pem_certificates(path)? {
                    let failed = |error| TrustError::Authority { path: path.display().to_string(), error };
                    roots.add(authority).map_err(failed)?;
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                // A certificate that the system carries and we can't read is one less to believe.
                roots.add_parsable_certificates(found.certs);
            }
        }
        let insecure: HashSet<SmolStr> = trust.insecure_hosts.iter().map(|host| SmolStr::new(host.to_ascii_lowercase())).collect();
        if !insecure.is_empty() {
            tracing::warn!(hosts = ?insecure, "INSECURE: certificates of these trunks are not checked");
        }
        Ok(Anchors { roots: Arc::new(roots), wildcards: trust.wildcards, insecure: Arc::new(insecure) })
    }

    /// How to connect to a peer that has to prove these names, and the one to ask for.
    pub(in crate::sip::transport) fn client(&self, names: &PeerNames) -> Result<(Arc<ClientConfig>, ServerName<'static>), rustls::Error> {
        let bad = |_| rustls::Error::General(format!("`{}` is no name for a certificate", names.join(" ")));
        let first = names.first().cloned().unwrap_or_default();
        let asked = ServerName::try_from(first.to_string()).map_err(bad)?;
        let verifier = Verifier {
            anchors: self.clone(),
            names: names.iter().filter(|name| !self.insecure.contains(*name)).cloned().collect(),
            algorithms: provider().signature_verification_algorithms,
        };
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
        Ok((Arc::new(config), asked))
    }
}

/// Checks the chain as everywhere and the names as SIP wants it.
#[derive(Debug)]
struct Verifier {
    anchors: Anchors,
    /// Names to prove; none if all that are meant are insecure.
    names: PeerNames,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        _asked: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.names.is_empty() {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.anchors.roots, chain, now, self.algorithms.all)?;
        for name in &self.names {
            if !proves(certificate, name, self.anchors.wildcards) {
                return Err(not_for(certificate, name).into());
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn not_for(certificate: &CertificateDer<'_>, name: &SmolStr) -> BadCertificate {
    let Ok(expected) = ServerName::try_from(name.to_string()) else { return BadCertificate::NotValidForName };
    let parsed = webpki::EndEntityCert::try_from(certificate).ok();
    let presented = parsed.iter().flat_map(|parsed| parsed.valid_uri_names().chain(parsed.valid_dns_names()));
    BadCertificate::NotValidForNameContext { expected, presented: presented.take(limits::PEER_NAMES).map(str::to_owned).collect() }
}

/// The certificate is for this domain (RFC 5922 §7.1): by a `sip:` URI without user part; only if it has none, by a DNS name. An
/// address is proved by an address.
fn proves(certificate: &CertificateDer<'_>, name: &str, wildcards: bool) -> bool {
    let Ok(parsed) = webpki::EndEntityCert::try_from(certificate) else { return false };
    let Ok(wanted) = ServerName::try_from(name) else { return false };
    if matches!(wanted, ServerName::IpAddress(_)) {
        return parsed.verify_is_valid_for_subject_name(&wanted).is_ok();
    }
    let domains: Vec<&str> = parsed.valid_uri_names().filter_map(sip_domain).collect();
    if !domains.is_empty() {
        return domains.iter().any(|domain| domain.eq_ignore_ascii_case(name));
    }
    if wildcards {
        return parsed.verify_is_valid_for_subject_name(&wanted).is_ok();
    }
    parsed.valid_dns_names().any(|dns| dns.eq_ignore_ascii_case(name))
}

/// The domain of `sip:example.com`; a URI with a user names a person, not a domain.
fn sip_domain(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let domain = rest.split([';', '?']).next()?;
    (scheme.eq_ignore_ascii_case("sip") && !domain.contains('@') && !domain.is_empty()).then_some(domain)
}

#[cfg(test)]
mod tests {
    use rcgen::SanType;

    use super::*;

    fn certificate(names: &[&str], uris: &[&str]) -> CertificateDer<'static> {
        let mut params = rcgen::CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn a_domain_is_proved_by_its_sip_uri_and_else_by_its_dns_name() {
        let plain = certificate(&["sip.example.com", "192.0.2.7"], &[]);
        for (name, good) in
            [("sip.example.com", true), ("SIP.Example.COM", true), ("example.com", false), ("192.0.2.7", true), ("192.0.2.8", false)]
        {
            assert_eq!(proves(&plain, name, false), good, "{name}");
        }
        let both = certificate(&["host7.example.com"], &["sip:example.com", "sip:bob@example.org", "https://example.net"]);
        for (name, good) in [("example.com", true), ("host7.example.com", false), ("example.org", false), ("example.net", false)] {
            assert_eq!(proves(&both, name, false), good, "{name}: with a SIP URI, only SIP URIs count");
        }
        let person = certificate(&["example.org"], &["sip:bob@example.org"]);
        assert!(proves(&person, "example.org", false), "a person's URI is no domain, so DNS names count");
    }

    #[test]
    fn a_wildcard_proves_nothing_unless_it_may() {
        let wild = certificate(&["*.example.com"], &[]);
        assert!(!proves(&wild, "sip.example.com", false));
        assert!(proves(&wild, "sip.example.com", true));
        assert!(!proves(&wild, "a.sip.example.com", true));
    }
}
