//! Who calls, as a cluster knows them: TokenReview tells whose a token is, SubjectAccessReview what they may do.
//!
//! Rights are those of RBAC, or of whatever else authorizes in the cluster, on a resource that no cluster needs to have:
//! `loadtests` of the group `loadtest-conductor.dev`, whose names are those of environments.

use std::collections::BTreeSet;

use async_trait::async_trait;
use conductor_core::caller::{Identity, Reviewed, Role};
use conductor_core::ports::{CallerReview, FailureKind, PortError};
use futures::future::join_all;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::core::Request;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::answer;

/// The group of all that is the conductor's.
const GROUP: &str = "loadtest-conductor.dev";
/// What rights are about.
const RESOURCE: &str = "loadtests";

/// Asks a cluster who calls.
pub struct ClusterCallers {
    client: Client,
    namespace: String,
}

impl ClusterCallers {
    /// Asks by this client, whose user may create TokenReviews and SubjectAccessReviews. Rights count that callers have in this
    /// namespace, or in the whole cluster.
    pub const fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace }
    }

    /// Makes a review, which the server answers with what it knows and keeps nothing of.
    ///
    /// What was sent may come back with the answer, and with it a token. So no answer is told to anybody, as `kube` does in its log
    /// with one that cannot be read.
    async fn reviewed<K>(&self, act: &str, review: &K) -> Result<K, PortError>
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
    {
        let body = serde_json::to_vec(review).map_err(|error| PortError::because(FailureKind::Rejected, act, error))?;
        let text = answer(act, || async {
            let request = Request::new(K::url_path(&(), None)).create(&PostParams::default(), body.clone());
            self.client.request_text(request.map_err(kube::Error::BuildRequest)?).await
        });
        serde_json::from_str(&text.await?).map_err(|error| {
            let (kind, line, column) = (K::kind(&()), error.line(), error.column());
            let why = format!("the answer is no {kind}, at its line {line}, column {column}");
            PortError::because(FailureKind::Rejected, act, why)
        })
    }

    async fn allows(&self, who: &Identity, verb: &str, environment: &str) -> Result<bool, PortError> {
        let Identity { name, uid, groups, extra } = who.clone();
        let spec = SubjectAccessReviewSpec {
            user: Some(name),
            uid: Some(uid).filter(|uid| !uid.is_empty()),
            groups: Some(groups),
            extra: Some(extra),
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: Some(RESOURCE.to_owned()),
                verb: Some(verb.to_owned()),
                namespace: Some(self.namespace.clone()),
                name: Some(environment.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        };
        let act = format!("could not ask the API server whether {} may {verb} {RESOURCE} {environment}", who.name);
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let status = self.reviewed(&act, &review).await?.status;
        // What denies counts more than what allows; without either nobody may.
        Ok(status.is_some_and(|status| status.allowed && !status.denied.unwrap_or_default()))
    }
}

#[async_trait]
impl CallerReview for ClusterCallers {
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Reviewed, PortError> {
        let act = "could not ask the API server whose a token is";
        let spec = TokenReviewSpec { token: token.to_owned(), audiences: Some(audiences.to_vec()) };
        let review = TokenReview { spec, ..TokenReview::default() };
        match self.reviewed(act, &review).await?.status {
            Some(status) => Ok(told(status, audiences)),
            None => Err(PortError::because(FailureKind::Rejected, act, "the answer has no status")),
        }
    }

    async fn may(&self, who: &Identity, role: Role, environment: &str) -> Result<bool, PortError> {
        // A name that is empty would mean all of them.
        if environment.is_empty() {
            return Ok(false);
        }
        let answers = join_all(verbs(role).iter().map(|verb| self.allows(who, verb, environment))).await;
        let allowed: Vec<bool> = answers.into_iter().collect::<Result<_, _>>()?;
        Ok(allowed.into_iter().all(|allowed| allowed))
    }
}

/// What a role takes. Each takes all that the ones before it take, so that nobody starts what they may not see.
const fn verbs(role: Role) -> &'static [&'static str] {
    match role {
        Role::Viewer => &["get", "list", "watch"],
        Role::Operator => &["get", "list", "watch", "create", "update", "stop"],
        Role::Admin => &["*"],
    }
}

/// What the status of a review means.
fn told(status: TokenReviewStatus, audiences: &[String]) -> Reviewed {
    let unknown = |because: String| Reviewed::Unknown { because };
    if status.authenticated != Some(true) {
        let because = status.error.filter(|error| !error.is_empty());
        return unknown(because.unwrap_or_else(|| "it is nobody's".to_owned()));
    }
    // A server that does not know of audiences takes every token that is good for itself, which is also in the hands of
    // everybody to whom it was ever sent for that.
    let meant: BTreeSet<String> = status.audiences.unwrap_or_default().into_iter().collect();
    if !audiences.iter().any(|audience| meant.contains(audience)) {
        return unknown(format!("the API server takes it as one for {meant:?}, expected one of {audiences:?}"));
    }
    let user = status.user.unwrap_or_default();
    match user.username.filter(|name| !name.is_empty()) {
        None => unknown("the API server knows no name for it".to_owned()),
        Some(name) => Reviewed::Known(Identity {
            name,
            uid: user.uid.unwrap_or_default(),
            groups: user.groups.unwrap_or_default(),
            extra: user.extra.unwrap_or_default(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    fn said(status: Value) -> Reviewed {
        told(serde_json::from_value(status).unwrap(), &["load-tests".to_owned(), "other".to_owned()])
    }

    fn because(status: Value) -> String {
        match said(status) {
            Reviewed::Unknown { because } => because,
            Reviewed::Known(who) => panic!("{who:?}"),
        }
    }

    #[test]
    fn a_token_is_somebodys_only_when_the_server_confirms_an_audience() {
        let user = json!({ "username": "ci", "uid": "1", "groups": ["a"], "extra": { "node": ["n"] } });
        let known = said(json!({ "authenticated": true, "audiences": ["x", "other"], "user": user }));
        let extra = [("node".to_owned(), vec!["n".to_owned()])].into();
        let who = Identity { name: "ci".to_owned(), uid: "1".to_owned(), groups: vec!["a".to_owned()], extra };
        assert_eq!(known, Reviewed::Known(who));

        let expected = r#"expected one of ["load-tests", "other"]"#;
        let ignoring = because(json!({ "authenticated": true, "user": user }));
        assert_eq!(ignoring, format!("the API server takes it as one for {{}}, {expected}"));
        let elsewhere = because(json!({ "authenticated": true, "audiences": ["payments"], "user": user }));
        assert_eq!(elsewhere, format!("the API server takes it as one for {{\"payments\"}}, {expected}"));
    }

    #[test]
    fn everybody_else_is_nobody() {
        let audiences = ["load-tests"];
        for (status, expected) in [
            (json!({}), "it is nobody's"),
            (json!({ "authenticated": false, "error": "" }), "it is nobody's"),
            (json!({ "audiences": audiences, "user": { "username": "ci" } }), "it is nobody's"),
            (json!({ "authenticated": false, "error": "token has expired" }), "token has expired"),
            (json!({ "authenticated": true, "audiences": audiences }), "the API server knows no name for it"),
            (
                json!({ "authenticated": true, "audiences": audiences, "user": { "username": "" } }),
                "the API server knows no name for it",
            ),
        ] {
            assert_eq!(because(status), expected);
        }
    }

    /// A server that answers everything with this.
    fn answering(text: &'static str) -> ClusterCallers {
        let service = tower::service_fn(async move |_: http::Request<Body>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(Body::from(text.as_bytes().to_vec())))
        });
        ClusterCallers::new(Client::new(service, "default"), "default".to_owned())
    }

    #[tokio::test]
    async fn an_answer_that_makes_no_sense_is_no_answer_and_is_not_repeated() {
        let asked = async |text| answering(text).review("hidden", &["load-tests".to_owned()]).await;
        let act = "could not ask the API server whose a token is: ";
        for (text, expected) in [
            (
                r#"{ "spec": { "token": 1 }, "status": "hidden" }"#,
                "the answer is no TokenReview, at its line 1, column 22",
            ),
            ("hidden", "the answer is no TokenReview, at its line 1, column 1"),
            (r#"{ "spec": { "token": "hidden" } }"#, "the answer has no status"),
        ] {
            let error = asked(text).await.unwrap_err();
            let told = conductor_core::failure::Failure::of("", &error).message;
            assert_eq!((error.kind, told), (FailureKind::Rejected, format!("{act}{expected}")), "{text}");
        }
    }

    #[tokio::test]
    async fn what_is_denied_is_not_allowed_and_what_is_neither_is_not_either() {
        let (who, role) = (Identity { name: "ci".to_owned(), ..Identity::default() }, Role::Viewer);
        for (text, allowed) in [
            (r#"{ "spec": {}, "status": { "allowed": true } }"#, true),
            (r#"{ "spec": {}, "status": { "allowed": true, "denied": true } }"#, false),
            (r#"{ "spec": {}, "status": { "allowed": false } }"#, false),
            (r#"{ "spec": {} }"#, false),
        ] {
            assert_eq!(answering(text).may(&who, role, "shop").await.unwrap(), allowed, "{text}");
            assert!(!answering(text).may(&who, role, "").await.unwrap(), "{text}");
        }
    }

    #[test]
    fn a_role_takes_all_that_the_ones_before_it_take() {
        let [viewer, operator] = [Role::Viewer, Role::Operator].map(verbs);
        assert!(operator.starts_with(viewer) && operator.len() > viewer.len());
        assert_eq!(verbs(Role::Admin), ["*"]);
    }
}
