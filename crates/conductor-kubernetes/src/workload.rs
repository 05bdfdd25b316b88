//! The kinds of workloads that applications are: what each shows of itself, in the terms of all.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{ParseExpressionError, Selector};

use crate::argo_rollout::ArgoRollout;
use crate::field::Owned;
use crate::object::Object;
use crate::place::{Kind, Place};
use crate::rollout::{
    Before, Progress, Wanted, deployment, newest_hash, newest_revision, of_revision, stateful_set, waits_for,
};
use crate::unfit::{Unfit, unfit};

/// A kind of object that runs replicas of one pod template.
pub(crate) trait Workload: Object<Fields = Owned> {
    /// Which.
    fn workload_kind(kind: &Self::DynamicType) -> Kind;

    /// Whether its controller stops until somebody promotes it.
    const NEEDS_PROMOTION: bool = false;

    /// Whether it says how many of its replicas are ready.
    const SAYS_WHAT_IS_READY: bool = true;

    /// Which pods are its own, by their labels; `None` where nobody can tell.
    fn selector(&self) -> Result<Option<String>, ParseExpressionError>;

    /// What it shows of the time before a write, as the answer to that write.
    fn before(&self) -> Before;

    /// Where its rollout stands.
    fn progress(&self, wanted: &Wanted) -> Progress;

    /// What the pods of its newest template have as the label of their revision; `None` while its controller has not said.
    fn newest<'a>(&'a self, replica_sets: &'a [ReplicaSet]) -> Option<&'a str>;

    /// The pods of its newest template; `None` while its controller has not said.
    fn newest_pods<'p>(&self, replica_sets: &[ReplicaSet], pods: &'p [Pod]) -> Option<Vec<&'p Pod>> {
        Some(of_revision(pods, self.newest(replica_sets)?).collect())
    }

    /// The pods of older revisions that its controller wants to be ready before it replaces them.
    fn waits_for<'p>(&self, pods: &'p [Pod], newest: &str) -> Vec<&'p Pod>;

    /// Why it cannot be changed and put back.
    fn unfit(&self, may_delete_volumes: bool) -> Vec<Unfit>;

    /// It, where it needs promotion.
    fn promotable(&self) -> Option<&ArgoRollout> {
        None
    }

    /// Where it is.
    fn place(&self, kind: &Self::DynamicType) -> Place {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let kind = Self::workload_kind(kind);
        Place { namespace: text(&self.meta().namespace), kind, name: text(&self.meta().name) }
    }
}

/// A selector as requests have it.
pub(crate) fn as_text(selector: &LabelSelector) -> Result<String, ParseExpressionError> {
    Ok(Selector::try_from(selector.clone())?.to_string())
}

impl Workload for Deployment {
    fn workload_kind(&(): &()) -> Kind {
        Kind::Deployment
    }

    fn selector(&self) -> Result<Option<String>, ParseExpressionError> {
        self.spec.as_ref().map(|spec| as_text(&spec.selector)).transpose()
    }

    fn before(&self) -> Before {
        Before::of_deployment(self)
    }

    fn progress(&self, wanted: &Wanted) -> Progress {
        deployment(self, wanted)
    }

    fn newest<'a>(&'a self, replica_sets: &'a [ReplicaSet]) -> Option<&'a str> {
        newest_hash(self, replica_sets)
    }

    fn waits_for<'p>(&self, _: &'p [Pod], _: &str) -> Vec<&'p Pod> {
        Vec::new()
    }

    fn unfit(&self, _: bool) -> Vec<Unfit> {
        Vec::new()
    }
}

impl Workload for StatefulSet {
    fn workload_kind(&(): &()) -> Kind {
        Kind::StatefulSet
    }

    fn selector(&self) -> Result<Option<String>, ParseExpressionError> {
        self.spec.as_ref().map(|spec| as_text(&spec.selector)).transpose()
    }

    fn before(&self) -> Before {
        Before::of_stateful_set(self)
    }

    fn progress(&self, wanted: &Wanted) -> Progress {
        stateful_set(self, wanted)
    }

    fn newest<'a>(&'a self, _: &'a [ReplicaSet]) -> Option<&'a str> {
        newest_revision(self)
    }

    fn waits_for<'p>(&self, pods: &'p [Pod], newest: &str) -> Vec<&'p Pod> {
        waits_for(self, pods, newest)
    }

    fn unfit(&self, may_delete_volumes: bool) -> Vec<Unfit> {
        unfit(self, may_delete_volumes)
    }
}
