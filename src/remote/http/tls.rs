//! Encrypts a connection, and checks that the other end is who it is taken for.
//!
//! Certificates are checked against Mozilla's list, as for downloads from the model hub, or against those that `--server-ca` names, and then
//! against no others. There is no way to leave the check out.
//!
//! Example: a server in the cellar has a certificate that its owner signed. Without `--server-ca` the connection is refused with "its
//! certificate is signed by nobody who is publicly trusted".

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::failure::in_words;
use crate::harmless;
use crate::settings::Authorities;

const NOT_ENCRYPTED: &str = "check the address: http:// is not encrypted, https:// is";
const NAME_A_SIGNER: &str =
    "if the server is yours, name the certificate of who signed its own: --server-ca FILE, or LUNETTE_SERVER_CA";
const OTHER_FILE: &str = "name the certificate of who signed the server's: --server-ca FILE, or LUNETTE_SERVER_CA";
const RENEW: &str = "renew it on the server, or check the clock of this machine";
const OTHER_NAME: &str = "use the name that it is for, or give the server a certificate with this one";
const NOT_FOR_SERVERS: &str = "sign one for the server with it, as docs/server.md shows";
const UNUSUAL: &str = "check the server's certificate: openssl s_client -connect HOST:PORT shows it";

/// Why there is no encrypted connection, and what to do about it.
#[derive(Debug)]
pub(super) struct Untrusted {
    pub(super) why: String,
    pub(super) hint: &'static str,
}

impl Untrusted {
    fn new(why: impl Into<String>, hint: &'static str) -> Self {
        Self { why: why.into(), hint }
    }
}

/// `stream`, encrypted for `host`, whose certificate one of `authorities` has signed; `None`: a public one.
///
/// Errors: the other end does not encrypt, its certificate is not good for `host`, or those of `authorities` can't be read.
pub(super) async fn encrypted(
    stream: TcpStream,
    host: &str,
    authorities: Option<&Authorities>,
) -> Result<TlsStream<TcpStream>, Untrusted> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Untrusted::new(error.to_string(), OTHER_NAME))?;
    let connector = TlsConnector::from(config(authorities)?);
    connector.connect(name, stream).await.map_err(|error| refused(&error, host, authorities))
}

fn config(authorities: Option<&Authorities>) -> Result<Arc<ClientConfig>, Untrusted> {
    static PUBLIC: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(authorities) = authorities {
        return trusting(signers(authorities)?);
    }
    if let Some(config) = PUBLIC.get() {
        return Ok(config.clone());
    }
    let public = trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })?;
    Ok(PUBLIC.get_or_init(|| public).clone())
}

fn trusting(signers: RootCertStore) -> Result<Arc<ClientConfig>, Untrusted> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Untrusted::new(error.to_string(), UNUSUAL))?;
    Ok(Arc::new(builder.with_root_certificates(signers).with_no_client_auth()))
}

fn signers(authorities: &Authorities) -> Result<RootCertStore, Untrusted> {
    let unread = |error: &dyn std::fmt::Display| {
        let file = authorities.file.display();
        Untrusted::new(format!("{file} has a certificate that can't be read: {error}"), OTHER_FILE)
    };
    let mut signers = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities.pem.as_bytes()) {
        let certificate = certificate.map_err(|error| unread(&error))?;
        signers.add(certificate).map_err(|error| unread(&error))?;
    }
    Ok(signers)
}

/// What a person can make of `error`.
fn refused(error: &io::Error, host: &str, authorities: Option<&Authorities>) -> Untrusted {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidMessage(_)) => Untrusted::new("it does not encrypt", NOT_ENCRYPTED),
        Some(rustls::Error::InvalidCertificate(why)) => distrusted(why, host, authorities),
        Some(other) => Untrusted::new(other.to_string(), UNUSUAL),
        None => Untrusted::new(in_words(error), NOT_ENCRYPTED),
    }
}

fn distrusted(why: &CertificateError, host: &str, authorities: Option<&Authorities>) -> Untrusted {
    match (why, authorities) {
        (CertificateError::UnknownIssuer | CertificateError::BadSignature, None) => {
            Untrusted::new("its certificate is signed by nobody who is publicly trusted", NAME_A_SIGNER)
        }
        (CertificateError::UnknownIssuer | CertificateError::BadSignature, Some(authorities)) => {
            let file = authorities.file.display();
            Untrusted::new(format!("its certificate is signed by nobody in {file}"), OTHER_FILE)
        }
        (CertificateError::Expired | CertificateError::ExpiredContext { .. }, _) => {
            Untrusted::new("its certificate has expired", RENEW)
        }
        (CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }, _) => {
            Untrusted::new("its certificate is not valid yet", RENEW)
        }
        (CertificateError::NotValidForNameContext { presented, .. }, _) if !presented.is_empty() => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            let names = names.join(", ");
            let why = format!("its certificate is for {}, not for {host}", harmless::line(&names));
            Untrusted::new(why, OTHER_NAME)
        }
        (CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }, _) => {
            Untrusted::new(format!("its certificate is not for {host}"), OTHER_NAME)
        }
        (why, _) if why.to_string().contains("CaUsedAsEndEntity") => {
            Untrusted::new("its certificate is one that signs others, which no server may show", NOT_FOR_SERVERS)
        }
        (why, _) => Untrusted::new(format!("its certificate is not accepted: {why}"), UNUSUAL),
    }
}

/// `gpu-box` of `DnsName("gpu-box")`.
fn bare(name: &str) -> &str {
    name.split_once('(').map_or(name, |(_, rest)| rest.trim_end_matches(')').trim_matches('"'))
}
