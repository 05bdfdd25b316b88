//! TLS for a server: certificates that are read again when their files change, and who the client is by its own.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::Peer;
use crate::watched::Look;

mod config;

pub use config::TlsProblem;

/// A client that is slower than this with its handshake is let go of.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The files of a server's TLS, all in PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsSettings {
    /// The server's certificate, followed by those of the authorities between it and a known one.
    pub certificate: PathBuf,
    /// The key of the certificate.
    pub key: PathBuf,
    /// The authorities of client certificates. Without this none is asked for.
    pub client_ca: Option<PathBuf>,
    /// Whether a client must have a certificate.
    #[serde(default)]
    pub client_certificates: ClientCertificates,
}

/// Whether a client must have a certificate, where authorities of client certificates are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// A client may do without one; a wrong one ends the handshake.
    #[default]
    Optional,
    /// The handshake ends without one.
    Required,
}

/// Makes TLS connections of accepted ones. Each handshake looks whether the files have changed; what is broken in new
/// ones is told in the log once, and those read before stay in force.
pub struct TlsAcceptor {
    settings: TlsSettings,
    held: Mutex<Held>,
}

struct Held {
    look: Look,
    config: Arc<ServerConfig>,
    told: Option<String>,
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct TlsConnection {
    /// What to read from and write to.
    pub stream: TlsStream<TcpStream>,
    /// The other end.
    pub peer: Peer,
}

impl TlsSettings {
    fn files(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten().map(PathBuf::as_path)
    }
}

impl TlsAcceptor {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or does not hold what it should.
    pub fn new(settings: TlsSettings) -> Result<Self, TlsProblem> {
        let look = Look::at(settings.files());
        let config = config::read(&settings)?;
        Ok(Self { settings, held: Mutex::new(Held { look, config, told: None }) })
    }

    /// Does the handshake of one connection. Waits for the client, at most 10 s.
    ///
    /// # Errors
    /// When the client is gone, silent, speaks no TLS, or has no certificate that it needs.
    pub async fn accept(&self, tcp: TcpStream) -> io::Result<TlsConnection> {
        let address = tcp.peer_addr()?;
        let acceptor = tokio_rustls::TlsAcceptor::from(self.config());
        let stream = tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)).await.map_err(|_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the TLS handshake took longer than {} s", HANDSHAKE.as_secs()),
            )
        })??;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let certificate_names = certificate.map(names).transpose()?.unwrap_or_default();
        Ok(TlsConnection { stream, peer: Peer { address, certificate_names } })
    }

    fn config(&self) -> Arc<ServerConfig> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let look = Look::at(self.settings.files());
        if !look.is_as_at(&held.look) {
            held.look = look;
            match config::read(&self.settings) {
                Ok(config) => {
                    held.config = config;
                    held.told = None;
                }
                Err(problem) => {
                    let text = problem.whole();
                    if held.told.as_ref() != Some(&text) {
                        tracing::error!("{text}; the certificates read before stay in force");
                        held.told = Some(text);
                    }
                }
            }
        }
        Arc::clone(&held.config)
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The names of a client's certificate, which the handshake has verified.
fn names(certificate: &CertificateDer<'_>) -> io::Result<Vec<String>> {
    let unreadable =
        |problem| io::Error::new(io::ErrorKind::InvalidData, format!("reading the client certificate: {problem:?}"));
    let certificate = webpki::EndEntityCert::try_from(certificate).map_err(unreadable)?;
    let hosts = certificate.valid_dns_names().map(|name| format!("dns:{name}"));
    Ok(hosts.chain(certificate.valid_uri_names().map(|uri| format!("uri:{uri}"))).collect())
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
