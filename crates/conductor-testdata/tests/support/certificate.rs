//! A certificate for a server of a test, and the authority that has signed it.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// All of it as PEM.
pub(crate) struct Certificate {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Certificate {
    /// One for a server of this name, of an authority of its own.
    pub(crate) fn of(name: &str) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = authority.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        Self { authority: pem, certificate: certificate.pem(), key: key.serialize_pem() }
    }
}
