//! What rustls needs, read from the files of the settings.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};

use super::{ClientCertificates, TlsSettings};

/// Why the files of a server's TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsProblem {
    /// A file cannot be read.
    #[error("tls.{field}: reading {}", path.display())]
    Unreadable {
        /// The setting that names it.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("tls.{field}: {} holds no {expected} in PEM", path.display())]
    Empty {
        /// The setting that names it.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// What the file holds is of no use.
    #[error("tls.{field}: {} cannot be used: {problem}", path.display())]
    Unusable {
        /// The setting that names it.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Clients need a certificate, and nobody is named who may issue one.
    #[error(
        "tls.clientCertificates: is `required` without tls.clientCa; expected the authorities of client certificates there"
    )]
    NoClientCa,
}

impl TlsProblem {
    /// The problem with its source, for the log.
    pub(super) fn whole(&self) -> String {
        match self {
            Self::Unreadable { source, .. } => format!("{self}: {source}"),
            Self::Empty { .. } | Self::Unusable { .. } | Self::NoClientCa => self.to_string(),
        }
    }
}

pub(super) fn read(settings: &TlsSettings) -> Result<Arc<ServerConfig>, TlsProblem> {
    let chain = certificates("certificate", &settings.certificate)?;
    let key = key(&settings.key)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = |field, path: &Path, problem: String| TlsProblem::Unusable { field, path: path.to_owned(), problem };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|problem| unusable("certificate", &settings.certificate, problem.to_string()))?;
    let builder = match (&settings.client_ca, settings.client_certificates) {
        (None, ClientCertificates::Required) => return Err(TlsProblem::NoClientCa),
        (None, ClientCertificates::Optional) => builder.with_no_client_auth(),
        (Some(path), wanted) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates("clientCa", path)? {
                roots.add(authority).map_err(|problem| unusable("clientCa", path, problem.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = match wanted {
                ClientCertificates::Optional => verifier.allow_unauthenticated(),
                ClientCertificates::Required => verifier,
            };
            builder.with_client_cert_verifier(
                verifier.build().map_err(|problem| unusable("clientCa", path, problem.to_string()))?,
            )
        }
    };
    // A certificate and a key that do not belong together are refused here, so that a look between the writes of the
    // two files keeps the old pair.
    let mut config =
        builder.with_single_cert(chain, key).map_err(|problem| unusable("key", &settings.key, problem.to_string()))?;
    if settings.client_ca.is_some() {
        // A resumed session would not look at the client's certificate again, which may have expired since.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(field: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsProblem> {
    let bytes = bytes(field, path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(TlsProblem::Empty { field, path: path.to_owned(), expected: "certificate" }),
        Err(problem) => Err(TlsProblem::Unusable { field, path: path.to_owned(), problem: problem.to_string() }),
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsProblem> {
    let bytes = bytes("key", path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|problem| {
        let path = path.to_owned();
        if matches!(problem, pem::Error::NoItemsFound) {
            TlsProblem::Empty { field: "key", path, expected: "private key" }
        } else {
            // The problem itself may repeat a line of the file.
            TlsProblem::Unusable { field: "key", path, problem: "its PEM is broken".to_owned() }
        }
    })
}

fn bytes(field: &'static str, path: &Path) -> Result<Vec<u8>, TlsProblem> {
    std::fs::read(path).map_err(|source| TlsProblem::Unreadable { field, path: path.to_owned(), source })
}
