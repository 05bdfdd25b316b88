//! Real handshakes: certificates that change, and clients with and without one of theirs.

use std::fs;
use std::net::SocketAddr;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsConnector;

use super::*;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate and its key, in PEM.
    fn issue(&self, host: &str, uri: Option<&str>) -> (String, String) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.subject_alt_names.extend(uri.map(|uri| SanType::URI(uri.try_into().unwrap())));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn client(&self, identity: Option<&(String, String)>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }
}

struct Bed {
    folder: tempfile::TempDir,
    authority: Authority,
    listener: TcpListener,
    address: SocketAddr,
}

impl Bed {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let bed = Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new(), listener, address };
        bed.put("certificate", "key", &bed.authority.issue("localhost", None));
        fs::write(bed.path("ca"), bed.authority.0.pem()).unwrap();
        bed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, certificate: &str, key: &str, identity: &(String, String)) {
        fs::write(self.path(certificate), &identity.0).unwrap();
        fs::write(self.path(key), &identity.1).unwrap();
    }

    fn settings(&self, client_ca: bool, client_certificates: ClientCertificates) -> TlsSettings {
        let client_ca = client_ca.then(|| self.path("ca"));
        TlsSettings { certificate: self.path("certificate"), key: self.path("key"), client_ca, client_certificates }
    }

    /// One connection of a client, with a byte each way: what the server sees, and the server's certificate.
    async fn meet(&self, acceptor: &TlsAcceptor, client: TlsConnector) -> io::Result<(Peer, Vec<u8>)> {
        let server = async {
            let mut connection = acceptor.accept(self.listener.accept().await?.0).await?;
            connection.stream.write_all(b"x").await?;
            connection.stream.flush().await?;
            Ok::<_, io::Error>(connection)
        };
        let client = async {
            let tcp = TcpStream::connect(self.address).await?;
            let from = tcp.local_addr()?;
            let mut stream = client.connect(ServerName::try_from("localhost").unwrap(), tcp).await?;
            stream.read_exact(&mut [0]).await?;
            let certificate = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
            Ok::<_, io::Error>((from, certificate))
        };
        let (server, client) = tokio::join!(server, client);
        let (server, (from, certificate)) = (server?, client?);
        assert_eq!(server.peer.address, from);
        Ok((server.peer, certificate))
    }
}

#[tokio::test]
async fn new_files_count_at_the_next_handshake_and_broken_ones_keep_the_old() {
    let bed = Bed::new().await;
    let acceptor = TlsAcceptor::new(bed.settings(false, ClientCertificates::Optional)).unwrap();
    let client = bed.authority.client(None);
    let (peer, first) = bed.meet(&acceptor, client.clone()).await.unwrap();
    assert!(peer.certificate_names.is_empty());

    let next = bed.authority.issue("localhost", None);
    fs::write(bed.path("certificate"), &next.0).unwrap();
    assert_eq!(bed.meet(&acceptor, client.clone()).await.unwrap().1, first, "the new key is not there yet");
    fs::write(bed.path("key"), &next.1).unwrap();
    let second = bed.meet(&acceptor, client.clone()).await.unwrap().1;
    assert_ne!(second, first);

    for broken in ["", "-----BEGIN CERTIFICATE-----\nhalf"] {
        fs::write(bed.path("certificate"), broken).unwrap();
        assert_eq!(bed.meet(&acceptor, client.clone()).await.unwrap().1, second);
    }
    fs::remove_file(bed.path("key")).unwrap();
    assert_eq!(bed.meet(&acceptor, client.clone()).await.unwrap().1, second);
    bed.put("certificate", "key", &bed.authority.issue("localhost", None));
    assert_ne!(bed.meet(&acceptor, client).await.unwrap().1, second);
}

#[tokio::test]
async fn a_client_is_known_by_the_names_of_its_certificate() {
    let bed = Bed::new().await;
    let identity = bed.authority.issue("cron.example.org", Some("spiffe://example.org/cron"));
    let names = ["dns:cron.example.org", "uri:spiffe://example.org/cron"];
    for wanted in [ClientCertificates::Optional, ClientCertificates::Required] {
        let acceptor = TlsAcceptor::new(bed.settings(true, wanted)).unwrap();
        let (peer, _) = bed.meet(&acceptor, bed.authority.client(Some(&identity))).await.unwrap();
        assert_eq!(peer.certificate_names, names);
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_passes_only_where_it_is_optional() {
    let bed = Bed::new().await;
    let optional = TlsAcceptor::new(bed.settings(true, ClientCertificates::Optional)).unwrap();
    let (peer, _) = bed.meet(&optional, bed.authority.client(None)).await.unwrap();
    assert!(peer.certificate_names.is_empty());
    let required = TlsAcceptor::new(bed.settings(true, ClientCertificates::Required)).unwrap();
    let refused = bed.meet(&required, bed.authority.client(None)).await.unwrap_err().to_string();
    assert_eq!(refused, "peer sent no certificates");
}

#[tokio::test]
async fn a_certificate_of_another_authority_ends_the_handshake_even_where_none_is_needed() {
    let bed = Bed::new().await;
    let stranger = Authority::new().issue("cron.example.org", None);
    let acceptor = TlsAcceptor::new(bed.settings(true, ClientCertificates::Optional)).unwrap();
    let refused = bed.meet(&acceptor, bed.authority.client(Some(&stranger))).await.unwrap_err().to_string();
    assert!(refused.starts_with("invalid peer certificate"), "{refused}");
}

#[tokio::test]
async fn an_authority_that_is_taken_out_of_the_file_is_no_longer_believed() {
    let bed = Bed::new().await;
    let identity = bed.authority.issue("cron.example.org", None);
    let acceptor = TlsAcceptor::new(bed.settings(true, ClientCertificates::Required)).unwrap();
    let client = bed.authority.client(Some(&identity));
    bed.meet(&acceptor, client.clone()).await.unwrap();
    fs::write(bed.path("ca"), Authority::new().0.pem()).unwrap();
    // The same client would resume its session, if the server still knew that.
    bed.meet(&acceptor, client).await.unwrap_err();
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_with_their_setting_and_without_their_content() {
    let bed = Bed::new().await;
    let told = |settings: TlsSettings| TlsAcceptor::new(settings).unwrap_err().to_string();
    let good = bed.settings(true, ClientCertificates::Required);
    let key = fs::read_to_string(bed.path("key")).unwrap();
    let other = bed.authority.issue("localhost", None);
    fs::write(bed.path("other"), other.1).unwrap();
    fs::write(bed.path("broken"), key.replace("-----END", "?\n-----END")).unwrap();
    let at = |name: &str| bed.path(name).display().to_string();

    let missing = TlsSettings { certificate: bed.path("missing"), ..good.clone() };
    assert_eq!(told(missing), format!("tls.certificate: reading {}", at("missing")));
    let swapped = TlsSettings { certificate: bed.path("key"), ..good.clone() };
    assert_eq!(told(swapped), format!("tls.certificate: {} holds no certificate in PEM", at("key")));
    let keyless = TlsSettings { key: bed.path("ca"), ..good.clone() };
    assert_eq!(told(keyless), format!("tls.key: {} holds no private key in PEM", at("ca")));
    let apart = told(TlsSettings { key: bed.path("other"), ..good.clone() });
    assert!(
        apart.starts_with(&format!("tls.key: {} cannot be used: keys may not be consistent", at("other"))),
        "{apart}"
    );
    let broken = told(TlsSettings { key: bed.path("broken"), ..good.clone() });
    assert_eq!(broken, format!("tls.key: {} cannot be used: its PEM is broken", at("broken")));
    let nobody = TlsSettings { client_ca: None, ..good };
    let expected = "tls.clientCertificates: is `required` without tls.clientCa; expected the authorities of client certificates there";
    assert_eq!(told(nobody), expected);
}
