//! A cluster that knows callers, as the port tells it, and what is told to whom when it cannot be asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conductor_access::{Access, Grants, Secret};
use conductor_core::caller::{Identity, Reviewed, Role};
use conductor_core::failure::{FailureKind, PortError};
use conductor_core::ports::CallerReview;
use conductor_grpc::Limits;
use conductor_proto::v1;
use serde_json::json;
use tonic::{Code, Status};

use crate::access::{METHODS, call};
use crate::bed::{Bed, by, long_load_test, trailed};
use crate::trail::records;

/// For whom its tokens are.
const AUDIENCE: &str = "load-tests";

/// A cluster whose callers are called as what they may do. It can be away for either question.
#[derive(Default)]
pub(crate) struct Cluster {
    callers: Vec<String>,
    knows_nobody: AtomicBool,
    lets_nobody: AtomicBool,
}

#[async_trait]
impl CallerReview for Cluster {
    async fn review(&self, token: &str, audiences: &[String]) -> Result<Reviewed, PortError> {
        assert_eq!(audiences, [AUDIENCE]);
        away(&self.knows_nobody)?;
        let known = self.callers.iter().find(|name| token_of(name).reveal() == token);
        let unknown = || Reviewed::Unknown { because: "it is nobody's".to_owned() };
        Ok(known.map_or_else(unknown, |name| Reviewed::Known(Identity { name: name.clone(), ..Identity::default() })))
    }

    async fn may(&self, who: &Identity, role: Role, environment: &str) -> Result<bool, PortError> {
        away(&self.lets_nobody)?;
        Ok(Grants::try_from(vec![who.name.clone()]).unwrap().may(role, environment))
    }
}

impl Cluster {
    /// Callers by their roles, which are their names as well.
    pub(crate) fn with(roles: &[&str]) -> Self {
        Self { callers: roles.iter().map(|role| (*role).to_owned()).collect(), ..Self::default() }
    }
}

fn away(is: &AtomicBool) -> Result<(), PortError> {
    match is.load(Ordering::SeqCst) {
        true => Err(PortError::new(FailureKind::Unavailable, "could not ask the API server at 10.0.0.1")),
        false => Ok(()),
    }
}

/// The token of somebody, as it says itself.
pub(crate) fn token_of(name: &str) -> Secret {
    let claims = json!({ "iss": "https://kubernetes.default.svc", "aud": [AUDIENCE], "sub": name });
    Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())))
}

/// Lets in whom the cluster knows. Nothing is remembered, so that a test may change its mind.
pub(crate) fn access(cluster: &Arc<Cluster>) -> Access {
    let settings = json!({ "kubernetes": { "audiences": [AUDIENCE], "rememberFor": "0s" } });
    let settings = serde_json::from_value(settings).unwrap();
    Access::reviewed(&settings, "0.0.0.0:1".parse().unwrap(), Some(Arc::clone(cluster) as _)).unwrap()
}

fn told(status: &Status) -> (Code, &str) {
    (status.code(), status.message())
}

#[tokio::test]
async fn a_cluster_that_cannot_be_asked_refuses_nobody_for_good_and_lets_nobody_in() {
    let names = ["operator@model", "viewer@other"];
    let cluster = Arc::new(Cluster::with(&names));
    let folder = tempfile::tempdir().unwrap();
    let trail = folder.path().join("audit");
    let mut bed = Bed::behind(trailed(access(&cluster), &trail), Limits::default()).await;
    let [operator, elsewhere] = names.map(token_of);
    let run = bed.started_by(Some(&operator), long_load_test()).await.id;
    let about = (run.as_str(), "model");

    let unknown = (Code::Unavailable, "credentials cannot be checked now: try again later");
    let undecided = (Code::Unavailable, "what the caller may do cannot be checked now: try again later");
    for (is_away, expected) in [(&cluster.knows_nobody, unknown), (&cluster.lets_nobody, undecided)] {
        is_away.store(true, Ordering::SeqCst);
        for method in METHODS {
            // Whoever may not see the run is told the same: nothing of whether it is there.
            for token in [&operator, &elsewhere] {
                let status = call(&mut bed.client, method, Some(token), about).await.unwrap_err();
                assert_eq!(told(&status), expected, "{method}");
            }
        }
        is_away.store(false, Ordering::SeqCst);
    }
    bed.client.stop_load_test(by(Some(&operator), v1::StopLoadTestRequest { id: run.clone() })).await.unwrap();

    let of = |name: &str, method: &str, outcome: &str| {
        let run = (method != "StartLoadTest").then_some(run.as_str());
        let mut record = json!({ "caller": name, "source": "kubernetes", "method": method, "outcome": outcome });
        record["environment"] = "model".into();
        if let Some(run) = run {
            record["run"] = run.into();
        }
        record
    };
    let changes = ["StartLoadTest", "UpdateLoadTest", "StopLoadTest"];
    let mut expected = vec![of("operator@model", "StartLoadTest", "allowed")];
    let mut started = of("operator@model", "StartLoadTest", "done");
    started["run"] = run.as_str().into();
    expected.push(started);
    let nobody = |method: &str| {
        [json!({ "method": method, "outcome": "unavailable" }), json!({ "method": method, "outcome": "unavailable" })]
    };
    expected.extend(changes.iter().flat_map(|method| nobody(method)));
    expected.extend(changes.iter().flat_map(|method| names.map(|name| of(name, method, "unavailable"))));
    expected.extend(["allowed", "done"].map(|outcome| of("operator@model", "StopLoadTest", outcome)));
    assert_eq!(records(&trail), expected);
}
