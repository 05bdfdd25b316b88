//! The custom resource of Argo Rollouts: as much of it as tests write and read.

use k8s_openapi::api::apps::v1::DeploymentCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::workload::deployment;

/// What a Rollout says: like a Deployment, with its own strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "argoproj.io",
    version = "v1alpha1",
    kind = "Rollout",
    doc = "A workload whose versions come in steps, as much of it as tests write and read. To change one, patch it: a whole one would lose the rest.",
    status = "RolloutStatus",
    derive = "PartialEq",
    schema = "disabled",
    namespaced
)]
pub struct RolloutSpec {
    /// How many replicas there shall be; 1 where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Which pods are its own.
    #[serde(default)]
    pub selector: LabelSelector,
    /// What its pods are, in whatever form it is written.
    #[serde(default)]
    pub template: Value,
    /// True while nothing is to be rolled out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// How long nothing may move before it counts as failed; 600 seconds where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<u32>,
    /// How one version follows another.
    #[serde(default)]
    pub strategy: Strategy,
}

/// How one version follows another: in one of these ways.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    /// Step by step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// All of it beside all of the other, and then a switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreen>,
}

/// What is switched, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreen {
    /// The Service that users come by.
    pub active_service: String,
    /// One that leads to the new version before users get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_service: Option<String>,
    /// False where somebody has to promote it; true where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_promotion_enabled: Option<bool>,
    /// How long it pauses before the switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_promotion_seconds: Option<u32>,
    /// How long the replicas of the older version stay; 30 seconds where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<u32>,
}

/// The steps of a new version; without any it comes as with a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// One after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// So many of a hundred replicas have the new version.
    SetWeight(i32),
    /// Nothing happens for a while.
    Pause(Pause),
}

/// For how long a step pauses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// Seconds, or a text such as `10s`; until somebody goes on where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Value>,
}

/// What is said of a Rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStatus {
    /// The generation that was seen, as a text.
    pub observed_generation: String,
    /// `Progressing`, `Paused`, `Healthy` or `Degraded`.
    pub phase: String,
    /// Why, for people.
    pub message: String,
    /// The hash of the newest template.
    pub current_pod_hash: String,
    /// The hash of the template that was promoted last.
    #[serde(rename = "stableRS")]
    pub stable: String,
    /// The step that it is at.
    pub current_step_index: Option<i32>,
    /// Replicas of all versions.
    pub replicas: i32,
    /// Replicas of the newest one.
    pub updated_replicas: i32,
    /// Those that are ready.
    pub ready_replicas: i32,
    /// Those that are available.
    pub available_replicas: i32,
    /// What an autoscaler is told.
    #[serde(rename = "HPAReplicas")]
    pub hpa_replicas: i32,
    /// Which pods are its own, as a text.
    pub selector: String,
    /// Why it pauses.
    pub pause_conditions: Vec<PauseCondition>,
    /// True while it pauses by itself.
    pub controller_pause: bool,
    /// True while it is to go to the end without any more steps.
    pub promote_full: bool,
    /// True after it was aborted.
    pub abort: bool,
    /// Where its Services lead to.
    pub blue_green: BlueGreenStatus,
    /// `Available`, `Healthy`, `Completed`, `Progressing`, and more.
    pub conditions: Vec<DeploymentCondition>,
}

/// Where the Services of a Rollout lead to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlueGreenStatus {
    /// The hash of the template that users get.
    pub active_selector: String,
    /// The hash of the template that can be looked at.
    pub preview_selector: String,
}

/// Why a Rollout pauses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseCondition {
    /// In one word.
    pub reason: String,
    /// Since when.
    pub start_time: Time,
}

impl RolloutStatus {
    /// The condition of a kind.
    pub fn condition(&self, kind: &str) -> Option<&DeploymentCondition> {
        self.conditions.iter().find(|condition| condition.type_ == kind)
    }
}

impl Step {
    /// A pause that somebody has to end.
    pub const fn pause() -> Self {
        Self::Pause(Pause { duration: None })
    }

    /// A pause of some seconds.
    pub fn pause_for(seconds: u32) -> Self {
        Self::Pause(Pause { duration: Some(json!(seconds)) })
    }
}

/// A Rollout like the Deployment of [`deployment`], with the steps of a canary.
pub fn rollout(name: &str, replicas: i32, behaviour: Behaviour, steps: &[Step]) -> Rollout {
    let like = deployment(name, replicas, behaviour).spec.unwrap_or_default();
    let spec = RolloutSpec {
        replicas: like.replicas,
        selector: like.selector,
        template: json!(like.template),
        strategy: Strategy { canary: Some(Canary { steps: steps.to_vec() }), blue_green: None },
        ..RolloutSpec::default()
    };
    Rollout::new(name, spec)
}

/// The same with Services that are switched. They must be there before.
pub fn blue_green(name: &str, replicas: i32, behaviour: Behaviour, switched: BlueGreen) -> Rollout {
    let mut made = rollout(name, replicas, behaviour, &[]);
    made.spec.strategy = Strategy { canary: None, blue_green: Some(switched) };
    made
}
