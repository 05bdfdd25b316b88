//! Giving the Deployment of an autoscaled Stack its replicas back. The controller of StackSets leaves them alone, and the
//! autoscaler leaves them where they are within its bounds: after a run they would stay as high as the run has had them.
//!
//! Nothing is marked on the Deployment, for the controller wipes what it does not know there. The marker of the Stack holds its
//! replicas, and stays until they are back.

use std::collections::BTreeSet;

use conductor_core::app::Bounds;
use conductor_core::ports::{FailureKind, PortError, Way};
use conductor_core::run::RunId;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::answer::attempt;
use crate::change::Wish;
use crate::environment::KubernetesEnvironment;
use crate::error::failed;
use crate::object::{is_marked, marker};
use crate::stack_set::Stack;
use crate::stack_set::fields::StackFields;
use crate::write::{FIELD_MANAGER, is_moved};

/// How often a Deployment is looked at anew because it changed between a look and the write.
const LOOKS: u32 = 6;

impl KubernetesEnvironment {
    /// Gives the Deployment of an autoscaled Stack its replicas back, before the Stack gets these bounds back.
    ///
    /// While they go back its autoscaler has bounds around what is and what shall be, and finds them where it may leave them.
    pub(crate) async fn put_replicas_back(
        &self,
        stack: &Stack,
        run: &RunId,
        live: &StackFields,
        bounds: Bounds,
        replicas: u32,
    ) -> Result<(), PortError> {
        // Without traffic its controller has it at none, whatever anybody writes.
        let Some(present) = live.bounds().filter(|_| stack.has_traffic()) else { return Ok(()) };
        if self.wanted_of(stack).await? == Some(replicas) && bounds.contain(replicas) && present == bounds {
            return Ok(());
        }
        let around = present.around(bounds);
        let place = stack.place().unwrap_or_else(|| stack.deployment());
        let mut carried = stack.clone();
        if around != present {
            // What holds the marker is a value that the run has given, if only for a moment.
            let way = if is_marked(stack) { Way::There } else { Way::Back };
            let changes = live.rebounded(live, Way::There, [present, around]);
            let wish = Wish { way, changes, contested: BTreeSet::new() };
            carried = *self.write_to_stack(&place, stack, run, &wish).await?;
        }
        self.carried_to_autoscaler(&carried).await?;
        self.scale_deployment(stack, replicas).await
    }

    /// True for an autoscaled Stack whose Deployment has the replicas that it had before a run.
    pub(crate) async fn has_own_replicas(&self, stack: &Stack) -> Result<bool, PortError> {
        let Some(marker) = marker(stack).ok().flatten().filter(|_| stack.is_autoscaled()) else {
            return Ok(stack.is_autoscaled());
        };
        Ok(self.wanted_of(stack).await? == Some(marker.original.owned.replicas) || !stack.has_traffic())
    }

    /// The replicas that the Deployment of a Stack wants.
    async fn wanted_of(&self, stack: &Stack) -> Result<Option<u32>, PortError> {
        let made = self.made_of(stack).await?;
        Ok(made.spec.and_then(|spec| spec.replicas).and_then(|replicas| u32::try_from(replicas).ok()))
    }

    /// The Deployment of a Stack. Where somebody has deleted it, its controller makes it anew.
    async fn made_of(&self, stack: &Stack) -> Result<Deployment, PortError> {
        let its = stack.deployment();
        match self.reader.get_in(&its.namespace, &its.name).await {
            Err(error) if error.kind == FailureKind::NotFound => {
                let text = format!("{its} is gone; it is waited for until its controller has made it anew");
                Err(PortError::new(FailureKind::Unavailable, text))
            }
            found => found,
        }
    }

    async fn scale_deployment(&self, stack: &Stack, replicas: u32) -> Result<(), PortError> {
        let its = stack.deployment();
        let act = format!("could not give {its} its replicas back");
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &its.namespace);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let mut moved = None;
        for _ in 0..LOOKS {
            let found = self.made_of(stack).await?;
            let present = found.spec.as_ref().and_then(|spec| spec.replicas);
            if present.is_some_and(|present| u32::try_from(present) == Ok(replicas)) {
                return Ok(());
            }
            // Of a conductor that is dead it comes too late: another one has written to it since.
            let patch: json_patch::Patch = serde_json::from_value(json!([
                { "op": "test", "path": "/metadata/uid", "value": found.metadata.uid },
                { "op": "test", "path": "/metadata/generation", "value": found.metadata.generation },
                { "op": "replace", "path": "/spec/replicas", "value": replicas },
            ]))
            .map_err(|error| PortError::because(FailureKind::Rejected, &act, error))?;
            let patch = Patch::Json::<()>(patch);
            match attempt(&act, || deployments.patch(&its.name, &params, &patch)).await? {
                Ok(_) => return Ok(()),
                Err(error) if is_moved(&error) => moved = Some(error),
                Err(error) => return Err(failed(&act, error)),
            }
        }
        let why = moved.map(|error| error.to_string()).unwrap_or_default();
        let act = format!("{act}: it changed at each of {LOOKS} attempts");
        Err(PortError::because(FailureKind::Unavailable, act, why))
    }
}
