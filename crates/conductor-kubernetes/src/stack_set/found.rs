//! How the Stacks of applications are found: by the names of their StackSets, at each look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use conductor_core::app::{ApplicationId, Bounds};
use conductor_core::ports::{FailureKind, PortError, Way};
use k8s_openapi::api::apps::v1::Deployment;

use crate::environment::KubernetesEnvironment;
use crate::freeze::{Resource, Target};
use crate::look::Found;
use crate::marker::Marker;
use crate::object::{Object, marker};
use crate::place::{Kind, Place};
use crate::production::workload::is_owned;
use crate::reader::Reader;
use crate::stack_set::choice::{chosen, unfit};
use crate::stack_set::{Stack, has_other_pods, is_of_stack};

/// Stacks by where their applications are.
pub(crate) type ByStackSet = BTreeMap<Place, Vec<Stack>>;

impl KubernetesEnvironment {
    /// The Stacks of those applications that are StackSets, each with the replicas that its Deployment wants; none where the
    /// cluster does not know them.
    pub(crate) async fn stacks(&self, applications: &[ApplicationId]) -> Result<ByStackSet, PortError> {
        let mut places = BTreeSet::new();
        for application in applications {
            places.extend(Some(self.place(application)?).filter(|place| place.kind == Kind::StackSet));
        }
        if places.is_empty() || !self.known.knows::<Stack>(&self.reader).await? {
            return Ok(ByStackSet::new());
        }
        let is_stack_set = |kind: &Kind| *kind == Kind::StackSet;
        let (mut stacks, deployments) = futures::try_join!(
            self.list::<Stack, _>(applications, &(), is_stack_set, Some),
            self.list::<Deployment, _>(applications, &(), is_stack_set, |one| {
                let fields = one.fields().ok().filter(|_| is_of_stack(&one.metadata))?;
                Some((one.metadata, fields))
            })
        )?;
        for stack in &mut stacks {
            let own = deployments.iter().find(|(meta, _)| is_owned(stack, meta));
            if let Some((meta, made)) = own {
                stack.has_made(made.replicas, has_other_pods(stack, meta, made));
            }
        }
        Ok(by_stack_set(stacks, &places))
    }

    /// The Stacks of these applications, as workloads.
    pub(crate) async fn found_stacks(
        &self,
        applications: &[ApplicationId],
    ) -> Result<BTreeMap<ApplicationId, Found>, PortError> {
        let stacks = self.stacks(applications).await?;
        let mut found = BTreeMap::new();
        for application in applications {
            let place = self.place(application)?;
            let Some(all) = stacks.get(place) else { continue };
            if let Some(stack) = chosen(all, self.written_stack(place).as_deref()) {
                let mut of = self.found_stack(place, stack)?;
                of.unfit.extend(unfit(all));
                of.unfit.extend(self.unlike(stack).await?);
                found.insert(application.clone(), of);
            }
        }
        Ok(found)
    }

    fn found_stack(&self, place: &Place, stack: &Stack) -> Result<Found, PortError> {
        let unreadable = |error| {
            let act = format!("could not read Stack {} of {place}", stack.name());
            PortError::because(FailureKind::Rejected, act, error)
        };
        let fields = stack.fields().map_err(unreadable)?;
        let bounds = fields.bounds();
        let mut owned = fields.owned;
        if let Some(bounds) = bounds.filter(|_| !stack.has_traffic()) {
            // Its controller has scaled it to none, and will not look at bounds before it gets traffic.
            owned.replicas = bounds.nearest(owned.replicas);
        }
        let of_bounds = || marker(stack).ok().flatten().and_then(|marker| marker.of_bounds());
        Ok(Found {
            identity: stack.metadata.uid.clone(),
            owned,
            marker: marker(stack).map(|marker| marker.map(|marker| marker.of_workload())),
            bounds: bounds.map(|bounds: Bounds| -> (Bounds, Option<Marker<Bounds>>) { (bounds, of_bounds()) }),
            unfit: Vec::new(),
            kept: stack.kept(place),
            made: Some(stack.deployment()),
        })
    }

    /// The Stack of a StackSet that a run changes, or puts back.
    pub(crate) async fn stack(&self, place: &Place, way: Way) -> Result<Stack, PortError> {
        let list = || self.reader.list_in::<Stack>(&place.namespace);
        let listed = self.listed_stacks.ask(&place.namespace, list).await?;
        let its: Vec<Stack> = listed.iter().filter(|stack| stack.place().as_ref() == Some(place)).cloned().collect();
        let gone = || PortError::new(FailureKind::NotFound, format!("{place} has no Stack any more"));
        let stack = chosen(&its, self.written_stack(place).as_deref()).ok_or_else(gone)?;
        if way == Way::There {
            let refused = |why: String| PortError::new(FailureKind::Rejected, format!("{place}: {why}"));
            if let Some(unfit) = unfit(&its) {
                return Err(refused(unfit.to_string()));
            }
            if !stack.has_traffic() {
                return Err(refused(format!("its traffic has gone from Stack {} to another one", stack.name())));
            }
        }
        Ok(stack.clone())
    }

    /// What must not be changed of the Stacks of applications: they themselves, and what is made of them.
    pub(crate) async fn stack_targets(&self, applications: &[ApplicationId]) -> Result<Vec<Target>, PortError> {
        let mut targets = Vec::new();
        for (place, stacks) in self.stacks(applications).await? {
            let Some(stack) = chosen(&stacks, self.written_stack(&place).as_deref()) else { continue };
            let (namespace, name) = (&place.namespace, stack.name());
            targets.push(Target::new(Resource::Stacks, namespace, name));
            targets.extend(Target::of(&stack.deployment()));
            let autoscaler = || Target::new(Resource::HorizontalPodAutoscalers, namespace, name);
            targets.extend(stack.is_autoscaled().then(autoscaler));
        }
        Ok(targets)
    }

    /// The name of the Stack of a StackSet that this conductor has written to, or may have.
    pub(super) fn written_stack(&self, place: &Place) -> Option<String> {
        self.written_stacks.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    /// Notes that a Stack of a StackSet is written to.
    pub(crate) fn note_written_stack(&self, place: &Place, stack: &Stack) {
        let mut written = self.written_stacks.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(place.clone(), stack.name().to_owned());
    }
}

/// The Stacks of those of these places that are StackSets and in a namespace of a cluster; none where the cluster does not
/// know them.
pub(crate) async fn serving(
    reader: &Reader,
    namespace: &str,
    places: &BTreeSet<&Place>,
) -> Result<ByStackSet, PortError> {
    if places.iter().all(|place| place.kind != Kind::StackSet) || !reader.knows::<Stack>().await? {
        return Ok(ByStackSet::new());
    }
    Ok(by_stack_set(reader.list_in(namespace).await?, places))
}

fn by_stack_set(stacks: Vec<Stack>, places: &BTreeSet<&Place>) -> ByStackSet {
    let mut all = ByStackSet::new();
    for stack in stacks {
        if let Some(place) = stack.place().filter(|place| places.contains(place)) {
            all.entry(place).or_default().push(stack);
        }
    }
    all
}
