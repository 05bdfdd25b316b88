//! What of a workload and its pod template is compared beside containers.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use serde::Serialize;

use super::key::Key;
use super::words::short;
use crate::argo_rollout::ArgoRollout;
use crate::workload::Workload;

/// A workload whose own settings are compared.
pub(super) trait Compared: Workload<DynamicType = ()> {
    /// How it replaces its pods, and the order in which it makes them where it has one.
    fn own(&self, into: &mut Settings<'_>) -> Result<(), serde_json::Error>;
}

impl Compared for Deployment {
    fn own(&self, into: &mut Settings<'_>) -> Result<(), serde_json::Error> {
        into.add("strategy", self.spec.as_ref().and_then(|spec| spec.strategy.as_ref()))
    }
}

impl Compared for StatefulSet {
    fn own(&self, into: &mut Settings<'_>) -> Result<(), serde_json::Error> {
        let spec = self.spec.as_ref();
        into.add("strategy", spec.and_then(|spec| spec.update_strategy.as_ref()))?;
        into.text("podManagement", spec.and_then(|spec| spec.pod_management_policy.as_ref()));
        Ok(())
    }
}

impl Compared for ArgoRollout {
    fn own(&self, into: &mut Settings<'_>) -> Result<(), serde_json::Error> {
        into.add("strategy", self.spec.strategy.as_ref())
    }
}

/// Settings by name, as lines.
pub(super) struct Settings<'k> {
    found: BTreeMap<String, String>,
    key: &'k Key,
}

impl Settings<'_> {
    fn add(&mut self, name: &str, value: Option<&impl Serialize>) -> Result<(), serde_json::Error> {
        if let Some(value) = value {
            let line = short(name, value, self.key)?;
            if !line.is_empty() {
                self.found.insert(name.to_owned(), line);
            }
        }
        Ok(())
    }

    fn text(&mut self, name: &str, value: Option<&impl ToString>) {
        if let Some(value) = value {
            self.found.insert(name.to_owned(), value.to_string());
        }
    }
}

/// The settings of a workload.
pub(super) fn settings<K: Compared>(workload: &K, key: &Key) -> Result<BTreeMap<String, String>, serde_json::Error> {
    let mut settings = Settings { found: BTreeMap::new(), key };
    settings.text("kind", Some(&K::workload_kind(&())));
    workload.own(&mut settings)?;
    if let Some(spec) = workload.template().and_then(|template| template.spec.as_ref()) {
        settings.text("priorityClass", spec.priority_class_name.as_ref());
        settings.text("runtimeClass", spec.runtime_class_name.as_ref());
        settings.text("terminationGracePeriod", spec.termination_grace_period_seconds.as_ref());
        settings.add("nodeSelector", spec.node_selector.as_ref())?;
        settings.add("affinity", spec.affinity.as_ref())?;
        settings.add("topologySpread", spec.topology_spread_constraints.as_ref())?;
        settings.add("tolerations", spec.tolerations.as_ref())?;
    }
    Ok(settings.found)
}
