//! Others who use an account: a pipeline that deploys, somebody who scales by hand.

use http::Request;
use hyper::body::Bytes;
use serde_json::Value;

use crate::account::{ECS, SCALING};
use crate::error::BedError;
use crate::loopback;
use crate::reply::Reply;
use crate::who::Who;

/// The users that there are, by the names of their profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// The program under test.
    Conductor,
    /// A pipeline.
    Ci,
    /// Somebody in a hurry.
    OnCall,
    /// Who makes the world of a test.
    Admin,
}

impl User {
    /// The name of its profile in the files of the bed.
    pub const fn profile(self) -> &'static str {
        match self {
            Self::Conductor => "conductor",
            Self::Ci => "ci",
            Self::OnCall => "on-call",
            Self::Admin => "admin",
        }
    }

    /// The id of its access key.
    pub const fn access_key(self) -> &'static str {
        match self {
            Self::Conductor => "BEDCONDUCTOR00000001",
            Self::Ci => "BEDCI000000000000001",
            Self::OnCall => "BEDONCALL00000000001",
            Self::Admin => "BEDADMIN000000000001",
        }
    }
}

/// A user who asks over HTTP, through all faults, and asks once only.
#[derive(Clone, Debug)]
pub struct Actor {
    pub(crate) who: Who,
    pub(crate) port: u16,
}

impl Actor {
    /// The same user in another region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.who.region);
        self
    }

    /// The same, in a session of a role, whose account it acts in from then on.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn assume(mut self, role_arn: &str, session: &str) -> Result<Self, BedError> {
        let act = || format!("assume {role_arn}");
        let encoded = role_arn.replace(':', "%3A").replace('/', "%2F");
        let form = format!("Action=AssumeRole&Version=2011-06-15&RoleArn={encoded}&RoleSessionName={session}");
        let request = Request::post("/")
            .header("authorization", self.who.authorization("sts"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form));
        let reply = self.send(request, act()).await?;
        let text = String::from_utf8_lossy(&reply.body);
        let find = |name| crate::operations::element(&text, name).map(str::to_owned);
        let session =
            text.split_once("<AssumedRoleUser>").and_then(|(_, user)| crate::operations::element(user, "Arn"));
        let (Some(key), Some(session)) = (find("AccessKeyId"), session) else {
            return Err(BedError::Answer { act: act(), source: "it has no access key".into() });
        };
        self.who.access_key = key;
        self.who.role = Some(session.to_owned());
        Ok(self)
    }

    /// Asks for an operation of ECS or of Application Auto Scaling.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn call(&self, operation: &str, body: Value) -> Result<Value, BedError> {
        let of_scaling = ["Scalable", "Scaling", "Scheduled"].iter().any(|word| operation.contains(word));
        let (prefix, service) = if of_scaling { (SCALING, "application-autoscaling") } else { (ECS, "ecs") };
        let request = Request::post("/")
            .header("authorization", self.who.authorization(service))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{prefix}.{operation}"))
            .body(Bytes::from(body.to_string()));
        let reply = self.send(request, format!("call {operation}")).await?;
        serde_json::from_slice(&reply.body)
            .map_err(|error| BedError::Answer { act: format!("read the answer to {operation}"), source: error.into() })
    }

    async fn send(&self, request: http::Result<Request<Bytes>>, act: String) -> Result<Reply, BedError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| BedError::Answer { act: act.clone(), source };
        let mut request = request.map_err(|error| failed(error.into()))?;
        let host = format!("127.0.0.1:{}", self.port).parse();
        request
            .headers_mut()
            .insert("host", host.map_err(|error: http::header::InvalidHeaderValue| failed(error.into()))?);
        let reply = Reply::from(loopback::send(self.port, request).await.map_err(|error| failed(error.into()))?);
        if reply.status.is_success() {
            return Ok(reply);
        }
        let (kind, message) = reply.complaint();
        Err(BedError::Refused { act, status: reply.status.as_u16(), kind, message })
    }
}
