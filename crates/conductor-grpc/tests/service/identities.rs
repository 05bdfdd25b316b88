//! Callers who are known by a client certificate, or by a token of an issuer, over real connections.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conductor_access::{Access, ClientCertificates, Secret, TlsAcceptor, TlsSettings};
use conductor_grpc::{Door, Limits};
use conductor_proto::v1;
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tonic::{Code, Status};

use crate::bed::{Bed, Client, LONGEST, by, door, load_test};

fn access(settings: Value) -> Access {
    Access::new(&serde_json::from_value(settings).unwrap(), "0.0.0.0:1".parse().unwrap()).unwrap()
}

async fn listed(client: &mut Client, token: Option<&Secret>) -> Result<(), Status> {
    let call = client.list_load_tests(by(token, v1::ListLoadTestsRequest::default()));
    tokio::time::timeout(LONGEST, call).await.unwrap().map(drop)
}

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate and its key, in PEM.
    fn issue(&self, host: &str) -> (String, String) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn connector(&self, identity: Option<(String, String)>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        TlsConnector::from(Arc::new(config))
    }
}

/// A client whose connections go by TLS, with whatever certificate it has.
async fn client(server: SocketAddr, connector: TlsConnector) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut plain, _)) = listener.accept().await {
            let connector = connector.clone();
            tokio::spawn(async move {
                let tcp = TcpStream::connect(server).await.unwrap();
                let name = ServerName::try_from("localhost").unwrap();
                if let Ok(mut secure) = connector.connect(name, tcp).await {
                    // However it ends: the client sees that.
                    let _ = tokio::io::copy_bidirectional(&mut plain, &mut secure).await;
                }
            });
        }
    });
    Client::connect(format!("http://{address}")).await.unwrap()
}

#[tokio::test]
async fn a_client_certificate_names_its_caller_and_without_one_nobody_is_let_in() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let at = |name: &str| folder.path().join(name);
    let (certificate, key) = authority.issue("localhost");
    std::fs::write(at("certificate"), certificate).unwrap();
    std::fs::write(at("key"), key).unwrap();
    std::fs::write(at("ca"), authority.0.pem()).unwrap();
    let tls = |client_certificates| {
        let (certificate, key, client_ca) = (at("certificate"), at("key"), Some(at("ca")));
        Some(TlsAcceptor::new(TlsSettings { certificate, key, client_ca, client_certificates }).unwrap())
    };
    let access =
        || access(json!({ "certificates": [{ "name": "dns:cron.example.org", "roles": ["operator@model"] }] }));
    let optional = Door { tls: tls(ClientCertificates::Optional), ..door(access()) };
    let bed = Bed::behind(optional, Limits::default()).await;

    let mut cron = client(bed.address, authority.connector(Some(authority.issue("cron.example.org")))).await;
    let request = v1::StartLoadTestRequest { load_test: Some(load_test()), request_id: String::new() };
    assert!(cron.start_load_test(request).await.unwrap().into_inner().run.is_some());
    for identity in [Some(authority.issue("other.example.org")), None] {
        let mut other = client(bed.address, authority.connector(identity)).await;
        assert_eq!(listed(&mut other, None).await.unwrap_err().code(), Code::Unauthenticated);
    }

    let required = Door { tls: tls(ClientCertificates::Required), ..door(access()) };
    let bed = Bed::behind(required, Limits::default()).await;
    let mut nobody = client(bed.address, authority.connector(None)).await;
    let refused = listed(&mut nobody, None).await.unwrap_err();
    assert!(![Code::Ok, Code::Unauthenticated].contains(&refused.code()), "there is no connection: {refused:?}");
    let mut cron = client(bed.address, authority.connector(Some(authority.issue("cron.example.org")))).await;
    assert!(listed(&mut cron, None).await.is_ok());
}

/// The key of an issuer on loopback, which ends with the test, and its URL.
async fn issuer() -> (EcdsaKeyPair, String) {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let keys = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "a", "x": x, "y": y }] });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
    let router = axum::Router::new()
        .route("/.well-known/openid-configuration", get(async move || Json(discovery)))
        .route("/keys", get(async move || Json(keys)));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (key, url)
}

fn signed(key: &EcdsaKeyPair, claims: &Value) -> Secret {
    let part = |of: &Value| URL_SAFE_NO_PAD.encode(of.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": "a" })), part(claims));
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    Secret::new(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[tokio::test]
async fn a_token_of_the_issuer_names_its_caller_until_it_expires_and_for_this_audience_alone() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (key, url) = issuer().await;
    let groups = json!({ "perf": ["operator@model"] });
    let settings = json!({ "oidc": { "issuer": url, "audience": "load-tests", "groups": groups } });
    let mut bed = Bed::behind(door(access(settings)), Limits::default()).await;
    let now = Timestamp::now().as_second();
    let claims = |audience: &str, expires: i64| json!({ "iss": url, "aud": audience, "sub": "jo", "exp": expires, "groups": ["perf"] });
    let good = signed(&key, &claims("load-tests", now + 300));
    assert!(listed(&mut bed.client, Some(&good)).await.is_ok());
    let run = bed.started_by(Some(&good), load_test()).await;
    assert_eq!(run.environment, "model");
    for bad in [claims("load-tests", now - 3600), claims("payments", now + 300)] {
        let status = listed(&mut bed.client, Some(&signed(&key, &bad))).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{bad}");
        assert!(status.message().starts_with("no valid credentials: "), "{status:?}");
    }
    let gone = json!({ "oidc": { "issuer": "http://127.0.0.1:1", "audience": "load-tests", "groups": groups } });
    let mut bed = Bed::behind(door(access(gone)), Limits::default()).await;
    let status = listed(&mut bed.client, Some(&good)).await.unwrap_err();
    let text = "credentials cannot be checked now: try again later";
    assert_eq!((status.code(), status.message()), (Code::Unavailable, text));
}
