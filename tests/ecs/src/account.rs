//! What a request meets behind the front: moto, and the world that makes up for what it does not model.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Request;
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::moto::Moto;
use crate::reply::Reply;
use crate::shared::Shared;
use crate::who::Who;
use crate::world::World;

/// The word before the operations of ECS in a request.
pub(crate) const ECS: &str = "AmazonEC2ContainerServiceV20141113";
/// The same of Application Auto Scaling.
pub(crate) const SCALING: &str = "AnyScaleFrontendService";

/// See the module.
pub(crate) struct Account {
    pub(crate) moto: Arc<Moto>,
    world: Arc<Mutex<World>>,
    pub(crate) shared: Arc<Shared>,
    /// One request is done after the other, so that what is checked still holds when it is done.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

/// One request.
pub(crate) struct Call {
    pub(crate) who: Who,
    /// [`ECS`], [`SCALING`], or another that is moto's alone.
    pub(crate) prefix: String,
    pub(crate) operation: String,
    pub(crate) body: Value,
    /// As it came.
    pub(crate) request: Request<Bytes>,
}

impl Call {
    /// A text of the request; empty if it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The cluster it is about: AWS has one that need not be named.
    pub(crate) fn cluster(&self) -> &str {
        if self.text("cluster").is_empty() { "default" } else { self.text("cluster") }
    }
}

/// Why a request is not done.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It is refused.
    Refused(Box<Reply>),
    /// moto cannot be asked.
    Lost,
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}

impl From<Box<Reply>> for Trouble {
    fn from(reply: Box<Reply>) -> Self {
        Self::Refused(reply)
    }
}

impl Trouble {
    pub(crate) fn refused(kind: &str, message: impl Into<String>) -> Self {
        Self::Refused(Box::new(Reply::refused(kind, message)))
    }
}

impl Account {
    pub(crate) fn new(moto: Arc<Moto>, world: Arc<Mutex<World>>, shared: Arc<Shared>) -> Self {
        Self { moto, world, shared, turn: tokio::sync::Mutex::new(()) }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// Asks moto for what a request asks for, with another body, or for something else in the name of the same user.
    pub(crate) async fn ask(&self, call: &Call, operation: &str, body: &Value) -> Result<Value, Trouble> {
        let prefix = if call.prefix == SCALING && operation.contains("Scalable") { SCALING } else { ECS };
        Ok(self.moto.ask(&call.who, &format!("{prefix}.{operation}"), body).await?.document()?)
    }

    /// Asks moto for what a request asks for.
    pub(crate) async fn pass(&self, call: &Call) -> Result<Value, Trouble> {
        Ok(self.moto.ask(&call.who, &format!("{}.{}", call.prefix, call.operation), &call.body).await?.document()?)
    }

    /// A service as moto knows it.
    pub(crate) async fn service(&self, call: &Call, cluster: &str, service: &str) -> Result<Value, Trouble> {
        let body = json!({ "cluster": cluster, "services": [service], "include": ["TAGS"] });
        let mut described = self.ask(call, "DescribeServices", &body).await?;
        let found = described["services"].get_mut(0).map(Value::take);
        found.ok_or_else(|| Trouble::refused("ServiceNotFoundException", "Service not found."))
    }

    /// A task definition by any form of its name.
    pub(crate) async fn definition(&self, call: &Call, name: &str) -> Result<Value, Trouble> {
        let mut described = self.ask(call, "DescribeTaskDefinition", &json!({ "taskDefinition": name })).await?;
        Ok(described["taskDefinition"].take())
    }
}

pub(crate) fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts the fields of one document over those of another.
pub(crate) fn overlay(base: &mut Value, over: Value) {
    if let (Some(base), Value::Object(over)) = (base.as_object_mut(), over) {
        base.extend(over);
    }
}
