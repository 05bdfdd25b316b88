//! Giving a Stack other values, and waiting for what comes of it: of its Deployment, by the rules of Deployments.

use std::collections::BTreeSet;

use conductor_core::app::Allocation;
use conductor_core::ports::{FailureKind, PortError, Way};
use conductor_core::run::RunId;
use conductor_core::scale::ScaleStep;
use k8s_openapi::api::apps::v1::Deployment;

use crate::apply::{WaitFor, has_images_of_a_run};
use crate::change::Wish;
use crate::environment::KubernetesEnvironment;
use crate::field::{Field, UnreadableError};
use crate::follow::Following;
use crate::named::Named;
use crate::object::{Object, marker};
use crate::place::Place;
use crate::rollout::{Before, Wanted};
use crate::stack_set::{Stack, is_carried};

impl KubernetesEnvironment {
    /// Scales the Stack of a StackSet. Its bounds, its replicas and its resources are one write.
    pub(crate) async fn scale_stack(
        &self,
        place: &Place,
        run: &RunId,
        step: &ScaleStep,
        way: Way,
    ) -> Result<(), PortError> {
        let ScaleStep { from, to, .. } = step;
        let stack = self.stack(place, way).await?;
        let sized = Box::pin(self.size(&stack.deployment(), run, way, step.sets_resources())).await;
        let sized = match way {
            Way::There => {
                self.refuse_others(place, &stack).await?;
                Ok(sized?)
            }
            // What can be put back is, all the same.
            Way::Back => sized,
        };
        let live = stack.fields().map_err(|error| unreadable(&stack, error))?;
        // Without a marker nothing is known of what was absent, and everything is said.
        let original = marker(&stack).ok().flatten().map_or_else(|| live.clone(), |marker| marker.original);
        let is_pinned = to.autoscaling.is_none_or(|bounds| bounds.min == bounds.max);
        let mut wanted = Wanted { replicas: is_pinned.then_some(to.replicas), ..Wanted::default() };
        let ruled = || stack.is_autoscaled().then_some(Field::Replicas).into_iter().collect();
        match (way, to.autoscaling) {
            (Way::Back, Some(bounds)) => {
                self.note_bounds_back(place, bounds);
                wanted.bounds = Some(bounds);
                let put_back = self.put_replicas_back(&stack, run, &live, bounds, to.replicas).await;
                // What can be put back of the Stack is, all the same; its marker stays as long as its replicas are the run's.
                let present: Stack = self.reader.get_in(&place.namespace, stack.name()).await?;
                let live = present.fields().map_err(|error| unreadable(&stack, error))?;
                let opened = from.autoscaling.map(|before| before.around(bounds));
                let present = live.bounds().filter(|present| Some(*present) == opened).or(from.autoscaling);
                let from = Allocation { autoscaling: present, ..from.clone() };
                let mut changes = live.changes(&original, way, [&from, to]);
                changes.retain(|change| change.field != Field::Replicas);
                let (contested, wait) = match &put_back {
                    Ok(_) => (ruled(), WaitFor::ReplicasOfItsOwn),
                    Err(_) => (BTreeSet::new(), WaitFor::Nothing),
                };
                self.write_stack(place, &stack, run, &Wish { way, changes, contested }, wanted, wait).await?;
                put_back.map(drop).and(sized)
            }
            (Way::Back | Way::There, _) => {
                let wish = Wish { way, changes: live.changes(&original, way, [from, to]), contested: ruled() };
                let wait = if way == Way::Back { WaitFor::ReplicasOfItsOwn } else { WaitFor::Replicas };
                self.write_stack(place, &stack, run, &wish, wanted, wait).await.and(sized)
            }
        }
    }

    /// Changes the Stack of a StackSet and waits until it is so.
    pub(crate) async fn apply_to_stack(
        &self,
        place: &Place,
        run: &RunId,
        wish: &Wish,
        wanted: Wanted,
        wait: WaitFor,
    ) -> Result<(), PortError> {
        let stack = self.stack(place, wish.way).await?;
        let mut wish = wish.clone();
        if wish.way == Way::Back && self.has_own_replicas(&stack).await? {
            wish.contested.insert(Field::Replicas);
        }
        self.write_stack(place, &stack, run, &wish, wanted, wait).await
    }

    async fn write_stack(
        &self,
        place: &Place,
        stack: &Stack,
        run: &RunId,
        wish: &Wish,
        wanted: Wanted,
        wait: WaitFor,
    ) -> Result<(), PortError> {
        // Before the write, so that nothing of what comes of it is missed.
        let following = self.deployments.follow(&stack.deployment());
        let written = self.write_to_stack(place, stack, run, wish).await?;
        match wait {
            WaitFor::Nothing => Ok(()),
            WaitFor::ReplicasOfItsOwn if has_images_of_a_run(&*written) => Ok(()),
            // Its controller has it at none: whatever it says has an effect when it gets traffic again.
            WaitFor::ReplicasOfItsOwn | WaitFor::Replicas if wish.way == Way::Back && !written.has_traffic() => Ok(()),
            WaitFor::ReplicasOfItsOwn | WaitFor::Replicas => {
                self.settle_stack(place, &written, wish.way, wanted, following).await
            }
        }
    }

    /// One write to a Stack, and nothing more.
    pub(crate) async fn write_to_stack(
        &self,
        place: &Place,
        stack: &Stack,
        run: &RunId,
        wish: &Wish,
    ) -> Result<Box<Stack>, PortError> {
        self.note_written_stack(place, stack);
        self.writer.write(Named::of(&(), stack), &self.holder(run), wish).await
    }

    async fn settle_stack(
        &self,
        place: &Place,
        stack: &Stack,
        way: Way,
        mut wanted: Wanted,
        following: Following<Deployment>,
    ) -> Result<(), PortError> {
        let (its, generation) = (stack.deployment(), stack.metadata.generation.unwrap_or_default());
        let made = match way {
            Way::There => self.pods_anew(stack).await?,
            Way::Back => self.reader.get_in::<Deployment>(&its.namespace, &its.name).await?,
        };
        if !is_carried(&made.metadata, generation) {
            wanted.before = Before::carrying(&made);
        }
        wanted.generation_of_stack = Some(generation);
        let replicas = wanted.replicas.filter(|_| stack.is_autoscaled());
        if stack.is_autoscaled() {
            if way == Way::There {
                self.bounds_anew(stack).await?;
            }
            self.carried_to_autoscaler(stack).await?;
        }
        self.deployments
            .settle(&its, wanted, following, Box::new(made), &|readiness| self.tell(place, &readiness))
            .await?;
        match replicas {
            Some(replicas) => self.shown_by(stack, replicas).await,
            None => Ok(()),
        }
    }
}

pub(crate) fn unreadable(stack: &Stack, error: UnreadableError) -> PortError {
    PortError::because(FailureKind::Rejected, format!("could not read Stack {}", stack.name()), error)
}
