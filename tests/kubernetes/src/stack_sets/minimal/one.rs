//! One StackSet, as it was found with all that belongs to it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};

use crate::stack_sets::minimal::made;
use crate::stack_sets::minimal::traffic::{Candidate, Weights, switched, whole};
use crate::stack_sets::{Stack, StackSet, StackStatus};

/// How long Stacks without traffic keep their replicas unless their StackSet says something else.
const SCALED_DOWN_AFTER: i64 = 300;

pub(super) struct One<'a> {
    client: &'a Client,
    set: StackSet,
    stacks: Vec<Owned<'a>>,
}

/// A Stack with what was made of it.
struct Owned<'a> {
    stack: Stack,
    deployment: Option<&'a Deployment>,
    autoscaler: Option<&'a HorizontalPodAutoscaler>,
}

impl<'a> One<'a> {
    pub(super) fn new(
        client: &'a Client,
        set: StackSet,
        stacks: &[Stack],
        deployments: &'a [Deployment],
        autoscalers: &'a [HorizontalPodAutoscaler],
    ) -> Self {
        let owned = |stack: &Stack| Owned {
            deployment: deployments.iter().find(|one| is_owned(stack, *one)),
            autoscaler: autoscalers.iter().find(|one| is_owned(stack, *one)),
            stack: stack.clone(),
        };
        let stacks = stacks.iter().filter(|stack| is_owned(&set, *stack)).map(owned).collect();
        Self { client, set, stacks }
    }

    /// Does what there is to do, and answers with what could not be done.
    pub(super) async fn reconcile(mut self) -> Vec<String> {
        let mut failed = Vec::new();
        failed.extend(self.make_stack().await.err().map(|error| format!("could not make a Stack: {error}")));
        let candidates: Vec<Candidate> = self.stacks.iter().map(Owned::candidate).collect();
        let (desired, actual) = self.traffic(&candidates);
        for owned in &self.stacks {
            let done = self.reconcile_stack(owned, &desired, &actual).await;
            let told = |error| format!("could not do what Stack {} says: {error}", owned.stack.name_any());
            failed.extend(done.err().map(told));
        }
        failed.extend(self.tell(&desired, &actual).await.err().map(|error| format!("could not tell of it: {error}")));
        failed
    }

    /// The Stack of the newest version is made once.
    async fn make_stack(&mut self) -> kube::Result<()> {
        let (template, version) = (&self.set.spec.stack_template.spec, &self.set.spec.stack_template.spec.version);
        let name = format!("{}-{version}", self.set.name_any());
        let observed = self.set.status.clone().unwrap_or_default().observed_stack_version;
        if observed == *version || self.stacks.iter().any(|owned| owned.stack.name_any() == name) {
            return Ok(());
        }
        let mut stack = Stack::new(&name, template.stack.clone());
        stack.spec.external_ingress = self.set.spec.external_ingress.clone();
        for container in stack.spec.pod_template.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
            // The real one never leaves it out.
            container.resources.get_or_insert_default();
        }
        stack.metadata.owner_references = Some(self.set.owner_ref(&()).into_iter().collect());
        let mut labels = self.set.labels().clone();
        labels.extend(made::OF_PODS.map(str::to_owned).into_iter().zip([self.set.name_any(), version.clone()]));
        stack.metadata.labels = Some(labels);
        let made = self.api::<Stack>().create(&Default::default(), &stack).await?;
        self.stacks.push(Owned { stack: made, deployment: None, autoscaler: None });
        self.patch_status::<StackSet>(&self.set.name_any(), json!({ "observedStackVersion": version })).await
    }

    /// What shall be, and what is then.
    fn traffic(&self, candidates: &[Candidate]) -> (Weights, Weights) {
        if self.set.spec.external_ingress.is_none() {
            return (Weights::new(), Weights::new());
        }
        let said: Weights = self.set.spec.traffic.iter().map(|one| (one.stack_name.clone(), one.weight)).collect();
        let status = self.set.status.clone().unwrap_or_default();
        let had = status
            .traffic
            .iter()
            .filter_map(|one| Some((one["serviceName"].as_str()?.to_owned(), one["weight"].as_f64()?)));
        let (desired, actual) = (whole(&said, candidates), whole(&had.collect(), candidates));
        let actual = switched(&actual, &desired, candidates);
        (desired, actual)
    }

    async fn reconcile_stack(&self, owned: &Owned<'_>, desired: &Weights, actual: &Weights) -> Result<(), String> {
        let Owned { stack, deployment, autoscaler } = owned;
        let weight = |of: &Weights| of.get(&stack.name_any()).copied().unwrap_or_default();
        let has_traffic = weight(desired) > 0.0 || weight(actual) > 0.0;
        let before = stack.status.clone().unwrap_or_default().no_traffic_since;
        let has_ingress = self.set.spec.external_ingress.is_some();
        let since = (!has_traffic && has_ingress).then(|| before.unwrap_or_else(|| Timestamp::now().to_string()));
        let is_scaled_down = since.as_deref().is_some_and(|since| self.is_over(since));
        let told = |error: kube::Error| error.to_string();

        let present = deployment.and_then(|one| one.spec.as_ref()?.replicas).unwrap_or_default();
        let replicas = made::replicas(stack, present, is_scaled_down);
        let wanted = made::deployment(stack, replicas, *deployment);
        let is_right = deployment.is_some_and(|one| made::is_of(stack, one)) && replicas == present;
        self.put(deployment.is_some(), is_right, &wanted).await.map_err(told)?;

        match stack.spec.autoscaler.as_ref().filter(|_| !is_scaled_down) {
            Some(of) => {
                let wanted = made::autoscaler(stack, of, *autoscaler)?;
                // A minimum that is another one is seen, and a maximum is not.
                let least = |one: &HorizontalPodAutoscaler| one.spec.min_replicas.unwrap_or(1);
                let is_same = |one: &&HorizontalPodAutoscaler| made::is_of(stack, *one) && least(one) == least(&wanted);
                self.put(autoscaler.is_some(), autoscaler.as_ref().is_some_and(is_same), &wanted)
                    .await
                    .map_err(told)?;
            }
            None if autoscaler.is_some() => {
                let autoscalers = self.api::<HorizontalPodAutoscaler>();
                autoscalers.delete(&stack.name_any(), &Default::default()).await.map_err(told)?;
            }
            None => {}
        }

        let status = owned.status(weight(desired), weight(actual), since);
        if stack.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let mut whole = json!(status);
        // What is not said any more is taken away.
        whole["noTrafficSince"] = json!(status.no_traffic_since);
        self.patch_status::<Stack>(&stack.name_any(), whole).await.map_err(told)
    }

    /// Says on the StackSet itself which Stacks shall have traffic, and which have it.
    async fn tell(&self, desired: &Weights, actual: &Weights) -> kube::Result<()> {
        let named = |key: &str, weights: &Weights| -> Vec<Value> {
            let some = weights.iter().filter(|(_, weight)| **weight > 0.0);
            some.map(|(name, weight)| json!({ key: name, "weight": weight })).collect()
        };
        let traffic = named("stackName", desired);
        if json!(self.set.spec.traffic) != json!(traffic) && !traffic.is_empty() {
            let patch = Patch::Merge(json!({ "spec": { "traffic": traffic } }));
            self.api::<StackSet>().patch(&self.set.name_any(), &PatchParams::default(), &patch).await?;
        }
        let traffic = named("serviceName", actual);
        let status = json!({
            "stacks": self.stacks.len(), "stacksWithTraffic": traffic.len(), "traffic": traffic,
        });
        let present = json!(self.set.status);
        let is_told = status.as_object().is_some_and(|all| all.iter().all(|(key, value)| present[key] == *value));
        if is_told { Ok(()) } else { self.patch_status::<StackSet>(&self.set.name_any(), status).await }
    }

    fn is_over(&self, since: &str) -> bool {
        let ttl = self.set.spec.stack_lifecycle.scaledown_ttl_seconds.unwrap_or(SCALED_DOWN_AFTER);
        let ttl = Duration::from_secs(ttl.unsigned_abs());
        since.parse::<Timestamp>().is_ok_and(|since| {
            Duration::try_from(Timestamp::now().duration_since(since)).is_ok_and(|passed| passed > ttl)
        })
    }

    /// Makes an object, or makes it what it shall be.
    async fn put<K>(&self, is_there: bool, is_right: bool, wanted: &K) -> kube::Result<()>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned
            + serde::Serialize,
    {
        let objects = self.api::<K>();
        match (is_there, is_right) {
            (true, true) => Ok(()),
            (true, false) => objects.replace(&wanted.name_any(), &Default::default(), wanted).await.map(drop),
            (false, _) => objects.create(&Default::default(), wanted).await.map(drop),
        }
    }

    async fn patch_status<K>(&self, name: &str, status: Value) -> kube::Result<()>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
    {
        let patch = Patch::Merge(json!({ "status": status }));
        self.api::<K>().patch_status(name, &PatchParams::default(), &patch).await.map(drop)
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.set.namespace().unwrap_or_default())
    }
}

impl Owned<'_> {
    fn candidate(&self) -> Candidate {
        let deployment = self.deployment.filter(|one| made::is_of(&self.stack, *one));
        let is_ready = deployment.is_some_and(|one| {
            let (spec, status) = (one.spec.clone().unwrap_or_default(), one.status.clone().unwrap_or_default());
            let wanted = spec.replicas.unwrap_or_default();
            let [ready, updated] = [status.ready_replicas, status.updated_replicas].map(Option::unwrap_or_default);
            status.observed_generation == one.metadata.generation && wanted > 0 && ready >= wanted && updated >= wanted
        });
        let made = self.stack.creation_timestamp().map(|time| time.0.to_string()).unwrap_or_default();
        Candidate { name: self.stack.name_any(), made, is_ready }
    }

    fn status(&self, desired: f64, actual: f64, no_traffic_since: Option<String>) -> StackStatus {
        let status = self.deployment.and_then(|one| one.status.clone()).unwrap_or_default();
        let labels = self.stack.labels().iter().filter(|(key, _)| made::OF_PODS.contains(&key.as_str()));
        StackStatus {
            actual_traffic_weight: actual,
            desired_traffic_weight: desired,
            desired_replicas: self.deployment.and_then(|one| one.spec.as_ref()?.replicas).unwrap_or_default(),
            replicas: status.replicas.unwrap_or_default(),
            ready_replicas: status.ready_replicas.unwrap_or_default(),
            updated_replicas: status.updated_replicas.unwrap_or_default(),
            no_traffic_since,
            label_selector: labels.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(","),
        }
    }
}

/// True for what another object owns.
fn is_owned(owner: &impl ResourceExt, one: &impl ResourceExt) -> bool {
    one.owner_references().iter().any(|reference| Some(&reference.uid) == owner.uid().as_ref())
}
