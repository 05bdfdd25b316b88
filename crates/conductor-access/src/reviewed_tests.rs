//! Callers whom a cluster knows: who is let in, what they may do, and how often the cluster is asked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conductor_core::ports::FailureKind;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::time::advance;

use super::*;
use crate::{Access, AccessSettings, Caller, Peer, Refusal, Source};

/// A cluster that knows some tokens, counts how often it is asked, and can be away or slow.
#[derive(Default)]
struct Cluster {
    callers: Mutex<BTreeMap<String, Identity>>,
    rights: Mutex<Vec<(String, Role, String)>>,
    reviewed: AtomicUsize,
    asked: AtomicUsize,
    away: Mutex<Option<String>>,
    slow: Mutex<Duration>,
}

#[async_trait]
impl CallerReview for Cluster {
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Reviewed, PortError> {
        assert_eq!(audiences, ["load-tests"]);
        self.reviewed.fetch_add(1, Ordering::SeqCst);
        self.answer().await?;
        let known = self.callers.lock().unwrap().get(token).cloned();
        let unknown = || Reviewed::Unknown { because: format!("no such token as {token}") };
        Ok(known.map_or_else(unknown, Reviewed::Known))
    }

    async fn may(&self, who: &Identity, role: Role, environment: &str) -> Result<bool, PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.answer().await?;
        Ok(self.rights.lock().unwrap().contains(&(who.name.clone(), role, environment.to_owned())))
    }
}

impl Cluster {
    async fn answer(&self) -> Result<(), PortError> {
        let slow = *self.slow.lock().unwrap();
        tokio::time::sleep(slow).await;
        match self.away.lock().unwrap().clone() {
            Some(why) => Err(PortError::because(FailureKind::Unavailable, "could not ask the cluster", why)),
            None => Ok(()),
        }
    }

    fn knows(&self, token: &str, name: &str) {
        let who = Identity { name: name.to_owned(), ..Identity::default() };
        self.callers.lock().unwrap().insert(token.to_owned(), who);
    }

    fn lets(&self, name: &str, role: Role, environment: &str) {
        self.rights.lock().unwrap().push((name.to_owned(), role, environment.to_owned()));
    }

    fn counts(&self) -> (usize, usize) {
        (self.reviewed.load(Ordering::SeqCst), self.asked.load(Ordering::SeqCst))
    }
}

/// A token that says this of itself.
fn token(claims: &Value) -> String {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// One that is good for an hour.
fn good() -> String {
    token(&json!({ "aud": ["load-tests"], "exp": Timestamp::now().as_second() + 3600 }))
}

fn settings(change: &Value) -> AccessSettings {
    let mut kubernetes = json!({ "audiences": ["load-tests"] });
    kubernetes.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    serde_json::from_value(json!({ "kubernetes": kubernetes })).unwrap()
}

fn access(cluster: &Arc<Cluster>) -> Access {
    let review = Arc::clone(cluster) as Arc<dyn CallerReview>;
    Access::reviewed(&settings(&json!({})), "0.0.0.0:1".parse().unwrap(), Some(review)).unwrap()
}

async fn identify(access: &Access, token: &str) -> Result<Caller, Denied> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    let peer = Peer { address: "192.0.2.1:4711".parse().unwrap(), certificate_names: Vec::new() };
    access.identify(&headers, &peer).await
}

#[tokio::test(start_paused = true)]
async fn the_cluster_names_the_caller_and_says_what_they_may_do() {
    let (cluster, token) = (Arc::new(Cluster::default()), good());
    cluster.knows(&token, "system:serviceaccount:ci:nightly");
    cluster.lets("system:serviceaccount:ci:nightly", Role::Viewer, "shop");
    let access = access(&cluster);
    assert_eq!(access.sentence(), "access control is on: callers are identified by Kubernetes");
    let caller = identify(&access, &token).await.unwrap();
    assert_eq!((caller.name.as_str(), caller.source), ("system:serviceaccount:ci:nightly", Source::Kubernetes));
    assert_eq!(caller.require(Role::Viewer, "shop").await, Ok(()));
    for (role, environment) in [(Role::Operator, "shop"), (Role::Viewer, "other")] {
        let denied = caller.require(role, environment).await.unwrap_err();
        let text = format!("this needs the role {role} in environment {environment:?}, which the caller does not have");
        assert_eq!((denied.refusal(), denied.public()), (Refusal::Forbidden, text.as_str()));
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_remembered_for_ten_seconds_whatever_they_were() {
    let (cluster, known, unknown) = (Arc::new(Cluster::default()), good(), token(&json!({ "sub": "x" })));
    cluster.knows(&known, "ci");
    cluster.lets("ci", Role::Operator, "shop");
    let access = access(&cluster);
    for _ in 0..20 {
        let caller = identify(&access, &known).await.unwrap();
        assert_eq!(caller.may(Role::Operator, "shop").await, Ok(true));
        assert_eq!(caller.may(Role::Operator, "other").await, Ok(false));
        assert!(identify(&access, &unknown).await.is_err());
        advance(Duration::from_millis(499)).await;
    }
    assert_eq!(cluster.counts(), (2, 2));
    cluster.callers.lock().unwrap().clear();
    cluster.knows(&unknown, "late");
    cluster.rights.lock().unwrap().clear();
    advance(Duration::from_secs(1)).await;
    assert!(identify(&access, &known).await.is_err(), "the token counts no more");
    let late = identify(&access, &unknown).await.unwrap();
    assert_eq!(late.may(Role::Operator, "shop").await, Ok(false));
    assert_eq!(cluster.counts(), (4, 3), "another token's rights are asked for themselves");
}

#[tokio::test(start_paused = true)]
async fn no_token_is_remembered_longer_than_it_says_that_it_is_good() {
    let now = Timestamp::now().as_second();
    for (exp, reviewed) in [(json!(now + 3), 2), (json!(now - 3), 3), (json!(now + 3600), 1), (Value::Null, 1)] {
        let (cluster, token) = (Arc::new(Cluster::default()), token(&json!({ "aud": "load-tests", "exp": exp })));
        cluster.knows(&token, "ci");
        let access = access(&cluster);
        for seconds in [0, 1, 3] {
            advance(Duration::from_secs(seconds)).await;
            identify(&access, &token).await.unwrap();
        }
        assert_eq!(cluster.counts().0, reviewed, "{exp}");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_token_share_a_review() {
    let (cluster, token) = (Arc::new(Cluster::default()), good());
    cluster.knows(&token, "ci");
    cluster.lets("ci", Role::Viewer, "shop");
    *cluster.slow.lock().unwrap() = Duration::from_secs(1);
    let access = access(&cluster);
    let calls = (0..100).map(async |_| identify(&access, &token).await.unwrap().may(Role::Viewer, "shop").await);
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| *answer == Ok(true)));
    assert_eq!(cluster.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_cannot_be_asked_says_nothing_of_the_token_and_neither_does_the_log() {
    let (cluster, token) = (Arc::new(Cluster::default()), good());
    cluster.knows(&token, "ci");
    cluster.lets("ci", Role::Viewer, "shop");
    let access = access(&cluster);
    let caller = identify(&access, &token).await.unwrap();
    advance(Duration::from_secs(10)).await;
    *cluster.away.lock().unwrap() = Some(format!("connection refused while sending {token}"));
    let denied = identify(&access, &token).await.unwrap_err();
    assert_eq!(denied.refusal(), Refusal::Unavailable);
    assert_eq!(denied.public(), "credentials cannot be checked now: try again later");
    let reason = "the cluster cannot be asked whose a token is: could not ask the cluster: connection refused while \
                  sending (the token)";
    assert_eq!(denied.reason(), reason);
    let denied = caller.may(Role::Viewer, "shop").await.unwrap_err();
    assert_eq!(denied.refusal(), Refusal::Unavailable);
    assert_eq!(denied.public(), "what the caller may do cannot be checked now: try again later");
    assert!(denied.reason().starts_with("the cluster cannot be asked what \"ci\" may do: could not ask the cluster"));

    *cluster.away.lock().unwrap() = None;
    *cluster.slow.lock().unwrap() = Duration::from_secs(60);
    let denied = identify(&access, &token).await.unwrap_err();
    assert_eq!(denied.refusal(), Refusal::Unavailable);
    assert!(denied.reason().ends_with("there was no answer within 5s"), "{}", denied.reason());
    *cluster.slow.lock().unwrap() = Duration::ZERO;
    assert!(identify(&access, &token).await.is_ok(), "it was not remembered");
    assert_eq!(caller.may(Role::Viewer, "shop").await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_token_for_this_server_is_refused_and_what_is_plainly_none_is_not_asked_about() {
    let cluster = Arc::new(Cluster::default());
    let access = access(&cluster);
    let elsewhere = token(&json!({ "aud": ["payments"] }));
    cluster.knows(&elsewhere, "ci");
    for (sent, reason) in [
        ("ltc_0123", "the bearer token is unknown"),
        ("a.b.c", "the bearer token is unknown"),
        (&elsewhere, r#"the bearer token says that it is for none of ["load-tests"]"#),
    ] {
        let denied = identify(&access, sent).await.unwrap_err();
        assert_eq!((denied.refusal(), denied.reason()), (Refusal::Unauthenticated, reason));
    }
    assert_eq!(cluster.counts(), (0, 0));
    let denied = identify(&access, &good()).await.unwrap_err();
    assert_eq!(denied.refusal(), Refusal::Unauthenticated);
    assert_eq!(denied.reason(), "the cluster does not know the token: no such token as (the token)");
}

#[tokio::test]
async fn a_token_of_the_issuer_goes_to_the_issuer_and_all_others_to_the_cluster() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Arc::new(Cluster::default());
    let oidc = json!({ "issuer": "http://127.0.0.1:1", "audience": "load-tests", "groups": { "perf": ["viewer"] } });
    let both = json!({ "oidc": oidc, "kubernetes": { "audiences": ["load-tests"] } });
    let review = Arc::clone(&cluster) as Arc<dyn CallerReview>;
    let both = serde_json::from_value(both).unwrap();
    let access = Access::reviewed(&both, "0.0.0.0:1".parse().unwrap(), Some(review)).unwrap();
    let sentence = "access control is on: callers are identified by OpenID Connect, Kubernetes";
    assert_eq!(access.sentence(), sentence);
    let of = |issuer: &str| token(&json!({ "iss": issuer, "aud": "load-tests" }));
    let denied = identify(&access, &of("http://127.0.0.1:1")).await.unwrap_err();
    assert!(denied.reason().starts_with("the token of the issuer: "), "{}", denied.reason());
    assert_eq!(cluster.counts(), (0, 0));
    cluster.knows(&of("https://kubernetes.default.svc"), "ci");
    let caller = identify(&access, &of("https://kubernetes.default.svc")).await.unwrap();
    assert_eq!(caller.source, Source::Kubernetes);
}

#[test]
fn settings_that_cannot_be_followed_are_refused_with_their_field() {
    let told = |change: Value, review: Option<Arc<dyn CallerReview>>| {
        let problem = Access::reviewed(&settings(&change), "0.0.0.0:1".parse().unwrap(), review).err().unwrap();
        format!("{problem}: {}", std::error::Error::source(&problem).unwrap())
    };
    let audience = "expected at least one that tokens are made for, such as loadtest-conductor, and none that is empty";
    for (change, expected) in [
        (json!({ "audiences": [] }), format!("audiences: are []; {audience}")),
        (json!({ "audiences": ["a", ""] }), format!("audiences: are [\"a\", \"\"]; {audience}")),
        (json!({ "namespace": "" }), "namespace: is empty; expected the one with the Roles of callers".to_owned()),
        (
            json!({ "cluster": { "context": "test" } }),
            "cluster.context: is set without a kubeconfig; expected both, or neither for the cluster of this pod"
                .to_owned(),
        ),
        (
            json!({ "rememberFor": "1h" }),
            "rememberFor: 1h is too long to forget what was taken away; expected 0s to 5m".to_owned(),
        ),
        (
            json!({ "answerWithin": "0s" }),
            "answerWithin: 0s is no time to wait for an answer; expected more than 0s, and 30s at most".to_owned(),
        ),
        (
            json!({ "answerWithin": "1m" }),
            "answerWithin: 1m is no time to wait for an answer; expected more than 0s, and 30s at most".to_owned(),
        ),
    ] {
        let review = Arc::new(Cluster::default()) as Arc<dyn CallerReview>;
        assert_eq!(told(change, Some(review)), format!("access.kubernetes: {expected}"));
    }
    assert_eq!(told(json!({}), None), "access.kubernetes: this program cannot ask a cluster who calls");
    for wrong in [json!({ "audience": "a" }), json!({ "audiences": ["a"], "cluster": { "url": "x" } }), json!({})] {
        assert!(serde_json::from_value::<ReviewSettings>(wrong.clone()).is_err(), "{wrong}");
    }
}
