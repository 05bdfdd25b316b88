//! What an environment's settings say of its mocks: where they are, which routes lead there, and what proves them.

use std::collections::BTreeMap;
use std::fmt;

use conductor_core::mocks::{LeakPolicy, MockSpec};
use serde::{Deserialize, Serialize};

/// One mock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MockSettings {
    /// Its name, for people.
    pub name: String,
    /// The Hoverfly that answers.
    pub hoverfly: HoverflySettings,
    /// The Skipper whose routes lead there.
    pub router: RouterSettings,
    /// The request by which it is proved.
    pub probe: ProbeSettings,
    /// What becomes of a run when the mock is seen not to do its work during the load.
    #[serde(default)]
    pub on_leak: LeakPolicy,
    /// Whether others, too, send untagged requests to the real dependency by the same routes while load is generated.
    #[serde(default)]
    pub other_traffic: bool,
}

/// Where Hoverfly is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HoverflySettings {
    /// The admin address of each of its instances, such as `http://hoverfly:8888`.
    pub admin: Vec<String>,
    /// Name of the environment variable that holds a bearer token for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
}

/// Where Skipper is, and its routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouterSettings {
    /// The metrics of each of its instances, such as `http://skipper:9911/metrics`.
    pub metrics: Vec<String>,
    /// The ids of its routes.
    pub routes: RouteNames,
}

/// The ids of routes, as Skipper's metrics give them; one of them takes each request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteNames {
    /// Those to the mock.
    pub mock: Vec<String>,
    /// Those that stop what is tagged and not for the mock's routes.
    pub leak: Vec<String>,
    /// Those to the real dependency.
    pub real: Vec<String>,
}

/// A request that is sent twice before each load: tagged to the mock, and untagged to the real dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProbeSettings {
    /// Its address, by way of the router. The untagged one does there whatever the request does.
    pub url: String,
    /// Its method.
    #[serde(default = "get")]
    pub method: String,
    /// Its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// More headers, such as `Content-Type`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Name of the environment variable that holds a bearer token for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_env: Option<String>,
    /// What each answer of the real dependency bears and no simulated one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real_marker: Option<MarkerSettings>,
}

/// A response header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MarkerSettings {
    /// Its name.
    pub header: String,
    /// Its value; any where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

impl MockSettings {
    /// What a run must know of it.
    pub fn spec(&self) -> MockSpec {
        MockSpec { name: self.name.clone(), on_leak: self.on_leak, other_traffic: self.other_traffic }
    }
}

/// The tokens that settings name, found by whoever has them.
#[derive(Clone, Default)]
pub struct Secrets {
    /// What `hoverfly.tokenEnv` names.
    pub hoverfly: Option<String>,
    /// What `probe.tokenEnv` names.
    pub probe: Option<String>,
}

/// Tells whether there are any, and never what they are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |token: &Option<String>| if token.is_some() { "set" } else { "none" };
        f.debug_struct("Secrets").field("hoverfly", &told(&self.hoverfly)).field("probe", &told(&self.probe)).finish()
    }
}
