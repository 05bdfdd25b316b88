//! The custom resource of KEDA: as much of it as tests write and read.

use std::collections::BTreeMap;

use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// What a ScaledObject says: which workload is scaled, between which bounds, and for what reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, CustomResource)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "keda.sh",
    version = "v1alpha1",
    kind = "ScaledObject",
    doc = "What KEDA scales, as much of it as tests write and read. To change one, patch it: a whole one would lose the rest.",
    status = "ScaledObjectStatus",
    derive = "PartialEq",
    schema = "disabled",
    namespaced
)]
pub struct ScaledObjectSpec {
    /// What is scaled.
    pub scale_target_ref: ScaleTarget,
    /// How many replicas there are at least; 0 where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_replica_count: Option<i32>,
    /// How many there are at most; 100 where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_replica_count: Option<i32>,
    /// How many there are while no trigger is active, if that is another number than the least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_replica_count: Option<i32>,
    /// Seconds between two looks at the triggers; 30 where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polling_interval: Option<u32>,
    /// Seconds from the last activity to the idle replicas; 300 where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cooldown_period: Option<u32>,
    /// `horizontalPodAutoscalerConfig` with the `behavior` of its autoscaler, `restoreToOriginalReplicaCount`, and more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advanced: Option<serde_json::Value>,
    /// Reasons to scale.
    pub triggers: Vec<Trigger>,
}

/// The workload that a ScaledObject scales.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScaleTarget {
    /// Its group and version; `apps/v1` where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Its kind; `Deployment` where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name, in the namespace of the ScaledObject.
    pub name: String,
}

/// A reason to scale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Which scaler looks at it, as in `cron`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the scaler is told.
    pub metadata: BTreeMap<String, String>,
}

/// New Year's Day, and its eve one minute before midnight.
const YEAR: [&str; 2] = ["0 0 1 1 *", "59 23 31 12 *"];

impl Trigger {
    /// One that is active, but for the last minute of a year.
    pub fn active() -> Self {
        let [begin, end] = YEAR;
        Self::cron(begin, end)
    }

    /// One that is not active, but for the last minute of a year.
    pub fn inactive() -> Self {
        let [begin, end] = YEAR;
        Self::cron(end, begin)
    }

    /// One that is active from a time in every year, in UTC, to another: `minute hour day month *`.
    pub fn cron(start: &str, end: &str) -> Self {
        let said = [("timezone", "UTC"), ("start", start), ("end", end), ("desiredReplicas", "1")];
        let metadata = said.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { kind: "cron".to_owned(), metadata }
    }
}

/// What KEDA says of a ScaledObject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScaledObjectStatus {
    /// `Ready`, `Active`, `Fallback`, `Paused`, and more.
    pub conditions: Vec<ScaledObjectCondition>,
    /// The HorizontalPodAutoscaler that it was given, which is gone while it is paused.
    pub hpa_name: Option<String>,
    /// What is scaled, as in `apps/v1.Deployment`.
    pub scale_target_kind: Option<String>,
    /// The replicas that were found first.
    pub original_replica_count: Option<i32>,
    /// The replicas that an annotation paused it at.
    pub paused_replica_count: Option<i32>,
    /// When a trigger was seen active last.
    pub last_active_time: Option<String>,
}

impl ScaledObjectStatus {
    /// The condition of a kind.
    pub fn condition(&self, kind: &str) -> Option<&ScaledObjectCondition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }
}

/// One condition of a ScaledObject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaledObjectCondition {
    /// Which.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A ScaledObject for the Deployment of its own name. It is looked at every second, and cools down in one.
pub fn scaled_object(name: &str, bounds: std::ops::RangeInclusive<i32>, trigger: Trigger) -> ScaledObject {
    let spec = ScaledObjectSpec {
        scale_target_ref: ScaleTarget { name: name.to_owned(), ..ScaleTarget::default() },
        min_replica_count: Some(*bounds.start()),
        max_replica_count: Some(*bounds.end()),
        idle_replica_count: None,
        polling_interval: Some(1),
        cooldown_period: Some(1),
        advanced: None,
        triggers: vec![trigger],
    };
    ScaledObject::new(name, spec)
}
