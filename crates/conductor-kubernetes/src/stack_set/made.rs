//! What is made of a Stack, where somebody has made something else of it.
//!
//! Its controller carries a Stack to its Deployment once, and never looks at pods of the Deployment again: an image that
//! somebody sets there stays until the Stack is changed. Without the mark of what it was made of it is made anew.

use std::fmt;

use conductor_core::ports::{FailureKind, PortError};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::answer::attempt;
use crate::autoscaler::{Autoscaler, ByTarget};
use crate::drift::{Writer, bounds_writer, field_writer};
use crate::environment::KubernetesEnvironment;
use crate::error::failed;
use crate::field::{Field, Fields, Owned};
use crate::named::Named;
use crate::object::Object;
use crate::place::{Place, STACK};
use crate::stack_set::carried::GENERATION;
use crate::stack_set::{Stack, is_carried};
use crate::unfit::Unfit;
use crate::write::{FIELD_MANAGER, is_moved};

/// How often what is made is looked at anew because it changed between a look and the write.
const LOOKS: u32 = 6;
/// Whose writes are no drift, by how they call themselves: they follow what others say, which is told of those.
const CONTROLLERS: [&str; 2] = ["stackset-controller", "kube-controller-manager"];

/// A field of a Deployment that is not as its Stack says.
#[derive(Debug)]
pub(crate) struct Other {
    /// As a drift names it.
    pub(crate) field: String,
    pub(crate) said: String,
    pub(crate) found: String,
    pub(crate) by: Writer,
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, said, found, by } = self;
        write!(f, "{field} is {found}, not {said}, by {by}")
    }
}

/// True for whom no drift is told of.
pub(crate) fn is_controller(by: &Writer) -> bool {
    CONTROLLERS.contains(&by.manager.as_str())
}

/// True for what is made of a Stack.
pub(crate) fn is_of_stack(meta: &ObjectMeta) -> bool {
    meta.owner_references.iter().flatten().any(|owner| owner.kind == STACK)
}

/// What others have made of a Deployment other than its Stack says. What nobody is known to have written does not count:
/// an admission webhook may have changed what the controller wrote.
pub(crate) fn unlike(said: &Owned, made: &Owned, managed: &[ManagedFieldsEntry]) -> Vec<Other> {
    let said = said.fields();
    let others = made.fields().into_iter().filter(|(field, value)| said.get(field) != Some(value));
    let others = others.filter_map(|(field, value)| {
        let called =
            if let Field::Image { container } = &field { format!("version of {container}") } else { field.to_string() };
        let by = field_writer(managed, &called).filter(|by| !is_controller(by))?;
        let said = said.get(&field).map_or_else(|| "absent".to_owned(), ToString::to_string);
        Some(Other { field: called, said, found: value.to_string(), by })
    });
    others.collect()
}

/// True where a Deployment has other images or resources than its Stack says, once that has been carried to it.
pub(crate) fn has_other_pods(stack: &Stack, meta: &ObjectMeta, made: &Owned) -> bool {
    let said = stack.fields().ok().filter(|_| is_carried(meta, generation(stack)));
    said.is_some_and(|said| (&said.owned.images, &said.owned.resources) != (&made.images, &made.resources))
}

/// What others have made of the pods of a Deployment other than its Stack says, once that has been carried to it.
fn other_pods(stack: &Stack, made: &Deployment) -> Vec<Other> {
    let (Ok(said), Ok(fields)) = (stack.fields(), made.fields()) else { return Vec::new() };
    if !has_other_pods(stack, &made.metadata, &fields) {
        return Vec::new();
    }
    let said = Owned { replicas: fields.replicas, ..said.owned };
    unlike(&said, &fields, made.metadata.managed_fields.as_deref().unwrap_or_default())
}

/// True for an autoscaler that has other bounds than its Stack says, once that has been carried to it, and not by its
/// controller, which may scale in advance.
fn has_other_bounds(stack: &Stack, made: &HorizontalPodAutoscaler) -> bool {
    let said = stack.fields().ok().and_then(|fields| fields.bounds());
    let is_own = || {
        bounds_writer(made.metadata.managed_fields.as_deref().unwrap_or_default()).is_some_and(|by| is_controller(&by))
    };
    is_carried(&made.metadata, generation(stack)) && said != made.fields().ok() && !is_own()
}

fn generation(stack: &Stack) -> i64 {
    stack.metadata.generation.unwrap_or_default()
}

/// The autoscalers of the Deployment of a Stack, but for the Stack's own.
pub(crate) fn others<'a>(made: &Place, targets: &'a ByTarget, is_autoscaled: bool) -> Vec<&'a Autoscaler> {
    let is_own =
        |one: &Autoscaler| is_autoscaled && matches!(one, Autoscaler::Horizontal(_)) && one.name() == made.name;
    targets.get(made).into_iter().flatten().filter(|one| !is_own(one)).collect()
}

impl KubernetesEnvironment {
    /// Why the first change of a Stack would change more than is put back. A list does not tell who has written what.
    pub(crate) async fn unlike(&self, stack: &Stack) -> Result<Option<Unfit>, PortError> {
        if !stack.has_other_pods() {
            return Ok(None);
        }
        let Place { namespace, name: deployment, .. } = stack.deployment();
        let others = match self.reader.get_in::<Deployment>(&namespace, &deployment).await {
            Ok(made) => other_pods(stack, &made),
            Err(error) if error.kind == FailureKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let others: Vec<String> = others.iter().map(ToString::to_string).collect();
        let others = others.join(", ");
        Ok((!others.is_empty()).then_some(Unfit::UnlikeStack { deployment, others }))
    }

    /// Refuses to hold a Stack that others scale as well: whoever has made that has to take it away.
    pub(crate) async fn refuse_others(&self, place: &Place, stack: &Stack) -> Result<(), PortError> {
        let targets = self.listed_autoscalers(&place.namespace).await?;
        match others(&stack.deployment(), &targets, stack.is_autoscaled()).first() {
            None => Ok(()),
            Some(one) => {
                let unfit = Unfit::ScaledBeside(one.called());
                Err(PortError::new(FailureKind::Rejected, format!("{place}: {unfit}")))
            }
        }
    }

    /// Lets the Deployment of a Stack be made anew where somebody has made other pods of it.
    pub(crate) async fn pods_anew(&self, stack: &Stack) -> Result<Deployment, PortError> {
        self.anew(stack, |made| other_pods(stack, made).is_empty()).await
    }

    /// The same with the bounds of its autoscaler.
    pub(crate) async fn bounds_anew(&self, stack: &Stack) -> Result<(), PortError> {
        let made = self.anew(stack, |made: &HorizontalPodAutoscaler| !has_other_bounds(stack, made)).await;
        match made {
            // Its controller makes it.
            Err(error) if error.kind == FailureKind::NotFound => Ok(()),
            made => made.map(drop),
        }
    }

    /// Takes the mark of what it was made of from what is made of a Stack, unless it is right.
    async fn anew<K: Object<DynamicType = ()>>(
        &self,
        stack: &Stack,
        is_right: impl Fn(&K) -> bool,
    ) -> Result<K, PortError> {
        let Place { namespace, name, .. } = stack.deployment();
        let named = Named::<K>::new(&namespace, &name);
        let act = format!("could not let {named} be made anew");
        let objects = named.api(&self.client);
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let path = format!("/metadata/annotations/{}", GENERATION.replace('/', "~1"));
        for _ in 0..LOOKS {
            let found: K = self.reader.get_in(&namespace, &name).await?;
            if is_right(&found) {
                return Ok(found);
            }
            let patch: json_patch::Patch = serde_json::from_value(json!([
                { "op": "test", "path": "/metadata/resourceVersion", "value": found.meta().resource_version },
                { "op": "remove", "path": path },
            ]))
            .map_err(|error| PortError::because(FailureKind::Rejected, &act, error))?;
            let patch = Patch::Json::<()>(patch);
            match attempt(&act, || objects.patch(&name, &params, &patch)).await? {
                Ok(written) => return Ok(written),
                Err(error) if is_moved(&error) => {}
                Err(error) => return Err(failed(act, error)),
            }
        }
        Err(PortError::new(FailureKind::Unavailable, format!("{act}: it changed at each of {LOOKS} attempts")))
    }
}
