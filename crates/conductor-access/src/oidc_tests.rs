//! Tokens of a real issuer over loopback: discovery, keys, rotation, outage, and what is refused with which reason.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use super::*;
use crate::{Refusal, Role};

struct SigningKey {
    kid: String,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    fn new(kid: &str) -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        Self { kid: kid.to_owned(), pair }
    }

    fn public(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid, "x": x, "y": y })
    }

    fn sign(&self, claims: &Value) -> Secret {
        self.sign_as(&json!({ "alg": "ES256", "kid": self.kid, "typ": "JWT" }), claims)
    }

    fn sign_as(&self, header: &Value, claims: &Value) -> Secret {
        let part = |of: &Value| URL_SAFE_NO_PAD.encode(of.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        Secret::new(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[derive(Default)]
struct Served {
    issuer: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    asked: AtomicUsize,
    out: AtomicBool,
}

/// An issuer on loopback, which ends with the test.
struct Issuer {
    url: String,
    served: Arc<Served>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Issuer {
    async fn with(keys: &[&SigningKey]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(Served { issuer: Mutex::new(url.clone()), ..Served::default() });
        let router = axum::Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(key_set))
            .with_state((Arc::clone(&served), url.clone()));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let issuer = Self { url, served, server };
        issuer.rotate(keys);
        issuer
    }

    fn rotate(&self, keys: &[&SigningKey]) {
        // A key of a kind that nobody knows stands first: it must be no reason to refuse the others.
        let unknown = json!({ "kty": "LATTICE", "kid": "future" });
        *self.served.keys.lock().unwrap() = [unknown].into_iter().chain(keys.iter().map(|key| key.public())).collect();
    }

    fn asked(&self) -> usize {
        self.served.asked.load(Ordering::SeqCst)
    }

    fn oidc(&self, change: &Value) -> Oidc {
        let mut settings = json!({
            "issuer": self.url,
            "audience": "load-tests",
            "groups": { "perf": ["operator@shop"], "ops": ["admin"] },
            "refetchAfter": "0s",
        });
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Oidc::new(&serde_json::from_value(settings).unwrap()).unwrap()
    }

    fn claims(&self, change: &Value) -> Value {
        let now = Timestamp::now().as_second();
        let mut claims =
            json!({ "iss": self.url, "aud": "load-tests", "sub": "jo", "exp": now + 300, "groups": ["perf", "x"] });
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims
    }
}

type Shared = State<(Arc<Served>, String)>;

async fn discovery(State((served, url)): Shared) -> Result<Json<Value>, StatusCode> {
    served.asked.fetch_add(1, Ordering::SeqCst);
    if served.out.load(Ordering::SeqCst) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    Ok(Json(json!({ "issuer": *served.issuer.lock().unwrap(), "jwks_uri": format!("{url}/keys") })))
}

async fn key_set(State((served, _)): Shared) -> Json<Value> {
    Json(json!({ "keys": *served.keys.lock().unwrap() }))
}

#[tokio::test]
async fn a_token_names_its_caller_and_its_groups_give_the_roles() {
    let key = SigningKey::new("a");
    let issuer = Issuer::with(&[&key]).await;
    let oidc = issuer.oidc(&json!({}));
    let caller = oidc.caller(&key.sign(&issuer.claims(&json!({})))).await.unwrap();
    assert_eq!((caller.name.as_str(), caller.source), ("jo", Source::Oidc));
    assert!(caller.may(Role::Operator, "shop").await.unwrap() && !caller.may(Role::Viewer, "other").await.unwrap());
    let both = issuer.claims(&json!({ "aud": ["x", "load-tests"], "groups": ["perf", "ops"] }));
    assert!(oidc.caller(&key.sign(&both)).await.unwrap().may(Role::Admin, "other").await.unwrap());
    for groups in [json!([]), json!("x"), Value::Null] {
        let caller = oidc.caller(&key.sign(&issuer.claims(&json!({ "groups": groups })))).await.unwrap();
        assert!(!caller.may(Role::Viewer, "shop").await.unwrap(), "{groups}");
    }
    let named = issuer.oidc(&json!({ "nameClaim": "email", "groupsClaim": "teams" }));
    let claims = issuer.claims(&json!({ "email": "jo@example.org", "teams": "ops" }));
    let caller = named.caller(&key.sign(&claims)).await.unwrap();
    assert!(caller.name == "jo@example.org" && caller.may(Role::Admin, "shop").await.unwrap());
}

#[tokio::test]
async fn a_token_that_is_not_for_here_or_not_for_now_is_refused_with_its_reason() {
    let key = SigningKey::new("a");
    let issuer = Issuer::with(&[&key]).await;
    let oidc = issuer.oidc(&json!({}));
    let now = Timestamp::now().as_second();
    let cases = [
        (json!({ "iss": "https://other" }), "it is of issuer \"https://other\", expected \"http://127.0.0.1:"),
        (json!({ "aud": "payments" }), "it is for audience [\"payments\"], expected \"load-tests\""),
        (json!({ "aud": null }), "it is for audience [], expected \"load-tests\""),
        (json!({ "exp": now - 3600 }), "it expired 360"),
        (json!({ "exp": "never" }), "its `exp` is no number"),
        (json!({ "nbf": now + 3600 }), "it is valid only in 3"),
        (json!({ "sub": "" }), "it has no text in claim \"sub\", expected the caller's name"),
    ];
    for (change, reason) in cases {
        let denied = oidc.caller(&key.sign(&issuer.claims(&change))).await.unwrap_err();
        assert!(denied.reason().starts_with(&format!("the token of the issuer: {reason}")), "{}", denied.reason());
        assert_eq!(denied.refusal(), Refusal::Unauthenticated);
        assert!(denied.public().starts_with("no valid credentials"));
    }
    let mut endless = issuer.claims(&json!({}));
    endless.as_object_mut().unwrap().remove("exp");
    let denied = oidc.caller(&key.sign(&endless)).await.unwrap_err();
    assert_eq!(denied.reason(), "the token of the issuer: it has no `exp`, so that it would never expire");
    for within in [json!({ "exp": now - 30 }), json!({ "nbf": now + 30 })] {
        assert!(oidc.caller(&key.sign(&issuer.claims(&within))).await.is_ok(), "within the leeway: {within}");
    }
}

#[tokio::test]
async fn a_token_that_the_issuer_has_not_signed_is_refused() {
    let (key, stranger) = (SigningKey::new("a"), SigningKey::new("a"));
    let issuer = Issuer::with(&[&key]).await;
    let oidc = issuer.oidc(&json!({}));
    let claims = issuer.claims(&json!({}));
    let good = key.sign(&claims);
    let (head, tail) = good.reveal().split_once('.').unwrap();
    let signature = tail.split_once('.').unwrap().1;
    let raised = URL_SAFE_NO_PAD.encode(issuer.claims(&json!({ "groups": ["ops"] })).to_string());
    let unsigned = |alg: &str| key.sign_as(&json!({ "alg": alg, "kid": "a" }), &claims);
    let allowed = "is not allowed, expected one of [RS256, ES256]";
    let cases = [
        (Secret::new(format!("{head}.{raised}.{signature}")), "its signature is wrong".to_owned()),
        (Secret::new(format!("{head}.{tail}").replace(signature, "")), "its signature is wrong".to_owned()),
        (stranger.sign(&claims), "its signature is wrong".to_owned()),
        (SigningKey::new("b").sign(&claims), "it is signed by no key of the issuer".to_owned()),
        // The key is there, but not for that algorithm.
        (unsigned("RS256"), "it is signed by no key of the issuer".to_owned()),
        (unsigned("none"), format!("its algorithm \"none\" {allowed}")),
        (unsigned("HS256"), format!("its algorithm \"HS256\" {allowed}")),
        (unsigned("ES384"), format!("its algorithm \"ES384\" {allowed}")),
        (
            key.sign_as(&json!({ "alg": "ES256", "kid": "a", "crit": ["b64"] }), &claims),
            "it has critical extensions, which nobody here knows".to_owned(),
        ),
        (Secret::new("a.b"), "it is no signed JWT".to_owned()),
        (Secret::new("a.b.c"), "it is no signed JWT".to_owned()),
        (Secret::new(format!("{}.x", good.reveal())), "it is no signed JWT".to_owned()),
    ];
    for (token, reason) in cases {
        let denied = oidc.caller(&token).await.unwrap_err();
        assert_eq!(denied.reason(), format!("the token of the issuer: {reason}"));
        assert_eq!(denied.refusal(), Refusal::Unauthenticated);
    }
    assert!(oidc.caller(&good).await.is_ok());
    let keyless = key.sign_as(&json!({ "alg": "ES256" }), &claims);
    assert!(oidc.caller(&keyless).await.is_ok(), "the only key that fits needs no name");
}

#[tokio::test]
async fn a_new_key_is_asked_for_but_not_for_each_token_with_an_unknown_one() {
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let issuer = Issuer::with(&[&old]).await;
    let claims = issuer.claims(&json!({}));
    let eager = issuer.oidc(&json!({}));
    assert!(eager.caller(&old.sign(&claims)).await.is_ok());
    issuer.rotate(&[&new]);
    assert!(eager.caller(&new.sign(&claims)).await.is_ok());
    let denied = eager.caller(&old.sign(&claims)).await.unwrap_err();
    assert_eq!(denied.reason(), "the token of the issuer: it is signed by no key of the issuer");

    let patient = issuer.oidc(&json!({ "refetchAfter": "1h" }));
    let before = issuer.asked();
    for _ in 0..20 {
        assert!(patient.caller(&old.sign(&claims)).await.is_err());
    }
    assert_eq!(issuer.asked(), before + 1);
    assert!(patient.caller(&new.sign(&claims)).await.is_ok());
}

#[tokio::test]
async fn known_keys_outlive_an_outage_of_the_issuer_and_unknown_ones_are_to_be_tried_later() {
    let (key, next) = (SigningKey::new("a"), SigningKey::new("b"));
    let issuer = Issuer::with(&[&key]).await;
    let claims = issuer.claims(&json!({}));
    let oidc = issuer.oidc(&json!({ "refreshEvery": "0s" }));
    assert!(oidc.caller(&key.sign(&claims)).await.is_ok());
    issuer.served.out.store(true, Ordering::SeqCst);
    assert!(oidc.caller(&key.sign(&claims)).await.is_ok());

    let first = issuer.oidc(&json!({}));
    let gone = issuer.oidc(&json!({ "keepFor": "0s" }));
    for (oidc, token) in [(&oidc, next.sign(&claims)), (&first, key.sign(&claims)), (&gone, key.sign(&claims))] {
        let denied = oidc.caller(&token).await.unwrap_err();
        assert_eq!(denied.refusal(), Refusal::Unavailable);
        let address = format!("{}/.well-known/openid-configuration", issuer.url);
        let reason =
            format!("the keys of the issuer are not known: asking {address}: it answered 503 Service Unavailable");
        assert_eq!(denied.reason(), reason);
        assert_eq!(denied.public(), "credentials cannot be checked now: try again later");
    }
    issuer.served.out.store(false, Ordering::SeqCst);
    issuer.rotate(&[&key, &next]);
    assert!(oidc.caller(&next.sign(&claims)).await.is_ok());
}

#[tokio::test]
async fn old_keys_are_asked_for_beside_the_calls_so_that_a_withdrawn_one_ends() {
    let (key, next) = (SigningKey::new("a"), SigningKey::new("b"));
    let issuer = Issuer::with(&[&key]).await;
    let oidc = issuer.oidc(&json!({ "refreshEvery": "0s" }));
    let token = key.sign(&issuer.claims(&json!({})));
    assert!(oidc.caller(&token).await.is_ok());
    issuer.rotate(&[&next]);
    let ends = async {
        while oidc.caller(&token).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), ends).await.expect("a withdrawn key is refused in time");
}

#[tokio::test]
async fn an_issuer_that_says_it_is_another_one_is_not_believed() {
    let key = SigningKey::new("a");
    let issuer = Issuer::with(&[&key]).await;
    *issuer.served.issuer.lock().unwrap() = "https://other".to_owned();
    let denied = issuer.oidc(&json!({})).caller(&key.sign(&issuer.claims(&json!({})))).await.unwrap_err();
    assert!(
        denied.reason().contains("is of issuer \"https://other\", expected \"http://127.0.0.1:"),
        "{}",
        denied.reason()
    );
}

#[test]
fn settings_that_are_not_safe_or_empty_are_refused_with_their_field() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let good = json!({ "issuer": "https://id.example.org", "audience": "a", "groups": { "g": ["viewer"] } });
    let unsafe_text =
        |issuer: &str| format!("issuer: {issuer:?} is not safe; expected a URL with https, or with http on loopback");
    let cases = [
        (json!({ "issuer": "http://id.example.org" }), unsafe_text("http://id.example.org")),
        (json!({ "issuer": "id.example.org" }), unsafe_text("id.example.org")),
        (
            json!({ "audience": "" }),
            "audience: is empty; expected what tokens for this server have in `aud`".to_owned(),
        ),
        (json!({ "algorithms": [] }), "algorithms: is empty; expected at least one, such as RS256".to_owned()),
        (json!({ "groups": {} }), "groups: is empty; expected at least one group with its roles".to_owned()),
        (json!({ "caFile": "/nonexistent/ca" }), "caFile: reading /nonexistent/ca".to_owned()),
    ];
    let with = |change: &Value| {
        let mut settings = good.clone();
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        serde_json::from_value::<OidcSettings>(settings)
    };
    for (change, expected) in cases {
        assert_eq!(Oidc::new(&with(&change).unwrap()).err().unwrap().to_string(), expected);
    }
    assert!(Oidc::new(&with(&json!({})).unwrap()).is_ok());
    for change in [
        json!({ "algorithms": ["HS256"] }),
        json!({ "algorithms": ["none"] }),
        json!({ "leeway": "soon" }),
        json!({ "secret": "x" }),
    ] {
        assert!(with(&change).is_err(), "{change}");
    }
}

#[tokio::test]
async fn the_matrix_of_roles_environments_and_credentials_holds() {
    let (key, stranger) = (SigningKey::new("a"), SigningKey::new("b"));
    let issuer = Issuer::with(&[&key]).await;
    let groups = json!({ "viewers": ["viewer@shop"], "operators": ["operator@shop"], "admins": ["admin@shop"] });
    let settings =
        json!({ "oidc": { "issuer": issuer.url, "audience": "load-tests", "groups": groups, "refetchAfter": "0s" } });
    let access = crate::Access::new(&serde_json::from_value(settings).unwrap(), "0.0.0.0:1".parse().unwrap()).unwrap();
    let peer = crate::Peer { address: "192.0.2.1:4711".parse().unwrap(), certificate_names: Vec::new() };
    let bearing = |token: &str| {
        http::HeaderMap::from_iter([(http::header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap())])
    };
    for (group, held) in [("viewers", Role::Viewer), ("operators", Role::Operator), ("admins", Role::Admin)] {
        let claims = |change: Value| {
            let mut claims = issuer.claims(&json!({ "groups": [group] }));
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            claims
        };
        let good = key.sign(&claims(json!({})));
        let caller = access.identify(&bearing(good.reveal()), &peer).await.unwrap();
        for needed in [Role::Viewer, Role::Operator, Role::Admin] {
            assert_eq!(caller.require(needed, "shop").await.is_ok(), needed <= held, "{group} for {needed}");
            assert_eq!(
                caller.require(needed, "other").await.unwrap_err().refusal(),
                Refusal::Forbidden,
                "{group} for {needed}"
            );
        }
        let (rest, signature) = good.reveal().rsplit_once('.').unwrap();
        let bad = [
            ("no token", http::HeaderMap::new()),
            ("wrong audience", bearing(key.sign(&claims(json!({ "aud": "payments" }))).reveal())),
            ("expired", bearing(key.sign(&claims(json!({ "exp": 1 }))).reveal())),
            ("unknown key", bearing(stranger.sign(&claims(json!({}))).reveal())),
            ("tampered", bearing(&format!("{rest}.{}", signature.chars().rev().collect::<String>()))),
        ];
        for (what, headers) in bad {
            let denied = access.identify(&headers, &peer).await.unwrap_err();
            assert_eq!(denied.refusal(), Refusal::Unauthenticated, "{group}, {what}: {}", denied.reason());
            assert!(!denied.public().contains(denied.reason()), "{what}");
        }
    }
}
