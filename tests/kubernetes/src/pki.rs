//! The certificates of one cluster: an authority of its own, which signs for the API server and for every user.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use crate::error::BedError;

/// Names and addresses of the API server; 10.0.0.1 is the first address of the services' range.
const SERVER_NAMES: [&str; 6] = [
    "127.0.0.1",
    "10.0.0.1",
    "localhost",
    "kubernetes",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// The object identifier of an organisation in a certificate's subject.
const ORGANISATION: [u64; 4] = [2, 5, 4, 10];

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The authority that a cluster trusts.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Result<Self, BedError> {
        let made = || {
            let mut params = CertificateParams::new(Vec::new())?;
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, "kubernetes-bed");
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        made().map(Self).map_err(|source| BedError::Certificate { name: "the authority".to_owned(), source })
    }

    /// Its own certificate, as PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// An identity for the API server.
    pub(crate) fn server(&self) -> Result<Identity, BedError> {
        let params = CertificateParams::new(SERVER_NAMES.map(str::to_owned).to_vec());
        self.sign("kube-apiserver", params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// An identity for a user in up to two groups: a certificate of rcgen has each kind of name once, and an organisation
    /// can be written as two kinds.
    pub(crate) fn client(&self, name: &str, groups: &[String]) -> Result<Identity, BedError> {
        debug_assert!(groups.len() <= 2, "{name} has more groups than a certificate takes");
        let params = CertificateParams::new(Vec::new()).map(|mut params| {
            let kinds = [DnType::OrganizationName, DnType::CustomDnType(ORGANISATION.to_vec())];
            for (kind, group) in kinds.into_iter().zip(groups) {
                params.distinguished_name.push(kind, group.as_str());
            }
            params
        });
        self.sign(name, params, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        name: &str,
        params: Result<CertificateParams, rcgen::Error>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Identity, BedError> {
        let signed = || {
            let mut params = params?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![usage];
            params.use_authority_key_identifier_extension = true;
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &self.0)?.pem();
            Ok(Identity { certificate, key: key.serialize_pem() })
        };
        signed().map_err(|source| BedError::Certificate { name: name.to_owned(), source })
    }
}

/// A key pair for signing the tokens of ServiceAccounts: the private key, then the public one, as PEM.
pub(crate) fn token_keys() -> Result<(String, String), BedError> {
    let failed = |source| BedError::Certificate { name: "the tokens of ServiceAccounts".to_owned(), source };
    let key = KeyPair::generate().map_err(failed)?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}
