//! TLS to a server: whose certificates are believed, and the certificate that is shown to it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// The files that TLS to a server needs beside what this machine has.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsFiles {
    /// Authorities of the server's certificate, beside those of this machine.
    pub(crate) ca_file: Option<PathBuf>,
    /// The certificate of whoever calls, and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// What TLS is begun with.
    ///
    /// # Errors
    /// When a file cannot be read, or there is no authority at all.
    pub(super) fn config(&self) -> anyhow::Result<ClientTlsConfig> {
        let authorities = rustls_native_certs::load_native_certs().certs;
        // One that cannot be read is none that anybody relies on.
        let anchors: Vec<_> = authorities
            .iter()
            .filter_map(|authority| webpki::anchor_from_trusted_cert(authority).ok().map(|anchor| anchor.to_owned()))
            .collect();
        if anchors.is_empty() && self.ca_file.is_none() {
            bail!("this machine has no authorities of certificates; expected them in --ca-file or caFile");
        }
        let mut config = ClientTlsConfig::new().trust_anchors(anchors);
        if let Some(file) = &self.ca_file {
            let pem = pem(file, "the authorities of certificates")?;
            if !pem.contains("-----BEGIN CERTIFICATE-----") {
                bail!("{}: there is no certificate in it; expected authorities as PEM", file.display());
            }
            config = config.ca_certificate(Certificate::from_pem(pem));
        }
        if let Some((certificate, key)) = &self.identity {
            let certificate = pem(certificate, "the client certificate")?;
            let key = pem(key, "the key of the client certificate")?;
            config = config.identity(Identity::from_pem(certificate, key));
        }
        Ok(config)
    }
}

fn pem(file: &Path, what: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("could not read {what} in {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_holds_no_certificate_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let files = TlsFiles { ca_file: Some(file.clone()), identity: None };
        let told = || format!("{:#}", files.config().err().unwrap());
        let missing = told();
        let expected = format!("could not read the authorities of certificates in {}: No such file", file.display());
        assert!(missing.starts_with(&expected), "{missing}");
        std::fs::write(&file, "hello").unwrap();
        assert_eq!(told(), format!("{}: there is no certificate in it; expected authorities as PEM", file.display()));
    }
}
