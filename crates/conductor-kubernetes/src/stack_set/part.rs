//! Letting go of Stacks at the end of a run's way back.

use std::collections::BTreeSet;

use conductor_core::app::ApplicationId;
use conductor_core::ports::{FailureKind, PortError};
use conductor_core::run::RunId;

use crate::environment::KubernetesEnvironment;
use crate::field::Field;
use crate::object::{Object, marker};
use crate::stack_set::Stack;
use crate::stack_set::choice::chosen;
use crate::stack_set::scale::unreadable;

impl KubernetesEnvironment {
    /// Lets go of the Stacks of applications: of all that the run has left something on, wherever their traffic is now.
    pub(crate) async fn part_stacks(
        &self,
        run: &RunId,
        applications: &[ApplicationId],
    ) -> Result<Vec<PortError>, PortError> {
        let (mut failures, mut parting, mut its) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (place, stacks) in self.stacks(applications).await? {
            let own = chosen(&stacks, self.written_stack(&place).as_deref());
            its.extend(own.and_then(|stack| stack.metadata.uid.clone()));
            for stack in stacks {
                match self.returned(run, &stack).await {
                    Ok(stack) => parting.push(stack),
                    // Nothing is left of what has gone meanwhile.
                    Err(error) if error.kind == FailureKind::NotFound => {}
                    Err(error) => failures.push(error),
                }
            }
        }
        let ruled = |stack: &Stack| stack.is_autoscaled().then_some(Field::Replicas).into_iter().collect();
        failures.extend(
            self.part(
                run,
                &(),
                parting,
                |stack| stack.metadata.uid.as_ref().is_some_and(|uid| its.contains(uid)),
                ruled,
            )
            .await,
        );
        Ok(failures)
    }

    /// A Stack, once the replicas of its Deployment are back where the run has left something on it.
    async fn returned(&self, run: &RunId, stack: &Stack) -> Result<Stack, PortError> {
        let Some(marker) = marker(stack).ok().flatten().filter(|marker| marker.holder.run == *run) else {
            return Ok(stack.clone());
        };
        let live = stack.fields().map_err(|error| unreadable(stack, error))?;
        let Some(bounds) = marker.original.bounds() else { return Ok(stack.clone()) };
        let replicas = marker.original.owned.replicas;
        // What an autoscaler has chosen since its bounds are back is its own.
        let is_back = live.bounds() == Some(bounds);
        let is_of_the_run = || marker.applied.iter().any(|given| given.owned.replicas == live.owned.replicas);
        if is_back && !is_of_the_run() {
            return Ok(stack.clone());
        }
        self.put_replicas_back(stack, run, &live, bounds, replicas).await?;
        let its = stack.deployment();
        self.reader.get_in(&its.namespace, &its.name).await
    }
}
