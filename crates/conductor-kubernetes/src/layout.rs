//! On which nodes load generators, mocks and applications under test run, and whether the nodes that are kept for load are.

mod pods;
mod pool;

use std::collections::BTreeSet;

use async_trait::async_trait;
use conductor_core::app::ApplicationId;
use conductor_core::failure::Failure;
use conductor_core::layout::LayoutSight;
use conductor_core::ports::{FailureKind, Layout, PortError};
use futures::stream::iter;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};

use self::pods::{Found, Side, Sides, Whose};
use crate::environment::KubernetesEnvironment;
use crate::place::{Kind, Place};
use crate::scalable::Scalable;
use crate::workload::Workload;

/// How many namespaces are read at once.
const AT_ONCE: usize = 8;

#[async_trait]
impl Layout for KubernetesEnvironment {
    async fn look(
        &self,
        under_test: &[ApplicationId],
        beside: &[ApplicationId],
    ) -> Result<Option<LayoutSight>, PortError> {
        let beside = self.own_beside(beside);
        let tested: Vec<ApplicationId> = self.own(under_test.iter().filter(|name| !beside.contains(name)));
        let settings = self.settings.layout.clone().unwrap_or_default();
        if (beside.is_empty() && settings.pods.is_empty()) || tested.is_empty() {
            return Ok(None);
        }
        match Box::pin(self.sides(&tested, &beside)).await {
            Ok(Sides { load, tested }) => {
                let sight = LayoutSight::of(&load, &tested);
                let pool = if settings.pool.is_empty() {
                    Vec::new()
                } else {
                    match self.reader.list::<Node>().await {
                        Ok(nodes) => pool::troubles(&settings.pool, &nodes, &load, &tested),
                        Err(error) => {
                            vec![unseen(error, "; whether the load pool is as it should be is not looked at")?]
                        }
                    }
                };
                Ok(Some(LayoutSight { pool, ..sight }))
            }
            Err(error) => Ok(Some(LayoutSight::unread(unseen(error, "")?))),
        }
    }
}

/// What may not be read is told; anything else may be tried again.
fn unseen(error: PortError, what: &str) -> Result<String, PortError> {
    if error.kind == FailureKind::Rejected {
        Ok(format!("{}{what}", Failure::of("", &error).message))
    } else {
        Err(error)
    }
}

impl KubernetesEnvironment {
    /// Those of these applications that are in the cluster.
    fn own<'a>(&self, applications: impl Iterator<Item = &'a ApplicationId>) -> Vec<ApplicationId> {
        applications.filter(|application| self.places.contains_key(*application)).cloned().collect()
    }

    /// Those of these applications that are in the cluster, and all that no load test has in scope, but for those that are said
    /// to be neither load generators nor mocks.
    fn own_beside(&self, beside: &[ApplicationId]) -> Vec<ApplicationId> {
        let support = self.settings.applications.iter().filter(|application| application.support);
        let all: BTreeSet<&ApplicationId> = support.map(|application| &application.name).chain(beside).collect();
        let except = self.settings.layout.iter().flat_map(|layout| &layout.except).collect::<BTreeSet<_>>();
        self.own(all.into_iter().filter(|application| !except.contains(application)))
    }

    /// The pods of both sides that have a node: each namespace is listed once.
    async fn sides(&self, tested: &[ApplicationId], beside: &[ApplicationId]) -> Result<Sides, PortError> {
        let mut whose = Whose { named: self.settings.layout.clone().unwrap_or_default().pods, ..Whose::default() };
        for (applications, places) in [(tested, &mut whose.tested), (beside, &mut whose.load)] {
            *places = Box::pin(self.runners(applications)).await?;
        }
        let mut found = Vec::new();
        for (applications, side) in [(tested, Side::Tested), (beside, Side::Load)] {
            found.extend(Box::pin(self.pods_of_scalables(applications, side)).await?);
        }
        whose.known = found.iter().map(|one| one.placed.pod.clone()).collect();
        let own = tested.iter().chain(beside).filter_map(|application| self.places.get(application));
        let named = whose.named.iter().map(|named| named.namespace.as_str());
        let namespaces: BTreeSet<&str> = own.map(|place| place.namespace.as_str()).chain(named).collect();
        let list = |namespace| self.reader.kept_in(namespace, None, |pod: &Pod| whose.found(pod));
        let mut lists = iter(namespaces.into_iter().map(list).collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        while let Some(list) = lists.try_next().await? {
            found.extend(list);
        }
        Ok(found.into_iter().collect())
    }

    /// What the pods of applications are controlled by, through ReplicaSets: a StackSet has a Deployment for each of its Stacks.
    async fn runners(&self, applications: &[ApplicationId]) -> Result<BTreeSet<Place>, PortError> {
        let mut runners = BTreeSet::new();
        for application in applications {
            runners.insert(self.place(application)?.clone());
        }
        for stack in self.stacks(applications).await?.into_values().flatten() {
            runners.insert(stack.deployment());
        }
        Ok(runners)
    }

    /// The pods of those applications that are of custom kinds, by their labels: what controls these pods may be anything.
    async fn pods_of_scalables(&self, applications: &[ApplicationId], side: Side) -> Result<Vec<Found>, PortError> {
        let mut found = Vec::new();
        for kind in self.scalables(applications).await? {
            let own = kind.kind.workload_kind();
            let wanted: BTreeSet<&Place> = applications.iter().filter_map(|name| self.places.get(name)).collect();
            let labels = |one: Scalable| {
                let place = Some(one.place(&kind.kind)).filter(|place| wanted.contains(place))?;
                Some((place.namespace, one.selector().ok().flatten()?))
            };
            let all = self.list::<Scalable, _>(applications, &kind.kind, |of: &Kind| *of == own, labels).await?;
            for (namespace, labels) in all {
                let keep = |pod: &Pod| pods::placed(pod).map(|placed| Found { side, placed });
                found.extend(self.reader.kept_in(&namespace, Some(&labels), keep).await?);
            }
        }
        Ok(found)
    }
}
